import type { Hash } from 'viem'
import type { OperatorProcess } from '../src/operators/network.js'
import type { Traffic } from '../src/traffic/traffic.js'
import { sleep } from './fault.js'
import { ask, type Watch } from './watch.js'

type Receipt = { readonly blockNumber: string; readonly blockHash: string }

/** What became of the users' transactions: what is settled stays, and what an operator took is settled in the end. */
export type Receipts = {
  /** Settled transactions may be taken back, as {@link Watch.whileRevoking} says: they settle anew. */
  forget(): void
  /** Looks for each at every operator, as long as there is progress; what is wrong, in words. */
  check(): Promise<string[]>
  /** Of so many a receipt was seen in a settled block. */
  readonly settled: number
  close(): Promise<void>
}

const lookMs = 1_000
/** Without a further receipt for so long, the rest is lost. */
const graceMs = 60_000

export function openReceipts(traffic: Traffic, operators: readonly OperatorProcess[], watch: Watch): Receipts {
  const settled = new Map<Hash, Receipt>()
  const problems: string[] = []
  let isClosed = false
  const receiptAt = (url: string, hash: Hash): Promise<Receipt | null | undefined> =>
    ask<Receipt | null>(url, 'eth_getTransactionReceipt', [hash]).catch(() => undefined)
  const isSettled = (receipt: Receipt, id: number): boolean =>
    BigInt(receipt.blockNumber) <= (watch.views().get(id)?.milestone.number ?? -1n)

  const follow = async (): Promise<void> => {
    while (!isClosed) {
      for (const hash of traffic.sent) {
        const operator = operators.find(({ id }) => watch.views().has(id))
        if (isClosed || operator === undefined) break
        if (settled.has(hash)) continue
        const before = forgotten
        const receipt = await receiptAt(operator.rpcUrl, hash)
        if (receipt && isSettled(receipt, operator.id) && before === forgotten) settled.set(hash, receipt)
      }
      await sleep(lookMs)
    }
  }
  let forgotten = 0
  const following = follow()

  return {
    get settled() {
      return settled.size
    },
    forget() {
      forgotten++
      settled.clear()
    },
    async check() {
      const missing = operators.map(operator => ({ operator, hashes: new Set(traffic.sent) }))
      for (let until = performance.now() + graceMs; performance.now() < until; await sleep(250)) {
        for (const { operator, hashes } of missing) {
          for (const hash of [...hashes]) {
            const receipt = await receiptAt(operator.rpcUrl, hash)
            if (!receipt || !isSettled(receipt, operator.id)) continue
            hashes.delete(hash)
            until = performance.now() + graceMs
            const known = settled.get(hash) ?? receipt
            settled.set(hash, known)
            if (known.blockHash === receipt.blockHash) continue
            problems.push(
              `${hash} was settled in ${known.blockHash}, operator ${operator.id} has it in ${receipt.blockHash}`,
            )
          }
        }
        if (missing.every(({ hashes }) => hashes.size === 0)) break
      }
      for (const { operator, hashes } of missing) {
        for (const hash of hashes) {
          const what = settled.has(hash) ? 'settled' : 'taken'
          problems.push(`${hash} was ${what}, and operator ${operator.id} has no settled receipt of it`)
        }
      }
      return problems
    },
    async close() {
      isClosed = true
      await following
    },
  }
}
