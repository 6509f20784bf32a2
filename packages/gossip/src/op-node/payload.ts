import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import type { SealedBlock } from '@l2/sequencer-core/block'
import { type Hash, type Hex, keccak256, numberToHex, toRlp } from 'viem'
import { refuse } from '../errors.js'

/** What a block's header commits to and a sealed block does not carry: it comes of execution, so from an engine of one's own. */
export type BlockDetails = {
  /** 256 bytes. */
  readonly logsBloom: Hex
  readonly extraData: Hex
  /** From Isthmus on; `undefined` before. */
  readonly withdrawalsRoot: Hash | undefined
  /** 0 before Jovian, from it on the DA footprint. */
  readonly blobGasUsed: bigint
}

/** The forms of a block on op-node's topics from Ecotone on: the digit of the topic. */
export type OpPayloadVersion = 2 | 3

const emptyOmmers: Hash = '0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347'
const emptyTrie: Hash = '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421'
/** sha256 of nothing: OP chains have no requests. */
const noRequests: Hash = '0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

const quantity = (value: bigint): Hex => (value === 0n ? '0x' : numberToHex(value))

/** The hash of the block's header, which every field of it goes into. */
export function blockHashOf({ executed, attributes }: SealedBlock, details: BlockDetails, isIsthmus: boolean): Hash {
  const fields: Hex[] = [
    executed.parentHash,
    emptyOmmers,
    attributes.suggestedFeeRecipient,
    executed.stateRoot,
    executed.transactionsRoot,
    executed.receiptsRoot,
    details.logsBloom,
    '0x',
    quantity(executed.number),
    quantity(executed.gasLimit),
    quantity(executed.gasUsed),
    quantity(executed.timestamp),
    details.extraData,
    attributes.prevRandao,
    '0x0000000000000000',
    quantity(executed.baseFeePerGas),
    isIsthmus ? (details.withdrawalsRoot ?? '0x') : emptyTrie,
    quantity(details.blobGasUsed),
    '0x',
    attributes.parentBeaconBlockRoot ?? '0x',
    ...(isIsthmus ? [noRequests] : []),
  ]
  return keccak256(toRlp(fields))
}

function little(value: bigint | number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0, rest = BigInt(value); at < length; at++, rest >>= 8n) bytes[at] = Number(rest & 0xffn)
  return bytes
}

const bytesOf = (value: Hex): Uint8Array => hexToBytes(value) ?? new Uint8Array()

/**
 * A block as op-node gossips it: SSZ of the execution payload behind the parent beacon block root. Source: OP specs, "Rollup node P2P", block encoding V3 and V4.
 *
 * @throws GossipError `MESSAGE_INVALID` when block and details are not those of the hash that the block says: op-node would refuse it, and blame the sender
 */
export function encodeOpPayload(block: SealedBlock, details: BlockDetails, version: OpPayloadVersion): Uint8Array {
  const { executed, attributes } = block
  const isIsthmus = version === 3
  const hash = blockHashOf(block, details, isIsthmus)
  if (hash !== executed.hash.toLowerCase()) {
    refuse('MESSAGE_INVALID', `block ${executed.number} has the hash ${hash}, not ${executed.hash}`)
  }
  const extraData = bytesOf(details.extraData)
  const fixedLength = 528 + (isIsthmus ? 32 : 0)
  let at = 4 * executed.transactions.length
  const offsets = executed.transactions.map(({ length }) => {
    at += length
    return little(at - length, 4)
  })
  const transactionsAt = fixedLength + extraData.length
  return concatBytes(
    bytesOf(attributes.parentBeaconBlockRoot!),
    bytesOf(executed.parentHash),
    bytesOf(attributes.suggestedFeeRecipient),
    bytesOf(executed.stateRoot),
    bytesOf(executed.receiptsRoot),
    bytesOf(details.logsBloom),
    bytesOf(attributes.prevRandao),
    little(executed.number, 8),
    little(executed.gasLimit, 8),
    little(executed.gasUsed, 8),
    little(executed.timestamp, 8),
    little(fixedLength, 4),
    little(executed.baseFeePerGas, 32),
    bytesOf(executed.hash),
    little(transactionsAt, 4),
    // Withdrawals, of which there are none, begin where the transactions end.
    little(transactionsAt + at, 4),
    little(details.blobGasUsed, 8),
    little(0, 8),
    ...(isIsthmus ? [bytesOf(details.withdrawalsRoot!)] : []),
    extraData,
    ...offsets,
    ...executed.transactions,
  )
}

/** What is signed of a payload: op-node's own domain, which is zero, the chain, and the payload's hash. */
export function opPayloadDigest(payload: Uint8Array, chainId: bigint): Hash {
  const chain = bytesOf(numberToHex(chainId, { size: 32 }))
  return keccak256(concatBytes(new Uint8Array(32), chain, bytesOf(keccak256(bytesToHex(payload)))))
}
