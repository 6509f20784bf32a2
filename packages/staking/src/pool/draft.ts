import type { Address } from 'viem'
import { refuse } from '../errors.js'
import type { Timeline } from '../internal/timeline.js'
import { offenceRules } from '../slashing/penalty.js'
import { joinBonds } from '../stake/bonds.js'
import { joinDelegated } from '../stake/delegated.js'
import type { SequencerPoolEvent } from './commands.js'
import { bondedWei, horizonOf } from './sequencer.js'
import type { PoolLedger, PoolState, Sequencer, SlashCase } from './types.js'

/** A state under change: handlers assign fields, and nobody sees it before the command has succeeded. */
export type Draft = Fields & { events: SequencerPoolEvent[]; by: Address }

type Fields = { -readonly [Key in keyof PoolState]: PoolState[Key] }

/** A state that a command may change, with who gave the command. */
export function openDraft(state: PoolState, atSeconds: bigint, by: Address): Draft {
  const draft = copyFields(state) as Draft
  draft.atSeconds = atSeconds
  draft.events = []
  draft.by = by
  return draft
}

/** The state a command has led to. */
export function sealDraft(draft: Draft): PoolState {
  return copyFields(draft)
}

/** Field by field: a spread with fields added to it costs more than all the rest of a command. */
function copyFields(draft: PoolState): Fields {
  return {
    profile: draft.profile,
    config: draft.config,
    atSeconds: draft.atSeconds,
    epoch: draft.epoch,
    epochStarts: draft.epochStarts,
    paused: draft.paused,
    rewardPerBlockWei: draft.rewardPerBlockWei,
    rates: draft.rates,
    rewardBatch: draft.rewardBatch,
    lastPaidHeight: draft.lastPaidHeight,
    lastPaidEpoch: draft.lastPaidEpoch,
    nextId: draft.nextId,
    seats: draft.seats,
    activeWei: draft.activeWei,
    jailedWei: draft.jailedWei,
    totals: draft.totals,
    ledger: draft.ledger,
    whitelist: draft.whitelist,
    sequencers: draft.sequencers,
    owners: draft.owners,
    signers: draft.signers,
    queue: draft.queue,
    delegations: draft.delegations,
    cases: draft.cases,
    recentSafety: draft.recentSafety,
    watchers: draft.watchers,
    reports: draft.reports,
    reportCount: draft.reportCount,
    commissionPlans: draft.commissionPlans,
    liquidAccounts: draft.liquidAccounts,
  }
}

/**
 * Writes a sequencer, keeping the pool's sums and the sequencer's history of weights right. The only way to write one.
 */
export function put(draft: Draft, next: Sequencer): void {
  const last = draft.sequencers.get(next.id)
  const before = last === undefined ? 0n : bondedWei(last)
  const after = bondedWei(next)
  const jailedBefore = last !== undefined && last.jailedUntilSeconds > 0n ? before : 0n
  const jailedAfter = next.jailedUntilSeconds > 0n ? after : 0n
  if (after !== before) {
    draft.activeWei += after - before
    draft.totals = noted(draft, draft.totals, { epoch: draft.epoch, wei: draft.activeWei })
  }
  if (jailedAfter !== jailedBefore) draft.jailedWei += jailedAfter - jailedBefore
  const electable = next.status === 'active' && next.jailedUntilSeconds === 0n
  const isActive = next.status === 'active'
  const ownWei = isActive ? next.amountWei : 0n
  const delegatedWei = isActive ? next.delegated.wei : 0n
  const tip = next.history.newest
  const isNew =
    tip === undefined
      ? after > 0n
      : tip.ownWei !== ownWei || tip.delegatedWei !== delegatedWei || tip.electable !== electable
  if (isNew) {
    const checkpoint = { epoch: draft.epoch, ownWei, delegatedWei, electable }
    next = { ...next, history: noted(draft, next.history, checkpoint) }
  }
  draft.sequencers = draft.sequencers.set(next.id, next)
}

/** Checkpoints with that of the running epoch, which is written anew, and without those nobody will ask for again. */
export function noted<T extends { readonly epoch: bigint }>(draft: Draft, list: Timeline<T>, now: T): Timeline<T> {
  const horizon = horizonOf(draft)
  // The newest checkpoint at or before the horizon still says what was at the horizon.
  return list.forget(next => next.epoch <= horizon).add(now)
}

/**
 * A sequencer whose stake is told apart only as far as a fault that may still come forward, or a case that is open,
 * asks for it.
 */
export function joined(draft: Draft, sequencer: Sequencer): Sequencer {
  if (sequencer.openCases > 0 || sequencer.tombstoned) return sequencer
  const horizon = horizonOf(draft)
  const bonds = joinBonds(sequencer.bonds, horizon)
  const delegated = joinDelegated(sequencer.delegated, horizon)
  return bonds === sequencer.bonds && delegated === sequencer.delegated ? sequencer : { ...sequencer, bonds, delegated }
}

/** Moves wei between the accounts of the ledger. */
export function book(draft: Draft, changes: Partial<PoolLedger>): void {
  const ledger: Record<keyof PoolLedger, bigint> = { ...draft.ledger }
  for (const key of Object.keys(changes) as (keyof PoolLedger)[]) ledger[key] += changes[key]!
  draft.ledger = ledger
}

export function find(draft: Draft, id: number): Sequencer {
  return draft.sequencers.get(id) ?? refuse('SEQUENCER_UNKNOWN', `no sequencer ${id}`, { id })
}

/** The sequencer with this id, when the caller owns it. */
export function owned(draft: Draft, id: number): Sequencer {
  const sequencer = find(draft, id)
  only(draft, sequencer.owner, 'owner')
  return sequencer
}

export function only(draft: Draft, account: string, role: string): void {
  if (draft.by !== account) refuse('NOT_AUTHORIZED', `only the ${role} may do this`, { role, by: draft.by })
}

export function notPaused(draft: Draft): void {
  if (draft.paused) refuse('POOL_PAUSED', 'the pool is paused')
}

export function requireStatus(sequencer: Sequencer, ...allowed: Sequencer['status'][]): void {
  if (!allowed.includes(sequencer.status)) {
    refuse('SEQUENCER_STATUS', `sequencer ${sequencer.id} is ${sequencer.status}, expected ${allowed.join(' or ')}`, {
      id: sequencer.id,
      status: sequencer.status,
    })
  }
}

export function requireAmount(amountWei: bigint, least: bigint, most: bigint, field: string): void {
  if (typeof amountWei !== 'bigint' || amountWei < least || amountWei > most) {
    refuse('AMOUNT_OUT_OF_RANGE', `${field} expected ${least} … ${most} wei, got ${String(amountWei)}`, {
      field,
      amountWei,
      least,
      most,
    })
  }
}

/**
 * Nothing leaves a seat against which evidence is open, nor one that was convicted and pays more if a case against
 * another ends so as well.
 */
export function notFrozen(draft: Draft, sequencer: Sequencer): void {
  const { id, openCases } = sequencer
  if (openCases > 0) {
    refuse('EXIT_FROZEN', `${openCases} open cases against sequencer ${id}`, { id, openCases })
  }
  if (!sequencer.tombstoned) return
  const convictions = sequencer.caseIds.map(caseId => draft.cases.get(caseId)!)
  for (const caseId of draft.recentSafety) {
    const open = draft.cases.get(caseId)!
    if (open.status !== 'pending' || !convictions.some(conviction => areCorrelated(draft, conviction, open))) continue
    refuse('EXIT_FROZEN', `case ${caseId} may still raise what sequencer ${id} pays`, { id, evidenceId: caseId })
  }
}

/** Whether two faults belong together: of one class, within the correlation window. */
export function areCorrelated(draft: Draft, a: SlashCase, b: SlashCase): boolean {
  const [first, second] = [offenceRules[a.kind], offenceRules[b.kind]]
  const apart =
    a.offenceAtSeconds > b.offenceAtSeconds
      ? a.offenceAtSeconds - b.offenceAtSeconds
      : b.offenceAtSeconds - a.offenceAtSeconds
  const { correlationWindowSeconds } = draft.config.windows
  return first.safety && second.safety && first.class === second.class && apart <= correlationWindowSeconds
}
