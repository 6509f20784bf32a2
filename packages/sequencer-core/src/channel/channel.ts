import { concatBytes } from '@l2/common'
import type { Hex } from 'viem'
import type { Frame } from './frame.js'

/** What a frame is charged beside its data when channels are measured, bytes. Source: OP specs, "frame overhead". */
export const frameAccountingBytes = 200

/** A channel all of whose frames are there: `data` is its compressed batch stream. */
export type ReadyChannel = {
  readonly channelId: Hex
  readonly data: Uint8Array
  /** L1 block in which its first frame was seen. */
  readonly openedAtBlock: bigint
}

/** Why a frame was left out. */
export type FrameRefusal =
  /** Its channel is older than the channel timeout. */
  | 'channel-timed-out'
  /** The channel has a frame of that number. */
  | 'duplicate'
  /** The channel is closed by another frame. */
  | 'second-last'
  /** Numbered at or behind the frame that closed the channel. */
  | 'beyond-last'

/** Whether a channel opened at `openedAtBlock` is too old at `nowBlock`. Strictly beyond: the block of the timeout still counts. */
export function isTimedOut(openedAtBlock: bigint, nowBlock: bigint, channelTimeoutBlocks: bigint): boolean {
  return nowBlock > openedAtBlock + channelTimeoutBlocks
}

/** Frames of one channel, in whatever order they came. */
export class PendingChannel {
  readonly id: Hex
  readonly openedAtBlock: bigint
  /** Bytes it is charged with. */
  size = 0
  private readonly frames = new Map<number, Uint8Array>()
  private last = -1
  private highest = -1

  constructor(id: Hex, openedAtBlock: bigint) {
    this.id = id
    this.openedAtBlock = openedAtBlock
  }

  /** Takes a frame or says why not. */
  add(frame: Frame): FrameRefusal | undefined {
    const { frameNumber } = frame
    if (frame.isLast && this.last >= 0) return 'second-last'
    if (this.frames.has(frameNumber)) return 'duplicate'
    if (this.last >= 0 && frameNumber >= this.last) return 'beyond-last'
    if (frame.isLast) {
      this.last = frameNumber
      if (this.highest > frameNumber) {
        // op-node subtracts the size of every buffered frame here, not only of the ones it drops; the sum decides which channels a full bank
        // drops, so the slip is part of the protocol by now.
        let all = 0
        for (const [number, data] of this.frames) {
          all += data.length + frameAccountingBytes
          if (number >= frameNumber) this.frames.delete(number)
        }
        this.size -= all
        this.highest = frameNumber
      }
    }
    if (frameNumber > this.highest) this.highest = frameNumber
    this.frames.set(frameNumber, frame.data)
    this.size += frame.data.length + frameAccountingBytes
    return undefined
  }

  get ready(): boolean {
    // Numbers are distinct and below the last one: as many as that are all of them.
    return this.last >= 0 && this.frames.size === this.last + 1
  }

  read(): ReadyChannel {
    const parts: Uint8Array[] = []
    for (let i = 0; i <= this.last; i++) parts.push(this.frames.get(i)!)
    return { channelId: this.id, data: concatBytes(...parts), openedAtBlock: this.openedAtBlock }
  }
}
