import { seededRandom } from '@l2/common/testing'
import type { Hash, Hex } from 'viem'
import { describe, expect, it } from 'vitest'
import { decodeBatcherTransaction } from '../channel/frame.js'
import { createZlibCompressor } from '../compression/zlib.js'
import { simulatedRollup, simulatedTransaction } from '../testing/l2-simulator.js'
import { createBatcher } from './batcher.js'
import { projectRunway } from './funds.js'
import type { BatcherSetup } from './options.js'
import type { BatcherApproval, BatcherBlock, BatcherEvent, ChannelPlanner } from './ports.js'
import type { SyncStatus } from './sync-actions.js'
import type { BatcherTurn } from './turn.js'

const config = simulatedRollup()
const hash = (number: bigint, fork = 0n): Hash => `0x${(number * 16n + fork + 8n).toString(16).padStart(64, '0')}`

/** A rollup of given blocks, on epoch 100 unless told otherwise, and a sink that includes at once. */
function harness(
  setup: Partial<BatcherSetup> = {},
  {
    transactions = (_: bigint): Uint8Array[] => [],
    wallet = undefined as undefined | { balance: bigint; cost: bigint },
    submit = undefined as
      | undefined
      | ((options: { key: string; signal?: AbortSignal | undefined }) => Promise<{ height: bigint }>),
    planner = undefined as ChannelPlanner | undefined,
    epochOf = (_: bigint): bigint => 100n,
    turn = undefined as BatcherTurn | undefined,
    approval = undefined as BatcherApproval | undefined,
  } = {},
) {
  let fork = 0n
  const block = (number: bigint): BatcherBlock => ({
    number,
    hash: hash(number, fork),
    parentHash: number === 1n ? hash(0n) : hash(number - 1n, fork),
    timestamp: 1000n + 2n * number,
    epochNumber: epochOf(number),
    epochHash: hash(epochOf(number)),
    sequenceNumber: number,
    transactions: transactions(number),
  })
  const state = {
    headL1: 110n,
    currentL1: 110n,
    safe: 0n,
    unsafe: 3n,
    maxItems: 6,
    maxBytes: 130_044,
    failing: false,
    blocksDown: false,
    statusDown: false,
  }
  const submitted: { key: string; items: readonly Uint8Array[] }[] = []
  const events: BatcherEvent[] = []
  let asked = 0
  let channels = 0
  const batcher = createBatcher(
    {
      profile: 'devnet',
      chainId: config.l2ChainId,
      genesisTimeSeconds: 1000n,
      blockTimeSeconds: 2n,
      sequencingWindowBlocks: 50n,
      compressor: createZlibCompressor({ level: 1 }),
      ...setup,
    },
    {
      node: {
        status: async (): Promise<SyncStatus> => {
          if (state.statusDown) throw new Error('no status today')
          return {
            headL1: state.headL1,
            currentL1: state.currentL1,
            safe: { number: state.safe, hash: state.safe === 0n ? hash(0n) : hash(state.safe, fork) },
            unsafe: { number: state.unsafe, hash: hash(state.unsafe, fork) },
          }
        },
        blocks: async (from, to) => {
          if (state.blocksDown) throw new Error('no blocks today')
          const last = to < state.unsafe ? to : state.unsafe
          asked += Number(last - from) + 1
          return Array.from({ length: Number(last - from) + 1 }, (_, i) => block(from + BigInt(i)))
        },
      },
      sink: {
        includedOn: 'l1',
        limits: async () => ({ maxBytes: state.maxBytes, maxItems: state.maxItems }),
        submit: async (items, options) => {
          const { key } = options
          submitted.push({ key, items })
          if (submit !== undefined) return submit(options)
          if (state.failing) throw new Error('not now')
          return { height: state.headL1 + 1n }
        },
      },
      funds: wallet && { balance: async () => wallet.balance, quote: async () => wallet.cost },
      planner,
      turn,
      approval,
      channelId: () => `0x${(++channels).toString(16).padStart(32, '0')}` as Hex,
      onEvent: event => events.push(event),
    },
  )
  return {
    batcher,
    /** A step, and the end of what it started. */
    round: async () => {
      await batcher.step()
      await batcher.settle()
    },
    state,
    submitted,
    events,
    get asked() {
      return asked
    },
    fork: () => {
      fork++
    },
  }
}

const random = seededRandom(3)
const noise = (bytes: number) => (): Uint8Array[] => [simulatedTransaction(config, BigInt(random.uint32()), bytes)]

describe('the sequencing window', () => {
  // Window 50 of epoch 100: the last block is 150, and inclusion takes two.
  it.each([
    [147n, true],
    [148n, true],
    [149n, false],
  ])('at L1 block %s the batch is posted: %s', async (headL1, posts) => {
    const { round, state, submitted, events } = harness()
    Object.assign(state, { headL1, currentL1: headL1 })
    const step = round()
    if (posts) await step
    else await expect(step).rejects.toMatchObject({ code: 'BATCHER_WINDOW_EXPIRED' })
    expect(submitted.length).toBe(posts ? 1 : 0)
    expect(events.some(({ type }) => type === 'too-late')).toBe(!posts)
  })

  it('counts one inclusion for each submission that a channel still needs', async () => {
    const { round, state, submitted } = harness(
      { frameDataBytes: 40, targetFrames: 3, expectedInclusionBlocks: 2n, maxPendingSubmissions: 1 },
      { transactions: noise(32) },
    )
    Object.assign(state, { headL1: 147n, currentL1: 147n, maxItems: 1, unsafe: 1n })
    await expect(round()).rejects.toMatchObject({ code: 'BATCHER_WINDOW_EXPIRED' })
    expect(submitted).toEqual([])
  })

  it('after a day down it pays nothing, and goes on with what came of the chain', async () => {
    const { batcher, round, state, submitted, fork } = harness()
    Object.assign(state, { headL1: 7300n, currentL1: 7300n, unsafe: 400n })
    for (let i = 0; i < 5; i++) await expect(round()).rejects.toMatchObject({ code: 'BATCHER_WINDOW_EXPIRED' })
    expect(submitted).toEqual([])
    fork()
    Object.assign(state, { safe: 390n, unsafe: 395n, headL1: 120n, currentL1: 7301n })
    batcher.flush()
    await round()
    expect(submitted.length).toBe(1)
  })
})

describe('the wallet', () => {
  it('stops before it leaves less than the minimum, and goes on when there is more', async () => {
    const wallet = { balance: 1099n, cost: 100n }
    const { batcher, round, submitted, events } = harness({ minBalanceWei: 1000n }, { wallet })
    batcher.flush()
    await expect(round()).rejects.toMatchObject({ code: 'BATCHER_BALANCE', recovery: 'retry' })
    expect(events.at(-1)).toEqual({ type: 'balance-stop', balanceWei: 1099n, costWei: 100n })
    expect(submitted).toEqual([])
    wallet.balance = 1100n
    await round()
    expect(submitted.length).toBe(1)
  })

  it('alarms when it does not last', async () => {
    const wallet = { balance: 1000n, cost: 100n }
    const { batcher, round, state, events } = harness({ runwayAlarmBlocks: 60n }, { wallet })
    for (let i = 1n; i <= 4n; i++) {
      Object.assign(state, { unsafe: 3n * i, headL1: 110n + 4n * i, safe: 3n * (i - 1n), currentL1: 110n + 4n * i })
      batcher.flush()
      await round()
    }
    expect(events.filter(({ type }) => type === 'runway-low')).not.toEqual([])
    expect(batcher.view.runwayBlocks).toBeLessThan(60n)
  })

  it('lasts as long as the rate says', () => {
    expect(projectRunway(10n, [], 5n)).toBeUndefined()
    expect(projectRunway(-1n, [{ l1Block: 1n, wei: 5n }], 5n)).toBe(0n)
    expect(projectRunway(100n, [{ l1Block: 1n, wei: 5n }], 11n)).toBe(200n)
  })
})

describe('what it holds', () => {
  it('stays bounded while L1 stands still for a day at 1,000 transactions a second', async () => {
    const transaction = random.bytes(150)
    // A block every two seconds: 2,000 transactions, 300 kB, 43,200 blocks a day.
    const one = simulatedTransaction(config, 1n)
    const many = Array.from({ length: 2000 }, () => one)
    expect(transaction.length).toBe(150)
    const rawBytes = many.reduce((sum, { length }) => sum + length, 0)
    const maxLoadedBytes = 4_000_000
    const held = harness(
      { maxLoadedBytes, maxClosedChannels: 2, frameDataBytes: 500, targetFrames: 1, sequencingWindowBlocks: 20_000n },
      { transactions: () => many },
    )
    held.state.failing = true
    let mostBytes = 0
    let mostUnsent = 0
    for (let hour = 1n; hour <= 24n; hour++) {
      Object.assign(held.state, { unsafe: hour * 1800n, headL1: 110n + hour * 300n, currentL1: 110n })
      // The node reads no further; its head of L1 is what was known at the start.
      held.state.headL1 = 110n
      await held.round().catch(() => {})
      mostBytes = Math.max(mostBytes, held.batcher.view.loadedBytes)
      mostUnsent = Math.max(mostUnsent, held.batcher.view.unsentBytes)
    }
    expect(mostBytes).toBeGreaterThan(rawBytes)
    expect(mostBytes).toBeLessThan(maxLoadedBytes + rawBytes)
    expect(mostUnsent).toBeLessThan(100_000)
    expect(held.batcher.view.closedChannels).toBeLessThanOrEqual(3)
    expect(held.asked).toBeLessThan(500)
  })
})

describe('submissions', () => {
  it('a retry under the same key has the same items, whatever the limits are by then', async () => {
    const { batcher, round, state, submitted } = harness(
      { frameDataBytes: 40, targetFrames: 3, maxPendingSubmissions: 1 },
      { transactions: noise(32) },
    )
    Object.assign(state, { unsafe: 1n, failing: true, maxItems: 1 })
    batcher.flush()
    await expect(round()).rejects.toThrow('not now')
    Object.assign(state, { failing: false, maxItems: 6 })
    await round()
    await round()
    expect(submitted[1]!.key).toBe(submitted[0]!.key)
    expect(submitted[1]!.items).toEqual(submitted[0]!.items)
    expect(submitted.length).toBe(3)
  })

  it('makes smaller frames when the sink takes less than before', async () => {
    const { batcher, round, state, submitted } = harness(
      { frameDataBytes: 400, maxPendingSubmissions: 1 },
      { transactions: noise(32) },
    )
    Object.assign(state, { unsafe: 5n, failing: true })
    batcher.flush()
    await expect(round()).rejects.toThrow('not now')
    Object.assign(state, { failing: false, maxBytes: 100 })
    await round()
    await round()
    for (const { items } of submitted.slice(1)) for (const item of items) expect(item.length).toBeLessThanOrEqual(100)
    expect(submitted.length).toBeGreaterThan(1)
  })

  it('says so when the sink takes too little for a frame', async () => {
    const { batcher, round, state, submitted } = harness()
    state.maxBytes = 24
    batcher.flush()
    await expect(round()).rejects.toMatchObject({ code: 'BATCHER_OPTIONS', details: { maxBytes: 24 } })
    state.maxBytes = 25
    await round()
    expect(submitted.length).toBeGreaterThan(0)
  })

  it('makes other parts when the sink takes fewer items than one that failed has', async () => {
    const { batcher, round, state, submitted } = harness(
      { frameDataBytes: 40, targetFrames: 3, maxPendingSubmissions: 1 },
      { transactions: noise(32) },
    )
    Object.assign(state, { unsafe: 1n, failing: true })
    batcher.flush()
    await expect(round()).rejects.toThrow('not now')
    Object.assign(state, { failing: false, maxItems: 1 })
    for (let i = 0; i < 5; i++) {
      batcher.flush()
      await round()
    }
    expect(submitted.slice(1).map(({ items }) => items.length)).toEqual(submitted[0]!.items.map(() => 1))
  })

  it('an observer that fails is heard of once, and changes nothing', async () => {
    let broken = true
    const planner: ChannelPlanner = {
      shape: async () => ({}),
      observe: ({ type }) => {
        if (broken && type === 'submitted') throw new Error('no screen')
      },
    }
    const { batcher, round, submitted } = harness({}, { planner })
    batcher.flush()
    await expect(round()).rejects.toThrow('no screen')
    broken = false
    await round()
    expect(batcher.view).toMatchObject({ unsentBytes: 0, closedChannels: 1, pendingSubmissions: 0 })
    expect(submitted.length).toBe(1)
  })

  it('go on while the node hands out no blocks', async () => {
    const { batcher, round, state, submitted } = harness()
    state.failing = true
    batcher.flush()
    await expect(round()).rejects.toThrow('not now')
    Object.assign(state, { failing: false, blocksDown: true, unsafe: 6n })
    await expect(batcher.step()).rejects.toThrow('no blocks today')
    await batcher.settle()
    expect(submitted.length).toBe(2)
  })

  it('hold nothing of a channel whose compressor failed, whatever with', async () => {
    const zlib = createZlibCompressor({ level: 1 })
    let flushes = 0
    const compressor = {
      ...zlib,
      open: () => {
        const stream = zlib.open()
        return {
          ...stream,
          flush: async () => {
            if (++flushes === 2) throw new Error('out of memory')
            return stream.flush()
          },
        }
      },
    }
    const { batcher, round, state, submitted, events } = harness(
      { frameDataBytes: 1000, compressor, maxChannelDurationBlocks: 40n },
      { transactions: noise(60) },
    )
    state.unsafe = 20n
    await expect(round()).rejects.toThrow('out of memory')
    expect(events).toEqual([])
    batcher.flush()
    await round()
    expect(events[0]).toMatchObject({ type: 'channel-closed', firstBlock: 1n, reason: 'full' })
    expect(submitted.length).toBeGreaterThan(0)
  })

  it('does not pay for blocks that became safe without it', async () => {
    const { batcher, round, state, submitted } = harness({ maxChannelDurationBlocks: 20n })
    await round()
    expect(batcher.view.open.blocks).toBe(3)
    Object.assign(state, { safe: 2n, unsafe: 4n })
    batcher.flush()
    await round()
    const data = decodeBatcherTransaction(submitted[0]!.items[0]!)
    expect(data.version).toBe(0)
    expect(batcher.view.loadedBlocks).toBe(2)
  })

  it('sees an L2 reorg to the same height before it posts', async () => {
    const { batcher, round, submitted, events, fork } = harness({ maxChannelDurationBlocks: 20n })
    await round()
    fork()
    batcher.flush()
    await round()
    expect(events.filter(({ type }) => type === 'cleared')).toEqual([
      { type: 'cleared', reason: 'unsafe-hash-mismatch' },
    ])
    // Block 1 is of the new chain, whose parent is the same genesis.
    expect(submitted.length).toBe(1)
  })

  it('a flush outlives a failed submission and posts everything', async () => {
    const { batcher, round, state, submitted } = harness({ maxChannelDurationBlocks: 40n })
    state.failing = true
    batcher.flush()
    await expect(round()).rejects.toThrow('not now')
    state.failing = false
    await round()
    expect(submitted.length).toBe(2)
    // What comes later waits again.
    state.unsafe = 6n
    await round()
    expect(submitted.length).toBe(2)
    expect(batcher.view.open.blocks).toBe(3)
  })

  it('posts what is before a block that no channel can carry, then says so', async () => {
    const bad = Uint8Array.of(0x7e, 0xc0)
    const { round, state, events } = harness({}, { transactions: number => (number === 3n ? [bad] : []) })
    state.unsafe = 5n
    await expect(round()).rejects.toMatchObject({ code: 'BATCH_TRANSACTION_UNSUPPORTED' })
    expect(events.find(event => event.type === 'submitted')).toBeDefined()
    expect(events.find(event => event.type === 'channel-closed')).toMatchObject({ firstBlock: 1n, lastBlock: 2n })
  })
})

describe('several submissions at a time', () => {
  /** A sink whose submissions end when the test says so. */
  function pipeline(setup: Partial<BatcherSetup> = {}, wallet?: { balance: bigint; cost: bigint }) {
    const calls: { key: string; signal: AbortSignal | undefined; include(height: bigint): void; fail(): void }[] = []
    const held = harness(
      { frameDataBytes: 40, targetFrames: 2, maxPendingSubmissions: 3, ...setup },
      {
        transactions: noise(32),
        wallet,
        submit: ({ key, signal }) =>
          new Promise((resolve, reject) => {
            calls.push({
              key,
              signal,
              include: height => resolve({ height }),
              fail: () => reject(new Error('not now')),
            })
          }),
      },
    )
    Object.assign(held.state, { unsafe: 8n, maxItems: 1 })
    held.batcher.flush()
    return { ...held, calls, keys: () => calls.map(({ key }) => `${Number(key.slice(0, 34))}${key.slice(34)}`) }
  }
  const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

  it('leave in order, no more at once than allowed, and the next when one has ended', async () => {
    const { batcher, calls, keys, events } = pipeline()
    await batcher.step()
    expect(keys()).toEqual(['1/0', '1/1', '1/2'])
    expect(batcher.view.pendingSubmissions).toBe(3)
    calls[0]!.include(111n)
    await turn()
    await batcher.step()
    expect(keys().at(-1)).toBe('2/0')
    expect(batcher.view.pendingSubmissions).toBe(3)
    for (const call of calls) call.include(112n)
    await batcher.settle()
    expect(events.filter(({ type }) => type === 'submitted').length).toBe(4)
  })

  it('go on while the node reads L1 again or has not begun: a channel half posted would time out', async () => {
    for (const currentL1 of [60n, 0n]) {
      const { batcher, calls, keys, state } = pipeline({ maxPendingSubmissions: 2 })
      await batcher.step()
      expect(keys()).toEqual(['1/0', '1/1'])
      for (const call of calls) call.include(111n)
      await turn()
      Object.assign(state, { currentL1 })
      await batcher.step()
      expect(keys()).toEqual(['1/0', '1/1', '1/2', '2/0'])
      expect(batcher.view.waiting).toBe(currentL1 === 0n ? 'status-empty' : 'node-behind')
    }
  })

  it('are full ones while there is a backlog, whatever a channel may wait', async () => {
    const { round, state, events } = harness(
      { maxChannelDurationBlocks: 1n, maxLoadedBytes: 1_000_000, maxClosedChannels: 1, sequencingWindowBlocks: 3600n },
      { transactions: noise(400) },
    )
    state.unsafe = 6000n
    for (let i = 0n; i < 4n; i++) {
      Object.assign(state, { headL1: 110n + i, currentL1: 110n })
      await round()
    }
    const closed = events.flatMap(event => (event.type === 'channel-closed' ? [event] : []))
    expect(closed.length).toBe(4)
    for (const { reason, bytes } of closed.slice(0, -1)) {
      expect(reason).toBe('full')
      expect(bytes).toBeGreaterThan(129_000)
    }
  })

  it('let the channel whose time is up take more blocks while it could not leave', async () => {
    const setup = { frameDataBytes: 130_020, targetFrames: 1, maxPendingSubmissions: 1, maxChannelDurationBlocks: 3n }
    const { batcher, calls, state, events } = pipeline(setup)
    await batcher.step()
    expect(calls).toHaveLength(1)
    // Old data, a block more at each step, and the first submission still on its way.
    for (let i = 1n; i <= 5n; i++) {
      Object.assign(state, { headL1: 110n + 4n * i, currentL1: 110n + 4n * i, unsafe: 8n + i })
      await batcher.step()
    }
    expect(batcher.view).toMatchObject({ open: { blocks: 5 }, closedChannels: 1 })
    calls[0]!.include(131n)
    await turn()
    await batcher.step()
    const closed = events.flatMap(event => (event.type === 'channel-closed' ? [event] : []))
    expect(closed.map(({ firstBlock, lastBlock }) => [firstBlock, lastBlock])).toEqual([
      [1n, 8n],
      [9n, 13n],
    ])
    calls[1]!.include(132n)
    await batcher.settle()
  })

  it('after a failure nothing leaves until all have ended, then the failed one goes first, under its key', async () => {
    const { batcher, calls, keys } = pipeline()
    await batcher.step()
    calls[1]!.fail()
    await turn()
    await expect(batcher.step()).rejects.toThrow('not now')
    await batcher.step()
    expect(keys().length).toBe(3)
    calls[0]!.include(111n)
    calls[2]!.fail()
    await expect(batcher.settle()).rejects.toThrow('not now')
    await batcher.step()
    expect(keys().slice(3)).toEqual(['1/1', '1/2', '2/0'])
  })

  it('start over when one failed and what follows it is on L1, where derivation drops it', async () => {
    const { batcher, calls, keys, events } = pipeline()
    await batcher.step()
    calls[1]!.fail()
    calls[0]!.include(111n)
    calls[2]!.include(112n)
    await turn()
    await expect(batcher.step()).rejects.toThrow('not now')
    await batcher.step()
    expect(events.at(-1)).toEqual({ type: 'cleared', reason: 'channel-dropped' })
    expect(keys().length).toBe(3)
    batcher.flush()
    await batcher.step()
    expect(keys()[3]).toMatch(/\/0$/)
    expect(calls[3]!.key.slice(0, 34)).not.toBe(calls[0]!.key.slice(0, 34))
  })

  it('may end in any order: a channel is on L1 with the last of them', async () => {
    const { batcher, calls, state, events } = pipeline()
    await batcher.step()
    for (const [i, height] of [113n, 112n, 111n].entries()) {
      calls[2 - i]!.include(height)
      await turn()
    }
    // The node has not read block 113.
    Object.assign(state, { currentL1: 112n, headL1: 113n })
    await batcher.step()
    expect(events.filter(({ type }) => type === 'cleared')).toEqual([])
    expect(batcher.view.unsentBytes).toBeGreaterThan(0)
  })

  it('do not begin when the round was given up while the wallet was asked', async () => {
    const controller = new AbortController()
    const wallet = {
      cost: 1n,
      get balance() {
        controller.abort(new Error('enough'))
        return 10n ** 18n
      },
    }
    const { batcher, calls } = pipeline({}, wallet)
    await expect(batcher.step({ signal: controller.signal })).rejects.toThrow('enough')
    expect(calls).toEqual([])
  })

  it('are given up when the batcher starts over, and what arrives all the same is reported', async () => {
    const { batcher, calls, state, events, fork } = pipeline()
    await batcher.step()
    state.unsafe = 2n
    fork()
    await batcher.step()
    expect(events.filter(({ type }) => type === 'cleared')).toEqual([
      { type: 'cleared', reason: 'unsafe-before-blocks' },
    ])
    expect(calls.slice(0, 3).every(({ signal }) => signal?.aborted)).toBe(true)
    calls[0]!.include(111n)
    calls[1]!.fail()
    await turn()
    expect(events.at(-1)).toMatchObject({ type: 'submitted', l1Block: 111n })
    await expect(batcher.step()).resolves.toBeUndefined()
  })

  it('count against the wallet while they are on their way', async () => {
    const { batcher, calls } = pipeline({ minBalanceWei: 50n }, { balance: 300n, cost: 100n })
    await expect(batcher.step()).rejects.toMatchObject({ code: 'BATCHER_BALANCE' })
    expect(calls.length).toBe(2)
  })
})

describe('a node that lags', () => {
  const epochOf = (number: bigint): bigint => 100n + number / 6n

  it('neither a lower reading of L1, nor a lower head, nor an empty status takes anything back', async () => {
    const { batcher, round, state, submitted, events } = harness({ maxChannelDurationBlocks: 5n }, { epochOf })
    Object.assign(state, { headL1: 101n, currentL1: 101n, unsafe: 6n })
    await round()
    for (let l1 = 102n; l1 < 112n; l1++) {
      Object.assign(state, { headL1: l1, currentL1: l1, unsafe: 6n * (l1 - 100n) })
      await round()
      const before = { ...batcher.view, waiting: undefined }
      // Another node answers, one block of L1 and two blocks of L2 behind; then one that has just begun.
      Object.assign(state, { currentL1: l1 - 1n })
      await round()
      expect(batcher.view).toEqual({ ...before, waiting: 'node-behind' })
      Object.assign(state, { currentL1: l1, unsafe: state.unsafe - 2n })
      await round()
      expect(batcher.view).toEqual({ ...before, waiting: 'unsafe-behind' })
      Object.assign(state, { currentL1: 0n })
      await round()
      expect(batcher.view).toEqual({ ...before, waiting: 'status-empty' })
      Object.assign(state, { currentL1: l1, unsafe: state.unsafe + 2n })
      // What is posted becomes safe when the node has read it.
      for (const event of events) if (event.type === 'channel-closed') state.safe = event.lastBlock
    }
    expect(events.filter(({ type }) => type === 'cleared')).toEqual([])
    const closed = events.flatMap(event => (event.type === 'channel-closed' ? [event] : []))
    expect(closed.map(({ reason }) => reason)).toEqual(['duration', 'duration'])
    expect(closed.map(({ firstBlock }) => firstBlock)).toEqual([1n, closed[0]!.lastBlock + 1n])
    expect(submitted.length).toBe(2)
    const waits = events.flatMap(event => (event.type === 'waiting' ? [event.reason] : []))
    expect(waits.slice(0, 4)).toEqual(['node-behind', 'unsafe-behind', 'status-empty', undefined])
  })

  it('a safe head that goes back for a moment costs nothing; one that stays there is an L1 reorg', async () => {
    const { batcher, round, state, submitted, events } = harness({ maxChannelDurationBlocks: 1n }, { epochOf })
    Object.assign(state, { headL1: 101n, currentL1: 101n, unsafe: 6n })
    for (let l1 = 102n; l1 < 122n; l1++) {
      Object.assign(state, { headL1: l1, currentL1: l1, unsafe: 6n * (l1 - 100n) })
      await round()
      for (const event of events) if (event.type === 'channel-closed') state.safe = event.lastBlock
      await round()
      const { safe } = state
      state.safe = safe > 12n ? safe - 12n : 0n
      await round()
      if (safe > 0n) expect(batcher.view.waiting).toBe('safe-behind')
      state.safe = safe
    }
    const posted = events.flatMap(event => (event.type === 'channel-closed' ? [event] : []))
    expect(posted.length).toBe(submitted.length)
    expect(posted.length).toBeGreaterThan(5)
    for (const [i, { firstBlock }] of posted.entries()) expect(firstBlock).toBe((posted[i - 1]?.lastBlock ?? 0n) + 1n)
    expect(events.filter(({ type }) => type === 'cleared')).toEqual([])
    state.safe -= 12n
    for (const headL1 of [122n, 123n, 124n]) {
      Object.assign(state, { headL1, currentL1: headL1 })
      await round()
    }
    // What the reorg took is posted once more.
    await round()
    expect(events.filter(({ type }) => type === 'submitted').length).toBe(posted.length + 1)
  })

  it('what is half posted goes on while nobody says where the rollup stands', async () => {
    const { batcher, state, submitted } = harness(
      { targetFrames: 3, frameDataBytes: 300, maxPendingSubmissions: 1 },
      { transactions: noise(32) },
    )
    Object.assign(state, { maxItems: 1, unsafe: 30n })
    await batcher.step()
    expect(submitted.length).toBe(1)
    await batcher.settle()
    state.statusDown = true
    await expect(batcher.step()).rejects.toThrow('no status today')
    expect(submitted.length).toBe(2)
    await batcher.settle()
  })

  it('an empty first status is no beginning: what the node has not read may be posted already', async () => {
    const { batcher, round, state, submitted } = harness()
    Object.assign(state, { headL1: 0n, currentL1: 0n })
    batcher.flush()
    await round()
    expect(batcher.view.waiting).toBe('status-empty')
    Object.assign(state, { headL1: 110n, currentL1: 60n })
    await round()
    expect([submitted.length, batcher.view.waiting]).toEqual([0, 'catching-up'])
    Object.assign(state, { currentL1: 110n })
    await round()
    expect([submitted.length, batcher.view.waiting]).toEqual([1, undefined])
  })

  it('a head that stays lower is taken for a reorg in the end', async () => {
    const { batcher, round, state, events } = harness({ maxChannelDurationBlocks: 0n })
    state.unsafe = 6n
    await round()
    state.unsafe = 4n
    for (const headL1 of [110n, 111n, 112n]) {
      Object.assign(state, { headL1, currentL1: headL1 })
      await round()
    }
    expect(events.filter(({ type }) => type === 'cleared')).toEqual([
      { type: 'cleared', reason: 'unsafe-before-blocks' },
    ])
    expect([batcher.view.loadedBlocks, batcher.view.waiting]).toEqual([4, undefined])
  })

  it('the time of a channel is that of its data, through restarts and starting over', async () => {
    const posts: bigint[] = []
    let safe = 0n
    for (let start = 101n; start < 161n; start += 4n) {
      // A batcher that is killed every four blocks of L1, and whose node loses sight of its head in between.
      const { round, state, events } = harness(
        { maxChannelDurationBlocks: 10n, sequencingWindowBlocks: 500n },
        { epochOf },
      )
      state.safe = safe
      for (let l1 = start; l1 < start + 4n; l1++) {
        Object.assign(state, { headL1: l1, currentL1: l1, unsafe: 6n * (l1 - 100n) })
        await round()
        const closed = events.filter(event => event.type === 'channel-closed').at(-1)
        if (closed?.type === 'channel-closed' && closed.lastBlock > safe) {
          safe = closed.lastBlock
          state.safe = safe
          posts.push(l1)
        }
      }
    }
    expect(posts.length).toBeGreaterThanOrEqual(5)
    for (const [i, l1] of posts.entries()) expect(l1 - (posts[i - 1] ?? 101n)).toBeLessThanOrEqual(11n)
  })

  it('channels that derivation drops again and again are sent less and less often', async () => {
    const { round, state, submitted, events } = harness({ maxChannelDurationBlocks: 40n, sequencingWindowBlocks: 500n })
    for (let l1 = 110n; l1 < 310n; l1++) {
      Object.assign(state, { headL1: l1, currentL1: l1 })
      await round()
    }
    const drops = events.filter(event => event.type === 'cleared' && event.reason === 'channel-dropped').length
    expect(drops).toBeGreaterThan(4)
    // Without a pause it would be one in two blocks.
    expect(submitted.length).toBeLessThan(12)
  })

  it('so are full ones, and those of a batcher whose channels have no time limit', async () => {
    for (const maxChannelDurationBlocks of [40n, 0n]) {
      const { batcher, round, state, events } = harness(
        { maxChannelDurationBlocks, sequencingWindowBlocks: 500n, frameDataBytes: 400 },
        { transactions: noise(60) },
      )
      state.unsafe = 12n
      for (let l1 = 110n; l1 < 310n; l1++) {
        Object.assign(state, { headL1: l1, currentL1: l1 })
        await round()
      }
      const drops = events.filter(event => event.type === 'cleared' && event.reason === 'channel-dropped').length
      expect(events.some(event => event.type === 'channel-closed' && event.reason === 'full')).toBe(true)
      expect(drops).toBeGreaterThan(4)
      expect(drops).toBeLessThan(12)
      expect(batcher.view.waiting).toBe('backing-off')
      // The window leaves no time to wait.
      Object.assign(state, { headL1: 595n, currentL1: 595n })
      const before = events.length
      await round()
      expect(events.slice(before).some(({ type }) => type === 'submitted')).toBe(true)
    }
  })

  it('what is closed goes out all the same, and what is open when the window leaves no time', async () => {
    const { batcher, round, state, submitted, events } = harness({ maxChannelDurationBlocks: 0n })
    await round()
    Object.assign(state, { headL1: 130n, currentL1: 100n })
    await round()
    expect([submitted.length, batcher.view.open.blocks, batcher.view.waiting]).toEqual([0, 3, 'node-behind'])
    Object.assign(state, { headL1: 145n })
    await round()
    expect(events.filter(({ type }) => type === 'channel-closed')).toMatchObject([{ lastBlock: 3n, reason: 'window' }])
    expect([submitted.length, batcher.view.waiting]).toEqual([1, 'node-behind'])
  })
})

describe('a channel whose time is up', () => {
  const planner = (frames: number): ChannelPlanner => ({ shape: async () => ({}), framesToPost: async () => frames })

  it('posts whole frames and keeps the blocks of the rest, whose time is their own', async () => {
    const setup = { frameDataBytes: 400, targetFrames: 3, maxChannelDurationBlocks: 5n }
    const epochOf = (number: bigint): bigint => (number <= 2n ? 100n : number < 5n ? 98n + number : 103n)
    const { batcher, round, state, events } = harness(setup, {
      transactions: noise(60),
      planner: planner(1.5),
      epochOf,
    })
    state.unsafe = 2n
    await round()
    expect(events).toEqual([])
    Object.assign(state, { headL1: 113n, unsafe: 9n })
    await round()
    Object.assign(state, { headL1: 115n })
    await round()
    const [closed] = events.filter(event => event.type === 'channel-closed')
    expect(closed).toMatchObject({ firstBlock: 1n, frames: 1, reason: 'trimmed' })
    const next = closed!.type === 'channel-closed' ? closed!.lastBlock + 1n : 0n
    expect(next).toBeGreaterThan(1n)
    expect(next).toBeLessThanOrEqual(9n)
    expect(batcher.view.open.blocks).toBe(Number(9n - next + 1n))
    // Loaded at 113, and none waits for more than five L1 blocks.
    Object.assign(state, { headL1: 118n })
    await round()
    const last = events.filter(event => event.type === 'channel-closed').at(-1)
    expect(last).toMatchObject({ lastBlock: 9n, reason: 'duration' })
  })

  it.each([
    ['the last frame is worth it', 3, 2n],
    ['the rest would have no time left', 1, 9n],
    ['the planner has no number', Number.NaN, 2n],
  ])('posts all of it when %s', async (_, frames, early) => {
    const setup = { frameDataBytes: 400, targetFrames: 3, maxChannelDurationBlocks: 5n }
    const { round, state, events } = harness(setup, { transactions: noise(60), planner: planner(frames) })
    state.unsafe = early
    await round()
    Object.assign(state, { headL1: 113n, unsafe: 9n })
    await round()
    Object.assign(state, { headL1: 115n })
    await round()
    expect(events[0]).toMatchObject({ type: 'channel-closed', firstBlock: 1n, lastBlock: 9n, reason: 'duration' })
  })
})

describe('options', () => {
  it.each<[string, Partial<BatcherSetup>]>([
    ['blockTimeSeconds', { blockTimeSeconds: 0n }],
    ['expectedInclusionBlocks', { expectedInclusionBlocks: 0n }],
    ['safetyMarginBlocks', { safetyMarginBlocks: 50n }],
    ['channelTimeoutBlocks', { channelTimeoutBlocks: 2n }],
    ['targetFrames', { targetFrames: 0 }],
    ['frameDataBytes', { frameDataBytes: 1.5 }],
    ['maxLoadedBytes', { maxLoadedBytes: Number.NaN }],
    ['maxClosedChannels', { maxClosedChannels: 0 }],
    ['maxPendingSubmissions', { maxPendingSubmissions: 0 }],
    ['minBalanceWei', { minBalanceWei: -1n }],
  ])('refuse %s', (field, setup) => {
    expect(() => harness(setup)).toThrow(
      expect.objectContaining({ code: 'BATCHER_OPTIONS', details: expect.objectContaining({ field }) }),
    )
  })
})

describe('a batcher that is stopped', () => {
  /** A batcher whose submissions end when the test says so: three channels of two parts each, two parts at a time. */
  function held() {
    const ends: ((height: bigint | undefined) => void)[] = []
    const world = harness(
      {
        targetFrames: 2,
        frameDataBytes: 300,
        maxClosedChannels: 2,
        maxPendingSubmissions: 1,
        sequencingWindowBlocks: 500n,
        channelTimeoutBlocks: 20n,
      },
      {
        transactions: noise(32),
        submit: () =>
          new Promise((resolve, reject) => {
            ends.push(height => (height === undefined ? reject(new Error('not now')) : resolve({ height })))
          }),
      },
    )
    Object.assign(world.state, { unsafe: 30n, maxItems: 1 })
    return { ...world, ends }
  }
  const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

  it('finishes the channel that is half posted, begins no other, and says so', async () => {
    const { batcher, state, submitted, ends, events } = held()
    await batcher.step()
    expect(submitted.length).toBe(1)
    let isIdle = false
    const stopped = batcher.stop().then(() => {
      isIdle = true
    })
    const first = submitted[0]!.key.split('/')[0]
    const end = async (height: bigint | undefined): Promise<void> => {
      expect(isIdle).toBe(false)
      ends.at(-1)!(height)
      await turn()
      Object.assign(state, { headL1: state.headL1 + 1n, currentL1: state.currentL1 + 1n })
    }
    await batcher.step()
    await end(111n)
    await batcher.step()
    await end(undefined)
    await expect(batcher.step()).rejects.toThrow('not now')
    await batcher.step()
    await end(113n)
    await batcher.step()
    await stopped
    expect(submitted.map(({ key }) => key)).toEqual([`${first}/0`, `${first}/1`, `${first}/1`])
    expect(events.filter(({ type }) => type === 'submitted').length).toBe(2)
    expect(batcher.view).toMatchObject({ isStopped: true, waiting: 'stopped', pendingSubmissions: 0 })
    // However long it stands, nothing leaves, and nobody is asked for anything.
    for (let i = 0; i < 5; i++) await batcher.step()
    const posts = submitted.length
    batcher.start()
    state.safe = 1n
    await batcher.step()
    expect(batcher.view).toMatchObject({ isStopped: false, waiting: undefined })
    expect(submitted.length).toBe(posts + 1)
    expect(submitted.at(-1)?.key.startsWith(`${first}/`)).toBe(false)
    expect(events.filter(({ type }) => type === 'cleared')).toEqual([])
  })

  it('is idle at the next step when nothing has left, and a stop can be given up', async () => {
    const { batcher, submitted } = held()
    const stopped = batcher.stop()
    await batcher.step()
    await stopped
    expect(submitted).toEqual([])
    const controller = new AbortController()
    const waiting = batcher.stop({ signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await expect(batcher.stop({ signal: controller.signal })).rejects.toThrow('enough')
    const again = batcher.stop()
    batcher.start()
    await expect(again).rejects.toMatchObject({ code: 'BATCHER_STATE' })
  })
})

describe('turns', () => {
  /** Ours as long as `left` questions; 0: another's. `undefined`: L1 does not say. */
  function turns() {
    const turn = { left: Number.POSITIVE_INFINITY as number | undefined }
    const isOurs = async (): Promise<boolean> => {
      if (turn.left === undefined) throw new Error('no turn today')
      return turn.left-- > 0
    }
    return { turn, isOurs }
  }

  it("pays for nothing while it is another's, and goes on behind the safe head when it is back", async () => {
    const { turn, isOurs } = turns()
    const rollup = harness({}, { turn: { isOurs } })
    const { batcher, round, state, submitted, events } = rollup
    turn.left = 0
    batcher.flush()
    await round()
    expect(batcher.view.waiting).toBe('not-the-batcher')
    expect([submitted.length, rollup.asked]).toEqual([0, 0])
    // What the other posted is on L1, and not read yet.
    Object.assign(state, { headL1: 120n, currentL1: 115n, safe: 1n, unsafe: 6n })
    turn.left = Number.POSITIVE_INFINITY
    await round()
    expect(batcher.view.waiting).toBe('catching-up')
    expect(submitted).toEqual([])
    Object.assign(state, { currentL1: 120n, safe: 4n })
    await round()
    expect(batcher.view.waiting).toBeUndefined()
    expect(events).toContainEqual(expect.objectContaining({ type: 'channel-closed', firstBlock: 5n, lastBlock: 6n }))
    expect(submitted).toHaveLength(1)
  })

  it('drops what it holds when the turn is lost, and begins nothing of a channel that is half posted', async () => {
    const { turn, isOurs } = turns()
    const given: (AbortSignal | undefined)[] = []
    const setup = { frameDataBytes: 200, targetFrames: 3, maxPendingSubmissions: 1 }
    const { batcher, state, submitted, events } = harness(setup, {
      turn: { isOurs },
      transactions: noise(150),
      submit: ({ signal }) => {
        given.push(signal)
        return new Promise(() => {})
      },
    })
    state.maxItems = 1
    batcher.flush()
    await batcher.step()
    expect([submitted.length, batcher.view.pendingSubmissions]).toEqual([1, 1])
    turn.left = 0
    await batcher.step()
    expect(submitted).toHaveLength(1)
    expect(given[0]?.aborted).toBe(true)
    expect(batcher.view).toMatchObject({ waiting: 'not-the-batcher', closedChannels: 0, pendingSubmissions: 0 })
    expect(events.filter(({ type }) => type === 'cleared')).toEqual([{ type: 'cleared', reason: 'turn-lost' }])
    await batcher.step()
    expect(events.filter(({ type }) => type === 'cleared')).toHaveLength(1)
  })

  it('asks before each submission', async () => {
    const { turn, isOurs } = turns()
    const setup = { frameDataBytes: 200, targetFrames: 3 }
    const { batcher, round, state, submitted } = harness(setup, { turn: { isOurs }, transactions: noise(150) })
    state.maxItems = 1
    batcher.flush()
    // One for the round, one for the first submission.
    turn.left = 2
    await round()
    expect(submitted).toHaveLength(1)
    expect(batcher.view.waiting).toBe('not-the-batcher')
  })

  it('posts nothing while nobody knows, and forgets nothing for that', async () => {
    const { turn, isOurs } = turns()
    const { batcher, round, submitted, events } = harness({}, { turn: { isOurs } })
    await round()
    const held = batcher.view.loadedBlocks
    turn.left = undefined
    batcher.flush()
    await expect(round()).rejects.toThrow('no turn today')
    expect(submitted).toEqual([])
    expect(batcher.view.loadedBlocks).toBe(held)
    turn.left = Number.POSITIVE_INFINITY
    await round()
    expect(submitted).toHaveLength(1)
    expect(events.filter(({ type }) => type === 'cleared')).toEqual([])
  })
})

describe('approval', () => {
  it('holds every channel that nobody has approved, in their order, and says so', async () => {
    const asked: [bigint, bigint, number][][] = []
    let approved = 0
    const approval: BatcherApproval = {
      async approved(channels) {
        asked.push(channels.map(({ firstBlock, lastBlock, items }) => [firstBlock, lastBlock, items.length]))
        return approved
      },
    }
    const rollup = harness({}, { approval })
    const { batcher, round, state, submitted, events } = rollup
    batcher.flush()
    await round()
    await round()
    expect(batcher.view).toMatchObject({ waiting: 'not-approved', closedChannels: 1 })
    expect(events.filter(({ type }) => type === 'waiting')).toEqual([{ type: 'waiting', reason: 'not-approved' }])
    state.unsafe = 5n
    batcher.flush()
    await round()
    expect(asked.at(-1)).toEqual([
      [1n, 3n, 1],
      [4n, 5n, 1],
    ])
    expect(submitted).toEqual([])
    approved = 1
    await round()
    expect(submitted).toHaveLength(1)
    expect(batcher.view.waiting).toBe('not-approved')
    await round()
    expect(asked.at(-1)).toEqual([[4n, 5n, 1]])
    expect(submitted).toHaveLength(2)
    expect(batcher.view.waiting).toBeUndefined()
    const before = asked.length
    await round()
    expect(asked).toHaveLength(before)
  })

  it('is not asked for the rest of what has begun, and while it cannot be had nothing begins', async () => {
    let isDown = true
    let questions = 0
    const approval: BatcherApproval = {
      async approved(channels) {
        questions++
        if (isDown) throw new Error('no word today')
        return channels.length
      },
    }
    const setup = { frameDataBytes: 200, targetFrames: 3, maxPendingSubmissions: 1 }
    const { batcher, round, state, submitted } = harness(setup, { approval, transactions: noise(150) })
    state.maxItems = 1
    batcher.flush()
    await expect(round()).rejects.toThrow('no word today')
    expect(submitted).toEqual([])
    isDown = false
    await round()
    expect(submitted).toHaveLength(1)
    const before = questions
    isDown = true
    await round()
    expect(submitted).toHaveLength(2)
    expect(questions).toBe(before)
  })
})
