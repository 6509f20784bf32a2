import { concatBytes } from '@l2/common'
import type { Hash } from 'viem'
import { fixed, reader, u32, uint } from '../bytes.js'

/** A block of the rollup, by its place and its name. */
export type BlockId = {
  readonly height: bigint
  /** Of the signed header: what the operators name, and what the control chain orders. */
  readonly hash: Hash
}

/** What an operator saw of L1, at a finalized block whose number is a multiple of 8. */
export type L1Mark = {
  readonly number: bigint
  readonly hash: Hash
  /** Of that block, seconds: the only clock that the fold has. */
  readonly timestamp: bigint
  /** Randomness of that block, from which epochs are seeded. */
  readonly prevRandao: Hash
  /** Running hash over what the pool was told up to that block: {@link poolRootOf}. */
  readonly poolRoot: Hash
}

/**
 * The blocks that an operator has executed and stored, in one chain above the milestone that it knows. It rides in the
 * operator's vote extension of a control block. Lists that differ are no fault: a list says what is on a disk now.
 */
export type OperatorList = {
  /** The term in which it was made: lists of an ended term count in no sum. */
  readonly view: number
  /** Control height whose state it speaks from: an older list never replaces a newer one. */
  readonly at: bigint
  /** The latest milestone that the operator has applied. */
  readonly base: BlockId
  /** `hashes[i]` is the block at `base.height + 1 + i`. Empty says "nothing above base" and replaces an older list. */
  readonly hashes: readonly Hash[]
  readonly l1?: L1Mark | undefined
}

const version = 2
/** Bytes of a list without hashes and without a mark of L1. */
const fixedLength = 1 + 4 + 8 + 8 + 32 + 1 + 1
const markLength = 8 + 32 + 8 + 32 + 32

/** Bytes of a list with so many hashes: what a control block grows by for each operator. */
export function listLength(hashes: number, l1 = false): number {
  return fixedLength + 32 * hashes + (l1 ? markLength : 0)
}

/**
 * A list as the bytes of a vote extension: big-endian, no field optional but the mark of L1.
 *
 * @throws ControlChainError `ENCODING_INVALID`
 *
 * @example
 * ```ts
 * import { decodeList, encodeList, listLength } from '@l2/control-chain'
 *
 * const hash = `0x${'11'.repeat(32)}` as const
 * const list = { view: 3, at: 40n, base: { height: 7n, hash }, hashes: [hash, hash] }
 * const bytes = encodeList(list)
 * console.log(bytes.length === listLength(2), decodeList(bytes, 16)?.base.height) // true 7n
 * ```
 */
export function encodeList(list: OperatorList): Uint8Array {
  const { view, at, base, hashes, l1 } = list
  const mark =
    l1 === undefined
      ? []
      : [
          uint('l1.number', l1.number, 8),
          fixed('l1.hash', l1.hash, 32),
          uint('l1.timestamp', l1.timestamp, 8),
          fixed('l1.prevRandao', l1.prevRandao, 32),
          fixed('l1.poolRoot', l1.poolRoot, 32),
        ]
  return concatBytes(
    Uint8Array.of(version),
    u32('view', view),
    uint('at', at, 8),
    uint('base.height', base.height, 8),
    fixed('base.hash', base.hash, 32),
    uint('hashes.length', BigInt(hashes.length), 1),
    ...hashes.map(hash => fixed('hashes', hash, 32)),
    Uint8Array.of(mark.length > 0 ? 1 : 0),
    ...mark,
  )
}

/**
 * Reads a list of at most `window` hashes. Bytes come from operators who may lie.
 *
 * @returns `undefined` for whatever {@link encodeList} does not make; never throws
 */
export function decodeList(bytes: Uint8Array, window: number): OperatorList | undefined {
  if (bytes.length < fixedLength || bytes[0] !== version) return undefined
  const count = bytes[53]!
  const marked = bytes[54 + 32 * count]
  if (count > window || (marked !== 0 && marked !== 1)) return undefined
  if (bytes.length !== listLength(count, marked === 1)) return undefined
  const read = reader(bytes.subarray(1))
  const list = {
    view: read.u32(),
    at: read.u64(),
    base: { height: read.u64(), hash: read.hash() },
    hashes: Array.from({ length: read.u8() }, () => read.hash()),
  }
  if (read.u8() === 0) return list
  const l1 = {
    number: read.u64(),
    hash: read.hash(),
    timestamp: read.u64(),
    prevRandao: read.hash(),
    poolRoot: read.hash(),
  }
  return { ...list, l1 }
}

/** The block that a list names at a height: its base, one of its hashes, or nothing. */
export function entryAt(list: OperatorList, height: bigint): Hash | undefined {
  if (height === list.base.height) return list.base.hash
  const index = height - list.base.height - 1n
  return index < 0n || index >= BigInt(list.hashes.length) ? undefined : list.hashes[Number(index)]
}

/** Whether the chain that a list names has this block at its place. */
export function passesThrough(list: OperatorList, block: BlockId): boolean {
  return entryAt(list, block.height) === block.hash
}
