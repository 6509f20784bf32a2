import { bytesToHex, concatBytes, hexToBytes } from '../bytes.js'
import { keccak256 } from '../crypto/backend.js'

type Hex = `0x${string}`

/** What one account may claim out of a Merkle tree. */
export type TreeClaim = { readonly index: bigint; readonly account: Hex; readonly amount: bigint }

/** What whoever pays claims publishes. */
export type ClaimTree = {
  readonly root: Hex
  /** In the order of the claims. */
  readonly leaves: readonly Hex[]
  /** In the order of the claims. */
  readonly proofs: readonly (readonly Hex[])[]
}

function word(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32)
  for (let i = 31, rest = value; i >= 0 && rest > 0n; i--, rest >>= 8n) bytes[i] = Number(rest & 255n)
  return bytes
}

/** keccak256(uint256 index ‖ address ‖ uint256 amount), of numbers and an address that were checked. Source: Uniswap's MerkleDistributor. */
export function claimLeaf({ index, account, amount }: TreeClaim): Hex {
  return bytesToHex(keccak256(concatBytes(word(index), hexToBytes(account)!, word(amount))))
}

function pair(a: Hex, b: Hex): Hex {
  const [low, high] = a < b ? [a, b] : [b, a]
  return bytesToHex(keccak256(concatBytes(hexToBytes(low)!, hexToBytes(high)!)))
}

/** The tree of at least one claim: leaves sorted and de-duplicated, pairs sorted, an odd node goes up unhashed. */
export function buildClaimTree(claims: readonly TreeClaim[]): ClaimTree {
  const leaves = claims.map(claimLeaf)
  const levels: Hex[][] = [[...new Set(leaves)].sort()]
  for (let level = levels[0]!; level.length > 1; level = levels[levels.length - 1]!) {
    const next: Hex[] = []
    for (let i = 0; i < level.length; i += 2)
      next.push(i + 1 < level.length ? pair(level[i]!, level[i + 1]!) : level[i]!)
    levels.push(next)
  }
  const positions = new Map(levels[0]!.map((leaf, i) => [leaf, i]))
  const proofs = leaves.map(leaf => {
    let at = positions.get(leaf)!
    const proof: Hex[] = []
    for (const level of levels.slice(0, -1)) {
      const sibling = level[at ^ 1]
      if (sibling !== undefined) proof.push(sibling)
      at >>= 1
    }
    return proof
  })
  return { root: levels[levels.length - 1]![0]!, leaves, proofs }
}

/** Whether a proof leads from a leaf to the root. */
export function isInClaimTree(root: Hex, leaf: Hex, proof: readonly Hex[]): boolean {
  // A tree deeper than 64 levels would have more leaves than there are accounts.
  if (proof.length > 64 || proof.some(node => hexToBytes(node)?.length !== 32)) return false
  const top = proof.reduce((node, sibling) => pair(node, sibling.toLowerCase() as Hex), leaf)
  return top === root.toLowerCase()
}
