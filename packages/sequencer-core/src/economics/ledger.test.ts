import { isL2Error } from '@l2/common'
import { codeOf, seededRandom, testSeed } from '@l2/common/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type GasTokenPrice, toGasToken } from '../fees/gas-token.js'
import {
  bookEvent,
  costPerTransaction,
  createLedger,
  type EconomicEvent,
  type LedgerEntry,
  type LedgerState,
  plannedPostingCost,
  unpostedFees,
} from './ledger.js'
import { type EconomicRecord, noFees } from './records.js'
import { ledgerCsv, ledgerJson } from './report.js'
import { parties } from './split.js'

function randomEvent(random: ReturnType<typeof seededRandom>, state: LedgerState, height: bigint): EconomicEvent {
  const amount = (): bigint => BigInt(random.uint32()) * BigInt(random.uint32()) * BigInt(random.below(3))
  const kind = random.below(10)
  if (kind < 5) {
    const fees = {
      baseFees: amount(),
      priorityFees: amount(),
      l1Fees: amount(),
      operatorFees: amount(),
      auctionRevenue: amount(),
    }
    return { type: 'block', number: height, transactions: random.below(100), ...fees }
  }
  if (kind < 8) {
    const firstBlock = height > 20n ? height - BigInt(random.below(20)) : 0n
    const costs = { blobGas: amount(), executionGas: amount(), altDa: amount() }
    return { type: 'batch', id: String(height), firstBlock, lastBlock: height, bytes: random.below(1e6), ...costs }
  }
  if (kind < 9) return { type: 'settle', postingCost: random.bool() ? amount() : undefined }
  const party = random.pick(parties)
  return { type: 'payout', party, amount: -state.balances[`owed:${party}`] }
}

const owedOf = (state: LedgerState): bigint => parties.reduce((sum, party) => sum - state.balances[`owed:${party}`], 0n)
const sum = (records: readonly EconomicRecord[], field: 'feesIn' | 'costsOut' | 'profit'): bigint =>
  records.reduce((total, record) => total + record[field], 0n)

describe('ledger', () => {
  it('conserves every unit over random histories: all debits are credits, and the vault holds what it owes', () => {
    const random = seededRandom(testSeed())
    for (let history = 0; history < 40; history++) {
      let state = createLedger()
      const entries: LedgerEntry[] = []
      const records: EconomicRecord[] = []
      for (let step = 1n; step <= 200n; step++) {
        const event = randomEvent(random, state, step)
        if (event.type === 'payout' && event.amount === 0n) continue
        const next = bookEvent(state, event)
        state = next.state
        entries.push(...next.entries)
        if (next.record !== undefined) records.push(next.record)
        expect(Object.values(state.balances).reduce((total, balance) => total + balance, 0n)).toBe(0n)
        expect(state.balances.vault).toBeGreaterThanOrEqual(owedOf(state))
      }
      const settled = bookEvent(state, { type: 'settle' }).state
      const { feesIn, costsOut, profit, paidOut } = settled.totals
      const loss = settled.balances.result
      const accrued = -settled.balances.accrued
      // In = spent + owed + held back + paid out, less the loss that the L1 wallet has advanced and not seen again.
      expect(feesIn).toBe(costsOut + owedOf(settled) + accrued + paidOut - loss)
      expect(profit).toBe(feesIn - costsOut)
      expect(settled.balances.vault).toBe(owedOf(settled) + accrued)
      expect(-settled.balances['l1-wallet']).toBe(loss)

      const blocks = records.filter(({ type }) => type === 'block')
      const batches = records.filter(({ type }) => type === 'batch')
      const waiting = settled.unposted.reduce((total, { fees }) => total + fees.baseFees, 0n)
      expect(sum(blocks, 'feesIn')).toBe(feesIn)
      expect(sum(batches, 'costsOut')).toBe(costsOut)
      expect(batches.reduce((total, { baseFees }) => total + baseFees, waiting)).toBe(settled.totals.fees.baseFees)
      expect(records.every((record, index) => record.index === index)).toBe(true)
      expect(records.every(record => record.profit === record.feesIn - record.costsOut)).toBe(true)

      expect(entries.every((entry, index) => entry.index === index && entry.amount > 0n)).toBe(true)
      const read = JSON.parse(ledgerJson(entries)) as (Omit<LedgerEntry, 'amount'> & { amount: string })[]
      expect(read.map(entry => ({ ...entry, amount: BigInt(entry.amount) }))).toEqual(entries)
      expect(ledgerCsv(entries).trim().split('\n')).toHaveLength(entries.length + 1)
    }
  })

  it('shares out nothing that unposted blocks will need', () => {
    // Fees of 100 a block, a batch of 4,500 every fifty blocks, a settlement after every block: the report's case.
    const run = (settle: (state: LedgerState) => EconomicEvent) => {
      let state = createLedger({ split: { stakers: 10_000 } })
      let paid = 0n
      let lowest = 0n
      const book = (event: EconomicEvent): void => {
        state = bookEvent(state, event).state
      }
      for (let number = 1n; number <= 100n; number++) {
        book({ type: 'block', number, transactions: 1, ...noFees, baseFees: 100n })
        book(settle(state))
        const owed = -state.balances['owed:stakers']
        if (owed > 0n) book({ type: 'payout', party: 'stakers', amount: owed })
        paid += owed
        if (number % 50n === 0n) {
          const range = { id: `b${number}`, firstBlock: number - 49n, lastBlock: number, bytes: 1 }
          book({ type: 'batch', ...range, blobGas: 4_500n, executionGas: 0n, altDa: 0n })
          book(settle(state))
          const rest = -state.balances['owed:stakers']
          if (rest > 0n) book({ type: 'payout', party: 'stakers', amount: rest })
          paid += rest
          if (state.balances['l1-wallet'] < lowest) lowest = state.balances['l1-wallet']
        }
      }
      return { paid, lowest, profit: state.totals.profit }
    }
    expect(run(() => ({ type: 'settle' }))).toEqual({ paid: 1000n, lowest: 0n, profit: 1000n })
    // By a plan that is right, and one that thinks it costs more than it does: shared sooner, and never more.
    for (const units of [90_000n, 97_000n]) {
      const plan = (state: LedgerState): EconomicEvent => ({
        type: 'settle',
        postingCost: plannedPostingCost(state, units),
      })
      expect(run(plan)).toEqual({ paid: 1000n, lowest: 0n, profit: 1000n })
    }
  })

  it('holds back what it is told to and trues it up: a plan that was too low is a loss of the next settlement', () => {
    let state = createLedger({ split: { stakers: 10_000 } })
    const book = (event: EconomicEvent): void => {
      state = bookEvent(state, event).state
    }
    book({ type: 'block', number: 1n, transactions: 2, ...noFees, baseFees: 100n })
    expect(unpostedFees(state)).toBe(100n)
    book({ type: 'settle', postingCost: 30n })
    expect([-state.balances.accrued, -state.balances['owed:stakers']]).toEqual([30n, 70n])
    const range = { id: 'a', firstBlock: 1n, lastBlock: 1n, bytes: 1 }
    book({ type: 'batch', ...range, blobGas: 45n, executionGas: 0n, altDa: 0n })
    book({ type: 'settle' })
    expect([state.balances.accrued, state.balances.result, -state.balances['l1-wallet']]).toEqual([0n, 15n, 15n])
    book({ type: 'block', number: 2n, transactions: 2, ...noFees, baseFees: 100n })
    book({ type: 'settle', postingCost: 0n })
    expect([-state.balances['owed:stakers'], state.balances['l1-wallet']]).toEqual([155n, 0n])
    expect(codeOf(() => book({ type: 'settle', postingCost: -1n }))).toBe('ECONOMICS_INVALID')
  })

  it('conserves every unit whatever the decimals of the gas token and its price', () => {
    const wei = fc.bigInt(0n, 10n ** 20n)
    const arbitrary = fc.record({
      decimals: fc.integer({ min: 0, max: 18 }),
      perEth: fc.bigInt(1n, 10n ** 9n),
      blocks: fc.array(wei, { minLength: 1, maxLength: 20 }),
      costs: fc.array(fc.tuple(wei, wei), { maxLength: 10 }),
    })
    fc.assert(
      fc.property(arbitrary, ({ decimals, perEth, blocks, costs }) => {
        const price: GasTokenPrice = {
          tokenUnits: perEth * 10n ** BigInt(decimals),
          perWei: 10n ** 18n,
          observedAtSeconds: 0n,
        }
        let state = createLedger()
        const book = (event: EconomicEvent): void => {
          state = bookEvent(state, event).state
        }
        for (const [index, fee] of blocks.entries()) {
          const baseFees = (fee * price.tokenUnits) / price.perWei
          book({ type: 'block', number: BigInt(index), transactions: 1, ...noFees, baseFees })
        }
        for (const [index, [blob, execution]] of costs.entries()) {
          const range = { id: String(index), firstBlock: 0n, lastBlock: BigInt(blocks.length), bytes: 1 }
          const spent = { blobGas: toGasToken(blob, price), executionGas: toGasToken(execution, price), altDa: 0n }
          book({ type: 'batch', ...range, ...spent })
        }
        book({ type: 'settle', postingCost: 0n })
        for (const party of parties) {
          const amount = -state.balances[`owed:${party}`]
          if (amount > 0n) book({ type: 'payout', party, amount })
        }
        const { feesIn, costsOut, profit, paidOut } = state.totals
        expect(paidOut).toBe(profit > 0n ? profit : 0n)
        expect(feesIn - costsOut).toBe(profit)
        expect(state.balances.vault).toBe(0n)
        expect(state.balances['l1-wallet']).toBe(profit < 0n ? profit : 0n)
      }),
    )
  })

  const batchOf = (id: string, firstBlock: bigint, lastBlock: bigint, blobGas: bigint): EconomicEvent => ({
    type: 'batch',
    id,
    firstBlock,
    lastBlock,
    bytes: 1,
    blobGas,
    executionGas: 0n,
    altDa: 0n,
  })
  const blockOf = (number: bigint, baseFees: bigint): EconomicEvent => ({
    type: 'block',
    number,
    transactions: 1,
    ...noFees,
    baseFees,
  })

  it('carries a loss into the next settlement, at the expense of the wallet that advanced it and of nobody who is owed', () => {
    let state = createLedger({ split: { treasury: 10_000 } })
    const apply = (...events: EconomicEvent[]): void => {
      for (const event of events) state = bookEvent(state, event).state
    }
    apply(blockOf(1n, 40n), { type: 'settle', postingCost: 0n })
    expect(-state.balances['owed:treasury']).toBe(40n)
    apply(blockOf(2n, 10n), batchOf('a', 1n, 2n, 25n), { type: 'settle' })
    expect(-state.balances['owed:treasury']).toBe(40n)
    expect(state.balances['l1-wallet']).toBe(-15n)
    // What is owed can be paid out in full, loss or no loss.
    apply({ type: 'payout', party: 'treasury', amount: 40n }, blockOf(3n, 18n), { type: 'settle', postingCost: 0n })
    expect(-state.balances['owed:treasury']).toBe(3n)
    expect(state.balances['l1-wallet']).toBe(0n)
  })

  it('gives a batch the fees of the blocks that it is the first to carry', () => {
    let state = createLedger()
    const records: (EconomicRecord | undefined)[] = []
    for (const event of [
      ...[1n, 2n, 3n, 4n].map(number => blockOf(number, number * 10n)),
      batchOf('first half', 1n, 2n, 5n),
      batchOf('its second transaction', 1n, 2n, 7n),
      batchOf('too late for block 2', 2n, 3n, 9n),
    ]) {
      const booked = bookEvent(state, event)
      state = booked.state
      records.push(booked.record)
    }
    expect(records.slice(4).map(record => [record!.transactions, record!.feesIn, record!.profit])).toEqual([
      [2, 30n, 25n],
      [0, 0n, -7n],
      [1, 30n, 21n],
    ])
    expect(state.unposted.map(({ number }) => number)).toEqual([4n])
    expect(costPerTransaction(state)).toBe(7n)
    expect(costPerTransaction(createLedger())).toBe(0n)
  })

  it.each<[string, EconomicEvent]>([
    ['a block twice', blockOf(1n, 0n)],
    ['a negative fee', blockOf(2n, -1n)],
    ['half a transaction', { ...blockOf(2n, 0n), transactions: 0.5 } as EconomicEvent],
    ['a batch that ends before it begins', batchOf('a', 2n, 1n, 0n)],
    ['a batch of no known size', { ...batchOf('a', 1n, 1n, 0n), bytes: Number.NaN } as EconomicEvent],
    ['a payout of what is not owed', { type: 'payout', party: 'users', amount: 1n }],
    ['a payout to nobody', { type: 'payout', party: 'friends', amount: 1n } as never],
  ])('refuses %s and stays as it was', (_, event) => {
    const { state } = bookEvent(createLedger(), blockOf(1n, 5n))
    const before = structuredClone(state)
    let error: unknown
    try {
      bookEvent(state, event)
    } catch (thrown) {
      error = thrown
    }
    expect(isL2Error(error, 'ECONOMICS_INVALID')).toBe(true)
    expect(state).toEqual(before)
  })
})

it('a rollback takes out what blocks had brought; what was shared out of it is made good like a loss', () => {
  const fees = { baseFees: 80n, priorityFees: 20n, l1Fees: 5n, operatorFees: 3n, auctionRevenue: 2n }
  const block = (number: bigint): EconomicEvent => ({ type: 'block', number, transactions: 3, ...fees })
  const book = (state: LedgerState, ...events: EconomicEvent[]): LedgerState =>
    events.reduce((at, event) => bookEvent(at, event).state, state)
  const start = book(createLedger({ split: { users: 10_000 } }), block(1n), block(2n))
  const two = { baseFees: 160n, priorityFees: 40n, l1Fees: 10n, operatorFees: 6n, auctionRevenue: 4n }
  const back: EconomicEvent = { type: 'rollback', to: 2n, transactions: 6, ...two }

  // Nothing was settled in between: the books are what they were, but for the entries that say so.
  const again = book(start, block(3n), block(4n), back)
  expect([again.balances, again.totals, again.unposted, again.lastBlock]).toEqual([
    ...[start.balances, start.totals, start.unposted, start.lastBlock],
  ])

  // Shared out meanwhile: nothing more is until later profits have made it good.
  const shared = book(start, block(3n), block(4n), { type: 'settle', postingCost: 0n })
  expect(-shared.balances['owed:users']).toBe(440n)
  const short = book(shared, back, { type: 'settle', postingCost: 0n })
  expect([-short.balances['owed:users'], short.balances.vault, short.totals.profit]).toEqual([440n, 220n, 220n])
  const made = book(short, block(3n), block(4n), block(5n), { type: 'settle', postingCost: 0n })
  expect(-made.balances['owed:users']).toBe(550n)
  expect(made.balances.vault).toBe(550n)
  const { entries, record } = bookEvent(shared, back)
  expect(entries.every(({ amount }) => amount > 0n)).toBe(true)
  expect(record).toMatchObject({ type: 'rollback', firstBlock: 3n, lastBlock: 4n, transactions: -6, profit: -220n })
  expect(
    bookEvent(book(shared, back), { type: 'settle', postingCost: 0n }).entries.every(({ amount }) => amount > 0n),
  ).toBe(true)

  for (const to of [4n, 5n]) expect(codeOf(() => bookEvent(shared, { ...back, to }))).toBe('ECONOMICS_INVALID')
  expect(codeOf(() => bookEvent(createLedger(), { ...back, to: 0n }))).toBe('ECONOMICS_INVALID')
})
