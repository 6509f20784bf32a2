import { toJson } from '@l2/common'
import { readSchema } from '@l2/common/schema'
import type { Address, Hex } from 'viem'
import * as z from 'zod/mini'
import type { PoolState } from '../pool/types.js'
import { type Evidence, type EvidenceContext, emptyFacts, type KeyEntry, type Verdict } from './types.js'
import { verifyEvidence } from './verify.js'

/** The most a bundle may be: as much as CometBFT allows. */
export const maxBundleBytes: number = 1 << 20

const format = 'l2-evidence/1'
const uint = /* @__PURE__ */ (() =>
  z.pipe(
    z.string().check(z.regex(/^\d{1,78}$/)),
    z.transform((text: string) => BigInt(text)),
  ))()
const u32 = /* @__PURE__ */ (() => z.int().check(z.minimum(0), z.maximum(0xffffffff)))()
const id = /* @__PURE__ */ (() => z.int().check(z.minimum(0)))()
const address = /* @__PURE__ */ (() =>
  z.pipe(
    z.string().check(z.regex(/^0x[0-9a-fA-F]{40}$/)),
    z.transform(value => value as Address),
  ))()
const hash = /* @__PURE__ */ (() =>
  z.pipe(
    z.string().check(z.regex(/^0x[0-9a-fA-F]{64}$/)),
    z.transform(value => value.toLowerCase() as Hex),
  ))()
const hex = /* @__PURE__ */ (() =>
  z.pipe(
    z.string().check(z.regex(/^0x([0-9a-fA-F]{2})*$/)),
    z.transform(value => value.toLowerCase() as Hex),
  ))()
const list = <T extends z.ZodMiniType>(item: T) => z.array(item).check(z.maxLength(100_000))

const signed = <T extends z.ZodMiniType>(message: T) => z.strictObject({ message, signer: address, signature: hex })
const header = /* @__PURE__ */ (() =>
  signed(
    z.strictObject({
      epochId: uint,
      term: u32,
      height: uint,
      parentHash: hash,
      txRoot: hash,
      stateRoot: hash,
      timestamp: uint,
      l1OriginNumber: uint,
      l1OriginHash: hash,
      forcedUpTo: uint,
    }),
  ))()
const batch = /* @__PURE__ */ (() =>
  signed(
    z.strictObject({
      chainId: uint,
      batchIndex: uint,
      prevHash: hash,
      firstHeight: uint,
      lastHeight: uint,
      headersRoot: hash,
      daCommitment: hash,
    }),
  ))()
const receipt = /* @__PURE__ */ (() =>
  signed(z.strictObject({ txHash: hash, epochId: uint, term: u32, sequenceNo: uint, notAfterHeight: uint })))()

const evidenceSchema = /* @__PURE__ */ (() =>
  z.union([
    z.strictObject({ type: z.literal('EQUIVOCATION_BLOCK'), accused: id, a: header, b: header }),
    z.strictObject({ type: z.literal('EQUIVOCATION_BATCH'), accused: id, a: batch, b: batch }),
    z.strictObject({ type: z.literal('EQUIVOCATION_RECEIPT'), accused: id, a: receipt, b: receipt }),
    z.strictObject({
      type: z.enum(['INVALID_STATE_ROOT', 'ATTESTED_INVALID']),
      accused: id,
      game: address,
      assertion: hash,
    }),
    z.strictObject({ type: z.literal('DOWNTIME'), accused: id, lastEpoch: uint }),
    z.strictObject({ type: z.literal('CENSORSHIP_FORCED'), accused: id, item: uint, header }),
    z.strictObject({
      type: z.literal('ORDERING'),
      policy: z.literal('priority'),
      accused: id,
      header,
      transactions: list(hex),
      earlier: id,
      later: id,
    }),
    z.strictObject({
      type: z.literal('ORDERING'),
      policy: z.literal('receipts'),
      accused: id,
      a: receipt,
      b: z.optional(receipt),
    }),
    z.strictObject({
      type: z.literal('ORDERING'),
      policy: z.literal('committed'),
      accused: id,
      header,
      transactions: list(hex),
    }),
    z.strictObject({ type: z.literal('DATA_WITHHOLDING'), accused: id, challenge: hash }),
    z.strictObject({ type: z.literal('MISSED_REVEAL'), accused: id, epoch: uint }),
  ]))()

const contextSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    domain: z.strictObject({
      name: z.string().check(z.maxLength(200)),
      version: z.string().check(z.maxLength(200)),
      chainId: uint,
      verifyingContract: address,
    }),
    now: z.strictObject({ epoch: uint, atSeconds: uint }),
    keys: list(z.strictObject({ signer: address, id, fromEpoch: uint, toEpoch: z.optional(uint) })),
    epochs: list(z.strictObject({ epoch: uint, startAtSeconds: uint, startHeight: uint })),
    seen: list(hash),
    judgedDowntime: list(z.strictObject({ id, epoch: uint })),
    policy: z.strictObject({
      evidenceMaxAgeSeconds: uint,
      games: list(address),
      downtime: z.strictObject({ windowTurns: z.int().check(z.minimum(1)), minTurns: id }),
      forcedInclusion: z.strictObject({ windowSeconds: uint, graceSeconds: uint }),
      ordering: list(z.strictObject({ policy: z.enum(['priority', 'receipts', 'committed']), fromHeight: uint })),
    }),
    facts: z.strictObject({
      disputes: list(
        z.strictObject({
          game: address,
          assertion: hash,
          outcome: z.enum(['invalid', 'valid', 'withdrawn']),
          final: z.boolean(),
          epoch: uint,
          poster: address,
          cosigners: list(address),
        }),
      ),
      turns: list(z.strictObject({ epoch: uint, startHeight: uint, leader: id, produced: id, l1Stalled: z.boolean() })),
      maintenance: list(z.strictObject({ id, fromEpoch: uint, toEpoch: uint })),
      queue: list(z.strictObject({ index: uint, enqueuedAtSeconds: uint })),
      turnStarts: list(z.strictObject({ epoch: uint, term: u32, atSeconds: uint })),
      inclusions: list(z.strictObject({ txHash: hash, height: uint, index: id })),
      finalHeight: uint,
      baseFees: list(z.strictObject({ height: uint, baseFeePerGas: uint })),
      committedOrders: list(z.strictObject({ height: uint, txHashes: list(hash) })),
      daChallenges: list(
        z.strictObject({
          challenge: hash,
          poster: address,
          epoch: uint,
          deadlineSeconds: uint,
          answeredAtSeconds: z.optional(uint),
          congested: z.boolean(),
        }),
      ),
      reveals: list(z.strictObject({ epoch: uint, deadlineSeconds: uint, committed: list(id), revealed: list(id) })),
    }),
  }))()

const bundleSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    format: z.literal(format),
    /** The domain the objects were signed for, as the accuser says. */
    domain: contextSchema.shape.domain,
    evidence: evidenceSchema,
    context: contextSchema,
  }))()

/** Evidence and everything needed to judge it, as one JSON text that anybody verifies offline. */
export function encodeBundle(evidence: Evidence, context: EvidenceContext): string {
  const { txRoot: _, ...plain } = context
  return toJson({ format, domain: context.domain, evidence, context: plain }, 2)
}

/**
 * Judges a bundle. The signatures are proof by themselves; the context is what the bundle's maker claims, so a verifier
 * with a node of its own passes `trusted`, which replaces it.
 *
 * @param trusted The verifier's own context. A bundle signed for another domain is then refused with `E_DOMAIN`.
 * @returns A verdict for every input, however malformed
 *
 * @example
 * ```ts
 * import { verifyBundle } from '@l2/staking'
 *
 * const verdict = verifyBundle('{"format":"l2-evidence/1"}')
 * console.log(verdict.ok ? verdict.offence.kind : verdict.code) // E_DECODE
 * ```
 */
export function verifyBundle(json: string, trusted?: EvidenceContext): Verdict {
  if (json.length > maxBundleBytes) {
    return { ok: false, code: 'E_DECODE', reason: `${json.length} characters, at most ${maxBundleBytes}` }
  }
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return { ok: false, code: 'E_DECODE', reason: 'no JSON' }
  }
  const parsed = readSchema(bundleSchema, value)
  if (!parsed.ok) return { ok: false, code: 'E_DECODE', reason: parsed.issues[0]!.slice(0, 300) }
  const { domain, evidence } = parsed.value
  const context: EvidenceContext = trusted ?? parsed.value.context
  const own = context.domain
  if (
    domain.chainId !== own.chainId ||
    domain.name !== own.name ||
    domain.version !== own.version ||
    domain.verifyingContract.toLowerCase() !== own.verifyingContract.toLowerCase()
  ) {
    return { ok: false, code: 'E_DOMAIN', reason: `signed for chain ${domain.chainId} at ${domain.verifyingContract}` }
  }
  return verifyEvidence(evidence as Evidence, context)
}

/**
 * What a pool knows of an {@link EvidenceContext}: keys, known faults, judged downtime, and maintenance among facts
 * that are otherwise empty. With the domain, the start of the epochs and a policy it is a whole one.
 *
 * @example
 * ```ts
 * import { createPool, defaultEvidencePolicy, type EvidenceContext, evidenceContextOf } from '@l2/staking'
 *
 * const pool = createPool({ admin: `0x${'ad'.repeat(20)}` })
 * const domain = { name: 'L2 Sequencer', version: '1', chainId: 901n, verifyingContract: `0x${'01'.repeat(20)}` } as const
 * const epochs = [{ epoch: 0n, startAtSeconds: 0n, startHeight: 0n }]
 * const context: EvidenceContext = { ...evidenceContextOf(pool), domain, epochs, policy: defaultEvidencePolicy }
 * console.log(context.keys.length, context.facts.finalHeight) // 0 0n
 * ```
 */
export function evidenceContextOf(
  pool: PoolState,
): Pick<EvidenceContext, 'now' | 'keys' | 'seen' | 'judgedDowntime' | 'facts'> {
  const keys: KeyEntry[] = []
  const maintenance: { id: number; fromEpoch: bigint; toEpoch: bigint }[] = []
  for (const [id, sequencer] of pool.sequencers) {
    for (const [index, { signer, fromEpoch }] of sequencer.keys.entries()) {
      // A key that was replaced stays punishable for the epochs in which it was in force.
      keys.push({ signer, id, fromEpoch, toEpoch: sequencer.keys[index + 1]?.fromEpoch })
    }
    for (const entry of sequencer.maintenance) maintenance.push({ id, ...entry })
  }
  const cases = [...pool.cases]
  return {
    now: { epoch: pool.epoch, atSeconds: pool.atSeconds },
    keys,
    seen: cases.map(([evidenceId]) => evidenceId),
    judgedDowntime: cases
      .filter(([, { kind }]) => kind === 'DOWNTIME')
      .map(([, { id, offenceEpoch }]) => ({ id, epoch: offenceEpoch })),
    facts: { ...emptyFacts, maintenance },
  }
}
