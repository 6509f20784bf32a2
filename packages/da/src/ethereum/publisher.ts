import { isL2Error } from '@l2/common'
import type { DaError } from '../errors.js'
import { type AttemptsDeps, createAttempts } from './attempts.js'
import { reactions, refusal, type SendFailure } from './failure.js'
import type { FeeMarket } from './fees.js'
import type { Slot } from './slots.js'

/**
 * How sending a slot went. `sent`: a node has it. `later`: the next look at the chain tells more, and nothing may follow it now. `reserved`: the
 * account has transactions of the other kind in the pool. `refused`, `too-dear`: it did not leave, and will not.
 */
export type Published = { outcome: 'sent' | 'later' | 'reserved' } | { outcome: 'refused' | 'too-dear'; error: DaError }

/** Prices, signs and sends the transactions of slots. */
export type Publisher = {
  /** Sends the last attempt again, or one with higher fees when `raise`; every attempt is journalled before it is sent. */
  publish(slot: Slot, now: FeeMarket, raise: boolean): Promise<Published>
}

export function createPublisher(deps: AttemptsDeps): Publisher {
  const { account, clock, logger, change } = deps
  const attempts = createAttempts(deps)

  async function publish(slot: Slot, now: FeeMarket, raise: boolean): Promise<Published> {
    let raiseNow = raise
    let rebuilt = false
    const before = new Set(slot.attempts.map(({ hash }) => hash))
    // A refused replacement is raised and tried again; what is still refused after a few doublings waits for the next look.
    for (let tries = 0; tries < 4; tries++) {
      const attempt = await attempts.next(slot, now, raiseNow)
      if (isL2Error(attempt)) return { outcome: 'too-dear', error: attempt }
      const { failure, cause } = await attempts.transmit(slot, attempt)
      const reaction = failure === undefined ? 'sent' : reactions[failure]
      if (failure !== undefined && reaction !== 'sent') waits(slot, failure, cause)
      const details = { key: slot.entry?.key, kind: slot.kind }
      switch (reaction) {
        case 'sent':
          slot.waiting = undefined
          if (!slot.accepted) await change(slot, () => ({ accepted: true }))
          return { outcome: 'sent' }
        case 'raise':
          raiseNow = true
          continue
        case 'later':
          return { outcome: 'later' }
        case 'reserved':
          return { outcome: 'reserved' }
        case 'cap':
          if (before.size === 0 || slot.attempts.length < 2) {
            return { outcome: 'too-dear', error: refusal(failure!, account.address, details, cause) }
          }
          // What was offered to a node earlier may be with it, or with another one behind the same address, and be mined: it is remembered.
          if (before.has(attempt.hash)) return { outcome: 'later' }
          // A raise that the node's limit does not let through is taken back: what was sent before goes on waiting.
          await change(slot, () => ({
            attempts: slot.attempts.filter(({ hash }) => before.has(hash)),
            raisedAtMs: clock.now(),
          }))
          raiseNow = false
          continue
        case 'end':
          // Proofs that were made before a fork of L1 are made again after it.
          if (failure === 'wrapper-version' && !rebuilt) {
            rebuilt = true
            raiseNow = false
            slot.prepared = undefined
            continue
          }
          return { outcome: 'refused', error: refusal(failure!, account.address, details, cause) }
      }
    }
    return { outcome: 'later' }
  }

  /** Says why a slot waits, once for each reason. */
  function waits(slot: Slot, failure: SendFailure, cause: Error | undefined): void {
    if (slot.waiting === failure) return
    slot.waiting = failure
    logger.warn({ nonce: slot.nonce, failure, said: cause?.message }, 'transaction not taken')
  }

  return { publish }
}
