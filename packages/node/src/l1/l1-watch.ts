import type { Hex } from 'viem'
import { rpcCall } from '../rpc/client.js'

/** What L1 said last: its head and what it asks for gas. While it does not answer, that is all there is to go by. */
export type L1Watch = {
  readonly number: bigint
  readonly baseFeeWei: bigint
  readonly blobBaseFeeWei: bigint
  /** Asks for the head; the last one known where L1 does not answer. */
  readHead(): Promise<bigint>
  /** Asks for the prices. @throws NodeError where L1 does not answer */
  readPrices(): Promise<void>
}

export async function openL1Watch(url: string): Promise<L1Watch> {
  const headNow = async (): Promise<bigint> => BigInt(await rpcCall<string>(url, 'eth_blockNumber', []))
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
    async readHead() {
      number = await headNow().catch(() => number)
      return number
    },
    async readPrices() {
      const block = await rpcCall<{ baseFeePerGas: Hex }>(url, 'eth_getBlockByNumber', ['latest', false])
      const blobBaseFee = await rpcCall<Hex>(url, 'eth_blobBaseFee', [])
      prices = { baseFeeWei: BigInt(block.baseFeePerGas), blobBaseFeeWei: BigInt(blobBaseFee) }
    },
  }
}
