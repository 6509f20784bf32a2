import { concatBytes } from '@l2/common'
import { OpEngineError } from '../errors.js'

/** A message as it goes over a pipe: behind its length. */
export function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(4 + message.length)
  new DataView(framed.buffer).setUint32(0, message.length)
  framed.set(message, 4)
  return framed
}

/**
 * Cuts a stream into messages. Memory is bounded by what has come, never by what a length claims.
 *
 * @returns takes the next piece; throws OpEngineError `ENGINE_RPC` when a length is beyond `maxBytes`
 */
export function createFrameReader(
  maxBytes: number,
  onMessage: (message: Uint8Array) => void,
): (data: Uint8Array) => void {
  let pieces: Uint8Array[] = []
  let length = 0
  let wanted = 4
  let isLength = true
  return data => {
    pieces.push(data)
    length += data.length
    while (length >= wanted) {
      const all = pieces.length === 1 ? pieces[0]! : concatBytes(...pieces)
      const head = all.subarray(0, wanted)
      const rest = all.subarray(wanted)
      pieces = [rest]
      length = rest.length
      if (isLength) {
        wanted = new DataView(head.buffer, head.byteOffset).getUint32(0)
        if (wanted > maxBytes) {
          throw new OpEngineError(`the engine announces an answer of ${wanted} bytes`, {
            code: 'ENGINE_RPC',
            details: { length: wanted, limit: maxBytes },
          })
        }
        isLength = false
      } else {
        isLength = true
        wanted = 4
        onMessage(head)
      }
    }
  }
}
