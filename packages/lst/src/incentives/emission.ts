import { fail } from '../errors.js'
import { bpsOf, mulDown } from '../math/math.js'
import { amount } from '../math/units.js'

/**
 * Supply of ENKI, in 10^-18 ENKI, and the tenth of it that the genesis airdrop gave. Source: ENKI seed document 002.
 */
export const enkiSupply: bigint = 10_000_000n * 10n ** 18n
/** See {@link enkiSupply}. */
export const enkiAirdropBps = 1_000n

/** What goes out at once and what over time. */
export function splitSupply(supply: bigint, airdropBps: bigint): { airdrop: bigint; emission: bigint } {
  amount('supply', supply)
  if (airdropBps < 0n || airdropBps > 10_000n)
    fail('OPTION_INVALID', `basis points expected 0 … 10000, got ${airdropBps}`)
  const airdrop = bpsOf(supply, airdropBps)
  return { airdrop, emission: supply - airdrop }
}

/**
 * What a linear emission has released by `nowSeconds`: nothing before its start, everything at its end. The live schedule is
 * not public; this is the shape that vault staking and LP rewards are fed from.
 */
export function emitted(options: {
  emission: bigint
  startSeconds: bigint
  seconds: bigint
  nowSeconds: bigint
}): bigint {
  const { emission, startSeconds, seconds, nowSeconds } = options
  amount('emission', emission)
  if (seconds < 1n) fail('OPTION_INVALID', `an emission takes at least 1 s, got ${seconds}`)
  if (nowSeconds <= startSeconds) return 0n
  return nowSeconds >= startSeconds + seconds ? emission : mulDown(emission, nowSeconds - startSeconds, seconds)
}

/**
 * Divides an emission among pools by weight: floors, the last weighted pool takes the rest, so that nothing is lost.
 */
export function divideByWeight(
  emission: bigint,
  pools: readonly { readonly pool: string; readonly weight: bigint }[],
): { pool: string; amount: bigint }[] {
  amount('emission', emission)
  const all = pools.reduce((sum, pool) => {
    amount('weight', pool.weight)
    return sum + pool.weight
  }, 0n)
  if (all === 0n) fail('OPTION_INVALID', 'at least one pool needs a weight')
  let last = pools.length - 1
  while (pools[last]!.weight === 0n) last--
  let left = emission
  return pools.map(({ pool, weight }, i) => {
    const part = i === last ? left : i > last ? 0n : mulDown(emission, weight, all)
    left -= part
    return { pool, amount: part }
  })
}
