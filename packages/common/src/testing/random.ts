/** A small seeded generator (mulberry32): the same seed gives the same run on every machine. */
export type Random = {
  readonly seed: number
  /** 0 … 2^32−1 */
  uint32(): number
  /** 0 … bound−1 */
  below(bound: number): number
  /** 0 … 1 */
  float(): number
  bool(probability?: number): boolean
  bytes(length: number): Uint8Array
  pick<T>(items: readonly T[]): T
}

export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const uint32 = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
  const below = (bound: number): number => Math.floor((uint32() / 2 ** 32) * bound)
  return {
    seed,
    uint32,
    below,
    float: () => uint32() / 2 ** 32,
    bool: (probability = 0.5) => uint32() / 2 ** 32 < probability,
    bytes: length => Uint8Array.from({ length }, () => uint32() & 255),
    pick: items => items[below(items.length)]!,
  }
}

/** The seed of a run: `L2_SEED` when set, so that a failure that printed its seed can be run again. */
export function testSeed(fallback = 1): number {
  const text = process.env['L2_SEED']
  return text === undefined ? fallback : Number(text)
}
