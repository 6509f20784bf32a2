import { createBlockBuilder } from '@l2/sequencer-core'
import type { BlockDaLimits } from '@l2/sequencer-core/batcher'
import { defaultForcedInclusionRule, type HeaderDomain, headerDomain, type SealedBlock } from '@l2/sequencer-core/block'
import type { L1Source, L2BlockRef, RollupConfig } from '@l2/sequencer-core/derivation'
import type { Mempool } from '@l2/sequencer-core/mempool'
import type { OrderingPolicy, SignedReceipt, Violation } from '@l2/sequencer-core/ordering'
import { decodeTransaction, type SenderRecovery, type Transaction } from '@l2/sequencer-core/transaction'
import type { Hash, LocalAccount } from 'viem'
import type { BlockId, EngineFamily, NodeEngine } from '../engine/engine.js'
import { createL1View } from '../l1/l1-view.js'
import type { L1Watch } from '../l1/l1-watch.js'
import type { ControlPlane } from '../pool/control-plane.js'
import type { WatchedHeader } from '../pool/watcher.js'
import type { Feed } from '../rpc/feed.js'
import { type Followed as BookedTo, standsBy } from './block-log.js'
import { createEngineHead } from './engine-head.js'
import { createFaults, type Faults } from './faults.js'
import { type BlockFees, blockFees } from './fees.js'
import { checkFollowed, type Followed } from './following.js'
import { judgeOrdering } from './judge.js'
import { type Leadership, leaderAbove } from './leadership.js'
import { openPool } from './pool.js'
import { createProducer } from './producer.js'
import { createPublication } from './publication.js'
import { type PublishedBlock, userTransactionsOf } from './published.js'
import { createReceiptBook } from './receipts.js'
import { recoverSequencer } from './restart.js'
import { createRollback } from './rollback.js'
import { createSharedLog } from './shared-log.js'
import { openFileStorage, type SequencerStorage } from './storage.js'

/** Orders transactions and makes blocks: the leader's work, for whichever of the node's keys is elected. */
export type SequencerLoop = {
  readonly head: L2BlockRef
  /** The height that the engine shows to readers: {@link head}'s, a moment later. */
  readonly readable: bigint
  readonly mempool: Mempool
  readonly control: ControlPlane
  /** A published block, while it is kept: from the finalized one on. */
  block(number: bigint): PublishedBlock | undefined
  /** Takes a transaction in; resolves when it is durable. */
  submit(raw: Uint8Array): Promise<Hash>
  /** The signed promise of a transaction's place, for as long as it is remembered. */
  receipt(hash: Hash): Promise<SignedReceipt | undefined>
  /** Has a block judged by the rules of every block and by its ordering policy's; `undefined` for a block that is not kept. */
  verifyOrdering(number: bigint): Promise<Violation[] | undefined>
  /** Makes the next block if it is time; false when it is not, or L1 has to come first. */
  produce(nowMs: number): Promise<boolean>
  /** Why no block is made although it is time; `undefined` while they are. */
  readonly waiting: string | undefined
  /** Looks whether L1 is still the one that the chain stands on; where it is not, {@link produce} goes back before it makes anything. */
  followL1(): Promise<void>
  /** Takes a block of another sequencer: executes it, logs it and shows it, where it is the next one and as the rules say. Never beside {@link produce}. */
  follow(block: SealedBlock): Promise<Followed>
  /** Goes back to a kept block, whose height is given; what comes above it has `term` or a later one. Never beside {@link produce}. */
  goBack(to: bigint, term: number): Promise<void>
  /**
   * Takes the next entry that another machine of this operator has put into the log they share; false where none is there. Never beside
   * {@link produce}.
   */
  readLog(): Promise<boolean>
  /** With a new lease, and after the last entry of the log: ends what was signed and did not come into the log. Never beside {@link produce}. */
  takeOver(): Promise<void>
  /** The height up to which the chain stands on L1 as {@link followL1} saw it last; `undefined`: its head does. */
  readonly commonWithL1: bigint | undefined
  /** The chain's own blocks from a height on, out of the log. */
  logged(from: bigint): AsyncIterable<SealedBlock>
  /** Moves the labels of the engine, and forgets what is final. */
  setLabels(labels: { safe: BlockId; finalized: BlockId }): void
  readonly faults: Pick<Faults, 'halt' | 'resume' | 'equivocate'>
  close(): Promise<void>
}

export type SequencerOptions = {
  directory: string
  /** Log and guards. Default: files of the directory. It is closed by whoever opened it. */
  storage?: SequencerStorage | undefined
  rollup: RollupConfig
  node: NodeEngine
  /** Whether its blocks are those of OP Stack clients, whose base fee follows the DA footprint as well as gas. */
  family: EngineFamily
  l1: L1Source
  l1Watch: Pick<L1Watch, 'number' | 'readHead' | 'hashAt'>
  /** L1 blocks that must stand on one before it becomes an origin. */
  l1Confirmations: bigint
  accounts: readonly LocalAccount[]
  control: ControlPlane
  /** Where a control chain says who leads: then nothing votes here, and nothing goes back unless {@link SequencerLoop.goBack} says so. */
  leadership?: Leadership | undefined
  policy: OrderingPolicy
  recovery: SenderRecovery
  /** How much data new blocks may bring, so that posting keeps up. */
  daLimits(): BlockDaLimits
  /** How far the fees are booked: those of later blocks in the log are made out again. */
  bookedTo: BookedTo
  /** Every block above {@link bookedTo}, in order, with its place in the log. `isNew` is false for those that were in the log already. */
  onBlock(block: PublishedBlock, fees: BlockFees, at: { position: bigint; isNew: boolean }): void
  /**
   * The chain ends with another block now. Those that are no longer of it come the oldest first; their transactions are in the pool again. At a start
   * without them, where what is booked goes beyond the chain.
   */
  onRollback(to: bigint, abandoned: readonly PublishedBlock[], position: bigint): void
  /** Every header that is signed, as it would be gossiped. */
  onHeader(signed: WatchedHeader): void
  /** Told of each new head that readers see, of each transaction that the pool took, and of blocks that are taken back. */
  feed: Feed
  /** Takes transactions that are signed for no chain, as presigned deployers are. */
  allowUnprotected: boolean
  /** Told what a start found that a user should know. */
  say(message: string): void
}

/** Brings a sequencer back from its log: engine, pool of stake, mempool and signing keys are where they were when it stopped, however it did. */
export async function openSequencer(options: SequencerOptions): Promise<SequencerLoop> {
  if (options.storage !== undefined) return await openOver(options, options.storage)
  const storage = await openFileStorage(options.directory)
  try {
    return await openOver(options, storage)
  } catch (error) {
    await storage.close()
    throw error
  }
}

async function openOver(options: SequencerOptions, storage: SequencerStorage): Promise<SequencerLoop> {
  const { directory, rollup, node, family, policy, recovery, l1Watch, accounts, feed, say, leadership } = options
  const { engine } = node
  const domain: HeaderDomain = { chainId: rollup.l2ChainId, rollup: rollup.batchInbox }
  const decode = (raw: Uint8Array): Transaction =>
    decodeTransaction(raw, { chainId: rollup.l2ChainId, recovery, allowUnprotected: options.allowUnprotected })
  const recovered = await recoverSequencer({
    ...{ storage, rollup, domain, node, family, recovery, accounts, leadership },
    control: options.control,
    bookedTo: options.bookedTo,
    onOverbooked: (to, position) => options.onRollback(to, [], position),
    onUnbooked: async (block, position) => {
      const transactions = userTransactionsOf(block).map(decode)
      const results = transactions.length === 0 ? [] : await engine.receipts(block.executed.hash)
      options.onBlock(block, blockFees(block.executed, transactions, results), { position, isNew: false })
    },
  })
  const { log, chain, signers, pending } = recovered
  const engineHead = createEngineHead(rollup, engine, chain)
  const pool = await openPool({ directory, rollup, family, engine, chain, decode, say, readable: () => engineHead.ref })
  const { mempool } = pool
  const l1 = createL1View(options.l1, l1Watch, options.l1Confirmations)
  const receipts = createReceiptBook(headerDomain(domain), accounts)
  const faults = createFaults(domain, accounts, options.onHeader)
  const builder = createBlockBuilder({ engine, policy, pool: mempool, forcedRule: defaultForcedInclusionRule })
  const { onBlock, onHeader, onRollback, daLimits } = options
  const publication = createPublication({ log, chain, engine, engineHead, pool, faults, feed, onBlock, onHeader })
  const rollback = createRollback({ log, chain, engineHead, pool, l1, l1Watch, feed, decode, onRollback })
  const producer = createProducer({
    ...{ rollup, chain, engineHead, pool, l1, builder, accounts, signers, faults, daLimits, leadership },
  })

  const submit = async (raw: Uint8Array): Promise<Hash> => {
    if (storage.lease() === undefined) throw standsBy()
    const nowMs = Date.now()
    const transaction = decode(raw)
    const { readyAtMs } = policy.admit(transaction, { nowMs })
    const account = await pool.accountOf(transaction.sender)
    const { entry } = await pool.durable.submit(transaction, { nowMs, account, readyAtMs })
    const height = chain.head.number + 1n
    const leader = leaderAbove(chain.control, leadership, height)
    if (leader !== undefined) receipts.note(transaction.hash, entry.arrival, leader, height)
    feed.emit({ type: 'pending', transaction })
    return transaction.hash
  }

  let waiting: string | undefined
  const produce = async (nowMs: number): Promise<boolean> => {
    waiting = undefined
    await publication.settle()
    if (leadership === undefined) await rollback.settle()
    const made = await producer.next(nowMs)
    if (made === undefined || typeof made === 'string') {
      waiting = made
      return false
    }
    // From here on users see it: what is shown is in the log.
    await publication.publish(made)
    l1.forgetBelow(chain.head.l1Origin.number)
    return true
  }

  const follow = async (block: SealedBlock): Promise<Followed> => {
    await publication.settle()
    const checked = await checkFollowed({ rollup, chain, engine, l1, decode }, block)
    if ('type' in checked) return checked
    await publication.publish(checked)
    l1.forgetBelow(chain.head.l1Origin.number)
    return { type: 'taken' }
  }

  const shared = createSharedLog({ log, chain, engine, publication, rollback, l1, pending, decode })

  return {
    get head() {
      return chain.head
    },
    get readable() {
      return engineHead.ref.number
    },
    mempool,
    get control() {
      return chain.control
    },
    get waiting() {
      return waiting
    },
    block: number => chain.block(number),
    submit,
    receipt: hash => receipts.receipt(hash),
    verifyOrdering: async number => {
      const block = chain.block(number)
      if (block === undefined) return undefined
      return await judgeOrdering(block, { policy, engine, receipts, decode, sequencer: chain.signerOf(block) })
    },
    produce,
    follow,
    readLog: shared.read,
    takeOver: shared.takeOver,
    goBack: async (to, term) => {
      await publication.settle()
      await rollback.goBack(to, term)
    },
    get commonWithL1() {
      return rollback.common
    },
    logged: async function* (from) {
      for await (const { block } of log.blocks(from)) yield block
    },
    followL1: rollback.followL1,
    setLabels: engineHead.setLabels,
    faults,
    close: async () => {
      await recovered.close()
      await pool.close()
      if (options.storage === undefined) await storage.close()
    },
  }
}
