import { type Clock, closable, equalBytes, isL2Error, systemClock } from '@l2/common'
import * as z from 'zod/mini'
import { type Commitment, daLayer } from '../commitment.js'
import { DaError } from '../errors.js'
import { checkItems, createJournal, type JournalEntry } from '../internal/journal.js'
import { parseOptions, positiveSeconds } from '../internal/options.js'
import { readServerUrl } from '../internal/server-url.js'
import { createSubmissions, type Posted } from '../internal/submissions.js'
import { unmetered } from '../internal/unmetered.js'
import type { DaGetOptions, DataAvailability } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'
import { type AnyTrustCertificate, parseAnyTrustCertificate, signedFields } from './certificate.js'
import { committeeSigned, parseAnyTrustKeyset } from './keyset.js'
import { createMembers } from './members.js'
import { fetchData } from './mirrors.js'
import { createAsk } from './requests.js'
import { treeHash } from './tree.js'

/** Plain settings of {@link createAnyTrustDa}. */
export type AnyTrustOptions = {
  /** Serialised committees that the chain takes, a fact of the chain; the first is posted to. See `parseAnyTrustKeyset`. */
  keysets: readonly Uint8Array[]
  /** JSON-RPC addresses of the members of the first committee, in the order of its keys; without them the adapter only reads. */
  members?: readonly string[] | undefined
  /** REST addresses where data is read by its hash, first choice first. They need not be trusted. */
  mirrors: readonly string[]
  /** Bytes of one item; 2 MiB. */
  maxBytes?: number | undefined
  /** Items of one submission, each with a certificate of its own; 16. */
  maxItems?: number | undefined
  /** Seconds for which members are asked to keep data; 15 days. */
  lifetimeSeconds?: bigint | undefined
  /** Seconds for which a certificate must hold from the time of the L1 block that names it: readers drop others; 7 days. */
  minLifetimeSeconds?: bigint | undefined
  /** Milliseconds of one request; 30 000. */
  timeoutMs?: number | undefined
}

/** What {@link createAnyTrustDa} works with. */
export type AnyTrustDeps = {
  /** Signs requests to members that want to know who asks (65 bytes, secp256k1, over 32). Source: Nitro, `anyTrustStoreHash`. */
  sign?: ((digest: Uint8Array) => Uint8Array | Promise<Uint8Array>) | undefined
  store?: Store | undefined
  fetch?: typeof fetch | undefined
  clock?: Clock | undefined
}

const positive = /* @__PURE__ */ (() => z.int().check(z.positive()))()
const bytes = /* @__PURE__ */ z.custom<Uint8Array>(value => value instanceof Uint8Array, 'expected bytes')
const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    keysets: z.array(bytes).check(z.minLength(1)),
    members: z._default(z.array(z.string()), []),
    mirrors: z.array(z.string()).check(z.minLength(1)),
    maxBytes: z._default(positive, 2 * 1024 * 1024),
    maxItems: z._default(positive, 16),
    lifetimeSeconds: z._default(positiveSeconds, 15n * 86_400n),
    minLifetimeSeconds: z._default(z.bigint().check(z.nonnegative()), 7n * 86_400n),
    timeoutMs: z._default(positive, 30_000),
  }))()

/**
 * A committee of whom some are assumed to be honest, as Arbitrum's AnyTrust has it: members keep data and sign that they do; enough signatures
 * make a certificate, which is the commitment, byte for byte as Nitro writes it. Readers verify it against the committee's keys without
 * anybody's help, and read the data by its hash wherever they find it.
 *
 * A certificate that too few signed, or that ended too early when L1 named it (`l1InclusionTimestamp`), is `DA_COMMITMENT_DEAD`: derivation skips it,
 * so a batcher cannot name data that it withholds, as long as the committee is as honest as assumed. Fewer than that, and data can be withheld.
 *
 * Source: Nitro, `daprovider/anytrust`. Certificates are held against the curve library that Nitro uses; requests are tried against a committee of
 * ours that speaks Nitro's API, not against Nitro's servers, which are in no registry.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 * @example
 * ```ts no-run
 * import { createAnyTrustDa } from '@l2/da/anytrust'
 * import { readFile } from 'node:fs/promises'
 *
 * const da = createAnyTrustDa({
 *   keysets: [new Uint8Array(await readFile('keyset.bin'))],
 *   members: ['https://das1.example/rpc', 'https://das2.example/rpc', 'https://das3.example/rpc'],
 *   mirrors: ['https://das1.example/rest', 'https://mirror.example/rest'],
 * })
 * const { commitments } = await da.submit([Uint8Array.of(0, 1)])
 * console.log(await da.get(commitments[0]!)) // Uint8Array(2) [ 0, 1 ]
 * ```
 */
export function createAnyTrustDa(options: AnyTrustOptions, deps: AnyTrustDeps = {}): DataAvailability {
  const settings = parseOptions('createAnyTrustDa', schema, options)
  const clock = deps.clock ?? systemClock
  const name = 'anytrust'
  const keysets = settings.keysets.map(parseAnyTrustKeyset)
  const committee = keysets[0]!
  const servers = settings.members.map(url => readServerUrl('createAnyTrustDa', url))
  const mirrors = settings.mirrors.map(url => readServerUrl('createAnyTrustDa', url))
  if (servers.length > 0 && servers.length !== committee.keys.length) {
    throw new DaError(`the committee has ${committee.keys.length} keys and ${servers.length} members have an address`, {
      code: 'DA_OPTIONS_INVALID',
      details: { keys: committee.keys.length, members: servers.length },
    })
  }
  const limits = { maxBytes: settings.maxBytes, maxItems: settings.maxItems }
  const ask = createAsk(settings.timeoutMs, { fetch: deps.fetch })
  const { lifetimeSeconds, maxBytes } = settings
  const members = createMembers({ committee, servers, lifetimeSeconds }, { ask, sign: deps.sign, clock })

  /** Whether the committee stands behind a certificate: the same for all readers, whoever has the data. */
  function check(commitment: Commitment, call?: DaGetOptions): AnyTrustCertificate {
    const certificate = parseAnyTrustCertificate(commitment)
    const dead = (reason: string) =>
      new DaError(`an AnyTrust certificate that is void: ${reason}`, {
        code: 'DA_COMMITMENT_DEAD',
        details: { reason },
      })
    const keyset = keysets.find(({ hash }) => equalBytes(hash, certificate.keysetHash))
    if (keyset === undefined) throw dead('of a committee that the chain does not take')
    if (!committeeSigned(keyset, certificate, signedFields(certificate))) throw dead('too few signed it')
    const named = call?.l1InclusionTimestamp
    if (named !== undefined && certificate.timeoutSeconds < named + settings.minLifetimeSeconds) {
      throw dead('it ended too early when L1 named it')
    }
    return certificate
  }

  async function post(entry: JournalEntry, signal: AbortSignal): Promise<Posted> {
    const commitments: Commitment[] = []
    try {
      for (const item of entry.items) commitments.push(await members.certify(item, signal))
    } catch (error) {
      signal.throwIfAborted()
      // Members that kept it keep it a while for nobody: that costs nothing, and the next attempt asks them again.
      return { refused: error }
    }
    return { receipt: { key: entry.key, commitments, height: 0n } }
  }
  const submissions = createSubmissions({
    name,
    journal: createJournal(deps.store ?? createMemoryStore(), name),
    post,
    clock,
  })

  return {
    name,
    capabilities: { retentionSeconds: settings.lifetimeSeconds, finality: 'instant' },
    ...unmetered(name, async () => limits),
    submit: async (items, call) => {
      const sizes = items.map(item => item.length)
      checkItems(name, sizes, limits)
      if (servers.length === 0) {
        throw new DaError(`${name} was made without "members": it only reads`, { code: 'DA_READ_ONLY' })
      }
      return submissions.submit(items, call)
    },
    pending: call => submissions.pending(call),
    resume: (key, call) => submissions.resume(key, call),
    reads: ({ layer }) => layer === daLayer.anyTrust,
    get: async (commitment, call) => {
      call?.signal?.throwIfAborted()
      return fetchData(ask, { mirrors, maxBytes }, check(commitment, call).dataHash, call)
    },
    verify: async (commitment, data) => equalBytes(treeHash(data), parseAnyTrustCertificate(commitment).dataHash),
    status: async (commitment, call) => {
      call?.signal?.throwIfAborted()
      const { dataHash } = check(commitment)
      try {
        await fetchData(ask, { mirrors, maxBytes }, dataHash, call)
        return 'final'
      } catch (error) {
        if (isL2Error(error, 'DA_NOT_FOUND')) return 'lost'
        throw error
      }
    },
    ...closable(() => submissions.close(new DaError(`${name} is closed`, { code: 'DA_CLOSED' }))),
  }
}
