import { bytesToHex, concatBytes, fromJson, hexToBytes, isL2Error, toJson } from '@l2/common'
import { applyPool, type PoolCommand, type PoolState } from '@l2/staking'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Hash } from 'viem'
import { refuse } from '../errors.js'

/** Bytes of the commands that one transaction brings at most. */
export const maxPoolCommandBytes = 65_536

/** Fields of commands that hold bigints. */
const bigints = [
  'atSeconds',
  'amountWei',
  'shares',
  'epoch',
  'fromEpoch',
  'toEpoch',
  'height',
  'batchId',
  'startEpoch',
  'endEpoch',
  'blocks',
  'offenceEpoch',
  'seconds',
]
/** What the fold itself does to the pool: epochs follow the milestone, and faults are judged here. */
const ownCommands: ReadonlySet<string> = new Set<PoolCommand['type']>([
  'advanceEpoch',
  'accrueBlock',
  'submitRewards',
  'admitOffence',
  'executeCase',
])

/** Before anything was told to a pool. */
export const firstPoolRoot: Hash = `0x${'00'.repeat(32)}`

/**
 * Commands that L1 gave to the pool, as bytes: the same for everybody who reads the same blocks.
 *
 * @throws ControlChainError `ENCODING_INVALID` for more than {@link maxPoolCommandBytes}
 */
export function encodePoolCommands(commands: readonly PoolCommand[]): Uint8Array {
  const sorted = commands.map(command =>
    Object.fromEntries(Object.entries(command).sort(([a], [b]) => (a < b ? -1 : 1))),
  )
  const bytes = new TextEncoder().encode(toJson(sorted))
  if (bytes.length > maxPoolCommandBytes) {
    refuse('ENCODING_INVALID', `commands expected to take ${maxPoolCommandBytes} bytes at most, got ${bytes.length}`)
  }
  return bytes
}

/** @returns `undefined` for whatever {@link encodePoolCommands} does not make; never throws */
export function decodePoolCommands(bytes: Uint8Array): readonly PoolCommand[] | undefined {
  if (bytes.length > maxPoolCommandBytes) return undefined
  try {
    const read = fromJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes), bigints)
    if (!Array.isArray(read)) return undefined
    const isCommand = (item: unknown): boolean => typeof (item as { type?: unknown } | null)?.type === 'string'
    if (!read.every(isCommand)) return undefined
    // One form of the same commands only.
    return bytesToHex(encodePoolCommands(read)) === bytesToHex(bytes) ? read : undefined
  } catch {
    return undefined
  }
}

/**
 * The root of everything that L1 has told the pool: a running hash, so that operators who agree on the root of a block
 * agree on every command up to it, and anybody may bring the commands themselves.
 *
 * @param before Of the blocks before; {@link firstPoolRoot} at the beginning.
 * @param commands What {@link encodePoolCommands} made of the commands since. The cut is free: a root over a span is
 * that of its commands, one by one.
 *
 * @example
 * ```ts
 * import { firstPoolRoot, poolRootOf } from '@l2/control-chain'
 *
 * const owner = `0x${'0a'.repeat(20)}` as const
 * const leaves = { type: 'unlock', by: owner, atSeconds: 1_700_000_000n, id: 4 } as const
 * const comes = { ...leaves, type: 'unjail' } as const
 * const root = poolRootOf(firstPoolRoot, [leaves, comes])
 * console.log(root === poolRootOf(poolRootOf(firstPoolRoot, [leaves]), [comes])) // true
 * ```
 */
export function poolRootOf(before: Hash, commands: readonly PoolCommand[]): Hash {
  return commands.reduce<Hash>(
    (root, command) =>
      bytesToHex(keccak_256(concatBytes(hexToBytes(root)!, keccak_256(encodePoolCommands([command]))))),
    before,
  )
}

/** What L1 said, done to the pool. A command that it refuses was without effect on L1, too, and is passed over. */
export function applyPoolCommands(pool: PoolState, commands: readonly PoolCommand[]): PoolState {
  return commands.reduce((state, command) => (ownCommands.has(command.type) ? state : tryPool(state, command)), pool)
}

/** One step of the pool, or none where it refuses. */
export function tryPool(pool: PoolState, command: PoolCommand): PoolState {
  try {
    // What L1 did lies in the past by now; the pool's time never falls.
    return applyPool(pool, {
      ...command,
      atSeconds: command.atSeconds > pool.atSeconds ? command.atSeconds : pool.atSeconds,
    }).state
  } catch (error) {
    if (!isL2Error(error)) throw error
    return pool
  }
}
