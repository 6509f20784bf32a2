import type { Transaction } from '@l2/sequencer-core/transaction'
import type { L1View } from '../l1/l1-view.js'
import type { L1Watch } from '../l1/l1-watch.js'
import { leaderOf } from '../pool/control-plane.js'
import type { Feed } from '../rpc/feed.js'
import type { BlockLog, Rollback as LoggedRollback } from './block-log.js'
import type { Chain } from './chain.js'
import type { EngineHead } from './engine-head.js'
import { heightOnL1 } from './l1-reorg.js'
import type { SequencerPool } from './pool.js'
import { type PublishedBlock, userTransactionsOf } from './published.js'

/** Has the chain stand on L1 as L1 is now. */
export type Rollback = {
  /** Looks whether L1 is still the one that the chain stands on. */
  followL1(): Promise<void>
  /** Goes back where {@link followL1} found that the chain has to. */
  settle(): Promise<void>
  /** Goes back to a block that is kept; what comes above it is signed for `term` or a later one. */
  goBack(to: bigint, term: number): Promise<void>
  /** Goes back where another machine has, whose entry in the log is at a position; `taken` when it counts. */
  follow(rollback: Pick<LoggedRollback, 'to' | 'term'>, taken: () => bigint): Promise<void>
  /** The height up to which the chain stands on L1, where that is below its head. */
  readonly common: bigint | undefined
}

export type RollbackParts = {
  log: Pick<BlockLog, 'rollBack'>
  chain: Chain
  engineHead: EngineHead
  pool: SequencerPool
  l1: Pick<L1View, 'forgetAll'>
  l1Watch: Pick<L1Watch, 'number' | 'readHead' | 'hashAt'>
  feed: Feed
  decode(raw: Uint8Array): Transaction
  onRollback(to: bigint, abandoned: readonly PublishedBlock[], position: bigint): void
}

export function createRollback(parts: RollbackParts): Rollback {
  const { log, chain, engineHead, pool, l1, l1Watch, feed } = parts
  /** The height to go back to before anything new is made. */
  let commonHeight: bigint | undefined

  /**
   * Goes back with everything that follows from blocks. Readers go first, then the pool, then the log: whatever ends the process in between, the next one
   * finds the whole chain in the log, or goes on from the block that stays, and every transaction in one of log and journal.
   */
  const rollBack = async (to: bigint, nextTerm?: number, taken?: () => bigint): Promise<void> => {
    const abandoned = chain.above(to)
    const kept = to === 0n ? undefined : chain.block(to)
    const last = await engineHead.goBack(kept)
    const transactions = abandoned.flatMap(userTransactionsOf).map(parts.decode)
    await pool.durable.record(await pool.moveTo(last, { abandoned: transactions }))
    const signed = abandoned.map(({ header }) => header.term)
    const term = nextTerm ?? 1 + Math.max(leaderOf(chain.control, chain.head.number + 1n)?.term ?? 0, ...signed)
    const position = taken === undefined ? await log.rollBack({ to, hash: last.hash, term }) : taken()
    chain.rollBack(to, term)
    l1.forgetAll()
    parts.onRollback(to, abandoned, position)
    feed.emit({ type: 'rollback', to, abandoned: abandoned.map(block => block.ref) })
  }

  return {
    async followL1() {
      await l1Watch.readHead()
      const common = await heightOnL1(chain, l1Watch)
      // A block that is made meanwhile stands on what is to go, and goes with it.
      commonHeight = common !== undefined && common < chain.head.number ? common : undefined
    },
    async settle() {
      if (commonHeight === undefined) return
      await rollBack(commonHeight)
      commonHeight = undefined
    },
    async goBack(to, term) {
      if (to >= chain.head.number) return
      await rollBack(to, term)
      if (commonHeight !== undefined && commonHeight >= to) commonHeight = undefined
    },
    async follow({ to, term }, taken) {
      await rollBack(to, term, taken)
      if (commonHeight !== undefined && commonHeight >= to) commonHeight = undefined
    },
    get common() {
      return commonHeight
    },
  }
}
