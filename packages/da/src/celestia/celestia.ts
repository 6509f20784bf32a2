import { type Clock, closable, concatBytes, equalBytes, isL2Error, systemClock } from '@l2/common'
import * as z from 'zod/mini'
import { type Commitment, daLayer } from '../commitment.js'
import { DaError, isDaError } from '../errors.js'
import { createSerial } from '../internal/call.js'
import { checkItems, createJournal, type JournalEntry } from '../internal/journal.js'
import { parseOptions } from '../internal/options.js'
import { createSubmissions, type Posted } from '../internal/submissions.js'
import type { DaCallOptions, DaEntry, DaProof, DaReceipt, DataAvailability } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'
import type { CelestiaClient, FoundBlob } from './client.js'
import { shareCommitment } from './commitment.js'
import { isBlobNamespace, namespaceBytes } from './namespace.js'
import { formatCommitmentProof, parseCommitmentProof, verifyCommitmentProof } from './proof.js'
import { type CelestiaBlob, estimateGas, signerBytes } from './shares.js'

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
  retentionSeconds?: number | null | undefined
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

/** Where a blob is, and what it is. */
export type CelestiaCommitment = {
  height: bigint
  /** Share commitment, 32 bytes. */
  commitment: Uint8Array
  /** 29 bytes; `undefined` in the short form of other alt-DA servers, which leave it to configuration. */
  namespace: Uint8Array | undefined
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
    retentionSeconds: z._default(z.nullable(positive), 7 * 86_400 + 3600),
  }))()

/**
 * Reads a commitment: `u64le height ‖ commitment` as Celestia's alt-DA servers write it, with a `u32le` offset and size behind it (which
 * are hints and ignored), or with the 10 free bytes of the namespace behind it, which is what this adapter writes.
 *
 * @throws DaError `DA_COMMITMENT_INVALID`
 * @example
 * ```ts
 * import { hexToCommitment } from '@l2/da'
 * import { parseCelestiaCommitment } from '@l2/da/celestia'
 *
 * const other = hexToCommitment(`0x0c0500000000000000${'11'.repeat(32)}`)
 * console.log(parseCelestiaCommitment(other).height) // 5n
 * ```
 */
export function parseCelestiaCommitment({ layer, payload }: Commitment): CelestiaCommitment {
  const { length } = payload
  if (layer !== daLayer.celestia || (length !== 40 && length !== 48 && length !== 50)) {
    throw new DaError('not a commitment of Celestia', { code: 'DA_COMMITMENT_INVALID', details: { layer, length } })
  }
  const namespace = length === 50 ? concatBytes(new Uint8Array(namespaceBytes - 10), payload.subarray(40)) : undefined
  const height = new DataView(payload.buffer, payload.byteOffset).getBigUint64(0, true)
  if (height === 0n || height > BigInt(Number.MAX_SAFE_INTEGER) || (namespace && !isBlobNamespace(namespace))) {
    throw new DaError('a Celestia commitment with an impossible height or namespace', {
      code: 'DA_COMMITMENT_INVALID',
      details: { height },
    })
  }
  return { height, commitment: payload.slice(8, 40), namespace }
}

/**
 * Inverse of {@link parseCelestiaCommitment}.
 *
 * @example
 * ```ts
 * import { formatCelestiaCommitment, namespaceOfName } from '@l2/da/celestia'
 *
 * const commitment = new Uint8Array(32)
 * console.log(formatCelestiaCommitment({ height: 5n, commitment, namespace: namespaceOfName('rollup') }).payload.length) // 50
 * ```
 */
export function formatCelestiaCommitment({ height, commitment, namespace }: CelestiaCommitment): Commitment {
  const at = new Uint8Array(8)
  new DataView(at.buffer).setBigUint64(0, height, true)
  return {
    layer: daLayer.celestia,
    payload: concatBytes(at, commitment, namespace?.subarray(namespaceBytes - 10) ?? new Uint8Array()),
  }
}

type Note = { fromHeight: string; sent: boolean }

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
  const shareVersion = signer === undefined ? 0 : 1
  const limits = { maxBytes: settings.maxBytes, maxItems: settings.maxItems }
  const maxTogether = 7.75 * 1024 * 1024
  // One account has one sequence: two submissions at a time would disturb each other.
  const oneByOne = createSerial()
  const submissions = createSubmissions({
    name,
    journal,
    clock,
    post: (entry, signal) => oneByOne(() => post(entry, signal)),
  })
  let gasPrice = settings.gasPrice

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
  const costOf = (sizes: readonly number[]): bigint => {
    const gas = estimateGas(sizes, shareVersion)
    const billion = 1_000_000_000n
    return (gas * BigInt(Math.ceil(gasPrice * 1e9)) + billion - 1n) / billion
  }
  const blobsOf = (items: readonly Uint8Array[]): (CelestiaBlob & { commitment: Uint8Array })[] =>
    items.map(data => {
      const blob = { namespace, data, shareVersion, signer } as const
      return { ...blob, commitment: shareCommitment(blob) }
    })
  const receiptOf = (key: string, height: bigint, blobs: readonly { commitment: Uint8Array }[]): DaReceipt => ({
    key,
    height,
    commitments: blobs.map(({ commitment }) => formatCelestiaCommitment({ height, commitment, namespace })),
  })

  /** The first height at or above `from` that holds all of the blobs. */
  async function scan(
    blobs: readonly { commitment: Uint8Array }[],
    from: bigint,
    to: bigint,
    signal: AbortSignal,
  ): Promise<bigint | undefined> {
    for (let height = from; height <= to; height++) {
      const found = await client.getAll(height, [namespace], { signal })
      const holds = ({ commitment }: { commitment: Uint8Array }) =>
        found.some(blob => equalBytes(blob.commitment, commitment) && equalBytes(shareCommitment(blob), commitment))
      if (blobs.every(holds)) return height
    }
    return undefined
  }

  async function post(entry: JournalEntry, signal: AbortSignal): Promise<Posted> {
    const blobs = blobsOf(entry.items)
    let note = entry.note === undefined ? undefined : (JSON.parse(entry.note) as Note)
    let failure: unknown
    for (let attempt = 0; attempt < settings.maxAttempts; attempt++) {
      signal.throwIfAborted()
      let submitting = false
      try {
        if (note?.sent === true) {
          const height = await find(blobs, BigInt(note.fromHeight), signal)
          if (height !== undefined) return { receipt: await prove(entry.key, height, blobs, signal) }
        }
        const head = await client.localHead({ signal })
        const sending = { fromHeight: head.height.toString(), sent: true }
        await journal.note(entry, JSON.stringify(sending))
        note = sending
        submitting = true
        const height = await client.submit(blobs, { gasPrice, maxGasPrice: settings.maxGasPrice, signal })
        submitting = false
        return { receipt: await prove(entry.key, height, blobs, signal) }
      } catch (error) {
        signal.throwIfAborted()
        failure = error
        if (!isDaError(error)) throw error
        const certainlyNot =
          error.code === 'DA_UNDERPRICED' || error.code === 'DA_NONCE_CONFLICT' || error.details['sent'] === false
        if (certainlyNot && note !== undefined) {
          note = { ...note, sent: false }
          await journal.note(entry, JSON.stringify(note))
        }
        if (error.code === 'DA_UNDERPRICED') {
          if (gasPrice >= settings.maxGasPrice) {
            return {
              refused: new DaError('Celestia asks more gas price than is allowed', {
                code: 'DA_FEE_TOO_HIGH',
                details: { maxGasPrice: settings.maxGasPrice },
                cause: error,
              }),
            }
          }
          gasPrice = Math.min(gasPrice * 1.5, settings.maxGasPrice)
          continue
        }
        if (error.retry === 'fatal' || error.code === 'DA_FEE_TOO_HIGH' || error.code === 'DA_INSUFFICIENT_FUNDS') {
          // A refusal to read says nothing about what was sent before.
          if (note?.sent === true && !submitting) throw error
          return { refused: error }
        }
        await clock.sleep(settings.pollMs, signal)
      }
    }
    if (note?.sent === true) {
      // Whoever lies is named; what it lies about may be there all the same.
      const lies = isL2Error(failure, 'DA_MISMATCH') || isL2Error(failure, 'DA_PROOF_INVALID')
      if (lies) throw failure
      throw new DaError('whether Celestia included the submission is not known', {
        code: 'DA_OUTCOME_UNKNOWN',
        details: { key: entry.key, fromHeight: note.fromHeight },
        retry: 'failover',
        cause: failure,
      })
    }
    return { refused: failure }
  }

  /** Looks for a submission that may be on its way, until it would have been evicted. */
  async function find(
    blobs: readonly { commitment: Uint8Array }[],
    from: bigint,
    signal: AbortSignal,
  ): Promise<bigint | undefined> {
    let next = from
    for (;;) {
      const { height: head } = await client.localHead({ signal })
      const found = await scan(blobs, next, head, signal)
      if (found !== undefined) return found
      if (head >= from + BigInt(settings.unknownBlocks)) return undefined
      next = head + 1n > next ? head + 1n : next
      await clock.sleep(settings.pollMs, signal)
    }
  }

  /** The receipt of what the node says it included, after checking the proof. */
  async function prove(
    key: string,
    height: bigint,
    blobs: readonly { commitment: Uint8Array }[],
    signal: AbortSignal,
  ): Promise<DaReceipt> {
    if (settings.proveInclusion) {
      for (const { commitment } of blobs) {
        const proof = await client.getCommitmentProof(height, namespace, commitment, { signal })
        verifyCommitmentProof(proof, { commitment, namespace, dataRoot: await trusted(height, { signal }) })
      }
    }
    return receiptOf(key, height, blobs)
  }

  const trusted = async (height: bigint, call: DaCallOptions | undefined): Promise<Uint8Array> => {
    if (deps.trustHeader !== undefined) return deps.trustHeader(height, call)
    const header = await client.header(height, call)
    if (header.height !== height) {
      throw new DaError('the Celestia node answered with the header of another height', {
        code: 'DA_RESPONSE_INVALID',
        details: { expected: height, got: header.height },
      })
    }
    return header.dataHash
  }

  const place = (commitment: Commitment) => {
    const parsed = parseCelestiaCommitment(commitment)
    return { ...parsed, namespace: parsed.namespace ?? namespace }
  }
  const matches = (found: FoundBlob, wanted: { namespace: Uint8Array; commitment: Uint8Array }) =>
    equalBytes(found.namespace, wanted.namespace) &&
    (found.shareVersion === 0) === (found.signer === undefined) &&
    found.data.length > 0 &&
    equalBytes(shareCommitment(found), wanted.commitment)

  async function* list({ from, to }: { from: bigint; to: bigint }, call?: DaCallOptions): AsyncIterable<DaEntry> {
    const head = (await client.localHead(call)).height
    for (let height = from < 1n ? 1n : from; height <= to && height <= head; height++) {
      for (const blob of await client.getAll(height, [namespace], call)) {
        if (!matches(blob, { namespace, commitment: blob.commitment })) throw mismatch(height, blob.commitment)
        const commitment = formatCelestiaCommitment({ height, commitment: blob.commitment, namespace })
        yield { height, commitment, data: blob.data }
      }
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
      return { cost: costOf(sizes), unit: 'utia', validUntilMs: clock.now() + 60_000 }
    },
    submit: async (items, call) => {
      const sizes = items.map(item => item.length)
      check(sizes)
      call?.signal?.throwIfAborted()
      const cost = costOf(sizes)
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
    get: async (commitment, call) => {
      const wanted = place(commitment)
      const found = await client.get(wanted.height, wanted.namespace, wanted.commitment, call)
      if (!matches(found, wanted)) throw mismatch(wanted.height, wanted.commitment)
      return found.data
    },
    verify: async (commitment, data) => {
      const wanted = place(commitment)
      if (data.length === 0) return false
      const anonymous: CelestiaBlob = { namespace: wanted.namespace, data, shareVersion: 0 }
      const candidates =
        signer === undefined ? [anonymous] : [{ ...anonymous, shareVersion: 1, signer } as const, anonymous]
      return candidates.some(blob => equalBytes(shareCommitment(blob), wanted.commitment))
    },
    status: async (commitment, call) => {
      const wanted = place(commitment)
      try {
        const proof = await client.getCommitmentProof(wanted.height, wanted.namespace, wanted.commitment, call)
        verifyCommitmentProof(proof, { ...wanted, dataRoot: await trusted(wanted.height, call) })
        return 'final'
      } catch (error) {
        if (isL2Error(error, 'DA_NOT_YET')) return 'pending'
        if (isL2Error(error, 'DA_NOT_FOUND')) return 'lost'
        throw error
      }
    },
    prove: async (commitment, call): Promise<DaProof> => {
      const wanted = place(commitment)
      const proof = await client.getCommitmentProof(wanted.height, wanted.namespace, wanted.commitment, call)
      return {
        height: wanted.height,
        bytes: new TextEncoder().encode(JSON.stringify(formatCommitmentProof(proof))),
      }
    },
    verifyProof: async (commitment, proof, call) => {
      const wanted = place(commitment)
      if (proof.height !== wanted.height) {
        throw new DaError('the proof is of another height', {
          code: 'DA_PROOF_INVALID',
          details: { expected: wanted.height, got: proof.height },
        })
      }
      let json: unknown
      try {
        json = JSON.parse(new TextDecoder().decode(proof.bytes))
      } catch {
        throw new DaError('the proof is not JSON', { code: 'DA_PROOF_INVALID' })
      }
      verifyCommitmentProof(parseCommitmentProof(json), { ...wanted, dataRoot: await trusted(wanted.height, call) })
    },
    list,
    ...closable(() => submissions.close(new DaError(`${name} is closed`, { code: 'DA_CLOSED' }))),
  }
}

function mismatch(height: bigint, commitment: Uint8Array): DaError {
  return new DaError('the Celestia node returned a blob that does not match its commitment', {
    code: 'DA_MISMATCH',
    details: { height, commitment },
  })
}
