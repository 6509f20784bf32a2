import type { BatchBlock } from '../batch/types.js'
import { createChannelOut } from '../channel/channel-out.js'
import { maxBlobFrameDataBytes } from '../channel/frame.js'
import type { Compressor } from '../compression/compression.js'
import type { BatcherEvent, BatcherNode } from './ports.js'

/** How much of a new measurement goes into what is known. */
const weight = 0.25

/** What is known, with a new measurement. */
export const blend = (known: number | undefined, seen: number): number =>
  known === undefined ? seen : known + weight * (seen - known)

/** Runs what must not fail the whole; `undefined` when it did. */
type Tolerate = <T>(what: string, run: () => Promise<T>, signal: AbortSignal | undefined) => Promise<T | undefined>

/** What {@link createCompressorSizes} needs to build a channel and to know when to. */
type Settings = {
  readonly chainId: bigint
  readonly genesisTimeSeconds: bigint
  readonly blockTimeSeconds: bigint
  readonly sampleBytes: number
  readonly measureEveryChannels: number
}

/** Bytes that a transaction takes behind each compressor: of the one in use from its channels, of all now and then on blocks of the last channel. */
export function createCompressorSizes(
  { sampleBytes, measureEveryChannels, ...chain }: Settings,
  compressors: readonly { readonly name: string; readonly compressor: Compressor }[],
  node: Pick<BatcherNode, 'blocks'>,
) {
  const sizes = new Map<string, number>()
  let lastChannel: { readonly firstBlock: bigint; readonly lastBlock: bigint } | undefined
  let channelsSinceMeasured = Number.POSITIVE_INFINITY

  /** Newest blocks of the last channel, about as many bytes as the sample may have. */
  const sample = async (signal: AbortSignal | undefined): Promise<readonly BatchBlock[]> => {
    if (lastChannel === undefined) return []
    const { firstBlock, lastBlock } = lastChannel
    const from = lastBlock - firstBlock > 255n ? lastBlock - 255n : firstBlock
    const blocks = await node.blocks(from, lastBlock, { signal })
    let bytes = 0
    let start = blocks.length
    while (start > 0 && bytes < sampleBytes) {
      start--
      bytes += blocks[start]!.transactions.reduce((sum, { length }) => sum + length, 0)
    }
    return blocks.slice(start)
  }

  const measureOne = async (name: string, compressor: Compressor, blocks: readonly BatchBlock[]): Promise<void> => {
    const channel = createChannelOut(
      {
        channelId: `0x${'00'.repeat(16)}`,
        ...chain,
        targetFrames: Math.ceil((4 * sampleBytes) / maxBlobFrameDataBytes) + 1,
      },
      compressor,
    )
    try {
      for (const block of blocks) if ((await channel.add(block)) === 'full') break
      const { compressedBytes, blockCount } = await channel.close()
      const transactions = blocks.slice(0, blockCount).reduce((sum, block) => sum + block.transactions.length, 0)
      if (transactions > 0) sizes.set(name, compressedBytes / transactions)
    } catch (error) {
      channel.abort()
      throw error
    }
  }

  return {
    /** Those of which anything is known. */
    get known(): { name: string; bytesPerTransaction: number }[] {
      return compressors.flatMap(({ name }) => {
        const bytesPerTransaction = sizes.get(name)
        return bytesPerTransaction === undefined ? [] : [{ name, bytesPerTransaction }]
      })
    },
    /** A channel was closed that this compressor made. */
    note(name: string, channel: Extract<BatcherEvent, { type: 'channel-closed' }>): void {
      const { firstBlock, lastBlock, transactions, bytes } = channel
      lastChannel = { firstBlock, lastBlock }
      channelsSinceMeasured++
      if (transactions > 0) sizes.set(name, blend(sizes.get(name), bytes / transactions))
    },
    get isMeasureDue(): boolean {
      return channelsSinceMeasured >= measureEveryChannels
    },
    /** Measures all on the last channel's blocks. */
    async measure(tolerate: Tolerate, signal: AbortSignal | undefined): Promise<void> {
      const blocks = await sample(signal)
      if (blocks.every(block => block.transactions.length === 0)) return
      for (const { name, compressor } of compressors) {
        // One that fails is not chosen before it has been measured again.
        sizes.delete(name)
        await tolerate(`${name} could not be measured`, () => measureOne(name, compressor, blocks), signal)
      }
      channelsSinceMeasured = 0
    },
  }
}
