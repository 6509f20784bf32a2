import { bytesToHex, isL2Error } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Hash } from 'viem'
import { type ChannelReader, openChannel } from '../channel/batch-stream.js'
import type { ReadyChannel } from '../channel/channel.js'
import { type ChannelBank, type ChannelBankRules, createChannelBank } from '../channel/channel-bank.js'
import { decodeBatcherTransaction, type Frame } from '../channel/frame.js'
import { type ChannelAssembler, createChannelAssembler } from '../channel/frame-queue.js'
import type { Decompressors } from '../compression/compression.js'
import { defaultDecompressors } from '../compression/zlib.js'
import { SequencerError } from '../errors.js'
import { defaultRecovery, type SenderRecovery } from '../transaction/recovery.js'
import { type AttestedData, attestedIn, takeAttested } from './attested-data.js'
import type { IncludedBatch } from './batch-queue.js'
import { decodeBlobPayload } from './blob-payload.js'
import { applyConfigLogs } from './config-changes.js'
import { isForkActive } from './fork-schedule.js'
import { type L1Block, type L1BlockRef, l1BlockRef } from './l1.js'
import { readInboxTransaction } from './l1-transaction.js'
import { mismatch, unasked } from './pipeline-errors.js'
import type { DerivationEvent, DerivationInput, DerivationNeed, IsBatcher } from './pipeline-types.js'
import {
  altDaRules,
  channelTimeoutBlocks,
  checkRollupConfig,
  maxChannelBankBytes,
  maxRlpBytesAt,
  type RollupConfig,
} from './rollup-config.js'
import type { SystemConfig } from './system-config.js'
import { sameHex, unhex } from './words.js'

/** Options of {@link createChannelStage}. */
export type ChannelStageOptions = {
  readonly config: RollupConfig
  /** As of the L1 block before the first that is entered. Default: that of the chain's genesis. */
  readonly systemConfig?: SystemConfig | undefined
  /** Who may post batches; see {@link DerivationOptions.isBatcher}. Default: the system config's batcher. */
  readonly isBatcher?: IsBatcher | undefined
  /** Signature recovery of batcher transactions. Default noble. */
  readonly recovery?: SenderRecovery | undefined
  /** Believe the `from` of L1 transactions instead of recovering it. Default false. */
  readonly trustSenders?: boolean | undefined
  /** Default zlib in JavaScript; a chain with brotli channels needs a brotli port. */
  readonly decompressors?: Decompressors | undefined
  /** Whose reading counts where op-node and kona differ, see {@link ChannelStreamOptions.rules}. Default `op-node`. */
  readonly rules?: 'op-node' | 'kona' | undefined
  /** Told of what does not count and of channels, in order; called synchronously and must not throw. */
  readonly onEvent?: ((event: DerivationEvent) => void) | undefined
}

/** What the channel stage asks for. */
export type ChannelStageNeed = Extract<DerivationNeed, { type: 'blobs' | 'commitment' }>

/** What {@link ChannelStage.next} comes back with. */
export type ChannelStageOutput =
  /** The next batch. Whether it counts is for the chain to say, see {@link createBatchStage}. */
  | { readonly type: 'batch'; readonly included: IncludedBatch }
  /** {@link ChannelStage.answer} it. */
  | { readonly type: 'need'; readonly need: ChannelStageNeed }
  /** One step was done, and no batch came of it: call again. */
  | { readonly type: 'progress' }
  /** Everything in this L1 block was read: enter the next. */
  | { readonly type: 'drained' }

/** The first half of derivation: from L1 blocks to the batches in them. */
export interface ChannelStage {
  /**
   * Begins with an L1 block, the one after the last: its config logs decide who may post, and its inbox transactions are taken. An error changes
   * nothing.
   *
   * @param passOver keeps frames and passes over the channels that complete in this block: their batches are known
   */
  enter(block: L1Block, passOver?: boolean): void
  next(): ChannelStageOutput
  /** @throws SequencerError `DERIVATION_INPUT_INVALID`, which changes nothing */
  answer(input: Extract<DerivationInput, { type: 'blobs' | 'commitment' }>): void
  /** Leaves out the rest of the channel that is being read: from Holocene on, one invalid batch condemns what is behind it. */
  flush(): void
  /** As of the L1 block that was entered last. */
  readonly systemConfig: SystemConfig
  /** Channels of which frames are held. */
  readonly openChannels: number
  /** Data that are attested and not on L1 yet; none where no committee is asked. */
  readonly attestedAhead: number
}

type Source = { type: 'data'; data: Uint8Array } | { type: 'blobs'; hashes: readonly Hash[] }

/**
 * Reads the batches of a chain from its L1, without the chain: batcher transactions → frames → channels → batches, with the rules of each
 * upgrade. It does no I/O and knows nothing of L2, so it is what an explorer of batches or a watcher of a batcher needs: it runs no engine.
 * Some of what it reads does not count (batches twice, too late, of another parent): {@link createBatchStage} judges.
 *
 * Memory is bounded by what the protocol lets stay open: the channel bank's limit, and one decompressed channel. Source: OP specs, "L2 chain
 * derivation", and op-node.
 *
 * @throws SequencerError `ROLLUP_CONFIG_INVALID`
 *
 * @example
 * ```ts
 * import { encodeBatcherTransaction, toSingularBatch } from '@l2/sequencer-core/batch'
 * import { createChannelStage } from '@l2/sequencer-core/derivation'
 * import * as simulated from '@l2/sequencer-core/testing'
 *
 * const config = simulated.simulatedRollup()
 * const l1 = simulated.createL1Simulator({ config }) // of a real chain: createRpcL1Source
 * const sequencer = simulated.createSequencerSimulator({ config, l1 })
 * const posted = [toSingularBatch(sequencer.build()!.batch)]
 * const channelId = `0x${'01'.repeat(16)}` as const
 * l1.post(encodeBatcherTransaction(simulated.framesOfBatches(posted, { config, channelId })))
 * l1.mine()
 *
 * const stage = createChannelStage({ config })
 * for (let number = config.genesis.l1.number + 1n; number <= l1.head.number; number++) {
 *   stage.enter(l1.block(number)!)
 *   for (let output = stage.next(); output.type !== 'drained'; output = stage.next()) {
 *     if (output.type === 'need') throw new Error('blobs: none on this L1')
 *     if (output.type === 'batch') console.log(output.included.batch.type) // singular
 *   }
 * }
 * ```
 */
export function createChannelStage(options: ChannelStageOptions): ChannelStage {
  return new Stage(options)
}

class Stage implements ChannelStage {
  readonly #config: RollupConfig
  readonly #isBatcher: IsBatcher
  readonly #recovery: SenderRecovery
  readonly #trustSenders: boolean
  readonly #decompressors: Decompressors
  readonly #rules: 'op-node' | 'kona'
  readonly #emit: (event: DerivationEvent) => void
  #systemConfig: SystemConfig
  #l1: L1BlockRef | undefined
  #passOver = false
  #attested: AttestedData = new Map()
  #sources: Source[] = []
  #need: ChannelStageNeed | undefined
  #holocene = false
  #bank: ChannelBank = createChannelBank()
  readonly #assembler: ChannelAssembler = createChannelAssembler()
  #frames: readonly Frame[] = []
  #nextFrame = 0
  #reader: ChannelReader | undefined

  constructor(options: ChannelStageOptions) {
    this.#config = checkRollupConfig(options.config)
    this.#isBatcher = options.isBatcher ?? ((sender, _, systemConfig) => sameHex(sender, systemConfig.batcher))
    this.#recovery = options.recovery ?? defaultRecovery
    this.#trustSenders = options.trustSenders ?? false
    this.#decompressors = options.decompressors ?? defaultDecompressors
    this.#rules = options.rules ?? 'op-node'
    this.#emit = options.onEvent ?? (() => {})
    this.#systemConfig = options.systemConfig ?? options.config.genesis.systemConfig
  }

  get systemConfig(): SystemConfig {
    return this.#systemConfig
  }

  get openChannels(): number {
    return this.#holocene
      ? this.#assembler.queued + (this.#assembler.staged === undefined ? 0 : 1)
      : this.#bank.channelCount
  }

  get attestedAhead(): number {
    return this.#attested.size
  }

  enter(block: L1Block, passOver = false): void {
    const events: DerivationEvent[] = []
    const systemConfig = applyConfigLogs(this.#systemConfig, block.logs, this.#config, block.timestamp, error =>
      events.push({ type: 'config-log-skipped', error }),
    )
    const l1 = l1BlockRef(block)
    const attested = attestedIn(this.#attested, block, this.#config)
    const sources = this.#sourcesOf(block, l1, systemConfig, attested, events)
    if (!this.#holocene && isForkActive(this.#config.forks, 'holocene', block.timestamp)) {
      // Everything half done before Holocene is dropped: partially submitted channels have to be sent again.
      this.#bank = createChannelBank()
      this.#holocene = true
    }
    this.#l1 = l1
    this.#passOver = passOver
    this.#systemConfig = systemConfig
    this.#attested = attested
    this.#sources = sources
    for (const event of events) this.#emit(event)
  }

  /** The batcher's transactions of a block, in order. */
  #sourcesOf(
    block: L1Block,
    l1: L1BlockRef,
    systemConfig: SystemConfig,
    attested: Map<Hash, bigint>,
    events: DerivationEvent[],
  ): Source[] {
    const sources: Source[] = []
    for (const { raw, from } of block.transactions) {
      const transaction = readInboxTransaction(raw, this.#config.l1ChainId)
      if (transaction?.to === undefined || !sameHex(transaction.to, this.#config.batchInbox)) continue
      const sender = this.#trustSenders && from !== undefined ? from : transaction.sender(this.#recovery)
      const reason = sender === undefined ? 'malformed' : 'not-batcher'
      if (sender === undefined || !this.#isBatcher(sender, l1, systemConfig)) {
        events.push({ type: 'transaction-ignored', reason })
      } else if (this.#config.committee !== undefined && !takeAttested(attested, transaction)) {
        events.push({ type: 'transaction-ignored', reason: 'not-attested' })
      } else if (transaction.blobVersionedHashes === undefined) {
        sources.push({ type: 'data', data: transaction.data })
      } else if (transaction.blobVersionedHashes.length > 0) {
        sources.push({ type: 'blobs', hashes: transaction.blobVersionedHashes })
      }
    }
    return sources
  }

  /** In the order of op-node's pull: reader, complete channels, frames, data. */
  next(): ChannelStageOutput {
    if (this.#need !== undefined) return { type: 'need', need: this.#need }
    const l1 = this.#l1
    if (l1 === undefined) return { type: 'drained' }
    if (this.#reader !== undefined) return this.#nextBatch(this.#reader, l1)
    const channel = this.#readyChannel(l1)
    if (channel !== undefined) {
      if (!this.#passOver) this.#open(channel, l1)
      return { type: 'progress' }
    }
    if (this.#nextFrame < this.#frames.length) {
      const frame = this.#frames[this.#nextFrame++]!
      const reason = this.#bank.add(frame, l1.number, this.#bankRules(l1))
      if (reason !== undefined) {
        const { channelId, frameNumber } = frame
        this.#emit({ type: 'frame-ignored', channelId, frameNumber, reason })
      }
      return { type: 'progress' }
    }
    this.#frames = []
    this.#nextFrame = 0
    const source = this.#sources.shift()
    if (source === undefined) return { type: 'drained' }
    if (source.type === 'data') this.#takeData(source.data, l1, true)
    else this.#need = { type: 'blobs', block: l1, versionedHashes: source.hashes }
    return this.#need === undefined ? { type: 'progress' } : { type: 'need', need: this.#need }
  }

  #nextBatch(reader: ChannelReader, l1: L1BlockRef): ChannelStageOutput {
    const batch = reader.next()
    if (batch === undefined) {
      this.#emit({ type: 'channel-end', reason: reader.end?.type ?? 'end' })
      this.#reader = undefined
      return { type: 'progress' }
    }
    if (batch.type === 'span' && !isForkActive(this.#config.forks, 'delta', l1.timestamp)) {
      this.#emit({ type: 'batch', batchType: 'span', verdict: 'drop', reason: 'span-before-delta' })
      return { type: 'progress' }
    }
    return { type: 'batch', included: { batch, inclusion: l1 } }
  }

  #readyChannel({ number, timestamp }: L1BlockRef): ReadyChannel | undefined {
    if (!this.#holocene) return this.#bank.read(number, this.#bankRules({ timestamp }))
    return this.#assembler.next(number, {
      channelTimeoutBlocks: channelTimeoutBlocks(this.#config, timestamp),
      maxChannelBytes: maxRlpBytesAt(this.#config, timestamp),
    })
  }

  #bankRules({ timestamp }: { timestamp: bigint }): ChannelBankRules {
    return {
      channelTimeoutBlocks: channelTimeoutBlocks(this.#config, timestamp),
      maxBankBytes: maxChannelBankBytes(this.#config, timestamp),
      readAnyReady: isForkActive(this.#config.forks, 'canyon', timestamp),
    }
  }

  #open({ channelId, data, openedAtBlock }: ReadyChannel, l1: L1BlockRef): void {
    this.#reader = openChannel(data, {
      chainId: this.#config.l2ChainId,
      maxRlpBytes: maxRlpBytesAt(this.#config, l1.timestamp),
      allowBrotli: isForkActive(this.#config.forks, 'fjord', l1.timestamp),
      decompressors: this.#decompressors,
      rules: this.#rules,
      onDropped: () => {
        this.#emit({ type: 'batch', batchType: 'span', verdict: 'drop', reason: 'span-underivable' })
      },
    })
    this.#emit({ type: 'channel', channelId, bytes: data.length, openedAtBlock })
  }

  flush(): void {
    if (this.#reader === undefined) return
    this.#reader = undefined
    this.#emit({ type: 'channel-end', reason: 'flushed' })
  }

  answer(input: Parameters<ChannelStage['answer']>[0]): void {
    const need = this.#need
    if (need?.type === 'blobs' && input.type === 'blobs') this.#takeBlobs(need.versionedHashes.length, input.blobs)
    else if (need?.type === 'commitment' && input.type === 'commitment') this.#takeCommitted(need, input.data)
    else throw unasked(input.type, need?.type ?? 'nothing')
  }

  #takeBlobs(count: number, blobs: readonly Uint8Array[]): void {
    if (blobs.length !== count) throw mismatch('blobs', count, blobs.length)
    const sources: Source[] = []
    for (const blob of blobs) {
      const data = decodeBlobPayload(blob)
      if (data === undefined) this.#emit({ type: 'transaction-ignored', reason: 'blob-malformed' })
      else sources.push({ type: 'data', data })
    }
    this.#sources.unshift(...sources)
    this.#need = undefined
  }

  #takeCommitted(need: Extract<ChannelStageNeed, { type: 'commitment' }>, data: Uint8Array | undefined): void {
    const commitment = unhex(need.commitment)
    const byKeccak = commitment[0] === 0
    if (data !== undefined && byKeccak) {
      const hash = keccak256(data)
      if (commitment.length !== 33 || hash.some((byte, i) => byte !== commitment[i + 1])) {
        throw new SequencerError('the data are not what the commitment says', {
          code: 'DERIVATION_INPUT_INVALID',
          recovery: 'retry',
          details: { commitment: need.commitment, bytes: data.length },
        })
      }
    }
    this.#need = undefined
    if (data === undefined || (byKeccak && data.length > altDaRules(this.#config).maxInputBytes)) {
      this.#emit({ type: 'transaction-ignored', reason: 'commitment-skipped' })
    } else {
      this.#takeData(data, need.block, false)
    }
  }

  #takeData(data: Uint8Array, l1: L1BlockRef, mayPoint: boolean): void {
    try {
      const decoded = decodeBatcherTransaction(data)
      if (decoded.version === 0) {
        if (this.#holocene) this.#assembler.enqueue(decoded.frames)
        else {
          this.#frames = decoded.frames
          this.#nextFrame = 0
        }
        return
      }
      if (mayPoint && this.#isCommitment(decoded.commitment)) {
        this.#need = { type: 'commitment', block: l1, commitment: bytesToHex(decoded.commitment) }
        return
      }
    } catch (error) {
      if (!isL2Error(error, 'BATCHER_TRANSACTION_INVALID')) throw error
    }
    this.#emit({ type: 'transaction-ignored', reason: 'data-malformed' })
  }

  /** Type 0: a keccak hash; type 1: a layer's byte and whatever that layer says. The chain may take only one of them. */
  #isCommitment(commitment: Uint8Array): boolean {
    const type = commitment[0]
    if (type === undefined || !altDaRules(this.#config).types.includes(type)) return false
    return type === 0 ? commitment.length === 33 : commitment.length >= 2
  }
}
