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
} from './apr.js'
