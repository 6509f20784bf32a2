import { OrderedMap } from '@l2/common'
import * as z from 'zod/mini'
import { type BatchStatement, maxDataHashes, type TurnStatement } from '../attestation/statement.js'
import type { Committee, PostingState, SignedStatement } from './state.js'

/** A posting state in a snapshot. The caller's `height` and `hash` are those of the whole state. */
export function postingSchema<Height extends z.core.$ZodType<bigint>, H extends z.core.$ZodType<string>>(
  height: Height,
  hash: H,
) {
  const id = z.int().check(z.nonnegative(), z.maximum(0xffff_ffff))
  const hex = z.string().check(z.regex(/^0x([0-9a-f]{2})*$/))
  const committee = z.strictObject({
    number: height,
    members: z.array(z.strictObject({ id, power: height, key: hex })).check(z.minLength(1)),
  })
  const batch = z.strictObject({
    ...{ chainId: height, sequence: height, committee: height, first: height, last: height },
    ...{ lastOrigin: z.strictObject({ number: height, hash }), outputRoot: hash },
    dataHashes: z.array(hash).check(z.minLength(1), z.maxLength(maxDataHashes)),
  })
  const turn = z.strictObject({
    ...{ chainId: height, sequence: height, committee: height, poster: hex, lastAttested: height, nextMembers: hash },
  })
  const signatures = z.array(z.tuple([id, hex]))
  const signedBatch = z.nullable(z.strictObject({ statement: batch, digest: hash, signatures }))
  return z.strictObject({
    ...{ sequence: height, open: signedBatch, attested: signedBatch, attestedTo: height },
    ordered: z.array(
      z.tuple([height, z.strictObject({ poster: id, nonce: height, digest: hash, dataHashes: z.array(hash) })]),
    ),
    committee,
    next: z.nullable(committee),
    turn: z.strictObject({ sequence: height, epoch: height, poster: id }),
    openTurn: z.nullable(z.strictObject({ statement: turn, digest: hash, signatures })),
    signedTurn: z.nullable(z.strictObject({ statement: turn, digest: hash, signatures, committee })),
    votes: z.array(z.tuple([id, height])),
  })
}

const committeeOf = ({ number, members }: Committee) => ({
  number,
  members: members.map(({ id, power, key }) => ({ id, power, key })),
})
const batchOf = ({ lastOrigin: { number, hash }, ...rest }: BatchStatement) => ({
  ...{ chainId: rest.chainId, sequence: rest.sequence, committee: rest.committee, first: rest.first, last: rest.last },
  ...{ lastOrigin: { number, hash }, outputRoot: rest.outputRoot, dataHashes: rest.dataHashes },
})
const turnOf = (statement: TurnStatement) => ({
  ...{ chainId: statement.chainId, sequence: statement.sequence, committee: statement.committee },
  ...{ poster: statement.poster, lastAttested: statement.lastAttested, nextMembers: statement.nextMembers },
})
const signedOf = <Statement, Written>(
  of: SignedStatement<Statement> | undefined,
  write: (statement: Statement) => Written,
) => (of === undefined ? null : { statement: write(of.statement), digest: of.digest, signatures: [...of.signatures] })

/** The fields in one order, whoever made the state. */
export function writePosting(posting: PostingState) {
  const { turn, signedTurn } = posting
  const signed = signedOf(signedTurn, turnOf)
  return {
    sequence: posting.sequence,
    open: signedOf(posting.open, batchOf),
    attested: signedOf(posting.attested, batchOf),
    attestedTo: posting.attestedTo,
    ordered: [...posting.ordered].map(([sequence, { poster, nonce, digest, dataHashes }]) => [
      sequence,
      { poster, nonce, digest, dataHashes },
    ]),
    committee: committeeOf(posting.committee),
    next: posting.next === undefined ? null : committeeOf(posting.next),
    turn: { sequence: turn.sequence, epoch: turn.epoch, poster: turn.poster },
    openTurn: signedOf(posting.openTurn, turnOf),
    signedTurn: signed === null ? null : { ...signed, committee: committeeOf(signedTurn!.committee) },
    votes: [...posting.votes],
  }
}

/** What {@link postingSchema} has read. It cannot say that a key of 32 bytes is a `Hash`. */
export function readPosting(read: z.infer<ReturnType<typeof postingSchema>>): PostingState {
  const signed = (of: { readonly signatures: readonly (readonly [number, string])[] } | null) =>
    of === null ? undefined : { ...of, signatures: OrderedMap.from(of.signatures) }
  return {
    ...read,
    open: signed(read.open),
    attested: signed(read.attested),
    ordered: OrderedMap.from(read.ordered as never),
    next: read.next ?? undefined,
    openTurn: signed(read.openTurn),
    signedTurn: signed(read.signedTurn),
    votes: OrderedMap.from(read.votes as never),
  } as unknown as PostingState
}
