import { equalBytes } from '@l2/common'
import { mountainSizes, nextShareIndex, shareCommitment, subtreeWidth } from '../../celestia/commitment.js'
import { merkleProof, merkleRoot } from '../../celestia/merkle.js'
import { compareBytes, namespaceBytes } from '../../celestia/namespace.js'
import { foldNodes, nodeBytes, nodeLevels, rangeProof, writeLeaf } from '../../celestia/nmt.js'
import type { CommitmentProof } from '../../celestia/proof.js'
import { type CelestiaBlob, shareBytes, splitShares } from '../../celestia/shares.js'
import { extendShards } from './leopard.js'

const reserved = (last: number): Uint8Array => {
  const namespace = new Uint8Array(namespaceBytes)
  namespace[namespaceBytes - 1] = last
  return namespace
}
const payForBlobNamespace = reserved(4)
const primaryPaddingNamespace = reserved(0xff)
const tailPaddingNamespace = new Uint8Array(namespaceBytes).fill(0xff)
tailPaddingNamespace[namespaceBytes - 1] = 0xfe
const parityNamespace = new Uint8Array(namespaceBytes).fill(0xff)

/** A blob with its place. */
export type PlacedBlob = CelestiaBlob & { commitment: Uint8Array; start: number; shares: number }

/** The data of one block: a square of shares, its roots, and proofs about it. */
export type Square = {
  /** Shares of a side before extension. */
  readonly size: number
  readonly blobs: readonly PlacedBlob[]
  readonly rowRoots: readonly Uint8Array[]
  readonly columnRoots: readonly Uint8Array[]
  readonly dataHash: Uint8Array
  /** Index of the blob's first share in the extended square. */
  extendedIndex(blob: PlacedBlob): number
  commitmentProof(blob: PlacedBlob): CommitmentProof
  /** Range proofs of a whole namespace, one a row that has it. */
  namespaceProof(namespace: Uint8Array): { start: number; end: number; nodes: Uint8Array[] }[]
}

/** A share that only fills: no data in a sequence of its own. */
function paddingShare(namespace: Uint8Array): Uint8Array {
  const share = new Uint8Array(shareBytes)
  share.set(namespace)
  share[namespaceBytes] = 1
  return share
}

/** Stands for the transactions that pay: a compact share with their hash. */
function paymentShare(blobs: readonly PlacedBlob[]): Uint8Array {
  const share = paddingShare(payForBlobNamespace)
  const digest = merkleRoot(blobs.map(({ commitment }) => commitment))
  new DataView(share.buffer).setUint32(namespaceBytes + 1, digest.length)
  new DataView(share.buffer).setUint32(namespaceBytes + 5, namespaceBytes + 9)
  share.set(digest, namespaceBytes + 9)
  return share
}

/**
 * Lays blobs out as a proposer does: payments, then blobs by namespace, each at a multiple of its subtree width, gaps and the tail filled.
 * Source: celestia-app specs, "Data Square Layout".
 */
export function buildSquare(given: readonly CelestiaBlob[]): Square {
  const placed: PlacedBlob[] = given
    .map(blob => ({ ...blob, commitment: shareCommitment(blob), start: 0, shares: 0 }))
    .sort((a, b) => compareBytes(a.namespace, b.namespace))
  const shares: Uint8Array[] = placed.length === 0 ? [] : [paymentShare(placed)]
  let before = primaryPaddingNamespace
  for (const blob of placed) {
    const bytes = splitShares(blob)
    blob.shares = bytes.length / shareBytes
    blob.start = nextShareIndex(shares.length, blob.shares)
    while (shares.length < blob.start) shares.push(paddingShare(before))
    for (let at = 0; at < bytes.length; at += shareBytes) shares.push(bytes.slice(at, at + shareBytes))
    before = blob.namespace
  }
  let size = 1
  while (size * size < shares.length) size *= 2
  while (shares.length < size * size) shares.push(paddingShare(tailPaddingNamespace))

  const row = (r: number): Uint8Array[] => shares.slice(r * size, (r + 1) * size)
  const column = (c: number): Uint8Array[] => Array.from({ length: size }, (_, r) => shares[r * size + c]!)
  const leavesOf = (original: readonly Uint8Array[], parity: readonly Uint8Array[]): Uint8Array => {
    const leaves = new Uint8Array(2 * size * nodeBytes)
    for (const [i, share] of original.entries()) {
      writeLeaf(leaves, i * nodeBytes, share, share.subarray(0, namespaceBytes))
    }
    for (const [i, share] of parity.entries()) writeLeaf(leaves, (size + i) * nodeBytes, share, parityNamespace)
    return leaves
  }
  const parityRoot = (line: readonly Uint8Array[]): Uint8Array => {
    const leaves = new Uint8Array(2 * size * nodeBytes)
    for (const [i, share] of [...line, ...extendShards(line)].entries()) {
      writeLeaf(leaves, i * nodeBytes, share, parityNamespace)
    }
    return foldNodes(leaves, 2 * size)
  }

  const rowParity = Array.from({ length: size }, (_, r) => extendShards(row(r)))
  const columnParity = Array.from({ length: size }, (_, c) => extendShards(column(c)))
  const across = Array.from({ length: size }, (_, i) => i)
  const rowRoots = [
    ...across.map(r => foldNodes(leavesOf(row(r), rowParity[r]!), 2 * size)),
    // Below the data, rows are made of the columns' parity and extended again.
    ...across.map(r => parityRoot(columnParity.map(parity => parity[r]!))),
  ]
  const columnRoots = [
    ...across.map(c => foldNodes(leavesOf(column(c), columnParity[c]!), 2 * size)),
    ...across.map(c => parityRoot(rowParity.map(parity => parity[c]!))),
  ]
  const roots = [...rowRoots, ...columnRoots]
  const levelsOf = (r: number): Uint8Array[] => nodeLevels(leavesOf(row(r), rowParity[r]!))

  return {
    size,
    blobs: placed,
    rowRoots,
    columnRoots,
    dataHash: merkleRoot(roots),
    extendedIndex: ({ start }) => Math.floor(start / size) * 2 * size + (start % size),
    commitmentProof({ start, shares: count, namespace }) {
      const startRow = Math.floor(start / size)
      const endRow = Math.floor((start + count - 1) / size)
      const width = subtreeWidth(count)
      const subtreeRoots: Uint8Array[] = []
      const subtreeRootProofs = []
      for (let r = startRow; r <= endRow; r++) {
        const from = Math.max(start - r * size, 0)
        const to = Math.min(start + count - r * size, size)
        const levels = levelsOf(r)
        let at = from
        for (const mountain of mountainSizes(to - from, width)) {
          const level = Math.log2(mountain)
          const index = at / mountain
          subtreeRoots.push(levels[level]!.slice(index * nodeBytes, (index + 1) * nodeBytes))
          at += mountain
        }
        subtreeRootProofs.push({ start: from, end: to, nodes: rangeProof(levels, from, to) })
      }
      return {
        subtreeRoots,
        subtreeRootProofs,
        namespaceId: namespace.slice(1),
        namespaceVersion: namespace[0]!,
        rowProof: {
          rowRoots: rowRoots.slice(startRow, endRow + 1),
          proofs: across.slice(startRow, endRow + 1).map(r => merkleProof(roots, r)),
          startRow,
          endRow,
        },
      }
    },
    namespaceProof(namespace) {
      return across.flatMap(r => {
        const inRow = row(r).map(share => equalBytes(share.subarray(0, namespaceBytes), namespace))
        const start = inRow.indexOf(true)
        if (start < 0) return []
        const end = inRow.lastIndexOf(true) + 1
        return [{ start, end, nodes: rangeProof(levelsOf(r), start, end) }]
      })
    },
  }
}
