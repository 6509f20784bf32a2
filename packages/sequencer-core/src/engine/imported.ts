import { SequencerError } from '../errors.js'
import type { ExecutedBlock } from './engine.js'

/**
 * Returns what an engine built again of a block that somebody else executed.
 *
 * @throws SequencerError `ENGINE_BLOCK_MISMATCH` when it is another block
 */
export function checkImported(block: ExecutedBlock, built: ExecutedBlock): ExecutedBlock {
  if (built.hash === block.hash && built.stateRoot === block.stateRoot) return built
  throw new SequencerError(`block ${block.number} executes to ${built.hash}, not ${block.hash}`, {
    code: 'ENGINE_BLOCK_MISMATCH',
    details: { number: block.number, expected: block.hash, actual: built.hash, stateRoot: built.stateRoot },
  })
}
