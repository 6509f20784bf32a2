import { SettlementError } from '../errors.js'

export const gwei = 1_000_000_000n

/** What a transaction offers for its gas; wei. */
export type Fees = { readonly maxFeeWei: bigint; readonly tipWei: bigint }

/** What is to be paid at most, and what a first attempt tips; wei. */
export type FeeLimits = { readonly maxFeePerGasWei: bigint; readonly tipWei: bigint }

/**
 * Fees that hold for some blocks, at least an eighth above what is to be replaced.
 *
 * @throws SettlementError `L1_PRICE`
 */
export function feesAbove(last: Fees | undefined, baseFeePerGas: bigint, { maxFeePerGasWei, tipWei }: FeeLimits): Fees {
  const raised = (value: bigint): bigint => value + value / 8n + 1n
  const tip = last === undefined ? tipWei : raised(last.tipWei)
  const market = 2n * baseFeePerGas + tip
  const floor = last === undefined ? 0n : raised(last.maxFeeWei)
  const fee = market > floor ? market : floor
  // What must be paid for the next block decides, not the reserve for those after it.
  if (baseFeePerGas + tip > maxFeePerGasWei || floor > maxFeePerGasWei) {
    const asks = `${(baseFeePerGas + tip) / gwei} gwei`
    throw new SettlementError(`L1 asks ${asks}, and no more than ${maxFeePerGasWei / gwei} gwei are to be paid`, {
      code: 'L1_PRICE',
      recovery: 'retry',
      details: { baseFeePerGas, maxFeePerGasWei },
    })
  }
  return { maxFeeWei: fee < maxFeePerGasWei ? fee : maxFeePerGasWei, tipWei: tip }
}
