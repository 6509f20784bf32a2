import { bytesToHex, equalBytes } from '@l2/common'
import type { Hex } from 'viem'
import { BlobError } from '../errors.js'
import type { BlobSidecar } from '../sidecar/sidecar.js'
import {
  type BlobTransaction,
  type BlobTransactionSignature,
  blobTransactionHash,
  parseBlobTransaction,
  serializeBlobTransaction,
} from './transaction.js'

/** Any viem account that signs by itself: a private key, an HD key, a KMS or hardware signer made with `toAccount`. */
export type BlobSigner = {
  readonly address: Hex
  // The account's own type is generic over serializers; this is the part that is used.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  signTransaction?: ((transaction: any, options?: any) => Promise<Hex>) | undefined
  /** viem's: gives out the account's nonces, for all who send with it. */
  readonly nonceManager?: BlobNonceManager | undefined
}

/** The part of viem's `NonceManager` that is used. */
export type BlobNonceManager = {
  // viem's client, which this package does not need to know.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  consume(parameters: { address: Hex; chainId: number; client: any }): Promise<number>
  reset(parameters: { address: Hex; chainId: number }): void
}

/** A signed transaction with its sidecar: all that is needed to send it, again and again, and to know it when it is mined. */
export type SignedBlobTransaction = {
  readonly transaction: BlobTransaction
  readonly signature: BlobTransactionSignature
  readonly sidecar: BlobSidecar
  /** Known before sending: store it first, and a crash costs nothing. */
  readonly hash: Hex
  /** The network wrapper, for `eth_sendRawTransaction`. */
  readonly serialized: Hex
}

/**
 * Signs a type-3 transaction with any viem account and wraps it with its sidecar. The account sees the transaction without blobs, so
 * it needs to know nothing of sidecars.
 *
 * @throws BlobError `ACCOUNT`, and as `serializeBlobTransaction`
 */
export async function signBlobTransaction(
  account: BlobSigner,
  prepared: { readonly transaction: BlobTransaction; readonly sidecar: BlobSidecar },
): Promise<SignedBlobTransaction> {
  const { transaction, sidecar } = prepared
  if (account.signTransaction === undefined) {
    throw new BlobError(`account ${account.address} cannot sign by itself`, {
      code: 'ACCOUNT',
      details: { address: account.address },
      meta: [
        'A JSON-RPC account cannot send blobs with cell proofs.',
        'try: privateKeyToAccount, or toAccount with a signer',
      ],
    })
  }
  // Wrong fields and counts are found before the signer is asked for anything.
  const unsigned = serializeBlobTransaction(transaction)
  const signed = parseBlobTransaction(
    await account.signTransaction({ ...transaction, type: 'eip4844', sidecars: undefined, blobs: undefined }),
  )
  if (signed.signature === undefined || !equalBytes(serializeBlobTransaction(signed.transaction), unsigned)) {
    throw new BlobError(`account ${account.address} signed another transaction than it was given`, {
      code: 'ACCOUNT',
      details: { address: account.address },
    })
  }
  const { signature } = signed
  return {
    transaction,
    signature,
    sidecar,
    hash: blobTransactionHash(transaction, signature),
    serialized: bytesToHex(serializeBlobTransaction(transaction, { signature, sidecar })),
  }
}
