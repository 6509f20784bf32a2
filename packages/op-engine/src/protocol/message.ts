import { OpEngineError } from '../errors.js'

/** One message of the protocol: a JSON header and the byte strings behind it. See `PROTOCOL.md`. */
export type Message = { readonly header: unknown; readonly bytes: readonly Uint8Array[] }

const encoder = /* @__PURE__ */ new TextEncoder()
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true })

/**
 * The bytes of a message.
 *
 * @example
 * ```ts
 * import { decodeMessage, encodeMessage } from '@l2/op-engine'
 *
 * const message = encodeMessage({ id: 7, method: 'block', params: { id: 'latest' } }, [])
 * console.log(message.length) // 58
 * console.log(decodeMessage(message).header) // { id: 7, method: 'block', params: { id: 'latest' } }
 * ```
 */
export function encodeMessage(header: unknown, bytes: readonly Uint8Array[]): Uint8Array {
  const json = encoder.encode(JSON.stringify(header))
  let length = 8 + json.length
  for (const each of bytes) length += 4 + each.length
  const message = new Uint8Array(length)
  const view = new DataView(message.buffer)
  view.setUint32(0, json.length)
  message.set(json, 4)
  let at = 4 + json.length
  view.setUint32(at, bytes.length)
  at += 4
  for (const each of bytes) {
    view.setUint32(at, each.length)
    message.set(each, at + 4)
    at += 4 + each.length
  }
  return message
}

/**
 * Reads a message; its byte strings are views of `message`.
 *
 * @throws OpEngineError `ENGINE_RPC` when it is none
 */
export function decodeMessage(message: Uint8Array): Message {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  let at = 0
  const u32 = (what: string): number => {
    if (at + 4 > message.length) throw malformed(message, `it ends where the ${what} should stand`)
    at += 4
    return view.getUint32(at - 4)
  }
  const take = (length: number, what: string): Uint8Array => {
    if (length > message.length - at) throw malformed(message, `its ${what} of ${length} bytes goes beyond the end`)
    at += length
    return message.subarray(at - length, at)
  }
  const json = take(u32('length of the header'), 'header')
  const count = u32('number of byte strings')
  // Each takes four bytes at least: a count that cannot be is refused before anything is made for it.
  if (count > (message.length - at) / 4) throw malformed(message, `it cannot hold ${count} byte strings`)
  const bytes: Uint8Array[] = []
  for (let i = 0; i < count; i++) bytes.push(take(u32(`length of byte string ${i}`), `byte string ${i}`))
  if (at !== message.length) throw malformed(message, `${message.length - at} bytes follow its end`)
  try {
    return { header: JSON.parse(decoder.decode(json)), bytes }
  } catch (cause) {
    throw malformed(message, 'its header is no JSON', cause)
  }
}

function malformed(message: Uint8Array, reason: string, cause?: unknown): OpEngineError {
  return new OpEngineError(`a message of ${message.length} bytes cannot be read: ${reason}`, {
    code: 'ENGINE_RPC',
    details: { length: message.length },
    cause,
  })
}
