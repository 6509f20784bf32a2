import { equalBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import * as z from 'zod/mini'
import { openAltDa, refusal } from '../alt-da/client.js'
import { type Commitment, commitmentToHex, daLayer } from '../commitment.js'
import { DaError } from '../errors.js'
import { createOnce, withDeadline } from '../internal/call.js'
import { exchange } from '../internal/http.js'
import { parseOptions, positiveSeconds } from '../internal/options.js'
import { readServerUrl } from '../internal/server-url.js'
import type { DaCallOptions, DaLimits, DataAvailability } from '../port.js'
import type { Store } from '../store.js'

/** Plain settings of {@link createEigenDa}. */
export type EigenDaOptions = {
  /** Address of an EigenDA proxy that you run: it verifies certificates and blobs for you. A query and credentials in it are sent along. */
  url: string
  /** Versions of certificates (first byte behind the layer's) that the chain takes; 1, 2 and 3. Others are no commitments: derivation skips them. */
  certificateVersions?: readonly number[] | undefined
  /** Bytes of one item; what the proxy says, or 16 MiB, its limit on requests. */
  maxBytes?: number | undefined
  /** Items of one submission, each a blob of its own; 16. */
  maxItems?: number | undefined
  /** Chain id of the L1 whose contracts the proxy must verify certificates with; not compared by default. */
  l1ChainId?: bigint | undefined
  /** Address of the certificate verifier (or its router) that the proxy must use; not compared by default. */
  certificateVerifier?: string | undefined
  /** Milliseconds of one request; 30 000. */
  timeoutMs?: number | undefined
  /** Milliseconds of one put, which ends when operators have signed; 600 000. */
  putTimeoutMs?: number | undefined
  /** Seconds that EigenDA serves blobs; 14 days. */
  retentionSeconds?: bigint | undefined
  /** Sent with every request; never repeated anywhere. */
  headers?: Readonly<Record<string, string>> | undefined
}

/** What {@link createEigenDa} works with. */
export type EigenDaDeps = {
  /** Journal of submissions. */
  store?: Store | undefined
  fetch?: typeof fetch | undefined
}

const positive = /* @__PURE__ */ (() => z.int().check(z.positive()))()
const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    url: z.string(),
    certificateVersions: z._default(
      z.array(z.int().check(z.minimum(0), z.maximum(255))).check(z.minLength(1)),
      [1, 2, 3],
    ),
    maxBytes: z.optional(positive),
    maxItems: z._default(positive, 16),
    l1ChainId: z.optional(z.bigint().check(z.positive())),
    certificateVerifier: z.optional(z.string().check(z.regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address'))),
    timeoutMs: z._default(positive, 30_000),
    putTimeoutMs: z._default(positive, 600_000),
    retentionSeconds: z._default(positiveSeconds, 14n * 86_400n),
    headers: z._default(z.record(z.string(), z.string()), {}),
  }))()

/** What a proxy reads of a request's body. Source: EigenDA proxy, `MaxServerPOSTRequestBodySize`. */
const maxRequestBytes = 16 * 1024 * 1024
/** Own items whose hash is remembered, so that a proxy that changes them is noticed. */
const remembered = 4096

/** What `/config` of a proxy says, as far as it is compared. Source: EigenDA proxy, `CompatibilityConfig`. */
type ProxyConfig = {
  chain_id?: unknown
  cert_verifier_address?: unknown
  max_payload_size_bytes?: unknown
  read_only_mode?: unknown
  apis_enabled?: unknown
}

/**
 * EigenDA through its proxy. The commitment is the certificate, `00 ‖ version ‖ certificate`; the proxy verifies it against the contracts on L1,
 * and the data against it. Nobody else can: `verify` knows only what was posted here, and throws `DA_UNVERIFIABLE` for the rest.
 *
 * With `l1InclusionBlock` the proxy also refuses a certificate that was too old when L1 named it, as every reader of the chain has to;
 * `createCommitmentSource` passes it. What the proxy declares invalid for ever (status 418: unparsable, too old, invalid, undecodable) is
 * `DA_COMMITMENT_DEAD`, which derivation skips. 503 says that EigenDA itself is down: `failover`, on which a router goes elsewhere.
 *
 * Source: EigenDA, proxy README and REST routes; EigenDA spec, "Secure Integration". Tried against exchanges written from these, not against a
 * real proxy.
 *
 * @throws DaError `DA_OPTIONS_INVALID`, also from the first call when the proxy is set up for something else
 * @example
 * ```ts no-run
 * import { createCommitmentSource, daLayer } from '@l2/da'
 * import { createEigenDa } from '@l2/da/eigenda'
 *
 * const da = createEigenDa({ url: 'http://127.0.0.1:3100', l1ChainId: 1n })
 * const { commitments } = await da.submit([Uint8Array.of(0, 1)], { key: 'channel 7' })
 * console.log(await da.get(commitments[0]!, { l1InclusionBlock: 23_000_000n }))
 * const source = createCommitmentSource({ accept: [daLayer.eigenDa] }, { layers: [da] })
 * console.log(await source.getCommitted('0x010009', { number: 23_000_000n })) // undefined: no such version
 * ```
 */
export function createEigenDa(options: EigenDaOptions, deps: EigenDaDeps = {}): DataAvailability {
  const settings = parseOptions('createEigenDa', schema, options)
  const server = readServerUrl('createEigenDa', settings.url)
  const name = 'eigenda'
  const secrets = [...Object.values(settings.headers), ...server.secrets]
  const hashes = new Map<string, Uint8Array>()

  /** Asked once: a proxy that is set up for another chain would verify nothing that matters here. */
  const config = createOnce(async (): Promise<ProxyConfig> => {
    const answer = await withDeadline(`${name} config`, undefined, settings.timeoutMs, signal =>
      exchange({
        url: server.at('/config'),
        method: 'GET',
        headers: { ...server.headers, ...settings.headers },
        signal,
        maxBytes: 65_536,
        secrets,
        fetch: deps.fetch,
      }),
    )
    // Older proxies have no such route.
    const found = answer.status === 404 ? {} : read(answer.body)
    if (answer.status !== 404 && (answer.status !== 200 || found === undefined)) {
      throw answer.status === 200
        ? new DaError(`${server.origin} answered /config with something else`, { code: 'DA_RESPONSE_INVALID' })
        : refusal(answer, server.origin, secrets, true)
    }
    checkConfig(found!, settings, server.origin)
    return found!
  })

  const limits = async (call: DaCallOptions | undefined): Promise<DaLimits> => {
    const { max_payload_size_bytes: said } = await withDeadline(`${name} limits`, call, undefined, config)
    const proxyBytes = typeof said === 'number' && said > 0 ? said : maxRequestBytes
    return {
      maxBytes: Math.min(settings.maxBytes ?? maxRequestBytes, proxyBytes, maxRequestBytes),
      maxItems: settings.maxItems,
    }
  }

  const check = ({ layer, payload }: Commitment): void => {
    const version = payload[0] ?? -1
    if (layer !== daLayer.eigenDa || payload.length < 2 || !settings.certificateVersions.includes(version)) {
      throw new DaError('not a certificate of EigenDA that this chain takes', {
        code: 'DA_COMMITMENT_INVALID',
        details: { layer, version, length: payload.length },
      })
    }
  }
  const isOwn = (commitment: Commitment, data: Uint8Array): boolean | undefined => {
    const hash = hashes.get(commitmentToHex(commitment))
    return hash && equalBytes(hash, keccak256(data))
  }

  return openAltDa(
    {
      name,
      server,
      keccak: false,
      limits,
      maxReadBytes: maxRequestBytes,
      retentionSeconds: settings.retentionSeconds,
      reads: commitment => commitment.layer === daLayer.eigenDa,
      check,
      // Nothing to compare is nothing to ask: an older proxy, or one whose `/config` is kept from readers, serves them all the same.
      agree: async call => {
        const { l1ChainId, certificateVerifier } = settings
        if (l1ChainId === undefined && certificateVerifier === undefined) return
        await withDeadline(`${name} get`, call, undefined, config)
      },
      query: call => {
        const at = call?.l1InclusionBlock
        return at === undefined ? {} : { l1_inclusion_block_number: at.toString() }
      },
      // The proxy has verified it; what was posted here is compared all the same.
      verifies: async (commitment, data) => isOwn(commitment, data) ?? true,
      verify: async (commitment, data) => {
        const own = isOwn(commitment, data)
        if (own !== undefined) return own
        throw new DaError('only an EigenDA proxy can check data against a certificate that was not made here', {
          code: 'DA_UNVERIFIABLE',
        })
      },
      approve: async call => {
        const { read_only_mode: readOnly } = await withDeadline(`${name} submit`, call, undefined, config)
        if (readOnly === true) {
          throw new DaError(`the EigenDA proxy at ${server.origin} has no key to pay with: it only reads`, {
            code: 'DA_READ_ONLY',
          })
        }
      },
      onPut(commitment, data) {
        check(commitment)
        hashes.set(commitmentToHex(commitment), keccak256(data))
        for (const oldest of hashes.keys()) {
          if (hashes.size <= remembered) break
          hashes.delete(oldest)
        }
      },
      refusal: (...answer) => refusal(...answer, true),
    },
    settings,
    deps,
  )
}

/** Whether a proxy verifies against what this chain trusts. @throws DaError `DA_OPTIONS_INVALID` */
function checkConfig(
  config: ProxyConfig,
  { l1ChainId, certificateVerifier }: Pick<z.output<typeof schema>, 'l1ChainId' | 'certificateVerifier'>,
  origin: string,
): void {
  const wrong = (what: string, details: Record<string, unknown>) =>
    new DaError(`the EigenDA proxy at ${origin} ${what}`, { code: 'DA_OPTIONS_INVALID', details })
  const { chain_id: chain, cert_verifier_address: verifier, apis_enabled: apis } = config
  if (l1ChainId !== undefined && chain !== l1ChainId.toString()) {
    const on =
      chain === undefined ? 'a chain that it does not name' : chain === '' ? 'none: it only pretends' : String(chain)
    throw wrong(`verifies on ${on}, not on ${l1ChainId}`, {
      expected: l1ChainId,
      got: chain,
    })
  }
  if (certificateVerifier !== undefined && String(verifier).toLowerCase() !== certificateVerifier.toLowerCase()) {
    throw wrong('uses another certificate verifier', { expected: certificateVerifier, got: verifier })
  }
  if (Array.isArray(apis) && apis.length > 0 && !apis.includes('op-generic')) {
    throw wrong('does not serve the routes of OP alt-DA: enable "op-generic"', { enabled: apis })
  }
}

function read(body: Uint8Array): ProxyConfig | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body))
    return typeof value === 'object' && value !== null ? (value as ProxyConfig) : undefined
  } catch {
    return undefined
  }
}
