import { sha256 } from '@l2/common/crypto'
import { compareBytes, namespaceBytes } from './namespace.js'
import { shareBytes } from './shares.js'

/**
 * Namespaced Merkle trees: a node is the smallest namespace below it, the largest, and a hash. Parity shares do not count for the
 * largest. Source: celestiaorg/nmt, celestia-app specs "Namespace Merkle Tree".
 */
export const nodeBytes = 2 * namespaceBytes + 32

const parity = new Uint8Array(namespaceBytes).fill(0xff)

const isParity = (nodes: Uint8Array, at: number): boolean => {
  for (let i = 0; i < namespaceBytes; i++) if (nodes[at + i] !== 0xff) return false
  return true
}

// One buffer each: hashing a share and a pair of nodes is all that is done here, a hundred thousand times a block.
const leafInput = new Uint8Array(1 + namespaceBytes + shareBytes)
const innerInput = new Uint8Array(1 + 2 * nodeBytes)
innerInput[0] = 1

/** Writes the node of a share at `at`. The namespace is the share's own, or parity for what the extension added. */
export function writeLeaf(out: Uint8Array, at: number, share: Uint8Array, namespace: Uint8Array): void {
  leafInput.set(namespace, 1)
  leafInput.set(share, 1 + namespaceBytes)
  out.set(namespace, at)
  out.set(namespace, at + namespaceBytes)
  out.set(sha256(leafInput), at + 2 * namespaceBytes)
}

/** The parent of two nodes, or `undefined` when their namespaces are out of order. */
export function joinNodes(left: Uint8Array, right: Uint8Array): Uint8Array | undefined {
  const rightMin = right.subarray(0, namespaceBytes)
  const leftMax = left.subarray(namespaceBytes, 2 * namespaceBytes)
  if (compareBytes(rightMin, leftMax) < 0) return undefined
  const node = new Uint8Array(nodeBytes)
  writeParent(node, 0, left, 0, right, 0)
  return node
}

function writeParent(out: Uint8Array, at: number, left: Uint8Array, l: number, right: Uint8Array, r: number): void {
  innerInput.set(left.subarray(l, l + nodeBytes), 1)
  innerInput.set(right.subarray(r, r + nodeBytes), 1 + nodeBytes)
  const hash = sha256(innerInput)
  const leftParity = isParity(left, l)
  const rightParity = isParity(right, r)
  const max = leftParity
    ? parity
    : rightParity
      ? left.slice(l + namespaceBytes, l + 2 * namespaceBytes)
      : right.slice(r + namespaceBytes, r + 2 * namespaceBytes)
  out.set(innerInput.subarray(1, 1 + namespaceBytes), at)
  out.set(max, at + namespaceBytes)
  out.set(hash, at + 2 * namespaceBytes)
}

/** Root over `count` nodes that stand one behind the other, a power of two of them; overwrites them. */
export function foldNodes(nodes: Uint8Array, count: number): Uint8Array {
  for (let width = count; width > 1; width /= 2) {
    for (let i = 0; i < width / 2; i++) {
      writeParent(nodes, i * nodeBytes, nodes, 2 * i * nodeBytes, nodes, (2 * i + 1) * nodeBytes)
    }
  }
  return nodes.slice(0, nodeBytes)
}

/** All levels of a tree over a power of two of nodes: the leaves first, the root last. */
export function nodeLevels(leaves: Uint8Array): Uint8Array[] {
  const levels = [leaves]
  for (let level = leaves; level.length > nodeBytes; level = levels.at(-1)!) {
    const above = new Uint8Array(level.length / 2)
    for (let at = 0; at < above.length; at += nodeBytes)
      writeParent(above, at, level, 2 * at, level, 2 * at + nodeBytes)
    levels.push(above)
  }
  return levels
}

/** The nodes beside a range of leaves, from left to right: what turns the range into the root. */
export function rangeProof(levels: readonly Uint8Array[], start: number, end: number): Uint8Array[] {
  const nodes: Uint8Array[] = []
  const visit = (level: number, index: number): void => {
    const from = index << level
    const to = (index + 1) << level
    if (to <= start || from >= end) {
      nodes.push(levels[level]!.slice(index * nodeBytes, (index + 1) * nodeBytes))
    } else if (from < start || to > end) {
      visit(level - 1, 2 * index)
      visit(level - 1, 2 * index + 1)
    }
  }
  visit(levels.length - 1, 0)
  return nodes
}
