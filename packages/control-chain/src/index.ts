export type { L2Error, L2ErrorOptions, OrderedKey, OrderedMap, Recovery } from '@l2/common'
export { isL2Error } from '@l2/common'
export type { SignedHeader } from '@l2/sequencer-core/block'
export type {
  Attestation,
  AttestationProof,
  AttestationSigner,
  CommitteeMember,
  ProofRefusal,
} from './attestation/attestation.js'
export { createEcdsaAttester, ecdsaAttestation } from './attestation/ecdsa.js'
export {
  type BatchStatement,
  type CommitteeDomain,
  decodeBatchStatement,
  encodeBatchStatement,
  hashBatchStatement,
  hashTurnStatement,
  maxDataHashes,
  statementTypes,
  type TurnStatement,
} from './attestation/statement.js'
export type {
  ControlChain,
  ControlChainDependencies,
  ControlChainStatus,
  ControlSnapshot,
  ControlStore,
  FoldedBlock,
} from './chain/control-chain.js'
export type { ControlChainOptions, FoundingOperator } from './chain/ledger.js'
export { createSoloControlChain, type SoloOptions } from './chain/solo.js'
export { ControlChainError, type ControlChainErrorCode } from './errors.js'
export { applyControlBlock, bringsPool } from './fold/apply.js'
export type { ControlBlock, ControlEvent, ControlTransaction, TermEnd } from './fold/block.js'
export { climb } from './fold/climb.js'
export { type LeaderPlan, leaderAt, type Slot } from './fold/leaders.js'
export { recordOf } from './fold/record.js'
export { controlStateHash, decodeControlState, encodeControlState } from './fold/snapshot.js'
export {
  type ControlGenesis,
  type ControlState,
  createControlState,
  forgetSettled,
  keptSettledBlocks,
  type LeaderChange,
  type Member,
  type MemberSet,
  membersOf,
  type OperatorRecord,
  type StandingVote,
  scheduleMembers,
  type TermCause,
  totalPower,
} from './fold/state.js'
export {
  type AttestationShare,
  decodeList,
  encodeList,
  entryAt,
  type HeaderId,
  type L1Mark,
  listLength,
  maxListLength,
  type OperatorList,
  passesThrough,
} from './list/list.js'
export { nameBlocks, type OwnBlock, type OwnChain } from './operator/name-blocks.js'
export {
  adviseVote,
  defaultPatience,
  isStalled,
  type Patience,
  type Situation,
  silenceMs,
  type VoteAdvice,
} from './operator/patience.js'
export { type ProposalHold, proposalHold } from './operator/propose.js'
export { type ControlParameters, defaultParameters } from './parameters.js'
export {
  type AttestationAdvice,
  type AttestationHold,
  adviseBatch,
  advisePosterVote,
  adviseTurn,
  type OwnBatches,
  signShare,
} from './posting/advice.js'
export { type AttestedHead, attestedHead } from './posting/head.js'
export type {
  Committee,
  OrderedStatement,
  PostingGenesis,
  PostingRules,
  PostingState,
  SignedStatement,
} from './posting/state.js'
export {
  type AttestationKey,
  decodeRegistration,
  encodeRegistration,
  type KeyRole,
  type OperatorPublicKeys,
  type Registration,
  type RegistrationRefusal,
  type RegistrationSigners,
  readRegistration,
  registrationMessage,
  type SignedRegistration,
  signRegistration,
  type VerifyPossession,
} from './registration/registration.js'
export { electionOf, planOf } from './stake/election.js'
export { l1PoolCommands, type PoolLog } from './stake/l1-commands.js'
export { createL1PoolReader, type L1PoolMark, type L1PoolReader, type L1PoolReaderOptions } from './stake/l1-pool.js'
export {
  applyPoolCommands,
  decodePoolCommands,
  encodePoolCommands,
  firstPoolRoot,
  maxPoolCommandBytes,
  poolRootOf,
} from './stake/pool-commands.js'
export { defaultStakeParameters, type StakeGenesis, type StakeParameters, type StakeState } from './stake/stake.js'
export {
  encodeEquivocation,
  encodeFalsePosting,
  encodeFalseStatement,
  type OperatorMessage,
  poolCommandsTransaction,
  readTransaction,
  type SignerDirectory,
  signTransaction,
  type TransactionContext,
  type TransactionRefusal,
} from './transaction/transaction.js'
