export type { OrderedKey, OrderedMap } from '@l2/common'
export type { Totals } from '../math/math.js'
export type { Assets, RateE27, Shares } from '../math/units.js'
export type { ReportLimits } from '../report/guard.js'
export type { Codec, Json } from '../state/codec.js'
export type { Balances } from '../state/ledger.js'
export type { Apply, CommandOf, ResultOf } from '../state/reducer.js'
export type { QueueOptions, WithdrawalQueue, WithdrawalRequest } from '../withdrawal/queue.js'
export { applyRebasing, rebasingCodec } from './pool.js'
export { type RebasingReport, type ReportOutcome, simulatedRate, simulateReport } from './report.js'
export {
  createRebasingPool,
  depositable,
  type FeeRecipient,
  type ProfitTest,
  pooled,
  type RebasingOptions,
  type RebasingPool,
  rebasingBalance,
  rebasingTotals,
  type StakeLimit,
  stakeLimitAt,
} from './state.js'
