export type { L2Error, L2ErrorOptions, OrderedKey, Recovery } from '@l2/common'
export { fromJson, isL2Error, OrderedMap, toJson } from '@l2/common'
export {
  type Apr,
  aprOf,
  apyE18,
  type ExitWaitReason,
  estimateWait,
  grossAprOf,
  movingApr,
  type RebaseEvent,
  seatAprE18,
  type WaitEstimate,
} from './apr/apr.js'
export { LstError, type LstErrorCode } from './errors.js'
export {
  type HistoryEntry,
  mergeEvents,
  type Position,
  type RebaseLog,
  rewardHistory,
  type ShareTransfer,
} from './feeds/history.js'
export type {
  CaseClosed,
  CasePaused,
  DelegationPaid,
  FeedTimestamp,
  FoldedEvent,
  OffenceAdmitted,
  PossibleCost,
  RewardAccrued,
  SeatPart,
  Slashed,
  StakePaid,
  StakingFeedEvent,
  Undelegated,
  UnlockStarted,
} from './feeds/staking.js'
export {
  type AirdropClaim,
  type AirdropToken,
  type AirdropTree,
  airdropCodec,
  airdropLeaf,
  airdropTree,
  applyAirdrop,
  type ClaimBit,
  claimBit,
  claimedWord,
  createAirdrop,
  type MerkleAirdrop,
  verifyAirdrop,
} from './incentives/airdrop.js'
export { divideByWeight, emitted, enkiAirdropBps, enkiSupply, splitSupply } from './incentives/emission.js'
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
export {
  applyRatePool,
  createRatePool,
  type FixedRequest,
  type RatePool,
  type RatePoolOptions,
  rateCodec,
  rateFace,
  rateOfPool,
} from './rate/pool.js'
export {
  applySnapshotPool,
  createSnapshotPool,
  type SnapshotOptions,
  type SnapshotPool,
  snapshotAssetsOf,
  snapshotCodec,
  snapshotSharesOf,
} from './rate/snapshot.js'
export { applyRebasing, rebasingCodec } from './rebasing/pool.js'
export { type RebasingReport, type ReportOutcome, simulatedRate, simulateReport } from './rebasing/report.js'
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
} from './rebasing/state.js'
export {
  applyReceipt,
  createReceipt,
  type ReceiptOptions,
  type ReceiptToken,
  type Redemption,
  receiptCodec,
  stakeable,
} from './receipt/receipt.js'
export {
  checkReport,
  checkReward,
  checkSeats,
  growthLimit,
  lidoReportLimits,
  metisReportLimits,
  type PastRate,
  type ReportFigures,
  type ReportLimits,
} from './report/guard.js'
export {
  burnLimit,
  createLimiter,
  type Limiter,
  limiterAdd,
  limiterRemove,
  limiterSeats,
  rebaseCapE9,
} from './report/limiter.js'
export { type LossClaim, type SharedLoss, shareLoss } from './report/loss.js'
export {
  applyRestaking,
  createRestaking,
  type Restaking,
  type RestakingOptions,
  restakingCodec,
  restakingFace,
  restakingRate,
  restakingUnitRate,
} from './restaking/restaking.js'
export {
  accumulatorCodec,
  applyAccumulator,
  createAccumulator,
  earned,
  type RewardAccumulator,
  type Staker,
} from './rewards/accumulator.js'
export {
  allocateInOrder,
  allocateMinFirst,
  allocateOpenFirst,
  type ExitPlan,
  type ExitSeat,
  maxSeatAssets,
  minSeatAssets,
  planExit,
  seatReward,
} from './seats/allocation.js'
export {
  applySeats,
  createSeatBook,
  type Entry,
  type Leaving,
  type Seat,
  type SeatBook,
  type SeatBookOptions,
  seatAssets,
  seatStake,
  seatsCodec,
  seatTotals,
} from './seats/book.js'
export type { Codec, Json } from './state/codec.js'
export type { LstEvent } from './state/events.js'
export { type Balances, balanceOf } from './state/ledger.js'
export type { Apply, CommandOf, LstStep, ResultOf } from './state/reducer.js'
export {
  applyCycleVault,
  type CycleVault,
  type CycleVaultOptions,
  createCycleVault,
  cycleAssets,
  cycleCodec,
  cycleFace,
  cycleRate,
  unlocked,
} from './vault/cycle.js'
export type { Erc4626 } from './vault/face.js'
export { type InflationAttack, type InflationOutcome, inflationAttack } from './vault/inflation.js'
export {
  applyInstantVault,
  createInstantVault,
  type InstantExit,
  type InstantVault,
  type InstantVaultOptions,
  instantCodec,
  instantFace,
  instantRate,
} from './vault/instant.js'
export { type Approvals, applyVaultToken, approvalCodec, type VaultToken } from './vault/token.js'
export {
  applyVesting,
  createExitVesting,
  type ExitVesting,
  type Vested,
  type VestingOptions,
  vestedClaimable,
  vestingCodec,
  vestingFinish,
} from './vault/vesting.js'
export { asyncRedeem, asyncVaultInterfaceIds } from './withdrawal/async.js'
export {
  applyQueue,
  checkpointHint,
  claimable,
  createQueue,
  exitCost,
  type Finalization,
  maxBatchesPerReport,
  planBatches,
  prefinalize,
  type QueueOptions,
  queueCodec,
  requested,
  unfinalized,
  type WithdrawalQueue,
  type WithdrawalRequest,
  type WithdrawalStatus,
  withdrawalStatus,
  withdrawalsOf,
} from './withdrawal/queue.js'
export {
  applyTickets,
  createTicketQueue,
  type Ticket,
  type TicketOptions,
  type TicketQueue,
  ticketsCodec,
} from './withdrawal/tickets.js'
export {
  applyWrapped,
  createWrapped,
  tokensPerWrapped,
  type WrappedShares,
  wrappedCodec,
  wrappedFace,
  wrappedPerToken,
  wrappedPosition,
} from './wrapped/wrapped.js'
