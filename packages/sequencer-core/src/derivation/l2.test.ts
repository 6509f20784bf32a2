import { codeOf } from '@l2/common/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toSingularBatch } from '../batch/singular.js'
import { encodeBatcherTransaction } from '../channel/frame.js'
import { createL1Simulator } from '../testing/l1-simulator.js'
import {
  createHashEngine,
  createSequencerSimulator,
  deriveSimulated,
  framesOfBatches,
  simulatedRollup,
} from '../testing/l2-simulator.js'
import { buildAttributes } from './attributes.js'
import { coldStartL1Number, genesisCheckpoint } from './checkpoint.js'
import { configCarriedByBlock } from './config-changes.js'
import { type ForkSchedule, isForkActive } from './fork-schedule.js'
import { decodeExtraData, encodeExtraData, genesisBlockRef, l2BlockRef, systemConfigOfBlock } from './l2.js'
import type { SystemConfigUpdate } from './system-config.js'

describe('extraData', () => {
  it('is read back', () => {
    const uint = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 1n, max: (1n << BigInt(bits)) - 1n })
    fc.assert(
      fc.property(
        uint(32),
        uint(32),
        fc.option(uint(64), { nil: undefined }),
        (denominator, elasticity, minBaseFee) => {
          const extra = { denominator, elasticity, minBaseFee }
          const bytes = encodeExtraData(extra)
          expect(bytes.length).toBe(minBaseFee === undefined ? 9 : 17)
          expect(decodeExtraData(bytes)).toEqual(extra)
          expect(codeOf(() => decodeExtraData(bytes.subarray(1)))).toBe('DERIVATION_INPUT_INVALID')
        },
      ),
    )
    expect(codeOf(() => decodeExtraData(new Uint8Array()))).toBe('DERIVATION_INPUT_INVALID')
    expect(codeOf(() => decodeExtraData(new Uint8Array(9)))).toBe('DERIVATION_INPUT_INVALID')
  })
})

describe('systemConfigOfBlock', () => {
  it('reads from each block what derivation carries past it', () => {
    const forks: ForkSchedule = {
      canyon: 0n,
      delta: 0n,
      ecotone: 1012n,
      fjord: 1020n,
      granite: 1024n,
      holocene: 1030n,
      isthmus: 1040n,
      jovian: 1052n,
      karst: 1064n,
      lagoon: 1072n,
    }
    for (const keepKarstUpgradeGas of [false, true]) {
      const rollup = simulatedRollup({ forks, keepKarstUpgradeGas })
      const l1 = createL1Simulator({ config: rollup, blockTimeSeconds: 2n })
      const engine = createHashEngine({ config: rollup })
      const updates: SystemConfigUpdate[] = [
        { type: 'gas-limit', gasLimit: 7_000_000n },
        { type: 'eip1559', denominator: 8n, elasticity: 3n },
        { type: 'operator-fee', scalar: 4n, constant: 5n },
        { type: 'min-base-fee', minBaseFee: 6n },
        { type: 'da-footprint', gasScalar: 9n },
        { type: 'fee-scalars', overhead: 1n, scalar: (1n << 248n) | (2n << 32n) | 3n },
        { type: 'batcher', batcher: rollup.depositContract },
      ]
      let parent = genesisBlockRef(rollup)
      let carried = rollup.genesis.systemConfig
      expect(systemConfigOfBlock({ ...engine.blockNow(0n)!, extraData: new Uint8Array() }, rollup)).toBe(carried)
      for (let i = 0; i < 42; i++) {
        l1.updateConfig(updates[i % updates.length]!)
        const origin = l1.mine()
        const upgradeTransactions = { ecotone: [], fjord: [], isthmus: [], jovian: [], karst: [], lagoon: [] }
        const built = buildAttributes({
          rollup,
          parent,
          systemConfig: carried,
          origin,
          logs: origin.logs,
          transactions: [],
          upgradeTransactions,
        })
        const block = engine.buildNow(parent.hash, built.attributes)
        carried = configCarriedByBlock(built.systemConfig, block.timestamp, rollup)
        // The engine writes into the header what the attributes asked for, constants in place of zeros.
        const { eip1559Denominator: denominator, eip1559Elasticity: elasticity } = carried
        const minBaseFee = isForkActive(forks, 'jovian', block.timestamp) ? carried.minBaseFee : undefined
        const extraData =
          denominator === 0n ? new Uint8Array() : encodeExtraData({ denominator, elasticity, minBaseFee })
        expect(systemConfigOfBlock({ ...block, extraData }, rollup)).toEqual(carried)
        parent = l2BlockRef(block, rollup)
      }
      expect(parent.timestamp).toBeGreaterThan(1080n)
    }
  })

  it('takes back the gas of one upgrade only where two share a block, as op-node and kona do', () => {
    const karst = 55_370_657n
    const lagoon = 60_653_172n
    for (const [keepKarstUpgradeGas, kept] of [
      [false, lagoon],
      [true, karst + lagoon],
    ] as const) {
      const rollup = simulatedRollup({ forks: { jovian: 0n, karst: 1002n, lagoon: 1002n }, keepKarstUpgradeGas })
      const { systemConfig } = rollup.genesis
      const carried = configCarriedByBlock(systemConfig, 1002n, rollup)
      expect(carried.gasLimit).toBe(systemConfig.gasLimit + kept)
      expect(configCarriedByBlock(carried, 1004n, rollup).gasLimit).toBe(carried.gasLimit)
    }
  })

  it('refuses an activation block with less gas than its upgrade adds', () => {
    const rollup = simulatedRollup({ forks: { jovian: 0n, karst: 1002n } })
    const l1 = createL1Simulator({ config: rollup })
    const sequencer = createSequencerSimulator({ config: rollup, l1, upgradeTransactions: { karst: [] } })
    const { executed } = sequencer.build()!
    expect(executed.gasLimit).toBe(85_370_657n)
    const extraData = encodeExtraData({ denominator: 250n, elasticity: 6n, minBaseFee: 0n })
    expect(systemConfigOfBlock({ ...executed, extraData }, rollup).gasLimit).toBe(30_000_000n)
    const short = { ...executed, extraData, gasLimit: 55_370_656n }
    expect(codeOf(() => systemConfigOfBlock(short, rollup))).toBe('DERIVATION_INPUT_INVALID')
  })

  it('refuses a block without L1-info', () => {
    const rollup = simulatedRollup()
    const block = { ...createHashEngine({ config: rollup }).blockNow(0n)!, number: 1n, extraData: new Uint8Array() }
    expect(codeOf(() => systemConfigOfBlock(block, rollup))).toBe('L1_INFO_INVALID')
    expect(codeOf(() => l2BlockRef(block, rollup))).toBe('L1_INFO_INVALID')
  })
})

describe('coldStartL1Number', () => {
  it('starts derivation from any safe block without a checkpoint', () => {
    const config = simulatedRollup({ sequencingWindowBlocks: 100n })
    const l1 = createL1Simulator({ config, sign: false })
    const sequencer = createSequencerSimulator({ config, l1 })
    for (let round = 0; round < 80; round++) {
      const from = sequencer.blocks.length
      for (let i = 0; i < 6; i++) sequencer.build()
      const batches = sequencer.blocks.slice(from).map(({ batch }) => toSingularBatch(batch))
      const channelId = `0x${round.toString(16).padStart(32, '0')}` as const
      for (const frame of framesOfBatches(batches, { config, channelId, frameBytes: 120 }))
        l1.post(encodeBatcherTransaction([frame]))
      l1.mine()
    }
    const whole = deriveSimulated(l1, { config, start: genesisCheckpoint(config), trustSenders: true })
    const { genesis } = config
    for (const number of [1n, 7n, 200n, 400n]) {
      const head = l2BlockRef(whole.engine.blockNow(number)!, config)
      const from = coldStartL1Number(config, head, l1.block(head.l1Origin.number)!.timestamp)
      expect(from).toBe(head.l1Origin.number > 151n ? head.l1Origin.number - 51n : 100n)
      const after = { number: from, hash: l1.block(from)!.hash }
      const systemConfig = configCarriedByBlock(genesis.systemConfig, head.timestamp, config)
      const engine = createHashEngine({ config })
      for (let n = 1n; n <= number; n++) engine.adopt(whole.engine.blockNow(n)!)
      const start = { l1: head.l1Origin, head, systemConfig, warm: { after, systemConfig: genesis.systemConfig } }
      const cold = deriveSimulated(l1, { config, start, engine, trustSenders: true })
      expect(cold.pipeline.head).toEqual(whole.pipeline.head)
    }
  })
})
