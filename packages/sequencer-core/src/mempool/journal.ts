import { isL2Error } from '@l2/common'
import type { Hash } from 'viem'
import type { SequencerErrorCode } from '../errors.js'
import type { Transaction } from '../transaction/types.js'
import type { Mempool } from './mempool.js'
import type { AccountState, AddContext, PoolEvent, PooledTransaction, TransactionCondition } from './types.js'

/** What a journal keeps of a pool. Bundles are not kept: they live for a few blocks. */
export type JournalRecord =
  | { readonly type: 'add'; readonly entry: PooledTransaction }
  | { readonly type: 'remove'; readonly hash: Hash }

/** What a journal gives back after a restart. */
export type JournaledTransaction = {
  readonly raw: Uint8Array
  readonly arrival: number
  readonly arrivedAtMs: number
  readonly readyAtMs: number
  readonly isPrivate: boolean
  readonly mayRevert: boolean
  readonly condition: TransactionCondition | undefined
}

/**
 * Where a pool is written down so that it survives its process. Contract: once `append` has resolved, its records are there after a crash of
 * process or machine, in order; if it rejects with `recovery: 'retry'` (`DISK_FULL`), nothing of it was written and it may be tried again; after any
 * other rejection the journal takes nothing more, and the process opens it again.
 */
export interface MempoolJournal {
  append(records: readonly JournalRecord[]): Promise<void>
  /** Begins anew with just these transactions; a crash in between leaves the old journal or the new one, never a mixture. */
  compact(live: () => { entries: readonly PooledTransaction[]; nextArrival: number }): Promise<void>
  /** Bytes now. */
  readonly byteLength: number
  close(): Promise<void>
}

/** A pool and its journal, kept in step. */
export interface DurableMempool {
  readonly pool: Mempool
  /**
   * Adds a transaction and resolves when the journal has it: only then may its hash be acknowledged to the user.
   *
   * @throws SequencerError what `pool.add` refuses with, at once; `DISK_FULL`, `JOURNAL_FAILED` when it could not be written down
   */
  submit(
    transaction: Transaction,
    context: AddContext,
  ): Promise<{ entry: PooledTransaction; events: readonly PoolEvent[] }>
  /** Writes down what other calls to the pool have removed: pass on the events of `setHead`, `expire` and `remove`. */
  record(events: readonly PoolEvent[]): Promise<void>
}

/** Options of {@link createDurableMempool}. */
export type DurableMempoolOptions = {
  /** The journal is begun anew when it is longer than this, and than four times the live bytes. Default 16 MiB. */
  compactAfterBytes?: number | undefined
}

/** Joins a pool and a journal. */
export function createDurableMempool(
  pool: Mempool,
  journal: MempoolJournal,
  options: DurableMempoolOptions = {},
): DurableMempool {
  const compactAfterBytes = options.compactAfterBytes ?? 16 * 1024 * 1024
  let isCompacting = false
  const live = () => ({
    entries: [...pool.content()].flatMap(({ pending, queued }) => [...pending, ...queued]),
    nextArrival: pool.nextArrival,
  })
  /** What a refused transaction stood in the place of was promised earlier. */
  const putBack = (entry: PooledTransaction, { nowMs, account }: AddContext): void => {
    const { transaction, arrival, arrivedAtMs, ...rest } = entry
    pool.add(transaction, { nowMs, account, ...rest, recovered: { arrival, arrivedAtMs } })
  }
  const compactIfLong = (): void => {
    if (isCompacting || journal.byteLength <= Math.max(compactAfterBytes, 4 * pool.byteLength)) return
    isCompacting = true
    // A failure shows again in the next append, where somebody waits for it.
    const end = (): void => {
      isCompacting = false
    }
    journal.compact(live).then(end, end)
  }
  return {
    pool,
    async submit(transaction, context) {
      const { entry, events } = pool.add(transaction, context)
      try {
        await journal.append([{ type: 'add', entry }, ...removals(events)])
      } catch (error) {
        // Nobody was promised anything: better not to build on what a restart would forget.
        pool.remove(transaction.hash, 'failed')
        for (const event of events) if (event.type === 'replaced') putBack(event.entry, context)
        throw error
      }
      compactIfLong()
      return { entry, events }
    },
    async record(events) {
      const records = [...additions(events), ...removals(events)]
      if (records.length > 0) await journal.append(records)
      compactIfLong()
    },
  }
}

/** What a reorg put back. */
function additions(events: readonly PoolEvent[]): JournalRecord[] {
  return events.flatMap(event => (event.type === 'added' ? [{ type: 'add' as const, entry: event.entry }] : []))
}

function removals(events: readonly PoolEvent[]): JournalRecord[] {
  return events.flatMap(event =>
    event.type === 'dropped' || event.type === 'included' || event.type === 'replaced'
      ? [{ type: 'remove' as const, hash: event.entry.transaction.hash }]
      : [],
  )
}

/**
 * Fills a pool with what a journal gave back, in the order of arrival and with the old counters. What the pool does not take any more (a nonce
 * that was used meanwhile, for example) is returned with its error.
 */
export async function restoreMempool(
  pool: Mempool,
  journaled: readonly JournaledTransaction[],
  deps: {
    nowMs: number
    decode: (raw: Uint8Array) => Transaction
    accountOf: (sender: Transaction['sender']) => AccountState | Promise<AccountState>
  },
): Promise<{ restored: number; refused: { arrival: number; error: unknown }[] }> {
  const refused: { arrival: number; error: unknown }[] = []
  let restored = 0
  for (const { raw, arrival, arrivedAtMs, ...rest } of [...journaled].sort((a, b) => a.arrival - b.arrival)) {
    try {
      const transaction = deps.decode(raw)
      const account = await deps.accountOf(transaction.sender)
      pool.add(transaction, { nowMs: deps.nowMs, account, ...rest, recovered: { arrival, arrivedAtMs } })
      restored++
    } catch (error) {
      if (!isL2Error<SequencerErrorCode>(error)) throw error
      refused.push({ arrival, error })
    }
  }
  return { restored, refused }
}
