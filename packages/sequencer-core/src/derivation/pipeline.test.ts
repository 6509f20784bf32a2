import { encodeOpBlob } from '@l2/blob'
import { concatBytes, hexToBytes } from '@l2/common'
import { codeOf, type Random, runs, seededRandom, testSeed } from '@l2/common/testing'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { type Hex, keccak256, stringToHex } from 'viem'
import { describe, expect, it } from 'vitest'
import { encodeBatch } from '../batch/batch.js'
import { toSingularBatch } from '../batch/singular.js'
import { toSpanBatch } from '../batch/span.js'
import type { Batch, BatchBlock, SingularBatch, SpanBatch } from '../batch/types.js'
import { encodeBatcherTransaction, type Frame } from '../channel/frame.js'
import { nodeDecompressors } from '../compression/node.js'
import { encodeRlp } from '../rlp/rlp.js'
import { createL1Simulator, type L1Simulator, simulatedAccount } from '../testing/l1-simulator.js'
import {
  createHashEngine,
  createSequencerSimulator,
  type DerivedChain,
  deriveSimulated,
  framesOfBatches,
  framesOfStream,
  type SequencerSimulator,
  simulatedRollup,
  simulatedTransaction,
} from '../testing/l2-simulator.js'
import { type DerivationCheckpoint, genesisCheckpoint } from './checkpoint.js'
import { countLeadingDeposits, decodeDeposit } from './deposit.js'
import type { ForkSchedule } from './fork-schedule.js'
import { decodeL1Info } from './l1-info.js'
import { createDerivationPipeline } from './pipeline.js'
import type { DerivationEvent, DerivationOptions } from './pipeline-types.js'
import type { RollupConfig } from './rollup-config.js'

const bedrock: ForkSchedule = { regolith: 0n, canyon: 0n, delta: 0n, ecotone: 0n, fjord: 0n }
const preCanyon: ForkSchedule = { regolith: 0n }

/** A rollup with its L1, and hands to make things happen. */
class World {
  readonly config: RollupConfig
  readonly l1: L1Simulator
  readonly sequencer: SequencerSimulator
  #nonce = 0n
  #channels = 0

  constructor(forks?: ForkSchedule, overrides: Partial<RollupConfig> = {}, sign = true) {
    this.config = simulatedRollup({ ...(forks === undefined ? {} : { forks }), ...overrides })
    this.l1 = createL1Simulator({ config: this.config, sign })
    this.sequencer = createSequencerSimulator({ config: this.config, l1: this.l1 })
  }

  channelId(): Hex {
    return `0x${(++this.#channels).toString(16).padStart(32, '0')}`
  }

  tx(): Uint8Array {
    return simulatedTransaction(this.config, this.#nonce++)
  }

  /** Builds `count` blocks of one transaction each. */
  build(count: number, transactions?: readonly Uint8Array[]): void {
    for (let i = 0; i < count; i++) this.sequencer.build(transactions ?? [this.tx()])
  }

  get blocks(): BatchBlock[] {
    return this.blocksFrom(0)
  }

  blocksFrom(index: number): BatchBlock[] {
    return this.sequencer.blocks.slice(index).map(({ batch }) => batch)
  }

  span(blocks: readonly BatchBlock[]): SpanBatch {
    return toSpanBatch(blocks, { genesisTimeSeconds: this.config.genesis.l2TimeSeconds })
  }

  frames(batches: readonly Batch[], frameBytes?: number): Frame[] {
    const options = { config: this.config, channelId: this.channelId() }
    return framesOfBatches(batches, frameBytes === undefined ? options : { ...options, frameBytes })
  }

  /** Posts batches as one channel in one transaction, and mines it. */
  post(batches: readonly Batch[]): void {
    this.l1.post(encodeBatcherTransaction(this.frames(batches)))
    this.l1.mine()
  }

  mine(count: number): void {
    for (let i = 0; i < count; i++) this.l1.mine()
  }

  derive(
    options: Partial<DerivationOptions> & {
      onEvent?: (event: DerivationEvent, pipeline: DerivedChain['pipeline']) => void
      committed?: (commitment: Hex) => Uint8Array | undefined
    } = {},
  ): DerivedChain {
    return deriveSimulated(this.l1, { config: this.config, start: genesisCheckpoint(this.config), ...options })
  }

  get hashes(): string[] {
    return this.sequencer.blocks.map(({ ref }) => ref.hash)
  }
}

const hashes = (derived: DerivedChain): string[] => derived.blocks.map(({ hash }) => hash)
const verdicts = (derived: DerivedChain): string[] =>
  derived.events.flatMap(event =>
    event.type === 'batch' ? [`${event.batchType} ${event.verdict} ${event.reason}`] : [],
  )
const kinds = (derived: DerivedChain, kind: DerivationEvent['type']): DerivationEvent[] =>
  derived.events.filter(event => event.type === kind)

/** Lets a sequencer and L1 run beside each other, and posts everything by `send`, which puts frames on L1 before each block. */
function run(world: World, random: Random, rounds: number, spans: boolean, send: (frames: Frame[][]) => void): void {
  let posted = 0
  for (let round = 0; round < rounds; round++) {
    const count = random.below(9)
    for (let i = 0; i < count; i++)
      world.build(
        1,
        Array.from({ length: random.below(3) }, () => world.tx()),
      )
    if (random.bool(0.3)) {
      world.l1.deposit({
        from: world.config.batchInbox,
        to: undefined,
        mint: 1n,
        value: 0n,
        gas: 21_000n,
        data: random.bytes(random.below(40)),
      })
    }
    if (random.bool(0.2))
      world.l1.updateConfig({ type: 'gas-limit', gasLimit: 1_000_000n + BigInt(random.below(1000)) })
    const pending = world.blocks.slice(posted)
    const channelList: Frame[][] = []
    if (pending.length > 0 && (random.bool(0.5) || round === rounds - 1)) {
      posted = world.blocks.length
      const pieces: BatchBlock[][] = []
      for (let at = 0; at < pending.length; ) {
        const length = 1 + random.below(pending.length)
        pieces.push(pending.slice(at, at + length))
        at += length
      }
      for (const piece of pieces) {
        const batches = spans && random.bool(0.7) ? [world.span(piece)] : piece.map(toSingularBatch)
        channelList.push(world.frames(batches, 20 + random.below(200)))
      }
    }
    send(channelList)
    world.l1.mine()
  }
}

function shuffle<T>(items: T[], random: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[items[i], items[j]] = [items[j]!, items[i]!]
  }
  return items
}

/** Cuts into runs of 1 … `max`. */
function groups<T>(items: readonly T[], max: number, random: Random): T[][] {
  const result: T[][] = []
  for (let at = 0; at < items.length; ) {
    const length = 1 + random.below(max)
    result.push(items.slice(at, at + length))
    at += length
  }
  return result
}

const seeds = (count: number): number[] => Array.from({ length: count }, (_, i) => testSeed(1) * 1000 + i)

describe('derivation', () => {
  it.each([
    ['every fork at genesis', undefined, true],
    ['Fjord', bedrock, true],
    ['Bedrock', preCanyon, false],
  ] as const)(
    'derives what the sequencer built, however the frames are cut and grouped in order: %s',
    (_, forks, spans) => {
      for (const seed of seeds(runs({ suite: 4, soak: 150 }))) {
        const random = seededRandom(seed)
        const world = new World(forks, {}, false)
        run(world, random, 12, spans, channelList => {
          for (const group of groups(channelList.flat(), 5, random)) {
            const data = encodeBatcherTransaction(group)
            if (random.bool(0.3) && forks !== preCanyon) world.l1.postBlobs([encodeOpBlob(data)])
            else world.l1.post(data)
          }
        })
        const derived = world.derive({ trustSenders: true })
        expect(hashes(derived), `seed ${seed}`).toEqual(world.hashes)
        expect(derived.pipeline.safe).toEqual(world.sequencer.head)
        expect(verdicts(derived)).toEqual([])
      }
    },
  )

  it.each([
    ['Fjord', bedrock, true],
    ['Bedrock', preCanyon, false],
  ] as const)(
    'before Holocene, frames and channels may come in any order, doubled and delayed: %s',
    (_, forks, spans) => {
      for (const seed of seeds(runs({ suite: 4, soak: 150 }))) {
        const random = seededRandom(seed)
        const world = new World(forks, { sequencingWindowBlocks: 40n }, false)
        const waiting: Frame[] = []
        const post = (frames: Frame[]): void => {
          for (const group of groups(frames, 4, random)) world.l1.post(encodeBatcherTransaction(group))
        }
        run(world, random, 12, spans, channelList => {
          waiting.push(...channelList.flat())
          // Before Canyon a doubled frame opens a channel that never closes and that everything behind it waits for.
          if (forks !== preCanyon && random.bool(0.2)) waiting.push(...channelList.flat())
          shuffle(waiting, random)
          post(waiting.splice(0, random.below(waiting.length + 1)))
        })
        post(waiting)
        world.mine(1)
        expect(hashes(world.derive({ trustSenders: true })), `seed ${seed}`).toEqual(world.hashes)
      }
    },
  )

  it('derives the same from in-order data before and from Holocene', () => {
    for (const seed of seeds(runs({ suite: 3, soak: 100 }))) {
      const [before, after] = [bedrock, { ...bedrock, granite: 0n, holocene: 0n }].map(forks => {
        const world = new World(forks, {}, false)
        const cuts = seededRandom(seed + 1)
        run(world, seededRandom(seed), 10, true, channelList => {
          for (const group of groups(channelList.flat(), 5, cuts)) world.l1.post(encodeBatcherTransaction(group))
        })
        const derived = world.derive({ trustSenders: true })
        expect(hashes(derived)).toEqual(world.hashes)
        // Hashes of L1 and L2 differ between the two rollups, and with them what says them.
        return derived.blocks.map(({ number, timestamp, transactions }) => {
          const { number: epoch, sequenceNumber } = decodeL1Info(decodeDeposit(transactions[0]!).data)
          const deposits = countLeadingDeposits(transactions)
          return { number, timestamp, epoch, sequenceNumber, deposits, transactions: transactions.slice(deposits) }
        })
      })
      expect(after, `seed ${seed}`).toEqual(before)
    }
  })

  it('recovers senders, and takes nobody but the batcher', () => {
    const world = new World()
    world.mine(1)
    world.build(3)
    const data = encodeBatcherTransaction(world.frames(world.blocks.map(toSingularBatch)))
    world.l1.post(data, { from: simulatedAccount(1) })
    world.l1.post(data, { to: world.config.depositContract })
    world.mine(1)
    const ignored = world.derive()
    expect(ignored.blocks).toEqual([])
    expect(kinds(ignored, 'transaction-ignored')).toEqual([{ type: 'transaction-ignored', reason: 'not-batcher' }])
    world.l1.post(data)
    world.mine(1)
    expect(hashes(world.derive())).toEqual(world.hashes)
  })

  it('lets the chain say who may post, block by block', () => {
    const world = new World()
    world.mine(1)
    world.build(3)
    const [first, second, third] = world.blocks.map(block =>
      encodeBatcherTransaction(world.frames([toSingularBatch(block)])),
    )
    world.l1.post(first!, { from: simulatedAccount(1) })
    world.l1.post(second!, { from: simulatedAccount(2) })
    world.mine(1)
    world.l1.post(third!, { from: simulatedAccount(1) })
    world.mine(1)
    const seen: bigint[] = []
    const derived = world.derive({
      isBatcher: (sender, block, systemConfig) => {
        expect(systemConfig.batcher).toBe(simulatedAccount(0).address)
        seen.push(block.number)
        const sequencers = block.number < 103n ? [1, 2] : [2]
        return sequencers.some(n => simulatedAccount(n).address === sender)
      },
    })
    expect(seen).toEqual([102n, 102n, 103n])
    expect(hashes(derived)).toEqual(world.hashes.slice(0, 2))
  })

  it('follows a rotation of the batcher in the very block that announces it', () => {
    const world = new World()
    world.mine(1)
    world.build(4)
    const posts = world.blocks.map(block => encodeBatcherTransaction(world.frames([toSingularBatch(block)])))
    world.l1.post(posts[0]!)
    world.mine(1)
    world.l1.updateConfig({ type: 'batcher', batcher: simulatedAccount(1).address })
    world.l1.post(posts[1]!, { from: simulatedAccount(1) })
    world.l1.post(posts[2]!)
    world.mine(1)
    const derived = world.derive()
    expect(hashes(derived)).toEqual(world.hashes.slice(0, 2))
    expect(kinds(derived, 'transaction-ignored')).toHaveLength(1)
  })

  it('ignores the calldata of blob transactions, unreadable blobs, and data that are no frames', () => {
    const world = new World()
    world.mine(1)
    world.build(2)
    const [first, second] = world.blocks.map(block => encodeBatcherTransaction(world.frames([toSingularBatch(block)])))
    const broken = encodeOpBlob(first!)
    broken[1] = 1
    world.l1.postBlobs([broken, encodeOpBlob(first!), new Uint8Array(131_072), encodeOpBlob(second!)])
    world.l1.post(new Uint8Array())
    world.l1.post(Uint8Array.of(0))
    world.l1.post(Uint8Array.of(7, 1, 2))
    world.l1.post(concatBytes(first!, Uint8Array.of(0)))
    world.mine(1)
    const derived = world.derive()
    expect(hashes(derived)).toEqual(world.hashes)
    expect(kinds(derived, 'transaction-ignored').map(event => 'reason' in event && event.reason)).toEqual([
      'blob-malformed',
      'data-malformed',
      'data-malformed',
      'data-malformed',
      'data-malformed',
      'data-malformed',
    ])
  })

  it('asks for what alt-DA commitments stand for, checks keccak ones, and passes over what may be missing', () => {
    const world = new World(undefined, { altDa: true })
    world.mine(1)
    world.build(3)
    const inputs = world.blocks.map(block => encodeBatcherTransaction(world.frames([toSingularBatch(block)])))
    const stored = new Map<string, Uint8Array>()
    const keccakCommitment = (data: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(1, 0), keccak_256(data))
    const put = (commitment: Uint8Array, data: Uint8Array): void => {
      stored.set(commitment.subarray(1).join(), data)
      world.l1.post(commitment)
    }
    put(keccakCommitment(inputs[0]!), inputs[0]!)
    put(Uint8Array.of(1, 1, 0x0c, 9, 9), inputs[1]!)
    world.l1.post(keccakCommitment(Uint8Array.of(1)))
    // A commitment to a commitment counts for nothing, nor does an input beyond the limit, nor an unknown commitment type.
    put(Uint8Array.of(1, 1, 0x0c, 1), keccakCommitment(inputs[2]!))
    const large = new Uint8Array(130_673)
    put(keccakCommitment(large), large)
    world.l1.post(Uint8Array.of(1, 2, 3))
    // Plain frames may come at any time.
    world.l1.post(inputs[2]!)
    world.mine(1)
    const committed = (commitment: Hex) => stored.get(hexToBytes(commitment)!.join())
    const derived = world.derive({ committed })
    expect(hashes(derived)).toEqual(world.hashes)
    expect(kinds(derived, 'transaction-ignored').map(event => 'reason' in event && event.reason)).toEqual([
      'commitment-skipped',
      'data-malformed',
      'commitment-skipped',
      'data-malformed',
    ])
    expect(() => world.derive({ committed: () => Uint8Array.of(9) })).toThrow('not what the commitment says')
    // A chain without alt-DA takes no commitments.
    const plain = { ...world.config, altDa: false }
    expect(world.derive({ config: plain }).blocks).toEqual([])
  })

  it('reads brotli from Fjord on', () => {
    const make = (forks: ForkSchedule): DerivedChain => {
      const world = new World(forks)
      world.mine(1)
      const stream = encodeRlp(encodeBatch(toSingularBatch(blockOf(world)), { chainId: 901n }))
      world.l1.post(
        encodeBatcherTransaction([
          { channelId: world.channelId(), frameNumber: 0, data: brotliStored(stream), isLast: true },
        ]),
      )
      world.mine(1)
      return world.derive({ decompressors: nodeDecompressors })
    }
    expect(make(bedrock).blocks).toHaveLength(1)
    const early = make({ ...bedrock, fjord: undefined })
    expect(early.blocks).toEqual([])
    expect(kinds(early, 'channel-end')).toEqual([{ type: 'channel-end', reason: 'unusable' }])
  })
})

function blockOf(world: World): BatchBlock {
  world.build(1, [])
  return world.blocks.at(-1)!
}

/** Brotli of one uncompressed meta-block. */
function brotliStored(bytes: Uint8Array): Uint8Array {
  // WBITS 22 (1011), ISLAST 0, MNIBBLES 4 (00), MLEN−1 in 16 bits, ISUNCOMPRESSED 1, then padding: 4+1+2+16+1 = 24 bits.
  const value = 0b1011 | (0 << 4) | (0 << 5) | ((bytes.length - 1) << 7) | (1 << 23)
  const header = Uint8Array.of(value & 255, (value >> 8) & 255, (value >>> 16) & 255)
  return concatBytes(Uint8Array.of(1), header, bytes, Uint8Array.of(3))
}

describe('sequencing window', () => {
  it('makes empty blocks when no batch came in time, with one block per epoch at least', () => {
    for (const forks of [undefined, bedrock]) {
      const world = new World(forks, { sequencingWindowBlocks: 4n })
      world.mine(9)
      const derived = world.derive()
      // Epochs 100 … 105 are over at L1 block 109 (inclusively): blocks up to the time of L1 block 106, seconds 1002 … 1070.
      expect(derived.blocks.map(({ timestamp }) => timestamp)).toEqual(
        Array.from({ length: 35 }, (_, i) => 1002n + 2n * BigInt(i)),
      )
      const infos = derived.blocks.map(({ transactions }) => decodeL1Info(decodeDeposit(transactions[0]!).data))
      for (const [i, info] of infos.entries()) expect(info.number).toBe(100n + BigInt(Math.floor((i + 1) / 6)))
      expect(derived.blocks.every(({ transactions }) => transactions.length === 1)).toBe(true)
    }
  })

  it('gives each epoch a block even when L1 is faster than L2', () => {
    const config = simulatedRollup({ sequencingWindowBlocks: 3n })
    const l1 = createL1Simulator({ config, blockTimeSeconds: 1n })
    for (let i = 0; i < 12; i++) l1.mine()
    const derived = deriveSimulated(l1, { config, start: genesisCheckpoint(config) })
    const infos = derived.blocks.map(({ transactions }) => decodeL1Info(decodeDeposit(transactions[0]!).data).number)
    expect(infos).toEqual(infos.map((_, i) => 101n + BigInt(i)))
    expect(infos.length).toBeGreaterThan(6)
  })

  it('carries deposits into forced blocks', () => {
    const world = new World(undefined, { sequencingWindowBlocks: 3n })
    world.l1.deposit({
      from: world.config.batchInbox,
      to: undefined,
      mint: 1n,
      value: 0n,
      gas: 21_000n,
      data: new Uint8Array(),
    })
    world.mine(8)
    const counts = world.derive().blocks.map(({ transactions }) => transactions.length)
    expect(counts.filter(count => count === 2)).toHaveLength(1)
  })

  it('lets a late batcher continue in the first epoch whose window is open', () => {
    const world = new World(undefined, { sequencingWindowBlocks: 4n })
    world.mine(6)
    const forced = world.derive()
    // The sequencer had built nothing and goes on from what was forced.
    const follow = createSequencerSimulator({ config: world.config, l1: world.l1 })
    while (follow.blocks.length < forced.blocks.length) follow.build([])
    expect(follow.blocks.map(({ ref }) => ref.hash)).toEqual(hashes(forced))
    for (let i = 0; i < 3; i++) follow.build([world.tx()])
    world.post(follow.blocks.slice(forced.blocks.length).map(({ batch }) => toSingularBatch(batch)))
    const derived = world.derive()
    expect(hashes(derived).slice(0, follow.blocks.length)).toEqual(follow.blocks.map(({ ref }) => ref.hash))
  })
})

describe('what goes wrong', () => {
  const wrongParent = (block: BatchBlock): SingularBatch => ({
    ...toSingularBatch(block),
    parentHash: keccak256(stringToHex('elsewhere')),
  })

  it('Holocene: an invalid batch condemns the rest of its channel, a past one does not', () => {
    const world = new World()
    world.mine(1)
    world.build(6)
    const [a, b, c, d, e, f] = world.blocks.map(toSingularBatch) as SingularBatch[]
    world.post([a!, wrongParent(world.blocks[1]!), b!])
    expect(hashes(world.derive())).toEqual(world.hashes.slice(0, 1))
    world.post([a!, b!, a!, c!])
    expect(hashes(world.derive())).toEqual(world.hashes.slice(0, 3))
    world.post([e!, d!])
    expect(hashes(world.derive())).toEqual(world.hashes.slice(0, 3))
    world.post([d!, e!, f!])
    const derived = world.derive()
    expect(hashes(derived)).toEqual(world.hashes)
    expect(verdicts(derived)).toEqual([
      'singular drop parent-mismatch',
      'singular past timestamp-in-past',
      'singular past timestamp-in-past',
      'singular drop timestamp-in-future',
    ])
    expect(kinds(derived, 'channel-end').map(event => 'reason' in event && event.reason)).toEqual([
      'flushed',
      'end',
      'flushed',
      'end',
    ])
  })

  it('Bedrock: invalid batches are passed over, future ones wait', () => {
    const world = new World(bedrock)
    world.mine(1)
    world.build(4)
    const [a, b, c, d] = world.blocks.map(toSingularBatch) as SingularBatch[]
    world.post([wrongParent(world.blocks[0]!), d!, c!])
    expect(world.derive().blocks).toEqual([])
    world.post([b!, a!, a!])
    const derived = world.derive()
    expect(hashes(derived)).toEqual(world.hashes)
    expect(verdicts(derived)).toEqual(['singular drop parent-mismatch', 'singular drop timestamp-in-past'])
  })

  it('a span may overlap what is safe already', () => {
    for (const forks of [undefined, bedrock]) {
      const world = new World(forks)
      world.mine(1)
      world.build(5)
      world.post([world.span(world.blocks)])
      world.build(5)
      world.post([world.span(world.blocks.slice(2))])
      world.build(1)
      world.post([world.span(world.blocks)])
      const derived = world.derive()
      expect(hashes(derived)).toEqual(world.hashes)
      expect(verdicts(derived)).toEqual([])
    }
  })

  it('drops a span whose overlapped blocks are not those of the safe chain', () => {
    for (const forks of [bedrock, undefined]) {
      const world = new World(forks)
      world.mine(1)
      world.build(3)
      world.post([world.span(world.blocks)])
      world.build(2)
      const other = world.blocks.map((block, i) => (i === 1 ? { ...block, transactions: [world.tx()] } : block))
      world.post([world.span(other)])
      const derived = world.derive()
      expect(verdicts(derived)).toEqual(['span drop overlap-transactions-mismatch'])
      expect(hashes(derived)).toEqual(world.hashes.slice(0, 3))
    }
  })

  it('passes over a span whose transactions cannot be rebuilt, and reads on in its channel', () => {
    const world = new World()
    world.mine(1)
    world.build(3)
    const [first, ...rest] = world.blocks
    const good = encodeBatch(world.span([first!]), { chainId: world.config.l2ChainId })
    const item = good.findIndex((byte, i) => i > 130 && byte === 2 && good[i + 1]! >= 0xc0)
    expect(item).toBeGreaterThan(0)
    // The item's type byte becomes one that no span has: unknown, a blob transaction, a deposit, no type at all.
    for (const type of [5, 3, 0x7e, 0]) {
      const changed = good.map((byte, i) => (i === item ? type : byte))
      // Type 0 counts among the legacy ones, which have a bit each at the end.
      const bad = type === 0 ? concatBytes(changed, Uint8Array.of(0)) : changed
      const stream = [bad, good, ...rest.map(block => encodeBatch(toSingularBatch(block), { chainId: 0n }))]
      const l1 = new World()
      l1.mine(1)
      const frames = framesOfStream(concatBytes(...stream.map(bytes => encodeRlp(bytes))), {
        channelId: l1.channelId(),
      })
      l1.l1.post(encodeBatcherTransaction(frames))
      l1.mine(1)
      const derived = l1.derive()
      expect(verdicts(derived)).toEqual(['span drop span-underivable'])
      expect(hashes(derived)).toEqual(world.hashes)
      // For kona the channel ends there.
      expect(hashes(l1.derive({ rules: 'kona' }))).toEqual([])
    }
  })

  it('takes only the commitments that the chain has, up to its size', () => {
    const world = (altDa: RollupConfig['altDa']): string[] => {
      const chain = new World(undefined, { altDa })
      chain.mine(1)
      const input = new Uint8Array(200).fill(7)
      for (const commitment of [concatBytes(Uint8Array.of(0), keccak_256(input)), Uint8Array.of(1, 9, 9)]) {
        chain.l1.post(concatBytes(Uint8Array.of(1), commitment))
      }
      chain.mine(1)
      const asked: string[] = []
      const derived = chain.derive({
        committed: commitment => {
          asked.push(commitment.slice(0, 4))
          return input
        },
      })
      return [...asked, ...kinds(derived, 'transaction-ignored').map(event => ('reason' in event ? event.reason : ''))]
    }
    // 200 bytes of 7 are no batcher data, which is found out after they were read.
    expect(world(true)).toEqual(['0x00', '0x01', 'data-malformed', 'data-malformed'])
    expect(world({ commitmentType: 'keccak' })).toEqual(['0x00', 'data-malformed', 'data-malformed'])
    expect(world({ commitmentType: 'generic' })).toEqual(['0x01', 'data-malformed', 'data-malformed'])
    expect(world({ commitmentType: 'keccak', maxInputBytes: 199 })).toEqual([
      '0x00',
      'commitment-skipped',
      'data-malformed',
    ])
    expect(world(false)).toEqual(['data-malformed', 'data-malformed'])
  })

  it('a span that claims a parent before genesis decides nothing', () => {
    const world = new World()
    world.mine(1)
    world.build(3)
    const span = { ...world.span(world.blocks), relTimestamp: 0n }
    world.post([span, ...world.blocks.map(toSingularBatch)])
    const derived = world.derive()
    expect(verdicts(derived)).toEqual(['span undecided l2-block-unknown'])
    expect(hashes(derived)).toEqual(world.hashes)
  })

  it('Holocene: a span that moves a change of origin is dropped, with its channel', () => {
    const world = new World()
    world.build(5)
    world.mine(1)
    world.build(1)
    expect(world.blocks.at(-1)!.epochNumber).toBe(101n)
    world.post(world.blocks.map(toSingularBatch))
    // The same blocks and two more, with the change of origin two blocks later than it was: the overlap tells them apart.
    const late = [
      ...world.blocks.slice(0, 5),
      { ...world.blocks[4]!, timestamp: 1012n },
      {
        ...world.blocks[5]!,
        timestamp: 1014n,
        epochNumber: 100n,
        epochHash: world.config.genesis.l1.hash,
        sequenceNumber: 7n,
      },
      { ...world.blocks[5]!, timestamp: 1016n },
    ]
    world.post([world.span(late)])
    const derived = world.derive()
    expect(hashes(derived)).toEqual(world.hashes)
    expect(verdicts(derived)).toEqual(['span drop overlap-transactions-mismatch'])
  })

  it('Holocene: a block that the engine refuses becomes one of deposits, and its channel ends', () => {
    const world = new World()
    world.mine(1)
    world.build(2)
    const bad: SingularBatch = { ...toSingularBatch(world.blocks[1]!), transactions: [Uint8Array.of(0xff)] }
    world.post([toSingularBatch(world.blocks[0]!), bad, toSingularBatch(world.blocks[1]!)])
    const derived = world.derive()
    expect(derived.blocks.map(({ transactions }) => transactions.length)).toEqual([2, 1])
    expect(kinds(derived, 'block-refused')).toHaveLength(1)
    expect(kinds(derived, 'channel-end')).toEqual([{ type: 'channel-end', reason: 'flushed' }])
  })

  it('Bedrock: a block that the engine refuses is passed over; a span is taken back as a whole', () => {
    const world = new World(bedrock)
    world.mine(1)
    world.build(3)
    const bad = world.blocks.map((block, i) => (i === 2 ? { ...block, transactions: [Uint8Array.of(0xff)] } : block))
    // A span cannot carry bytes that are no transaction: this engine refuses by nonce.
    const nonces = new Set([keccak256(world.blocks[1]!.transactions[0]!)])
    const engine = createHashEngine({ config: world.config, refuses: t => t[0] === 0xff || nonces.has(keccak256(t)) })
    world.post([world.span(world.blocks)])
    world.post(bad.map(toSingularBatch))
    const derived = deriveSimulated(world.l1, { config: world.config, start: genesisCheckpoint(world.config), engine })
    expect(kinds(derived, 'reverted')).toEqual([{ type: 'reverted', to: expect.objectContaining({ number: 0n }) }])
    expect(hashes(derived)).toEqual(world.hashes.slice(0, 1))
    expect(derived.pipeline.safe.number).toBe(1n)
    expect(kinds(derived, 'block-refused')).toHaveLength(2)
  })

  it('Bedrock: a span that is taken back takes no batch of the future with it', () => {
    const world = new World(bedrock)
    world.mine(1)
    world.build(5)
    const [a, b, c, d, e] = world.blocks.map(toSingularBatch) as SingularBatch[]
    const refusedOnce = keccak256(world.blocks[4]!.transactions[0]!)
    let refusals = 0
    const engine = createHashEngine({
      config: world.config,
      refuses: transaction => keccak256(transaction) === refusedOnce && refusals++ === 0,
    })
    // The singular batches become due while the span is applied, and are needed when its last block is refused.
    world.post([e!, d!, c!, b!, world.span(world.blocks), a!])
    const derived = deriveSimulated(world.l1, { config: world.config, start: genesisCheckpoint(world.config), engine })
    expect(kinds(derived, 'reverted')).toHaveLength(1)
    expect(hashes(derived)).toEqual(world.hashes)
    expect(verdicts(derived)).toEqual([])
  })

  it('an engine that refuses a block of deposits is a failure', () => {
    const world = new World(undefined, { sequencingWindowBlocks: 3n })
    world.mine(8)
    const pipeline = createDerivationPipeline({ config: world.config, start: genesisCheckpoint(world.config) })
    let output = pipeline.step()
    while (output.type !== 'attributes') {
      if (output.type === 'need' && output.need.type === 'l1-block') {
        output = pipeline.step({ type: 'l1-block', block: world.l1.block(output.need.number)! })
      } else output = pipeline.step()
    }
    expect(codeOf(() => pipeline.step({ type: 'refused' }))).toBe('DEPOSIT_BLOCK_REFUSED')
    expect(pipeline.step()).toBe(output)
  })

  it('a channel that times out is lost, and what comes after it derives', () => {
    for (const forks of [undefined, { ...bedrock }]) {
      const world = new World(forks, { sequencingWindowBlocks: 200n })
      world.mine(1)
      world.build(4)
      const frames = world.frames(world.blocks.map(toSingularBatch), 40)
      world.l1.post(encodeBatcherTransaction(frames.slice(0, 1)))
      // 50 blocks from Granite on, this chain's 10 before.
      world.mine((forks === undefined ? 50 : 10) + 1)
      world.l1.post(encodeBatcherTransaction(frames.slice(1)))
      world.mine(1)
      expect(world.derive().blocks).toEqual([])
      world.post(world.blocks.map(toSingularBatch))
      expect(hashes(world.derive())).toEqual(world.hashes)
    }
  })

  it('Holocene begins with empty hands: what was half posted before is posted again', () => {
    // L1 block 104 (second 1048) is the first under Holocene.
    const world = new World({ ...bedrock, granite: 0n, holocene: 1048n }, { sequencingWindowBlocks: 200n })
    world.mine(1)
    world.build(6)
    const batches = world.blocks.map(toSingularBatch)
    const frames = world.frames(batches, 60)
    // Out of order, and its first half before the fork.
    world.post([batches[5]!, batches[0]!])
    world.l1.post(encodeBatcherTransaction(frames.slice(0, 2)))
    world.mine(1)
    world.l1.post(encodeBatcherTransaction(frames.slice(2)))
    world.mine(1)
    expect(world.l1.head.timestamp).toBe(1048n)
    expect(hashes(world.derive())).toEqual(world.hashes.slice(0, 1))
    world.post(batches.slice(1, 5))
    expect(hashes(world.derive())).toEqual(world.hashes.slice(0, 5))
    world.post(batches)
    expect(hashes(world.derive())).toEqual(world.hashes)
  })

  it('drops span batches that arrive before Delta, and reads on', () => {
    const world = new World({ regolith: 0n, canyon: 0n, delta: 1_000_000n })
    world.mine(1)
    world.build(2)
    world.post([world.span(world.blocks), ...world.blocks.map(toSingularBatch)])
    const derived = world.derive()
    expect(verdicts(derived)).toEqual(['span drop span-before-delta'])
    expect(hashes(derived)).toEqual(world.hashes)
  })

  it('stops reading a channel at its first malformed batch, and keeps those before', () => {
    const world = new World()
    world.mine(1)
    world.build(3)
    const good = world.blocks.map(block => encodeRlp(encodeBatch(toSingularBatch(block), { chainId: 901n })))
    const stream = concatBytes(good[0]!, encodeRlp(Uint8Array.of(9, 9)), good[1]!)
    world.l1.post(encodeBatcherTransaction(framesOfStream(stream, { channelId: world.channelId() })))
    world.mine(1)
    const derived = world.derive()
    expect(hashes(derived)).toEqual(world.hashes.slice(0, 1))
    expect(kinds(derived, 'channel-end')).toEqual([{ type: 'channel-end', reason: 'invalid' }])
  })

  it('skips a config log that cannot be read, and says so', () => {
    const world = new World()
    world.l1.log({
      address: world.config.systemConfigContract,
      topics: ['0x1d2b0bda21d56b8bd12d4f94ebacffdfb35f5e226f84b461103bb8beab6353be'],
      data: new Uint8Array(3),
    })
    world.mine(1)
    expect(kinds(world.derive(), 'config-log-skipped')).toHaveLength(1)
  })

  it('never skips a deposit log that cannot be read', () => {
    const world = new World(undefined, { sequencingWindowBlocks: 3n })
    world.l1.log({
      address: world.config.depositContract,
      topics: ['0xb3813568d9991fc951961fcb4c784893574240a28925604d09fc577c55bb7c32'],
      data: new Uint8Array(3),
    })
    world.mine(8)
    expect(codeOf(() => world.derive())).toBe('DEPOSIT_INVALID')
  })
})

describe('step', () => {
  it('repeats its question until it is answered, and an answer that does not fit changes nothing', () => {
    const world = new World()
    world.mine(2)
    const pipeline = createDerivationPipeline({ config: world.config, start: genesisCheckpoint(world.config) })
    const question = pipeline.step()
    expect(question).toEqual({ type: 'need', need: { type: 'l1-block', number: 100n, hash: undefined } })
    const wrong = () => [
      codeOf(() => pipeline.step({ type: 'refused' })),
      codeOf(() => pipeline.step({ type: 'blobs', blobs: [] })),
      codeOf(() => pipeline.step({ type: 'l1-block', block: world.l1.block(101n)! })),
    ]
    expect(wrong()).toEqual(Array(3).fill('DERIVATION_INPUT_INVALID'))
    expect(
      codeOf(() => pipeline.step({ type: 'l1-block', block: { ...world.l1.block(100n)!, hash: world.l1.head.hash } })),
    ).toBe('DERIVATION_RESET')
    expect(pipeline.step()).toBe(question)
    expect(pipeline.step({ type: 'l1-block', block: world.l1.block(100n)! })).toEqual({
      type: 'need',
      need: { type: 'l1-block', number: 101n, hash: undefined },
    })
    const other = { ...world.l1.block(101n)!, parentHash: world.l1.head.hash }
    expect(codeOf(() => pipeline.step({ type: 'l1-block', block: other }))).toBe('DERIVATION_RESET')
    const thrower = createDerivationPipeline({
      config: world.config,
      start: genesisCheckpoint(world.config),
      isBatcher: () => {
        throw new RangeError('mine')
      },
    })
    thrower.step()
    thrower.step({ type: 'l1-block', block: world.l1.block(100n)! })
    world.l1.post(Uint8Array.of(0))
    const posted = { ...world.l1.mine(), number: 101n, parentHash: world.l1.block(100n)!.hash }
    expect(() => thrower.step({ type: 'l1-block', block: posted })).toThrow('mine')
    expect(thrower.step()).toEqual({ type: 'need', need: { type: 'l1-block', number: 101n, hash: undefined } })
  })

  it('refuses an executed block that is not the one it asked for', () => {
    const world = new World(undefined, { sequencingWindowBlocks: 3n })
    world.mine(8)
    const engine = createHashEngine({ config: world.config })
    const pipeline = createDerivationPipeline({ config: world.config, start: genesisCheckpoint(world.config) })
    let output = pipeline.step()
    while (output.type !== 'attributes') {
      if (output.type === 'need' && output.need.type === 'l1-block') {
        output = pipeline.step({ type: 'l1-block', block: world.l1.block(output.need.number)! })
      } else output = pipeline.step()
    }
    const block = engine.buildNow(output.parent.hash, output.attributes)
    for (const wrong of [{ number: 5n }, { parentHash: block.hash }, { timestamp: 1n }]) {
      expect(codeOf(() => pipeline.step({ type: 'executed', block: { ...block, ...wrong } }))).toBe(
        'DERIVATION_INPUT_INVALID',
      )
    }
    expect(pipeline.step()).toBe(output)
    expect(pipeline.step({ type: 'executed', block }).type).toBe('event')
    expect(pipeline.head.hash).toBe(block.hash)
  })
})

/** Posts what a malicious or broken batcher may post. */
function hostile(world: World, random: Random): void {
  const pick = (): SingularBatch | undefined =>
    world.blocks.length === 0 ? undefined : toSingularBatch(random.pick(world.blocks.slice(-6)))
  const batch = pick()
  const change = (from: SingularBatch): SingularBatch =>
    random.pick<SingularBatch>([
      { ...from, parentHash: keccak256(random.bytes(4)) },
      { ...from, timestamp: from.timestamp + BigInt(random.below(7)) - 3n },
      { ...from, epochNumber: from.epochNumber + BigInt(random.below(4)) - 1n },
      { ...from, epochHash: keccak256(random.bytes(4)) },
      {
        ...from,
        transactions: [random.pick([new Uint8Array(), Uint8Array.of(0x7e), Uint8Array.of(0xff), Uint8Array.of(4)])],
      },
      from,
    ])
  const batches: Batch[] = batch === undefined ? [] : [change(batch), change(batch), batch]
  if (world.blocks.length > 2 && random.bool()) {
    const from = random.below(world.blocks.length)
    const span = world.span(world.blocks.slice(from, from + 1 + random.below(8)))
    batches.push(
      random.pick<SpanBatch>([
        span,
        { ...span, relTimestamp: span.relTimestamp + BigInt(random.below(5)) - (span.relTimestamp > 4n ? 2n : 0n) },
        { ...span, l1OriginNumber: span.l1OriginNumber + BigInt(random.below(3)) },
        { ...span, parentCheck: random.bytes(20) },
        { ...span, l1OriginCheck: random.bytes(20) },
        { ...span, blocks: span.blocks.map(block => ({ ...block, originAdvanced: random.bool() })) },
        { ...span, relTimestamp: 2n ** 64n - BigInt(random.below(3000)) },
      ]),
    )
  }
  const frames = world.frames(batches, 30 + random.below(300))
  const sent = random.bool(0.3) ? shuffle([...frames], random) : frames.slice(random.below(2))
  if (sent.length === 0) return
  const data = encodeBatcherTransaction(sent)
  if (random.bool(0.2)) data[random.below(data.length)]! ^= 1 << random.below(8)
  if (random.bool(0.1)) world.l1.postBlobs([new Uint8Array(131_072).fill(random.uint32() & 63)])
  else world.l1.post(data)
}

/** A run with honest and hostile data in between; channels spread over L1 blocks and, when allowed, come late and out of order. */
function hostileRun(world: World, random: Random, rounds: number, ordered: boolean): void {
  const waiting: Frame[] = []
  const post = (frames: readonly Frame[]): void => {
    for (const group of groups(frames, 3, random)) {
      world.l1.post(encodeBatcherTransaction(group))
      if (random.bool(0.1)) hostile(world, random)
    }
  }
  run(world, random, rounds, true, channelList => {
    if (random.bool(0.3)) hostile(world, random)
    waiting.push(...channelList.flat())
    if (!ordered) shuffle(waiting, random)
    post(waiting.splice(0, random.below(waiting.length + 1)))
  })
  post(waiting)
}

describe('hostile batcher data', () => {
  it('gives verdicts and never an exception, and the chain goes on', () => {
    const reasons = new Set<string>()
    for (const forks of [undefined, bedrock, { ...bedrock, granite: 0n, holocene: 1100n }]) {
      for (const seed of seeds(runs({ suite: 10, soak: 100 }))) {
        const random = seededRandom(seed)
        const world = new World(forks, { sequencingWindowBlocks: 8n }, false)
        hostileRun(world, random, 14, forks === undefined)
        world.mine(12)
        const derived = world.derive({ trustSenders: true })
        for (const verdict of verdicts(derived)) reasons.add(verdict)
        // Twelve blocks after the last data the window of eight is over for everything before.
        const last = decodeL1Info(decodeDeposit(derived.blocks.at(-1)!.transactions[0]!).data)
        expect(last.number).toBeGreaterThanOrEqual(world.l1.head.number - 9n)
        for (const [i, block] of derived.blocks.entries()) expect(block.timestamp).toBe(1002n + 2n * BigInt(i))
      }
    }
    expect(reasons.size).toBeGreaterThan(8)
  })
})

describe('checkpoints', () => {
  it('go on exactly as if derivation had never stopped, whatever was open then', () => {
    for (const forks of [undefined, bedrock, { ...bedrock, granite: 0n, holocene: 1100n }]) {
      for (const seed of seeds(runs({ suite: 2, soak: 50 }))) {
        const random = seededRandom(seed)
        const world = new World(forks, { sequencingWindowBlocks: 8n }, false)
        hostileRun(world, random, 12, forks === undefined)
        world.mine(6)
        const checkpoints = new Set<DerivationCheckpoint>()
        const whole = world.derive({
          trustSenders: true,
          onEvent: (_, pipeline) => void checkpoints.add(pipeline.checkpoint),
        })
        expect(checkpoints.size).toBeGreaterThan(2)
        for (const start of checkpoints) {
          const engine = createHashEngine({ config: world.config })
          // A node that comes back has its blocks; only what follows is derived again.
          const known = whole.engine
          for (let n = 1n; n <= start.head.number; n++) copyBlock(known, engine, n)
          const resumed = deriveSimulated(world.l1, {
            config: world.config,
            start: roundTrip(start),
            engine,
            trustSenders: true,
          })
          expect(hashes(resumed), `seed ${seed} from L1 ${start.l1.number}`).toEqual(hashes(whole))
          expect(resumed.pipeline.checkpoint).toEqual(whole.pipeline.checkpoint)
        }
      }
    }
  })
})

it('a checkpoint is not taken while a batch of the future waits, nor behind an open channel', () => {
  const world = new World(bedrock)
  world.mine(1)
  world.build(4)
  const [a, b, c, d] = world.blocks.map(toSingularBatch) as SingularBatch[]
  const frames = world.frames([a!, b!], 60)
  world.post([d!])
  world.l1.post(encodeBatcherTransaction(frames.slice(0, 1)))
  world.mine(1)
  const { checkpoint } = world.derive().pipeline
  // L1 block 102 holds the batch of the future.
  expect(checkpoint.l1.number).toBe(101n)
  world.l1.post(encodeBatcherTransaction(frames.slice(1)))
  world.post([c!])
  const resumed = world.derive({ start: checkpoint })
  expect(hashes(resumed)).toEqual(world.hashes)
  expect(resumed.pipeline.checkpoint.warm.after.number).toBe(104n)
})

/** Through JSON and back, as a node stores it. */
function roundTrip(checkpoint: DerivationCheckpoint): DerivationCheckpoint {
  const text = JSON.stringify(checkpoint, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))
  return JSON.parse(text, (_, value) =>
    typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  )
}

function copyBlock(
  from: ReturnType<typeof createHashEngine>,
  to: ReturnType<typeof createHashEngine>,
  number: bigint,
): void {
  const block = from.blockNow(number)!
  to.adopt(block)
}

describe('memory', () => {
  it('stays flat over 1,000 channels', () => {
    const world = new World(undefined, {}, false)
    world.mine(1)
    const pipeline = createDerivationPipeline({
      config: world.config,
      start: genesisCheckpoint(world.config),
      trustSenders: true,
    })
    const engine = createHashEngine({ config: world.config })
    let posted = 0
    let most = { l1Headers: 0, openChannels: 0, batches: 0 }
    let channelsSeen = 0
    for (let round = 0; round < 1000; round++) {
      world.build(6)
      world.post([world.span(world.blocksFrom(posted))])
      posted = world.sequencer.blocks.length
      const { held } = pipeline
      const derived = deriveSimulated(world.l1, {
        config: world.config,
        start: genesisCheckpoint(world.config),
        pipeline,
        engine,
        lastBlocks: 0,
      })
      channelsSeen += derived.events.filter(event => event.type === 'channel').length
      most = {
        l1Headers: Math.max(most.l1Headers, held.l1Headers),
        openChannels: Math.max(most.openChannels, held.openChannels),
        batches: Math.max(most.batches, held.batches),
      }
    }
    expect(channelsSeen).toBe(1000)
    expect(pipeline.head.number).toBe(BigInt(posted))
    expect(most.l1Headers).toBeLessThan(25)
    expect(most.openChannels).toBeLessThanOrEqual(1)
    expect(most.batches).toBe(0)
  })
})
