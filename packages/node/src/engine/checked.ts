import { isL2Error } from '@l2/common'
import type { ExecutedBlock, PayloadAttributes } from '@l2/sequencer-core/engine'
import type { Hash } from 'viem'
import { NodeError } from '../errors.js'
import type { EngineGroup, NodeEngine, StateEngine } from './engine.js'

/** What building came to, comparably. */
type Outcome = { readonly block: ExecutedBlock } | { readonly refused: unknown }

/**
 * Two engines as one: every block is executed by both, and they must agree on its hash or on refusing it.
 *
 * @throws NodeError `ENGINES_DISAGREE`, from whatever call found it
 */
export function checkedEngine(first: NodeEngine, second: NodeEngine): EngineGroup {
  const outcome = async (engine: StateEngine, parent: Hash, attributes: PayloadAttributes): Promise<Outcome> => {
    try {
      return { block: await engine.build(parent, attributes) }
    } catch (refused) {
      // A list that cannot be a block is a verdict, which both must come to; anything else is trouble of one of them.
      // Engines differ in when they see it: while they put the block together, or when they judge it.
      if (isL2Error(refused, 'ENGINE_TRANSACTION_INVALID') || isL2Error(refused, 'ENGINE_PAYLOAD_INVALID')) {
        return { refused }
      }
      throw refused
    }
  }
  const build = async (parent: Hash, attributes: PayloadAttributes): Promise<ExecutedBlock> => {
    // Senders that somebody handed over are believed by one of the two at most: the other recovers them.
    const [a, b] = await Promise.all([
      outcome(first.engine, parent, attributes),
      outcome(second.engine, parent, { ...attributes, senders: undefined }),
    ])
    if ('refused' in a && 'refused' in b) throw a.refused
    if ('block' in a && 'block' in b && a.block.hash === b.block.hash) return a.block
    const say = (name: string, result: Outcome): string =>
      'block' in result
        ? `${name} gives ${result.block.hash}`
        : `${name} refuses it: ${(result.refused as Error).message}`
    const executed = 'block' in a ? a.block : 'block' in b ? b.block : undefined
    const verdicts = `${say(first.engine.name, a)}, ${say(second.engine.name, b)}`
    throw new NodeError(`the engines disagree on block ${executed?.number} on top of ${parent}: ${verdicts}`, {
      code: 'ENGINES_DISAGREE',
      details: { number: executed?.number, parent },
    })
  }
  const engine: StateEngine = {
    name: `${first.engine.name}, checked by ${second.engine.name}`,
    build,
    import: async (block, attributes, options) => {
      await build(block.parentHash, attributes)
      return await first.engine.import(block, attributes, options)
    },
    setHead: async (heads, options) => {
      await Promise.all([first.engine.setHead(heads, options), second.engine.setHead(heads, options)])
    },
    block: (id, options) => first.engine.block(id, options),
    receipts: (block, options) => first.engine.receipts(block, options),
    accounts: (addresses, options) => first.engine.accounts(addresses, options),
    close: async () => {
      await Promise.all([first.engine.close(), second.engine.close()])
    },
  }
  return {
    engine,
    parts: [first, second],
    close: async () => {
      await Promise.all([first.close(), second.close()])
    },
  }
}
