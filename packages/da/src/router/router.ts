import { type Clock, closable, isL2Error, type Logger, silentLogger, systemClock } from '@l2/common'
import * as z from 'zod/mini'
import { DaError, isUndecided, retryClassOf } from '../errors.js'
import { createSerial, withDeadline } from '../internal/call.js'
import { checkItems, createJournal, type JournalEntry } from '../internal/journal.js'
import { parseOptions } from '../internal/options.js'
import { createSubmissions, notedMaxCost, noteMaxCost, type Posted } from '../internal/submissions.js'
import type { DaLimits, DaQuote, DaReceipt, DataAvailability, L1DataAvailability } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'
import { createBreaker } from './breaker.js'
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

/** A layer of a router, and how to compare its price. */
export type RouterLayer<D extends DataAvailability = DataAvailability> = {
  da: D
  /** What events, errors and the journal call it; the adapter's name by default. No two layers have the same. */
  name?: string | undefined
  /** A quote in wei; needed where the unit is not wei. Live prices are the caller's to know. */
  toWei?: ((quote: DaQuote) => bigint | Promise<bigint>) | undefined
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

/** What the journal notes about a submission: the layers that were given it, and the caller's limit on the cost. */
type Note = { tried?: string[]; maxCost?: string }

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
  if (deps.layers.length === 0) throw new DaError('a router needs layers', { code: 'DA_OPTIONS_INVALID' })
  const layers = deps.layers.map(({ da, name = da.name, toWei }) => {
    return { da, name, toWei, breaker: createBreaker(clock, settings) }
  })
  type Layer = (typeof layers)[number]
  const names = layers.map(layer => layer.name)
  const twice = names.find((layer, index) => layer === '' || names.indexOf(layer) !== index)
  if (twice !== undefined) {
    throw new DaError(`layers of a router need names that differ, and "${twice}" does not`, {
      code: 'DA_OPTIONS_INVALID',
      meta: ['try: give each layer a "name"'],
      details: { names },
    })
  }
  const tell = (event: RouterEvent): void => {
    try {
      deps.onEvent?.(event)
    } catch {
      // An observer's fault must not be taken for a layer's.
    }
  }
  const all = layers.map(({ da }) => da)
  const journal = createJournal(deps.store ?? createMemoryStore(), 'router')
  const submissions = createSubmissions({
    name,
    journal,
    post,
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
  // Quotes of one submission that take long must not let the next one leave first.
  const inOrder = createSerial()
  let current = layers[0]!

  const weiOf = async ({ name, toWei }: Layer, quote: DaQuote): Promise<bigint> => {
    if (toWei !== undefined) return toWei(quote)
    if (quote.unit === 'wei') return quote.cost
    throw new DaError(`"toWei" of layer ${name} is needed to compare ${quote.unit} with wei`, {
      code: 'DA_OPTIONS_INVALID',
      details: { layer: name, unit: quote.unit },
    })
  }

  /** Layers that work, in the order in which they get the submission. The quote shows that a layer is there at all. */
  async function choose(
    sizes: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<{ layer: Layer; failure?: unknown }[]> {
    const candidates = layers.filter(({ breaker }) => breaker.state() !== 'open')
    // With every breaker open, waiting would be giving up: they are all asked.
    const asked = candidates.length === 0 ? layers : candidates
    const priced = await Promise.all(
      asked.map(async layer => {
        try {
          const quote = await withDeadline(
            `${layer.name} quote`,
            { signal, timeoutMs: settings.probeMs },
            undefined,
            inner => layer.da.quote(sizes, { signal: inner }),
            clock,
          )
          const price = settings.policy === 'price' ? await weiOf(layer, quote) : 0n
          return { layer, price }
        } catch (failure) {
          signal?.throwIfAborted()
          if (isL2Error(failure, 'DA_OPTIONS_INVALID')) throw failure
          if (!isAboutData(failure)) {
            layer.breaker.failed()
            tell({ type: 'layer-failed', layer: layer.name, during: 'quote', code: codeOf(failure) })
          }
          return { layer, price: undefined, failure }
        }
      }),
    )
    const working = priced.flatMap(({ layer, price }) => (price === undefined ? [] : [{ layer, price }]))
    if (settings.policy === 'price') {
      const held = working.find(({ layer }) => layer === current)
      const keeps = (price: bigint) =>
        held !== undefined && held.price * 100n <= price * BigInt(100 + settings.hysteresisPercent)
      working.sort((a, b) => (a.price < b.price ? -1 : a.price > b.price ? 1 : 0))
      if (working[0] !== undefined && held !== undefined && keeps(working[0].price)) {
        working.unshift(...working.splice(working.indexOf(held), 1))
      }
    }
    const first = working[0]?.layer
    if (first !== undefined && first !== current) {
      logger.info({ from: current.name, to: first.name }, 'data goes to another layer')
      tell({ type: 'switched', from: current.name, to: first.name })
      current = first
    }
    const failed = priced.filter(({ price }) => price === undefined)
    return [...working.map(({ layer }) => ({ layer })), ...failed.map(({ layer, failure }) => ({ layer, failure }))]
  }

  async function post(entry: JournalEntry, closing: AbortSignal): Promise<Posted> {
    const failures: { layer: string; code: string; message: string }[] = []
    const errors: unknown[] = []
    const fail = (layer: Layer, error: unknown) => {
      errors.push(error)
      const { shortMessage = String((error as Error)?.message) } = error as Partial<DaError>
      failures.push({ layer: layer.name, code: codeOf(error), message: shortMessage })
    }
    const sizes = entry.items.map(item => item.length)
    const preferred = current
    const chosen = await inOrder(() => choose(sizes, closing))
    const tried = (JSON.parse(entry.note ?? '{}') as Note).tried ?? []
    // A journal knows layers by the names that they had when it was written, or by those of their adapters: unless that is now another layer's.
    const wasTried = ({ name, da }: Layer) =>
      tried.includes(name) || (tried.includes(da.name) && !names.includes(da.name))
    // What was begun before a crash goes on where it was begun, if that layer is up.
    const begun = chosen.findIndex(({ layer, failure }) => failure === undefined && wasTried(layer))
    if (begun > 0) chosen.unshift(...chosen.splice(begun, 1))
    for (const { layer, failure } of chosen) {
      if (failure !== undefined) {
        fail(layer, failure)
        continue
      }
      if (!tried.includes(layer.name)) {
        tried.push(layer.name)
        await journal.note(entry, JSON.stringify({ ...JSON.parse(entry.note ?? '{}'), tried } satisfies Note))
      }
      try {
        const receipt = await attempt(layer, entry, closing)
        layer.breaker.succeeded()
        if (layer !== preferred && (failures.length > 0 || preferred.breaker.state() !== 'closed')) {
          tell({ type: 'failed-over', key: entry.key, from: preferred.name, to: layer.name })
        }
        return { receipt }
      } catch (error) {
        closing.throwIfAborted()
        fail(layer, error)
        const code = codeOf(error)
        if (isAboutData(error)) {
          tell({ type: 'data-refused', layer: layer.name, code, key: entry.key })
          continue
        }
        layer.breaker.failed()
        logger.warn({ layer: layer.name, code }, 'a layer failed')
        tell({ type: 'layer-failed', layer: layer.name, during: 'submit', code, key: entry.key })
      }
    }
    // What one layer refuses another may take later: only the refusal of all is one of the data.
    const refused = errors.length > 0 && errors.every(error => retryClassOf(error) === 'fatal')
    const error = refused
      ? (errors.find(isAboutData) ?? errors[0])
      : new DaError('every layer failed', {
          code: 'DA_ALL_FAILED',
          details: { layers: failures },
          cause: errors.at(-1),
        })
    if (failures.some(({ code }) => isUndecided(code))) throw error
    return { refused: error }
  }

  /** Gives a submission to one layer, again while its errors say so and time is left. */
  function attempt(
    { da, name: layer }: Layer,
    { items, key, note }: JournalEntry,
    closing: AbortSignal,
  ): Promise<DaReceipt> {
    const maxCost = notedMaxCost(note)
    return withDeadline(
      `${layer} submit`,
      { signal: closing, timeoutMs: settings.stallMs },
      undefined,
      async signal => {
        for (let tries = 1; ; tries++) {
          try {
            return await da.submit(items, { key, signal, maxCost })
          } catch (error) {
            signal.throwIfAborted()
            const retry = retryClassOf(error)
            if ((retry !== 'retry' && retry !== 'backoff') || tries >= settings.attempts) throw error
            if (retry === 'backoff') await clock.sleep(settings.backoffMs, signal)
          }
        }
      },
      clock,
    )
  }

  return {
    name,
    capabilities: {
      retentionSeconds: all.reduce<number | undefined>((least, { capabilities: { retentionSeconds: seconds } }) => {
        return seconds === undefined ? least : Math.min(seconds, least ?? seconds)
      }, undefined),
      finality: all.every(({ capabilities }) => capabilities.finality === 'instant') ? 'instant' : 'probabilistic',
    },
    ...(all.every(isOnL1) ? { includedOn: 'l1' as const } : {}),
    active: () => current.name,
    layers: () => layers.map(({ name, breaker }) => ({ name, state: breaker.state() })),
    limits: async (call): Promise<DaLimits> => {
      if (settings.limits === 'active') {
        const usable = layers.find(({ breaker }) => breaker.state() === 'closed') ?? layers[0]!
        const preferred = settings.policy === 'price' && current.breaker.state() === 'closed' ? current : usable
        return preferred.da.limits(call)
      }
      return commonLimits(all, { ...call, timeoutMs: call?.timeoutMs ?? settings.probeMs })
    },
    quote: async (sizes, call) => {
      const [first] = await choose(sizes, call?.signal)
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

function codeOf(error: unknown): string {
  return (error as Partial<DaError> | undefined)?.code ?? 'unknown'
}

/** Whether a refusal is about the submission, as opposed to the layer, its node, or the account that pays there. */
function isAboutData(error: unknown): boolean {
  return ['DA_EMPTY', 'DA_TOO_LARGE', 'DA_KEY_REUSED'].includes(codeOf(error))
}

function isOnL1(da: DataAvailability): da is L1DataAvailability {
  return (da as Partial<L1DataAvailability>).includedOn === 'l1'
}
