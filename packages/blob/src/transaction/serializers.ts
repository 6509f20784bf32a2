import { bytesToHex, hexToBytes } from '@l2/common'
import type { ChainSerializers, Hex, Signature, TransactionSerializable, TransactionSerializableEIP4844 } from 'viem'
import { BlobError } from '../errors.js'
import { getBlobParameters } from '../fee/parameters.js'
import type { RpcClient } from '../internal/rpc.js'
import type { AnyKzg } from '../kzg/kzg.js'
import { buildSidecar } from '../sidecar/sidecar.js'
import { type BlobTransaction, type BlobTransactionSignature, serializeBlobTransaction } from './transaction.js'

/** @see blobSerializers */
export type BlobSerializersOptions = {
  /** Computes the cell proofs that viem does not. A `KzgPool` keeps the thread free. */
  kzg: AnyKzg
  /** Asked for the fork, which decides the wrapper version. Without it version 1, which every public network takes. */
  client?: RpcClient | undefined
}

/**
 * `serializers` for a viem chain: `sendTransaction`, `signTransaction` and every local account then make blob transactions in the wrapper of
 * L1's fork, unchanged otherwise. Nothing is made up: what viem does not fill in has to be given, above all `maxFeePerBlobGas`, which
 * `quoteBlobFees` knows.
 *
 * @throws BlobError (from the call that serialises) `TRANSACTION_FIELD` where a field is missing
 * @example
 * ```ts
 * import { blobSerializers } from '@l2/blob'
 * import { createBlobKzg } from '@l2/blob/kzg'
 * import { createWalletClient, defineChain, http } from 'viem'
 * import { mainnet } from 'viem/chains'
 *
 * const kzg = await createBlobKzg()
 * const chain = defineChain({ ...mainnet, serializers: blobSerializers({ kzg }) })
 * const wallet = createWalletClient({ chain, transport: http() })
 * // await wallet.sendTransaction({ account, blobs, kzg, maxFeePerBlobGas, to })
 * console.log(wallet.chain.id) // 1
 * ```
 */
export function blobSerializers(options: BlobSerializersOptions): ChainSerializers & {
  transaction: NonNullable<ChainSerializers['transaction']>
} {
  return {
    async transaction(transaction: TransactionSerializable, signature?: Signature) {
      if (isBlobTransaction(transaction)) return bytesToHex(await serialize(transaction, signature, options)) as never
      const { serializeTransaction } = await viem()
      return serializeTransaction(transaction, signature)
    },
  }
}

/** As viem tells types apart. */
function isBlobTransaction(transaction: TransactionSerializable): transaction is TransactionSerializableEIP4844 {
  const { type, authorizationList, blobs, blobVersionedHashes, maxFeePerBlobGas, sidecars } = transaction as Partial<
    Record<string, unknown>
  >
  if (type !== undefined) return type === 'eip4844'
  if (authorizationList !== undefined) return false
  return [blobs, blobVersionedHashes, maxFeePerBlobGas, sidecars].some(field => field !== undefined)
}

/** @throws BlobError `VIEM_VERSION` */
async function viem(): Promise<typeof import('../internal/viem.js')> {
  try {
    return await import('../internal/viem.js')
  } catch (cause) {
    throw new BlobError('the installed viem has no serializeTransaction', {
      code: 'VIEM_VERSION',
      meta: ['blobSerializers are for viem 2: viem 3 makes transactions with cell proofs itself'],
      cause,
    })
  }
}

async function serialize(
  from: TransactionSerializableEIP4844,
  signature: Signature | undefined,
  options: BlobSerializersOptions,
): Promise<Uint8Array> {
  const { blobs, sidecars, blobVersionedHashes } = from
  if (blobVersionedHashes === undefined || !from.to) {
    throw new BlobError('a blob transaction needs "to" and "blobVersionedHashes" before it is serialised', {
      code: 'TRANSACTION_FIELD',
      details: { to: from.to },
    })
  }
  const transaction: BlobTransaction = {
    chainId: from.chainId,
    nonce: given(from, 'nonce'),
    maxPriorityFeePerGas: given(from, 'maxPriorityFeePerGas'),
    maxFeePerGas: given(from, 'maxFeePerGas'),
    gas: given(from, 'gas'),
    to: from.to,
    value: from.value ?? 0n,
    data: from.data ?? '0x',
    accessList: from.accessList ?? [],
    maxFeePerBlobGas: given(from, 'maxFeePerBlobGas'),
    blobVersionedHashes,
  }
  const signed = signature === undefined ? undefined : plainSignature(signature)
  // `sidecars: false` is how viem asks for the bytes to sign.
  const raw = sidecars === false ? undefined : (sidecars?.map(({ blob }) => blob) ?? blobs)
  if (raw === undefined || signed === undefined) return serializeBlobTransaction(transaction, { signature: signed })
  const version = options.client === undefined ? 1 : (await getBlobParameters(options.client)).wrapperVersion
  const sidecar = await buildSidecar(raw.map(toBytes), { kzg: options.kzg, version })
  return serializeBlobTransaction(transaction, { signature: signed, sidecar })
}

/** A field that nobody filled in is no zero: nodes refuse a nonce, gas or price of 0, or take it for another transaction. */
function given<Field extends 'nonce' | 'gas' | 'maxPriorityFeePerGas' | 'maxFeePerGas' | 'maxFeePerBlobGas'>(
  from: TransactionSerializableEIP4844,
  field: Field,
): NonNullable<TransactionSerializableEIP4844[Field]> {
  const value = from[field]
  if (value !== undefined && value !== null) return value as NonNullable<TransactionSerializableEIP4844[Field]>
  throw new BlobError(`"${field}" of a blob transaction is missing`, {
    code: 'TRANSACTION_FIELD',
    details: { field },
    meta: [field === 'maxFeePerBlobGas' ? 'try: maxFeePerBlobGas of quoteBlobFees(client)' : `try: give "${field}"`],
  })
}

function plainSignature({ r, s, yParity, v }: Signature): BlobTransactionSignature {
  const parity = yParity ?? Number((v ?? 27n) % 27n)
  return { r, s, yParity: parity === 0 ? 0 : 1 }
}

function toBytes(blob: Hex | Uint8Array, index: number): Uint8Array {
  const bytes = typeof blob === 'string' ? hexToBytes(blob) : blob
  if (bytes !== undefined) return bytes
  throw new BlobError(`blob ${index}: expected bytes in hex`, { code: 'BLOB_LENGTH', details: { index } })
}
