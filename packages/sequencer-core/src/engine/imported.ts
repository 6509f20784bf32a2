import { SequencerError } from '../errors.js'
import type { ExecutedBlock } from './engine.js'

/** What execution says of a block, and its header commits to: whoever executed it may have made up any of it. */
const executedFields = [
  ...(['number', 'hash', 'parentHash', 'stateRoot', 'transactionsRoot', 'receiptsRoot'] as const),
  ...(['timestamp', 'gasLimit', 'gasUsed', 'baseFeePerGas'] as const),
]

/**
 * Returns what an engine built again of a block that somebody else executed.
 *
 * @throws SequencerError `ENGINE_BLOCK_MISMATCH` when it is another block, or one thing of it is
 */
export function checkImported(block: ExecutedBlock, built: ExecutedBlock): ExecutedBlock {
  const field = executedFields.find(name => built[name] !== block[name])
  if (field === undefined) return built
  throw new SequencerError(`block ${block.number} executes to ${field} ${built[field]}, not ${block[field]}`, {
    code: 'ENGINE_BLOCK_MISMATCH',
    details: { number: block.number, field, expected: block[field], actual: built[field] },
  })
}
