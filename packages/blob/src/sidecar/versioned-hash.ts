import { bytesToHex } from '@l2/common'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Hex } from 'viem'

/** What the execution layer knows of a blob: `0x01` and the last 31 bytes of sha256(commitment) (EIP-4844). */
export function versionedHashOf(commitment: Uint8Array): Hex {
  const hash = sha256(commitment)
  hash[0] = 1
  return bytesToHex(hash)
}
