export type {
  Attestation,
  AttestationProof,
  AttestationSigner,
  CommitteeMember,
  ProofRefusal,
} from '../attestation/attestation.js'
export { blsAttestation, createBlsAttester } from './bls.js'
