import { codeOf, runs, seededRandom, testSeed } from '@l2/common/testing'
import fc from 'fast-check'
import { type Hash, keccak256, zeroHash } from 'viem'
import { describe, expect, it } from 'vitest'
import { fakeTransaction, testAddress } from '../mempool/testdata/fake.js'
import type { PooledTransaction } from '../mempool/types.js'
import type { Transaction } from '../transaction/types.js'
import { checkReplay, fillBlock } from './fill.js'
import { firstCome } from './first-come.js'
import {
  createSliceReceiver,
  type FlashblockEvidence,
  flashblocks,
  foldSlices,
  hashSlice,
  type Slice,
} from './flashblocks.js'
import { constantProduct, type GreedyParameters, greedySequencing, type Reserves, type Trade } from './greedy.js'
import type { BlockContext, Violation } from './policy.js'
import { priorityGas } from './priority-gas.js'
import { seededShuffle, selectForShuffle, shuffleCommitment } from './shuffle.js'
import { blockOf, contextOf, entryOf, mutateOrder, poolOf, randomEntries } from './testdata/fake.js'
import { judgeBlock } from './universal.js'

const rules = (violations: readonly Violation[]): string[] => [...new Set(violations.map(each => each.rule))].sort()
/** Entries whose bytes are their own, so that slices can carry them. */
function realBytes(
  entries: readonly PooledTransaction[],
  random: ReturnType<typeof seededRandom>,
): PooledTransaction[] {
  return entries.map(entry => {
    const raw = random.bytes(64)
    // As an EIP-1559 transaction begins; 0x7e would be a deposit.
    raw[0] = 2
    return { ...entry, transaction: { ...entry.transaction, raw, hash: keccak256(raw) } }
  })
}

describe('flashblocks', () => {
  const policy = flashblocks(priorityGas())

  /** Fills a block slice by slice, as a builder does, with arrivals between the slices; `stopAt` kills it there. */
  function build(context: BlockContext, arrivals: readonly (readonly PooledTransaction[])[], stopAt = 10) {
    const visible: PooledTransaction[] = []
    const live = {
      pendingCount: 0,
      pendingBySender: () => poolOf(visible).pendingBySender(),
      bundlesFor: () => [],
    }
    visible.push(...(arrivals[0] ?? []))
    const ordering = policy.open({ ...context, pool: live })
    const { height, timestamp, gasLimit, baseFeePerGas } = context
    const header = { parentHash: zeroHash, height, timestamp, gasLimit, baseFeePerGas }
    const slices: Slice[] = [
      {
        payloadId: '0x0102030405060708',
        index: 0,
        header,
        previous: zeroHash,
        transactions: [],
        cumulativeGasUsed: 0n,
      },
    ]
    const seal = () => {
      const previous = slices.at(-1)!
      slices.push({
        ...previous,
        index: slices.length,
        previous: hashSlice(previous),
        transactions: added,
        cumulativeGasUsed: gas,
      })
      added = []
    }
    const transactions: Transaction[] = []
    let added: Uint8Array[] = []
    let gas = 0n
    let nowMs = context.nowMs
    for (;;) {
      const step = ordering.next({ nowMs, gasLeft: gasLimit - gas, bytesLeft: 1e9 })
      if (step.type === 'take') {
        for (const { transaction } of step.entries) {
          transactions.push(transaction)
          added.push(transaction.raw)
          gas += transaction.gasLimit
        }
        ordering.settle('included')
        continue
      }
      seal()
      if (step.type === 'done' || slices.length > stopAt) break
      nowMs = step.untilMs
      visible.push(...(arrivals[slices.length - 1] ?? []))
    }
    return { slices, transactions }
  }

  function scenario(seed: number) {
    const random = seededRandom(seed)
    const entries = realBytes(
      randomEntries(random, 40, 40).map((each, i) =>
        entryOf({ ...each.transaction, sender: testAddress(i), nonce: 0n }, i),
      ),
      random,
    )
    const arrivals = Array.from({ length: 10 }, (_, i) => entries.slice(4 * i, 4 * i + 4))
    return { random, context: contextOf(entries, { gasLimit: 3_000_000n }), arrivals }
  }

  it('seals what it showed, and every prefix of what it showed is a block', () => {
    for (let seed = 1; seed <= runs({ suite: 25, soak: 500 }); seed++) {
      const { context, arrivals } = scenario(seed)
      const { slices, transactions } = build(context, arrivals)
      expect(slices.map(slice => slice.index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      expect(foldSlices(slices).transactions).toEqual(transactions.map(each => each.raw))
      expect(judgeBlock(policy, blockOf(context, transactions), { slices, nonceOf: () => 0n })).toEqual([])
      // Killed at any slice: what was shown is sealed as it is.
      for (let end = 1; end <= slices.length; end++) {
        const shown = slices.slice(0, end)
        const count = foldSlices(shown).transactions.length
        expect(
          judgeBlock(policy, blockOf(context, transactions.slice(0, count)), { slices: shown, nonceOf: () => 0n }),
        ).toEqual([])
      }
      const killed = build(context, arrivals, 1 + (seed % 10))
      expect(killed.transactions).toEqual(transactions.slice(0, killed.transactions.length))
    }
  })

  it('spreads gas over the slices', () => {
    const { context } = scenario(1)
    const entries = Array.from({ length: 60 }, (_, i) => {
      const raw = Uint8Array.of(1, i)
      return entryOf(
        fakeTransaction({ sender: testAddress(i), nonce: 0n, gasLimit: 100_000n, raw, hash: keccak256(raw) }),
        i,
      )
    })
    const { slices } = build({ ...context, gasLimit: 2_000_000n }, [entries])
    expect(slices.map(slice => slice.cumulativeGasUsed)).toEqual(
      [0n, 2n, 4n, 6n, 8n, 10n, 12n, 14n, 16n, 18n, 20n].map(each => each * 100_000n),
    )
    expect(codeOf(() => flashblocks(priorityGas(), { sliceMs: 300 }))).toBe('POLICY_PARAMETERS')
  })

  it('catches a block that is not what was shown, and slices that do not fit together', () => {
    const { context, arrivals, random } = scenario(3)
    const { slices, transactions } = build(context, arrivals)
    const judge = (order: Transaction[], shown: Slice[]) =>
      rules(policy.verify(blockOf(context, order), { slices: shown } as FlashblockEvidence))
    for (let run = 0; run < runs({ suite: 40, soak: 800 }); run++)
      expect(judge(mutateOrder(transactions, random).transactions, slices)).toContain('flashblocks/fold')
    expect(
      judge(
        transactions,
        slices.filter(slice => slice.index !== 4),
      ),
    ).toContain('flashblocks/chain')
    const other = { ...slices[4]!, transactions: [] }
    expect(judge(transactions, [...slices, other])).toEqual(['flashblocks/equivocation'])
    expect(judge(transactions, [...slices, { ...slices[4]! }])).toEqual([])
    const greedy = slices.map(slice => (slice.index === 2 ? { ...slice, cumulativeGasUsed: 900_000n } : slice))
    expect(judge(transactions, greedy)).toEqual(expect.arrayContaining(['flashblocks/budget', 'flashblocks/chain']))
    expect(rules(policy.verify(blockOf(context, transactions), {}))).toEqual(['flashblocks/evidence-missing'])
    const late = { ...slices[5]!, header: { ...slices[5]!.header, timestamp: 7n } }
    expect(
      judge(
        transactions,
        slices.map(slice => (slice.index === 5 ? late : slice)),
      ),
    ).toContain('flashblocks/chain')
  })

  it('receives slices out of order, twice, and with a forged one in between', () => {
    const { context, arrivals } = scenario(4)
    const { slices } = build(context, arrivals)
    fc.assert(
      fc.property(fc.shuffledSubarray(slices, { minLength: slices.length }), order => {
        const receiver = createSliceReceiver()
        const out = order.flatMap(slice => [...receiver.push(slice), ...receiver.push({ ...slice })])
        expect(out).toEqual(slices)
        expect(receiver.slices).toEqual(slices)
      }),
      { seed: testSeed(), numRuns: runs({ suite: 50, soak: 1_000 }) },
    )
    const receiver = createSliceReceiver(2)
    receiver.push(slices[0]!)
    expect(codeOf(() => receiver.push({ ...slices[0]!, cumulativeGasUsed: 1n }))).toBe('SLICE_INVALID')
    expect(codeOf(() => receiver.push({ ...slices[1]!, previous: zeroHash }))).toBe('SLICE_INVALID')
    expect(codeOf(() => receiver.push(slices[4]!))).toBe('SLICE_INVALID')
    // A forged one that waited breaks the chain when its turn comes, and gives its place to the right one.
    expect(receiver.push({ ...slices[2]!, previous: zeroHash })).toEqual([])
    expect(receiver.push(slices[1]!)).toEqual([slices[1]])
    expect(receiver.push(slices[2]!)).toEqual([slices[2]])
  })
})

describe('seededShuffle', () => {
  const seedOf = (n: number): Hash => keccak256(Uint8Array.of(n))

  function round(seed: number, count = 24) {
    const random = seededRandom(seed)
    const entries = realBytes(randomEntries(random, count), random)
    const context = contextOf(entries, { gasLimit: 1_500_000n })
    const list = selectForShuffle(context, firstCome(), 1_000_000)
    const hashes = list.map(entry => entry.transaction.hash)
    return { random, context, list, hashes, commitment: shuffleCommitment(hashes) }
  }

  it('builds what the seed says, and its judge accepts just that', () => {
    for (let seed = 1; seed <= runs({ suite: 40, soak: 800 }); seed++) {
      const { random, context, list, hashes, commitment } = round(seed)
      const policy = seededShuffle(() => ({ list, seed: seedOf(seed) }))
      const failed = new Set<Hash>()
      const { transactions, record } = fillBlock(policy, context, {
        execute: entries => {
          const { transaction } = entries[0]!
          if (!random.bool(0.1)) return { outcome: 'included', gasUsed: transaction.gasLimit }
          // Whoever comes behind a failed one of its own fails as well.
          for (const entry of list)
            if (entry.transaction.sender === transaction.sender && entry.transaction.nonce >= transaction.nonce)
              failed.add(entry.transaction.hash)
          return { outcome: 'failed', gasUsed: 0n }
        },
      })
      const shuffle = { commitment, list: hashes, seed: seedOf(seed) }
      const evidence = { shuffle, nonceOf: () => 0n, excused: failed }
      expect(judgeBlock(policy, blockOf(context, transactions), evidence)).toEqual([])
      expect(checkReplay(policy, record, { transactions })).toEqual([])
      expect(shuffleCommitment([...hashes].reverse())).toBe(commitment)
    }
  })

  it('catches other orders, other lists and omissions', () => {
    const { random, context, list, hashes, commitment } = round(9)
    const seed = seedOf(9)
    const policy = seededShuffle(() => ({ list, seed }))
    const { transactions } = fillBlock(policy, context)
    const judge = (order: readonly Transaction[], shuffle = { commitment, list: hashes, seed }) =>
      rules(policy.verify(blockOf(context, order), { shuffle }))
    expect(judge(transactions)).toEqual([])
    for (let run = 0; run < runs({ suite: 60, soak: 1_200 }); run++) {
      const { kind, transactions: changed } = mutateOrder(transactions, random)
      // Neighbours of one sender are told apart by nonce, which U2 judges.
      if (kind !== 'double') expect(judge(changed), kind).not.toEqual([])
    }
    let accepted = 0
    for (let run = 0; run < runs({ suite: 200, soak: 4_000 }); run++) {
      const order = [...transactions].sort(() => random.float() - 0.5)
      if (judge(order).length === 0) accepted++
    }
    expect(accepted).toBe(0)
    expect(judge(transactions, { commitment, list: hashes.slice(1), seed })).toContain('shuffle/commitment')
    expect(judge(transactions, { commitment, list: hashes, seed: seedOf(10) })).toContain('shuffle/order')
    expect(rules(policy.verify(blockOf(context, transactions), {}))).toEqual(['shuffle/evidence-missing'])
    expect(
      fillBlock(
        seededShuffle(() => undefined),
        context,
      ).transactions,
    ).toEqual([])
  })

  it('gives every place to every sender about as often', () => {
    const entries = Array.from({ length: 4 }, (_, i) => {
      const raw = Uint8Array.of(i)
      return entryOf(fakeTransaction({ sender: testAddress(i), nonce: 0n, raw, hash: keccak256(raw) }), i)
    })
    const counts = Array.from({ length: 4 }, () => [0, 0, 0, 0])
    for (let run = 0; run < runs({ suite: 2_000, soak: 40_000 }); run++) {
      const policy = seededShuffle(() => ({ list: entries, seed: keccak256(Uint8Array.of(run >> 8, run & 255)) }))
      const { transactions } = fillBlock(policy, contextOf(entries))
      for (const [place, { sender }] of transactions.entries())
        counts[entries.findIndex(entry => entry.transaction.sender === sender)]![place]!++
    }
    // 500 expected in each cell, standard deviation 19: six of them.
    for (const row of counts) for (const cell of row) expect(Math.abs(cell - 500)).toBeLessThan(120)
  })
})

describe('greedySequencing', () => {
  const start: Reserves = { base: 10n ** 24n, quote: 10n ** 24n }
  const trades = new Map<Hash, Trade>()
  const parameters: GreedyParameters = {
    tradeOf: transaction => trades.get(transaction.hash),
    reservesAt: () => start,
    apply: constantProduct(0),
  }
  const policy = greedySequencing(parameters)
  const tradeBy = (sender: number, side: 'buy' | 'sell', amountIn: bigint, nonce = 0n): Transaction => {
    const transaction = fakeTransaction({ sender: testAddress(sender), nonce })
    trades.set(transaction.hash, { side, amountIn })
    return transaction
  }
  const randomTrades = (random: ReturnType<typeof seededRandom>, count: number) =>
    Array.from({ length: count }, (_, i) =>
      random.bool(0.2)
        ? fakeTransaction({ sender: testAddress(i), nonce: 0n })
        : tradeBy(i, random.bool() ? 'buy' : 'sell', BigInt(1 + random.below(1_000)) * 10n ** 20n),
    )

  it('builds orders that its judge accepts, whatever fails meanwhile', () => {
    const random = seededRandom(testSeed())
    for (let run = 0; run < runs({ suite: 300, soak: 6_000 }); run++) {
      const transactions = randomTrades(random, 2 + random.below(14))
      // Some senders have more behind: another trade waits for the next block.
      const senders = Math.min(3, transactions.length)
      for (let i = 0; i < senders; i++) transactions.push(tradeBy(i, 'buy', 10n ** 20n, 1n))
      const context = contextOf(transactions.map((transaction, i) => entryOf(transaction, i)))
      const built = fillBlock(policy, context, {
        execute: entries =>
          random.bool(0.15)
            ? { outcome: 'failed', gasUsed: 0n }
            : { outcome: 'included', gasUsed: entries[0]!.transaction.gasLimit },
      })
      expect(judgeBlock(policy, blockOf(context, built.transactions), { nonceOf: () => 0n })).toEqual([])
      expect(checkReplay(policy, built.record, built)).toEqual([])
      for (let i = 0; i < 3; i++)
        expect(
          built.transactions.filter(each => each.sender === testAddress(i) && trades.has(each.hash)).length,
        ).toBeLessThanOrEqual(1)
    }
  })

  it('rejects a random order most of the time', () => {
    const random = seededRandom(testSeed(2))
    let rejected = 0
    for (let run = 0; run < runs({ suite: 200, soak: 4_000 }); run++) {
      const transactions = Array.from({ length: 16 }, (_, i) =>
        tradeBy(i, i % 2 === 0 ? 'buy' : 'sell', BigInt(1 + random.below(1_000)) * 10n ** 20n),
      )
      const order = transactions
        .map(each => ({ each, at: random.float() }))
        .sort((a, b) => a.at - b.at)
        .map(({ each }) => each)
      if (policy.verify(blockOf(contextOf([]), order), {}).length > 0) rejected++
    }
    expect(rejected).toBeGreaterThan(190)
  })

  /** What each trade of an order gets, and what the attacker has gained of both assets. */
  function simulate(order: readonly Transaction[], attacker: string) {
    const apply = constantProduct(0)
    const got = new Map<Hash, bigint>()
    let reserves = start
    const gain = { base: 0n, quote: 0n }
    for (const transaction of order) {
      const trade = trades.get(transaction.hash)!
      const after = apply(reserves, trade)
      got.set(transaction.hash, trade.side === 'buy' ? reserves.base - after.base : reserves.quote - after.quote)
      if (transaction.sender === attacker) {
        gain.base -= after.base - reserves.base
        gain.quote -= after.quote - reserves.quote
      }
      reserves = after
    }
    return { got, gain }
  }

  function* permutations<T>(items: readonly T[]): Iterable<T[]> {
    if (items.length === 0) yield []
    for (const [i, item] of items.entries())
      for (const rest of permutations([...items.slice(0, i), ...items.slice(i + 1)])) yield [item, ...rest]
  }

  /** Whether an order gains the attacker something for nothing while a user gets less than alone. */
  function isSandwich(order: readonly Transaction[], attacker: string): boolean {
    const { got, gain } = simulate(order, attacker)
    const isRiskless = gain.base >= 0n && gain.quote >= 0n && gain.base + gain.quote > 0n
    return (
      isRiskless &&
      order.some(
        each => each.sender !== attacker && got.get(each.hash)! < simulate([each], attacker).got.get(each.hash)!,
      )
    )
  }

  it('allows no order in which a sandwich pays, though without it many do', () => {
    const random = seededRandom(testSeed(3))
    let sandwiches = 0
    let allowed = 0
    for (let run = 0; run < runs({ suite: 150, soak: 3_000 }); run++) {
      const attacker = testAddress(77)
      const amount = BigInt(1 + random.below(2_000)) * 10n ** 20n
      const front = tradeBy(77, 'buy', amount)
      // Sells just what the first purchase bought, or a little less; sometimes the other way round, or with one trade more.
      const bought = start.base - constantProduct(0)(start, { side: 'buy', amountIn: amount }).base
      const back = tradeBy(77, 'sell', bought - BigInt(random.below(3)) * 10n ** 18n)
      const more = random.bool()
        ? [tradeBy(77, random.bool() ? 'buy' : 'sell', BigInt(1 + random.below(500)) * 10n ** 20n)]
        : []
      // One user: whatever the attacker gains for nothing is then taken from it.
      const victim = tradeBy(1, random.bool() ? 'buy' : 'sell', BigInt(1 + random.below(2_000)) * 10n ** 20n)
      for (const order of permutations([front, back, ...more, victim])) {
        const sandwich = isSandwich(order, attacker)
        if (sandwich) sandwiches++
        if (policy.verify(blockOf(contextOf([]), order), {}).length > 0) continue
        allowed++
        expect(sandwich).toBe(false)
      }
    }
    expect(sandwiches).toBeGreaterThan(20)
    expect(allowed).toBeGreaterThan(50)
  })

  it('keeps what a constant product keeps, and rounds against the trader', () => {
    fc.assert(
      fc.property(
        fc.bigInt(1n, 10n ** 24n),
        fc.constantFrom('buy' as const, 'sell' as const),
        fc.nat(100),
        (amountIn, side, feeBps) => {
          const after = constantProduct(feeBps)(start, { side, amountIn })
          expect(after.base * after.quote).toBeGreaterThanOrEqual(start.base * start.quote)
        },
      ),
      { seed: testSeed() },
    )
  })
})
