export type { OrderedKey, OrderedMap } from '@l2/common'
export type {
  ControlChain,
  ControlChainDependencies,
  ControlChainStatus,
  ControlSnapshot,
  ControlStore,
  FoldedBlock,
} from '../chain/control-chain.js'
export type { ControlChainOptions, Operator } from '../chain/ledger.js'
export type { ControlBlock, ControlEvent, ControlTransaction, TermEnd } from '../fold/block.js'
export type { LeaderPlan, Slot } from '../fold/leaders.js'
export type {
  ControlState,
  LeaderChange,
  Member,
  MemberSet,
  StandingVote,
  TermCause,
} from '../fold/state.js'
export type { HeaderId, L1Mark, OperatorList } from '../list/list.js'
export type { ControlParameters } from '../parameters.js'
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
