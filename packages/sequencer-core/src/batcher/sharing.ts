import type { Hex } from 'viem'
import { encodeBatcherTransaction, type Frame, frameOverheadBytes, maxBlobPayloadBytes } from '../channel/frame.js'
import { SequencerError } from '../errors.js'

/** A finished channel of one of several rollups that share a batch inbox and a poster. */
export type SharedChannel = {
  readonly rollup: string
  readonly channelId: Hex
  /** The compressed channel: the data of its frames in order. */
  readonly data: Uint8Array
  /** Where to go on with a channel whose first frames are packed already. Default: at its beginning. */
  readonly next?: { readonly byte: number; readonly frame: number } | undefined
}

/** Options of {@link packSharedChannels}. */
export type PackOptions = {
  /** Default 130 044, a blob's. */
  readonly payloadBytes?: number | undefined
  /** Default: as many as it takes. */
  readonly maxPayloads?: number | undefined
  /** Leave what does not fill a payload. Default false. */
  readonly fullOnly?: boolean | undefined
}

/** Payloads to post in order, and what is not in them. */
export type PackedChannels = {
  readonly payloads: Uint8Array[]
  /** Frames by payload, for the record. */
  readonly frames: Frame[][]
  /** Bytes that each rollup has in the payloads, for {@link splitByBytes}. */
  readonly bytes: Record<string, number>
  /** Channels, or their ends, that are left. */
  readonly rest: SharedChannel[]
}

/** Version byte of a payload. */
const versionBytes = 1

/**
 * Packs channels of several rollups into as few blob payloads as hold them. Frames are cut where a payload ends, and a channel is whole before
 * the next begins, which Holocene asks for: what is left has to be packed before anything else. Each rollup reads every channel and derives
 * only its own: another's batches do not build on its chain.
 *
 * @throws SequencerError `BATCHER_OPTIONS` when a payload cannot hold a frame
 *
 * @example
 * ```ts
 * import { packSharedChannels, splitByBytes } from '@l2/sequencer-core/batcher'
 *
 * const { payloads, bytes } = packSharedChannels([
 *   { rollup: 'a', channelId: `0x${'01'.repeat(16)}`, data: new Uint8Array(977) },
 *   { rollup: 'b', channelId: `0x${'02'.repeat(16)}`, data: new Uint8Array(1977) },
 * ])
 * console.log(payloads.length, bytes) // 1 { a: 1000, b: 2000 }
 * console.log(splitByBytes(100n, bytes)) // { a: 33n, b: 67n }
 * ```
 */
export function packSharedChannels(channels: readonly SharedChannel[], options: PackOptions = {}): PackedChannels {
  const { payloadBytes = maxBlobPayloadBytes, maxPayloads = Number.POSITIVE_INFINITY, fullOnly = false } = options
  if (!Number.isInteger(payloadBytes) || payloadBytes <= versionBytes + frameOverheadBytes || !(maxPayloads >= 1)) {
    throw new SequencerError(`${maxPayloads} payloads of ${payloadBytes} bytes hold no frame`, {
      code: 'BATCHER_OPTIONS',
      details: { payloadBytes, maxPayloads },
    })
  }
  const payloads: Uint8Array[] = []
  const frames: Frame[][] = []
  const bytes = new Map<string, number>()
  let rest = [...channels]
  while (rest.length > 0 && payloads.length < maxPayloads) {
    const payload = packOne(rest, payloadBytes)
    if (fullOnly && payload.room > frameOverheadBytes) break
    payloads.push(encodeBatcherTransaction(payload.frames))
    frames.push(payload.frames)
    for (const [rollup, count] of payload.bytes) bytes.set(rollup, (bytes.get(rollup) ?? 0) + count)
    rest = payload.rest
  }
  return { payloads, frames, bytes: Object.fromEntries(bytes), rest }
}

function packOne(channels: readonly SharedChannel[], payloadBytes: number) {
  const frames: Frame[] = []
  const bytes: [rollup: string, count: number][] = []
  const rest = [...channels]
  let room = payloadBytes - versionBytes
  for (let channel = rest[0]; channel !== undefined && room > frameOverheadBytes; channel = rest[0]) {
    const { rollup, channelId, data, next = { byte: 0, frame: 0 } } = channel
    const end = Math.min(data.length, next.byte + room - frameOverheadBytes)
    const isLast = end === data.length
    frames.push({ channelId, frameNumber: next.frame, data: data.subarray(next.byte, end), isLast })
    const count = frameOverheadBytes + end - next.byte
    bytes.push([rollup, count])
    room -= count
    if (isLast) rest.shift()
    else rest[0] = { ...channel, next: { byte: end, frame: next.frame + 1 } }
  }
  return { frames, bytes, rest, room }
}

/**
 * Splits a cost in proportion to bytes, exactly: shares are rounded down, and the units that this leaves go to the largest remainders, at
 * equal remainders to the name that sorts first.
 *
 * @throws SequencerError `ECONOMICS_INVALID` when nobody has any bytes, an amount is negative, or bytes are no whole number
 */
export function splitByBytes(costWei: bigint, bytes: Readonly<Record<string, number>>): Record<string, bigint> {
  const names = Object.keys(bytes).sort()
  const valid = names.every(name => Number.isSafeInteger(bytes[name]) && bytes[name]! >= 0)
  const total = valid ? names.reduce((sum, name) => sum + BigInt(bytes[name]!), 0n) : 0n
  if (costWei < 0n || total <= 0n) {
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
