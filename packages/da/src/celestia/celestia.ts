import { type Clock, closable, systemClock } from '@l2/common'
import * as z from 'zod/mini'
import { daLayer } from '../commitment.js'
import { DaError } from '../errors.js'
import { createSerial } from '../internal/call.js'
import { checkItems, createJournal } from '../internal/journal.js'
import { parseOptions, positiveSeconds } from '../internal/options.js'
import { createSubmissions } from '../internal/submissions.js'
import type { DaCallOptions, DataAvailability } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'
import type { CelestiaClient } from './client.js'
import { createInclusion } from './inclusion.js'
import { isBlobNamespace } from './namespace.js'
import { createPoster } from './poster.js'
import { createReader } from './reader.js'
import { signerBytes } from './shares.js'

/** Plain settings of {@link createCelestiaDa}. */
export type CelestiaDaOptions = {
  /** 29 bytes: see `namespaceV0`. */
  namespace: Uint8Array
  /** The 20 bytes of the paying account: makes blobs of share version 1, whose author readers can trust. */
  signer?: Uint8Array | undefined
  /** utia per gas; 0.004, the default of nodes. */
  gasPrice?: number | undefined
  /** Highest price after raises; 0.4. */
  maxGasPrice?: number | undefined
  /** Bytes of one item; 7.5 MiB, below the 8 MiB of a whole transaction. */
  maxBytes?: number | undefined
  /** Items of one submission; 16. Together they have to fit one transaction. */
  maxItems?: number | undefined
  /** Attempts of one submission; 5. */
  maxAttempts?: number | undefined
  /** Milliseconds between looks at the chain, and between attempts; 3000, about a block. */
  pollMs?: number | undefined
  /** Blocks after an unknown outcome before posting again; 12, after which pools evict a transaction. */
  unknownBlocks?: number | undefined
  /** Whether the inclusion proof is checked before a submission counts as done; yes. */
  proveInclusion?: boolean | undefined
  /** Seconds that nodes serve data; 7 days and an hour. `null` for an archival node. */
  retentionSeconds?: bigint | null | undefined
}

/** What {@link createCelestiaDa} works with. */
export type CelestiaDaDeps = {
  client: CelestiaClient
  /** Journal of submissions; without one a crash forgets what may be on its way. */
  store?: Store | undefined
  clock?: Clock | undefined
  /**
   * The data hash of a height from somebody who is trusted more than the node: a light client, or headers with verified signatures.
   * By default the node is trusted.
   */
  trustHeader?: ((height: bigint, options?: DaCallOptions) => Promise<Uint8Array>) | undefined
}

const bytesOf = (length: number) =>
  z.custom<Uint8Array>(value => value instanceof Uint8Array && value.length === length, `expected ${length} bytes`)
const positive = /* @__PURE__ */ (() => z.int().check(z.positive()))()
const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    namespace: z.custom<Uint8Array>(
      value => value instanceof Uint8Array && isBlobNamespace(value),
      'expected 29 bytes that blobs may be posted to: version 0, not reserved',
    ),
    signer: z.optional(bytesOf(signerBytes)),
    gasPrice: z._default(z.number().check(z.positive()), 0.004),
    maxGasPrice: z._default(z.number().check(z.positive()), 0.4),
    maxBytes: z._default(positive, 7.5 * 1024 * 1024),
    maxItems: z._default(positive, 16),
    maxAttempts: z._default(positive, 5),
    pollMs: z._default(positive, 3000),
    unknownBlocks: z._default(positive, 12),
    proveInclusion: z._default(z.boolean(), true),
    retentionSeconds: z._default(z.nullable(positiveSeconds), 7n * 86_400n + 3600n),
  }))()

/**
 * Data as blobs on Celestia, all items of a submission in one transaction. Share commitments are computed here and compared with what the
 * node says; inclusion is proved against the header's data hash. Celestia finalises every block, so included is final.
 *
 * `blob.Submit` gives no transaction hash, so an unknown outcome (a timeout, a crash) is resolved by scanning the namespace from the height at
 * which the submission began. Only when nothing is found for `unknownBlocks` blocks is it posted again; a reader must still bear duplicates.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 * @example
 * ```ts
 * import { createCelestiaClient, createCelestiaDa, namespaceOfName } from '@l2/da/celestia'
 * import { createCelestiaServer } from '@l2/da/testing/celestia'
 *
 * const server = await createCelestiaServer()
 * const client = createCelestiaClient({ url: server.url, token: server.token })
 * const da = createCelestiaDa({ namespace: namespaceOfName('rollup') }, { client })
 * const { commitments } = await da.submit([Uint8Array.of(1), Uint8Array.of(2)])
 * await da.verifyProof!(commitments[1]!, await da.prove!(commitments[1]!))
 * console.log(await da.get(commitments[1]!)) // Uint8Array(1) [ 2 ]
 * await server.close()
 * ```
 */
export function createCelestiaDa(options: CelestiaDaOptions, deps: CelestiaDaDeps): DataAvailability {
  const settings = parseOptions('createCelestiaDa', schema, options)
  const { client } = deps
  const clock = deps.clock ?? systemClock
  const journal = createJournal(deps.store ?? createMemoryStore(), 'celestia')
  const name = 'celestia'
  const { namespace, signer } = settings
  const inclusion = createInclusion(client, deps.trustHeader)
  const poster = createPoster({ ...settings, signer }, { client, journal, inclusion, clock })
  const reader = createReader({ namespace, signer }, { client, inclusion })
  const limits = { maxBytes: settings.maxBytes, maxItems: settings.maxItems }
  const maxTogether = 7.75 * 1024 * 1024
  // One account has one sequence: two submissions at a time would disturb each other.
  const oneByOne = createSerial()
  const submissions = createSubmissions({
    name,
    journal,
    clock,
    post: (entry, signal) => oneByOne(() => poster.post(entry, signal)),
  })

  const check = (sizes: readonly number[]) => {
    checkItems(name, sizes, limits)
    const together = sizes.reduce((sum, size) => sum + size, 0)
    if (together > Math.max(maxTogether, limits.maxBytes)) {
      throw new DaError(`${together} bytes together, one Celestia transaction takes ${maxTogether}`, {
        code: 'DA_TOO_LARGE',
        details: { bytes: together, ...limits },
      })
    }
  }

  return {
    name,
    capabilities: { retentionSeconds: settings.retentionSeconds ?? undefined, finality: 'instant' },
    limits: async call => {
      call?.signal?.throwIfAborted()
      return limits
    },
    quote: async (sizes, call) => {
      call?.signal?.throwIfAborted()
      check(sizes)
      return { cost: poster.costOf(sizes), unit: 'utia', validUntilMs: clock.now() + 60_000 }
    },
    submit: async (items, call) => {
      const sizes = items.map(item => item.length)
      check(sizes)
      call?.signal?.throwIfAborted()
      const cost = poster.costOf(sizes)
      if (call?.maxCost !== undefined && cost > call.maxCost) {
        throw new DaError(`${name} asks ${cost} utia, at most ${call.maxCost} allowed`, {
          code: 'DA_FEE_TOO_HIGH',
          details: { cost, maxCost: call.maxCost },
        })
      }
      return submissions.submit(items, call)
    },
    pending: call => submissions.pending(call),
    resume: (key, call) => submissions.resume(key, call),
    reads: ({ layer }) => layer === daLayer.celestia,
    ...reader,
    ...closable(() => submissions.close(new DaError(`${name} is closed`, { code: 'DA_CLOSED' }))),
  }
}
