import { type EthereumClient, parseQuantity } from './rpc.js'

/** What tips the blob transactions of recent blocks paid. */
export type BlobTips = {
  /** The tip, in wei per gas, that the given share of them paid at most; `undefined` where no block with any was seen. */
  suggest(head: bigint): Promise<bigint | undefined>
}

/** Blocks read at one look: who comes late begins with the newest. */
const blocksALook = 3n

type Transaction = { type?: unknown; maxPriorityFeePerGas?: unknown; maxFeePerGas?: unknown }

/**
 * Follows the tips of blob transactions. Blobs of a block are few, and builders order them by tip, so what transactions of any kind pay says
 * little about them. Source: op-service/bgpo, `BlobTipOracle`.
 */
export function createBlobTips(
  client: EthereumClient,
  { blobTipBlocks, blobTipPercentile }: { blobTipBlocks: number; blobTipPercentile: number },
): BlobTips {
  const tips = new Map<bigint, readonly bigint[]>()
  const kept = BigInt(blobTipBlocks)

  async function read(number: bigint): Promise<readonly bigint[] | undefined> {
    const method = 'eth_getBlockByNumber'
    try {
      const block = (await client.request({ method, params: [`0x${number.toString(16)}`, true] })) as Record<
        string,
        unknown
      > | null
      if (block === null) return undefined
      const baseFee = parseQuantity(method, block['baseFeePerGas'])
      const all = Array.isArray(block['transactions']) ? (block['transactions'] as Transaction[]) : []
      return all
        .filter(({ type }) => type === '0x3')
        .map(({ maxPriorityFeePerGas, maxFeePerGas }) => {
          const tip = parseQuantity(method, maxPriorityFeePerGas)
          const room = parseQuantity(method, maxFeePerGas) - baseFee
          return tip < room ? tip : room
        })
    } catch {
      // A suggestion is no reason to stop posting: the node's own takes its place.
      return undefined
    }
  }

  return {
    async suggest(head) {
      if (kept === 0n) return undefined
      for (const number of tips.keys()) if (number > head || number <= head - kept) tips.delete(number)
      for (let number = head; number > head - blocksALook && number > head - kept && number >= 0n; number--) {
        if (tips.has(number)) continue
        const found = await read(number)
        if (found !== undefined) tips.set(number, found)
      }
      const paid = [...tips.values()].flat().sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
      return paid[Math.ceil((paid.length * blobTipPercentile) / 100) - 1]
    },
  }
}
