import { type Clock, isL2Error, type Logger } from '@l2/common'
import { DaError } from '../errors.js'
import { createSerial, withDeadline } from '../internal/call.js'
import type { DaQuote } from '../port.js'
import { codeOf, isAboutData, type Layer, type RouterEvent } from './layer.js'

/** Which layer gets the next submission. */
export type Choice = {
  /** The layer that was chosen last. */
  current(): Layer
  /** Layers that work, in the order in which they get the submission; behind them those that do not, with their failure. */
  choose(sizes: readonly number[], signal: AbortSignal | undefined): Promise<Chosen[]>
  /** The same for a submission, which must not leave before earlier ones because its quotes came faster. */
  chooseInOrder(sizes: readonly number[], signal: AbortSignal): Promise<Chosen[]>
}

type Chosen = { layer: Layer; failure?: unknown }

/** What {@link createChoice} works with. */
type ChoiceDeps = {
  layers: readonly Layer[]
  clock: Clock
  logger: Logger
  tell(event: RouterEvent): void
}

/** Makes the {@link Choice} among `layers`, the first of them to begin with. */
export function createChoice(
  settings: { policy: 'failover' | 'price'; probeMs: number; hysteresisPercent: number },
  { layers, clock, logger, tell }: ChoiceDeps,
): Choice {
  const inOrder = createSerial()
  let current = layers[0]!

  /** Asks the layers for their price, which shows that they are there at all. */
  function probe(
    sizes: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<{ layer: Layer; price: bigint | undefined; failure?: unknown }[]> {
    const candidates = layers.filter(({ breaker }) => breaker.state() !== 'open')
    // With every breaker open, waiting would be giving up: they are all asked.
    const asked = candidates.length === 0 ? layers : candidates
    return Promise.all(
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
  }

  /** Orders layers that work by price; the one in use stays in front while none is cheaper by the hysteresis. */
  function orderByPrice(working: { layer: Layer; price: bigint }[]): void {
    const held = working.find(({ layer }) => layer === current)
    const keeps = (price: bigint) =>
      held !== undefined && held.price * 100n <= price * BigInt(100 + settings.hysteresisPercent)
    working.sort((a, b) => (a.price < b.price ? -1 : a.price > b.price ? 1 : 0))
    if (working[0] !== undefined && held !== undefined && keeps(working[0].price)) {
      working.unshift(...working.splice(working.indexOf(held), 1))
    }
  }

  async function choose(sizes: readonly number[], signal: AbortSignal | undefined): Promise<Chosen[]> {
    const priced = await probe(sizes, signal)
    const working = priced.flatMap(({ layer, price }) => (price === undefined ? [] : [{ layer, price }]))
    if (settings.policy === 'price') orderByPrice(working)
    const first = working[0]?.layer
    if (first !== undefined && first !== current) {
      logger.info({ from: current.name, to: first.name }, 'data goes to another layer')
      tell({ type: 'switched', from: current.name, to: first.name })
      current = first
    }
    const failed = priced.filter(({ price }) => price === undefined)
    return [...working.map(({ layer }) => ({ layer })), ...failed.map(({ layer, failure }) => ({ layer, failure }))]
  }

  return {
    current: () => current,
    choose,
    chooseInOrder: (sizes, signal) => inOrder(() => choose(sizes, signal)),
  }
}

async function weiOf({ name, toWei }: Layer, quote: DaQuote): Promise<bigint> {
  if (toWei !== undefined) return toWei(quote)
  if (quote.unit === 'wei') return quote.cost
  throw new DaError(`"toWei" of layer ${name} is needed to compare ${quote.unit} with wei`, {
    code: 'DA_OPTIONS_INVALID',
    details: { layer: name, unit: quote.unit },
  })
}
