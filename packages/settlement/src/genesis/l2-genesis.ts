import { allForksAtGenesis, type ForkSchedule, type RollupConfig } from '@l2/sequencer-core/derivation'
import { type OpGenesis, opGenesis } from '@l2/sequencer-core/engine'
import type { Address } from 'viem'
import * as z from 'zod/mini'
import type { Artifacts } from '../artifacts/artifact.js'
import { SettlementError } from '../errors.js'
import { address, checkOptions, uint } from '../internal/options.js'
import { type Allocation, type FeeRecipients, type L2GasToken, predeployedAccounts } from './allocation.js'
import { checkAllocation } from './check-allocation.js'
import { checkLevel, type FrozenPredeploys, frozenAccounts } from './frozen.js'
import { predeployCount } from './predeploys.js'

/** Options of {@link l2Genesis}. */
export type L2GenesisOptions = {
  l1ChainId: bigint
  l2ChainId: bigint
  /** Seconds: of the L1 block that the chain begins after, or later. */
  timestamp: bigint
  /** What the system configuration on L1 says. Defaults to 30,000,000. */
  gasLimit?: bigint | undefined
  /** The counterparts of the bridges, as `deploySettlement` answers them. */
  l1: { l1CrossDomainMessenger: Address; l1StandardBridge: Address; l1Erc721Bridge: Address }
  /** What pays for gas. Defaults to ether. */
  gasToken?: L2GasToken | undefined
  /**
   * The predeploys: those of the installed package with ours in front, at the level of Jovian, or frozen ones of the OP Stack, which Go prints. The latter cross later
   * upgrades as other chains do.
   */
  level?: FrozenPredeploys | undefined
  /** Upgrades the predeploys. */
  owner: Address
  recipients: FeeRecipients
  /** Further accounts: theirs win over ours. */
  alloc?: Allocation | undefined
  /** Allows accounts whose keys are public to own and to have. Defaults to false. */
  isDevnet?: boolean | undefined
  /**
   * How many of the 2048 addresses that are kept for predeploys get a proxy at once. Defaults to all of them, as the OP Stack has it; a proxy that is missing can
   * come with an upgrade. 64 are all that a contract of today is at.
   */
  reservedPredeploys?: number | undefined
  /** Defaults to every upgrade through Jovian at genesis. */
  forks?: ForkSchedule | undefined
  /** As in the rollup's configuration. */
  eip1559?: RollupConfig['eip1559'] | undefined
}

/** What fits into a word, as the contracts keep it. */
const shortText = /* @__PURE__ */ z.string().check(
  z.minLength(1),
  z.refine(text => new TextEncoder().encode(text).length <= 32, 'expected 32 bytes at most'),
)

const schema = /* @__PURE__ */ (() => {
  const chainId = uint(2n ** 53n - 1n, 1n)
  return z.object({
    l1ChainId: chainId,
    l2ChainId: chainId,
    timestamp: uint(2n ** 40n),
    gasLimit: z.optional(uint(2n ** 53n - 1n, 1n)),
    l1: z.object({ l1CrossDomainMessenger: address, l1StandardBridge: address, l1Erc721Bridge: address }),
    gasToken: z.optional(
      z.union([
        z.strictObject({ type: z.literal('ether') }),
        z.strictObject({
          type: z.literal('erc20'),
          token: address,
          name: shortText,
          symbol: shortText,
          bridge: address,
          capacityWei: uint(2n ** 128n - 1n, 1n),
        }),
      ]),
    ),
    owner: address,
    recipients: z.strictObject({ sequencer: address, baseFee: address, l1Fee: address, operatorFee: address }),
    isDevnet: z.optional(z.boolean()),
    reservedPredeploys: z.optional(z.int().check(z.minimum(64), z.maximum(predeployCount))),
  })
})()

/** Further accounts by their address in lower case. @throws SettlementError `SETTLEMENT_OPTIONS_INVALID` */
function lowerCase(alloc: Allocation): Allocation {
  return Object.fromEntries(
    Object.entries(alloc).map(([at, account]) => {
      if (/^0x[0-9a-fA-F]{40}$/.test(at)) return [at.toLowerCase(), account]
      throw new SettlementError(`"alloc" has ${JSON.stringify(at.slice(0, 80))}, which is no address`, {
        code: 'SETTLEMENT_OPTIONS_INVALID',
      })
    }),
  )
}

/**
 * The genesis of a rollup: predeploys and preinstalls, checked. `JSON.stringify` writes the file that op-geth, op-reth, `@l2/op-engine` and anvil start from.
 *
 * @throws SettlementError `SETTLEMENT_OPTIONS_INVALID`, `ARTIFACT_MISSING`, `LEVEL_INVALID`, `ALLOCATION_REFUSED`
 */
export function l2Genesis(options: L2GenesisOptions, { artifacts }: { artifacts: Artifacts }): OpGenesis {
  checkOptions(schema, options, 'l2Genesis')
  const { l2ChainId, timestamp, gasLimit, forks, eip1559, owner, recipients, level, isDevnet = false } = options
  const gasToken = options.gasToken ?? { type: 'ether' }
  const told = { ...options, gasToken, reserved: options.reservedPredeploys ?? predeployCount }
  checkLevel(level, forks ?? allForksAtGenesis, timestamp)
  const alloc = {
    ...(level === undefined ? predeployedAccounts(told, artifacts) : frozenAccounts(told, level, artifacts)),
    ...lowerCase(options.alloc ?? {}),
  }
  checkAllocation(alloc, { owner, recipients, gasToken, isDevnet })
  return opGenesis({ chainId: l2ChainId, timestamp, gasLimit, forks, eip1559, alloc })
}
