import type { SingularBatch } from '../batch/types.js'
import type { BatchVerdict, SafeBlock } from './batch-check.js'
import { BatchQueue, createJudge, type IncludedBatch, type Judgement, type OpenSpan } from './batch-queue.js'
import type { ChannelStage, ChannelStageNeed } from './channel-stage.js'
import { isForkActive } from './fork-schedule.js'
import { type L1Header, l1BlockRef } from './l1.js'
import type { L2BlockRef } from './l2.js'
import { mismatch, reorg, unasked } from './pipeline-errors.js'
import type { DerivationEvent, DerivationInput, DerivationNeed } from './pipeline-types.js'
import { checkRollupConfig, type RollupConfig } from './rollup-config.js'
import { sameHex } from './words.js'

/** Options of {@link createBatchStage}. */
export type BatchStageOptions = {
  readonly config: RollupConfig
  /** Where the batches come from; nobody else may pull from it. */
  readonly channels: ChannelStage
  /** Told of every batch that does not count, in order; called synchronously and must not throw. */
  readonly onEvent?: ((event: DerivationEvent) => void) | undefined
}

/** What the batches say about the block after `parent`. */
export type BatchedBlock = {
  readonly parent: L2BlockRef
  /** Its L1 origin. */
  readonly epoch: L1Header
  readonly timestamp: bigint
  /** Without the deposits, which follow from L1. */
  readonly transactions: readonly Uint8Array[]
  /** Whether the block is safe when it is built; before Holocene only a span's last block is. */
  readonly concluding: boolean
}

/** What {@link BatchStage.next} comes back with. */
export type BatchStageOutput =
  /** The next block of the chain: the next call wants it as its head. */
  | { readonly type: 'block'; readonly block: BatchedBlock }
  /** {@link BatchStage.answer} it. */
  | { readonly type: 'need'; readonly need: ChannelStageNeed | Extract<DerivationNeed, { type: 'l2-block' }> }
  /** One step was done, and no block came of it: call again. */
  | { readonly type: 'progress' }
  /** This L1 block says no more: enter the next. */
  | { readonly type: 'drained' }

/** The second step of derivation: which batches count, and the blocks that they, or their absence, make. */
export interface BatchStage {
  /** Begins with an L1 block that the channel stage has entered, the one after the last; the first is the head's origin, or one before it. */
  enter(block: L1Header): void
  /**
   * @param head the newest block of the chain
   * @param passOver reads on, and takes nothing that is read for a block: what is read is known
   * @throws SequencerError `DERIVATION_RESET` when `head` does not stand on the L1 that was entered
   */
  next(head: L2BlockRef, passOver?: boolean): BatchStageOutput
  /** @throws SequencerError `DERIVATION_INPUT_INVALID`, which changes nothing */
  answer(input: Extract<DerivationInput, { type: 'blobs' | 'commitment' | 'l2-block' }>): void
  /** The engine refused the block that came last. `tookBack`: the blocks of its span before it are taken back, too, and the head is lower. */
  refused(tookBack: boolean): void
  /** Batches that wait for their turn. */
  readonly waiting: number
  /** L1 blocks that may still become an origin. */
  readonly origins: number
}

/**
 * Judges the batches of a {@link createChannelStage} against the chain, and says which block each makes: batches → blocks, forced empty ones
 * included. It executes nothing: whoever has the chain already, from a node, gives each next block as `head`, as an explorer does that tells of
 * every block where it was posted, and of every batch why it did not count.
 *
 * Source: OP specs, "L2 chain derivation", batch queue and (from Holocene) batch stage, and op-node.
 *
 * @throws SequencerError `ROLLUP_CONFIG_INVALID`
 *
 * @example
 * ```ts
 * import { encodeBatcherTransaction, toSingularBatch } from '@l2/sequencer-core/batch'
 * import { createBatchStage, createChannelStage, genesisBlockRef } from '@l2/sequencer-core/derivation'
 * import * as simulated from '@l2/sequencer-core/testing'
 *
 * const config = simulated.simulatedRollup()
 * const l1 = simulated.createL1Simulator({ config })
 * const sequencer = simulated.createSequencerSimulator({ config, l1 })
 * const posted = [1, 2].map(() => toSingularBatch(sequencer.build()!.batch))
 * const channelId = `0x${'01'.repeat(16)}` as const
 * l1.post(encodeBatcherTransaction(simulated.framesOfBatches(posted, { config, channelId })))
 * l1.mine()
 *
 * const channels = createChannelStage({ config })
 * const batches = createBatchStage({ config, channels })
 * const where: string[] = []
 * let head = genesisBlockRef(config)
 * batches.enter(l1.block(config.genesis.l1.number)!)
 * for (let number = config.genesis.l1.number + 1n; number <= l1.head.number; number++) {
 *   const block = l1.block(number)!
 *   channels.enter(block)
 *   batches.enter(block)
 *   for (let output = batches.next(head); output.type !== 'drained'; output = batches.next(head)) {
 *     if (output.type !== 'block') continue
 *     head = sequencer.blocks[Number(head.number)]!.ref // of a real chain: ask a node of it for block head.number + 1
 *     where.push(`${head.number} in ${number}`)
 *   }
 * }
 * console.log(where.join(', ')) // 1 in 101, 2 in 101
 * ```
 */
export function createBatchStage(options: BatchStageOptions): BatchStage {
  return new Stage(options)
}

type Progress = 'progress' | 'drained'
type Candidate = { included: IncludedBatch; judge: ReturnType<typeof createJudge> }

class Stage implements BatchStage {
  readonly #config: RollupConfig
  readonly #channels: ChannelStage
  readonly #emit: (event: DerivationEvent) => void
  readonly #queue: BatchQueue
  #l1: L1Header | undefined
  #holocene = false
  #window: L1Header[] = []
  #candidate: Candidate | undefined
  #span: OpenSpan | undefined
  readonly #l2Blocks = new Map<bigint, SafeBlock | undefined>()
  #need: Extract<BatchStageOutput, { type: 'need' }>['need'] | undefined
  /** What the step that is being done came to. */
  #block: BatchedBlock | undefined

  constructor(options: BatchStageOptions) {
    this.#config = checkRollupConfig(options.config)
    this.#channels = options.channels
    this.#emit = options.onEvent ?? (() => {})
    this.#queue = new BatchQueue(this.#config)
  }

  get waiting(): number {
    return this.#queue.length
  }
  get origins(): number {
    return this.#window.length
  }

  enter(block: L1Header): void {
    if (!this.#holocene && isForkActive(this.#config.forks, 'holocene', block.timestamp)) {
      this.#queue.clear()
      this.#span = undefined
      this.#holocene = true
    }
    this.#l1 = block
    this.#window.push(block)
  }

  next(head: L2BlockRef, passOver = false): BatchStageOutput {
    if (this.#need !== undefined) return { type: 'need', need: this.#need }
    const l1 = this.#l1
    if (l1 === undefined) return { type: 'drained' }
    const progress = this.#advance(head, l1, passOver)
    if (this.#need !== undefined) return { type: 'need', need: this.#need }
    const block = this.#block
    if (block === undefined) return { type: progress }
    this.#block = undefined
    return { type: 'block', block }
  }

  answer(input: Parameters<BatchStage['answer']>[0]): void {
    const need = this.#need
    if (need === undefined || need.type !== input.type) throw unasked(input.type, need?.type ?? 'nothing')
    if (input.type === 'l2-block') this.#takeL2Block((need as { number: bigint }).number, input.block)
    else this.#channels.answer(input)
    this.#need = undefined
  }

  refused(tookBack: boolean): void {
    if (this.#holocene) this.#flush()
    this.#span = undefined
    if (tookBack) this.#queue.rewind()
  }

  #flush(): void {
    this.#span = undefined
    this.#channels.flush()
  }

  #pull(): IncludedBatch | Progress {
    const output = this.#channels.next()
    if (output.type === 'batch') return output.included
    if (output.type !== 'need') return output.type
    this.#need = output.need
    return 'progress'
  }

  #advance(head: L2BlockRef, l1: L1Header, passOver: boolean): Progress {
    if (!this.#holocene && this.#fromSpan(head, l1)) return 'progress'
    this.#dropOldOrigins(head)
    if (passOver || l1.number <= head.l1Origin.number) {
      // Nothing read up to the head's origin can be news. What completes here is passed over; frames are kept.
      return this.#pull() === 'drained' ? 'drained' : 'progress'
    }
    const epoch = this.#window[0]!
    const follows = epoch.number === head.l1Origin.number + 1n || sameHex(epoch.hash, head.l1Origin.hash)
    if (!follows) throw reorg(head.l1Origin, epoch)
    return this.#holocene ? this.#nextHolocene(head, l1) : this.#nextQueued(head, l1)
  }

  #dropOldOrigins(head: L2BlockRef): void {
    const first = this.#window[0]
    if (first === undefined || head.l1Origin.number <= first.number) return
    this.#window.splice(0, Number(head.l1Origin.number - first.number))
  }

  /** Takes the next block of an accepted span, if it is that block's turn. */
  #fromSpan(head: L2BlockRef, l1: L1Header): boolean {
    const span = this.#span
    if (span?.next === undefined) {
      this.#span = undefined
      return false
    }
    const block = span.next
    if (block.timestamp !== head.timestamp + this.#config.blockTimeSeconds) {
      this.#span = undefined
      return false
    }
    const epoch = this.#window[Number(block.epochNumber - this.#window[0]!.number)]!
    span.next = span.blocks.next().value
    const { timestamp, transactions } = block
    if (this.#holocene) {
      const batch: SingularBatch = {
        type: 'singular',
        parentHash: head.hash,
        epochNumber: epoch.number,
        epochHash: epoch.hash,
        timestamp,
        transactions,
      }
      this.#judgeHolocene(head, { batch, inclusion: l1BlockRef(l1) })
    } else {
      this.#block = { epoch, timestamp, transactions, concluding: span.next === undefined, parent: head }
    }
    return true
  }

  #judge(head: L2BlockRef, { judge }: Pick<Candidate, 'judge'>): Judgement {
    const judgement = judge.judge({ l1Blocks: this.#window, safe: head }, number =>
      this.#l2Blocks.has(number) ? this.#l2Blocks.get(number) : 'unread',
    )
    if (judgement.type === 'needs-l2-block') this.#need = { type: 'l2-block', number: judgement.number }
    else this.#l2Blocks.clear()
    return judgement
  }

  #takeL2Block(number: bigint, block: SafeBlock | undefined): void {
    if (block !== undefined && block.ref.number !== number) throw mismatch('L2 block', number, block.ref.number)
    // Spans are compared block by block: the parent and the block compared now are all that is needed at a time.
    if (this.#l2Blocks.size > 1) {
      const newest = [...this.#l2Blocks.keys()].at(-1)!
      this.#l2Blocks.delete(newest)
    }
    this.#l2Blocks.set(number, block)
  }

  #report(batchType: 'singular' | 'span', verdict: BatchVerdict): void {
    if (verdict.verdict === 'accept') return
    this.#emit({ type: 'batch', batchType, verdict: verdict.verdict, reason: verdict.reason })
  }

  #nextHolocene(head: L2BlockRef, l1: L1Header): Progress {
    if (this.#candidate === undefined) {
      if (this.#fromSpan(head, l1)) return 'progress'
      const pulled = this.#pull()
      if (pulled === 'progress') return 'progress'
      if (pulled === 'drained') return this.#forceEmpty(head, l1, true)
      this.#candidate = { included: pulled, judge: createJudge(this.#config, pulled) }
    }
    this.#judgeHolocene(head, this.#candidate.included, this.#candidate)
    return 'progress'
  }

  #judgeHolocene(head: L2BlockRef, included: IncludedBatch, candidate?: Candidate): void {
    const judgement = this.#judge(head, candidate ?? { judge: createJudge(this.#config, included) })
    if (judgement.type === 'needs-l2-block') return
    this.#candidate = undefined
    const { verdict, span } = judgement
    const { batch } = included
    this.#report(batch.type, verdict)
    if (verdict.verdict === 'accept') {
      if (batch.type === 'span') this.#span = span
      else this.#accept(head, batch)
    } else if (verdict.verdict === 'drop') {
      this.#flush()
    }
    // `past` is passed over without harm to the rest of the channel. So is `undecided`, as op-node does: the L1 it lacks would have to be
    // younger than the block that included it. (An L2 block that cannot be had for a moment is not among the reasons: the driver waits for it.)
  }

  #nextQueued(head: L2BlockRef, l1: L1Header): Progress {
    const pulled = this.#candidate === undefined ? this.#pull() : 'progress'
    if (typeof pulled !== 'string') this.#queue.add(pulled)
    if (this.#need !== undefined) return 'progress'
    const outOfData = pulled === 'drained'
    for (;;) {
      const waiting = this.#queue.first(head.timestamp + this.#config.blockTimeSeconds)
      if (waiting === undefined) break
      const judgement = this.#judge(head, waiting)
      if (judgement.type === 'needs-l2-block') {
        // Comes back here with the answer, before anything else is read.
        this.#candidate = { included: waiting, judge: waiting.judge }
        return 'progress'
      }
      const { verdict, span } = judgement
      this.#candidate = undefined
      if (verdict.verdict === 'undecided') {
        if (outOfData) this.#report(waiting.batch.type, verdict)
        return outOfData ? 'drained' : 'progress'
      }
      this.#queue.remove()
      if (verdict.verdict !== 'accept') {
        this.#report(waiting.batch.type, verdict)
        continue
      }
      if (waiting.batch.type === 'span') this.#span = span
      else this.#accept(head, waiting.batch)
      return 'progress'
    }
    this.#candidate = undefined
    const forced = this.#forceEmpty(head, l1, outOfData)
    return forced === 'drained' && !outOfData ? 'progress' : forced
  }

  #accept(head: L2BlockRef, { epochNumber, timestamp, transactions }: SingularBatch): void {
    const epoch = this.#window[Number(epochNumber - this.#window[0]!.number)]!
    this.#block = { epoch, timestamp, transactions, concluding: true, parent: head }
  }

  /** When an epoch's sequencing window is over, its remaining blocks are empty ones: up to the next L1 block's time, at least one per epoch. */
  #forceEmpty(head: L2BlockRef, l1: L1Header, outOfData: boolean): Progress {
    const epoch = this.#window[0]!
    const expiry = epoch.number + this.#config.sequencingWindowBlocks
    if (!(expiry < l1.number || (expiry === l1.number && outOfData))) return 'drained'
    const next = this.#window[1]
    if (next === undefined) return 'drained'
    const timestamp = head.timestamp + this.#config.blockTimeSeconds
    if (timestamp < next.timestamp || epoch.number === head.l1Origin.number + 1n) {
      this.#block = { epoch, timestamp, transactions: [], concluding: true, parent: head }
      return 'progress'
    }
    // No block of this epoch is left to make: go on with the next one, which may still get batches of its own.
    this.#window.shift()
    return 'progress'
  }
}
