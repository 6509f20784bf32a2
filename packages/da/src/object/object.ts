import { bytesToHex, type Clock, closable, equalBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import * as z from 'zod/mini'
import { type Commitment, daLayer } from '../commitment.js'
import { DaError, isUndecided } from '../errors.js'
import { withDeadline } from '../internal/call.js'
import { checkItems, createJournal, type JournalEntry } from '../internal/journal.js'
import { parseOptions, positiveSeconds } from '../internal/options.js'
import { createSubmissions, type Posted } from '../internal/submissions.js'
import { unmetered } from '../internal/unmetered.js'
import type { DataAvailability } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'

/** Plain settings of {@link createObjectDa}. */
export type ObjectDaOptions = {
  /**
   * `keccak` (default): commitments are those of OP alt-DA, type 0, which a `DataAvailabilityChallenge` contract can be asked about.
   * `generic`: commitments of this package's own layer byte, for items larger than derivation takes under a keccak commitment.
   */
  commitments?: 'keccak' | 'generic' | undefined
  /** Bytes of one item; 130 672 for keccak, because derivation skips longer ones, and 16 MiB for generic. */
  maxBytes?: number | undefined
  /** Items of one submission; 16. */
  maxItems?: number | undefined
  /** Seconds after which a rule of the bucket deletes objects; they are kept for ever by default. */
  retentionSeconds?: bigint | undefined
  /** Milliseconds of a call that reads; 120 000. */
  timeoutMs?: number | undefined
}

/** What {@link createObjectDa} works with. */
export type ObjectDaDeps = {
  /** Where objects are: `createS3Store`, `createFileStore` of `@l2/da/node`, or any other. Several writers may share it. */
  objects: Store
  /** Remembers submissions over a restart; a store of this process alone. */
  journal?: Store | undefined
  clock?: Clock | undefined
}

const positive = /* @__PURE__ */ (() => z.int().check(z.positive()))()
const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    commitments: z._default(z.enum(['keccak', 'generic']), 'keccak'),
    maxBytes: z.optional(positive),
    maxItems: z._default(positive, 16),
    retentionSeconds: z.optional(positiveSeconds),
    timeoutMs: z._default(positive, 120_000),
  }))()

/**
 * Data as objects named by its keccak256, in a bucket or a directory: writing the same twice is writing it once, and whoever reads compares
 * the hash. Metis' Memo mode keeps batches so, under names that bind nothing; here the name is the hash.
 *
 * Who runs the bucket can withhold the data. With keccak commitments on L1 (`commitmentSink`) and the OP Stack's challenge contract
 * (`challenges` of `createCommitmentSource`), withheld data can be demanded there; without the contract the bucket is trusted for it.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 * @example
 * ```ts
 * import { createMemoryStore } from '@l2/da'
 * import { createObjectDa } from '@l2/da/object'
 *
 * const objects = createMemoryStore() // or createS3Store(…), or createFileStore(directory) of `@l2/da/node`
 * const da = createObjectDa({}, { objects })
 * const { commitments } = await da.submit([Uint8Array.of(0, 1)])
 * console.log((await objects.keys('objects/'))[0]!.length) // 72
 * console.log(await da.get(commitments[0]!)) // Uint8Array(2) [ 0, 1 ]
 * ```
 */
export function createObjectDa(options: ObjectDaOptions, deps: ObjectDaDeps): DataAvailability {
  const settings = parseOptions('createObjectDa', schema, options)
  const { objects } = deps
  const name = 'object'
  const layer = settings.commitments === 'keccak' ? daLayer.keccak : daLayer.object
  const maxBytes = settings.maxBytes ?? (settings.commitments === 'keccak' ? 130_672 : 16 * 1024 * 1024)
  const limits = { maxBytes, maxItems: settings.maxItems }

  const hashOf = (commitment: Commitment): Uint8Array => {
    if (commitment.layer !== layer || commitment.payload.length !== 32) {
      throw new DaError('not a commitment of this object storage', {
        code: 'DA_COMMITMENT_INVALID',
        details: { layer: commitment.layer, length: commitment.payload.length },
      })
    }
    return commitment.payload
  }
  const keyOf = (hash: Uint8Array): string => `objects/${bytesToHex(hash).slice(2)}`

  async function post(entry: JournalEntry, signal: AbortSignal): Promise<Posted> {
    const commitments: Commitment[] = []
    try {
      for (const item of entry.items) {
        const payload = keccak256(item)
        // A store knows no signal: closing does not wait for one that hangs. What it still writes is named by what it is.
        await withDeadline(`${name} put`, { signal }, undefined, () => objects.put(keyOf(payload), item))
        commitments.push({ layer, payload })
      }
    } catch (error) {
      signal.throwIfAborted()
      // Whether it arrived or not, it is named by what it is, and nobody pays for it: it can be refused without harm.
      if (isUndecided((error as DaError).code)) throw error
      return { refused: error }
    }
    return { receipt: { key: entry.key, commitments, height: 0n } }
  }

  const submissions = createSubmissions({
    name,
    journal: createJournal(deps.journal ?? createMemoryStore(), 'object'),
    post,
    ...(deps.clock === undefined ? {} : { clock: deps.clock }),
  })

  return {
    name,
    capabilities: { retentionSeconds: settings.retentionSeconds, finality: 'instant' },
    ...unmetered(name, async () => limits),
    submit: async (items, call) => {
      checkItems(
        name,
        items.map(item => item.length),
        limits,
      )
      return submissions.submit(items, call)
    },
    pending: call => submissions.pending(call),
    resume: (key, call) => submissions.resume(key, call),
    reads: commitment => commitment.layer === layer,
    get: (commitment, call) =>
      withDeadline(`${name} get`, call, settings.timeoutMs, async () => {
        const hash = hashOf(commitment)
        const data = await objects.get(keyOf(hash))
        if (data === undefined) {
          throw new DaError('the object storage has no such object', {
            code: 'DA_NOT_FOUND',
            details: { hash: bytesToHex(hash) },
          })
        }
        if (!equalBytes(keccak256(data), hash)) {
          throw new DaError('the object storage returned other data than was stored', {
            code: 'DA_MISMATCH',
            details: { hash: bytesToHex(hash), length: data.length },
          })
        }
        return data
      }),
    verify: async (commitment, data) => equalBytes(keccak256(data), hashOf(commitment)),
    status: (commitment, call) =>
      withDeadline(`${name} status`, call, settings.timeoutMs, async () => {
        const hash = hashOf(commitment)
        const data = await objects.get(keyOf(hash))
        // What is there and wrong is as good as lost: it is put again.
        return data !== undefined && equalBytes(keccak256(data), hash) ? 'final' : 'lost'
      }),
    ...closable(() => submissions.close(new DaError(`${name} is closed`, { code: 'DA_CLOSED' }))),
  }
}
