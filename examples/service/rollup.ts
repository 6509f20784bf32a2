import type { BatcherBlock, BatcherEvent, BatcherNode } from '@l2/sequencer-core/batcher'
import { type PublicClient, pad, toHex } from 'viem'

/** Stands in for a customer's rollup node: a block every tenth of a second, and safe is what was posted. */
export type Rollup = {
  readonly chainId: bigint
  readonly genesisTimeSeconds: bigint
  readonly node: BatcherNode
  /** Makes a block. */
  produce(): Promise<void>
  observe(event: BatcherEvent): void
}

export async function createRollup(l1: PublicClient): Promise<Rollup> {
  const hash = (number: bigint) => pad(toHex(number + 1n), { size: 32 })
  const genesisTimeSeconds = (await l1.getBlock()).timestamp
  const blocks: BatcherBlock[] = []
  const lastBlocks = new Map<string, bigint>()
  let safe = 0n
  const at = (number: bigint) => ({ number, hash: hash(number) })
  return {
    chainId: 901n,
    genesisTimeSeconds,
    node: {
      status: async () => {
        const headL1 = await l1.getBlockNumber({ cacheTime: 0 })
        return { headL1, currentL1: headL1, safe: at(safe), unsafe: at(BigInt(blocks.length)) }
      },
      blocks: async (from, to) => blocks.filter(({ number }) => number >= from && number <= to),
    },
    async produce() {
      const origin = await l1.getBlock()
      const number = BigInt(blocks.length + 1)
      const before = blocks.at(-1)
      blocks.push({
        ...at(number),
        parentHash: hash(number - 1n),
        timestamp: genesisTimeSeconds + number,
        epochNumber: origin.number,
        epochHash: origin.hash,
        sequenceNumber: before?.epochNumber === origin.number ? before.sequenceNumber + 1n : 0n,
        transactions: [],
      })
    },
    observe(event) {
      if (event.type === 'channel-closed') lastBlocks.set(event.channelId, event.lastBlock)
      if (event.type === 'submitted') safe = lastBlocks.get(event.channelId) ?? safe
    },
  }
}

/** A key that the development L1 has given ether to: number 0 of the well-known mnemonic. */
export const developmentKey = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
