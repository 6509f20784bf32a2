export type { Clock, Closable, Logger } from '@l2/common'
export type { ChallengeHistory, ChallengeSource, ChallengeWindows } from '../alt-da/challenge.js'
export type { Commitment } from '../commitment.js'
export type {
  DaCallOptions,
  DaCapabilities,
  DaEntry,
  DaGetOptions,
  DaLimits,
  DaProof,
  DaQuote,
  DaReceipt,
  DaStatus,
  DaSubmitOptions,
  DataAvailability,
  L1DataAvailability,
} from '../port.js'
export type { Store } from '../store.js'
export { type BlobCommitment, type BlobDaDeps, type BlobDaOptions, createBlobDa, parseBlobCommitment } from './blobs.js'
export {
  type CalldataCommitment,
  type CalldataDaDeps,
  type CalldataDaOptions,
  createCalldataDa,
  parseCalldataCommitment,
} from './calldata.js'
export {
  createEthereumChallenges,
  dataAvailabilityChallengeAbi,
  type EthereumChallengesOptions,
  readChallengeWindows,
} from './challenges.js'
export { classifySendFailure, type SendFailure } from './failure.js'
export {
  brokenFeeLimit,
  bumpFees,
  type CrossoverInput,
  cheaperDa,
  type FeeFloors,
  type FeeLimits,
  type FeeMarket,
  type Fees,
  firstFees,
} from './fees.js'
export type { EthereumClient, TransactionSigner } from './rpc.js'
export type {
  Commit,
  PayloadKind,
  PoolKind,
  PreparedPayload,
  SigningFields,
  TransactionRequest,
} from './transaction.js'
export {
  createTransactionManager,
  type InFlight,
  type TransactionManager,
  type TransactionManagerDeps,
  type TransactionManagerOptions,
} from './transaction-manager.js'
