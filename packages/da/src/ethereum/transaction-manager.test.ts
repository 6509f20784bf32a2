import { isL2Error } from '@l2/common'
import { seededRandom } from '@l2/common/testing'
import * as fc from 'fast-check'
import { type Hex, keccak256, toHex } from 'viem'
import { describe, expect, it } from 'vitest'
import { commitmentToHex, daLayer } from '../commitment.js'
import type { DaReceipt } from '../port.js'
import { createMemoryStore } from '../store.js'
import {
  createSimulatedClock,
  createSimulatedL1,
  simulatedAccount,
  simulatedPayload,
  type Weather,
} from './simulated-l1.js'
import { createTransactionManager, type TransactionManagerOptions } from './transaction-manager.js'

const inbox = '0x00000000000000000000000000000000000000bb'
const fine: Weather = { dropFromPool: 0, loseAnswer: 0, failCall: 0, reorg: 0, spike: 0, emptyBlock: 0 }
const kinds = { calldata: simulatedPayload('calldata'), blob: simulatedPayload('blob') }
const commit = (hash: Hex, hashes: readonly Hex[]) =>
  hashes.map(data => ({ layer: daLayer.ethereumCalldata, payload: Buffer.from(hash.slice(2) + data.slice(2), 'hex') }))

/** A manager on a simulated chain that makes a block every 12 seconds. */
function setUp(weather: Weather, seed = 1, options: TransactionManagerOptions = {}) {
  const random = seededRandom(seed)
  const clock = createSimulatedClock()
  const l1 = createSimulatedL1(random, weather)
  const store = createMemoryStore()
  const stopped = new AbortController()
  const blocks = (async () => {
    for (;;) {
      await clock.sleep(12_000, stopped.signal)
      l1.step()
    }
  })().catch(() => {})
  const open = () => {
    const manager = createTransactionManager(
      { client: l1.client, account: simulatedAccount, store, clock },
      { confirmations: 3, ...options },
    )
    for (const payload of Object.values(kinds)) manager.register(payload, commit)
    return manager
  }
  const close = async () => {
    stopped.abort()
    await blocks
  }
  return { random, clock, l1, store, open, close }
}

type Manager = ReturnType<ReturnType<typeof setUp>['open']>
const item = (index: number) => Uint8Array.of(index >> 8, index & 255)
const tagOf = (index: number) => toHex(item(index))
const send = (manager: Manager, index: number, kind: 'calldata' | 'blob' = 'calldata', signal?: AbortSignal) =>
  manager.send({ kind, to: inbox, items: [item(index)], key: `key ${index}` }, { signal })

/** Collects how a promise ends. */
function watch<T>(promise: Promise<T>): { value?: T; error?: unknown; done: boolean } {
  const outcome: { value?: T; error?: unknown; done: boolean } = { done: false }
  promise.then(
    value => Object.assign(outcome, { value, done: true }),
    error => Object.assign(outcome, { error, done: true }),
  )
  return outcome
}

describe('createTransactionManager', () => {
  it('ends every submission exactly once, in order, whatever the weather', async () => {
    const runs = Number(process.env['FC_NUM_RUNS'] ?? 60)
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          seed: fc.integer({ min: 1, max: 2 ** 31 }),
          kinds: fc.array(fc.constantFrom('calldata' as const, 'blob' as const), { minLength: 1, maxLength: 14 }),
          weather: fc.record({
            dropFromPool: fc.constantFrom(0, 0.1, 0.4),
            loseAnswer: fc.constantFrom(0, 0.2, 0.5),
            failCall: fc.constantFrom(0, 0.02, 0.2),
            reorg: fc.constantFrom(0, 0.05, 0.2),
            spike: fc.constantFrom(0, 0.05, 0.15),
            emptyBlock: fc.constantFrom(0, 0.3),
          }),
          restarts: fc.integer({ min: 0, max: 3 }),
          confirmations: fc.integer({ min: 1, max: 4 }),
          pauseMs: fc.constantFrom(0, 7000, 40_000),
        }),
        async ({ seed, kinds: wanted, weather, restarts, confirmations, pauseMs }) => {
          const { clock, l1, open, close } = setUp(weather, seed, { confirmations })
          let manager = open()
          const receipts = new Map<number, DaReceipt>()
          const outcomes: ReturnType<typeof watch<DaReceipt>>[] = []
          const begin = (index: number) => {
            outcomes[index] = watch(
              send(manager, index, wanted[index]!).then(receipt => {
                receipts.set(index, receipt)
                return receipt
              }),
            )
          }
          for (let index = 0; index < wanted.length; index++) {
            begin(index)
            if (pauseMs > 0) await clock.run(() => false, pauseMs)
          }
          for (let restart = 0; restart < restarts; restart++) {
            await clock.run(() => false, 60_000)
            await manager[Symbol.asyncDispose]()
            manager = open()
            // Nobody waits for all of them any more: those ask again under their key.
            for (let index = 0; index < wanted.length; index++) if (!receipts.has(index)) begin(index)
          }
          await clock.run(() => outcomes.every(({ done }) => done), 3_600_000)
          l1.setCalm(true)
          await clock.run(() => outcomes.every(({ done }) => done), 3_600_000)
          for (const outcome of outcomes) {
            expect(outcome.done).toBe(true)
            // The one thing that may go wrong for good: a price above the limit when a submission is first sent.
            if (outcome.error === undefined) continue
            expect(isL2Error(outcome.error, 'DA_FEE_TOO_HIGH')).toBe(true)
            expect(weather.spike).toBeGreaterThan(0)
          }
          // What was reorged after it was reported comes back before its block is final.
          await clock.run(() => false, 1_200_000)
          const posted = l1.chain().filter(({ to }) => to === inbox)
          const tags = posted.map(({ tag }) => tag)
          const succeeded = wanted.map((_, index) => index).filter(index => outcomes[index]!.error === undefined)
          // A reorg that brings two kinds back the wrong way round forces one to give way to the other: only then the order changes, and a
          // second reorg can bring the first copy back.
          const mayGiveWay = weather.reorg > 0 && new Set(wanted).size > 1
          if (!mayGiveWay) expect(tags).toEqual(succeeded.map(tagOf))
          else expect([...new Set(tags)].sort()).toEqual(succeeded.map(tagOf).sort())
          expect(l1.chain().map(({ nonce }) => nonce)).toEqual(l1.chain().map((_, index) => index))
          await manager[Symbol.asyncDispose]()
          await close()
        },
      ),
      { numRuns: runs, seed: 5, endOnFailure: false },
    )
  })

  it('replaces what is not mined after the resubmission time, at fees that pools take', async () => {
    const { clock, l1, open, close } = setUp({ ...fine, emptyBlock: 1 })
    const manager = open()
    const outcome = watch(send(manager, 1, 'blob'))
    await clock.run(() => false, 50_000)
    const [first] = l1.pool()
    await clock.run(() => false, 48_000)
    const [second] = l1.pool()
    expect(second!.nonce).toBe(first!.nonce)
    expect(second!.tip).toBe(first!.tip * 2n)
    expect(second!.blobCap).toBe(first!.blobCap! * 2n)
    l1.setCalm(true)
    await clock.run(() => outcome.done, 600_000)
    expect(outcome.error).toBeUndefined()
    await manager[Symbol.asyncDispose]()
    await close()
  })

  it('keeps to its fee limits: it republishes instead of bumping, and refuses what starts above them', async () => {
    const { clock, l1, open, close } = setUp({ ...fine, emptyBlock: 1 }, 1, { maxCapWei: 4n * 10n ** 9n })
    const manager = open()
    const outcome = watch(send(manager, 1))
    await clock.run(() => false, 3_600_000)
    expect(l1.pool()[0]!.cap <= 4n * 10n ** 9n).toBe(true)
    l1.setCalm(true)
    await clock.run(() => outcome.done, 600_000)
    expect(outcome.error).toBeUndefined()
    await manager[Symbol.asyncDispose]()
    await close()

    const dear = setUp(fine, 1, { maxCapWei: 10n ** 9n })
    const other = dear.open()
    const refused = watch(send(other, 1))
    await dear.clock.run(() => refused.done, 100_000)
    expect(refused.error).toMatchObject({ code: 'DA_FEE_TOO_HIGH', retry: 'failover' })
    expect(dear.l1.chain()).toEqual([])
    await other[Symbol.asyncDispose]()
    await dear.close()
  })

  it('frees the account when a foreign transaction of the other kind is stuck, with one of the stuck kind', async () => {
    const { clock, l1, open, close } = setUp(fine)
    const foreign = await kinds.blob.prepare([item(999)], new AbortController().signal)
    const fees = { tip: 10n ** 9n, cap: 2n * 10n ** 9n, blobCap: 1n }
    const { raw } = await foreign.sign(simulatedAccount, { chainId: 1, nonce: 0, to: inbox, gas: 21_000n, fees })
    l1.sendForeign(raw)
    // Nothing mines it: its blob fee is below the market, so it stays where it is.
    const manager = open()
    const outcome = watch(send(manager, 1, 'calldata'))
    await clock.run(() => outcome.done, 1_200_000)
    expect(outcome.error).toBeUndefined()
    const last = l1.chain().at(-1)!
    expect(last.tag).toBe(tagOf(1))
    expect(l1.chain()).toHaveLength(2)
    await manager[Symbol.asyncDispose]()
    await close()
  })

  it('cancels an unmined submission with an empty transaction of its kind', async () => {
    const { clock, l1, open, close } = setUp({ ...fine, emptyBlock: 1 })
    const manager = open()
    const outcome = watch(send(manager, 1, 'blob'))
    await clock.run(() => false, 30_000)
    const cancelled = watch(manager.cancel('key 1'))
    await clock.run(() => cancelled.done, 1000)
    expect(cancelled.value).toBe(true)
    l1.setCalm(true)
    await clock.run(() => outcome.done, 600_000)
    expect(outcome.error).toMatchObject({ code: 'DA_CANCELLED' })
    expect(l1.chain()).toMatchObject([{ nonce: 0, to: simulatedAccount.address, tag: '' }])
    const next = watch(send(manager, 2, 'calldata'))
    await clock.run(() => next.done, 600_000)
    expect(next.error).toBeUndefined()
    await manager[Symbol.asyncDispose]()
    await close()
  })

  it('withdraws what was abandoned before any node took it, and nothing else', async () => {
    const { clock, l1, open, close } = setUp(fine)
    const manager = open()
    const before = watch(send(manager, 1))
    await clock.run(() => before.done, 200_000)
    l1.setCut(true)
    const abort = new AbortController()
    const lost = watch(send(manager, 2, 'calldata', abort.signal))
    const kept = watch(send(manager, 3))
    await clock.run(() => false, 60_000)
    abort.abort(new Error('enough'))
    await clock.run(() => false, 60_000)
    expect(lost.error).toEqual(new Error('enough'))
    l1.setCut(false)
    await clock.run(() => kept.done, 600_000)
    expect(kept.error).toBeUndefined()
    expect(l1.chain().map(({ tag }) => tag)).toEqual([tagOf(1), tagOf(3)])
    await manager[Symbol.asyncDispose]()
    await close()
  })

  it('reports a nonce that somebody else used, and goes on with the next', async () => {
    const { clock, l1, open, close } = setUp({ ...fine, emptyBlock: 1 })
    const manager = open()
    const outcome = watch(send(manager, 1))
    await clock.run(() => false, 20_000)
    const foreign = await kinds.calldata.prepare([item(999)], new AbortController().signal)
    const fees = { tip: 10n ** 12n, cap: 10n ** 13n, blobCap: undefined }
    const signed = await foreign.sign(simulatedAccount, { chainId: 1, nonce: 0, to: inbox, gas: 21_000n, fees })
    expect(signed.hash).toBe(keccak256(signed.raw))
    l1.sendForeign(signed.raw)
    l1.setCalm(true)
    await clock.run(() => outcome.done, 600_000)
    expect(outcome.error).toMatchObject({ code: 'DA_NONCE_CONFLICT' })
    const next = watch(send(manager, 2))
    await clock.run(() => next.done, 600_000)
    expect(next.error).toBeUndefined()
    await manager[Symbol.asyncDispose]()
    await close()
  })

  it('follows a submission to the hash that a deep reorg left', async () => {
    const { clock, l1, open, close } = setUp(fine, 3, { confirmations: 1 })
    const manager = open()
    const outcome = watch(send(manager, 1))
    await clock.run(() => outcome.done, 200_000)
    const hash = l1.chain()[0]!.hash
    expect(commitmentToHex(outcome.value!.commitments[0]!)).toContain(hash.slice(2))
    await clock.run(() => false, 40_000)
    l1.reorg(5)
    await clock.run(() => l1.chain().length === 1, 200_000)
    await clock.run(() => false, 24_000)
    const now = watch(manager.successor(hash))
    await clock.run(() => now.done, 1000)
    expect(now.value).toBe(l1.chain()[0]!.hash)
    await manager[Symbol.asyncDispose]()
    await close()
  })
})
