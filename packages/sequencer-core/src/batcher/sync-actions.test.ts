import fc from 'fast-check'
import type { Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import { type BatcherHoldings, computeSyncActions, type SyncStatus } from './sync-actions.js'

const hash = (number: bigint, fork = 0): Hash => `0x${(number * 16n + BigInt(fork)).toString(16).padStart(64, '0')}`
const id = (number: bigint, fork = 0): { number: bigint; hash: Hash } => ({ number, hash: hash(number, fork) })
const run = (from: bigint, to: bigint): { number: bigint; hash: Hash }[] =>
  Array.from({ length: Number(to - from + 1n) }, (_, i) => id(from + BigInt(i)))
const status = (change: Partial<SyncStatus> = {}): SyncStatus => ({
  headL1: 20n,
  currentL1: 20n,
  safe: id(5n),
  unsafe: id(12n),
  ...change,
})
const holdings = (change: Partial<BatcherHoldings> = {}): BatcherHoldings => ({
  blocks: run(6n, 10n),
  channels: [],
  previousL1: 20n,
  ...change,
})

describe('computeSyncActions', () => {
  it('loads everything unsafe when it holds nothing', () => {
    expect(computeSyncActions(status(), holdings({ blocks: [] })).load).toEqual({ from: 6n, to: 12n })
    expect(computeSyncActions(status({ unsafe: id(5n) }), holdings({ blocks: [] })).load).toBeUndefined()
    const wentBack = holdings({ blocks: [], previousSafe: 9n, behindSinceBlock: 18n })
    expect(computeSyncActions(status(), wentBack).load).toEqual({ from: 6n, to: 12n })
  })

  it('goes on behind what it holds, and prunes what is safe', () => {
    const actions = computeSyncActions(
      status({ safe: id(8n) }),
      holdings({
        channels: [
          { lastBlock: 8n, includedAtBlock: 19n },
          { lastBlock: 9n, includedAtBlock: undefined },
        ],
      }),
    )
    expect(actions).toEqual({
      clear: undefined,
      pruneBlocks: 3,
      pruneChannels: 1,
      load: { from: 11n, to: 12n },
      wait: undefined,
    })
  })

  it.each<[string, Partial<SyncStatus>, Partial<BatcherHoldings>]>([
    ['safe-beyond-blocks', { safe: id(11n) }, {}],
    ['safe-before-blocks', { safe: id(4n) }, { behindSinceBlock: 18n }],
    ['safe-hash-mismatch', { safe: id(7n, 1) }, {}],
    ['unsafe-before-blocks', { unsafe: id(9n, 1) }, {}],
    ['unsafe-before-blocks', { unsafe: id(9n) }, { behindSinceBlock: 18n }],
    ['channel-dropped', {}, { channels: [{ lastBlock: 8n, includedAtBlock: 19n }] }],
  ])('clears: %s', (reason, change, held) => {
    expect(computeSyncActions(status(change), holdings(held)).clear).toBe(reason)
  })

  it.each<[string, Partial<SyncStatus>, Partial<BatcherHoldings>]>([
    ['node-behind', { currentL1: 19n }, {}],
    // A node that reads L1 again from far back, with the safe head of then.
    ['node-behind', { currentL1: 2n, safe: id(1n) }, {}],
    ['status-empty', { currentL1: 0n }, { previousL1: undefined }],
    ['status-empty', { headL1: 0n }, {}],
    ['status-empty', { safe: { number: 0n, hash: hash(0n) } }, {}],
    ['status-empty', { unsafe: { number: 0n, hash: hash(0n) } }, {}],
    ['unsafe-behind', { unsafe: id(9n) }, {}],
    ['unsafe-behind', { unsafe: id(9n) }, { behindSinceBlock: 19n }],
    ['safe-behind', { safe: id(4n) }, {}],
    ['safe-behind', { safe: id(4n), unsafe: id(5n) }, { behindSinceBlock: 19n }],
    ['safe-behind', { safe: id(4n) }, { blocks: [], previousSafe: 5n }],
  ])('waits and keeps everything: %s', (reason, change, held) => {
    const channels = [{ lastBlock: 8n, includedAtBlock: 19n }]
    expect(computeSyncActions(status(change), holdings({ channels, ...held }))).toEqual({
      clear: undefined,
      pruneBlocks: 0,
      pruneChannels: 0,
      load: undefined,
      wait: reason,
    })
  })

  it('gives derivation the time to read the block that closes a channel', () => {
    expect(
      computeSyncActions(status(), holdings({ channels: [{ lastBlock: 8n, includedAtBlock: 20n }] })).clear,
    ).toBeUndefined()
  })

  it('whatever happens, what it holds and loads afterwards begins right behind the safe head and has no gap', () => {
    const number = fc.bigInt(0n, 30n)
    fc.assert(
      fc.property(number, number, number, number, fc.boolean(), (safeNumber, ahead, from, length, forked) => {
        const safe = id(safeNumber, forked ? 1 : 0)
        const unsafe = id(safeNumber + ahead)
        const blocks = length === 0n ? [] : run(from, from + length - 1n)
        const actions = computeSyncActions(status({ safe, unsafe }), holdings({ blocks, behindSinceBlock: 0n }))
        if (safeNumber === 0n) {
          // Its hash is zero here.
          if (!forked || ahead === 0n) expect(actions.wait).toBe('status-empty')
          if (actions.wait !== undefined) return
        }
        expect(actions.wait).toBeUndefined()
        const kept = actions.clear === undefined ? blocks.slice(actions.pruneBlocks).map(block => block.number) : []
        const loaded =
          actions.load === undefined ? [] : run(actions.load.from, actions.load.to).map(block => block.number)
        const after = [...kept, ...loaded]
        after.forEach((value, index) => {
          expect(value).toBe(safeNumber + 1n + BigInt(index))
        })
        expect(after.at(-1) ?? safeNumber).toBe(unsafe.number)
      }),
    )
  })
})
