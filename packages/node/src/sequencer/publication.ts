import type { SealedBlock } from '@l2/sequencer-core/block'
import type { SystemConfig } from '@l2/sequencer-core/derivation'
import type { ExecutionReceipt } from '@l2/sequencer-core/engine'
import type { PoolEvent } from '@l2/sequencer-core/mempool'
import type { Transaction } from '@l2/sequencer-core/transaction'
import type { Address, Hash } from 'viem'
import type { WatchedHeader } from '../pool/watcher.js'
import type { Feed } from '../rpc/feed.js'
import type { BlockLog } from './block-log.js'
import type { Chain } from './chain.js'
import type { EngineHead } from './engine-head.js'
import type { Faults } from './faults.js'
import { type BlockFees, blockFees } from './fees.js'
import type { SequencerPool } from './pool.js'
import type { PublishedBlock } from './published.js'

/** A block that is signed, so that no other may be at its place. */
export type SignedBlock = {
  readonly block: SealedBlock
  /** Of users, in order. */
  readonly transactions: readonly Transaction[]
  /** Of every transaction, deposits included; `undefined` where the engine is asked for them. */
  readonly receipts: readonly ExecutionReceipt[] | undefined
  /** What the block carries. */
  readonly config: SystemConfig
  readonly signer: Address
}

/** A block that the log has and users do not see yet. */
type Unpublished = Pick<SignedBlock, 'transactions' | 'receipts' | 'signer'> & {
  readonly published: PublishedBlock
  readonly position: bigint
  /** What it did to the pool, which the journal does not have yet. */
  events?: readonly PoolEvent[]
}

/** The way of a signed block to those who read: first the log, then everything that shows it. */
export type Publication = {
  /** Takes a signed block on its way. What fails in between goes on with the next {@link settle}. */
  publish(signed: SignedBlock): Promise<void>
  /** Ends what an earlier failure interrupted. */
  settle(): Promise<void>
  /** Ends it as far as the log has it, and forgets what was signed and is not in it: another machine has gone on. */
  giveUp(): Promise<void>
  /** Shows a block that another machine has put into the log. */
  take(signed: SignedBlock, position: bigint): Promise<void>
}

export type PublicationParts = {
  log: Pick<BlockLog, 'append'>
  chain: Chain
  engine: { receipts(hash: Hash): Promise<ExecutionReceipt[]> }
  engineHead: EngineHead
  pool: SequencerPool
  faults: Pick<Faults, 'afterBlock'>
  feed: Feed
  onBlock(block: PublishedBlock, fees: BlockFees, at: { position: bigint; isNew: boolean }): void
  onHeader(signed: WatchedHeader): void
}

export function createPublication(parts: PublicationParts): Publication {
  const { log, chain, engine, engineHead, pool, faults, feed } = parts
  let unlogged: SignedBlock | undefined
  let unpublished: Unpublished | undefined

  const enterLog = async (): Promise<void> => {
    if (unlogged === undefined) return
    const { config, block, ...signed } = unlogged
    const position = await log.append(block)
    unlogged = undefined
    unpublished = { ...signed, position, published: chain.adopt(block, config) }
  }

  /** Shows it: in the engine, the pool, the books and to whoever watches headers. Where the engine fails in between, once more from the start. */
  const show = async (): Promise<void> => {
    if (unpublished === undefined) return
    const { transactions, receipts, published, position, signer } = unpublished
    await engineHead.follow(published)
    const { executed, header, signature } = published
    const results = receipts ?? (await engine.receipts(executed.hash))
    const fees = blockFees(executed, transactions, results)
    unpublished.events ??= await pool.moveTo(executed, { included: transactions })
    await pool.durable.record(unpublished.events)
    parts.onBlock(published, fees, { position, isNew: true })
    feed.emit({ type: 'head', number: published.ref.number })
    unpublished = undefined
    parts.onHeader({ header, signer, signature })
    await faults.afterBlock(signer, header)
  }

  const settle = async (): Promise<void> => {
    await enterLog()
    await show()
  }
  return {
    settle,
    async giveUp() {
      unlogged = undefined
      await show()
    },
    async take({ block, config, ...signed }, position) {
      unpublished = { ...signed, position, published: chain.adopt(block, config) }
      await show()
    },
    async publish(signed) {
      unlogged = signed
      await settle()
    },
  }
}
