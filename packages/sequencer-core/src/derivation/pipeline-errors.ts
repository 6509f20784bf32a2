import { SequencerError } from '../errors.js'
import type { L1BlockRef } from './l1.js'
import type { BlockId } from './rollup-config.js'

export function unasked(got: string, wanted: string): SequencerError {
  return new SequencerError(`derivation waits for ${wanted}, got ${got}`, {
    code: 'DERIVATION_INPUT_INVALID',
    details: { wanted, got },
  })
}

export function mismatch(what: string, wanted: unknown, got: unknown): SequencerError {
  return new SequencerError(`${what}: expected ${wanted}, got ${got}`, {
    code: 'DERIVATION_INPUT_INVALID',
    details: { what, wanted, got },
  })
}

export function reorg(known: BlockId, block: L1BlockRef): SequencerError {
  return new SequencerError(`L1 block ${block.number} does not continue the L1 chain that was read`, {
    code: 'DERIVATION_RESET',
    recovery: 'reset',
    details: {
      known: { number: known.number, hash: known.hash },
      number: block.number,
      hash: block.hash,
      parentHash: block.parentHash,
    },
  })
}
