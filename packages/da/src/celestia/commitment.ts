import { merkleRoot } from './merkle.js'
import { namespaceBytes } from './namespace.js'
import { foldNodes, nodeBytes, writeLeaf } from './nmt.js'
import { type CelestiaBlob, shareBytes, splitShares } from './shares.js'

/** Roots that a commitment has at most. Source: celestia-app `appconsts.SubtreeRootThreshold`. */
export const subtreeRootThreshold = 64

function powerOfTwoFrom(value: number): number {
  let power = 1
  while (power < value) power *= 2
  return power
}

/**
 * Width of the subtrees that a blob of so many shares is committed to by, which is also what its first share is aligned to.
 * Source: go-square `inclusion.SubTreeWidth`.
 *
 * @example
 * ```ts
 * import { subtreeWidth } from '@l2/da/celestia'
 *
 * console.log(subtreeWidth(64), subtreeWidth(65)) // 1 2
 * ```
 */
export function subtreeWidth(shares: number): number {
  let root = Math.floor(Math.sqrt(shares))
  while (root * root < shares) root++
  return Math.min(powerOfTwoFrom(Math.ceil(shares / subtreeRootThreshold)), powerOfTwoFrom(root))
}

/**
 * Sizes of the mountains over so many shares. Source: go-square `inclusion.MerkleMountainRangeSizes`.
 *
 * @example
 * ```ts
 * import { mountainSizes } from '@l2/da/celestia'
 *
 * console.log(mountainSizes(11, 4)) // [ 4, 4, 2, 1 ]
 * ```
 */
export function mountainSizes(shares: number, width: number): number[] {
  const sizes: number[] = []
  for (let left = shares; left > 0; ) {
    let size = width
    while (size > left) size /= 2
    sizes.push(size)
    left -= size
  }
  return sizes
}

/**
 * Where a blob of so many shares begins, at or behind `cursor`. Source: go-square `inclusion.NextShareIndex`.
 *
 * @example
 * ```ts
 * import { nextShareIndex } from '@l2/da/celestia'
 *
 * console.log(nextShareIndex(3, 65)) // 4
 * ```
 */
export function nextShareIndex(cursor: number, shares: number): number {
  const width = subtreeWidth(shares)
  return Math.ceil(cursor / width) * width
}

/**
 * The roots of a blob's mountains, in order.
 *
 * @example
 * ```ts
 * import { namespaceOfName, subtreeRoots } from '@l2/da/celestia'
 *
 * const blob = { namespace: namespaceOfName('rollup'), data: new Uint8Array(1000).fill(1), shareVersion: 0 } as const
 * console.log(subtreeRoots(blob).map(root => root.length)) // [ 90, 90, 90 ]
 * ```
 */
export function subtreeRoots(blob: CelestiaBlob): Uint8Array[] {
  const shares = splitShares(blob)
  const count = shares.length / shareBytes
  const width = subtreeWidth(count)
  const nodes = new Uint8Array(width * nodeBytes)
  const namespace = blob.namespace.subarray(0, namespaceBytes)
  let at = 0
  return mountainSizes(count, width).map(size => {
    for (let i = 0; i < size; i++, at += shareBytes) {
      writeLeaf(nodes, i * nodeBytes, shares.subarray(at, at + shareBytes), namespace)
    }
    return foldNodes(nodes, size)
  })
}

/**
 * The share commitment of a blob: 32 bytes that bind its namespace, data, share version and signer, and that a block's data root includes.
 * Source: go-square `inclusion.CreateCommitment`.
 *
 * @throws DaError `DA_EMPTY`, `DA_OPTIONS_INVALID`
 * @example
 * ```ts
 * import { bytesToHex } from 'viem'
 * import { namespaceV0, shareCommitment } from '@l2/da/celestia'
 *
 * const namespace = namespaceV0(new TextEncoder().encode('l2-test-01'))
 * const data = Uint8Array.from({ length: 478 }, (_, i) => (31 * i + 7) & 255)
 * console.log(bytesToHex(shareCommitment({ namespace, data, shareVersion: 0 }))) // 0x5de81232919e285af8a74e9c0043df55606af6f30f372139c69849b1af6615b9
 * ```
 */
export function shareCommitment(blob: CelestiaBlob): Uint8Array {
  return merkleRoot(subtreeRoots(blob))
}
