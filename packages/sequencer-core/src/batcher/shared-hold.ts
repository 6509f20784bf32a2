import { frameOverheadBytes } from '../channel/frame.js'
import { SequencerError } from '../errors.js'
import type { SharedChannel } from './sharing.js'

/** A channel that a rollup's batcher has handed over. */
type Held = SharedChannel & {
  readonly includeBy: bigint
  /** It must not wait for company. */
  readonly urgent: boolean
  /** L1 blocks before the end of its window at which it does not wait any more. */
  readonly marginBlocks: bigint
  /** Head of L1 when it was handed over. */
  readonly heldAt: bigint
  /** The same for all that is left of it: whether it has ended, and the L1 block of its first frame once that is included. */
  readonly life: { over: boolean; bornAt: bigint | undefined }
  readonly end: (result: { height: bigint } | { error: unknown }) => void
}

/** What a rollup's batcher says of a channel that it hands over. */
type Handover = Pick<Held, 'rollup' | 'channelId' | 'data' | 'urgent' | 'marginBlocks'> & {
  readonly includeBy: bigint | undefined
  readonly signal: AbortSignal | undefined
}

/** The channels that rollups have handed over and that are not, or not wholly, on their way: the first may have begun. */
export function createSharedHold(options: {
  readonly channelTimeoutBlocks: bigint
  readonly expectedInclusionBlocks: bigint
}) {
  const { channelTimeoutBlocks, expectedInclusionBlocks } = options
  let waiting: readonly Held[] = []
  /** What each rollup's node said last, and the highest of it. */
  const heads = new Map<string, bigint>()
  let headL1 = 0n

  const isUrgent = ({ urgent, heldAt, includeBy, marginBlocks }: Held): boolean =>
    urgent ||
    headL1 >= heldAt + channelTimeoutBlocks / 2n ||
    headL1 + expectedInclusionBlocks + marginBlocks >= includeBy

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

  return {
    get waiting(): readonly Held[] {
      return waiting
    },
    /** Bytes that the waiting frames take in payloads. */
    get bytes(): number {
      return waiting.reduce((sum, { data, next }) => sum + frameOverheadBytes + data.length - (next?.byte ?? 0), 0)
    },
    get headL1(): bigint {
      return headL1
    },
    get hasUrgent(): boolean {
      return waiting.some(isUrgent)
    },
    noteHead(rollup: string, head: bigint): void {
      heads.set(rollup, head)
      headL1 = [...heads.values()].reduce((highest, known) => (known > highest ? known : highest))
    },

    /** Takes a channel. Resolves when it is included, whole; rejects when it is given back. */
    take: ({ includeBy, signal, ...handover }: Handover): Promise<{ height: bigint }> =>
      new Promise((resolve, reject) => {
        const held: Held = {
          ...handover,
          includeBy: includeBy ?? headL1,
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
        waiting = [...waiting, held]
        const withdraw = (): void => held.end({ error: signal?.reason })
        if (signal?.aborted) withdraw()
        else signal?.addEventListener('abort', withdraw, { once: true })
      }),

    /** Gives back the first that cannot be in time any more. Says whether there was one. */
    giveBackLate(): boolean {
      const late = waiting.findIndex(held => headL1 + expectedInclusionBlocks > deadlineOf(held))
      if (late < 0) return false
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
    },

    /** Keeps only what is left of the waiting; what else there was is aboard a shipment, whose end is to be told. */
    embark(rest: readonly SharedChannel[]) {
      const before = waiting
      const left = new Map(rest.map(channel => [channel.channelId, channel]))
      const aboard = before.filter(held => held.next !== left.get(held.channelId)?.next || !left.has(held.channelId))
      const complete = aboard.filter(({ channelId }) => !left.has(channelId))
      const includeBy = aboard.map(deadlineOf).reduce((first, block) => (block < first ? block : first))
      waiting = rest.map(({ channelId, next }) => ({
        ...before.find(held => held.channelId === channelId)!,
        next,
      }))
      return {
        includeBy,
        included(height: bigint): void {
          for (const { next, life } of aboard) if (next === undefined) life.bornAt = height
          for (const held of complete) held.end({ height })
        },
        /** Each rollup hands its channels over again, those that had begun included: what arrives twice is skipped. */
        failed(error: unknown): void {
          for (const held of aboard) giveBack(held, waiting, error)
        },
      }
    },
  }
}
