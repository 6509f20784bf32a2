import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { sha256 } from '@l2/common/crypto'
import type { Hash } from 'viem'
import { SequencerError } from '../errors.js'

/** The right to append, until somebody acquires a newer one. */
export type Lease = {
  /** Strictly greater than that of every earlier lease of this log, also across restarts. */
  readonly epoch: bigint
  readonly holder: string
  /**
   * Milliseconds. The holder measures them on its own monotonic clock from before it asked, and stops some margin earlier. That is courtesy:
   * safety comes from the fence alone.
   */
  readonly ttlMs: number
}

/** What a writer appends. */
export type NewLogEntry = {
  /** Of the writer's lease. */
  readonly epoch: bigint
  /** The last entry's plus one; the first entry has 1. */
  readonly seq: bigint
  /** Hash of the entry before; zero for the first. */
  readonly prevHash: Hash
  readonly payload: Uint8Array
}

/** An appended entry. */
export type LogEntry = NewLogEntry & {
  /** See {@link logEntryHash}. */
  readonly hash: Hash
}

/** The end of a log. */
export type LogHead = {
  /** 0 when the log is empty. */
  readonly seq: bigint
  /** Zero when the log is empty. */
  readonly hash: Hash
  /** Of the newest lease: only its writer can append. 0 before the first. */
  readonly epoch: bigint
}

/** Options of {@link SequencerLog.read}. */
export type ReadLogOptions = {
  signal?: AbortSignal | undefined
  /** True: waits for further entries instead of ending at the last one. Ends when the log is closed. */
  follow?: boolean | undefined
}

/**
 * The ordered, fenced, durable log in front of everything that users see: what was acknowledged was appended, what was appended survives.
 *
 * Every implementation keeps, and `logConformance` of `@l2/sequencer-core/testing` checks:
 * I1 one payload per `seq` · I2 epochs never fall along `seq` · I3 an unbroken hash chain · I4 an acknowledged entry is readable after any
 * crash · I5 a writer is refused for good once a newer epoch exists, however long it slept · I6 readers see durable entries only · I7 after a
 * lease ends, the next holder can append at once.
 */
export interface SequencerLog extends AsyncDisposable {
  /**
   * A lease with a new epoch, which fences off every earlier one. The same holder may acquire again at any time.
   *
   * @throws SequencerError `LOG_LEASE_HELD` (retry) while somebody else's lease runs, `LOG_CLOSED`
   */
  acquire(holder: string, ttlMs: number): Promise<Lease>
  /** Prolongs a lease by its `ttlMs` from now. @throws SequencerError `LOG_FENCED`, `LOG_CLOSED` */
  renew(lease: Lease): Promise<Lease>
  /** Gives a lease back, so that the next holder need not wait. A lease that is fenced already is released already. */
  release(lease: Lease): Promise<void>
  /**
   * Appends atomically and resolves when the entry is durable. Appending the last entry again, with the same content, is acknowledged again:
   * a writer that missed the answer may repeat itself. Calls may overlap; they take effect in the order in which they were made.
   *
   * @throws SequencerError `LOG_FENCED` (abort) for another epoch than the newest, `LOG_CONFLICT` (reset) for another place than the end,
   * `LOG_TOO_LARGE`, `LOG_CLOSED` (reset): whether the entry is there, the log tells after it is opened again
   */
  append(entry: NewLogEntry): Promise<LogEntry>
  head(): Promise<LogHead>
  /** Entries from `seq` on, in order, as far as they are durable. */
  read(seq: bigint, options?: ReadLogOptions): AsyncIterable<LogEntry>
  /** Idempotent; what was acknowledged stays. */
  close(): Promise<void>
}

/** `prevHash` of the first entry. */
export const emptyLogHash: Hash = `0x${'00'.repeat(32)}`

/** Bytes of a payload at most: 32 MiB. */
export const maxLogPayloadBytes: number = 32 * 2 ** 20

/** The bytes before the payload in an entry's hash and in its record: epoch and seq as u64, previous hash. */
export function encodeEntryPrefix(entry: NewLogEntry): Uint8Array {
  const prefix = new Uint8Array(48)
  const view = new DataView(prefix.buffer)
  view.setBigUint64(0, entry.epoch)
  view.setBigUint64(8, entry.seq)
  prefix.set(hexToBytes(entry.prevHash)!, 16)
  return prefix
}

/** sha-256 over epoch (u64), seq (u64), previous hash (32 bytes) and payload. */
export function logEntryHash(entry: NewLogEntry): Hash {
  return bytesToHex(sha256(concatBytes(encodeEntryPrefix(entry), entry.payload)))
}

/** The rules of leases and appends, without storage: what every implementation decides with, before it writes. */
export type LogState = {
  readonly head: LogHead
  readonly lease: { readonly epoch: bigint; readonly holder: string; readonly endsAtMs: number } | undefined
}

export const emptyLogState: LogState = { head: { seq: 0n, hash: emptyLogHash, epoch: 0n }, lease: undefined }

const maxUint64 = 2n ** 64n - 1n

/** @throws SequencerError `LOG_LEASE_HELD` */
export function acquireLease(state: LogState, holder: string, ttlMs: number, nowMs: number): LogState {
  const { lease, head } = state
  if (lease !== undefined && lease.holder !== holder && nowMs < lease.endsAtMs) {
    throw new SequencerError(`the lease is ${lease.holder}'s for another ${Math.ceil(lease.endsAtMs - nowMs)} ms`, {
      code: 'LOG_LEASE_HELD',
      recovery: 'retry',
      details: { holder: lease.holder, epoch: lease.epoch },
    })
  }
  const epoch = head.epoch + 1n
  return { head: { ...head, epoch }, lease: { epoch, holder, endsAtMs: nowMs + ttlMs } }
}

/** @throws SequencerError `LOG_FENCED` */
export function checkFence(state: LogState, epoch: bigint): void {
  if (epoch === state.head.epoch) return
  throw new SequencerError(`epoch ${epoch} is fenced off: the newest is ${state.head.epoch}`, {
    code: 'LOG_FENCED',
    details: { epoch, newest: state.head.epoch },
  })
}

export function renewLease(state: LogState, lease: Lease, nowMs: number): LogState {
  checkFence(state, lease.epoch)
  return { ...state, lease: { epoch: lease.epoch, holder: lease.holder, endsAtMs: nowMs + lease.ttlMs } }
}

/** Nothing to do when a newer lease exists. */
export function releaseLease(state: LogState, lease: Lease): LogState {
  return state.lease?.epoch === lease.epoch ? { ...state, lease: undefined } : state
}

/**
 * Whether `entry`, whose hash is `hash`, is the next one (`append`) or the last one again (`repeat`).
 *
 * @throws SequencerError `LOG_FENCED`, `LOG_CONFLICT`, `LOG_TOO_LARGE`
 */
export function checkAppend(state: LogState, entry: NewLogEntry, hash: Hash): 'append' | 'repeat' {
  checkFence(state, entry.epoch)
  if (entry.payload.length > maxLogPayloadBytes) {
    throw new SequencerError(`payload of ${entry.payload.length} bytes, at most ${maxLogPayloadBytes}`, {
      code: 'LOG_TOO_LARGE',
      details: { bytes: entry.payload.length, limit: maxLogPayloadBytes },
    })
  }
  const { head } = state
  if (entry.seq === head.seq && hash === head.hash) return 'repeat'
  if (entry.seq !== head.seq + 1n || entry.prevHash !== head.hash || entry.seq > maxUint64) {
    throw new SequencerError(`entry ${entry.seq} does not follow entry ${head.seq}`, {
      code: 'LOG_CONFLICT',
      recovery: 'reset',
      details: { seq: entry.seq, prevHash: entry.prevHash, headSeq: head.seq, headHash: head.hash },
    })
  }
  return 'append'
}

export function logClosed(cause?: unknown): SequencerError {
  return new SequencerError(cause === undefined ? 'the log is closed' : 'the file of the log failed: open it again', {
    code: 'LOG_CLOSED',
    recovery: 'reset',
    cause,
  })
}
