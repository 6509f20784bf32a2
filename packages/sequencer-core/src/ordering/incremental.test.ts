import { type Random, runs, seededRandom, testSeed } from '@l2/common/testing'
import type { Address, Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import { createMempool, type Mempool } from '../mempool/mempool.js'
import { fakeTransaction, testAddress } from '../mempool/testdata/fake.js'
import type { Transaction } from '../transaction/types.js'
import { expressLane } from './express-lane/policy.js'
import { firstCome } from './first-come.js'
import type { BlockContext, BlockOrdering, Outcome } from './policy.js'
import { priorityGas } from './priority-gas.js'
import { eagerly } from './testdata/eager-heads.js'

const policies = [firstCome(), priorityGas(), expressLane({ controllerOf: () => testAddress(1) })]
const senders = 12

/** A pool that lives through blocks, with everything that happens to one. */
class Life {
  readonly pool: Mempool
  readonly random: Random
  baseFeePerGas = 100n
  nowMs = 1_000
  height = 0n
  readonly #nonces = new Map<Address, bigint>()
  readonly #sent: Transaction[] = []

  constructor(random: Random) {
    this.random = random
    this.pool = createMempool({ maxTransactions: 60, maxPerSender: 12, maxQueued: 30 })
    this.#head([])
  }

  #head(included: readonly Transaction[]): void {
    for (const { sender, nonce } of included) this.#nonces.set(sender, nonce + 1n)
    this.pool.setHead({
      number: this.height,
      timestamp: 1_000n + this.height,
      baseFeePerGas: this.baseFeePerGas,
      gasLimit: 30_000_000n,
      nowMs: this.nowMs,
      included: included.map(({ hash }) => hash),
      accounts: [...new Set(included.map(({ sender }) => sender))].map(
        sender => [sender, this.#account(sender)] as const,
      ),
    })
  }

  #account(sender: Address) {
    return { nonce: this.#nonces.get(sender) ?? 0n, balanceWei: 10n ** 24n, delegated: false }
  }

  /** A transaction, a replacement, a bundle, a cancellation; what the pool refuses it refuses. */
  change(): void {
    const { random, pool } = this
    this.nowMs += random.below(3)
    const sender = testAddress(random.below(senders))
    const kind = random.below(20)
    if (kind === 0 && this.#sent.length > 0) {
      pool.remove(random.pick(this.#sent).hash, 'cancelled')
      return
    }
    const next = pool.nextNonce(sender) ?? this.#nonces.get(sender) ?? 0n
    const nonce = kind < 4 && next > 0n ? next - 1n : next + (kind === 4 ? 1n : 0n)
    const tip = BigInt(1 + random.below(6)) * 10n
    const transaction = fakeTransaction({
      ...{ sender, nonce, maxPriorityFeePerGas: tip },
      // Some cannot pay the base fee, of some it leaves less than the whole tip.
      maxFeePerGas: tip + BigInt(random.pick([60, 90, 100, 110, 130, 400])),
      gasLimit: 21_000n + BigInt(random.below(4)) * 30_000n,
    })
    try {
      if (kind === 5) {
        const second = fakeTransaction({ sender: testAddress(random.below(senders)), nonce, maxFeePerGas: 500n })
        pool.addBundle([transaction, second], { nowMs: this.nowMs, blockNumberMax: this.height + 5n })
      } else {
        const readyAtMs = this.nowMs + random.pick([0, 0, 0, 20, 60])
        const condition = kind === 6 ? { blockNumberMin: this.height + 2n } : undefined
        const { entry } = pool.add(transaction, {
          nowMs: this.nowMs,
          account: this.#account(sender),
          readyAtMs,
          condition,
          mayRevert: kind !== 7,
        })
        this.#sent.push(entry.transaction)
      }
    } catch (error) {
      expect(error).toMatchObject({ code: expect.any(String) })
    }
  }

  context(): BlockContext {
    const { pool, nowMs, baseFeePerGas, height } = this
    return {
      height: height + 1n,
      timestamp: 1_001n + height,
      baseFeePerGas,
      gasLimit: 600_000n,
      nowMs,
      pool,
      forced: [],
    }
  }

  /** The block is in the chain; the next has another base fee, sometimes by a leap. */
  seal(included: readonly Transaction[]): void {
    this.height++
    this.nowMs += 30
    this.baseFeePerGas = BigInt(this.random.pick([40, 90, 95, 100, 105, 120, 300]))
    this.#head(included)
  }
}

/** The pool without its orders, as it is now: what the old machine reads. */
function withoutOrders({ pool, ...context }: BlockContext): BlockContext {
  const { pendingCount } = pool
  return {
    ...context,
    pool: {
      pendingCount,
      pendingBySender: () => pool.pendingBySender(),
      bundlesFor: (height, timestamp) => pool.bundlesFor(height, timestamp),
    },
  }
}

type Told = { hashes: Hash[]; transactions: Transaction[] }

/** One step of both machines: they are to say the same. Answers whether there is more. */
function step(
  pair: readonly [BlockOrdering, BlockOrdering],
  view: { nowMs: number; gasLeft: bigint },
  random: Random,
  told: Told,
) {
  const [mine, theirs] = pair.map(ordering => ordering.next({ ...view, bytesLeft: 10_000 }))
  const plain = (which: typeof mine) =>
    which?.type === 'take' ? { ...which, entries: which.entries.map(({ transaction }) => transaction.hash) } : which
  expect(plain(mine)).toEqual(plain(theirs))
  if (mine === undefined || mine.type === 'done') return false
  if (mine.type === 'wait') {
    view.nowMs = mine.untilMs
    return true
  }
  const outcome = random.pick<Outcome>(['included', 'included', 'included', 'included', 'failed', 'no-room'])
  if (outcome === 'included')
    for (const { transaction } of mine.entries) {
      view.gasLeft -= transaction.gasLimit
      told.hashes.push(transaction.hash)
      told.transactions.push(transaction)
    }
  for (const ordering of pair) ordering.settle(outcome)
  return true
}

describe('an order that the pool keeps', () => {
  it.each(policies)(
    '$name picks as from all senders anew, through blocks, base fees and what happens between',
    policy => {
      const seed = testSeed(220)
      const random = seededRandom(seed)
      let picked = 0
      for (let round = 0; round < runs({ suite: 12, soak: 3_000 }); round++) {
        const life = new Life(random)
        for (let block = 0; block < 12; block++) {
          for (let i = random.below(25); i > 0; i--) life.change()
          const context = life.context()
          const pair = [
            policy.open(context),
            eagerly[policy.name as keyof typeof eagerly](withoutOrders(context)),
          ] as const
          const view = { nowMs: context.nowMs, gasLeft: context.gasLimit }
          const told: Told = { hashes: [], transactions: [] }
          // Some blocks are full before the policy is at its end, some builders do not say so, and to some the pool changes meanwhile.
          const most = random.pick([3, 10, 1_000])
          const isDisturbed = random.bool(0.3)
          for (let i = 0; i < most && step(pair, view, random, told); i++) if (isDisturbed) life.change()
          if (random.bool(0.7)) pair[0].close?.()
          picked += told.hashes.length
          expect(new Set(told.hashes).size).toBe(told.hashes.length)
          // What a bundle carried is of the chain all the same; a nonce that another has used is not.
          life.seal(told.transactions.filter(({ hash }) => life.pool.get(hash) !== undefined))
        }
      }
      expect(picked).toBeGreaterThan(200)
    },
  )

  it('is read by two at once, each as it was when it was opened', () => {
    const random = seededRandom(testSeed(221))
    const life = new Life(random)
    for (let i = 0; i < 60; i++) life.change()
    const open = () => {
      const context = life.context()
      return [priorityGas().open(context), eagerly['priority-gas'](withoutOrders(context))] as const
    }
    const first = open()
    for (let i = 0; i < 20; i++) life.change()
    const second = open()
    const views = [first, second].map(pair => ({ pair, view: { nowMs: life.nowMs, gasLeft: 600_000n }, isOpen: true }))
    const told: Told = { hashes: [], transactions: [] }
    while (views.some(each => each.isOpen))
      for (const each of views) if (each.isOpen) each.isOpen = step(each.pair, each.view, random, told)
    expect(told.hashes.length).toBeGreaterThan(10)
  })
})
