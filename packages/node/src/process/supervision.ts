import { setMaxListeners } from 'node:events'
/** A part that cannot do its work at present, and why. */
export type Waiting = { readonly part: string; readonly reason: string; readonly sinceMs: number }

/** How a loop of {@link Supervision.run} goes on after an error. */
export type LoopOptions = {
  /** Between two rounds. */
  pauseMs: number
  /** Errors in a row that are waited out although nothing says that trying again helps. Those that say so are waited out however many. */
  patience?: number | undefined
  /** Whether a round without an error counts as a success; by default it does. */
  hasSucceeded?: (() => boolean) | undefined
}

/** Runs the loops of a node. What one of them waits for is said once and shown until it is over; what cannot be waited out stops the node. */
export type Supervision = {
  /** Aborted by {@link stop}. */
  readonly signal: AbortSignal
  /** Rejects with what stopped the node. Never resolves. */
  readonly failed: Promise<never>
  fail(error: unknown): void
  /** What is being waited for now, the longest first. */
  readonly waiting: readonly Waiting[]
  /** Says why a part waits, or with `undefined` that it no longer does. */
  note(part: string, reason: string | undefined): void
  /**
   * Begins a loop. What a round gives back as a text is what it waits for. An error of a round is waited out where it says that it may pass, or
   * within the patience; any other stops the node.
   */
  run(part: string, options: LoopOptions, round: () => Promise<unknown>): void
  /** Begins something that runs by itself until the signal. */
  watch(task: Promise<unknown>): void
  /** Ends every loop and waits for them. */
  stop(): Promise<void>
}

/** More than any node has. */
const maxLoops = 256
/** After a round that failed. */
const retryMs = 1000

/** @param say is told each reason once, until another takes its place or the part works again */
export function createSupervision(say: (message: string) => void, nowMs: () => number = Date.now): Supervision {
  const halt = new AbortController()
  // Node takes the eleventh listener for a leak. Here as many listen as there are loops.
  setMaxListeners(maxLoops, halt.signal)
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {})
  const waiting = new Map<string, Waiting>()
  const tasks: Promise<unknown>[] = []

  const sleep = async (ms: number): Promise<void> => {
    if (halt.signal.aborted) return
    await new Promise<void>(resolve => {
      const done = (): void => {
        clearTimeout(timer)
        halt.signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      halt.signal.addEventListener('abort', done)
    })
  }
  const note = (part: string, reason: string | undefined): void => {
    const known = waiting.get(part)
    if (known?.reason === reason) return
    if (reason === undefined) {
      waiting.delete(part)
      say(`${part} goes on`)
      return
    }
    waiting.set(part, { part, reason, sinceMs: known?.sinceMs ?? nowMs() })
    say(`${part} waits: ${reason}`)
  }
  const loop = async (part: string, options: LoopOptions, round: () => Promise<unknown>): Promise<void> => {
    const { pauseMs, patience = 0, hasSucceeded = () => true } = options
    let failures = 0
    while (!halt.signal.aborted) {
      try {
        const reason = await round()
        if (hasSucceeded()) failures = 0
        note(part, typeof reason === 'string' ? reason : undefined)
      } catch (error) {
        if (halt.signal.aborted) return
        failures++
        if ((error as { recovery?: string }).recovery !== 'retry' && failures > patience) return fail(error)
        note(part, (error as Error).message.split('\n', 1)[0]!)
        await sleep(retryMs)
      }
      await sleep(pauseMs)
    }
  }

  return {
    signal: halt.signal,
    failed,
    fail,
    get waiting() {
      return [...waiting.values()]
    },
    note,
    run(part, options, round) {
      tasks.push(loop(part, options, round))
    },
    watch(task) {
      tasks.push(task.catch(fail))
    },
    async stop() {
      halt.abort()
      await Promise.all(tasks)
    },
  }
}
