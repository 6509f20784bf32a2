import {
  type Abi,
  type Address,
  type ContractFunctionArgs,
  type ContractFunctionName,
  type ContractFunctionReturnType,
  decodeErrorResult,
  decodeFunctionResult,
  encodeFunctionData,
  type Hash,
  type Hex,
} from 'viem'
import { SettlementError } from '../errors.js'

/** JSON-RPC of L1: a viem client, for instance. What the node refuses it throws with a numeric `code`, its own or a cause's. */
export type SettlementClient = { request(call: { method: never; params: never }): Promise<unknown> }

/** A block of L1. */
export type L1BlockSummary = {
  readonly number: bigint
  readonly hash: Hash
  /** Seconds. */
  readonly timestamp: bigint
  /** Wei. */
  readonly baseFeePerGas: bigint
}

/** A contract with its interface. */
export type Contract<A extends Abi> = { readonly address: Address; readonly abi: A }

/** Reads of L1. What L1 does not answer is `L1_UNAVAILABLE`, which passes. */
export type L1Reader = {
  /** @param abi names the errors that a contract may revert with. @throws SettlementError `L1_UNAVAILABLE`; `L1_REFUSED`, with the node's words; `L1_REVERTED` */
  request<T>(method: string, params: readonly unknown[], abi?: Abi): Promise<T>
  head(): Promise<L1BlockSummary>
  block(hash: Hash): Promise<L1BlockSummary | undefined>
  /** Calls a view at one block, so that several answers are of the same state. @throws SettlementError as {@link request}; `L1_REVERTED` */
  call<const A extends Abi, N extends ContractFunctionName<A, 'pure' | 'view'>>(
    contract: Contract<A>,
    functionName: N,
    args: ContractFunctionArgs<A, 'pure' | 'view', N>,
    at: L1BlockSummary,
  ): Promise<ContractFunctionReturnType<A, 'pure' | 'view', N>>
}

type RpcBlock = { number: Hex; hash: Hash; timestamp: Hex; baseFeePerGas?: Hex }

const blockOf = ({ number, hash, timestamp, baseFeePerGas }: RpcBlock): L1BlockSummary => ({
  number: BigInt(number),
  hash,
  timestamp: BigInt(timestamp),
  baseFeePerGas: BigInt(baseFeePerGas ?? 0),
})

/** The error object of a node's answer, where there is one among an error and its causes. */
function refusal(error: unknown): { code: number; message: string; data?: unknown } | undefined {
  let at = error as { code?: unknown; cause?: unknown; message?: string; data?: unknown } | undefined
  let found: { code: number; message: string; data?: unknown } | undefined
  for (let depth = 0; depth < 16 && typeof at === 'object' && at !== null; depth++) {
    // The innermost is the node's own.
    if (typeof at.code === 'number') found = { code: at.code, message: at.message ?? '', data: at.data ?? found?.data }
    at = at.cause as typeof at
  }
  return found
}

/** The bytes that a contract reverted with, wherever a node puts them. */
function revertData(data: unknown): Hex | undefined {
  if (typeof data === 'string' && /^0x([0-9a-fA-F]{2})*$/.test(data)) return data as Hex
  if (typeof data === 'object' && data !== null && 'data' in data) return revertData(data.data)
  return undefined
}

/** What a contract said when it reverted: the name of its error, or the text. */
function reasonOf(data: Hex | undefined, abi: Abi, message: string): string {
  if (data !== undefined && data !== '0x') {
    try {
      const { errorName, args } = decodeErrorResult({ abi, data })
      return errorName === 'Error' ? String(args?.[0]).slice(0, 200) : errorName
    } catch {
      return data.slice(0, 10)
    }
  }
  return message.split('\n', 1)[0]!.slice(0, 200)
}

/** Reads over a client. */
export function createL1Reader(client: SettlementClient): L1Reader {
  const request = async <T>(method: string, params: readonly unknown[], abi: Abi = []): Promise<T> => {
    try {
      return (await client.request({ method, params } as never)) as T
    } catch (cause) {
      const refused = refusal(cause)
      if (refused === undefined) {
        throw new SettlementError('L1 does not answer', { code: 'L1_UNAVAILABLE', recovery: 'retry', cause })
      }
      const data = revertData(refused.data)
      const isRevert = refused.code === 3 || /revert/i.test(refused.message)
      const reason = reasonOf(data, abi, refused.message)
      throw new SettlementError(`${method}: ${isRevert ? 'reverts with' : 'L1 refuses:'} ${reason}`, {
        code: isRevert ? 'L1_REVERTED' : 'L1_REFUSED',
        recovery: 'retry',
        details: { method, reason },
        cause,
      })
    }
  }
  return {
    request,
    head: async () => blockOf(await request<RpcBlock>('eth_getBlockByNumber', ['latest', false])),
    async block(hash) {
      const block = await request<RpcBlock | null>('eth_getBlockByHash', [hash, false])
      return block === null ? undefined : blockOf(block)
    },
    async call(contract, functionName, args, at) {
      const { address, abi } = contract
      const data = encodeFunctionData({ abi, functionName, args } as never)
      const answer = await request<Hex>('eth_call', [{ to: address, data }, { blockHash: at.hash }], abi)
      return decodeFunctionResult({ abi, functionName, args, data: answer } as never) as never
    },
  }
}
