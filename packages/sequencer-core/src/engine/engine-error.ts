import type { Hash } from 'viem'
import { SequencerError } from '../errors.js'
import type { PayloadAttributes } from './engine.js'

export function unknownBlock(hash: Hash): SequencerError {
  return new SequencerError(`block ${hash} is not known to the engine`, {
    code: 'ENGINE_UNKNOWN_BLOCK',
    recovery: 'reset',
    details: { hash },
  })
}

/** `Unsupported fork`: the method is of another fork than the payload. */
export const unsupportedFork = -38005
export const invalidForkchoice = -38002
export const invalidAttributes = -38003
export const methodNotFound = -32601
export const invalidParams = -32602

/** The error of a build whose list holds transactions that cannot be in the block: `details.indices`, ascending. */
export function invalidTransactions(indices: readonly number[], reason: unknown): SequencerError {
  const index = indices[0]!
  return new SequencerError(
    `transaction ${index} cannot be in the block${typeof reason === 'string' ? `: ${reason}` : ''}`,
    {
      code: 'ENGINE_TRANSACTION_INVALID',
      recovery: 'reset',
      details: { index, indices, ...(reason === undefined ? {} : { reason }) },
    },
  )
}

/** @throws SequencerError `ENGINE_ATTRIBUTES` */
export function refuseAttributes(field: keyof PayloadAttributes, reason: string): never {
  throw new SequencerError(`payload attributes: ${reason}`, { code: 'ENGINE_ATTRIBUTES', details: { field } })
}
