import { hexToBytes, OrderedMap } from '@l2/common'
import type { Hex } from 'viem'
import { SequencerError } from '../errors.js'
import { checkNonNegative, invalid } from './invalid.js'
import { type RebateClaim, verifyRebate } from './rebate-tree.js'
import { checkParty, checkSplit, type Party, parties, type SplitBps, splitAmount } from './split.js'

/** Part of the users' share that was promised to the leaves of a tree. */
export type OpenRebate = {
  readonly root: Hex
  readonly totalWei: bigint
  readonly leftWei: bigint
  /** From then on nothing is claimed any more, in seconds. */
  readonly endsAtSeconds: bigint
  /** The places of the leaves that were paid. */
  readonly claimed: OrderedMap<bigint, true>
}

/** What a splitter holds, and for whom. */
export type FeeSplitterState = {
  readonly claimWindowSeconds: bigint
  readonly split: SplitBps
  readonly remainderTo: Party
  /** What came in and is not shared yet. */
  readonly undistributedWei: bigint
  /** What a party has a right to and was not paid, because its receiver refused it. */
  readonly owedWei: Readonly<Record<Party, bigint>>
  /** What was paid to each in all; `users` by claims. */
  readonly paidWei: Readonly<Record<Party, bigint>>
  /** The users' share that no rebate has promised yet. */
  readonly usersWei: bigint
  readonly rebates: readonly OpenRebate[]
}

/** `refusing` are the receivers that do not take a payment at present. */
export type FeeSplitterCommand =
  | { readonly type: 'receive'; readonly amountWei: bigint }
  | { readonly type: 'distribute'; readonly refusing?: readonly Party[] }
  | {
      readonly type: 'setSplit'
      readonly split: SplitBps
      readonly remainderTo: Party
      readonly refusing?: readonly Party[]
    }
  | { readonly type: 'payOwed'; readonly party: Party; readonly refusing?: readonly Party[] }
  | { readonly type: 'openRebate'; readonly root: Hex; readonly totalWei: bigint; readonly atSeconds: bigint }
  | ({
      readonly type: 'claim'
      readonly rebate: number
      readonly proof: readonly Hex[]
      readonly atSeconds: bigint
    } & RebateClaim)
  | { readonly type: 'endRebate'; readonly rebate: number; readonly atSeconds: bigint }

/** What happened, in its order. */
export type FeeSplitterEvent =
  | {
      readonly type: 'distributed'
      readonly amountWei: bigint
      readonly sharesWei: Readonly<Record<Party, bigint>>
    }
  | { readonly type: 'paid' | 'refused'; readonly party: Party; readonly amountWei: bigint }
  | { readonly type: 'splitSet'; readonly split: SplitBps; readonly remainderTo: Party }
  | {
      readonly type: 'rebateOpened'
      readonly rebate: number
      readonly root: Hex
      readonly totalWei: bigint
      readonly endsAtSeconds: bigint
    }
  | ({ readonly type: 'rebateClaimed'; readonly rebate: number } & RebateClaim)
  | { readonly type: 'rebateEnded'; readonly rebate: number; readonly leftWei: bigint }

/** Why a command was refused: the names of the contract's errors. */
export type FeeSplitterRefusal =
  | 'NothingToShare'
  | 'NothingOwed'
  | 'AboveUsersShare'
  | 'RebateInvalid'
  | 'RebateUnknown'
  | 'RebateOver'
  | 'RebateOpen'
  | 'AlreadyClaimed'
  | 'ProofInvalid'
  | 'PaymentRefused'

/** What a command gives. */
export type FeeSplitterStep = {
  readonly state: FeeSplitterState
  readonly events: readonly FeeSplitterEvent[]
  readonly result: null
}

function refuse(reason: FeeSplitterRefusal, message: string): never {
  throw new SequencerError(message, { code: 'SPLITTER_REFUSED', details: { reason } })
}

const nothing = (): Record<Party, bigint> =>
  Object.fromEntries(parties.map(party => [party, 0n])) as Record<Party, bigint>

/**
 * A splitter that holds nothing.
 *
 * @throws SequencerError `ECONOMICS_INVALID`
 */
export function createFeeSplitter(options: {
  readonly split: SplitBps
  readonly remainderTo: Party
  /** How long a rebate can be claimed; at least a second. */
  readonly claimWindowSeconds: bigint
}): FeeSplitterState {
  const { split, remainderTo, claimWindowSeconds } = options
  checkSplit(split)
  checkParty(remainderTo)
  if (claimWindowSeconds < 1n) invalid('"claimWindowSeconds" expected at least 1', { claimWindowSeconds })
  return {
    ...{ claimWindowSeconds, split, remainderTo, undistributedWei: 0n, usersWei: 0n, rebates: [] },
    ...{ owedWei: nothing(), paidWei: nothing() },
  }
}

/** What all open rebates still promise. */
export function promisedWei({ rebates }: FeeSplitterState): bigint {
  return rebates.reduce((sum, { leftWei }) => sum + leftWei, 0n)
}

/** What a splitter holds in all: every unit that came in and was not paid. */
export function heldWei(state: FeeSplitterState): bigint {
  const owed = parties.reduce((sum, party) => sum + state.owedWei[party], 0n)
  return state.undistributedWei + owed + state.usersWei + promisedWei(state)
}

function distribute(state: FeeSplitterState, refusing: readonly Party[]): FeeSplitterStep {
  const { undistributedWei: amountWei, split, remainderTo } = state
  const sharesWei = splitAmount(amountWei, split, remainderTo)
  const events: FeeSplitterEvent[] = [{ type: 'distributed', amountWei, sharesWei }]
  const [owedWei, paidWei] = [{ ...state.owedWei }, { ...state.paidWei }]
  for (const party of parties) {
    const part = sharesWei[party]
    if (party === 'users' || part === 0n) continue
    const isPaid = !refusing.includes(party)
    if (isPaid) paidWei[party] += part
    else owedWei[party] += part
    events.push({ type: isPaid ? 'paid' : 'refused', party, amountWei: part })
  }
  const usersWei = state.usersWei + sharesWei.users
  return { state: { ...state, undistributedWei: 0n, owedWei, paidWei, usersWei }, events, result: null }
}

function rebateAt({ rebates }: FeeSplitterState, rebate: number): OpenRebate {
  return rebates[rebate] ?? refuse('RebateUnknown', `there is no rebate ${rebate}`)
}

const withRebate = (state: FeeSplitterState, at: number, rebate: OpenRebate): readonly OpenRebate[] =>
  state.rebates.map((known, index) => (index === at ? rebate : known))

function claim(state: FeeSplitterState, command: FeeSplitterCommand & { type: 'claim' }): FeeSplitterStep {
  const { rebate, index, account, amountWei, proof, atSeconds } = command
  const of = rebateAt(state, rebate)
  if (atSeconds >= of.endsAtSeconds) refuse('RebateOver', `rebate ${rebate} ended at ${of.endsAtSeconds}`)
  if (of.claimed.get(index)) refuse('AlreadyClaimed', `leaf ${index} of rebate ${rebate} was paid before`)
  if (!verifyRebate(of.root, { index, account, amountWei }, proof))
    refuse('ProofInvalid', `the proof of leaf ${index} does not lead to the root of rebate ${rebate}`)
  if (amountWei > of.leftWei) refuse('AboveUsersShare', `rebate ${rebate} has ${of.leftWei} left, not ${amountWei}`)
  const paid = { ...of, leftWei: of.leftWei - amountWei, claimed: of.claimed.set(index, true) }
  return {
    state: {
      ...state,
      rebates: withRebate(state, rebate, paid),
      paidWei: { ...state.paidWei, users: state.paidWei.users + amountWei },
    },
    events: [{ type: 'rebateClaimed', rebate, index, account, amountWei }],
    result: null,
  }
}

/**
 * A splitter's rules, which the contract `FeeSplitter` of `@l2/contracts` follows to the unit: what comes in is shared by the split in force,
 * each share rounded down, the rest to one party; what a receiver refuses stays owed to it; the users' share is given back by trees
 * ({@link rebateTree}) whose leaves are claimed once and in time. Nothing is lost or made: `heldWei` and `paidWei` together are what came in.
 *
 * @throws SequencerError `SPLITTER_REFUSED` with the name of the contract's error in `details.reason`; `ECONOMICS_INVALID` for what cannot be a
 *   command. The state is untouched.
 *
 * @example
 * ```ts
 * import { applyFeeSplitter, createFeeSplitter } from '@l2/sequencer-core/economics'
 *
 * const empty = createFeeSplitter({ split: { sequencer: 5000, users: 5000 }, remainderTo: 'users', claimWindowSeconds: 86_400n })
 * const { state } = applyFeeSplitter(empty, { type: 'receive', amountWei: 101n })
 * const { state: shared } = applyFeeSplitter(state, { type: 'distribute' })
 * console.log(shared.paidWei.sequencer, shared.usersWei) // 50n 51n
 * ```
 */
export function applyFeeSplitter(state: FeeSplitterState, command: FeeSplitterCommand): FeeSplitterStep {
  switch (command.type) {
    case 'receive': {
      checkNonNegative({ amountWei: command.amountWei })
      const undistributedWei = state.undistributedWei + command.amountWei
      return { state: { ...state, undistributedWei }, events: [], result: null }
    }
    case 'distribute':
      if (state.undistributedWei === 0n) refuse('NothingToShare', 'nothing came in since the last distribution')
      return distribute(state, command.refusing ?? [])
    case 'setSplit': {
      const { split, remainderTo, refusing = [] } = command
      checkSplit(split)
      checkParty(remainderTo)
      // What came in before is shared by the rule that was in force then.
      const before = state.undistributedWei > 0n ? distribute(state, refusing) : { state, events: [] }
      const events = [...before.events, { type: 'splitSet', split, remainderTo } as const]
      return { state: { ...before.state, split, remainderTo }, events, result: null }
    }
    case 'payOwed': {
      const { party, refusing = [] } = command
      checkParty(party)
      const amountWei = state.owedWei[party]
      if (amountWei === 0n) refuse('NothingOwed', `nothing is owed to ${party}`)
      if (refusing.includes(party)) refuse('PaymentRefused', `the receiver of ${party} refuses ${amountWei}`)
      const owedWei = { ...state.owedWei, [party]: 0n }
      const paidWei = { ...state.paidWei, [party]: state.paidWei[party] + amountWei }
      return { state: { ...state, owedWei, paidWei }, events: [{ type: 'paid', party, amountWei }], result: null }
    }
    case 'openRebate': {
      const { root, totalWei, atSeconds } = command
      checkNonNegative({ totalWei, atSeconds })
      if (hexToBytes(root)?.length !== 32) invalid(`"root" expected 32 bytes, got ${root}`, { root })
      if (BigInt(root) === 0n || totalWei === 0n) refuse('RebateInvalid', 'a rebate promises something to somebody')
      if (totalWei > state.usersWei)
        refuse('AboveUsersShare', `the users' share is ${state.usersWei}, less than ${totalWei}`)
      const endsAtSeconds = atSeconds + state.claimWindowSeconds
      const opened: OpenRebate = { root, totalWei, leftWei: totalWei, endsAtSeconds, claimed: OrderedMap.from() }
      const rebate = state.rebates.length
      return {
        state: { ...state, usersWei: state.usersWei - totalWei, rebates: [...state.rebates, opened] },
        events: [{ type: 'rebateOpened', rebate, root, totalWei, endsAtSeconds }],
        result: null,
      }
    }
    case 'claim':
      return claim(state, command)
    case 'endRebate': {
      const { rebate, atSeconds } = command
      const of = rebateAt(state, rebate)
      if (atSeconds < of.endsAtSeconds)
        refuse('RebateOpen', `rebate ${rebate} can be claimed until ${of.endsAtSeconds}`)
      if (of.leftWei === 0n) refuse('RebateOver', `of rebate ${rebate} nothing is left`)
      return {
        state: {
          ...state,
          usersWei: state.usersWei + of.leftWei,
          rebates: withRebate(state, rebate, { ...of, leftWei: 0n }),
        },
        events: [{ type: 'rebateEnded', rebate, leftWei: of.leftWei }],
        result: null,
      }
    }
  }
}
