export type { OrderedKey, OrderedMap } from '@l2/common'
export type { CommitteeMember } from '../attestation/attestation.js'
export type { BatchStatement, TurnStatement } from '../attestation/statement.js'
export type { ControlChain, ControlChainStatus, ControlSnapshot, FoldedBlock } from '../chain/control-chain.js'
export type { ControlChainOptions, FoundingOperator } from '../chain/ledger.js'
export type { ControlBlock, ControlEvent, ControlTransaction, TermEnd } from '../fold/block.js'
export type {
  ControlGenesis,
  ControlState,
  LeaderChange,
  Member,
  MemberSet,
  OperatorRecord,
  StandingVote,
  TermCause,
} from '../fold/state.js'
export type { AttestationShare, HeaderId, L1Mark, OperatorList } from '../list/list.js'
export type { ControlParameters } from '../parameters.js'
export type { Committee, OrderedStatement, PostingGenesis, PostingState, SignedStatement } from '../posting/state.js'
export type { StakeGenesis, StakeParameters, StakeState } from '../stake/stake.js'
export {
  type ControlConformanceCase,
  type ControlNetwork,
  type ControlPeer,
  controlChainConformance,
} from './conformance.js'
