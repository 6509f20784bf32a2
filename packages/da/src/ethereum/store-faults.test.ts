import { inspect } from 'node:util'
import { toJson } from '@l2/common'
import { toHex } from 'viem'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createFaultyStore, createStoreTrap, type StoreCall, type StoreFault } from '../internal/faulty-store.js'
import { createMemoryStore } from '../store.js'
import type { EthereumClient } from './rpc.js'
import { simulatedAccount } from './simulated-l1.js'
import { entryOf, fine, inbox, item, payloads, send, setUp, tagOf, watch } from './simulated-manager.js'
import { createTransactionManager, type TransactionManagerOptions } from './transaction-manager.js'

const gwei = 10n ** 9n
const hour = 3_600_000
const on =
  (operation: StoreCall['operation'], prefix: string) =>
  (call: StoreCall): boolean =>
    call.operation === operation && call.key.startsWith(prefix)
const record = (operation: StoreCall['operation']) => on(operation, entryOf(1))

/** A store operation that is held up until it is let go. */
function gate() {
  let letGo!: () => void
  const held = new Promise<void>(resolve => {
    letGo = resolve
  })
  return { held, letGo }
}

/** A manager on a store with one fault, at the n-th call that fits. */
function withFault(
  fits: (call: StoreCall) => boolean,
  fault: StoreFault,
  nth = 1,
  options: TransactionManagerOptions = {},
  weather = fine,
) {
  const trap = createStoreTrap(fits, fault, nth)
  const parts = setUp(weather, 1, options, store => createFaultyStore(store, trap.inject))
  const manager = parts.open()
  onTestFinished(async () => {
    await manager.close()
    await parts.close()
  })
  const tags = () => parts.l1.chain().map(({ tag }) => tag)
  return { ...parts, manager, trap, tags }
}

describe('the transaction manager on a slow store', () => {
  it('answers a repeated call that comes while the receipt is being written', async () => {
    const { held, letGo } = gate()
    const { manager, clock, trap, tags } = withFault(record('put'), { before: held }, 2)
    const first = watch(send(manager, 1))
    await clock.run(trap.sprung, hour)
    const again = watch(send(manager, 1))
    await clock.run(() => false, 1000)
    letGo()
    await clock.run(() => first.done && again.done, hour)
    expect(again.value).toEqual(first.value)
    expect(first.value?.height).toBeGreaterThan(0n)
    expect(tags()).toEqual([tagOf(1)])
  })

  it('resumes what is ending while the receipt is being written', async () => {
    const { held, letGo } = gate()
    const { manager, clock, trap } = withFault(record('put'), { before: held }, 2)
    const first = watch(send(manager, 1))
    await clock.run(trap.sprung, hour)
    const resumed = watch(manager.resume('key 1'))
    await clock.run(() => false, 1000)
    letGo()
    await clock.run(() => first.done && resumed.done, hour)
    expect(resumed.value?.key).toBe('key 1')
  })

  it('posts anew for a call that comes while a cancellation is being written', async () => {
    const { held, letGo } = gate()
    const bad = { ...fine, emptyBlock: 1 }
    const { manager, l1, clock, trap, tags } = withFault(record('delete'), { before: held }, 1, {}, bad)
    const first = watch(send(manager, 1, 'blob'))
    await clock.run(() => false, 30_000)
    watch(manager.cancel('key 1'))
    await clock.run(() => false, 1000)
    l1.setCalm(true)
    await clock.run(trap.sprung, hour)
    const again = watch(send(manager, 1, 'blob'))
    await clock.run(() => false, 1000)
    letGo()
    await clock.run(() => first.done && again.done, hour)
    expect(first.error).toMatchObject({ code: 'DA_CANCELLED' })
    expect(again.error).toBeUndefined()
    expect(tags()).toEqual(['', tagOf(1)])
  })

  it('keeps a call that comes while an abandoned one is being withdrawn, over a restart as well', async () => {
    const { held, letGo } = gate()
    const { manager, l1, clock, trap, tags, open } = withFault(record('delete'), { before: held }, 1)
    const abort = new AbortController()
    l1.setCut(true)
    const first = watch(send(manager, 1, 'calldata', abort.signal))
    await clock.run(() => false, 1000)
    abort.abort(new Error('enough'))
    await clock.run(trap.sprung, 1000)
    const again = watch(send(manager, 1))
    await clock.run(() => false, 1000)
    letGo()
    await clock.run(() => first.done, 1000)
    expect(first.error).toEqual(new Error('enough'))
    l1.setCut(false)
    await manager.close()
    await clock.run(() => again.done, 1000)
    expect(again.error).toMatchObject({ code: 'DA_CLOSED' })
    const next = open()
    const resumed = watch(next.resume('key 1'))
    await clock.run(() => resumed.done, hour)
    expect(resumed.value?.key).toBe('key 1')
    expect(tags()).toEqual([tagOf(1)])
    await next.close()
  })

  it('lets the newest state of a slot win when a cancellation and an attempt are written together', async () => {
    const { held, letGo } = gate()
    const slots = on('put', 'transactions/slot/')
    const bad = { ...fine, emptyBlock: 1 }
    // The write of the cancellation is slow, and the loop writes the same slot meanwhile.
    const { manager, l1, clock, open, tags, trap } = withFault(slots, { before: held }, 3, {}, bad)
    const first = watch(send(manager, 1))
    await clock.run(() => false, 30_000)
    const cancelled = watch(manager.cancel('key 1'))
    await clock.run(() => false, 60_000)
    expect(trap.sprung()).toBe(true)
    letGo()
    await clock.run(() => cancelled.done, 60_000)
    await manager.close()
    await clock.run(() => first.done, 1000)
    expect(first.error).toMatchObject({ code: 'DA_CLOSED' })
    const next = open()
    const resumed = watch(next.resume('key 1'))
    l1.setCalm(true)
    await clock.run(() => resumed.done, hour)
    expect(resumed.error).toMatchObject({ code: 'DA_CANCELLED' })
    expect(tags()).toEqual([''])
    await next.close()
  })
})

describe('the transaction manager on a store that fails', () => {
  it('ends a submission whose receipt could not be written at first', async () => {
    const { manager, clock, tags } = withFault(record('put'), 'fail', 2)
    const outcome = watch(send(manager, 1))
    await clock.run(() => outcome.done, hour)
    expect(outcome.value?.key).toBe('key 1')
    expect(tags()).toEqual([tagOf(1)])
  })

  it('hands out the receipt that the store took without saying so', async () => {
    const { manager, clock } = withFault(record('put'), 'lose-answer', 2)
    const outcome = watch(send(manager, 1))
    await clock.run(() => false, 40_000)
    const again = watch(send(manager, 1))
    await clock.run(() => outcome.done && again.done, hour)
    expect(again.value).toEqual(outcome.value)
  })

  it.each(['transactions/slot/', entryOf(1)])('ends a refused submission when %s cannot be deleted', async prefix => {
    const options = { maxCapWei: gwei }
    const { manager, clock, l1 } = withFault(on('delete', prefix), 'fail', 1, options)
    const outcome = watch(send(manager, 1))
    await clock.run(() => outcome.done, hour)
    expect(outcome.error).toMatchObject({ code: 'DA_FEE_TOO_HIGH' })
    await clock.run(() => false, 120_000)
    expect(manager.inFlight()).toEqual([])
    expect(l1.chain()).toEqual([])
  })

  it('goes on as before when a cancellation cannot be written', async () => {
    const bad = { ...fine, emptyBlock: 1 }
    const { manager, l1, clock, tags } = withFault(on('put', 'transactions/slot/'), 'fail', 3, {}, bad)
    const outcome = watch(send(manager, 1))
    await clock.run(() => false, 30_000)
    const cancelled = watch(manager.cancel('key 1'))
    await clock.run(() => cancelled.done, 1000)
    expect(cancelled.error).toMatchObject({ code: 'DA_UNAVAILABLE' })
    l1.setCalm(true)
    await clock.run(() => outcome.done, hour)
    expect(outcome.error).toBeUndefined()
    expect(tags()).toEqual([tagOf(1)])
  })

  it('refuses a call that it cannot journal, and takes the next', async () => {
    const { manager, clock, tags } = withFault(record('put'), 'fail', 1)
    const refused = watch(send(manager, 1))
    await clock.run(() => refused.done, hour)
    expect(refused.error).toMatchObject({ code: 'DA_UNAVAILABLE', retry: 'failover' })
    const again = watch(send(manager, 1))
    await clock.run(() => again.done, hour)
    expect(again.error).toBeUndefined()
    expect(tags()).toEqual([tagOf(1)])
  })

  it('loads its journal again after a first try that failed', async () => {
    const { manager, clock } = withFault(on('keys', 'transactions/'), 'fail', 1)
    await clock.run(() => false, 1000)
    const outcome = watch(send(manager, 1))
    await clock.run(() => outcome.done, hour)
    expect(outcome.error).toBeUndefined()
  })
})

describe('several calls of one submission', () => {
  it('go on waiting when one of them gives up', async () => {
    const { manager, l1, clock } = withFault(() => false, 'fail')
    const abort = new AbortController()
    l1.setCut(true)
    const first = watch(send(manager, 1, 'calldata', abort.signal))
    const second = watch(send(manager, 1))
    await clock.run(() => false, 30_000)
    abort.abort(new Error('enough'))
    await clock.run(() => first.done, 1000)
    l1.setCut(false)
    await clock.run(() => second.done, hour)
    expect(second.value?.key).toBe('key 1')
  })
})

describe('the order of calls', () => {
  it('is kept when one of them has to ask for its price first', async () => {
    const { manager, clock, tags } = withFault(() => false, 'fail')
    const { held, letGo } = gate()
    const slow = { kind: 'calldata', to: inbox, items: [item(1)], key: 'key 1', approve: () => held } as const
    const first = watch(manager.send(slow))
    const second = watch(send(manager, 2))
    await clock.run(() => false, 60_000)
    expect(second.done).toBe(false)
    letGo()
    await clock.run(() => first.done && second.done, hour)
    expect(tags()).toEqual([tagOf(1), tagOf(2)])
  })
})

describe('a call that gives up while it asks for its price', () => {
  it('keeps no place in the order', async () => {
    const { manager, clock, tags } = withFault(() => false, 'fail')
    const never = () => new Promise<void>(() => {})
    const request = { kind: 'calldata', to: inbox, items: [item(1)], key: 'key 1', approve: never } as const
    const first = watch(manager.send(request, { timeoutMs: 30_000 }))
    const second = watch(send(manager, 2))
    await clock.run(() => first.done && second.done, hour)
    expect(first.error).toMatchObject({ code: 'DA_TIMEOUT' })
    expect(second.error).toBeUndefined()
    expect(tags()).toEqual([tagOf(2)])
  })
})

describe('what a node says', () => {
  it('gets into no log, no error and no journal where it repeats a key', async () => {
    const secrets = ['key-in-the-path', 'user:password', 'token=abc']
    const url = 'https://user:password@node.example/key-in-the-path?token=abc'
    const { clock, l1 } = setUp(fine)
    let refuse = false
    const request: EthereumClient['request'] = async call => {
      if (!refuse) return l1.client.request(call)
      throw new Error(`HTTP request failed.\n\nURL: ${url}\nRequest body: {"key-in-the-path":1}\nrejected ${url}`)
    }
    const lines: string[] = []
    const log = (...parts: unknown[]) => void lines.push(toJson(parts))
    const logger = { debug: log, info: log, warn: log, error: log }
    const store = createMemoryStore()
    const deps = { client: { request }, account: simulatedAccount, store, clock, logger }
    const manager = createTransactionManager({ confirmations: 1 }, deps)
    manager.register(payloads.calldata, () => [])
    refuse = true
    const outcome = watch(manager.market())
    const waiting = watch(send(manager, 1))
    await clock.run(() => false, 60_000)
    await manager.close()
    await clock.run(() => waiting.done, 1000)
    expect(lines.length).toBeGreaterThan(0)
    expect(outcome.error).toMatchObject({ code: 'DA_UNAVAILABLE' })
    const kept = await Promise.all((await store.keys('')).map(async key => toHex((await store.get(key))!)))
    const said = [...lines, inspect(outcome.error, { depth: 9 }), toJson(outcome.error), ...kept].join('\n')
    for (const secret of secrets) {
      expect(said).not.toContain(secret)
      expect(said).not.toContain(toHex(secret).slice(2))
    }
  })
})
