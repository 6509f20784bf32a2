import { bytesToHex, concatBytes } from '@l2/common'
import { seededRandom } from '@l2/common/testing'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { describe, expect, it } from 'vitest'
import { applyPool, createPool } from '../pool/apply.js'
import type { PoolCommand } from '../pool/commands.js'
import { electionWeights } from '../pool/sequencer.js'
import { epochSeed } from '../seed/seed.js'
import { themisLeader } from '../themis/selection.js'
import { buildElection, electSlot, type Weight } from './election.js'

/**
 * One chain's election as an adversary sees it: `entropy` is what the outside world adds to an epoch after weights were
 * frozen. The two properties below are run on ours and, as a control, on Metis': if they passed there they would
 * measure nothing.
 */
type System = { elect(epoch: number, weights: readonly Weight[], entropy: Uint8Array): number }

const ours: System = {
  elect(epoch, weights, entropy) {
    const { seed } = epochSeed({
      chainId: 1088n,
      epoch: BigInt(epoch),
      previousSeed: `0x${'00'.repeat(32)}`,
      entropy: { parts: [entropy], missing: [] },
    })
    return electSlot(buildElection(weights), seed, epoch)[0]!
  },
}
const metis: System = {
  elect: (epoch, weights) =>
    themisLeader(
      weights.map(({ id, weight }) => ({ id, power: weight })),
      BigInt(epoch),
    ),
}

const pool: Weight[] = [20_000n, 40_000n, 100_000n, 20_000n].map((weight, index) => ({ id: index + 1, weight }))
const entropyOf = (epoch: number): Uint8Array => keccak_256(Uint8Array.of(epoch & 255, epoch >> 8, 77))

/**
 * Flipping any one bit of the entropy changes the leader as often as two independent draws differ: 1 − Σp², within four
 * sigma.
 */
function isUnpredictable(system: System): boolean {
  const total = Number(pool.reduce((sum, { weight }) => sum + weight, 0n))
  const expected = 1 - pool.reduce((sum, { weight }) => sum + (Number(weight) / total) ** 2, 0)
  let changed = 0
  let trials = 0
  for (let epoch = 1; epoch <= 24; epoch++) {
    const entropy = entropyOf(epoch)
    const leader = system.elect(epoch, pool, entropy)
    for (let bit = 0; bit < 256; bit++, trials++) {
      const flipped = entropy.slice()
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      if (system.elect(epoch, pool, flipped) !== leader) changed++
    }
  }
  // Trials of one epoch share its leader, so the spread is that of 24 groups, not of 6144 draws.
  const sigma = Math.sqrt((expected * (1 - expected)) / trials) + 0.25 / Math.sqrt(24)
  return Math.abs(changed / trials - expected) < 2 * sigma
}

/**
 * An attacker with free stake moves until the weights freeze, who computes the election with whatever is public by then
 * and takes the least stake that wins. Entropy that does not exist yet is a guess. Resisting means: no more turns than
 * its share plus three sigma.
 */
function attack(system: System, epochs: number): { wins: number; expected: number; sigma: number } {
  let wins = 0
  let expected = 0
  let variance = 0
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const guess = keccak_256(concatBytes(entropyOf(epoch - 1)))
    let weights: Weight[] = [20_000n, 20_000n, 20_000n, 20_000n].map((weight, index) => ({ id: index + 1, weight }))
    for (let extra = 0n; extra <= 200n; extra++) {
      const tried = weights.map(item => (item.id === 1 ? { ...item, weight: 20_000n + extra } : item))
      if (system.elect(epoch, tried, guess) !== 1) continue
      weights = tried
      break
    }
    if (system.elect(epoch, weights, entropyOf(epoch)) === 1) wins++
    const share = Number(weights[0]!.weight) / Number(weights.reduce((sum, { weight }) => sum + weight, 0n))
    expected += share
    variance += share * (1 - share)
  }
  return { wins, expected, sigma: Math.sqrt(variance) }
}
const resistsGrinding = (system: System, epochs: number): boolean => {
  const { wins, expected, sigma } = attack(system, epochs)
  return Math.abs(wins - expected) <= 3 * sigma
}

describe('unpredictability', () => {
  it('holds for our draw', () => expect(isUnpredictable(ours)).toBe(true))
  it('control: fails for Metis’ draw, whose seed nobody adds anything to', () =>
    expect(isUnpredictable(metis)).toBe(false))
  it('control: a year of Metis leaders is known on the first day', () => {
    const known = Array.from({ length: 200 }, (_, epoch) => metis.elect(epoch + 1, pool, entropyOf(0)))
    expect(Array.from({ length: 200 }, (_, epoch) => metis.elect(epoch + 1, pool, entropyOf(epoch + 1)))).toEqual(known)
    expect(Array.from({ length: 200 }, (_, epoch) => ours.elect(epoch + 1, pool, entropyOf(epoch + 1)))).not.toEqual(
      known,
    )
  })
})

describe('grinding', () => {
  it('gains nothing in our draw', () => expect(resistsGrinding(ours, 600)).toBe(true))
  it('control: wins nearly every Metis span within 200 METIS', () => {
    expect(resistsGrinding(metis, 300)).toBe(false)
  })
  it('control: with the cap as the only limit it wins every Metis span', () => {
    // As long as it takes: a whole stake of the others is always enough of a choice.
    const weights = (extra: bigint): Weight[] =>
      [20_000n + extra, 20_000n, 20_000n, 20_000n].map((weight, i) => ({ id: i + 1, weight }))
    for (let span = 1; span <= 100; span++) {
      let extra = 0n
      while (metis.elect(span, weights(extra), entropyOf(0)) !== 1) extra++
      expect(extra).toBeLessThan(80_000n)
    }
  })
  it('stake that moves after the freeze moves no election: the pool itself', () => {
    const atSeconds = 1n
    const account = (n: number) => `0x${n.toString(16).padStart(40, '0')}` as const
    const admin = account(99)
    let state = createPool({ admin })
    const run = (command: PoolCommand) => {
      state = applyPool(state, command).state
    }
    for (let n = 1; n <= 4; n++) {
      run({ type: 'setWhitelist', by: admin, atSeconds, owner: account(n), allowed: true })
      run({ type: 'lock', by: account(n), atSeconds, signer: account(100 + n), amountWei: 20_000n * 10n ** 18n })
    }
    for (let epoch = 1n; epoch <= 5n; epoch++) run({ type: 'advanceEpoch', by: admin, atSeconds, epoch })
    const random = seededRandom(3)
    for (let epoch = 6n; epoch < 60n; epoch++) {
      // Weights of epoch e are fixed once e−L−1 has ended; whatever the attacker does afterwards leaves them as they
      // are.
      const target = state.epoch + 2n
      const before = electionWeights(state, target)
      run({
        type: 'relock',
        by: account(1),
        atSeconds,
        id: 1,
        amountWei: BigInt(1 + random.below(10 ** 9)),
        lockReward: false,
      })
      expect(electionWeights(state, target)).toEqual(before)
      expect(() => electionWeights(state, state.epoch + 3n)).toThrow(/weights of epoch/)
      run({ type: 'advanceEpoch', by: admin, atSeconds, epoch })
    }
  })
})

it('seed never depends on stake, and its parts cannot be shifted into each other', () => {
  const base = { chainId: 1n, epoch: 1n, previousSeed: bytesToHex(entropyOf(1)) }
  const seedOf = (...parts: Uint8Array[]) => epochSeed({ ...base, entropy: { parts, missing: [] } }).seed
  expect(seedOf(Uint8Array.of(1, 2), Uint8Array.of(3))).not.toBe(seedOf(Uint8Array.of(1), Uint8Array.of(2, 3)))
  expect(epochSeed({ ...base, entropy: undefined })).toMatchObject({ degraded: true })
  expect(epochSeed({ ...base, epoch: 2n, entropy: undefined }).seed).not.toBe(
    epochSeed({ ...base, entropy: undefined }).seed,
  )
})
