import { isL2Error } from '@l2/common'
import type { SigningGuard } from '@l2/sequencer-core/block'
import type { Hash } from 'viem'
import type { AttestationSigner } from '../attestation/attestation.js'
import type { BatchStatement } from '../attestation/statement.js'
import type { ControlState } from '../fold/state.js'
import type { AttestationShare } from '../list/list.js'

/** What an operator knows of its own chain when it is asked to attest. */
export interface OwnBatches {
  /** Of a block that it has executed; `undefined` while it has not. */
  outputRootAt(height: bigint): Hash | undefined
  /** L1 origin of such a block. */
  originAt(height: bigint): { readonly number: bigint; readonly hash: Hash } | undefined
  /** Whether the data behind the hashes are at hand, and hold its own blocks `first` … `last` and no others. */
  carries(statement: BatchStatement): boolean
}

/** What an operator signs now. */
export type AttestationAdvice = { readonly sequence: bigint; readonly digest: Hash }

/** Why an operator does not sign the statement that is open. */
export type AttestationHold =
  /** Nothing is open, it is not in the committee, or has signed already. */
  | 'nothing'
  /** It has not executed the last block yet. */
  | 'behind'
  /** Another output root or origin than its own: it never signs this. */
  | 'contradicted'
  /** The data are not at hand, or are not of its blocks. */
  | 'data'

/**
 * Whether an honest operator signs the open statement: it says what its own execution says, of data that it has seen.
 * The milestone is not asked again, for the fold orders statements about settled blocks alone.
 */
export function adviseBatch(
  { posting }: Pick<ControlState, 'posting'>,
  operator: number,
  own: OwnBatches,
): AttestationAdvice | AttestationHold {
  const open = posting?.open
  if (open === undefined || !mayStillSign(posting!.committee.members, open.signatures, operator)) return 'nothing'
  const { statement, digest } = open
  const [root, origin] = [own.outputRootAt(statement.last), own.originAt(statement.last)]
  if (root === undefined || origin === undefined) return 'behind'
  const { lastOrigin, outputRoot } = statement
  const isOwn = root === outputRoot && origin.number === lastOrigin.number && origin.hash === lastOrigin.hash
  if (!isOwn) return 'contradicted'
  return own.carries(statement) ? { sequence: statement.sequence, digest } : 'data'
}

/** A change of turn follows from the fold alone: every member of the committee signs it. */
export function adviseTurn(
  { posting }: Pick<ControlState, 'posting'>,
  operator: number,
): AttestationAdvice | 'nothing' {
  const open = posting?.openTurn
  if (open === undefined || !mayStillSign(posting!.committee.members, open.signatures, operator)) return 'nothing'
  return { sequence: open.statement.sequence, digest: open.digest }
}

const mayStillSign = (
  members: readonly { readonly id: number }[],
  signatures: { get(id: number): unknown },
  operator: number,
): boolean => members.some(({ id }) => id === operator) && signatures.get(operator) === undefined

/**
 * Signs what was advised, after the guard has it on the disk. Batches and turns have a guard each, for each counts by
 * itself; a number that was signed with something else is never signed again.
 *
 * @returns `undefined` where the guard refuses
 * @throws SequencerError `GUARD_FAILED`; whatever the signer throws
 *
 * @example
 * ```ts
 * import { createEcdsaAttester, signShare } from '@l2/control-chain'
 * import { createMemoryGuard } from '@l2/sequencer-core/block'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const signer = createEcdsaAttester(privateKeyToAccount(`0x${'07'.repeat(32)}`))
 * const guard = createMemoryGuard()
 * const digest = (byte: string) => `0x${byte.repeat(32)}` as const
 * const share = await signShare({ sequence: 4n, digest: digest('aa') }, { signer, guard })
 * const other = await signShare({ sequence: 4n, digest: digest('bb') }, { signer, guard })
 * console.log(share?.sequence, other) // 4n undefined
 * ```
 */
export async function signShare(
  { sequence, digest }: AttestationAdvice,
  { signer, guard }: { signer: AttestationSigner; guard: Pick<SigningGuard, 'reserve'> },
): Promise<AttestationShare | undefined> {
  try {
    await guard.reserve({ epoch: 0n, term: 0, height: sequence, digest })
  } catch (error) {
    if (isL2Error(error, 'GUARD_DOUBLE_SIGN')) return undefined
    throw error
  }
  return { sequence, signature: await signer.sign(digest) }
}

/**
 * Whether an operator votes for another poster: settled blocks have not come to L1 for so many of its blocks.
 *
 * @param own.safe L2 block that L1 has
 * @param own.sinceL1Block L1 block in which that moved last, or since which there is anything to post
 * @param own.patienceBlocks L1 blocks. Default 25
 */
export function advisePosterVote(
  state: Pick<ControlState, 'posting' | 'milestone'>,
  own: { safe: bigint; l1Block: bigint; sinceL1Block: bigint; patienceBlocks?: bigint | undefined },
): { readonly type: 'posterVote'; readonly turn: bigint } | undefined {
  const { posting, milestone } = state
  if (posting === undefined || milestone.height <= own.safe) return undefined
  if (own.l1Block - own.sinceL1Block <= (own.patienceBlocks ?? 25n)) return undefined
  return { type: 'posterVote', turn: posting.turn.sequence }
}
