import { bytesToHex, concatBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Hash } from 'viem'
import { encodeRlp, type RlpValue } from './rlp.js'

type Leaf = { readonly path: readonly number[]; readonly value: Uint8Array }

/** Hex-prefix encoding. Source: Ethereum yellow paper, appendix C. */
function compact(path: readonly number[], leaf: boolean): Uint8Array {
  const odd = path.length % 2
  const nibbles = [2 * (leaf ? 1 : 0) + odd, ...(odd === 1 ? [] : [0]), ...path]
  return Uint8Array.from({ length: nibbles.length / 2 }, (_, i) => 16 * nibbles[2 * i]! + nibbles[2 * i + 1]!)
}

/** A node as it stands in its parent: itself where its RLP is short, else the hash of it. */
function reference(node: RlpValue): RlpValue {
  return encodeRlp(node).length < 32 ? node : keccak256(encodeRlp(node))
}

/** The node that holds `leaves` (sorted by path, none the beginning of another) below `depth` nibbles that they share. */
function nodeOf(leaves: readonly Leaf[], depth: number): RlpValue {
  const [first] = leaves
  if (leaves.length === 1) return [compact(first!.path.slice(depth), true), first!.value]
  const last = leaves.at(-1)!
  let shared = depth
  while (first!.path[shared] === last.path[shared]) shared++
  if (shared > depth) return [compact(first!.path.slice(depth, shared), false), reference(nodeOf(leaves, shared))]
  const branch: RlpValue[] = []
  let at = 0
  for (let nibble = 0; nibble < 16; nibble++) {
    const start = at
    while (at < leaves.length && leaves[at]!.path[depth] === nibble) at++
    branch.push(start === at ? new Uint8Array() : reference(nodeOf(leaves.slice(start, at), depth + 1)))
  }
  return [...branch, new Uint8Array()]
}

/**
 * Root of the Merkle Patricia trie that has `values` under the RLP of their index: a header's `transactionsRoot` and `receiptsRoot`.
 * Source: Ethereum yellow paper, appendix D.
 */
export function orderedTrieRoot(values: readonly Uint8Array[]): Hash {
  if (values.length === 0) return bytesToHex(keccak256(Uint8Array.of(0x80)))
  const leaves = values.map((value, index): Leaf => {
    const path: number[] = []
    for (const byte of encodeRlp(BigInt(index))) path.push(byte >> 4, byte & 15)
    return { path, value }
  })
  leaves.sort((a, b) => {
    let at = 0
    while (a.path[at] === b.path[at]) at++
    return a.path[at]! - b.path[at]!
  })
  return bytesToHex(keccak256(concatBytes(encodeRlp(nodeOf(leaves, 0)))))
}
