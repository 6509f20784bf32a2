import type { createChannelBuilder } from './channel-builder.js'
import type { createHeldBlocks } from './held-blocks.js'
import type { createOutgoing } from './outgoing.js'
import type { createPacing } from './pacing.js'
import type { BatcherEvent, BatcherNode, BatcherView, WaitingReason } from './ports.js'
import { createProgress } from './progress.js'
import { createStandstill } from './standstill.js'
import type { ClearReason, SyncActions, SyncStatus } from './sync-actions.js'

/** What a round works on. */
type Parts = {
  readonly node: BatcherNode
  readonly isOurTurn: (signal: AbortSignal | undefined) => Promise<boolean>
  readonly held: ReturnType<typeof createHeldBlocks>
  readonly pacing: ReturnType<typeof createPacing>
  readonly builder: ReturnType<typeof createChannelBuilder>
  readonly outgoing: ReturnType<typeof createOutgoing>
  readonly emit: (event: BatcherEvent) => void
}

/** The rounds of a batcher: each reads the status, drops or prunes, loads, fills, and starts what is due; or it says why it waits. */
export function createRounds({ node, isOurTurn, held, pacing, builder, outgoing, emit }: Parts) {
  const progress = createProgress()
  const standstill = createStandstill()
  let waiting: WaitingReason | undefined

  const clear = (reason: ClearReason | 'block-gap' | 'limits-changed' | 'turn-lost'): void => {
    builder.clear()
    outgoing.drop()
    emit({ type: 'cleared', reason })
  }

  const waitFor = (reason: WaitingReason | undefined): void => {
    if (reason === waiting) return
    waiting = reason
    emit({ type: 'waiting', reason })
  }

  /** What is held is another's to post. */
  const yieldTurn = (): void => {
    if (held.newest !== undefined || outgoing.pendingCount > 0) clear('turn-lost')
    progress.beginAnew()
    waitFor('not-the-batcher')
  }

  /**
   * While the node cannot tell: a channel that is half posted would time out, and what is held would miss its window, for want of an answer
   * that neither needs.
   */
  const goOn = async (signal: AbortSignal | undefined): Promise<void> => {
    const { highestL1 } = progress
    let failure: { error: unknown } | undefined
    try {
      if (pacing.windowIsNear(held.unclosedAt(0), highestL1)) await builder.fill(highestL1, signal)
    } catch (error) {
      failure = { error }
    }
    // Whether to start over is for a status to decide.
    await outgoing.start(builder.closed, highestL1, signal)
    if (failure !== undefined) throw failure.error
  }

  /** The rest of what has begun to leave, and nothing else. */
  const standStill = async (signal: AbortSignal | undefined): Promise<void> => {
    waitFor('stopped')
    const begun = builder.closed.filter(one => one.parts.length > 0 && one.includedAtBlock === undefined)
    if (begun.length > 0) {
      progress.noteHead(await node.status({ signal }))
      const refusal = await outgoing.start(begun, progress.highestL1, signal)
      if (refusal !== 'channel-dropped' && refusal !== 'limits-changed' && refusal !== 'turn-lost') return
      clear(refusal)
    }
    standstill.reached()
  }

  /** Loads what is missing. Says whether the newest block that is held is still canonical. */
  const load = async (
    status: SyncStatus,
    range: SyncActions['load'],
    signal: AbortSignal | undefined,
  ): Promise<boolean> => {
    const newest = held.newest?.number
    if (range !== undefined && !(await held.load(range, status.safe.hash, signal))) clear('block-gap')
    pacing.noteOriginLag(held.newest, status)
    const isStuck = newest !== undefined && held.newest?.number === newest && newest < status.unsafe.number
    return !isStuck || (await held.isCanonical(signal))
  }

  const step = async (signal: AbortSignal | undefined): Promise<void> => {
    if (standstill.isStopped) return standStill(signal)
    if (!(await isOurTurn(signal))) return yieldTurn()
    let status: SyncStatus
    try {
      status = await node.status({ signal })
    } catch (error) {
      if (!signal?.aborted) await goOn(signal)
      throw error
    }
    const { actions, wentBack } = progress.read(status, { blocks: held.all, channels: builder.closed })
    if (actions.wait !== undefined) {
      waitFor(actions.wait)
      // A head that went back may mean that what is held is no longer what is to follow.
      if (!wentBack) await goOn(signal)
      return
    }
    if (actions.clear === 'channel-dropped') pacing.noteDrop(status)
    if (actions.clear !== undefined) clear(actions.clear)
    if (!progress.isCaughtUp) return waitFor('catching-up')
    pacing.beginFlush(status)
    builder.prune(actions.pruneChannels, actions.pruneBlocks, status.safe.number)
    let failure: { error: unknown } | undefined
    try {
      if (!(await load(status, actions.load, signal))) return clear('block-gap')
    } catch (error) {
      // What is loaded has its deadlines all the same.
      failure = { error }
    }
    const paused = builder.isPaused(status.headL1) ? 'backing-off' : undefined
    if (waiting !== 'not-approved' || paused !== undefined) waitFor(paused) // Else it is asked again below.
    try {
      await builder.fill(status.headL1, signal)
    } catch (error) {
      failure ??= { error }
    }
    const refusal = await outgoing.start(builder.closed, status.headL1, signal)
    if (refusal === 'turn-lost') yieldTurn()
    else waitFor(refusal === 'not-approved' ? refusal : paused)
    if (refusal === 'channel-dropped' || refusal === 'limits-changed') clear(refusal)
    if (failure !== undefined) throw failure.error
    if (!builder.isOpen) pacing.endFlush(builder.closed.at(-1)?.lastBlock ?? status.safe.number, status)
  }

  return {
    step,
    stop: standstill.stop,
    start: standstill.start,
    get view(): Pick<BatcherView, 'isStopped' | 'waiting'> {
      return { isStopped: standstill.isStopped, waiting }
    },
  }
}
