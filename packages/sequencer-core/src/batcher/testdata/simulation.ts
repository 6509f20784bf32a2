// One rollup, its batcher and L1 with everything that goes wrong there, from a seed: same seed, same run.

import { bytesToHex } from '@l2/common'
import { seededRandom } from '@l2/common/testing'
import type { Hash, Hex } from 'viem'
import { createZlibCompressor } from '../../compression/zlib.js'
import { createL1Simulator } from '../../testing/l1-simulator.js'
import { simulatedRollup, simulatedTransaction } from '../../testing/l2-simulator.js'
import { createActiveSequencer } from '../active-sequencer.js'
import { type Batcher, createBatcher } from '../batcher.js'
import type { BatcherEvent, BatcherNode } from '../ports.js'
import type { SyncStatus } from '../sync-actions.js'
import { gwei, Market } from './market.js'
import { checkDerived, simulatedNode } from './rollup.js'

const nothing = { number: 0n, hash: `0x${'00'.repeat(32)}` as Hash }

/** What a run did, for assertions and figures. */
export type SimulationResult = {
  readonly seed: number
  readonly da: 'blobs' | 'calldata'
  readonly l1Blocks: number
  readonly l2Blocks: number
  readonly submissions: number
  /** Most submissions on their way at once. */
  readonly pendingPeak: number
  readonly faults: Readonly<
    Record<'kill' | 'restart' | 'reorg' | 'stall' | 'spike' | 'skew' | 'lag' | 'reread' | 'turn' | 'deaf', number>
  >
  /** Blocks in channels of which something was submitted: as often as they were. */
  readonly paidBlocks: number
  /** {@link paidBlocks} over {@link l2Blocks}. */
  readonly paidRatio: number
  readonly cleared: readonly string[]
  /** Highest base fee over the lowest start. */
  readonly feePeakRatio: number
  /** Batches that a fresh derivation dropped for lateness. */
  readonly late: number
  /** What is wrong; empty when nothing is. */
  readonly problems: readonly string[]
}

/**
 * A run of a few hundred L1 blocks with every kind of fault, checked by a fresh derivation at the end. With `calm` L1 behaves and the batcher lives;
 * only its node lags, answers from two machines in turn, and reads L1 again from 50 to 200 blocks back. With `turns` there are three sequencers, each
 * with such a node and a lag of its own, which take turns and at times do not answer.
 */
export async function simulateBatcher(seed: number, { calm = false, turns = false } = {}): Promise<SimulationResult> {
  const random = seededRandom(seed)
  const config = simulatedRollup({ sequencingWindowBlocks: 900n, blockTimeSeconds: 12n })
  const l1 = createL1Simulator({ config, sign: false })
  /** Full blocks that are still to come: twelve and a half per cent more each. */
  let crowdedBlocks = 0
  const market = new Market(l1, source => {
    if (crowdedBlocks > 0) {
      crowdedBlocks--
      return { gasUsed: 36_000_000n, blobs: 21, marginalTipWei: gwei }
    }
    return { gasUsed: BigInt(source.below(36_000_000)), blobs: source.below(22), marginalTipWei: 0n }
  })
  let lag = 0n
  const {
    sequencer,
    verifier,
    node: steady,
  } = simulatedNode(config, l1, () => (l1.head.number > lag ? l1.head.number - lag : 0n))
  const faults = { kill: 0, restart: 0, reorg: 0, stall: 0, spike: 0, skew: 0, lag: 0, reread: 0, turn: 0, deaf: 0 }
  /** What the node said, block by block of this L1, and how far back it reads again. */
  let said: SyncStatus[] = []
  let behind = 0
  const lagging: BatcherNode = {
    ...steady,
    async status(options) {
      const now = await steady.status(options)
      said.push(now)
      if (behind > 0) {
        behind = Math.max(0, behind - 1 - random.below(6))
        const then = said[said.length - 1 - behind] ?? now
        // It knows L1's head and its own blocks; what is derived is what it has read again.
        return { ...now, currentL1: then.currentL1, safe: then.safe }
      }
      if (random.bool(0.01)) {
        faults.lag++
        return { headL1: 0n, currentL1: 0n, safe: nothing, unsafe: nothing }
      }
      const other = random.bool(0.3) ? said[said.length - 1 - random.below(3)] : undefined
      if (other === undefined || other === now) return now
      faults.lag++
      return other
    },
    async blocks(from, to, options) {
      const all = await steady.blocks(from, to, options)
      // The machine that is behind has not heard of the newest block.
      if (!random.bool(0.1)) return all
      faults.lag++
      return all.slice(0, -1)
    },
  }
  let leader = 0
  const orDeaf = <T>(answer: () => T): T => {
    if (!random.bool(0.03)) return answer()
    faults.deaf++
    throw new Error('no answer')
  }
  const node = !turns
    ? lagging
    : createActiveSequencer(
        {},
        {
          sequencers: [0, 1, 2].map(index => ({
            name: String(index),
            isActive: async () => orDeaf(() => index === leader),
            node: {
              status: async options => {
                const now = await orDeaf(() => lagging.status(options))
                return said[said.length - 1 - index] ?? now
              },
              blocks: (from, to, options) => orDeaf(() => lagging.blocks(from, to, options)),
            },
          })),
          nowMs: () => Number(l1.head.timestamp) * 1000,
          onEvent: event => {
            if (event.type === 'changed') faults.turn++
          },
        },
      )
  const closedChannels = new Map<Hex, number>()
  let paidBlocks = 0
  const cleared: string[] = []
  const problems: string[] = []
  let submissions = 0
  let pendingPeak = 0
  let nonce = 0n
  let skewSeconds = 0n
  let generation = 0
  const size = { frames: 1 + random.below(3), bytes: 200 + random.below(1500) }
  const duration = BigInt(2 + random.below(30))
  const da = random.bool() ? 'blobs' : 'calldata'
  const maxPendingSubmissions = 1 + random.below(4)
  /** How often the batcher looks between two blocks of L1. */
  const polls = 1 + random.below(4)

  const sink = (mine: number) => ({
    includedOn: 'l1' as const,
    limits: async () => ({ maxBytes: 100_000, maxItems: 1 + (Number(l1.head.number) % 3) }),
    submit: (items: readonly Uint8Array[], { key, includeBy }: { key: string; includeBy?: bigint }) =>
      new Promise<{ height: bigint }>((resolve, reject) => {
        // A killed process sends nothing; what it sent before stays in the mempool.
        if (mine !== generation) return
        if (market.stalledBlocks > 0 && random.bool(0.5)) return reject(new Error('data availability is down'))
        submissions++
        // Each channel counts once, however many submissions it takes.
        const channelId = key.slice(0, 34) as Hex
        paidBlocks += closedChannels.get(channelId) ?? 0
        closedChannels.delete(channelId)
        market.send({
          items,
          includeBy: includeBy ?? 0n,
          blobs: da === 'blobs',
          tipWei: market.suggestedTip,
          feeCapWei: market.suggestedTip + market.baseFee * 2n,
          blobFeeCapWei: market.blobFee * 2n,
          bumpAfterBlocks: 3,
          resolve,
          reject,
        })
      }),
  })
  const onEvent = (event: BatcherEvent): void => {
    if (event.type === 'cleared') cleared.push(event.reason)
    if (event.type === 'channel-closed') {
      closedChannels.set(event.channelId, Number(event.lastBlock - event.firstBlock) + 1)
    }
    if (event.type === 'too-late') problems.push(`too late at L1 block ${l1.head.number}`)
    if (event.type === 'balance-stop') problems.push('out of money')
  }
  const start = (): Batcher => {
    const mine = ++generation
    return createBatcher(
      {
        chainId: config.l2ChainId,
        genesisTimeSeconds: config.genesis.l2TimeSeconds,
        blockTimeSeconds: config.blockTimeSeconds,
        sequencingWindowBlocks: config.sequencingWindowBlocks,
        targetFrames: size.frames,
        frameDataBytes: size.bytes,
        maxChannelDurationBlocks: duration,
        safetyMarginBlocks: 450n,
        maxClosedChannels: 3,
        maxPendingSubmissions,
        maxLoadedBytes: 20_000,
        compressor: createZlibCompressor({ level: 1 }),
      },
      {
        node,
        sink: sink(mine),
        // Shapes as they are, and last frames that wait as it comes.
        planner: { shape: async () => ({}), framesToPost: async () => 1 + random.below(4) },
        funds: {
          balance: async () => 10n ** 24n,
          quote: async items => BigInt(items.length) * 131_072n * market.blobFee + 21_000n * market.baseFee,
        },
        channelId: () => bytesToHex(random.bytes(16)),
        onEvent,
      },
    )
  }

  let batcher = start()
  let stepping: Promise<void> | undefined
  /** Lets everything that is ready run, which is what makes the run depend on the seed alone. */
  const settle = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
  const tick = async (building: boolean): Promise<void> => {
    market.mine(random)
    await settle()
    const until = l1.head.timestamp + skewSeconds
    while (building && sequencer.head.timestamp + config.blockTimeSeconds <= until) {
      const count = random.below(4)
      const transactions = Array.from({ length: count }, () => simulatedTransaction(config, nonce++))
      if (sequencer.build(transactions) === undefined) break
    }
    await verifier.sync()
    for (let poll = 0; poll < polls; poll++) await round()
    pendingPeak = Math.max(pendingPeak, batcher.view.pendingSubmissions)
  }
  const round = async (): Promise<void> => {
    if (stepping === undefined) {
      const mine = generation
      stepping = batcher
        .step()
        .catch((error: Error) => {
          if (!/data availability is down|withdrawn|no answer|sequencers is active/.test(error.message))
            problems.push(error.message)
        })
        .finally(() => {
          if (mine === generation) stepping = undefined
        })
    }
    await settle()
  }

  const ticks = 150 + random.below(150)
  const stallAt = !calm && random.bool(0.5) ? random.below(ticks) : -1
  const spikeAt = !calm && random.bool(0.5) ? random.below(ticks) : -1
  for (let i = 0; i < ticks; i++) {
    if (i === stallAt) {
      market.stalledBlocks = 300
      faults.stall++
      for (let j = 0; j < 300; j++) await tick(true)
    }
    if (i === spikeAt) {
      crowdedBlocks = 42
      faults.spike++
    }
    if (!calm && random.bool(0.03)) {
      sequencer.rewind(market.reorg(1 + random.below(8), random))
      said = []
      behind = 0
      faults.reorg++
    }
    if (turns && random.bool(0.05)) leader = random.below(3)
    if (behind === 0 && random.bool(0.01)) {
      behind = 50 + random.below(151)
      faults.reread++
    }
    if (!calm && random.bool(0.02)) {
      // Its promises never come back.
      stepping = undefined
      batcher = start()
      faults.kill++
    }
    if (!calm && random.bool(0.02) && stepping === undefined) {
      batcher = start()
      faults.restart++
    }
    if (random.bool(0.03)) {
      lag = BigInt(random.below(6))
      skewSeconds = BigInt(random.below(20)) * 12n - 60n
      faults.skew++
    }
    await tick(true)
  }
  lag = 0n
  behind = 0
  // By hash: a verifier may not have noticed yet that L1 has become shorter.
  for (let i = 0; i < 2000 && verifier.status.head.hash !== sequencer.head.hash; i++) {
    batcher.flush()
    await tick(false)
  }
  generation++

  problems.push(...checkDerived(l1, config, sequencer))
  return {
    seed,
    da,
    l1Blocks: Number(l1.head.number - config.genesis.l1.number),
    l2Blocks: sequencer.blocks.length,
    submissions,
    pendingPeak,
    faults,
    cleared,
    paidBlocks,
    paidRatio: paidBlocks / sequencer.blocks.length,
    feePeakRatio: Number(market.peakBaseFee / gwei),
    late: problems.filter(problem => problem.includes('lateness')).length,
    problems,
  }
}
