import { OrderedMap } from '@l2/common'
import type { Hash } from 'viem'
import { refuse } from '../errors.js'
import type { HeaderId, L1Mark, OperatorList } from '../list/list.js'
import { type ControlParameters, checkParameters } from '../parameters.js'
import { createPostingState, type PostingGenesis, type PostingState } from '../posting/state.js'
import { createStake, type StakeGenesis, type StakeState, stakeMembers } from '../stake/stake.js'

/** An operator of the control chain's set, with its stake as power. */
export type Member = { readonly id: number; readonly power: bigint }

/** The members from a control height on. */
export type MemberSet = { readonly fromHeight: bigint; readonly members: readonly Member[] }

/**
 * Why an operator wants the term to end. `silent`: no block for too long. `invalid`: a header that its own execution
 * contradicts. `l1`: L1 took back what its head was built on. These three add up. `rollback`: L1 took back what a
 * milestone was built on; the votes for one block are counted alone.
 */
export type TermCause =
  | { readonly type: 'silent' }
  | { readonly type: 'invalid'; readonly header: HeaderId }
  | { readonly type: 'l1' }
  | { readonly type: 'rollback'; readonly to: HeaderId }

/** A vote that stands: replaced by the same operator's next, gone with progress, with its age, and with the term. */
export type StandingVote = {
  readonly cause: TermCause
  /** Of the transaction: a later one replaces it. */
  readonly sequence: bigint
  /** Control height that ordered it. */
  readonly height: bigint
}

/** From `fromHeight` on, until its slot ends, `leader` leads, in term `view`. */
export type LeaderChange = {
  readonly fromHeight: bigint
  readonly view: number
  /** First height of the slot: names it over all epochs. */
  readonly slotStart: bigint
  readonly leader: number
}

/** What the control chain has seen of an operator since genesis. Statistics: only turns are judged, by the pool. */
export type OperatorRecord = {
  /** Settled blocks that it led. */
  readonly led: number
  /** Turns that ended because it was silent, or signed what others call invalid. */
  readonly missed: number
  /** Milestones that its own list stood behind when they were settled. */
  readonly named: number
  /** Milestones that were settled without it. */
  readonly late: number
}

/**
 * What the control chain has agreed on: a pure function of its blocks, the same on every operator. Plain data; every
 * step answers a new one. "Settled" means ordered here by more than two thirds of the stake; only L1 makes it final.
 */
export type ControlState = {
  readonly chainId: bigint
  readonly parameters: ControlParameters
  /** Control blocks folded so far. */
  readonly height: bigint
  /**
   * Changes of leadership since genesis, never reset: the `term` of the headers. So a place that was signed once is
   * never come by again, whatever is dropped or taken back.
   */
  readonly view: number
  /** The highest settled block. */
  readonly milestone: HeaderId
  /** Control height at which the milestone moved last, or the term began. */
  readonly movedAtHeight: bigint
  /** How often L1 made the operators take settled blocks back. */
  readonly era: number
  /** Settled hashes by height, the newest {@link keptSettledBlocks} of them at most ({@link forgetSettled}). */
  readonly settled: OrderedMap<bigint, Hash>
  /** Where the term in force began: its first header stands on this block. */
  readonly start: HeaderId
  /** Terms in a row that ended without a milestone of their own: patience grows with it. */
  readonly failures: number
  /** The latest list of each operator in this term. */
  readonly lists: OrderedMap<number, OperatorList>
  /** Control height at which each operator's list was ordered last, in whatever term. */
  readonly listedAtHeight: OrderedMap<number, bigint>
  readonly votes: OrderedMap<number, StandingVote>
  /** Last sequence number of each operator's transactions. */
  readonly sequences: OrderedMap<number, bigint>
  readonly changes: readonly LeaderChange[]
  /** Convicted operators, and the control height of it. They lead no more. */
  readonly jailed: OrderedMap<number, bigint>
  /** Members now and from heights to come, in their order. */
  readonly sets: readonly MemberSet[]
  /** The highest mark of L1 that more than two thirds have named. */
  readonly l1: L1Mark | undefined
  readonly records: OrderedMap<number, OperatorRecord>
  /** The pool of L1, where it decides who is a member and who leads. */
  readonly stake: StakeState | undefined
  /** Batches on L1, where a committee attests them. */
  readonly posting: PostingState | undefined
}

export type ControlGenesis = {
  /** Of the rollup: what headers and transactions are signed for. */
  chainId: bigint
  genesis: HeaderId
  /** Who is a member for good; a chain with a pool has those whom it weighs. */
  members: readonly Member[] | StakeGenesis
  parameters: ControlParameters
  /** Left out: no committee attests batches. */
  posting?: Omit<PostingGenesis, 'genesisHeight'> | undefined
}

/**
 * The state before the first control block.
 *
 * @throws ControlChainError `CONFIG_INVALID`
 */
export function createControlState(options: ControlGenesis): ControlState {
  const { chainId, genesis, members, parameters, posting } = options
  const stake = 'pool' in members ? createStake(members) : undefined
  if (stake !== undefined) checkEpochs(stake, parameters)
  return {
    chainId,
    parameters: checkParameters(parameters),
    height: 0n,
    view: 0,
    milestone: genesis,
    movedAtHeight: 0n,
    era: 0,
    settled: OrderedMap.from([[genesis.height, genesis.hash]]),
    start: genesis,
    failures: 0,
    lists: OrderedMap.from(),
    listedAtHeight: OrderedMap.from(),
    votes: OrderedMap.from(),
    sequences: OrderedMap.from(),
    changes: [],
    jailed: OrderedMap.from(),
    sets: [{ fromHeight: 0n, members: checkMembers('pool' in members ? stakeMembers(stake!) : members) }],
    l1: undefined,
    records: OrderedMap.from(),
    stake,
    posting: posting && createPostingState({ ...posting, genesisHeight: genesis.height }),
  }
}

/** A leader at its bound must still find the next epoch elected. */
function checkEpochs({ schedule }: StakeState, { ahead, window }: ControlParameters): void {
  const { slotBlocks, slotsPerEpoch } = schedule.options
  const blocks = slotBlocks * BigInt(slotsPerEpoch)
  if (blocks <= BigInt(ahead + window)) {
    refuse('CONFIG_INVALID', `an epoch expected to have more than ${ahead + window} blocks, got ${blocks}`)
  }
}

function checkMembers(members: readonly Member[]): readonly Member[] {
  const sorted = [...members].sort((a, b) => a.id - b.id)
  for (const [index, { id, power }] of sorted.entries()) {
    if (!Number.isInteger(id) || id < 0 || id > 0xffff_ffff) {
      refuse('CONFIG_INVALID', `a member's id expected to be a u32, got ${id}`, { id })
    }
    if (sorted[index - 1]?.id === id) refuse('CONFIG_INVALID', `member ${id} twice`, { id })
    if (power < 1n) refuse('CONFIG_INVALID', `power of member ${id} expected at least 1, got ${power}`, { id, power })
  }
  if (sorted.length === 0) refuse('CONFIG_INVALID', 'no members')
  return sorted
}

/** Who is a member at the state's height, in the order of ids. */
export function membersOf(state: ControlState): readonly Member[] {
  let current = state.sets[0]!
  for (const set of state.sets) if (set.fromHeight <= state.height) current = set
  return current.members
}

/** The stake of a set. */
export function totalPower(members: readonly Member[]): bigint {
  return members.reduce((sum, { power }) => sum + power, 0n)
}

/**
 * Puts other members in force from a control height on: two blocks ahead, as the consensus engine does it.
 *
 * @throws ControlChainError `CONFIG_INVALID` for a height that has passed, or members that cannot be
 */
export function scheduleMembers(state: ControlState, set: MemberSet): ControlState {
  const last = state.sets[state.sets.length - 1]!
  if (set.fromHeight <= state.height || set.fromHeight < last.fromHeight) {
    refuse('CONFIG_INVALID', `members expected from a height above ${state.height}, got ${set.fromHeight}`)
  }
  const members = checkMembers(set.members)
  const kept = state.sets.filter(({ fromHeight }, index) => {
    const next = state.sets[index + 1]
    return fromHeight !== set.fromHeight && (next === undefined || next.fromHeight > state.height)
  })
  return { ...state, sets: [...kept, { fromHeight: set.fromHeight, members }] }
}

/**
 * Settled blocks whose names are kept at most: with blocks of a second half an hour, and L1 is final after a quarter of one. No rollback
 * goes further back, and older blocks are known by what L1 gives.
 */
export const keptSettledBlocks = 2048n

/**
 * Forgets settled blocks below one that L1 has finalized: nothing may be rolled back behind it.
 */
export function forgetSettled(state: ControlState, finalizedHeight: bigint): ControlState {
  const least = finalizedHeight < state.milestone.height ? finalizedHeight : state.milestone.height
  if (state.settled.get(least) === undefined) return state
  return { ...state, settled: OrderedMap.from(state.settled.entries(least)) }
}
