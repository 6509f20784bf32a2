import { bytesToHex, concatBytes } from '@l2/common'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Hex } from 'viem'
import { decodeBatcherTransaction, type Frame, frameOverheadBytes, maxBlobPayloadBytes } from '../channel/frame.js'
import { SequencerError } from '../errors.js'
import { type Batcher, createBatcher } from './batcher.js'
import { type BatcherFunds, createFundsGuard } from './funds.js'
import { type BatcherSetup, batcherOptions } from './options.js'
import type { BatcherEvent, BatcherNode, BatcherSink, BatcherView, CloseReason } from './ports.js'
import { packSharedChannels, type SharedChannel } from './sharing.js'
import { createUnderWay, oneAtATime } from './under-way.js'

/** One of the rollups of a {@link createSharedBatcher}. */
export type SharedRollup = {
  /** Names it in events and costs. */
  readonly name: string
  /** As for a batcher of its own; how long its blocks wait at most is its channel duration. What a channel holds is the shared batcher's to say. */
  readonly setup: Omit<BatcherSetup, 'targetFrames' | 'frameDataBytes'>
  readonly node: BatcherNode
  readonly onEvent?: ((event: BatcherEvent) => void) | undefined
  /** 16 bytes that were never used before. Default: the platform's secure random. */
  readonly channelId?: (() => Hex) | undefined
}

/** Plain settings of {@link createSharedBatcher}. */
export type SharedBatcherOptions = {
  /** Payloads, hence blobs, of a full transaction; 6. */
  readonly targetPayloads?: number | undefined
  /** Bytes of a payload, or fewer while the sink takes fewer; 130 044, a blob's. */
  readonly payloadBytes?: number | undefined
  /** Life of a channel in L1 blocks; 50, Granite's. */
  readonly channelTimeoutBlocks?: bigint | undefined
  /** L1 blocks between submitting and being included that are reckoned with; 2. */
  readonly expectedInclusionBlocks?: bigint | undefined
  /** Transactions on their way at once, in order; 4. */
  readonly maxPendingSubmissions?: number | undefined
  /** What a transaction must leave in the wallet, wei; 0. */
  readonly minBalanceWei?: bigint | undefined
  /** An alarm is raised when the wallet lasts for fewer L1 blocks; 7200, a day. */
  readonly runwayAlarmBlocks?: bigint | undefined
}

/** What happened to the transactions of a {@link createSharedBatcher}. What happened to a rollup is told to that rollup. */
export type SharedBatcherEvent =
  | {
      readonly type: 'shipped'
      /** Of the submission: the sink knows it by this name. */
      readonly key: string
      readonly payloads: number
      /** Bytes of each rollup, for `splitByBytes` of what it cost. */
      readonly bytes: Readonly<Record<string, number>>
      readonly l1Block: bigint
    }
  | Extract<BatcherEvent, { type: 'runway-low' | 'balance-stop' }>

/** Posts the blocks of several rollups. */
export type SharedBatcher = {
  /**
   * One round of every rollup, and of the transactions they share; does not wait for L1. A rollup that fails does not keep the others back;
   * one whose node never answers does, so give its calls a deadline.
   *
   * @throws SequencerError `BATCHER_ROLLUP_FAILED` naming the rollups that failed, with what the first one failed with as its cause;
   *   `BATCHER_BALANCE`; `BATCHER_OPTIONS` when the sink takes fewer bytes than a frame needs; and whatever the sink throws
   */
  step(options?: { signal?: AbortSignal | undefined }): Promise<void>
  /** Resolves when everything that is on its way has been included, and rejects with what one of them failed with. */
  settle(): Promise<void>
  /** Has the next steps post everything that is unsafe at the first of them, however little. */
  flush(): void
  readonly view: {
    readonly rollups: Readonly<Record<string, BatcherView>>
    /** Bytes of closed channels that wait for a payload to be full, or for their time. */
    readonly waitingBytes: number
    readonly pendingSubmissions: number
    readonly runwayBlocks: bigint | undefined
  }
}

/** What a shared batcher works with besides its options. */
export type SharedBatcherDependencies = {
  /** At least one, with different names. All name the same batch inbox and batcher account. */
  readonly rollups: readonly SharedRollup[]
  readonly sink: BatcherSink
  readonly funds?: BatcherFunds | undefined
  readonly onEvent?: ((event: SharedBatcherEvent) => void) | undefined
}

/** A channel that a rollup's batcher has handed over. */
type Held = SharedChannel & {
  readonly includeBy: bigint
  /** It must not wait for company. */
  readonly urgent: boolean
  /** Head of L1 when it was handed over. */
  readonly heldAt: bigint
  /** The same for all that is left of it: whether it has ended, and the L1 block of its first frame once that is included. */
  readonly life: { over: boolean; bornAt: bigint | undefined }
  readonly end: (result: { height: bigint } | { error: unknown }) => void
}

const payloadOverheadBytes = 1 + frameOverheadBytes

/** Payloads of a transaction, and bytes of a payload. */
type Limits = { readonly payloads: number; readonly payloadBytes: number }

/**
 * A batcher for several rollups of one operator: their channels share transactions and blobs, so that a small rollup does not pay for blobs it
 * cannot fill. Each rollup keeps its own channels, deadlines and recovery (a {@link createBatcher} of its own); what they close is one stream of
 * frames, cut where a blob is full. It leaves when the blobs of a transaction are full, counting what the rollups could close now, or when
 * somebody's time is up; then others fill up what has to be paid anyway. Frames of a channel stay together and in order, as Holocene asks.
 *
 * Like a batcher it remembers nothing that matters: after a restart each rollup goes on from its safe head.
 *
 * @throws SequencerError `BATCHER_OPTIONS`
 *
 * @example
 * ```ts
 * import { createZlibCompressor } from '@l2/sequencer-core/batch'
 * import { type BatcherBlock, createSharedBatcher, splitByBytes } from '@l2/sequencer-core/batcher'
 *
 * const hash = (n: bigint) => `0x${n.toString(16).padStart(64, 'b')}` as const
 * const block = (number: bigint): BatcherBlock => ({
 *   number, hash: hash(number), parentHash: hash(number - 1n), timestamp: 1000n + number,
 *   epochNumber: 7n, epochHash: hash(7n), sequenceNumber: number, transactions: [],
 * })
 * const rollup = (name: string, chainId: bigint) => ({
 *   name,
 *   setup: { profile: 'sparse' as const, chainId, genesisTime: 1000n, blockTimeSeconds: 1n, sequencingWindowBlocks: 3600n, compressor: createZlibCompressor() },
 *   node: {
 *     status: async () => ({ headL1: 9n, currentL1: 9n, safe: { number: 0n, hash: hash(0n) }, unsafe: { number: 3n, hash: hash(3n) } }),
 *     blocks: async () => [block(1n), block(2n), block(3n)],
 *   },
 * })
 * const batcher = createSharedBatcher({}, {
 *   rollups: [rollup('a', 901n), rollup('b', 902n)],
 *   sink: {
 *     includedOn: 'l1',
 *     limits: async () => ({ maxBytes: 130_044, maxItems: 6 }),
 *     submit: async () => ({ height: 10n }),
 *   },
 *   onEvent: event => {
 *     if (event.type === 'shipped') console.log(event.payloads, splitByBytes(1000n, event.bytes)) // 1 { a: 500n, b: 500n }
 *   },
 * })
 * batcher.flush()
 * await batcher.step()
 * await batcher.settle()
 * ```
 */
export function createSharedBatcher(
  options: SharedBatcherOptions,
  dependencies: SharedBatcherDependencies,
): SharedBatcher {
  const { targetPayloads = 6, payloadBytes = maxBlobPayloadBytes, channelTimeoutBlocks = 50n } = options
  const { expectedInclusionBlocks = 2n, maxPendingSubmissions = 4 } = options
  const { minBalanceWei = 0n, runwayAlarmBlocks = 7200n } = options
  const { rollups, sink } = dependencies
  const emit = dependencies.onEvent ?? (() => {})
  const refuse = (field: string, value: unknown, expected: string): void => {
    throw new SequencerError(`"${field}" expected ${expected}, got ${String(value)}`, {
      code: 'BATCHER_OPTIONS',
      details: { field, value },
    })
  }
  if (rollups.length === 0 || new Set(rollups.map(({ name }) => name)).size !== rollups.length) {
    refuse('rollups', rollups.map(({ name }) => name).join(', '), 'one or more, with different names')
  }
  if (!Number.isInteger(targetPayloads) || targetPayloads < 1) refuse('targetPayloads', targetPayloads, 'at least 1')
  if (!Number.isInteger(payloadBytes) || payloadBytes <= payloadOverheadBytes) {
    refuse('payloadBytes', payloadBytes, `more than ${payloadOverheadBytes}`)
  }
  if (!Number.isInteger(maxPendingSubmissions) || maxPendingSubmissions < 1) {
    refuse('maxPendingSubmissions', maxPendingSubmissions, 'at least 1')
  }
  if (expectedInclusionBlocks < 1n) refuse('expectedInclusionBlocks', expectedInclusionBlocks, 'at least 1')
  if (channelTimeoutBlocks <= expectedInclusionBlocks) {
    refuse('channelTimeoutBlocks', channelTimeoutBlocks, `more than the ${expectedInclusionBlocks} of an inclusion`)
  }
  const guard = createFundsGuard(dependencies.funds, { minBalanceWei, runwayAlarmBlocks }, emit)

  /** Handed over and not, or not wholly, on its way: the first may have begun. */
  let waiting: Held[] = []
  const pending = createUnderWay<{ costWei: bigint }>()
  /** What each rollup's node said last, and the highest of it. */
  const heads = new Map<string, bigint>()
  let headL1 = 0n
  /** Rollups that close what they have to keep others company, and the channels they closed for it: those can wait. */
  const joining = new Set<string>()
  const joined = new Set<Hex>()

  /** The sink of one rollup: takes its channels whole. */
  const collector = (name: string, reasons: Map<Hex, CloseReason>): BatcherSink => ({
    includedOn: 'l1',
    limits: async () => ({ maxBytes: payloadBytes, maxItems: Number.MAX_SAFE_INTEGER }),
    submit: (items, { includeBy, signal }) =>
      new Promise((resolve, reject) => {
        const frames = items.flatMap(item => {
          const decoded = decodeBatcherTransaction(item)
          return decoded.version === 0 ? decoded.frames : []
        })
        const { channelId } = frames[0]!
        const held: Held = {
          rollup: name,
          channelId,
          data: concatBytes(...frames.map(({ data }) => data)),
          includeBy: includeBy ?? headL1,
          urgent: reasons.get(channelId) !== 'full' && !joined.has(channelId),
          heldAt: headL1,
          life: { over: false, bornAt: undefined },
          end: result => {
            if (held.life.over) return
            held.life.over = true
            // Not by its id: what failed may be here again, with other frames of it still on their way.
            waiting = waiting.filter(({ life }) => life !== held.life)
            if ('error' in result) reject(result.error)
            else resolve(result)
          },
        }
        waiting.push(held)
        const withdraw = (): void => held.end({ error: signal?.reason })
        if (signal?.aborted) withdraw()
        else signal?.addEventListener('abort', withdraw, { once: true })
      }),
  })

  /** L1 blocks before the end of its window at which a rollup does not wait any more. */
  const margins = new Map<string, bigint>()
  const members = rollups.map(({ name, setup, node, onEvent, channelId }) => {
    const reasons = new Map<Hex, CloseReason>()
    const own = { ...setup, targetFrames: targetPayloads, frameDataBytes: payloadBytes - payloadOverheadBytes }
    margins.set(name, batcherOptions(own).safetyMarginBlocks)
    const batcher: Batcher = createBatcher(own, {
      node: {
        status: async call => {
          const status = await node.status(call)
          heads.set(name, status.headL1)
          headL1 = [...heads.values()].reduce((highest, head) => (head > highest ? head : highest))
          return status
        },
        blocks: (from, to, call) => node.blocks(from, to, call),
      },
      sink: collector(name, reasons),
      channelId,
      onEvent: event => {
        if (event.type === 'channel-closed') {
          reasons.set(event.channelId, event.reason)
          if (joining.has(name)) joined.add(event.channelId)
        }
        if (event.type === 'submitted') {
          reasons.delete(event.channelId)
          joined.delete(event.channelId)
        }
        if (event.type === 'cleared') {
          for (const channelId of reasons.keys()) joined.delete(channelId)
          reasons.clear()
        }
        onEvent?.(event)
      },
    })
    return { name, batcher }
  })

  const waitingBytes = (): number =>
    waiting.reduce((sum, { data, next }) => sum + frameOverheadBytes + data.length - (next?.byte ?? 0), 0)
  /** What a transaction may be made of now. */
  const askLimits = async (signal: AbortSignal | undefined): Promise<Limits> => {
    const { maxBytes, maxItems } = await sink.limits({ signal })
    if (!(maxBytes > payloadOverheadBytes)) {
      throw new SequencerError(`the sink takes ${maxBytes} bytes, which hold no frame`, {
        code: 'BATCHER_OPTIONS',
        details: { maxBytes },
      })
    }
    return { payloads: Math.max(1, Math.min(maxItems, targetPayloads)), payloadBytes: Math.min(payloadBytes, maxBytes) }
  }
  const roomOf = (limits: Limits): number => limits.payloads * (limits.payloadBytes - 1)
  /** A channel that is full leaves a few bytes; waiting for company in the last hundredth is not worth anybody's time. */
  const isEnough = (limits: Limits): boolean => waitingBytes() >= 0.99 * roomOf(limits)

  /** A rollup's round; what it fails with is told at the end of the step. */
  const failures = new Map<string, unknown>()
  const round = async (member: (typeof members)[number], signal: AbortSignal | undefined): Promise<void> => {
    try {
      await member.batcher.step({ signal })
    } catch (error) {
      if (!failures.has(member.name)) failures.set(member.name, error)
    }
  }

  /** Rollups with something to close, the largest first. */
  const joinable = () =>
    members
      .map(member => ({ member, ...member.batcher.view.open }))
      .filter(({ blocks }) => blocks > 0)
      .map(({ member, bytes }) => ({ member, bytes: bytes + frameOverheadBytes }))
      .sort((a, b) => b.bytes - a.bytes)

  const join = async (member: (typeof members)[number], signal: AbortSignal | undefined): Promise<void> => {
    joining.add(member.name)
    member.batcher.flush()
    await round(member, signal)
    joining.delete(member.name)
  }

  /** Has rollups close what they have, as long as it fits into what has to be paid anyway. */
  const joinInto = async (room: number, signal: AbortSignal | undefined): Promise<void> => {
    let left = room
    for (const { member, bytes } of joinable()) {
      if (bytes > left) continue
      left -= bytes
      await join(member, signal)
    }
  }

  /** Has rollups close what they have until a transaction is full, if together they can fill one. */
  const joinUntilFull = async (signal: AbortSignal | undefined): Promise<void> => {
    const candidates = joinable()
    if (candidates.length === 0) return
    const limits = await askLimits(signal)
    const all = candidates.reduce((sum, { bytes }) => sum + bytes, waitingBytes())
    if (all < roomOf(limits)) return
    for (const { member } of candidates) {
      if (isEnough(limits)) return
      await join(member, signal)
    }
  }

  const isUrgent = ({ rollup, urgent, heldAt, includeBy }: Held): boolean =>
    urgent ||
    headL1 >= heldAt + channelTimeoutBlocks / 2n ||
    headL1 + expectedInclusionBlocks + margins.get(rollup)! >= includeBy

  /** L1 block behind which it is of no use: its window ends, or its first frames are forgotten. */
  const deadlineOf = ({ next, includeBy, life }: Held): bigint => {
    if (next === undefined) return includeBy
    // While they are on their way, its life begins with the next block at the earliest.
    const timeout = (life.bornAt ?? headL1 + 1n) + channelTimeoutBlocks
    return timeout < includeBy ? timeout : includeBy
  }

  /** Gives back a channel, and what waits behind it of the same rollup: that must not overtake it. */
  const giveBack = (channel: Held, behind: readonly Held[], error: unknown): void => {
    if (channel.life.over) return
    channel.end({ error })
    for (const held of behind) if (held.rollup === channel.rollup) held.end({ error })
  }

  const ship = async (limits: Limits, fullOnly: boolean, signal: AbortSignal | undefined): Promise<boolean> => {
    const late = waiting.findIndex(held => headL1 + expectedInclusionBlocks > deadlineOf(held))
    if (late >= 0) {
      const held = waiting[late]!
      const includeBy = deadlineOf(held)
      // Its batcher decides, from the state of L1 now, what becomes of its blocks.
      const error = new SequencerError(`a channel of ${held.rollup} had to be on L1 by block ${includeBy}`, {
        code: 'BATCHER_WITHDRAWN',
        recovery: 'retry',
        details: { rollup: held.rollup, includeBy, headL1 },
      })
      giveBack(held, waiting.slice(late), error)
      return true
    }
    const before = waiting
    const { payloads: maxPayloads, payloadBytes } = limits
    const packed = packSharedChannels(before, { payloadBytes, maxPayloads, fullOnly })
    if (packed.payloads.length === 0) return false
    const costWei = await guard.check(packed.payloads, headL1, pending.reservedWei, signal)
    // Something ended while the wallet was asked, and may be in what was packed.
    if (waiting !== before) return true
    const left = new Map(packed.rest.map(channel => [channel.channelId, channel]))
    const aboard = before.filter(held => held.next !== left.get(held.channelId)?.next || !left.has(held.channelId))
    const complete = aboard.filter(({ channelId }) => !left.has(channelId))
    const includeBy = aboard.map(deadlineOf).reduce((first, block) => (block < first ? block : first))
    waiting = packed.rest.map(({ channelId, next }) => ({
      ...before.find(held => held.channelId === channelId)!,
      next,
    }))
    const key = shipmentKey(packed.frames)
    const submit = async (): Promise<{ height: bigint }> =>
      sink.submit(packed.payloads, { key, includeBy, ...(signal === undefined ? {} : { signal }) })
    const submission: Promise<void> = submit().then(
      ({ height }) => {
        pending.delete(submission)
        for (const { next, life } of aboard) if (next === undefined) life.bornAt = height
        for (const held of complete) held.end({ height })
        guard.paid(costWei, height)
        try {
          emit({ type: 'shipped', key, payloads: packed.payloads.length, bytes: packed.bytes, l1Block: height })
        } catch (error) {
          // Whoever was told failed: nothing of the submission is lost, and the next round says so.
          pending.fail(error)
        }
      },
      (error: unknown) => {
        pending.delete(submission)
        pending.fail(error)
        // Each rollup hands its channels over again, those that had begun included: what arrives twice is skipped.
        for (const held of aboard) giveBack(held, waiting, error)
      },
    )
    pending.add(submission, { costWei })
    return true
  }

  /** Ships what is full, or due. */
  const shipDue = async (signal: AbortSignal | undefined): Promise<void> => {
    while (pending.size < maxPendingSubmissions && waiting.length > 0) {
      signal?.throwIfAborted()
      const limits = await askLimits(signal)
      const full = waitingBytes() >= roomOf(limits)
      if (!isEnough(limits) && !waiting.some(isUrgent)) return
      if (!isEnough(limits)) {
        const payloads = Math.ceil(waitingBytes() / roomOf({ ...limits, payloads: 1 }))
        await joinInto(roomOf({ ...limits, payloads }) - waitingBytes(), signal)
      }
      if (!(await ship(limits, full, signal))) return
    }
  }

  const step = async (signal: AbortSignal | undefined): Promise<void> => {
    failures.clear()
    await Promise.all(members.map(member => round(member, signal)))
    const failed = pending.takeFailure()
    if (failed === undefined) {
      await joinUntilFull(signal)
      await shipDue(signal)
    }
    // A rollup whose submission failed reports the same.
    for (const [name, error] of failures) if (failed !== undefined && error === failed.error) failures.delete(name)
    if (failed !== undefined) throw failed.error
    const [first] = failures
    if (first === undefined) return
    const names = [...failures.keys()]
    throw new SequencerError(`${names.join(', ')}: ${String((first[1] as Error).message).split('\n', 1)[0]}`, {
      code: 'BATCHER_ROLLUP_FAILED',
      recovery: 'retry',
      details: { rollups: names },
      cause: first[1],
    })
  }

  return {
    step: oneAtATime(step),
    settle: () => pending.settle(),
    flush() {
      for (const { batcher } of members) batcher.flush()
    },
    get view() {
      return {
        rollups: Object.fromEntries(members.map(({ name, batcher }) => [name, batcher.view])),
        waitingBytes: waitingBytes(),
        pendingSubmissions: pending.size,
        runwayBlocks: guard.runwayBlocks,
      }
    },
  }
}

/** The same frames in the same payloads have the same key. */
function shipmentKey(frames: readonly (readonly Frame[])[]): string {
  const text = frames
    .map(payload => payload.map(frame => `${frame.channelId}/${frame.frameNumber}/${frame.data.length}`).join(' '))
    .join('\n')
  return `shared/${bytesToHex(sha256(new TextEncoder().encode(text))).slice(2)}`
}
