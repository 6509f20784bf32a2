import { OrderedMap } from '@l2/common'
import { type Hash, type Hex, zeroAddress, zeroHash } from 'viem'
import type { CommitteeMember } from '../attestation/attestation.js'
import { isMoreThanTwoThirds } from '../attestation/quorum.js'
import {
  type BatchStatement,
  hashBatchStatement,
  hashTurnStatement,
  type TurnStatement,
} from '../attestation/statement.js'
import type { ControlBlock, ControlEvent, ControlTransaction } from '../fold/block.js'
import type { LeaderPlan } from '../fold/leaders.js'
import { type ControlState, type Member, membersOf, totalPower } from '../fold/state.js'
import type { AttestationShare, HeaderId, OperatorList } from '../list/list.js'
import type { Committee, PostingRules, PostingState, SignedStatement } from './state.js'

/** Statements that are kept: for so long what differs from them convicts. */
const keptStatements = 256n

/** The draws of posters are apart from those of leaders, which count from zero. */
const posterDraw = 0x8000_0000

type Shares = ReadonlyMap<number, { readonly batch?: AttestationShare; readonly turn?: AttestationShare }>

/** What operators sign in the lists of a block, the later one counting. */
function sharesOf(block: ControlBlock): Shares {
  const shares = new Map<number, { batch?: AttestationShare; turn?: AttestationShare }>()
  const take = (operator: number, { batch, turn }: OperatorList): void => {
    shares.set(operator, { ...shares.get(operator), ...(batch && { batch }), ...(turn && { turn }) })
  }
  for (const { operator, list } of block.lists) take(operator, list)
  for (const each of block.transactions) if (each.type === 'list') take(each.operator, each.list)
  return shares
}

/** The signatures of a block that are new and over a statement. */
function sign<Statement extends { readonly sequence: bigint }>(
  signed: SignedStatement<Statement>,
  members: readonly CommitteeMember[],
  { attestation }: PostingRules,
  shareOf: (id: number) => AttestationShare | undefined,
): SignedStatement<Statement> {
  const fresh = new Map<number, Hex>()
  for (const { id } of members) {
    const share = shareOf(id)
    if (share?.sequence === signed.statement.sequence && signed.signatures.get(id) === undefined) {
      fresh.set(id, share.signature)
    }
  }
  if (fresh.size === 0) return signed
  let { signatures } = signed
  for (const id of attestation.valid(members, signed.digest, fresh)) signatures = signatures.set(id, fresh.get(id)!)
  return { ...signed, signatures }
}

const hasQuorum = (members: readonly CommitteeMember[], { signatures }: SignedStatement<unknown>): boolean =>
  isMoreThanTwoThirds(
    members.reduce((sum, { id, power }) => (signatures.get(id) === undefined ? sum : sum + power), 0n),
    totalPower(members),
  )

/**
 * What a block does to batches and turns, behind milestones and terms: signatures first, then what is ordered anew. The
 * committee of a statement is the one in force when it was ordered; a handover takes effect when it is signed.
 */
export function followPosting(
  state: ControlState,
  block: ControlBlock,
  plan: LeaderPlan,
  rules: PostingRules | undefined,
): { readonly state: ControlState; readonly events: readonly ControlEvent[] } {
  if (state.posting === undefined || rules === undefined) return { state, events: [] }
  const members = membersOf(state)
  const events: ControlEvent[] = []
  const shares = sharesOf(block)
  let posting = revoked(state.posting, state.milestone)
  posting = signBatch(posting, shares, rules, events)
  posting = signTurn(posting, shares, rules, events)
  for (const transaction of block.transactions) {
    if (transaction.type === 'batch') posting = openBatch(state, posting, transaction, rules, events)
    else if (transaction.type === 'posterVote' && transaction.turn === posting.turn.sequence) {
      posting = { ...posting, votes: posting.votes.set(transaction.operator, state.height) }
    }
  }
  posting = { ...posting, ...nextTurn(state, posting, members, plan, rules, events) }
  return { state: { ...state, posting }, events }
}

/** After a rollback nothing above the milestone is attested, whoever signed it: L1 does not take it either. */
function revoked(posting: PostingState, milestone: HeaderId): PostingState {
  const { open, attestedTo } = posting
  return {
    ...posting,
    attestedTo: attestedTo > milestone.height ? milestone.height : attestedTo,
    open: open !== undefined && open.statement.last > milestone.height ? undefined : open,
  }
}

function signBatch(before: PostingState, shares: Shares, rules: PostingRules, events: ControlEvent[]): PostingState {
  const shareOf = (id: number) => shares.get(id)?.batch
  const { committee } = before
  let posting = before
  if (posting.attested?.statement.committee === committee.number) {
    posting = { ...posting, attested: sign(posting.attested, committee.members, rules, shareOf) }
  }
  if (posting.open === undefined) return posting
  const open = sign(posting.open, committee.members, rules, shareOf)
  if (!hasQuorum(committee.members, open)) return { ...posting, open }
  const { statement } = open
  events.push({ type: 'attested', statement, signers: [...open.signatures].map(([id]) => id) })
  return { ...posting, open: undefined, attested: open, attestedTo: statement.last }
}

function signTurn(posting: PostingState, shares: Shares, rules: PostingRules, events: ControlEvent[]): PostingState {
  if (posting.openTurn === undefined) return posting
  const { committee } = posting
  const openTurn = sign(posting.openTurn, committee.members, rules, id => shares.get(id)?.turn)
  if (!hasQuorum(committee.members, openTurn)) return { ...posting, openTurn }
  const { statement } = openTurn
  events.push({ type: 'turnSigned', statement, signers: [...openTurn.signatures].map(([id]) => id) })
  const handsOver = statement.nextMembers !== zeroHash
  return {
    ...posting,
    openTurn: undefined,
    signedTurn: { ...openTurn, committee },
    committee: handsOver ? posting.next! : committee,
    next: handsOver ? undefined : posting.next,
    // The committee of an open statement is gone with the handover: it is ordered again, and signed by the new one.
    open: handsOver ? undefined : posting.open,
  }
}

/** Whether a statement may be ordered: of the poster, of settled blocks, without a gap behind what is attested. */
export function isDue(state: ControlState, posting: PostingState, statement: BatchStatement): boolean {
  return (
    statement.chainId === state.chainId &&
    statement.sequence === posting.sequence + 1n &&
    statement.committee === posting.committee.number &&
    statement.first <= posting.attestedTo + 1n &&
    statement.last > posting.attestedTo &&
    statement.last <= state.milestone.height
  )
}

function openBatch(
  state: ControlState,
  posting: PostingState,
  { operator, statement, nonce }: Extract<ControlTransaction, { type: 'batch' }>,
  { domain }: PostingRules,
  events: ControlEvent[],
): PostingState {
  if (operator !== posting.turn.poster || state.jailed.has(operator) || !isDue(state, posting, statement))
    return posting
  const digest = hashBatchStatement(statement, domain)
  const { sequence } = statement
  events.push({ type: 'batchOrdered', statement, poster: operator })
  return {
    ...posting,
    sequence,
    open: { statement, digest, signatures: OrderedMap.from() },
    ordered: posting.ordered
      .set(sequence, { poster: operator, nonce, digest, dataHashes: statement.dataHashes })
      .delete(sequence - keptStatements),
  }
}

/** A poster's turn ends with its epoch, with its conviction, or when more than two thirds of the stake want another. */
function nextTurn(
  state: ControlState,
  posting: PostingState,
  members: readonly Member[],
  plan: LeaderPlan,
  rules: PostingRules,
  events: ControlEvent[],
): Partial<PostingState> {
  const { turn } = posting
  const epoch = rules.epochOf(state.milestone.height)
  const isNewEpoch = epoch > turn.epoch
  const isJailed = state.jailed.has(turn.poster)
  const oldest = state.height - BigInt(state.parameters.voteLifetimeBlocks)
  const unwanted = members.reduce(
    (sum, { id, power }) => ((posting.votes.get(id) ?? oldest) > oldest ? sum + power : sum),
    0n,
  )
  const isUnwanted = isMoreThanTwoThirds(unwanted, totalPower(members))
  if (!isNewEpoch && !isJailed && !isUnwanted) return {}
  const sequence = turn.sequence + 1n
  const poster = plan.fallback(
    state.milestone.height,
    posterDraw + Number(sequence % BigInt(posterDraw)),
    id => state.jailed.has(id) || (!isNewEpoch && id === turn.poster),
  )
  const next = isNewEpoch ? nextCommittee(state, posting, members, rules) : posting.next
  const statement: TurnStatement = {
    chainId: state.chainId,
    sequence,
    committee: posting.committee.number,
    poster: lower(rules.posterAccount(poster) ?? zeroAddress),
    lastAttested: posting.attestedTo,
    nextMembers: next === undefined ? zeroHash : rules.attestation.membersHash(next.members),
  }
  events.push({
    type: 'turnOrdered',
    statement,
    poster,
    before: turn.poster,
    cause: isNewEpoch ? 'epoch' : isJailed ? 'conviction' : 'unwanted',
  })
  return {
    turn: { sequence, epoch: isNewEpoch ? epoch : turn.epoch, poster },
    next,
    openTurn: { statement, digest: hashTurnStatement(statement, rules.domain), signatures: OrderedMap.from() },
    votes: OrderedMap.from(),
  }
}

/** The members of a new epoch as L1 is to know them; `undefined` where nothing changes for it. */
function nextCommittee(
  state: ControlState,
  { committee }: PostingState,
  members: readonly Member[],
  { attestation, attestationKey }: PostingRules,
): Committee | undefined {
  const chosen = members.flatMap(({ id, power }): CommitteeMember[] => {
    const key = attestationKey(id)
    return key === undefined || state.jailed.has(id) ? [] : [{ id, power, key: lower(key) }]
  })
  const isSame = attestation.membersHash(chosen) === attestation.membersHash(committee.members)
  return chosen.length === 0 || isSame ? undefined : { number: committee.number + 1n, members: chosen }
}

/** One form in the state, whoever gave it. */
const lower = (hex: Hex): Hex => hex.toLowerCase() as Hex

/** Whether a signature of a member is over what was never ordered under that number. */
export function isFalseStatement(
  { posting }: Pick<ControlState, 'posting'>,
  statement: BatchStatement,
  rules: PostingRules | undefined,
): boolean {
  if (posting === undefined || rules === undefined) return false
  if (statement.sequence > posting.sequence) return true
  const ordered = posting.ordered.get(statement.sequence)
  return ordered !== undefined && ordered.digest !== hashBatchStatement(statement, rules.domain)
}

/**
 * Whether a poster put data on L1 that no statement names. With each statement it says from which nonce of its account on
 * it posts named data alone, so that what it posted before the oldest statement that is kept convicts nobody.
 */
export function isFalsePosting(
  { posting }: Pick<ControlState, 'posting'>,
  { accused, nonce, dataHashes }: Extract<ControlTransaction, { type: 'falsePosting' }>,
): boolean {
  if (posting === undefined) return false
  let from: bigint | undefined
  const named = new Set<Hash>()
  for (const [, ordered] of posting.ordered) {
    if (ordered.poster === accused) from ??= ordered.nonce
    for (const hash of ordered.dataHashes) named.add(hash)
  }
  return from !== undefined && nonce >= from && dataHashes.some(hash => !named.has(hash))
}
