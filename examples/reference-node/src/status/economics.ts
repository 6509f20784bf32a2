import { type EconomicsStatus, fixed, formatDuration, formatSignedBps, formatToken, formatWei } from '@l2/node'

/** How the parties are called on a screen. */
const partyNames: Record<string, string> = { publicGoods: 'public goods' }

/** An amount where the token is named beside it. */
const bare = (wei: bigint, symbol: string): string => formatToken(wei, symbol).replace(` ${symbol}`, '')

/** `0.2712 METIS: fees 0.2958, costs 0.0245, recovery +1105.12 %`. */
export function profitText({ gasToken, feesInWei, costsOutWei, profitWei, recoveryBps }: EconomicsStatus): string {
  const { symbol } = gasToken
  const recovery = recoveryBps === undefined ? '' : `, recovery ${formatSignedBps(recoveryBps)}`
  return `${formatToken(profitWei, symbol)}: fees ${bare(feesInWei, symbol)}, costs ${bare(costsOutWei, symbol)}${recovery}`
}

/** `sequencer 0.1038`, …: what settlements gave each party; then what no settlement has split yet. */
export function splitParts({ gasToken, split, unsettledWei, settlements }: EconomicsStatus): string[] {
  const amount = (wei: bigint): string => formatToken(wei, gasToken.symbol)
  const unsettled =
    unsettledWei < 0n ? `a loss of ${amount(-unsettledWei)} to make good` : `unsettled ${amount(unsettledWei)}`
  if (settlements === 0) return [unsettled]
  const shares = split.map(({ party, owedWei }) => `${partyNames[party] ?? party} ${bare(owedWei, gasToken.symbol)}`)
  return [...shares, unsettled]
}

/** What a transaction costs to post, and by which price that is reckoned. */
export function costText({ gasToken, costPerTransactionWei }: EconomicsStatus): string {
  const { symbol, perEthWei } = gasToken
  return `${formatToken(costPerTransactionWei, symbol)} a transaction, at ${fixed(perEthWei, 18, 2)} ${symbol} for one ETH`
}

/** The wallet that posts, and how long it lasts. */
export function walletText({ wallet }: EconomicsStatus): string {
  const { balanceEthWei, runwaySeconds } = wallet
  const balance = balanceEthWei === undefined ? 'unknown' : formatWei(balanceEthWei, 'ETH')
  return runwaySeconds === undefined ? balance : `${balance}, lasts ${formatDuration(Number(runwaySeconds) * 1000)}`
}
