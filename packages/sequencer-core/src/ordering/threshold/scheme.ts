/** What an identity-based encryption makes of a message. */
export type ThresholdCiphertext = { readonly c1: Uint8Array; readonly c2: Uint8Array; readonly c3: Uint8Array }

/** One keyper's part of a decryption key. */
export type DecryptionShare = {
  /** From 1. */
  readonly keyper: number
  readonly share: Uint8Array
}

/**
 * Encryption to an identity under a key that no single party has: fewer than the threshold of keypers learn nothing, as many as that always
 * decrypt. The port behind which the curve lies; all keys are bytes.
 */
export interface ThresholdScheme {
  readonly name: string
  /** `sigma`: 32 random bytes, new for each message. */
  encrypt(publicKey: Uint8Array, identity: Uint8Array, message: Uint8Array, sigma: Uint8Array): ThresholdCiphertext
  /** A keyper's share of the decryption key of one identity. */
  share(secretShare: Uint8Array, identity: Uint8Array): Uint8Array
  /** Whether a share was made with the secret that belongs to `keyShare`. Never throws on wrong bytes. */
  verifyShare(keyShare: Uint8Array, identity: Uint8Array, share: Uint8Array): boolean
  /** The decryption key out of verified shares. @throws SequencerError `THRESHOLD_INVALID` for too few */
  combine(shares: readonly DecryptionShare[], threshold: number): Uint8Array
  /** Whether a decryption key is the one for this identity. Never throws on wrong bytes. */
  verifyKey(publicKey: Uint8Array, identity: Uint8Array, decryptionKey: Uint8Array): boolean
  /** The message, or `undefined` where the ciphertext is not one for this identity. */
  decrypt(identity: Uint8Array, decryptionKey: Uint8Array, ciphertext: ThresholdCiphertext): Uint8Array | undefined
  /** One party's part of the key generation: a polynomial of as many random 32-byte coefficients as the threshold, shared out to `keypers`. */
  deal(coefficients: readonly Uint8Array[], keypers: number): { commitments: Uint8Array[]; shares: Uint8Array[] }
  /** Whether a dealt share fits the dealer's commitments (Feldman). Never throws on wrong bytes. */
  verifyDeal(keyper: number, share: Uint8Array, commitments: readonly Uint8Array[]): boolean
  /** A keyper's secret share: the sum of what all dealers gave it. */
  combineDeals(shares: readonly Uint8Array[]): Uint8Array
  /** The common public key, and the one by which each keyper's shares are verified. */
  publicKeys(
    commitmentsOfDeals: readonly (readonly Uint8Array[])[],
    keypers: number,
  ): { publicKey: Uint8Array; keyShares: Uint8Array[] }
}
