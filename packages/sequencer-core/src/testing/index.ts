// derivation

export type { L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export type { Batch, BatchBlock, SingularBatch, SpanBatch, SpanBlock } from '../batch/types.js'
export type { FrameRefusal } from '../channel/channel.js'
export type { Frame } from '../channel/frame.js'
export type { Decompress, Decompressed, Decompressors } from '../compression/compression.js'
export type { BatchReason, BatchVerdict, SafeBlock } from '../derivation/batch-check.js'
export type { DerivationCheckpoint } from '../derivation/checkpoint.js'
export type { DepositTransaction } from '../derivation/deposit.js'
export type { ForkName, ForkSchedule } from '../derivation/fork-schedule.js'
export type { L1Block, L1BlockRef, L1Header, L1Log, L1Transaction } from '../derivation/l1.js'
export type { BlobSource, L1Source } from '../derivation/l1-source.js'
export type { L2BlockRef } from '../derivation/l2.js'
export type {
  DerivationEvent,
  DerivationInput,
  DerivationNeed,
  DerivationOptions,
  DerivationOutput,
  DerivationPipeline,
  ExecutedRef,
  IsBatcher,
} from '../derivation/pipeline-types.js'
export type { AltDaConfig, BlockId, RollupConfig } from '../derivation/rollup-config.js'
export type { SystemConfig, SystemConfigUpdate } from '../derivation/system-config.js'
export type { UpgradeTransactions } from '../derivation/upgrade-transactions.js'
export type { Eip1559Parameters } from '../engine/eip1559.js'
export type {
  AccessCall,
  CallOptions,
  ExecutedBlock,
  ExecutedHeader,
  ExecutionEngine,
  ExecutionReceipt,
  ForkchoiceHeads,
  PayloadAttributes,
  TracedAccess,
} from '../engine/engine.js'
export type { OpGenesis } from '../engine/op-genesis.js'
export type { SequencerError, SequencerErrorCode } from '../errors.js'
export type { Reservation, SigningGuard } from '../guard/guard.js'
export type { SigningPosition, Watermark } from '../guard/watermark.js'
export type { Lease, LogEntry, LogHead, NewLogEntry, ReadLogOptions, SequencerLog } from '../log/log.js'
export type { AccountState } from '../mempool/types.js'
export type { StateProofsDependencies } from '../output/state-proofs.js'
export type { SenderRecovery } from '../transaction/recovery.js'
export type { AccessListEntry } from '../transaction/types.js'
// engine
export type { ConformanceCase } from './conformance.js'
export { attributesAfter, type EngineHarness, engineConformance } from './engine-conformance.js'
export { type GuardHarness, guardConformance } from './guard-conformance.js'
export {
  createL1Simulator,
  type L1Simulator,
  type L1SimulatorOptions,
  type PostOptions,
  type SimulatedAccount,
  simulatedAccount,
} from './l1-simulator.js'
export {
  createHashEngine,
  createSequencerSimulator,
  type DerivedChain,
  deriveSimulated,
  framesOfBatches,
  framesOfStream,
  type HashEngine,
  type HashEngineOptions,
  type SequencedBlock,
  type SequencerSimulator,
  simulatedRollup,
  simulatedTransaction,
} from './l2-simulator.js'
// log
export { type LogHarness, logConformance } from './log-conformance.js'
export { type ProofsHarness, proofsConformance, storingContract } from './proofs-conformance.js'
export {
  createRandomChain,
  type RandomBlock,
  type RandomChain,
  type RandomChainOptions,
} from './random-chain.js'
