import { bytesToHex, hexToBytes } from '@l2/common'
import type { Hex } from 'viem'
import { SequencerError } from '../errors.js'

/** Bytes of a frame beside its data: id 16, number 2, length 4, last 1. Source: OP specs, "Frame format". */
export const frameOverheadBytes = 23

/** The most data one frame may carry, bytes. Source: OP specs, `MAX_FRAME_LEN`. */
export const maxFrameDataBytes = 1_000_000

/** Frames that one channel can have: their number has 16 bits. */
export const maxChannelFrames = 65_536

/**
 * Payload of one blob in the OP codec, bytes: (4·31+3)·1024 − 4.
 * Source: OP specs, Ecotone, "Blob Encoding".
 */
export const maxBlobPayloadBytes = 130_044

/** Frame data that fills a blob exactly: its payload without the version byte and the frame's overhead. */
export const maxBlobFrameDataBytes: number = maxBlobPayloadBytes - 1 - frameOverheadBytes

/** A piece of a channel. Source: OP specs, "Frame format". */
export type Frame = {
  /** 16 bytes, opaque, never used again. */
  readonly channelId: Hex
  /** 0 … 65535. */
  readonly frameNumber: number
  readonly data: Uint8Array
  readonly isLast: boolean
}

/** What the data of one batcher transaction, or of one of its blobs, says. */
export type BatcherTransaction =
  | { readonly version: 0; readonly frames: readonly Frame[] }
  /** A pointer into another data-availability layer: commitment type, then the commitment. */
  | { readonly version: 1; readonly commitment: Uint8Array }

function invalid(reason: string, offset: number): never {
  throw new SequencerError(`invalid batcher data at byte ${offset}: ${reason}`, {
    code: 'BATCHER_TRANSACTION_INVALID',
    details: { reason, offset },
  })
}

/**
 * Reads the data of a batcher transaction. `0x00` is followed by frames, which all have to parse and to consume the bytes exactly; `0x01` by an
 * alt-DA commitment. `is_last` other than 0 and 1 condemns all frames of the transaction, as in op-node (kona reads it as "not last").
 *
 * Frame data are views of `data`.
 *
 * @throws SequencerError `BATCHER_TRANSACTION_INVALID`: ignore the transaction
 * @example
 * ```ts
 * import { decodeBatcherTransaction } from '@l2/sequencer-core'
 * import { encodeBatcherTransaction } from '@l2/sequencer-core/batch'
 *
 * const frame = { channelId: `0x${'0a'.repeat(16)}`, frameNumber: 0, data: Uint8Array.of(1, 2, 3), isLast: true } as const
 * const data = encodeBatcherTransaction([frame])
 * console.log(data.length) // 27
 * const decoded = decodeBatcherTransaction(data)
 * console.log(decoded.version === 0 && decoded.frames[0]?.isLast) // true
 * ```
 */
export function decodeBatcherTransaction(data: Uint8Array): BatcherTransaction {
  const version = data[0]
  if (version === undefined) invalid('no bytes', 0)
  if (version === 1) return { version: 1, commitment: data.subarray(1) }
  if (version !== 0) invalid(`version ${version}`, 0)
  const frames: Frame[] = []
  let at = 1
  while (at < data.length) {
    if (data.length - at < frameOverheadBytes) invalid('a cut frame', at)
    const channelId = bytesToHex(data.subarray(at, at + 16))
    const frameNumber = data[at + 16]! * 256 + data[at + 17]!
    const length = data[at + 18]! * 2 ** 24 + ((data[at + 19]! << 16) | (data[at + 20]! << 8) | data[at + 21]!)
    if (length > maxFrameDataBytes) invalid(`frame of ${length} bytes, at most ${maxFrameDataBytes}`, at + 18)
    const start = at + 22
    if (length + 1 > data.length - start) invalid('a cut frame', at)
    const last = data[start + length]!
    if (last > 1) invalid(`is_last is ${last}`, start + length)
    frames.push({ channelId, frameNumber, data: data.subarray(start, start + length), isLast: last === 1 })
    at = start + length + 1
  }
  if (frames.length === 0) invalid('no frames', at)
  return { version: 0, frames }
}

function invalidFrame(reason: string): never {
  throw new SequencerError(`invalid frame: ${reason}`, { code: 'FRAME_INVALID', details: { reason } })
}

/**
 * The data of a batcher transaction: version byte 0 and the frames.
 *
 * @throws SequencerError `FRAME_INVALID`
 */
export function encodeBatcherTransaction(frames: readonly Frame[]): Uint8Array {
  if (frames.length === 0) invalidFrame('a transaction needs one')
  let length = 1
  for (const frame of frames) length += frameOverheadBytes + frame.data.length
  const out = new Uint8Array(length)
  let at = 1
  for (const { channelId, frameNumber, data, isLast } of frames) {
    const id = hexToBytes(channelId)
    if (id === undefined || id.length !== 16) invalidFrame(`channel id "${channelId.slice(0, 80)}" is not 16 bytes`)
    if (!Number.isInteger(frameNumber) || frameNumber < 0 || frameNumber >= maxChannelFrames) {
      invalidFrame(`number ${frameNumber}, at most ${maxChannelFrames - 1}`)
    }
    if (data.length > maxFrameDataBytes) invalidFrame(`${data.length} bytes of data, at most ${maxFrameDataBytes}`)
    out.set(id!, at)
    out[at + 16] = frameNumber >> 8
    out[at + 17] = frameNumber & 255
    out[at + 18] = data.length >> 24
    out[at + 19] = data.length >> 16
    out[at + 20] = data.length >> 8
    out[at + 21] = data.length
    out.set(data, at + 22)
    out[at + 22 + data.length] = isLast ? 1 : 0
    at += frameOverheadBytes + data.length
  }
  return out
}
