import { createFollowers } from './followers.js'
import {
  acquireLease,
  checkAppend,
  checkFence,
  emptyLogState,
  type Lease,
  type LogEntry,
  type LogHead,
  type LogState,
  logClosed,
  logEntryHash,
  type NewLogEntry,
  type ReadLogOptions,
  releaseLease,
  renewLease,
  type SequencerLog,
} from './log.js'

/** Options of {@link createMemoryLog}. */
export type MemoryLogOptions = {
  /** Monotonic milliseconds, for the ends of leases. Defaults to `performance.now`. */
  monotonicMs?: (() => number) | undefined
}

/**
 * A {@link SequencerLog} that lives and dies with its object: for tests and for chains that may be forgotten.
 *
 * @example
 * ```ts
 * import { createMemoryLog, emptyLogHash } from '@l2/sequencer-core/block'
 *
 * const log = createMemoryLog()
 * const { epoch } = await log.acquire('node-1', 10_000)
 * const first = await log.append({ epoch, seq: 1n, prevHash: emptyLogHash, payload: Uint8Array.of(1) })
 * await log.append({ epoch, seq: 2n, prevHash: first.hash, payload: Uint8Array.of(2) })
 * for await (const entry of log.read(2n)) console.log(entry.payload) // Uint8Array(1) [ 2 ]
 * console.log((await log.head()).seq) // 2n
 * ```
 */
export function createMemoryLog(options: MemoryLogOptions = {}): SequencerLog {
  const now = options.monotonicMs ?? (() => performance.now())
  const entries: LogEntry[] = []
  const followers = createFollowers()
  let state: LogState = emptyLogState
  let closed = false
  const open = () => {
    if (closed) throw logClosed()
  }
  const close = async () => {
    closed = true
    followers.notify()
  }
  return {
    async acquire(holder: string, ttlMs: number): Promise<Lease> {
      open()
      state = acquireLease(state, holder, ttlMs, now())
      return { epoch: state.head.epoch, holder, ttlMs }
    },
    async renew(lease: Lease): Promise<Lease> {
      open()
      state = renewLease(state, lease, now())
      return lease
    },
    async release(lease: Lease): Promise<void> {
      state = releaseLease(state, lease)
    },
    async append(entry: NewLogEntry): Promise<LogEntry> {
      open()
      checkFence(state, entry.epoch)
      const appended = { ...entry, payload: entry.payload.slice(), hash: logEntryHash(entry) }
      if (checkAppend(state, entry, appended.hash) === 'repeat') return appended
      entries.push(appended)
      state = { ...state, head: { ...state.head, seq: entry.seq, hash: appended.hash } }
      followers.notify()
      return appended
    },
    async head(): Promise<LogHead> {
      open()
      return state.head
    },
    async *read(seq: bigint, { signal, follow = false }: ReadLogOptions = {}): AsyncIterable<LogEntry> {
      let index = seq < 1n ? 0 : Number(seq - 1n)
      for (;;) {
        signal?.throwIfAborted()
        const entry = entries[index]
        if (entry !== undefined) {
          index++
          yield entry
        } else if (follow && !closed) await followers.wait(signal)
        else return
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
