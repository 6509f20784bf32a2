import type { Address, Hash } from 'viem'
import { maxRlpBytesPerChannel } from '../channel/batch-stream.js'
import { SequencerError } from '../errors.js'
import { type ForkSchedule, forkNames, isForkActive } from './fork-schedule.js'
import type { SystemConfig } from './system-config.js'

/** A block by number and hash. */
export type BlockId = { readonly number: bigint; readonly hash: Hash }

/** Everything that derivation needs to know about a chain; plain data. Source: OP specs, "Rollup configuration", op-node `rollup.json`. */
export type RollupConfig = {
  readonly l1ChainId: bigint
  readonly l2ChainId: bigint
  readonly genesis: {
    readonly l1: BlockId
    readonly l2: BlockId
    /** Timestamp of the L2 genesis block, seconds. */
    readonly l2TimeSeconds: bigint
    readonly systemConfig: SystemConfig
  }
  /** Seconds between L2 blocks. */
  readonly blockTimeSeconds: bigint
  /** How far an L2 block may run ahead of its L1 origin before Fjord, seconds; from Fjord it is 1800. */
  readonly maxSequencerDriftSeconds: bigint
  /** How many L1 blocks after an origin its batches may still arrive. */
  readonly sequencingWindowBlocks: bigint
  /** Lifetime of a channel in L1 blocks before Granite; from Granite it is 50. */
  readonly channelTimeoutBlocks: bigint
  /** Where batcher transactions are sent. */
  readonly batchInbox: Address
  /** The portal that emits `TransactionDeposited`. */
  readonly depositContract: Address
  /** The contract that emits `ConfigUpdate`. */
  readonly systemConfigContract: Address
  readonly forks: ForkSchedule
  readonly eip1559: {
    readonly denominator: bigint
    readonly denominatorCanyon: bigint
    readonly elasticity: bigint
  }
  /** Whether commitments of an alt-DA server (version byte 1) count as batcher data, and which: `false` for none, `true` for any. */
  readonly altDa: boolean | AltDaConfig
  /**
   * Until (not including) this L1 time, seconds, L1-info deposits state the blob base fee with Cancun's parameters though L1 has Prague:
   * Sepolia and Holesky chains. Source: OP specs, "Pectra blob schedule".
   */
  readonly pectraBlobScheduleTimeSeconds?: bigint | undefined
  /**
   * The gas that Karst's activation block adds stays in the gas limit until the next update of it: chains that activated Karst before this
   * was mended. Default false. Source: superchain registry, `keep_karst_upgrade_gas`.
   */
  readonly keepKarstUpgradeGas?: boolean | undefined
  /**
   * Strict: a batcher's transaction counts only where the `Committee` on L1 has accepted a statement with its data hashes
   * (`Attested` of `@l2/contracts`), in the same L1 block or in one of `windowBlocks` before it; each statement's data
   * count once. No node of the OP Stack has this rule: none follows such a chain. Default: compatible, who posts is what
   * the system config says and nothing is asked of the data.
   */
  readonly committee?: { readonly contract: Address; readonly windowBlocks: bigint } | undefined
  /** An upgrade of the chain's own, beyond the OP Stack: its rules are not here, and derivation ends with an error at this time. */
  readonly foreignFork?: { readonly name: string; readonly timeSeconds: bigint } | undefined
}

/** Which alt-DA commitments count. Source: op-node `rollup.json`, `alt_da`. */
export type AltDaConfig = {
  /** The chain's one type: `keccak` is type byte 0, `generic` type byte 1. */
  readonly commitmentType: 'keccak' | 'generic'
  /** Above this, an input under a keccak commitment does not count, bytes. Default 130 672. */
  readonly maxInputBytes?: number | undefined
  /** The contract where missing inputs are challenged on L1, and its windows in L1 blocks. */
  readonly challenge?:
    | { readonly contract: Address; readonly windowBlocks: bigint; readonly resolveWindowBlocks: bigint }
    | undefined
}

/** Source: OP specs, alt-DA, `MAX_INPUT_SIZE`. */
const maxAltDaInputBytes = 130_672

/** The alt-DA type bytes that count, and the largest keccak input, bytes. */
export function altDaRules(config: RollupConfig): { types: readonly number[]; maxInputBytes: number } {
  const { altDa } = config
  if (altDa === false) return { types: [], maxInputBytes: 0 }
  if (altDa === true) return { types: [0, 1], maxInputBytes: maxAltDaInputBytes }
  return {
    types: [altDa.commitmentType === 'keccak' ? 0 : 1],
    maxInputBytes: altDa.maxInputBytes ?? maxAltDaInputBytes,
  }
}

/** A max_sequencer_drift from Fjord on, seconds. Source: OP specs, Fjord. */
const fjordDriftSeconds = 1800n
/** A channel's lifetime from Granite on, L1 blocks. Source: OP specs, Granite. */
const graniteChannelTimeoutBlocks = 50n

/** How far an L2 block may run ahead of an L1 origin with this time, seconds. */
export function maxSequencerDriftSeconds(config: RollupConfig, l1OriginTimeSeconds: bigint): bigint {
  return isForkActive(config.forks, 'fjord', l1OriginTimeSeconds) ? fjordDriftSeconds : config.maxSequencerDriftSeconds
}

/** A channel's lifetime at an L1 time, in L1 blocks. */
export function channelTimeoutBlocks(config: RollupConfig, l1TimeSeconds: bigint): bigint {
  return isForkActive(config.forks, 'granite', l1TimeSeconds)
    ? graniteChannelTimeoutBlocks
    : config.channelTimeoutBlocks
}

/** What a channel may decompress to at an L1 time, bytes. */
export function maxRlpBytesAt(config: RollupConfig, l1TimeSeconds: bigint): number {
  return maxRlpBytesPerChannel[isForkActive(config.forks, 'fjord', l1TimeSeconds) ? 'fjord' : 'bedrock']
}

/** What the channel bank may hold at an L1 time, bytes. */
export function maxChannelBankBytes(config: RollupConfig, l1TimeSeconds: bigint): number {
  return isForkActive(config.forks, 'fjord', l1TimeSeconds) ? 1_000_000_000 : 100_000_000
}

/** L1 knows origins of statements for so long (EIP-2935). */
const maxCommitteeWindowBlocks = 8191n

/** Every field of a {@link RollupConfig}. */
const knownFields: Readonly<Record<keyof RollupConfig, true>> = {
  l1ChainId: true,
  l2ChainId: true,
  genesis: true,
  blockTimeSeconds: true,
  maxSequencerDriftSeconds: true,
  sequencingWindowBlocks: true,
  channelTimeoutBlocks: true,
  batchInbox: true,
  depositContract: true,
  systemConfigContract: true,
  forks: true,
  eip1559: true,
  altDa: true,
  pectraBlobScheduleTimeSeconds: true,
  keepKarstUpgradeGas: true,
  foreignFork: true,
  committee: true,
}

/**
 * Checks a configuration's cross-field rules and returns it. A field that is not known is refused: it may be a rule that others keep.
 *
 * @throws SequencerError `ROLLUP_CONFIG_INVALID`, with every problem in `details.issues`
 */
export function checkRollupConfig(config: RollupConfig): RollupConfig {
  const issues: string[] = []
  const address = /^0x[0-9a-fA-F]{40}$/
  const hash = /^0x[0-9a-fA-F]{64}$/
  for (const field of ['batchInbox', 'depositContract', 'systemConfigContract'] as const) {
    if (!address.test(config[field])) issues.push(`"${field}" expected an address, got ${config[field]}`)
  }
  if (!address.test(config.genesis.systemConfig.batcher))
    issues.push('"genesis.systemConfig.batcher" expected an address')
  for (const field of ['l1', 'l2'] as const) {
    if (!hash.test(config.genesis[field].hash)) issues.push(`"genesis.${field}.hash" expected 32 bytes of hex`)
  }
  for (const field of ['blockTimeSeconds', 'sequencingWindowBlocks', 'channelTimeoutBlocks'] as const) {
    if (config[field] <= 0n) issues.push(`"${field}" expected more than 0, got ${config[field]}`)
  }
  if (config.sequencingWindowBlocks < 2n) issues.push('"sequencingWindowBlocks" expected at least 2')
  if (config.l1ChainId === config.l2ChainId)
    issues.push(`"l2ChainId" expected another than L1's, got ${config.l2ChainId}`)
  const { committee } = config
  if (committee !== undefined) {
    if (!address.test(committee.contract)) issues.push('"committee.contract" expected an address')
    if (committee.windowBlocks < 0n || committee.windowBlocks > maxCommitteeWindowBlocks) {
      issues.push(`"committee.windowBlocks" expected 0 … ${maxCommitteeWindowBlocks}, got ${committee.windowBlocks}`)
    }
  }
  for (const field of Object.keys(config)) {
    if (!Object.hasOwn(knownFields, field)) issues.push(`"${field}" is no field that is known here`)
  }
  // A fork that is known by name and not by rules must never be passed over in silence.
  for (const fork of Object.keys(config.forks)) {
    if (!(forkNames as readonly string[]).includes(fork))
      issues.push(`"forks.${fork}" is no upgrade that is known here`)
  }
  let previous: { fork: string; time: bigint } | undefined
  for (const fork of forkNames) {
    const time = config.forks[fork]
    if (time === undefined) continue
    if (previous !== undefined && time < previous.time) {
      issues.push(`"forks.${fork}" expected not before ${previous.fork} (${previous.time}), got ${time}`)
    }
    previous = { fork, time }
  }
  if (issues.length > 0) {
    throw new SequencerError(`rollup configuration has ${issues.length} problem(s)`, {
      code: 'ROLLUP_CONFIG_INVALID',
      meta: issues,
      details: { issues },
    })
  }
  return config
}
