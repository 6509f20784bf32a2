import type { PoolCommand } from '@l2/staking'
import type { Address, BlockTag, Client, Hash } from 'viem'
import { getBlock, getLogs } from 'viem/actions'
import { ControlChainError } from '../errors.js'
import { l1PoolCommands, type PoolLog } from './l1-commands.js'

/** A block of L1 up to which everything was read. */
export type L1PoolMark = { readonly number: bigint; readonly hash: Hash }

/** Options of {@link createL1PoolReader}. */
export type L1PoolReaderOptions = {
  /** The `SequencerPool`. */
  readonly pool: Address
  /** Its operator. */
  readonly operator: Address
  /** Where to go on: at first the block before the one that the pool was deployed in. */
  readonly from: L1PoolMark
  /** How far L1 is believed. Default `finalized`; what is read beyond it can be taken back. */
  readonly blockTag?: Extract<BlockTag, 'finalized' | 'safe' | 'latest'> | undefined
  /** Blocks that are read at once. Default 2,000. */
  readonly rangeBlocks?: bigint | undefined
}

/** Reads what a pool on L1 was told. */
export type L1PoolReader = {
  /** Up to here everything was read. */
  readonly mark: L1PoolMark
  /**
   * What came in the next blocks, in order; nothing where there are none. `mark` moves with it, and stays where it is when this throws.
   * @throws ControlChainError `L1_REORGED` where L1 has another block at the mark: begin again from an older one; `L1_UNAVAILABLE` (retry)
   */
  next(): Promise<readonly PoolCommand[]>
}

/**
 * Reads the commands that a `SequencerPool` on L1 was given, block by block, as far as L1 is final: `applyPool` makes the mirror of its stake of
 * them, the same for everybody who reads. The pool that they are applied to has the contract's configuration and begins at the time of the block
 * that it was deployed in.
 *
 * @example
 * ```ts
 * import { createL1PoolReader } from '@l2/control-chain'
 * import { createClient, custom } from 'viem'
 *
 * const hash = `0x${'11'.repeat(32)}` as const
 * // An L1 that is no further than the mark.
 * const client = createClient({ transport: custom({ request: async () => ({ number: '0x7', hash, transactions: [] }) }) })
 * const pool = { pool: `0x${'05'.repeat(20)}`, operator: `0x${'0a'.repeat(20)}` } as const
 * const reader = createL1PoolReader({ ...pool, from: { number: 7n, hash } }, { client })
 * console.log(await reader.next(), reader.mark.number) // [] 7n
 * ```
 */
export function createL1PoolReader(
  options: L1PoolReaderOptions,
  { client }: { readonly client: Client },
): L1PoolReader {
  const { pool, operator, blockTag = 'finalized', rangeBlocks = 2_000n } = options
  let mark = options.from
  const asked = async <T>(what: string, answer: Promise<T>): Promise<T> => {
    try {
      return await answer
    } catch (cause) {
      throw new ControlChainError(`L1 does not tell ${what}`, { code: 'L1_UNAVAILABLE', recovery: 'retry', cause })
    }
  }
  const requireBlock = async ({ number, hash }: L1PoolMark): Promise<void> => {
    const found = await asked(`its block ${number}`, getBlock(client, { blockNumber: number }))
    if (found.hash === hash) return
    throw new ControlChainError(`L1 has another block ${number} than the one that was read`, {
      ...{ code: 'L1_REORGED', recovery: 'reset', details: { number, hash, found: found.hash } },
    })
  }
  return {
    get mark() {
      return mark
    },
    async next() {
      const head = await asked(`its ${blockTag} block`, getBlock(client, { blockTag }))
      await requireBlock(mark)
      if (head.number === null || head.number <= mark.number) return []
      const last = mark.number + rangeBlocks
      const end = last >= head.number ? head : await asked(`its block ${last}`, getBlock(client, { blockNumber: last }))
      const to = { number: end.number as bigint, hash: end.hash as Hash }
      const range = { address: pool, fromBlock: mark.number + 1n, toBlock: to.number }
      const logs = await asked(`the logs of ${pool}`, getLogs(client, range))
      const times = new Map<Hash, bigint>()
      const dated: PoolLog[] = []
      for (const { address, topics, data, blockHash } of logs) {
        if (!times.has(blockHash))
          times.set(blockHash, (await asked(`its block ${blockHash}`, getBlock(client, { blockHash }))).timestamp)
        dated.push({ address, topics, data, timestamp: times.get(blockHash)! })
      }
      // What was read belongs to one chain: that which has both ends.
      await requireBlock(mark)
      await requireBlock(to)
      const commands = l1PoolCommands(dated, { address: pool, operator })
      mark = to
      return commands
    },
  }
}
