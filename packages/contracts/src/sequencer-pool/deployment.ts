import { type Address, concatHex, encodeDeployData, type Hex, zeroAddress } from 'viem'
import { sequencerPoolAbi, sequencerPoolBytecode, sequencerPoolLibraries } from './contract.js'

/** Deploys contracts to addresses that follow from their code alone; it is on every public chain, and in anvil. */
export const create2Deployer: Address = '0x4e59b44847b379578588920cA78FbF26c0B4956C'

/** The windows that hold stake back long enough to be slashed, in seconds; as `PoolOptions` of `@l2/staking` has them. */
export type SequencerPoolWindows = {
  readonly exitDelaySeconds: bigint
  readonly evidenceMaxAgeSeconds: bigint
  readonly vetoWindowSeconds: bigint
  readonly correlationSettleSeconds: bigint
  readonly correlationWindowSeconds: bigint
  readonly disputeWindowSeconds: bigint
  readonly maxPauseSeconds: bigint
  readonly commissionNoticeSeconds: bigint
}

/** What a pool is made with: the configuration of the reducer, and what only a contract has. */
export type SequencerPoolConfig = {
  /** What is staked: an ERC-20 that moves exactly what it is told to move. */
  readonly token: Address
  readonly admin: Address
  readonly council: Address
  readonly rewarder: Address
  readonly operator: Address
  /** Admits what signatures prove, for anybody. Default: nobody. */
  readonly verifier?: Address
  /** Who may collect the treasury's share of penalties. */
  readonly treasury: Address
  readonly minLockWei: bigint
  readonly maxLockWei: bigint
  /** The least that is delegated, that leaves, and that stays: it bounds what a penalty has to walk. Wei. */
  readonly minDelegationWei: bigint
  readonly maxSeats: number
  readonly lookaheadEpochs: number
  readonly blockIntervalMs: number
  readonly targetRateBps: number
  readonly firstLossBps: number
  readonly maxCommissionBps: number
  readonly maxCommissionStepBps: number
  readonly liquidCapBps: number
  /** Rewards come by batches of epochs; else by blocks. */
  readonly paidByBatches: boolean
  readonly delegatorsSlashable: boolean
  readonly windows: SequencerPoolWindows
}

/** The rollup whose SystemConfig a pool owns. */
export type SequencerPoolRollup = {
  /** Default: none is owned. */
  readonly systemConfig?: Address
  /** Orders for another chain are refused. Default 0. */
  readonly l2ChainId?: bigint
  /** From the announcement of a successor until it can take over. Default a week. */
  readonly handOverDelaySeconds?: bigint
}

/**
 * What deploys a pool: its libraries, each to {@link create2Deployer} unless there is code at its address already, then
 * a transaction without receiver.
 *
 * @example
 * ```ts
 * import { sequencerPoolDeployment } from '@l2/contracts/sequencer-pool'
 * import { createPool } from '@l2/staking'
 *
 * const admin = `0x${'ad'.repeat(20)}` as const
 * const { libraries, data } = sequencerPoolDeployment({
 *   ...createPool({ admin }).config,
 *   token: `0x${'01'.repeat(20)}`,
 *   treasury: admin,
 *   minDelegationWei: 100n * 10n ** 18n,
 *   paidByBatches: true,
 * })
 * console.log(libraries.length, data.length > 20_000) // 4 true
 * ```
 */
export function sequencerPoolDeployment(
  config: SequencerPoolConfig,
  rollup: SequencerPoolRollup = {},
): { libraries: readonly { name: string; address: Address; to: Address; data: Hex }[]; data: Hex } {
  return {
    libraries: sequencerPoolLibraries.map(({ name, address, bytecode }) => ({
      name,
      address,
      to: create2Deployer,
      data: concatHex([`0x${'00'.repeat(32)}`, bytecode]),
    })),
    data: encodeDeployData({
      abi: sequencerPoolAbi,
      bytecode: sequencerPoolBytecode,
      args: [
        { ...config, verifier: config.verifier ?? zeroAddress, windows: windowsOf(config.windows) },
        rollup.systemConfig ?? zeroAddress,
        rollup.l2ChainId ?? 0n,
        rollup.handOverDelaySeconds ?? 604_800n,
      ],
    }),
  }
}

/** As the contract takes them, which has 32 bits for each. */
const windowsOf = (windows: SequencerPoolWindows): Record<keyof SequencerPoolWindows, number> => ({
  exitDelaySeconds: Number(windows.exitDelaySeconds),
  evidenceMaxAgeSeconds: Number(windows.evidenceMaxAgeSeconds),
  vetoWindowSeconds: Number(windows.vetoWindowSeconds),
  correlationSettleSeconds: Number(windows.correlationSettleSeconds),
  correlationWindowSeconds: Number(windows.correlationWindowSeconds),
  disputeWindowSeconds: Number(windows.disputeWindowSeconds),
  maxPauseSeconds: Number(windows.maxPauseSeconds),
  commissionNoticeSeconds: Number(windows.commissionNoticeSeconds),
})
