import { readSchema } from '@l2/common/schema'
import type { HeaderDomain } from '@l2/sequencer-core/block'
import type { Address, Hex } from 'viem'
import * as z from 'zod/mini'
import { refuse } from '../errors.js'
import type { GossipMember } from './gossip.js'

/** What a peer may cost. Rates are refilled evenly and may be used up at once for `burstSeconds`. */
export type GossipLimits = {
  /** Payloads up to this many bytes go with the header. Default 64 KiB. */
  inlineBytes: number
  /** Bytes of a payload, before compression. Default 10 MiB, as op-node. */
  maxPayloadBytes: number
  /** Headers that a neighbour may hand us a second, and that an operator may publish. Default 50. */
  headersPerSecond: number
  /** Bytes of headers with their inline payloads that a neighbour may hand us a second. Default 4 MiB. */
  headerBytesPerSecond: number
  /** Requests of a peer a second. Default 20. */
  requestsPerSecond: number
  /** Bytes that a peer may be answered with a second; the last answer may pass it. Default 16 MiB. */
  answerBytesPerSecond: number
  /** Transactions that a peer may forward a second. Default 1000. */
  transactionsPerSecond: number
  /** Bytes of the transactions that a peer may forward a second. Default 2 MiB. */
  transactionBytesPerSecond: number
  /** Seconds whose rate may be used up at once. Default 4. */
  burstSeconds: number
  /** Bytes of one transaction. Default 128 KiB, as geth. */
  maxTransactionBytes: number
  /** Transactions of one call of `forward`. Default 256. */
  maxForwarded: number
  /** Blocks of one range. Default 64. */
  maxRange: number
  /** Headers that wait for the subscriber's verdict at once, of one publisher. Default 32. */
  maxPending: number
  /** Contents of one publisher at one place of the chain: two convict it, more say nothing new. Default 2. */
  maxVariants: number
  /** Bytes of recent payloads that are kept for those who ask. Default 32 MiB. */
  cacheBytes: number
  /** How long a subscriber may think, milliseconds. Default 2000. */
  verdictMs: number
  /** How long a peer may take to answer, milliseconds. Default 5000. */
  requestMs: number
  /** After how long another peer is asked as well, milliseconds. Default 400. */
  hedgeMs: number
  /** Score from which a peer is cut off. Default −100. */
  banScore: number
  /** How long it is cut off, milliseconds. Default 60 000. */
  banMs: number
  /** How long half of a lost score takes to come back, milliseconds. Default 30 000. */
  scoreHalfLifeMs: number
}

/** The defaults of {@link GossipLimits}. */
export const defaultGossipLimits: GossipLimits = {
  inlineBytes: 65_536,
  maxPayloadBytes: 10 * 2 ** 20,
  headersPerSecond: 50,
  headerBytesPerSecond: 4 * 2 ** 20,
  requestsPerSecond: 20,
  answerBytesPerSecond: 16 * 2 ** 20,
  transactionsPerSecond: 1_000,
  transactionBytesPerSecond: 2 * 2 ** 20,
  burstSeconds: 4,
  maxTransactionBytes: 131_072,
  maxForwarded: 256,
  maxRange: 64,
  maxPending: 32,
  maxVariants: 2,
  cacheBytes: 32 * 2 ** 20,
  verdictMs: 2_000,
  requestMs: 5_000,
  hedgeMs: 400,
  banScore: -100,
  banMs: 60_000,
  scoreHalfLifeMs: 30_000,
}

/** What every adapter is told. */
export type GossipOptions = {
  /** The rollup whose headers go around: those of another one are never decoded. */
  domain: HeaderDomain
  /** Who takes part, oneself among them or not. */
  members: readonly GossipMember[]
  limits?: Partial<GossipLimits> | undefined
}

const hex = (bytes: number) => z.string().check(z.regex(new RegExp(`^0x[0-9a-fA-F]{${2 * bytes}}$`)))
const membersSchema = /* @__PURE__ */ (() =>
  z
    .array(
      z.strictObject({
        key: hex(32),
        operator: z.union([z.undefined(), z.int().check(z.nonnegative())]),
        addresses: z.array(z.string().check(z.maxLength(256))).check(z.maxLength(8)),
      }),
    )
    .check(
      z.maxLength(1024),
      z.refine(
        members => new Set(members.map(({ key }) => key.toLowerCase())).size === members.length,
        'a key stands twice',
      ),
    ))()
const count = /* @__PURE__ */ (() => z.int().check(z.positive()))()
const amount = /* @__PURE__ */ (() => z.number().check(z.positive()))()
const limitsSchema = /* @__PURE__ */ (() =>
  z
    .strictObject({
      inlineBytes: z.int().check(z.nonnegative()),
      maxPayloadBytes: count,
      headersPerSecond: amount,
      headerBytesPerSecond: amount,
      requestsPerSecond: amount,
      answerBytesPerSecond: amount,
      transactionsPerSecond: amount,
      transactionBytesPerSecond: amount,
      burstSeconds: amount,
      maxTransactionBytes: count,
      maxForwarded: count.check(z.maximum(65_535)),
      maxRange: count.check(z.maximum(65_535)),
      maxPending: count,
      maxVariants: count,
      cacheBytes: z.int().check(z.nonnegative()),
      verdictMs: amount,
      requestMs: amount,
      hedgeMs: amount,
      banScore: z.number().check(z.negative()),
      banMs: amount,
      scoreHalfLifeMs: amount,
    })
    .check(
      z.refine(limits => limits.inlineBytes <= limits.maxPayloadBytes, 'inlineBytes is above maxPayloadBytes'),
      z.refine(limits => limits.maxPayloadBytes <= 2 ** 26, 'maxPayloadBytes is above 64 MiB'),
    ))()
const domainSchema = /* @__PURE__ */ (() =>
  z.strictObject({ chainId: z.bigint().check(z.nonnegative()), rollup: hex(20) }))()

function read<S extends z.ZodMiniType>(schema: S, input: unknown, what: string): z.output<S> {
  const result = readSchema(schema, input)
  if (!result.ok) refuse('CONFIG_INVALID', `${what} of the gossip are wrong`, { meta: result.issues })
  return result.value
}

/** @throws GossipError `CONFIG_INVALID` */
export function readMembers(members: readonly GossipMember[]): GossipMember[] {
  return read(membersSchema, members, 'members').map(member => ({
    ...member,
    key: member.key.toLowerCase() as Hex,
  }))
}

/** @throws GossipError `CONFIG_INVALID`, naming every field that is wrong */
export function readGossipOptions(options: GossipOptions): {
  domain: HeaderDomain
  members: GossipMember[]
  limits: GossipLimits
} {
  const { chainId, rollup } = read(domainSchema, options.domain, 'domain')
  return {
    domain: { chainId, rollup: rollup.toLowerCase() as Address },
    members: readMembers(options.members),
    limits: read(limitsSchema, { ...defaultGossipLimits, ...options.limits }, 'limits'),
  }
}
