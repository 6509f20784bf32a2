import { SequencerError } from '../errors.js'
import {
  type BlockDaLimits,
  defaultThrottleOptions,
  limitsAt,
  type ThrottleOptions,
  throttleIntensity,
} from './throttle.js'

/** How throttling follows the backlog: by a curve over it, or by a PID controller, which op-batcher calls experimental. */
export type ThrottleProfile = ThrottleOptions['curve'] | 'pid'

/**
 * A PID controller. Its error is the share by which the backlog exceeds `lowerBytes`, its time is in seconds. Wrong gains make blocks swing between
 * full and empty: for those who know how to tune one. Source: op-batcher, `throttle.pid-*`.
 */
export type PidOptions = {
  /** Gain of the error. */
  readonly kp: number
  /** Gain of its sum over time. */
  readonly ki: number
  /** Gain of its change a second. */
  readonly kd: number
  /** The sum over time never exceeds this. */
  readonly integralMax: number
  /** The strength never exceeds this, above 0 and at most 1. */
  readonly outputMax: number
  /** More often than this nothing is reckoned anew. */
  readonly sampleMs: number
}

/** op-batcher's defaults. */
export const defaultPidOptions: PidOptions = {
  kp: 0.33,
  ki: 0.01,
  kd: 0.05,
  integralMax: 1000,
  outputMax: 1,
  sampleMs: 2000,
}

/** Options of {@link createThrottleController}; what is left out is op-batcher's. */
export type ThrottleControllerOptions = Partial<Omit<ThrottleOptions, 'curve'>> & {
  /** Default `quadratic`. */
  readonly profile?: ThrottleProfile | undefined
  /** For the profile `pid`. Default {@link defaultPidOptions}. */
  readonly pid?: PidOptions | undefined
}

/** What a throttle controller shows, and what an operator may change of it. */
export type ThrottleController = {
  /** The limits for a backlog, now. */
  update(backlogBytes: number): BlockDaLimits
  /**
   * Goes on by another profile from the next update on.
   *
   * @throws SequencerError `BATCHER_OPTIONS`; the old profile stays
   */
  choose(profile: ThrottleProfile, pid?: PidOptions): void
  /** Forgets what the profile remembers: nothing is throttled until the next update. */
  reset(): void
  readonly view: {
    readonly profile: ThrottleProfile
    readonly lowerBytes: number
    readonly upperBytes: number
    /** At the last update. */
    readonly backlogBytes: number
    /** 0 to 1. */
    readonly intensity: number
    readonly limits: BlockDaLimits
  }
}

type Strategy = { readonly profile: ThrottleProfile; intensity(backlogBytes: number): number }

/**
 * Turns the backlog of a batcher into limits on new blocks, by a profile that can be changed while it runs.
 *
 * @throws SequencerError `BATCHER_OPTIONS`
 *
 * @example
 * ```ts
 * import { createThrottleController } from '@l2/sequencer-core/batcher'
 *
 * const throttle = createThrottleController()
 * console.log(throttle.update(8_000_000).maxBlockBytes) // 98000
 * throttle.choose('step')
 * console.log(throttle.update(8_000_000).maxBlockBytes) // 2000
 * ```
 */
export function createThrottleController(
  options: ThrottleControllerOptions = {},
  { nowMs = Date.now }: { nowMs?: (() => number) | undefined } = {},
): ThrottleController {
  const { profile, pid, ...given } = options
  const curves = { ...defaultThrottleOptions, ...given }
  const strategyOf = (name: ThrottleProfile, gains: PidOptions | undefined): Strategy => {
    if (name === 'pid') return pidStrategy(curves.lowerBytes, gains ?? defaultPidOptions, nowMs)
    if (!Object.hasOwn(isCurve, name)) throw refused('profile', `step, linear, quadratic or pid, got ${String(name)}`)
    const shape = { ...curves, curve: name }
    throttleIntensity(0, shape)
    return { profile: name, intensity: backlogBytes => throttleIntensity(backlogBytes, shape) }
  }
  for (const field of ['transactionBytes', 'blockBytes'] as const) {
    const { light, full } = curves[field]
    if (!(full >= 1 && light >= full)) throw refused(field, `light >= full >= 1, got ${light} and ${full}`)
  }
  let gains = pid
  let strategy = strategyOf(profile ?? defaultThrottleOptions.curve, gains)
  let backlog = 0
  let intensity = 0

  return {
    update(backlogBytes) {
      if (!(backlogBytes >= 0)) throw refused('backlogBytes', `a number of bytes, got ${backlogBytes}`)
      backlog = backlogBytes
      intensity = strategy.intensity(backlogBytes)
      return limitsAt(intensity, curves)
    },
    choose(name, chosen) {
      strategy = strategyOf(name, chosen ?? gains)
      gains = chosen ?? gains
    },
    reset() {
      strategy = strategyOf(strategy.profile, gains)
      intensity = 0
    },
    get view() {
      const { lowerBytes, upperBytes } = curves
      const limits = limitsAt(intensity, curves)
      return { profile: strategy.profile, lowerBytes, upperBytes, backlogBytes: backlog, intensity, limits }
    },
  }
}

const isCurve: Readonly<Record<ThrottleOptions['curve'], true>> = { step: true, linear: true, quadratic: true }

function pidStrategy(lowerBytes: number, options: PidOptions, nowMs: () => number): Strategy {
  const { kp, ki, kd, integralMax, outputMax, sampleMs } = options
  for (const field of ['kp', 'ki', 'kd'] as const) {
    if (!(options[field] >= 0)) throw refused(`pid.${field}`, `at least 0, got ${options[field]}`)
  }
  if (!(integralMax > 0)) throw refused('pid.integralMax', `more than 0, got ${integralMax}`)
  if (!(outputMax > 0 && outputMax <= 1)) throw refused('pid.outputMax', `more than 0 and at most 1, got ${outputMax}`)
  if (!(sampleMs > 0)) throw refused('pid.sampleMs', `more than 0, got ${sampleMs}`)
  if (!(lowerBytes > 0)) throw refused('lowerBytes', `more than 0 for a PID controller, got ${lowerBytes}`)
  let at: number | undefined
  let error = 0
  let integral = 0
  let intensity = 0
  return {
    profile: 'pid',
    intensity(backlogBytes) {
      const now = nowMs()
      const seconds = at === undefined ? 0 : (now - at) / 1000
      // A clock that went back gives no span: it counts from now.
      if (at !== undefined && now >= at && now - at < sampleMs) return intensity
      at = now
      if (backlogBytes <= lowerBytes) {
        error = 0
        integral = 0
        intensity = 0
        return intensity
      }
      const current = (backlogBytes - lowerBytes) / lowerBytes
      let change = 0
      if (seconds > 0) {
        integral = Math.min(integralMax, integral + current * seconds)
        change = (current - error) / seconds
      }
      error = current
      intensity = Math.max(0, Math.min(outputMax, kp * current + ki * integral + kd * change))
      return intensity
    },
  }
}

function refused(field: string, expected: string): SequencerError {
  return new SequencerError(`"${field}" expected ${expected}`, { code: 'BATCHER_OPTIONS', details: { field } })
}
