import type { Hash, Hex } from 'viem'
import { NodeError } from '../errors.js'
import { RpcAnswerError, rpcCall } from '../rpc/client.js'

/** What L1 said last: its head and what it asks for gas. While it does not answer, that is all there is to go by. */
export type L1Watch = {
  readonly number: bigint
  readonly baseFeeWei: bigint
  readonly blobBaseFeeWei: bigint
  /** Since when it has not answered, milliseconds since the Unix epoch; `undefined` while it does. */
  readonly silentSinceMs: number | undefined
  /** Asks for the head; the last one known where L1 does not answer. */
  readHead(): Promise<bigint>
  /** The block that L1 has at a height now. @throws NodeError where L1 does not answer */
  hashAt(number: bigint): Promise<Hash | undefined>
  /** Asks for the prices. @throws NodeError where L1 does not answer */
  readPrices(): Promise<void>
}

/** From a question to its answer. */
const timeoutMs = 5000

export async function openL1Watch(url: string): Promise<L1Watch> {
  let silentSinceMs: number | undefined
  const ask = async <T>(method: string, params: readonly unknown[]): Promise<T> => {
    try {
      const answer = await rpcCall<T>(url, method, params, AbortSignal.timeout(timeoutMs))
      silentSinceMs = undefined
      return answer
    } catch (error) {
      silentSinceMs ??= Date.now()
      if (!(error instanceof RpcAnswerError)) throw error
      throw new NodeError(`L1 refuses ${method}: ${error.message}`, { code: 'RPC_FAILED', recovery: 'retry' })
    }
  }
  const headNow = async (): Promise<bigint> => BigInt(await ask<Hex>('eth_blockNumber', []))
  let number = await headNow()
  let prices = { baseFeeWei: 0n, blobBaseFeeWei: 0n }
  return {
    get number() {
      return number
    },
    get baseFeeWei() {
      return prices.baseFeeWei
    },
    get blobBaseFeeWei() {
      return prices.blobBaseFeeWei
    },
    get silentSinceMs() {
      return silentSinceMs
    },
    async readHead() {
      number = await headNow().catch(() => number)
      return number
    },
    async hashAt(at) {
      const block = await ask<{ hash: Hash } | null>('eth_getBlockByNumber', [`0x${at.toString(16)}`, false])
      return block?.hash
    },
    async readPrices() {
      const block = await ask<{ baseFeePerGas: Hex }>('eth_getBlockByNumber', ['latest', false])
      const blobBaseFee = await ask<Hex>('eth_blobBaseFee', [])
      prices = { baseFeeWei: BigInt(block.baseFeePerGas), blobBaseFeeWei: BigInt(blobBaseFee) }
    },
  }
}
