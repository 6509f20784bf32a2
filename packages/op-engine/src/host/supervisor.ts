import { equalBytes, isL2Error, type Logger } from '@l2/common'
import { OpEngineError } from '../errors.js'
import { type Answer, readAnswer } from '../protocol/answer.js'
import { encodeMessage } from '../protocol/message.js'
import type { Channel, StartChannel } from './channel.js'

/** Requests of one lane run beside those of the other; within a lane so many at a time. */
export type Lane = 'build' | 'read'

/** Options of a {@link Supervisor}. */
export type SupervisorOptions = {
  readonly start: StartChannel
  /** What each new engine is told first. */
  readonly open: { readonly params: unknown; readonly bytes: readonly Uint8Array[] }
  readonly limits: Readonly<Record<Lane, number>>
  /** Whether a read that does not end in time ends the engine. */
  readonly killsOverdue: boolean
  /** Milliseconds after which a request to the builder is taken for a hang, which ends the engine. */
  readonly buildTimeoutMs: number
  readonly logger: Logger
}

/** How a request is made. */
export type Request = {
  readonly method: string
  readonly params: unknown
  readonly bytes?: readonly Uint8Array[] | undefined
  readonly lane: Lane
  readonly signal?: AbortSignal | undefined
  /** Milliseconds that it may wait for its turn; `ENGINE_BUSY` after that. */
  readonly maxWaitMs?: number | undefined
  /** Milliseconds that it may take; `ENGINE_TIMEOUT` after that. */
  readonly maxRunMs?: number | undefined
}

type Job = Request & {
  readonly id: number
  readonly message: Uint8Array
  settle(outcome: Answer | OpEngineError): void
  reject(reason: unknown): void
  /** Set while its caller still waits. */
  isWanted: boolean
  timer: ReturnType<typeof setTimeout> | undefined
}

/** After a request was cancelled its engine has so long to notice. */
const cancelGraceMs = 2_000
/** Milliseconds that an engine may take to open its store, after a crash too. */
const openTimeoutMs = 300_000

/**
 * Keeps one engine running: starts it with the first request, gives it requests one after another, and starts another when it is gone. The request under way fails then;
 * those that wait do not notice.
 */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #queues: Record<Lane, Job[]> = { build: [], read: [] }
  readonly #running: Record<Lane, Map<number, Job>> = { build: new Map(), read: new Map() }
  #channel: Channel | undefined
  #starting: Promise<void> | undefined
  /** Which channel is meant: what an old one still says is not heard. */
  #generation = 0
  #nextId = 1
  #maintaining = 0
  #opened: Record<string, unknown> = {}
  /** The request that ended an engine the last time, until it has been answered after all. */
  #crashedOn: Uint8Array | undefined
  #closing: Promise<void> | undefined

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  /** What the engine answered to `open` the last time. */
  get opened(): Readonly<Record<string, unknown>> {
    return this.#opened
  }

  /** Starts the engine where none runs. */
  async ready(): Promise<void> {
    if (this.#closing !== undefined) throw closed()
    if (this.#channel === undefined) await this.#start()
  }

  call(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { signal, lane, maxWaitMs } = request
      if (this.#closing !== undefined) return reject(closed())
      if (signal?.aborted) return reject(signal.reason)
      const id = this.#nextId++
      const header = { id, method: request.method, params: request.params }
      const onAbort = () => this.#abandon(job, signal?.reason)
      const job: Job = {
        ...request,
        id,
        message: encodeMessage(header, request.bytes ?? []),
        isWanted: true,
        timer: undefined,
        settle(outcome) {
          job.isWanted = false
          clearTimeout(job.timer)
          signal?.removeEventListener('abort', onAbort)
          if (isL2Error(outcome)) reject(outcome)
          else resolve(outcome)
        },
        reject(reason) {
          job.isWanted = false
          signal?.removeEventListener('abort', onAbort)
          reject(reason)
        },
      }
      if (maxWaitMs !== undefined) {
        job.timer = setTimeout(() => this.#abandon(job, busy(`waited for more than ${maxWaitMs} ms`)), maxWaitMs)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#queues[lane].push(job)
      this.#pump()
    })
  }

  /** Lets the store tidy up. */
  async maintain(budgetMs: number): Promise<boolean> {
    const channel = this.#channel
    if (channel?.maintain === undefined) return true
    this.#maintaining++
    this.#hold()
    try {
      return await channel.maintain(budgetMs)
    } finally {
      this.#maintaining--
      this.#hold()
    }
  }

  /** The process waits for an engine at work, and for no other. */
  #hold(): void {
    const isBusy = this.#running.build.size + this.#running.read.size + this.#maintaining > 0
    this.#channel?.hold(isBusy)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const queue of Object.values(this.#queues)) for (const job of queue.splice(0)) job.settle(closed())
    await this.#starting?.catch(() => {})
    const channel = this.#channel
    if (channel === undefined) return
    channel.hold(true)
    // What was sent is answered before the engine says that it has closed.
    await channel.close()
    this.#generation++
    this.#channel = undefined
    for (const running of Object.values(this.#running)) {
      for (const job of running.values()) {
        clearTimeout(job.timer)
        if (job.isWanted) job.settle(closed())
      }
      running.clear()
    }
  }

  #pump(): void {
    const lanes = ['build', 'read'] as const
    const isWanted = lanes.some(lane => this.#queues[lane].length > 0)
    if (isWanted && this.#channel === undefined) {
      this.#start().then(
        () => this.#pump(),
        // Whoever waits hears why; the next request tries again.
        error => {
          for (const lane of lanes) for (const job of this.#queues[lane].splice(0)) job.settle(error)
        },
      )
      return
    }
    for (const lane of lanes) {
      while (this.#queues[lane].length > 0 && this.#running[lane].size < this.#options.limits[lane]) {
        this.#run(lane, this.#queues[lane].shift()!)
      }
    }
    this.#hold()
  }

  #run(lane: Lane, job: Job): void {
    clearTimeout(job.timer)
    this.#running[lane].set(job.id, job)
    if (lane === 'build') {
      const { buildTimeoutMs } = this.#options
      job.timer = setTimeout(() => this.#crashed(timedOut(job.method, buildTimeoutMs), job), buildTimeoutMs)
    } else if (job.maxRunMs !== undefined) {
      const { maxRunMs } = job
      job.timer = setTimeout(() => {
        if (job.isWanted) job.settle(timedOut(job.method, maxRunMs))
        this.#overdue(job)
      }, maxRunMs)
    }
    // A copy goes: the channel may hand the memory over.
    this.#channel!.send(job.message.slice())
  }

  /** Its caller does not wait any more. */
  #abandon(job: Job, reason: unknown): void {
    // A block that is being built is built to its end: stopping it would save little, and the next builds on it soon.
    if (this.#running.build.has(job.id)) {
      job.reject(reason)
      return
    }
    clearTimeout(job.timer)
    job.reject(reason)
    const queue = this.#queues[job.lane]
    const at = queue.indexOf(job)
    if (at !== -1) {
      queue.splice(at, 1)
      return
    }
    if (!this.#running[job.lane].has(job.id)) return
    if (this.#channel?.cancel === undefined) {
      this.#overdue(job)
      return
    }
    this.#channel.cancel(job.id)
    job.timer = setTimeout(() => this.#overdue(job), cancelGraceMs)
    ;(job.timer as { unref?: () => void }).unref?.()
  }

  /** A read that was told to end and has not. */
  #overdue(job: Job): void {
    if (!this.#running[job.lane].delete(job.id)) return
    if (this.#options.killsOverdue) {
      this.#options.logger.warn({ method: job.method }, 'a read did not end: its worker is replaced')
      this.#drop()
    } else {
      this.#channel?.cancel?.(job.id)
    }
    this.#pump()
  }

  /** Leaves the channel to its end; the next request gets another. */
  #drop(): void {
    this.#generation++
    const channel = this.#channel
    this.#channel = undefined
    channel?.kill().catch(() => {})
  }

  #start(): Promise<void> {
    this.#starting ??= this.#open().finally(() => {
      this.#starting = undefined
    })
    return this.#starting
  }

  async #open(): Promise<void> {
    const generation = ++this.#generation
    let opening: { resolve(message: Uint8Array): void; reject(error: OpEngineError): void } | undefined
    let storeErrorOfOpen: OpEngineError | undefined
    let ended: OpEngineError | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    const channel = await this.#options.start({
      onMessage: (message, storeError, isSpent) => {
        if (generation !== this.#generation) return
        if (opening !== undefined) {
          storeErrorOfOpen = storeError
          return opening.resolve(message)
        }
        this.#receive(message, storeError)
        // Unless that answer was one that cannot be read, for which another is being started.
        if (isSpent && generation === this.#generation) this.#drop()
        this.#pump()
      },
      onEnd: error => {
        ended = error
        if (opening !== undefined) return opening.reject(error)
        if (generation === this.#generation && this.#channel !== undefined) this.#crashed(error)
      },
    })
    try {
      const message = await new Promise<Uint8Array>((resolve, reject) => {
        if (ended !== undefined) return reject(ended)
        opening = { resolve, reject }
        timer = setTimeout(() => reject(timedOut('open', openTimeoutMs)), openTimeoutMs)
        const { params, bytes } = this.#options.open
        channel.hold(true)
        channel.send(encodeMessage({ id: 0, method: 'open', params }, bytes))
      })
      const { answer } = readAnswer(message)
      if (isL2Error(answer)) throw storeErrorOfOpen ?? answer
      if (ended !== undefined) throw ended // behind its answer: what it is sent now, nobody answers
      this.#opened = answer.result
    } catch (error) {
      await channel.kill().catch(() => {})
      throw error
    } finally {
      clearTimeout(timer)
      opening = undefined
    }
    channel.hold(false)
    this.#channel = channel
    this.#options.logger.debug({ ...this.#opened }, 'the engine is open')
  }

  #receive(message: Uint8Array, storeError: OpEngineError | undefined): void {
    let read: ReturnType<typeof readAnswer>
    try {
      read = readAnswer(message)
    } catch (error) {
      // Whose answer it is cannot be known: the engine has lost the thread.
      this.#crashed(error as OpEngineError)
      return
    }
    for (const running of Object.values(this.#running)) {
      const job = running.get(read.id)
      if (job === undefined) continue
      running.delete(read.id)
      clearTimeout(job.timer)
      if (!job.isWanted) return
      if (this.#crashedOn !== undefined && equalBytes(this.#crashedOn, contentOf(job))) this.#crashedOn = undefined
      if (isL2Error(read.answer) && read.answer.code === 'ENGINE_STORE_FAILED' && storeError !== undefined) {
        job.settle(storeError)
      } else job.settle(read.answer)
    }
  }

  /** @param hung the request that did not end, where it was that */
  #crashed(error: OpEngineError, hung?: Job): void {
    const what = hung === undefined ? 'the engine has ended' : 'the engine hangs, was ended'
    this.#options.logger.error({ code: error.code, message: error.message }, `${what} and is started again`)
    this.#drop()
    for (const running of Object.values(this.#running)) {
      for (const job of running.values()) {
        clearTimeout(job.timer)
        if (!job.isWanted) continue
        if (hung !== undefined && job !== hung) {
          job.settle(error)
          continue
        }
        const request = contentOf(job)
        const isAgain = this.#crashedOn !== undefined && equalBytes(this.#crashedOn, request)
        this.#crashedOn = request
        job.settle(
          isAgain && (hung !== undefined || error.code === 'ENGINE_CRASHED')
            ? new OpEngineError(error.shortMessage, {
                code: error.code,
                recovery: 'abort',
                meta: ['the same request has ended it twice'],
                details: error.details,
                cause: error.cause,
              })
            : error,
        )
      }
      running.clear()
    }
    this.#pump()
  }
}

/** Everything but the id, which differs each time. */
const contentOf = ({ method, params, bytes }: Request): Uint8Array => encodeMessage({ method, params }, bytes ?? [])

/** @internal */
export const closed = (): OpEngineError => new OpEngineError('the engine is closed', { code: 'ENGINE_UNAVAILABLE' })

/** @internal */
export const busy = (reason: string): OpEngineError =>
  new OpEngineError(`the reader is busy: ${reason}`, { code: 'ENGINE_BUSY', recovery: 'retry' })

const timedOut = (method: string, maxRunMs: number): OpEngineError =>
  new OpEngineError(`${method} did not end within ${maxRunMs} ms`, {
    code: 'ENGINE_TIMEOUT',
    recovery: 'retry',
    details: { method, maxRunMs },
  })
