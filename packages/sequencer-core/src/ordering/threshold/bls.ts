import { concatBytes, equalBytes, isL2Error } from '@l2/common'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { SequencerError } from '../../errors.js'
import type { ThresholdCiphertext, ThresholdScheme } from './scheme.js'

const G1 = bls12_381.G1.Point
const G2 = bls12_381.G2.Point
const { Fr, Fp12 } = bls12_381.fields
type G1Point = InstanceType<typeof G1>
type G2Point = InstanceType<typeof G2>

const identityDst = 'L2-THRESHOLD-IDENTITY-BLS12381G1_XMD:SHA-256_SSWU_RO_'
const sigmaBytes = 32

function hashTo(label: string, ...parts: Uint8Array[]): Uint8Array {
  return sha256(concatBytes(new TextEncoder().encode(`l2/threshold/${label}/`), ...parts))
}

/** A scalar from 64 hash bytes: the bias of the reduction is below 2^-250. */
function scalarOf(label: string, ...parts: Uint8Array[]): bigint {
  const bytes = concatBytes(hashTo(`${label}/0`, ...parts), hashTo(`${label}/1`, ...parts))
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return Fr.create(value)
}

function pointOfIdentity(identity: Uint8Array): G1Point {
  return bls12_381.G1.hashToCurve(identity, { DST: identityDst }) as G1Point
}

/** XOR with a key stream: counter mode of SHA-256. */
function mask(key: Uint8Array, message: Uint8Array): Uint8Array {
  const out = Uint8Array.from(message)
  for (let block = 0; block * 32 < message.length; block++) {
    const stream = hashTo('stream', key, Uint8Array.of(block >> 24, block >> 16, block >> 8, block))
    for (let i = 0; i < 32 && block * 32 + i < message.length; i++) out[block * 32 + i]! ^= stream[i]!
  }
  return out
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ b[i]!)
}

function invalid(message: string, cause?: unknown): SequencerError {
  return new SequencerError(message, { code: 'THRESHOLD_INVALID', cause })
}

function readG1(bytes: Uint8Array, what: string): G1Point {
  try {
    const point = G1.fromBytes(bytes)
    point.assertValidity()
    if (point.is0()) throw invalid(`${what} is the point at infinity`)
    return point
  } catch (cause) {
    throw invalid(`${what} is no point of G1`, cause)
  }
}

function readG2(bytes: Uint8Array, what: string): G2Point {
  try {
    const point = G2.fromBytes(bytes)
    point.assertValidity()
    if (point.is0()) throw invalid(`${what} is the point at infinity`)
    return point
  } catch (cause) {
    throw invalid(`${what} is no point of G2`, cause)
  }
}

function readScalar(bytes: Uint8Array, what: string): bigint {
  if (bytes.length !== 32) throw invalid(`${what} has ${bytes.length} bytes, 32 expected`)
  const scalar = Fr.fromBytes(bytes)
  if (scalar === 0n) throw invalid(`${what} is zero`)
  return scalar
}

/** e(a, b) == e(c, d), as one product of pairings. */
function isSamePairing(a: G1Point, b: G2Point, c: G1Point, d: G2Point): boolean {
  const product = bls12_381.pairingBatch([
    { g1: a, g2: b },
    { g1: c.negate(), g2: d },
  ])
  return Fp12.eql(product, Fp12.ONE)
}

/** The Lagrange coefficient of `index` at zero, over `indices` (1-based keypers). */
function lagrange(index: number, indices: readonly number[]): bigint {
  let numerator = 1n
  let denominator = 1n
  for (const other of indices) {
    if (other === index) continue
    numerator = Fr.mul(numerator, Fr.create(BigInt(other)))
    denominator = Fr.mul(denominator, Fr.create(BigInt(other - index)))
  }
  return Fr.mul(numerator, Fr.inv(denominator))
}

/**
 * Threshold identity-based encryption over BLS12-381: Boneh–Franklin with the Fujisaki–Okamoto transform (so that a wrong ciphertext is recognised),
 * the master key shared by Shamir, keypers' shares verified by pairings. The construction of Shutter; keys of G2, identities in G1.
 */
export const blsThreshold: ThresholdScheme = {
  name: 'bls12-381-ibe',

  encrypt(publicKey, identity, message, sigma) {
    if (sigma.length !== sigmaBytes) throw invalid(`sigma has ${sigma.length} bytes, ${sigmaBytes} expected`)
    const key = readG2(publicKey, 'the public key')
    const r = scalarOf('r', sigma, identity, message)
    const shared = Fp12.toBytes(Fp12.pow(bls12_381.pairing(pointOfIdentity(identity), key), r))
    return {
      c1: G2.BASE.multiply(r).toBytes(),
      c2: xor(sigma, hashTo('sigma', shared)),
      c3: mask(sigma, message),
    }
  },

  share(secretShare, identity) {
    return pointOfIdentity(identity).multiply(readScalar(secretShare, 'the secret share')).toBytes()
  },

  verifyShare(keyShare, identity, share) {
    try {
      const point = readG1(share, 'the share')
      return isSamePairing(point, G2.BASE as G2Point, pointOfIdentity(identity), readG2(keyShare, 'the key share'))
    } catch (error) {
      if (isL2Error(error)) return false
      throw error
    }
  },

  combine(shares, threshold) {
    const chosen = new Map([...shares].sort((a, b) => a.keyper - b.keyper).map(each => [each.keyper, each.share]))
    const indices = [...chosen.keys()].slice(0, threshold)
    if (indices.length < threshold) throw invalid(`${indices.length} shares, ${threshold} needed`)
    let sum = G1.ZERO
    for (const index of indices) {
      const coefficient = lagrange(index, indices)
      sum = sum.add(readG1(chosen.get(index)!, `the share of keyper ${index}`).multiply(coefficient)) as G1Point
    }
    return sum.toBytes()
  },

  verifyKey(publicKey, identity, decryptionKey) {
    return this.verifyShare(publicKey, identity, decryptionKey)
  },

  decrypt(identity, decryptionKey, { c1, c2, c3 }) {
    let ephemeral: G2Point
    try {
      ephemeral = readG2(c1, 'c1')
    } catch (error) {
      if (isL2Error(error)) return undefined
      throw error
    }
    if (c2.length !== sigmaBytes) return undefined
    const shared = Fp12.toBytes(bls12_381.pairing(readG1(decryptionKey, 'the decryption key'), ephemeral))
    const sigma = xor(c2, hashTo('sigma', shared))
    const message = mask(sigma, c3)
    // A ciphertext that was not made by `encrypt` for this identity is nobody's message.
    const r = scalarOf('r', sigma, identity, message)
    return r !== 0n && equalBytes(G2.BASE.multiply(r).toBytes(), c1) ? message : undefined
  },

  deal(coefficients, keypers) {
    const scalars = coefficients.map((bytes, i) => readScalar(bytes, `coefficient ${i}`))
    return {
      commitments: scalars.map(scalar => G2.BASE.multiply(scalar).toBytes()),
      shares: Array.from({ length: keypers }, (_, i) => {
        const x = Fr.create(BigInt(i + 1))
        let value = 0n
        for (const scalar of [...scalars].reverse()) value = Fr.add(Fr.mul(value, x), scalar)
        return Fr.toBytes(value)
      }),
    }
  },

  verifyDeal(keyper, share, commitments) {
    try {
      const expected = evaluate(commitments, keyper)
      return G2.BASE.multiply(readScalar(share, 'the share')).equals(expected)
    } catch (error) {
      if (isL2Error(error)) return false
      throw error
    }
  },

  combineDeals(shares) {
    let sum = 0n
    for (const [i, share] of shares.entries()) sum = Fr.add(sum, readScalar(share, `deal ${i}`))
    return Fr.toBytes(sum)
  },

  publicKeys(commitmentsOfDeals, keypers) {
    const sumAt = (keyper: number): Uint8Array => {
      let sum = G2.ZERO
      for (const commitments of commitmentsOfDeals) sum = sum.add(evaluate(commitments, keyper)) as G2Point
      return sum.toBytes()
    }
    return { publicKey: sumAt(0), keyShares: Array.from({ length: keypers }, (_, i) => sumAt(i + 1)) }
  },
}

/** A committed polynomial at a point, in the exponent. */
function evaluate(commitments: readonly Uint8Array[], at: number): G2Point {
  let value = G2.ZERO
  for (const [i, bytes] of [...commitments].reverse().entries()) {
    const point = readG2(bytes, `commitment ${commitments.length - 1 - i}`)
    value = at === 0 || value.is0() ? point : (value.multiply(BigInt(at)).add(point) as G2Point)
  }
  return value
}

/** Bytes of a ciphertext: c1 (96) ‖ c2 (32) ‖ c3. */
export function encodeCiphertext({ c1, c2, c3 }: ThresholdCiphertext): Uint8Array {
  return concatBytes(c1, c2, c3)
}

/** @throws SequencerError `THRESHOLD_INVALID` for fewer bytes than the fixed parts have */
export function decodeCiphertext(bytes: Uint8Array): ThresholdCiphertext {
  if (bytes.length < 96 + sigmaBytes) throw invalid(`ciphertext of ${bytes.length} bytes`)
  return { c1: bytes.subarray(0, 96), c2: bytes.subarray(96, 96 + sigmaBytes), c3: bytes.subarray(96 + sigmaBytes) }
}
