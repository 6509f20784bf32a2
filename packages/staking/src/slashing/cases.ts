import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Address, Hex } from 'viem'
import { refuse } from '../errors.js'
import type { PoolCommand } from '../pool/commands.js'
import { book, type Draft, find, only, owned, put, requireStatus } from '../pool/draft.js'
import { eject } from '../pool/seats.js'
import { bondedWei, checkpointAt, jailedForever } from '../pool/sequencer.js'
import type { Sequencer, SlashCase } from '../pool/types.js'
import { type OffenceKind, offenceRules, penaltyBps, penaltyWei, splitSlash } from './penalty.js'

type Command<Type extends PoolCommand['type']> = Extract<PoolCommand, { type: Type }>

const month = 30 * 86_400
const firstJailSeconds = 600
const longestJailSeconds = 86_400

function hash32(value: Hex, field: string): Hex {
  if (!/^0x[0-9a-f]{64}$/.test(value)) refuse('INPUT_INVALID', `${field} expected 32 bytes, lower case`, { field })
  return value
}

/** What everybody had at stake at the end of `epoch`. */
function totalAt(draft: Draft, epoch: bigint): bigint {
  for (let i = draft.totals.length - 1; i >= 0; i--) if (draft.totals[i]!.epoch <= epoch) return draft.totals[i]!.wei
  return 0n
}

export function admitOffence(draft: Draft, command: Command<'admitOffence'>): void {
  only(draft, draft.config.operator, 'operator')
  const { kind, id, offenceEpoch, offenceAt } = command.offence
  const evidenceId = hash32(command.offence.evidenceId, 'evidenceId')
  const evidenceHash = hash32(command.offence.evidenceHash, 'evidenceHash')
  const rule = Object.hasOwn(offenceRules, kind) ? offenceRules[kind] : undefined
  if (rule === undefined) refuse('INPUT_INVALID', 'no such offence', { kind: String(kind).slice(0, 40) })
  if (draft.cases.has(evidenceId)) refuse('CASE_DUPLICATE', 'this fault has been admitted before', { evidenceId })
  const sequencer = find(draft, id)
  const { evidenceMaxAgeSeconds, vetoWindowSeconds, correlationSettleSeconds } = draft.config.windows
  const horizon = draft.epoch - BigInt(draft.config.historyEpochs)
  const { excessOfflineBps = 0 } = command.offence
  if (!Number.isInteger(excessOfflineBps) || excessOfflineBps < 0 || excessOfflineBps > 10_000) {
    refuse('INPUT_INVALID', `excessOfflineBps expected 0 … 10000, got ${excessOfflineBps}`, { excessOfflineBps })
  }
  if (
    !Number.isSafeInteger(offenceAt) ||
    offenceAt < 0 ||
    offenceEpoch < 0n ||
    offenceAt > draft.at ||
    offenceAt < draft.at - evidenceMaxAgeSeconds ||
    offenceEpoch > draft.epoch ||
    offenceEpoch <= horizon
  ) {
    refuse('OFFENCE_WINDOW', 'the offence lies outside the evidence window', {
      offenceAt,
      offenceEpoch,
      at: draft.at,
      epoch: draft.epoch,
      evidenceMaxAgeSeconds,
    })
  }
  // Stake at the start of the offence's epoch, or its end when that is more: what left in between still answers for it.
  const start = checkpointAt(sequencer, offenceEpoch - 1n).wei
  const end = checkpointAt(sequencer, offenceEpoch).wei
  const atEnd = end > start
  const stakeWei = atEnd ? end : start
  const executableAt = draft.at + vetoWindowSeconds + (rule.safety ? correlationSettleSeconds : 0)
  draft.cases = draft.cases.set(evidenceId, {
    evidenceId,
    evidenceHash,
    kind,
    id,
    offenceEpoch,
    offenceAt,
    admittedAt: draft.at,
    executableAt,
    status: 'pending',
    stakeWei,
    totalWei: totalAt(draft, atEnd ? offenceEpoch : offenceEpoch - 1n),
    excessOfflineBps,
    span: spanAt(sequencer, offenceAt),
    reporter: undefined,
    reporterOrder: Number.MAX_SAFE_INTEGER,
    pauses: 0,
  })
  if (rule.safety) {
    const { exitDelaySeconds, correlationWindowSeconds } = draft.config.windows
    const oldest = draft.at - exitDelaySeconds - correlationWindowSeconds
    draft.recentSafety = [
      ...draft.recentSafety.filter(other => draft.cases.get(other)!.offenceAt >= oldest),
      evidenceId,
    ]
  }
  put(draft, {
    ...sequencer,
    caseIds: [...sequencer.caseIds, evidenceId],
    openCases: sequencer.openCases + 1,
  })
  draft.events.push({ type: 'OffenceAdmitted', id, evidenceId, kind, executableAt })
  if (rule.safety) jail(draft, find(draft, id), jailedForever)
  else if (kind === 'DOWNTIME') jailForDowntime(draft, find(draft, id))
}

/** Index of the slashing span in which a moment fell. */
function spanAt(sequencer: Sequencer, at: number): number {
  let span = 0
  while (span + 1 < sequencer.spans.length && sequencer.spans[span + 1]!.startedAt <= at) span++
  return span
}

function jail(draft: Draft, sequencer: Sequencer, until: number): void {
  if (sequencer.status !== 'active' || sequencer.jailedUntil >= until) return
  put(draft, { ...sequencer, jailedUntil: until })
  draft.events.push({ type: 'Jailed', id: sequencer.id, until })
}

/** Ten minutes, doubled by every strike of the last months, a day at most; never so many at once that the chain stops. */
function jailForDowntime(draft: Draft, sequencer: Sequencer): void {
  if (sequencer.status !== 'active' || sequencer.jailedUntil > 0) return
  if (3n * (draft.jailedWei + bondedWei(sequencer)) > draft.activeWei) return
  const strikes = strikesAt(sequencer, draft.at)
  const seconds = Math.min(firstJailSeconds * 2 ** Math.min(strikes, 20), longestJailSeconds)
  put(draft, { ...sequencer, strikes: strikes + 1, lastStrikeAt: draft.at })
  jail(draft, find(draft, sequencer.id), draft.at + seconds)
}

/** Strikes that are not forgiven yet: one is every thirty days. */
function strikesAt(sequencer: Sequencer, at: number): number {
  return Math.max(0, sequencer.strikes - Math.floor((at - sequencer.lastStrikeAt) / month))
}

export function unjail(draft: Draft, command: Command<'unjail'>): void {
  const sequencer = owned(draft, command.id)
  requireStatus(sequencer, 'active')
  if (sequencer.jailedUntil === 0 || sequencer.jailedUntil > draft.at || sequencer.tombstoned) {
    refuse('SEQUENCER_STATUS', 'not jailed, or not long enough', {
      id: sequencer.id,
      jailedUntil: sequencer.jailedUntil,
    })
  }
  free(draft, { ...sequencer, spans: [...sequencer.spans, { startedAt: draft.at, slashedWei: 0n }] })
}

function free(draft: Draft, sequencer: Sequencer): void {
  put(draft, { ...sequencer, jailedUntil: 0 })
  draft.events.push({ type: 'Unjailed', id: sequencer.id })
}

/** Hash a reporter publishes before the evidence: keccak256(evidenceHash ‖ reporter ‖ salt), 32 + 20 + 32 bytes. */
export function reportCommitment(evidenceHash: Hex, reporter: Address, salt: Hex): Hex {
  const parts = [evidenceHash, reporter, salt].map(hexToBytes)
  if (parts[0]?.length !== 32 || parts[1]?.length !== 20 || parts[2]?.length !== 32) {
    refuse('INPUT_INVALID', 'a commitment is made of 32, 20 and 32 bytes')
  }
  return bytesToHex(keccak_256(concatBytes(...(parts as Uint8Array[]))))
}

export function commitReport(draft: Draft, command: Command<'commitReport'>): void {
  const commitment = hash32(command.commitment, 'commitment')
  if (draft.reports.has(commitment)) refuse('REPORT_INVALID', 'this commitment exists', { commitment })
  draft.reportCount++
  draft.reports = draft.reports.set(commitment, { reporter: draft.by, order: draft.reportCount, at: draft.at })
  draft.events.push({ type: 'ReportCommitted', commitment, reporter: draft.by })
}

export function revealReport(draft: Draft, command: Command<'revealReport'>): void {
  const open = caseOf(draft, command.evidenceId)
  requirePending(open)
  const commitment = reportCommitment(open.evidenceHash, draft.by, command.salt)
  const report = draft.reports.get(commitment)
  // Made after the evidence was public, it proves nothing; made later than another's, it loses to it.
  if (report === undefined || report.at >= open.admittedAt || report.order >= open.reporterOrder) {
    refuse('REPORT_INVALID', 'no commitment of this reporter that is early enough', { evidenceId: open.evidenceId })
  }
  draft.reports = draft.reports.delete(commitment)
  draft.cases = draft.cases.set(open.evidenceId, { ...open, reporter: draft.by, reporterOrder: report.order })
  draft.events.push({ type: 'ReportRevealed', evidenceId: open.evidenceId, reporter: draft.by })
}

function caseOf(draft: Draft, evidenceId: Hex): SlashCase {
  return (
    draft.cases.get(evidenceId) ??
    refuse('CASE_UNKNOWN', 'no such case', { evidenceId: String(evidenceId).slice(0, 66) })
  )
}

function requirePending(open: SlashCase): void {
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
  if (offenceRules[open.kind].safety && sequencer.jailedUntil === jailedForever && !another && !sequencer.tombstoned) {
    free(draft, sequencer)
  }
}

export function pauseCase(draft: Draft, command: Command<'pauseCase'>): void {
  only(draft, draft.config.council, 'council')
  const open = caseOf(draft, command.evidenceId)
  requirePending(open)
  const { maxPauseSeconds } = draft.config.windows
  if (
    !Number.isInteger(command.seconds) ||
    command.seconds < 1 ||
    command.seconds > maxPauseSeconds ||
    open.pauses > 0
  ) {
    refuse('CASE_STAGE', `one pause of 1 … ${maxPauseSeconds} seconds a case`, {
      seconds: command.seconds,
      pauses: open.pauses,
    })
  }
  const until = Math.max(open.executableAt, draft.at + command.seconds)
  draft.cases = draft.cases.set(open.evidenceId, { ...open, executableAt: until, pauses: 1 })
  draft.events.push({ type: 'CasePaused', evidenceId: open.evidenceId, until })
}

/** Anybody may execute a case whose windows have closed: nobody's stake waits for somebody's goodwill. */
export function executeCase(draft: Draft, command: Command<'executeCase'>): void {
  const open = caseOf(draft, command.evidenceId)
  requirePending(open)
  if (draft.at < open.executableAt) {
    refuse('CASE_STAGE', `executable from ${open.executableAt}`, { executableAt: open.executableAt, at: draft.at })
  }
  close(draft, open, 'executed')
  const rule = offenceRules[open.kind]
  settle(draft, open.id)
  if (!rule.safety) return
  // One more offender raises the correlated share of those who were executed before: they pay the difference, so that order never matters.
  for (const other of new Set(correlated(draft, open).map(({ id }) => id))) if (other !== open.id) settle(draft, other)
  const sequencer = find(draft, open.id)
  if (!sequencer.tombstoned) {
    put(draft, { ...sequencer, tombstoned: true, jailedUntil: jailedForever })
    draft.events.push({ type: 'Tombstoned', id: open.id })
    if (sequencer.status === 'active') eject(draft, find(draft, open.id))
  }
}

/** Executed safety cases of the same class within the correlation window, the case itself included. */
function correlated(draft: Draft, open: SlashCase): SlashCase[] {
  const { correlationWindowSeconds } = draft.config.windows
  return draft.recentSafety
    .map(id => draft.cases.get(id)!)
    .filter(
      other =>
        other.status === 'executed' &&
        offenceRules[other.kind].class === offenceRules[open.kind].class &&
        Math.abs(other.offenceAt - open.offenceAt) <= correlationWindowSeconds,
    )
}

/** The share of stake a case costs today, given every case that has been executed. */
function fractionOf(draft: Draft, executed: SlashCase, own: readonly SlashCase[]): number {
  const { kind, stakeWei, totalWei, excessOfflineBps } = executed
  const stakes = new Map<number, bigint>([[executed.id, stakeWei]])
  for (const other of correlated(draft, executed)) {
    if (other.id !== executed.id && other.stakeWei > (stakes.get(other.id) ?? 0n)) stakes.set(other.id, other.stakeWei)
  }
  let offendersWei = 0n
  for (const stake of stakes.values()) offendersWei += stake
  const repetition = own.filter(
    other =>
      other.kind === kind &&
      other.offenceAt > executed.offenceAt - month &&
      (other.offenceAt < executed.offenceAt ||
        (other.offenceAt === executed.offenceAt && other.evidenceId <= executed.evidenceId)),
  ).length
  return penaltyBps({ kind, stakeWei, totalWei, offendersWei, repetition, excessOfflineBps })
}

/** Charges what a sequencer's executed cases cost by now beyond what it has paid: per span the worst offence, not their sum. */
function settle(draft: Draft, id: number): void {
  const own = find(draft, id)
    .caseIds.map(caseId => draft.cases.get(caseId)!)
    .filter(({ status }) => status === 'executed')
  const worst = new Map<number, { executed: SlashCase; fractionBps: number; owedWei: bigint }>()
  for (const executed of own) {
    const fractionBps = fractionOf(draft, executed, own)
    const owedWei = penaltyWei(fractionBps, executed.stakeWei)
    const last = worst.get(executed.span)
    if (last === undefined || owedWei > last.owedWei) worst.set(executed.span, { executed, fractionBps, owedWei })
  }
  for (const [span, { executed, fractionBps, owedWei }] of [...worst].sort(([a], [b]) => a - b)) {
    const sequencer = find(draft, id)
    const paid = sequencer.spans[span]!.slashedWei
    if (owedWei <= paid) continue
    const spans = sequencer.spans.map((item, index) => (index === span ? { ...item, slashedWei: owedWei } : item))
    take(draft, { ...sequencer, spans }, executed, fractionBps, owedWei - paid)
  }
}

/** Takes up to `amountWei`: the operator's tranche first, then operator and delegators in proportion. */
function take(draft: Draft, sequencer: Sequencer, executed: SlashCase, fractionBps: number, amountWei: bigint): void {
  const { firstLossBps, delegatorsSlashable } = draft.config
  const exposed = sequencer.unlocking.filter(({ startedEpoch }) => startedEpoch >= executed.offenceEpoch)
  const operatorWei = exposed.reduce((sum, entry) => sum + entry.amountWei, sequencer.amountWei)
  const delegatedWei = delegatorsSlashable ? sequencer.delegatedWei : 0n
  const loss = min(amountWei, operatorWei + delegatedWei)
  const first = min(loss, (operatorWei * BigInt(firstLossBps)) / 10_000n)
  const rest = operatorWei - first + delegatedWei
  const fromDelegators = rest === 0n ? 0n : ((loss - first) * delegatedWei) / rest
  const fromOperator = loss - fromDelegators

  let left = fromOperator
  const fromBond = min(left, sequencer.amountWei)
  left -= fromBond
  const unlocking = sequencer.unlocking.map(entry => {
    if (left === 0n || entry.startedEpoch < executed.offenceEpoch) return entry
    const cut = min(left, entry.amountWei)
    left -= cut
    return { ...entry, amountWei: entry.amountWei - cut }
  })
  put(draft, {
    ...sequencer,
    amountWei: sequencer.amountWei - fromBond,
    unlocking,
    delegatedWei: sequencer.delegatedWei - fromDelegators,
  })
  const { kind, evidenceId, reporter, id } = executed
  const split = splitSlash(kind, loss, reporter !== undefined)
  book(draft, { burntWei: split.burntWei, treasuryWei: split.treasuryWei, paidOutWei: split.reporterWei })
  draft.events.push({
    type: 'Slashed',
    id,
    evidenceId,
    kind: kind satisfies OffenceKind,
    fractionBps,
    operatorWei: fromOperator,
    delegatorsWei: fromDelegators,
    ...split,
  })
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b)
