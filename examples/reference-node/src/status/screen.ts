import {
  bar,
  fixed,
  formatBytes,
  formatDuration,
  formatToken,
  formatWei,
  type Status,
  shortHex,
  wrapParts,
} from '@l2/node'
import { costText, profitText, splitParts, walletText } from './economics.js'
import { booksParts } from './money.js'

const bold = (text: string): string => `\u001b[1m${text}\u001b[0m`
const dim = (text: string): string => `\u001b[2m${text}\u001b[0m`

/** The lines of the status screen. `money` is how far the demonstration's is. */
export function screenLines(status: Status, nowMs: number, messages: readonly string[], money?: string): string[] {
  const { heads, leader, transactions, channel, da, verified, pool, lst, economics } = status
  const books = status.settlement?.books
  const row = (label: string, text: string): string => `  ${dim(label.padEnd(14))}${text}`
  const head = (label: string, { number, hash }: { number: bigint; hash: string }): string =>
    row(label, `${String(number).padStart(8)}  ${dim(shortHex(hash))}`)
  return [
    '',
    `  ${bold('decentralised-sequencer rollup')}  chain ${status.chainId}  ${dim(`up ${formatDuration(nowMs - status.startedAtMs)}`)}`,
    `  ${dim('JSON-RPC')} ${status.rpcUrl}`,
    '',
    head('unsafe head', heads.unsafe),
    head('safe head', heads.safe),
    head('finalized', heads.finalized),
    row(
      'L1',
      `${String(status.l1.number).padStart(8)}  base fee ${formatWei(status.l1.baseFeeWei, 'ETH')}, blob base fee ${formatWei(status.l1.blobBaseFeeWei, 'ETH')}`,
    ),
    '',
    row('leader', `${leader.name} ${dim(shortHex(leader.address))}  epoch ${leader.epoch}, term ${leader.term}`),
    row(
      'pool',
      `${pool.sequencers} sequencers, ${fixed(pool.stakedWei, 18, 0)} METIS staked, ${formatWei(pool.rewardsWei, 'METIS')} of rewards${pool.jailed > 0 ? `, ${pool.jailed} jailed` : ''}`,
    ),
    row(
      'eMETIS',
      `rate ${fixed(lst.rateE27, 27, 9)}${lst.aprBps === undefined ? '' : `, ${fixed(lst.aprBps, 2, 2)} % a year`}, ${formatWei(lst.totalAssetsWei, 'METIS')} held`,
    ),
    '',
    row(
      'transactions',
      `${transactions.perSecond.toFixed(1)} /s, ${transactions.included} included, ${transactions.pending} pending, ${transactions.queued} queued`,
    ),
    row(
      'channel',
      `${bar(channel.bytes / channel.targetBytes, 24)} ${formatBytes(channel.bytes)} of ${formatBytes(channel.targetBytes)}, ${channel.blocks} blocks`,
    ),
    row('plan', planText(status.posting)),
    row(
      'posted',
      `${da.submissions} submissions to ${da.layer}, ${da.blobs} blobs, ${formatBytes(da.bytes)}, ${status.posting.pendingSubmissions} on the way`,
    ),
    row('verified', `${verified.blocks} blocks, ${verified.transactions} transactions from L1 alone`),
    '',
    row('cost', costText(economics)),
    row('profit', profitText(economics)),
    ...wrapParts(splitParts(economics), 84).map((line, index) => row(index === 0 ? 'split' : '', line)),
    row('wallet', walletText(economics)),
    ...wrapParts(books === undefined ? [] : booksParts(books), 84).map((line, index) =>
      row(index === 0 ? 'bridge' : '', line),
    ),
    ...(money === undefined ? [] : [row('money', money)]),
    '',
    ...waitingParts(status).map(text => `  ${bold(text)}`),
    ...messages.map(message => `  ${dim('·')} ${message}`),
  ]
}

/** What the node waits for, the longest first. */
function waitingParts({ waiting }: Status): string[] {
  return waiting.map(({ part, reason }) => `WAITING ${part}: ${reason}`)
}

/** How the next channel is to be, in one line; the reasons are with `l2_plan`. */
function planText({ plan, throttle }: Status['posting']): string {
  const held = throttle > 0 ? `; new blocks held back by ${(100 * throttle).toFixed(0)} %` : ''
  if (plan === undefined) return `as the profile says${held}`
  const { da, compressor, targetFrames, maxChannelDurationBlocks } = plan
  const frames = `${targetFrames} frame${targetFrames === 1 ? '' : 's'}`
  return `${da}, ${compressor}, ${frames} or ${maxChannelDurationBlocks} L1 blocks${held}`
}

/** The one line of a log that is not a terminal. */
export function statusLine(status: Status): string {
  const { heads, leader, transactions, da, verified, lst, economics } = status
  const { symbol } = economics.gasToken
  return [
    `unsafe ${heads.unsafe.number}`,
    `safe ${heads.safe.number}`,
    `finalized ${heads.finalized.number}`,
    `leader ${leader.name} (epoch ${leader.epoch})`,
    `${transactions.perSecond.toFixed(1)} tx/s`,
    `${da.submissions} submissions, ${da.blobs} blobs`,
    `${verified.transactions} transactions verified`,
    `${formatToken(economics.costPerTransactionWei, symbol)}/tx`,
    `profit ${formatToken(economics.profitWei, symbol)}`,
    `eMETIS ${fixed(lst.rateE27, 27, 9)}`,
    ...waitingParts(status),
  ].join(' | ')
}
