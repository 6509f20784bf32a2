import { bytesToHex } from '@l2/common'
import { createBlockBuilder } from '@l2/sequencer-core'
import type { DaLimits } from '@l2/sequencer-core/batcher'
import {
  type BlockLimits,
  type BuiltBlock,
  defaultBlockLimits,
  defaultForcedInclusionRule,
  type HeaderDomain,
  type HeaderSigner,
  headerDomain,
  type LeaderSchedule,
  type QueueEntry,
  type SealedBlock,
  sealBlock,
} from '@l2/sequencer-core/block'
import {
  buildAttributes,
  decodeDeposit,
  genesisBlockRef,
  type L1Source,
  type L2BlockRef,
  nextOrigin,
  type RollupConfig,
  type SystemConfig,
} from '@l2/sequencer-core/derivation'
import type { ExecutedBlock } from '@l2/sequencer-core/engine'
import type { Mempool, PoolEvent } from '@l2/sequencer-core/mempool'
import type { OrderingPolicy, SignedReceipt, Violation } from '@l2/sequencer-core/ordering'
import { decodeTransaction, type SenderRecovery, type Transaction } from '@l2/sequencer-core/transaction'
import type { SlotLeader } from '@l2/staking'
import { type Address, type Hash, hexToBytes, keccak256, type LocalAccount } from 'viem'
import type { BlockId, EngineFamily, NodeEngine } from '../engine/engine.js'
import { createL1View } from '../l1/l1-view.js'
import type { L1Watch } from '../l1/l1-watch.js'
import { type ControlPlane, isBarred, leaderOf } from '../pool/control-plane.js'
import type { SignedHeader } from '../pool/watcher.js'
import type { Feed } from '../rpc/feed.js'
import type { Followed } from './block-log.js'
import { createFaults, type Faults } from './faults.js'
import { type BlockFees, blockFees } from './fees.js'
import { judgeOrdering } from './judge.js'
import { heightOnL1 } from './l1-reorg.js'
import { openPool } from './pool.js'
import { type PublishedBlock, userTransactionsOf } from './published.js'
import { createReceiptBook } from './receipts.js'
import { createReselection } from './reselection.js'
import { recoverSequencer } from './restart.js'

/** Orders transactions and makes blocks: the leader's work, for whichever of the node's keys is elected. */
export type Sequencer = {
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
  /** Moves the labels of the engine, and forgets what is final. */
  setLabels(labels: { safe: BlockId; finalized: BlockId }): void
  readonly faults: Pick<Faults, 'halt' | 'resume' | 'equivocate'>
  close(): Promise<void>
}

export type SequencerOptions = {
  directory: string
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
  policy: OrderingPolicy
  recovery: SenderRecovery
  /** How much data new blocks may bring, so that posting keeps up. */
  daLimits(): DaLimits
  /** How far the fees are booked: those of later blocks in the log are made out again. */
  bookedTo: Followed
  /** Every block above {@link bookedTo}, in order, with its place in the log. `isNew` is false for those that were in the log already. */
  onBlock(block: PublishedBlock, fees: BlockFees, at: { position: bigint; isNew: boolean }): void
  /**
   * The chain ends with another block now. Those that are no longer of it come the oldest first; their transactions are in the pool again. At a start
   * without them, where what is booked goes beyond the chain.
   */
  onRollback(to: bigint, abandoned: readonly PublishedBlock[], position: bigint): void
  /** Every header that is signed, as it would be gossiped. */
  onHeader(signed: SignedHeader): void
  /** Told of each new head that readers see, of each transaction that the pool took, and of blocks that are taken back. */
  feed: Feed
  /** Takes transactions that are signed for no chain, as presigned deployers are. */
  allowUnprotected: boolean
  /** Told what a start found that a user should know. */
  say(message: string): void
}

const zeroHash: Hash = `0x${'00'.repeat(32)}`
/** Where a block may have no transactions of users. */
const depositsOnly: BlockLimits = { maxBytes: 1, maxDaBytes: undefined, maxDaBytesPerTransaction: undefined }
/** Blocks kept behind the finalized one. */
const keptBlocks = 256n
/** How long the next origin is waited for: the present one serves as well. */
const originTimeoutMs = 2000

/** Brings a sequencer back from its log: engine, pool of stake, mempool and signing keys are where they were when it stopped, however it did. */
export async function openSequencer(options: SequencerOptions): Promise<Sequencer> {
  const { directory, rollup, node, family, policy, recovery, l1Watch } = options
  const { engine } = node
  const domain: HeaderDomain = { chainId: rollup.l2ChainId, rollup: rollup.batchInbox }
  const l1 = createL1View(options.l1, l1Watch, options.l1Confirmations)
  const decode = (raw: Uint8Array): Transaction =>
    decodeTransaction(raw, { chainId: rollup.l2ChainId, recovery, allowUnprotected: options.allowUnprotected })
  const recovered = await recoverSequencer({
    ...{ directory, rollup, domain, node, family, recovery },
    accounts: options.accounts,
    control: options.control,
    bookedTo: options.bookedTo,
    onOverbooked: (to, position) => options.onRollback(to, [], position),
    onUnbooked: async (block, position) => {
      const transactions = userTransactionsOf(block).map(decode)
      const results = transactions.length === 0 ? [] : await engine.receipts(block.executed.hash)
      options.onBlock(block, blockFees(block.executed, transactions, results), { position, isNew: false })
    },
  })
  const { log, chain, signers } = recovered
  /** The head that the engine reads at. */
  let engineHead = chain.head
  const { say } = options
  const pool = await openPool({ directory, rollup, family, engine, chain, decode, say, readable: () => engineHead })
  const { mempool, durable } = pool
  const builder = createBlockBuilder({ engine, policy, pool: mempool, forcedRule: defaultForcedInclusionRule })
  const receipts = createReceiptBook(headerDomain(domain), options.accounts)
  const faults = createFaults(domain, options.accounts, options.onHeader)
  const reselection = createReselection(() => options.accounts.filter(({ address }) => !faults.isHalted(address)))
  const schedule: LeaderSchedule = { leaderAt: height => leaderOf(chain.control, height) }
  let labels = { safe: genesisId(rollup), finalized: genesisId(rollup) }
  /** The labels as far as they are of the chain that ends with the head: L1 may have changed since they were set. */
  const labelsNow = (): { safe: Hash; finalized: Hash } => {
    const hashOf = ({ number, hash }: BlockId): Hash => {
      if (number === 0n || number > chain.head.number) return zeroHash
      const block = chain.block(number)
      return block === undefined || block.ref.hash === hash ? hash : zeroHash
    }
    return { safe: hashOf(labels.safe), finalized: hashOf(labels.finalized) }
  }
  const parentNow = async (): Promise<ExecutedBlock> => chain.tip?.executed ?? (await engine.block(chain.head.hash))!

  const limitsNow = (): BlockLimits => {
    const { maxBlockBytes, maxTransactionBytes } = options.daLimits()
    const bytes = (limit: number | undefined): bigint | undefined => (limit === undefined ? undefined : BigInt(limit))
    const [byFootprint, byThrottle] = [pool.footprintBytes(), bytes(maxBlockBytes)]
    const isFootprintLess = byFootprint !== undefined && (byThrottle === undefined || byFootprint < byThrottle)
    return {
      ...defaultBlockLimits,
      maxDaBytes: isFootprintLess ? byFootprint : byThrottle,
      maxDaBytesPerTransaction: bytes(maxTransactionBytes),
    }
  }

  const submit = async (raw: Uint8Array): Promise<Hash> => {
    const nowMs = Date.now()
    const transaction = decode(raw)
    const { readyAtMs } = policy.admit(transaction, { nowMs })
    const account = await pool.accountOf(transaction.sender)
    const { entry } = await durable.submit(transaction, { nowMs, account, readyAtMs })
    const height = chain.head.number + 1n
    const leader = leaderOf(chain.control, height)
    if (leader !== undefined) receipts.note(transaction.hash, entry.arrival, leader, height)
    options.feed.emit({ type: 'pending', transaction })
    return transaction.hash
  }

  /** A block that is signed, so that no other may be at its place, and that the log does not have yet. */
  let unlogged: { block: SealedBlock; built: BuiltBlock; config: SystemConfig; signer: Address } | undefined
  /** A block that the log has and users do not see yet; `events`: what it did to the pool, which the journal does not have yet. */
  let unpublished:
    | {
        block: SealedBlock
        built: BuiltBlock
        published: PublishedBlock
        position: bigint
        signer: Address
        events?: readonly PoolEvent[]
      }
    | undefined
  const enterLog = async (): Promise<void> => {
    if (unlogged === undefined) return
    const { config, ...sealed } = unlogged
    const position = await log.append(sealed.block)
    unlogged = undefined
    unpublished = { ...sealed, position, published: chain.adopt(sealed.block, config) }
  }
  /** Shows it: in the engine, the pool, the books and to whoever watches headers. Where the engine fails in between, once more from the start. */
  const publish = async (): Promise<void> => {
    if (unpublished === undefined) return
    const { block, built, published, position, signer } = unpublished
    await engine.setHead({ head: chain.head.hash, ...labelsNow() }).catch(async error => {
      // A program that took the place of another between the log's read and this block's entry does not have it.
      if ((await engine.block(chain.head.hash)) !== undefined) throw error
      await engine.import(block.executed, block.attributes)
      await engine.setHead({ head: chain.head.hash, ...labelsNow() })
    })
    engineHead = chain.head
    const { executed, header, signature } = block
    const results = built.receipts ?? (await engine.receipts(executed.hash))
    const transactions = built.entries.map(({ transaction }) => transaction)
    const fees = blockFees(executed, transactions, results)
    const addresses = accountsOf(transactions)
    const states = await engine.accounts(addresses)
    unpublished.events ??= mempool.setHead({
      ...pool.head(executed),
      nowMs: Date.now(),
      included: transactions.map(({ hash }) => hash),
      accounts: addresses.map((address, index) => [address, states[index]!] as const),
    })
    await durable.record(unpublished.events)
    options.onBlock(published, fees, { position, isNew: true })
    options.feed.emit({ type: 'head', number: published.ref.number })
    unpublished = undefined
    options.onHeader({ header, signer, signature })
    await faults.afterBlock(signer, header)
  }

  /** The height to go back to before anything new is made. */
  let commonHeight: bigint | undefined
  const followL1 = async (): Promise<void> => {
    await l1Watch.readHead()
    const common = await heightOnL1(chain, l1Watch)
    // A block that is made meanwhile stands on what is to go, and goes with it.
    if (common !== undefined && common < chain.head.number) commonHeight = common
  }
  /**
   * Goes back with everything that follows from blocks. Readers go first, then the pool, then the log: whatever ends the process in between, the next one
   * finds the whole chain in the log, or goes on from the block that stays, and every transaction in one of log and journal.
   */
  const rollBack = async (to: bigint): Promise<void> => {
    const abandoned = chain.above(to)
    const kept = to === 0n ? undefined : chain.block(to)
    const ref = kept?.ref ?? genesisBlockRef(rollup)
    const { finalized } = labels
    const isFinalKept = finalized.number > 0n && finalized.number <= to
    await engine.setHead({ head: ref.hash, safe: zeroHash, finalized: isFinalKept ? finalized.hash : zeroHash })
    engineHead = ref
    const transactions = abandoned.flatMap(userTransactionsOf).map(decode)
    const addresses = accountsOf(transactions)
    const states = await engine.accounts(addresses)
    const events = mempool.setHead({
      ...pool.head(kept?.executed ?? (await engine.block(ref.hash))!),
      nowMs: Date.now(),
      included: [],
      abandoned: transactions,
      accounts: addresses.map((address, index) => [address, states[index]!] as const),
    })
    await durable.record(events)
    const signed = abandoned.map(({ header }) => header.term)
    const term = 1 + Math.max(leaderOf(chain.control, chain.head.number + 1n)?.term ?? 0, ...signed)
    const position = await log.rollBack({ to, hash: ref.hash, term })
    chain.rollBack(to, term)
    l1.forgetAll()
    options.onRollback(to, abandoned, position)
    options.feed.emit({ type: 'rollback', to, abandoned: abandoned.map(({ ref }) => ref) })
  }

  /** The leader of the next block and its key; why there is none, as a text. */
  const electLeader = async (nowMs: number): Promise<{ leader: SlotLeader; signer: HeaderSigner } | string> => {
    const height = chain.head.number + 1n
    const elected = leaderOf(chain.control, height)
    if (elected === undefined || faults.isHalted(elected.sequencer) || isBarred(chain.control.pool)(elected.id)) {
      const voted = await reselection.tryNextTerm(chain.control, height, chain.head.hash, nowMs)
      if (voted === undefined) return 'the elected leader makes no block, and its turn is not over'
      chain.control = voted
    }
    const leader = leaderOf(chain.control, height)
    const signer = leader === undefined ? undefined : signers.get(leader.sequencer)
    if (leader === undefined || signer === undefined || faults.isHalted(leader.sequencer)) {
      return 'nobody whose key is here leads'
    }
    return { leader, signer }
  }

  let waiting: string | undefined
  const produce = async (nowMs: number): Promise<boolean> => {
    waiting = undefined
    const wait = (reason: string): false => {
      waiting = reason
      return false
    }
    await enterLog()
    await publish()
    if (commonHeight !== undefined) {
      await rollBack(commonHeight)
      commonHeight = undefined
    }
    const { head } = chain
    const timestamp = head.timestamp + rollup.blockTimeSeconds
    if (BigInt(nowMs) < timestamp * 1000n) return false
    const current = await l1.at(head.l1Origin.number)
    if (current === undefined || current.hash !== head.l1Origin.hash) {
      l1.forgetAll()
      return wait(`L1 does not show block ${head.l1Origin.number}, on which the chain stands`)
    }
    // An L1 that does not answer stops nobody: the present origin carries the chain for as long as the drift allows.
    const next = await l1.after(current, AbortSignal.timeout(originTimeoutMs)).catch(() => undefined)
    const choice = nextOrigin(rollup, head, current, next)
    if (choice.type === 'wait-for-l1')
      return wait(`too far ahead of L1 block ${current.number}, and it shows no next one`)
    const { origin, noTxPool } = choice
    const elected = await electLeader(nowMs)
    if (typeof elected === 'string') return wait(elected)
    const { leader, signer } = elected

    const { systemConfig, tip } = chain
    const base = buildAttributes({ rollup, parent: head, systemConfig, origin, logs: origin.logs, transactions: [] })
    const forcedUpTo = tip?.header.forcedUpTo ?? 0n
    const built = await builder.build({
      parent: await parentNow(),
      attributes: base.attributes,
      baseFeePerGas: mempool.head.baseFeePerGas,
      l1Origin: { number: origin.number, hash: origin.hash },
      turn: { epoch: leader.epoch, term: leader.term },
      forcedUpTo,
      // The first deposit is the protocol's own.
      forced: queueOf(base.attributes.transactions.slice(1), origin.timestamp, forcedUpTo),
      limits: noTxPool ? depositsOnly : limitsNow(),
    })
    for (const { hash, reason } of built.leftOut) {
      if (reason === 'invalid') await durable.record(mempool.remove(hash, 'failed'))
    }
    const block = await sealBlock(built.block, signer, schedule)
    unlogged = { block, built, config: base.systemConfig, signer: leader.sequencer }
    await enterLog()
    // From here on users see it: what is shown is in the log.
    await publish()
    l1.forgetBelow(origin.number)
    return true
  }

  return {
    get head() {
      return chain.head
    },
    get readable() {
      return engineHead.number
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
      return await judgeOrdering(block, { policy, engine, receipts, decode, sequencer: chain.signerOf(block.header) })
    },
    produce,
    followL1,
    setLabels(next) {
      labels = next
      const { number } = next.finalized
      if (number > keptBlocks) chain.forgetBelow(number - keptBlocks)
    },
    faults,
    close: async () => {
      await recovered.close()
      await pool.close()
    },
  }
}

const genesisId = ({ genesis }: RollupConfig): BlockId => genesis.l2

/** Whom transactions can have changed. */
function accountsOf(transactions: readonly Transaction[]): Address[] {
  const touched = transactions.flatMap(({ sender, to }) => (to === undefined ? [sender] : [sender, to]))
  return [...new Set(touched)]
}

/** The deposits of an L1 origin as entries of the queue that the sequencer must not leave out. */
function queueOf(deposits: readonly Uint8Array[], enqueuedAt: bigint, firstIndex: bigint): QueueEntry[] {
  return deposits.map((raw, index) => ({
    index: firstIndex + BigInt(index),
    enqueuedAt,
    bufferSeconds: defaultForcedInclusionRule.maxBufferSeconds,
    hash: bytesToHex(hexToBytes(keccak256(raw))),
    gasLimit: decodeDeposit(raw).gas,
    transaction: undefined,
  }))
}
