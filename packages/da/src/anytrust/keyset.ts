import { bytesToHex, concatBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { DaError } from '../errors.js'
import { treeHash } from './tree.js'

type PointG1 = ReturnType<typeof bls12_381.G1.hashToCurve>

const keyBytes = 192
const signatureBytes = 96
/** Source: Nitro, `tree.BinSize`, beyond which a keyset has no hash. */
const maxKeysetBytes = 64 * 1024
const maxKeys = 64

/** A committee: who signs, and how many of them are assumed to be honest. */
export type AnyTrustKeyset = {
  /** As many of the committee as are assumed to be honest: a certificate lacks fewer signers than that. */
  readonly assumedHonest: number
  /** Public keys, 192 bytes each (BLS12-381 G2, not compressed), in the order of the signers' mask. */
  readonly keys: readonly Uint8Array[]
  /** 32 bytes: what certificates call the keyset. */
  readonly hash: Uint8Array
}

function invalid(reason: string): DaError {
  return new DaError(`invalid AnyTrust keyset: ${reason}`, { code: 'DA_OPTIONS_INVALID', details: { reason } })
}

/**
 * Reads a keyset as Nitro serialises it (`SetValidKeyset` of the sequencer inbox has these bytes), and checks what each key proves about itself:
 * without that one member could make up a key that signs for all.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 * @example
 * ```ts
 * import { parseAnyTrustKeyset } from '@l2/da/anytrust'
 *
 * const nobody = new Uint8Array(16)
 * console.log(parseAnyTrustKeyset(nobody).keys.length) // 0
 * ```
 */
export function parseAnyTrustKeyset(bytes: Uint8Array): AnyTrustKeyset {
  if (bytes.length < 16 || bytes.length > maxKeysetBytes) throw invalid(`${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const assumedHonest = view.getBigUint64(0)
  const count = view.getBigUint64(8)
  if (count > BigInt(maxKeys)) throw invalid(`${count} keys`)
  if (assumedHonest > count) throw invalid(`${assumedHonest} of ${count} are assumed to be honest`)
  const keys: Uint8Array[] = []
  let at = 16
  for (let index = 0; index < Number(count); index++) {
    const length = at + 2 <= bytes.length ? view.getUint16(at) : -1
    const entry = bytes.subarray(at + 2, at + 2 + length)
    if (length < 1 || entry.length !== length) throw invalid(`key ${index} is cut off`)
    const proofLength = entry[0]!
    const key = entry.slice(1 + proofLength)
    if (key.length !== keyBytes || (proofLength !== 0 && proofLength !== signatureBytes)) {
      throw invalid(`key ${index} has ${key.length} bytes and a proof of ${proofLength}`)
    }
    // A key without a proof is of a member whom whoever configures this trusts.
    const proof = entry.slice(1, 1 + proofLength)
    if (proofLength !== 0 && !verifies(proof, key, [key], true)) throw invalid(`key ${index} does not prove itself`)
    if (pointOf(key) === undefined) throw invalid(`key ${index} is no point of the group`)
    keys.push(key)
    at += 2 + length
  }
  if (at !== bytes.length) throw invalid(`${bytes.length - at} bytes are left over`)
  return { assumedHonest: Number(assumedHonest), keys, hash: treeHash(bytes) }
}

/**
 * Whether enough of a committee signed a message, by the bits of `signersMask`. Source: Nitro, `DataAvailabilityKeyset.VerifySignature`.
 */
export function committeeSigned(
  { keys, assumedHonest }: AnyTrustKeyset,
  { signersMask, signature }: { signersMask: bigint; signature: Uint8Array },
  message: Uint8Array,
): boolean {
  const signers = keys.filter((_, index) => ((signersMask >> BigInt(index)) & 1n) === 1n)
  if (signers.length === 0 || keys.length - signers.length >= assumedHonest) return false
  return verifies(signature, message, signers, false)
}

/** One aggregated signature of several keys over one message. Source: Nitro, `blsSignatures`. */
function verifies(
  signature: Uint8Array,
  message: Uint8Array,
  keys: readonly Uint8Array[],
  provesKey: boolean,
): boolean {
  const { G1, G2, fields, pairingBatch } = bls12_381
  try {
    const signed = G1.Point.fromBytes(signature)
    signed.assertValidity()
    const points = keys.map(key => pointOf(key))
    if (points.some(point => point === undefined)) return false
    const committee = points.reduce((sum, point) => sum!.add(point!), G2.Point.ZERO)!
    if (committee.is0() || signed.is0()) return false
    const pairs = [
      { g1: hashToG1(message, provesKey), g2: committee },
      { g1: signed.negate(), g2: G2.Point.BASE },
    ]
    return fields.Fp12.eql(pairingBatch(pairs), fields.Fp12.ONE)
  } catch {
    return false
  }
}

/** A message as a point: keccak256 behind 16 bytes that keep proofs of keys apart from signatures, mapped to the curve. */
export function hashToG1(message: Uint8Array, provesKey: boolean): PointG1 {
  const padded = concatBytes(Uint8Array.of(provesKey ? 1 : 0), new Uint8Array(15), keccak256(message))
  // The library maps a number to a point, and types neither so.
  return bls12_381.G1.mapToCurve(BigInt(bytesToHex(padded)) as never) as unknown as PointG1
}

const points = new WeakMap<Uint8Array, InstanceType<typeof bls12_381.G2.Point>>()

/** A key as a point of the right subgroup; `undefined` when it is none. Keys of a keyset are read once. */
function pointOf(key: Uint8Array): InstanceType<typeof bls12_381.G2.Point> | undefined {
  const known = points.get(key)
  if (known !== undefined) return known
  try {
    const point = bls12_381.G2.Point.fromBytes(key)
    point.assertValidity()
    if (point.is0()) return undefined
    points.set(key, point)
    return point
  } catch {
    return undefined
  }
}

/** Adds signatures of one message up. @throws whatever the curve library does for what is no point */
export function aggregateSignatures(signatures: readonly Uint8Array[]): Uint8Array {
  const { Point } = bls12_381.G1
  return signatures.reduce((sum, signature) => sum.add(Point.fromBytes(signature)), Point.ZERO).toBytes(false)
}
