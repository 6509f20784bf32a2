import { bytesToHex, type Clock, concatBytes, hexToBytes } from '@l2/common'
import type { Commitment } from '../commitment.js'
import { DaError } from '../errors.js'
import { answerText } from '../internal/http.js'
import type { ServerUrl } from '../internal/server-url.js'
import { formatAnyTrustCertificate, signedFields } from './certificate.js'
import { type AnyTrustKeyset, aggregateSignatures, committeeSigned } from './keyset.js'
import { type Ask, fieldsOf } from './requests.js'
import { treeHash } from './tree.js'

/** The members of a committee, who keep data and sign that they do. */
type Members = {
  /** A certificate of as many as answer in time. @throws DaError `DA_UNAVAILABLE` when they are too few */
  certify(data: Uint8Array, signal: AbortSignal): Promise<Commitment>
}

const requestPrefix = new TextEncoder().encode('Arbitrum Nitro DAS API Store:')

/** Makes the {@link Members} of `committee`, whose `servers` are in the order of its keys. */
export function createMembers(
  {
    committee,
    servers,
    lifetimeSeconds,
  }: { committee: AnyTrustKeyset; servers: readonly ServerUrl[]; lifetimeSeconds: bigint },
  {
    ask,
    sign,
    clock,
  }: { ask: Ask; sign: ((digest: Uint8Array) => Uint8Array | Promise<Uint8Array>) | undefined; clock: Clock },
): Members {
  /** Has one member keep data; its signature, verified. */
  async function askMember(index: number, data: Uint8Array, timeoutSeconds: bigint, signal: AbortSignal) {
    const member = servers[index]!
    const timeout = new Uint8Array(8)
    new DataView(timeout.buffer).setBigUint64(0, timeoutSeconds)
    const signed = await sign?.(treeHash(concatBytes(requestPrefix, timeout, data)))
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'das_store',
      params: [bytesToHex(data), `0x${timeoutSeconds.toString(16)}`, bytesToHex(signed ?? new Uint8Array())],
    })
    const answer = await ask(member, { path: '', body, maxBytes: 65_536 }, { signal })
    const signature = signatureIn(answer.body)
    const fields = signedFields({ dataHash: treeHash(data), timeoutSeconds })
    const alone: AnyTrustKeyset = { assumedHonest: 1, keys: [committee.keys[index]!], hash: committee.hash }
    if (signature === undefined || !committeeSigned(alone, { signersMask: 1n, signature }, fields)) {
      throw new DaError(`${member.origin} did not sign that it keeps the data`, {
        code: 'DA_RESPONSE_INVALID',
        details: { origin: member.origin, said: answerText(answer, member.secrets) },
      })
    }
    return { index, signature }
  }

  async function certify(data: Uint8Array, signal: AbortSignal): Promise<Commitment> {
    const timeoutSeconds = BigInt(Math.floor(clock.now() / 1000)) + lifetimeSeconds
    const outcomes = await Promise.allSettled(servers.map((_, index) => askMember(index, data, timeoutSeconds, signal)))
    signal.throwIfAborted()
    const signed = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const needed = committee.keys.length - committee.assumedHonest + 1
    if (signed.length < needed) {
      const failed = outcomes.flatMap(outcome => (outcome.status === 'rejected' ? [outcome.reason as DaError] : []))
      throw new DaError(`${signed.length} of the committee signed, ${needed} have to`, {
        code: 'DA_UNAVAILABLE',
        details: { signed: signed.length, needed, failures: failed.map(({ code }) => code ?? 'unknown') },
        cause: failed[0],
      })
    }
    return formatAnyTrustCertificate({
      keysetHash: committee.hash,
      dataHash: treeHash(data),
      timeoutSeconds,
      signersMask: signed.reduce((mask, { index }) => mask | (1n << BigInt(index)), 0n),
      signature: aggregateSignatures(signed.map(({ signature }) => signature)),
    })
  }

  return { certify }
}

/** The signature in the answer to `das_store`. */
function signatureIn(body: Uint8Array): Uint8Array | undefined {
  const { result } = fieldsOf(body) as { result?: { sig?: unknown } | null }
  return typeof result?.sig === 'string' ? hexToBytes(result.sig) : undefined
}
