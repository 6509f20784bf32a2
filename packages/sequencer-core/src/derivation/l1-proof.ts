import { hexToBytes } from '@l2/common'
import type { Address, Hash, Hex } from 'viem'
import { SequencerError } from '../errors.js'
import { orderedTrieRoot } from '../rlp/ordered-trie.js'
import { encodeRlp, type RlpValue } from '../rlp/rlp.js'
import { keccak, unhex } from './words.js'

/** A header as JSON-RPC answers it, of L1 or L2. Fields of later forks are absent before them. */
export type RpcHeader = {
  readonly hash: Hash
  readonly parentHash: Hash
  readonly sha3Uncles: Hash
  readonly miner: Address
  readonly stateRoot: Hash
  readonly transactionsRoot: Hash
  readonly receiptsRoot: Hash
  readonly logsBloom: Hex
  readonly difficulty?: Hex
  readonly number: Hex
  readonly gasLimit: Hex
  readonly gasUsed: Hex
  readonly timestamp: Hex
  readonly extraData: Hex
  readonly mixHash: Hash
  readonly nonce?: Hex
  readonly baseFeePerGas?: Hex
  readonly withdrawalsRoot?: Hash
  readonly blobGasUsed?: Hex
  readonly excessBlobGas?: Hex
  readonly parentBeaconBlockRoot?: Hash
  readonly requestsHash?: Hash
  readonly blockAccessListHash?: Hash
  readonly slotNumber?: Hex
}

/** A receipt as JSON-RPC answers it. */
export type RpcReceipt = {
  readonly transactionHash: Hash
  readonly type?: Hex
  readonly status?: Hex
  readonly root?: Hex
  readonly cumulativeGasUsed: Hex
  readonly logsBloom: Hex
  readonly logs: readonly RpcLog[]
  /** Of a deposit, on an L1 that is a rollup itself. */
  readonly depositNonce?: Hex
  readonly depositReceiptVersion?: Hex
}

/** A log as JSON-RPC answers it. */
export type RpcLog = {
  readonly address: Address
  readonly topics: readonly Hash[]
  readonly data: Hex
  readonly logIndex: Hex
  readonly removed?: boolean
}

/** What came with each fork, in the header's order. Source: EIP-1559, 4895, 4844, 4788, 7685, 7928, 7843. */
const laterFields = [
  ['baseFeePerGas', 'number'],
  ['withdrawalsRoot', 'hash'],
  ['blobGasUsed', 'number'],
  ['excessBlobGas', 'number'],
  ['parentBeaconBlockRoot', 'hash'],
  ['requestsHash', 'hash'],
  ['blockAccessListHash', 'hash'],
  ['slotNumber', 'number'],
] as const

/** An unsigned number of JSON-RPC: a sign would be lost in RLP. */
function quantity(value: Hex): bigint {
  if (/^0x[0-9a-fA-F]{1,64}$/.test(value)) return BigInt(value)
  throw new SequencerError('a header with a number that is none', {
    code: 'DERIVATION_INPUT_INVALID',
    details: { got: String(value).slice(0, 100) },
  })
}

/** The hash that a header's fields make. @throws SequencerError `DERIVATION_INPUT_INVALID` */
export function headerHash(header: RpcHeader): Hash {
  return keccak(encodeHeader(header))
}

/**
 * The RLP of a header, whose hash is the block's. RLP has places and no names, so each field must have the shape of its place, and none may be left out
 * before another: or the same bytes could be read as other fields.
 *
 * @throws SequencerError `DERIVATION_INPUT_INVALID`
 */
export function encodeHeader(header: RpcHeader): Uint8Array {
  const fields: RlpValue[] = [
    unhex(header.parentHash, 32),
    unhex(header.sha3Uncles, 32),
    unhex(header.miner, 20),
    unhex(header.stateRoot, 32),
    unhex(header.transactionsRoot, 32),
    unhex(header.receiptsRoot, 32),
    unhex(header.logsBloom, 256),
    quantity(header.difficulty ?? '0x0'),
    quantity(header.number),
    quantity(header.gasLimit),
    quantity(header.gasUsed),
    quantity(header.timestamp),
    unhex(header.extraData),
    unhex(header.mixHash, 32),
    unhex(header.nonce ?? '0x0000000000000000', 8),
  ]
  let missing: string | undefined
  for (const [field, kind] of laterFields) {
    const value = header[field] ?? undefined
    if (value === undefined) {
      missing ??= field
      continue
    }
    if (missing !== undefined) {
      throw new SequencerError(`a header with "${field}" and without "${missing}"`, {
        code: 'DERIVATION_INPUT_INVALID',
        details: { field, missing },
      })
    }
    fields.push(kind === 'number' ? quantity(value) : unhex(value, 32))
  }
  return encodeRlp(fields)
}

/** The root over receipts, in block order. */
export function receiptsRoot(receipts: readonly RpcReceipt[]): Hash {
  return orderedTrieRoot(
    receipts.map(receipt => {
      const type = Number(receipt.type ?? 0)
      const fields: RlpValue[] = [
        receipt.status === undefined ? unhex(receipt.root ?? '0x') : BigInt(receipt.status),
        BigInt(receipt.cumulativeGasUsed),
        unhex(receipt.logsBloom),
        receipt.logs.map(({ address, topics, data }) => [
          unhex(address),
          topics.map(topic => unhex(topic)),
          unhex(data),
        ]),
      ]
      for (const field of ['depositNonce', 'depositReceiptVersion'] as const) {
        const value = type === 0x7e ? receipt[field] : undefined
        if (value !== undefined && value !== null) fields.push(BigInt(value))
      }
      const payload = encodeRlp(fields)
      if (type === 0) return payload
      const typed = new Uint8Array(1 + payload.length)
      typed[0] = type
      typed.set(payload, 1)
      return typed
    }),
  )
}

/** Whether a header's bloom may hold this (an address or a topic): false is certain. Source: Ethereum yellow paper, 4.3.1. */
export function mayBeInBloom(bloom: Uint8Array, value: Hex): boolean {
  const hash = hexToBytes(keccak(unhex(value)))!
  for (const at of [0, 2, 4]) {
    const bit = ((hash[at]! << 8) | hash[at + 1]!) & 2047
    if ((bloom[255 - (bit >> 3)]! & (1 << (bit & 7))) === 0) return false
  }
  return true
}
