import { redactUrls } from '@l2/common'
import { fixed, formatBytes, formatDuration, rpcCall } from '@l2/node'
import type { RollupNode } from '../node.js'
import type { Money } from '../traffic/money.js'
import type { Traffic } from '../traffic/traffic.js'
import { costText, profitText, splitParts } from './economics.js'
import { booksParts, moneyText } from './money.js'

/** What a run has sent, and by when the graces of its end are over. */
export type SummaryOptions = {
  traffic?: Traffic | undefined
  money?: Money | undefined
  /** Whether the money has to have been paid out: then it is waited for. */
  mustPay?: boolean | undefined
  /** For how long nothing may move. */
  graceMs: number
}

/** How long a withdrawal is waited for after the run. */
const moneyMs = 60_000

export type Summary = { ok: boolean; lines: string[] }

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/**
 * Waits until everything that was sent is in a block and derived from L1, and says how it went. A busy machine only makes it wait longer: it gives up when
 * nothing has moved for `graceMs`. Money that has to be paid out is waited for a minute at most.
 */
export async function printSummary(node: RollupNode, options: SummaryOptions): Promise<Summary> {
  const { traffic, money, mustPay = false, graceMs } = options
  const paidBy = Date.now() + (mustPay ? moneyMs : 0)
  const isPaid = (): boolean => money === undefined || money.done.includes('paid')
  while (!isPaid() && Date.now() < paidBy) await sleep(250)
  await money?.stop()
  let until = Date.now() + graceMs
  const moved = (): void => {
    until = Date.now() + graceMs
  }
  const missing = new Set(traffic?.sent ?? [])
  let lastBlock = node.status().heads.unsafe.number
  while (missing.size > 0 && Date.now() < until) {
    for (const hash of missing) {
      if (Date.now() >= until) break
      const receipt = await rpcCall<{ blockNumber: string } | null>(node.rpcUrl, 'eth_getTransactionReceipt', [hash])
      if (receipt === null) continue
      missing.delete(hash)
      moved()
      const number = BigInt(receipt.blockNumber)
      if (number > lastBlock) lastBlock = number
    }
    if (missing.size > 0) await sleep(250)
  }
  for (let safe = -1n; safe < lastBlock && Date.now() < until; ) {
    const { number } = node.status().heads.safe
    if (number > safe) moved()
    safe = number
    if (safe >= lastBlock) break
    node.flush()
    await sleep(250)
  }
  // The verifier may see a submission before the batcher hears of it, and what it cost.
  while (node.status().economics.openSubmissions > 0 && Date.now() < until) await sleep(100)
  const books = await bridgeText(node)
  const status = node.status()
  const verified = status.heads.safe.number >= lastBlock
  const sent = traffic?.sent.size ?? 0
  return {
    ok: missing.size === 0 && verified && books.ok && (isPaid() || !mustPay),
    lines: [
      '',
      `ran ${formatDuration(Date.now() - status.startedAtMs)}: ${status.heads.unsafe.number} blocks, ${status.transactions.included} transactions`,
      `sent ${sent}, receipts ${sent - missing.size}${missing.size > 0 ? `, MISSING ${missing.size}` : ''}`,
      `posted ${status.da.submissions} submissions to ${status.da.layer}: ${status.da.blobs} blobs, ${formatBytes(status.da.bytes)}`,
      `derived from L1 alone and executed again: ${status.verified.blocks} blocks, ${status.verified.transactions} transactions, ${status.verified.blobTransactions} blob transactions; every hash and state root equal`,
      `cost ${costText(status.economics)}`,
      `profit ${profitText(status.economics)}`,
      `split: ${splitParts(status.economics).join(', ')}`,
      `eMETIS rate ${fixed(status.lst.rateE27, 27, 12)}`,
      ...books.lines,
      ...(money === undefined ? [] : moneyLines(money, mustPay && !isPaid())),
      verified
        ? 'verified: everything posted is derived'
        : `NOT VERIFIED: safe head ${status.heads.safe.number} of ${lastBlock}`,
    ],
  }
}

/** The books of the bridge, as they are now. */
async function bridgeText(node: RollupNode): Promise<Summary> {
  try {
    const books = await node.readBooks()
    if (books === undefined) return { ok: true, lines: [] }
    return { ok: books.isExact, lines: [`bridge: ${booksParts(books).join(', ')}`] }
  } catch (error) {
    return { ok: false, lines: [`bridge: not read, ${redactUrls((error as Error).message.split('\n', 1)[0]!)}`] }
  }
}

function moneyLines(money: Money, isMissed: boolean): string[] {
  const { trouble } = money
  const line = `${isMissed ? 'NOT PAID' : 'money'}: ${moneyText(money)}`
  return trouble === undefined ? [line] : [line, `it waits: ${trouble}`]
}
