import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Address, Hex } from 'viem'
import { refuse } from '../errors.js'
import type { PoolCommand } from '../pool/commands.js'
import { rememberedSeconds } from '../pool/config.js'
import { type Draft, find } from '../pool/draft.js'
import type { SlashCase } from '../pool/types.js'
import { caseOf, hash32, requirePending } from './cases.js'

type Command<Type extends PoolCommand['type']> = Extract<PoolCommand, { type: Type }>

/** Commitments one account may have at a time. */
const maxCommitments = 256

/** Hash a reporter publishes before the evidence: keccak256(evidenceHash ‖ reporter ‖ salt), 32 + 20 + 32 bytes. */
export function reportCommitment(evidenceHash: Hex, reporter: Address, salt: Hex): Hex {
  const parts = [evidenceHash, reporter, salt].map(hexToBytes)
  if (parts[0]?.length !== 32 || parts[1]?.length !== 20 || parts[2]?.length !== 32) {
    refuse('INPUT_INVALID', 'a commitment is made of 32, 20 and 32 bytes')
  }
  return bytesToHex(keccak256(concatBytes(...(parts as Uint8Array[]))))
}

/**
 * Who may earn a reporter's share: permitted watchers, and owners of seats in good standing. The offender knows its own
 * evidence first and can have any number of fresh accounts, so the order of commitments tells it from nobody; a permit
 * or a seat of another owner does.
 */
function requireReporter(draft: Draft): void {
  if (draft.watchers.has(draft.by)) return
  const id = draft.owners.get(draft.by)
  const seat = id === undefined ? undefined : draft.sequencers.get(id)
  if (seat?.status === 'active' && seat.jailedUntilSeconds === 0n && !seat.tombstoned) return
  refuse('NOT_AUTHORIZED', 'only permitted watchers and owners of seats in good standing earn a reporter’s share', {
    role: 'watcher',
    by: draft.by,
  })
}

export function commitReport(draft: Draft, command: Command<'commitReport'>): void {
  const commitment = hash32(command.commitment, 'commitment')
  requireReporter(draft)
  const oldest = draft.atSeconds - rememberedSeconds(draft.config.windows)
  const kept = draft.reports.filter(({ atSeconds }) => atSeconds >= oldest)
  if (kept.some(report => report.commitment === commitment)) {
    refuse('REPORT_INVALID', 'this commitment exists', { commitment })
  }
  if (kept.filter(({ reporter }) => reporter === draft.by).length >= maxCommitments) {
    refuse('REPORT_INVALID', `at most ${maxCommitments} commitments at a time`, { by: draft.by })
  }
  draft.reportCount++
  draft.reports = [...kept, { commitment, reporter: draft.by, order: draft.reportCount, atSeconds: draft.atSeconds }]
  draft.events.push({ type: 'ReportCommitted', commitment, reporter: draft.by })
}

export function revealReport(draft: Draft, command: Command<'revealReport'>): void {
  const open = caseOf(draft, command.evidenceId)
  requirePending(open)
  requireReporter(draft)
  if (isOffender(draft, open)) {
    refuse('REPORT_INVALID', 'nobody earns a share of its own penalty', { evidenceId: open.evidenceId })
  }
  const commitment = reportCommitment(open.evidenceHash, draft.by, command.salt)
  const report = draft.reports.find(item => item.commitment === commitment)
  // Made before the fault, only the offender could have made it; after the evidence was public, it proves nothing; and
  // the first one counts.
  if (
    report === undefined ||
    report.atSeconds < open.offenceAtSeconds ||
    report.atSeconds >= open.admittedAtSeconds ||
    report.order >= open.reporterOrder
  ) {
    refuse('REPORT_INVALID', 'no commitment of this reporter between the fault and the evidence, before all others', {
      evidenceId: open.evidenceId,
    })
  }
  draft.reports = draft.reports.filter(item => item !== report)
  draft.cases = draft.cases.set(open.evidenceId, { ...open, reporter: draft.by, reporterOrder: report.order })
  draft.events.push({ type: 'ReportRevealed', evidenceId: open.evidenceId, reporter: draft.by })
}

/** Whether the caller is an account of the accused that the pool knows. */
function isOffender(draft: Draft, open: SlashCase): boolean {
  const { owner, rewardRecipient, keys } = find(draft, open.id)
  return draft.by === owner || draft.by === rewardRecipient || keys.some(({ signer }) => signer === draft.by)
}
