import type { Lease } from '@l2/sequencer-core/block'
import { expect, it } from 'vitest'
import { createDuty } from './duty.js'

/** A machine whose lease and log are set by hand; `told` is what happened, in order. */
function world() {
  const told: string[] = []
  const state = {
    lease: undefined as Lease | undefined,
    unread: 0,
    fault: undefined as Error | undefined,
    nowMs: 5_000,
  }
  const duty = createDuty({
    machine: { name: 'one', lease: () => state.lease },
    sequencer: {
      head: { number: 7n } as never,
      async readLog() {
        if (state.fault !== undefined) throw state.fault
        if (state.unread === 0) return false
        state.unread--
        told.push('read')
        return true
      },
      takeOver: async () => void told.push('takes over'),
    },
    begin: async () => void told.push('begins'),
    end: async () => void told.push('ends'),
    say: () => {},
    nowMs: () => state.nowMs,
  })
  const lease = (epoch: bigint): Lease => ({ epoch, holder: 'one', ttlMs: 1_500 })
  const since = (): string[] => told.splice(0)
  return { state, duty, lease, since }
}

it('reads what the other machine logs, and takes over with the lease after the last of it', async () => {
  const { state, duty, lease, since } = world()
  state.unread = 2
  expect(await duty.step()).toMatch(/another machine/)
  expect([duty.isOn, since()]).toEqual([false, ['read', 'read']])
  state.unread = 1
  state.lease = lease(4n)
  expect(await duty.step()).toBeUndefined()
  expect([duty.isOn, since()]).toEqual([true, ['read', 'takes over', 'begins']])
  expect(await duty.step()).toBeUndefined()
  expect(since()).toEqual([])
})

it('keeps its place over a lease that it lost to nobody, and gives it up where another one had it', async () => {
  const { state, duty, lease, since } = world()
  state.lease = lease(1n)
  await duty.step()
  since()
  state.lease = undefined
  expect(await duty.step()).toMatch(/another machine/)
  expect([duty.isOn, since()]).toEqual([false, []])
  state.lease = lease(2n)
  await duty.step()
  expect([duty.isOn, since()]).toEqual([true, ['takes over']])
  state.lease = lease(4n)
  state.unread = 1
  await duty.step()
  expect([duty.isOn, since()]).toEqual([true, ['ends', 'read', 'takes over', 'begins']])
})

it('gives its place up when it is without a lease for long', async () => {
  const { state, duty, lease, since } = world()
  state.lease = lease(1n)
  await duty.step()
  since()
  state.lease = undefined
  await duty.step()
  state.nowMs += 900
  await duty.step()
  expect(since()).toEqual([])
  state.nowMs += 200
  await duty.step()
  await duty.step()
  expect(since()).toEqual(['ends'])
})

it('tells of a database that does not answer until it does', async () => {
  const { state, duty } = world()
  state.fault = new Error('the database cannot be reached: no answer')
  await expect(duty.step()).rejects.toBe(state.fault)
  expect(duty.check()).toEqual({ ok: false, reason: 'the database cannot be reached: no answer' })
  state.fault = undefined
  await duty.step()
  expect(duty.check()).toEqual({ ok: true })
})

it('is on at once, and for good, where the operator has one machine', async () => {
  const told: string[] = []
  const duty = createDuty({
    machine: undefined,
    sequencer: { head: { number: 0n } as never, readLog: async () => false, takeOver: async () => {} },
    begin: async () => void told.push('begins'),
    end: async () => void told.push('ends'),
    say: () => {},
  })
  expect(duty.isOn).toBe(false)
  for (let round = 0; round < 3; round++) expect(await duty.step()).toBeUndefined()
  expect([duty.isOn, told, duty.check()]).toEqual([true, ['begins'], { ok: true }])
})
