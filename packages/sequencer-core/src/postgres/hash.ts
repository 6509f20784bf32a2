import { createHash } from 'node:crypto'
import type { Hash } from 'viem'

/** The hash of several parts as one, by the system's own code: payloads are large. */
export function sha256(...parts: readonly Uint8Array[]): Hash {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return `0x${hash.digest('hex')}`
}
