import { genesisCheckpoint } from '../../derivation/checkpoint.js'
import { createDerivationDriver } from '../../derivation/driver.js'
import type { DerivationEvent } from '../../derivation/pipeline-types.js'
import type { RollupConfig } from '../../derivation/rollup-config.js'
import type { L1Simulator } from '../../testing/l1-simulator.js'
import {
  createHashEngine,
  createSequencerSimulator,
  deriveSimulated,
  type SequencerSimulator,
} from '../../testing/l2-simulator.js'
import type { BatcherNode } from '../ports.js'

/** A sequencer, a verifier that follows L1, and what a batcher sees of both. */
export function simulatedNode(config: RollupConfig, l1: L1Simulator, headL1: () => bigint) {
  const sequencer = createSequencerSimulator({ config, l1 })
  const verifier = createDerivationDriver({
    config,
    engine: createHashEngine({ config }),
    l1: l1.source,
    blobs: l1.blobs,
    trustSenders: true,
  })
  const node: BatcherNode = {
    status: async () => {
      const { head, l1Number } = verifier.status
      const { number, hash } = sequencer.head
      return { headL1: headL1(), currentL1: l1Number, safe: head, unsafe: { number, hash } }
    },
    blocks: async (from, to) =>
      sequencer.blocks
        .slice(Number(from) - 1, Number(to))
        .map(({ ref, batch }) => ({ ...batch, number: ref.number, hash: ref.hash })),
  }
  return { config, sequencer, verifier, node }
}

/** Derives the chain anew from L1 alone and says what is wrong with it: every block has to come exactly once, none of its batches too late. */
export function checkDerived(l1: L1Simulator, config: RollupConfig, sequencer: SequencerSimulator): string[] {
  const events: DerivationEvent[] = []
  const problems: string[] = []
  const fresh = deriveSimulated(l1, {
    config,
    start: genesisCheckpoint(config),
    trustSenders: true,
    onEvent: event => events.push(event),
  })
  const numbers = events.flatMap(event => (event.type === 'block' ? [event.block.number] : []))
  numbers.forEach((number, i) => {
    if (number !== BigInt(i + 1)) problems.push(`block ${number} derived as number ${i + 1}`)
  })
  if (fresh.blocks.length !== sequencer.blocks.length) {
    problems.push(`${fresh.blocks.length} blocks derived of ${sequencer.blocks.length}`)
  }
  const wrong = fresh.blocks.find((block, i) => block.hash !== sequencer.blocks[i]?.ref.hash)
  if (wrong !== undefined) problems.push(`block ${wrong.number} is another than was sequenced`)
  const late = events.filter(event => event.type === 'batch' && event.reason === 'sequencing-window-expired').length
  if (late > 0) problems.push(`${late} batches dropped for lateness`)
  return problems
}
