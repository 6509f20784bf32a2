import { type Clock, redactUrls, systemClock, withoutRequest } from '@l2/common'
import { DaError } from '../errors.js'
import type { DaCallOptions } from '../port.js'

/**
 * Runs a call under its signal and its time limit. The result is abandoned, not awaited, when either ends first: a peer that hangs
 * without watching the signal cannot hold the caller.
 */
export async function withDeadline<T>(
  what: string,
  options: DaCallOptions | undefined,
  defaultTimeoutMs: number | undefined,
  run: (signal: AbortSignal) => Promise<T>,
  clock: Clock = systemClock,
): Promise<T> {
  const outer = options?.signal
  outer?.throwIfAborted()
  const timeoutMs = options?.timeoutMs ?? defaultTimeoutMs
  const inner = new AbortController()
  const done = new AbortController()
  // The clock's timers let a process end; while somebody waits for an answer it must not.
  const hold = setInterval(() => {}, 2 ** 30)
  let forget = (): void => {}
  const stopped = new Promise<never>((_, reject) => {
    const stop = (reason: unknown) => {
      inner.abort(reason)
      reject(reason)
    }
    if (outer !== undefined) forget = onAbort(outer, stop)
    if (timeoutMs !== undefined) {
      clock.sleep(timeoutMs, done.signal).then(
        () =>
          stop(
            new DaError(`${what} took longer than ${timeoutMs} ms`, {
              code: 'DA_TIMEOUT',
              details: { operation: what, timeoutMs },
            }),
          ),
        () => {},
      )
    }
  })
  try {
    return await Promise.race([run(inner.signal), stopped])
  } finally {
    clearInterval(hold)
    forget()
    done.abort()
    stopped.catch(() => {})
  }
}

const waiting = new WeakMap<AbortSignal, Set<(reason: unknown) => void>>()

/**
 * Calls back when a signal aborts, until the function that it returns is called. A signal gets one listener however many calls share it: an adapter
 * has one signal for its life and any number of calls under way, and Node takes many listeners for a leak.
 */
function onAbort(signal: AbortSignal, stop: (reason: unknown) => void): () => void {
  let stops = waiting.get(signal)
  if (stops === undefined) {
    const all = new Set<(reason: unknown) => void>()
    signal.addEventListener('abort', () => [...all].forEach(call => void call(signal.reason)), { once: true })
    waiting.set(signal, all)
    stops = all
  }
  stops.add(stop)
  return () => void stops.delete(stop)
}

/** Waits, and resolves early when the waiting is pointless. */
export async function sleepUntil(
  clock: Clock,
  ms: number,
  signals: readonly (AbortSignal | undefined)[],
): Promise<void> {
  const given = signals.filter(signal => signal !== undefined)
  await clock.sleep(ms, AbortSignal.any(given)).catch(() => {})
}

/**
 * What may be kept of somebody else's error as a cause: a name and the first lines of its message, without URLs beyond the origin and
 * without any of `secrets`. Clients put whole requests, keys included, into messages and fields, so the object itself is never kept.
 */
export function foreignCause(error: unknown, secrets: readonly string[] = []): Error {
  const name = error instanceof Error ? error.name : 'Error'
  const message = error instanceof Error ? error.message : String(error)
  const cause = new Error(plainText(message, secrets))
  cause.name = name
  delete (cause as { stack?: string }).stack
  return cause
}

/** Somebody else's text, short and without secrets. */
export function plainText(text: string, secrets: readonly string[] = []): string {
  let plain = redactUrls(text)
  for (const secret of secrets) if (secret !== '') plain = plain.replaceAll(secret, '***')
  return withoutRequest(plain).slice(0, 600)
}

/** Runs what it is given one at a time, in the order of the calls; one failure does not stop the next. */
export function createSerial(): <T>(run: () => Promise<T>) => Promise<T> {
  let tail: Promise<unknown> = Promise.resolve()
  return run => {
    const result = tail.then(run, run)
    tail = result.then(
      () => {},
      () => {},
    )
    return result
  }
}

/** Runs something once, for all who ask; what failed is run again for the next. */
export function createOnce<T>(run: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => {
    result ??= run().catch(error => {
      result = undefined
      throw error
    })
    return result
  }
}

/** A place in an order: `come` when all before it have left, and `leave` it for those behind. */
export type Turn = { come: Promise<unknown>; leave(): void }

/**
 * Hands out places in the order of the calls, for work that begins at once and has a second half that must not overtake. Leaving early or
 * failing lets nobody pass those who are still before.
 */
export function createTurns(): () => Turn {
  let earlier: Promise<unknown> = Promise.resolve()
  return () => {
    const come = earlier
    let leave = (): void => {}
    earlier = new Promise(resolve => {
      leave = () => resolve(come)
    })
    return { come, leave }
  }
}
