import { refuse } from '../errors.js'
import type { PoolEvent } from './commands.js'
import { bondedWei } from './sequencer.js'
import type { Ledger, PoolState, Sequencer } from './types.js'

/** A state under change: handlers assign fields, and nobody sees it before the command has succeeded. */
export type Draft = { -readonly [Key in keyof PoolState]: PoolState[Key] } & {
  readonly events: PoolEvent[]
  readonly by: `0x${string}`
}

/** Writes a sequencer, keeping the pool's sums and the sequencer's history of weights right. The only way to write one. */
export function put(draft: Draft, next: Sequencer): void {
  const last = draft.sequencers.get(next.id)
  const before = last === undefined ? 0n : bondedWei(last)
  const after = bondedWei(next)
  const jailedBefore = last !== undefined && last.jailedUntil > 0 ? before : 0n
  const jailedAfter = next.jailedUntil > 0 ? after : 0n
  if (after !== before) {
    draft.activeWei += after - before
    draft.totals = [...recent(draft, draft.totals), { epoch: draft.epoch, wei: draft.activeWei }]
  }
  if (jailedAfter !== jailedBefore) draft.jailedWei += jailedAfter - jailedBefore
  const electable = next.status === 'active' && next.jailedUntil === 0
  const tip = next.history[next.history.length - 1]
  if (tip === undefined ? after > 0n : tip.wei !== after || tip.electable !== electable) {
    const history = recent(draft, next.history)
    history.push({ epoch: draft.epoch, wei: after, electable })
    next = { ...next, history }
  }
  draft.sequencers = draft.sequencers.set(next.id, next)
}

/** Checkpoints without that of the running epoch, which is to be written anew, and without those nobody will ask for again. */
function recent<T extends { readonly epoch: bigint }>(draft: Draft, checkpoints: readonly T[]): T[] {
  const horizon = draft.epoch - BigInt(draft.config.historyEpochs)
  // The newest checkpoint at or before the horizon still says what was at the horizon.
  let start = 0
  while (start + 1 < checkpoints.length && checkpoints[start + 1]!.epoch <= horizon) start++
  return checkpoints.slice(start, checkpoints[checkpoints.length - 1]?.epoch === draft.epoch ? -1 : undefined)
}

/** Moves wei between the accounts of the ledger. */
export function book(draft: Draft, changes: Partial<Ledger>): void {
  const ledger: Record<keyof Ledger, bigint> = { ...draft.ledger }
  for (const key of Object.keys(changes) as (keyof Ledger)[]) ledger[key] += changes[key]!
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

/** Nothing leaves a seat against which evidence is open. */
export function notFrozen(sequencer: Sequencer): void {
  if (sequencer.openCases > 0) {
    refuse('EXIT_FROZEN', `${sequencer.openCases} open cases against sequencer ${sequencer.id}`, {
      id: sequencer.id,
      openCases: sequencer.openCases,
    })
  }
}
