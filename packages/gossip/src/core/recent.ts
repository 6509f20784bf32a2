import type { Hash } from 'viem'
import type { GossipBlock } from '../port/gossip.js'

/** Blocks that went by lately, for those who ask: the oldest goes when their payloads pass the limit. */
export type RecentBlocks = {
  add(id: Hash, payloadHash: Hash, block: GossipBlock): void
  /** One with this payload, or any. */
  get(id: Hash, payloadHash?: Hash): GossipBlock | undefined
}

export function createRecentBlocks(maxBytes: number): RecentBlocks {
  const blocks = new Map<Hash, Map<Hash, GossipBlock>>()
  let bytes = 0
  return {
    add(id, payloadHash, block) {
      const variants = blocks.get(id) ?? new Map<Hash, GossipBlock>()
      if (variants.has(payloadHash) || block.payload.length > maxBytes) return
      variants.set(payloadHash, block)
      blocks.set(id, variants)
      bytes += block.payload.length
      for (const [oldest, gone] of blocks) {
        if (bytes <= maxBytes) break
        blocks.delete(oldest)
        for (const { payload } of gone.values()) bytes -= payload.length
      }
    },
    get(id, payloadHash) {
      const variants = blocks.get(id)
      return payloadHash === undefined ? variants?.values().next().value : variants?.get(payloadHash)
    },
  }
}
