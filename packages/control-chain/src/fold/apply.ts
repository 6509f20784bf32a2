import { OrderedMap } from '@l2/common'
import { refuse } from '../errors.js'
import type { L1Mark, OperatorList } from '../list/list.js'
import { followPosting, isFalsePosting, isFalseStatement } from '../posting/fold.js'
import type { PostingRules } from '../posting/state.js'
import { type Conviction, engineEvidence, followMilestone } from '../stake/epochs.js'
import { applyPoolCommands, poolRootOf } from '../stake/pool-commands.js'
import type { ControlBlock, ControlEvent } from './block.js'
import { climb } from './climb.js'
import { type LeaderPlan, leaderAt } from './leaders.js'
import { followStake } from './members.js'
import { bookMissed, bookSettled } from './record.js'
import { type ControlState, keptSettledBlocks, type Member, membersOf, totalPower } from './state.js'
import { beginTerm, rollBack } from './term.js'
import { castVote, termVerdict } from './votes.js'

type ConvictionReason = Exclude<Extract<ControlEvent, { type: 'jailed' }>['reason'], 'invalid'>

/**
 * Folds one control block: lists, milestone, transactions, the end of the term, the mark of L1, the pool, batches and
 * turns on L1, in this order, which matters. What strangers, liars and old terms put into a block is passed over; nothing
 * in a block is an error.
 *
 * @throws ControlChainError `HEIGHT_INVALID` for a block that does not follow; the state stays as it is
 *
 * @example
 * ```ts
 * import { applyControlBlock, createControlState, defaultParameters } from '@l2/control-chain'
 *
 * const hash = (n: number) => `0x${String(n).padStart(64, '0')}` as const
 * const genesis = { height: 0n, hash: hash(0) }
 * const members = [1, 2, 3, 4].map(id => ({ id, power: 1n }))
 * const state = createControlState({ chainId: 901n, genesis, members, parameters: defaultParameters })
 * // Everybody leads in turn, a slot of five blocks each.
 * const plan = {
 *   slotAt: (height: bigint) => ({ start: height - (height % 5n), end: height - (height % 5n) + 4n, leader: 1 }),
 *   fallback: (_: bigint, view: number) => 1 + (view % 4),
 * }
 * const list = { view: 0, atHeight: 0n, base: genesis, hashes: [hash(1), hash(2)] }
 * const lists = [1, 2, 3].map(operator => ({ operator, list }))
 * const next = applyControlBlock(state, { height: 1n, lists, transactions: [] }, plan)
 * console.log(next.state.milestone.height) // 2n
 * ```
 */
export function applyControlBlock(
  before: ControlState,
  block: ControlBlock,
  plan: LeaderPlan,
  posting?: PostingRules,
): { state: ControlState; events: ControlEvent[] } {
  if (block.height !== before.height + 1n) {
    refuse('HEIGHT_INVALID', `control block ${before.height + 1n} expected, got ${block.height}`)
  }
  const members = membersOf(before)
  const isMember = new Set(members.map(({ id }) => id))
  const events: ControlEvent[] = []
  let state: ControlState = { ...before, height: block.height }

  const transactions = block.transactions.filter(transaction => {
    if ('accused' in transaction || transaction.type === 'poolCommands') return true
    const { operator, sequence } = transaction
    if (!isMember.has(operator) || sequence <= (state.sequences.get(operator) ?? -1n)) return false
    state = { ...state, sequences: state.sequences.set(operator, sequence) }
    return true
  })

  for (const { operator, list } of block.lists) if (isMember.has(operator)) state = takeList(state, operator, list)
  for (const transaction of transactions) {
    if (transaction.type === 'list') state = takeList(state, transaction.operator, transaction.list)
  }
  state = settle(state, members, plan, events)

  const convictions: Conviction[] = []
  const convict = (conviction: Conviction, reason: ConvictionReason): boolean => {
    const next = jail(state, members, conviction.operator, reason, events)
    if (next === state) return false
    convictions.push(conviction)
    state = next
    return true
  }
  let convicted = false
  for (const transaction of transactions) {
    if (transaction.type === 'termVote') state = { ...state, votes: castVote(state, transaction) }
    else if (transaction.type === 'equivocation') {
      const { accused: operator, evidence, place } = transaction
      convicted = convict({ operator, kind: 'EQUIVOCATION_BLOCK', evidence, place }, 'equivocation') || convicted
    } else if (transaction.type === 'poolCommands') state = tellPool(state, transaction.commands, events)
    else if (transaction.type === 'falseStatement' && isFalseStatement(state, transaction.statement, posting)) {
      const { accused: operator, evidence } = transaction
      convict({ operator, kind: 'ATTESTED_INVALID', evidence, place: undefined }, 'falseStatement')
    } else if (transaction.type === 'falsePosting' && isFalsePosting(state, transaction)) {
      const { accused: operator, evidence } = transaction
      convict({ operator, kind: 'EQUIVOCATION_BATCH', evidence, place: undefined }, 'falsePosting')
    }
  }
  for (const operator of block.misbehaved ?? []) {
    const evidence = engineEvidence(operator, state.height)
    convict({ operator, kind: 'EQUIVOCATION_BLOCK', evidence, place: undefined }, 'doubleVote')
  }

  const verdict = termVerdict(state, members)
  if (verdict?.cause === 'rollback') {
    const step = rollBack(state, verdict.block!)
    state = step.state
    events.push(...step.events)
  } else if (verdict?.cause === 'invalid') {
    const signer = leaderAt(state, plan, verdict.block!.height)
    if (signer !== undefined) state = jail(state, members, signer, 'invalid', events)
  }
  // Whoever signed two headers may have split the honest, also as a past leader: its conviction ends the term.
  const cause = verdict?.cause ?? (convicted ? 'conviction' : undefined)
  if (cause !== undefined) {
    const step = beginTerm(state, members, plan, cause)
    state = step.state
    events.push(...step.events)
    for (const event of step.events) {
      if (event.type !== 'termEnded' || !event.missed || event.failed === undefined) continue
      state = { ...state, ...bookMissed(state, members, event.failed, event.start.height + 1n) }
    }
  }
  const mark = agreedMark(state, members)
  if (mark !== undefined) {
    state = { ...state, l1: mark }
    events.push({ type: 'l1Marked', mark })
  }
  state = followPool({ ...state, sets: currentSets(state) }, convictions, events)
  const step = followStake(state)
  const last = followPosting(step.state, { ...block, transactions }, plan, posting)
  return { state: last.state, events: [...events, ...step.events, ...last.events] }
}

/** Takes what L1 told the pool, if it is all that lies between the pool's root and the one that was agreed on. */
function tellPool(
  state: ControlState,
  commands: Parameters<typeof poolRootOf>[1],
  events: ControlEvent[],
): ControlState {
  const { stake, l1 } = state
  if (stake === undefined || !bringsPool(state, commands)) return state
  events.push({ type: 'poolMoved', root: l1!.poolRoot, commands: commands.length })
  return { ...state, stake: { ...stake, pool: applyPoolCommands(stake.pool, commands), root: l1!.poolRoot } }
}

/** Whether commands lead from the pool's root to the one that more than two thirds have named. */
export function bringsPool(
  { stake, l1 }: Pick<ControlState, 'stake' | 'l1'>,
  commands: Parameters<typeof poolRootOf>[1],
): boolean {
  if (stake === undefined || l1 === undefined || commands.length === 0) return false
  return poolRootOf(stake.root, commands) === l1.poolRoot
}

function followPool(state: ControlState, convictions: readonly Conviction[], events: ControlEvent[]): ControlState {
  if (state.stake === undefined) return state
  const stake = followMilestone(state.stake, state, convictions)
  const last = state.stake.schedule.plans.at(-1)!.epoch
  for (const { epoch, degraded } of stake.schedule.plans) {
    if (epoch > last) events.push({ type: 'epochElected', epoch, degraded })
  }
  return { ...state, stake }
}

/** The latest list of an operator counts, also when the proposer left its extension out of this block. */
function takeList(state: ControlState, operator: number, said: OperatorList): ControlState {
  // Signatures are not the list's: they are taken out of the block by themselves, whatever the term.
  const { batch: _, turn: __, ...list } = said
  const listedAt = state.listedAtHeight.set(operator, state.height)
  const stored = state.lists.get(operator)
  if (list.view !== state.view || (stored !== undefined && stored.atHeight > list.atHeight))
    return { ...state, listedAtHeight: listedAt }
  return { ...state, listedAtHeight: listedAt, lists: state.lists.set(operator, list) }
}

function settle(
  state: ControlState,
  members: readonly Member[],
  plan: LeaderPlan,
  events: ControlEvent[],
): ControlState {
  const blocks = climb(state, members, 2)
  const milestone = blocks.at(-1)
  if (milestone === undefined) return state
  events.push({ type: 'settled', blocks })
  let { settled } = state
  // With the newest, the oldest goes: the state of a long chain is no larger than that of a short one.
  for (const { height, hash } of blocks) settled = settled.set(height, hash).delete(height - keptSettledBlocks)
  return {
    ...state,
    ...bookSettled(state, members, plan, blocks),
    milestone,
    settled,
    movedAtHeight: state.height,
    votes: OrderedMap.from(),
    failures: milestone.height > state.start.height ? 0 : state.failures,
  }
}

/** Bars a member at once, as long as the barred stay below one third of the stake: the chain goes on without them. */
function jail(
  state: ControlState,
  members: readonly Member[],
  operator: number,
  reason: Extract<ControlEvent, { type: 'jailed' }>['reason'],
  events: ControlEvent[],
): ControlState {
  if (state.jailed.has(operator)) return state
  const barred = members.filter(({ id }) => id === operator || state.jailed.has(id))
  if (3n * totalPower(barred) >= totalPower(members)) return state
  events.push({ type: 'jailed', operator, reason })
  return { ...state, jailed: state.jailed.set(operator, state.height) }
}

/** The highest mark of L1 that more than two thirds name in their latest lists. */
function agreedMark(state: ControlState, members: readonly Member[]): L1Mark | undefined {
  const total = totalPower(members)
  const named = new Map<string, { mark: L1Mark; power: bigint }>()
  for (const { id, power } of members) {
    const mark = state.lists.get(id)?.l1
    if (mark === undefined || mark.number <= (state.l1?.number ?? -1n)) continue
    const key = [mark.number, mark.hash, mark.timestamp, mark.prevRandao, mark.poolRoot].join()
    named.set(key, { mark, power: power + (named.get(key)?.power ?? 0n) })
  }
  let best: L1Mark | undefined
  for (const { mark, power } of named.values()) {
    if (3n * power > 2n * total && (best === undefined || mark.number > best.number)) best = mark
  }
  return best
}

function currentSets(state: ControlState): ControlState['sets'] {
  if (state.sets.length < 2 || state.sets[1]!.fromHeight > state.height) return state.sets
  return state.sets.filter(
    (_, index) => state.sets[index + 1] === undefined || state.sets[index + 1]!.fromHeight > state.height,
  )
}
