import { isL2Error } from '@l2/common'
import { runs, seededRandom, testSeed } from '@l2/common/testing'
import fc from 'fast-check'
import type { Address, Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import { createMempool, type Mempool } from './mempool.js'
import { fakeTransaction, testAddress } from './testdata/fake.js'
import type { AccountState, PoolEvent } from './types.js'

const rich: AccountState = { nonce: 0n, balanceWei: 10n ** 24n, delegated: false }
const alice = testAddress(0)
const bob = testAddress(1)

const types = (events: readonly PoolEvent[]): string[] => events.map(event => event.type)

function messageOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isL2Error(error)) return `${error.code}: ${error.shortMessage}`
    throw error
  }
  return 'taken'
}

/** Everything that holds of a pool after every call. */
function checkInvariants(pool: Mempool, accounts: ReadonlyMap<Address, AccountState>): void {
  let pending = 0
  let queued = 0
  let bytes = 0
  for (const { sender, pending: run, queued: rest } of pool.content()) {
    const state = accounts.get(sender)!
    pending += run.length
    queued += rest.length
    expect(run.length + rest.length).toBeLessThanOrEqual(pool.options.maxPerSender)
    let costWei = 0n
    for (const [i, entry] of run.entries()) {
      expect(entry.transaction.nonce).toBe(state.nonce + BigInt(i))
      costWei += entry.transaction.gasLimit * entry.transaction.maxFeePerGas + entry.transaction.value
    }
    expect(costWei).toBeLessThanOrEqual(state.balanceWei)
    let last = state.nonce + BigInt(run.length) - 1n
    for (const entry of rest) {
      expect(entry.transaction.nonce).toBeGreaterThan(last)
      last = entry.transaction.nonce
    }
    for (const entry of [...run, ...rest]) {
      bytes += entry.transaction.raw.length
      expect(pool.get(entry.transaction.hash)).toBe(entry)
    }
  }
  expect([pool.pendingCount, pool.queuedCount, pool.size, pool.byteLength]).toEqual([
    pending,
    queued,
    pending + queued,
    bytes,
  ])
  expect(pool.size).toBeLessThanOrEqual(pool.options.maxTransactions)
  expect(queued).toBeLessThanOrEqual(pool.options.maxQueued)
  expect(bytes).toBeLessThanOrEqual(pool.options.maxBytes)
}

const snapshot = (pool: Mempool): unknown =>
  [...pool.content()]
    .map(({ sender, pending, queued }) => [
      sender,
      pending.map(entry => [entry.transaction.hash, entry.arrival]),
      queued.map(entry => [entry.transaction.hash, entry.arrival]),
    ])
    .sort()

describe('createMempool', () => {
  it('says what geth says', () => {
    const pool = createMempool({ maxPerSender: 2, refuseBelowBaseFee: true })
    pool.setHead({
      number: 1n,
      timestamp: 1n,
      baseFeePerGas: 100n,
      gasLimit: 1_000_000n,
      nowMs: 0,
      included: [],
      accounts: [],
    })
    const add = (fields: Partial<Parameters<typeof fakeTransaction>[0]>, account: Partial<AccountState> = {}) => {
      const transaction = fakeTransaction({ sender: alice, nonce: 5n, ...fields })
      return messageOf(() => pool.add(transaction, { nowMs: 0, account: { ...rich, nonce: 5n, ...account } }))
    }
    expect(add({ nonce: 3n })).toBe('TX_NONCE_TOO_LOW: nonce too low: next nonce 5, tx nonce 3')
    expect(add({ gasLimit: 20_000n })).toBe('TX_INTRINSIC_GAS: intrinsic gas too low: gas 20000, minimum needed 21000')
    expect(add({ gasLimit: 21_020n, data: Uint8Array.of(1) })).toBe(
      'TX_FLOOR_GAS: insufficient gas for floor data gas cost: gas 21020, minimum needed 21040',
    )
    expect(add({ gasLimit: 900_001n })).toBe('TX_GAS_LIMIT: exceeds block gas limit')
    expect(add({ maxPriorityFeePerGas: 0n })).toBe(
      'TX_UNDERPRICED: transaction underpriced: gas tip cap 0, minimum needed 1',
    )
    expect(add({ maxFeePerGas: 99n, maxPriorityFeePerGas: 1n })).toBe(
      `TX_FEE_CAP_TOO_LOW: max fee per gas less than block base fee: address ${alice}, maxFeePerGas: 99, baseFee: 100`,
    )
    expect(add({ maxFeePerGas: 500n, maxPriorityFeePerGas: 501n })).toBe(
      'TX_TIP_ABOVE_FEE_CAP: max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: 501, maxFeePerGas: 500',
    )
    expect(add({ nonce: 2n ** 64n - 1n })).toBe('TX_NONCE_MAX: nonce has max value')
    expect(add({ to: undefined, data: new Uint8Array(49_153), gasLimit: 900_000n })).toBe(
      'TX_INITCODE_SIZE: max initcode size exceeded: code size 49153, limit 49152',
    )
    expect(add({ value: 7n }, { balanceWei: 21_000_000n })).toBe(
      'TX_INSUFFICIENT_FUNDS: insufficient funds for gas * price + value: balance 21000000, tx cost 21000007, overshot 7',
    )
    expect(add({})).toBe('taken')
    expect(add({})).toBe('TX_REPLACEMENT_UNDERPRICED: replacement transaction underpriced')
    expect(add({ maxFeePerGas: 1_100n, maxPriorityFeePerGas: 1_099n })).toMatch(/^TX_REPLACEMENT_UNDERPRICED/)
    expect(add({ maxFeePerGas: 1_100n, maxPriorityFeePerGas: 1_100n })).toBe('taken')
    expect(add({ nonce: 6n }, { balanceWei: 40_000_000n })).toBe(
      'TX_INSUFFICIENT_FUNDS: insufficient funds for gas * price + value: balance 40000000, queued cost 23100000, tx cost 21000000, overshot 4100000',
    )
    expect(add({ nonce: 6n })).toBe('taken')
    expect(add({ nonce: 7n })).toBe('TX_ACCOUNT_LIMIT: account limit exceeded: pooled 2 txs')
    const known = fakeTransaction({ sender: bob, nonce: 0n })
    pool.add(known, { nowMs: 0, account: rich })
    expect(messageOf(() => pool.add(known, { nowMs: 0, account: rich }))).toBe('TX_ALREADY_KNOWN: already known')
  })

  it('refuses what no block has room for on L1, alone or as a bundle, and drops it when the room shrinks', () => {
    const random = seededRandom(testSeed())
    const noise = (sender: Address, bytes: number) =>
      fakeTransaction({ sender, nonce: 0n, raw: random.bytes(bytes), gasLimit: 21_000n })
    const pool = createMempool()
    const limit = (maxDaBytes: bigint | undefined) =>
      pool.setHead({ ...pool.head, maxDaBytes, nowMs: 0, included: [], accounts: [] })
    const add = (...args: Parameters<typeof noise>) =>
      messageOf(() => pool.add(noise(...args), { nowMs: 0, account: { ...rich, nonce: 0n } }))
    limit(5_000n)
    expect(add(alice, 8_000)).toMatch(
      /^TX_DA_LIMIT: exceeds block DA footprint limit: estimated DA size 6\d\d\d, limit 5000$/,
    )
    // Longer than the limit, and compressed within it.
    const zeros = fakeTransaction({ sender: alice, nonce: 0n, raw: new Uint8Array(8_000) })
    pool.add(zeros, { nowMs: 0, account: rich })
    expect(add(bob, 4_000)).toBe('taken')
    const bundle = [noise(testAddress(2), 4_000), noise(testAddress(3), 4_000)]
    expect(messageOf(() => pool.addBundle(bundle, { nowMs: 0 }))).toMatch(/^TX_DA_LIMIT/)
    expect(limit(undefined)).toEqual([])
    expect(limit(3_000n)).toMatchObject([
      { type: 'dropped', reason: 'da-limit', entry: { transaction: { sender: bob } } },
    ])
    expect(pool.pendingCount).toBe(1)
  })

  it('lists every wrong option', () => {
    expect(messageOf(() => createMempool({ maxBytes: -1, maxQueued: 1.5 }))).toMatch(/MEMPOOL_OPTIONS/)
    expect(messageOf(() => createMempool({ maxQueued: 10, maxTransactions: 5 }))).toMatch(/MEMPOOL_OPTIONS/)
  })

  it('counts the price of data availability, and counts anew when it changes', () => {
    const pool = createMempool({}, { daFeeWei: () => 1_000n })
    const transaction = fakeTransaction({ sender: alice, nonce: 0n })
    const account = { nonce: 0n, balanceWei: 21_000_999n, delegated: false }
    expect(messageOf(() => pool.add(transaction, { nowMs: 0, account }))).toMatch(/overshot 1$/)
    pool.add(transaction, { nowMs: 0, account: { ...account, balanceWei: 21_001_000n } })
    const events = pool.setHead({
      ...pool.head,
      number: 1n,
      nowMs: 0,
      included: [],
      accounts: [],
      daFeeWei: () => 1_001n,
    })
    expect(events).toMatchObject([{ type: 'dropped', reason: 'insufficient-funds' }])
  })

  it('lets an account that another key may move have one transaction, without a gap', () => {
    const delegated = { ...rich, delegated: true }
    const pool = createMempool({}, { authoritiesOf: () => [bob] })
    const add = (sender: Address, nonce: bigint, account: AccountState, extra: object = {}) =>
      messageOf(() => pool.add(fakeTransaction({ sender, nonce, ...extra }), { nowMs: 0, account }))
    expect(add(alice, 1n, delegated)).toBe(
      'TX_NONCE_TOO_HIGH: gapped-nonce tx from delegated accounts: next nonce 0, tx nonce 1',
    )
    expect(add(alice, 0n, delegated)).toBe('taken')
    expect(add(alice, 1n, delegated)).toBe(
      'TX_DELEGATED_LIMIT: in-flight transaction limit reached for delegated accounts',
    )
    expect(add(alice, 0n, delegated, { maxFeePerGas: 2_000n, maxPriorityFeePerGas: 2_000n })).toBe('taken')
    // A delegation of bob's that is only pending counts as well.
    expect(add(testAddress(7), 0n, rich, { type: 4, gasLimit: 100_000n })).toBe('taken')
    expect(add(bob, 0n, rich)).toBe('taken')
    expect(add(bob, 1n, rich)).toMatch(/TX_DELEGATED_LIMIT/)
    const carol = testAddress(8)
    const reserved = createMempool({}, { authoritiesOf: () => [carol] })
    for (const nonce of [0n, 1n]) reserved.add(fakeTransaction({ sender: carol, nonce }), { nowMs: 0, account: rich })
    expect(
      messageOf(() =>
        reserved.add(fakeTransaction({ sender: alice, nonce: 0n, type: 4 }), { nowMs: 0, account: rich }),
      ),
    ).toBe('TX_DELEGATED_LIMIT: authority already reserved')
  })

  it('gives a reorged transaction its old place back', () => {
    const pool = createMempool()
    const first = fakeTransaction({ sender: alice, nonce: 0n })
    const second = fakeTransaction({ sender: bob, nonce: 0n })
    pool.add(first, { nowMs: 10, account: rich })
    pool.add(second, { nowMs: 20, account: rich })
    const head = { ...pool.head, nowMs: 30 }
    const included = pool.setHead({
      ...head,
      number: 1n,
      included: [first.hash],
      accounts: [[alice, { ...rich, nonce: 1n }]],
    })
    expect(included).toMatchObject([{ type: 'included' }])
    expect(pool.size).toBe(1)
    const reorg = { ...head, number: 1n, included: [], abandoned: [first], accounts: [[alice, rich]] as const }
    expect(pool.setHead(reorg)).toMatchObject([{ type: 'added', entry: { arrival: 0, arrivedAtMs: 10 } }])
    expect(pool.setHead(reorg)).toEqual([])
    expect(pool.nextArrival).toBe(2)
  })

  it('keeps a funded, executable transaction whatever waits, is invalid or is cheap', () => {
    const pool = createMempool({ maxTransactions: 64, maxQueued: 32, maxBytes: 200_000 })
    for (let i = 0; i < 40; i++) {
      pool.add(fakeTransaction({ sender: testAddress(i), nonce: 0n, maxFeePerGas: 500n, maxPriorityFeePerGas: 500n }), {
        nowMs: 0,
        account: rich,
      })
    }
    const before = snapshot(pool)
    const random = seededRandom(testSeed())
    let refused = 0
    for (let i = 0; i < 4_000; i++) {
      const sender = testAddress(1_000 + i)
      const kind = random.below(5)
      const transaction = fakeTransaction({
        sender,
        nonce: kind === 0 ? BigInt(1 + random.below(9)) : 0n,
        maxFeePerGas: kind === 0 ? 10n ** 9n : kind === 1 ? 499n : 10n ** 12n,
        maxPriorityFeePerGas: kind === 0 ? 10n ** 9n : kind === 1 ? 499n : 10n ** 12n,
        gasLimit: kind === 2 ? 20_000n : kind === 3 ? 10n ** 12n : 900_000n,
        data: kind === 4 ? new Uint8Array(40_000) : new Uint8Array(),
      })
      const balanceWei = kind === 4 ? 1n : 10n ** 24n
      try {
        pool.add(transaction, { nowMs: 0, account: { ...rich, balanceWei } })
      } catch (error) {
        expect(isL2Error(error)).toBe(true)
        refused++
      }
    }
    const executable = [...pool.pendingBySender()].flatMap(queue => queue.entries.map(entry => entry.transaction.hash))
    for (const [, pending] of before as [Address, [Hash, number][]][])
      for (const [hash] of pending) expect(executable).toContain(hash)
    expect(refused).toBeGreaterThan(3_000)
    expect(pool.queuedCount).toBeLessThanOrEqual(32)
  })

  it('protects no cheap transaction by an expensive one behind it', () => {
    const pool = createMempool({ maxTransactions: 3, maxQueued: 1 })
    const add = (sender: Address, nonce: bigint, tip: bigint) =>
      pool.add(fakeTransaction({ sender, nonce, maxFeePerGas: tip, maxPriorityFeePerGas: tip }), {
        nowMs: 0,
        account: rich,
      })
    add(alice, 0n, 10n)
    add(alice, 1n, 1_000n)
    add(bob, 0n, 20n)
    expect(add(testAddress(2), 0n, 15n).events).toMatchObject([
      { type: 'dropped', reason: 'evicted', entry: { transaction: { sender: alice, nonce: 1n } } },
      { type: 'added' },
    ])
    expect(messageOf(() => add(testAddress(3), 0n, 10n))).toMatch(/TX_UNDERPRICED/)
    expect(messageOf(() => add(testAddress(3), 1n, 99n))).toMatch(/TX_POOL_FULL/)
  })

  it('drops conditional transactions and bundles when their time is over', () => {
    const pool = createMempool()
    const head = { ...pool.head, nowMs: 0, included: [], accounts: [] }
    pool.add(fakeTransaction({ sender: alice, nonce: 0n }), {
      nowMs: 0,
      account: rich,
      condition: { blockNumberMax: 2n },
    })
    const { bundle } = pool.addBundle([fakeTransaction({ sender: bob, nonce: 0n })], { nowMs: 0, blockNumberMax: 2n })
    expect(pool.bundlesFor(2n, 0n)).toEqual([bundle])
    expect(pool.setHead({ ...head, number: 1n })).toEqual([])
    expect(pool.setHead({ ...head, number: 2n })).toMatchObject([
      { type: 'dropped', reason: 'condition' },
      { type: 'bundle-dropped', reason: 'condition' },
    ])
    expect(
      messageOf(() =>
        pool.add(fakeTransaction({ sender: alice, nonce: 0n }), {
          nowMs: 0,
          account: rich,
          condition: { blockNumberMax: 2n },
        }),
      ),
    ).toBe('TX_CONDITION: failed conditional validation: block or time range is over')
  })

  it('refuses bundles that cannot be', () => {
    const pool = createMempool()
    const one = fakeTransaction({ sender: alice, nonce: 0n })
    const gap = fakeTransaction({ sender: alice, nonce: 2n })
    expect(messageOf(() => pool.addBundle([], { nowMs: 0 }))).toMatch(/BUNDLE_INVALID/)
    expect(messageOf(() => pool.addBundle([one, gap], { nowMs: 0 }))).toMatch(/BUNDLE_INVALID: nonce 2/)
    expect(messageOf(() => pool.addBundle([one, one], { nowMs: 0 }))).toMatch(/TX_ALREADY_KNOWN/)
    expect(messageOf(() => pool.addBundle([one], { nowMs: 0, blockNumberMax: 11n }))).toMatch(/10 heights ahead/)
    expect(messageOf(() => pool.addBundle([one], { nowMs: 0, mayRevert: [gap.hash] }))).toMatch(/not in the bundle/)
    const { bundle } = pool.addBundle([one], { nowMs: 0 })
    expect(types(pool.remove(bundle.hash, 'cancelled'))).toEqual(['bundle-dropped'])
  })

  it('expires what waits too long, and nothing that can be executed', () => {
    const pool = createMempool({ queuedLifetimeMs: 100 })
    pool.add(fakeTransaction({ sender: alice, nonce: 0n }), { nowMs: 0, account: rich })
    pool.add(fakeTransaction({ sender: bob, nonce: 1n }), { nowMs: 0, account: rich })
    expect(pool.expire(100)).toEqual([])
    expect(pool.expire(101)).toMatchObject([{ type: 'dropped', reason: 'expired' }])
    expect(pool.size).toBe(1)
  })

  it('holds its limits and its shape through any history', () => {
    const step = fc.record({
      kind: fc.constantFrom('add', 'add', 'add', 'add', 'head', 'reorg', 'remove', 'expire', 'balance'),
      sender: fc.nat(5),
      nonce: fc.nat(9),
      tip: fc.nat(60),
      pick: fc.nat(),
      balance: fc.nat(12),
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), steps => {
        const pool = createMempool({
          maxTransactions: 14,
          maxQueued: 5,
          maxPerSender: 6,
          maxBytes: 14 * 120,
          queuedLifetimeMs: 20,
        })
        const accounts = new Map<Address, AccountState>(
          Array.from({ length: 6 }, (_, i) => [
            testAddress(i),
            { nonce: 0n, balanceWei: 10n ** 12n, delegated: false },
          ]),
        )
        let abandoned: { transaction: ReturnType<typeof fakeTransaction>; nonce: bigint } | undefined
        for (const [nowMs, { kind, sender, nonce, tip, pick, balance }] of steps.entries()) {
          const address = testAddress(sender)
          const account = accounts.get(address)!
          const before = snapshot(pool)
          const head = { ...pool.head, nowMs, included: [] as Hash[], accounts: [] as [Address, AccountState][] }
          if (kind === 'add') {
            const fee = BigInt(100 + tip)
            const transaction = fakeTransaction({
              sender: address,
              nonce: BigInt(nonce),
              maxFeePerGas: fee,
              maxPriorityFeePerGas: fee,
            })
            try {
              const { entry } = pool.add(transaction, { nowMs, account })
              expect(pool.get(transaction.hash)).toBe(entry)
            } catch (error) {
              expect(isL2Error(error)).toBe(true)
              expect(snapshot(pool)).toEqual(before)
            }
          } else if (kind === 'head') {
            const queue = [...pool.pendingBySender()][0]
            if (queue === undefined) continue
            const next = { ...accounts.get(queue.sender)!, nonce: queue.entries[0]!.transaction.nonce + 1n }
            accounts.set(queue.sender, next)
            abandoned = { transaction: queue.entries[0]!.transaction, nonce: next.nonce - 1n }
            pool.setHead({
              ...head,
              number: head.number + 1n,
              baseFeePerGas: BigInt(balance),
              included: [abandoned.transaction.hash],
              accounts: [[queue.sender, next]],
            })
          } else if (kind === 'reorg' && abandoned !== undefined) {
            const { transaction } = abandoned
            if (accounts.get(transaction.sender)!.nonce !== abandoned.nonce + 1n) continue
            const back = { ...accounts.get(transaction.sender)!, nonce: abandoned.nonce }
            accounts.set(transaction.sender, back)
            const update = { ...head, abandoned: [transaction], accounts: [[transaction.sender, back]] as const }
            pool.setHead(update)
            const after = snapshot(pool)
            pool.setHead(update)
            expect(snapshot(pool)).toEqual(after)
            abandoned = undefined
          } else if (kind === 'remove') {
            const hashes = [...pool.content()].flatMap(({ pending, queued }) => [...pending, ...queued])
            if (hashes.length > 0) pool.remove(hashes[pick % hashes.length]!.transaction.hash, 'cancelled')
          } else if (kind === 'expire') {
            pool.expire(nowMs)
          } else if (kind === 'balance') {
            const next = { ...account, balanceWei: BigInt(balance) * 2_200_000n }
            accounts.set(address, next)
            pool.setHead({ ...head, accounts: [[address, next]] })
          }
          checkInvariants(pool, accounts)
        }
      }),
      { numRuns: runs({ suite: 400, soak: 8_000 }), seed: testSeed() },
    )
  })

  it('evicts in an order that does not depend on the order of arrival of others', () => {
    // The same transactions, distinct tips, in any order: the same ones survive.
    const transactions = Array.from({ length: 20 }, (_, i) =>
      fakeTransaction({
        sender: testAddress(i),
        nonce: 0n,
        maxFeePerGas: BigInt(100 + i),
        maxPriorityFeePerGas: BigInt(100 + i),
      }),
    )
    fc.assert(
      fc.property(
        fc.shuffledSubarray(transactions, { minLength: transactions.length, maxLength: transactions.length }),
        order => {
          const pool = createMempool({ maxTransactions: 8, maxQueued: 0 })
          for (const transaction of order) messageOf(() => pool.add(transaction, { nowMs: 0, account: rich }))
          const left = [...pool.pendingBySender()].map(queue => queue.entries[0]!.transaction.maxFeePerGas).sort()
          expect(left).toEqual([112n, 113n, 114n, 115n, 116n, 117n, 118n, 119n])
        },
      ),
      { seed: testSeed() },
    )
  })
})
