export type { L2Error, L2ErrorOptions, OrderedKey, Recovery } from '@l2/common'
export { fromJson, isL2Error, OrderedMap, toJson } from '@l2/common'
export type { ExitWaitReason, WaitEstimate } from './apr/apr.js'
export { type Apr, aprOf, apyE18, type RebaseEvent } from './apr/apr.js'
export { LstError, type LstErrorCode } from './errors.js'
export type { SeatPart, StakingFeedEvent } from './feeds/staking.js'
export { mulDiv, mulDown, mulUp, type Rounding, rateOf, type Totals, toAssets, toShares } from './math/math.js'
export {
  type Assets,
  assets,
  maxAmount,
  type RateE27,
  rateE27,
  rateOne,
  type Shares,
  shares,
  unlimited,
} from './math/units.js'
export { cashOf, heldAssets, owedAssets, pendingRewards, queueOf } from './presets/cash.js'
export { type LiquidConfig, type PresetName, type Profile, presets } from './presets/config.js'
export type { Core } from './presets/core.js'
export type { ExitTicket } from './presets/custody.js'
export { allocatable } from './presets/exits.js'
export { depositsPaused, heldBack, inBunker } from './presets/feed.js'
export { applyLiquid, createLiquid, type LiquidOptions, liquidShares } from './presets/liquid.js'
export { receiptsOf } from './presets/receipts.js'
export type { LiquidReport } from './presets/report.js'
export { liquidCodec } from './presets/snapshot.js'
export type { Liquid, LiquidTotals, OpenCase } from './presets/state.js'
export {
  type DepositQuote,
  type LiquidRate,
  liquidApr,
  liquidPosition,
  liquidRate,
  liquidWait,
  type QueuedExit,
  type QueueView,
  type Quote,
  queueView,
  quoteDeposit,
  quoteWithdrawal,
  type SeatView,
  seatsView,
} from './presets/views.js'
export type { FixedRequest, RatePool } from './rate/pool.js'
export type { FeeRecipient, ProfitTest, RebasingPool, StakeLimit } from './rebasing/state.js'
export type { PastRate, ReportLimits } from './report/guard.js'
export type { ExitPlan } from './seats/allocation.js'
export type { Entry, Leaving, Seat, SeatBook } from './seats/book.js'
export type { Codec, Json } from './state/codec.js'
export type { LstEvent } from './state/events.js'
export { type Balances, balanceOf } from './state/ledger.js'
export type { Apply, CommandOf, LstStep, ResultOf } from './state/reducer.js'
export type { CycleVault } from './vault/cycle.js'
export type { InstantVault } from './vault/instant.js'
export type { ExitVesting, Vested } from './vault/vesting.js'
export type { WithdrawalQueue, WithdrawalRequest } from './withdrawal/queue.js'
export type { Ticket, TicketQueue } from './withdrawal/tickets.js'
