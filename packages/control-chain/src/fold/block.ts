import type { SignedHeader } from '@l2/sequencer-core/block'
import type { PoolCommand } from '@l2/staking'
import type { Hash } from 'viem'
import type { BatchStatement, TurnStatement } from '../attestation/statement.js'
import type { HeaderId, L1Mark, OperatorList } from '../list/list.js'
import type { Member, TermCause } from './state.js'

/** What a control block carries besides lists, read and checked ({@link readTransaction}). */
export type ControlTransaction =
  /** Ends the term, together with others. `cause` left out: the operator takes its vote back. */
  | {
      readonly type: 'termVote'
      readonly operator: number
      readonly sequence: bigint
      readonly view: number
      readonly cause?: TermCause | undefined
    }
  /** The list of an operator that proposers leave out. */
  | { readonly type: 'list'; readonly operator: number; readonly sequence: bigint; readonly list: OperatorList }
  /** Two headers of one operator at one place. Whoever sends it. */
  | {
      readonly type: 'equivocation'
      readonly accused: number
      readonly evidence: Hash
      /** Where both headers stand. */
      readonly place: { readonly epochId: bigint; readonly term: number; readonly height: bigint }
      /** Both of them: proof for whoever asks; the fold goes by what was read of them. */
      readonly headers?: readonly [SignedHeader, SignedHeader] | undefined
    }
  /** What L1 told the pool since the root that it has, up to the mark that the operators agreed on. Whoever sends it. */
  | { readonly type: 'poolCommands'; readonly commands: readonly PoolCommand[] }
  /** What the poster is about to put on L1, for the committee to sign. */
  | {
      readonly type: 'batch'
      readonly operator: number
      readonly sequence: bigint
      readonly statement: BatchStatement
      /** The next nonce of its L1 account that was never used: from it on it posts named data alone. */
      readonly nonce: bigint
    }
  /** Wants another poster, together with others. */
  | {
      readonly type: 'posterVote'
      readonly operator: number
      readonly sequence: bigint
      /** The turn that is to end. */
      readonly turn: bigint
    }
  /** A statement that a member signed for L1 and that the control chain has not ordered. Whoever sends it. */
  | {
      readonly type: 'falseStatement'
      readonly accused: number
      readonly evidence: Hash
      readonly statement: BatchStatement
    }
  /** A transaction of a poster to the batch inbox of L1. It convicts if it carries what no statement names. Whoever sends it. */
  | {
      readonly type: 'falsePosting'
      readonly accused: number
      readonly evidence: Hash
      /** Of the transaction. */
      readonly nonce: bigint
      readonly dataHashes: readonly Hash[]
    }

/** A block of the control chain, as the fold takes it. */
export type ControlBlock = {
  readonly height: bigint
  /** From the vote extensions of the block before: at most one of each operator, in any order. */
  readonly lists: readonly { readonly operator: number; readonly list: OperatorList }[]
  readonly transactions: readonly ControlTransaction[]
  /** Operators that the consensus engine itself convicted of voting twice. */
  readonly misbehaved?: readonly number[] | undefined
}

/** What the operators book for the end of a term. */
export type TermEnd = 'silent' | 'invalid' | 'l1' | 'rollback' | 'conviction'

/** What a step changed. */
export type ControlEvent =
  /** Blocks that are settled now, from below. */
  | { readonly type: 'settled'; readonly blocks: readonly HeaderId[] }
  /** L1 took back what these were built on: they are settled no more, from above. */
  | { readonly type: 'settledRevoked'; readonly blocks: readonly HeaderId[]; readonly era: number }
  | {
      readonly type: 'termEnded'
      /** The term that begins, and the block that it begins on. */
      readonly view: number
      readonly start: HeaderId
      readonly cause: TermEnd
      /** Who led, and who leads now. `missed`: the turn counts against the one who led. */
      readonly failed: number | undefined
      readonly leader: number | undefined
      readonly missed: boolean
    }
  | {
      readonly type: 'jailed'
      readonly operator: number
      readonly reason: 'equivocation' | 'doubleVote' | 'invalid' | 'falseStatement' | 'falsePosting'
    }
  /** The committee signs this now. */
  | { readonly type: 'batchOrdered'; readonly statement: BatchStatement; readonly poster: number }
  /** More than two thirds of the committee have. */
  | { readonly type: 'attested'; readonly statement: BatchStatement; readonly signers: readonly number[] }
  /** Another one posts: what the committee signs for L1. */
  | {
      readonly type: 'turnOrdered'
      readonly statement: TurnStatement
      readonly poster: number
      readonly before: number
      readonly cause: 'epoch' | 'conviction' | 'unwanted'
    }
  | { readonly type: 'turnSigned'; readonly statement: TurnStatement; readonly signers: readonly number[] }
  | { readonly type: 'l1Marked'; readonly mark: L1Mark }
  /** The pool has taken what L1 told it, up to this root. */
  | { readonly type: 'poolMoved'; readonly root: Hash; readonly commands: number }
  /** Leaders of an epoch are known. `degraded`: its seed had no fresh randomness. */
  | { readonly type: 'epochElected'; readonly epoch: bigint; readonly degraded: boolean }
  /** The consensus engine has these members from a height on. */
  | { readonly type: 'membersChanged'; readonly fromHeight: bigint; readonly members: readonly Member[] }
