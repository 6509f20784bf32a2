import type { Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import { decodeBatcherTransaction } from '../channel/frame.js'
import { createZlibCompressor } from '../compression/zlib.js'
import { simulatedRollup, simulatedTransaction } from '../testing/l2-simulator.js'
import type { BatcherFunds } from './funds.js'
import type { BatcherBlock, BatcherEvent } from './ports.js'
import { createSharedBatcher, type SharedBatcherOptions } from './shared-batcher.js'
import { splitByBytes } from './sharing.js'
import type { SharedBatcherEvent } from './shipments.js'
import { simulateSharedBatcher } from './testdata/shared-simulation.js'

const config = simulatedRollup()
const hash = (number: bigint): Hash => `0x${(number + 1n).toString(16).padStart(64, '0')}`

/** Rollups with a transaction a block, about a hundred bytes, and a sink that includes at once. */
function harness(names: readonly string[], options: SharedBatcherOptions = {}, funds?: BatcherFunds) {
  const state = {
    headL1: 110n,
    failing: false,
    brokenNode: '',
    maxBytes: 1000,
    maxItems: 6,
    /** The test says when a submission ends. */
    held: false,
    brokenObserver: false,
  }
  const calls: { include(): void; fail(): void }[] = []
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
        genesisTimeSeconds: 1000n,
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
        includedOn: 'l1',
        limits: async () => ({ maxBytes: state.maxBytes, maxItems: state.maxItems }),
        submit: async (payloads, { key, includeBy }) => {
          submitted.push({ key, payloads, includeBy })
          if (state.failing) throw new Error('not now')
          if (state.held) {
            return new Promise((resolve, reject) => {
              calls.push({
                include: () => resolve({ height: state.headL1 + 1n }),
                fail: () => reject(new Error('not now')),
              })
            })
          }
          return { height: state.headL1 + 1n }
        },
      },
      funds,
      onEvent: event => {
        events.push(event)
        if (state.brokenObserver) throw new Error('no screen')
      },
    },
  )
  const round = async (): Promise<void> => {
    await batcher.step()
    await batcher.settle()
  }
  return { batcher, round, state, unsafe, submitted, calls, events, own }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Channel and number of each frame of a submission. */
const framesOf = ({ payloads }: { payloads: readonly Uint8Array[] }): string[] =>
  payloads.flatMap(item => {
    const data = decodeBatcherTransaction(item)
    return data.version === 0
      ? data.frames.map(({ channelId, frameNumber }) => `${Number(channelId)}/${frameNumber}`)
      : []
  })

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

  it('loses no channel that is here again while frames of it from before are on their way', async () => {
    const { batcher, state, unsafe, submitted, calls, own } = harness(['a'], { maxPendingSubmissions: 2 })
    Object.assign(state, { held: true, maxItems: 1 })
    unsafe['a'] = 16n
    batcher.flush()
    await batcher.step()
    expect(submitted.map(framesOf)).toEqual([['1/0'], ['1/1']])
    calls[0]!.fail()
    await turn()
    await expect(batcher.step()).rejects.toThrow('not now')
    await batcher.step()
    expect(submitted.slice(2).map(framesOf)).toEqual([['1/0']])
    calls[1]!.include()
    calls[2]!.include()
    await turn()
    await batcher.step()
    expect(submitted.slice(3).map(framesOf)).toEqual([['1/1']])
    calls[3]!.include()
    await turn()
    expect(own['a']!.filter(({ type }) => type === 'submitted').length).toBe(1)
  })

  it('what failed goes before what waits behind it of the same rollup', async () => {
    const { batcher, state, unsafe, submitted, calls } = harness(['a'], { maxPendingSubmissions: 1 })
    state.held = true
    unsafe['a'] = 70n
    batcher.flush()
    await batcher.step()
    expect(submitted.map(framesOf)[0]![0]).toBe('1/0')
    expect(batcher.view.waitingBytes).toBeGreaterThan(0)
    calls[0]!.fail()
    await turn()
    await expect(batcher.step()).rejects.toThrow('not now')
    for (let i = 0; i < 3; i++) await batcher.step().catch(() => {})
    expect(submitted.length).toBe(2)
    expect(framesOf(submitted[1]!)[0]).toBe('1/0')
  })

  it('ships nothing of a channel that ended while the wallet was asked', async () => {
    let asked = 0
    const funds = {
      balance: async () => {
        if (++asked === 2) {
          held.calls[0]!.fail()
          await turn()
        }
        return 10n ** 18n
      },
      quote: async () => 1n,
    }
    const held = harness(['a'], {}, funds)
    const { batcher, state, unsafe, submitted, calls, own } = held
    Object.assign(state, { held: true, maxItems: 1 })
    unsafe['a'] = 16n
    batcher.flush()
    await batcher.step()
    expect(submitted.map(framesOf)).toEqual([['1/0']])
    expect(batcher.view.waitingBytes).toBe(0)
    await expect(batcher.step()).rejects.toThrow('not now')
    await batcher.step()
    expect(submitted.slice(1).map(framesOf)).toEqual([['1/0'], ['1/1']])
    for (const call of calls) call.include()
    await turn()
    expect(own['a']!.filter(({ type }) => type === 'submitted').length).toBe(1)
  })

  it('cuts payloads as the sink takes them now, and refuses a sink that takes none', async () => {
    const { batcher, round, state, unsafe, submitted } = harness(['a', 'b'])
    state.maxBytes = 400
    Object.assign(unsafe, { a: 6n, b: 3n })
    batcher.flush()
    await round()
    expect(submitted.length).toBeGreaterThan(0)
    for (const { payloads } of submitted) for (const { length } of payloads) expect(length).toBeLessThanOrEqual(400)
    state.maxBytes = 24
    Object.assign(unsafe, { a: 9n })
    batcher.flush()
    await expect(round()).rejects.toMatchObject({ code: 'BATCHER_OPTIONS', details: { maxBytes: 24 } })
  })

  it('a channel does not wait for company into the end of its window', async () => {
    const { batcher, round, state, unsafe, submitted } = harness(['a', 'b'], {
      targetPayloads: 3,
      channelTimeoutBlocks: 300n,
    })
    state.headL1 = 270n
    // A channel of two payloads and a bit, and the block that no longer fits.
    for (let blocks = 1n; batcher.view.waitingBytes === 0 && blocks < 100n; blocks++) {
      unsafe['a'] = blocks
      await round()
    }
    expect(submitted).toEqual([])
    // From here on nobody hears of this rollup.
    state.brokenNode = 'a'
    state.headL1 = 277n
    await round().catch(() => {})
    expect(submitted).toEqual([])
    state.headL1 = 278n
    await round().catch(() => {})
    expect(submitted.length).toBe(1)
  })

  it('the rest of a channel is of use until its first frames time out; then it begins again', async () => {
    const { batcher, round, state, unsafe, submitted, calls } = harness(['a'], {
      maxPendingSubmissions: 1,
      channelTimeoutBlocks: 10n,
    })
    Object.assign(state, { held: true, maxItems: 1 })
    unsafe['a'] = 16n
    batcher.flush()
    await batcher.step()
    calls[0]!.include()
    await turn()
    await batcher.step()
    expect(submitted.map(framesOf)).toEqual([['1/0'], ['1/1']])
    expect(submitted.map(({ includeBy }) => includeBy)).toEqual([300n, 121n])
    calls[1]!.fail()
    await turn()
    await expect(batcher.step()).rejects.toThrow('not now')
    await batcher.step()
    calls[2]!.include()
    await turn()
    state.headL1 = 120n
    await batcher.step()
    expect(submitted.length).toBe(3)
    state.held = false
    for (let i = 0; i < 4; i++) await round().catch(() => {})
    expect(submitted.slice(2).map(framesOf)).toEqual([['1/0'], ['1/0'], ['1/1']])
  })

  it('an observer that fails is heard of once, and no rollup is kept waiting', async () => {
    const { batcher, round, state, unsafe, submitted, own } = harness(['a', 'b'])
    Object.assign(unsafe, { a: 2n, b: 2n })
    state.brokenObserver = true
    batcher.flush()
    await expect(round()).rejects.toThrow('no screen')
    for (const name of ['a', 'b']) expect(own[name]!.at(-1)).toMatchObject({ type: 'submitted' })
    await round()
    expect(submitted.length).toBe(1)
  })

  it.each([
    ['channelTimeoutBlocks', harness.bind(null, ['a'], { channelTimeoutBlocks: 2n })],
    ['expectedInclusionBlocks', harness.bind(null, ['a'], { expectedInclusionBlocks: 0n })],
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
