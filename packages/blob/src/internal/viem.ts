/**
 * All that this package runs of viem: the rest of viem here is types. It is loaded when it is needed, so that a viem without it (version 3,
 * which makes wrappers of version 1 itself) leaves everything else working.
 */
export { serializeTransaction } from 'viem'
