import { seededRandom, testSeed } from '@l2/common/testing'
import { mnemonicToAccount } from 'viem/accounts'
import { expect, it } from 'vitest'
import { applyBlock, beginTerm, type ControlPlane, createControlPlane, leaderOf, signerAt } from './control-plane.js'

const word = (n: number): `0x${string}` => `0x${n.toString(16).padStart(64, '0')}`
const accounts = Array.from({ length: 4 }, (_, addressIndex) =>
  mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex }),
)
const genesis = (): ControlPlane =>
  createControlPlane({
    domain: { name: 'L2 Sequencer', version: '1', chainId: 901n, verifyingContract: `0x${'01'.repeat(20)}` },
    timestamp: 1_700_000_000n,
    prevRandao: word(7),
    operator: accounts[0]!.address,
    holder: accounts[0]!.address,
    sequencers: accounts.map(({ address }) => ({ owner: address, signer: address, amountWei: 20_000n * 10n ** 18n })),
  })

/**
 * The chain of an honest set of sequencers whose L1 takes blocks back at any time, also over the border of an epoch, and where turns pass: what each of them
 * signs, in the order in which it does.
 */
function live(seed: number) {
  const random = seededRandom(seed)
  const states = [genesis()]
  const signed: { signer: string; epoch: bigint; term: number; height: bigint }[] = []
  let rollbacks = 0
  while (signed.length < 150) {
    const height = BigInt(states.length)
    let state = states.at(-1)!
    const due = leaderOf(state, height)!
    const term = due.term + (random.below(8) === 0 ? 1 : 0)
    const { sequencer, epoch } = signerAt(state, height, term)!
    signed.push({ signer: sequencer, epoch, term, height })
    state = applyBlock(state, {
      ...{ height, term, prevRandao: word(signed.length), evidence: [] },
      timestamp: 1_700_000_000n + height,
    }).state
    states.push(state)
    if (random.below(10) !== 0) continue
    rollbacks++
    const to = Math.max(0, Number(height) - 1 - random.below(25))
    const over = 1 + Math.max(leaderOf(state, height + 1n)!.term, ...signed.map(header => header.term))
    states.length = to + 1
    states[to] = beginTerm(states[to]!, BigInt(to) + 1n, over)
  }
  return { signed, rollbacks }
}

it('an honest sequencer never comes by a place twice, and each signs in the order of its guard, whatever L1 takes back', () => {
  let rollbacks = 0
  for (let round = 0; round < 12; round++) {
    const seed = testSeed() + round
    const { signed, rollbacks: some } = live(seed)
    rollbacks += some
    const places = new Set(signed.map(({ epoch, term, height }) => `${epoch}/${term}/${height}`))
    expect(places.size, `seed ${seed}`).toBe(signed.length)
    const last = new Map<string, { term: number; height: bigint }>()
    for (const { signer, term, height } of signed) {
      const before = last.get(signer)
      const isAbove = before === undefined || term > before.term || (term === before.term && height > before.height)
      expect(isAbove, `seed ${seed}: ${signer} at term ${term}, height ${height}`).toBe(true)
      last.set(signer, { term, height })
    }
  }
  expect(rollbacks).toBeGreaterThan(50)
})

it('the leader of a height stays where L1 took blocks back: nobody failed', () => {
  const state = genesis()
  const before = leaderOf(state, 3n)!
  const after = leaderOf(beginTerm(state, 3n, 7), 3n)!
  expect(after).toEqual({ ...before, term: 7 })
  expect(signerAt(beginTerm(state, 3n, 7), 3n, 7)).toEqual(after)
})
