export type { OrderedKey, OrderedMap } from '@l2/common'
export type { Attestation, AttestationProof, CommitteeMember, ProofRefusal } from '../attestation/attestation.js'
export type { BatchStatement, CommitteeDomain, TurnStatement } from '../attestation/statement.js'
export type {
  ControlChain,
  ControlChainDependencies,
  ControlChainStatus,
  ControlSnapshot,
  ControlStore,
  FoldedBlock,
} from '../chain/control-chain.js'
export type { ControlChainOptions, FoundingOperator } from '../chain/ledger.js'
export type { ControlBlock, ControlEvent, ControlTransaction, TermEnd } from '../fold/block.js'
export type { LeaderPlan, Slot } from '../fold/leaders.js'
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
export type {
  Committee,
  OrderedStatement,
  PostingGenesis,
  PostingRules,
  PostingState,
  SignedStatement,
} from '../posting/state.js'
export type { StakeGenesis, StakeParameters, StakeState } from '../stake/stake.js'
export type { TransactionRefusal } from '../transaction/transaction.js'
export { type AbciApplication, type AbciRequests, type AbciResponses, serveAbci } from './abci-server.js'
export { createControlApplication } from './application.js'
export {
  type CometGenesis,
  type CometJoin,
  type CometKeys,
  type CometNetwork,
  type CometTimes,
  cometGenesisFile,
  defaultCometTimes,
  writeCometKeys,
} from './home.js'
export { type CometKey, cometNodeId, createCometKey } from './keys.js'
export type { ControlApplicationOptions, GenesisOperator } from './machine.js'
export { type CometOptions, openCometBft } from './open.js'
export { findCometBft } from './program.js'
export {
  type CometSigner,
  type CometSignerDependencies,
  type CometSignerOptions,
  type CometSigningKey,
  cometGuardSigner,
  serveCometSigner,
} from './signer/signer.js'
