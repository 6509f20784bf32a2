import type { Hash } from 'viem'
import type { ControlState } from '../fold/state.js'

/** What is attested, as RPC and status tell it: a head between `milestone` and what L1 has. */
export type AttestedHead = {
  /** L2 block number up to which a committee has signed. */
  readonly height: bigint
  /** Of the last statement; `null` before the first. */
  readonly sequence: bigint | null
  readonly outputRoot: Hash | null
  /** Members that signed it, and how many there are. */
  readonly signers: readonly number[]
  readonly committee: { readonly number: bigint; readonly size: number }
  /** Who posts now, and since which change. */
  readonly poster: number
  readonly turn: bigint
  /** Whether the committee is asked for a signature now. */
  readonly open: { readonly batch: bigint | null; readonly turn: bigint | null }
  /** Must not be taken for what L1 says. */
  readonly meaning: 'signed by the committee, not yet on L1'
}

/**
 * The attested head of a state.
 *
 * @returns `undefined` where no committee attests batches
 */
export function attestedHead({ posting }: Pick<ControlState, 'posting'>): AttestedHead | undefined {
  if (posting === undefined) return undefined
  const { attested, attestedTo, committee, turn, open, openTurn } = posting
  // After a rollback the last statement may speak of blocks that are gone.
  const last = attested?.statement.last === attestedTo ? attested : undefined
  return {
    height: attestedTo,
    sequence: last?.statement.sequence ?? null,
    outputRoot: last?.statement.outputRoot ?? null,
    signers: last === undefined ? [] : [...last.signatures].map(([id]) => id),
    committee: { number: committee.number, size: committee.members.length },
    poster: turn.poster,
    turn: turn.sequence,
    open: { batch: open?.statement.sequence ?? null, turn: openTurn?.statement.sequence ?? null },
    meaning: 'signed by the committee, not yet on L1',
  }
}
