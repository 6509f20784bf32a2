import fc from 'fast-check'
import type { Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import {
  checkForcedInclusionRule,
  countDelay,
  defaultForcedInclusionRule,
  delayBufferAt,
  type ForcedInclusionRule,
  forcedDeadline,
  fullDelayBuffer,
} from './deadline.js'
import { entryDeadline, type QueueEntry, selectForced, verifyForced } from './queue.js'

const rule: ForcedInclusionRule = {
  windowSeconds: 1_000n,
  maxBufferSeconds: 2_000n,
  delayThresholdSeconds: 100n,
  replenishBps: 500n,
}
const hash = (n: number): Hash => `0x${(n + 1).toString(16).padStart(64, '0')}`
const entry = (index: number, enqueuedAtSeconds: bigint, bufferSeconds = 2_000n, gasLimit = 100n): QueueEntry => ({
  index: BigInt(index),
  enqueuedAtSeconds,
  bufferSeconds,
  hash: hash(index),
  gasLimit,
  transaction: undefined,
})

describe('forcedDeadline', () => {
  it('is the smaller of window and buffer after the entry', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 10n), fc.bigInt(0n, 5_000n), (enqueuedAt, buffer) => {
        const wait = forcedDeadline(enqueuedAt, rule, buffer) - enqueuedAt
        expect(wait <= rule.windowSeconds && wait <= buffer && (wait === buffer || wait === rule.windowSeconds)).toBe(
          true,
        )
      }),
    )
  })
})

describe('checkForcedInclusionRule', () => {
  it('takes the defaults and refuses figures that contradict each other', () => {
    expect(() => checkForcedInclusionRule(defaultForcedInclusionRule)).not.toThrow()
    const wrong: Partial<ForcedInclusionRule>[] = [
      { windowSeconds: 0n },
      { delayThresholdSeconds: 0n },
      { delayThresholdSeconds: 2_001n },
      { replenishBps: 10_001n },
      { replenishBps: -1n },
    ]
    for (const change of wrong) {
      expect(() => checkForcedInclusionRule({ ...rule, ...change })).toThrow(
        expect.objectContaining({ code: 'FORCED_RULE' }),
      )
    }
  })
})

describe('delay buffer', () => {
  it('costs a punctual sequencer nothing, stays within its bounds, and empties by no more than the time that passed', () => {
    const steps = fc.array(fc.tuple(fc.bigInt(0n, 3_000n), fc.bigInt(0n, 3_000n)), { maxLength: 40 })
    fc.assert(
      fc.property(steps, history => {
        let buffer = fullDelayBuffer(rule)
        let punctual = fullDelayBuffer(rule)
        let now = 1_000n
        for (const [gap, delay] of history) {
          const before = buffer.bufferSeconds
          now += gap
          buffer = countDelay(buffer, rule, now, now + delay)
          punctual = countDelay(punctual, rule, now, now + rule.delayThresholdSeconds)
          expect(punctual.bufferSeconds).toBe(rule.maxBufferSeconds)
          expect(buffer.bufferSeconds).toBeGreaterThanOrEqual(rule.delayThresholdSeconds)
          expect(buffer.bufferSeconds).toBeLessThanOrEqual(rule.maxBufferSeconds)
          expect(before - buffer.bufferSeconds).toBeLessThanOrEqual(gap)
        }
      }),
    )
  })

  it('is used up by steady delay and filled again by punctual time', () => {
    let buffer = fullDelayBuffer(rule)
    let now = 0n
    for (let i = 0; i < 5; i++, now += 500n) buffer = countDelay(buffer, rule, now, now + 900n)
    // Each step of 500 s gains 25 s and loses 500 s.
    expect(buffer.bufferSeconds).toBe(2_000n - 4n * 475n)
    expect(delayBufferAt(buffer, rule, now)).toBe(rule.delayThresholdSeconds)
    for (let i = 0; i < 100; i++, now += 500n) buffer = countDelay(buffer, rule, now, now)
    expect(buffer.bufferSeconds).toBe(rule.maxBufferSeconds)
  })
})

describe('selectForced', () => {
  const options = { rule, timestamp: 5_000n, gasLimit: 250n }

  it('takes entries in queue order while their gas fits', () => {
    expect(selectForced([], options)).toEqual([])
    expect(
      selectForced(
        [0, 1, 2].map(i => entry(i, 4_000n)),
        options,
      ).map(e => e.index),
    ).toEqual([0n, 1n])
    // A big entry is not overtaken by a small one: the queue is an order, not a set.
    expect(selectForced([entry(0, 4_000n, 2_000n, 300n), entry(1, 4_000n)], options)).toEqual([])
  })

  it('waits for the wanted part of the window, and never beyond half of it', () => {
    const at = (timestamp: bigint, earlyBps: bigint) =>
      selectForced([entry(0, 4_000n)], { ...options, timestamp, earlyBps }).length
    expect([at(4_249n, 2_500n), at(4_250n, 2_500n)]).toEqual([0, 1])
    expect([at(4_499n, 5_000n), at(4_500n, 5_000n)]).toEqual([0, 1])
    expect([at(4_499n, 10_000n), at(4_500n, 10_000n)]).toEqual([0, 1])
    expect([at(3_999n, 0n), at(4_000n, 0n)]).toEqual([0, 1])
  })
})

describe('verifyForced', () => {
  const block = { gasLimit: 1_000n, forcedBefore: 0n, forcedUpTo: 0n, transactions: [] as Hash[] }
  const rules = (violations: readonly { rule: string }[]) => violations.map(violation => violation.rule)

  it('finds an overdue entry at its deadline, and not a second before', () => {
    const waiting = [entry(0, 4_000n)]
    const judge = (timestamp: bigint) => rules(verifyForced({ ...block, timestamp }, rule, { waiting }))
    expect(judge(4_999n)).toEqual([])
    expect(judge(5_000n)).toEqual(['forced/overdue'])
    expect(judge(5_001n)).toEqual(['forced/overdue'])
    expect(verifyForced({ ...block, timestamp: 5_000n }, rule, { waiting, excused: new Set([hash(0)]) })).toEqual([])
  })

  it('lets a used-up buffer bring the deadline nearer', () => {
    const waiting = [entry(0, 4_000n, 100n)]
    expect(rules(verifyForced({ ...block, timestamp: 4_100n }, rule, { waiting }))).toEqual(['forced/overdue'])
    expect(verifyForced({ ...block, timestamp: 4_099n }, rule, { waiting })).toEqual([])
  })

  it('finds what is counted and not there, and what is there in another order', () => {
    const waiting = [entry(0, 4_000n), entry(1, 4_000n), entry(2, 4_000n)]
    const judge = (transactions: Hash[], forcedUpTo: bigint) =>
      rules(verifyForced({ ...block, timestamp: 4_500n, transactions, forcedUpTo }, rule, { waiting }))
    expect(judge([hash(0), hash(1)], 2n)).toEqual([])
    expect(judge([hash(9), hash(0), hash(1)], 2n)).toEqual([])
    expect(judge([hash(0)], 2n)).toEqual(['forced/missing'])
    expect(judge([hash(1), hash(0)], 2n)).toEqual(['forced/order'])
    expect(judge([hash(0)], 4n)).toEqual(['forced/counter', 'forced/missing', 'forced/missing'])
    expect(
      rules(verifyForced({ ...block, timestamp: 1n, forcedBefore: 3n, forcedUpTo: 2n }, rule, { waiting: [] })),
    ).toEqual(['forced/counter'])
  })

  it('excuses by gas only what forced entries before it have filled', () => {
    const waiting = [entry(0, 4_000n, 2_000n, 600n), entry(1, 4_000n, 2_000n, 600n)]
    const late = { ...block, timestamp: 6_000n }
    expect(verifyForced({ ...late, forcedUpTo: 1n, transactions: [hash(0)] }, rule, { waiting })).toEqual([])
    expect(rules(verifyForced({ ...late, transactions: [hash(8)] }, rule, { waiting }))).toEqual(['forced/overdue'])
  })

  it('acquits whatever the builder selects, and convicts the block that leaves one of the due ones out', () => {
    const queue = fc.array(fc.tuple(fc.bigInt(0n, 500n), fc.bigInt(100n, 2_000n), fc.bigInt(1n, 400n)), {
      maxLength: 12,
    })
    fc.assert(
      fc.property(queue, fc.bigInt(0n, 6_000n), fc.bigInt(0n, 5_000n), (items, timestamp, earlyBps) => {
        let now = 0n
        const waiting = items.map(([gap, buffer, gas], index) => entry(index, (now += gap), buffer, gas))
        const selected = selectForced(waiting, { rule, timestamp, gasLimit: block.gasLimit, earlyBps })
        const built = {
          ...block,
          timestamp,
          transactions: selected.map(item => item.hash),
          forcedUpTo: BigInt(selected.length),
        }
        // An entry behind one that is not due yet can be due itself when its buffer is smaller: then the queue before it is due as well.
        const due = waiting.map(item => timestamp >= entryDeadline(item, rule)).lastIndexOf(true)
        const early = selectForced(waiting, { rule, timestamp, gasLimit: block.gasLimit })
        if (early.length === selected.length || due < selected.length) {
          expect(verifyForced(built, rule, { waiting })).toEqual([])
        }
        const last = selected.at(-1)
        if (last !== undefined && timestamp >= entryDeadline(last, rule)) {
          const censored = {
            ...built,
            transactions: built.transactions.slice(0, -1),
            forcedUpTo: built.forcedUpTo - 1n,
          }
          expect(verifyForced(censored, rule, { waiting }).map(violation => violation.rule)).toContain('forced/overdue')
        }
      }),
    )
  })
})
