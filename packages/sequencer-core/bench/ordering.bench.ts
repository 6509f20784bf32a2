// The pool's door and the policies: 100 000 transactions of 10 000 senders, and real blocks from up to a million senders.
import { seededRandom } from '@l2/common/testing'
import { createMempool } from '../src/mempool/mempool.ts'
import { fakeTransaction, testAddress } from '../src/mempool/testdata/fake.ts'
import { expressLane } from '../src/ordering/express-lane/policy.ts'
import { firstCome } from '../src/ordering/first-come.ts'
import type { BlockContext, OrderingPolicy } from '../src/ordering/policy.ts'
import { priorityGas } from '../src/ordering/priority-gas.ts'
import type { Transaction } from '../src/transaction/types.ts'

const senders = 10_000
/** Of this process: the clock would count what others do. */
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
const random = seededRandom(1)
const transactions: Transaction[] = []
for (let nonce = 0; nonce < 10; nonce++)
  for (let i = 0; i < senders; i++) {
    const tip = 1_000n + BigInt(random.below(1_000_000))
    transactions.push(
      fakeTransaction({
        sender: testAddress(i),
        nonce: BigInt(nonce),
        maxFeePerGas: 10n ** 9n + tip,
        maxPriorityFeePerGas: tip,
      }),
    )
  }
const account = { nonce: 0n, balanceWei: 10n ** 24n, delegated: false }

function fill(limit: number) {
  const pool = createMempool({ maxTransactions: limit, maxQueued: 1_000 })
  const start = cpuMs()
  let taken = 0
  for (const [i, transaction] of transactions.entries()) {
    try {
      pool.add(transaction, { nowMs: i, account })
      taken++
    } catch {
      // A full pool refuses what pays too little: part of the measure.
    }
  }
  const ms = cpuMs() - start
  return { pool, ms, taken }
}

/** The physical limit of any pool: one map of the hashes, one list for each sender. */
function baseline(): number {
  const start = cpuMs()
  const byHash = new Map<string, Transaction>()
  const bySender = new Map<string, Transaction[]>()
  for (const transaction of transactions) {
    byHash.set(transaction.hash, transaction)
    const queue = bySender.get(transaction.sender)
    if (queue === undefined) bySender.set(transaction.sender, [transaction])
    else queue.push(transaction)
  }
  return cpuMs() - start
}

fill(100_000)
const bare = Math.min(baseline(), baseline(), baseline())
const roomy = fill(100_000)
const tight = fill(20_000)
const per = (ms: number) => `${((ms * 1000) / transactions.length).toFixed(2)} µs each`
console.log(`bare maps                       ${bare.toFixed(0).padStart(6)} ms  ${per(bare)}`)
console.log(
  `admission of 100k               ${roomy.ms.toFixed(0).padStart(6)} ms  ${per(roomy.ms)}  ${(roomy.ms / bare).toFixed(1)}x bare maps`,
)
console.log(
  `admission of 100k, room for 20k ${tight.ms.toFixed(0).padStart(6)} ms  ${per(tight.ms)}  (${tight.taken} taken at first)`,
)

const context: BlockContext = {
  height: 1n,
  timestamp: 1_000n,
  baseFeePerGas: 10n ** 9n,
  gasLimit: 21_000n * 10_000n,
  nowMs: 10 ** 9,
  pool: roomy.pool,
  forced: [],
}
function pickOnce(policy: OrderingPolicy, context: BlockContext, taken?: Transaction[]): number {
  const start = cpuMs()
  const ordering = policy.open(context)
  let gasLeft = context.gasLimit
  let picked = 0
  const most = Number(context.gasLimit / 21_000n)
  for (;;) {
    // As the builder does, which stops asking when nothing fits any more.
    if (picked === most) break
    const step = ordering.next({ nowMs: context.nowMs, gasLeft, bytesLeft: 1e12 })
    if (step.type !== 'take') break
    for (const entry of taken === undefined ? [] : step.entries) taken?.push(entry.transaction)
    gasLeft -= 21_000n
    picked += step.entries.length
    ordering.settle('included')
  }
  ordering.close?.()
  if (picked !== most) throw new Error(`picked ${picked}`)
  return cpuMs() - start
}
// In turns, so that whatever else the machine does falls on all alike; the best of each.
const policies = [firstCome(), priorityGas(), expressLane({ controllerOf: () => testAddress(1) })] as OrderingPolicy[]
const bests = policies.map(() => Number.POSITIVE_INFINITY)
for (let round = 0; round < 15; round++)
  for (const [i, policy] of policies.entries()) bests[i] = Math.min(bests[i]!, pickOnce(policy, context))
const [first, priority, express] = bests as [number, number, number]
const line = (name: string, ms: number) =>
  console.log(
    `pick 10k of 100k, ${name.padEnd(13)} ${ms.toFixed(1).padStart(6)} ms  ${(ms / first).toFixed(2)}x first-come`,
  )
line('first-come', first)
line('priority gas', priority)
line('express lane', express)

// A full block of transfers, again and again: each is taken out of the pool and the base fee moves, as from block to block. Medians of a block.
console.log('a block of 1 428 transfers; pending, then ms to pick it and ms to bring the pool to its head')
const shared = { raw: new Uint8Array(110), signature: new Uint8Array(64), data: new Uint8Array() }
const blockTransactions = 1_428
for (const pending of [1_000, 10_000, 100_000, 1_000_000]) {
  const cells: string[] = []
  let base = 0
  for (const policy of [firstCome(), priorityGas()] as OrderingPolicy[]) {
    const pool = createMempool({ maxTransactions: pending, maxQueued: 10, maxBytes: 2 ** 40 })
    const make = (i: number): Transaction => {
      const tip = 1_000n + BigInt(random.below(1_000_000))
      const fees = { maxFeePerGas: 2n * 10n ** 9n + tip, maxPriorityFeePerGas: tip }
      return { ...fakeTransaction({ sender: testAddress(i), nonce: 0n, ...fees }), ...shared }
    }
    let next = 0
    const refill = () => {
      while (pool.size < pending) pool.add(make(next++), { nowMs: 0, account })
    }
    refill()
    const [picks, heads]: [number[], number[]] = [[], []]
    const most = Math.min(blockTransactions, pending)
    for (let height = 1; height <= 6; height++) {
      const baseFeePerGas = 10n ** 9n + BigInt(random.below(1_000_000))
      const taken: Transaction[] = []
      const block = { ...context, pool, height: BigInt(height), gasLimit: 21_000n * BigInt(most), baseFeePerGas }
      // Collection runs in threads of its own, whose time would be counted.
      globalThis.gc?.()
      picks.push(pickOnce(policy, block, taken))
      const start = cpuMs()
      pool.setHead({
        ...{ number: BigInt(height), timestamp: BigInt(height), baseFeePerGas, gasLimit: 30_000_000n, nowMs: 0 },
        included: taken.map(({ hash }) => hash),
        accounts: taken.map(({ sender }) => [sender, { ...account, nonce: 1n }] as const),
      })
      heads.push(cpuMs() - start)
      refill()
    }
    // The first block builds the order: a node has it from its start.
    const median = (values: number[]) => values.slice(1).sort((a, b) => a - b)[2]!
    const ms = median(picks)
    base ||= ms
    cells.push(`${policy.name} ${ms.toFixed(2)} (${(ms / base).toFixed(2)}x) and ${median(heads).toFixed(1)}`)
  }
  console.log(`  ${String(pending).padStart(9)}: ${cells.join('; ')}`)
}
