import type { Clock } from '@l2/common'
import { SequencerError } from '../errors.js'

/** Waits for somebody else's answer, but no longer than `timeoutMs`, and not for one that ignores its signal. */
export async function answerOf<T>(
  call: (signal: AbortSignal) => Promise<T>,
  options: { readonly signal: AbortSignal | undefined; readonly timeoutMs: number; readonly clock: Clock },
): Promise<T> {
  const { signal, timeoutMs, clock } = options
  signal?.throwIfAborted()
  const stop = new AbortController()
  const onAbort = (): void => stop.abort(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  const late = clock.sleep(timeoutMs, stop.signal).then(() => {
    throw new SequencerError(`no answer within ${timeoutMs} ms`, {
      code: 'PRICE_UNAVAILABLE',
      recovery: 'retry',
      details: { reason: 'timeout', timeoutMs },
    })
  })
  late.catch(() => {})
  try {
    return await Promise.race([call(stop.signal), late])
  } finally {
    signal?.removeEventListener('abort', onAbort)
    stop.abort()
  }
}

/** Seconds since the Unix epoch. */
export function secondsOf(clock: Clock): bigint {
  return BigInt(Math.floor(clock.now() / 1000))
}
