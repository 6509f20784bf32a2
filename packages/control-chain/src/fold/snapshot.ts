import { bytesToHex, isL2Error, OrderedMap, toJson } from '@l2/common'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Hash } from 'viem'
import * as z from 'zod/mini'
import { refuse } from '../errors.js'
import { checkParameters } from '../parameters.js'
import { postingSchema, readPosting, writePosting } from '../posting/snapshot.js'
import { readStake, stakeOf } from '../stake/snapshot.js'
import type { ControlState, TermCause } from './state.js'

const version = 2

const schema = /* @__PURE__ */ (() => {
  const hash = z.string().check(z.regex(/^0x[0-9a-f]{64}$/))
  const height = z.pipe(
    z.string().check(z.regex(/^(0|[1-9]\d{0,38})$/)),
    z.transform((text: string) => BigInt(text)),
  )
  const id = z.int().check(z.nonnegative(), z.maximum(0xffff_ffff))
  const count = z.int().check(z.nonnegative())
  const block = z.strictObject({ height, hash })
  const mark = z.strictObject({ number: height, hash, timestamp: height, prevRandao: hash, poolRoot: hash })
  const list = z.strictObject({ view: id, atHeight: height, base: block, hashes: z.array(hash), l1: z.optional(mark) })
  const cause = z.union([
    z.strictObject({ type: z.enum(['silent', 'l1']) }),
    z.strictObject({ type: z.literal('invalid'), header: block }),
    z.strictObject({ type: z.literal('rollback'), to: block }),
  ])
  const map = <K extends z.core.$ZodType, V extends z.core.$ZodType>(key: K, value: V) => z.array(z.tuple([key, value]))
  return z.strictObject({
    version: z.literal(version),
    chainId: height,
    parameters: z.record(z.string(), z.int()),
    height,
    view: id,
    milestone: block,
    movedAtHeight: height,
    era: id,
    settled: map(height, hash),
    start: block,
    failures: id,
    lists: map(id, list),
    listedAtHeight: map(id, height),
    votes: map(id, z.strictObject({ cause, sequence: height, height })),
    sequences: map(id, height),
    changes: z.array(z.strictObject({ fromHeight: height, view: id, slotStart: height, leader: id })),
    jailed: map(id, height),
    sets: z.array(z.strictObject({ fromHeight: height, members: z.array(z.strictObject({ id, power: height })) })),
    l1: z.nullable(mark),
    records: map(id, z.strictObject({ led: count, missed: count, named: count, late: count })),
    stake: z.nullable(z.unknown()),
    posting: z.nullable(postingSchema(height, hash)),
  })
})()

/**
 * A state as bytes, always the same for the same state: maps in key order, fields in one order. It is what operators
 * hash ({@link controlStateHash}), store, and hand to those who join.
 */
export function encodeControlState(state: ControlState): Uint8Array {
  const { parameters } = state
  return new TextEncoder().encode(
    toJson({
      version,
      chainId: state.chainId,
      parameters: Object.fromEntries(Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1))),
      height: state.height,
      view: state.view,
      milestone: blockOf(state.milestone),
      movedAtHeight: state.movedAtHeight,
      era: state.era,
      settled: [...state.settled],
      start: blockOf(state.start),
      failures: state.failures,
      lists: [...state.lists].map(([id, { view, atHeight, base, hashes, l1 }]) => [
        id,
        { view, atHeight, base: blockOf(base), hashes, ...(l1 === undefined ? {} : { l1: markOf(l1) }) },
      ]),
      listedAtHeight: [...state.listedAtHeight],
      votes: [...state.votes].map(([id, { cause, sequence, height }]) => [
        id,
        { cause: causeOf(cause), sequence, height },
      ]),
      sequences: [...state.sequences],
      changes: state.changes.map(({ fromHeight, view, slotStart, leader }) => ({
        fromHeight,
        view,
        slotStart,
        leader,
      })),
      jailed: [...state.jailed],
      sets: state.sets.map(({ fromHeight, members }) => ({
        fromHeight,
        members: members.map(({ id, power }) => ({ id, power })),
      })),
      l1: state.l1 === undefined ? null : markOf(state.l1),
      records: [...state.records].map(([id, { led, missed, named, late }]) => [id, { led, missed, named, late }]),
      stake: state.stake === undefined ? null : stakeOf(state.stake),
      posting: state.posting === undefined ? null : writePosting(state.posting),
    }),
  )
}

const blockOf = ({ height, hash }: ControlState['milestone']) => ({ height, hash })
const markOf = ({ number, hash, timestamp, prevRandao, poolRoot }: NonNullable<ControlState['l1']>) => ({
  number,
  hash,
  timestamp,
  prevRandao,
  poolRoot,
})
function causeOf(cause: TermCause): TermCause {
  if (cause.type === 'invalid') return { type: cause.type, header: blockOf(cause.header) }
  if (cause.type === 'rollback') return { type: cause.type, to: blockOf(cause.to) }
  return { type: cause.type }
}

/** The name of a state: what the operators agree on with every control block. */
export function controlStateHash(state: ControlState): Hash {
  return bytesToHex(keccak_256(encodeControlState(state)))
}

/**
 * Reads a state back. Bytes may come from a stranger: whoever takes them compares {@link controlStateHash} with what the
 * control chain says.
 *
 * @throws ControlChainError `SNAPSHOT_INVALID`
 */
export function decodeControlState(bytes: Uint8Array): ControlState {
  try {
    const { version: _, ...read } = schema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
    // The schema has every field; it cannot say that a key of 32 bytes is a `Hash`.
    const state = {
      ...read,
      settled: OrderedMap.from(read.settled),
      lists: OrderedMap.from(read.lists),
      listedAtHeight: OrderedMap.from(read.listedAtHeight),
      votes: OrderedMap.from(read.votes),
      sequences: OrderedMap.from(read.sequences),
      jailed: OrderedMap.from(read.jailed),
      l1: read.l1 ?? undefined,
      records: OrderedMap.from(read.records),
      stake: read.stake === null ? undefined : readStake(read.stake),
      posting: read.posting === null ? undefined : readPosting(read.posting),
    } as unknown as ControlState
    checkParameters(state.parameters)
    if (state.sets.length === 0) refuse('SNAPSHOT_INVALID', 'a state without members')
    return state
  } catch (cause) {
    if (isL2Error(cause, 'SNAPSHOT_INVALID')) throw cause
    return refuse('SNAPSHOT_INVALID', 'no control state of this version', { cause: (cause as Error).message })
  }
}
