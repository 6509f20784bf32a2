// The pool's door and the policies: 100 000 transactions of 10 000 senders.
import { seededRandom } from '@l2/common/testing'
import { createMempool } from '../src/mempool/mempool.ts'
import { fakeTransaction, testAddress } from '../src/mempool/testdata/fake.ts'
import { expressLane } from '../src/ordering/express-lane/policy.ts'
import { firstCome } from '../src/ordering/first-come.ts'
import type { BlockContext, OrderingPolicy } from '../src/ordering/policy.ts'
import { priorityGas } from '../src/ordering/priority-gas.ts'
import type { Transaction } from '../src/transaction/types.ts'

const senders = 10_000
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
  const start = performance.now()
  let taken = 0
  for (const [i, transaction] of transactions.entries()) {
    try {
      pool.add(transaction, { nowMs: i, account })
      taken++
    } catch {
      // A full pool refuses what pays too little: part of the measure.
    }
  }
  const ms = performance.now() - start
  return { pool, ms, taken }
}

/** The physical limit of any pool: one map of the hashes, one list for each sender. */
function baseline(): number {
  const start = performance.now()
  const byHash = new Map<string, Transaction>()
  const bySender = new Map<string, Transaction[]>()
  for (const transaction of transactions) {
    byHash.set(transaction.hash, transaction)
    const queue = bySender.get(transaction.sender)
    if (queue === undefined) bySender.set(transaction.sender, [transaction])
    else queue.push(transaction)
  }
  return performance.now() - start
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
function pickOnce(policy: OrderingPolicy): number {
  const start = performance.now()
  const ordering = policy.open(context)
  let gasLeft = context.gasLimit
  let picked = 0
  for (;;) {
    const step = ordering.next({ nowMs: context.nowMs, gasLeft, bytesLeft: 1e12 })
    if (step.type !== 'take') break
    gasLeft -= 21_000n
    picked += step.entries.length
    ordering.settle('included')
  }
  if (picked !== 10_000) throw new Error(`picked ${picked}`)
  return performance.now() - start
}
// In turns, so that whatever else the machine does falls on all alike; the best of each.
const policies = [firstCome(), priorityGas(), expressLane({ controllerOf: () => testAddress(1) })] as OrderingPolicy[]
const bests = policies.map(() => Number.POSITIVE_INFINITY)
for (let round = 0; round < 15; round++)
  for (const [i, policy] of policies.entries()) bests[i] = Math.min(bests[i]!, pickOnce(policy))
const [first, priority, express] = bests as [number, number, number]
const line = (name: string, ms: number) =>
  console.log(
    `pick 10k of 100k, ${name.padEnd(13)} ${ms.toFixed(1).padStart(6)} ms  ${(ms / first).toFixed(2)}x first-come`,
  )
line('first-come', first)
line('priority gas', priority)
line('express lane', express)
