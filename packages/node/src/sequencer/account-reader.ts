import type { AccountState } from '@l2/sequencer-core/mempool'
import type { Address, Hash } from 'viem'

/** Accounts that one question to the engine is about at most. */
const maxBatch = 256
/** Accounts that are remembered of one head. */
const maxKnown = 50_000

/**
 * Reads accounts at the head for admission. However many ask, one question is with the engine at a time, for all who wait; what was read is kept until the
 * head moves. So strangers whose transactions are refused cannot put themselves in front of the builder, which shares the engine with them.
 *
 * @param read accounts at the head
 * @param headNow what tells whether the head has moved
 */
export function createAccountReader(
  read: (addresses: readonly Address[]) => Promise<AccountState[]>,
  headNow: () => Hash,
): (address: Address) => Promise<AccountState> {
  type Waiter = { resolve(state: AccountState): void; reject(error: unknown): void }
  let known = { head: headNow(), states: new Map<Address, AccountState>() }
  const waiting = new Map<Address, Waiter[]>()
  let isReading = false

  const pump = async (): Promise<void> => {
    if (isReading) return
    isReading = true
    try {
      while (waiting.size > 0) {
        const addresses = [...waiting.keys()].slice(0, maxBatch)
        const head = headNow()
        try {
          const states = await read(addresses)
          // Asked again when the head moved meanwhile, so that the pool never goes back.
          if (headNow() !== head) continue
          if (known.head !== head || known.states.size > maxKnown) known = { head, states: new Map() }
          for (const [index, address] of addresses.entries()) {
            const state = states[index]!
            known.states.set(address, state)
            for (const { resolve } of waiting.get(address) ?? []) resolve(state)
            waiting.delete(address)
          }
        } catch (error) {
          for (const address of addresses) {
            for (const { reject } of waiting.get(address) ?? []) reject(error)
            waiting.delete(address)
          }
        }
      }
    } finally {
      isReading = false
    }
  }

  return async address => {
    const state = known.head === headNow() ? known.states.get(address) : undefined
    if (state !== undefined) return state
    return await new Promise<AccountState>((resolve, reject) => {
      const waiters = waiting.get(address)
      if (waiters === undefined) waiting.set(address, [{ resolve, reject }])
      else waiters.push({ resolve, reject })
      void pump()
    })
  }
}
