import { runs, seededRandom, testSeed } from '@l2/common/testing'
import type { Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import { toSingularBatch } from '../batch/singular.js'
import { toSpanBatch } from '../batch/span.js'
import { encodeBatcherTransaction } from '../channel/frame.js'
import { SequencerError } from '../errors.js'
import { createL1Simulator, type L1Simulator } from '../testing/l1-simulator.js'
import {
  createHashEngine,
  createSequencerSimulator,
  deriveSimulated,
  framesOfBatches,
  type SequencerSimulator,
  simulatedRollup,
  simulatedTransaction,
} from '../testing/l2-simulator.js'
import { sequencerFeeVault } from './attributes.js'
import { genesisCheckpoint } from './checkpoint.js'
import { createDerivationDriver, type DerivationDriverOptions } from './driver.js'
import type { ForkSchedule } from './fork-schedule.js'
import { encodeExtraData } from './l2.js'
import type { RollupConfig } from './rollup-config.js'

type Scene = { config: RollupConfig; l1: L1Simulator; sequencer: SequencerSimulator; post(from: number): void }

function scene(forks?: ForkSchedule): Scene {
  const config = simulatedRollup({ sequencingWindowBlocks: 12n, ...(forks === undefined ? {} : { forks }) })
  const l1 = createL1Simulator({ config, sign: false })
  const sequencer = createSequencerSimulator({ config, l1 })
  let channel = 0
  return {
    config,
    l1,
    sequencer,
    post(from) {
      const blocks = sequencer.blocks.slice(from).map(({ batch }) => batch)
      if (blocks.length === 0) return
      const batches =
        channel % 2 === 0
          ? [toSpanBatch(blocks, { genesisTimeSeconds: config.genesis.l2TimeSeconds })]
          : blocks.map(toSingularBatch)
      const channelId = `0x${(++channel).toString(16).padStart(32, '0')}` as const
      for (const frame of framesOfBatches(batches, { config, channelId, frameBytes: 150 })) {
        l1.post(encodeBatcherTransaction([frame]))
        if (channel % 3 === 0) l1.mine()
      }
    },
  }
}

function drive({ config, l1 }: Scene, options: Partial<DerivationDriverOptions> = {}) {
  const engine = createHashEngine({ config })
  const events: string[] = []
  const driver = createDerivationDriver({
    config,
    engine,
    l1: l1.source,
    blobs: l1.blobs,
    trustSenders: true,
    onEvent: event => events.push(event.type),
    ...options,
  })
  return { driver, engine, events }
}

function fresh({ config, l1 }: Scene): Hash[] {
  const derived = deriveSimulated(l1, { config, start: genesisCheckpoint(config), trustSenders: true })
  return derived.blocks.map(({ hash }) => hash)
}

function canonical(engine: ReturnType<typeof createHashEngine>, upTo: bigint): Hash[] {
  return Array.from({ length: Number(upTo) }, (_, i) => engine.blockNow(BigInt(i + 1))!.hash)
}

describe('createDerivationDriver', () => {
  it('derives what is there, waits, and goes on', async () => {
    const world = scene()
    const { driver, engine } = drive(world)
    expect((await driver.sync()).head.number).toBe(0n)
    for (let round = 0; round < 5; round++) {
      const from = world.sequencer.blocks.length
      world.l1.mine()
      for (let i = 0; i < 6; i++) world.sequencer.build([simulatedTransaction(world.config, BigInt(10 * round + i))])
      world.post(from)
      world.l1.mine()
      const status = await driver.sync()
      expect(status.head).toEqual(world.sequencer.head)
      expect(status.safe).toEqual(world.sequencer.head)
      expect(engine.blockNow('latest')!.hash).toBe(world.sequencer.head.hash)
    }
  })

  it.each([
    ['Jovian', undefined],
    ['Fjord', { fjord: 0n } as ForkSchedule],
  ])('comes to what a fresh start comes to, whenever and however deep L1 reorganises: %s', async (_, forks) => {
    for (let seed = testSeed(1) * 100; seed < testSeed(1) * 100 + runs({ suite: 3, soak: 100 }); seed++) {
      const random = seededRandom(seed)
      const world = scene(forks)
      const { driver, engine, events } = drive(world, { maxCheckpoints: 8 })
      let posted = 0
      for (let round = 0; round < 16; round++) {
        world.l1.mine()
        if (random.bool(0.2)) {
          world.l1.deposit({
            from: world.config.batchInbox,
            to: undefined,
            mint: 1n,
            value: 0n,
            gas: 30_000n,
            data: random.bytes(3),
          })
        }
        for (let i = random.below(8); i > 0; i--)
          world.sequencer.build([simulatedTransaction(world.config, BigInt(random.uint32()))])
        if (random.bool(0.5)) {
          world.post(posted)
          posted = world.sequencer.blocks.length
        }
        if (random.bool(0.6)) await driver.sync()
        if (random.bool(0.3)) {
          const depth = BigInt(random.pick([1, 1, 2, 3, 6, 12]))
          const to = world.l1.head.number - depth > 100n ? world.l1.head.number - depth : 100n
          world.l1.reorg(to)
          world.sequencer.rewind(to)
          // Everything is posted again; what is safe already says nothing new.
          posted = 0
          if (random.bool()) await driver.sync()
        }
      }
      world.post(posted)
      world.l1.mine()
      const status = await driver.sync()
      const expected = fresh(world)
      expect(canonical(engine, status.head.number), `seed ${seed}`).toEqual(expected)
      expect(engine.blockNow('latest')!.hash).toBe(status.head.hash)
      expect(expected.length).toBeGreaterThan(0)
      expect(new Set(events).has('reset')).toBe(true)
    }
  })

  it('notices a reorg that has not grown past what was read', async () => {
    const world = scene()
    const { driver, events } = drive(world)
    world.l1.mine()
    for (let i = 0; i < 4; i++) world.sequencer.build()
    world.post(0)
    world.l1.mine()
    expect((await driver.sync()).head.number).toBe(4n)
    world.l1.reorg(101n)
    world.l1.mine()
    const status = await driver.sync()
    expect(events).toContain('reset')
    expect(status.head.number).toBe(0n)
    expect(status.l1Number).toBe(102n)
  })

  it('does not wait for what an L1 block needs that is no longer there', async () => {
    const overlapping = (world: Scene): void => {
      const blocks = world.sequencer.blocks.map(({ batch }) => batch)
      const span = toSpanBatch(blocks, { genesisTimeSeconds: world.config.genesis.l2TimeSeconds })
      const channelId = `0x${world.l1.head.number.toString(16).padStart(32, '0')}` as const
      world.l1.post(encodeBatcherTransaction(framesOfBatches([span], { config: world.config, channelId })))
      world.l1.mine()
    }
    const world = scene()
    world.l1.mine()
    for (let i = 0; i < 2; i++) world.sequencer.build([simulatedTransaction(world.config, BigInt(i))])
    overlapping(world)
    const engine = createHashEngine({ config: world.config })
    const { driver, events } = drive(world, {
      // An engine that has lost its old blocks.
      engine: { ...engine, block: async id => (id === 1n ? undefined : engine.block(id)) },
    })
    await driver.sync()
    world.sequencer.build([simulatedTransaction(world.config, 2n)])
    overlapping(world)
    const { number } = world.l1.head
    await expect(driver.sync()).rejects.toMatchObject({ code: 'L2_BLOCK_UNAVAILABLE' })
    world.l1.reorg(number - 1n)
    world.l1.mine()
    expect((await driver.sync()).l1Number).toBe(number)
    expect(events).toContain('reset')
  })

  it('notices a shorter L1 although no checkpoint lies above the fork and below its head', async () => {
    const world = scene()
    const { driver, events } = drive(world, { maxCheckpoints: 1 })
    for (let i = 0; i < 10; i++) world.l1.mine()
    const { l1Number } = await driver.sync()
    world.l1.reorg(world.l1.head.number - 6n)
    for (let i = 0; i < 3; i++) world.l1.mine()
    expect(world.l1.head.number).toBeLessThan(l1Number)
    expect(events).not.toContain('reset')
    await driver.sync()
    expect(events).toContain('reset')
  })

  it('resumes from a checkpoint, and refuses one that L1 has lost', async () => {
    const world = scene()
    const first = drive(world)
    world.l1.mine()
    for (let i = 0; i < 4; i++) world.sequencer.build()
    world.post(0)
    world.l1.mine()
    const { checkpoint } = await first.driver.sync()
    expect(checkpoint.head.number).toBe(4n)
    const second = drive(world, { engine: first.engine, start: checkpoint })
    for (let i = 0; i < 3; i++) world.sequencer.build()
    world.post(4)
    world.l1.mine()
    expect((await second.driver.sync()).head).toEqual(world.sequencer.head)
    world.l1.reorg(101n)
    world.l1.mine()
    world.l1.mine()
    await expect(second.driver.sync()).rejects.toMatchObject({ code: 'DERIVATION_START_LOST' })
  })

  it('keeps unsafe blocks that come out the same, and replaces those that do not', async () => {
    const world = scene()
    const { driver, engine } = drive(world)
    world.l1.mine()
    for (let i = 0; i < 6; i++) world.sequencer.build([simulatedTransaction(world.config, BigInt(i))])
    // The node has all six as unsafe blocks; four of them arrive on L1.
    for (const { executed } of world.sequencer.blocks) engine.adopt(executed)
    const [, , , fourth, fifth, sixth] = world.sequencer.blocks
    const post = (blocks: typeof world.sequencer.blocks, id: number): void => {
      const channelId = `0x${id.toString(16).padStart(32, '0')}` as const
      const batches = blocks.map(({ batch }) => toSingularBatch(batch))
      world.l1.post(encodeBatcherTransaction(framesOfBatches(batches, { config: world.config, channelId })))
      world.l1.mine()
    }
    post(world.sequencer.blocks.slice(0, 4), 1)
    const status = await driver.sync()
    expect(status.safe.hash).toBe(fourth!.ref.hash)
    expect(engine.blockNow('latest')!.hash).toBe(sixth!.ref.hash)
    // The fifth arrives without its transaction.
    post([{ ...fifth!, batch: { ...fifth!.batch, transactions: [] } }], 2)
    const after = await driver.sync()
    expect(after.head.number).toBe(5n)
    expect(engine.blockNow('latest')!.hash).toBe(after.head.hash)
    expect(after.head.hash).not.toBe(fifth!.ref.hash)
  })

  it('labels blocks that the engine has already, and builds none of them', async () => {
    const world = scene()
    world.l1.mine()
    for (let i = 0; i < 20; i++) world.sequencer.build([simulatedTransaction(world.config, BigInt(i))])
    const engine = createHashEngine({ config: world.config })
    for (const { executed } of world.sequencer.blocks) engine.adopt(executed)
    const tip = world.sequencer.head.hash
    const calls: string[] = []
    const watched: typeof engine = {
      ...engine,
      build: async (...values) => {
        calls.push('build')
        return engine.build(...values)
      },
      setHead: async heads => {
        calls.push(heads.head === tip ? 'label' : 'back')
        await engine.setHead(heads)
      },
    }
    const { driver } = drive(world, { engine: watched })
    world.post(0)
    world.l1.mine()
    expect((await driver.sync()).safe.hash).toBe(tip)
    expect(calls).toEqual(Array.from({ length: 20 }, () => 'label'))
  })

  it('a reorg of L1 is reported though the engine fails when it is told of it', async () => {
    const world = scene()
    world.l1.mine()
    world.sequencer.build()
    world.post(0)
    world.l1.mine()
    const engine = createHashEngine({ config: world.config })
    let down = false
    const { driver, events } = drive(world, {
      engine: {
        ...engine,
        setHead: async heads => {
          if (down) throw new SequencerError('down', { code: 'ENGINE_UNAVAILABLE', recovery: 'retry' })
          await engine.setHead(heads)
        },
      },
    })
    await driver.sync()
    world.l1.reorg(101n)
    world.l1.mine()
    down = true
    await expect(driver.sync()).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' })
    down = false
    expect((await driver.sync()).head.number).toBe(0n)
    expect([events.filter(kind => kind === 'reset').length, engine.blockNow('latest')!.number]).toEqual([1, 0n])
  })

  it('a reorg of L1 takes no unsafe block away whose origin is still there', async () => {
    for (const depth of [1n, 4n]) {
      const world = scene()
      world.l1.mine()
      for (let i = 0; i < 20; i++) world.sequencer.build([simulatedTransaction(world.config, BigInt(i))])
      const origin = world.sequencer.head.l1Origin.number
      const engine = createHashEngine({ config: world.config })
      const { driver, events } = drive(world, { engine })
      for (let i = 0; i < 4; i++) world.l1.mine()
      await driver.sync()
      for (const { executed } of world.sequencer.blocks) engine.adopt(executed)
      const from = world.l1.head.number - depth
      world.l1.reorg(from)
      for (let i = 0; i < 5; i++) world.l1.mine()
      await driver.sync()
      expect(events).toContain('reset')
      expect([from >= origin, engine.blockNow('latest')!.number]).toEqual([true, 20n])
      // One whose origin is gone is on no chain that will be.
      world.l1.reorg(origin - 1n)
      for (let i = 0; i < 9; i++) world.l1.mine()
      await driver.sync()
      expect(engine.blockNow('latest')!.number).toBe(0n)
    }
  })

  it('compares everything that a header says before it takes a block for derived', async () => {
    const world = scene()
    world.l1.mine()
    const { executed } = world.sequencer.build([simulatedTransaction(world.config, 1n)])!
    const origin = world.l1.block(executed.timestamp >= world.l1.head.timestamp ? 101n : 100n)!
    const header = {
      prevRandao: origin.mixHash,
      feeRecipient: sequencerFeeVault,
      parentBeaconBlockRoot: origin.parentBeaconBlockRoot,
      extraData: encodeExtraData({ denominator: 250n, elasticity: 6n, minBaseFee: 0n }),
    }
    world.post(0)
    world.l1.mine()
    const other: Hash = `0x${'77'.repeat(32)}`
    const cases = [
      [{}, 0],
      [{ prevRandao: other }, 1],
      [{ feeRecipient: world.config.batchInbox }, 1],
      [{ parentBeaconBlockRoot: other }, 1],
      [{ extraData: encodeExtraData({ denominator: 250n, elasticity: 5n, minBaseFee: 0n }) }, 1],
      [{ extraData: encodeExtraData({ denominator: 250n, elasticity: 6n, minBaseFee: 1n }) }, 1],
      // A plain engine is given all but that.
      [{ extraData: undefined }, 0],
      [{ extraData: undefined, prevRandao: other }, 1],
    ] as const
    for (const [change, builds] of cases) {
      const engine = createHashEngine({ config: world.config })
      engine.adopt({ ...executed, header: { ...header, ...change } })
      let built = 0
      const { driver } = drive(world, {
        engine: {
          ...engine,
          build: async (...values) => {
            built++
            return engine.build(...values)
          },
        },
      })
      expect((await driver.sync()).head.hash).toBe(executed.hash)
      expect([change, built]).toEqual([change, builds])
    }
  })

  it('makes a block of deposits where the engine judges its own block invalid', async () => {
    const world = scene()
    world.l1.mine()
    const from = world.sequencer.build([simulatedTransaction(world.config, 1n)])!
    world.post(0)
    world.l1.mine()
    const engine = createHashEngine({ config: world.config })
    const { driver, events } = drive(world, {
      engine: {
        ...engine,
        build: async (parent, attributes) => {
          if (attributes.transactions.length === 1) return engine.build(parent, attributes)
          throw new SequencerError('INVALID', { code: 'ENGINE_PAYLOAD_INVALID', recovery: 'reset' })
        },
      },
    })
    const { head } = await driver.sync()
    expect([head.number, events.includes('block-refused')]).toEqual([1n, true])
    expect(engine.blockNow(1n)!.transactions).toHaveLength(1)
    expect(head.hash).not.toBe(from.ref.hash)
  })

  it('waits for a block that the engine cannot name for a moment, and judges by it then', async () => {
    const world = scene()
    world.l1.mine()
    for (let i = 0; i < 2; i++) world.sequencer.build([simulatedTransaction(world.config, BigInt(i))])
    const post = (): void => {
      const span = toSpanBatch(
        world.sequencer.blocks.map(({ batch }) => batch),
        { genesisTimeSeconds: world.config.genesis.l2TimeSeconds },
      )
      const channelId = `0x${world.l1.head.number.toString(16).padStart(32, '0')}` as const
      world.l1.post(encodeBatcherTransaction(framesOfBatches([span], { config: world.config, channelId })))
      world.l1.mine()
    }
    post()
    const engine = createHashEngine({ config: world.config })
    let blind = false
    const { driver } = drive(world, {
      engine: {
        ...engine,
        block: async id => (blind && id === 1n ? undefined : engine.block(id)),
      },
    })
    expect((await driver.sync()).head.number).toBe(2n)
    // Overlaps the two that are safe.
    for (let i = 2; i < 4; i++) world.sequencer.build([simulatedTransaction(world.config, BigInt(i))])
    post()
    blind = true
    for (let i = 0; i < 3; i++) {
      await expect(driver.sync()).rejects.toMatchObject({ code: 'L2_BLOCK_UNAVAILABLE', recovery: 'retry' })
    }
    expect(driver.status.head.number).toBe(2n)
    blind = false
    expect((await driver.sync()).head).toEqual(world.sequencer.head)
  })

  it('asks again after a failure, and loses nothing by it', async () => {
    const world = scene()
    world.l1.mine()
    for (let i = 0; i < 4; i++) world.sequencer.build([simulatedTransaction(world.config, BigInt(i))])
    world.post(0)
    world.l1.mine()
    const random = seededRandom(testSeed(3))
    const flaky = <Arguments extends unknown[], Result>(run: (...values: Arguments) => Promise<Result>) => {
      return async (...values: Arguments): Promise<Result> => {
        if (random.bool(0.4)) throw new SequencerError('not now', { code: 'ENGINE_UNAVAILABLE', recovery: 'retry' })
        return run(...values)
      }
    }
    const engine = createHashEngine({ config: world.config })
    const { driver } = drive(world, {
      engine: { ...engine, build: flaky(engine.build), setHead: flaky(engine.setHead) },
      l1: { block: flaky(world.l1.source.block) },
    })
    let failures = 0
    for (let done = false; !done; ) {
      await driver.sync().then(
        () => {
          done = true
        },
        error => {
          expect(error).toMatchObject({ code: 'ENGINE_UNAVAILABLE' })
          failures++
        },
      )
    }
    expect(failures).toBeGreaterThan(3)
    expect(driver.status.head).toEqual(world.sequencer.head)
    expect(engine.blockNow('latest')!.hash).toBe(world.sequencer.head.hash)
  })

  it('labels final what comes from final L1 blocks', async () => {
    const world = scene()
    let final: bigint | undefined
    const labels: Hash[] = []
    const engine = createHashEngine({ config: world.config })
    const { driver } = drive(world, {
      engine: {
        ...engine,
        setHead: async heads => {
          labels.push(heads.finalized)
          await engine.setHead(heads)
        },
      },
      l1: { block: world.l1.source.block, finalizedNumber: async () => final },
    })
    world.l1.mine()
    for (let i = 0; i < 4; i++) world.sequencer.build()
    world.post(0)
    world.l1.mine()
    for (let i = 0; i < 2; i++) world.sequencer.build()
    world.post(4)
    world.l1.mine()
    expect((await driver.sync()).finalized.number).toBe(0n)
    final = 102n
    const status = await driver.sync()
    expect(status.finalized.number).toBe(4n)
    expect(labels.at(-1)).toBe(status.finalized.hash)
    expect(status.head.number).toBe(6n)
  })

  it('says which source is missing', async () => {
    const world = scene()
    world.l1.postBlobs([new Uint8Array(131_072)])
    world.l1.mine()
    const { driver } = drive(world, { blobs: undefined })
    await expect(driver.sync()).rejects.toMatchObject({
      code: 'DERIVATION_INPUT_INVALID',
      details: { option: 'blobs' },
    })
  })

  it('runs until it is told to stop', async () => {
    const world = scene()
    const { driver } = drive(world)
    const stop = new AbortController()
    let polls = 0
    const clock = {
      now: () => 0,
      sleep: async () => {
        if (++polls === 3) stop.abort()
        const from = world.sequencer.blocks.length
        world.l1.mine()
        world.sequencer.build()
        world.post(from)
        world.l1.mine()
      },
    }
    const { driver: running } = drive(world, { clock })
    await running.run({ signal: stop.signal })
    expect(polls).toBe(3)
    expect(running.status.head.number).toBe(2n)
    await expect(driver.sync({ signal: stop.signal })).rejects.toThrow()
  })
})
