import { hexToBytes } from '@l2/common'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Hex } from 'viem'
import { SequencerError } from '../errors.js'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

function base64Url(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    const digits = Math.min(bytes.length - i, 3) + 1
    for (let digit = 0; digit < digits; digit++) text += alphabet[(group >> (18 - 6 * digit)) & 63]
  }
  return text
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const header = /*#__PURE__*/ base64Url(/*#__PURE__*/ utf8('{"typ":"JWT","alg":"HS256"}'))

/**
 * Makes the bearer tokens of the Engine API: HS256 over the 32-byte secret that both sides share, with the time of issue and nothing else. Engines accept a
 * token for 60 seconds around that time, so one is made for every request. Source: execution-apis, "Authentication".
 *
 * @param secret 32 bytes; hex as engines write it into their `jwtsecret` file, with or without `0x` and white space
 * @throws SequencerError `ENGINE_OPTIONS`, without the secret
 *
 * @example
 * ```ts
 * import { createEngineToken } from '@l2/sequencer-core/engine'
 *
 * const token = createEngineToken(`0x${'00'.repeat(32)}`)
 * console.log(token(1_700_000_000n)) // eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpYXQiOjE3MDAwMDAwMDB9.…
 * ```
 */
export function createEngineToken(secret: Hex | string | Uint8Array): (nowSeconds: bigint) => string {
  const key = typeof secret === 'string' ? hexToBytes(secret.trim()) : secret
  if (key?.length !== 32) {
    throw new SequencerError(
      `the JWT secret must be 32 bytes${key === undefined ? ' of hex' : `, got ${key.length}`}`,
      {
        code: 'ENGINE_OPTIONS',
      },
    )
  }
  return nowSeconds => {
    const body = `${header}.${base64Url(utf8(`{"iat":${nowSeconds}}`))}`
    return `${body}.${base64Url(hmac(sha256, key, utf8(body)))}`
  }
}
