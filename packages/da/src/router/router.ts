import { type Clock, closable, type Logger, silentLogger, systemClock } from '@l2/common'
import * as z from 'zod/mini'
import { DaError } from '../errors.js'
import { checkItems, createJournal } from '../internal/journal.js'
import { parseOptions } from '../internal/options.js'
import { createSubmissions, noteMaxCost } from '../internal/submissions.js'
import type { DaLimits, DataAvailability, L1DataAvailability } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'
import { createChoice } from './choice.js'
import { createDelivery } from './delivery.js'
import { createLayers, type RouterEvent, type RouterLayer } from './layer.js'
import { askInTurn, commonLimits, readersOf, statusAmong } from './readers.js'

/** Plain settings of {@link createRouterDa}. */
export type RouterOptions = {
  /** `failover`: the first layer that works. `price`: the cheapest that works. */
  policy: 'failover' | 'price'
  /** Milliseconds that one layer has for a submission before the next one gets it; 120 000. */
  stallMs?: number | undefined
  /** Milliseconds that a layer has for a quote, which is also the probe whether it is back; 5000. */
  probeMs?: number | undefined
  /** Failures in a row after which a layer is left alone; 2. */
  failures?: number | undefined
  /** Milliseconds for which it is left alone; 60 000. */
  cooldownMs?: number | undefined
  /** Attempts on one layer whose errors say "again"; 3. */
  attempts?: number | undefined
  /** Milliseconds before an attempt after an error that says "later"; 1000. */
  backoffMs?: number | undefined
  /** Percent by which another layer must be cheaper to be switched to; 15. */
  hysteresisPercent?: number | undefined
  /** `common` (default): any submission fits every layer. `active`: it fits the layer in use, and may not fit another. */
  limits?: 'common' | 'active' | undefined
}

/** What {@link createRouterDa} works with. */
export type RouterDeps<D extends DataAvailability = DataAvailability> = {
  /** In order of preference. */
  layers: readonly RouterLayer<D>[]
  /** Journal of submissions and of the layers that were given them. */
  store?: Store | undefined
  clock?: Clock | undefined
  logger?: Logger | undefined
  /** Told of failures and changes of layers as they come; called synchronously, what it throws is ignored. */
  onEvent?: ((event: RouterEvent) => void) | undefined
}

/** Adds what the router thinks of its layers. */
export interface RouterDa extends DataAvailability {
  /** The layer that the next submission is given to first. */
  active(): string
  layers(): readonly { name: string; state: 'closed' | 'open' | 'half-open' }[]
}

const positive = /* @__PURE__ */ (() => z.int().check(z.positive()))()
const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    policy: z.enum(['failover', 'price']),
    stallMs: z._default(positive, 120_000),
    probeMs: z._default(positive, 5000),
    failures: z._default(positive, 2),
    cooldownMs: z._default(positive, 60_000),
    attempts: z._default(positive, 3),
    backoffMs: z._default(positive, 1000),
    hysteresisPercent: z._default(z.int().check(z.nonnegative()), 15),
    limits: z._default(z.enum(['common', 'active']), 'common'),
  }))()

/**
 * One adapter out of several. A submission goes to the first layer, or the cheapest, that takes it; a layer that says it is down, or does not
 * finish within `stallMs`, is followed by the next. What the stalled one may still do is harmless: readers see the data twice. The commitment
 * is the layer's own, so reading needs no configuration of the writer's, only an adapter that reads that layer.
 *
 * No answer of one layer is the answer about the data: whatever it says, the next one is asked. A layer that finds the data too large does not
 * count as failing. Only when all layers refuse for good is that the answer; otherwise it is `DA_ALL_FAILED`, and later may be better.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 * @example
 * ```ts
 * import { createRouterDa, DaError } from '@l2/da'
 * import { createMemoryDa } from '@l2/da/testing'
 *
 * const down = () => ({ type: 'fail', error: new DaError('down', { code: 'DA_UNAVAILABLE' }) }) as const
 * const first = createMemoryDa({}, { inject: down })
 * const second = createMemoryDa()
 * const layers = [
 *   { name: 'first', da: first },
 *   { name: 'second', da: second },
 * ]
 * const da = createRouterDa(
 *   { policy: 'failover', limits: 'active' },
 *   { layers, onEvent: event => event.type === 'failed-over' && console.log(event.to) }, // second
 * )
 * const { commitments } = await da.submit([Uint8Array.of(1)])
 * console.log(await second.status(commitments[0]!)) // final
 * ```
 */
export function createRouterDa(
  options: RouterOptions,
  deps: RouterDeps<L1DataAvailability>,
): RouterDa & L1DataAvailability
export function createRouterDa(options: RouterOptions, deps: RouterDeps): RouterDa
export function createRouterDa(options: RouterOptions, deps: RouterDeps): RouterDa & Partial<L1DataAvailability> {
  const settings = parseOptions('createRouterDa', schema, options)
  const clock = deps.clock ?? systemClock
  const logger = deps.logger ?? silentLogger
  const name = 'router'
  const layers = createLayers(deps.layers, clock, settings)
  const tell = (event: RouterEvent): void => {
    try {
      deps.onEvent?.(event)
    } catch {
      // An observer's fault must not be taken for a layer's.
    }
  }
  const choice = createChoice(settings, { layers, clock, logger, tell })
  const all = layers.map(({ da }) => da)
  const journal = createJournal(deps.store ?? createMemoryStore(), 'router')
  const delivery = createDelivery(settings, { layers, choice, journal, clock, logger, tell })
  const submissions = createSubmissions({
    name,
    journal,
    post: delivery.post,
    note: noteMaxCost,
    isLost: async ({ commitments }) => {
      for (const commitment of commitments) {
        const status = statusAmong(all, commitment, { timeoutMs: settings.probeMs }).catch(() => undefined)
        if ((await status) === 'lost') return true
      }
      return false
    },
    clock,
  })

  return {
    name,
    capabilities: {
      retentionSeconds: all.reduce<bigint | undefined>((least, { capabilities: { retentionSeconds: seconds } }) => {
        return seconds === undefined || (least !== undefined && least < seconds) ? least : seconds
      }, undefined),
      finality: all.every(({ capabilities }) => capabilities.finality === 'instant') ? 'instant' : 'probabilistic',
    },
    ...(all.every(isOnL1) ? { includedOn: 'l1' as const } : {}),
    active: () => choice.current().name,
    layers: () => layers.map(({ name, breaker }) => ({ name, state: breaker.state() })),
    limits: async (call): Promise<DaLimits> => {
      if (settings.limits === 'active') {
        const usable = layers.find(({ breaker }) => breaker.state() === 'closed') ?? layers[0]!
        const current = choice.current()
        const preferred = settings.policy === 'price' && current.breaker.state() === 'closed' ? current : usable
        return preferred.da.limits(call)
      }
      return commonLimits(all, { ...call, timeoutMs: call?.timeoutMs ?? settings.probeMs })
    },
    quote: async (sizes, call) => {
      const [first] = await choice.choose(sizes, call?.signal)
      if (first === undefined || first.failure !== undefined) throw first?.failure
      return first.layer.da.quote(sizes, call)
    },
    submit: async (items, call) => {
      checkItems(
        name,
        items.map(item => item.length),
        { maxBytes: Number.MAX_SAFE_INTEGER, maxItems: Number.MAX_SAFE_INTEGER },
      )
      return submissions.submit(items, call)
    },
    pending: call => submissions.pending(call),
    resume: (key, call) => submissions.resume(key, call),
    reads: commitment => readersOf(all, commitment).length > 0,
    get: (commitment, call) => askInTurn(all, commitment, call, da => da.get(commitment, call)),
    verify: (commitment, data, call) => askInTurn(all, commitment, call, da => da.verify(commitment, data, call)),
    status: (commitment, call) => statusAmong(all, commitment, call),
    ...closable(async () => {
      await submissions.close(new DaError(`${name} is closed`, { code: 'DA_CLOSED' }))
      for (const da of all) await da.close()
    }),
  }
}

function isOnL1(da: DataAvailability): da is L1DataAvailability {
  return (da as Partial<L1DataAvailability>).includedOn === 'l1'
}
