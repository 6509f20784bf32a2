import { concatBytes } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { encodeBatch } from '../src/batch/batch.ts'
import { toSingularBatch } from '../src/batch/singular.ts'
import { toSpanBatch } from '../src/batch/span.ts'
import { encodeBatcherTransaction } from '../src/channel/frame.ts'
import { genesisCheckpoint } from '../src/derivation/checkpoint.ts'
import { allForksAtGenesis } from '../src/derivation/presets.ts'
import { encodeRlp } from '../src/rlp/rlp.ts'
import { createL1Simulator } from '../src/testing/l1-simulator.ts'
import {
  createSequencerSimulator,
  deriveSimulated,
  framesOfStream,
  simulatedRollup,
  simulatedTransaction,
} from '../src/testing/l2-simulator.ts'

const channelId = (n: number): `0x${string}` => `0x${n.toString(16).padStart(32, '0')}`
const rollups = [
  simulatedRollup({ sequencingWindowBlocks: 3n }),
  simulatedRollup({ sequencingWindowBlocks: 3n, forks: { fjord: 0n } }),
  simulatedRollup({
    sequencingWindowBlocks: 3n,
    forks: { ...allForksAtGenesis, granite: 1n, holocene: 1030n, isthmus: undefined, jovian: undefined },
  }),
]

/** A chain of six blocks on which every run builds; the same each time, so that mutated batches still refer to real blocks. */
function world(config: (typeof rollups)[number]) {
  const l1 = createL1Simulator({ config, sign: false })
  l1.mine()
  const sequencer = createSequencerSimulator({ config, l1 })
  for (let i = 0; i < 6; i++) sequencer.build([simulatedTransaction(config, BigInt(i))])
  return { l1, blocks: sequencer.blocks.map(({ batch }) => batch) }
}

/**
 * The whole pipeline under a hostile batcher. The first byte chooses the rollup and whether the rest is batcher data as it is, or a batch
 * stream that is compressed and framed properly. Derivation must not throw, and must make every block in time.
 */
export const target: FuzzTarget = {
  corpus: random =>
    Array.from({ length: 60 }, () => {
      const which = random.below(3)
      const { blocks } = world(rollups[which]!)
      const rollup = { chainId: 901n }
      const at = random.below(blocks.length)
      const piece = blocks.slice(random.bool() ? 0 : at)
      const batches = random.bool() ? piece.map(toSingularBatch) : [toSpanBatch(piece, { genesisTimeSeconds: 1000n })]
      const stream = concatBytes(...batches.map(batch => encodeRlp(encodeBatch(batch, rollup))))
      if (random.bool()) return concatBytes(Uint8Array.of(which), stream)
      const frames = framesOfStream(stream, { channelId: channelId(1), frameBytes: 20 + random.below(200) })
      return concatBytes(Uint8Array.of(128 + which), encodeBatcherTransaction(frames))
    }),
  run(input) {
    const choice = input[0] ?? 0
    const config = rollups[choice % rollups.length]!
    const { l1, blocks } = world(config)
    const data = input.subarray(1)
    if (choice >= 128) l1.post(data)
    else if (data.length > 0) l1.post(encodeBatcherTransaction(framesOfStream(data, { channelId: channelId(2) })))
    l1.mine()
    // What is honest comes afterwards, and must find a pipeline that still works.
    const stream = concatBytes(
      ...blocks.map(block => encodeRlp(encodeBatch(toSingularBatch(block), { chainId: 901n }))),
    )
    l1.post(encodeBatcherTransaction(framesOfStream(stream, { channelId: channelId(3) })))
    for (let i = 0; i < 5; i++) l1.mine()
    const derived = deriveSimulated(l1, { config, start: genesisCheckpoint(config), trustSenders: true })
    if (derived.pipeline.head.number < 12n) throw new Error(`derivation stopped at ${derived.pipeline.head.number}`)
    const { held } = derived.pipeline
    if (held.l1Headers > 20 || held.batches > 100_000) throw new Error('holds more than it may')
  },
}
