import type { Hash, Hex } from 'viem'

/** Of a committee: ordered by `id`, and a member's place in that order is its bit. */
export type CommitteeMember = {
  readonly id: number
  /** Its share of the stake, as frozen for the epoch; below 2^96. */
  readonly power: bigint
  /** Public key, in the form of the {@link Attestation}: an address, or 96 bytes of BLS12-381. */
  readonly key: Hex
}

/** More than two thirds of a committee's stake behind one digest, as L1 takes it. */
export type AttestationProof = {
  /** Bit `i`: member `i` signed. */
  readonly bitmap: bigint
  /** ECDSA: the signatures one after another, in the order of the bits. BLS: their sum, as EIP-2537 writes a point of G1. */
  readonly signature: Hex
}

/** What is wrong with a proof. */
export type ProofRefusal =
  /** Bits of nobody, or bytes of another length. */
  | 'malformed'
  /** Two thirds of the stake, or less. */
  | 'quorum'
  /** Not signed by who is in the bitmap, or over something else. */
  | 'signature'

/**
 * How a committee signs: signatures of members, put together so that a contract on L1 can count the stake behind them.
 * Everything is pure; nothing throws on what strangers made.
 */
export interface Attestation {
  readonly scheme: 'ecdsa' | 'bls12-381'
  /** Bytes of one member's signature, as it rides in a vote extension. */
  readonly signatureLength: number
  /** Whether this is a public key of the scheme. */
  isKey(key: Hex): boolean
  /** Whether a key's owner has shown that it has the secret, by signing a registration: else a sum of keys can be made up. */
  provesPossession(key: Hex, message: Uint8Array, possession: Hex): boolean
  /** The members whose signature is over the digest; what is not is left out. */
  valid(members: readonly CommitteeMember[], digest: Hash, signatures: ReadonlyMap<number, Hex>): readonly number[]
  /**
   * Puts signatures together, of the heaviest members as many as it takes.
   *
   * @param signatures by member id; each was found {@link valid}
   * @returns `undefined` for two thirds of the stake or less
   */
  combine(members: readonly CommitteeMember[], signatures: ReadonlyMap<number, Hex>): AttestationProof | undefined
  /** What L1 answers to a proof; `undefined`: it takes it. */
  verify(members: readonly CommitteeMember[], digest: Hash, proof: AttestationProof): ProofRefusal | undefined
  /** The members as L1 keeps them. */
  encodeMembers(members: readonly CommitteeMember[]): Hex
  /** keccak of {@link encodeMembers}: what a committee signs when it hands over to the next. */
  membersHash(members: readonly CommitteeMember[]): Hash
}

/** A member's own key. */
export interface AttestationSigner {
  readonly key: Hex
  sign(digest: Hash): Promise<Hex>
  /** Shows that the secret is there: over a registration (`registrationMessage`), as no statement is signed. */
  provePossession(message: Uint8Array): Promise<Hex>
}
