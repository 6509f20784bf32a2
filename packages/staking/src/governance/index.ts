export type { OrderedKey, OrderedMap } from '@l2/common'
export {
  applyGovernance,
  type Blitz,
  type BlitzCandidate,
  type BlitzVotes,
  createSeatGovernance,
  type GovernanceCommand,
  type GovernanceEvent,
  type SeatGovernance,
  type SeatProposal,
  type SeatRules,
} from './seats.js'
