import type { Hash } from 'viem'
import type { BatcherOptions } from './options.js'
import type { BatcherBlock, BatcherNode } from './ports.js'

/** Bytes of a block's transactions. */
const byteLength = (block: BatcherBlock): number => block.transactions.reduce((sum, { length }) => sum + length, 0)

/**
 * The blocks that are loaded and not known to be safe, in order: those of closed channels, which have given up their transactions, then those of
 * the open channel, then those in none.
 */
export function createHeldBlocks(
  limits: Pick<BatcherOptions, 'maxLoadedBlocks' | 'maxLoadedBytes'>,
  node: Pick<BatcherNode, 'blocks'>,
) {
  const { maxLoadedBlocks, maxLoadedBytes } = limits
  let blocks: BatcherBlock[] = []
  let bytes = 0
  /** Index of the first block that is in no closed channel. */
  let unclosed = 0
  /** Index of the first block that is in no channel. */
  let cursor = 0

  const clear = (): void => {
    blocks = []
    bytes = 0
    unclosed = 0
    cursor = 0
  }

  /** As many as are expected to fit: what a node hands over beyond is thrown away. */
  const room = (): bigint => {
    const raw = blocks.length - unclosed
    const average = raw === 0 ? maxLoadedBytes / 16 : Math.max(1, bytes / raw)
    const fitting = Math.ceil((maxLoadedBytes - bytes) / average)
    return BigInt(Math.max(1, Math.min(maxLoadedBlocks - blocks.length, fitting, 256)))
  }

  return {
    get all(): readonly BatcherBlock[] {
      return blocks
    },
    /** Of their transactions. */
    get bytes(): number {
      return bytes
    },
    get newest(): BatcherBlock | undefined {
      return blocks.at(-1)
    },
    /** The first block that is in no channel. */
    get next(): BatcherBlock | undefined {
      return blocks[cursor]
    },
    /** A block of those in no closed channel; the open channel begins with the first of them. */
    unclosedAt: (index: number): BatcherBlock | undefined => blocks[unclosed + index],
    /** Those of the open channel. */
    inOpen: (): readonly BatcherBlock[] => blocks.slice(unclosed, cursor),

    /** The next block is in the open channel. */
    enterOpen(): void {
      cursor++
    },
    /** The open channel was given up. */
    leaveOpen(): void {
      cursor = unclosed
    },
    /** A channel of so many blocks was closed; those behind them are in none. Says what it holds. */
    enterClosed(count: number): { last: BatcherBlock; transactions: number } {
      const start = unclosed
      const last = blocks[start + count - 1]!
      unclosed = start + count
      cursor = unclosed
      let transactions = 0
      for (let i = start; i < unclosed; i++) {
        const block = blocks[i]!
        transactions += block.transactions.length
        // Compressed now; should the channel be lost, the node has them.
        bytes -= byteLength(block)
        blocks[i] = { ...block, transactions: [] }
      }
      return { last, transactions }
    },
    /** So many of the oldest are safe. */
    prune(count: number): void {
      for (const block of blocks.slice(0, count)) bytes -= byteLength(block)
      blocks = blocks.slice(count)
      unclosed = Math.max(0, unclosed - count)
      cursor = Math.max(0, cursor - count)
    },
    clear,

    /** Loads what fits of a range, behind the newest or the safe block. Says whether it follows it; what did until then is held. */
    async load(
      range: { readonly from: bigint; readonly to: bigint },
      safeHash: Hash,
      signal: AbortSignal | undefined,
    ): Promise<boolean> {
      let from = range.from
      while (from <= range.to && blocks.length < maxLoadedBlocks && bytes < maxLoadedBytes) {
        const end = from + room() - 1n
        const to = end < range.to ? end : range.to
        const loaded = await node.blocks(from, to, { signal })
        if (loaded.length === 0) return true
        for (const block of loaded) {
          const expectedParent = blocks.at(-1)?.hash ?? safeHash
          if (from > to) return true
          if (block.number !== from || block.parentHash !== expectedParent) return false
          if (blocks.length > 0 && bytes >= maxLoadedBytes) return true
          blocks.push(block)
          bytes += byteLength(block)
          from++
        }
      }
      return true
    },

    /** Whether the newest is still canonical, asked when nothing new was loaded that would have shown it. */
    async isCanonical(signal: AbortSignal | undefined): Promise<boolean> {
      const newest = blocks.at(-1)
      if (newest === undefined) return true
      const [known] = await node.blocks(newest.number, newest.number, { signal })
      return known === undefined || known.hash === newest.hash
    },
  }
}
