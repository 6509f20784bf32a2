import { hexToBytes } from '@l2/common'
import type { Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import type { SingularBatch, SpanBatch, SpanBlock } from '../batch/types.js'
import { simulatedRollup, simulatedTransaction } from '../testing/l2-simulator.js'
import {
  type BatchContext,
  type BatchReason,
  type BatchVerdict,
  checkOverlappedBlock,
  checkSingularBatch,
  checkSpanBlocks,
  checkSpanPrefix,
  type SafeBlock,
  spanBlocks,
  spanFacts,
  spanParentNumber,
} from './batch-check.js'
import { createJudge } from './batch-queue.js'
import type { ForkSchedule } from './fork-schedule.js'
import type { L1BlockRef } from './l1.js'
import type { L2BlockRef } from './l2.js'

const hash = (n: bigint): Hash => `0x${n.toString(16).padStart(4, '0').repeat(16)}`
/** L1 blocks every 12 s; block 100 at second 1000. */
const l1 = (number: bigint, timestamp = 1000n + (number - 100n) * 12n): L1BlockRef => ({
  number,
  hash: hash(number),
  parentHash: hash(number - 1n),
  timestamp,
})
/** L2 blocks every 2 s; block 0 at second 1000. */
const l2 = (number: bigint, origin: bigint): L2BlockRef => ({
  number,
  hash: hash(0x5000n + number),
  parentHash: hash(0x4fffn + number),
  timestamp: 1000n + 2n * number,
  l1Origin: { number: origin, hash: hash(origin) },
  sequenceNumber: 0n,
})

const bedrock: ForkSchedule = { regolith: 0n, canyon: 0n, delta: 0n }
const holocene: ForkSchedule = { holocene: 0n }
const window = [l1(100n), l1(101n), l1(102n), l1(103n)]
const safe = l2(10n, 100n)
const tx = Uint8Array.of(0xc0)

function context(forks: ForkSchedule, change: Partial<BatchContext> = {}): BatchContext {
  return { config: simulatedRollup({ forks }), l1Blocks: window, safe, inclusion: l1(103n), ...change }
}
const verdictOf = (verdict: BatchVerdict): string =>
  verdict.verdict === 'accept' ? 'accept' : `${verdict.verdict} ${verdict.reason}`

const singular: SingularBatch = {
  type: 'singular',
  parentHash: safe.hash,
  epochNumber: 101n,
  epochHash: hash(101n),
  timestamp: 1022n,
  transactions: [tx],
}

describe('checkSingularBatch', () => {
  const check = (batch: Partial<SingularBatch>, change: Partial<BatchContext> = {}, forks = holocene): string =>
    verdictOf(checkSingularBatch(context(forks, change), { ...singular, ...batch }))
  const stay = { epochNumber: 100n, epochHash: hash(100n) }

  it('accepts the next block on its parent or the next origin', () => {
    expect(check({})).toBe('accept')
    expect(check(stay)).toBe('accept')
    expect(check(stay, {}, bedrock)).toBe('accept')
  })

  it('no-l1-block', () => expect(check({}, { l1Blocks: [] })).toBe('undecided no-l1-block'))

  it('timestamp-in-future: kept before Holocene, dropped from it', () => {
    expect(check({ timestamp: 1024n }, {}, bedrock)).toBe('future timestamp-in-future')
    expect(check({ timestamp: 1024n })).toBe('drop timestamp-in-future')
  })

  it('timestamp-in-past: dropped before Holocene, passed over from it', () => {
    expect(check({ timestamp: 1020n }, {}, bedrock)).toBe('drop timestamp-in-past')
    expect(check({ timestamp: 1020n })).toBe('past timestamp-in-past')
  })

  it('decides about Holocene by the time of the inclusion block', () => {
    const forks: ForkSchedule = { ...bedrock, holocene: 1050n }
    expect(check({ timestamp: 1024n }, { inclusion: l1(104n, 1049n) }, forks)).toBe('future timestamp-in-future')
    expect(check({ timestamp: 1024n }, { inclusion: l1(104n, 1050n) }, forks)).toBe('drop timestamp-in-future')
  })

  it('parent-mismatch', () => expect(check({ parentHash: hash(1n) })).toBe('drop parent-mismatch'))

  it('sequencing-window-expired: strictly after the window', () => {
    expect(check({}, { inclusion: l1(121n) })).toBe('accept')
    expect(check({}, { inclusion: l1(122n) })).toBe('drop sequencing-window-expired')
  })

  it('epoch-too-old', () => {
    expect(check({ epochNumber: 99n })).toBe('drop epoch-too-old')
    // The queue has gone on to the next epoch already.
    expect(check(stay, { l1Blocks: window.slice(1) })).toBe('drop epoch-too-old')
  })

  it('epoch-too-far', () => {
    expect(check({ epochNumber: 102n, epochHash: hash(102n) })).toBe('drop epoch-too-far')
    expect(check({ epochNumber: 102n, epochHash: hash(102n) }, { l1Blocks: window.slice(1) })).toBe(
      'drop epoch-too-far',
    )
  })

  it('epoch-unknown', () => expect(check({}, { l1Blocks: [l1(100n)] })).toBe('undecided epoch-unknown'))

  it('epoch-hash-mismatch', () => {
    expect(check({ epochHash: hash(100n) })).toBe('drop epoch-hash-mismatch')
    expect(check({ ...stay, epochHash: hash(101n) })).toBe('drop epoch-hash-mismatch')
  })

  it('timestamp-before-origin', () => {
    expect(check({}, { l1Blocks: [l1(100n), l1(101n, 1023n)] })).toBe('drop timestamp-before-origin')
    expect(check({}, { l1Blocks: [l1(100n), l1(101n, 1022n)] })).toBe('accept')
  })

  // Drift of 600 s before Fjord: an origin at second 421 allows blocks up to 1021.
  const late = [l1(100n, 421n), l1(101n, 1020n)]
  const early = [l1(100n, 421n), l1(101n, 1030n)]
  it('drift-exceeded', () => {
    expect(check(stay, { l1Blocks: late }, bedrock)).toBe('drop drift-exceeded')
    expect(check(stay, { l1Blocks: [l1(100n, 422n), l1(101n)] }, bedrock)).toBe('accept')
  })
  it('allows 1800 s from Fjord, by the time of the origin', () => {
    expect(check(stay, { l1Blocks: late }, { ...bedrock, fjord: 421n })).toBe('accept')
    expect(check(stay, { l1Blocks: late }, { ...bedrock, fjord: 422n })).toBe('drop drift-exceeded')
  })
  it('drift-origin-not-adopted', () => {
    expect(check({ ...stay, transactions: [] }, { l1Blocks: late }, bedrock)).toBe('drop drift-origin-not-adopted')
    expect(check({ ...stay, transactions: [] }, { l1Blocks: early }, bedrock)).toBe('accept')
  })
  it('drift-origin-unknown', () => {
    expect(check({ ...stay, transactions: [] }, { l1Blocks: [late[0]!] }, bedrock)).toBe(
      'undecided drift-origin-unknown',
    )
  })
  it('lets an empty block that adopts the next origin drift', () => {
    const blocks = [l1(100n, 400n), l1(101n, 410n)]
    expect(check({ transactions: [] }, { l1Blocks: blocks }, bedrock)).toBe('accept')
    expect(check({}, { l1Blocks: blocks }, bedrock)).toBe('drop drift-exceeded')
  })

  it('transactions-in-upgrade-block: Jovian only', () => {
    const jovian: ForkSchedule = { ...holocene, isthmus: 0n, jovian: 1022n }
    expect(check({}, {}, jovian)).toBe('drop transactions-in-upgrade-block')
    expect(check({ transactions: [] }, {}, jovian)).toBe('accept')
    for (const fork of ['karst', 'lagoon'] as const) {
      const upgrade: ForkSchedule = { ...holocene, jovian: 0n, [fork]: 1022n }
      expect(check({}, {}, upgrade)).toBe('drop transactions-in-upgrade-block')
      expect(check({ transactions: [] }, {}, upgrade)).toBe('accept')
    }
    const postExec = { transactions: [Uint8Array.of(0x7d, 0xc0)] }
    expect(check(postExec, {}, { ...holocene, karst: 0n })).toBe('drop post-exec-before-lagoon')
    expect(check(postExec, {}, { ...holocene, lagoon: 0n })).toBe('accept')
    expect(check({}, {}, { ...holocene, isthmus: 1022n })).toBe('accept')
  })

  it('empty-transaction', () => expect(check({ transactions: [tx, new Uint8Array()] })).toBe('drop empty-transaction'))
  it('deposit-transaction', () =>
    expect(check({ transactions: [tx, Uint8Array.of(0x7e)] })).toBe('drop deposit-transaction'))
  it('set-code-before-isthmus, by the time of the block', () => {
    const transactions = [Uint8Array.of(4, 0xc0)]
    expect(check({ transactions })).toBe('drop set-code-before-isthmus')
    expect(check({ transactions }, {}, { isthmus: 1022n })).toBe('accept')
    expect(check({ transactions }, {}, { holocene: 0n, isthmus: 1023n })).toBe('drop set-code-before-isthmus')
  })
  it('leaves types that it does not know to the engine', () => {
    expect(check({ transactions: [Uint8Array.of(3), Uint8Array.of(0x55)] })).toBe('accept')
  })
})

/** A span of `origins.length` blocks beginning at L2 block `first`. */
function span(
  first: bigint,
  origins: readonly bigint[],
  change: Partial<SpanBatch> = {},
  txs: Uint8Array[] = [tx],
): SpanBatch {
  const last = origins.at(-1)!
  const blocks = origins.map(
    (origin, i): SpanBlock => ({ originAdvanced: i === 0 ? false : origin > origins[i - 1]!, transactions: txs }),
  )
  return {
    type: 'span',
    relTimestamp: 2n * first,
    l1OriginNumber: last,
    parentCheck: hexToBytes(l2(first - 1n, 100n).hash)!.slice(0, 20),
    l1OriginCheck: hexToBytes(hash(last))!.slice(0, 20),
    blocks,
    ...change,
  }
}

describe('checkSpanPrefix', () => {
  const check = (batch: SpanBatch, change: Partial<BatchContext> = {}, forks = holocene): string => {
    const from = context(forks, change)
    const facts = spanFacts(batch, from.config)
    const number = spanParentNumber(from, facts)
    const parent =
      number === undefined || number < 0n ? undefined : number === from.safe.number ? from.safe : l2(number, 100n)
    return verdictOf(checkSpanPrefix(from, batch, facts, parent))
  }

  it('accepts a span that continues or overlaps the safe head', () => {
    expect(check(span(11n, [100n, 101n, 101n]))).toBe('accept')
    expect(check(span(9n, [100n, 100n, 101n]))).toBe('accept')
    expect(check(span(9n, [100n, 100n, 101n]), {}, bedrock)).toBe('accept')
  })

  const cases: [BatchReason | 'misc', string, () => string][] = [
    ['no-l1-block', 'undecided', () => check(span(11n, [100n]), { l1Blocks: [] })],
    ['epoch-unknown', 'undecided', () => check(span(11n, [101n]), { l1Blocks: [l1(100n)] })],
    ['epoch-unknown', 'undecided', () => check(span(11n, [100n, 101n, 102n, 103n, 104n]))],
    ['span-before-delta', 'drop', () => check(span(11n, [100n]), {}, { regolith: 0n, delta: 1001n })],
    ['timestamp-in-future', 'drop', () => check(span(12n, [100n]))],
    ['timestamp-in-future', 'future', () => check(span(12n, [100n]), {}, bedrock)],
    ['timestamp-in-past', 'past', () => check(span(9n, [100n, 100n]))],
    ['timestamp-in-past', 'drop', () => check(span(9n, [100n, 100n]), {}, bedrock)],
    ['timestamp-misaligned', 'drop', () => check(span(10n, [100n, 100n, 100n], { relTimestamp: 21n }))],
    ['timestamp-misaligned', 'drop', () => check(span(9n, [100n, 100n, 100n, 100n], { relTimestamp: 17n }))],
    ['parent-mismatch', 'drop', () => check(span(11n, [100n], { parentCheck: new Uint8Array(20) }))],
    ['parent-mismatch', 'drop', () => check(span(9n, [100n, 100n, 100n], { parentCheck: new Uint8Array(20) }))],
    ['sequencing-window-expired', 'drop', () => check(span(11n, [100n]), { inclusion: l1(121n) })],
    ['epoch-too-far', 'drop', () => check(span(11n, [102n]))],
    ['epoch-hash-mismatch', 'drop', () => check(span(11n, [100n, 101n], { l1OriginCheck: new Uint8Array(20) }))],
    ['epoch-too-old', 'drop', () => check(span(11n, [99n, 100n]))],
    [
      'l2-block-unknown',
      'undecided',
      () => {
        const from = context(holocene)
        const batch = span(9n, [100n, 100n, 101n])
        return verdictOf(checkSpanPrefix(from, batch, spanFacts(batch, from.config), undefined))
      },
    ],
  ]
  it.each(cases)('%s → %s', (reason, verdict, run) => expect(run()).toBe(`${verdict} ${reason}`))

  it('includes the last block of the window', () => {
    expect(check(span(11n, [100n]), { inclusion: l1(120n) })).toBe('accept')
  })

  it('reads 64-bit numbers as op-node does: modulo 2^64', () => {
    // A relative timestamp that wraps lies before genesis, so the span says nothing new.
    expect(check(span(11n, [100n], { relTimestamp: 2n ** 64n - 1n }))).toBe('past timestamp-in-past')
    // More origin changes than there are L1 blocks: the first epoch wraps to a number far ahead.
    const many = span(11n, [100n, 101n, 102n], { l1OriginNumber: 1n, l1OriginCheck: new Uint8Array(20) })
    expect(spanFacts(many, context(holocene).config).startEpoch).toBe(2n ** 64n - 1n)
    expect(check(many)).toBe('drop epoch-too-far')
  })
})

describe('checkSpanBlocks', () => {
  const check = (batch: SpanBatch, change: Partial<BatchContext> = {}, forks = bedrock): string => {
    const from = context(forks, change)
    const facts = spanFacts(batch, from.config)
    const parent = l2(spanParentNumber(from, facts)!, 100n)
    return verdictOf(checkSpanBlocks(from, batch, facts, parent))
  }
  const drifting = [l1(100n, 421n), l1(101n, 1026n), l1(102n)]

  it('accepts valid blocks, and does not look at overlapped ones', () => {
    expect(check(span(11n, [100n, 101n, 101n, 102n]))).toBe('accept')
    const overlapping = span(9n, [100n, 100n, 101n])
    const blocks = overlapping.blocks.map((block, i) =>
      i < 2 ? { ...block, transactions: [new Uint8Array()] } : block,
    )
    expect(check({ ...overlapping, blocks })).toBe('accept')
  })

  it.each<[BatchReason, string, () => string]>([
    ['no-l1-block', 'undecided', () => check(span(11n, [100n]), { l1Blocks: [] })],
    ['epoch-too-old', 'drop', () => check(span(11n, [100n]), { l1Blocks: window.slice(1) })],
    ['epoch-unknown', 'undecided', () => check(span(11n, [101n]), { l1Blocks: [l1(100n)] })],
    [
      'timestamp-before-origin',
      'drop',
      () => check(span(11n, [100n, 101n, 102n]), { l1Blocks: [l1(100n), l1(101n, 1023n), l1(102n, 1027n)] }),
    ],
    ['drift-exceeded', 'drop', () => check(span(11n, [100n]), { l1Blocks: drifting })],
    // Empty blocks may run ahead until second 1026, when the next origin could be adopted.
    ['drift-origin-not-adopted', 'drop', () => check(span(11n, [100n, 100n, 100n], {}, []), { l1Blocks: drifting })],
    ['drift-origin-unknown', 'undecided', () => check(span(11n, [100n], {}, []), { l1Blocks: drifting.slice(0, 1) })],
    ['empty-transaction', 'drop', () => check(span(11n, [100n], {}, [new Uint8Array()]))],
    ['deposit-transaction', 'drop', () => check(span(11n, [100n], {}, [Uint8Array.of(0x7e)]))],
    ['set-code-before-isthmus', 'drop', () => check(span(11n, [100n], {}, [Uint8Array.of(4)]))],
    ['transactions-in-upgrade-block', 'drop', () => check(span(11n, [100n, 100n]), {}, { ...bedrock, jovian: 1024n })],
  ])('%s → %s', (reason, verdict, run) => expect(run()).toBe(`${verdict} ${reason}`))

  it('allows empty blocks ahead of a late L1 block', () => {
    expect(check(span(11n, [100n, 100n], {}, []), { l1Blocks: drifting })).toBe('accept')
    expect(check(span(11n, [100n, 100n, 101n], {}, []), { l1Blocks: drifting })).toBe('accept')
  })

  it('asks of the first block whether it advanced by the parent, not by its bit', () => {
    const blocks = [l1(100n, 400n), l1(101n, 410n)]
    const flagged = span(11n, [101n], { blocks: [{ originAdvanced: false, transactions: [] }] })
    expect(check(flagged, { l1Blocks: blocks })).toBe('accept')
    const staying = span(11n, [100n], { blocks: [{ originAdvanced: true, transactions: [] }] })
    expect(check(staying, { l1Blocks: blocks })).toBe('drop drift-origin-not-adopted')
  })
})

describe('createJudge', () => {
  it('asks for no block because of a span that came too late: an old one may not be there any more', () => {
    for (const forks of [bedrock, holocene]) {
      const { config, ...from } = context(forks)
      const judge = createJudge(config, { batch: span(9n, [100n, 100n, 101n]), inclusion: l1(121n) })
      const judgement = judge.judge(from, () => 'unread')
      expect(judgement).toMatchObject({ verdict: { verdict: 'drop', reason: 'sequencing-window-expired' } })
    }
  })

  it('walks a long overlap once, however many of its blocks it has to ask for', () => {
    for (const forks of [bedrock, holocene]) {
      const { config, ...from } = context(forks, { safe: l2(400n, 100n) })
      let read = 0
      const batch = span(1n, [...Array.from({ length: 400 }, () => 100n), 101n], {}, [])
      const blocks = batch.blocks.map(({ originAdvanced }) => ({
        transactions: [],
        get originAdvanced() {
          read++
          return originAdvanced
        },
      }))
      const judge = createJudge(config, { batch: { ...batch, blocks }, inclusion: from.inclusion })
      const known = new Map<bigint, SafeBlock>()
      let asked = 0
      for (;;) {
        const judgement = judge.judge(from, number => known.get(number) ?? 'unread')
        if (judgement.type === 'verdict') break
        asked++
        known.set(judgement.number, { ref: l2(judgement.number, 100n), transactions: [] })
      }
      expect(asked).toBeGreaterThan(300)
      expect(read).toBeLessThan(10 * blocks.length)
    }
  })
})

describe('checkOverlappedBlock', () => {
  const config = simulatedRollup()
  const txs = [simulatedTransaction(config, 1n), simulatedTransaction(config, 2n)]
  const batch = span(10n, [100n, 101n], {}, txs)
  const [block] = [...spanBlocks(batch, spanFacts(batch, config), config, l2(9n, 100n))]
  const deposits = [Uint8Array.of(0x7e, 1), Uint8Array.of(0x7e, 2)]
  const check = (transactions: Uint8Array[], ref = l2(10n, 100n)): string =>
    verdictOf(checkOverlappedBlock(block!, { ref, transactions }))

  it('wants the same transactions behind the deposits, and the same origin', () => {
    expect(check([...deposits, ...txs])).toBe('accept')
    expect(check([...deposits, ...txs.slice(1)])).toBe('drop overlap-transactions-mismatch')
    expect(check([...deposits, txs[1]!, txs[0]!])).toBe('drop overlap-transactions-mismatch')
    expect(check([...deposits, ...txs], l2(10n, 99n))).toBe('drop overlap-epoch-mismatch')
  })
})
