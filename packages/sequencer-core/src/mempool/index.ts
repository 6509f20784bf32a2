export type { ForkName, ForkSchedule } from '../derivation/fork-schedule.js'
export type { AltDaConfig, BlockId, RollupConfig } from '../derivation/rollup-config.js'
export type { SystemConfig } from '../derivation/system-config.js'
export type { ExecutedBlock, ExecutedHeader } from '../engine/engine.js'
export type { GasSchedule } from '../transaction/gas.js'
export type { AccessListEntry, Authorization, Transaction, TransactionType } from '../transaction/types.js'
export {
  checkCondition,
  conditionRange,
  type KnownStateReader,
  knownAccountsHold,
  maxConditionCost,
} from './condition.js'
export { type PoolHeadContext, poolHeadAfter } from './head.js'
export {
  createDurableMempool,
  type DurableMempool,
  type DurableMempoolOptions,
  type JournaledTransaction,
  type JournalRecord,
  type MempoolJournal,
  restoreMempool,
} from './journal.js'
export {
  createMempool,
  type HeadUpdate,
  type Mempool,
  type MempoolDeps,
} from './mempool.js'
export { defaultMempoolOptions, type MempoolOptions } from './options.js'
export type {
  AccountState,
  AddContext,
  Bundle,
  BundleRange,
  DropReason,
  HeadCursor,
  HeadOrder,
  KnownAccount,
  PendingPool,
  PoolEvent,
  PooledTransaction,
  PoolHead,
  SenderQueue,
  TransactionCondition,
} from './types.js'
