/** Time as a port: the only clock a shell may read, replaced by a fake one in tests. */
export type Clock = {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The clock of the machine. Its timers do not keep a process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const onAbort = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      ;(timer as { unref?: () => void }).unref?.()
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
}

/** Keeps the process alive while somebody waits for something that does not, as a timer of {@link systemClock}. */
export async function awake<T>(waiting: Promise<T>): Promise<T> {
  const hold = setInterval(() => {}, 2 ** 30)
  try {
    return await waiting
  } finally {
    clearInterval(hold)
  }
}

/** A structured logger; pino satisfies it as it is. */
export type Logger = {
  debug(fields: object, message?: string): void
  info(fields: object, message?: string): void
  warn(fields: object, message?: string): void
  error(fields: object, message?: string): void
}

const nothing = (): void => {}

/** The default of every `logger` option. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** What is opened and has to be closed; closing again does nothing. `await using` closes it, too. */
export interface Closable extends AsyncDisposable {
  close(): Promise<void>
}

/** Both ends of life that a {@link Closable} has, out of one function, which runs once. */
export function closable(end: () => Promise<void>): Closable {
  let ended: Promise<void> | undefined
  const close = (): Promise<void> => (ended ??= end())
  return { close, [Symbol.asyncDispose]: close }
}
