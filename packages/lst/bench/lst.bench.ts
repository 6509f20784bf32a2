// pnpm bench lst: what the books cost with a million holders, against a plain mutable Map of balances in the same run.
import { applyLiquid, assets, createLiquid, liquidCodec, rateOne, type Shares } from '../src/index.js'
import { applyRebasing, createRebasingPool, type RebasingPool } from '../src/rebasing/index.js'
import { applyAccumulator, createAccumulator, type RewardAccumulator } from '../src/rewards/index.js'
import { applyQueue, createQueue, planBatches, prefinalize } from '../src/withdrawal/index.js'

const holders = Number(process.argv[2] ?? 1_000_000)
const oneMetis = 10n ** 18n
// Flat strings, as they come off a wire: a string glued together here would shrink while it is measured.
const names = Array.from({ length: holders }, (_, i) => {
  const start = ((i * 2_654_435_761) >>> 0).toString(16).padStart(8, '0')
  return Buffer.from(`0x${start}${i.toString(16).padStart(32, '0')}`).toString()
})

const heap = (): number => {
  ;(globalThis as { gc?: () => void }).gc?.()
  return process.memoryUsage().heapUsed
}
const seconds = (run: () => void): number => {
  const start = process.hrtime.bigint()
  run()
  return Number(process.hrtime.bigint() - start) / 1e9
}
const each = (time: number, count: number): string => `${((time / count) * 1e6).toFixed(2)} µs`
const print = (what: string, figure: string, note = ''): void =>
  console.log(`${what.padEnd(44)} ${figure.padStart(14)}  ${note}`)

const fee = [{ account: 'treasury', bps: 1_000n }]
const reported = (pool: RebasingPool): RebasingPool => {
  const rewarded = applyRebasing(pool, { type: 'receiveRewards', assets: assets(oneMetis) }).state
  const report = {
    seatsNow: pool.seats,
    appeared: assets(0n),
    elapsedSeconds: 86_400n,
    nowSeconds: pool.reportedAtSeconds + 86_400n,
  }
  return applyRebasing(rewarded, { type: 'report', ...report }).state
}
const reports = (pool: RebasingPool, times: number): number =>
  seconds(() => {
    let state = pool
    for (let i = 0; i < times; i++) state = reported(state)
  })

// The floor: a mutable Map and nothing else, no checks, no history, no older state to go back to.
const plain = new Map<string, bigint>()
const mapBase = heap()
const mapDeposit = seconds(() => {
  for (const name of names) plain.set(name, (plain.get(name) ?? 0n) + oneMetis)
})
const mapBytes = (heap() - mapBase) / holders
const mapTransfer = seconds(() => {
  for (let i = 0; i + 1 < holders; i += 10) {
    plain.set(names[i]!, plain.get(names[i]!)! - 1n)
    plain.set(names[i + 1]!, plain.get(names[i + 1]!)! + 1n)
  }
})
const mapReward = seconds(() => {
  for (const [name, balance] of plain) plain.set(name, balance + balance / 1_000_000n)
})

// What follows is measured without it.
plain.clear()
let pool = createRebasingPool({ feeRecipients: fee })
const small = (() => {
  let state = pool
  for (const name of names.slice(0, 1_000))
    state = applyRebasing(state, { type: 'submit', account: name, assets: assets(oneMetis) }).state
  return state
})()
// The first deposit of a name must not be what flattens, interns or compiles anything: one round to throw away.
for (const account of names.slice(0, 20_000)) applyRebasing(pool, { type: 'submit', account, assets: assets(oneMetis) })
heap()
const base = heap()
const deposit = seconds(() => {
  for (const account of names) pool = applyRebasing(pool, { type: 'submit', account, assets: assets(oneMetis) }).state
})
const bytes = (heap() - base) / holders
print(`${holders} deposits`, each(deposit, holders), `${(deposit / mapDeposit).toFixed(1)} × a plain Map`)
print(
  'memory per holder',
  `${bytes.toFixed(0)} B`,
  `${(bytes / mapBytes).toFixed(1)} × a plain Map (${mapBytes.toFixed(0)} B)`,
)
const transfers = Math.floor(holders / 10)
const transfer = seconds(() => {
  for (let i = 0; i + 1 < holders; i += 10)
    pool = applyRebasing(pool, {
      type: 'transferShares',
      from: names[i]!,
      to: names[i + 1]!,
      shares: 1n as Shares,
    }).state
})
print(`${transfers} transfers`, each(transfer, transfers), `${(transfer / mapTransfer).toFixed(1)} × a plain Map`)
let stakes = createAccumulator()
for (const account of names) stakes = applyAccumulator(stakes, { type: 'stake', account, amount: oneMetis }).state
let one = applyAccumulator(createAccumulator(), { type: 'stake', account: 'only', amount: oneMetis }).state
const rewards = (start: RewardAccumulator): number =>
  seconds(() => {
    let state = start
    for (let i = 0; i < 20_000; i++) state = applyAccumulator(state, { type: 'reward', assets: assets(oneMetis) }).state
  })
// All of them several times, the best of each: the first rounds are the compiler's, and the machine is shared.
const best = { few: 1e9, many: 1e9, one: 1e9, all: 1e9 }
for (let round = 0; round < 5; round++) {
  best.few = Math.min(best.few, reports(small, 3_000))
  best.many = Math.min(best.many, reports(pool, 3_000))
  best.one = Math.min(best.one, rewards(one))
  best.all = Math.min(best.all, rewards(stakes))
}
const { few, many } = best
print('reward and report, 1,000 holders', each(few, 3_000))
print(`reward and report, ${holders} holders`, each(many, 3_000), `${(many / few).toFixed(2)} × with 1,000 holders`)
print(
  `accumulator: a reward to ${holders} stakers`,
  each(best.all, 20_000),
  `${(best.all / best.one).toFixed(2)} × with one`,
)
stakes = one = createAccumulator()
print(
  `a reward paid out to each of ${holders}`,
  `${(mapReward * 1e3).toFixed(0)} ms`,
  `${((mapReward / many) * 3_000).toFixed(0)} × one report`,
)

let queue = createQueue()
const queueBase = heap()
const enqueue = seconds(() => {
  for (let i = 0; i < holders; i++)
    queue = applyQueue(queue, {
      type: 'enqueue',
      owner: names[i]!,
      assets: assets(oneMetis),
      shares: oneMetis as Shares,
      nowSeconds: BigInt(i),
    }).state
})
print(`${holders} requests`, each(enqueue, holders), `${((heap() - queueBase) / holders).toFixed(0)} B each`)
const maxRate = ((rateOne * 99n) / 100n) as typeof rateOne
const finalise = seconds(() => {
  const { batches } = planBatches(queue, { maxRate, maxTimestamp: 10n ** 12n, budget: 10n ** 30n })
  const { assets: locked } = prefinalize(queue, batches, maxRate)
  queue = applyQueue(queue, { type: 'finalize', lastId: batches.at(-1)!, assets: locked, maxRate }).state
})
print(`finalise ${holders} in one report`, `${(finalise * 1e3).toFixed(0)} ms`, each(finalise, holders))
let paid = 0n
const claim = seconds(() => {
  for (let i = 0; i < holders; i++) {
    const { state, result } = applyQueue(queue, { type: 'claim', id: BigInt(i + 1), account: names[i]! })
    queue = state
    paid += result
  }
})
print(`${holders} claims`, each(claim, holders), `${queue.locked} wei of dust in ${paid / oneMetis} METIS`)

// A whole protocol whose queue somebody filled with dust: what its report and its snapshot cost.
let lst = createLiquid({ preset: 'recommended', entrySeconds: 0n })
lst = applyLiquid(lst, { type: 'deposit', account: 'a', assets: assets(1_000n * oneMetis), nowSeconds: 0n }).state
for (let i = 0; i < 40_000; i++)
  lst = applyLiquid(lst, { type: 'requestWithdrawal', account: 'a', shares: 100n as Shares, nowSeconds: 1n }).state
const reportDust = seconds(() => {
  lst = applyLiquid(lst, { type: 'report', nowSeconds: 86_400n }).state
})
print('report that finalises 40,000 requests', `${(reportDust * 1e3).toFixed(0)} ms`)
let text = ''
let [write, read, parse] = [1e9, 1e9, 1e9]
for (let round = 0; round < 3; round++) {
  write = Math.min(
    write,
    seconds(() => {
      text = JSON.stringify(liquidCodec.encode(lst))
    }),
  )
  parse = Math.min(
    parse,
    seconds(() => JSON.stringify(JSON.parse(text))),
  )
  read = Math.min(
    read,
    seconds(() => liquidCodec.decode(JSON.parse(text))),
  )
}
print(
  'snapshot with 40,000 requests, written',
  `${(write * 1e3).toFixed(0)} ms`,
  `${(write / parse).toFixed(1)} × JSON.parse and stringify of it (${(text.length / 1e6).toFixed(1)} MB)`,
)
print('… read back and checked to the wei', `${(read * 1e3).toFixed(0)} ms`, `${(read / parse).toFixed(1)} × the same`)
