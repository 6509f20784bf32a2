import { runs, seededRandom } from '@l2/common/testing'
import { describe, expect, it } from 'vitest'
import { toSingularBatch } from '../batch/singular.js'
import { toSpanBatch } from '../batch/span.js'
import type { Batch } from '../batch/types.js'
import { encodeBatcherTransaction } from '../channel/frame.js'
import { createL1Simulator } from '../testing/l1-simulator.js'
import {
  createSequencerSimulator,
  deriveSimulated,
  framesOfBatches,
  simulatedRollup,
  simulatedTransaction,
} from '../testing/l2-simulator.js'
import { type BatchedBlock, createBatchStage } from './batch-stage.js'
import { createChannelStage } from './channel-stage.js'
import { genesisCheckpoint } from './checkpoint.js'
import { genesisBlockRef } from './l2.js'
import type { DerivationEvent } from './pipeline-types.js'

/** A chain with batches that count, others that do not, some in blobs, and epochs that nobody posts for. */
function chainOf(seed: number, forks = simulatedRollup().forks) {
  const random = seededRandom(seed)
  const config = simulatedRollup({ forks, sequencingWindowBlocks: 6n })
  const l1 = createL1Simulator({ config })
  const sequencer = createSequencerSimulator({ config, l1 })
  const genesisTimeSeconds = config.genesis.l2TimeSeconds
  let posted = 0
  for (let round = 0; round < 20; round++) {
    l1.mine()
    for (let i = random.below(6); i > 0; i--) sequencer.build([simulatedTransaction(config, BigInt(round * 10 + i))])
    const from = random.bool(0.2) ? Math.max(0, posted - 2) : posted
    const blocks = sequencer.blocks.slice(from).map(({ batch }) => batch)
    posted = sequencer.blocks.length
    if (blocks.length === 0 || random.bool(0.1)) continue
    const batches: Batch[] = random.bool() ? [toSpanBatch(blocks, { genesisTimeSeconds })] : blocks.map(toSingularBatch)
    if (random.bool(0.2)) batches.unshift({ ...toSingularBatch(blocks[0]!), parentHash: `0x${'99'.repeat(32)}` })
    const channelId = `0x${round.toString(16).padStart(32, '0')}` as const
    for (const frame of framesOfBatches(batches, { config, channelId, frameBytes: 200 })) {
      l1.post(encodeBatcherTransaction([frame]))
    }
  }
  for (let i = 0; i < 10; i++) l1.mine()
  return { config, l1 }
}

describe('createBatchStage', () => {
  it('says the blocks, and what does not count, that derivation comes to, without executing one', () => {
    const { forks } = simulatedRollup()
    const { jovian: _, isthmus: __, holocene: ___, ...granite } = forks
    for (const [seed, schedule] of Array.from(
      { length: runs({ suite: 2, soak: 50 }) },
      (_, index) => index + 1,
    ).flatMap(seed => [[seed, forks] as const, [seed, granite] as const])) {
      const { config, l1 } = chainOf(seed, schedule)
      const derived = deriveSimulated(l1, { config, start: genesisCheckpoint(config) })
      const events: DerivationEvent[] = []
      const onEvent = (event: DerivationEvent) => events.push(event)
      const channels = createChannelStage({ config, onEvent })
      const stage = createBatchStage({ config, channels, onEvent })
      const blocks: BatchedBlock[] = []
      let head = genesisBlockRef(config)
      const refs = derived.events.flatMap(event => (event.type === 'block' ? [event.block] : []))
      stage.enter(l1.block(config.genesis.l1.number)!)
      for (let number = config.genesis.l1.number + 1n; number <= l1.head.number; number++) {
        channels.enter(l1.block(number)!)
        stage.enter(l1.block(number)!)
        for (let output = stage.next(head); output.type !== 'drained'; output = stage.next(head)) {
          if (output.type === 'block') {
            blocks.push(output.block)
            head = refs[blocks.length - 1]!
          } else if (output.type === 'need') {
            const need = output.need as { type: 'l2-block'; number: bigint }
            expect(() => stage.answer({ type: 'blobs', blobs: [] })).toThrow('waits for l2-block')
            const { transactions } = derived.blocks[Number(need.number) - 1]!
            stage.answer({ type: 'l2-block', block: { ref: refs[Number(need.number) - 1]!, transactions } })
          }
        }
      }
      expect({ seed, count: blocks.length }).toEqual({ seed, count: derived.blocks.length })
      expect(blocks.map(({ parent, timestamp }) => [parent.hash, timestamp])).toEqual(
        derived.blocks.map(({ parentHash, timestamp }) => [parentHash, timestamp]),
      )
      const ofBatches = (list: readonly DerivationEvent[]) => list.filter(({ type }) => /batch|channel/.test(type))
      expect(ofBatches(events)).toEqual(ofBatches(derived.events))
      expect(ofBatches(events).some(({ type }) => type === 'batch')).toBe(true)
    }
  })
})
