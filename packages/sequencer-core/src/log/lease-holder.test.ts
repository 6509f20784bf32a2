import type { Clock } from '@l2/common'
import { describe, expect, it } from 'vitest'
import { SequencerError } from '../errors.js'
import { createLeaseHolder } from './lease-holder.js'
import type { Lease } from './log.js'
import { createMemoryLog } from './memory.js'

/** Time that moves only when somebody sleeps. */
function fakeTime() {
  let now = 0
  const clock: Clock = {
    now: () => now,
    sleep: async ms => {
      now += ms
      await new Promise(resolve => setImmediate(resolve))
    },
  }
  return { clock, monotonicMs: () => now, advance: (ms: number) => (now += ms) }
}

describe('createLeaseHolder', () => {
  it('renews as long as it runs, and lets go when it is told to stop', async () => {
    const { clock, monotonicMs } = fakeTime()
    const log = createMemoryLog({ monotonicMs })
    const holder = createLeaseHolder({ log, holder: 'a', ttlMs: 1000, clock, monotonicMs })
    const stop = new AbortController()
    const gained: (Lease | undefined)[] = []
    const running = holder.run(lease => gained.push(lease), stop.signal)
    while (monotonicMs() < 20_000) await new Promise(resolve => setImmediate(resolve))
    expect(holder.current?.epoch).toBe(1n)
    await expect(log.acquire('b', 1000)).rejects.toMatchObject({ code: 'LOG_LEASE_HELD' })
    stop.abort()
    await running
    expect(holder.current).toBeUndefined()
    expect(gained).toHaveLength(1)
    expect((await log.acquire('b', 1000)).epoch).toBe(2n)
  })

  it('does not believe in its lease after a pause, although nobody has told it', async () => {
    const time = fakeTime()
    const log = createMemoryLog({ monotonicMs: time.monotonicMs })
    const stuck: Clock = { now: time.clock.now, sleep: () => new Promise(() => {}) }
    const holder = createLeaseHolder({ log, holder: 'a', ttlMs: 1000, clock: stuck, monotonicMs: time.monotonicMs })
    void holder.run(() => {}, new AbortController().signal)
    await new Promise(resolve => setImmediate(resolve))
    expect(holder.current?.epoch).toBe(1n)
    time.advance(499)
    expect(holder.current?.epoch).toBe(1n)
    time.advance(1)
    expect(holder.current).toBeUndefined()
  })

  it('waits its turn, and comes back after it was fenced', async () => {
    const { clock, monotonicMs } = fakeTime()
    const log = createMemoryLog({ monotonicMs })
    await log.acquire('other', 700)
    const stop = new AbortController()
    const epochs: (bigint | undefined)[] = []
    const holder = createLeaseHolder({ log, holder: 'a', ttlMs: 1000, clock, monotonicMs })
    const running = holder.run(lease => {
      epochs.push(lease?.epoch)
      // The same name acquires past it: a second process of ours, or an operator.
      if (lease?.epoch === 2n) void log.acquire('a', 300)
      if (lease?.epoch === 4n) stop.abort()
    }, stop.signal)
    await running
    expect(epochs).toEqual([2n, undefined, 4n])
  })

  it('waits out a store that is away, at the price of the lease, and ends for what does not pass', async () => {
    const { clock, monotonicMs } = fakeTime()
    const log = createMemoryLog({ monotonicMs })
    let away: SequencerError | undefined
    const flaky = {
      ...log,
      acquire: async (holder: string, ttlMs: number) => {
        if (away !== undefined) throw away
        return await log.acquire(holder, ttlMs)
      },
      renew: async (lease: Lease) => {
        if (away !== undefined) throw away
        return await log.renew(lease)
      },
      release: async () => {
        throw new SequencerError('away', { code: 'DATABASE_UNAVAILABLE', recovery: 'retry' })
      },
    }
    const holder = createLeaseHolder({ log: flaky, holder: 'a', ttlMs: 1000, clock, monotonicMs })
    const stop = new AbortController()
    const epochs: (bigint | undefined)[] = []
    const running = holder.run(lease => epochs.push(lease?.epoch), stop.signal)
    const pass = async (ms: number) => {
      const until = monotonicMs() + ms
      while (monotonicMs() < until) await new Promise(resolve => setImmediate(resolve))
    }
    await pass(3_000)
    away = new SequencerError('away', { code: 'DATABASE_UNAVAILABLE', recovery: 'retry' })
    await pass(3_000)
    expect(epochs).toEqual([1n, undefined])
    expect(holder.current).toBeUndefined()
    away = undefined
    await pass(3_000)
    expect(epochs).toEqual([1n, undefined, 2n])
    stop.abort()
    await running
    away = new SequencerError('it forgets', { code: 'DATABASE_UNSAFE' })
    await expect(holder.run(() => {}, new AbortController().signal)).rejects.toMatchObject({ code: 'DATABASE_UNSAFE' })
  })

  it('refuses options that cannot be', () => {
    const log = createMemoryLog()
    const refused = expect.objectContaining({ code: 'LOG_OPTIONS' })
    expect(() => createLeaseHolder({ log, holder: '' })).toThrow(refused)
    expect(() => createLeaseHolder({ log, holder: 'a', ttlMs: 100, marginMs: 100 })).toThrow(refused)
  })
})
