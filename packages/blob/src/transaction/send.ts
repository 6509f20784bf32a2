import { type Clock, systemClock } from '@l2/common'
import type { Address, Hex } from 'viem'
import type { BlobCodec } from '../codec/codec.js'
import { opCodec } from '../codec/op.js'
import { maxBlobsPerTransaction } from '../constants.js'
import { BlobError } from '../errors.js'
import { getBlobParameters } from '../fee/parameters.js'
import { type BlobFees, type QuoteBlobFeesOptions, quoteBlobFees } from '../fee/quote.js'
import type { BlobParameters } from '../fee/schedule.js'
import { quantity, type RpcClient, rpc, rpcError } from '../internal/rpc.js'
import type { AnyKzg } from '../kzg/kzg.js'
import { type BlobSidecar, buildSidecar, checkSidecar, sidecarHashes, upgradeSidecar } from '../sidecar/sidecar.js'
import { type BlobSigner, type SignedBlobTransaction, signBlobTransaction } from './sign.js'
import { type BlobTransaction, tooManyBlobs } from './transaction.js'

/** What to post: bytes for a codec, blobs, or blobs with their proofs. Exactly one of them. */
export type BlobContent =
  | { payload: Uint8Array; codec?: BlobCodec | undefined; blobs?: undefined; sidecar?: undefined }
  | { blobs: readonly Uint8Array[]; payload?: undefined; sidecar?: undefined }
  | { sidecar: BlobSidecar; payload?: undefined; blobs?: undefined }

/** @see prepareBlobTransaction */
export type PrepareBlobTransactionOptions = BlobContent &
  Partial<BlobFees> & {
    /** The sender. */
    account: Pick<BlobSigner, 'address'>
    /** The recipient; a blob transaction cannot create a contract. */
    to: Address
    /** What computes commitments and proofs: a `Kzg` or a `KzgPool`. */
    kzg: AnyKzg
    /** Calldata. Default none. */
    data?: Hex | undefined
    /** Wei. Default 0. */
    value?: bigint | undefined
    /** Default: the account's next, pending transactions included. */
    nonce?: number | undefined
    /** Default: as the node estimates. */
    gas?: bigint | undefined
    /** Default: as the node says, else the table. */
    parameters?: BlobParameters | undefined
    /** How fees that were not given are chosen. */
    fees?: Omit<QuoteBlobFeesOptions, 'parameters'> | undefined
    signal?: AbortSignal | undefined
    onProgress?: ((done: number, total: number) => void) | undefined
  }

/** A transaction ready to be signed. */
export type PreparedBlobTransaction = { readonly transaction: BlobTransaction; readonly sidecar: BlobSidecar }

async function sidecarOf(options: PrepareBlobTransactionOptions, parameters: BlobParameters): Promise<BlobSidecar> {
  const { kzg, signal, onProgress } = options
  if (options.sidecar !== undefined) {
    const { sidecar } = options
    checkSidecar(sidecar)
    if (sidecar.version === parameters.wrapperVersion) return sidecar
    if (sidecar.version === 0) return upgradeSidecar(sidecar, { kzg, signal, onProgress })
    return buildSidecar(sidecar.blobs, { kzg, version: parameters.wrapperVersion, signal, onProgress })
  }
  const blobs = options.blobs ?? (options.codec ?? opCodec).encode(options.payload)
  checkBlobCount(blobs.length, parameters)
  return buildSidecar(blobs, { kzg, version: parameters.wrapperVersion, signal, onProgress })
}

function checkBlobCount(count: number, parameters: BlobParameters): void {
  if (count === 0) throw new BlobError('a type-3 transaction carries at least one blob', { code: 'NO_BLOBS' })
  if (count > parameters.max) throw tooManyBlobs(count, parameters.max, 'block')
  if (count > maxBlobsPerTransaction) throw tooManyBlobs(count, maxBlobsPerTransaction, 'transaction')
}

/**
 * Everything a blob transaction needs before it is signed: blobs, commitments and proofs in the wrapper version of L1's current fork,
 * nonce, gas and fees.
 *
 * @throws BlobError `TOO_MANY_BLOBS`, `NO_BLOBS`, `BLOB_LENGTH`, `FIELD_ELEMENT`, `BLOB_SCHEDULE`, `RPC_RESPONSE`, `NODE_UNAVAILABLE`
 */
export async function prepareBlobTransaction(
  client: RpcClient,
  options: PrepareBlobTransactionOptions,
): Promise<PreparedBlobTransaction> {
  const { account, to, signal, data = '0x', value = 0n } = options
  signal?.throwIfAborted()
  const parameters = options.parameters ?? (await getBlobParameters(client))
  const sidecar = await sidecarOf(options, parameters)
  checkBlobCount(sidecar.blobs.length, parameters)
  const blobVersionedHashes = sidecarHashes(sidecar)
  signal?.throwIfAborted()
  const ask = async (method: string, params: readonly unknown[]): Promise<bigint> => {
    try {
      return quantity(method, 'result', await rpc(client, method, params))
    } catch (error) {
      throw error instanceof BlobError ? error : rpcError(method, error)
    }
  }
  const call = { from: account.address, to, data, value: `0x${value.toString(16)}` }
  const [chainId, nonce, gas, fees] = await Promise.all([
    ask('eth_chainId', []),
    options.nonce ?? ask('eth_getTransactionCount', [account.address, 'pending']),
    options.gas ?? ask('eth_estimateGas', [call]),
    quoteUnlessGiven(client, options, parameters),
  ])
  signal?.throwIfAborted()
  const transaction: BlobTransaction = {
    chainId: Number(chainId),
    nonce: Number(nonce),
    gas,
    to,
    value,
    data,
    accessList: [],
    blobVersionedHashes,
    ...fees,
  }
  return { transaction, sidecar }
}

async function quoteUnlessGiven(
  client: RpcClient,
  options: PrepareBlobTransactionOptions,
  parameters: BlobParameters,
): Promise<BlobFees> {
  const { maxPriorityFeePerGas, maxFeePerGas, maxFeePerBlobGas } = options
  if (maxPriorityFeePerGas !== undefined && maxFeePerGas !== undefined && maxFeePerBlobGas !== undefined) {
    return { maxPriorityFeePerGas, maxFeePerGas, maxFeePerBlobGas }
  }
  const quote = await quoteBlobFees(client, { ...options.fees, parameters })
  return {
    maxPriorityFeePerGas: maxPriorityFeePerGas ?? quote.maxPriorityFeePerGas,
    maxFeePerGas: maxFeePerGas ?? quote.maxFeePerGas,
    maxFeePerBlobGas: maxFeePerBlobGas ?? quote.maxFeePerBlobGas,
  }
}

/** Why a node refused a transaction, as far as its message tells. */
export type BlobRejection =
  | 'underpriced'
  | 'nonce-too-low'
  | 'reserved'
  | 'insufficient-funds'
  | 'too-many-blobs'
  | 'wrapper-version'
  | 'invalid-proof'
  | 'other'

const rejections: readonly [RegExp, BlobRejection][] = [
  [/underpriced|fee too low|is greater than tx-specified|max fee per (blob )?gas less than/i, 'underpriced'],
  [/nonce too low|nonce.*already used/i, 'nonce-too-low'],
  [/already reserved/i, 'reserved'],
  [/insufficient funds/i, 'insufficient-funds'],
  [/too many blobs|blob.*(limit|count)/i, 'too-many-blobs'],
  [
    /legacy blob tx|unexpected eip-?4844 sidecar|failed to decode|cell proofs? is not|unexpected.*wrapper/i,
    'wrapper-version',
  ],
  [/proof|kzg|versioned hash/i, 'invalid-proof'],
]

/** @see sendSignedBlobTransaction */
export type SendSignedBlobTransactionOptions = {
  /**
   * How often to ask, once the node has answered with a hash, whether it knows the transaction: some accept a wrapper and drop it
   * silently. 0 to trust the answer. Default 5, half a second apart.
   */
  knownChecks?: number | undefined
  signal?: AbortSignal | undefined
}

/**
 * Sends a signed transaction. A node that has it already is a success: sending again after a crash or a timeout is safe.
 *
 * @throws BlobError `TRANSACTION_REJECTED` with `details.rejection` (a {@link BlobRejection}), `TRANSACTION_DROPPED`,
 * `NODE_UNAVAILABLE` when the outcome is unknown
 */
export async function sendSignedBlobTransaction(
  client: RpcClient,
  signed: Pick<SignedBlobTransaction, 'hash' | 'serialized'>,
  options: SendSignedBlobTransactionOptions = {},
  clock: Clock = systemClock,
): Promise<Hex> {
  const { knownChecks = 5, signal } = options
  const { hash, serialized } = signed
  signal?.throwIfAborted()
  try {
    await client.request({ method: 'eth_sendRawTransaction', params: [serialized] }, { retryCount: 0 })
  } catch (cause) {
    const error = rpcError('eth_sendRawTransaction', cause)
    const reason = String(error.details['reason'])
    if (/already (known|imported)|known transaction/i.test(reason)) return hash
    if (!isAnswer(cause)) throw error
    const rejection = rejections.find(([pattern]) => pattern.test(reason))?.[1] ?? 'other'
    throw new BlobError(`the node refused transaction ${hash}: ${reason}`, {
      code: 'TRANSACTION_REJECTED',
      recovery: rejection === 'underpriced' ? 'retry' : 'abort',
      details: { hash, reason, rejection },
      cause: error.cause,
    })
  }
  for (let check = 0; check < knownChecks; check++) {
    if (check > 0) await clock.sleep(500, signal)
    signal?.throwIfAborted()
    try {
      if (await rpc(client, 'eth_getTransactionByHash', [hash])) return hash
    } catch (cause) {
      throw rpcError('eth_getTransactionByHash', cause)
    }
  }
  if (knownChecks === 0) return hash
  throw new BlobError(`the node answered ${hash} and does not know it`, {
    code: 'TRANSACTION_DROPPED',
    recovery: 'retry',
    details: { hash },
  })
}

/** Whether the node answered with an error, as opposed to not at all. */
function isAnswer(error: unknown): boolean {
  let at = error as { code?: unknown; cause?: unknown } | undefined
  for (let depth = 0; at && depth < 16; depth++) {
    if (typeof at.code === 'number') return true
    at = at.cause as typeof at
  }
  return false
}

/** @see sendBlobTransaction */
export type SendBlobTransactionOptions = Omit<PrepareBlobTransactionOptions, 'account'> &
  BlobContent &
  SendSignedBlobTransactionOptions & { account: BlobSigner }

/**
 * Posts data, blobs or a sidecar to L1 in one type-3 transaction: prepares, signs and sends it.
 *
 * @throws BlobError as {@link prepareBlobTransaction}, `signBlobTransaction` and {@link sendSignedBlobTransaction}
 * @example
 * ```ts no-run
 * import { sendBlobTransaction } from '@l2/blob'
 * import { createBlobKzg } from '@l2/blob/kzg'
 * import { createPublicClient, http } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const { hash } = await sendBlobTransaction(createPublicClient({ transport: http('http://127.0.0.1:8545') }), {
 *   account: privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'),
 *   to: '0x000000000000000000000000000000000000dEaD',
 *   payload: new TextEncoder().encode('to be posted'),
 *   kzg: await createBlobKzg(),
 * })
 * ```
 */
export async function sendBlobTransaction(
  client: RpcClient,
  options: SendBlobTransactionOptions,
): Promise<SignedBlobTransaction> {
  const prepared = await prepareBlobTransaction(client, options as PrepareBlobTransactionOptions)
  const signed = await signBlobTransaction(options.account, prepared)
  await sendSignedBlobTransaction(client, signed, options)
  return signed
}
