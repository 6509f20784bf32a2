import type { HeaderId } from '../list/list.js'
import type { ControlTransaction, TermEnd } from './block.js'
import { type ControlState, type Member, type StandingVote, totalPower } from './state.js'

/** A vote of the term in force replaces the operator's older one, any number of times; without a cause it is withdrawn. */
export function castVote(
  state: ControlState,
  vote: Extract<ControlTransaction, { type: 'termVote' }>,
): ControlState['votes'] {
  if (vote.view !== state.view) return state.votes
  const { operator, sequence, cause } = vote
  return cause === undefined
    ? state.votes.delete(operator)
    : state.votes.set(operator, { cause, sequence, height: state.height })
}

/** What more than two thirds agree on, if anything. */
export type TermVerdict = { readonly cause: Exclude<TermEnd, 'conviction'>; readonly block?: HeaderId | undefined }

const sameBlock = (a: HeaderId, b: HeaderId): boolean => a.height === b.height && a.hash === b.hash

/**
 * Counts the votes that live. `silent`, `invalid` and `l1` add up: the operators that were down while L1 killed the
 * head see silence where the others see a reorg, and neither kind alone need ever reach two thirds. A rollback is
 * counted alone and first, one block at a time: what is taken back must be agreed on.
 */
export function termVerdict(state: ControlState, members: readonly Member[]): TermVerdict | undefined {
  const total = totalPower(members)
  const live: { vote: StandingVote; power: bigint }[] = []
  for (const { id, power } of members) {
    const vote = state.votes.get(id)
    if (vote !== undefined && vote.height > state.height - BigInt(state.parameters.voteLifetimeBlocks)) {
      live.push({ vote, power })
    }
  }
  const power = (counts: (vote: StandingVote) => boolean): bigint =>
    live.reduce((sum, item) => (counts(item.vote) ? sum + item.power : sum), 0n)

  for (const { vote } of live) {
    const { cause } = vote
    if (cause.type !== 'rollback') continue
    const agreed = power(({ cause: other }) => other.type === 'rollback' && sameBlock(other.to, cause.to))
    if (3n * agreed > 2n * total) return { cause: 'rollback', block: cause.to }
  }
  if (3n * power(({ cause }) => cause.type !== 'rollback') <= 2n * total) return undefined
  if (3n * power(({ cause }) => cause.type === 'l1') > total) return { cause: 'l1' }
  for (const { vote } of live) {
    const { cause } = vote
    if (cause.type !== 'invalid') continue
    const agreed = power(({ cause: other }) => other.type === 'invalid' && sameBlock(other.header, cause.header))
    if (3n * agreed > 2n * total) return { cause: 'invalid', block: cause.header }
  }
  return { cause: 'silent' }
}
