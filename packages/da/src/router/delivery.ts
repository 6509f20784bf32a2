import type { Clock, Logger } from '@l2/common'
import { DaError, isUndecided, retryClassOf } from '../errors.js'
import { withDeadline } from '../internal/call.js'
import type { Journal, JournalEntry } from '../internal/journal.js'
import { notedMaxCost, type Posted } from '../internal/submissions.js'
import type { DaReceipt } from '../port.js'
import type { Choice } from './choice.js'
import { codeOf, isAboutData, type Layer, type RouterEvent } from './layer.js'

/** What the journal notes about a submission: the layers that were given it, and the caller's limit on the cost. */
type Note = { tried?: string[]; maxCost?: string }

/** What {@link createDelivery} works with. */
type DeliveryDeps = {
  layers: readonly Layer[]
  choice: Choice
  journal: Journal
  clock: Clock
  logger: Logger
  tell(event: RouterEvent): void
}

/** Makes what gives a submission to one layer after the other, until one has taken it. */
export function createDelivery(
  settings: { stallMs: number; attempts: number; backoffMs: number },
  { layers, choice, journal, clock, logger, tell }: DeliveryDeps,
): { post(entry: JournalEntry, closing: AbortSignal): Promise<Posted> } {
  const names = layers.map(layer => layer.name)

  async function post(entry: JournalEntry, closing: AbortSignal): Promise<Posted> {
    const failures: { layer: string; code: string; message: string }[] = []
    const errors: unknown[] = []
    const fail = (layer: Layer, error: unknown) => {
      errors.push(error)
      const { shortMessage = String((error as Error)?.message) } = error as Partial<DaError>
      failures.push({ layer: layer.name, code: codeOf(error), message: shortMessage })
    }
    const sizes = entry.items.map(item => item.length)
    const preferred = choice.current()
    const chosen = await choice.chooseInOrder(sizes, closing)
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

  return { post }
}
