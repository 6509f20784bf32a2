import { SequencerError } from '../errors.js'
import type { Batcher } from './batcher.js'
import { backlogOf } from './throttle.js'
import type { PidOptions, ThrottleController, ThrottleProfile } from './throttle-controller.js'

/** Carries out one JSON-RPC method. */
export type AdminMethod = (parameters: readonly unknown[]) => Promise<unknown>

/** Options of {@link batcherAdmin}. */
export type BatcherAdminOptions = {
  /** How long `admin_stopBatcher` waits until nothing is on its way, milliseconds. Default 120 000. The batcher stays stopped all the same. */
  readonly stopTimeoutMs?: number | undefined
}

/**
 * What an operator may do to a running batcher, as JSON-RPC methods with op-batcher's names, parameters and answers: `admin_startBatcher`,
 * `admin_stopBatcher`, `admin_flushBatcher`, `admin_getThrottleController`, `admin_setThrottleController` (a profile, and for `pid` its gains),
 * `admin_resetThrottleController`. They belong on a port of their own, never on the public one.
 *
 * The methods reject with `BATCHER_STATE` (started while it runs, stopped or flushed while it does not, not idle in time) and `BATCHER_OPTIONS`
 * (parameters).
 *
 * Source: op-batcher, `rpc/api.go`.
 *
 * @example
 * ```ts no-run
 * import { type Batcher, batcherAdmin, createThrottleController } from '@l2/sequencer-core/batcher'
 *
 * declare const batcher: Batcher
 * const methods = batcherAdmin({ stopTimeoutMs: 60_000 }, { batcher, throttle: createThrottleController() })
 * await methods.get('admin_stopBatcher')?.([])
 * ```
 */
export function batcherAdmin(
  options: BatcherAdminOptions,
  dependencies: {
    readonly batcher: Pick<Batcher, 'start' | 'stop' | 'flush' | 'view'>
    readonly throttle: ThrottleController
  },
): ReadonlyMap<string, AdminMethod> {
  const { stopTimeoutMs = 120_000 } = options
  const { batcher, throttle } = dependencies
  const mustRun = (): void => {
    if (batcher.view.isStopped) throw stateError('the batcher is not running')
  }
  return new Map<string, AdminMethod>([
    [
      'admin_startBatcher',
      async () => {
        if (!batcher.view.isStopped) throw stateError('the batcher is already running')
        batcher.start()
      },
    ],
    [
      'admin_stopBatcher',
      async () => {
        mustRun()
        const timeout = AbortSignal.timeout(stopTimeoutMs)
        try {
          await batcher.stop({ signal: timeout })
        } catch (error) {
          if (!timeout.aborted) throw error
          const { pendingSubmissions } = batcher.view
          throw stateError(`the batcher is stopped, and ${pendingSubmissions} submissions are still on their way`)
        }
      },
    ],
    [
      'admin_flushBatcher',
      async () => {
        mustRun()
        batcher.flush()
      },
    ],
    [
      'admin_getThrottleController',
      async () => {
        const { profile, lowerBytes, upperBytes, intensity, limits } = throttle.view
        return {
          type: profile,
          lower_threshold: lowerBytes,
          upper_threshold: upperBytes,
          current_load: backlogOf(batcher.view),
          intensity,
          // 0 is no limit.
          max_tx_size: limits.maxTransactionBytes ?? 0,
          max_block_size: limits.maxBlockBytes ?? 0,
        }
      },
    ],
    [
      'admin_setThrottleController',
      async ([profile, pid]) => {
        if (profile === 'pid') throttle.choose('pid', readPid(pid))
        else throttle.choose(profile as ThrottleProfile)
      },
    ],
    ['admin_resetThrottleController', async () => throttle.reset()],
  ])
}

const pidFields = {
  kp: 'kp',
  ki: 'ki',
  kd: 'kd',
  integral_max: 'integralMax',
  output_max: 'outputMax',
  sample_time: 'sampleMs',
} as const

/** op-batcher's form of a PID controller: snake case, and the time of a sample as a Go duration. All of it has to be said. */
function readPid(pid: unknown): PidOptions {
  if (typeof pid !== 'object' || pid === null) throw invalid('a "pid" profile needs its gains')
  const given = pid as Record<string, unknown>
  const unknown = Object.keys(given).find(key => !Object.hasOwn(pidFields, key))
  if (unknown !== undefined) throw invalid(`"${unknown.slice(0, 64)}" is no field of a PID controller`)
  const read = Object.entries(pidFields).map(([key, field]) => {
    const value = field === 'sampleMs' ? durationMs(given[key]) : given[key]
    if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(`"${key}" of a PID controller is missing`)
    return [field, value] as const
  })
  return Object.fromEntries(read) as PidOptions
}

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Milliseconds of a Go duration: `200ms`, `1.5s`, `1m30s`. */
function durationMs(text: unknown): number | undefined {
  if (typeof text !== 'string' || !/^(\d{1,9}(\.\d{1,9})?(ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * unitMs[unit!]!
  }
  return total
}

function stateError(message: string): SequencerError {
  return new SequencerError(message, { code: 'BATCHER_STATE' })
}

function invalid(message: string): SequencerError {
  return new SequencerError(message, { code: 'BATCHER_OPTIONS' })
}
