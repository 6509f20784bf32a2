import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import type { Hash, Hex } from 'viem'
import { fixed, reader, u32, uint } from '../bytes.js'
import { refuse } from '../errors.js'

/** A block of the rollup, by its place and its name. */
export type HeaderId = {
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

/** An operator's signature for its committee, over the statement that the control chain gave this number. */
export type AttestationShare = {
  readonly sequence: bigint
  /** As long as the chain's `Attestation` makes it: 65 bytes of ECDSA, 48 of BLS. */
  readonly signature: Hex
}

/**
 * The blocks that an operator has executed and stored, in one chain above the milestone that it knows. It rides in the
 * operator's vote extension of a control block. Lists that differ are no fault: a list says what is on a disk now.
 */
export type OperatorList = {
  /** The term in which it was made: lists of an ended term count in no sum. */
  readonly view: number
  /** Control height whose state it speaks from: an older list never replaces a newer one. */
  readonly atHeight: bigint
  /** The latest milestone that the operator has applied. */
  readonly base: HeaderId
  /** `hashes[i]` is the block at `base.height + 1 + i`. Empty says "nothing above base" and replaces an older list. */
  readonly hashes: readonly Hash[]
  readonly l1?: L1Mark | undefined
  /** Over the batch statement that is open. */
  readonly batch?: AttestationShare | undefined
  /** Over the change of turn that is open. */
  readonly turn?: AttestationShare | undefined
}

const version = 2
/** Bytes of a list without hashes, mark of L1 and signatures. */
const fixedLength = 1 + 4 + 8 + 8 + 32 + 1 + 1
const markLength = 8 + 32 + 8 + 32 + 32
/** What follows the hashes, by the bits of one byte. */
const parts = { l1: 1, batch: 2, turn: 4 } as const
/** Of every scheme there is: 65 bytes of ECDSA, 48 of BLS. */
const maxSignatureLength = 65
const shareLength = 8 + 1 + maxSignatureLength

/** Bytes of a list with so many hashes: what a control block grows by for each operator. */
export function listLength(hashes: number, l1 = false): number {
  return fixedLength + 32 * hashes + (l1 ? markLength : 0)
}

/** Bytes that a list of at most so many hashes never exceeds, with everything in it. */
export function maxListLength(window: number): number {
  return listLength(window, true) + 2 * shareLength
}

function shareBytes(field: string, share: AttestationShare | undefined): Uint8Array[] {
  if (share === undefined) return []
  const signature = hexToBytes(share.signature)
  if (signature === undefined || signature.length === 0 || signature.length > maxSignatureLength) {
    refuse('ENCODING_INVALID', `${field}.signature expected 1 … ${maxSignatureLength} bytes`, { field })
  }
  return [uint(`${field}.sequence`, share.sequence, 8), Uint8Array.of(signature.length), signature]
}

/**
 * A list as the bytes of a vote extension: big-endian, no field optional but the mark of L1 and the signatures.
 *
 * @throws ControlChainError `ENCODING_INVALID`
 *
 * @example
 * ```ts
 * import { decodeList, encodeList, listLength } from '@l2/control-chain'
 *
 * const hash = `0x${'11'.repeat(32)}` as const
 * const list = { view: 3, atHeight: 40n, base: { height: 7n, hash }, hashes: [hash, hash] }
 * const bytes = encodeList(list)
 * console.log(bytes.length === listLength(2), decodeList(bytes, 16)?.base.height) // true 7n
 * ```
 */
export function encodeList(list: OperatorList): Uint8Array {
  const { view, atHeight, base, hashes, l1 } = list
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
    uint('atHeight', atHeight, 8),
    uint('base.height', base.height, 8),
    fixed('base.hash', base.hash, 32),
    uint('hashes.length', BigInt(hashes.length), 1),
    ...hashes.map(hash => fixed('hashes', hash, 32)),
    Uint8Array.of((l1 ? parts.l1 : 0) | (list.batch ? parts.batch : 0) | (list.turn ? parts.turn : 0)),
    ...mark,
    ...shareBytes('batch', list.batch),
    ...shareBytes('turn', list.turn),
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
  if (count > window || bytes.length < listLength(count)) return undefined
  const flags = bytes[54 + 32 * count]!
  if (flags > (parts.l1 | parts.batch | parts.turn)) return undefined
  let end = listLength(count, (flags & parts.l1) !== 0)
  const signed: { batch?: AttestationShare; turn?: AttestationShare } = {}
  for (const part of ['batch', 'turn'] as const) {
    if ((flags & parts[part]) === 0) continue
    const length = bytes[end + 8] ?? 0
    const from = end + 9
    if (length === 0 || length > maxSignatureLength || bytes.length < from + length) return undefined
    signed[part] = {
      sequence: reader(bytes.subarray(end)).u64(),
      signature: bytesToHex(bytes.subarray(from, from + length)),
    }
    end = from + length
  }
  if (bytes.length !== end) return undefined
  const read = reader(bytes.subarray(1))
  const list = {
    view: read.u32(),
    atHeight: read.u64(),
    base: { height: read.u64(), hash: read.hash() },
    hashes: Array.from({ length: read.u8() }, () => read.hash()),
  }
  if ((read.u8() & parts.l1) === 0) return { ...list, ...signed }
  const l1 = {
    number: read.u64(),
    hash: read.hash(),
    timestamp: read.u64(),
    prevRandao: read.hash(),
    poolRoot: read.hash(),
  }
  return { ...list, l1, ...signed }
}

/** The block that a list names at a height: its base, one of its hashes, or nothing. */
export function entryAt(list: OperatorList, height: bigint): Hash | undefined {
  if (height === list.base.height) return list.base.hash
  const index = height - list.base.height - 1n
  return index < 0n || index >= BigInt(list.hashes.length) ? undefined : list.hashes[Number(index)]
}

/** Whether the chain that a list names has this block at its place. */
export function passesThrough(list: OperatorList, block: HeaderId): boolean {
  return entryAt(list, block.height) === block.hash
}
