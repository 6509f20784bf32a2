import { refuse } from '../errors.js'
import { membersOf, totalPower } from '../fold/state.js'
import type { ControlChain, ControlChainDependencies } from './control-chain.js'
import { type ControlChainOptions, createLedger } from './ledger.js'

export type SoloOptions = ControlChainOptions & {
  /** Milliseconds between control blocks; a transaction does not wait for the next one. Default 500. */
  blockMs?: number | undefined
}

/** Transactions that wait for a block at most. */
const maxWaiting = 1024

/**
 * A control chain of one operator, in its own process: the same fold and the same transactions, ordered by nobody but
 * itself. It tolerates no fault, and says so.
 *
 * @throws ControlChainError `CONFIG_INVALID` for more than one operator; `SNAPSHOT_INVALID`
 *
 * @example
 * ```ts
 * import { createSoloControlChain, defaultParameters, signTransaction } from '@l2/control-chain'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const account = privateKeyToAccount(`0x${'07'.repeat(32)}`)
 * const domain = { chainId: 901n, rollup: `0x${'01'.repeat(20)}` } as const
 * const genesis = { height: 0n, hash: `0x${'00'.repeat(32)}` } as const
 * const operators = [{ id: 1, power: 1n, header: account.address }]
 * let saved: Uint8Array | undefined
 * const chain = createSoloControlChain(
 *   { domain, genesis, operators, parameters: defaultParameters },
 *   {
 *     plan: { slotAt: height => ({ start: height, end: height, leader: 1 }), fallback: () => 1 },
 *     list: ({ view, height, milestone }) => ({ view, atHeight: height, base: milestone, hashes: [] }),
 *     store: { load: () => saved, save: bytes => { saved = bytes } },
 *   },
 * )
 * const message = { type: 'termVote', view: 0, cause: { type: 'silent' } } as const
 * await chain.submit(await signTransaction({ domain, message, sequence: 1n }, hash => account.sign({ hash })))
 * await new Promise(resolve => setTimeout(resolve, 50))
 * console.log(chain.state().view, chain.status.toleratedPower) // 1 0n
 * await chain.close()
 * ```
 */
export function createSoloControlChain(options: SoloOptions, dependencies: ControlChainDependencies): ControlChain {
  const [operator, ...others] = options.operators
  if (operator === undefined || others.length > 0) {
    refuse('CONFIG_INVALID', `one operator expected, got ${options.operators.length}`)
  }
  const ledger = createLedger(options, dependencies)
  const blockMs = options.blockMs ?? 500
  const waiting = new Map<string, Uint8Array>()
  let lastMs = performance.now()
  let timer: ReturnType<typeof setTimeout> | undefined
  let isClosed = false
  let fault: unknown

  const make = (): void => {
    if (isClosed) return
    try {
      const state = ledger.state()
      // Whoever is no member any more, for it was convicted, has no word.
      const isMember = membersOf(state).some(({ id }) => id === operator.id)
      const lists = isMember ? [{ operator: operator.id, list: dependencies.list(state) }] : []
      const taken = [...waiting]
      const transactions = taken.map(([, bytes]) => bytes)
      ledger.fold({ height: state.height + 1n, lists, transactions, misbehaved: [] })
      ledger.commit()
      for (const [key] of taken) waiting.delete(key)
      lastMs = performance.now()
      fault = undefined
    } catch (error) {
      // A disk that is full, mostly. The state is as it was, and the next block tries again.
      fault = error
    }
    schedule(blockMs)
  }
  const schedule = (ms: number): void => {
    clearTimeout(timer)
    if (!isClosed) timer = setTimeout(make, ms)
  }
  schedule(blockMs)

  const close = async (): Promise<void> => {
    isClosed = true
    clearTimeout(timer)
  }
  return {
    type: 'solo',
    get status() {
      const state = ledger.state()
      const members = membersOf(state)
      return {
        height: state.height,
        sinceBlockMs: performance.now() - lastMs,
        quorum: { present: members.map(({ id }) => id), power: totalPower(members), total: totalPower(members) },
        toleratedPower: 0n,
        waiting: fault === undefined ? undefined : `no block: ${(fault as Error).message}`,
      }
    },
    state: ledger.state,
    // What cannot be written is tried again, and said.
    failed: new Promise<never>(() => {}),
    async submit(transaction) {
      if (isClosed) refuse('CHAIN_UNAVAILABLE', 'the control chain is closed')
      const key = transaction.join()
      if (waiting.has(key)) return
      const reason = ledger.refusal(transaction)
      if (reason !== undefined) refuse('TRANSACTION_REFUSED', `the transaction is refused: ${reason}`, { reason })
      if (waiting.size >= maxWaiting) refuse('CHAIN_UNAVAILABLE', `${maxWaiting} transactions wait already`)
      waiting.set(key, transaction.slice())
      schedule(0)
    },
    snapshot: ledger.snapshot,
    close,
    [Symbol.asyncDispose]: close,
  }
}
