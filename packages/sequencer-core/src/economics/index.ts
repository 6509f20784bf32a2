export type { OrderedKey, OrderedMap } from '@l2/common'
export type { AltDaChoice, CompressorChoice, Plan, PlanInput } from '../batcher/planner.js'

export {
  applyFeeSplitter,
  createFeeSplitter,
  type FeeSplitterCommand,
  type FeeSplitterEvent,
  type FeeSplitterRefusal,
  type FeeSplitterState,
  type FeeSplitterStep,
  heldWei,
  type OpenRebate,
  promisedWei,
} from './fee-splitter.js'
export type { EventCost, EventIncome } from './ledger.js'
export {
  type Account,
  type Booked,
  bookEvent,
  costPerTransaction,
  createLedger,
  type EconomicEvent,
  type LedgerEntry,
  type LedgerOptions,
  type LedgerState,
  type LedgerTotals,
  plannedPostingCost,
  unpostedFees,
} from './ledger.js'
export { type PriceTier, priceList } from './price-list.js'
export { type FeesPaid, type Rebate, rebateShares } from './rebate.js'
export { type RebateClaim, type RebateTree, rebateTree, verifyRebate } from './rebate-tree.js'
export type { CostsByKind, EconomicRecord, FeesByKind, UnpostedBlock } from './records.js'
export { type CsvOptions, ledgerCsv, ledgerJson, recordsCsv, recordsJson } from './report.js'
export { defaultSplit, type Party, parties, type SplitBps, splitAmount } from './split.js'
