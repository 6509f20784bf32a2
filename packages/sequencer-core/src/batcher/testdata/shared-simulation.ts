// Several rollups of one operator, the batcher they share, and an L1 that misbehaves, from a seed: same seed, same run.

import { bytesToHex, isL2Error } from '@l2/common'
import { seededRandom } from '@l2/common/testing'
import { createZlibCompressor } from '../../compression/zlib.js'
import { createL1Simulator } from '../../testing/l1-simulator.js'
import { simulatedRollup, simulatedTransaction } from '../../testing/l2-simulator.js'
import { createSharedBatcher, type SharedBatcher } from '../shared-batcher.js'
import { splitByBytes } from '../sharing.js'
import { Market } from './market.js'
import { checkDerived, simulatedNode } from './rollup.js'

/** What a run did, for assertions and figures. */
export type SharedSimulationResult = {
  readonly seed: number
  readonly l2Blocks: Readonly<Record<string, number>>
  readonly shipments: number
  readonly payloads: number
  /** Bytes of frames of the bytes that payloads hold, 0 to 1. */
  readonly fill: number
  readonly bytes: Readonly<Record<string, number>>
  readonly paidWei: bigint
  /** What each rollup has to pay of it. */
  readonly splitWei: Readonly<Record<string, bigint>>
  readonly problems: readonly string[]
}

/** Transactions a block of each rollup, on average. */
const traffic = { large: 3, small: 0.4, tiny: 0.05 }
const smallestPayload = 2000

/** A run of `ticks` L1 blocks with all rollups or some; without faults nothing goes wrong, and prices stand still. */
export async function simulateSharedBatcher(
  seed: number,
  options: {
    ticks?: number
    faults?: boolean
    only?: string[]
    /** Times the traffic and the size of payloads. */
    scale?: number
  } = {},
): Promise<SharedSimulationResult> {
  const { ticks = 200, faults = true, only = Object.keys(traffic), scale = 1 } = options
  const payloadBytes = smallestPayload * scale
  const random = seededRandom(seed)
  // Derivation reckons with 50; batchers that reckon with less meet a timeout more often.
  const channelTimeoutBlocks = faults && random.bool(0.5) ? BigInt(6 + random.below(20)) : 50n
  const base = simulatedRollup({ sequencingWindowBlocks: 900n, blockTimeSeconds: 12n })
  const l1 = createL1Simulator({ config: base, sign: false })
  const market = new Market(l1, source => ({
    gasUsed: faults ? BigInt(source.below(36_000_000)) : 18_000_000n,
    blobs: faults ? source.below(22) : 10,
    marginalTipWei: 0n,
  }))
  const rollups = Object.entries(traffic).flatMap(([name, rate], i) => {
    if (!only.includes(name)) return []
    const l2 = { number: 0n, hash: `0x${(0xc0 + i).toString(16).repeat(32)}` as const }
    const config = { ...base, l2ChainId: 910n + BigInt(i), genesis: { ...base.genesis, l2 } }
    return [{ name, rate, ...simulatedNode(config, l1, () => l1.head.number) }]
  })
  /** What the sink takes of a submission. */
  const limits = { maxBytes: payloadBytes, maxItems: 3 }
  /** Rollup whose node does not answer, and for how many blocks. */
  const silent = { name: '', blocks: 0 }
  const problems: string[] = []
  const bytes: Record<string, number> = {}
  const splitWei: Record<string, bigint> = {}
  let shipments = 0
  let payloads = 0
  let paidWei = 0n
  let generation = 0

  const start = (): SharedBatcher => {
    const mine = ++generation
    const paid = new Map<string, bigint>()
    let taken = limits
    return createSharedBatcher(
      { payloadBytes, targetPayloads: 3, maxPendingSubmissions: 2, channelTimeoutBlocks },
      {
        rollups: rollups.map(({ name, config, node }) => ({
          name,
          setup: {
            chainId: config.l2ChainId,
            genesisTimeSeconds: config.genesis.l2TimeSeconds,
            blockTimeSeconds: config.blockTimeSeconds,
            sequencingWindowBlocks: config.sequencingWindowBlocks,
            channelTimeoutBlocks,
            maxChannelDurationBlocks: 40n,
            safetyMarginBlocks: 450n,
            compressor: createZlibCompressor({ level: 6 }),
          },
          node: {
            status: async () => {
              if (silent.name === name) throw new Error('the node does not answer')
              return node.status()
            },
            blocks: async (from, to) => {
              if (silent.name === name) throw new Error('the node does not answer')
              return node.blocks(from, to)
            },
          },
          channelId: () => bytesToHex(random.bytes(16)),
          onEvent: event => {
            if (event.type === 'too-late') problems.push(`${name} is too late at L1 block ${l1.head.number}`)
          },
        })),
        sink: {
          includedOn: 'l1',
          limits: async () => {
            taken = { ...limits }
            return taken
          },
          submit: (items, { key, includeBy }) =>
            new Promise((resolve, reject) => {
              if (mine !== generation) return
              if (items.length > taken.maxItems || items.some(({ length }) => length > taken.maxBytes)) {
                problems.push(`${items.length} payloads where ${taken.maxItems} of ${taken.maxBytes} bytes fit`)
              }
              if (market.stalledBlocks > 0 && random.bool(0.5)) return reject(new Error('data availability is down'))
              market.send({
                items,
                includeBy: includeBy ?? 0n,
                blobs: true,
                tipWei: 1n,
                feeCapWei: market.baseFee * 2n + 1n,
                blobFeeCapWei: market.blobFee * 2n,
                bumpAfterBlocks: 3,
                resolve: included => {
                  paid.set(key, included.paidWei)
                  resolve(included)
                },
                reject,
              })
            }),
        },
        onEvent: event => {
          if (event.type !== 'shipped') return
          shipments++
          payloads += event.payloads
          const cost = paid.get(event.key) ?? 0n
          paidWei += cost
          for (const [name, share] of Object.entries(splitByBytes(cost, event.bytes))) {
            splitWei[name] = (splitWei[name] ?? 0n) + share
            bytes[name] = (bytes[name] ?? 0) + event.bytes[name]!
          }
        },
      },
    )
  }

  let batcher = start()
  let stepping: Promise<void> | undefined
  const settle = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
  const expected = /data availability is down|withdrawn|starts over|does not answer|had to be on L1/
  const nonces = new Map<string, bigint>()
  const tick = async (building: boolean): Promise<void> => {
    market.mine(random)
    await settle()
    for (const { name, rate, config, sequencer, verifier } of rollups) {
      while (building && sequencer.head.timestamp + config.blockTimeSeconds <= l1.head.timestamp) {
        const many = rate * scale
        const count = Math.floor(many) + (random.bool(many % 1) ? 1 : 0)
        const transactions = Array.from({ length: count }, () => {
          const nonce = nonces.get(name) ?? 0n
          nonces.set(name, nonce + 1n)
          return simulatedTransaction(config, nonce)
        })
        if (sequencer.build(transactions) === undefined) break
      }
      await verifier.sync()
    }
    if (stepping === undefined) {
      const mine = generation
      stepping = batcher
        .step()
        .catch((error: Error) => {
          if (!expected.test(error.message) || isL2Error(error, 'BATCHER_WINDOW_EXPIRED')) problems.push(error.message)
        })
        .finally(() => {
          if (mine === generation) stepping = undefined
        })
    }
    for (let i = 0; i < 3; i++) await settle()
  }

  for (let i = 0; i < ticks; i++) {
    if (faults && random.bool(0.01)) market.stalledBlocks = 1 + random.below(60)
    if (faults && random.bool(0.03)) {
      const to = market.reorg(1 + random.below(8), random)
      for (const { sequencer } of rollups) sequencer.rewind(to)
    }
    if (faults && random.bool(0.02)) {
      stepping = undefined
      batcher = start()
    }
    if (faults && random.bool(0.05)) {
      limits.maxBytes = Math.ceil(payloadBytes * (0.2 + 0.8 * random.float()))
      limits.maxItems = 1 + random.below(3)
    }
    if (faults && random.bool(0.02))
      Object.assign(silent, { name: random.pick(rollups).name, blocks: 1 + random.below(40) })
    await tick(true)
    if (--silent.blocks <= 0) silent.name = ''
  }
  market.stalledBlocks = 0
  silent.name = ''
  const behind = (): boolean =>
    rollups.some(({ sequencer, verifier }) => verifier.status.head.hash !== sequencer.head.hash)
  for (let i = 0; i < 500 && behind(); i++) {
    batcher.flush()
    await tick(false)
  }
  generation++
  for (const { name, config, sequencer } of rollups) {
    for (const problem of checkDerived(l1, config, sequencer)) problems.push(`${name}: ${problem}`)
  }
  const posted = Object.values(bytes).reduce((sum, value) => sum + value, 0)
  return {
    seed,
    l2Blocks: Object.fromEntries(rollups.map(({ name, sequencer }) => [name, sequencer.blocks.length])),
    shipments,
    payloads,
    fill: posted / (payloads * (payloadBytes - 1)),
    bytes,
    paidWei,
    splitWei,
    problems,
  }
}
