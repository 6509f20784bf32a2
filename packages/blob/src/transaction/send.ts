import { awake, type Clock, isL2Error, systemClock } from '@l2/common'
import type { Address, Hex } from 'viem'
import type { BlobCodec } from '../codec/codec.js'
import { opCodec } from '../codec/op.js'
import { maxBlobsPerTransaction } from '../constants.js'
import { BlobError } from '../errors.js'
import { getBlobParameters } from '../fee/parameters.js'
import { type BlobFees, type QuoteBlobFeesOptions, quoteBlobFees } from '../fee/quote.js'
import type { BlobParameters } from '../fee/schedule.js'
import { quantity, type RpcClient, redactedCause, rpc, rpcError } from '../internal/rpc.js'
import type { AnyKzg } from '../kzg/kzg.js'
import { classifySendFailure, wordsOfNode } from '../refusal/classify.js'
import { sendFailureCures } from '../refusal/cures.js'
import type { SendFailure } from '../refusal/table.js'
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
    /** The sender. Its viem `nonceManager`, where it has one, gives the nonce. */
    account: Pick<BlobSigner, 'address' | 'nonceManager'>
    /** The recipient; a blob transaction cannot create a contract. */
    to: Address
    /** What computes commitments and proofs: a `Kzg` or a `KzgPool`. */
    kzg: AnyKzg
    /** Calldata. Default none. */
    data?: Hex | undefined
    /** Wei. Default 0. */
    value?: bigint | undefined
    /** Default: of the account's `nonceManager`, else its next, pending transactions included. */
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
 * Two transactions that are prepared before either is sent have the same nonce, unless the account has a `nonceManager`: prepare and send
 * one after the other, or use `sendBlobTransaction`, which does.
 *
 * @throws BlobError `TOO_MANY_BLOBS`, `NO_BLOBS`, `BLOB_LENGTH`, `FIELD_ELEMENT`, `BLOB_SCHEDULE`, `RPC_RESPONSE`, `NODE_UNAVAILABLE`
 */
export async function prepareBlobTransaction(
  client: RpcClient,
  options: PrepareBlobTransactionOptions,
): Promise<PreparedBlobTransaction> {
  const { transaction, sidecar } = await prepareWithoutNonce(client, options)
  const nonce = options.nonce ?? (await nextNonce(client, options.account, transaction.chainId))
  options.signal?.throwIfAborted()
  return { transaction: { ...transaction, nonce }, sidecar }
}

type Unnumbered = { transaction: Omit<BlobTransaction, 'nonce'>; sidecar: BlobSidecar }

async function prepareWithoutNonce(client: RpcClient, options: PrepareBlobTransactionOptions): Promise<Unnumbered> {
  const { account, to, signal, data = '0x', value = 0n } = options
  signal?.throwIfAborted()
  const parameters = options.parameters ?? (await getBlobParameters(client))
  const sidecar = await sidecarOf(options, parameters)
  checkBlobCount(sidecar.blobs.length, parameters)
  const blobVersionedHashes = sidecarHashes(sidecar)
  signal?.throwIfAborted()
  const call = { from: account.address, to, data, value: `0x${value.toString(16)}` }
  const [chainId, gas, fees] = await Promise.all([
    askQuantity(client, 'eth_chainId', []),
    options.gas ?? askQuantity(client, 'eth_estimateGas', [call]),
    quoteUnlessGiven(client, options, parameters),
  ])
  signal?.throwIfAborted()
  return {
    transaction: { chainId: Number(chainId), gas, to, value, data, accessList: [], blobVersionedHashes, ...fees },
    sidecar,
  }
}

async function askQuantity(client: RpcClient, method: string, params: readonly unknown[]): Promise<bigint> {
  try {
    return quantity(method, 'result', await rpc(client, method, params))
  } catch (error) {
    throw isL2Error(error) ? error : rpcError(method, error)
  }
}

/** The nonce to send with next. What a manager gives out is taken: it has to be used, or the manager reset. */
async function nextNonce(
  client: RpcClient,
  { address, nonceManager }: Pick<BlobSigner, 'address' | 'nonceManager'>,
  chainId: number,
): Promise<number> {
  if (nonceManager === undefined) {
    return Number(await askQuantity(client, 'eth_getTransactionCount', [address, 'pending']))
  }
  try {
    return await nonceManager.consume({ address, chainId, client })
  } catch (error) {
    throw rpcError('eth_getTransactionCount', error)
  }
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

/** Why a node refused a transaction: whatever it can say but that it has it, and that it cannot be reached. */
export type BlobRejection = Exclude<SendFailure, 'known' | 'unreachable'>

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
 * Sends a signed transaction. A node that has it already, pending or mined, is a success: sending again after a crash or a timeout is safe.
 *
 * @throws BlobError `TRANSACTION_REJECTED` with `details.rejection` (a {@link BlobRejection}; `sendFailureCures` says what to do about each) and
 * the node's words in `details.reason`; `TRANSACTION_DROPPED`; `NODE_UNAVAILABLE` when the outcome is unknown
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
    const rejection = classifySendFailure(cause)
    if (rejection === 'known') return hash
    if (rejection === 'unreachable') throw rpcError('eth_sendRawTransaction', cause)
    // A used nonce is how nodes say that this one was mined, which an answer that got lost on the way, or a client that asks twice, leads to.
    if (rejection === 'nonce-too-low' && (await isKnown(client, hash))) return hash
    const reason = wordsOfNode(cause)
    const { recovery, cure } = sendFailureCures[rejection]
    throw new BlobError(`the node refused transaction ${hash}: ${reason}`, {
      code: 'TRANSACTION_REJECTED',
      recovery,
      meta: [`try: ${cure}`],
      details: { hash, reason, rejection },
      cause: redactedCause(cause),
    })
  }
  for (let check = 0; check < knownChecks; check++) {
    if (check > 0) await awake(clock.sleep(500, signal))
    signal?.throwIfAborted()
    if (await isKnown(client, hash)) return hash
  }
  if (knownChecks === 0) return hash
  throw new BlobError(`the node answered ${hash} and does not know it`, {
    code: 'TRANSACTION_DROPPED',
    recovery: 'retry',
    details: { hash },
  })
}

async function isKnown(client: RpcClient, hash: Hex): Promise<boolean> {
  try {
    return Boolean(await rpc(client, 'eth_getTransactionByHash', [hash]))
  } catch (cause) {
    throw rpcError('eth_getTransactionByHash', cause)
  }
}

/** @see sendBlobTransaction */
export type SendBlobTransactionOptions = Omit<PrepareBlobTransactionOptions, 'account'> &
  BlobContent &
  SendSignedBlobTransactionOptions & { account: BlobSigner }

/**
 * Posts data, blobs or a sidecar to L1 in one type-3 transaction: prepares, signs and sends it.
 *
 * Several calls at once are fine: proofs are computed side by side, and those of one account take their nonces and leave in the order of the
 * calls, as long as they share the client.
 * A nonce that somebody else took meanwhile is left to them, and the next one is used; with `nonce` given, only that one is.
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
  const { account, nonce, signal } = options
  const preparing = prepareWithoutNonce(client, options as PrepareBlobTransactionOptions)
  const send = async (number: number): Promise<SignedBlobTransaction> => {
    const { transaction, sidecar } = await preparing
    signal?.throwIfAborted()
    const signed = await signBlobTransaction(account, { transaction: { ...transaction, nonce: number }, sidecar })
    await sendSignedBlobTransaction(client, signed, options)
    return signed
  }
  if (nonce !== undefined) return send(nonce)
  return inTurn(client, account.address, signal, preparing, async ({ transaction: { chainId } }) => {
    const { address, nonceManager } = account
    let least = 0
    for (let tries = 1; ; tries++) {
      try {
        const number = Math.max(least, await nextNonce(client, account, chainId))
        // A node behind a balancer may not count yet what another one has told us is taken.
        least = number + 1
        return await send(number)
      } catch (error) {
        nonceManager?.reset({ address, chainId })
        if (!isNonceTaken(error) || tries === maxNonceTries) throw error
      }
    }
  })
}

/** Nonces that are tried before the account counts as used by somebody else at the same time. */
const maxNonceTries = 5

/** Whether the node refused a transaction because another one has its nonce: it has not taken this one, so another nonce repeats nothing. */
function isNonceTaken(error: unknown): boolean {
  if (!isL2Error(error, 'TRANSACTION_REJECTED')) return false
  const { rejection } = error.details
  return rejection === 'replacement-underpriced' || rejection === 'nonce-too-low'
}

/** The last send under way of each account, for each client. */
const turns = new WeakMap<RpcClient, Map<string, Promise<unknown>>>()

/**
 * Runs when what it needs is ready and everything that was called before it for the same account has ended. What cannot be made ready, or is
 * given up, does not hold the others up.
 */
async function inTurn<Ready, T>(
  client: RpcClient,
  address: string,
  signal: AbortSignal | undefined,
  preparing: Promise<Ready>,
  run: (ready: Ready) => Promise<T>,
): Promise<T> {
  const account = address.toLowerCase()
  const ofClient = turns.get(client) ?? new Map<string, Promise<unknown>>()
  turns.set(client, ofClient)
  const before = ofClient.get(account)
  const result = (async () => {
    const ready = await preparing
    if (before !== undefined) await untilAborted(before, signal)
    return run(ready)
  })()
  const turn = result.then(
    () => before,
    () => before,
  )
  ofClient.set(account, turn)
  try {
    return await result
  } finally {
    if (ofClient.get(account) === turn) ofClient.delete(account)
  }
}

/** Waits, and rejects with the signal's reason when it is aborted first. */
async function untilAborted(waiting: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  const done = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true, signal: done.signal })
  })
  try {
    await Promise.race([waiting, aborted])
  } finally {
    done.abort()
  }
}
