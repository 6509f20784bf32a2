import type { Address, Hex } from 'viem'
import type { SenderRecovery } from '../transaction/recovery.js'
import { recoverSigner } from '../transaction/signer.js'
import { type HeaderDomain, hashSequencerHeader, type SequencerHeader } from './header.js'

/** Whose turn it is. */
export type Leader = {
  readonly sequencer: Address
  readonly epoch: bigint
  readonly term: number
}

/** Who may sign which block: the one question that a sequencer asks the staking pool. */
export interface LeaderSchedule {
  /** `undefined`: nobody, or not known yet. */
  leaderAt(height: bigint): Leader | undefined
}

/** Why a signed header is not to be followed. */
export type HeaderFault =
  /** Nobody's signature, or not in canonical form. */
  | 'signature'
  /** The schedule knows no leader for this height. */
  | 'no-leader'
  /** Epoch or term are not those of the schedule. */
  | 'wrong-term'
  /** Signed by somebody whose turn it is not. */
  | 'wrong-signer'
  /** Height or parent hash do not continue the parent. */
  | 'parent'
  /** Before its parent in time, L1 origin, queue or turn. */
  | 'regression'

/** What {@link checkHeader} found. */
export type HeaderVerdict =
  | { readonly ok: true; readonly signer: Address }
  | { readonly ok: false; readonly fault: HeaderFault; readonly message: string }

/** What {@link checkHeader} judges by. */
export type HeaderContext = {
  readonly domain: HeaderDomain
  readonly schedule: LeaderSchedule
  /** Header of the parent with its block hash; `undefined` for the first signed block. */
  readonly parent: { readonly header: SequencerHeader; readonly blockHash: Hex } | undefined
  readonly recovery?: SenderRecovery | undefined
}

/**
 * Whether a header is signed by the elected sequencer and continues its parent. Says nothing of the block's content: that takes execution and
 * the judge of the ordering policy.
 *
 * @throws SequencerError `HEADER_INVALID`
 */
export function checkHeader(header: SequencerHeader, signature: Hex, context: HeaderContext): HeaderVerdict {
  const fault = (kind: HeaderFault, message: string): HeaderVerdict => ({ ok: false, fault: kind, message })
  const signer = recoverSigner(hashSequencerHeader(header, context.domain), signature, context.recovery)
  if (signer === undefined) return fault('signature', 'no canonical signature of anybody')
  const leader = context.schedule.leaderAt(header.height)
  if (leader === undefined) return fault('no-leader', `nobody leads at height ${header.height}`)
  if (leader.epoch !== header.epochId || leader.term !== header.term) {
    return fault(
      'wrong-term',
      `epoch ${header.epochId} term ${header.term}, the schedule has epoch ${leader.epoch} term ${leader.term}`,
    )
  }
  if (leader.sequencer.toLowerCase() !== signer) {
    return fault('wrong-signer', `signed by ${signer}, the leader is ${leader.sequencer.toLowerCase()}`)
  }
  const { parent } = context
  if (parent !== undefined) {
    if (
      header.height !== parent.header.height + 1n ||
      header.parentHash.toLowerCase() !== parent.blockHash.toLowerCase()
    ) {
      return fault('parent', `height ${header.height} on ${header.parentHash} does not continue ${parent.blockHash}`)
    }
    const before = parent.header
    const turnFell = header.epochId < before.epochId || (header.epochId === before.epochId && header.term < before.term)
    if (
      turnFell ||
      header.timestamp < before.timestamp ||
      header.l1OriginNumber < before.l1OriginNumber ||
      (header.l1OriginNumber === before.l1OriginNumber &&
        header.l1OriginHash.toLowerCase() !== before.l1OriginHash.toLowerCase()) ||
      header.forcedUpTo < before.forcedUpTo
    ) {
      return fault('regression', `header ${header.height} falls behind its parent in time, L1 origin, queue or turn`)
    }
  }
  return { ok: true, signer }
}
