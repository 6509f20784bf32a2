import type { Clock } from '@l2/common'
import { DaError } from '../errors.js'
import type { DaQuote, DataAvailability } from '../port.js'
import { type Breaker, createBreaker } from './breaker.js'

/** A layer of a router, and how to compare its price. */
export type RouterLayer<D extends DataAvailability = DataAvailability> = {
  da: D
  /** What events, errors and the journal call it; the adapter's name by default. No two layers have the same. */
  name?: string | undefined
  /** A quote in wei; needed where the unit is not wei. Live prices are the caller's to know. */
  toWei?: ((quote: DaQuote) => bigint | Promise<bigint>) | undefined
}

/** What a router tells of its layers; `layer`, `from` and `to` are their names. */
export type RouterEvent =
  /** A layer failed, when it was asked for its price (which is also the probe) or given a submission. */
  | { type: 'layer-failed'; layer: string; during: 'quote' | 'submit'; code: string; key?: string }
  /** A layer does not take this data; the next one is asked. It does not count as failing. */
  | { type: 'data-refused'; layer: string; code: string; key: string }
  /** Submissions go first to another layer than before. */
  | { type: 'switched'; from: string; to: string }
  /** A submission ended on another layer than the one that was to get it. */
  | { type: 'failed-over'; key: string; from: string; to: string }

/** A layer with what the router remembers of it. */
export type Layer = {
  readonly da: DataAvailability
  readonly name: string
  readonly toWei: RouterLayer['toWei']
  readonly breaker: Breaker
}

/** The layers of a router, each with a breaker. @throws DaError `DA_OPTIONS_INVALID` without any, or when two have one name */
export function createLayers(
  given: readonly RouterLayer[],
  clock: Clock,
  settings: { failures: number; cooldownMs: number },
): readonly Layer[] {
  if (given.length === 0) throw new DaError('a router needs layers', { code: 'DA_OPTIONS_INVALID' })
  const layers = given.map(({ da, name = da.name, toWei }) => {
    return { da, name, toWei, breaker: createBreaker(clock, settings) }
  })
  const names = layers.map(layer => layer.name)
  const twice = names.find((layer, index) => layer === '' || names.indexOf(layer) !== index)
  if (twice !== undefined) {
    throw new DaError(`layers of a router need names that differ, and "${twice}" does not`, {
      code: 'DA_OPTIONS_INVALID',
      meta: ['try: give each layer a "name"'],
      details: { names },
    })
  }
  return layers
}

/** The code of a failure, as events and errors name it. */
export function codeOf(error: unknown): string {
  return (error as Partial<DaError> | undefined)?.code ?? 'unknown'
}

/** Whether a refusal is about the submission, as opposed to the layer, its node, or the account that pays there. */
export function isAboutData(error: unknown): boolean {
  return ['DA_EMPTY', 'DA_TOO_LARGE', 'DA_KEY_REUSED'].includes(codeOf(error))
}
