import { bytesToHex, isL2Error } from '@l2/common'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Address, Hash, Hex } from 'viem'
import type { SingularBatch } from '../batch/types.js'
import { type ChannelReader, openChannel } from '../channel/batch-stream.js'
import type { FrameRefusal, ReadyChannel } from '../channel/channel.js'
import { type ChannelBank, type ChannelBankRules, createChannelBank } from '../channel/channel-bank.js'
import { decodeBatcherTransaction, type Frame } from '../channel/frame.js'
import { type ChannelAssembler, createChannelAssembler } from '../channel/frame-queue.js'
import type { Decompressors } from '../compression/compression.js'
import { defaultDecompressors } from '../compression/zlib.js'
import type { PayloadAttributes } from '../engine/engine.js'
import { SequencerError } from '../errors.js'
import { nobleRecovery, type SenderRecovery } from '../transaction/recovery.js'
import { type BuiltAttributes, buildAttributes, depositsOnly } from './attributes.js'
import type { BatchReason, BatchVerdict, SafeBlock } from './batch-check.js'
import { BatchQueue, createJudge, type IncludedBatch, type Judgement, type OpenSpan } from './batch-queue.js'
import { decodeBlobPayload } from './blob-payload.js'
import type { DerivationCheckpoint } from './checkpoint.js'
import { isForkActive } from './fork-schedule.js'
import type { L1Block, L1BlockRef, L1Header, L1Transaction } from './l1.js'
import { readInboxTransaction } from './l1-transaction.js'
import type { L2BlockRef } from './l2.js'
import {
  altDaRules,
  type BlockId,
  channelTimeoutBlocks,
  checkRollupConfig,
  maxChannelBankBytes,
  maxRlpBytesAt,
  type RollupConfig,
} from './rollup-config.js'
import { applyConfigLogs, configCarriedByBlock, type SystemConfig } from './system-config.js'
import type { UpgradeTransactions } from './upgrade-transactions.js'
import { sameHex, unhex } from './words.js'

/** Who may post batches. The default is the OP Stack's rule: the one account that the system config names. */
export type IsBatcher = (sender: Address, l1Block: L1BlockRef, systemConfig: SystemConfig) => boolean

/** Options of {@link createDerivationPipeline}. */
export type DerivationOptions = {
  readonly config: RollupConfig
  /** Where to begin, for a new chain `genesisCheckpoint(config)`. */
  readonly start: DerivationCheckpoint
  /**
   * Whether an account may post batches in an L1 block. Must be a pure function of its arguments and of L1 up to that block, or nodes will
   * disagree. Default: the system config's batcher.
   */
  readonly isBatcher?: IsBatcher | undefined
  /** Signature recovery of batcher transactions. Default noble. */
  readonly recovery?: SenderRecovery | undefined
  /** Believe the `from` of L1 transactions instead of recovering it: for an L1 node of one's own. Default false. */
  readonly trustSenders?: boolean | undefined
  /** Default zlib in JavaScript; a chain with brotli channels needs a brotli port. */
  readonly decompressors?: Decompressors | undefined
  readonly upgradeTransactions?: UpgradeTransactions | undefined
}

/** What the pipeline cannot go on without. */
export type DerivationNeed =
  /** The canonical L1 block of this number; with a hash, exactly that one. Answer when it exists. */
  | { readonly kind: 'l1-block'; readonly number: bigint; readonly hash: Hash | undefined }
  /** The blobs of one transaction of an L1 block, in this order. */
  | { readonly kind: 'blobs'; readonly block: L1BlockRef; readonly versionedHashes: readonly Hash[] }
  /** What an alt-DA server keeps under a commitment (type byte first). */
  | { readonly kind: 'commitment'; readonly block: L1BlockRef; readonly commitment: Hex }
  /** A block of the derived chain, at or below the head. The answer `undefined` is for good: ask again rather than give it. */
  | { readonly kind: 'l2-block'; readonly number: bigint }

/** The answer to what {@link DerivationPipeline.step} returned last. */
export type DerivationInput =
  | { readonly kind: 'l1-block'; readonly block: L1Block }
  /** 131 072 bytes each; checking them against their versioned hashes is the caller's. */
  | { readonly kind: 'blobs'; readonly blobs: readonly Uint8Array[] }
  /** `undefined`: it is certain that nobody has to have it, which the chain's challenge contract decides. */
  | { readonly kind: 'commitment'; readonly data: Uint8Array | undefined }
  | { readonly kind: 'l2-block'; readonly block: SafeBlock | undefined }
  /** The engine built the attributes. */
  | { readonly kind: 'executed'; readonly block: ExecutedRef }
  /** The engine says that no such block can be. Not for "could not now": then ask it again. */
  | { readonly kind: 'refused' }

/** The part of an executed block that derivation reads. */
export type ExecutedRef = {
  readonly number: bigint
  readonly hash: Hash
  readonly parentHash: Hash
  readonly timestamp: bigint
}

/** Something worth knowing that asks for no answer. */
export type DerivationEvent =
  /** A transaction to the inbox that does not count. */
  | {
      readonly kind: 'transaction-ignored'
      readonly reason: 'malformed' | 'not-batcher' | 'data-malformed' | 'blob-malformed' | 'commitment-skipped'
    }
  | {
      readonly kind: 'frame-ignored'
      readonly channelId: Hex
      readonly frameNumber: number
      readonly reason: FrameRefusal
    }
  /** All frames of a channel are there. */
  | { readonly kind: 'channel'; readonly channelId: Hex; readonly bytes: number; readonly openedAt: bigint }
  /** A channel has no further batch. `flushed`: an invalid batch condemned what was left of it. */
  | { readonly kind: 'channel-end'; readonly reason: 'end' | 'unusable' | 'invalid' | 'flushed' }
  /** A batch was not accepted. */
  | {
      readonly kind: 'batch'
      readonly type: 'singular' | 'span'
      readonly verdict: Exclude<BatchVerdict['verdict'], 'accept'>
      readonly reason: BatchReason
    }
  /** A block was derived. */
  | { readonly kind: 'block'; readonly block: L2BlockRef; readonly derivedFrom: L1BlockRef }
  /** A span batch turned out invalid when it was executed, before Holocene: its blocks are taken back. */
  | { readonly kind: 'reverted'; readonly to: L2BlockRef }
  /** The engine refused a block; from Holocene on one of deposits takes its place. */
  | { readonly kind: 'block-refused'; readonly parent: L2BlockRef }
  /** A `ConfigUpdate` log that cannot be read was skipped. */
  | { readonly kind: 'config-log-skipped'; readonly error: SequencerError }
  /** Everything in this L1 block is accounted for. */
  | { readonly kind: 'l1-block-read'; readonly block: L1BlockRef }

/** What {@link DerivationPipeline.step} comes back with. */
export type DerivationOutput =
  | { readonly kind: 'need'; readonly need: DerivationNeed }
  /** Build this on `parent`, and answer `executed` or `refused`. */
  | {
      readonly kind: 'attributes'
      readonly parent: L2BlockRef
      readonly attributes: PayloadAttributes
      readonly origin: BlockId
      readonly sequenceNumber: bigint
      /** Whether this replaces a block that the engine refused. */
      readonly depositsOnly: boolean
      /** Whether the block is safe once it is built; before Holocene only a span's last block is. */
      readonly concluding: boolean
      /** The L1 block that was being read. */
      readonly derivedFrom: L1BlockRef
    }
  | { readonly kind: 'event'; readonly event: DerivationEvent }

/**
 * Derives a rollup from L1, without I/O: it says what it needs, and is given it.
 *
 * `step()` without an answer repeats the question. An answer that does not fit is an error and changes nothing. After `DERIVATION_RESET`
 * (L1 is another chain now) the pipeline is of no more use: make a new one from a checkpoint whose `l1` is still canonical.
 */
export interface DerivationPipeline {
  step(input?: DerivationInput): DerivationOutput
  /** The last derived block. */
  readonly head: L2BlockRef
  /** The last derived block that no invalid span can take back; the same as `head` from Holocene on. */
  readonly safe: L2BlockRef
  /** The L1 block being read. */
  readonly l1: L1BlockRef | undefined
  /** The last place from which to go on later; a new one may be there after each `l1-block-read`. */
  readonly checkpoint: DerivationCheckpoint
  /** How much is held, for watching memory: L1 headers, bytes of open channels, batches waiting. */
  readonly held: { readonly l1Headers: number; readonly openChannels: number; readonly batches: number }
}

type Batch = {
  epoch: L1Header
  timestamp: bigint
  transactions: readonly Uint8Array[]
  concluding: boolean
  parent: L2BlockRef
}
type Source = { kind: 'data'; data: Uint8Array } | { kind: 'blobs'; hashes: readonly Hash[] }
type Waiting = Exclude<DerivationOutput, { kind: 'event' }>
/** Did something, or there is nothing more to do in this L1 block. */
type Progress = 'progress' | 'drained'

/**
 * The derivation pipeline: L1 blocks → batcher transactions → frames → channels → batches → payload attributes → L2 blocks.
 * Source: OP specs, "L2 chain derivation", through Jovian; where the specification is silent or op-node differs, as op-node does.
 *
 * Memory is bounded by what the protocol lets stay open: one header per L1 block of a sequencing window, the channel bank's limit, and one
 * decompressed channel. The L1 it is fed is believed: hashes chain, contents are the feeder's.
 *
 * @throws SequencerError `ROLLUP_CONFIG_INVALID`
 *
 * @example
 * ```ts
 * import { createDerivationPipeline, genesisCheckpoint, rollupPresets } from '@l2/sequencer-core'
 *
 * const config = rollupPresets.opMainnet
 * const pipeline = createDerivationPipeline({ config, start: genesisCheckpoint(config) })
 * const output = pipeline.step()
 * console.log(output.kind === 'need' && output.need.kind) // l1-block
 * ```
 */
export function createDerivationPipeline(options: DerivationOptions): DerivationPipeline {
  return new Pipeline(options)
}

class Pipeline implements DerivationPipeline {
  readonly #config: RollupConfig
  readonly #isBatcher: IsBatcher
  readonly #recovery: SenderRecovery
  readonly #trustSenders: boolean
  readonly #decompressors: Decompressors
  readonly #upgrades: UpgradeTransactions
  readonly #start: DerivationCheckpoint

  readonly #events: DerivationEvent[] = []
  #nextEvent = 0
  #waiting: Waiting | undefined
  /** What an L1 block that was asked for is for. */
  #l1Purpose: 'read' | 'origin' = 'read'

  // L1 traversal
  #l1: L1Header | undefined
  #batcherConfig: SystemConfig
  #sources: Source[] = []
  // Channels
  #holocene = false
  #bank: ChannelBank = createChannelBank()
  #assembler: ChannelAssembler = createChannelAssembler()
  #frames: readonly Frame[] = []
  #nextFrame = 0
  #reader: ChannelReader | undefined
  // Batches
  #window: L1Header[] = []
  readonly #queue: BatchQueue
  #candidate: { included: IncludedBatch; judge: ReturnType<typeof createJudge> } | undefined
  #span: OpenSpan | undefined
  readonly #l2Blocks = new Map<bigint, SafeBlock | undefined>()
  // Attributes and heads
  #batch: Batch | undefined
  #built: BuiltAttributes | undefined
  #depositsOnly = false
  #head: L2BlockRef
  #headConfig: SystemConfig
  #safe: L2BlockRef
  #safeConfig: SystemConfig
  #warm: DerivationCheckpoint['warm']
  #checkpoint: DerivationCheckpoint

  constructor(options: DerivationOptions) {
    this.#config = checkRollupConfig(options.config)
    this.#isBatcher = options.isBatcher ?? ((sender, _, systemConfig) => sameHex(sender, systemConfig.batcher))
    this.#recovery = options.recovery ?? nobleRecovery
    this.#trustSenders = options.trustSenders ?? false
    this.#decompressors = options.decompressors ?? defaultDecompressors
    this.#upgrades = options.upgradeTransactions ?? {}
    const { start } = options
    this.#start = start
    this.#queue = new BatchQueue(this.#config)
    this.#head = start.head
    this.#safe = start.head
    this.#headConfig = start.systemConfig
    this.#safeConfig = start.systemConfig
    this.#batcherConfig = start.warm.systemConfig
    this.#warm = start.warm
    this.#checkpoint = start
  }

  get head(): L2BlockRef {
    return this.#head
  }
  get safe(): L2BlockRef {
    return this.#safe
  }
  get l1(): L1BlockRef | undefined {
    return this.#l1
  }
  get checkpoint(): DerivationCheckpoint {
    return this.#checkpoint
  }
  get held(): { l1Headers: number; openChannels: number; batches: number } {
    return {
      l1Headers: this.#window.length,
      openChannels: this.#openChannels,
      batches: this.#queue.length,
    }
  }

  step(input?: DerivationInput): DerivationOutput {
    if (input !== undefined) this.#answer(input)
    for (;;) {
      if (this.#nextEvent < this.#events.length) {
        return { kind: 'event', event: this.#events[this.#nextEvent++]! }
      }
      this.#events.length = 0
      this.#nextEvent = 0
      if (this.#waiting !== undefined) return this.#waiting
      this.#advance()
    }
  }

  // ── answers ──

  #answer(input: DerivationInput): void {
    const waiting = this.#nextEvent < this.#events.length ? undefined : this.#waiting
    if (waiting === undefined) throw unasked(input.kind, 'nothing')
    const wanted = waiting.kind === 'need' ? waiting.need.kind : 'executed'
    if (input.kind !== wanted && !(wanted === 'executed' && input.kind === 'refused')) throw unasked(input.kind, wanted)
    switch (input.kind) {
      case 'l1-block':
        if (this.#l1Purpose === 'read') this.#enterL1(input.block)
        else this.#buildWith(input.block)
        break
      case 'blobs':
        this.#takeBlobs(waiting, input.blobs)
        break
      case 'commitment':
        this.#takeCommitted(waiting, input.data)
        break
      case 'l2-block':
        this.#takeL2Block(waiting, input.block)
        break
      case 'executed':
        this.#takeExecuted(input.block)
        break
      case 'refused':
        this.#takeRefusal()
        break
    }
  }

  // ── L1 traversal ──

  get #firstL1(): bigint {
    const { head, warm } = this.#start
    const afterWarm = warm.after.number + 1n
    return head.l1Origin.number < afterWarm ? head.l1Origin.number : afterWarm
  }

  #askForL1(): void {
    this.#l1Purpose = 'read'
    const number = this.#l1 === undefined ? this.#firstL1 : this.#l1.number + 1n
    this.#waiting = { kind: 'need', need: { kind: 'l1-block', number, hash: undefined } }
  }

  #enterL1(block: L1Block): void {
    const wanted = this.#l1 === undefined ? this.#firstL1 : this.#l1.number + 1n
    if (block.number !== wanted) throw mismatch('L1 block', wanted, block.number)
    if (this.#l1 !== undefined && !sameHex(block.parentHash, this.#l1.hash)) throw reorg(this.#l1, block)
    const { head, l1, warm } = this.#start
    for (const known of [head.l1Origin, l1, warm.after]) {
      if (known.number === block.number && !sameHex(known.hash, block.hash)) throw reorg(known, block)
    }
    const { transactions, logs, ...header } = block
    const unread = block.number > warm.after.number
    const events: DerivationEvent[] = []
    const batcherConfig = unread
      ? applyConfigLogs(this.#batcherConfig, logs, this.#config, block.timestamp, error =>
          events.push({ kind: 'config-log-skipped', error }),
        )
      : this.#batcherConfig
    const sources = unread ? this.#sourcesOf(transactions, header, batcherConfig, events) : []
    if (!this.#holocene && isForkActive(this.#config.forks, 'holocene', block.timestamp)) {
      // Everything half done before Holocene is dropped: partially submitted channels have to be sent again.
      this.#bank = createChannelBank()
      this.#queue.clear()
      this.#span = undefined
      this.#holocene = true
    }
    this.#l1 = header
    this.#batcherConfig = batcherConfig
    this.#sources = sources
    this.#waiting = undefined
    this.#events.push(...events)
    if (block.number >= head.l1Origin.number) this.#window.push(header)
  }

  /** The batcher's transactions of a block, in order. */
  #sourcesOf(
    transactions: readonly L1Transaction[],
    block: L1BlockRef,
    systemConfig: SystemConfig,
    events: DerivationEvent[],
  ): Source[] {
    const sources: Source[] = []
    for (const { raw, from } of transactions) {
      const transaction = readInboxTransaction(raw, this.#config.l1ChainId)
      if (transaction?.to === undefined || !sameHex(transaction.to, this.#config.batchInbox)) continue
      const sender = this.#trustSenders && from !== undefined ? from : transaction.sender(this.#recovery)
      const reason = sender === undefined ? 'malformed' : 'not-batcher'
      if (sender === undefined || !this.#isBatcher(sender, block, systemConfig)) {
        events.push({ kind: 'transaction-ignored', reason })
      } else if (transaction.blobVersionedHashes === undefined) {
        sources.push({ kind: 'data', data: transaction.data })
      } else if (transaction.blobVersionedHashes.length > 0) {
        sources.push({ kind: 'blobs', hashes: transaction.blobVersionedHashes })
      }
    }
    return sources
  }

  /** What was read before the checkpoint was taken completes no new batch. */
  get #warming(): boolean {
    return this.#l1!.number <= this.#start.l1.number
  }

  #l1Read(): void {
    const l1 = this.#l1!
    if (this.#openChannels === 0 && l1.number >= this.#warm.after.number) {
      this.#warm = { after: { number: l1.number, hash: l1.hash }, systemConfig: this.#batcherConfig }
    }
    if (!this.#warming) {
      if (this.#queue.length === 0 && this.#head === this.#safe) {
        this.#checkpoint = {
          l1: { number: l1.number, hash: l1.hash },
          head: this.#head,
          systemConfig: this.#headConfig,
          warm: this.#warm,
        }
      }
      this.#events.push({ kind: 'l1-block-read', block: reference(l1) })
    }
    this.#askForL1()
  }

  // ── data → frames → channels ──

  get #openChannels(): number {
    return this.#holocene
      ? this.#assembler.queued + (this.#assembler.staged === undefined ? 0 : 1)
      : this.#bank.channelCount
  }

  #takeBlobs(waiting: Waiting, blobs: readonly Uint8Array[]): void {
    const need = (waiting as { need: Extract<DerivationNeed, { kind: 'blobs' }> }).need
    if (blobs.length !== need.versionedHashes.length) throw mismatch('blobs', need.versionedHashes.length, blobs.length)
    const sources: Source[] = []
    for (const blob of blobs) {
      const data = decodeBlobPayload(blob)
      if (data === undefined) this.#events.push({ kind: 'transaction-ignored', reason: 'blob-malformed' })
      else sources.push({ kind: 'data', data })
    }
    this.#sources.unshift(...sources)
    this.#waiting = undefined
  }

  #takeCommitted(waiting: Waiting, data: Uint8Array | undefined): void {
    const need = (waiting as { need: Extract<DerivationNeed, { kind: 'commitment' }> }).need
    const commitment = unhex(need.commitment)
    const byKeccak = commitment[0] === 0
    if (data !== undefined && byKeccak) {
      const hash = keccak_256(data)
      if (commitment.length !== 33 || hash.some((byte, i) => byte !== commitment[i + 1])) {
        throw new SequencerError('the data are not what the commitment says', {
          code: 'DERIVATION_INPUT_INVALID',
          recovery: 'retry',
          details: { commitment: need.commitment, bytes: data.length },
        })
      }
    }
    this.#waiting = undefined
    if (data === undefined || (byKeccak && data.length > altDaRules(this.#config).maxInputBytes)) {
      this.#events.push({ kind: 'transaction-ignored', reason: 'commitment-skipped' })
    } else {
      this.#takeData(data, false)
    }
  }

  #takeData(data: Uint8Array, mayPoint: boolean): void {
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
        const commitment = bytesToHex(decoded.commitment)
        this.#waiting = { kind: 'need', need: { kind: 'commitment', block: reference(this.#l1!), commitment } }
        return
      }
    } catch (error) {
      if (!isL2Error(error, 'BATCHER_TRANSACTION_INVALID')) throw error
    }
    this.#events.push({ kind: 'transaction-ignored', reason: 'data-malformed' })
  }

  /** Type 0: a keccak hash; type 1: a layer's byte and whatever that layer says. The chain may take only one of them. */
  #isCommitment(commitment: Uint8Array): boolean {
    const type = commitment[0]
    if (type === undefined || !altDaRules(this.#config).types.includes(type)) return false
    return type === 0 ? commitment.length === 33 : commitment.length >= 2
  }

  #bankRules(): ChannelBankRules {
    const time = this.#l1!.timestamp
    return {
      channelTimeoutBlocks: channelTimeoutBlocks(this.#config, time),
      maxBankBytes: maxChannelBankBytes(this.#config, time),
      readAnyReady: isForkActive(this.#config.forks, 'canyon', time),
    }
  }

  #readChannel(): ReadyChannel | undefined {
    const { number, timestamp } = this.#l1!
    if (!this.#holocene) return this.#bank.read(number, this.#bankRules())
    return this.#assembler.next(number, {
      channelTimeoutBlocks: channelTimeoutBlocks(this.#config, timestamp),
      maxChannelBytes: maxRlpBytesAt(this.#config, timestamp),
    })
  }

  /** The next batch of the L1 block being read, in the order of op-node's pull: reader, complete channels, frames, data. */
  #pullBatch(): IncludedBatch | Progress {
    const l1 = this.#l1!
    if (this.#reader !== undefined) {
      const batch = this.#reader.next()
      if (batch === undefined) {
        this.#events.push({ kind: 'channel-end', reason: this.#reader.end?.kind ?? 'end' })
        this.#reader = undefined
        return 'progress'
      }
      if (batch.type === 'span' && !isForkActive(this.#config.forks, 'delta', l1.timestamp)) {
        this.#events.push({ kind: 'batch', type: 'span', verdict: 'drop', reason: 'span-before-delta' })
        return 'progress'
      }
      return { batch, inclusion: reference(l1) }
    }
    const channel = this.#readChannel()
    if (channel !== undefined) {
      const { channelId, data, openedAt } = channel
      if (this.#warming) return 'progress'
      this.#reader = openChannel(data, {
        chainId: this.#config.l2ChainId,
        maxRlpBytes: maxRlpBytesAt(this.#config, l1.timestamp),
        allowBrotli: isForkActive(this.#config.forks, 'fjord', l1.timestamp),
        decompressors: this.#decompressors,
        onDropped: () => {
          this.#events.push({ kind: 'batch', type: 'span', verdict: 'drop', reason: 'span-underivable' })
        },
      })
      this.#events.push({ kind: 'channel', channelId, bytes: data.length, openedAt })
      return 'progress'
    }
    if (this.#nextFrame < this.#frames.length) {
      const frame = this.#frames[this.#nextFrame++]!
      const reason = this.#bank.add(frame, l1.number, this.#bankRules())
      if (reason !== undefined) {
        const { channelId, frameNumber } = frame
        this.#events.push({ kind: 'frame-ignored', channelId, frameNumber, reason })
      }
      return 'progress'
    }
    this.#frames = []
    this.#nextFrame = 0
    const source = this.#sources.shift()
    if (source === undefined) return 'drained'
    if (source.kind === 'data') this.#takeData(source.data, true)
    else {
      const block = reference(l1)
      this.#waiting = { kind: 'need', need: { kind: 'blobs', block, versionedHashes: source.hashes } }
    }
    return 'progress'
  }

  #flushChannel(): void {
    this.#span = undefined
    if (this.#reader === undefined) return
    this.#reader = undefined
    this.#events.push({ kind: 'channel-end', reason: 'flushed' })
  }

  // ── batches ──

  #advance(): void {
    if (this.#batch !== undefined) this.#prepareAttributes()
    else if (this.#l1 === undefined) this.#askForL1()
    else if (this.#nextBatch() === 'drained') this.#l1Read()
  }

  #nextBatch(): Progress {
    const head = this.#head
    if (!this.#holocene && this.#fromSpan()) return 'progress'
    this.#dropOldOrigins()
    const l1 = this.#l1!
    if (this.#warming || l1.number <= head.l1Origin.number) {
      // Nothing read up to the head's origin can be news. What completes here is passed over; frames are kept.
      const batch = this.#pullBatch()
      return batch === 'drained' ? 'drained' : 'progress'
    }
    const epoch = this.#window[0]!
    const follows = epoch.number === head.l1Origin.number + 1n || sameHex(epoch.hash, head.l1Origin.hash)
    if (!follows) throw reorg(head.l1Origin, epoch)
    return this.#holocene ? this.#nextHolocene() : this.#nextQueued()
  }

  #dropOldOrigins(): void {
    const first = this.#window[0]
    if (first === undefined || this.#head.l1Origin.number <= first.number) return
    const behind = Number(this.#head.l1Origin.number - first.number)
    if (behind < this.#window.length) this.#window.splice(0, behind)
  }

  /** Takes the next block of an accepted span, if it is that block's turn. */
  #fromSpan(): boolean {
    const span = this.#span
    if (span?.next === undefined) {
      this.#span = undefined
      return false
    }
    const block = span.next
    if (block.timestamp !== this.#head.timestamp + this.#config.blockTimeSeconds) {
      this.#span = undefined
      return false
    }
    const epoch = this.#window[Number(block.epochNumber - this.#window[0]!.number)]!
    span.next = span.blocks.next().value
    const { timestamp, transactions } = block
    if (this.#holocene) {
      const batch: SingularBatch = {
        type: 'singular',
        parentHash: this.#head.hash,
        epochNumber: epoch.number,
        epochHash: epoch.hash,
        timestamp,
        transactions,
      }
      this.#judgeHolocene({ batch, inclusion: reference(this.#l1!) })
    } else {
      this.#batch = { epoch, timestamp, transactions, concluding: span.next === undefined, parent: this.#head }
    }
    return true
  }

  #judge(candidate: { judge: ReturnType<typeof createJudge> }): Judgement {
    const judgement = candidate.judge.judge({ l1Blocks: this.#window, safe: this.#head }, number =>
      this.#l2Blocks.has(number) ? this.#l2Blocks.get(number) : 'unread',
    )
    if (judgement.kind === 'needs-l2-block') {
      this.#waiting = { kind: 'need', need: { kind: 'l2-block', number: judgement.number } }
    } else {
      this.#l2Blocks.clear()
    }
    return judgement
  }

  #takeL2Block(waiting: Waiting, block: SafeBlock | undefined): void {
    const need = (waiting as { need: Extract<DerivationNeed, { kind: 'l2-block' }> }).need
    if (block !== undefined && block.ref.number !== need.number)
      throw mismatch('L2 block', need.number, block.ref.number)
    // Spans are compared block by block: the parent and the block compared now are all that is needed at a time.
    if (this.#l2Blocks.size > 1) {
      const newest = [...this.#l2Blocks.keys()].at(-1)!
      this.#l2Blocks.delete(newest)
    }
    this.#l2Blocks.set(need.number, block)
    this.#waiting = undefined
  }

  #report(type: 'singular' | 'span', verdict: BatchVerdict): void {
    if (verdict.verdict === 'accept') return
    this.#events.push({ kind: 'batch', type, verdict: verdict.verdict, reason: verdict.reason })
  }

  #nextHolocene(): Progress {
    if (this.#candidate === undefined) {
      if (this.#fromSpan()) return 'progress'
      const pulled = this.#pullBatch()
      if (pulled === 'progress') return 'progress'
      if (pulled === 'drained') return this.#forceEmpty(true)
      this.#candidate = { included: pulled, judge: createJudge(this.#config, pulled) }
    }
    this.#judgeHolocene(this.#candidate.included, this.#candidate)
    return 'progress'
  }

  #judgeHolocene(included: IncludedBatch, candidate?: { judge: ReturnType<typeof createJudge> }): void {
    const judgement = this.#judge(candidate ?? { judge: createJudge(this.#config, included) })
    if (judgement.kind === 'needs-l2-block') return
    this.#candidate = undefined
    const { verdict, span } = judgement
    const { batch } = included
    this.#report(batch.type, verdict)
    if (verdict.verdict === 'accept') {
      if (batch.type === 'span') this.#span = span
      else this.#accept(batch, true)
    } else if (verdict.verdict === 'drop') {
      this.#flushChannel()
    }
    // `past` is passed over without harm to the rest of the channel. So is `undecided`, as op-node does: the L1 it lacks would have to be
    // younger than the block that included it. (An L2 block that cannot be had for a moment is not among the reasons: the driver waits for it.)
  }

  #nextQueued(): Progress {
    const pulled = this.#candidate === undefined ? this.#pullBatch() : 'progress'
    if (typeof pulled !== 'string') this.#queue.add(pulled)
    if (this.#waiting !== undefined) return 'progress'
    const outOfData = pulled === 'drained'
    for (;;) {
      const waiting = this.#queue.first(this.#head.timestamp + this.#config.blockTimeSeconds)
      if (waiting === undefined) break
      const judgement = this.#judge(waiting)
      if (judgement.kind === 'needs-l2-block') {
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
      else this.#accept(waiting.batch, true)
      return 'progress'
    }
    this.#candidate = undefined
    const forced = this.#forceEmpty(outOfData)
    return forced === 'drained' && !outOfData ? 'progress' : forced
  }

  #accept(batch: SingularBatch, concluding: boolean): void {
    const epoch = this.#window[Number(batch.epochNumber - this.#window[0]!.number)]!
    const { timestamp, transactions } = batch
    this.#batch = { epoch, timestamp, transactions, concluding, parent: this.#head }
  }

  /**
   * When an epoch's sequencing window is over, its remaining blocks are empty ones: up to the next L1 block's time, at least one per epoch.
   */
  #forceEmpty(outOfData: boolean): Progress {
    const epoch = this.#window[0]!
    const expiry = epoch.number + this.#config.sequencingWindowBlocks
    const l1 = this.#l1!
    if (!(expiry < l1.number || (expiry === l1.number && outOfData))) return 'drained'
    const next = this.#window[1]
    if (next === undefined) return 'drained'
    const timestamp = this.#head.timestamp + this.#config.blockTimeSeconds
    if (timestamp < next.timestamp || epoch.number === this.#head.l1Origin.number + 1n) {
      this.#batch = { epoch, timestamp, transactions: [], concluding: true, parent: this.#head }
      return 'progress'
    }
    // No block of this epoch is left to make: go on with the next one, which may still get batches of its own.
    this.#window.shift()
    return 'progress'
  }

  // ── attributes and heads ──

  #prepareAttributes(): void {
    const { epoch, parent } = this.#batch!
    if (epoch.number === parent.l1Origin.number) {
      this.#build({ ...epoch, transactions: [], logs: [] })
      return
    }
    this.#l1Purpose = 'origin'
    this.#waiting = { kind: 'need', need: { kind: 'l1-block', number: epoch.number, hash: epoch.hash } }
  }

  #buildWith(block: L1Block): void {
    const { epoch } = this.#batch!
    if (block.number !== epoch.number) throw mismatch('L1 block', epoch.number, block.number)
    if (!sameHex(block.hash, epoch.hash)) throw reorg(epoch, block)
    this.#build(block)
  }

  #build(origin: L1Block): void {
    const { transactions, parent } = this.#batch!
    this.#built = buildAttributes({
      rollup: this.#config,
      parent,
      systemConfig: this.#headConfig,
      origin,
      logs: origin.logs,
      transactions,
      upgradeTransactions: this.#upgrades,
    })
    this.#depositsOnly = false
    this.#offer()
  }

  #offer(): void {
    const { epoch, parent, concluding } = this.#batch!
    const { attributes, sequenceNumber } = this.#built!
    this.#waiting = {
      kind: 'attributes',
      parent,
      attributes,
      origin: { number: epoch.number, hash: epoch.hash },
      sequenceNumber,
      depositsOnly: this.#depositsOnly,
      concluding: concluding || this.#holocene,
      derivedFrom: reference(this.#l1!),
    }
  }

  #takeExecuted(block: ExecutedRef): void {
    const { epoch, parent, concluding, timestamp } = this.#batch!
    if (block.number !== parent.number + 1n) throw mismatch('executed block', parent.number + 1n, block.number)
    if (!sameHex(block.parentHash, parent.hash)) throw mismatch('parent hash', parent.hash, block.parentHash)
    if (block.timestamp !== timestamp) throw mismatch('timestamp', timestamp, block.timestamp)
    const { number, hash, parentHash } = block
    this.#head = {
      number,
      hash,
      parentHash,
      timestamp,
      l1Origin: { number: epoch.number, hash: epoch.hash },
      sequenceNumber: this.#built!.sequenceNumber,
    }
    this.#headConfig = configCarriedByBlock(this.#built!.systemConfig, timestamp, this.#config)
    if (concluding || this.#holocene) {
      this.#safe = this.#head
      this.#safeConfig = this.#headConfig
    }
    this.#batch = undefined
    this.#built = undefined
    this.#waiting = undefined
    this.#events.push({ kind: 'block', block: this.#head, derivedFrom: reference(this.#l1!) })
  }

  #takeRefusal(): void {
    const built = this.#built!
    const { parent } = this.#batch!
    if (built.attributes.transactions.length === built.depositCount) {
      throw new SequencerError(`the engine refuses the block of deposits after ${parent.number}`, {
        code: 'DEPOSIT_BLOCK_REFUSED',
        details: { parent: parent.number, hash: parent.hash },
      })
    }
    this.#waiting = undefined
    this.#events.push({ kind: 'block-refused', parent })
    if (this.#holocene) {
      this.#flushChannel()
      this.#built = depositsOnly(built)
      this.#depositsOnly = true
      this.#offer()
      return
    }
    this.#batch = undefined
    this.#built = undefined
    this.#span = undefined
    if (this.#head !== this.#safe) {
      this.#head = this.#safe
      this.#headConfig = this.#safeConfig
      this.#queue.rewind()
      this.#events.push({ kind: 'reverted', to: this.#safe })
    }
  }
}

function reference({ number, hash, parentHash, timestamp }: L1BlockRef): L1BlockRef {
  return { number, hash, parentHash, timestamp }
}

function unasked(got: string, wanted: string): SequencerError {
  return new SequencerError(`derivation waits for ${wanted}, got ${got}`, {
    code: 'DERIVATION_INPUT_INVALID',
    details: { wanted, got },
  })
}

function mismatch(what: string, wanted: unknown, got: unknown): SequencerError {
  return new SequencerError(`${what}: expected ${wanted}, got ${got}`, {
    code: 'DERIVATION_INPUT_INVALID',
    details: { what, wanted, got },
  })
}

function reorg(known: BlockId, block: L1BlockRef): SequencerError {
  return new SequencerError(`L1 block ${block.number} does not continue the L1 chain that was read`, {
    code: 'DERIVATION_RESET',
    recovery: 'reset',
    details: {
      known: { number: known.number, hash: known.hash },
      number: block.number,
      hash: block.hash,
      parentHash: block.parentHash,
    },
  })
}
