import { hexToBytes } from '@l2/common'
import { codeOf, seededRandom, testSeed } from '@l2/common/testing'
import { type Hash, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { decodeTransaction } from '../../transaction/decode.js'
import type { Transaction } from '../../transaction/types.js'
import { fillBlock } from '../fill.js'
import { firstCome } from '../first-come.js'
import type { Violation } from '../policy.js'
import { blockOf, contextOf, entryOf } from '../testdata/fake.js'
import { judgeBlock } from '../universal.js'
import { blsThreshold as scheme } from './bls.js'
import {
  createEncryptedQueue,
  type EncryptedEnvelope,
  encryptTransaction,
  hashCommitment,
  type OpenedRound,
  releaseShares,
  thresholdEncrypted,
} from './policy.js'

const random = seededRandom(testSeed())
const threshold = 3
const keypers = 5
const scalar = () => {
  const bytes = random.bytes(32)
  bytes[0] = 1
  return bytes
}

/** A key generation without a dealer: every keyper deals, and the sum is the key. */
const deals = Array.from({ length: keypers }, () => scheme.deal(Array.from({ length: threshold }, scalar), keypers))
const secretShares = Array.from({ length: keypers }, (_, i) => scheme.combineDeals(deals.map(deal => deal.shares[i]!)))
const { publicKey, keyShares } = scheme.publicKeys(
  deals.map(deal => deal.commitments),
  keypers,
)

const accounts = [1, 2, 3, 4].map(i => privateKeyToAccount(`0x${`0${i}`.repeat(32)}`))
const signed = async (i: number, nonce = 0): Promise<Transaction> =>
  decodeTransaction(
    hexToBytes(
      await accounts[i]!.signTransaction({
        chainId: 10,
        nonce,
        gas: 21_000n,
        maxFeePerGas: 100n,
        maxPriorityFeePerGas: 1n,
        to: accounts[0]!.address,
      }),
    )!,
  )
const seal = (transaction: Pick<Transaction, 'raw' | 'sender' | 'gasLimit'>): EncryptedEnvelope =>
  encryptTransaction(scheme, publicKey, transaction, {
    eon: 1n,
    identityPrefix: toHex(random.bytes(32)),
    sigma: random.bytes(32),
  })

const rules = (violations: readonly Violation[]): string[] => [...new Set(violations.map(each => each.rule))].sort()
const newQueue = () => createEncryptedQueue({ scheme, eon: 1n, publicKey, keyShares, threshold, gasLimit: 100_000n })

describe('blsThreshold', () => {
  const identity = random.bytes(52)
  const message = random.bytes(133)
  const ciphertext = scheme.encrypt(publicKey, identity, message, random.bytes(32))
  const shares = secretShares.map((secret, i) => ({ keyper: i + 1, share: scheme.share(secret, identity) }))

  it('opens with any threshold of the shares, and with fewer not at all', () => {
    for (const chosen of [
      [0, 1, 2],
      [4, 2, 0],
      [1, 3, 4, 2],
    ]) {
      const key = scheme.combine(
        chosen.map(i => shares[i]!),
        threshold,
      )
      expect(scheme.verifyKey(publicKey, identity, key)).toBe(true)
      expect(scheme.decrypt(identity, key, ciphertext)).toEqual(message)
    }
    expect(codeOf(() => scheme.combine(shares.slice(0, 2), threshold))).toBe('THRESHOLD_INVALID')
    expect(codeOf(() => scheme.combine([shares[0]!, shares[0]!, shares[0]!], threshold))).toBe('THRESHOLD_INVALID')
    // Two shares taken for a threshold of two give a key, but not this one.
    const wrong = scheme.combine(shares.slice(0, 2), 2)
    expect(scheme.verifyKey(publicKey, identity, wrong)).toBe(false)
    expect(scheme.decrypt(identity, wrong, ciphertext)).toBeUndefined()
  })

  it('tells a right share from any other', () => {
    expect(scheme.verifyShare(keyShares[0]!, identity, shares[0]!.share)).toBe(true)
    expect(scheme.verifyShare(keyShares[1]!, identity, shares[0]!.share)).toBe(false)
    expect(scheme.verifyShare(keyShares[0]!, random.bytes(52), shares[0]!.share)).toBe(false)
    expect(scheme.verifyShare(keyShares[0]!, identity, random.bytes(48))).toBe(false)
    expect(scheme.verifyShare(keyShares[0]!, identity, new Uint8Array())).toBe(false)
    expect(scheme.verifyShare(keyShares[0]!, identity, Uint8Array.of(0xc0, ...new Uint8Array(47)))).toBe(false)
  })

  it('recognises a ciphertext that was changed or is for another identity', () => {
    const key = scheme.combine(shares, threshold)
    const c3 = Uint8Array.from(ciphertext.c3)
    c3[5]! ^= 1
    expect(scheme.decrypt(identity, key, { ...ciphertext, c3 })).toBeUndefined()
    expect(scheme.decrypt(identity, key, { ...ciphertext, c2: random.bytes(32) })).toBeUndefined()
    expect(scheme.decrypt(identity, key, { ...ciphertext, c1: random.bytes(96) })).toBeUndefined()
    expect(scheme.decrypt(random.bytes(52), key, ciphertext)).toBeUndefined()
  })

  it('lets each keyper check what it was dealt', () => {
    for (let i = 0; i < keypers; i++)
      expect(scheme.verifyDeal(i + 1, deals[0]!.shares[i]!, deals[0]!.commitments)).toBe(true)
    expect(scheme.verifyDeal(1, deals[0]!.shares[1]!, deals[0]!.commitments)).toBe(false)
    expect(scheme.verifyDeal(1, deals[1]!.shares[0]!, deals[0]!.commitments)).toBe(false)
    expect(scheme.verifyDeal(1, new Uint8Array(32), deals[0]!.commitments)).toBe(false)
  })
})

describe('createEncryptedQueue', () => {
  it('takes no share before the order is fixed, and opens with the threshold of answers', async () => {
    const queue = newQueue()
    const envelopes = [seal(await signed(0)), seal(await signed(1))]
    for (const envelope of envelopes) queue.submit(envelope)
    const early = { height: 5n, eon: 1n, pointer: 0, envelopes: [] }
    expect(codeOf(() => queue.answer({ keyper: 1, commitment: hashCommitment(early), shares: [] }))).toBe(
      'THRESHOLD_INVALID',
    )
    const commitment = queue.commit(5n)
    expect(codeOf(() => queue.commit(6n))).toBe('THRESHOLD_INVALID')
    const answerOf = (i: number) =>
      releaseShares(scheme, { index: i + 1, secretShare: secretShares[i]! }, commitment, envelopes)
    expect(
      codeOf(() =>
        releaseShares(scheme, { index: 1, secretShare: secretShares[0]! }, commitment, [...envelopes].reverse()),
      ),
    ).toBe('THRESHOLD_INVALID')
    for (const i of [0, 1]) queue.answer(answerOf(i))
    queue.answer(answerOf(1))
    expect(queue.open()).toBeUndefined()
    // A keyper that lies is found out, and counts for nothing.
    expect(codeOf(() => queue.answer({ ...answerOf(2), shares: answerOf(3).shares }))).toBe('THRESHOLD_INVALID')
    expect(codeOf(() => queue.answer({ ...answerOf(2), keyper: 9 }))).toBe('THRESHOLD_INVALID')
    expect(queue.open()).toBeUndefined()
    queue.answer(answerOf(4))
    expect(queue.open()).toMatchObject({ commitment, envelopes })
    expect([queue.pointer, queue.waiting]).toEqual([2, 0])
    expect(queue.commit(6n)).toMatchObject({ pointer: 2, envelopes: [] })
  })

  it('is a queue: in order, bounded by gas, each identity once', async () => {
    const queue = newQueue()
    const first = seal(await signed(0))
    const hashes = [queue.submit({ ...first, gasLimit: 60_000n })]
    expect(codeOf(() => queue.submit(first))).toBe('THRESHOLD_INVALID')
    hashes.push(queue.submit({ ...seal(await signed(1)), gasLimit: 40_000n }))
    hashes.push(queue.submit(seal(await signed(2))))
    expect(codeOf(() => queue.submit({ ...first, identityPrefix: toHex(random.bytes(32)), eon: 2n }))).toBe(
      'THRESHOLD_INVALID',
    )
    expect(codeOf(() => queue.submit({ ...first, identityPrefix: toHex(random.bytes(32)), gasLimit: 100_001n }))).toBe(
      'THRESHOLD_INVALID',
    )
    expect(
      codeOf(() =>
        queue.submit({ ...first, identityPrefix: toHex(random.bytes(32)), ciphertext: new Uint8Array(127) }),
      ),
    ).toBe('THRESHOLD_INVALID')
    expect(queue.commit(1n).envelopes).toEqual(hashes.slice(0, 2))
    expect(queue.waiting).toBe(1)
  })
})

describe('thresholdEncrypted', () => {
  it('builds the committed order, skips what is no transaction, and catches every other block', async () => {
    const transactions = [await signed(2), await signed(1), await signed(2, 1)]
    const stranger = seal(await signed(3))
    const envelopes = [
      seal(transactions[0]!),
      // Garbage, somebody else's identity, and more gas inside than outside: none can stall the rest.
      { ...seal(transactions[0]!), ciphertext: random.bytes(200) },
      { ...stranger, sender: accounts[0]!.address },
      seal(transactions[1]!),
      { ...seal(transactions[1]!), gasLimit: 20_999n },
      seal(transactions[2]!),
    ]
    const queue = createEncryptedQueue({ scheme, eon: 1n, publicKey, keyShares, threshold })
    for (const envelope of envelopes) queue.submit(envelope)
    const commitment = queue.commit(1n)
    for (const i of [0, 2, 3])
      queue.answer(releaseShares(scheme, { index: i + 1, secretShare: secretShares[i]! }, commitment, envelopes))
    const round: OpenedRound = queue.open()!
    const options = { scheme, publicKey, decode: decodeTransaction }
    const policy = thresholdEncrypted(firstCome(), { ...options, roundAt: () => round })
    const plain = await signed(3)
    const context = contextOf([entryOf(plain, 0)])
    const built = fillBlock(policy, context).transactions
    expect(built.map(each => each.hash)).toEqual([...transactions, plain].map(each => each.hash))
    const judge = (order: readonly Transaction[], encrypted: OpenedRound = round, excused = new Set<Hash>()) =>
      rules(judgeBlock(policy, blockOf(context, order), { encrypted, excused }))
    expect(judge(built)).toEqual([])
    expect(judge([built[1]!, built[0]!, built[2]!, built[3]!])).toEqual(['threshold/order'])
    expect(judge([built[0]!, built[2]!, built[3]!])).toEqual(['threshold/missing'])
    expect(judge([built[0]!, built[2]!, built[3]!], round, new Set([built[1]!.hash]))).toEqual([])
    expect(judge([built[3]!, ...built.slice(0, 3)])).toContain('threshold/order')
    expect(judge(built, { ...round, keys: [...round.keys].reverse() })).toEqual(['threshold/key'])
    expect(judge(built, { ...round, envelopes: [...round.envelopes].reverse() })).toContain('threshold/commitment')
    const sealed = thresholdEncrypted(firstCome(), { ...options, roundAt: () => 'sealed' })
    expect(fillBlock(sealed, context).transactions).toEqual([])
    const none = thresholdEncrypted(firstCome(), { ...options, roundAt: () => undefined })
    expect(fillBlock(none, context).transactions).toEqual([plain])
  })
})
