import type { Clock, Logger } from '@l2/common'
import { isL2Error } from '@l2/common'
import type { Hex } from 'viem'
import { DaError } from '../errors.js'
import { foreignCause } from '../internal/call.js'
import type { JournalEntry } from '../internal/journal.js'
import { classifySendFailure, reactions, refusal, type SendFailure } from './failure.js'
import { brokenFeeLimit, bumpFees, type FeeFloors, type FeeLimits, type FeeMarket, firstFees } from './fees.js'
import { type EthereumClient, readQuantity, type SigningAccount } from './rpc.js'
import { type Attempt, isCancelling, type Slot } from './slots.js'
import type { PayloadKind, PoolKind, PreparedPayload } from './transaction.js'

export type PublisherDeps = {
  client: EthereumClient
  account: SigningAccount
  chainId: () => number
  clock: Clock
  logger: Logger
  signal: AbortSignal
  floors: FeeFloors
  limits: FeeLimits
  payloadOf(kind: PoolKind): PayloadKind | undefined
  itemsOf(entry: JournalEntry): Promise<readonly Uint8Array[]>
  /** Makes a change of a slot durable, and then visible. */
  change(slot: Slot, make: () => Partial<Slot>): Promise<void>
}

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

const larger = (a: bigint, b: bigint) => (b < a ? a : b)

export function createPublisher(deps: PublisherDeps): Publisher {
  const { client, account, clock, logger, floors, limits, change } = deps

  async function publish(slot: Slot, now: FeeMarket, raise: boolean): Promise<Published> {
    let raiseNow = raise
    let rebuilt = false
    const before = new Set(slot.attempts.map(({ hash }) => hash))
    // A refused replacement is raised and tried again; what is still refused after a few doublings waits for the next look.
    for (let tries = 0; tries < 4; tries++) {
      const attempt = await nextAttempt(slot, now, raiseNow)
      if (isL2Error(attempt)) return { outcome: 'too-dear', error: attempt }
      const { failure, cause } = await transmit(slot, attempt)
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

  /** The attempt to send: the last one again, or a new one with fees that a pool takes. An error when its first price is too high. */
  async function nextAttempt(slot: Slot, now: FeeMarket, raise: boolean): Promise<Attempt | DaError> {
    const last = slot.attempts.at(-1)
    if (last !== undefined && !raise) return last
    const fees = last === undefined ? firstFees(now, slot.kind === 'blob', floors) : bumpFees(last.fees, now)
    const broken = brokenFeeLimit(fees, now, floors, limits)
    if (broken !== undefined) {
      slot.raisedAtMs = clock.now()
      if (last !== undefined) return last
      return new DaError(`posting to Ethereum costs more than is allowed (${broken})`, {
        code: 'DA_FEE_TOO_HIGH',
        details: { limit: broken, cap: fees.cap, blobCap: fees.blobCap },
      })
    }
    const cancels = isCancelling(slot)
    const payload = await prepared(slot, cancels)
    const to = cancels ? account.address : slot.to
    const gas = last !== undefined && last.cancels === cancels ? last.gas : await gasOf(payload, to)
    const { hash } = await payload.sign(account, { chainId: deps.chainId(), nonce: slot.nonce, to, gas, fees })
    const attempt = { hash, fees, gas, cancels }
    await change(slot, () => ({
      attempts: [...slot.attempts, attempt],
      ...(cancels ? {} : { hashes: payload.hashes }),
      raisedAtMs: clock.now(),
    }))
    return attempt
  }

  async function prepared(slot: Slot, cancels: boolean): Promise<PreparedPayload> {
    if (slot.prepared?.cancels === cancels) return slot.prepared.payload
    const payload = deps.payloadOf(slot.kind)
    if (payload === undefined) {
      throw new DaError(`the journal holds a ${slot.kind} transaction, and no adapter of that kind was made`, {
        code: 'DA_OPTIONS_INVALID',
        details: { kind: slot.kind, nonce: slot.nonce },
      })
    }
    const items = slot.entry === undefined || cancels ? payload.empty() : await deps.itemsOf(slot.entry)
    const ready = await payload.prepare(items, deps.signal)
    slot.prepared = { cancels, payload: ready }
    return ready
  }

  async function gasOf(payload: PreparedPayload, to: Hex): Promise<bigint> {
    try {
      const estimate = await readQuantity(client, 'eth_estimateGas', [
        { from: account.address, to, ...payload.estimate },
      ])
      return larger(estimate, payload.intrinsicGas)
    } catch {
      return payload.intrinsicGas
    }
  }

  async function transmit(
    slot: Slot,
    attempt: Attempt,
  ): Promise<{ failure: SendFailure | undefined; cause?: Error | undefined }> {
    const payload = await prepared(slot, attempt.cancels)
    const { raw, hash } = await payload.sign(account, {
      chainId: deps.chainId(),
      nonce: slot.nonce,
      to: attempt.cancels ? account.address : slot.to,
      gas: attempt.gas,
      fees: attempt.fees,
    })
    if (hash !== attempt.hash) {
      // Signers that are not deterministic make a new transaction each time: it counts as one more attempt.
      await change(slot, () => ({ attempts: [...slot.attempts, { ...attempt, hash }] }))
    }
    try {
      await client.request({ method: 'eth_sendRawTransaction', params: [raw] })
      logger.info({ nonce: slot.nonce, hash, kind: slot.kind, attempts: slot.attempts.length }, 'transaction sent')
      return { failure: undefined }
    } catch (error) {
      return { failure: classifySendFailure(error), cause: foreignCause(error) }
    }
  }

  return { publish }
}
