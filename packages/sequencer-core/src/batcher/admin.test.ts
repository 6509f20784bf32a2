import { isL2Error } from '@l2/common'
import { describe, expect, it } from 'vitest'
import { batcherAdmin } from './admin.js'
import type { Batcher } from './batcher.js'
import { createStandstill } from './standstill.js'
import { createThrottleController } from './throttle-controller.js'

function harness(stopTimeoutMs?: number) {
  const standstill = createStandstill()
  const calls: string[] = []
  const batcher = {
    stop: standstill.stop,
    start: standstill.start,
    flush: () => calls.push('flush'),
    get view() {
      return { isStopped: standstill.isStopped, loadedBytes: 7_000_000, unsentBytes: 1_000_000, pendingSubmissions: 2 }
    },
  } as unknown as Batcher
  const throttle = createThrottleController()
  const methods = batcherAdmin({ stopTimeoutMs }, { batcher, throttle })
  const call = async (name: string, ...parameters: unknown[]): Promise<unknown> => {
    try {
      return await methods.get(`admin_${name}`)!(parameters)
    } catch (error) {
      return isL2Error(error) ? `${error.code}: ${error.shortMessage}` : error
    }
  }
  return { call, calls, throttle, standstill, methods }
}

const pid = { kp: 0.3, ki: 0.3, kd: 0.008, integral_max: 1000, output_max: 1, sample_time: '200ms' }

describe('batcherAdmin', () => {
  it('has the methods of op-batcher', () => {
    expect([...harness().methods.keys()]).toEqual([
      'admin_startBatcher',
      'admin_stopBatcher',
      'admin_flushBatcher',
      'admin_getThrottleController',
      'admin_setThrottleController',
      'admin_resetThrottleController',
    ])
  })

  it('starts what is stopped, stops and flushes what runs, and nothing else', async () => {
    const { call, calls, standstill } = harness()
    expect(await call('startBatcher')).toBe('BATCHER_STATE: the batcher is already running')
    expect(await call('flushBatcher')).toBeUndefined()
    const stopped = call('stopBatcher')
    expect(standstill.isStopped).toBe(true)
    standstill.reached()
    expect(await stopped).toBeUndefined()
    expect(await call('stopBatcher')).toBe('BATCHER_STATE: the batcher is not running')
    expect(await call('flushBatcher')).toBe('BATCHER_STATE: the batcher is not running')
    expect(await call('startBatcher')).toBeUndefined()
    expect(standstill.isStopped).toBe(false)
    expect(calls).toEqual(['flush'])
  })

  it('says what is still on its way when that takes too long, and who stops learns of a start', async () => {
    const { call, standstill } = harness(1)
    expect(await call('stopBatcher')).toBe(
      'BATCHER_STATE: the batcher is stopped, and 2 submissions are still on their way',
    )
    expect(standstill.isStopped).toBe(true)
    standstill.start()
    const patient = harness()
    const stopped = patient.call('stopBatcher')
    await patient.call('startBatcher')
    expect(await stopped).toBe('BATCHER_STATE: the batcher was started again')
  })

  it('shows throttling as op-batcher does', async () => {
    const { call, throttle } = harness()
    throttle.update(8_000_000)
    expect(await call('getThrottleController')).toEqual({
      type: 'quadratic',
      lower_threshold: 3_200_000,
      upper_threshold: 12_800_000,
      current_load: 8_000_000,
      intensity: 0.25,
      max_tx_size: 15_038,
      max_block_size: 98_000,
    })
    expect(await call('resetThrottleController')).toBeUndefined()
    expect(await call('getThrottleController')).toMatchObject({ intensity: 0, max_tx_size: 0, max_block_size: 130_000 })
  })

  it('sets the profile, and for PID all of its gains', async () => {
    const { call, throttle } = harness()
    expect(await call('setThrottleController', 'step', null)).toBeUndefined()
    expect(throttle.view.profile).toBe('step')
    expect(await call('setThrottleController', 'pid', pid)).toBeUndefined()
    expect(throttle.view.profile).toBe('pid')
    for (const sample_time of ['1s', '1.5s', '1m30s', '500us']) {
      expect(await call('setThrottleController', 'pid', { ...pid, sample_time })).toBeUndefined()
    }
    await call('setThrottleController', 'linear')
    const wrong: unknown[][] = [
      [],
      ['cubic'],
      [{ profile: 'step' }],
      ['pid'],
      ['pid', null],
      ['pid', { ...pid, kp: '0.3' }],
      ['pid', { ...pid, kp: -1 }],
      ['pid', { ...pid, gain: 1 }],
      ['pid', { ...pid, output_max: 2 }],
      ['pid', { ...pid, integral_max: undefined }],
      ...['', '5', 'soon', '-1s', '1d', 5].map(sample_time => ['pid', { ...pid, sample_time }]),
    ]
    for (const parameters of wrong) {
      expect(await call('setThrottleController', ...parameters)).toMatch(/^BATCHER_OPTIONS: /)
    }
    expect(throttle.view.profile).toBe('linear')
  })
})
