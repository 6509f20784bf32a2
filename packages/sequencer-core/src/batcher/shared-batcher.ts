import { frameOverheadBytes, maxBlobPayloadBytes } from '../channel/frame.js'
import { SequencerError } from '../errors.js'
import { type BatcherFunds, createFundsGuard } from './funds.js'
import type { BatcherSink, BatcherView } from './ports.js'
import { createSharedHold } from './shared-hold.js'
import { createSharedMember, type SharedRollup } from './shared-member.js'
import { createShipments, payloadOverheadBytes, type SharedBatcherEvent, type ShipmentLimits } from './shipments.js'
import { oneAtATime } from './under-way.js'

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

/** The settings with their defaults, checked with the names of the rollups. */
function sharedOptions(given: SharedBatcherOptions, names: readonly string[]) {
  const { targetPayloads = 6, payloadBytes = maxBlobPayloadBytes, channelTimeoutBlocks = 50n } = given
  const { expectedInclusionBlocks = 2n, maxPendingSubmissions = 4 } = given
  const { minBalanceWei = 0n, runwayAlarmBlocks = 7200n } = given
  const refuse = (field: string, value: unknown, expected: string): void => {
    throw new SequencerError(`"${field}" expected ${expected}, got ${String(value)}`, {
      code: 'BATCHER_OPTIONS',
      details: { field, value },
    })
  }
  if (names.length === 0 || new Set(names).size !== names.length) {
    refuse('rollups', names.join(', '), 'one or more, with different names')
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
  return {
    targetPayloads,
    payloadBytes,
    channelTimeoutBlocks,
    expectedInclusionBlocks,
    maxPendingSubmissions,
    minBalanceWei,
    runwayAlarmBlocks,
  }
}

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
 *   setup: { profile: 'sparse' as const, chainId, genesisTimeSeconds: 1000n, blockTimeSeconds: 1n, sequencingWindowBlocks: 3600n, compressor: createZlibCompressor() },
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
  const { rollups, sink } = dependencies
  const settings = sharedOptions(
    options,
    rollups.map(({ name }) => name),
  )
  const { targetPayloads, payloadBytes, maxPendingSubmissions } = settings
  const emit = dependencies.onEvent ?? (() => {})
  const guard = createFundsGuard(dependencies.funds, settings, emit)
  const hold = createSharedHold(settings)
  const shipments = createShipments({ payloads: targetPayloads, payloadBytes }, hold, sink, guard, emit)
  const shape = { targetFrames: targetPayloads, frameDataBytes: payloadBytes - payloadOverheadBytes, payloadBytes }
  const members = rollups.map(rollup => createSharedMember(rollup, shape, hold))

  const roomOf = (limits: ShipmentLimits): number => limits.payloads * (limits.payloadBytes - 1)
  /** A channel that is full leaves a few bytes; waiting for company in the last hundredth is not worth anybody's time. */
  const isEnough = (limits: ShipmentLimits): boolean => hold.bytes >= 0.99 * roomOf(limits)

  /** What each rollup failed with first in this step; told at its end. */
  const failures = new Map<string, unknown>()
  const attempt = async ({ name }: { readonly name: string }, round: () => Promise<void>): Promise<void> => {
    try {
      await round()
    } catch (error) {
      if (!failures.has(name)) failures.set(name, error)
    }
  }

  /** Rollups with something to close, the largest first. */
  const joinable = () =>
    members
      .map(member => ({ member, ...member.batcher.view.open }))
      .filter(({ blocks }) => blocks > 0)
      .map(({ member, bytes }) => ({ member, bytes: bytes + frameOverheadBytes }))
      .sort((a, b) => b.bytes - a.bytes)

  /** Has rollups close what they have, as long as it fits into what has to be paid anyway. */
  const joinInto = async (room: number, signal: AbortSignal | undefined): Promise<void> => {
    let left = room
    for (const { member, bytes } of joinable()) {
      if (bytes > left) continue
      left -= bytes
      await attempt(member, () => member.join(signal))
    }
  }

  /** Has rollups close what they have until a transaction is full, if together they can fill one. */
  const joinUntilFull = async (signal: AbortSignal | undefined): Promise<void> => {
    const candidates = joinable()
    if (candidates.length === 0) return
    const limits = await shipments.limits(signal)
    const all = candidates.reduce((sum, { bytes }) => sum + bytes, hold.bytes)
    if (all < roomOf(limits)) return
    for (const { member } of candidates) {
      if (isEnough(limits)) return
      await attempt(member, () => member.join(signal))
    }
  }

  /** Ships what is full, or due. */
  const shipDue = async (signal: AbortSignal | undefined): Promise<void> => {
    while (shipments.pending.size < maxPendingSubmissions && hold.waiting.length > 0) {
      signal?.throwIfAborted()
      const limits = await shipments.limits(signal)
      const full = hold.bytes >= roomOf(limits)
      if (!isEnough(limits) && !hold.hasUrgent) return
      if (!isEnough(limits)) {
        const payloads = Math.ceil(hold.bytes / roomOf({ ...limits, payloads: 1 }))
        await joinInto(roomOf({ ...limits, payloads }) - hold.bytes, signal)
      }
      if (!(await shipments.ship(limits, full, signal))) return
    }
  }

  const step = async (signal: AbortSignal | undefined): Promise<void> => {
    failures.clear()
    await Promise.all(members.map(member => attempt(member, () => member.batcher.step({ signal }))))
    const failed = shipments.pending.takeFailure()
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
    settle: () => shipments.pending.settle(),
    flush() {
      for (const { batcher } of members) batcher.flush()
    },
    get view() {
      return {
        rollups: Object.fromEntries(members.map(({ name, batcher }) => [name, batcher.view])),
        waitingBytes: hold.bytes,
        pendingSubmissions: shipments.pending.size,
        runwayBlocks: guard.runwayBlocks,
      }
    },
  }
}
