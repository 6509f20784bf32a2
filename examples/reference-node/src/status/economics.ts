import type { EconomicsStatus } from '../economics/status.js'
import { fixed, formatDuration, formatSignedBps, formatWei } from './format.js'

/** How the parties are called on a screen. */
const partyNames: Record<string, string> = { publicGoods: 'public goods' }

/** `profit 0.2712 METIS: fees 0.2958, costs 0.0245 (+1105.12 %)`. */
export function profitText({ gasToken, feesInWei, costsOutWei, profitWei, recoveryBps }: EconomicsStatus): string {
  const amount = (wei: bigint): string => formatWei(wei, gasToken.symbol)
  const recovery = recoveryBps === undefined ? '' : ` (${formatSignedBps(recoveryBps)})`
  return `${amount(profitWei)}: fees ${amount(feesInWei)}, costs ${amount(costsOutWei)}${recovery}`
}

/** `0.1038 METIS sequencer, …`, what parties were given, and what is not settled yet. */
export function splitText({ gasToken, split, unsettledWei, settlements }: EconomicsStatus): string {
  const amount = (wei: bigint): string => formatWei(wei, gasToken.symbol).replace(` ${gasToken.symbol}`, '')
  const unsettled = `${amount(unsettledWei)} ${unsettledWei < 0n ? 'of loss carried' : 'not settled'}`
  if (settlements === 0) return unsettled
  const shares = split.map(({ party, owedWei }) => `${partyNames[party] ?? party} ${amount(owedWei)}`)
  return [...shares, unsettled].join(', ')
}

/** What a transaction costs to post, in both currencies. */
export function costText({ gasToken, costPerTransactionWei }: EconomicsStatus): string {
  const { symbol, perEthWei } = gasToken
  return `${formatWei(costPerTransactionWei, symbol)} a transaction, at ${fixed(perEthWei, 18, 2)} ${symbol} for one ETH`
}

/** The wallet that posts, and how long it lasts. */
export function walletText({ wallet }: EconomicsStatus): string {
  const { balanceEthWei, runwaySeconds } = wallet
  const balance = balanceEthWei === undefined ? 'unknown' : formatWei(balanceEthWei, 'ETH')
  return runwaySeconds === undefined ? balance : `${balance}, lasts ${formatDuration(runwaySeconds * 1000)}`
}
