import { concatBytes } from '@l2/common'
import type { Stream } from '@libp2p/interface'

/** Bytes that are handed to a stream at once: more than its window would only wait in memory. */
const chunkBytes = 65_536

/** One message: its length, u32, then its bytes. */
export async function writeFrame(stream: Stream, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, bytes.length)
  const frame = concatBytes(length, bytes)
  for (let at = 0; at < frame.length; at += chunkBytes) {
    signal.throwIfAborted()
    if (!stream.send(frame.subarray(at, at + chunkBytes))) await stream.onDrain({ signal })
  }
}

/** What {@link readFrame} says of a peer that sends more than it may, or not what it announced. */
export class FrameError extends Error {}

/**
 * The one message of a stream. Memory is taken as bytes arrive, never for what a length promises.
 *
 * @throws FrameError for a message that is too long, ends early or goes on; the signal's reason; what the stream ends with
 */
export async function readFrame(stream: Stream, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const onAbort = (): void => stream.abort(signal.reason instanceof Error ? signal.reason : new Error('given up'))
  signal.throwIfAborted()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const chunks: Uint8Array[] = []
    let length: number | undefined
    let have = 0
    for await (const chunk of stream) {
      chunks.push(chunk.subarray().slice())
      have += chunk.byteLength
      if (length === undefined && have >= 4) {
        const head = concatBytes(...chunks)
        length = new DataView(head.buffer).getUint32(0)
        if (length > maxBytes) throw new FrameError(`a message of ${length} bytes, at most ${maxBytes} expected`)
      }
      if (have > 4 + (length ?? 0) && length !== undefined) throw new FrameError('a message goes on behind its end')
      if (length !== undefined && have === 4 + length) break
    }
    signal.throwIfAborted()
    if (length === undefined || have < 4 + length) throw new FrameError('a message ends early')
    return concatBytes(...chunks).subarray(4)
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
