export type {
  Bundle,
  HeadCursor,
  HeadOrder,
  KnownAccount,
  PendingPool,
  PooledTransaction,
  SenderQueue,
  TransactionCondition,
} from '../mempool/types.js'
export type { SenderRecovery } from '../transaction/recovery.js'
export type { AccessListEntry, Authorization, Transaction, TransactionType } from '../transaction/types.js'
export { forcedFirst, inSections, type Section } from './compose.js'
export {
  checkResolution,
  createLaneAuction,
  hashLaneBid,
  type LaneAuction,
  type LaneAuctionOptions,
  type LaneBid,
  type LaneResolution,
} from './express-lane/auction.js'
export {
  createExpressLane,
  type ExpressLane,
  hashLaneMessage,
  type LaneMessage,
  unorderedSequence,
} from './express-lane/lane.js'
export { type ExpressLaneEvidence, expressLane } from './express-lane/policy.js'
export {
  defaultExpressLaneParameters,
  type ExpressLaneParameters,
  roundAt,
  roundStartMs,
} from './express-lane/rounds.js'
export { checkReplay, type FilledBlock, type FillOptions, fillBlock, type StepResult } from './fill.js'
export { type FirstComeEvidence, type FirstComeParameters, firstCome } from './first-come.js'
export {
  createSliceReceiver,
  defaultFlashblockParameters,
  type FlashblockEvidence,
  type FlashblockParameters,
  flashblocks,
  foldSlices,
  hashSlice,
  type Slice,
  type SliceHeader,
  type SliceReceiver,
} from './flashblocks.js'
export {
  constantProduct,
  type GreedyEvidence,
  type GreedyParameters,
  greedySequencing,
  type Reserves,
  type Trade,
} from './greedy.js'
export type {
  Admission,
  AdmissionContext,
  BlockContext,
  BlockOrdering,
  ForcedTransaction,
  OrderedBlock,
  OrderingEvidence,
  OrderingPolicy,
  OrderingView,
  Outcome,
  Step,
  Violation,
} from './policy.js'
export { priorityGas } from './priority-gas.js'
export {
  hashReceipt,
  type OrderingReceipt,
  orderingReceiptTypes,
  receiptSigner,
  type SignedReceipt,
  type SigningDomain,
  signReceipt,
} from './receipt.js'
export {
  type BoundedDelayEvidence,
  boundedDelay,
  createRightAuction,
  defaultRightAuctionParameters,
  hashRightBid,
  type RevenueShares,
  type RevenueSplit,
  type RightAuction,
  type RightAuctionParameters,
  type RightBid,
  type RightSettlement,
  splitRevenue,
} from './right-auction.js'
export {
  type ShuffleEvidence,
  type ShuffleRound,
  seededShuffle,
  selectForShuffle,
  shuffleCommitment,
} from './shuffle.js'
export { checkUniversal, judgeBlock } from './universal.js'
