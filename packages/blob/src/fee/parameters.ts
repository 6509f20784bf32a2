import { isL2Error } from '@l2/common'
import { BlobError } from '../errors.js'
import { isMethodMissing, quantity, type RpcClient, rpc, rpcError } from '../internal/rpc.js'
import { type BlobParameters, blobForkAt } from './schedule.js'

/** @see getBlobParameters */
export type GetBlobParametersOptions = {
  /** Unix seconds of the block that the parameters are for; default: the head block's timestamp plus one slot. */
  timestamp?: bigint | undefined
}

function fromConfig(current: unknown): BlobParameters | undefined {
  const { blobSchedule, precompiles } = (current ?? {}) as Record<string, Record<string, unknown> | undefined>
  if (!blobSchedule || !precompiles) return undefined
  const { target, max, baseFeeUpdateFraction } = blobSchedule
  const numbers = [target, max, baseFeeUpdateFraction].map(Number)
  if (!numbers.every(number => Number.isSafeInteger(number) && number > 0) || numbers[0]! > numbers[1]!) {
    throw new BlobError('eth_config: "blobSchedule" expected positive integers with target ≤ max', {
      code: 'RPC_RESPONSE',
      details: { blobSchedule },
    })
  }
  // EIP-7910 names no fork. Osaka is the one that brought the P256VERIFY precompile (EIP-7951), and no fork takes it away.
  const osaka = Object.keys(precompiles).includes('P256VERIFY')
  return {
    target: numbers[0]!,
    max: numbers[1]!,
    baseFeeUpdateFraction: BigInt(numbers[2]!),
    reservePrice: osaka,
    wrapperVersion: osaka ? 1 : 0,
  }
}

/**
 * The blob parameters that hold for the next block of L1: as its node says by `eth_config` (EIP-7910), else by the built-in table.
 *
 * @throws BlobError `BLOB_SCHEDULE`, `RPC_RESPONSE`, `NODE_UNAVAILABLE`
 */
export async function getBlobParameters(
  client: RpcClient,
  options: GetBlobParametersOptions = {},
): Promise<BlobParameters> {
  try {
    const config = (await rpc(client, 'eth_config', [])) as Record<string, unknown> | null
    const next = config?.['next'] as Record<string, unknown> | null | undefined
    // "Current" is what holds at the node's head; the block after it may be the first of the next fork.
    const parameters = fromConfig(next && (await isDue(client, next, options)) ? next : config?.['current'])
    if (parameters !== undefined) return parameters
  } catch (error) {
    if (isL2Error(error)) throw error
    if (!isMethodMissing(error)) throw rpcError('eth_config', error)
  }
  try {
    const chainId = Number(quantity('eth_chainId', 'result', await rpc(client, 'eth_chainId', [])))
    return blobForkAt(chainId, options.timestamp ?? (await nextTimestamp(client)))
  } catch (error) {
    throw isL2Error(error) ? error : rpcError('eth_chainId', error)
  }
}

async function isDue(
  client: RpcClient,
  fork: Record<string, unknown>,
  options: GetBlobParametersOptions,
): Promise<boolean> {
  const activation = fork['activationTime']
  if (!Number.isSafeInteger(activation)) return false
  return BigInt(activation as number) <= (options.timestamp ?? (await nextTimestamp(client)))
}

async function nextTimestamp(client: RpcClient): Promise<bigint> {
  const block = (await rpc(client, 'eth_getBlockByNumber', ['latest', false])) as Record<string, unknown> | null
  return quantity('eth_getBlockByNumber', 'timestamp', block?.['timestamp']) + 12n
}
