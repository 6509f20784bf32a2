import { isL2Error } from '@l2/common'
import { BlobError } from '../errors.js'
import { larger } from '../internal/bigint.js'
import { quantity, type RpcClient, rpc, rpcError } from '../internal/rpc.js'
import { blobBaseFee, blobReservePrice, nextExcessBlobGas } from './math.js'
import { getBlobParameters } from './parameters.js'
import type { BlobParameters } from './schedule.js'

/** What a blob transaction in the next block costs, and what to offer for it. Wei per gas or per blob gas. */
export type BlobFeeQuote = {
  /** Base fee of the next block. */
  readonly baseFeePerGas: bigint
  /** Blob base fee of the next block. */
  readonly blobBaseFee: bigint
  /** Where EIP-7918 pushes the blob base fee up to. */
  readonly blobReservePrice: bigint
  readonly maxPriorityFeePerGas: bigint
  readonly maxFeePerGas: bigint
  readonly maxFeePerBlobGas: bigint
  readonly parameters: BlobParameters
}

/** @see quoteBlobFees */
export type QuoteBlobFeesOptions = {
  /** How many times the next block's fees the caps are; 2 lasts about nine full blocks. Default 2. */
  headroom?: number | undefined
  /** Least tip, in wei. Default 0.001 gwei. */
  minPriorityFeePerGas?: bigint | undefined
  /** Least cap on the blob fee, in wei. Default 1 gwei, as batchers of the OP Stack have it. */
  minMaxFeePerBlobGas?: bigint | undefined
  /** Known parameters, to save the call for them. */
  parameters?: BlobParameters | undefined
}

type FeeHistory = { baseFeePerGas: bigint; blobBaseFee: bigint | undefined; tip: bigint }

async function feeHistory(client: RpcClient): Promise<FeeHistory> {
  const method = 'eth_feeHistory'
  const raw = (await rpc(client, method, ['0x5', 'latest', [50]])) as Record<string, unknown> | null
  // Each fee array has one entry more than there are blocks: the last is the next block's.
  const last = (field: string): unknown => (raw?.[field] as unknown[] | undefined)?.at(-1)
  const blob = last('baseFeePerBlobGas')
  const rewards = (Array.isArray(raw?.['reward']) ? raw['reward'] : [])
    .map(reward => quantity(method, 'reward', (reward as unknown[])?.[0]))
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return {
    baseFeePerGas: quantity(method, 'baseFeePerGas', last('baseFeePerGas')),
    blobBaseFee: blob === undefined ? undefined : quantity(method, 'baseFeePerBlobGas', blob),
    tip: rewards[Math.floor(rewards.length / 2)] ?? 0n,
  }
}

async function blobBaseFeeOfHead(client: RpcClient, parameters: BlobParameters): Promise<bigint> {
  const method = 'eth_getBlockByNumber'
  const head = (await rpc(client, method, ['latest', false])) as Record<string, unknown> | null
  const parent = {
    excessBlobGas: quantity(method, 'excessBlobGas', head?.['excessBlobGas']),
    blobGasUsed: quantity(method, 'blobGasUsed', head?.['blobGasUsed']),
    baseFeePerGas: quantity(method, 'baseFeePerGas', head?.['baseFeePerGas']),
  }
  return blobBaseFee(nextExcessBlobGas(parent, parameters), parameters)
}

/**
 * The fees of the next block and caps for a transaction: from `eth_feeHistory` where it knows blob fees, else computed from the head.
 *
 * @throws BlobError `NODE_UNAVAILABLE`, `RPC_RESPONSE`, `BLOB_SCHEDULE`, `OPTION`
 */
export async function quoteBlobFees(client: RpcClient, options: QuoteBlobFeesOptions = {}): Promise<BlobFeeQuote> {
  const { headroom = 2, minPriorityFeePerGas = 1_000_000n, minMaxFeePerBlobGas = 1_000_000_000n } = options
  if (!(headroom >= 1 && headroom <= 1000)) {
    throw new BlobError(`"headroom" expected 1 to 1000, got ${headroom}`, { code: 'OPTION', details: { headroom } })
  }
  const times = (price: bigint): bigint => (price * BigInt(Math.round(headroom * 1000)) + 999n) / 1000n
  const parameters = options.parameters ?? (await getBlobParameters(client))
  try {
    const history = await feeHistory(client)
    const blobFee = history.blobBaseFee ?? (await blobBaseFeeOfHead(client, parameters))
    const reserve = blobReservePrice(history.baseFeePerGas, parameters)
    const maxPriorityFeePerGas = larger(history.tip, minPriorityFeePerGas)
    return {
      baseFeePerGas: history.baseFeePerGas,
      blobBaseFee: blobFee,
      blobReservePrice: reserve,
      maxPriorityFeePerGas,
      maxFeePerGas: times(history.baseFeePerGas) + maxPriorityFeePerGas,
      maxFeePerBlobGas: larger(times(larger(blobFee, reserve)), minMaxFeePerBlobGas),
      parameters,
    }
  } catch (error) {
    throw isL2Error(error) ? error : rpcError('eth_feeHistory', error)
  }
}

/** The three prices of a blob transaction, in wei per gas. */
export type BlobFees = Pick<BlobFeeQuote, 'maxPriorityFeePerGas' | 'maxFeePerGas' | 'maxFeePerBlobGas'>

/**
 * The least fees that replace a pending blob transaction: pools ask for twice the old value in all three, and take the new market
 * price where that is more.
 *
 * @example
 * ```ts
 * import { bumpBlobFees } from '@l2/blob'
 *
 * const pending = { maxPriorityFeePerGas: 1n, maxFeePerGas: 30n, maxFeePerBlobGas: 5n }
 * console.log(bumpBlobFees(pending)) // { maxPriorityFeePerGas: 2n, maxFeePerGas: 60n, maxFeePerBlobGas: 10n }
 * ```
 */
export function bumpBlobFees(pending: BlobFees, market: BlobFees = pending): BlobFees {
  const bump = (field: keyof BlobFees): bigint => larger(pending[field] * 2n, market[field])
  return {
    maxPriorityFeePerGas: bump('maxPriorityFeePerGas'),
    maxFeePerGas: bump('maxFeePerGas'),
    maxFeePerBlobGas: bump('maxFeePerBlobGas'),
  }
}
