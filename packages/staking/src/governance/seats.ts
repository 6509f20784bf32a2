import { OrderedMap } from '@l2/common'
import type { Address, Hex } from 'viem'
import { draw, seedBytes } from '../election/draw.js'
import { refuse } from '../errors.js'
import { toAddress } from '../internal/address.js'
import { isSeconds } from '../internal/seconds.js'

/** What it takes to get a seat. Metis' own numbers are the defaults. */
export type SeatRules = {
  /** METIS that must take part, wei. Default 50,000. */
  quorumWei?: bigint
  /** Accounts that must take part. Default 500. */
  minVoters?: number
  /** Share of yes among yes and no. Default 8000, which is 80 %. */
  approvalBps?: number
  /** Default 7 days. */
  votingSeconds?: bigint
}

/** A question about one seat. */
export type SeatProposal = {
  readonly id: number
  readonly kind: 'admit' | 'remove'
  readonly candidate: Address
  readonly closesAtSeconds: bigint
  readonly yesWei: bigint
  readonly noWei: bigint
  readonly voters: OrderedMap<Address, true>
  readonly outcome: 'open' | 'passed' | 'failed'
}

/** A liquid-staking protocol that stands in a blitz, and the nodes it would like, best first. */
export type BlitzCandidate = {
  readonly protocol: Address
  readonly pledgedWei: bigint
  readonly nodes: readonly number[]
}

/** Votes on one candidate. */
export type BlitzVotes = { readonly yesWei: bigint; readonly noWei: bigint; readonly voters: number }

/** A blitz: protocols compete for seats all at once, and each winner is paired with a node. */
export type Blitz = {
  readonly id: number
  readonly seats: number
  readonly minPledgeWei: bigint
  readonly closesAtSeconds: bigint
  readonly candidates: readonly BlitzCandidate[]
  readonly tally: OrderedMap<Address, BlitzVotes>
  readonly voters: OrderedMap<Address, true>
  readonly pairs:
    | readonly { readonly protocol: Address; readonly node: number; readonly votesWei: bigint }[]
    | undefined
}

/** Votes on seats. Plain data; weights come with each vote from a balance snapshot that the caller has checked. */
export type SeatGovernance = {
  readonly rules: Required<SeatRules>
  readonly atSeconds: bigint
  readonly proposals: readonly SeatProposal[]
  readonly blitzes: readonly Blitz[]
}

export type GovernanceCommand = { atSeconds: bigint } & (
  | { type: 'propose'; kind: 'admit' | 'remove'; candidate: Address }
  | { type: 'vote'; proposal: number; voter: Address; weightWei: bigint; approve: boolean }
  | { type: 'close'; proposal: number }
  | { type: 'openBlitz'; seats: number; minPledgeWei: bigint }
  | { type: 'enterBlitz'; blitz: number; protocol: Address; pledgedWei: bigint; nodes: readonly number[] }
  /** `approve`: for the protocol (default) or against it. One vote a voter. */
  | { type: 'voteBlitz'; blitz: number; voter: Address; weightWei: bigint; protocol: Address; approve?: boolean }
  /** `nodes`: sequencer ids that may be paired; `seed` decides where wishes collide with nobody's turn. */
  | { type: 'closeBlitz'; blitz: number; nodes: readonly number[]; seed: Hex }
)

/** What the pool's admin does about it: `SeatGranted` and `SeatRevoked` become `setWhitelist`. */
export type GovernanceEvent =
  | { type: 'Proposed'; proposal: number; kind: 'admit' | 'remove'; candidate: Address; closesAtSeconds: bigint }
  | { type: 'Voted'; proposal: number; voter: Address; weightWei: bigint; approve: boolean }
  | { type: 'ProposalClosed'; proposal: number; outcome: 'passed' | 'failed' }
  | { type: 'SeatGranted' | 'SeatRevoked'; owner: Address }
  | { type: 'BlitzOpened'; blitz: number; seats: number; closesAtSeconds: bigint }
  | { type: 'BlitzEntered'; blitz: number; protocol: Address }
  | { type: 'BlitzVoted'; blitz: number; voter: Address; protocol: Address; weightWei: bigint; approve: boolean }
  /** Who stood and had fewer votes than a seat takes gets none, even where seats stay free. */
  | { type: 'BlitzClosed'; blitz: number; winners: number; failed: readonly Address[] }
  | { type: 'Paired'; blitz: number; protocol: Address; node: number; votesWei: bigint }

/** No proposals yet. @throws StakingError `CONFIG_INVALID` */
export function createSeatGovernance(rules: SeatRules = {}): SeatGovernance {
  const full: Required<SeatRules> = {
    quorumWei: rules.quorumWei ?? 50_000n * 10n ** 18n,
    minVoters: rules.minVoters ?? 500,
    approvalBps: rules.approvalBps ?? 8000,
    votingSeconds: rules.votingSeconds ?? 7n * 86_400n,
  }
  const { quorumWei, minVoters, approvalBps, votingSeconds } = full
  if (quorumWei < 0n || !(minVoters >= 0) || !(approvalBps > 0 && approvalBps <= 10_000) || !(votingSeconds > 0)) {
    refuse('CONFIG_INVALID', 'quorumWei, minVoters >= 0, approvalBps 1 … 10000, votingSeconds > 0 expected', full)
  }
  return { rules: full, atSeconds: 0n, proposals: [], blitzes: [] }
}

function invalid(reason: string, details: Record<string, unknown> = {}): never {
  return refuse('GOVERNANCE_INVALID', reason, details)
}

/**
 * One step of seat governance. Pure; an error leaves the state as it was.
 *
 * @throws StakingError `GOVERNANCE_INVALID`, `TIME_REVERSED`, `INPUT_INVALID`
 */
export function applyGovernance(
  state: SeatGovernance,
  command: GovernanceCommand,
): { state: SeatGovernance; events: GovernanceEvent[]; result: null } {
  if (!isSeconds(command.atSeconds) || command.atSeconds < state.atSeconds) {
    refuse('TIME_REVERSED', `time expected at least ${state.atSeconds}, got ${command.atSeconds}`)
  }
  const { state: next, events } = step(state, command)
  return { state: { ...next, atSeconds: command.atSeconds }, events, result: null }
}

type Result = { state: SeatGovernance; events: GovernanceEvent[] }

function step(state: SeatGovernance, command: GovernanceCommand): Result {
  switch (command.type) {
    case 'propose': {
      const candidate = toAddress(command.candidate, 'candidate')
      if (state.proposals.some(item => item.outcome === 'open' && item.candidate === candidate)) {
        invalid('a proposal about this seat is open', { candidate })
      }
      const proposal: SeatProposal = {
        id: state.proposals.length,
        kind: command.kind,
        candidate,
        closesAtSeconds: command.atSeconds + state.rules.votingSeconds,
        yesWei: 0n,
        noWei: 0n,
        voters: OrderedMap.from(),
        outcome: 'open',
      }
      const { id, kind, closesAtSeconds } = proposal
      return {
        state: { ...state, proposals: [...state.proposals, proposal] },
        events: [{ type: 'Proposed', proposal: id, kind, candidate, closesAtSeconds }],
      }
    }
    case 'vote': {
      const { proposal: id, weightWei, approve } = command
      const proposal = openProposal(state, id)
      if (command.atSeconds > proposal.closesAtSeconds)
        invalid('voting has ended', { proposal: id, closesAtSeconds: proposal.closesAtSeconds })
      const voter = newVoter(proposal.voters, command.voter, weightWei)
      const voted: SeatProposal = {
        ...proposal,
        yesWei: proposal.yesWei + (approve ? weightWei : 0n),
        noWei: proposal.noWei + (approve ? 0n : weightWei),
        voters: proposal.voters.set(voter, true),
      }
      return {
        state: replaceProposal(state, voted),
        events: [{ type: 'Voted', proposal: id, voter, weightWei, approve }],
      }
    }
    case 'close': {
      const proposal = openProposal(state, command.proposal)
      if (command.atSeconds <= proposal.closesAtSeconds)
        invalid('voting has not ended', { closesAtSeconds: proposal.closesAtSeconds })
      const { yesWei, noWei, voters, kind, candidate, id } = proposal
      const passed = passes(state.rules, { yesWei, noWei, voters: voters.size })
      const outcome = passed ? 'passed' : 'failed'
      const events: GovernanceEvent[] = [{ type: 'ProposalClosed', proposal: id, outcome }]
      if (passed) events.push({ type: kind === 'admit' ? 'SeatGranted' : 'SeatRevoked', owner: candidate })
      return { state: replaceProposal(state, { ...proposal, outcome }), events }
    }
    case 'openBlitz': {
      const { seats, minPledgeWei } = command
      if (!Number.isInteger(seats) || seats < 1 || seats > 1000) invalid(`seats expected 1 … 1000, got ${seats}`)
      const id = state.blitzes.length
      const closesAtSeconds = command.atSeconds + state.rules.votingSeconds
      const blitz: Blitz = {
        id,
        seats,
        minPledgeWei,
        closesAtSeconds,
        candidates: [],
        tally: OrderedMap.from(),
        voters: OrderedMap.from(),
        pairs: undefined,
      }
      return {
        state: { ...state, blitzes: [...state.blitzes, blitz] },
        events: [{ type: 'BlitzOpened', blitz: id, seats, closesAtSeconds }],
      }
    }
    case 'enterBlitz': {
      const blitz = openBlitz(state, command.blitz, command.atSeconds)
      const protocol = toAddress(command.protocol, 'protocol')
      if (blitz.candidates.some(item => item.protocol === protocol)) invalid('stands already', { protocol })
      if (command.pledgedWei < blitz.minPledgeWei) {
        invalid(`a pledge of at least ${blitz.minPledgeWei} wei is asked for`, { pledgedWei: command.pledgedWei })
      }
      const candidate: BlitzCandidate = { protocol, pledgedWei: command.pledgedWei, nodes: [...command.nodes] }
      return {
        state: replaceBlitz(state, { ...blitz, candidates: [...blitz.candidates, candidate] }),
        events: [{ type: 'BlitzEntered', blitz: blitz.id, protocol }],
      }
    }
    case 'voteBlitz': {
      const { weightWei, approve = true } = command
      const blitz = openBlitz(state, command.blitz, command.atSeconds)
      const protocol = toAddress(command.protocol, 'protocol')
      if (!blitz.candidates.some(item => item.protocol === protocol)) invalid('does not stand', { protocol })
      const voter = newVoter(blitz.voters, command.voter, weightWei)
      const votes = blitz.tally.get(protocol) ?? noVotes
      const voted: Blitz = {
        ...blitz,
        tally: blitz.tally.set(protocol, {
          yesWei: votes.yesWei + (approve ? weightWei : 0n),
          noWei: votes.noWei + (approve ? 0n : weightWei),
          voters: votes.voters + 1,
        }),
        voters: blitz.voters.set(voter, true),
      }
      return {
        state: replaceBlitz(state, voted),
        events: [{ type: 'BlitzVoted', blitz: blitz.id, voter, protocol, weightWei, approve }],
      }
    }
    case 'closeBlitz':
      return closeBlitz(state, command)
  }
}

const noVotes: BlitzVotes = { yesWei: 0n, noWei: 0n, voters: 0 }

/** Whether votes are enough for a seat: quorum, accounts, approval. */
function passes(rules: Required<SeatRules>, { yesWei, noWei, voters }: BlitzVotes): boolean {
  const took = yesWei + noWei
  const { quorumWei, minVoters, approvalBps } = rules
  return took > 0n && took >= quorumWei && voters >= minVoters && yesWei * 10_000n >= took * BigInt(approvalBps)
}

function closeBlitz(state: SeatGovernance, command: Extract<GovernanceCommand, { type: 'closeBlitz' }>): Result {
  const blitz = state.blitzes[command.blitz] ?? invalid('no such blitz', { blitz: command.blitz })
  if (blitz.pairs !== undefined) invalid('closed already', { blitz: blitz.id })
  if (command.atSeconds <= blitz.closesAtSeconds)
    invalid('voting has not ended', { closesAtSeconds: blitz.closesAtSeconds })
  const seed = seedBytes(command.seed)
  const votes = (protocol: Address): BlitzVotes => blitz.tally.get(protocol) ?? noVotes
  const failed = blitz.candidates
    .map(({ protocol }) => protocol)
    .filter(protocol => !passes(state.rules, votes(protocol)))
  // Most votes first; equals by pledge, then by who entered first: no coin to toss, nothing to grind.
  const winners = blitz.candidates
    .map((candidate, order) => ({ candidate, order, votesWei: votes(candidate.protocol).yesWei }))
    .filter(({ candidate }) => !failed.includes(candidate.protocol))
    .sort((a, b) =>
      a.votesWei !== b.votesWei
        ? a.votesWei > b.votesWei
          ? -1
          : 1
        : a.candidate.pledgedWei !== b.candidate.pledgedWei
          ? a.candidate.pledgedWei > b.candidate.pledgedWei
            ? -1
            : 1
          : a.order - b.order,
    )
    .slice(0, blitz.seats)
  const free = [...new Set(command.nodes)].sort((a, b) => a - b)
  if (free.length < winners.length)
    invalid(`${winners.length} winners and ${free.length} nodes`, { nodes: free.length })
  const pairs = winners.map(({ candidate, votesWei }, rank) => {
    const wish = candidate.nodes.findIndex(node => free.includes(node))
    const node =
      wish >= 0 ? candidate.nodes[wish]! : free[Number(draw(seed, 'pair', blitz.id, rank, BigInt(free.length)))]!
    free.splice(free.indexOf(node), 1)
    return { protocol: candidate.protocol, node, votesWei }
  })
  return {
    state: replaceBlitz(state, { ...blitz, pairs }),
    events: [
      { type: 'BlitzClosed', blitz: blitz.id, winners: pairs.length, failed },
      ...pairs.flatMap(({ protocol, node, votesWei }): GovernanceEvent[] => [
        { type: 'SeatGranted', owner: protocol },
        { type: 'Paired', blitz: blitz.id, protocol, node, votesWei },
      ]),
    ],
  }
}

function openProposal(state: SeatGovernance, id: number): SeatProposal {
  const proposal = state.proposals[id]
  if (proposal?.outcome !== 'open') invalid('no open proposal with this number', { proposal: id })
  return proposal
}

function openBlitz(state: SeatGovernance, id: number, atSeconds: bigint): Blitz {
  const blitz = state.blitzes[id] ?? invalid('no such blitz', { blitz: id })
  if (atSeconds > blitz.closesAtSeconds)
    invalid('voting has ended', { blitz: id, closesAtSeconds: blitz.closesAtSeconds })
  return blitz
}

function newVoter(voters: OrderedMap<Address, true>, value: Address, weightWei: bigint): Address {
  const voter = toAddress(value, 'voter')
  if (voters.has(voter)) invalid('has voted', { voter })
  if (typeof weightWei !== 'bigint' || weightWei <= 0n) invalid('a vote has weight', { weightWei })
  return voter
}

const replaceProposal = (state: SeatGovernance, proposal: SeatProposal): SeatGovernance => ({
  ...state,
  proposals: state.proposals.map(item => (item.id === proposal.id ? proposal : item)),
})
const replaceBlitz = (state: SeatGovernance, blitz: Blitz): SeatGovernance => ({
  ...state,
  blitzes: state.blitzes.map(item => (item.id === blitz.id ? blitz : item)),
})
