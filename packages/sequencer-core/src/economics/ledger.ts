import { checkNonNegative, invalid } from './invalid.js'
import {
  addCosts,
  addFees,
  type CostsByKind,
  type EconomicRecord,
  type FeesByKind,
  negateFees,
  noCosts,
  noFees,
  sumCosts,
  sumFees,
  takeBlocks,
  type UnpostedBlock,
} from './records.js'
import { checkParty, checkSplit, defaultSplit, type Party, parties, type SplitBps, splitAmount } from './split.js'

const incomes = ['fee:base', 'fee:priority', 'fee:l1', 'fee:operator', 'auction'] as const
const costs = ['cost:blob-gas', 'cost:execution-gas', 'cost:alt-da'] as const
export type EventIncome = (typeof incomes)[number]
export type EventCost = (typeof costs)[number]

/**
 * `vault` holds what users paid; `l1-wallet` pays for data, and what it has advanced is its negative balance; `accrued` is what a settlement held
 * back for posting that is still to come; `owed:*` is what one gave a party and nobody has paid out yet.
 */
export type Account = EventIncome | EventCost | 'vault' | 'l1-wallet' | 'accrued' | 'result' | `owed:${Party}`

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
  | ({ readonly type: 'block'; readonly number: bigint; readonly transactions: number } & FeesByKind)
  /**
   * The chain went back to the block `to`: takes out what all booked blocks above it had brought, which whoever books adds up. What a settlement
   * has shared out of it is made good by later profits, as a loss is.
   */
  | ({ readonly type: 'rollback'; readonly to: bigint; readonly transactions: number } & FeesByKind)
  /** Something that was posted and paid for. Whoever books must not book one twice: the ledger does not remember ids. */
  | ({
      readonly type: 'batch'
      readonly id: string
      readonly firstBlock: bigint
      readonly lastBlock: bigint
      readonly bytes: number
    } & CostsByKind)
  /**
   * Closes the books since the last settlement: a profit is split, a loss is carried into the next one. What posting will still cost is held
   * back, and the next settlement takes what it really was.
   */
  | {
      readonly type: 'settle'
      /** By plan: {@link plannedPostingCost}. Default: all that the blocks which no batch has carried have earned, {@link unpostedFees}. */
      readonly postingCost?: bigint | undefined
    }
  | { readonly type: 'payout'; readonly party: Party; readonly amount: bigint }

/** Sums over everything booked, for a screen or a report. */
export type LedgerTotals = {
  readonly blocks: bigint
  readonly transactions: bigint
  readonly batches: bigint
  readonly bytes: bigint
  readonly fees: FeesByKind
  readonly costs: CostsByKind
  readonly feesIn: bigint
  readonly costsOut: bigint
  /** Fees minus costs; negative when posting costs more than users paid. */
  readonly profit: bigint
  readonly paidOut: bigint
}

/** The books: plain immutable data. Entries and records leave as results, so the state holds sums and the blocks that no batch has carried yet. */
export type LedgerState = {
  readonly split: SplitBps
  readonly remainderTo: Party
  readonly nextEntry: number
  readonly nextRecord: number
  readonly settlements: number
  /** Debits minus credits of every account; they add up to zero. */
  readonly balances: Readonly<Record<Account, bigint>>
  readonly totals: LedgerTotals
  readonly lastBlock: bigint | undefined
  readonly unposted: readonly UnpostedBlock[]
}

/** Options of {@link createLedger}. */
export type LedgerOptions = {
  /** Who gets the profit. Default {@link defaultSplit}. */
  split?: SplitBps | undefined
  /** Who gets the units that rounding leaves. Default `treasury`. */
  remainderTo?: Party | undefined
}

/** What {@link bookEvent} gives back. */
export type Booked = {
  readonly state: LedgerState
  readonly entries: readonly LedgerEntry[]
  /** Of a block, a batch or a rollback. */
  readonly record: EconomicRecord | undefined
}

const noTotals: LedgerTotals = {
  blocks: 0n,
  transactions: 0n,
  batches: 0n,
  bytes: 0n,
  fees: noFees,
  costs: noCosts,
  feesIn: 0n,
  costsOut: 0n,
  profit: 0n,
  paidOut: 0n,
}

/**
 * Empty books of a rollup.
 *
 * @throws SequencerError `ECONOMICS_INVALID` when the shares are not a whole
 */
export function createLedger(options: LedgerOptions = {}): LedgerState {
  const { split = defaultSplit, remainderTo = 'treasury' } = options
  checkSplit(split)
  checkParty(remainderTo)
  const accounts: Account[] = [...incomes, ...costs, 'vault', 'l1-wallet', 'accrued', 'result']
  for (const party of parties) accounts.push(`owed:${party}`)
  return {
    split,
    remainderTo,
    nextEntry: 0,
    nextRecord: 0,
    settlements: 0,
    balances: Object.fromEntries(accounts.map(account => [account, 0n])) as Record<Account, bigint>,
    totals: noTotals,
    lastBlock: undefined,
    unposted: [],
  }
}

type Posting = readonly [debit: Account, credit: Account, amount: bigint]
type Change = Partial<LedgerState>

/**
 * Books one event. Pure: an error leaves the state as it was, and the entries come back with the next state.
 *
 * The vault never owes more than it holds, and a settlement shares out nothing that posting will still need: it repays the L1 wallet out of fees only, so a loss stays with the wallet that advanced
 * it until later profits have made it good.
 *
 * @throws SequencerError `ECONOMICS_INVALID`: a negative amount, a block out of order, a rollback to no earlier block, a payout of more than is owed
 *
 * @example
 * ```ts
 * import { bookEvent, createLedger } from '@l2/sequencer-core/economics'
 *
 * let books = createLedger({ split: { sequencer: 5000, users: 5000 } })
 * const fees = { baseFees: 80n, priorityFees: 20n, l1Fees: 50n, operatorFees: 0n, auctionRevenue: 0n }
 * books = bookEvent(books, { type: 'block', number: 1n, transactions: 3, ...fees }).state
 * const batch = { type: 'batch', id: 'a', firstBlock: 1n, lastBlock: 1n, bytes: 400 } as const
 * const booked = bookEvent(books, { ...batch, blobGas: 40n, executionGas: 9n, altDa: 0n })
 * console.log(booked.record!.feesIn, booked.record!.costsOut, booked.record!.profit) // 150n 49n 101n
 * books = bookEvent(booked.state, { type: 'settle' }).state
 * console.log(books.totals.profit) // 101n
 * console.log(-books.balances['owed:users'], -books.balances['owed:treasury']) // 50n 1n
 * ```
 */
export function bookEvent(state: LedgerState, event: EconomicEvent): Booked {
  switch (event.type) {
    case 'block':
      return bookBlock(state, event)
    case 'rollback':
      return bookRollback(state, event)
    case 'batch':
      return bookBatch(state, event)
    case 'settle':
      return settle(state, event.postingCost)
    case 'payout': {
      const { party, amount } = event
      checkParty(party)
      const owed = -state.balances[`owed:${party}`]
      if (amount <= 0n || amount > owed)
        invalid(`payout of ${amount} to ${party}: ${owed} is owed`, { party, amount, owed })
      const totals = { ...state.totals, paidOut: state.totals.paidOut + amount }
      return post(state, 'payout', [[`owed:${party}`, 'vault', amount]], { totals })
    }
  }
}

function bookBlock(state: LedgerState, event: EconomicEvent & { type: 'block' }): Booked {
  const { number, transactions, baseFees, priorityFees, l1Fees, operatorFees, auctionRevenue } = event
  const fees: FeesByKind = { baseFees, priorityFees, l1Fees, operatorFees, auctionRevenue }
  checkNonNegative({ number, transactions, ...fees })
  const { totals, lastBlock } = state
  if (lastBlock !== undefined && number <= lastBlock)
    invalid(`block ${number} is booked already: the last one is ${lastBlock}`, { number, lastBlock })
  const feesIn = sumFees(fees)
  const postings: Posting[] = [
    ['vault', 'fee:base', baseFees],
    ['vault', 'fee:priority', priorityFees],
    ['vault', 'fee:l1', l1Fees],
    ['vault', 'fee:operator', operatorFees],
    ['vault', 'auction', auctionRevenue],
  ]
  const record: EconomicRecord = {
    index: state.nextRecord,
    type: 'block',
    id: number.toString(),
    firstBlock: number,
    lastBlock: number,
    transactions,
    bytes: 0,
    ...fees,
    feesIn,
    ...noCosts,
    costsOut: 0n,
    profit: feesIn,
  }
  const change: Change = {
    lastBlock: number,
    unposted: [...state.unposted, { number, transactions, fees }],
    totals: {
      ...totals,
      blocks: totals.blocks + 1n,
      transactions: totals.transactions + BigInt(transactions),
      fees: addFees(totals.fees, fees),
      feesIn: totals.feesIn + feesIn,
      profit: totals.profit + feesIn,
    },
  }
  return post(state, `block ${number}`, postings, change, record)
}

function bookRollback(state: LedgerState, event: EconomicEvent & { type: 'rollback' }): Booked {
  const { to, transactions, baseFees, priorityFees, l1Fees, operatorFees, auctionRevenue } = event
  const fees: FeesByKind = { baseFees, priorityFees, l1Fees, operatorFees, auctionRevenue }
  checkNonNegative({ to, transactions, ...fees })
  const { totals, lastBlock } = state
  if (lastBlock === undefined || to >= lastBlock)
    invalid(`rollback to block ${to}: the last one booked is ${lastBlock}`, { to, lastBlock })
  const feesOut = sumFees(fees)
  const blocks = lastBlock - to
  const postings: Posting[] = [
    ['fee:base', 'vault', baseFees],
    ['fee:priority', 'vault', priorityFees],
    ['fee:l1', 'vault', l1Fees],
    ['fee:operator', 'vault', operatorFees],
    ['auction', 'vault', auctionRevenue],
  ]
  const negative = negateFees(fees)
  const record: EconomicRecord = {
    index: state.nextRecord,
    type: 'rollback',
    id: to.toString(),
    firstBlock: to + 1n,
    lastBlock,
    transactions: -transactions,
    bytes: 0,
    ...negative,
    feesIn: -feesOut,
    ...noCosts,
    costsOut: 0n,
    profit: -feesOut,
  }
  const change: Change = {
    lastBlock: to === 0n ? undefined : to,
    unposted: state.unposted.filter(({ number }) => number <= to),
    totals: {
      ...totals,
      blocks: totals.blocks - blocks,
      transactions: totals.transactions - BigInt(transactions),
      fees: addFees(totals.fees, negative),
      feesIn: totals.feesIn - feesOut,
      profit: totals.profit - feesOut,
    },
  }
  return post(state, `rollback to block ${to}`, postings, change, record)
}

function bookBatch(state: LedgerState, event: EconomicEvent & { type: 'batch' }): Booked {
  const { id, firstBlock, lastBlock, bytes, blobGas, executionGas, altDa } = event
  const spent: CostsByKind = { blobGas, executionGas, altDa }
  checkNonNegative({ firstBlock, lastBlock, bytes, ...spent })
  if (lastBlock < firstBlock) invalid(`batch ${id.slice(0, 80)} ends before it begins`, { firstBlock, lastBlock })
  const { totals } = state
  const { left, fees, transactions } = takeBlocks(state.unposted, firstBlock, lastBlock)
  const feesIn = sumFees(fees)
  const costsOut = sumCosts(spent)
  const postings: Posting[] = [
    ['cost:blob-gas', 'l1-wallet', blobGas],
    ['cost:execution-gas', 'l1-wallet', executionGas],
    ['cost:alt-da', 'l1-wallet', altDa],
  ]
  const record: EconomicRecord = {
    index: state.nextRecord,
    type: 'batch',
    id,
    firstBlock,
    lastBlock,
    transactions,
    bytes,
    ...fees,
    feesIn,
    ...spent,
    costsOut,
    profit: feesIn - costsOut,
  }
  const change: Change = {
    unposted: left,
    totals: {
      ...totals,
      batches: totals.batches + 1n,
      bytes: totals.bytes + BigInt(bytes),
      costs: addCosts(totals.costs, spent),
      costsOut: totals.costsOut + costsOut,
      profit: totals.profit - costsOut,
    },
  }
  return post(state, `batch ${id}`, postings, change, record)
}

/**
 * What users paid for blocks that no batch has carried yet, in units of the gas token.
 *
 * @example
 * ```ts
 * import { bookEvent, createLedger, unpostedFees } from '@l2/sequencer-core/economics'
 *
 * const fees = { baseFees: 80n, priorityFees: 0n, l1Fees: 0n, operatorFees: 0n, auctionRevenue: 0n }
 * const books = bookEvent(createLedger(), { type: 'block', number: 1n, transactions: 3, ...fees }).state
 * console.log(unpostedFees(books)) // 80n
 * ```
 */
export function unpostedFees({ unposted }: LedgerState): bigint {
  return unposted.reduce((sum, { fees }) => sum + sumFees(fees), 0n)
}

/**
 * What posting the blocks that no batch has carried yet will cost by a plan's price, rounded up: `postingCost` of a settlement that need not hold
 * back all that they earned.
 *
 * @param unitsPerThousandTransactions the plan's `weiPerThousandTransactions` through `toGasToken`
 *
 * @example
 * ```ts
 * import { bookEvent, createLedger, plannedPostingCost } from '@l2/sequencer-core/economics'
 *
 * const fees = { baseFees: 80n, priorityFees: 0n, l1Fees: 0n, operatorFees: 0n, auctionRevenue: 0n }
 * let books = bookEvent(createLedger(), { type: 'block', number: 1n, transactions: 3, ...fees }).state
 * books = bookEvent(books, { type: 'settle', postingCost: plannedPostingCost(books, 9_000n) }).state
 * console.log(-books.balances.accrued, -books.balances['owed:sequencer']) // 27n 26n
 * ```
 */
export function plannedPostingCost({ unposted }: LedgerState, unitsPerThousandTransactions: bigint): bigint {
  checkNonNegative({ unitsPerThousandTransactions })
  const transactions = unposted.reduce((sum, block) => sum + BigInt(block.transactions), 0n)
  return (transactions * unitsPerThousandTransactions + 999n) / 1000n
}

/** Closes income and cost into the result, repays the L1 wallet out of what nobody else is owed, holds back, and splits what is left. */
function settle(state: LedgerState, postingCost = unpostedFees(state)): Booked {
  checkNonNegative({ postingCost })
  const { balances } = state
  const closing: Posting[] = []
  let result = -balances['result']
  for (const account of incomes) {
    closing.push([account, 'result', -balances[account]])
    result -= balances[account]
  }
  for (const account of costs) {
    closing.push(['result', account, balances[account]])
    result -= balances[account]
  }
  // The last settlement's estimate gives way to what has been booked since, and to a new one.
  closing.push(['accrued', 'result', -balances['accrued']])
  result -= balances['accrued']
  const held = postingCost < result ? postingCost : result > 0n ? result : 0n
  closing.push(['result', 'accrued', held])
  result -= held
  const advanced = -balances['l1-wallet']
  const free = parties.reduce((left, party) => left + balances[`owed:${party}`], balances['vault'])
  // Less than nothing is free where a rollback took back what had been shared out.
  if (free > 0n) closing.push(['l1-wallet', 'vault', advanced < free ? advanced : free])
  if (result > 0n) {
    const shares = splitAmount(result, state.split, state.remainderTo)
    for (const party of parties) closing.push(['result', `owed:${party}`, shares[party]])
  }
  return post(state, `settlement ${state.settlements}`, closing, { settlements: state.settlements + 1 })
}

function post(
  state: LedgerState,
  reference: string,
  postings: readonly Posting[],
  change: Change,
  record?: EconomicRecord,
): Booked {
  const balances = { ...state.balances }
  const entries: LedgerEntry[] = []
  for (const [to, from, signed] of postings) {
    if (signed === 0n) continue
    // An income that a rollback has made negative is closed the other way round.
    const [debit, credit, amount] = signed > 0n ? [to, from, signed] : [from, to, -signed]
    balances[debit] += amount
    balances[credit] -= amount
    entries.push({ index: state.nextEntry + entries.length, reference, debit, credit, amount })
  }
  const nextRecord = state.nextRecord + (record === undefined ? 0 : 1)
  const nextEntry = state.nextEntry + entries.length
  return { state: { ...state, ...change, balances, nextEntry, nextRecord }, entries, record }
}

/**
 * What posting cost for each transaction that was posted, rounded up; 0 while nothing was.
 *
 * @example
 * ```ts
 * import { bookEvent, costPerTransaction, createLedger } from '@l2/sequencer-core/economics'
 *
 * const fees = { baseFees: 80n, priorityFees: 0n, l1Fees: 0n, operatorFees: 0n, auctionRevenue: 0n }
 * let books = bookEvent(createLedger(), { type: 'block', number: 1n, transactions: 3, ...fees }).state
 * const batch = { type: 'batch', id: 'a', firstBlock: 1n, lastBlock: 1n, bytes: 400 } as const
 * books = bookEvent(books, { ...batch, blobGas: 40n, executionGas: 9n, altDa: 0n }).state
 * console.log(costPerTransaction(books)) // 17n
 * ```
 */
export function costPerTransaction({ totals, unposted }: LedgerState): bigint {
  const waiting = unposted.reduce((sum, { transactions }) => sum + BigInt(transactions), 0n)
  const posted = totals.transactions - waiting
  return posted === 0n ? 0n : (totals.costsOut + posted - 1n) / posted
}
