import type { Hex } from 'viem'
import { refuse } from '../errors.js'
import { isSeconds, later } from '../internal/seconds.js'
import type { PoolCommand } from '../pool/commands.js'
import { rememberedSeconds } from '../pool/config.js'
import { type Draft, find, only, owned, put, requireStatus } from '../pool/draft.js'
import { eject } from '../pool/seats.js'
import { bondedWei, checkpointAt, jailedForever, weightOf, weightsEpoch } from '../pool/sequencer.js'
import type { Sequencer, SlashCase } from '../pool/types.js'
import { charge, correlated, exposureOf, furtherExposure, month } from './charge.js'
import { mostPenaltyBps, offenceRules, penaltyWei } from './penalty.js'

type Command<Type extends PoolCommand['type']> = Extract<PoolCommand, { type: Type }>

const firstJailSeconds = 600n
const longestJailSeconds = 86_400n

export function hash32(value: Hex, field: string): Hex {
  if (!/^0x[0-9a-f]{64}$/.test(value)) refuse('INPUT_INVALID', `${field} expected 32 bytes, lower case`, { field })
  return value
}

/** What everybody had at stake at the end of `epoch`. */
function totalAt(draft: Draft, epoch: bigint): bigint {
  return draft.totals.at(epoch)?.wei ?? 0n
}

export function admitOffence(draft: Draft, command: Command<'admitOffence'>): void {
  only(draft, draft.config.operator, 'operator')
  const { kind, id, offenceEpoch, offenceAtSeconds } = command.offence
  const evidenceId = hash32(command.offence.evidenceId, 'evidenceId')
  const evidenceHash = hash32(command.offence.evidenceHash, 'evidenceHash')
  const rule = Object.hasOwn(offenceRules, kind) ? offenceRules[kind] : undefined
  if (rule === undefined) refuse('INPUT_INVALID', 'no such offence', { kind: String(kind).slice(0, 40) })
  if (draft.cases.has(evidenceId)) refuse('CASE_DUPLICATE', 'this fault has been admitted before', { evidenceId })
  const sequencer = find(draft, id)
  const { evidenceMaxAgeSeconds, vetoWindowSeconds, correlationSettleSeconds } = draft.config.windows
  const { excessOfflineBps = 0 } = command.offence
  if (!Number.isInteger(excessOfflineBps) || excessOfflineBps < 0 || excessOfflineBps > 10_000) {
    refuse('INPUT_INVALID', `excessOfflineBps expected 0 … 10000, got ${excessOfflineBps}`, { excessOfflineBps })
  }
  if (
    !isSeconds(offenceAtSeconds) ||
    offenceEpoch < 0n ||
    offenceAtSeconds > draft.atSeconds ||
    offenceAtSeconds < draft.atSeconds - evidenceMaxAgeSeconds ||
    offenceEpoch > draft.epoch ||
    offenceEpoch < draft.epochStarts.oldest!.epoch
  ) {
    refuse('OFFENCE_WINDOW', 'the offence lies outside the evidence window', {
      offenceAtSeconds,
      offenceEpoch,
      atSeconds: draft.atSeconds,
      epoch: draft.epoch,
      evidenceMaxAgeSeconds,
    })
  }
  const stake = stakeAt(draft, sequencer, offenceEpoch)
  const executableAtSeconds = draft.atSeconds + vetoWindowSeconds + (rule.safety ? correlationSettleSeconds : 0n)
  const open: SlashCase = {
    evidenceId,
    evidenceHash,
    kind,
    id,
    offenceEpoch,
    ...stake,
    offenceAtSeconds,
    admittedAtSeconds: draft.atSeconds,
    executableAtSeconds,
    status: 'pending',
    excessOfflineBps,
    ownWei: 0n,
    correlatedWei: 0n,
    reporter: undefined,
    reporterOrder: Number.MAX_SAFE_INTEGER,
    pauses: 0,
  }
  draft.cases = draft.cases.set(evidenceId, open)
  if (rule.safety) {
    const { exitDelaySeconds, correlationWindowSeconds } = draft.config.windows
    const oldest = draft.atSeconds - exitDelaySeconds - correlationWindowSeconds
    draft.recentSafety = [
      ...draft.recentSafety.filter(other => draft.cases.get(other)!.offenceAtSeconds >= oldest),
      evidenceId,
    ]
  }
  put(draft, {
    ...sequencer,
    caseIds: [...remembered(draft, sequencer), evidenceId],
    openCases: sequencer.openCases + 1,
  })
  const mostWei = penaltyWei(mostPenaltyBps(kind, excessOfflineBps), open.stakeWei)
  draft.events.push({
    type: 'OffenceAdmitted',
    ...exposureOf(draft, open, mostWei),
    evidenceId,
    kind,
    executableAtSeconds,
    correlated: furtherExposure(draft, open),
  })
  if (rule.safety) jail(draft, find(draft, id), jailedForever)
  else if (kind === 'DOWNTIME') jailForDowntime(draft, find(draft, id))
}

/**
 * What an offender had at stake, and everybody: at the start of the epoch, or at its end when that is more, since what
 * left in between still answers for it. One who led with nothing bonded any more had been elected with what was on its
 * way out: that is the stake then.
 */
function stakeAt(
  draft: Draft,
  sequencer: Sequencer,
  epoch: bigint,
): Pick<SlashCase, 'stakeEpoch' | 'stakeWei' | 'totalWei'> {
  const at = (when: bigint) => ({ stakeWei: weightOf(checkpointAt(sequencer, when)), totalWei: totalAt(draft, when) })
  const [start, end] = [at(epoch - 1n), at(epoch)]
  const most = end.stakeWei > start.stakeWei ? end : start
  if (most.stakeWei > 0n) return { stakeEpoch: epoch, ...most }
  const weights = weightsEpoch(draft.config, epoch)
  return { stakeEpoch: weights, ...at(weights) }
}

/**
 * Cases are kept for as long as they can still matter to another one; the last downtime forever, since turns are
 * counted from it on.
 */
function remembered(draft: Draft, sequencer: Sequencer): readonly Hex[] {
  const oldest =
    draft.atSeconds - rememberedSeconds(draft.config.windows) - draft.config.windows.exitDelaySeconds - month
  const ids = sequencer.caseIds
  const lastDowntime = ids.reduce<SlashCase | undefined>((last, id) => {
    const found = draft.cases.get(id)!
    return found.kind === 'DOWNTIME' && (last === undefined || found.offenceEpoch >= last.offenceEpoch) ? found : last
  }, undefined)
  return ids.filter(id => {
    const found = draft.cases.get(id)!
    if (found.status === 'pending' || found.offenceAtSeconds >= oldest || found === lastDowntime) return true
    draft.cases = draft.cases.delete(id)
    draft.recentSafety = draft.recentSafety.filter(other => other !== id)
    return false
  })
}

function jail(draft: Draft, sequencer: Sequencer, untilSeconds: bigint): void {
  if (sequencer.status !== 'active' || sequencer.jailedUntilSeconds >= untilSeconds) return
  put(draft, { ...sequencer, jailedUntilSeconds: untilSeconds })
  draft.events.push({ type: 'Jailed', id: sequencer.id, untilSeconds })
}

/**
 * Ten minutes, doubled by every strike of the last months, a day at most; never so many at once that the chain stops.
 */
function jailForDowntime(draft: Draft, sequencer: Sequencer): void {
  if (sequencer.status !== 'active' || sequencer.jailedUntilSeconds > 0n) return
  if (3n * (draft.jailedWei + bondedWei(sequencer)) > draft.activeWei) return
  const strikes = strikesAt(sequencer, draft.atSeconds)
  const doubled = firstJailSeconds << BigInt(Math.min(strikes, 20))
  const seconds = doubled < longestJailSeconds ? doubled : longestJailSeconds
  put(draft, { ...sequencer, strikes: strikes + 1, lastStrikeAtSeconds: draft.atSeconds })
  jail(draft, find(draft, sequencer.id), draft.atSeconds + seconds)
}

/** Strikes that are not forgiven yet: one is every thirty days. */
function strikesAt(sequencer: Sequencer, atSeconds: bigint): number {
  return Math.max(0, sequencer.strikes - Number((atSeconds - sequencer.lastStrikeAtSeconds) / month))
}

export function unjail(draft: Draft, command: Command<'unjail'>): void {
  const sequencer = owned(draft, command.id)
  requireStatus(sequencer, 'active')
  if (sequencer.jailedUntilSeconds === 0n || sequencer.jailedUntilSeconds > draft.atSeconds || sequencer.tombstoned) {
    refuse('SEQUENCER_STATUS', 'not jailed, or not long enough', {
      id: sequencer.id,
      jailedUntilSeconds: sequencer.jailedUntilSeconds,
    })
  }
  free(draft, sequencer)
}

function free(draft: Draft, sequencer: Sequencer): void {
  put(draft, { ...sequencer, jailedUntilSeconds: 0n })
  draft.events.push({ type: 'Unjailed', id: sequencer.id })
}

export function caseOf(draft: Draft, evidenceId: Hex): SlashCase {
  return (
    draft.cases.get(evidenceId) ??
    refuse('CASE_UNKNOWN', 'no such case', { evidenceId: String(evidenceId).slice(0, 66) })
  )
}

export function requirePending(open: SlashCase): void {
  if (open.status !== 'pending') {
    refuse('CASE_STAGE', `the case is ${open.status}`, { evidenceId: open.evidenceId, status: open.status })
  }
}

function close(draft: Draft, open: SlashCase, outcome: 'executed' | 'vetoed'): void {
  draft.cases = draft.cases.set(open.evidenceId, { ...open, status: outcome })
  const sequencer = find(draft, open.id)
  put(draft, { ...sequencer, openCases: sequencer.openCases - 1 })
  draft.events.push({ type: 'CaseClosed', evidenceId: open.evidenceId, id: open.id, outcome })
}

export function vetoCase(draft: Draft, command: Command<'vetoCase'>): void {
  only(draft, draft.config.council, 'council')
  const open = caseOf(draft, command.evidenceId)
  requirePending(open)
  close(draft, open, 'vetoed')
  const sequencer = find(draft, open.id)
  const another = sequencer.caseIds.some(id => {
    const other = draft.cases.get(id)!
    return other.status === 'pending' && offenceRules[other.kind].safety
  })
  if (
    offenceRules[open.kind].safety &&
    sequencer.jailedUntilSeconds === jailedForever &&
    !another &&
    !sequencer.tombstoned
  ) {
    free(draft, sequencer)
  }
}

export function pauseCase(draft: Draft, command: Command<'pauseCase'>): void {
  only(draft, draft.config.council, 'council')
  const open = caseOf(draft, command.evidenceId)
  requirePending(open)
  const { maxPauseSeconds } = draft.config.windows
  if (!isSeconds(command.seconds) || command.seconds === 0n || command.seconds > maxPauseSeconds || open.pauses > 0) {
    refuse('CASE_STAGE', `one pause of 1 … ${maxPauseSeconds} seconds a case`, {
      seconds: command.seconds,
      pauses: open.pauses,
    })
  }
  const untilSeconds = later(open.executableAtSeconds, draft.atSeconds + command.seconds)
  draft.cases = draft.cases.set(open.evidenceId, { ...open, executableAtSeconds: untilSeconds, pauses: 1 })
  draft.events.push({ type: 'CasePaused', evidenceId: open.evidenceId, untilSeconds })
}

/** Anybody may execute a case whose windows have closed: nobody's stake waits for somebody's goodwill. */
export function executeCase(draft: Draft, command: Command<'executeCase'>): void {
  const open = caseOf(draft, command.evidenceId)
  requirePending(open)
  if (draft.atSeconds < open.executableAtSeconds) {
    refuse('CASE_STAGE', `executable from ${open.executableAtSeconds}`, {
      executableAtSeconds: open.executableAtSeconds,
      atSeconds: draft.atSeconds,
    })
  }
  close(draft, open, 'executed')
  const rule = offenceRules[open.kind]
  charge(draft, open.id)
  if (!rule.safety) return
  // One more offender raises the correlated share of those who were executed before: they pay the difference, so that
  // order never matters.
  for (const other of new Set(correlated(draft, open).map(({ id }) => id))) if (other !== open.id) charge(draft, other)
  const sequencer = find(draft, open.id)
  if (!sequencer.tombstoned) {
    put(draft, { ...sequencer, tombstoned: true, jailedUntilSeconds: jailedForever })
    draft.events.push({ type: 'Tombstoned', id: open.id })
    if (sequencer.status === 'active') eject(draft, find(draft, open.id))
  }
}
