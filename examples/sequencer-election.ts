/**
 * A year of elections, twice: with Metis' public seed and with frozen weights and a seed nobody knew before. First who got how many turns for
 * what stake, then what an attacker makes of it who moves the least stake that wins the next epoch.
 *
 *   pnpm example examples/sequencer-election.ts [--epochs N]
 */
import { parseArgs } from 'node:util'
import { buildElection, electSlot, epochSeed, type Weight } from '@l2/staking'
import { electSystematic } from '@l2/staking/election'
import { themisLeader } from '@l2/staking/themis'

const { values } = parseArgs({ options: { epochs: { type: 'string', default: '15768' } } })
/** Metis: 1000 blocks of two seconds, so 15,768 epochs a year. */
const epochs = Math.max(1, Math.floor(Number(values.epochs)) || 1)

const pool: (Weight & { name: string })[] = [
  { id: 1, name: 'small', weight: 20_000n },
  { id: 2, name: 'small too', weight: 20_000n },
  { id: 3, name: 'middle', weight: 35_000n },
  { id: 4, name: 'large', weight: 60_000n },
  { id: 5, name: 'at the cap', weight: 100_000n },
]

/** What L1 says at the anchor block of an epoch; here a stand-in that is different every time and the same in every run. */
function randao(epoch: number): Uint8Array {
  const bytes = new Uint8Array(32)
  let x = (epoch * 2_654_435_761) >>> 0
  for (let i = 0; i < 32; i++) {
    x = (Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0
    bytes[i] = x >>> 24
  }
  return bytes
}
const seedOf = (epoch: number, entropy = randao(epoch)) =>
  epochSeed({
    chainId: 1088n,
    epoch: BigInt(epoch),
    previousSeed: `0x${'00'.repeat(32)}`,
    entropy: { parts: [entropy], missing: [] },
  }).seed

const ours = (weights: readonly Weight[], epoch: number, entropy?: Uint8Array): number =>
  electSlot(buildElection(weights), seedOf(epoch, entropy), 0)[0]!
const metis = (weights: readonly Weight[], epoch: number): number =>
  themisLeader(
    weights.map(({ id, weight }) => ({ id, power: weight })),
    BigInt(epoch),
  )

const width = 40
/** A bar of n/most, with a mark where the stake says it should end. */
function bar(n: number, expected: number, most: number): string {
  const cells: string[] = Array.from({ length: width }, (_, i) => (i < Math.round((n / most) * width) ? '█' : '·'))
  cells[Math.min(width - 1, Math.max(0, Math.round((expected / most) * width) - 1))] = '│'
  return cells.join('')
}
const percent = (n: number, of: number): string => `${((100 * n) / of).toFixed(1).padStart(5)} %`
const total = Number(pool.reduce((sum, { weight }) => sum + weight, 0n))

function turns(title: string, leaders: Iterable<number>): void {
  const counts = new Map(pool.map(({ id }) => [id, 0]))
  for (const id of leaders) counts.set(id, counts.get(id)! + 1)
  console.log(`\n${title}`)
  const most = epochs * 0.5
  let chi = 0
  for (const { id, name, weight } of pool) {
    const expected = (epochs * Number(weight)) / total
    const n = counts.get(id)!
    chi += (n - expected) ** 2 / expected
    console.log(
      `  ${name.padEnd(11)}${String(weight).padStart(7)}  ${bar(n, expected, most)} ${percent(n, epochs)}  stake ${percent(Number(weight), total)}`,
    )
  }
  console.log(`  χ² = ${chi.toFixed(2)} with 4 degrees of freedom; above 18.47 once in a thousand fair draws`)
}

console.log(`${epochs} epochs, one leader each. The bar is turns, │ is what the stake says.`)
turns(
  'Ours, weighted: one draw an epoch',
  Array.from({ length: epochs }, (_, epoch) => ours(pool, epoch)),
)
turns(
  'Ours, systematic: one draw for the whole year, each within one turn of its share',
  electSystematic(buildElection(pool), seedOf(0), epochs),
)
turns(
  'Metis: the seed is the hash of the epoch number',
  Array.from({ length: epochs }, (_, epoch) => metis(pool, epoch)),
)

/**
 * The attacker starts with 20,000 among four equals and adds, before the weights are frozen, the least that wins the epoch as far as the
 * public can tell. On Metis that is known for certain. Here the entropy does not exist yet: the best guess is the last one.
 */
function grind(elect: typeof ours, months: number, perMonth: number): number[] {
  const wins: number[] = []
  for (let month = 0; month < months; month++) {
    let won = 0
    for (let i = 1; i <= perMonth; i++) {
      const epoch = month * perMonth + i
      let weights: Weight[] = [20_000n, 20_000n, 20_000n, 20_000n].map((weight, index) => ({ id: index + 1, weight }))
      for (let extra = 0n; extra <= 100n; extra++) {
        const tried = [{ id: 1, weight: 20_000n + extra }, ...weights.slice(1)]
        if (elect(tried, epoch, randao(epoch - 1)) !== 1) continue
        weights = tried
        break
      }
      if (elect(weights, epoch) === 1) won++
    }
    wins.push(won)
  }
  return wins
}

const perMonth = Math.min(40, Math.max(1, Math.floor(epochs / 12)))
console.log(
  `\nAn attacker with a quarter of the stake and 100 METIS to move: epochs won of ${perMonth} looked at a month`,
)
const [clean, ground] = [grind(ours, 12, perMonth), grind((weights, epoch) => metis(weights, epoch), 12, perMonth)]
for (let month = 0; month < 12; month++) {
  const cells = (n: number): string => '█'.repeat(Math.round((n / perMonth) * 24)).padEnd(24, '·')
  console.log(
    `  month ${String(month + 1).padStart(2)}   ours ${cells(clean[month]!)} ${percent(clean[month]!, perMonth)}   Metis ${cells(ground[month]!)} ${percent(ground[month]!, perMonth)}`,
  )
}
const sum = (list: number[]): number => list.reduce((a, b) => a + b, 0)
console.log(
  `  the year:  ours ${percent(sum(clean), 12 * perMonth)}, Metis ${percent(sum(ground), 12 * perMonth)}, stake 25.0 %`,
)
