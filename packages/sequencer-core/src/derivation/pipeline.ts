import { type BatchedBlock, type BatchStage, createBatchStage } from './batch-stage.js'
import { BlockStage } from './block-stage.js'
import { type ChannelStage, createChannelStage } from './channel-stage.js'
import type { DerivationCheckpoint } from './checkpoint.js'
import { isForkActive } from './fork-schedule.js'
import { type L1Block, type L1Header, l1BlockRef } from './l1.js'
import type { L2BlockRef } from './l2.js'
import { mismatch, reorg, unasked } from './pipeline-errors.js'
import type {
  DerivationEvent,
  DerivationInput,
  DerivationOptions,
  DerivationOutput,
  DerivationPipeline,
  ExecutedRef,
} from './pipeline-types.js'
import { checkRollupConfig, type RollupConfig } from './rollup-config.js'
import { sameHex } from './words.js'

/** What nothing goes on without, and for which stage it is. */
type Waiting = {
  readonly output: Exclude<DerivationOutput, { type: 'event' }>
  readonly stage: 'traversal' | 'batches' | 'blocks'
}

/**
 * The derivation pipeline: L1 blocks → batcher transactions → frames → channels → batches → payload attributes → L2 blocks.
 * Source: OP specs, "L2 chain derivation", through Karst; where the specification is silent or op-node differs, as op-node does.
 *
 * Memory is bounded by what the protocol lets stay open: one header per L1 block of a sequencing window, the channel bank's limit, and one
 * decompressed channel. The L1 it is fed is believed: hashes chain, contents are the feeder's.
 *
 * @throws SequencerError `ROLLUP_CONFIG_INVALID`
 *
 * @example
 * ```ts
 * import { createDerivationPipeline, rollupPresets } from '@l2/sequencer-core'
 * import { genesisCheckpoint } from '@l2/sequencer-core/derivation'
 *
 * const config = rollupPresets.opMainnet
 * const pipeline = createDerivationPipeline({ config, start: genesisCheckpoint(config) })
 * const output = pipeline.step()
 * console.log(output.type === 'need' && output.need.type) // l1-block
 * ```
 */
export function createDerivationPipeline(options: DerivationOptions): DerivationPipeline {
  return new Pipeline(options)
}

/** Conducts the stages: feeds them L1, hands each what the one before it has, and keeps the checkpoint. */
class Pipeline implements DerivationPipeline {
  readonly #config: RollupConfig
  readonly #start: DerivationCheckpoint
  readonly #events: DerivationEvent[] = []
  #nextEvent = 0
  #waiting: Waiting | undefined
  #l1: L1Header | undefined
  readonly #channels: ChannelStage
  readonly #batches: BatchStage
  readonly #blocks: BlockStage
  /** What the batches say and the block stage has not begun with. */
  #batch: BatchedBlock | undefined
  #warm: DerivationCheckpoint['warm']
  #checkpoint: DerivationCheckpoint

  constructor(options: DerivationOptions) {
    const { start } = options
    this.#config = checkRollupConfig(options.config)
    this.#start = start
    this.#warm = start.warm
    this.#checkpoint = start
    const onEvent = (event: DerivationEvent) => this.#events.push(event)
    this.#channels = createChannelStage({ ...options, systemConfig: start.warm.systemConfig, onEvent })
    this.#batches = createBatchStage({ config: this.#config, channels: this.#channels, onEvent })
    this.#blocks = new BlockStage(this.#config, start, options.upgradeTransactions ?? {})
  }

  get head(): L2BlockRef {
    return this.#blocks.head
  }
  get safe(): L2BlockRef {
    return this.#blocks.safe
  }
  get l1(): L1Header | undefined {
    return this.#l1
  }
  get checkpoint(): DerivationCheckpoint {
    return this.#checkpoint
  }
  get held(): { l1Headers: number; openChannels: number; batches: number } {
    return {
      l1Headers: this.#batches.origins,
      openChannels: this.#channels.openChannels,
      batches: this.#batches.waiting,
    }
  }

  step(input?: DerivationInput): DerivationOutput {
    if (input !== undefined) this.#answer(input)
    for (;;) {
      if (this.#nextEvent < this.#events.length) {
        return { type: 'event', event: this.#events[this.#nextEvent++]! }
      }
      this.#events.length = 0
      this.#nextEvent = 0
      if (this.#waiting !== undefined) return this.#waiting.output
      this.#advance()
    }
  }

  #advance(): void {
    const batch = this.#batch
    if (batch !== undefined) {
      this.#waiting = { output: this.#blocks.begin(batch, l1BlockRef(this.#l1!), this.#isHolocene), stage: 'blocks' }
      this.#batch = undefined
      return
    }
    if (this.#l1 === undefined) {
      this.#askForL1()
      return
    }
    const output = this.#batches.next(this.#blocks.head, this.#warming)
    if (output.type === 'need') this.#waiting = { output, stage: 'batches' }
    else if (output.type === 'block') this.#batch = output.block
    else if (output.type === 'drained') this.#l1Read()
  }

  #answer(input: DerivationInput): void {
    const waiting = this.#nextEvent < this.#events.length ? undefined : this.#waiting
    if (waiting === undefined) throw unasked(input.type, 'nothing')
    const wanted = waiting.output.type === 'need' ? waiting.output.need.type : 'executed'
    if (input.type !== wanted && !(wanted === 'executed' && input.type === 'refused')) throw unasked(input.type, wanted)
    switch (input.type) {
      case 'l1-block':
        if (waiting.stage === 'traversal') this.#enterL1(input.block)
        else this.#waiting = { output: this.#blocks.withOrigin(input.block), stage: 'blocks' }
        break
      case 'executed':
        this.#executed(input.block)
        break
      case 'refused':
        this.#refused()
        break
      default:
        this.#batches.answer(input)
        this.#waiting = undefined
    }
  }

  get #isHolocene(): boolean {
    return isForkActive(this.#config.forks, 'holocene', this.#l1!.timestamp)
  }

  /** What was read before the checkpoint was taken completes no new batch. */
  get #warming(): boolean {
    return this.#l1!.number <= this.#start.l1.number
  }

  get #nextL1(): bigint {
    if (this.#l1 !== undefined) return this.#l1.number + 1n
    const { head, warm } = this.#start
    const afterWarm = warm.after.number + 1n
    return head.l1Origin.number < afterWarm ? head.l1Origin.number : afterWarm
  }

  #askForL1(): void {
    const need = { type: 'l1-block', number: this.#nextL1, hash: undefined } as const
    this.#waiting = { output: { type: 'need', need }, stage: 'traversal' }
  }

  #enterL1(block: L1Block): void {
    if (block.number !== this.#nextL1) throw mismatch('L1 block', this.#nextL1, block.number)
    if (this.#l1 !== undefined && !sameHex(block.parentHash, this.#l1.hash)) throw reorg(this.#l1, block)
    const { head, l1, warm } = this.#start
    for (const known of [head.l1Origin, l1, warm.after]) {
      if (known.number === block.number && !sameHex(known.hash, block.hash)) throw reorg(known, block)
    }
    const { transactions, logs, ...header } = block
    const isRead = block.number > warm.after.number
    const passOver = block.number <= l1.number
    this.#channels.enter(isRead ? block : { ...header, transactions: [], logs: [] }, passOver)
    this.#batches.enter(header)
    this.#l1 = header
    this.#waiting = undefined
  }

  #l1Read(): void {
    const l1 = this.#l1!
    const { number, hash } = l1
    const { openChannels, attestedAhead } = this.#channels
    if (openChannels === 0 && attestedAhead === 0 && number >= this.#warm.after.number) {
      this.#warm = { after: { number, hash }, systemConfig: this.#channels.systemConfig }
    }
    if (!this.#warming) {
      const { head, headConfig: systemConfig, safe } = this.#blocks
      if (this.#batches.waiting === 0 && head === safe) {
        this.#checkpoint = { l1: { number, hash }, head, systemConfig, warm: this.#warm }
      }
      this.#events.push({ type: 'l1-block-read', block: l1BlockRef(l1) })
    }
    this.#askForL1()
  }

  #executed(block: ExecutedRef): void {
    this.#blocks.executed(block)
    this.#waiting = undefined
    this.#events.push({ type: 'block', block: this.#blocks.head, derivedFrom: l1BlockRef(this.#l1!) })
  }

  #refused(): void {
    const { parent } = this.#waiting!.output as Extract<DerivationOutput, { type: 'attributes' }>
    const refusal = this.#blocks.refused()
    this.#events.push({ type: 'block-refused', parent })
    const replaced = refusal.type === 'replaced'
    this.#waiting = replaced ? { output: refusal.output, stage: 'blocks' } : undefined
    const tookBack = !replaced && refusal.tookBack
    this.#batches.refused(tookBack)
    if (tookBack) this.#events.push({ type: 'reverted', to: this.#blocks.safe })
  }
}
