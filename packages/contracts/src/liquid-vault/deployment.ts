import { type Address, encodeDeployData, type Hex } from 'viem'
import { liquidVaultAbi, liquidVaultBytecode } from './contract.js'

/** What a report may not do, and how much of it counts; as `ReportLimits` of `@l2/lst/report`. */
export type LiquidVaultLimits = {
  /** Billionths of the pool that one report may add; the rest counts at later ones. */
  readonly maxPositiveRebaseE9: bigint
  readonly annualIncreaseBps: bigint
  /** Loss of one report. */
  readonly maxLossBps: number
  /** Fall of the rate from its highest within 18 days. */
  readonly maxDrawdownBps: number
  readonly shareRateDeviationBps: number
  /** Of what lifts the rate above the highest it ever was. */
  readonly feeBps: number
  /** A request is paid when it is older than this. */
  readonly requestMarginSeconds: number
  /** Seats that may become active in a day. */
  readonly appearedSeatsPerDay: number
}

/** Those of the preset `recommended` of `@l2/lst`: seats that earn 20 % a year, reports once a week or more often. */
export const recommendedLimits: LiquidVaultLimits = {
  ...{ maxPositiveRebaseE9: 4_794_521n, annualIncreaseBps: 2_500n, maxLossBps: 500, maxDrawdownBps: 1_000 },
  ...{ shareRateDeviationBps: 50, feeBps: 1_000, requestMarginSeconds: 7_680, appearedSeatsPerDay: 2 },
}

/** What a vault is made with. */
export type LiquidVaultOptions = {
  /** What is staked: an ERC-20 that moves exactly what it is told to move. */
  readonly asset: Address
  /** Pauses deposits and requests, and agrees to losses beyond the cap. */
  readonly guardian: Address
  /** Reports. */
  readonly reporter: Address
  /** Takes what goes to seats, and brings back what returns from them. */
  readonly custodian: Address
  /** Gets the fee, in shares. */
  readonly treasury: Address
  /** Wei that the deployer leaves in the vault for ever. Default 10^18. */
  readonly seedWei?: bigint | undefined
  /** Default 100. */
  readonly minRequestWei?: bigint | undefined
  /** Default 1000·10^18. */
  readonly maxRequestWei?: bigint | undefined
  /** Default {@link recommendedLimits}. */
  readonly limits?: LiquidVaultLimits | undefined
  /** Of the share token. Default "Staked METIS". */
  readonly name?: string | undefined
  /** Default "seMETIS". */
  readonly symbol?: string | undefined
}

/** A report as the contract takes it. */
export type VaultReport = {
  /** Balance of all seats, wei. */
  readonly seatsNowWei: bigint
  /** Part of the transit that is in seats now, wei. */
  readonly appearedWei: bigint
  /** Requests up to this one are paid; 0 for none. */
  readonly lastId: bigint
  /** The highest rate they are paid at: assets for 10^27 shares. */
  readonly maxRateE27: bigint
  /** Seats that became active. */
  readonly appearedSeats: bigint
  /** Whether no wei go to seats until a later report: a fault is known and not priced. */
  readonly bunker: boolean
}

/**
 * What a transaction without receiver deploys a vault with. Its sender must have approved the seed to the address that the vault will have.
 *
 * @example
 * ```ts
 * import { liquidVaultDeployment } from '@l2/contracts/liquid-vault'
 *
 * const somebody = `0x${'0a'.repeat(20)}` as const
 * const roles = { guardian: somebody, reporter: somebody, custodian: somebody, treasury: somebody }
 * const data = liquidVaultDeployment({ asset: `0x${'01'.repeat(20)}`, ...roles })
 * console.log(data.length > 20_000) // true
 * ```
 */
export function liquidVaultDeployment(options: LiquidVaultOptions): Hex {
  const { asset, guardian, reporter, custodian, treasury, name = 'Staked METIS', symbol = 'seMETIS' } = options
  const { seedWei = 10n ** 18n, minRequestWei = 100n, maxRequestWei = 1_000n * 10n ** 18n } = options
  const { limits = recommendedLimits } = options
  const config = { asset, guardian, reporter, custodian, treasury, seedWei, minRequestWei, maxRequestWei, limits }
  return encodeDeployData({ abi: liquidVaultAbi, bytecode: liquidVaultBytecode, args: [config, name, symbol] })
}
