import { createNativeRecovery } from '@l2/sequencer-core/node'
import { nobleRecovery, type SenderRecovery } from '@l2/sequencer-core/transaction'

/** Finds senders by the native library where it is installed, else in JavaScript. */
export async function fastestRecovery(): Promise<SenderRecovery> {
  try {
    return await createNativeRecovery()
  } catch {
    return nobleRecovery
  }
}
