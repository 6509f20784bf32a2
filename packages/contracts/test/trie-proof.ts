import { bytesToHex, type Hex, keccak256, numberToHex, toRlp } from 'viem'

type Entry = { readonly path: string; readonly value: Hex }
type Item = Hex | readonly Item[]

/** Hex-prefix encoding of a path of nibbles. */
const compact = (path: string, leaf: boolean): Hex =>
  `0x${path.length % 2 === 1 ? (leaf ? '3' : '1') : leaf ? '20' : '00'}${path}`

/** The node over entries that agree on their first `depth` nibbles; the nodes on the way to `path` are noted. */
function node(entries: readonly Entry[], depth: number, path: string, proof: Hex[]): Item {
  const [first] = entries
  if (entries.length === 1) return [compact(first!.path.slice(depth), true), first!.value]
  let common = depth
  while (entries.every(entry => entry.path[common] === first!.path[common])) common++
  if (common > depth) {
    return [compact(first!.path.slice(depth, common), false), reference(entries, common, path, proof)]
  }
  const children = Array.from({ length: 16 }, (_, nibble): Item => {
    const below = entries.filter(entry => entry.path[depth] === nibble.toString(16))
    return below.length === 0 ? '0x' : reference(below, depth + 1, path, proof)
  })
  return [...children, '0x']
}

function reference(entries: readonly Entry[], depth: number, path: string, proof: Hex[]): Item {
  const item = node(entries, depth, path, proof)
  const encoded = toRlp(item as Hex[])
  // A node shorter than its hash stands in its parent.
  if (encoded.length < 66) return item
  if (entries.some(entry => entry.path === path)) proof.unshift(encoded)
  return keccak256(encoded)
}

const pathOf = (index: number): string => toRlp(index === 0 ? '0x' : numberToHex(index)).slice(2)

/** The nodes of Ethereum's trie of transactions from its root to a position, as `eth_getProof` gives them for accounts. */
export function trieProof(transactions: readonly Uint8Array[], index: number): Hex[] {
  const entries = transactions.map((bytes, at): Entry => ({ path: pathOf(at), value: bytesToHex(bytes) }))
  const proof: Hex[] = []
  const path = pathOf(index)
  const root = toRlp(node(entries, 0, path, proof) as Hex[])
  return [root, ...proof]
}
