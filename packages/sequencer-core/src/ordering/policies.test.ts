import { runs, seededRandom, testSeed } from '@l2/common/testing'
import type { Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { fakeTransaction, testAddress } from '../mempool/testdata/fake.js'
import type { PooledTransaction } from '../mempool/types.js'
import type { Transaction } from '../transaction/types.js'
import { forcedFirst, inSections } from './compose.js'
import { checkReplay, fillBlock } from './fill.js'
import { type FirstComeEvidence, firstCome } from './first-come.js'
import type { ForcedTransaction, OrderingEvidence, OrderingPolicy, Violation } from './policy.js'
import { priorityGas } from './priority-gas.js'
import { receiptSigner, type SignedReceipt, signReceipt } from './receipt.js'
import { blockOf, contextOf, entryOf, mutateOrder, randomEntries } from './testdata/fake.js'
import { checkUniversal, judgeBlock } from './universal.js'

const sequencer = privateKeyToAccount(`0x${'11'.repeat(32)}`)
const impostor = privateKeyToAccount(`0x${'22'.repeat(32)}`)
const domain = { name: 'Test', version: '1', chainId: 10n, verifyingContract: sequencer.address }

async function receiptsOf(entries: readonly PooledTransaction[], by = sequencer): Promise<SignedReceipt[]> {
  return Promise.all(
    entries.map(({ transaction, arrival }) =>
      signReceipt(
        { txHash: transaction.hash, epochId: 1n, term: 0, sequenceNo: BigInt(arrival), notAfterHeight: 5n },
        domain,
        hash => by.sign({ hash }),
      ),
    ),
  )
}

const rules = (violations: readonly Violation[]): string[] => [...new Set(violations.map(each => each.rule))].sort()

/** Some transactions fail when they are run, others use less gas than they may. */
function roughExecution(random: ReturnType<typeof seededRandom>) {
  const failed = new Set<Hex>()
  const gasUsed: bigint[] = []
  const execute = (entries: readonly PooledTransaction[]) => {
    if (random.bool(0.1)) {
      for (const { transaction } of entries) failed.add(transaction.hash)
      return { outcome: 'failed' as const, gasUsed: 0n }
    }
    const used = entries.map(({ transaction }) => (transaction.gasLimit * BigInt(50 + random.below(51))) / 100n)
    gasUsed.push(...used)
    return { outcome: 'included' as const, gasUsed: used.reduce((a, b) => a + b, 0n) }
  }
  return { failed, gasUsed, execute }
}

describe('priorityGas', () => {
  it('builds blocks that its judge accepts, and takes the best that is ready and fits at every place', () => {
    const random = seededRandom(testSeed())
    for (let run = 0; run < runs({ suite: 200, soak: 4_000 }); run++) {
      const entries = randomEntries(random, 5 + random.below(40))
      const context = contextOf(entries, { gasLimit: BigInt(200_000 + random.below(2_000_000)) })
      const { failed, gasUsed, execute } = roughExecution(random)
      const { transactions, record } = fillBlock(priorityGas(), context, { execute })
      const evidence: OrderingEvidence = { pending: entries, nonceOf: () => 0n, gasUsed, excused: failed }
      expect(judgeBlock(priorityGas(), blockOf(context, transactions), evidence)).toEqual([])
      expect(checkReplay(priorityGas(), record, { transactions })).toEqual([])
      expect(
        fillBlock(
          priorityGas(),
          { ...context, pool: contextOf([...entries].reverse()).pool },
          { execute: stepwise(record.results) },
        ).transactions,
      ).toEqual(transactions)
    }
  })

  it('catches a swap, a drop, a delay and a double', () => {
    const random = seededRandom(testSeed(2))
    const caught = { swap: 0, drop: 0, delay: 0, double: 0 }
    for (let run = 0; run < runs({ suite: 400, soak: 8_000 }); run++) {
      // Tips that differ, so that every change matters.
      const entries = randomEntries(random, 12, 12).map((entry, i) =>
        entryOf({ ...entry.transaction, maxPriorityFeePerGas: BigInt(1 + i), sender: testAddress(i), nonce: 0n }, i),
      )
      const context = contextOf(entries)
      const { transactions } = fillBlock(priorityGas(), context)
      const mutated = mutateOrder(transactions, random)
      const violations = judgeBlock(priorityGas(), blockOf(context, mutated.transactions), {
        pending: entries,
        nonceOf: () => 0n,
      })
      // Dropping the last or delaying it changes nothing that the rule is about.
      expect(violations, mutated.kind).not.toEqual([])
      caught[mutated.kind]++
    }
    expect(Math.min(...Object.values(caught))).toBeGreaterThan(50)
  })

  it('is not lifted by a high tip on a later nonce', () => {
    const alice = testAddress(0)
    const low = entryOf(fakeTransaction({ sender: alice, nonce: 0n, maxFeePerGas: 900n, maxPriorityFeePerGas: 1n }), 0)
    const high = entryOf(
      fakeTransaction({ sender: alice, nonce: 1n, maxFeePerGas: 900n, maxPriorityFeePerGas: 800n }),
      1,
    )
    const other = entryOf(
      fakeTransaction({ sender: testAddress(1), nonce: 0n, maxFeePerGas: 900n, maxPriorityFeePerGas: 2n }),
      2,
    )
    const { transactions } = fillBlock(priorityGas(), contextOf([low, high, other]))
    expect(transactions).toEqual([other.transaction, low.transaction, high.transaction])
  })

  it('takes the earlier of two that pay the same', () => {
    const entries = [3, 1, 2].map(arrival =>
      entryOf(fakeTransaction({ sender: testAddress(arrival), nonce: 0n }), arrival),
    )
    const { transactions } = fillBlock(priorityGas(), contextOf(entries))
    expect(transactions.map(each => each.sender)).toEqual([1, 2, 3].map(testAddress))
  })

  it('drops all of a sender whose head does not fit', () => {
    const big = entryOf(
      fakeTransaction({ sender: testAddress(0), nonce: 0n, gasLimit: 900_000n, maxPriorityFeePerGas: 9n }),
      0,
    )
    const behind = entryOf(fakeTransaction({ sender: testAddress(0), nonce: 1n }), 1)
    const small = entryOf(fakeTransaction({ sender: testAddress(1), nonce: 0n, maxPriorityFeePerGas: 1n }), 2)
    const { transactions } = fillBlock(priorityGas(), contextOf([big, behind, small], { gasLimit: 500_000n }))
    expect(transactions).toEqual([small.transaction])
  })
})

function stepwise<T>(results: readonly T[]): () => T {
  let at = 0
  return () => results[at++]!
}

describe('firstCome', () => {
  const policy = firstCome({ domain })
  const evidenceOf = async (entries: readonly PooledTransaction[]): Promise<FirstComeEvidence> => ({
    receipts: await receiptsOf(entries),
    sequencer: sequencer.address,
    pending: entries,
    nonceOf: () => 0n,
  })

  it('builds blocks that its judge accepts, and parks a later nonce only for its predecessor', async () => {
    const random = seededRandom(testSeed())
    for (let run = 0; run < runs({ suite: 12, soak: 240 }); run++) {
      const entries = randomEntries(random, 12)
      const context = contextOf(entries, { gasLimit: BigInt(200_000 + random.below(600_000)) })
      const { failed, gasUsed, execute } = roughExecution(random)
      const { transactions, record } = fillBlock(policy, context, { execute })
      const evidence = { ...(await evidenceOf(entries)), gasUsed, excused: failed }
      expect(judgeBlock(policy, blockOf(context, transactions), evidence)).toEqual([])
      expect(checkReplay(policy, record, { transactions })).toEqual([])
    }
  })

  it('starves nobody: whoever is executable is in within the blocks that the earlier arrivals need', () => {
    const random = seededRandom(testSeed(3))
    const entries = randomEntries(random, 200, 40)
    let left = entries
    let blocks = 0
    while (left.length > 0) {
      const { transactions } = fillBlock(policy, contextOf(left, { gasLimit: 500_000n }))
      expect(transactions.length).toBeGreaterThan(0)
      left = left.filter(entry => !transactions.includes(entry.transaction))
      blocks++
    }
    const gas = entries.reduce((sum, entry) => sum + entry.transaction.gasLimit, 0n)
    // A block is closed by the first that does not fit, so each is full but for less than the largest.
    expect(blocks).toBeLessThanOrEqual(Number(gas / (500_000n - 101_000n)) + 1)
  })

  it('catches a swap, a drop, a delay and a double', async () => {
    const random = seededRandom(testSeed(4))
    const entries = Array.from({ length: 10 }, (_, i) =>
      entryOf(fakeTransaction({ sender: testAddress(i), nonce: 0n }), i),
    )
    const evidence = await evidenceOf(entries)
    const context = contextOf(entries)
    const { transactions } = fillBlock(policy, context)
    for (let run = 0; run < runs({ suite: 40, soak: 800 }); run++) {
      const mutated = mutateOrder(transactions, random)
      expect(judgeBlock(policy, blockOf(context, mutated.transactions), evidence), mutated.kind).not.toEqual([])
    }
  })

  it('proves a latency inversion by receipts, and believes no others', async () => {
    const entries = [0, 1].map(i => entryOf(fakeTransaction({ sender: testAddress(i), nonce: 0n }), i))
    const context = contextOf(entries)
    const inverted = blockOf(context, [entries[1]!.transaction, entries[0]!.transaction])
    const evidence = await evidenceOf(entries)
    expect(rules(judgeBlock(policy, inverted, evidence))).toEqual(['first-come/inversion'])
    const forged = { ...evidence, receipts: await receiptsOf(entries, impostor) }
    expect(judgeBlock(policy, inverted, forged)).toEqual([])
  })

  it('proves contradicting and broken receipts', async () => {
    const [first, second] = [0, 1].map(i => entryOf(fakeTransaction({ sender: testAddress(i), nonce: 0n }), i))
    const block = blockOf(contextOf([first!, second!]), [first!.transaction, second!.transaction])
    const twice = [...(await receiptsOf([first!])), ...(await receiptsOf([{ ...second!, arrival: 0 }]))]
    expect(rules(policy.verify(block, { receipts: twice, sequencer: sequencer.address }))).toEqual([
      'first-come/equivocation',
    ])
    const moved = await receiptsOf([first!, { ...first!, arrival: 7 }])
    expect(rules(policy.verify(block, { receipts: moved, sequencer: sequencer.address }))).toContain(
      'first-come/equivocation',
    )
    const late = { receipts: await receiptsOf([first!]), sequencer: sequencer.address }
    expect(rules(policy.verify({ ...block, height: 5n, transactions: [] }, late))).toEqual(['first-come/late'])
    expect(policy.verify({ ...block, height: 4n, transactions: [] }, late)).toEqual([])
    expect(policy.verify({ ...block, height: 9n, transactions: [] }, { ...late, wasIncluded: () => true })).toEqual([])
  })

  it('takes only low-s signatures with v 27 or 28 for receipts', async () => {
    const [receipt] = await receiptsOf([entryOf(fakeTransaction({ sender: testAddress(0), nonce: 0n }), 0)])
    expect(receiptSigner(receipt!, domain)).toBe(sequencer.address.toLowerCase())
    const n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
    const s = n - BigInt(`0x${receipt!.signature.slice(66, 130)}`)
    const v = receipt!.signature.endsWith('1b') ? '1c' : '1b'
    const malleable = `${receipt!.signature.slice(0, 66)}${s.toString(16).padStart(64, '0')}${v}` as Hex
    expect(receiptSigner({ ...receipt!, signature: malleable }, domain)).toBeUndefined()
    expect(
      receiptSigner({ ...receipt!, signature: `${receipt!.signature.slice(0, 130)}00` as Hex }, domain),
    ).toBeUndefined()
    expect(receiptSigner({ ...receipt!, signature: '0x' }, domain)).toBeUndefined()
  })
})

describe('checkUniversal', () => {
  const alice = testAddress(0)
  const make = (nonce: bigint, fields: Partial<Transaction> = {}) =>
    fakeTransaction({ sender: alice, nonce, ...fields })
  const context = contextOf([])
  const forced = (transaction: Transaction, deadlineSeconds: bigint): ForcedTransaction => ({
    hash: transaction.hash,
    gasLimit: transaction.gasLimit,
    deadlineSeconds,
    transaction,
  })

  it('finds each breach by its name', () => {
    const first = make(0n)
    const check = (transactions: Transaction[], evidence: OrderingEvidence = {}) =>
      rules(checkUniversal(blockOf(context, transactions), evidence))
    expect(check([first, make(1n)], { nonceOf: () => 0n })).toEqual([])
    expect(check([first, make(2n)])).toEqual(['U2-nonces'])
    expect(check([make(1n)], { nonceOf: () => 0n })).toEqual(['U2-nonces'])
    expect(check([make(0n, { gasLimit: 30_000_001n })])).toEqual(['U3-gas'])
    expect(
      check([make(0n, { gasLimit: 20_000_000n }), make(1n, { gasLimit: 20_000_000n })], { gasUsed: [15_000_000n, 0n] }),
    ).toEqual(['U3-gas'])
    expect(check([first], { maxBlockBytes: 109 })).toEqual(['U3-bytes'])
    expect(check([make(0n, { maxFeePerGas: 49n })])).toEqual(['U4-base-fee'])
    expect(check([first, first])).toEqual(['U2-nonces', 'U5-duplicate'])
    expect(check([first], { wasIncluded: () => true })).toEqual(['U5-duplicate'])
  })

  it('holds the block to the L1 queue', () => {
    const [a, b, c] = [0, 1, 2].map(i => fakeTransaction({ sender: testAddress(i), nonce: 0n })) as [
      Transaction,
      Transaction,
      Transaction,
    ]
    const check = (transactions: Transaction[], queue: ForcedTransaction[], extra: OrderingEvidence = {}) =>
      rules(checkUniversal(blockOf(context, transactions), { forced: queue, ...extra }))
    const due = [forced(a, 1_000n), forced(b, 1_001n)]
    expect(check([a, b, c], due)).toEqual([])
    expect(check([a, c], due)).toEqual([])
    expect(check([c, a], due)).toEqual(['U1-forced-first'])
    expect(check([c], due)).toEqual(['U1-forced-due'])
    expect(check([c], [forced(a, 1_001n)])).toEqual([])
    expect(check([b, a, c], due)).toEqual(['U1-forced-order'])
    expect(check([b, c], due)).toEqual(['U1-forced-due', 'U1-forced-order'])
    expect(check([b, c], due, { excused: new Set([a.hash]) })).toEqual([])
    expect(check([c], due, { wasIncluded: hash => hash === a.hash || hash === b.hash })).toEqual([])
    const deposit: ForcedTransaction = { hash: a.hash, gasLimit: 1n, deadlineSeconds: 0n, transaction: undefined }
    expect(check([c], [deposit])).toEqual(['U1-forced-due'])
    expect(rules(checkUniversal({ ...blockOf(context, [c]), deposits: [a.hash] }, { forced: [deposit] }))).toEqual([])
    // A queue that fills the block alone may leave the rest for the next, but then nobody else is in it.
    const big = make(0n, { sender: testAddress(5), gasLimit: 29_990_000n })
    const full = [forced(big, 0n), forced(a, 0n)]
    expect(check([big], full)).toEqual([])
    expect(check([big, c], full)).toEqual(['U1-forced-due'])
  })
})

describe('forcedFirst and inSections', () => {
  const lane = testAddress(3)
  const composed: OrderingPolicy = forcedFirst(
    inSections<OrderingEvidence>([
      { policy: firstCome(), takes: transaction => transaction.sender === lane },
      { policy: priorityGas(), takes: () => true },
    ]),
  )

  it('composes: the queue, then the lane, then the rest, and the judge agrees', () => {
    const random = seededRandom(testSeed())
    let withForced = 0
    for (let run = 0; run < runs({ suite: 200, soak: 4_000 }); run++) {
      const entries = randomEntries(random, 30)
      const forced = Array.from({ length: random.below(3) }, (_, i): ForcedTransaction => {
        // One of the queue is also in the pool, as when somebody forces what the sequencer did not take.
        const pooled = entries.find(entry => entry.transaction.nonce === 0n)!.transaction
        const transaction = i === 0 ? pooled : fakeTransaction({ sender: testAddress(90 + i), nonce: 0n })
        return {
          hash: transaction.hash,
          gasLimit: transaction.gasLimit,
          deadlineSeconds: BigInt(900 + random.below(200)),
          transaction,
        }
      })
      const context = contextOf(entries, { forced, gasLimit: BigInt(300_000 + random.below(2_000_000)) })
      const { failed, gasUsed, execute } = roughExecution(random)
      const { transactions, record } = fillBlock(composed, context, { execute })
      withForced += forced.length
      const evidence: OrderingEvidence = { pending: entries, forced, nonceOf: () => 0n, gasUsed, excused: failed }
      expect(judgeBlock(composed, blockOf(context, transactions), evidence)).toEqual([])
      expect(checkReplay(composed, record, { transactions })).toEqual([])
    }
    expect(withForced).toBeGreaterThan(100)
  })

  it('catches who stands before its section', () => {
    const inLane = fakeTransaction({ sender: lane, nonce: 0n })
    const outside = fakeTransaction({ sender: testAddress(0), nonce: 0n })
    const context = contextOf([entryOf(inLane, 1), entryOf(outside, 0)])
    expect(fillBlock(composed, context).transactions).toEqual([inLane, outside])
    expect(rules(composed.verify(blockOf(context, [outside, inLane]), {}))).toEqual(['sections/order'])
  })
})
