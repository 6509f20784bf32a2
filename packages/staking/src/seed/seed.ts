import { bytesToHex, concatBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Hex } from 'viem'
import { seedBytes } from '../election/draw.js'
import { refuse } from '../errors.js'

/** What a provider makes of its source's output: public, and not known to anybody before the weights were frozen. */
export type Entropy = {
  readonly parts: readonly Uint8Array[]
  /** Ids of those who should have contributed and did not; a commitment that was not opened is an offence. */
  readonly missing: readonly number[]
}

/**
 * A source of randomness. `entropy` is pure: it checks what the shell has fetched (a block, a signature, reveals)
 * against what the epoch asks for, and must accept exactly one output per epoch, or its supplier could choose the
 * leader.
 */
export interface SeedProvider<Input> {
  readonly kind: string
  /** @throws StakingError `ENTROPY_INVALID` for output that is not this epoch's or not authentic */
  entropy(epoch: bigint, input: Input): Entropy
}

const domainTag = new TextEncoder().encode('l2-staking/seed/v1')

function word(value: bigint): Uint8Array {
  if (value < 0n || value >> 256n !== 0n) refuse('INPUT_INVALID', 'expected 256-bit unsigned', { value })
  const bytes = new Uint8Array(32)
  for (let i = 31; value > 0n; i--, value >>= 8n) bytes[i] = Number(value & 255n)
  return bytes
}

/**
 * The seed of an epoch: keccak256(tag ‖ chainId ‖ epoch ‖ count ‖ length and bytes of every part). Stake is never in
 * it. Without entropy it follows from the previous seed and is flagged: predictable for an epoch is better than halted.
 *
 * @param entropy `undefined` when the provider's output did not come in time.
 * @throws StakingError `INPUT_INVALID`
 *
 * @example
 * ```ts
 * import { epochSeed } from '@l2/staking'
 *
 * const base = { chainId: 1088n, epoch: 7n, previousSeed: `0x${'00'.repeat(32)}` } as const
 * console.log(epochSeed({ ...base, entropy: { parts: [new Uint8Array(32)], missing: [] } }).degraded) // false
 * console.log(epochSeed({ ...base, entropy: undefined }).degraded) // true
 * ```
 */
export function epochSeed(input: { chainId: bigint; epoch: bigint; previousSeed: Hex; entropy: Entropy | undefined }): {
  seed: Hex
  degraded: boolean
} {
  const { chainId, epoch, entropy } = input
  const degraded = entropy === undefined || entropy.parts.length === 0
  const parts = degraded ? [seedBytes(input.previousSeed)] : entropy.parts
  const hashed = keccak256(
    concatBytes(
      domainTag,
      word(chainId),
      word(epoch),
      word(degraded ? 0n : BigInt(parts.length)),
      ...parts.flatMap(part => [word(BigInt(part.length)), part]),
    ),
  )
  return { seed: bytesToHex(hashed), degraded }
}
