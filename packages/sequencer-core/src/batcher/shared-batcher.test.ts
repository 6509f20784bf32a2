import type { Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import { decodeBatcherTransaction } from '../channel/frame.js'
import { createZlibCompressor } from '../compression/zlib.js'
import { simulatedRollup, simulatedTransaction } from '../testing/l2-simulator.js'
import type { BatcherBlock, BatcherEvent } from './ports.js'
import { createSharedBatcher, type SharedBatcherEvent, type SharedBatcherOptions } from './shared-batcher.js'
import { splitByBytes } from './sharing.js'
import { simulateSharedBatcher } from './testdata/shared-simulation.js'

const config = simulatedRollup()
const hash = (number: bigint): Hash => `0x${number.toString(16).padStart(64, '0')}`

/** Rollups with a transaction a block, about a hundred bytes, and a sink that includes at once. */
function harness(names: readonly string[], options: SharedBatcherOptions = {}) {
  const state = { headL1: 110n, failing: false, brokenNode: '' }
  const unsafe: Record<string, bigint> = {}
  const submitted: { key: string; payloads: readonly Uint8Array[]; includeBy: bigint | undefined }[] = []
  const events: SharedBatcherEvent[] = []
  const own: Record<string, BatcherEvent[]> = {}
  let channels = 0
  let nonce = 0n
  const rollups = names.map((name, i) => {
    unsafe[name] = 0n
    own[name] = []
    const blocks: BatcherBlock[] = Array.from({ length: 200 }, (_, at) => ({
      number: BigInt(at + 1),
      hash: hash(BigInt(at + 1)),
      parentHash: hash(BigInt(at)),
      timestamp: 1000n + 2n * BigInt(at + 1),
      epochNumber: 100n,
      epochHash: hash(100n),
      sequenceNumber: BigInt(at + 1),
      transactions: [simulatedTransaction({ ...config, l2ChainId: 901n + BigInt(i) }, nonce++)],
    }))
    return {
      name,
      setup: {
        chainId: 901n + BigInt(i),
        genesisTime: 1000n,
        blockTimeSeconds: 2n,
        sequencingWindowBlocks: 200n,
        safetyMarginBlocks: 20n,
        maxChannelDurationBlocks: 10n,
        compressor: createZlibCompressor({ level: 1 }),
      },
      node: {
        status: async () => {
          if (state.brokenNode === name) throw new Error(`${name} does not answer`)
          const { headL1 } = state
          return {
            headL1,
            currentL1: headL1,
            safe: { number: 0n, hash: hash(0n) },
            unsafe: { number: unsafe[name]!, hash: hash(unsafe[name]!) },
          }
        },
        blocks: async (from: bigint, to: bigint) => blocks.slice(Number(from) - 1, Number(to)),
      },
      channelId: () => `0x${(++channels).toString(16).padStart(32, '0')}` as const,
      onEvent: (event: BatcherEvent) => own[name]!.push(event),
    }
  })
  const batcher = createSharedBatcher(
    { payloadBytes: 1000, targetPayloads: 2, ...options },
    {
      rollups,
      sink: {
        limits: async () => ({ maxBytes: 1000, maxItems: 6 }),
        submit: async (payloads, { key, includeBy }) => {
          submitted.push({ key, payloads, includeBy })
          if (state.failing) throw new Error('not now')
          return { height: state.headL1 + 1n }
        },
      },
      onEvent: event => events.push(event),
    },
  )
  const round = async (): Promise<void> => {
    await batcher.step()
    await batcher.settle()
  }
  return { batcher, round, state, unsafe, submitted, events, own }
}

describe('createSharedBatcher', () => {
  it('waits until the rollups fill a transaction together, which none of them could alone', async () => {
    const { batcher, round, unsafe, submitted, events } = harness(['a', 'b', 'c'])
    let open: number[] = []
    for (let blocks = 1n; submitted.length === 0 && blocks < 30n; blocks++) {
      open = Object.values(batcher.view.rollups).map(view => view.open.bytes)
      Object.assign(unsafe, { a: blocks, b: blocks, c: 1n })
      await round()
    }
    expect(submitted.length).toBe(1)
    expect(Math.max(...open)).toBeLessThan(1200)
    expect(submitted[0]!.payloads.map(({ length }) => length)).toEqual([1000, 1000])
    const [shipped] = events
    expect(shipped).toMatchObject({ type: 'shipped', payloads: 2 })
    if (shipped?.type !== 'shipped') return
    expect(Object.values(splitByBytes(10_001n, shipped.bytes)).reduce((sum, share) => sum + share, 0n)).toBe(10_001n)
  })

  it('ships when the time of one is up, and others fill what has to be paid anyway', async () => {
    const { batcher, round, state, unsafe, submitted, events, own } = harness(['a', 'b', 'c'])
    unsafe['a'] = 2n
    await round()
    state.headL1 = 115n
    Object.assign(unsafe, { b: 3n, c: 4n })
    await round()
    expect(submitted).toEqual([])
    state.headL1 = 120n
    await round()
    expect(submitted.length).toBe(1)
    expect(events[0]?.type === 'shipped' && Object.keys(events[0].bytes).sort()).toEqual(['a', 'c'])
    expect(own['c']!.some(({ type }) => type === 'submitted')).toBe(true)
    expect(batcher.view.rollups['b']!.open.blocks).toBe(3)
    expect(submitted[0]!.includeBy).toBe(300n)
  })

  it('one rollup whose node does not answer keeps no other back, and is named', async () => {
    const { batcher, round, state, unsafe, submitted } = harness(['a', 'b'])
    Object.assign(unsafe, { a: 2n, b: 2n })
    state.brokenNode = 'a'
    batcher.flush()
    await expect(round()).rejects.toMatchObject({
      code: 'BATCHER_ROLLUP_FAILED',
      details: { rollups: ['a'] },
      cause: { message: 'a does not answer' },
    })
    expect(submitted.length).toBe(1)
  })

  it('sends again what failed, the same under the same key', async () => {
    const { batcher, round, state, unsafe, submitted, events } = harness(['a', 'b'])
    Object.assign(unsafe, { a: 2n, b: 2n })
    state.failing = true
    batcher.flush()
    await expect(round()).rejects.toThrow('not now')
    state.failing = false
    for (let i = 0; i < 3 && events.length === 0; i++) await round().catch(() => {})
    expect(submitted.length).toBe(2)
    expect(submitted[1]).toEqual(submitted[0])
    expect(
      submitted[0]!.payloads.flatMap(item => {
        const data = decodeBatcherTransaction(item)
        return data.version === 0 ? data.frames : []
      }).length,
    ).toBe(2)
  })

  it.each([
    ['rollups', harness.bind(null, [], {})],
    ['payloadBytes', harness.bind(null, ['a'], { payloadBytes: 24 })],
    ['targetPayloads', harness.bind(null, ['a'], { targetPayloads: 0 })],
    ['maxPendingSubmissions', harness.bind(null, ['a'], { maxPendingSubmissions: 0 })],
  ])('refuses options that cannot be: %s', (field, make) => {
    expect(make).toThrow(
      expect.objectContaining({ code: 'BATCHER_OPTIONS', details: expect.objectContaining({ field }) }),
    )
  })

  it.each([1, 2, 3, 4, 5, 6])(
    'survives kills, reorgs and a sink that fails: every rollup derives whole, seed %i',
    async seed => {
      const { problems, splitWei, paidWei, shipments } = await simulateSharedBatcher(seed, { ticks: 120 })
      expect({ seed, problems }).toEqual({ seed, problems: [] })
      expect(shipments).toBeGreaterThan(3)
      expect(Object.values(splitWei).reduce((sum, share) => sum + share, 0n)).toBe(paidWei)
    },
  )

  it('runs the same from the same seed', async () => {
    expect(await simulateSharedBatcher(3, { ticks: 60 })).toEqual(await simulateSharedBatcher(3, { ticks: 60 }))
  })
})
