export type { L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export { encodeHeader, type RpcHeader } from '../derivation/l1-proof.js'
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
export type { SequencerError, SequencerErrorCode } from '../errors.js'
export type { AccountState } from '../mempool/types.js'
export type { AccessListEntry } from '../transaction/types.js'
export {
  createOutputSource,
  hashOutputRootProof,
  type Output,
  type OutputRootProof,
  type OutputSource,
  type OutputSourceOptions,
  outputRoot,
} from './output-root.js'
export {
  type AccountProof,
  createStateProofs,
  messagePasser,
  type ProofBlock,
  type ProvenDepth,
  type StateProofs,
  type StateProofsDependencies,
  type StateProofsOptions,
  type StorageProof,
} from './state-proofs.js'
