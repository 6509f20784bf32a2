import type { Recovery } from '@l2/common'
import { OpEngineError, type OpEngineErrorCode } from '../errors.js'
import { decodeMessage } from './message.js'

/** What an engine answered: the result, and the byte strings that it speaks of. */
export type Answer = { readonly result: Record<string, unknown>; readonly bytes: readonly Uint8Array[] }

/** The protocol's codes in this package's words, with what a caller does about them. */
const codes: Record<string, [OpEngineErrorCode, Recovery]> = {
  GENESIS_INVALID: ['ENGINE_GENESIS', 'abort'],
  STORE_FOREIGN: ['ENGINE_STORE_FOREIGN', 'abort'],
  STORE_CORRUPT: ['ENGINE_STORE_CORRUPT', 'abort'],
  STORE_FAILED: ['ENGINE_STORE_FAILED', 'retry'],
  FORK_UNSUPPORTED: ['ENGINE_FORK_UNSUPPORTED', 'abort'],
  UNKNOWN_BLOCK: ['ENGINE_UNKNOWN_BLOCK', 'reset'],
  STATE_PRUNED: ['ENGINE_STATE_PRUNED', 'abort'],
  HISTORY_PRUNED: ['ENGINE_STATE_PRUNED', 'abort'],
  ATTRIBUTES: ['ENGINE_ATTRIBUTES', 'abort'],
  TRANSACTION_INVALID: ['ENGINE_TRANSACTION_INVALID', 'reset'],
  FORKCHOICE: ['ENGINE_FORKCHOICE', 'reset'],
  TIMEOUT: ['ENGINE_TIMEOUT', 'retry'],
}

/** Reads an answer. @throws OpEngineError what the engine said, or `ENGINE_RPC` when it cannot be read */
export function readAnswer(message: Uint8Array): { id: number; answer: Answer | OpEngineError } {
  const { header, bytes } = decodeMessage(message)
  const { id, result, error } = (header ?? {}) as { id?: unknown; result?: unknown; error?: unknown }
  if (typeof id !== 'number')
    throw new OpEngineError('an answer of the engine has no id', { code: 'ENGINE_RPC', details: { id } })
  if (error !== undefined && error !== null) return { id, answer: engineError(error) }
  if (typeof result !== 'object' || result === null) {
    return {
      id,
      answer: new OpEngineError('an answer of the engine has neither result nor error', { code: 'ENGINE_RPC' }),
    }
  }
  return { id, answer: { result: result as Record<string, unknown>, bytes } }
}

function engineError(error: unknown): OpEngineError {
  const { code, message, details } = error as { code?: unknown; message?: unknown; details?: Record<string, unknown> }
  const words = typeof message === 'string' && message !== '' ? message : 'the engine gave no reason'
  const known = codes[String(code)]
  if (known === undefined) {
    return new OpEngineError(`the engine refused: ${words}`, {
      code: 'ENGINE_RPC',
      details: { ...details, engineCode: code },
    })
  }
  const index = details?.['index']
  if (code === 'TRANSACTION_INVALID' && typeof index === 'number') {
    const reason = details?.['reason']
    return new OpEngineError(`transaction ${index} cannot be in the block: ${String(reason ?? words)}`, {
      code: known[0],
      recovery: known[1],
      details: { ...details, index, indices: [index], reason: reason ?? words },
    })
  }
  return new OpEngineError(words, { code: known[0], recovery: known[1], details: details ?? {} })
}
