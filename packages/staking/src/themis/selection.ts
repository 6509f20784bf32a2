import { concatBytes } from '@l2/common'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Address } from 'viem'
import { checksumAddress } from 'viem'
import { firstAbove } from '../election/election.js'
import { refuse } from '../errors.js'
import { goRandom } from './go-random.js'

/** A validator of Themis with its power: whole METIS, `floor(amount / 10^18)`. */
export type ThemisValidator = { readonly id: number; readonly power: bigint }

/**
 * The seed of a span: sha256 of the minimal big-endian bytes of its id. It was public before the chain began, which is
 * what makes this election worth replaying and not worth using. Source: themis `metis/keeper.go` GetNextSpanSeed.
 */
export function themisSpanSeed(span: bigint): Uint8Array {
  if (span < 0n) refuse('INPUT_INVALID', `span expected at least 0, got ${span}`, { span })
  const bytes: number[] = []
  for (let rest = span; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 255n))
  return sha256(Uint8Array.from(bytes))
}

/** The first eight bytes of a seed as Go's int64. */
export function themisSeedInt(seed: Uint8Array): bigint {
  if (seed.length < 8) refuse('INPUT_INVALID', 'a seed has at least 8 bytes', { length: seed.length })
  return new DataView(seed.buffer, seed.byteOffset, 8).getBigInt64(0)
}

/** Prefix sums of powers: the upper ends of the ranges that are drawn from. */
export function themisRanges(powers: readonly bigint[]): bigint[] {
  let total = 0n
  return powers.map(power => (total += power))
}

/** Index of the first range end at or above `value`; −1 without ranges. */
export function themisSearch(ranges: readonly bigint[], value: bigint): number {
  return ranges.length === 0 ? -1 : firstAbove(ranges, value - 1n)
}

/**
 * The producers Themis selects for a span, in its store order (ascending signer bytes) and its own odds: with
 * replacement, by Go's generator.
 *
 * @param count Producers a span; Metis runs with 1.
 * @throws StakingError `INPUT_INVALID` when more than `count` validators have no power in sum
 */
export function themisProducers(validators: readonly ThemisValidator[], seed: Uint8Array, count: number): number[] {
  if (validators.length <= count) return validators.map(({ id }) => id)
  const ranges = themisRanges(validators.map(({ power }) => power))
  const total = ranges[ranges.length - 1]!
  if (total < 1n || total >= 1n << 64n)
    refuse('INPUT_INVALID', `total power expected 1 … 2^64−1, got ${total}`, { total })
  const random = goRandom(themisSeedInt(seed))
  const limit = (1n << 64n) - 1n - (((1n << 64n) - 1n) % total) - 1n
  return Array.from({ length: count }, () => {
    if (total === 1n) return validators[themisSearch(ranges, 1n)]!.id
    let x = random.uint64()
    while (x >= limit) x = random.uint64()
    return validators[themisSearch(ranges, 1n + (x % total))]!.id
  })
}

/**
 * The one leader of a span: {@link themisProducers} with the span's own seed.
 *
 * @example
 * ```ts
 * import { themisLeader } from '@l2/staking/themis'
 *
 * const validators = [20_000n, 40_000n, 100_000n, 20_000n].map((power, index) => ({ id: index + 1, power }))
 * console.log([1n, 2n, 3n].map(span => themisLeader(validators, span))) // [ 2, 1, 4 ]
 * ```
 */
export function themisLeader(validators: readonly ThemisValidator[], span: bigint): number {
  return themisProducers(validators, themisSpanSeed(span), 1)[0] ?? refuse('ELECTION_EMPTY', 'no validator')
}

/**
 * Who replaces a sequencer that timed out: uniform over the others, sorted by EIP-55 text, by `Intn` seeded with head
 * plus a counter. Source: themis `metis/clt_rand.go`.
 *
 * @throws StakingError `ELECTION_EMPTY` when nobody else is there (Themis panics)
 */
export function themisReplacement(
  signers: readonly Address[],
  current: Address,
  head: bigint,
  countSeed: bigint,
): Address {
  const others = signers
    .map(signer => checksumAddress(signer))
    .filter(signer => signer !== checksumAddress(current))
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  if (others.length === 0) refuse('ELECTION_EMPTY', 'nobody can replace the only sequencer')
  return others[goRandom(head + countSeed).intn(others.length)]!
}

/** The coordinator of a threshold signature: `Intn` seeded with the low 64 bits of the request's UUID. */
export function themisCoordinator(signId: string, parties: number): number {
  const hex = signId.replaceAll('-', '')
  if (!/^[0-9a-f]{32}$/i.test(hex)) refuse('INPUT_INVALID', 'signId expected a UUID', { signId: signId.slice(0, 64) })
  return goRandom(BigInt.asIntN(64, BigInt(`0x${hex}`))).intn(parties)
}

/**
 * The list shuffle of eth2 (swap or not, 90 rounds of sha256), as Themis once used it: out[i] is what the permutation
 * moved there. Source: consensus-specs compute_shuffled_index; themis `metis/shuffle.go`.
 */
export function themisShuffle<T>(list: readonly T[], seed: Uint8Array, rounds = 90): T[] {
  const size = list.length
  const out: T[] = new Array(size)
  for (let i = 0; i < size; i++) {
    let index = i
    for (let round = 0; round < rounds; round++) {
      const pivotHash = sha256(concatBytes(seed, Uint8Array.of(round)))
      const pivot = Number(new DataView(pivotHash.buffer, pivotHash.byteOffset).getBigUint64(0, true) % BigInt(size))
      const flip = (pivot + size - index) % size
      const position = Math.max(index, flip)
      const block = new Uint8Array(4)
      new DataView(block.buffer).setUint32(0, position >>> 8, true)
      const source = sha256(concatBytes(seed, Uint8Array.of(round), block))
      if ((source[(position & 255) >> 3]! >> (position & 7)) & 1) index = flip
    }
    out[index] = list[i]!
  }
  return out
}
