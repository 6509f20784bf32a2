import { concatBytes } from '@l2/common'
import type { Hex } from 'viem'
import { decodeBatcherTransaction } from '../channel/frame.js'
import { type Batcher, createBatcher } from './batcher.js'
import { type BatcherSetup, batcherOptions } from './options.js'
import type { BatcherEvent, BatcherNode, BatcherSink } from './ports.js'
import type { createSharedHold } from './shared-hold.js'

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

/** A rollup with a batcher of its own, whose channels go into the hold. */
export function createSharedMember(
  { name, setup, node, onEvent, channelId }: SharedRollup,
  shape: { readonly targetFrames: number; readonly frameDataBytes: number; readonly payloadBytes: number },
  hold: ReturnType<typeof createSharedHold>,
) {
  const { payloadBytes, ...frames } = shape
  const own = { ...setup, ...frames }
  const marginBlocks = batcherOptions(own).safetyMarginBlocks
  /** It closes what it has to keep others company. */
  let isJoining = false
  /** Closed channels that can wait for company: full ones, and those that were closed to keep it. */
  const patient = new Set<Hex>()

  const note = (event: BatcherEvent): void => {
    if (event.type === 'channel-closed' && (event.reason === 'full' || isJoining)) patient.add(event.channelId)
    if (event.type === 'submitted') patient.delete(event.channelId)
    if (event.type === 'cleared') patient.clear()
  }

  /** Takes its channels whole. */
  const collector: BatcherSink = {
    includedOn: 'l1',
    limits: async () => ({ maxBytes: payloadBytes, maxItems: Number.MAX_SAFE_INTEGER }),
    submit: (items, { includeBy, signal }) => {
      const frames = items.flatMap(item => {
        const decoded = decodeBatcherTransaction(item)
        return decoded.version === 0 ? decoded.frames : []
      })
      const data = concatBytes(...frames.map(frame => frame.data))
      const { channelId } = frames[0]!
      const urgent = !patient.has(channelId)
      return hold.take({ rollup: name, channelId, data, urgent, marginBlocks, includeBy, signal })
    },
  }

  const batcher: Batcher = createBatcher(own, {
    node: {
      status: async call => {
        const status = await node.status(call)
        hold.noteHead(name, status.headL1)
        return status
      },
      blocks: (from, to, call) => node.blocks(from, to, call),
    },
    sink: collector,
    channelId,
    onEvent: event => {
      note(event)
      onEvent?.(event)
    },
  })

  return {
    name,
    batcher,
    /** A round in which it closes what it has. */
    async join(signal: AbortSignal | undefined): Promise<void> {
      isJoining = true
      batcher.flush()
      try {
        await batcher.step({ signal })
      } finally {
        isJoining = false
      }
    },
  }
}
