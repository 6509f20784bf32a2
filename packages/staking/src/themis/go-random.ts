import { refuse } from '../errors.js'

/**
 * Go's `math/rand` generator (the additive lagged Fibonacci generator behind `rand.Seed`), bit by bit. It exists here
 * to replay elections that were held with it; nothing new should use it: its state is public and a seed has 31 bits.
 * Source: Go `src/math/rand/rng.go`, `gen_cooked.go`.
 */
const length = 607
const tap = 273
const modulus = 2_147_483_647
const mask64 = (1n << 64n) - 1n

/** x ↦ 48271·x mod 2^31−1: below 2^47, so exact in doubles. */
const lehmer = (x: number): number => (48_271 * x) % modulus

/** The table that Go mixes into every seed, as high and low halves. Made on first use, see {@link cookedTable}. */
let cooked: { high: Uint32Array; low: Uint32Array } | undefined

/**
 * Go ships 607 numbers: the state of the generator 7.8·10^12 steps after seed 1. Instead of carrying the table we go
 * there: s(n) = s(n−607) + s(n−273), so x^N modulo x^607 − x^334 − 1 tells how the state after N steps follows from the
 * first.
 */
function cookedTable(): { high: Uint32Array; low: Uint32Array } {
  const steps = 7_800_000_000_000
  let x = 1
  for (let i = 0; i < 20; i++) x = lehmer(x)
  const state: bigint[] = []
  for (let i = 0; i < length; i++) {
    let u = 0n
    for (const shift of [20n, 10n, 0n]) {
      x = lehmer(x)
      u ^= BigInt(x) << shift
    }
    state.push(u)
  }
  // sequence[j] is s(j − 607): slots are read downwards from 333.
  const sequence: bigint[] = []
  for (let j = 0; j < length; j++) sequence.push(state[(333 + length - j) % length]!)
  for (let j = length; j < 2 * length; j++) sequence.push((sequence[j - length]! + sequence[j - tap]!) & mask64)
  const coefficients = powerOfX(steps)
  const high = new Uint32Array(length)
  const low = new Uint32Array(length)
  for (let j = 0; j < length; j++) {
    let sum = 0n
    for (let i = 0; i < length; i++) sum += coefficients[i]! * sequence[i + j]!
    // s(steps − 607 + j) lies in the slot that step wrote last.
    const slot = (((333 - (steps - length + j)) % length) + length) % length
    high[slot] = Number((sum >> 32n) & 0xffffffffn)
    low[slot] = Number(sum & 0xffffffffn)
  }
  return { high, low }
}

/** Hex digits of a coefficient in the packed integers that multiply polynomials: 64 + 64 + 10 bits fit into 36. */
const digits = 36

function powerOfX(exponent: number): bigint[] {
  let power = [1n, ...new Array<bigint>(length - 1).fill(0n)]
  for (const bit of exponent.toString(2)) {
    const packed = BigInt(
      `0x${power
        .map(c => c.toString(16).padStart(digits, '0'))
        .reverse()
        .join('')}`,
    )
    const square = (packed * packed).toString(16)
    const product: bigint[] = []
    for (let end = square.length; end > 0; end -= digits) {
      product.push(BigInt(`0x${square.slice(Math.max(0, end - digits), end)}`) & mask64)
    }
    if (bit === '1') product.unshift(0n)
    for (let i = product.length - 1; i >= length; i--) {
      product[i - length] = (product[i - length]! + product[i]!) & mask64
      product[i - tap] = (product[i - tap]! + product[i]!) & mask64
    }
    power = Array.from({ length }, (_, i) => product[i] ?? 0n)
  }
  return power
}

/** A seeded generator of Go. */
export type GoRandom = {
  /** 0 … 2^64−1 */
  uint64(): bigint
  /** 0 … 2^31−1 */
  int31(): number
  /** 0 … n−1, as `Intn` for n ≤ 2^31−1. @throws StakingError `INPUT_INVALID` */
  intn(n: number): number
}

/**
 * `rand.New(rand.NewSource(seed))`.
 *
 * @param seed Any integer; Go keeps it modulo 2^31−1.
 *
 * @example
 * ```ts
 * import { goRandom } from '@l2/staking/themis'
 *
 * console.log(goRandom(1n).uint64()) // 5577006791947779410n
 * ```
 */
export function goRandom(seed: bigint): GoRandom {
  cooked ??= cookedTable()
  const high = new Uint32Array(length)
  const low = new Uint32Array(length)
  let start = Number(BigInt.asIntN(64, seed) % BigInt(modulus))
  if (start < 0) start += modulus
  let x = start === 0 ? 89_482_311 : start
  for (let i = 0; i < 20; i++) x = lehmer(x)
  for (let i = 0; i < length; i++) {
    const a = lehmer(x)
    const b = lehmer(a)
    x = lehmer(b)
    high[i] = (a << 8) ^ (b >>> 12) ^ cooked.high[i]!
    low[i] = (b << 20) ^ x ^ cooked.low[i]!
  }
  let feedAt = length - tap
  let tapAt = 0
  const step = (): void => {
    tapAt = tapAt === 0 ? length - 1 : tapAt - 1
    feedAt = feedAt === 0 ? length - 1 : feedAt - 1
    const sum = low[feedAt]! + low[tapAt]!
    high[feedAt] = high[feedAt]! + high[tapAt]! + (sum > 0xffffffff ? 1 : 0)
    low[feedAt] = sum
  }
  const int31 = (): number => {
    step()
    return high[feedAt]! & 0x7fffffff
  }
  return {
    uint64() {
      step()
      return (BigInt(high[feedAt]!) << 32n) | BigInt(low[feedAt]!)
    },
    int31,
    intn(n) {
      if (!Number.isInteger(n) || n < 1 || n > 0x7fffffff)
        refuse('INPUT_INVALID', `n expected 1 … 2^31−1, got ${n}`, { n })
      if ((n & (n - 1)) === 0) return int31() & (n - 1)
      const limit = 0x7fffffff - (2 ** 31 % n)
      let value = int31()
      while (value > limit) value = int31()
      return value % n
    },
  }
}
