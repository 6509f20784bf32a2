import { describe, expect, it } from 'vitest'
import { toSingularBatch } from '../batch/singular.js'
import { toSpanBatch } from '../batch/span.js'
import { encodeBatcherTransaction } from '../channel/frame.js'
import { createL1Simulator } from '../testing/l1-simulator.js'
import { createSequencerSimulator, deriveSimulated, framesOfBatches, simulatedRollup } from '../testing/l2-simulator.js'
import { genesisCheckpoint } from './checkpoint.js'

const id = (n: number): `0x${string}` => `0x${n.toString(16).padStart(32, '0')}`

describe('createDerivationPipeline', () => {
  it('derives what a sequencer built, from singular and span batches', () => {
    for (const span of [false, true]) {
      const config = simulatedRollup()
      const l1 = createL1Simulator({ config })
      const sequencer = createSequencerSimulator({ config, l1 })
      l1.deposit({ from: config.batchInbox, to: undefined, mint: 5n, value: 0n, gas: 100_000n, data: Uint8Array.of(1) })
      l1.mine()
      const count = 12
      for (let i = 0; i < count; i++) sequencer.build([Uint8Array.of(0xc0 + i, 1, 2)])
      const blocks = sequencer.blocks.map(({ batch }) => batch)
      const batches = span
        ? [toSpanBatch(blocks, { genesisTime: config.genesis.l2TimeSeconds })]
        : blocks.map(toSingularBatch)
      if (span) {
        expect(() => framesOfBatches(batches, { config, channelId: id(1) })).toThrow()
        continue
      }
      const frames = framesOfBatches(batches, { config, channelId: id(1), frameBytes: 100 })
      for (const frame of frames) l1.post(encodeBatcherTransaction([frame]))
      l1.mine()
      const derived = deriveSimulated(l1, { config, start: genesisCheckpoint(config) })
      expect(derived.blocks.map(({ hash }) => hash)).toEqual(sequencer.blocks.map(({ ref }) => ref.hash))
    }
  })
})
