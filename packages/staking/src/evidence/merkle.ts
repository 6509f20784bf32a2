import { bytesToHex, concatBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Hash } from 'viem'

/** A key of the trie as nibbles, and what lies there. */
type Entry = { readonly path: Uint8Array; readonly value: Uint8Array }

function header(length: number, short: number): Uint8Array {
  if (length < 56) return Uint8Array.of(short + length)
  const digits: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest & 255)
  return Uint8Array.of(short + 55 + digits.length, ...digits)
}

function rlpString(bytes: Uint8Array): Uint8Array {
  return bytes.length === 1 && bytes[0]! < 0x80 ? bytes : concatBytes(header(bytes.length, 0x80), bytes)
}

function rlpList(items: readonly Uint8Array[]): Uint8Array {
  const body = concatBytes(...items)
  return concatBytes(header(body.length, 0xc0), body)
}

/** Hex-prefix encoding: two nibbles a byte, with a flag for leaves and one for odd lengths. */
function compact(nibbles: Uint8Array, leaf: boolean): Uint8Array {
  const odd = nibbles.length % 2
  const flagged = [(leaf ? 2 : 0) + odd, ...(odd === 1 ? [] : [0]), ...nibbles]
  return Uint8Array.from({ length: flagged.length / 2 }, (_, i) => (flagged[2 * i]! << 4) | flagged[2 * i + 1]!)
}

/** RLP of the node over entries that agree on their first `depth` nibbles. */
function node(entries: readonly Entry[], depth: number): Uint8Array {
  const [first] = entries
  if (entries.length === 1) {
    return rlpList([rlpString(compact(first!.path.subarray(depth), true)), rlpString(first!.value)])
  }
  let common = depth
  while (entries.every(({ path }) => path[common] === first!.path[common])) common++
  if (common > depth) {
    return rlpList([rlpString(compact(first!.path.subarray(depth, common), false)), reference(entries, common)])
  }
  // Keys are RLP of the index, which is prefix-free: no value ever lies at a branch.
  const children = Array.from({ length: 16 }, (_, nibble) => {
    const below = entries.filter(({ path }) => path[depth] === nibble)
    return below.length === 0 ? rlpString(new Uint8Array()) : reference(below, depth + 1)
  })
  return rlpList([...children, rlpString(new Uint8Array())])
}

function reference(entries: readonly Entry[], depth: number): Uint8Array {
  const encoded = node(entries, depth)
  return encoded.length < 32 ? encoded : rlpString(keccak256(encoded))
}

/**
 * Ethereum's transactions root over EIP-2718 bytes in block order: what `txRoot` of a header is.
 * Source: Ethereum yellow paper, appendix D.
 */
export function transactionsRoot(transactions: readonly Uint8Array[]): Hash {
  if (transactions.length === 0) return bytesToHex(keccak256(rlpString(new Uint8Array())))
  const entries = transactions.map((value, index): Entry => {
    const digits: number[] = []
    for (let rest = index; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest & 255)
    const key = rlpString(Uint8Array.from(digits))
    return {
      path: Uint8Array.from({ length: key.length * 2 }, (_, i) =>
        i % 2 === 0 ? key[i >> 1]! >> 4 : key[i >> 1]! & 15,
      ),
      value,
    }
  })
  return bytesToHex(keccak256(node(entries, 0)))
}
