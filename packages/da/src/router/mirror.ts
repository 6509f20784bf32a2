import { type Clock, closable, concatBytes, isL2Error, systemClock } from '@l2/common'
import * as z from 'zod/mini'
import { type Commitment, commitmentToHex, daLayer, decodeCommitment, encodeCommitment } from '../commitment.js'
import { DaError, isUndecided, retryClassOf } from '../errors.js'
import { withDeadline } from '../internal/call.js'
import { checkItems, createJournal, type JournalEntry } from '../internal/journal.js'
import { parseOptions } from '../internal/options.js'
import { createSubmissions, type Posted } from '../internal/submissions.js'
import type { DaCallOptions, DaQuote, DaReceipt, DaStatus, DaSubmitOptions, DataAvailability } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'
import { askInTurn, commonLimits, readersOf, statusAmong } from './readers.js'

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
 * The copies that a mirror commitment names.
 *
 * @throws DaError `DA_COMMITMENT_INVALID`
 * @example
 * ```ts
 * import { daLayer, parseMirrorCommitment } from '@l2/da'
 *
 * const payload = Uint8Array.of(0, 33, daLayer.memory, ...new Uint8Array(32))
 * console.log(parseMirrorCommitment({ layer: daLayer.mirror, payload }).length) // 1
 * ```
 */
export function parseMirrorCommitment({ layer, payload }: Commitment): Commitment[] {
  const invalid = () =>
    new DaError('not a mirror commitment', {
      code: 'DA_COMMITMENT_INVALID',
      details: { layer, length: payload.length },
    })
  if (layer !== daLayer.mirror) throw invalid()
  const copies: Commitment[] = []
  for (let at = 0; at < payload.length; ) {
    const length = (payload[at]! << 8) | (payload[at + 1] ?? 0)
    if (length < 2 || at + 2 + length > payload.length) throw invalid()
    const copy = decodeCommitment(payload.subarray(at + 2, at + 2 + length))
    // A mirror of mirrors would let a few bytes ask for any amount of work.
    if (copy.layer === daLayer.mirror) throw invalid()
    copies.push(copy)
    at += 2 + length
  }
  if (copies.length === 0) throw invalid()
  return copies
}

function formatMirrorCommitment(copies: readonly Commitment[]): Commitment {
  const parts = copies.flatMap(copy => {
    const bytes = encodeCommitment(copy)
    return [Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes]
  })
  return { layer: daLayer.mirror, payload: concatBytes(...parts) }
}

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
  const submissions = createSubmissions({
    name,
    journal: createJournal(deps.store ?? createMemoryStore(), 'mirror'),
    post,
    isLost: async ({ commitments }, call) => {
      const statuses = await Promise.all(commitments.map(commitment => statusOf(commitment, call)))
      return statuses.includes('lost')
    },
    clock,
  })

  async function post(entry: JournalEntry, closing: AbortSignal): Promise<Posted> {
    const receipts = new Map<DataAvailability, DaReceipt>()
    const failures: { layer: string; code: string }[] = []
    let fatal: unknown
    const grace = new AbortController()
    await new Promise<void>(resolve => {
      let open = layers.length
      const closeOne = () => {
        open--
        if (open === 0 || layers.length - failures.length < required) resolve()
        if (receipts.size === required) clock.sleep(settings.graceMs, grace.signal).then(resolve, () => {})
      }
      for (const layer of layers) {
        withDeadline(
          `${layer.name} submit`,
          { signal: closing, timeoutMs: settings.stallMs },
          undefined,
          signal => layer.submit(entry.items, { key: entry.key, signal }),
          clock,
        ).then(
          receipt => {
            receipts.set(layer, receipt)
            closeOne()
          },
          error => {
            if (retryClassOf(error) === 'fatal') fatal ??= error
            failures.push({ layer: layer.name, code: (error as DaError).code ?? 'unknown' })
            closeOne()
          },
        )
      }
    })
    grace.abort()
    closing.throwIfAborted()
    if (receipts.size < required) {
      const error = new DaError(`${receipts.size} of ${required} copies were made`, {
        code: 'DA_ALL_FAILED',
        details: { layers: failures },
        cause: fatal,
      })
      // Copies that are there, or may be, are completed by whoever resumes.
      if (failures.length < layers.length || failures.some(({ code }) => isUndecided(code))) throw error
      return { refused: error }
    }
    const made = layers.flatMap(layer => receipts.get(layer) ?? [])
    const commitments = entry.items.map((_, i) =>
      formatMirrorCommitment(made.map(({ commitments }) => commitments[i]!)),
    )
    return { receipt: { key: entry.key, height: 0n, commitments } }
  }

  const copiesOf = (commitment: Commitment) => {
    const copies = parseMirrorCommitment(commitment).filter(copy => readersOf(layers, copy).length > 0)
    if (copies.length === 0) {
      throw new DaError('no adapter here reads any copy', {
        code: 'DA_UNVERIFIABLE',
        details: { copies: parseMirrorCommitment(commitment).map(commitmentToHex) },
      })
    }
    return copies
  }
  const verify = async (commitment: Commitment, data: Uint8Array, call?: DaCallOptions) => {
    for (const copy of copiesOf(commitment)) {
      if (!(await askInTurn(layers, copy, call, layer => layer.verify(copy, data, call)))) return false
    }
    return true
  }

  async function statusOf(commitment: Commitment, call: DaCallOptions | undefined): Promise<DaStatus> {
    const copies = copiesOf(commitment)
    const statuses = await Promise.all(
      copies.map(copy =>
        statusAmong(layers, copy, call).catch((): DaStatus => {
          call?.signal?.throwIfAborted()
          return 'pending'
        }),
      ),
    )
    const enough = Math.min(required, copies.length)
    const count = (...wanted: DaStatus[]) => statuses.filter(status => wanted.includes(status)).length
    if (count('final') >= enough) return 'final'
    if (count('final', 'included') >= enough) return 'included'
    return count('lost') > copies.length - enough ? 'lost' : 'pending'
  }

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
    get: async (commitment, call) => {
      const failures: unknown[] = []
      for (const copy of copiesOf(commitment)) {
        let data: Uint8Array
        try {
          data = await askInTurn(layers, copy, call, layer => layer.get(copy, call))
        } catch (error) {
          call?.signal?.throwIfAborted()
          failures.push(error)
          continue
        }
        // Whoever made the commitment could have named copies of different data: everybody must read the same, whichever layer answers.
        if (await verify(commitment, data, call)) return data
        throw new DaError('the copies of a mirror commitment are of different data', {
          code: 'DA_COMMITMENT_DEAD',
          details: { copy: commitmentToHex(copy) },
        })
      }
      // One dead copy is no dead commitment: another may only be out of reach.
      throw failures.find(error => !isL2Error(error, 'DA_COMMITMENT_DEAD')) ?? failures[0]
    },
    verify,
    status: statusOf,
    ...closable(async () => {
      await submissions.close(new DaError(`${name} is closed`, { code: 'DA_CLOSED' }))
      for (const layer of layers) await layer.close()
    }),
  }
}
