import { type Clock, closable, systemClock } from '@l2/common'
import * as z from 'zod/mini'
import { daLayer } from '../commitment.js'
import { DaError } from '../errors.js'
import { checkItems, createJournal } from '../internal/journal.js'
import { parseOptions } from '../internal/options.js'
import { createSubmissions } from '../internal/submissions.js'
import type { DaCallOptions, DaQuote, DaSubmitOptions, DataAvailability } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'
import { makeCopies } from './copying.js'
import { createMirrorReader } from './mirror-reader.js'
import { commonLimits } from './readers.js'

/** Plain settings of {@link createMirrorDa}. */
export type MirrorOptions = {
  /** Copies that make a submission done. */
  required: number
  /** Milliseconds that the other layers have once enough copies are there; 5000. */
  graceMs?: number | undefined
  /** Milliseconds that one layer has; 120 000. */
  stallMs?: number | undefined
}

/** What {@link createMirrorDa} works with. */
export type MirrorDeps = {
  layers: readonly DataAvailability[]
  store?: Store | undefined
  clock?: Clock | undefined
}

const positive = /* @__PURE__ */ (() => z.int().check(z.positive()))()
const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    required: positive,
    graceMs: z._default(z.int().check(z.nonnegative()), 5000),
    stallMs: z._default(positive, 120_000),
  }))()

/**
 * Every submission on all layers, done when `required` of them have it. The commitment names the copies made by then, and each of them is enough to read.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 * @example
 * ```ts
 * import { createMirrorDa, parseMirrorCommitment } from '@l2/da'
 * import { createMemoryDa } from '@l2/da/testing'
 *
 * const layers = [createMemoryDa(), createMemoryDa(), createMemoryDa()]
 * const da = createMirrorDa({ required: 2, graceMs: 100 }, { layers })
 * const { commitments } = await da.submit([Uint8Array.of(1)])
 * await layers[0]!.reorg(1)
 * console.log(parseMirrorCommitment(commitments[0]!).length, await da.get(commitments[0]!)) // 3 Uint8Array(1) [ 1 ]
 * ```
 */
export function createMirrorDa(options: MirrorOptions, deps: MirrorDeps): DataAvailability {
  const settings = parseOptions('createMirrorDa', schema, options)
  const { layers } = deps
  const { required } = settings
  const clock = deps.clock ?? systemClock
  const name = 'mirror'
  if (required > layers.length) {
    throw new DaError(`"required" is ${required} of ${layers.length} layers`, { code: 'DA_OPTIONS_INVALID' })
  }
  const reader = createMirrorReader(layers, required)
  const submissions = createSubmissions({
    name,
    journal: createJournal(deps.store ?? createMemoryStore(), 'mirror'),
    post: (entry, closing) => makeCopies({ ...settings, layers, clock }, entry, closing),
    isLost: async ({ commitments }, call) => {
      const statuses = await Promise.all(commitments.map(commitment => reader.status(commitment, call)))
      return statuses.includes('lost')
    },
    clock,
  })

  async function quote(sizes: readonly number[], call?: DaCallOptions): Promise<DaQuote> {
    const answers = await Promise.allSettled(layers.map(layer => layer.quote(sizes, call)))
    const quotes = answers.flatMap(answer => (answer.status === 'fulfilled' ? [answer.value] : []))
    if (quotes.length < required)
      throw (answers.find(({ status }) => status === 'rejected') as PromiseRejectedResult).reason
    const units = [...new Set(quotes.map(({ unit }) => unit))]
    if (units.length > 1) {
      throw new DaError(`the layers are paid in ${units.join(' and ')}, which have no sum`, {
        code: 'DA_OPTIONS_INVALID',
        details: { units },
      })
    }
    return {
      cost: quotes.reduce((sum, { cost }) => sum + cost, 0n),
      unit: units[0]!,
      validUntilMs: Math.min(...quotes.map(({ validUntilMs }) => validUntilMs)),
    }
  }

  /** Refuses what the layers would, and what costs too much, before anything is journalled. */
  async function approve(items: readonly Uint8Array[], call: DaSubmitOptions | undefined): Promise<void> {
    const sizes = items.map(item => item.length)
    checkItems(name, sizes, await commonLimits(layers, call))
    if (call?.maxCost === undefined) return
    const { cost, unit } = await quote(sizes, call)
    if (cost > call.maxCost) {
      throw new DaError(`the copies cost ${cost} ${unit}, at most ${call.maxCost} allowed`, {
        code: 'DA_FEE_TOO_HIGH',
        details: { cost, maxCost: call.maxCost },
      })
    }
  }

  return {
    name,
    capabilities: {
      retentionSeconds: undefined,
      finality: layers.every(({ capabilities }) => capabilities.finality === 'instant') ? 'instant' : 'probabilistic',
    },
    limits: call => commonLimits(layers, call),
    quote,
    submit: (items, call) => submissions.submit(items, call, () => approve(items, call)),
    pending: call => submissions.pending(call),
    resume: (key, call) => submissions.resume(key, call),
    reads: ({ layer }) => layer === daLayer.mirror,
    ...reader,
    ...closable(async () => {
      await submissions.close(new DaError(`${name} is closed`, { code: 'DA_CLOSED' }))
      for (const layer of layers) await layer.close()
    }),
  }
}
