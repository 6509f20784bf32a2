import type { Recovery } from '@l2/common'
import type { SendFailure } from './table.js'

/** What to do about a {@link SendFailure}. */
export type SendFailureCure = {
  /** Whether the same payload may go again as it is or with other numbers (`retry`), or something has to be set right first (`abort`). */
  readonly recovery: Recovery
  /** In a sentence. */
  readonly cure: string
}

/**
 * The cure of each answer. None of them loses a payload: whatever makes a transaction anew (another nonce, other fees) is for a transaction
 * that the node has refused, and never takes the place of another that is pending.
 *
 * @example
 * ```ts
 * import { sendFailureCures } from '@l2/blob'
 *
 * console.log(sendFailureCures['replacement-underpriced'].recovery) // retry
 * ```
 */
export const sendFailureCures: Readonly<Record<SendFailure, SendFailureCure>> = {
  known: { recovery: 'retry', cure: 'nothing: the node has it' },
  'nonce-too-low': { recovery: 'retry', cure: 'look whether it was mined; if not, take the next nonce and sign again' },
  'replacement-underpriced': {
    recovery: 'retry',
    cure: 'take the next nonce and sign again; raise the fees (`bumpBlobFees`) only to replace your own transaction on purpose',
  },
  'nonce-too-high': { recovery: 'retry', cure: 'send what comes before it first, or wait until the node has it' },
  underpriced: { recovery: 'retry', cure: 'quote again and sign with higher fees' },
  'fee-cap': {
    recovery: 'retry',
    cure: 'wait for a lower price, use a layer that costs less, or raise the limit of the node (geth: --rpc.txfeecap)',
  },
  reserved: { recovery: 'retry', cure: 'wait until the transactions of the other kind are mined, or replace them' },
  'insufficient-funds': { recovery: 'abort', cure: 'fund the account' },
  'account-limit': { recovery: 'retry', cure: 'wait until earlier transactions of the account are mined' },
  'pool-full': { recovery: 'retry', cure: 'wait, or use another node' },
  syncing: { recovery: 'retry', cure: 'wait, or use another node' },
  'rate-limited': { recovery: 'retry', cure: 'wait, or use another node' },
  unauthorized: { recovery: 'abort', cure: 'check the credentials, or use another node' },
  'request-too-large': {
    recovery: 'abort',
    cure: 'let the node, or the proxy before it, read longer requests (six blobs are 1.6 MB), or send fewer blobs',
  },
  'too-many-blobs': { recovery: 'abort', cure: 'split the data' },
  'wrapper-version': {
    recovery: 'abort',
    cure: 'build the sidecar for the fork that the node is at (`getBlobParameters`)',
  },
  'invalid-proof': { recovery: 'abort', cure: 'build the sidecar again' },
  rejected: { recovery: 'abort', cure: 'fix the transaction' },
  unknown: { recovery: 'retry', cure: 'try again later, or use another node' },
  unreachable: { recovery: 'retry', cure: 'send the same bytes again: a node that has them says so' },
}
