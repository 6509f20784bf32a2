import { bytesToHex } from '@l2/common'
import { codeOf } from '@l2/common/testing'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import type { Hex } from 'viem'
import { describe, expect, it } from 'vitest'
import {
  beaconMessage,
  combineBeaconShares,
  commitRevealSeed,
  drandRoundAt,
  drandSeed,
  fixedSeed,
  l1RandaoSeed,
  quicknet,
  seedCommitment,
  signBeacon,
  thresholdBlsSeed,
  vrfMixSeed,
} from './providers.js'

const word = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`
const secret = (n: bigint): Uint8Array => bls12_381.fields.Fr.toBytes(n)
const publicKey = (n: bigint): Hex => `0x${bls12_381.shortSignatures.getPublicKey(secret(n)).toHex(true)}`

describe('providers accept one output an epoch and no other', () => {
  it('l1RandaoSeed', () => {
    const provider = l1RandaoSeed(epoch => 1000n + epoch * 32n)
    const input = { blockNumber: 1064n, prevRandao: word(5), finalized: true }
    expect(provider.entropy(2n, input)).toEqual({ parts: [expect.any(Uint8Array)], missing: [] })
    for (const bad of [
      { blockNumber: 1065n },
      { finalized: false },
      { prevRandao: word(0) },
      { prevRandao: '0x12' as Hex },
    ]) {
      expect(codeOf(() => provider.entropy(2n, { ...input, ...bad }))).toBe('ENTROPY_INVALID')
    }
  })
  it('thresholdBlsSeed: any 3 of 4 shares give the group’s one signature', () => {
    const { Fr } = bls12_381.fields
    // f(x) = 11 + 5x + 7x²: the group's secret is f(0).
    const share = (x: bigint) => Fr.add(11n, Fr.add(Fr.mul(5n, x), Fr.mul(7n, x * x)))
    const shares = [1, 2, 3, 4].map(index => ({
      index,
      signature: signBeacon(secret(share(BigInt(index))), 1088n, 9n),
    }))
    const whole = signBeacon(secret(11n), 1088n, 9n)
    const [a, b, c, d] = shares
    for (const some of [[a!, b!, c!], [d!, b!, a!], [b!, c!, d!], shares])
      expect(combineBeaconShares(some, 3)).toBe(whole)
    expect(combineBeaconShares([a!, b!], 2)).not.toBe(whole)
    expect(codeOf(() => combineBeaconShares([a!, b!], 3))).toBe('ENTROPY_INVALID')
    expect(codeOf(() => combineBeaconShares([a!, a!, b!], 3))).toBe('ENTROPY_INVALID')
    expect(codeOf(() => combineBeaconShares([a!, b!, { index: 3, signature: `0x${'ff'.repeat(48)}` }], 3))).toBe(
      'ENTROPY_INVALID',
    )
    const provider = thresholdBlsSeed({ groupPublicKey: publicKey(11n), chainId: 1088n })
    expect(provider.entropy(9n, { signature: whole }).parts).toHaveLength(1)
    expect(codeOf(() => provider.entropy(10n, { signature: whole }))).toBe('ENTROPY_INVALID')
    expect(codeOf(() => provider.entropy(9n, { signature: a!.signature }))).toBe('ENTROPY_INVALID')
  })
  it('drandSeed: quicknet’s round 1000', () => {
    const provider = drandSeed({ round: () => 1000n })
    const signature =
      '0xb44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39' as Hex
    const entropy = provider.entropy(1n, { round: 1000n, signature })
    expect(bytesToHex(entropy.parts[0]!)).toBe('0xfe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd')
    expect(codeOf(() => provider.entropy(1n, { round: 1001n, signature }))).toBe('ENTROPY_INVALID')
    expect(codeOf(() => drandSeed({ round: () => 1001n }).entropy(1n, { round: 1001n, signature }))).toBe(
      'ENTROPY_INVALID',
    )
    expect(drandRoundAt(quicknet.genesisTimeSeconds)).toBe(1n)
    expect(drandRoundAt(quicknet.genesisTimeSeconds + 1n)).toBe(2n)
    expect(drandRoundAt(quicknet.genesisTimeSeconds + 3n * 999n)).toBe(1000n)
  })
  it('vrfMixSeed names who withheld, and takes no foreign proof', () => {
    const members = new Map([1, 2, 3].map(id => [id, publicKey(BigInt(100 + id))]))
    const provider = vrfMixSeed({ chainId: 1088n, members: () => members })
    const proofs = [3, 1].map(id => ({ id, proof: signBeacon(secret(BigInt(100 + id)), 1088n, 4n) }))
    const entropy = provider.entropy(4n, proofs)
    expect([entropy.parts.length, entropy.missing]).toEqual([2, [2]])
    expect(provider.entropy(4n, [...proofs].reverse())).toEqual(entropy)
    expect(codeOf(() => provider.entropy(5n, proofs))).toBe('ENTROPY_INVALID')
    expect(codeOf(() => provider.entropy(4n, [proofs[0]!, proofs[0]!]))).toBe('ENTROPY_INVALID')
    expect(codeOf(() => provider.entropy(4n, [{ ...proofs[0]!, id: 9 }]))).toBe('ENTROPY_INVALID')
    expect(codeOf(() => provider.entropy(4n, [{ ...proofs[0]!, id: 2 }]))).toBe('ENTROPY_INVALID')
  })
  it('commitRevealSeed names who did not open', () => {
    const provider = commitRevealSeed()
    const commitments = [1, 2].map(id => ({ id, commitment: seedCommitment(word(id), id, 6n) }))
    expect(provider.entropy(6n, { commitments, reveals: [{ id: 2, secret: word(2) }] }).missing).toEqual([1])
    expect(codeOf(() => provider.entropy(7n, { commitments, reveals: [{ id: 2, secret: word(2) }] }))).toBe(
      'ENTROPY_INVALID',
    )
    expect(codeOf(() => provider.entropy(6n, { commitments, reveals: [{ id: 2, secret: word(1) }] }))).toBe(
      'ENTROPY_INVALID',
    )
    expect(codeOf(() => provider.entropy(6n, { commitments, reveals: [{ id: 3, secret: word(1) }] }))).toBe(
      'ENTROPY_INVALID',
    )
    expect(codeOf(() => provider.entropy(6n, { commitments: [...commitments, commitments[0]!], reveals: [] }))).toBe(
      'ENTROPY_INVALID',
    )
  })
  it('fixedSeed keeps its own copy', () => {
    const bytes = Uint8Array.of(1)
    const provider = fixedSeed(bytes)
    bytes[0] = 2
    expect(provider.entropy(1n, undefined).parts).toEqual([Uint8Array.of(1)])
  })
})

it('the beacon message is the epoch’s and the chain’s alone', () => {
  const all = [beaconMessage(1n, 1n), beaconMessage(1n, 2n), beaconMessage(2n, 1n)].map(bytesToHex)
  expect(new Set(all).size).toBe(3)
})
