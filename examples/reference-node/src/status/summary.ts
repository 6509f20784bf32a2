import { fixed, formatBytes, formatDuration, rpcCall } from '@l2/node'
import type { RollupNode } from '../node.js'
import type { Traffic } from '../traffic/traffic.js'
import { costText, profitText, splitParts } from './economics.js'

export type Summary = { ok: boolean; lines: string[] }

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/**
 * Waits until everything that was sent is in a block and derived from L1, and says how it went. A busy machine only makes it wait longer: it gives up when
 * nothing has moved for `graceMs`.
 */
export async function printSummary(node: RollupNode, traffic: Traffic | undefined, graceMs: number): Promise<Summary> {
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
  const status = node.status()
  const verified = status.heads.safe.number >= lastBlock
  const sent = traffic?.sent.size ?? 0
  return {
    ok: missing.size === 0 && verified,
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
      verified
        ? 'verified: everything posted is derived'
        : `NOT VERIFIED: safe head ${status.heads.safe.number} of ${lastBlock}`,
    ],
  }
}
