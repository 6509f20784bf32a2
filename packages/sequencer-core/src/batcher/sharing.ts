import type { Hex } from 'viem'
import { encodeBatcherTransaction, type Frame, maxBlobPayloadBytes } from '../channel/frame.js'
import { SequencerError } from '../errors.js'

/** A finished channel of one of several rollups that share a batch inbox and a poster. */
export type SharedChannel = {
  readonly rollup: string
  readonly channelId: Hex
  /** The compressed channel: the data of its frames in order. */
  readonly data: Uint8Array
}

/** Version byte of a payload, and what a frame takes beside its data. */
const versionBytes = 1
const frameBytes = 23

/**
 * Packs channels of several rollups into as few blob payloads as hold them. Frames are cut where a payload ends, and a channel is whole before
 * the next begins, which Holocene asks for. Each rollup reads every channel and derives only its own: another's batches do not build on its
 * chain. Post the payloads in order.
 *
 * @returns the payloads, and the bytes each rollup has in them, for {@link splitByBytes}
 * @throws SequencerError `BATCHER_OPTIONS` when a payload cannot hold a frame
 *
 * @example
 * ```ts
 * import { packSharedChannels, splitByBytes } from '@l2/sequencer-core'
 *
 * const { payloads, bytes } = packSharedChannels([
 *   { rollup: 'a', channelId: `0x${'01'.repeat(16)}`, data: new Uint8Array(977) },
 *   { rollup: 'b', channelId: `0x${'02'.repeat(16)}`, data: new Uint8Array(1977) },
 * ])
 * console.log(payloads.length, bytes) // 1 { a: 1000, b: 2000 }
 * console.log(splitByBytes(100n, bytes)) // { a: 33n, b: 67n }
 * ```
 */
export function packSharedChannels(
  channels: readonly SharedChannel[],
  payloadBytes: number = maxBlobPayloadBytes,
): { payloads: Uint8Array[]; bytes: Record<string, number> } {
  if (!Number.isInteger(payloadBytes) || payloadBytes <= versionBytes + frameBytes) {
    throw new SequencerError(`payloads of ${payloadBytes} bytes hold no frame`, {
      code: 'BATCHER_OPTIONS',
      details: { payloadBytes },
    })
  }
  const payloads: Uint8Array[] = []
  const bytes = new Map<string, number>()
  let frames: Frame[] = []
  let room = payloadBytes - versionBytes
  const flush = (): void => {
    if (frames.length > 0) payloads.push(encodeBatcherTransaction(frames))
    frames = []
    room = payloadBytes - versionBytes
  }
  for (const { rollup, channelId, data } of channels) {
    let at = 0
    for (let frameNumber = 0; frameNumber === 0 || at < data.length; frameNumber++) {
      if (room <= frameBytes) flush()
      const end = Math.min(data.length, at + room - frameBytes)
      frames.push({ channelId, frameNumber, data: data.subarray(at, end), isLast: end === data.length })
      room -= frameBytes + (end - at)
      bytes.set(rollup, (bytes.get(rollup) ?? 0) + frameBytes + (end - at))
      at = end
    }
  }
  flush()
  return { payloads, bytes: Object.fromEntries(bytes) }
}

/**
 * Splits a cost in proportion to bytes, exactly: shares are rounded down, and the units that this leaves go to the largest remainders, at
 * equal remainders to the name that sorts first.
 *
 * @throws SequencerError `ECONOMICS_INVALID` when nobody has any bytes, or an amount is negative
 */
export function splitByBytes(costWei: bigint, bytes: Readonly<Record<string, number>>): Record<string, bigint> {
  const names = Object.keys(bytes).sort()
  const total = names.reduce((sum, name) => sum + BigInt(bytes[name]!), 0n)
  if (costWei < 0n || total <= 0n || names.some(name => bytes[name]! < 0)) {
    throw new SequencerError(`${costWei} wei cannot be split over ${total} bytes`, {
      code: 'ECONOMICS_INVALID',
      details: { costWei, total },
    })
  }
  const parts = names.map(name => {
    const product = costWei * BigInt(bytes[name]!)
    return { name, share: product / total, remainder: product % total }
  })
  let left = costWei - parts.reduce((sum, { share }) => sum + share, 0n)
  const order = [...parts].sort((a, b) => (a.remainder > b.remainder ? -1 : a.remainder < b.remainder ? 1 : 0))
  for (const part of order) {
    if (left === 0n) break
    part.share++
    left--
  }
  return Object.fromEntries(parts.map(({ name, share }) => [name, share]))
}
