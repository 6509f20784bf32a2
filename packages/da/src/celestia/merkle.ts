import { concatBytes, equalBytes } from '@l2/common'
import { sha256 } from '@l2/common/crypto'

const leafPrefix = Uint8Array.of(0)
const innerPrefix = Uint8Array.of(1)

/** Source: RFC 6962, section 2.1. */
export const merkleLeaf = (data: Uint8Array): Uint8Array => sha256(concatBytes(leafPrefix, data))
const inner = (left: Uint8Array, right: Uint8Array): Uint8Array => sha256(concatBytes(innerPrefix, left, right))

/** The largest power of two below `count`, which is at least 2. */
function split(count: number): number {
  let half = 1
  while (half * 2 < count) half *= 2
  return half
}

/**
 * Root of a binary tree over byte strings; sha256 of nothing for none.
 *
 * @example
 * ```ts
 * import { merkleRoot } from '@l2/da/celestia'
 *
 * console.log(merkleRoot([Uint8Array.of(1), Uint8Array.of(2)]).length) // 32
 * ```
 */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const fold = (from: number, to: number): Uint8Array => {
    if (to - from === 1) return merkleLeaf(leaves[from]!)
    const middle = from + split(to - from)
    return inner(fold(from, middle), fold(middle, to))
  }
  return leaves.length === 0 ? sha256(new Uint8Array()) : fold(0, leaves.length)
}

/** That a leaf stands at `index` of `total` below a root. */
export type MerkleProof = { total: number; index: number; leafHash: Uint8Array; aunts: readonly Uint8Array[] }

/**
 * The proof of one leaf, aunts from the leaf upwards.
 *
 * @example
 * ```ts
 * import { merkleProof } from '@l2/da/celestia'
 *
 * const leaves = [1, 2, 3].map(value => Uint8Array.of(value))
 * console.log(merkleProof(leaves, 2).aunts.length) // 1
 * ```
 */
export function merkleProof(leaves: readonly Uint8Array[], index: number): MerkleProof {
  const aunts: Uint8Array[] = []
  const descend = (from: number, to: number): void => {
    if (to - from === 1) return
    const middle = from + split(to - from)
    if (index < middle) {
      descend(from, middle)
      aunts.push(merkleRoot(leaves.slice(middle, to)))
    } else {
      descend(middle, to)
      // The subtree on the left, hashed as a tree of its own: its shape does not depend on where it stands.
      aunts.push(merkleRoot(leaves.slice(from, middle)))
    }
  }
  descend(0, leaves.length)
  return { total: leaves.length, index, leafHash: merkleLeaf(leaves[index]!), aunts }
}

/**
 * Whether a proof leads from a leaf to a root, with no aunt missing and none left over.
 *
 * @example
 * ```ts
 * import { merkleProof, merkleRoot, verifyMerkleProof } from '@l2/da/celestia'
 *
 * const leaves = [1, 2, 3].map(value => Uint8Array.of(value))
 * console.log(verifyMerkleProof(merkleProof(leaves, 1), leaves[1]!, merkleRoot(leaves))) // true
 * ```
 */
export function verifyMerkleProof(proof: MerkleProof, leaf: Uint8Array, root: Uint8Array): boolean {
  const { total, index, aunts } = proof
  if (!Number.isSafeInteger(total) || !Number.isSafeInteger(index) || index < 0 || index >= total) return false
  if (aunts.length > 64 || !equalBytes(merkleLeaf(leaf), proof.leafHash)) return false
  let left = aunts.length
  const climb = (at: number, count: number): Uint8Array | undefined => {
    if (count === 1) return proof.leafHash
    if (left === 0) return undefined
    const aunt = aunts[--left]!
    const half = split(count)
    if (at < half) {
      const below = climb(at, half)
      return below && inner(below, aunt)
    }
    const below = climb(at - half, count - half)
    return below && inner(aunt, below)
  }
  const top = climb(index, total)
  return top !== undefined && left === 0 && equalBytes(top, root)
}
