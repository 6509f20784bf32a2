// Attributes and whole pipelines beside op-node's: random chains with honest, careless and hostile batchers, upgrades on the way, and equal hashes.
import { bytesToHex, concatBytes } from '@l2/common'
import { type Random, seededRandom, testSeed } from '@l2/common/testing'
import type { Hex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type BatchBlock,
  encodeBatch,
  encodeBatcherTransaction,
  type Frame,
  type SingularBatch,
  toSingularBatch,
  toSpanBatch,
} from '../../src/batch/index.js'
import { randomTransactions } from '../../src/batch/testdata/samples.js'
import {
  configCarriedByBlock,
  genesisCheckpoint,
  type L1Block,
  type RollupConfig,
  type UpgradeTransactions,
} from '../../src/derivation/index.js'
import { createNodeBrotliCompressor, nodeDecompressors } from '../../src/node.js'
import { encodeRlp } from '../../src/rlp/rlp.js'
import {
  createL1Simulator,
  createSequencerSimulator,
  deriveSimulated,
  framesOfStream,
  simulatedRollup,
} from '../../src/testing/index.js'
import { disturb, l1Json, randomAttributes, someForks, toldAttributes } from './attributes.js'
import { hasOracle, type Oracle, rollupJson, share, startOracle, upgradesOf } from './oracle.js'

const seed = testSeed(1)
let oracle: Oracle
let upgrades: UpgradeTransactions = {}
beforeAll(async () => {
  if (!hasOracle) return
  oracle = startOracle()
  upgrades = await upgradesOf(oracle)
})
afterAll(() => oracle?.close())

/** What a batcher might put into a channel instead of its blocks. */
function spoil(random: Random, batch: SingularBatch): SingularBatch {
  return random.pick<() => SingularBatch>([
    () => ({ ...batch, transactions: [...batch.transactions, Uint8Array.of(0xff, 1)] }),
    () => ({ ...batch, transactions: [...batch.transactions, Uint8Array.of(0x7e, 1)] }),
    () => ({ ...batch, transactions: [...batch.transactions, Uint8Array.of(0x7d, 0xc0)] }),
    () => ({ ...batch, transactions: [new Uint8Array()] }),
    () => ({ ...batch, timestamp: batch.timestamp + BigInt(random.below(7)) - 3n }),
    () => ({ ...batch, epochNumber: batch.epochNumber + BigInt(random.below(4)) - 1n }),
    () => ({ ...batch, parentHash: `0x${'99'.repeat(32)}` }),
    () => ({ ...batch, epochHash: `0x${'98'.repeat(32)}` }),
  ])()
}

type Style = { hostile: number; careless: number }

/** Frames of one channel, as a batcher of this style sends them. */
async function channelOf(
  random: Random,
  config: RollupConfig,
  blocks: readonly BatchBlock[],
  style: Style,
  l1Time: bigint,
): Promise<Frame[]> {
  const { chainId, genesisTimeSeconds } = {
    chainId: config.l2ChainId,
    genesisTimeSeconds: config.genesis.l2TimeSeconds,
  }
  const batches: Uint8Array[] = []
  for (let at = 0; at < blocks.length; ) {
    const run = blocks.slice(at, at + 1 + random.below(6))
    at += run.length
    if (random.bool(0.6)) {
      const changed = random.bool(style.hostile)
        ? run.map(block => (random.bool(0.3) ? { ...block, transactions: block.transactions.slice(1) } : block))
        : run
      const bytes = encodeBatch(toSpanBatch(changed, { genesisTimeSeconds }), { chainId })
      if (random.bool(style.hostile / 3)) bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
      batches.push(bytes)
    } else {
      for (const block of run) {
        const batch = toSingularBatch(block)
        batches.push(encodeBatch(random.bool(style.hostile) ? spoil(random, batch) : batch, { chainId }))
      }
    }
  }
  if (random.bool(style.careless)) batches.reverse()
  const stream = concatBytes(...batches.map(bytes => encodeRlp(bytes)))
  const channelId = bytesToHex(random.bytes(16))
  const frameBytes = 40 + random.below(400)
  const fjord = config.forks.fjord !== undefined && config.forks.fjord <= l1Time
  let frames = framesOfStream(stream, { channelId, frameBytes })
  if (fjord && random.bool(0.4)) {
    const brotli = createNodeBrotliCompressor({ quality: 4 }).open()
    await brotli.write(stream)
    const data = concatBytes(Uint8Array.of(1), await brotli.end())
    frames = []
    for (let at = 0; at < data.length; at += frameBytes) {
      const piece = data.subarray(at, at + frameBytes)
      frames.push({ channelId, frameNumber: frames.length, data: piece, isLast: at + frameBytes >= data.length })
    }
  }
  if (random.bool(style.careless)) frames = frames.filter(() => random.bool(0.9))
  if (random.bool(style.careless)) frames = frames.flatMap(frame => (random.bool(0.1) ? [frame, frame] : [frame]))
  if (random.bool(style.careless)) frames.reverse()
  return frames
}

/** A chain, its L1, and what its batcher did: everything from the seed. */
async function randomChain(chainSeed: number) {
  const random = seededRandom(chainSeed)
  const base = simulatedRollup({ sequencingWindowBlocks: BigInt(random.pick([4, 8, 20])) })
  const config: RollupConfig = {
    ...base,
    forks: someForks(random, base.genesis.l2TimeSeconds),
    keepKarstUpgradeGas: random.bool(0.3),
  }
  const l1 = createL1Simulator({ config })
  const sequencer = createSequencerSimulator({ config, l1, upgradeTransactions: upgrades })
  const style = random.pick<Style>([
    { hostile: 0, careless: 0 },
    { hostile: 0, careless: 0.3 },
    { hostile: 0.2, careless: 0.1 },
  ])
  let posted = 0
  for (let round = 0; round < 25; round++) {
    disturb(random, l1, config)
    l1.mine()
    for (let i = random.below(9); i > 0; i--) sequencer.build(randomTransactions(random, config.l2ChainId, 3))
    if (random.bool(0.3)) continue
    // A careless batcher begins a little too early now and then: what it sends then overlaps the safe chain.
    const from = random.bool(style.careless) ? Math.max(0, posted - random.below(4)) : posted
    const blocks = sequencer.blocks.slice(from).map(({ batch }) => batch)
    posted = random.bool(style.careless / 3) ? posted : sequencer.blocks.length
    if (blocks.length === 0) continue
    for (const frame of await channelOf(random, config, blocks, style, l1.head.timestamp)) {
      l1.post(encodeBatcherTransaction([frame]))
      if (random.bool(0.2)) l1.mine()
    }
  }
  for (let i = 0; i < 30; i++) l1.mine()
  return { config, l1 }
}

describe.skipIf(!hasOracle)('derivation against op-node', () => {
  it('the transactions of every upgrade are those that op-node makes', () => {
    expect(Object.keys(upgrades)).toEqual(['ecotone', 'fjord', 'isthmus', 'jovian', 'karst'])
  })

  it('attributes, and the config that the next block reads back', { timeout: 900_000 }, async () => {
    const counts = { equal: 0, upgrade: 0 }
    for (let i = 0; i < share(3_000, 60); i++) {
      const random = seededRandom(seed * 7_919 + i)
      const { config, built, request } = randomAttributes(random, upgrades)
      const answer = await oracle.ask(request)
      expect([answer.err, answer.panic]).toEqual([undefined, undefined])
      const { attributes } = built
      const their = answer.attrs
      expect({ i, attributes: toldAttributes(built) }).toEqual({
        i,
        attributes: {
          timestamp: Number(their.timestamp),
          prevRandao: their.prevRandao,
          gasLimit: Number(their.gasLimit),
          beacon: their.parentBeaconBlockRoot,
          eip1559Params: their.eip1559Params,
          minBaseFee: their.minBaseFee ?? undefined,
          transactions: their.transactions,
        },
      })
      const next = rollupJson({
        ...config,
        genesis: {
          ...config.genesis,
          systemConfig: configCarriedByBlock(built.systemConfig, attributes.timestamp, config),
        },
      }) as { genesis: { system_config: Record<string, unknown> } }
      expect({ i, next: lower(next.genesis.system_config) }).toEqual({ i, next: lower(answer.next) })
      counts.equal++
      if (built.depositCount > 6) counts.upgrade++
    }
    expect(counts.upgrade).toBeGreaterThan(0)
  })

  it('whole pipelines: every block of every chain has the same hash', { timeout: 1_800_000 }, async () => {
    let blocks = 0
    for (let i = 0; i < share(200, 6); i++) {
      const chainSeed = seed * 104_729 + i
      const { config, l1 } = await randomChain(chainSeed)
      const mine = deriveSimulated(l1, {
        config,
        start: genesisCheckpoint(config),
        decompressors: nodeDecompressors,
        upgradeTransactions: upgrades,
      })
      const chain: L1Block[] = []
      for (let n = config.genesis.l1.number; n <= l1.head.number; n++) chain.push(l1.block(n)!)
      const answer = await oracle.ask({ cmd: 'pipeline', cfg: rollupJson(config), l1: chain.map(l1Json), blobs: {} })
      expect({ chainSeed, err: answer.err, panic: answer.panic }).toEqual({ chainSeed })
      const theirs = (answer.blocks as { n: number; hash: Hex }[]).map(({ hash }) => hash)
      const ours = mine.blocks.map(({ hash }) => hash)
      const differs = ours.findIndex((hash, at) => hash !== theirs[at])
      expect({ chainSeed, differs, count: ours.length }).toEqual({ chainSeed, differs: -1, count: theirs.length })
      blocks += ours.length
    }
    expect(blocks).toBeGreaterThan(share(200, 6) * 20)
  })
})

/** Hex without the case of checksums, and numbers as they are. */
function lower(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, typeof value === 'string' ? value.toLowerCase() : value]),
  )
}
