import type { Clock } from '@l2/common'
import { DaError, isUndecided, retryClassOf } from '../errors.js'
import { withDeadline } from '../internal/call.js'
import type { JournalEntry } from '../internal/journal.js'
import type { Posted } from '../internal/submissions.js'
import type { DaReceipt, DataAvailability } from '../port.js'
import { formatMirrorCommitment } from './mirror-commitment.js'

/** How copies are made: the layers, and the times that `MirrorOptions` explains. */
type Copying = {
  layers: readonly DataAvailability[]
  required: number
  graceMs: number
  stallMs: number
  clock: Clock
}

/** Gives a submission to all layers, and waits for `required` of them, and a grace for the others. */
export async function makeCopies(
  { layers, required, graceMs, stallMs, clock }: Copying,
  entry: JournalEntry,
  closing: AbortSignal,
): Promise<Posted> {
  const receipts = new Map<DataAvailability, DaReceipt>()
  const failures: { layer: string; code: string }[] = []
  let fatal: unknown
  const grace = new AbortController()
  await new Promise<void>(resolve => {
    let open = layers.length
    const closeOne = () => {
      open--
      if (open === 0 || layers.length - failures.length < required) resolve()
      if (receipts.size === required) clock.sleep(graceMs, grace.signal).then(resolve, () => {})
    }
    for (const layer of layers) {
      withDeadline(
        `${layer.name} submit`,
        { signal: closing, timeoutMs: stallMs },
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
  const commitments = entry.items.map((_, i) => formatMirrorCommitment(made.map(({ commitments }) => commitments[i]!)))
  return { receipt: { key: entry.key, height: 0n, commitments } }
}
