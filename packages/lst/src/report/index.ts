export type { Assets, Shares } from '../math/units.js'
export {
  checkDrawdown,
  checkReport,
  checkReward,
  checkSeats,
  growthLimit,
  lidoReportLimits,
  metisReportLimits,
  type PastRate,
  type ReportFigures,
  type ReportLimits,
  rememberRate,
} from './guard.js'
export {
  burnLimit,
  createLimiter,
  type Limiter,
  type LimiterOptions,
  limiterAdd,
  limiterRemove,
  limiterSeats,
  rebaseCapE18,
} from './limiter.js'
export { type LossClaim, type SharedLoss, shareLoss } from './loss.js'
