export type { PenaltyRule } from './penalty.js'
export {
  mostPenaltyBps,
  type OffenceClass,
  type OffenceKind,
  offenceKinds,
  offenceRules,
  ownPenaltyBps,
  type PenaltyInput,
  penaltyBps,
  penaltyWei,
  splitSlash,
} from './penalty.js'
export { reportCommitment } from './reports.js'
