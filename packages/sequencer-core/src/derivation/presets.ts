import type { Address, Hash } from 'viem'
import type { ForkSchedule } from './fork-schedule.js'
import type { RollupConfig } from './rollup-config.js'
import type { SystemConfig } from './system-config.js'

/** Every upgrade through Jovian from the first block on: what a new chain should run. */
export const allForksAtGenesis: ForkSchedule = {
  regolith: 0n,
  canyon: 0n,
  delta: 0n,
  ecotone: 0n,
  fjord: 0n,
  granite: 0n,
  holocene: 0n,
  isthmus: 0n,
  jovian: 0n,
}

/** Times of the superchain's mainnets. Source: superchain registry, `superchain/configs/mainnet`. */
const mainnetForks: ForkSchedule = {
  regolith: 0n,
  canyon: 1_704_992_401n,
  delta: 1_708_560_000n,
  ecotone: 1_710_374_401n,
  fjord: 1_720_627_201n,
  granite: 1_726_070_401n,
  holocene: 1_736_445_601n,
  isthmus: 1_746_806_401n,
  jovian: 1_764_691_201n,
  karst: 1_783_526_401n,
}

/** Source: superchain registry, `superchain/configs/sepolia`. */
const sepoliaForks: ForkSchedule = {
  regolith: 0n,
  canyon: 1_699_981_200n,
  delta: 1_703_203_200n,
  ecotone: 1_708_534_800n,
  fjord: 1_716_998_400n,
  granite: 1_723_478_400n,
  holocene: 1_732_633_200n,
  isthmus: 1_744_905_600n,
  jovian: 1_763_568_001n,
  karst: 1_781_712_001n,
}

function genesisSystemConfig(batcher: Address): SystemConfig {
  return {
    batcher,
    overhead: 188n,
    scalar: 684_000n,
    gasLimit: 30_000_000n,
    eip1559Denominator: 0n,
    eip1559Elasticity: 0n,
    operatorFeeScalar: 0n,
    operatorFeeConstant: 0n,
    minBaseFee: 0n,
    daFootprintGasScalar: 0n,
  }
}

const common = {
  blockTimeSeconds: 2n,
  maxSequencerDriftSeconds: 600n,
  sequencingWindowBlocks: 3600n,
  channelTimeoutBlocks: 300n,
  eip1559: { denominator: 50n, denominatorCanyon: 250n, elasticity: 6n },
  altDa: false,
} as const

const opMainnet: RollupConfig = {
  ...common,
  l1ChainId: 1n,
  l2ChainId: 10n,
  genesis: {
    l1: { number: 17_422_590n, hash: '0x438335a20d98863a4c0c97999eb2481921ccd28553eac6f913af7c12aec04108' },
    l2: { number: 105_235_063n, hash: '0xdbf6a80fef073de06add9b0d14026d6e5a86c85f6d102c36d3d8e9cf89c2afd3' },
    l2TimeSeconds: 1_686_068_903n,
    systemConfig: genesisSystemConfig('0x6887246668a3b87f54deb3b94ba47a6f63f32985'),
  },
  batchInbox: '0xff00000000000000000000000000000000000010',
  depositContract: '0xbeb5fc579115071764c7423a4f12edde41f106ed',
  systemConfigContract: '0x229047fed2591dbec1ef1118d64f7af3db9eb290',
  forks: mainnetForks,
  keepKarstUpgradeGas: true,
}

/** Base followed the superchain's upgrades through Jovian. */
const { karst: _, ...baseForks } = mainnetForks

/** Left the OP Stack with its own upgrade Azul, 2026-05-28. Source: `base/base`, `crates/common/chains`. */
const base: RollupConfig = {
  ...common,
  l1ChainId: 1n,
  l2ChainId: 8453n,
  genesis: {
    l1: { number: 17_481_768n, hash: '0x5c13d307623a926cd31415036c8b7fa14572f9dac64528e857a470511fc30771' },
    l2: { number: 0n, hash: '0xf712aa9241cc24369b143cf6dce85f0902a9731e70d66818a3a5845b296c73dd' },
    l2TimeSeconds: 1_686_789_347n,
    systemConfig: genesisSystemConfig('0x5050f69a9786f081509234f1a7f4684b5e5b76c9'),
  },
  batchInbox: '0xff00000000000000000000000000000000008453',
  depositContract: '0x49048044d57e1c92a77f79988d21fa8faf74e97e',
  systemConfigContract: '0x73a79fab69143498ed3712e519a88a918e1f4072',
  forks: baseForks,
  foreignFork: { name: 'Azul', timeSeconds: 1_779_991_200n },
}

const opSepolia: RollupConfig = {
  ...common,
  l1ChainId: 11_155_111n,
  l2ChainId: 11_155_420n,
  genesis: {
    l1: { number: 4_071_408n, hash: '0x48f520cf4ddaf34c8336e6e490632ea3cf1e5e93b0b2bc6e917557e31845371b' },
    l2: { number: 0n, hash: '0x102de6ffb001480cc9b8b548fd05c34cd4f46ae4aa91759393db90ea0409887d' },
    l2TimeSeconds: 1_691_802_540n,
    systemConfig: genesisSystemConfig('0x8f23bb38f531600e5d8fddaaec41f13fab46e98c'),
  },
  batchInbox: '0xff00000000000000000000000000000011155420',
  depositContract: '0x16fc5058f25648194471939df75cf27a2fdc48bc',
  systemConfigContract: '0x034edd2a225f7f429a63e0f1d2084b9e0a93b538',
  forks: sepoliaForks,
  pectraBlobScheduleTimeSeconds: 1_742_486_400n,
  keepKarstUpgradeGas: true,
}

/** What a chain of one's own must say about itself; the rest comes from {@link newRollup}. */
export type NewRollup = {
  l1ChainId: bigint
  l2ChainId: bigint
  genesis: { l1: { number: bigint; hash: Hash }; l2: { number: bigint; hash: Hash }; l2TimeSeconds: bigint }
  /** The account that may post batches. */
  batcher: Address
  batchInbox: Address
  depositContract: Address
  systemConfigContract: Address
} & Partial<
  Pick<
    RollupConfig,
    | 'blockTimeSeconds'
    | 'maxSequencerDriftSeconds'
    | 'sequencingWindowBlocks'
    | 'channelTimeoutBlocks'
    | 'eip1559'
    | 'altDa'
    | 'forks'
    | 'pectraBlobScheduleTimeSeconds'
    | 'keepKarstUpgradeGas'
  >
> & { gasLimit?: bigint }

/**
 * The configuration of a new chain: every upgrade through Jovian at genesis, blocks of 2 s, a sequencing window of 3600 L1 blocks,
 * 30,000,000 gas, unless told otherwise.
 */
export function newRollup(options: NewRollup): RollupConfig {
  const { batcher, gasLimit, genesis, ...rest } = options
  return {
    ...common,
    forks: allForksAtGenesis,
    ...rest,
    genesis: {
      ...genesis,
      systemConfig: {
        ...genesisSystemConfig(batcher),
        overhead: 0n,
        // Version byte 1: base fee scalar 1368, blob base fee scalar 810949, OP Mainnet's since Ecotone.
        scalar: (1n << 248n) | (810_949n << 32n) | 1368n,
        gasLimit: gasLimit ?? 30_000_000n,
      },
    },
  }
}

/**
 * Configurations of running chains, from the superchain registry. `base` holds until that chain's own upgrade Azul (2026-05-28), where derivation
 * ends with `FORK_WITHOUT_RULES`.
 */
export const rollupPresets: {
  readonly opMainnet: RollupConfig
  readonly base: RollupConfig
  readonly opSepolia: RollupConfig
} = { opMainnet, base, opSepolia }
