import { hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Hex } from 'viem'
import { refuse } from '../errors.js'

const range = 1n << 256n
/** More rejections in a row than will ever happen: each has a chance below one half. */
const maxTries = 1 << 16

/** What draws are for, so that two uses of one seed never share a number: four ASCII characters. */
export type DrawTag = 'slot' | 'sys.' | 'perm' | 'pair'

/** 32 bytes of a seed. @throws StakingError `INPUT_INVALID` */
export function seedBytes(seed: Hex): Uint8Array {
  const bytes = hexToBytes(seed)
  if (bytes?.length !== 32) refuse('INPUT_INVALID', 'a seed is 32 bytes', { seed: String(seed).slice(0, 80) })
  return bytes
}

/**
 * A number in 0 … n−1, each equally likely: keccak256(seed ‖ tag ‖ u32(a) ‖ u32(b) ‖ u32(try)) as an integer, drawn
 * again while it falls into the uneven rest of the range.
 *
 * @throws StakingError `INPUT_INVALID` when n is not in 1 … 2^256, or a or b is no u32
 */
export function draw(seed: Uint8Array, tag: DrawTag, a: number, b: number, n: bigint): bigint {
  if (n < 1n || n > range) refuse('INPUT_INVALID', `n expected 1 … 2^256, got ${n}`, { n })
  if (a >>> 0 !== a || b >>> 0 !== b) refuse('INPUT_INVALID', 'a and b expected 32-bit unsigned', { a, b })
  const input = new Uint8Array(seed.length + 16)
  const view = new DataView(input.buffer)
  input.set(seed)
  for (let i = 0; i < 4; i++) input[seed.length + i] = tag.charCodeAt(i)
  view.setUint32(seed.length + 4, a)
  view.setUint32(seed.length + 8, b)
  return reduce(
    attempt => {
      view.setUint32(seed.length + 12, attempt)
      return integer(keccak256(input))
    },
    n,
    range,
  )
}

/**
 * Rejection sampling: the first number of `source` below the greatest multiple of n, reduced. Unbiased for every n ≤
 * size.
 */
export function reduce(source: (attempt: number) => bigint, n: bigint, size: bigint): bigint {
  const limit = size - (size % n)
  for (let attempt = 0; attempt < maxTries; attempt++) {
    const x = source(attempt)
    if (x < limit) return x % n
  }
  return refuse('ENTROPY_INVALID', `${maxTries} draws in a row were rejected`, { n })
}

function integer(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 32)
  return (
    (view.getBigUint64(0) << 192n) |
    (view.getBigUint64(8) << 128n) |
    (view.getBigUint64(16) << 64n) |
    view.getBigUint64(24)
  )
}
