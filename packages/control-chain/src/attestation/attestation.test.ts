import { runs } from '@l2/common/testing'
import fc from 'fast-check'
import { type Hash, type Hex, hashTypedData, keccak256, numberToHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { blsAttestation, createBlsAttester } from '../bls/bls.js'
import type { AttestationSigner } from './attestation.js'
import { createEcdsaAttester, ecdsaAttestation } from './ecdsa.js'
import {
  type BatchStatement,
  decodeBatchStatement,
  encodeBatchStatement,
  hashBatchStatement,
  hashTurnStatement,
  maxDataHashes,
  statementTypes,
  type TurnStatement,
} from './statement.js'

const bytes32 = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes): Hash => `0x${Buffer.from(bytes).toString('hex')}`)
const uint64 = fc.bigInt(0n, 2n ** 64n - 1n)
const address = bytes32.map((hash): Hex => `0x${hash.slice(26)}`)
const statements: fc.Arbitrary<BatchStatement> = fc
  .record({
    chainId: fc.bigInt(0n, 2n ** 256n - 1n),
    sequence: uint64,
    committee: uint64,
    range: fc.tuple(uint64, uint64),
    lastOrigin: fc.record({ number: uint64, hash: bytes32 }),
    outputRoot: bytes32,
    dataHashes: fc.array(bytes32, { minLength: 1, maxLength: maxDataHashes }),
  })
  .map(({ range: [a, b], ...rest }) => ({ ...rest, first: a < b ? a : b, last: a < b ? b : a }))
const turns: fc.Arbitrary<TurnStatement> = fc.record({
  chainId: fc.bigInt(0n, 2n ** 256n - 1n),
  sequence: uint64,
  committee: uint64,
  poster: address,
  lastAttested: uint64,
  nextMembers: bytes32,
})
const numRuns = runs({ suite: 100, soak: 5_000 })

describe('a statement', () => {
  it('has the EIP-712 digest that viem computes', () => {
    const check = (statement: BatchStatement, turn: TurnStatement, l1ChainId: bigint, committee: Hex) => {
      const domain = { name: 'L2 Committee', version: '1', chainId: l1ChainId, verifyingContract: committee }
      const { chainId: l2ChainId, lastOrigin, ...rest } = statement
      const message = { ...rest, l2ChainId, originNumber: lastOrigin.number, originHash: lastOrigin.hash }
      const typed = { domain, types: statementTypes } as const
      expect(hashBatchStatement(statement, { l1ChainId, committee })).toBe(
        hashTypedData({ ...typed, primaryType: 'Batch', message }),
      )
      const { chainId, ...others } = turn
      expect(hashTurnStatement(turn, { l1ChainId, committee })).toBe(
        hashTypedData({ ...typed, primaryType: 'Turn', message: { ...others, l2ChainId: chainId } }),
      )
    }
    fc.assert(fc.property(statements, turns, uint64, address, check), { numRuns })
  })

  it('comes back from its bytes, which have one form, and nothing else is read', () => {
    const check = (statement: BatchStatement) => {
      const bytes = encodeBatchStatement(statement)
      expect(decodeBatchStatement(bytes)).toEqual(statement)
      expect(decodeBatchStatement(bytes.subarray(1))).toBeUndefined()
      expect(decodeBatchStatement(Uint8Array.of(...bytes, 0))).toBeUndefined()
    }
    fc.assert(fc.property(statements, check), { numRuns })
    const strange = (bytes: Uint8Array) => {
      const read = decodeBatchStatement(bytes)
      if (read !== undefined) expect(encodeBatchStatement(read)).toEqual(bytes)
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), strange), { numRuns })
  })

  it('carries some data, not too many, and blocks in their order', () => {
    const zero: Hash = `0x${'00'.repeat(32)}`
    const good: BatchStatement = {
      ...{ chainId: 901n, sequence: 1n, committee: 0n, first: 1n, last: 2n },
      ...{ lastOrigin: { number: 1n, hash: zero }, outputRoot: zero, dataHashes: [zero] },
    }
    for (const wrong of [
      { dataHashes: [] },
      { dataHashes: Array.from({ length: maxDataHashes + 1 }, () => zero) },
      { first: 3n },
      { last: 2n ** 64n },
      { outputRoot: '0x00' as Hex },
    ]) {
      expect(() => encodeBatchStatement({ ...good, ...wrong })).toThrow(
        expect.objectContaining({ code: 'ENCODING_INVALID' }),
      )
    }
    const backwards = encodeBatchStatement(good)
    backwards[32 + 16 + 7] = 3
    expect(decodeBatchStatement(backwards)).toBeUndefined()
  })
})

const secret = (n: number): Hash => keccak256(numberToHex(n))
const schemes: readonly {
  attestation: typeof ecdsaAttestation
  signer(n: number): AttestationSigner
  count: number
}[] = [
  { attestation: ecdsaAttestation, signer: n => createEcdsaAttester(privateKeyToAccount(secret(n))), count: numRuns },
  {
    attestation: blsAttestation,
    signer: n => createBlsAttester(numberToHex(BigInt(secret(n)) >> 2n, { size: 32 })),
    count: runs({ suite: 3, soak: 100 }),
  },
]

describe.each(schemes)('attestation by $attestation.scheme', ({ attestation, signer, count }) => {
  const signers = Array.from({ length: 5 }, (_, index) => signer(index + 1))
  const membersWith = (powers: readonly bigint[]) =>
    powers.map((power, index) => ({ id: 10 + index, power, key: signers[index]!.key }))
  const digest = keccak256('0x01')
  const signed = async (indices: readonly number[], over: Hash = digest) =>
    new Map(await Promise.all(indices.map(async index => [10 + index, await signers[index]!.sign(over)] as const)))

  it('proves more than two thirds of the stake, exactly, by the fewest members', async () => {
    const everybody = await signed([0, 1, 2, 3, 4])
    const check = (powers: readonly bigint[], present: readonly number[]) => {
      const members = membersWith(powers)
      const signatures = new Map([...everybody].filter(([id]) => present.includes(id - 10)))
      const power = members.reduce((sum, { id, power }) => (signatures.has(id) ? sum + power : sum), 0n)
      const total = powers.reduce((sum, each) => sum + each)
      const proof = attestation.combine(members, signatures)
      expect(proof !== undefined).toBe(3n * power > 2n * total)
      if (proof === undefined) return
      expect(attestation.verify(members, digest, proof)).toBeUndefined()
      expect(attestation.verify(members, keccak256('0x02'), proof)).toBe('signature')
      // One less is too little: nobody signed in vain.
      const chosen = members.filter((_, index) => ((proof.bitmap >> BigInt(index)) & 1n) === 1n)
      const least = chosen.reduce((min, each) => (each.power < min ? each.power : min), total)
      const sum = chosen.reduce((all, each) => all + each.power, 0n)
      expect(3n * (sum - least) <= 2n * total).toBe(true)
    }
    fc.assert(
      fc.property(
        fc.array(fc.bigInt(1n, 2n ** 95n), { minLength: 1, maxLength: 5 }),
        fc.subarray([0, 1, 2, 3, 4]),
        check,
      ),
      { numRuns: count },
    )
    // Two of three equal members are two thirds, and not more.
    expect(attestation.combine(membersWith([1n, 1n, 1n]), await signed([0, 1]))).toBeUndefined()
  })

  it('refuses bits of nobody, other signers, other lengths, and the quorum before the signature', async () => {
    const members = membersWith([1n, 1n, 1n, 1n])
    const proof = attestation.combine(members, await signed([0, 1, 2]))!
    const judge = (change: Partial<typeof proof>) => attestation.verify(members, digest, { ...proof, ...change })
    expect(judge({ bitmap: proof.bitmap | 16n })).toBe('malformed')
    expect(judge({ bitmap: -1n })).toBe('malformed')
    expect(judge({ bitmap: 3n })).toBe('quorum')
    expect(judge({ bitmap: 0n })).toBe('quorum')
    expect(judge({ bitmap: 11n })).toBe('signature')
    expect(judge({ bitmap: 15n })).toBe(attestation.scheme === 'ecdsa' ? 'malformed' : 'signature')
    expect(judge({ signature: `${proof.signature}00` })).toBe('malformed')
    expect(judge({ signature: '0x' })).toBe('malformed')
    const other = attestation.combine(members, await signed([0, 1, 2], keccak256('0x')))!
    expect(judge({ signature: other.signature })).toBe('signature')
  })

  it('finds the members that signed among others, whatever they sent', async () => {
    const members = membersWith([1n, 1n, 1n, 1n, 1n])
    const good = await signed([0, 1, 2])
    expect(attestation.valid(members, digest, good)).toEqual([10, 11, 12])
    const wrong = (await signed([3], keccak256('0x'))).get(13)!
    const bad: Hex[] = ['0x', '0x00', good.get(10)!, wrong, `0x${'00'.repeat(attestation.signatureLength)}`]
    for (const each of bad) expect(attestation.valid(members, digest, new Map([...good, [13, each]]))).toHaveLength(3)
    expect(attestation.valid(members, digest, new Map([[13, wrong]]))).toEqual([])
    expect(attestation.valid(members, digest, new Map())).toEqual([])
  })

  it('takes a key whose owner has shown that it has the secret, for one registration', async () => {
    const [one, two] = signers as [AttestationSigner, AttestationSigner]
    const [message, other] = [Uint8Array.of(7), Uint8Array.of(8)]
    const possession = await one.provePossession(message)
    expect(attestation.provesPossession(one.key, message, possession)).toBe(true)
    expect(attestation.provesPossession(one.key, other, possession)).toBe(false)
    expect(attestation.provesPossession(two.key, message, possession)).toBe(false)
    expect(attestation.provesPossession('0x', message, possession)).toBe(false)
    expect(attestation.provesPossession(one.key, message, '0x')).toBe(false)
    expect([one.key, '0x', `${one.key}00`].map(key => attestation.isKey(key as Hex))).toEqual([true, false, false])
    // A signature of a statement is no proof of possession.
    expect(attestation.provesPossession(one.key, Buffer.from(digest.slice(2), 'hex'), await one.sign(digest))).toBe(
      false,
    )
  })
})

describe('attestation by bls12-381', () => {
  it('is not fooled by two members whose errors cancel each other out', async () => {
    const { bls12_381 } = await import('@noble/curves/bls12-381.js')
    const signers = [1, 2, 3].map(n => createBlsAttester(numberToHex(n, { size: 32 })))
    const members = signers.map(({ key }, index) => ({ id: index, power: 1n, key }))
    const digest = keccak256('0x01')
    const honest = await Promise.all(signers.map(each => each.sign(digest)))
    const shift = bls12_381.G1.Point.BASE
    const shifted = (signature: Hex, by: typeof shift): Hex =>
      `0x${bls12_381.G1.Point.fromHex(signature.slice(2)).add(by).toHex(true)}`
    const signatures = new Map([
      [0, shifted(honest[0]!, shift)],
      [1, shifted(honest[1]!, shift.negate())],
      [2, honest[2]!],
    ])
    // The sum of all three verifies all the same.
    const proof = blsAttestation.combine(members, signatures)!
    expect(blsAttestation.verify(members, digest, proof)).toBeUndefined()
    expect(blsAttestation.valid(members, digest, signatures)).toEqual([2])
  })

  it('refuses secrets that are none', () => {
    for (const secret of ['0x', `0x${'00'.repeat(32)}`, `0x${'ff'.repeat(32)}`] as const) {
      expect(() => createBlsAttester(secret)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    }
  })
})
