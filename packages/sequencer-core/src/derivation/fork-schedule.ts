/**
 * The network upgrades after Bedrock, oldest first. `lagoon` is the one being drafted: what is final of it has rules here (post-exec
 * transactions, its activation block on a chain that shares no dependency set), interop messages have none. Source: OP specs, "Network
 * upgrades", and op-node v1.19.6.
 */
export const forkNames = [
  'regolith',
  'canyon',
  'delta',
  'ecotone',
  'fjord',
  'granite',
  'holocene',
  'isthmus',
  'jovian',
  'karst',
  'lagoon',
] as const

/** A network upgrade; Bedrock is where every chain begins and has no name here. */
export type ForkName = (typeof forkNames)[number]

/**
 * When each upgrade becomes active, seconds since the Unix epoch; 0 is "at genesis", a missing one "not scheduled". Some rules read
 * it with an L1 time, some with an L2 time; each rule says which.
 */
export type ForkSchedule = { readonly [fork in ForkName]?: bigint | undefined }

/**
 * Whether an upgrade is active at a time (seconds). A later upgrade brings the earlier ones along, so a schedule may name just its last.
 *
 * @example
 * ```ts
 * import { rollupPresets } from '@l2/sequencer-core'
 * import { isForkActive } from '@l2/sequencer-core/derivation'
 *
 * const { forks } = rollupPresets.opMainnet
 * console.log(isForkActive(forks, 'holocene', 1_736_445_600n)) // false
 * console.log(isForkActive(forks, 'holocene', 1_736_445_601n)) // true
 * ```
 */
export function isForkActive(forks: ForkSchedule, fork: ForkName, timestamp: bigint): boolean {
  for (let i = forkNames.indexOf(fork); i < forkNames.length; i++) {
    const activation = forks[forkNames[i]!]
    if (activation !== undefined && activation <= timestamp) return true
  }
  return false
}

/**
 * Whether the L2 block at `timestamp` is the first one under an upgrade. The genesis block never is: what is active there was
 * built into the genesis state.
 */
export function isForkActivationBlock(
  forks: ForkSchedule,
  fork: ForkName,
  timestamp: bigint,
  blockTimeSeconds: bigint,
): boolean {
  return (
    isForkActive(forks, fork, timestamp) &&
    timestamp >= blockTimeSeconds &&
    !isForkActive(forks, fork, timestamp - blockTimeSeconds)
  )
}

/** Upgrades whose first block holds nothing but deposits and their own transactions. Source: OP specs, Jovian and Karst. */
const alone: readonly ForkName[] = ['jovian', 'karst', 'lagoon']

/** Whether the L2 block at `timestamp` must not hold users' transactions, because an upgrade becomes active in it. */
export function isUpgradeOnlyBlock(forks: ForkSchedule, timestamp: bigint, blockTimeSeconds: bigint): boolean {
  return alone.some(fork => isForkActivationBlock(forks, fork, timestamp, blockTimeSeconds))
}
