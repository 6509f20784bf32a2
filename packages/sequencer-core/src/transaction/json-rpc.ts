import { isL2Error } from '@l2/common'
import type { SequencerErrorCode } from '../errors.js'

/** The `error` member of a JSON-RPC answer. */
export type JsonRpcError = { readonly code: number; readonly message: string }

/**
 * What a node answers to `eth_sendRawTransaction` for a refusal: geth's code and words (-32000 and, for example, `nonce too low: next nonce 5,
 * tx nonce 3`), -32003 for a conditional transaction whose condition fails (ERC-7796). Anything that is not a refusal is -32603 without details,
 * so that no internals leave the node.
 *
 * @example
 * ```ts
 * import { decodeTransaction, toJsonRpcError } from '@l2/sequencer-core/transaction'
 *
 * try {
 *   decodeTransaction(new Uint8Array([3, 0xc0]))
 * } catch (error) {
 *   console.log(toJsonRpcError(error).message) // transaction type not supported: tx type 3 not supported by this pool: blob transactions are for L1
 * }
 * ```
 */
export function toJsonRpcError(error: unknown): JsonRpcError {
  if (isL2Error<SequencerErrorCode>(error)) {
    if (error.code === 'TX_CONDITION') return { code: -32003, message: error.shortMessage }
    if (error.code.startsWith('TX_') || error.code === 'BUNDLE_INVALID' || error.code === 'LANE_INVALID')
      return { code: -32000, message: error.shortMessage }
  }
  return { code: -32603, message: 'internal error' }
}
