import { SequencerError } from '../errors.js'
import { checkSplit, defaultSplit, type Party, parties, type SplitBps, splitAmount } from './split.js'

const incomes = ['fee:base', 'fee:priority', 'fee:l1', 'fee:operator', 'auction'] as const
const costs = ['cost:blob-gas', 'cost:execution-gas', 'cost:alt-da'] as const
type Income = (typeof incomes)[number]
type Cost = (typeof costs)[number]

/** `vault` holds what users paid, `l1-wallet` pays for data; `owed:*` is what a settlement gave a party and nobody has paid out yet. */
export type Account = Income | Cost | 'vault' | 'l1-wallet' | 'result' | `owed:${Party}`

/** One double entry: the same amount out of one account and into another. */
export type LedgerEntry = {
  /** Counts all entries of the ledger, from 0. */
  readonly index: number
  /** What it belongs to: `block 12`, `batch 0x…`, `settlement 3`, `payout`. */
  readonly reference: string
  readonly debit: Account
  readonly credit: Account
  /** In units of the gas token, always positive. */
  readonly amount: bigint
}

/** What moves money in a rollup. Amounts are in the smallest unit of the gas token, whatever its decimals. */
export type EconomicEvent =
  | {
      readonly type: 'block'
      readonly number: bigint
      readonly transactions: number
      readonly baseFees: bigint
      readonly priorityFees: bigint
      readonly l1Fees: bigint
      readonly operatorFees: bigint
      readonly auctionRevenue: bigint
    }
  | {
      readonly type: 'batch'
      readonly id: string
      readonly firstBlock: bigint
      readonly lastBlock: bigint
      readonly bytes: number
      readonly blobGas: bigint
      readonly executionGas: bigint
      readonly altDa: bigint
    }
  /** Closes the books since the last settlement: a profit is split, a loss is carried into the next one. */
  | { readonly type: 'settle' }
  | { readonly type: 'payout'; readonly party: Party; readonly amount: bigint }

/** Sums over everything booked, for a screen or a report. */
export type LedgerTotals = {
  readonly blocks: bigint
  readonly transactions: bigint
  readonly batches: bigint
  readonly bytes: bigint
  readonly feesIn: bigint
  readonly costsOut: bigint
  /** Fees minus costs; negative when posting costs more than users paid. */
  readonly profit: bigint
}

/** The books: plain immutable data. The entries themselves leave as results, so that the state stays small for ever. */
export type LedgerState = {
  readonly split: SplitBps
  readonly remainderTo: Party
  readonly nextEntry: number
  readonly settlements: number
  /** Debits minus credits of every account; they add up to zero. */
  readonly balances: Readonly<Record<Account, bigint>>
  readonly totals: LedgerTotals
  readonly lastBlock: bigint | undefined
}

/** Options of {@link createLedger}. */
export type LedgerOptions = {
  /** Who gets the profit. Default {@link defaultSplit}. */
  split?: SplitBps | undefined
  /** Who gets the units that rounding leaves. Default `treasury`. */
  remainderTo?: Party | undefined
}

const noTotals: LedgerTotals = {
  blocks: 0n,
  transactions: 0n,
  batches: 0n,
  bytes: 0n,
  feesIn: 0n,
  costsOut: 0n,
  profit: 0n,
}

/**
 * Empty books of a rollup.
 *
 * @throws SequencerError `ECONOMICS_INVALID` when the shares are not a whole
 */
export function createLedger(options: LedgerOptions = {}): LedgerState {
  const split = options.split ?? defaultSplit
  checkSplit(split)
  const accounts: Account[] = [...incomes, ...costs, 'vault', 'l1-wallet', 'result']
  for (const party of parties) accounts.push(`owed:${party}`)
  return {
    split,
    remainderTo: options.remainderTo ?? 'treasury',
    nextEntry: 0,
    settlements: 0,
    balances: Object.fromEntries(accounts.map(account => [account, 0n])) as Record<Account, bigint>,
    totals: noTotals,
    lastBlock: undefined,
  }
}

type Posting = readonly [debit: Account, credit: Account, amount: bigint]

function invalid(message: string, details: Record<string, unknown>): never {
  throw new SequencerError(message, { code: 'ECONOMICS_INVALID', details })
}

function nonNegative(fields: Record<string, bigint | number>): void {
  for (const [field, value] of Object.entries(fields))
    if (value < 0) invalid(`"${field}" expected at least 0, got ${value}`, { field, value })
}

/**
 * Books one event. Pure: an error leaves the state as it was, and the entries come back with the next state.
 *
 * @throws SequencerError `ECONOMICS_INVALID`: a negative amount, a block out of order, a payout of more than is owed
 *
 * @example
 * ```ts
 * import { bookEvent, createLedger } from '@l2/sequencer-core'
 *
 * let books = createLedger({ split: { sequencer: 5000, users: 5000 } })
 * const fees = { baseFees: 80n, priorityFees: 20n, l1Fees: 50n, operatorFees: 0n, auctionRevenue: 0n }
 * books = bookEvent(books, { type: 'block', number: 1n, transactions: 3, ...fees }).state
 * books = bookEvent(books, { type: 'batch', id: 'a', firstBlock: 1n, lastBlock: 1n, bytes: 400, blobGas: 40n, executionGas: 9n, altDa: 0n }).state
 * books = bookEvent(books, { type: 'settle' }).state
 * console.log(books.totals.profit) // 101n
 * console.log(-books.balances['owed:users'], -books.balances['owed:treasury']) // 50n 1n
 * ```
 */
export function bookEvent(state: LedgerState, event: EconomicEvent): { state: LedgerState; entries: LedgerEntry[] } {
  switch (event.type) {
    case 'block': {
      const { number, transactions, baseFees, priorityFees, l1Fees, operatorFees, auctionRevenue } = event
      nonNegative({ transactions, baseFees, priorityFees, l1Fees, operatorFees, auctionRevenue })
      if (state.lastBlock !== undefined && number <= state.lastBlock) {
        invalid(`block ${number} is booked already: the last one is ${state.lastBlock}`, {
          number,
          lastBlock: state.lastBlock,
        })
      }
      const fees = baseFees + priorityFees + l1Fees + operatorFees + auctionRevenue
      const { totals } = state
      return post(
        state,
        `block ${number}`,
        [
          ['vault', 'fee:base', baseFees],
          ['vault', 'fee:priority', priorityFees],
          ['vault', 'fee:l1', l1Fees],
          ['vault', 'fee:operator', operatorFees],
          ['vault', 'auction', auctionRevenue],
        ],
        {
          lastBlock: number,
          totals: {
            ...totals,
            blocks: totals.blocks + 1n,
            transactions: totals.transactions + BigInt(transactions),
            feesIn: totals.feesIn + fees,
            profit: totals.profit + fees,
          },
        },
      )
    }
    case 'batch': {
      const { id, firstBlock, lastBlock, bytes, blobGas, executionGas, altDa } = event
      nonNegative({ bytes, blobGas, executionGas, altDa })
      if (lastBlock < firstBlock) invalid(`batch ${id} ends before it begins`, { firstBlock, lastBlock })
      const cost = blobGas + executionGas + altDa
      const { totals } = state
      return post(
        state,
        `batch ${id}`,
        [
          ['cost:blob-gas', 'l1-wallet', blobGas],
          ['cost:execution-gas', 'l1-wallet', executionGas],
          ['cost:alt-da', 'l1-wallet', altDa],
        ],
        {
          totals: {
            ...totals,
            batches: totals.batches + 1n,
            bytes: totals.bytes + BigInt(bytes),
            costsOut: totals.costsOut + cost,
            profit: totals.profit - cost,
          },
        },
      )
    }
    case 'settle':
      return settle(state)
    case 'payout': {
      const { party, amount } = event
      const owed = -state.balances[`owed:${party}`]
      if (amount <= 0n || amount > owed)
        invalid(`payout of ${amount} to ${party}: ${owed} is owed`, { party, amount, owed })
      return post(state, 'payout', [[`owed:${party}`, 'vault', amount]], {})
    }
  }
}

/** Closes income and cost into the result, repays the L1 wallet from the vault, and splits what is left. */
function settle(state: LedgerState): { state: LedgerState; entries: LedgerEntry[] } {
  const reference = `settlement ${state.settlements}`
  const closing: Posting[] = []
  let result = -state.balances['result']
  for (const account of incomes) {
    closing.push([account, 'result', -state.balances[account]])
    result -= state.balances[account]
  }
  let spent = 0n
  for (const account of costs) {
    closing.push(['result', account, state.balances[account]])
    result -= state.balances[account]
    spent += state.balances[account]
  }
  closing.push(['l1-wallet', 'vault', spent])
  if (result > 0n) {
    const shares = splitAmount(result, state.split, state.remainderTo)
    for (const party of parties) closing.push(['result', `owed:${party}`, shares[party]])
  }
  return post(state, reference, closing, { settlements: state.settlements + 1 })
}

function post(
  state: LedgerState,
  reference: string,
  postings: readonly Posting[],
  change: Partial<LedgerState>,
): { state: LedgerState; entries: LedgerEntry[] } {
  const balances = { ...state.balances }
  const entries: LedgerEntry[] = []
  for (const [debit, credit, amount] of postings) {
    if (amount === 0n) continue
    balances[debit] += amount
    balances[credit] -= amount
    entries.push({ index: state.nextEntry + entries.length, reference, debit, credit, amount })
  }
  return { state: { ...state, ...change, balances, nextEntry: state.nextEntry + entries.length }, entries }
}

/**
 * Entries as CSV with a header line, amounts as whole units of the gas token.
 *
 * @example
 * ```ts
 * import { ledgerCsv } from '@l2/sequencer-core'
 *
 * const csv = ledgerCsv([{ index: 0, reference: 'block 1', debit: 'vault', credit: 'fee:base', amount: 80n }])
 * console.log(csv.split('\n')[1]) // 0,block 1,vault,fee:base,80
 * ```
 */
export function ledgerCsv(entries: Iterable<LedgerEntry>): string {
  let csv = 'index,reference,debit,credit,amount\n'
  for (const { index, reference, debit, credit, amount } of entries)
    csv += `${index},${reference},${debit},${credit},${amount}\n`
  return csv
}

/**
 * Entries as one JSON array, amounts as decimal strings, because JSON numbers are not exact.
 *
 * @example
 * ```ts
 * import { ledgerJson } from '@l2/sequencer-core'
 *
 * console.log(ledgerJson([{ index: 0, reference: 'payout', debit: 'owed:burn', credit: 'vault', amount: 80n }])) // [{"index":0,"reference":"payout","debit":"owed:burn","credit":"vault","amount":"80"}]
 * ```
 */
export function ledgerJson(entries: Iterable<LedgerEntry>): string {
  return JSON.stringify(Array.from(entries, entry => ({ ...entry, amount: entry.amount.toString() })))
}
