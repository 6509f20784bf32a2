import { bytesToHex, hexToBytes } from '@l2/common'
import type { Hash, Hex } from 'viem'
import { keccak, unhex } from '../derivation/words.js'
import { SequencerError } from '../errors.js'
import { type RlpItem, readItem, readList, readString } from '../rlp/rlp.js'

/** The root of a trie that holds nothing. */
export const emptyTrieRoot: Hash = '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421'

/** A path of 64 nibbles has no more nodes, and a node no more bytes: what is longer is no proof. */
const maxNodes = 65
const maxNodeBytes = 1024

export function invalidProof(reason: string, details: Record<string, unknown> = {}): SequencerError {
  return new SequencerError(`a proof that proves nothing: ${reason}`, {
    code: 'PROOF_INVALID',
    details: { reason, ...details },
  })
}

/**
 * What a Merkle-Patricia trie with this root holds at `keccak256(key)`, by a proof of its nodes from the root down; `undefined` where the proof shows that it
 * holds nothing. Source: Ethereum yellow paper, appendix D; EIP-1186.
 *
 * @throws SequencerError `PROOF_INVALID`, `RLP_INVALID`
 */
export function provenValue(root: Hash, key: Hex, proof: readonly Hex[]): Uint8Array | undefined {
  if (proof.length > maxNodes) throw invalidProof(`${proof.length} nodes`)
  if (proof.length === 0) {
    if (root.toLowerCase() === emptyTrieRoot) return undefined
    throw invalidProof('no nodes', { root })
  }
  const path = nibbles(unhex(keccak(unhex(key))))
  let walked = 0
  let expected: Hash = root
  for (const [index, hex] of proof.entries()) {
    const bytes = hexToBytes(hex)
    if (bytes === undefined || bytes.length > maxNodeBytes) throw invalidProof('a node that is none', { index })
    if (keccak(bytes) !== expected.toLowerCase()) throw invalidProof('a node of another trie', { index, expected })
    let node = readItem(bytes, 0)
    if (node.end !== bytes.length) throw invalidProof('bytes behind a node', { index })
    for (;;) {
      const step = descend(bytes, node, path, walked)
      walked = step.walked
      if (step.type === 'embedded') {
        // A node shorter than a hash stands in its parent.
        node = step.node
        continue
      }
      if (step.type === 'hash') {
        expected = step.hash
        break
      }
      if (index !== proof.length - 1) throw invalidProof('nodes behind the last', { index })
      return step.value
    }
  }
  throw invalidProof('it ends on its way', { nodes: proof.length })
}

type Step =
  | { readonly type: 'embedded'; readonly node: RlpItem; readonly walked: number }
  | { readonly type: 'hash'; readonly hash: Hash; readonly walked: number }
  | { readonly type: 'end'; readonly value: Uint8Array | undefined; readonly walked: number }

/** From one node towards the path's end. */
function descend(bytes: Uint8Array, node: RlpItem, path: readonly number[], walked: number): Step {
  // An empty string is the node of an empty trie.
  if (!node.list && node.start === node.end) return { type: 'end', value: undefined, walked }
  const items = readList(bytes, node, 17)
  const follow = (child: RlpItem, at: number): Step => {
    if (child.list) return { type: 'embedded', node: child, walked: at }
    const reference = readString(bytes, child)
    if (reference.length === 0) return { type: 'end', value: undefined, walked: at }
    if (reference.length !== 32) throw invalidProof('a reference that is none')
    return { type: 'hash', hash: bytesToHex(reference), walked: at }
  }
  if (items.length === 17) {
    const next = path[walked]
    // Keys are hashes: none is the beginning of another, and no branch has a value.
    if (next === undefined) throw invalidProof('a branch behind the end of the path')
    return follow(items[next]!, walked + 1)
  }
  if (items.length !== 2) throw invalidProof(`a node of ${items.length} items`)
  const packed = readString(bytes, items[0]!)
  const flag = packed[0]
  if (flag === undefined || flag > 0x3f) throw invalidProof('a path without its flag')
  const isOdd = (flag & 0x10) !== 0
  const part = nibbles(packed).slice(isOdd ? 1 : 2)
  const matches = part.every((nibble, index) => path[walked + index] === nibble)
  const end = walked + part.length
  const isLeaf = (flag & 0x20) !== 0
  if (!matches) return { type: 'end', value: undefined, walked }
  if (!isLeaf) return follow(items[1]!, end)
  if (end !== path.length) throw invalidProof('a leaf above the end of the path')
  return { type: 'end', value: readString(bytes, items[1]!), walked: end }
}

function nibbles(bytes: Uint8Array): number[] {
  return Array.from(bytes).flatMap(byte => [byte >> 4, byte & 15])
}
