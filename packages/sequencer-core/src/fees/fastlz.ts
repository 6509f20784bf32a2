/**
 * Length of the FastLZ level 1 compression of `data`, without producing it: the measure of data size in the OP Stack's fees from Fjord.
 * Equal to op-geth's `FlzCompressLen` for every input (level 1 also above 64 KiB, where the C library would change level).
 *
 * Source: OP specs, Fjord, "Fees"; FastLZ by Ariya Hidayat.
 *
 * @example
 * ```ts
 * import { fastLzSize } from '@l2/sequencer-core/fees'
 *
 * console.log(fastLzSize(new Uint8Array(1000))) // 21
 * ```
 */
export function fastLzSize(data: Uint8Array): number {
  const table = new Int32Array(8192)
  const limit = data.length < 13 ? 0 : data.length - 13
  let size = 0
  let anchor = 0
  let at = 2

  while (at < limit) {
    let reference = 0
    for (;;) {
      const word = read24(data, at)
      const slot = hash(word)
      reference = table[slot]!
      table[slot] = at
      const distance = at - reference
      if (at >= limit) break
      at++
      if (distance <= 8191 && read24(data, reference) === word) break
    }
    if (at >= limit) break
    at--
    if (at > anchor) size += literalSize(at - anchor)

    // How far the two places agree behind the three bytes that matched.
    const end = limit + 9
    let left = reference + 3
    let right = at + 3
    const from = right
    while (right < end && data[left] === data[right]) {
      left++
      right++
    }
    // The comparison that ends a match has already stepped over the byte that differs.
    const length = right < end ? right - from + 1 : right - from
    size += matchSize(length)

    at = at + length
    table[hash(read24(data, at))] = at
    at++
    table[hash(read24(data, at))] = at
    at++
    anchor = at
  }
  return size + literalSize(data.length - anchor)
}

function read24(data: Uint8Array, at: number): number {
  return data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16)
}

function hash(word: number): number {
  return (Math.imul(word, 2654435769) >>> 19) & 0x1fff
}

/** A run of literals costs a control byte for every 32. */
function literalSize(length: number): number {
  return 33 * Math.floor(length / 32) + (length % 32 === 0 ? 0 : (length % 32) + 1)
}

function matchSize(length: number): number {
  const rest = length - 1
  return 3 * Math.floor(rest / 262) + (rest % 262 >= 6 ? 3 : 2)
}
