import { bytesToHex, concatBytes } from '@l2/common'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Hash } from 'viem'

/**
 * Binary Merkle root over a block's transactions: leaf = keccak256(0x00 ‖ transaction), node = keccak256(0x01 ‖ left ‖ right), an odd one moves up
 * as it is; 32 zero bytes for none.
 */
export function transactionsRoot(transactions: readonly Uint8Array[]): Hash {
  let level: Uint8Array[] = transactions.map(bytes => keccak_256(concatBytes(Uint8Array.of(0), bytes)))
  if (level.length === 0) return `0x${'0'.repeat(64)}`
  while (level.length > 1) {
    const next: Uint8Array[] = []
    for (let i = 0; i < level.length; i += 2) {
      const right = level[i + 1]
      next.push(right === undefined ? level[i]! : keccak_256(concatBytes(Uint8Array.of(1), level[i]!, right)))
    }
    level = next
  }
  return bytesToHex(level[0]!)
}
