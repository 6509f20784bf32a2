/**
 * All that this package runs of viem: the rest of viem here is types. It is loaded when challenges are read, so that a viem without it (version
 * 3 has these functions under other names) leaves everything else working.
 */
export { decodeAbiParameters, decodeFunctionData, encodeEventTopics } from 'viem'
