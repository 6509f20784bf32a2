import type { Clock, Logger } from '@l2/common'
import type { Hex } from 'viem'
import { DaError } from '../errors.js'
import { foreignCause } from '../internal/call.js'
import type { JournalEntry } from '../internal/journal.js'
import { classifySendFailure, type SendFailure } from './failure.js'
import { brokenFeeLimit, bumpFees, type FeeFloors, type FeeLimits, type FeeMarket, firstFees } from './fees.js'
import { type EthereumClient, readQuantity, type TransactionSigner } from './rpc.js'
import { type Attempt, isCancelling, type Slot } from './slots.js'
import type { PayloadKind, PoolKind, PreparedPayload } from './transaction.js'

/** What attempts, and those who publish them, work with. */
export type AttemptsDeps = {
  client: EthereumClient
  account: TransactionSigner
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

/** Makes the transactions of slots, and gives them to a node. */
type Attempts = {
  /** The attempt to send: the last one again, or a new one with fees that a pool takes. An error when its first price is too high. */
  next(slot: Slot, now: FeeMarket, raise: boolean): Promise<Attempt | DaError>
  transmit(slot: Slot, attempt: Attempt): Promise<{ failure: SendFailure | undefined; cause?: Error | undefined }>
}

const larger = (a: bigint, b: bigint) => (b < a ? a : b)

/** Makes the {@link Attempts} of one account. */
export function createAttempts(deps: AttemptsDeps): Attempts {
  const { client, account, clock, logger, floors, limits, change } = deps

  async function next(slot: Slot, now: FeeMarket, raise: boolean): Promise<Attempt | DaError> {
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

  return { next, transmit }
}
