import { bytesToHex } from '@l2/common'
import { type Address, type Hash, type Hex, numberToHex } from 'viem'
import { type ForkName, type ForkSchedule, forkNames, isForkActive } from '../derivation/fork-schedule.js'
import { encodeExtraData } from '../derivation/l2.js'
import { allForksAtGenesis } from '../derivation/presets.js'
import type { RollupConfig } from '../derivation/rollup-config.js'
import { quantity } from './rpc-state.js'

/** An account of a genesis state. */
export type GenesisAccount = {
  /** Wei. */
  balance?: bigint | undefined
  nonce?: bigint | undefined
  code?: Hex | undefined
  storage?: Readonly<Record<Hash, Hash>> | undefined
}

/** Options of {@link opGenesis}. */
export type OpGenesisOptions = {
  chainId: bigint
  /** Of block 0; seconds. */
  timestamp: bigint
  /** Defaults to 30 million. */
  gasLimit?: bigint | undefined
  /** Defaults to 1 gwei. */
  baseFeePerGas?: bigint | undefined
  /** Defaults to every upgrade through Jovian at genesis. */
  forks?: ForkSchedule | undefined
  /** Those of the {@link RollupConfig}. Defaults to 50, 250 from Canyon, and 6. */
  eip1559?: RollupConfig['eip1559'] | undefined
  /** Wei, from Jovian. Defaults to 0. */
  minBaseFee?: bigint | undefined
  alloc?: Readonly<Record<Address, GenesisAccount>> | undefined
}

/** A genesis file as op-geth, op-reth and `@l2/op-engine` read it; `JSON.stringify` writes it. */
export type OpGenesis = {
  config: Record<string, unknown>
  timestamp: Hex
  gasLimit: Hex
  baseFeePerGas: Hex
  extraData: Hex
  difficulty: '0x0'
  nonce: '0x0'
  mixHash: Hash
  coinbase: Address
  alloc: Record<string, { balance: Hex; nonce?: Hex; code?: Hex; storage?: Record<Hash, Hash> }>
}

const zeroHash: Hash = `0x${'00'.repeat(32)}`
const one: Hash = `0x${'00'.repeat(31)}01`
const messagePasser: Address = '0x4200000000000000000000000000000000000016'
const feeVault: Address = '0x4200000000000000000000000000000000000011'

/** The names under which geth's chain config has an upgrade of the OP Stack, and what Ethereum brought along with it. */
const configNames: { readonly [fork in ForkName]?: readonly string[] } = {
  regolith: ['regolithTime'],
  canyon: ['canyonTime', 'shanghaiTime'],
  ecotone: ['ecotoneTime', 'cancunTime'],
  fjord: ['fjordTime'],
  granite: ['graniteTime'],
  holocene: ['holoceneTime'],
  isthmus: ['isthmusTime', 'pragueTime'],
  jovian: ['jovianTime'],
  karst: ['karstTime', 'osakaTime'],
}

const beforeMerge = [
  'homestead',
  'eip150',
  'eip155',
  'eip158',
  'byzantium',
  'constantinople',
  'petersburg',
  'istanbul',
  'muirGlacier',
  'berlin',
  'london',
  'arrowGlacier',
  'grayGlacier',
]

/**
 * The smallest genesis of an OP chain that an OP execution client can build on: the chain config, accounts of yours, and in place of the message passer
 * (0x42…16) an account that only reverts, because a block from Isthmus on commits to that account's storage and must find some. The other
 * predeploys are absent: no L1 block contract stores the L1-info deposits, so L1 and operator fees are nothing, and nothing can be withdrawn.
 * Give them in `alloc` where they are wanted; an account of `alloc` replaces ours.
 *
 * Header and state follow the specs: `extraData` of Holocene (9 bytes) or Jovian (17) where these are active at `timestamp`.
 *
 * @example
 * ```ts
 * import { opGenesis } from '@l2/sequencer-core'
 *
 * const genesis = opGenesis({
 *   chainId: 901n,
 *   timestamp: 1_700_000_000n,
 *   alloc: { '0x00000000000000000000000000000000000000a1': { balance: 10n ** 18n } },
 * })
 * console.log(genesis.extraData) // 0x01000000fa000000060000000000000000
 * ```
 */
export function opGenesis(options: OpGenesisOptions): OpGenesis {
  const { chainId, timestamp, forks = allForksAtGenesis } = options
  const eip1559 = options.eip1559 ?? { denominator: 50n, denominatorCanyon: 250n, elasticity: 6n }
  const isActive = (fork: ForkName) => isForkActive(forks, fork, timestamp)
  const extra = {
    denominator: isActive('canyon') ? eip1559.denominatorCanyon : eip1559.denominator,
    elasticity: eip1559.elasticity,
    minBaseFee: isActive('jovian') ? (options.minBaseFee ?? 0n) : undefined,
  }
  const accounts = { [messagePasser]: { nonce: 1n, code: '0x60006000fd', storage: { [one]: one } }, ...options.alloc }
  return {
    config: {
      chainId: Number(chainId),
      ...Object.fromEntries(beforeMerge.map(name => [`${name}Block`, 0])),
      mergeNetsplitBlock: 0,
      terminalTotalDifficulty: 0,
      bedrockBlock: 0,
      ...Object.fromEntries(
        forkNames.flatMap(fork => {
          const time = activationOf(forks, fork)
          return time === undefined ? [] : (configNames[fork] ?? []).map(name => [name, Number(time)])
        }),
      ),
      optimism: {
        eip1559Elasticity: Number(eip1559.elasticity),
        eip1559Denominator: Number(eip1559.denominator),
        eip1559DenominatorCanyon: Number(eip1559.denominatorCanyon),
      },
    },
    timestamp: quantity(timestamp),
    gasLimit: quantity(options.gasLimit ?? 30_000_000n),
    baseFeePerGas: quantity(options.baseFeePerGas ?? 1_000_000_000n),
    extraData: isActive('holocene') ? bytesToHex(encodeExtraData(extra)) : '0x',
    difficulty: '0x0',
    nonce: '0x0',
    mixHash: zeroHash,
    coinbase: feeVault,
    alloc: Object.fromEntries(
      Object.entries<GenesisAccount>(accounts).map(([address, account]) => [
        address,
        {
          balance: numberToHex(account.balance ?? 0n),
          ...(account.nonce === undefined ? {} : { nonce: numberToHex(account.nonce) }),
          ...(account.code === undefined ? {} : { code: account.code }),
          ...(account.storage === undefined ? {} : { storage: { ...account.storage } }),
        },
      ]),
    ),
  }
}

/** When an upgrade becomes active, its own time or that of a later one, which brings it along. */
function activationOf(forks: ForkSchedule, fork: ForkName): bigint | undefined {
  return forkNames
    .slice(forkNames.indexOf(fork))
    .map(name => forks[name])
    .reduce((least, time) => (least === undefined || (time !== undefined && time < least) ? time : least), undefined)
}
