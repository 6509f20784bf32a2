import { runs } from '@l2/common/testing'
import { type BatchBlock, encodeBatcherTransaction, toSingularBatch, toSpanBatch } from '@l2/sequencer-core/batch'
import {
  createL1Simulator,
  createSequencerSimulator,
  framesOfBatches,
  framesOfStream,
  simulatedRollup,
  simulatedTransaction,
} from '@l2/sequencer-core/testing'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { carriesBlocks, maxDataBytes } from './carries.js'

const config = simulatedRollup({ sequencingWindowBlocks: 200n })
const rollup = { genesisTimeSeconds: config.genesis.l2TimeSeconds }
const blocks: readonly BatchBlock[] = (() => {
  const l1 = createL1Simulator({ config, sign: false })
  const sequencer = createSequencerSimulator({ config, l1 })
  for (let at = 0; at < 12; at++) {
    if (at % 5 === 0) l1.mine()
    sequencer.build(at % 3 === 0 ? [] : [simulatedTransaction(config, BigInt(at), 120)])
  }
  return sequencer.blocks.map(({ batch }) => batch)
})()

const channel = (byte: number) => `0x${byte.toString(16).padStart(2, '0').repeat(16)}` as const
const spanOf = (first: number, last: number) => toSpanBatch(blocks.slice(first - 1, last), rollup)
const data = (batches: Parameters<typeof framesOfBatches>[0], { id = 1, frameBytes = 1_000_000 } = {}): Uint8Array[] =>
  framesOfBatches(batches, { config, channelId: channel(id), frameBytes }).map(frame =>
    encodeBatcherTransaction([frame]),
  )
const carries = (items: readonly Uint8Array[], first: number, last: number, own = blocks): boolean =>
  carriesBlocks(items, {
    ...{ chainId: config.l2ChainId, ...rollup, first: BigInt(first), last: BigInt(last) },
    blockAt: height => own[Number(height) - 1],
  })

it('whole channels of the own blocks in their order are what they say, as spans, as single batches, and in frames', () => {
  expect(blocks.length).toBeGreaterThan(8)
  expect(carries(data([spanOf(1, 8)]), 1, 8)).toBe(true)
  expect(carries(data(blocks.slice(2, 5).map(toSingularBatch)), 3, 5)).toBe(true)
  expect(carries(data([spanOf(1, 2), toSingularBatch(blocks[2]!), spanOf(4, 6)]), 1, 6)).toBe(true)
  const parts = data([spanOf(1, 8)], { frameBytes: 60 })
  expect(parts.length).toBeGreaterThan(2)
  expect(carries(parts, 1, 8)).toBe(true)
  expect(carries([...data([spanOf(1, 4)]), ...data([spanOf(5, 8)], { id: 2 })], 1, 8)).toBe(true)
})

it('anything else is not', () => {
  const parts = data([spanOf(1, 8)], { frameBytes: 60 })
  const other = blocks.map((block, at) =>
    at === 3 ? { ...block, transactions: [simulatedTransaction(config, 99n, 50)] } : block,
  )
  const later = blocks.map((block, at) =>
    at === 0 ? { ...block, parentHash: `0x${'77'.repeat(32)}` as const } : block,
  )
  expect(carries(data([spanOf(1, 8)]), 1, 8, other)).toBe(false)
  expect(carries(data([spanOf(1, 8)]), 1, 8, later)).toBe(false)
  expect(carries(data([spanOf(1, 8)]), 1, 8, blocks.slice(0, 6))).toBe(false)
  for (const [first, last] of [
    [1, 7],
    [1, 9],
    [2, 8],
    [2, 9],
  ] as const) {
    expect(carries(data([spanOf(1, 8)]), first, last)).toBe(false)
  }
  // A part is missing, twice there, or in another order; the rest of a second channel; no frames; a commitment; bytes behind the batches.
  expect(carries(parts.slice(0, -1), 1, 8)).toBe(false)
  expect(carries(parts.slice(1), 1, 8)).toBe(false)
  expect(carries([parts[0]!, ...parts], 1, 8)).toBe(false)
  expect(carries([...parts].reverse(), 1, 8)).toBe(false)
  expect(carries([...parts, ...data([spanOf(9, 10)], { id: 2, frameBytes: 20 }).slice(0, 1)], 1, 8)).toBe(false)
  expect(carries([...data([spanOf(5, 8)], { id: 2 }), ...data([spanOf(1, 4)])], 1, 8)).toBe(false)
  expect(carries([], 1, 8)).toBe(false)
  expect(carries([Uint8Array.of(1, 1, 2)], 1, 8)).toBe(false)
  expect(carries([new Uint8Array(maxDataBytes + 1)], 1, 8)).toBe(false)
  const junk = framesOfStream(Uint8Array.of(1, 2, 3), { channelId: channel(3) })
  expect(carries([...parts, ...junk.map(frame => encodeBatcherTransaction([frame]))], 1, 8)).toBe(false)
})

it('bytes that somebody changed, or made up, are never of other blocks, and nothing throws', () => {
  const [whole] = data([spanOf(1, 8)])
  const changed = (at: number, by: number): void => {
    const bytes = whole!.slice()
    bytes[at % bytes.length]! ^= by
    expect(carries([bytes], 1, 7)).toBe(false)
  }
  const numRuns = runs({ suite: 100, soak: 5_000 })
  fc.assert(fc.property(fc.nat(100_000), fc.integer({ min: 1, max: 255 }), changed), { numRuns })
  const strange = (bytes: Uint8Array): void => void expect(carries([bytes], 1, 8)).toBe(false)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), strange), { numRuns })
})
