import { type SendFailure, sendFailureCures } from '@l2/blob'
import { DaError, type DaErrorCode } from '../errors.js'

export { classifySendFailure, type SendFailure } from '@l2/blob'

/**
 * What the transaction manager does about an answer. `sent`: the node has it. `raise`: it goes again with higher fees. `later`: nothing may
 * follow it before the next look at the chain. `reserved`: the pool of the other kind is in the way. `cap`: not at this price, by a limit of the
 * node. `end`: the submission fails, and the layer below or beside may take it.
 */
export type Reaction = 'sent' | 'raise' | 'later' | 'reserved' | 'cap' | 'end'

export const reactions: Readonly<Record<SendFailure, Reaction>> = {
  known: 'sent',
  'replacement-underpriced': 'raise',
  underpriced: 'raise',
  // The next look tells which transaction has the nonce, or whether the earlier ones got lost.
  'nonce-too-low': 'later',
  'nonce-too-high': 'later',
  'account-limit': 'later',
  'pool-full': 'later',
  syncing: 'later',
  'rate-limited': 'later',
  unknown: 'later',
  unreachable: 'later',
  reserved: 'reserved',
  'fee-cap': 'cap',
  'insufficient-funds': 'end',
  unauthorized: 'end',
  'request-too-large': 'end',
  'too-many-blobs': 'end',
  'wrapper-version': 'end',
  'invalid-proof': 'end',
  rejected: 'end',
}

const codes: Partial<Record<SendFailure, DaErrorCode>> = {
  'insufficient-funds': 'DA_INSUFFICIENT_FUNDS',
  unauthorized: 'DA_UNAUTHORIZED',
  'fee-cap': 'DA_FEE_TOO_HIGH',
}

/** The error of a submission that a node did not take and will not. */
export function refusal(failure: SendFailure, address: string, details: object, cause: Error | undefined): DaError {
  const messages: Partial<Record<SendFailure, string>> = {
    'insufficient-funds': `${address} cannot pay for the transaction`,
    unauthorized: 'the node takes no transactions from us',
    'fee-cap': 'the node sends on no transaction that may cost as much as this one now',
    'request-too-large': 'the node does not read a request as long as the transaction',
  }
  return new DaError(messages[failure] ?? 'the node refuses the transaction', {
    code: codes[failure] ?? 'DA_REJECTED',
    meta: [`try: ${sendFailureCures[failure].cure}`],
    details: { ...details, failure },
    cause,
  })
}
