import { SequencerError } from '../errors.js'

/** The wallet that pays for submissions. */
export interface BatcherFunds {
  balance(options?: { signal?: AbortSignal | undefined }): Promise<bigint>
  /** What posting these items may cost at most, wei. */
  quote(items: readonly Uint8Array[], options?: { signal?: AbortSignal | undefined }): Promise<bigint>
}

/** A payment, for {@link projectRunway}. */
export type Spending = { readonly l1Block: bigint; readonly wei: bigint }

/**
 * For how many L1 blocks a balance lasts at the rate of the given payments, rounded down; `undefined` when nothing was spent. The rate is
 * their sum over the blocks since the first, at least one.
 *
 * @example
 * ```ts
 * import { projectRunway } from '@l2/sequencer-core/batcher'
 *
 * const payments = [{ l1Block: 100n, wei: 30n }, { l1Block: 110n, wei: 30n }]
 * console.log(projectRunway(600n, payments, 120n)) // 200n
 * ```
 */
export function projectRunway(spendableWei: bigint, payments: readonly Spending[], headL1: bigint): bigint | undefined {
  const first = payments[0]
  const sum = payments.reduce((total, { wei }) => total + wei, 0n)
  if (first === undefined || sum === 0n) return undefined
  if (spendableWei <= 0n) return 0n
  const span = headL1 > first.l1Block ? headL1 - first.l1Block : 1n
  return (spendableWei * span) / sum
}

/** Payments that the rate is taken from. */
const rememberedPayments = 32

type GuardEvent =
  | { readonly type: 'runway-low'; readonly balanceWei: bigint; readonly runwayBlocks: bigint }
  | { readonly type: 'balance-stop'; readonly balanceWei: bigint; readonly costWei: bigint }

/** Refuses what the wallet cannot pay, and reckons how long it lasts. */
export function createFundsGuard(
  funds: BatcherFunds | undefined,
  limits: { readonly minBalanceWei: bigint; readonly runwayAlarmBlocks: bigint },
  emit: (event: GuardEvent) => void,
) {
  let payments: Spending[] = []
  let runwayBlocks: bigint | undefined
  return {
    get runwayBlocks() {
      return runwayBlocks
    },
    /** Resolves to the cost to expect; rejects when paying it, besides what is on its way already, would leave too little. */
    async check(
      items: readonly Uint8Array[],
      headL1: bigint,
      reservedWei: bigint,
      signal: AbortSignal | undefined,
    ): Promise<bigint> {
      if (funds === undefined) return 0n
      const [heldWei, costWei] = await Promise.all([funds.balance({ signal }), funds.quote(items, { signal })])
      const balanceWei = heldWei - reservedWei
      if (balanceWei - costWei < limits.minBalanceWei) {
        runwayBlocks = 0n
        emit({ type: 'balance-stop', balanceWei, costWei })
        throw new SequencerError(
          `a submission of up to ${costWei} wei would leave less than ${limits.minBalanceWei} of ${balanceWei}`,
          {
            code: 'BATCHER_BALANCE',
            recovery: 'retry',
            details: { balanceWei, costWei, minBalanceWei: limits.minBalanceWei },
          },
        )
      }
      runwayBlocks = projectRunway(balanceWei - limits.minBalanceWei, payments, headL1)
      if (runwayBlocks !== undefined && payments.length > 1 && runwayBlocks < limits.runwayAlarmBlocks) {
        emit({ type: 'runway-low', balanceWei, runwayBlocks })
      }
      return costWei
    },
    paid(wei: bigint, l1Block: bigint): void {
      if (wei > 0n) payments = [...payments, { l1Block, wei }].slice(-rememberedPayments)
    },
  }
}
