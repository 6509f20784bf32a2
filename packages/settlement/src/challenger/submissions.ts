import { isL2Error } from '@l2/common'
import type { Hash } from 'viem'
import type { L1Call, Sender } from '../l1/sender.js'

/** Something to be sent. */
export type Candidate = {
  /** The game, in the factory. */
  readonly index: bigint
  /** Of L1, seconds: when it is too late. */
  readonly dueSeconds: bigint
  readonly isMove: boolean
  call(): Promise<L1Call>
}

/** Of what is never too late. */
export const neverDue = 2n ** 64n

/**
 * Sends the most urgent of what can be sent.
 *
 * @throws what the first one that could not be sent failed with, after another was sent too
 */
export async function sendFirst(
  candidates: readonly Candidate[],
  sender: Sender,
  onSent: (candidate: Candidate, what: string, hash: Hash) => void,
): Promise<void> {
  // What can be too late comes first.
  const byDue = [...candidates].sort((a, b) => (a.dueSeconds < b.dueSeconds ? -1 : a.dueSeconds > b.dueSeconds ? 1 : 0))
  let failure: unknown
  for (const candidate of byDue) {
    try {
      const planned = await candidate.call()
      const hash = await sender.submit(planned)
      onSent(candidate, planned.what, hash)
      break
    } catch (error) {
      // What cannot be done in one game must not stop the others.
      if (!isL2Error(error, 'L1_REVERTED') && !isL2Error(error, 'L1_FUNDS')) throw error
      failure ??= error
    }
  }
  if (failure !== undefined) throw failure
}
