import { encodeOpBlob } from '@l2/blob'
import { type Random, seededRandom } from '@l2/common/testing'
import { describe, expect, it } from 'vitest'
import { toSpanBatch } from '../batch/span.js'
import { encodeBatcherTransaction } from '../channel/frame.js'
import {
  createL1Simulator,
  createSequencerSimulator,
  deriveSimulated,
  framesOfBatches,
  type L1Simulator,
  simulatedAccount,
  simulatedRollup,
  simulatedTransaction,
} from '../testing/index.js'
import { genesisCheckpoint } from './checkpoint.js'

const stranger = { from: simulatedAccount(9) }

/** What ends up in an inbox beside good data: of strangers, or of the batcher itself. */
function postJunk(l1: L1Simulator, random: Random): void {
  const frame = { channelId: `0x${'ff'.repeat(16)}` as const, frameNumber: 0, data: random.bytes(30), isLast: true }
  const kinds = [
    () => l1.post(random.bytes(random.below(60)), stranger),
    () => l1.post(encodeBatcherTransaction([frame]), stranger),
    () => l1.postBlobs([random.bytes(131_072)], stranger),
    // Nothing, an unknown version, a cut frame, an empty blob and one that is none.
    () => l1.post(Uint8Array.of()),
    () => l1.post(Uint8Array.of(7, 1, 2)),
    () => l1.post(Uint8Array.of(0, 1, 2, 3)),
    () => l1.postBlobs([encodeOpBlob(new Uint8Array()), new Uint8Array(131_072).fill(0xff)]),
  ]
  random.pick(kinds)()
}

describe('an inbox with junk in it', () => {
  it.each([1, 2, 3, 4, 5, 6])('gives the chain that was sequenced, seed %i', seed => {
    const random = seededRandom(seed)
    const config = simulatedRollup({ sequencingWindowBlocks: 100n })
    const l1 = createL1Simulator({ config })
    const sequencer = createSequencerSimulator({ config, l1 })
    let posted = 0
    let nonce = 0n
    for (let channel = 1; channel <= 6; channel++) {
      for (let i = 0; i < 4; i++) sequencer.build([simulatedTransaction(config, nonce++)])
      const blocks = sequencer.blocks.slice(posted).map(({ batch }) => batch)
      posted = sequencer.blocks.length
      const frames = framesOfBatches([toSpanBatch(blocks, { genesisTimeSeconds: config.genesis.l2TimeSeconds })], {
        config,
        channelId: `0x${channel.toString(16).padStart(32, '0')}`,
        frameBytes: 40 + random.below(200),
      })
      for (const frame of frames) {
        while (random.bool()) postJunk(l1, random)
        const data = encodeBatcherTransaction([frame])
        if (random.bool()) l1.post(data)
        else l1.postBlobs([encodeOpBlob(data)])
        if (random.bool(0.3)) l1.mine()
      }
      l1.mine()
    }
    for (let i = 0; i < 3; i++) l1.mine()
    const { blocks, events } = deriveSimulated(l1, { config, start: genesisCheckpoint(config) })
    expect(blocks.map(({ hash }) => hash)).toEqual(sequencer.blocks.map(({ ref }) => ref.hash))
    expect(events.some(({ type }) => type === 'transaction-ignored')).toBe(true)
  })
})
