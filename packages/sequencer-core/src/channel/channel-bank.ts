import type { Hex } from 'viem'
import { type FrameRefusal, isTimedOut, PendingChannel, type ReadyChannel } from './channel.js'
import type { Frame } from './frame.js'

/** Rules of the channel bank at one L1 block. */
export type ChannelBankRules = {
  /** L1 blocks after which an unfinished channel is dropped. */
  readonly channelTimeoutBlocks: bigint
  /** Bytes all channels together may be charged with, {@link frameAccountingBytes} a frame included. */
  readonly maxBankBytes: number
  /** Canyon: any complete channel may be read, not only the oldest. */
  readonly readAnyReady: boolean
}

/** The channel stage before Holocene. No I/O, no clock; `l1Block` numbers must not fall. */
export type ChannelBank = {
  /** Takes a frame read in `l1Block`, or says why not. Drops the oldest channels when the bank is full. */
  add(frame: Frame, l1Block: bigint, rules: ChannelBankRules): FrameRefusal | undefined
  /** The next complete channel, which leaves the bank. Drops what timed out. */
  read(l1Block: bigint, rules: ChannelBankRules): ReadyChannel | undefined
  /** Channels that are waiting. */
  readonly channelCount: number
  /** Bytes they are charged with. */
  readonly size: number
}

/**
 * Collects frames in any order, several channels at a time, first seen first out.
 *
 * Source: OP specs, "Channel Bank"; op-node where the specs are silent: closing a channel drops buffered frames numbered above the closing one,
 * and charges less than it should.
 */
export function createChannelBank(): ChannelBank {
  // A Map keeps the order in which channels were first seen.
  const channels = new Map<Hex, PendingChannel>()
  let size = 0
  let readyCount = 0

  const remove = (channel: PendingChannel): void => {
    channels.delete(channel.id)
    size -= channel.size
    if (channel.ready) readyCount--
  }
  /** The oldest channel that has not timed out, having dropped those before it. */
  const head = (l1Block: bigint, rules: ChannelBankRules): PendingChannel | undefined => {
    for (const channel of channels.values()) {
      if (!isTimedOut(channel.openedAtBlock, l1Block, rules.channelTimeoutBlocks)) return channel
      remove(channel)
    }
    return undefined
  }

  return {
    add(frame, l1Block, rules) {
      let channel = channels.get(frame.channelId)
      if (channel === undefined) {
        channel = new PendingChannel(frame.channelId, l1Block)
        channels.set(frame.channelId, channel)
      } else if (isTimedOut(channel.openedAtBlock, l1Block, rules.channelTimeoutBlocks)) return 'channel-timed-out'
      const before = channel.size
      const refusal = channel.add(frame)
      if (refusal !== undefined) return refusal
      size += channel.size - before
      // A complete channel refuses every further frame, so that this counts each once.
      if (channel.ready) readyCount++
      for (const oldest of channels.values()) {
        if (size <= rules.maxBankBytes) break
        remove(oldest)
      }
      return undefined
    },
    read(l1Block, rules) {
      const first = head(l1Block, rules)
      if (first === undefined) return undefined
      if (!rules.readAnyReady) {
        if (!first.ready) return undefined
        remove(first)
        return first.read()
      }
      if (readyCount === 0) return undefined
      for (const channel of channels.values()) {
        if (!channel.ready || isTimedOut(channel.openedAtBlock, l1Block, rules.channelTimeoutBlocks)) continue
        remove(channel)
        return channel.read()
      }
      return undefined
    },
    get channelCount() {
      return channels.size
    },
    get size() {
      return size
    },
  }
}
