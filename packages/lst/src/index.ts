export {
  type Apr,
  aprOf,
  apyE18,
  estimateWait,
  grossAprOf,
  movingApr,
  type RebaseEvent,
  seatAprE6,
  type WaitEstimate,
  type WaitReason,
} from './apr/apr.js'
export { LstError, type LstErrorCode } from './errors.js'
export type {
  CaseClosed,
  FoldedEvent,
  OffenceAdmitted,
  RewardAccrued,
  SeatPart,
  Slashed,
  StakingFeedEvent,
} from './feeds/staking.js'
export { mulDiv, mulDown, mulUp, type Rounding, rateOf, type Totals, toAssets, toShares } from './math/math.js'
export {
  type Assets,
  assets,
  MAX_AMOUNT,
  RATE_ONE,
  type RateE27,
  rateE27,
  type Shares,
  shares,
  UNLIMITED,
} from './math/units.js'
export { type LiquidConfig, type PresetName, type Profile, presets } from './presets/config.js'
export {
  allocatable,
  applyLiquid,
  cashOf,
  createLiquid,
  type ExitTicket,
  heldAssets,
  inBunker,
  type Liquid,
  type LiquidOptions,
  type LiquidReport,
  type LiquidTotals,
  liquidCodec,
  liquidShares,
  owedAssets,
  pendingRewards,
  queueOf,
} from './presets/liquid.js'
export {
  type LiquidRate,
  liquidApr,
  liquidPosition,
  liquidRate,
  liquidWait,
  type QueueEntry,
  type QueueView,
  type Quote,
  queueView,
  quoteDeposit,
  quoteWithdrawal,
  type SeatView,
  seatsView,
} from './presets/views.js'
export {
  applyRebasing,
  createRebasingPool,
  depositable,
  type FeeRecipient,
  pooled,
  type RebasingOptions,
  type RebasingPool,
  type RebasingReport,
  type ReportOutcome,
  rebasingBalance,
  rebasingCodec,
  rebasingTotals,
  simulatedRate,
  simulateReport,
  stakeLimitAt,
} from './rebasing/pool.js'
export type { Codec, Json } from './state/codec.js'
export { OrderedMap } from './state/ordered-map.js'
export type { Apply, LstEvent, Step } from './state/reducer.js'
