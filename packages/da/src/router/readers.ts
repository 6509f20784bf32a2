import { isL2Error } from '@l2/common'
import type { Commitment } from '../commitment.js'
import { DaError, type DaErrorCode, isDaError } from '../errors.js'
import type { DaCallOptions, DaLimits, DaStatus, DataAvailability } from '../port.js'

/** The adapters that read a commitment. */
export function readersOf<L extends Pick<DataAvailability, 'reads'>>(
  layers: readonly L[],
  commitment: Commitment,
): L[] {
  return layers.filter(layer => layer.reads(commitment))
}

/** Failures that say most about the data come first. */
const telling: readonly DaErrorCode[] = ['DA_MISMATCH', 'DA_PROOF_INVALID']

/**
 * Asks every adapter that reads the commitment until one answers. That a commitment is dead is an answer: whoever still has its data does not bring
 * it back to life, or what is read would depend on who can be reached.
 *
 * @throws DaError `DA_COMMITMENT_INVALID` when none reads it; else the failure that says most
 */
export async function askInTurn<T, L extends Pick<DataAvailability, 'reads'>>(
  layers: readonly L[],
  commitment: Commitment,
  call: DaCallOptions | undefined,
  ask: (layer: L) => Promise<T>,
): Promise<T> {
  const failures: unknown[] = []
  for (const layer of readersOf(layers, commitment)) {
    try {
      return await ask(layer)
    } catch (error) {
      call?.signal?.throwIfAborted()
      if (isL2Error(error, 'DA_COMMITMENT_DEAD')) throw error
      failures.push(error)
    }
  }
  const worst = failures.find(error => isDaError(error) && telling.includes(error.code)) ?? failures[0]
  throw worst ?? unread(commitment)
}

/**
 * Where a commitment stands with the adapters that read it: it is lost only when none of them has it.
 *
 * @throws DaError `DA_COMMITMENT_INVALID` when none reads it; what failed when nobody has it and somebody could not say
 */
export async function statusAmong(
  layers: readonly DataAvailability[],
  commitment: Commitment,
  call: DaCallOptions | undefined,
): Promise<DaStatus> {
  const readers = readersOf(layers, commitment)
  let failure: unknown
  for (const reader of readers) {
    try {
      const status = await reader.status(commitment, call)
      if (status !== 'lost') return status
    } catch (error) {
      call?.signal?.throwIfAborted()
      failure ??= error
    }
  }
  if (failure !== undefined) throw failure
  if (readers.length === 0) throw unread(commitment)
  return 'lost'
}

const unread = ({ layer }: Commitment) =>
  new DaError(`no adapter here reads layer ${layer}`, { code: 'DA_COMMITMENT_INVALID', details: { layer } })

/** What fits every layer that answers. */
export async function commonLimits(
  layers: readonly DataAvailability[],
  call: DaCallOptions | undefined,
): Promise<DaLimits> {
  const answers = await Promise.allSettled(layers.map(layer => layer.limits(call)))
  const known = answers.flatMap(answer => (answer.status === 'fulfilled' ? [answer.value] : []))
  if (known.length === 0) throw (answers[0] as PromiseRejectedResult).reason
  return {
    maxBytes: Math.min(...known.map(({ maxBytes }) => maxBytes)),
    maxItems: Math.min(...known.map(({ maxItems }) => maxItems)),
  }
}
