import { withoutRequest } from '../internal/call.js'

/** What a node means by refusing a transaction. */
export type SendFailure =
  /** It has it already. */
  | 'known'
  /** The nonce is used: something with it was mined. */
  | 'nonce-too-low'
  /** The node misses transactions before this one. */
  | 'nonce-too-high'
  /** A replacement that does not raise the fees enough. */
  | 'replacement-underpriced'
  /** Below what the pool or the next block wants. */
  | 'underpriced'
  /** The account has transactions of the other kind (blob or not) pending. */
  | 'reserved'
  | 'insufficient-funds'
  /** The pool is full or limits the account: later. */
  | 'pool-full'
  /** Refused for what it is: no retry helps. */
  | 'rejected'
  /** The node could not be asked: the transaction may or may not have arrived. */
  | 'unreachable'

/**
 * Messages of geth, Nethermind, Besu, Erigon, reth and anvil, most specific first. Nodes have no codes for these, so text is all there is.
 */
const failures: readonly (readonly [string, SendFailure])[] = [
  ['already known', 'known'],
  ['already imported', 'known'],
  ['already_exists', 'known'],
  ['known transaction', 'known'],
  ['alreadyknown', 'known'],
  ['address already reserved', 'reserved'],
  ['already reserved', 'reserved'],
  ['pooltxconflict', 'reserved'],
  ['conflicting transaction type', 'reserved'],
  ['replacement transaction underpriced', 'replacement-underpriced'],
  ['replacement not allowed', 'replacement-underpriced'],
  ['replacementnotallowed', 'replacement-underpriced'],
  ['replacement fee too low', 'replacement-underpriced'],
  ['future transaction tries to replace pending', 'replacement-underpriced'],
  ['nonce too low', 'nonce-too-low'],
  ['oldnonce', 'nonce-too-low'],
  ['nonce is too low', 'nonce-too-low'],
  ['nonce too high', 'nonce-too-high'],
  ['gapped nonce', 'nonce-too-high'],
  ['noncegap', 'nonce-too-high'],
  ['nonce is too far in the future', 'nonce-too-high'],
  ['transaction underpriced', 'underpriced'],
  ['max fee per gas less than block base fee', 'underpriced'],
  ['max fee per blob gas less than block blob gas fee', 'underpriced'],
  ['max_fee_per_blob_gas', 'underpriced'],
  ['max fee per gas is below', 'underpriced'],
  ['feetoolow', 'underpriced'],
  ['tip cap below', 'underpriced'],
  ['gas tip cap', 'underpriced'],
  ['gas price below configured minimum', 'underpriced'],
  ['insufficient funds', 'insufficient-funds'],
  ['insufficientfunds', 'insufficient-funds'],
  ['upfront cost exceeds account balance', 'insufficient-funds'],
  ['txpool is full', 'pool-full'],
  ['transaction pool is full', 'pool-full'],
  ['account limit exceeded', 'pool-full'],
  ['in-flight transaction limit', 'pool-full'],
  ['exceeds the configured cap', 'rejected'],
  ['intrinsic gas too low', 'rejected'],
  ['floor data gas', 'rejected'],
  ['exceeds block gas limit', 'rejected'],
  ['gas limit too high', 'rejected'],
  ['oversized data', 'rejected'],
  ['too many blobs', 'rejected'],
  ['too many requests', 'unreachable'],
  ['invalid sender', 'rejected'],
  ['invalid kzg', 'rejected'],
  ['kzg error', 'rejected'],
  ['wrong versioned hash', 'rejected'],
  ['legacy blob tx', 'rejected'],
  ['unexpected eip-4844 sidecar', 'rejected'],
  ['blob sidecar', 'rejected'],
  ['failed to decode', 'rejected'],
  ['rlp:', 'rejected'],
  ['only replay-protected', 'rejected'],
  ['chain id', 'rejected'],
]

/**
 * The words of an error and of everything that caused it, lower case. Clients repeat the request in between, which for blobs is longer than
 * anything a node says: it goes before anything is cut off.
 */
function textOf(error: unknown): string {
  const parts: string[] = typeof error === 'string' ? [error] : []
  let at: unknown = error
  for (let depth = 0; depth < 16 && typeof at === 'object' && at !== null; depth++) {
    const { message, details, cause } = at as { message?: unknown; details?: unknown; cause?: unknown }
    if (typeof message === 'string') parts.push(message)
    if (typeof details === 'string') parts.push(details)
    at = cause
  }
  return parts
    .map(part => withoutRequest(part).slice(0, 4000))
    .join('\n')
    .toLowerCase()
}

/** The JSON-RPC error code somewhere in a chain of causes. */
function rpcCodeOf(error: unknown): number | undefined {
  let at: unknown = error
  for (let depth = 0; depth < 16 && typeof at === 'object' && at !== null; depth++) {
    const { code, cause } = at as { code?: unknown; cause?: unknown }
    if (typeof code === 'number' && code < 0) return code
    at = cause
  }
  return undefined
}

/**
 * Classifies what `eth_sendRawTransaction` threw, whatever client threw it.
 *
 * @example
 * ```ts
 * import { classifySendFailure } from '@l2/da/ethereum'
 *
 * console.log(classifySendFailure(new Error('replacement transaction underpriced'))) // replacement-underpriced
 * ```
 */
export function classifySendFailure(error: unknown): SendFailure {
  const text = textOf(error)
  for (const [part, failure] of failures) if (text.includes(part)) return failure
  const code = rpcCodeOf(error)
  // -32000 … -32003 and -32602 are the node's own words about the transaction; -32005 and the rest are about the node.
  if (code !== undefined && [-32000, -32003, -32010, -32602].includes(code)) return 'rejected'
  return 'unreachable'
}
