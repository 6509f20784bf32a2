import { isL2Error } from '@l2/common'
import { seededRandom, testSeed } from '@l2/common/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bookEvent,
  createLedger,
  type EconomicEvent,
  type LedgerEntry,
  type LedgerState,
  ledgerCsv,
  ledgerJson,
} from './ledger.js'
import { parties, type SplitBps, splitAmount } from './split.js'

const splitArbitrary: fc.Arbitrary<SplitBps> = fc
  .array(fc.integer({ min: 0, max: 10_000 }), { minLength: parties.length - 1, maxLength: parties.length - 1 })
  .map(cuts => {
    const marks = [0, ...cuts.sort((a, b) => a - b), 10_000]
    return Object.fromEntries(parties.map((party, index) => [party, marks[index + 1]! - marks[index]!]))
  })

describe('splitAmount', () => {
  it('neither makes nor loses a unit, and rounds every share down', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10n ** 30n),
        splitArbitrary,
        fc.constantFrom(...parties),
        (amount, split, remainderTo) => {
          const shares = splitAmount(amount, split, remainderTo)
          expect(Object.values(shares).reduce((sum, share) => sum + share, 0n)).toBe(amount)
          for (const party of parties) {
            const exact = amount * BigInt(split[party] ?? 0)
            if (party !== remainderTo) expect(shares[party]).toBe(exact / 10_000n)
            else expect(shares[party] * 10_000n).toBeGreaterThanOrEqual(exact)
          }
        },
      ),
    )
  })

  it('refuses shares that are not a whole', () => {
    expect(() => splitAmount(1n, { sequencer: 9_999 }, 'treasury')).toThrow('9999 basis points')
    expect(() => splitAmount(1n, { sequencer: 10_001 }, 'treasury')).toThrow('0 to 10000')
  })
})

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
    return {
      type: 'batch',
      id: String(height),
      firstBlock: height,
      lastBlock: height + 5n,
      bytes: random.below(1e6),
      blobGas: amount(),
      executionGas: amount(),
      altDa: amount(),
    }
  }
  if (kind < 9) return { type: 'settle' }
  const party = random.pick(parties)
  return { type: 'payout', party, amount: -state.balances[`owed:${party}`] }
}

describe('ledger', () => {
  it('conserves every unit over random histories: all debits are credits, and all that came in is held, paid or spent', () => {
    const random = seededRandom(testSeed())
    for (let history = 0; history < 40; history++) {
      let state = createLedger()
      let entries: LedgerEntry[] = []
      let paid = 0n
      for (let step = 1n; step <= 200n; step++) {
        const event = randomEvent(random, state, step)
        if (event.type === 'payout' && event.amount === 0n) continue
        const next = bookEvent(state, event)
        if (event.type === 'payout') paid += event.amount
        state = next.state
        entries = entries.concat(next.entries)
        expect(Object.values(state.balances).reduce((sum, balance) => sum + balance, 0n)).toBe(0n)
      }
      const settled = bookEvent(state, { type: 'settle' }).state
      const owed = parties.reduce((sum, party) => sum - settled.balances[`owed:${party}`], 0n)
      const { feesIn, costsOut } = settled.totals
      // In = costs repaid + owed + paid out + (a loss still carried is negative).
      expect(feesIn).toBe(costsOut + owed + paid - settled.balances.result)
      expect(settled.balances.vault).toBe(feesIn - costsOut - paid)
      expect(entries.every((entry, index) => entry.index === index && entry.amount > 0n)).toBe(true)
      const read = JSON.parse(ledgerJson(entries)) as (Omit<LedgerEntry, 'amount'> & { amount: string })[]
      expect(read.map(entry => ({ ...entry, amount: BigInt(entry.amount) }))).toEqual(entries)
      expect(ledgerCsv(entries).trim().split('\n')).toHaveLength(entries.length + 1)
    }
  })

  it('carries a loss into the next settlement before anybody gets a share', () => {
    const none = { priorityFees: 0n, l1Fees: 0n, operatorFees: 0n, auctionRevenue: 0n }
    let state = createLedger({ split: { treasury: 10_000 } })
    const apply = (event: EconomicEvent): void => {
      state = bookEvent(state, event).state
    }
    apply({ type: 'block', number: 1n, transactions: 1, baseFees: 10n, ...none })
    apply({
      type: 'batch',
      id: 'a',
      firstBlock: 1n,
      lastBlock: 1n,
      bytes: 1,
      blobGas: 25n,
      executionGas: 0n,
      altDa: 0n,
    })
    apply({ type: 'settle' })
    expect(state.balances['owed:treasury']).toBe(0n)
    apply({ type: 'block', number: 2n, transactions: 1, baseFees: 18n, ...none })
    apply({ type: 'settle' })
    expect(-state.balances['owed:treasury']).toBe(3n)
  })

  it.each<[string, EconomicEvent]>([
    [
      'a block twice',
      {
        type: 'block',
        number: 1n,
        transactions: 0,
        baseFees: 0n,
        priorityFees: 0n,
        l1Fees: 0n,
        operatorFees: 0n,
        auctionRevenue: 0n,
      },
    ],
    [
      'a negative fee',
      {
        type: 'block',
        number: 2n,
        transactions: 0,
        baseFees: -1n,
        priorityFees: 0n,
        l1Fees: 0n,
        operatorFees: 0n,
        auctionRevenue: 0n,
      },
    ],
    [
      'a batch that ends before it begins',
      { type: 'batch', id: 'a', firstBlock: 2n, lastBlock: 1n, bytes: 0, blobGas: 0n, executionGas: 0n, altDa: 0n },
    ],
    ['a payout of what is not owed', { type: 'payout', party: 'users', amount: 1n }],
  ])('refuses %s and stays as it was', (_, event) => {
    const first = {
      type: 'block',
      number: 1n,
      transactions: 0,
      baseFees: 5n,
      priorityFees: 0n,
      l1Fees: 0n,
      operatorFees: 0n,
      auctionRevenue: 0n,
    } as const
    const { state } = bookEvent(createLedger(), first)
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
