import { type Clock, isL2Error, systemClock } from '@l2/common'
import type { Hash } from 'viem'
import type { CallOptions, ExecutedBlock, ExecutionEngine } from '../engine/engine.js'
import { SequencerError } from '../errors.js'
import type { SafeBlock } from './batch-check.js'
import { type DerivationCheckpoint, genesisCheckpoint } from './checkpoint.js'
import { isBlockOfAttributes } from './consolidation.js'
import type { L1Block } from './l1.js'
import type { BlobSource, CommitmentSource, L1Source } from './l1-source.js'
import { type L2BlockRef, l2BlockRef } from './l2.js'
import { createDerivationPipeline } from './pipeline.js'
import type {
  DerivationEvent,
  DerivationInput,
  DerivationNeed,
  DerivationOptions,
  DerivationOutput,
  DerivationPipeline,
} from './pipeline-types.js'

/** Options of {@link createDerivationDriver}. */
export type DerivationDriverOptions = Omit<DerivationOptions, 'start'> & {
  readonly engine: ExecutionEngine
  readonly l1: L1Source
  /** Needed when the chain posts blobs. */
  readonly blobs?: BlobSource | undefined
  /** Needed when the chain uses alt-DA. */
  readonly commitments?: CommitmentSource | undefined
  /** Default: the chain's genesis. */
  readonly start?: DerivationCheckpoint | undefined
  /**
   * Earlier places of the same derivation, the oldest first, to go back to when a reorg took `start` away. Where this is given, be it
   * empty, the chain's genesis is the last resort; where not, `start` is.
   */
  readonly earlier?: readonly DerivationCheckpoint[] | undefined
  /** How many checkpoints to keep, newest first, for going back at a reorg; one deeper starts over at the genesis. Default 256. */
  readonly maxCheckpoints?: number | undefined
  /** How many L1 blocks' logs to keep for the time when they become an origin. Default 512. */
  readonly maxCachedL1Blocks?: number | undefined
  /** Told of everything the pipeline reports, in order; called synchronously and must not throw. */
  readonly onEvent?: ((event: DerivationEvent | DriverEvent) => void) | undefined
  /** Whether a failed build says that the block can never be, as opposed to: not now. Default: `ENGINE_TRANSACTION_INVALID` and `ENGINE_PAYLOAD_INVALID`. */
  readonly isRefusal?: ((error: unknown) => boolean) | undefined
  readonly clock?: Clock | undefined
}

/** What the driver reports beside the pipeline's own events. */
export type DriverEvent =
  /** L1 changed: derivation goes on from this checkpoint. */
  { readonly type: 'reset'; readonly to: DerivationCheckpoint }

/** Where derivation stands. */
export type DerivationStatus = {
  readonly head: L2BlockRef
  readonly safe: L2BlockRef
  readonly finalized: { readonly number: bigint; readonly hash: Hash }
  /** The last L1 block that is wholly accounted for. */
  readonly l1Number: bigint
  readonly checkpoint: DerivationCheckpoint
}

/** How often one sync goes back before it gives up. */
const maxResets = 32

/** Options of {@link DerivationDriver.run}. */
export type DriverRunOptions = { signal: AbortSignal; pollIntervalMs?: number; onRetry?: (error: unknown) => void }

/** Feeds a derivation pipeline from L1 and runs its blocks in an engine. One call at a time. */
export interface DerivationDriver {
  /**
   * Derives until L1 has nothing more, going back by itself when L1 reorganises (and giving up with `DERIVATION_RESET` when it does nothing
   * else). Rejects with what the sources or the engine reject with;
   * calling again goes on where it stopped.
   */
  sync(options?: CallOptions): Promise<DerivationStatus>
  /**
   * {@link sync} again and again, every `pollIntervalMs` (default 1000), until the signal aborts. Errors that do not say `abort` are waited out, and
   * `onRetry` is told of each.
   */
  run(options: DriverRunOptions): Promise<void>
  readonly status: DerivationStatus
}

/**
 * The derivation pipeline with its I/O: L1, blobs and engine behind ports. Unsafe blocks that the engine has already are kept when derivation
 * comes to the same, and replaced when not.
 *
 * @throws SequencerError `ROLLUP_CONFIG_INVALID`
 */
export function createDerivationDriver(options: DerivationDriverOptions): DerivationDriver {
  return new Driver(options)
}

class Driver implements DerivationDriver {
  readonly #options: DerivationDriverOptions
  readonly #clock: Clock
  readonly #start: DerivationCheckpoint
  #pipeline: DerivationPipeline
  /** Oldest first; each is canonical as far as is known. */
  #checkpoints: DerivationCheckpoint[]
  #finalized: DerivationCheckpoint
  /** Origins that the pipeline will ask for again, without their transactions. */
  readonly #cache = new Map<bigint, L1Block>()
  #output: DerivationOutput | undefined
  #running = false

  constructor(options: DerivationDriverOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#start = options.start ?? genesisCheckpoint(options.config)
    this.#checkpoints = [...(options.earlier ?? []), this.#start]
    // The start need not be final where there is something to go back to.
    this.#finalized = this.#checkpoints[0]!
    this.#pipeline = createDerivationPipeline({ ...options, start: this.#start })
  }

  get status(): DerivationStatus {
    const { head, safe, checkpoint } = this.#pipeline
    return {
      head,
      safe,
      finalized: { number: this.#finalized.head.number, hash: this.#finalized.head.hash },
      l1Number: checkpoint.l1.number,
      checkpoint,
    }
  }

  async sync(callOptions: CallOptions = {}): Promise<DerivationStatus> {
    if (this.#running) {
      throw new SequencerError('the driver is running already', { code: 'DERIVATION_INPUT_INVALID' })
    }
    this.#running = true
    let resets = 0
    try {
      for (;;) {
        callOptions.signal?.throwIfAborted()
        try {
          if (!(await this.#once(callOptions)) && (await this.#isCanonical(callOptions))) break
        } catch (error) {
          // A source that keeps changing its mind must not keep this busy for ever.
          if (++resets > maxResets) throw error
          if (isL2Error(error, 'DERIVATION_RESET')) await this.#goBack(callOptions)
          else if (!(await this.#isOrphaned(callOptions))) throw error
        }
      }
      await this.#finalize(callOptions)
      return this.status
    } finally {
      this.#running = false
    }
  }

  async run(options: DriverRunOptions): Promise<void> {
    const { signal, pollIntervalMs = 1000, onRetry } = options
    while (!signal.aborted) {
      try {
        await this.sync({ signal })
      } catch (error) {
        if (signal.aborted) return
        if (isL2Error(error) && error.recovery === 'abort') throw error
        onRetry?.(error)
      }
      await this.#clock.sleep(pollIntervalMs, signal).catch(() => {})
    }
  }

  /** One exchange with the pipeline; false when L1 has nothing more. */
  async #once(callOptions: CallOptions): Promise<boolean> {
    const output = this.#output ?? this.#pipeline.step()
    if (output.type === 'event') {
      this.#options.onEvent?.(output.event)
      if (output.event.type === 'l1-block-read') this.#remember()
      return true
    }
    // Kept, so that a source that fails now is asked again by the next sync.
    this.#output = output
    const input =
      output.type === 'need' ? await this.#get(output.need, callOptions) : await this.#execute(output, callOptions)
    if (input === undefined) return false
    const { head } = this.#pipeline
    const answered = this.#pipeline.step(input)
    this.#output = answered.type === 'event' ? undefined : answered
    if (answered.type === 'event') this.#options.onEvent?.(answered.event)
    // A span that was taken back leaves the engine on a block that is no longer derived.
    if (input.type === 'refused' && this.#pipeline.head !== head)
      await this.#label(this.#pipeline.head.hash, this.#pipeline.safe.hash, callOptions)
    return true
  }

  #label(head: Hash, safe: Hash, callOptions: CallOptions): Promise<void> {
    return this.#options.engine.setHead({ head, safe, finalized: this.#finalized.head.hash }, callOptions)
  }

  /**
   * Whether L1 is still the chain that was read, asked when it has nothing more. A reorganised L1 may not have grown as far as the old one
   * had: then what it has at the height of a block that was read tells it from a node that lags behind.
   */
  async #isCanonical(callOptions: CallOptions): Promise<boolean> {
    const { l1 } = this.#pipeline
    // Checkpoints can lie far apart; the blocks that were read lie between them.
    const known = new Map([...this.#cache].map(([number, { hash }]) => [number, hash]))
    for (const checkpoint of this.#checkpoints) known.set(checkpoint.l1.number, checkpoint.l1.hash)
    if (l1 !== undefined) known.set(l1.number, l1.hash)
    const newestFirst = [...known].sort(([a], [b]) => (a > b ? -1 : 1))
    for (const [number, hash] of newestFirst) {
      const block = await this.#options.l1.block(number, callOptions)
      if (block === undefined) continue
      if (block.hash === hash) return true
      await this.#goBack(callOptions)
      return false
    }
    return true
  }

  /** Whether what failed was for an L1 block that is no longer there, whose blobs, say, nobody will have: then derivation has gone back. */
  async #isOrphaned(callOptions: CallOptions): Promise<boolean> {
    try {
      return !(await this.#isCanonical(callOptions))
    } catch (error) {
      if (isL2Error(error, 'DERIVATION_START_LOST')) throw error
      // L1 does not answer either.
      return false
    }
  }

  #remember(): void {
    const { checkpoint } = this.#pipeline
    if (checkpoint === this.#checkpoints.at(-1)) return
    this.#checkpoints.push(checkpoint)
    const max = this.#options.maxCheckpoints ?? 256
    if (this.#checkpoints.length > max) this.#checkpoints.splice(0, this.#checkpoints.length - max)
  }

  async #get(need: DerivationNeed, callOptions: CallOptions): Promise<DerivationInput | undefined> {
    const { l1, blobs, commitments } = this.#options
    switch (need.type) {
      case 'l1-block': {
        const cached = need.hash === undefined ? undefined : this.#cache.get(need.number)
        if (cached !== undefined && cached.hash === need.hash) return { type: 'l1-block', block: cached }
        const block = await l1.block(need.number, callOptions)
        if (block === undefined) return undefined
        this.#cache.set(block.number, { ...block, transactions: [] })
        const max = this.#options.maxCachedL1Blocks ?? 512
        for (const number of this.#cache.keys()) {
          if (this.#cache.size <= max) break
          this.#cache.delete(number)
        }
        return { type: 'l1-block', block }
      }
      case 'blobs':
        if (blobs === undefined) throw missing('blobs')
        return { type: 'blobs', blobs: await blobs.getBlobs(need.versionedHashes, need.block, callOptions) }
      case 'commitment':
        if (commitments === undefined) throw missing('commitments')
        return { type: 'commitment', data: await commitments.getCommitted(need.commitment, need.block, callOptions) }
      case 'l2-block':
        return { type: 'l2-block', block: await this.#safeBlock(need.number, callOptions) }
    }
  }

  async #safeBlock(number: bigint, callOptions: CallOptions): Promise<SafeBlock | undefined> {
    const { config, engine } = this.#options
    const block = await engine.block(number, callOptions)
    if (block === undefined) {
      if (number < config.genesis.l2.number) return undefined
      // It is at or below the derived head, so there is such a block. To go on without it would be to judge by what this engine has at hand.
      throw new SequencerError(`the engine cannot name block ${number}, which a batch has to be compared with`, {
        code: 'L2_BLOCK_UNAVAILABLE',
        recovery: 'retry',
        details: { number },
      })
    }
    return { ref: l2BlockRef(block, config), transactions: block.transactions }
  }

  async #execute(
    output: Extract<DerivationOutput, { type: 'attributes' }>,
    callOptions: CallOptions,
  ): Promise<DerivationInput> {
    const { engine, config } = this.#options
    const { parent, attributes, concluding } = output
    const number = parent.number + 1n
    const unsafe = await engine.block('latest', callOptions)
    const known = unsafe === undefined || unsafe.number < number ? undefined : await engine.block(number, callOptions)
    if (known !== undefined && isBlockOfAttributes(known, parent.hash, attributes, config)) {
      // The engine has the block: it gets a label, and what was built upon it stays.
      if (concluding) await this.#label(unsafe!.hash, known.hash, callOptions)
      return { type: 'executed', block: known }
    }
    let block: ExecutedBlock
    try {
      block = await engine.build(parent.hash, attributes, callOptions)
    } catch (error) {
      const isRefusal = this.#options.isRefusal ?? isRefusedBlock
      if (!isRefusal(error)) throw error
      return { type: 'refused' }
    }
    await this.#label(
      known?.hash === block.hash ? unsafe!.hash : block.hash,
      concluding ? block.hash : this.#pipeline.safe.hash,
      callOptions,
    )
    return { type: 'executed', block }
  }

  /** Starts over from the newest checkpoint that L1 still knows. */
  async #goBack(callOptions: CallOptions): Promise<void> {
    const { l1, engine } = this.#options
    const candidates = [...this.#checkpoints].reverse()
    // Derivation that began elsewhere than at the genesis has an engine that may not know what came before.
    const beginning = this.#options.earlier === undefined ? this.#start : genesisCheckpoint(this.#options.config)
    if (candidates.at(-1) !== beginning) candidates.push(beginning)
    for (const to of candidates) {
      if ((await l1.block(to.l1.number, callOptions))?.hash !== to.l1.hash) continue
      const finalized = this.#finalized.head.number > to.head.number ? to : this.#finalized
      const { hash } = to.head
      const head = (await this.#keptUnsafe(to, callOptions)) ?? hash
      // The engine first: when it fails, nothing has changed here, and the next try comes by again.
      await engine.setHead({ head, safe: hash, finalized: finalized.head.hash }, callOptions)
      this.#checkpoints = this.#checkpoints.filter(checkpoint => checkpoint.l1.number < to.l1.number)
      this.#checkpoints.push(to)
      this.#cache.clear()
      this.#output = undefined
      this.#pipeline = createDerivationPipeline({ ...this.#options, start: to })
      this.#finalized = finalized
      this.#options.onEvent?.({ type: 'reset', to })
      return
    }
    throw new SequencerError(`L1 no longer has block ${this.#start.l1.number}, where derivation began`, {
      code: 'DERIVATION_START_LOST',
      details: { number: this.#start.l1.number, hash: this.#start.l1.hash },
    })
  }

  /**
   * The engine's head, if it is an unsafe block that stands on this checkpoint and on an L1 origin that is still there: then it stays, and
   * derivation comes to the same or replaces it. Source: op-node, `FindL2Heads`.
   */
  async #keptUnsafe({ head }: DerivationCheckpoint, callOptions: CallOptions): Promise<Hash | undefined> {
    const { l1, engine, config } = this.#options
    const unsafe = await engine.block('latest', callOptions)
    if (unsafe === undefined || unsafe.number <= this.#pipeline.head.number) return undefined
    if ((await engine.block(head.number, callOptions))?.hash !== head.hash) return undefined
    let l1Origin: L2BlockRef['l1Origin']
    try {
      l1Origin = l2BlockRef(unsafe, config).l1Origin
    } catch {
      // No block that derivation could come to.
      return undefined
    }
    return (await l1.block(l1Origin.number, callOptions))?.hash === l1Origin.hash ? unsafe.hash : undefined
  }

  async #finalize(callOptions: CallOptions): Promise<void> {
    const { l1, engine } = this.#options
    const number = await l1.finalizedNumber?.(callOptions)
    if (number === undefined) return
    const final = this.#checkpoints.filter(checkpoint => checkpoint.l1.number <= number).at(-1)
    if (final === undefined || final.head.number <= this.#finalized.head.number) return
    this.#finalized = final
    // What is final cannot be gone back behind.
    this.#checkpoints = this.#checkpoints.filter(checkpoint => checkpoint.l1.number >= final.l1.number)
    const head = await engine.block('latest', callOptions)
    if (head !== undefined) await this.#label(head.hash, this.#pipeline.safe.hash, callOptions)
  }
}

/** The engine's word that there is no block with these transactions. */
function isRefusedBlock(error: unknown): boolean {
  return isL2Error(error, 'ENGINE_TRANSACTION_INVALID') || isL2Error(error, 'ENGINE_PAYLOAD_INVALID')
}

function missing(option: string): SequencerError {
  return new SequencerError(`the chain needs "${option}", which the driver was not given`, {
    code: 'DERIVATION_INPUT_INVALID',
    details: { option },
  })
}
