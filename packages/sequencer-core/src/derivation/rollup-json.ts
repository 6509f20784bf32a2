import { readSchema } from '@l2/common/schema'
import type { Address, Hash, Hex } from 'viem'
import * as z from 'zod/mini'
import { SequencerError } from '../errors.js'
import { type ForkName, forkNames, isForkActive } from './fork-schedule.js'
import { rollupPresets } from './presets.js'
import { type AltDaConfig, checkRollupConfig, type RollupConfig } from './rollup-config.js'
import type { SystemConfig } from './system-config.js'
import { readUintBe, unhex } from './words.js'

const uint = /* @__PURE__ */ (() => z.int().check(z.nonnegative(), z.maximum(Number.MAX_SAFE_INTEGER)))()
const address = /* @__PURE__ */ z.custom<Address>(
  value => typeof value === 'string' && /^0x[0-9a-fA-F]{40}$/.test(value),
  'an address',
)
const bytes = (length: number) =>
  z.custom<Hash>(
    value => typeof value === 'string' && new RegExp(`^0x[0-9a-fA-F]{${2 * length}}$`).test(value),
    `${length} bytes of hex`,
  )
const blockId = /* @__PURE__ */ (() => z.strictObject({ hash: bytes(32), number: uint }))()

const forkTimes = Object.fromEntries(forkNames.map(fork => [`${fork}_time`, z.optional(uint)])) as Record<
  `${ForkName}_time`,
  z.ZodMiniOptional<typeof uint>
>

const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    genesis: z.strictObject({
      l1: blockId,
      l2: blockId,
      l2_time: uint,
      system_config: z.strictObject({
        batcherAddr: address,
        overhead: bytes(32),
        scalar: bytes(32),
        gasLimit: uint,
        eip1559Params: z.optional(bytes(8)),
        operatorFeeParams: z.optional(bytes(32)),
        minBaseFee: z.optional(uint),
        daFootprintGasScalar: z.optional(uint.check(z.maximum(65_535))),
      }),
    }),
    block_time: uint,
    max_sequencer_drift: z.optional(uint),
    seq_window_size: uint,
    channel_timeout: uint,
    l1_chain_id: uint,
    l2_chain_id: uint,
    ...forkTimes,
    pectra_blob_schedule_time: z.optional(uint),
    keep_karst_upgrade_gas: z.optional(z.boolean()),
    batch_inbox_address: address,
    deposit_contract_address: address,
    l1_system_config_address: address,
    chain_op_config: z.optional(
      z.strictObject({
        eip1559Elasticity: uint,
        eip1559Denominator: uint,
        eip1559DenominatorCanyon: z.optional(uint),
      }),
    ),
    alt_da: z.optional(
      z.strictObject({
        da_challenge_contract_address: z.optional(address),
        da_commitment_type: z.optional(z.enum(['', 'KeccakCommitment', 'GenericCommitment'])),
        da_max_input_size: z.optional(uint),
        da_challenge_window: z.optional(uint),
        da_resolve_window: z.optional(uint),
      }),
    ),
    /** Written by versions of op-node before 1.19, and read by nobody. */
    protocol_versions_address: z.optional(address),
  }))()

/** op-node's `rollup.json`, which `optimism_rollupConfig` answers, too. */
export type RollupJson = z.infer<typeof schema>

const zeroAddress: Address = `0x${'00'.repeat(20)}`

/**
 * Reads op-node's `rollup.json`, or the answer of `optimism_rollupConfig`. A key that is not known is refused: it may be the time of an upgrade
 * whose rules are not here.
 *
 * @throws SequencerError `ROLLUP_CONFIG_INVALID`, with every problem in `details.issues`
 *
 * @example
 * ```ts
 * import { rollupPresets } from '@l2/sequencer-core'
 * import { fromRollupJson, toRollupJson } from '@l2/sequencer-core/derivation'
 *
 * const text = JSON.stringify(toRollupJson(rollupPresets.opSepolia))
 * const config = fromRollupJson(JSON.parse(text))
 * console.log(config.l2ChainId, config.forks.karst) // 11155420n 1781712001n
 * ```
 */
export function fromRollupJson(json: unknown): RollupConfig {
  const parsed = readSchema(schema, json)
  if (!parsed.ok) {
    throw invalid(parsed.issues)
  }
  const file = parsed.value
  const forks: { [fork in ForkName]?: bigint } = {}
  for (const fork of forkNames) {
    const time = file[`${fork}_time`]
    if (time !== undefined) forks[fork] = BigInt(time)
  }
  const { genesis, chain_op_config: fees } = file
  // Files from before op-node 1.11 leave the fee parameters to its registry.
  const registered = Object.values(rollupPresets).find(preset => preset.l2ChainId === BigInt(file.l2_chain_id))
  const issues: string[] = []
  if (fees === undefined && registered === undefined) issues.push('"chain_op_config" is missing')
  if ((file.max_sequencer_drift ?? 0) === 0 && !isForkActive(forks, 'fjord', BigInt(genesis.l2_time))) {
    issues.push('"max_sequencer_drift" is missing, which counts before Fjord')
  }
  if (issues.length > 0) throw invalid(issues)
  return checkRollupConfig({
    l1ChainId: BigInt(file.l1_chain_id),
    l2ChainId: BigInt(file.l2_chain_id),
    genesis: {
      l1: { number: BigInt(genesis.l1.number), hash: genesis.l1.hash },
      l2: { number: BigInt(genesis.l2.number), hash: genesis.l2.hash },
      l2TimeSeconds: BigInt(genesis.l2_time),
      systemConfig: readSystemConfig(genesis.system_config),
    },
    blockTimeSeconds: BigInt(file.block_time),
    maxSequencerDriftSeconds: BigInt(file.max_sequencer_drift ?? 0),
    sequencingWindowBlocks: BigInt(file.seq_window_size),
    channelTimeoutBlocks: BigInt(file.channel_timeout),
    batchInbox: file.batch_inbox_address,
    depositContract: file.deposit_contract_address,
    systemConfigContract: file.l1_system_config_address,
    forks,
    eip1559:
      fees === undefined
        ? registered!.eip1559
        : {
            denominator: BigInt(fees.eip1559Denominator),
            denominatorCanyon: BigInt(fees.eip1559DenominatorCanyon ?? fees.eip1559Denominator),
            elasticity: BigInt(fees.eip1559Elasticity),
          },
    altDa: file.alt_da === undefined ? false : readAltDa(file.alt_da),
    ...(file.pectra_blob_schedule_time === undefined
      ? {}
      : { pectraBlobScheduleTimeSeconds: BigInt(file.pectra_blob_schedule_time) }),
    ...(file.keep_karst_upgrade_gas === undefined ? {} : { keepKarstUpgradeGas: file.keep_karst_upgrade_gas }),
  })
}

function invalid(issues: readonly string[]): SequencerError {
  return new SequencerError(`rollup.json has ${issues.length} problem(s)`, {
    code: 'ROLLUP_CONFIG_INVALID',
    meta: issues.slice(0, 20),
    details: { issues },
  })
}

function readSystemConfig(config: RollupJson['genesis']['system_config']): SystemConfig {
  const part = (hex: Hex | undefined, start: number, end: number): bigint =>
    hex === undefined ? 0n : readUintBe(unhex(hex), start, end)
  return {
    batcher: config.batcherAddr,
    overhead: BigInt(config.overhead),
    scalar: BigInt(config.scalar),
    gasLimit: BigInt(config.gasLimit),
    eip1559Denominator: part(config.eip1559Params, 0, 4),
    eip1559Elasticity: part(config.eip1559Params, 4, 8),
    operatorFeeScalar: part(config.operatorFeeParams, 20, 24),
    operatorFeeConstant: part(config.operatorFeeParams, 24, 32),
    minBaseFee: BigInt(config.minBaseFee ?? 0),
    daFootprintGasScalar: BigInt(config.daFootprintGasScalar ?? 0),
  }
}

function readAltDa(altDa: NonNullable<RollupJson['alt_da']>): AltDaConfig {
  const contract = altDa.da_challenge_contract_address
  return {
    commitmentType: altDa.da_commitment_type === 'GenericCommitment' ? 'generic' : 'keccak',
    ...(altDa.da_max_input_size === undefined ? {} : { maxInputBytes: altDa.da_max_input_size }),
    ...(contract === undefined || contract === zeroAddress
      ? {}
      : {
          challenge: {
            contract,
            windowBlocks: BigInt(altDa.da_challenge_window ?? 0),
            resolveWindowBlocks: BigInt(altDa.da_resolve_window ?? 0),
          },
        }),
  }
}

/** Above 2^53 readers of JSON round, some of them in silence. */
function exact(value: bigint): number {
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
  const reason = `${value} is beyond 2^53 - 1`
  throw new SequencerError(`no rollup.json: ${reason}`, { code: 'ROLLUP_CONFIG_INVALID', details: { reason } })
}

const word = (value: bigint): Hash => `0x${value.toString(16).padStart(64, '0')}`

/**
 * A chain's configuration as op-node's `rollup.json`. A chain with both kinds of alt-DA commitments, or with an upgrade of its own, cannot be
 * followed by op-node and has no such file.
 *
 * @throws SequencerError `ROLLUP_CONFIG_INVALID`
 */
export function toRollupJson(config: RollupConfig): RollupJson {
  checkRollupConfig(config)
  const reason =
    config.altDa === true
      ? 'op-node takes one type of alt-DA commitments'
      : config.foreignFork !== undefined
        ? `op-node has no rules for ${config.foreignFork.name}`
        : config.committee !== undefined
          ? 'op-node takes batches that no committee has attested'
          : undefined
  if (reason !== undefined) {
    throw new SequencerError(`no rollup.json: ${reason}`, { code: 'ROLLUP_CONFIG_INVALID', details: { reason } })
  }
  const { genesis, forks, eip1559, altDa } = config
  const { systemConfig } = genesis
  const times: { [fork in ForkName as `${fork}_time`]?: number } = {}
  for (const fork of forkNames) {
    const time = forks[fork]
    if (time !== undefined) times[`${fork}_time`] = exact(time)
  }
  const hex = (value: bigint, digits: number): string => value.toString(16).padStart(digits, '0')
  return {
    genesis: {
      l1: { hash: genesis.l1.hash, number: exact(genesis.l1.number) },
      l2: { hash: genesis.l2.hash, number: exact(genesis.l2.number) },
      l2_time: exact(genesis.l2TimeSeconds),
      system_config: {
        batcherAddr: systemConfig.batcher,
        overhead: word(systemConfig.overhead),
        scalar: word(systemConfig.scalar),
        gasLimit: exact(systemConfig.gasLimit),
        eip1559Params: `0x${hex(systemConfig.eip1559Denominator, 8)}${hex(systemConfig.eip1559Elasticity, 8)}`,
        operatorFeeParams: word((systemConfig.operatorFeeScalar << 64n) | systemConfig.operatorFeeConstant),
        minBaseFee: exact(systemConfig.minBaseFee),
        daFootprintGasScalar: exact(systemConfig.daFootprintGasScalar),
      },
    },
    block_time: exact(config.blockTimeSeconds),
    max_sequencer_drift: exact(config.maxSequencerDriftSeconds),
    seq_window_size: exact(config.sequencingWindowBlocks),
    channel_timeout: exact(config.channelTimeoutBlocks),
    l1_chain_id: exact(config.l1ChainId),
    l2_chain_id: exact(config.l2ChainId),
    ...times,
    ...(config.pectraBlobScheduleTimeSeconds === undefined
      ? {}
      : { pectra_blob_schedule_time: exact(config.pectraBlobScheduleTimeSeconds) }),
    ...(config.keepKarstUpgradeGas === true ? { keep_karst_upgrade_gas: true } : {}),
    batch_inbox_address: config.batchInbox,
    deposit_contract_address: config.depositContract,
    l1_system_config_address: config.systemConfigContract,
    chain_op_config: {
      eip1559Elasticity: exact(eip1559.elasticity),
      eip1559Denominator: exact(eip1559.denominator),
      eip1559DenominatorCanyon: exact(eip1559.denominatorCanyon),
    },
    ...(altDa === false || altDa === true
      ? {}
      : {
          alt_da: {
            da_challenge_contract_address: altDa.challenge?.contract ?? zeroAddress,
            da_commitment_type: altDa.commitmentType === 'generic' ? 'GenericCommitment' : 'KeccakCommitment',
            ...(altDa.maxInputBytes === undefined ? {} : { da_max_input_size: altDa.maxInputBytes }),
            da_challenge_window: exact(altDa.challenge?.windowBlocks ?? 0n),
            da_resolve_window: exact(altDa.challenge?.resolveWindowBlocks ?? 0n),
          },
        }),
  }
}
