import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Hash, Hex } from 'viem'
import { refuse } from '../errors.js'

/** The whole of what a re-selection decides: a vote for it is a vote for nothing else. */
export type TermDecision = {
  chainId: bigint
  epoch: bigint
  slot: number
  /** The term that begins. */
  term: number
  /** First height the failed leader did not produce, and the block before it. */
  height: bigint
  parentHash: Hash
  /** The fallback that the seed elects for this term: everybody computes it, nobody proposes it. */
  leader: number
}

/** Votes on ending one leader's turn. Plain data. */
export type TermVotes = {
  /** Who may vote, with what stake: those who were frozen for the epoch. */
  readonly members: readonly { readonly id: number; readonly weight: bigint }[]
  /** What each has voted for, by id. */
  readonly votes: readonly { readonly id: number; readonly decision: Hex }[]
  readonly decided: Hex | undefined
}

const tag = new TextEncoder().encode('l2-staking/term/v1')

function word(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32)
  for (let i = 31; value > 0n && i >= 0; i--, value >>= 8n) bytes[i] = Number(value & 255n)
  return bytes
}

/** What a member signs: a hash over every field. @throws StakingError `INPUT_INVALID` */
export function termDecisionHash(decision: TermDecision): Hex {
  const { chainId, epoch, slot, term, height, parentHash, leader } = decision
  const parent = hexToBytes(parentHash)
  if (parent?.length !== 32 || [slot, term, leader].some(value => !Number.isSafeInteger(value) || value < 0)) {
    refuse('INPUT_INVALID', 'a decision has a 32-byte parent and non-negative numbers')
  }
  const words = [chainId, epoch, BigInt(slot), BigInt(term), height, BigInt(leader)].map(word)
  return bytesToHex(keccak256(concatBytes(tag, ...words, parent)))
}

/** Votes for a new question. @throws StakingError `INPUT_INVALID` for ids that repeat */
export function openTermVotes(members: TermVotes['members']): TermVotes {
  if (new Set(members.map(({ id }) => id)).size !== members.length) refuse('INPUT_INVALID', 'a member twice')
  return { members: [...members].sort((a, b) => a.id - b.id), votes: [], decided: undefined }
}

/**
 * Counts a vote (whose signature the caller has checked). Decided when 3·yes > 2·total by stake for one and the same
 * decision; a member votes once, and changing one's mind does not count.
 *
 * @throws StakingError `VOTE_INVALID` for a stranger, a second vote, or a vote after the decision
 *
 * @example
 * ```ts
 * import { castTermVote, openTermVotes, termDecisionHash } from '@l2/staking/reselection'
 *
 * const decision = termDecisionHash({
 *   chainId: 1088n, epoch: 5n, slot: 0, term: 1, height: 5100n, parentHash: `0x${'11'.repeat(32)}`, leader: 4,
 * })
 * let votes = openTermVotes([{ id: 1, weight: 50n }, { id: 2, weight: 20n }, { id: 3, weight: 30n }])
 * votes = castTermVote(votes, { id: 1, decision })
 * console.log(votes.decided === decision) // false
 * votes = castTermVote(votes, { id: 2, decision })
 * console.log(votes.decided === decision) // true
 * ```
 */
export function castTermVote(state: TermVotes, vote: { id: number; decision: Hex }): TermVotes {
  if (state.decided !== undefined) refuse('VOTE_INVALID', 'decided already', { decision: state.decided })
  if (!state.members.some(({ id }) => id === vote.id))
    refuse('VOTE_INVALID', `${vote.id} is no member`, { id: vote.id })
  if (state.votes.some(({ id }) => id === vote.id)) refuse('VOTE_INVALID', `${vote.id} has voted`, { id: vote.id })
  const votes = [...state.votes, { id: vote.id, decision: vote.decision }]
  let yes = 0n
  let total = 0n
  for (const { id, weight } of state.members) {
    total += weight
    if (votes.some(item => item.id === id && item.decision === vote.decision)) yes += weight
  }
  return { ...state, votes, decided: 3n * yes > 2n * total ? vote.decision : undefined }
}

/** How many of n equal signers a threshold needs: ⌊2n/3⌋ + 1, so that any f < n/3 may be down. */
export function thresholdSigners(n: number): number {
  return Math.floor((2 * n) / 3) + 1
}

/** Options of {@link termTimeoutMs}. */
export type TimeoutOptions = {
  /** Milliseconds without a block before the first re-selection. Default 4000. */
  baseMs?: number
  /** Growth a term. Default 1.5. */
  factor?: number
  /** The most. Default 60000. */
  maxMs?: number
}

/**
 * How long to wait for the first block of a term: grows with every failed term, so that a slow network converges
 * instead of thrashing.
 */
export function termTimeoutMs(term: number, options: TimeoutOptions = {}): number {
  const { baseMs = 4000, factor = 1.5, maxMs = 60_000 } = options
  if (!(baseMs > 0) || !(factor >= 1) || !(maxMs >= baseMs)) {
    refuse('CONFIG_INVALID', 'baseMs > 0, factor >= 1, maxMs >= baseMs expected', { baseMs, factor, maxMs })
  }
  return Math.min(maxMs, Math.round(baseMs * factor ** Math.min(term, 64)))
}
