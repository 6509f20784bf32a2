import { isL2Error } from '@l2/common'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GasTokenPrice } from './gas-token.js'
import { applyPrice, createPriceFeed, currentPrice, type PriceCommand } from './price-feed.js'

const metis: GasTokenPrice = { tokenUnits: 80n * 10n ** 18n, perWei: 10n ** 18n, observedAtSeconds: 1000n }
const at = (metisPerEth: bigint, observedAtSeconds: bigint): GasTokenPrice => ({
  tokenUnits: metisPerEth * 10n ** 18n,
  perWei: 10n ** 18n,
  observedAtSeconds,
})
const codeOf = (call: () => unknown): unknown => {
  try {
    call()
  } catch (error) {
    return isL2Error(error) ? [error.code, error.details['reason'] ?? error.details['field']] : error
  }
  return undefined
}

describe('applyPrice', () => {
  it('keeps the last accepted price through refusals and failures, says each, and expires once', () => {
    let feed = createPriceFeed({ keepSeconds: 7200n })
    const types: string[] = []
    const say = (command: PriceCommand): void => {
      const next = applyPrice(feed, command)
      feed = next.feed
      types.push(...next.events.map(event => `${event.type}${'failures' in event ? ` ${event.failures}` : ''}`))
    }
    say({ type: 'observed', price: metis, nowSeconds: 1000n })
    say({ type: 'observed', price: at(200n, 1060n), nowSeconds: 1060n })
    say({ type: 'failed', reason: 'down', nowSeconds: 1120n })
    expect(currentPrice(feed, 8200n)).toBe(metis)
    say({ type: 'failed', reason: 'down', nowSeconds: 8201n })
    say({ type: 'failed', reason: 'down', nowSeconds: 9000n })
    expect(codeOf(() => currentPrice(feed, 9000n))).toEqual(['PRICE_UNAVAILABLE', 'expired'])
    // The market did move: an operator says so, and the feed goes on from there.
    say({ type: 'override', price: at(200n, 9000n), nowSeconds: 9000n })
    expect(currentPrice(feed, 9060n).tokenUnits).toBe(200n * 10n ** 18n)
    say({ type: 'observed', price: at(201n, 9060n), nowSeconds: 9060n })
    expect(types).toEqual([
      'price-accepted',
      'price-refused 1',
      'oracle-failed 2',
      'oracle-failed 3',
      'price-expired',
      'oracle-failed 4',
      'price-accepted',
      'price-accepted',
    ])
    expect(feed.failures).toBe(0)
  })

  it('never moves further than the limit from one accepted price to the next, and changes nothing on an error', () => {
    const command: fc.Arbitrary<PriceCommand> = fc
      .tuple(fc.bigInt(-5n, 10n ** 6n), fc.bigInt(-5n, 5n), fc.bigInt(0n, 10_000n), fc.bigInt(0n, 5000n), fc.nat(9))
      .map(([tokenUnits, perWei, observedAtSeconds, age, kind]) => {
        const nowSeconds = observedAtSeconds + age
        const price = { tokenUnits, perWei, observedAtSeconds }
        if (kind === 0) return { type: 'failed', reason: 'down', nowSeconds }
        return { type: kind === 1 ? 'override' : 'observed', price, nowSeconds }
      })
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), commands => {
        let feed = createPriceFeed()
        for (const one of commands) {
          const before = structuredClone(feed)
          try {
            const { feed: next, events } = applyPrice(feed, one)
            expect(feed).toEqual(before)
            for (const event of events) {
              if (event.type !== 'price-accepted') continue
              const { price, previous } = event
              expect(price.tokenUnits > 0n && price.perWei > 0n).toBe(true)
              if (one.type === 'override' || previous === undefined) continue
              const a = price.tokenUnits * previous.perWei
              const b = previous.tokenUnits * price.perWei
              expect((a > b ? a - b : b - a) * 2n).toBeLessThanOrEqual(b)
            }
            feed = next
          } catch (error) {
            expect(one.type).toBe('override')
            expect(isL2Error(error, 'PRICE_REFUSED')).toBe(true)
            expect(feed).toEqual(before)
          }
        }
      }),
    )
  })

  it('holds the limit over time: a lying oracle moves it no further in ten answers than in one', () => {
    const usdc = (dollars: bigint, observedAtSeconds: bigint) => ({
      tokenUnits: dollars * 10n ** 6n,
      perWei: 10n ** 18n,
      observedAtSeconds,
    })
    let feed = createPriceFeed()
    const say = (price: GasTokenPrice): string => {
      const next = applyPrice(feed, { type: 'observed', price, nowSeconds: price.observedAtSeconds })
      feed = next.feed
      return next.events[0]!.type
    }
    let now = 1_000_000n
    say(usdc(3000n, now))
    for (let i = 0; i < 10; i++) {
      now += 60n
      const { tokenUnits } = feed.price!
      say({ ...usdc(0n, now), tokenUnits: tokenUnits / 2n + 1n })
    }
    expect(feed.price!.tokenUnits).toBe(1_500_000_001n)
    // Up from the low of the hour is bounded, too, and after the hour it goes on from where it stands.
    expect(say(usdc(2300n, now + 60n))).toBe('price-refused')
    expect(say(usdc(2200n, now + 120n))).toBe('price-accepted')
    expect(say(usdc(1100n, now + 180n))).toBe('price-refused')
    expect(say(usdc(1100n, now + 3721n))).toBe('price-accepted')
  })

  it('over any stretch of the limit’s time, all accepted prices lie within the limit of each other', () => {
    const step = fc.tuple(fc.bigInt(1n, 4n), fc.bigInt(1n, 4n), fc.bigInt(0n, 400n))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), steps => {
        let feed = createPriceFeed({
          limits: { maxAgeSeconds: 3600n, maxDeviationBps: 3000n, deviationSeconds: 3600n },
        })
        const accepted: GasTokenPrice[] = []
        let nowSeconds = 10_000n
        let tokenUnits = 1_000_000n
        for (const [up, down, seconds] of steps) {
          nowSeconds += seconds
          const price = {
            tokenUnits: (tokenUnits * (8n + up)) / (8n + down),
            perWei: 10n ** 6n,
            observedAtSeconds: nowSeconds,
          }
          const { feed: next, events } = applyPrice(feed, { type: 'observed', price, nowSeconds })
          feed = next
          if (events[0]!.type !== 'price-accepted') continue
          tokenUnits = price.tokenUnits
          for (const before of accepted) {
            if (nowSeconds - before.observedAtSeconds >= 3600n) continue
            const gap = tokenUnits > before.tokenUnits ? tokenUnits - before.tokenUnits : before.tokenUnits - tokenUnits
            expect(gap * 10_000n).toBeLessThanOrEqual(before.tokenUnits * 3000n)
          }
          accepted.push(price)
        }
        expect(feed.recent.length).toBeLessThanOrEqual(102)
        // Kept sparsely, and none is refused that all of them would let pass: a price equal to the last one always is.
        if (feed.price !== undefined) {
          const same = { ...feed.price, observedAtSeconds: nowSeconds }
          expect(applyPrice(feed, { type: 'observed', price: same, nowSeconds }).events[0]!.type).toBe('price-accepted')
        }
      }),
    )
  })

  it('refuses options that cannot be', () => {
    expect(codeOf(() => createPriceFeed({ keepSeconds: -1n }))).toEqual(['FEE_OPTIONS', 'keepSeconds'])
    expect(codeOf(() => createPriceFeed({ price: at(0n, 0n) }))).toMatchObject(['FEE_OPTIONS', undefined])
    expect(codeOf(() => currentPrice(createPriceFeed(), 0n))).toEqual(['PRICE_UNAVAILABLE', 'none'])
  })
})
