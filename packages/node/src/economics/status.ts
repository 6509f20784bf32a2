import { costPerTransaction, type Party } from '@l2/sequencer-core/economics'
import { type GasTokenPrice, recoveryBps } from '@l2/sequencer-core/fees'
import type { Books } from './books.js'
import { gasToken } from './gas-token.js'

/** What users pay and posting costs, in wei of the gas token unless it says ETH. */
export type EconomicsStatus = {
  gasToken: { symbol: string; decimals: number; perEthWei: bigint }
  feesInWei: bigint
  costsOutWei: bigint
  profitWei: bigint
  /** Of those that were posted. */
  costPerTransactionWei: bigint
  /** Fees over costs; 0 when users paid exactly what posting cost. */
  recoveryBps: bigint | undefined
  settlements: number
  /** What settlements gave each party that has a share. */
  split: { party: Party; shareBps: number; owedWei: bigint }[]
  /** Profit since the last settlement; a loss that is still carried is negative. */
  unsettledWei: bigint
  /** Submissions whose cost is not known yet. */
  openSubmissions: number
  wallet: { balanceEthWei: bigint | undefined; runwayBlocks: bigint | undefined; runwaySeconds: bigint | undefined }
}

/** The books as a screen shows them. */
export function economicsStatus(
  { ledger, open }: Books,
  price: GasTokenPrice | undefined,
  wallet: EconomicsStatus['wallet'],
): EconomicsStatus {
  const { totals, balances, split, settlements } = ledger
  const owedWei = (party: Party): bigint => -balances[`owed:${party}`]
  const owed = (Object.keys(balances) as (keyof typeof balances)[])
    .filter(account => account.startsWith('owed:'))
    .map(account => account.slice('owed:'.length) as Party)
    .map(party => ({ party, shareBps: split[party] ?? 0, owedWei: owedWei(party) }))
  return {
    gasToken: {
      ...gasToken,
      perEthWei: price === undefined ? 0n : (price.tokenUnits * 10n ** 18n) / price.perWei,
    },
    feesInWei: totals.feesIn,
    costsOutWei: totals.costsOut,
    profitWei: totals.profit,
    costPerTransactionWei: costPerTransaction(ledger),
    recoveryBps: recoveryBps({ charged: totals.feesIn, cost: totals.costsOut }),
    settlements,
    split: owed.filter(({ shareBps, owedWei: due }) => shareBps > 0 || due > 0n),
    unsettledWei: totals.profit - totals.paidOut - owed.reduce((sum, { owedWei: due }) => sum + due, 0n),
    openSubmissions: open.size,
    wallet,
  }
}
