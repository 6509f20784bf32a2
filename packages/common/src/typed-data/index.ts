// What sequencers sign, as EIP-712: one list of fields for who signs, who judges and who brings it to L1.
import type { Hash } from 'viem'
import { hexToBytes } from '../bytes.js'

/**
 * What an elected sequencer signs for each block: bound to its place (chain, epoch, term, height), so that two different ones at one place
 * convict their signer, and a block signed at another place convicts nobody.
 */
export type SequencerHeader = {
  /** Election epoch. */
  readonly epochId: bigint
  /** Counter of re-selections inside the epoch, u32. */
  readonly term: number
  readonly height: bigint
  readonly parentHash: Hash
  readonly txRoot: Hash
  readonly stateRoot: Hash
  /** Seconds. */
  readonly timestamp: bigint
  readonly l1OriginNumber: bigint
  readonly l1OriginHash: Hash
  /** Entries of the L1 queue that the chain has carried up to and with this block. */
  readonly forcedUpTo: bigint
}

/** Fields of a {@link SequencerHeader}, in the order in which they are hashed. */
export const sequencerHeaderFields = [
  { name: 'epochId', type: 'uint64' },
  { name: 'term', type: 'uint32' },
  { name: 'height', type: 'uint64' },
  { name: 'parentHash', type: 'bytes32' },
  { name: 'txRoot', type: 'bytes32' },
  { name: 'stateRoot', type: 'bytes32' },
  { name: 'timestamp', type: 'uint64' },
  { name: 'l1OriginNumber', type: 'uint64' },
  { name: 'l1OriginHash', type: 'bytes32' },
  { name: 'forcedUpTo', type: 'uint64' },
] as const

/** Fields of a receipt for a place in a sequencer's order. */
export const receiptFields = [
  { name: 'txHash', type: 'bytes32' },
  { name: 'epochId', type: 'uint64' },
  { name: 'term', type: 'uint32' },
  { name: 'sequenceNo', type: 'uint64' },
  { name: 'notAfterHeight', type: 'uint64' },
] as const

/** Whether a value is one of an EIP-712 type: an unsigned integer within its bits, or bytes of its length. */
export function fitsType(value: unknown, type: string): boolean {
  const bits = Number(/^uint(\d+)$/.exec(type)?.[1])
  if (Number.isNaN(bits)) {
    const length = type === 'address' ? 20 : 32
    return typeof value === 'string' && hexToBytes(value)?.length === length
  }
  const number = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
  return typeof number === 'bigint' && number >= 0n && number >> BigInt(bits) === 0n
}
