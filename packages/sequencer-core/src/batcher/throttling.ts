import type { Hex } from 'viem'
import { createJsonRpc } from '../engine/json-rpc.js'
import { createEngineToken } from '../engine/jwt.js'
import { SequencerError } from '../errors.js'
import type { BlockDaLimits } from './throttle.js'
import type { ThrottleController } from './throttle-controller.js'

/** What makes blocks and takes limits on the data in them. */
export interface ThrottledBuilder {
  /** For reports: no secret in it. */
  readonly name: string
  /** Idempotent: told again from time to time, since a builder that restarts forgets. */
  setLimits(limits: BlockDaLimits, options?: { signal?: AbortSignal | undefined }): Promise<void>
}

/** Options of {@link createRpcBuilder}. */
export type RpcBuilderOptions = {
  /** Where `miner_*` is answered: op-geth's `--http.api miner`, op-reth's, a builder's. */
  readonly url: string
  /** For an authenticated port, see {@link createEngineToken}. Never logged. */
  readonly jwtSecret?: Hex | string | Uint8Array | undefined
  /** Per request, milliseconds. Default 5000. */
  readonly timeoutMs?: number | undefined
  /** Default: the address without path and credentials. */
  readonly name?: string | undefined
}

/**
 * A builder behind JSON-RPC: `miner_setMaxDASize`, as op-geth and op-reth have it. `setLimits` rejects with `ENGINE_UNAVAILABLE` or `ENGINE_RPC`.
 *
 * @throws SequencerError `ENGINE_OPTIONS`
 *
 * @example
 * ```ts
 * import { createRpcBuilder } from '@l2/sequencer-core/batcher'
 *
 * console.log(createRpcBuilder({ url: 'http://user:secret@127.0.0.1:8545/path' }).name) // http://127.0.0.1:8545
 * ```
 */
export function createRpcBuilder({ url, jwtSecret, timeoutMs, name }: RpcBuilderOptions): ThrottledBuilder {
  if (!URL.canParse(url)) throw new SequencerError('a builder\'s "url" is none', { code: 'ENGINE_OPTIONS' })
  const token = jwtSecret === undefined ? undefined : createEngineToken(jwtSecret)
  const rpc = createJsonRpc({
    url,
    timeoutMs: timeoutMs ?? 5000,
    ...(token === undefined
      ? {}
      : { headers: () => ({ authorization: `Bearer ${token(BigInt(Math.floor(Date.now() / 1000)))}` }) }),
  })
  const { origin } = new URL(url)
  return {
    name: name ?? origin,
    async setLimits({ maxTransactionBytes, maxBlockBytes }, options) {
      // 0 is no limit.
      const limits = [maxTransactionBytes ?? 0, maxBlockBytes ?? 0].map(bytes => `0x${bytes.toString(16)}`)
      const taken = await rpc.call<unknown>('miner_setMaxDASize', limits, options)
      if (taken === true) return
      throw new SequencerError(`${origin} did not take the limits`, {
        code: 'ENGINE_RPC',
        recovery: 'retry',
        details: { method: 'miner_setMaxDASize' },
      })
    },
  }
}

/** What happened to the limits of a builder. */
export type ThrottlingEvent =
  /** It has other limits than before, or has them again after failures. */
  | { readonly type: 'limited'; readonly builder: string; readonly limits: BlockDaLimits }
  /** It did not take them: it is asked again after `retryMs`, and the others are told all the same. */
  | { readonly type: 'failed'; readonly builder: string; readonly failures: number; readonly error: unknown }

/** Options of {@link createThrottling}. */
export type ThrottlingOptions = {
  /** How long a builder that failed is left alone, milliseconds. Default 10 000. */
  readonly retryMs?: number | undefined
  /** How often a builder is told what it was told before, milliseconds. Default 30 000. */
  readonly repeatMs?: number | undefined
}

/** What the loop works with. */
export type ThrottlingDependencies = {
  readonly controller: ThrottleController
  /** Bytes that wait to be posted, for instance a batcher's `view.loadedBytes + view.unsentBytes`. */
  readonly backlogBytes: () => number
  readonly builders: readonly ThrottledBuilder[]
  readonly onEvent?: ((event: ThrottlingEvent) => void) | undefined
  readonly nowMs?: (() => number) | undefined
}

/** Keeps the limits of several builders in step with a backlog. */
export type Throttling = {
  /** One round: reckons the limits and tells whom it is due, without waiting for any of them. Throws only what an observer failed with. */
  step(options?: { signal?: AbortSignal | undefined }): void
  /** Resolves when nobody is being told. */
  settle(): Promise<void>
  readonly controller: ThrottleController
  /** By builder: the limits that it took last, and how often it has failed since. */
  readonly view: readonly {
    readonly builder: string
    readonly limits: BlockDaLimits | undefined
    readonly failures: number
  }[]
}

type Line = {
  readonly builder: ThrottledBuilder
  limits: BlockDaLimits | undefined
  failures: number
  /** When it was told, or failed. */
  at: number
  telling: Promise<void> | undefined
}

/**
 * The throttling loop: tells every builder the limits that the backlog asks for, each on its own, so that one that hangs or fails is retried and
 * reported while the others are told. Source: op-batcher, `throttlingLoop`; it ends the batcher where a builder does not know the method.
 *
 * @example
 * ```ts
 * import { createThrottleController, createThrottling } from '@l2/sequencer-core/batcher'
 *
 * const throttling = createThrottling(
 *   {},
 *   {
 *     controller: createThrottleController(),
 *     backlogBytes: () => 20_000_000,
 *     builders: [{ name: 'ours', setLimits: async limits => console.log(limits.maxBlockBytes) }], // 2000
 *   },
 * )
 * throttling.step()
 * await throttling.settle()
 * ```
 */
export function createThrottling(options: ThrottlingOptions, dependencies: ThrottlingDependencies): Throttling {
  const { retryMs = 10_000, repeatMs = 30_000 } = options
  const { controller, backlogBytes, builders, onEvent, nowMs = Date.now } = dependencies
  const lines = builders.map(
    (builder): Line => ({ builder, limits: undefined, failures: 0, at: 0, telling: undefined }),
  )

  /** What an observer failed with, until a round says so. */
  let trouble: { error: unknown } | undefined

  const isDue = (line: Line, limits: BlockDaLimits, now: number): boolean => {
    if (line.telling !== undefined) return false
    if (line.failures > 0) return now - line.at >= retryMs
    return !sameLimits(line.limits, limits) || now - line.at >= repeatMs
  }
  const tell = async (line: Line, limits: BlockDaLimits, signal: AbortSignal | undefined): Promise<void> => {
    const { name } = line.builder
    try {
      await line.builder.setLimits(limits, { signal })
    } catch (error) {
      if (signal?.aborted) return
      line.failures++
      line.at = nowMs()
      onEvent?.({ type: 'failed', builder: name, failures: line.failures, error })
      return
    }
    const isNews = line.failures > 0 || !sameLimits(line.limits, limits)
    line.failures = 0
    line.limits = limits
    line.at = nowMs()
    if (isNews) onEvent?.({ type: 'limited', builder: name, limits })
  }

  return {
    step({ signal } = {}) {
      const heard = trouble
      trouble = undefined
      if (heard !== undefined) throw heard.error
      const limits = controller.update(backlogBytes())
      const now = nowMs()
      for (const line of lines) {
        if (!isDue(line, limits, now)) continue
        line.telling = tell(line, limits, signal)
          .catch((error: unknown) => {
            trouble ??= { error }
          })
          .finally(() => {
            line.telling = undefined
          })
      }
    },
    async settle() {
      await Promise.all(lines.map(({ telling }) => telling))
    },
    controller,
    get view() {
      return lines.map(({ builder, limits, failures }) => ({ builder: builder.name, limits, failures }))
    },
  }
}

function sameLimits(a: BlockDaLimits | undefined, b: BlockDaLimits): boolean {
  return a?.maxTransactionBytes === b.maxTransactionBytes && a?.maxBlockBytes === b.maxBlockBytes
}
