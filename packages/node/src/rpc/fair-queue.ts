import { RpcAnswerError } from './client.js'

/** Bounds of a {@link FairQueue}. */
export type FairQueueOptions = {
  /** At work at the same time. */
  maxUnderWay: number
  /** Waiting for their turn. */
  maxWaiting: number
  /** Milliseconds that one may wait. */
  maxWaitMs: number
}

/** What stands between strangers and a part of the node that has not room for all of them. */
export type FairQueue = {
  /**
   * Runs a task when it is its turn. Whoever asks on one connection waits behind what they asked before; connections take turns. Where the queue is full, who
   * has most in it gives way.
   *
   * @throws RpcAnswerError -32005 when there is no room, or none in time; the signal's reason when its caller has gone before the task began
   */
  run<T>(task: () => Promise<T>, client: object, signal: AbortSignal): Promise<T>
  readonly waiting: number
}

type Job = {
  start(): void
  refuse(error: unknown): void
  readonly waitingSinceMs: number
}

/** So many begin before others get their turn: what begins may have work to do at once, as a signature to recover. */
const startsPerTurn = 8

const busy = (): RpcAnswerError => new RpcAnswerError({ code: -32005, message: 'the node is busy: try again' })

export function createFairQueue({ maxUnderWay, maxWaiting, maxWaitMs }: FairQueueOptions): FairQueue {
  /** By connection, whose turn is next first. */
  const lanes = new Map<object, Set<Job>>()
  let underWay = 0
  let waiting = 0
  let timer: NodeJS.Timeout | undefined

  const take = (client: object, job: Job): void => {
    const lane = lanes.get(client)
    if (lane?.delete(job) !== true) return
    waiting--
    if (lane.size === 0) lanes.delete(client)
  }
  let left = startsPerTurn
  let isScheduled = false
  const startNext = (): void => {
    while (underWay < maxUnderWay && left > 0) {
      const next = lanes.entries().next().value
      if (next === undefined) break
      const [client, lane] = next
      const [job] = lane
      take(client, job!)
      // Behind all others.
      if (lanes.delete(client)) lanes.set(client, lane)
      underWay++
      left--
      job!.start()
    }
    if (left === startsPerTurn || isScheduled) return
    isScheduled = true
    setImmediate(nextTurn)
  }
  const nextTurn = (): void => {
    isScheduled = false
    left = startsPerTurn
    startNext()
  }
  /** Makes room, at the cost of whoever has most. */
  const giveWay = (newcomer: object): boolean => {
    let [longest, most] = [newcomer, lanes.get(newcomer)?.size ?? 0]
    for (const [client, lane] of lanes) if (lane.size > most + 1) [longest, most] = [client, lane.size]
    if (longest === newcomer) return false
    const last = [...lanes.get(longest)!].at(-1)!
    take(longest, last)
    last.refuse(busy())
    return true
  }
  /** What waits too long is refused; looked for twice in that time. */
  const sweep = (): void => {
    timer = undefined
    const oldestMs = performance.now() - maxWaitMs
    for (const [client, lane] of [...lanes]) {
      for (const job of [...lane]) {
        if (job.waitingSinceMs > oldestMs) break
        take(client, job)
        job.refuse(busy())
      }
    }
    watch()
  }
  const watch = (): void => {
    if (waiting > 0 && timer === undefined) timer = setTimeout(sweep, maxWaitMs / 2).unref()
  }

  return {
    get waiting() {
      return waiting
    },
    run: (task, client, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        if (waiting >= maxWaiting && !giveWay(client)) return reject(busy())
        const onAbort = (): void => {
          take(client, job)
          reject(signal.reason)
        }
        const job: Job = {
          waitingSinceMs: performance.now(),
          start: () => {
            signal.removeEventListener('abort', onAbort)
            task()
              .then(resolve, reject)
              .finally(() => {
                underWay--
                startNext()
              })
          },
          refuse: error => {
            signal.removeEventListener('abort', onAbort)
            reject(error)
          },
        }
        signal.addEventListener('abort', onAbort, { once: true })
        const lane = lanes.get(client)
        if (lane === undefined) lanes.set(client, new Set([job]))
        else lane.add(job)
        waiting++
        startNext()
        watch()
      }),
  }
}
