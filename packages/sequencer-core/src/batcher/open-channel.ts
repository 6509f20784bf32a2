import type { Hex } from 'viem'
import { type ChannelOut, createChannelOut } from '../channel/channel-out.js'
import { SequencerError } from '../errors.js'
import type { BatcherOptions } from './options.js'
import type { BatcherBlock, BatcherSink, ChannelPlanner, ChannelShape } from './ports.js'

/** A channel that is being filled. */
export type OpenChannel = {
  readonly channelId: Hex
  readonly out: ChannelOut
  readonly firstBlock: BatcherBlock
  readonly shape: RequiredShape
}

/** A shape with nothing left to the options. */
export type RequiredShape = { readonly [K in keyof ChannelShape]-?: Exclude<ChannelShape[K], undefined> }

/** Version byte and frame header. */
const batcherOverheadBytes = 24

/** Opens channels as the planner, the sink and the options say. */
export function createChannelOpener(
  options: BatcherOptions,
  planner: ChannelPlanner | undefined,
  defaultSink: BatcherSink,
  nextChannelId: () => Hex,
) {
  const begin = (firstBlock: BatcherBlock, shape: RequiredShape, batchType: 'span' | 'singular'): OpenChannel => {
    const channelId = nextChannelId()
    const { chainId, genesisTimeSeconds, blockTimeSeconds } = options
    const { targetFrames, frameDataBytes, compressor } = shape
    const out = createChannelOut(
      { channelId, chainId, genesisTimeSeconds, blockTimeSeconds, batchType, targetFrames, frameDataBytes },
      compressor,
    )
    return { channelId, out, firstBlock, shape }
  }

  return {
    begin,
    /**
     * The channel that begins with this block. Hurried, it is small and of singular batches, which are valid one by one: where the window is
     * nearly over, what is in time is not lost with what is not.
     *
     * @throws SequencerError `BATCHER_OPTIONS` when the sink takes fewer bytes than a frame needs
     */
    async open(firstBlock: BatcherBlock, isHurried: boolean, signal: AbortSignal | undefined): Promise<OpenChannel> {
      const planned = (await planner?.shape({ signal })) ?? {}
      const sink = planned.sink ?? defaultSink
      const { maxBytes } = await sink.limits({ signal })
      if (!(maxBytes > batcherOverheadBytes)) {
        throw new SequencerError(`the sink takes ${maxBytes} bytes, which hold no frame`, {
          code: 'BATCHER_OPTIONS',
          details: { maxBytes },
        })
      }
      const shape: RequiredShape = {
        targetFrames: isHurried ? 1 : (planned.targetFrames ?? options.targetFrames),
        frameDataBytes: Math.min(planned.frameDataBytes ?? options.frameDataBytes, maxBytes - batcherOverheadBytes),
        maxChannelDurationBlocks: planned.maxChannelDurationBlocks ?? options.maxChannelDurationBlocks,
        compressor: planned.compressor ?? options.compressor,
        sink,
      }
      return begin(firstBlock, shape, isHurried ? 'singular' : 'span')
    },
  }
}
