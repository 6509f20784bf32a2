import { concatBytes } from '@l2/common'
import { fastLzSize } from '../fees/fastlz.js'
import type { RunBlock } from './run-encoder.js'

/** How much of the room a run of blocks may be estimated to take. The first run, whose ratio is a guess, is kept short. */
const firstMargin = 0.7
/** The same of later runs, whose ratio was measured. */
export const margin = 0.94
/** What a run costs beside its blocks: the span's prefix, the flush, fresh code tables. */
export const runOverheadBytes = 192

/** FastLZ length of small input; of large input an estimate, from a quarter of it spread evenly. */
function sampledFastLzSize(bytes: Uint8Array): number {
  const stride = 32_768
  const window = 8_192
  if (bytes.length <= stride) return fastLzSize(bytes)
  let size = 0
  let seen = 0
  for (let at = 0; at < bytes.length; at += stride) {
    const part = bytes.subarray(at, at + window)
    size += fastLzSize(part)
    seen += part.length
  }
  return size * (bytes.length / seen)
}

/** The blocks that wait to be compressed together, and what they are estimated to take, by the ratio of the runs before. */
export function createWaitingRun() {
  let waiting: RunBlock[] = []
  let maxBytes = 0
  /** FastLZ length of the measured blocks, and those that were not measured yet. */
  let flz = 0
  let unmeasured: RunBlock[] = []
  let unmeasuredBytes = 0
  /** Compressed bytes of a FastLZ byte. */
  let ratio = 1
  let calibrated = false

  /** Moves everything that waits unmeasured into the measured sum. */
  const measure = (): void => {
    const parts = unmeasured.flatMap(item => item.bytes ?? item.block.transactions)
    flz += sampledFastLzSize(concatBytes(...parts)) + unmeasured.length
    unmeasured = []
    unmeasuredBytes = 0
  }

  return {
    get blockCount(): number {
      return waiting.length
    },
    /** Bytes that they add to the batch stream, at most. */
    get maxBytes(): number {
      return maxBytes
    },
    /** Compressed bytes of the run, were it compressed now. */
    estimate(): number {
      measure()
      return flz * ratio + runOverheadBytes
    },
    /** Whether a block may wait with the others, for so much room. Blocks are looked at only when they would not fit uncompressed. */
    fits(item: RunBlock, room: number): boolean {
      const limit = room * (calibrated ? margin : firstMargin) - runOverheadBytes
      if (flz * ratio + unmeasuredBytes + item.maxBytes <= limit) return true
      if (unmeasured.length > 0) {
        measure()
        if (flz * ratio + item.maxBytes <= limit) return true
      }
      unmeasured = [item]
      const before = flz
      measure()
      const fit = flz * ratio <= limit
      flz = before
      return fit
    },
    enter(item: RunBlock): void {
      waiting.push(item)
      maxBytes += item.maxBytes
      unmeasured.push(item)
      unmeasuredBytes += item.maxBytes
    },
    /** Takes the run, with its FastLZ length; nothing waits any more. */
    take(): { items: readonly RunBlock[]; fastLzBytes: number } {
      measure()
      const taken = { items: waiting, fastLzBytes: Math.max(1, flz) }
      waiting = []
      maxBytes = 0
      flz = 0
      return taken
    },
    /** A run of this FastLZ length was compressed to so many bytes. Of two runs the worse ratio counts more: one light run must not tempt the next too far. */
    learn(fastLzBytes: number, compressedBytes: number): void {
      const now = Math.max(0.02, (compressedBytes - runOverheadBytes / 2) / fastLzBytes)
      ratio = calibrated ? Math.max(now, (ratio + now) / 2) : now
      calibrated = true
    },
  }
}
