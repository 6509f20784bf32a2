import { type Clock, isL2Error, systemClock } from '@l2/common'
import * as z from 'zod/mini'
import { checkOptions } from '../internal/options.js'
import type { Lease, SequencerLog } from './log.js'

/** Options of {@link createLeaseHolder}. */
export type LeaseHolderOptions = {
  log: SequencerLog
  /** Name of this process, unique among those that may hold the lease. */
  holder: string
  /** Milliseconds. Defaults to 10 000. */
  ttlMs?: number | undefined
  /** The holder stops this long before the lease ends. Defaults to half of {@link ttlMs}. */
  marginMs?: number | undefined
  /** Monotonic milliseconds. Defaults to `performance.now`. */
  monotonicMs?: (() => number) | undefined
  clock?: Clock | undefined
}

const optionsSchema = /* @__PURE__ */ (() =>
  z
    .object({
      holder: z.string().check(z.minLength(1), z.maxLength(256)),
      ttlMs: z.optional(z.number().check(z.positive(), z.maximum(3_600_000))),
      marginMs: z.optional(z.number().check(z.positive())),
    })
    .check(
      z.refine(({ ttlMs = 10_000, marginMs = ttlMs / 2 }) => marginMs < ttlMs, {
        path: ['marginMs'],
        error: 'must be less than ttlMs',
      }),
    ))()

/** Holds a lease as long as it may. */
export interface LeaseHolder {
  /**
   * The lease, as long as it is safe to act on it: measured on this machine's monotonic clock from before the request that gained it, less the margin.
   * A process that slept finds `undefined` here. Forgetting to look costs a refused append and nothing worse.
   */
  readonly current: Lease | undefined
  /**
   * Acquires, waiting for others to let go, and renews until the lease is lost or the signal ends it; an ended one is released.
   *
   * @param onLease called with each lease that is gained, and with `undefined` when it is lost
   * @returns when the signal is aborted. Rejects with what the log throws, but for `LOG_LEASE_HELD`, `LOG_FENCED` and
   * what may pass (`retry`, a database that is away for a while): that costs the lease at most, and is tried again.
   */
  run(onLease: (lease: Lease | undefined) => void, signal: AbortSignal): Promise<void>
}

/**
 * Keeps one process's lease on a log.
 *
 * @throws SequencerError `LOG_OPTIONS`
 *
 * @example
 * ```ts
 * import { createLeaseHolder, createMemoryLog } from '@l2/sequencer-core/block'
 *
 * const holder = createLeaseHolder({ log: createMemoryLog(), holder: 'node-1' })
 * const stop = new AbortController()
 * await holder.run(lease => {
 *   if (lease === undefined) return
 *   console.log(lease.epoch, holder.current === lease) // 1n true
 *   stop.abort()
 * }, stop.signal)
 * console.log(holder.current) // undefined
 * ```
 */
export function createLeaseHolder(options: LeaseHolderOptions): LeaseHolder {
  checkOptions(optionsSchema, options, 'the lease holder', 'LOG_OPTIONS')
  const { log, holder, ttlMs = 10_000 } = options
  const marginMs = options.marginMs ?? ttlMs / 2
  const now = options.monotonicMs ?? (() => performance.now())
  const clock = options.clock ?? systemClock
  let held: { lease: Lease; safeUntilMs: number } | undefined
  const current = () => (held !== undefined && now() < held.safeUntilMs ? held.lease : undefined)
  const mayPass = (error: unknown) => isL2Error(error) && error.recovery === 'retry'

  /** The clock starts before the request leaves: what travels slowly is not counted in our favour. */
  const gain = async (request: () => Promise<Lease>): Promise<'gained' | 'fenced' | 'later'> => {
    const askedMs = now()
    try {
      const lease = await request()
      held = { lease, safeUntilMs: askedMs + ttlMs - marginMs }
      return 'gained'
    } catch (error) {
      if (isL2Error(error, 'LOG_FENCED')) return 'fenced'
      if (mayPass(error)) return 'later'
      throw error
    }
  }
  const pause = (ms: number, signal: AbortSignal) => clock.sleep(ms, signal).catch(() => undefined)

  return {
    get current() {
      return current()
    },
    async run(onLease, signal) {
      try {
        while (!signal.aborted) {
          await gain(() => log.acquire(holder, ttlMs))
          // An answer that took longer than the lease is none.
          const lease = current()
          if (lease === undefined) {
            await pause(ttlMs / 10, signal)
            continue
          }
          onLease(lease)
          // A third of what is safe between renewals: one of them may fail to come through in time.
          while (!signal.aborted && current() !== undefined) {
            await pause((ttlMs - marginMs) / 3, signal)
            if (signal.aborted) break
            if ((await gain(() => log.renew(lease))) === 'fenced') break
          }
          if (!signal.aborted) {
            held = undefined
            onLease(undefined)
          }
        }
      } finally {
        const last = held?.lease
        held = undefined
        // Where nobody answers it runs out by itself.
        await (last === undefined ? undefined : log.release(last))?.catch((error: unknown) => {
          if (!mayPass(error)) throw error
        })
      }
    },
  }
}
