import { maxBlobFrameDataBytes } from '../channel/frame.js'
import type { Compressor } from '../compression/compression.js'
import { SequencerError } from '../errors.js'

/** What a {@link createBatcher} posts, and when. Every value has a default; a profile is a set of them. */
export type BatcherOptions = {
  readonly chainId: bigint
  /** L2 genesis time, seconds. */
  readonly genesisTimeSeconds: bigint
  readonly blockTimeSeconds: bigint
  /** L1 blocks after an origin within which its batches must arrive. */
  readonly sequencingWindowBlocks: bigint
  /** Life of a channel in L1 blocks. Default 50, Granite's. */
  readonly channelTimeoutBlocks: bigint
  /** Frames of a channel: blobs, or calldata transactions. */
  readonly targetFrames: number
  /** Data of a frame, bytes. Default 130 020, which fills a blob. */
  readonly frameDataBytes: number
  /** L1 blocks after which a channel is closed although it is not full; 0: it waits until it is full. */
  readonly maxChannelDurationBlocks: bigint
  /** L1 blocks between submitting and being included that are reckoned with. */
  readonly expectedInclusionBlocks: bigint
  /** L1 blocks before a deadline (window or channel timeout) at which a channel is closed and sent whatever it holds. */
  readonly safetyMarginBlocks: bigint
  /** Blocks held at once; the rest stays with the node until there is room. */
  readonly maxLoadedBlocks: number
  /** Bytes of transactions held raw at once: one block more at most. Default 64 MiB. */
  readonly maxLoadedBytes: number
  /** What a submission must leave in the wallet, wei. Default 0. */
  readonly minBalanceWei: bigint
  /** An alarm is raised when the wallet lasts for fewer L1 blocks. Default 7200, a day. */
  readonly runwayAlarmBlocks: bigint
  /** Closed channels held at once; beyond it nothing is compressed until some are included. */
  readonly maxClosedChannels: number
  /** Submissions on their way at once, in order. Default 4. */
  readonly maxPendingSubmissions: number
  readonly compressor: Compressor
}

/** Where traffic is dense: five blobs at a time, half an hour at most. */
const busy = { targetFrames: 5, maxChannelDurationBlocks: 150n, safetyMarginBlocks: 300n }
/** Where it is thin: one blob, filled for up to five hours, because an empty one costs the same. */
const sparse = { targetFrames: 1, maxChannelDurationBlocks: 1500n, safetyMarginBlocks: 300n }
/** On a development chain: whatever there is, every few blocks of L1. */
const devnet = { targetFrames: 1, maxChannelDurationBlocks: 3n, safetyMarginBlocks: 5n }

/** Values that suit a kind of chain; every one of them can be overridden. L1 blocks are 12 s in the first two. */
export const batcherProfiles: Readonly<
  Record<
    'busy' | 'sparse' | 'devnet',
    Pick<BatcherOptions, 'targetFrames' | 'maxChannelDurationBlocks' | 'safetyMarginBlocks'>
  >
> = { busy, sparse, devnet }

/** What a caller of {@link createBatcher} has to say; the rest comes from the profile and the defaults. */
export type BatcherSetup = Pick<
  BatcherOptions,
  'chainId' | 'genesisTimeSeconds' | 'blockTimeSeconds' | 'sequencingWindowBlocks' | 'compressor'
> &
  Partial<BatcherOptions> & { profile?: keyof typeof batcherProfiles }

const counts = [
  'targetFrames',
  'frameDataBytes',
  'maxLoadedBlocks',
  'maxClosedChannels',
  'maxPendingSubmissions',
] as const

/**
 * A profile with its overrides, checked.
 *
 * @throws SequencerError `BATCHER_OPTIONS` naming the value
 */
export function batcherOptions(setup: BatcherSetup): BatcherOptions {
  const { profile, ...given } = setup
  const options: BatcherOptions = {
    channelTimeoutBlocks: 50n,
    frameDataBytes: maxBlobFrameDataBytes,
    expectedInclusionBlocks: 2n,
    maxLoadedBlocks: 20_000,
    maxLoadedBytes: 64 * 1024 * 1024,
    minBalanceWei: 0n,
    runwayAlarmBlocks: 7200n,
    maxClosedChannels: 8,
    maxPendingSubmissions: 4,
    ...batcherProfiles[profile ?? 'busy'],
    ...given,
  }
  const refuse = (field: keyof BatcherOptions, expected: string): never => {
    throw new SequencerError(`"${field}" expected ${expected}, got ${String(options[field])}`, {
      code: 'BATCHER_OPTIONS',
      details: { field, value: options[field] },
    })
  }
  if (options.blockTimeSeconds <= 0n) refuse('blockTimeSeconds', 'more than 0')
  for (const field of ['safetyMarginBlocks', 'maxChannelDurationBlocks', 'minBalanceWei'] as const) {
    if (options[field] < 0n) refuse(field, 'at least 0')
  }
  for (const field of ['expectedInclusionBlocks', 'maxLoadedBytes', ...counts] as const) {
    if (!(options[field] >= 1)) refuse(field, 'at least 1')
  }
  for (const field of counts) if (!Number.isInteger(options[field])) refuse(field, 'a whole number')
  if (options.safetyMarginBlocks >= options.sequencingWindowBlocks) {
    refuse('safetyMarginBlocks', `less than the sequencing window of ${options.sequencingWindowBlocks}`)
  }
  if (options.channelTimeoutBlocks <= options.expectedInclusionBlocks) {
    refuse('channelTimeoutBlocks', `more than the ${options.expectedInclusionBlocks} of an inclusion`)
  }
  return options
}
