import type { DataAvailability } from '@l2/da'
import type { BatcherEvent, BatcherFunds } from '@l2/sequencer-core/batcher'
import type { Address, Hex } from 'viem'
import type { L1 } from '../l1/l1.js'
import { rpcCall } from '../rpc/client.js'
import { formatDuration, formatWei } from '../status/format.js'

/** How long to wait for L1 before the last answer counts. */
const patienceMs = 3000
/** A commitment that L1 carries for another layer, with its transaction data's first byte; bytes. */
const commitmentBytes = 128

/** The wallet that posts, as far as it is known. */
export type Wallet = BatcherFunds & { readonly lastBalanceWei: bigint | undefined }

type WalletOptions = {
  l1: L1
  address: Address
  /** What is asked for prices: the layer on L1 that data goes to, and the one that carries commitments of the others. */
  data: DataAvailability | undefined
  commitments: DataAvailability
}

/** While L1 does not answer, its last answers count: an outage must not stop what is posted elsewhere. */
export function createWallet({ l1, address, data, commitments }: WalletOptions): Wallet {
  let balanceWei: bigint | undefined
  let quoteWei: bigint | undefined
  const quoteOf = async (items: readonly Uint8Array[]): Promise<bigint> => {
    const options = { timeoutMs: patienceMs }
    if (data !== undefined) {
      const sizes = items.map(item => item.length)
      return (await data.quote(sizes, options)).cost
    }
    return (await commitments.quote([commitmentBytes], options)).cost * BigInt(items.length)
  }
  return {
    get lastBalanceWei() {
      return balanceWei
    },
    async balance() {
      try {
        const timeout = AbortSignal.timeout(patienceMs)
        balanceWei = BigInt(await rpcCall<Hex>(l1.url, 'eth_getBalance', [address, 'latest'], timeout))
      } catch (error) {
        if (balanceWei === undefined) throw error
      }
      return balanceWei
    },
    async quote(items) {
      try {
        quoteWei = await quoteOf(items)
      } catch (error) {
        if (quoteWei === undefined) throw error
      }
      return quoteWei
    },
  }
}

/** Says that money runs out, once until something else is true. */
export function createFundsAlarm(say: (message: string) => void, l1BlockMs: number): (event: BatcherEvent) => void {
  let said: BatcherEvent['type'] | undefined
  return event => {
    if (event.type === 'submitted' && said === 'balance-stop') said = undefined
    if ((event.type !== 'runway-low' && event.type !== 'balance-stop') || event.type === said) return
    said = event.type
    const balance = formatWei(event.balanceWei, 'ETH')
    if (event.type === 'balance-stop')
      say(`the batcher has ${balance} and would need ${formatWei(event.costWei, 'ETH')}: nothing is posted`)
    else say(`the batcher has ${balance}: enough for ${formatDuration(Number(event.runwayBlocks) * l1BlockMs)}`)
  }
}
