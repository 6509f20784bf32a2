/** Transactions a second, over the blocks of the last ten seconds. */
export type Activity = { block(transactions: number): void; perSecond(): number }

const spanMs = 10_000

export function createActivity(nowMs: () => number = Date.now): Activity {
  const startedAtMs = nowMs()
  const recent: { atMs: number; transactions: number }[] = []
  const forget = (): void => {
    while (recent.length > 0 && recent[0]!.atMs < nowMs() - spanMs) recent.shift()
  }
  return {
    block(transactions) {
      recent.push({ atMs: nowMs(), transactions })
      forget()
    },
    perSecond() {
      forget()
      const transactions = recent.reduce((sum, block) => sum + block.transactions, 0)
      return transactions / (Math.min(spanMs, Math.max(1000, nowMs() - startedAtMs)) / 1000)
    },
  }
}
