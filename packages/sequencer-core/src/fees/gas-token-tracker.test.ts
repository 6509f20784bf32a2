import type { Clock } from '@l2/common'
import { describe, expect, it } from 'vitest'
import type { GasTokenOracle, GasTokenPrice } from './gas-token.js'
import { fixedOracle, medianOracle } from './gas-token-oracles.js'
import { createGasTokenTracker, type ScalarEvent } from './gas-token-tracker.js'
import type { PriceEvent } from './price-feed.js'
import type { RecoveryEvent } from './recovery.js'

/** Time that moves when somebody sleeps, or is told to. */
function testClock(nowMs = 1_000_000): Clock & { nowMs: number } {
  const clock = {
    nowMs,
    now: () => clock.nowMs,
    sleep: async (ms: number, signal?: AbortSignal) => {
      await new Promise(resolve => setTimeout(resolve))
      signal?.throwIfAborted()
      clock.nowMs += ms
    },
  }
  return clock
}
const metis = { tokenUnits: 80n * 10n ** 18n, perWei: 10n ** 18n }
const usdc = { tokenUnits: 3_000_000_000n, perWei: 10n ** 18n }
const never: GasTokenOracle = { price: () => new Promise(() => {}) }
const failing = (message: string): GasTokenOracle => ({ price: () => Promise.reject(new Error(message)) })

describe('createGasTokenTracker', () => {
  it.each([
    [metis, 18, 1_680_000_000_000_000n, 110_000n],
    [usdc, 6, 63_000n, 4_125_000n],
  ])('prices costs and scalars in the gas token: %o of %d decimals', async (price, tokenDecimals, cost, scalar) => {
    const clock = testClock()
    const tracker = createGasTokenTracker(
      { tokenDecimals, marginBps: 1000n },
      { oracle: fixedOracle(price, { clock }), clock },
    )
    expect(() => tracker.price()).toThrow('no gas token price yet')
    await tracker.poll()
    expect(tracker.spent(21_000n * 10n ** 9n)).toBe(cost)
    expect(tracker.scalars({ baseFeeScalar: 1_250n, blobBaseFeeScalar: 0n }).baseFeeScalar).toBe(scalar)
    tracker.charged(cost / 2n)
    expect(tracker.view).toMatchObject({ totalRecoveryBps: -5000n, windowRecoveryBps: -5000n, ageSeconds: 0n })
  })

  it('outlives an oracle that fails, hangs, lies or talks nonsense, and says when the price is too old', async () => {
    const clock = testClock()
    const events: (PriceEvent | RecoveryEvent | ScalarEvent)[] = []
    let oracle: GasTokenOracle = fixedOracle(metis, { clock })
    const tracker = createGasTokenTracker(
      { tokenDecimals: 18, keepSeconds: 3600n },
      { oracle: { price: options => oracle.price(options) }, clock, onEvent: event => events.push(event) },
    )
    await tracker.poll()
    for (const bad of [
      failing('no route to https://user:secret@feed.example/key'),
      never,
      fixedOracle({ ...metis, tokenUnits: 1n }, { clock }),
      { price: async () => undefined as unknown as GasTokenPrice },
      { price: async () => ({ tokenUnits: '80', perWei: 1n, observedAtSeconds: 0n }) as unknown as GasTokenPrice },
      {
        price: () => {
          throw new Error('at once')
        },
      },
    ]) {
      oracle = bad
      await tracker.poll()
      expect(tracker.price().tokenUnits).toBe(metis.tokenUnits)
    }
    expect(events.map(({ type }) => type)).toEqual([
      'price-accepted',
      'oracle-failed',
      'oracle-failed',
      'price-refused',
      'oracle-failed',
      'price-refused',
      'oracle-failed',
    ])
    expect(events[1]).toMatchObject({ reason: 'no route to https://feed.example' })
    expect(events[2]).toMatchObject({ reason: 'no answer within 10000 ms' })
    expect(tracker.view.failures).toBe(6)
    clock.nowMs += 3_700_000
    await tracker.poll()
    expect(events.at(-1)!.type).toBe('price-expired')
    expect(() => tracker.scalars({ baseFeeScalar: 1n, blobBaseFeeScalar: 1n })).toThrow('s old, at most 3600')
    expect(() => tracker.spent(1n)).toThrow(expect.objectContaining({ code: 'PRICE_UNAVAILABLE', recovery: 'retry' }))
    oracle = fixedOracle(metis, { clock })
    await tracker.poll()
    expect(tracker.view.failures).toBe(0)
  })

  it('runs until it is told to stop, and adjusts the factor once a window', async () => {
    const clock = testClock()
    const stop = new AbortController()
    let polls = 0
    const changes: RecoveryEvent[] = []
    const oracle = fixedOracle(metis, { clock })
    const tracker = createGasTokenTracker(
      { tokenDecimals: 18, windowSeconds: 600n },
      {
        oracle: {
          price: options => {
            if (++polls === 25) stop.abort()
            return oracle.price(options)
          },
        },
        clock,
        onEvent: event => {
          if (event.type === 'factor-changed') changes.push(event)
          else if (event.type === 'price-accepted') tracker.charged(tracker.spent(10n ** 15n) / 2n)
        },
      },
    )
    await tracker.run({ signal: stop.signal })
    expect(polls).toBe(25)
    expect(changes.map(({ toBps }) => toBps)).toEqual([11_000n, 12_100n])
    await expect(tracker.poll({ signal: stop.signal })).rejects.toThrow()
  })

  it('charges on when a scalar is full, says so once, and has the operator fee take the rest', async () => {
    const clock = testClock()
    const events: string[] = []
    const price = { tokenUnits: 5_300_000_000n, perWei: 10n ** 18n }
    const tracker = createGasTokenTracker(
      { tokenDecimals: 6 },
      { oracle: fixedOracle(price, { clock }), clock, onEvent: event => events.push(event.type) },
    )
    await tracker.poll()
    const inEth = { baseFeeScalar: 1_368n, blobBaseFeeScalar: 810_949n }
    const market = { l1BaseFeeWei: 10n ** 9n, l1BlobBaseFeeWei: 10n ** 9n, daBytesPerTransaction: 100n } as const
    for (let i = 0; i < 2; i++) {
      expect(tracker.scalars(inEth)).toEqual({ baseFeeScalar: 7_250_400n, blobBaseFeeScalar: 4_294_967_295n })
    }
    expect(tracker.operatorFee(inEth, { ...market, fork: 'isthmus' })).toEqual({
      scalar: 0n,
      constant: 306_240_500_000n,
    })
    tracker.override({ ...price, tokenUnits: 3_000_000_000n, observedAtSeconds: 1000n })
    expect(tracker.scalars(inEth).blobBaseFeeScalar).toBe(2_432_847_000n)
    expect(tracker.operatorFee(inEth, { ...market, fork: 'jovian' })).toEqual({ scalar: 0n, constant: 0n })
    expect(events).toEqual(['price-accepted', 'scalars-clamped', 'price-accepted', 'scalars-fit'])
  })

  it('takes an operator at their word', async () => {
    const clock = testClock()
    const tracker = createGasTokenTracker({ tokenDecimals: 18 }, { oracle: fixedOracle(metis, { clock }), clock })
    await tracker.poll()
    const moved = { ...metis, tokenUnits: 800n * 10n ** 18n, observedAtSeconds: 1000n }
    tracker.override(moved)
    expect(tracker.price()).toBe(moved)
    expect(() => tracker.override({ ...moved, tokenUnits: 0n })).toThrow('refused')
    expect(tracker.price()).toBe(moved)
  })

  it('refuses options that cannot be', () => {
    const oracle = fixedOracle(metis)
    for (const options of [
      { tokenDecimals: 19 },
      { tokenDecimals: 18, pollMs: 0 },
      { tokenDecimals: 18, timeoutMs: -1 },
      { tokenDecimals: 18, keepSeconds: -1n },
    ]) {
      expect(() => createGasTokenTracker(options, { oracle })).toThrow(expect.objectContaining({ code: 'FEE_OPTIONS' }))
    }
  })
})

describe('medianOracle', () => {
  const clock = testClock()
  const at = (metisPerEth: bigint, observedAtSeconds = 1000n): GasTokenOracle => ({
    price: async () => ({ tokenUnits: metisPerEth * 10n ** 18n, perWei: 10n ** 18n, observedAtSeconds }),
  })
  const medianOf = (...oracles: GasTokenOracle[]) => medianOracle(oracles, {}, { clock: testClock() })

  it.each([
    ['one', [at(80n)], 80n],
    ['three, of which one is wrong', [at(1n), at(80n), at(81n)], 80n],
    ['four: the higher of the middle two', [at(90n), at(80n), at(81n), at(82n)], 82n],
    ['three, of which one hangs', [never, at(80n), at(81n)], 81n],
    ['three, of which one fails', [failing('no'), at(80n), at(79n)], 80n],
    ['three, of which one is stale', [at(500n, 1n - 3600n), at(80n), at(79n)], 80n],
    [
      'five, of which two are not positive and from the future',
      [at(0n), at(80n), at(79n), at(78n), at(9n, 2000n)],
      79n,
    ],
  ])('%s', async (_, oracles, expected) => {
    expect((await medianOf(...oracles).price()).tokenUnits).toBe(expected * 10n ** 18n)
  })

  it('is as old as the oldest answer', async () => {
    expect((await medianOf(at(80n), at(81n, 990n), at(82n)).price()).observedAtSeconds).toBe(990n)
  })

  it('asks for a quorum', async () => {
    await expect(medianOf(never, failing('no'), at(80n)).price()).rejects.toMatchObject({
      code: 'PRICE_UNAVAILABLE',
      details: { usable: 1, quorum: 2, oracles: 3 },
    })
    expect(() => medianOracle([], {}, { clock })).toThrow('"quorum"')
    expect(() => medianOracle([at(1n)], { quorum: 2 }, { clock })).toThrow('1 to 1')
  })

  it('ends with its signal', async () => {
    const stop = new AbortController()
    const asked = medianOf(never, never).price({ signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
  })
})
