import { OrderedMap } from '@l2/common'
import type { Address, Hash, Hex } from 'viem'
import type { Attestation, CommitteeMember } from '../attestation/attestation.js'
import type { BatchStatement, CommitteeDomain, TurnStatement } from '../attestation/statement.js'
import { refuse } from '../errors.js'

/** Who signs for L1: a set with its stake as it was when it was handed over. */
export type Committee = {
  /** 0 is the one that L1 was deployed with. */
  readonly number: bigint
  /** In the order of ids. */
  readonly members: readonly CommitteeMember[]
}

/** A statement, and the members that have signed it so far; each signature was checked. */
export type SignedStatement<Statement> = {
  readonly statement: Statement
  /** What they sign. */
  readonly digest: Hash
  readonly signatures: OrderedMap<number, Hex>
}

/** What is kept of a statement for some time. */
export type OrderedStatement = {
  readonly poster: number
  /** L1 nonce of the poster's account from which on it posts nothing but what is named from this statement on. */
  readonly nonce: bigint
  readonly digest: Hash
  readonly dataHashes: readonly Hash[]
}

/** What the operators have agreed on about batches on L1: a part of the state of the control chain. */
export type PostingState = {
  /** Number of the last statement that was ordered. */
  readonly sequence: bigint
  /** The statement that members sign now. */
  readonly open: SignedStatement<BatchStatement> | undefined
  /** The last statement that a committee has signed: what its poster sends to L1. Late signatures come to it. */
  readonly attested: SignedStatement<BatchStatement> | undefined
  /** L2 block number up to which statements are signed. A rollback takes it back. */
  readonly attestedTo: bigint
  /** The latest statements: whoever signed another under such a number, or posted what none of them names, is convicted. */
  readonly ordered: OrderedMap<bigint, OrderedStatement>
  /** Signs now. */
  readonly committee: Committee
  /** Signs as soon as the one before has handed over to it. */
  readonly next: Committee | undefined
  /** Whose batches count. */
  readonly turn: {
    /** Number of the last change that was ordered. */
    readonly sequence: bigint
    /** Election epoch that it began in. */
    readonly epoch: bigint
    readonly poster: number
  }
  /** The change that members sign now. */
  readonly openTurn: SignedStatement<TurnStatement> | undefined
  /** The last change that a committee has signed, and that committee's members: what the poster sends to L1. */
  readonly signedTurn: (SignedStatement<TurnStatement> & { readonly committee: Committee }) | undefined
  /** Who wants another poster: the control height of the vote that stands. */
  readonly votes: OrderedMap<number, bigint>
}

/** What the fold needs to know of L1 and of keys; fixed for a chain. */
export interface PostingRules {
  readonly attestation: Attestation
  readonly domain: CommitteeDomain
  /** Where batches are sent on L1. */
  readonly batchInbox: Address
  /** Election epoch of an L2 block. */
  epochOf(height: bigint): bigint
  attestationKey(operator: number): Hex | undefined
  /** L1 account that an operator posts with. */
  posterAccount(operator: number): Address | undefined
}

export type PostingGenesis = {
  /** As L1 was deployed with it. */
  committee: readonly CommitteeMember[]
  /** Whom the SystemConfig names at genesis. */
  poster: number
  /** Election epoch of the first block. */
  epoch: bigint
  /** L2 block number of the first block: the attested head begins there. */
  genesisHeight: bigint
}

/** @throws ControlChainError `CONFIG_INVALID` */
export function createPostingState(genesis: PostingGenesis): PostingState {
  const { committee, poster, epoch, genesisHeight } = genesis
  if (committee.length === 0) refuse('CONFIG_INVALID', 'a committee without members')
  for (const [index, { id, power }] of committee.entries()) {
    if (index > 0 && committee[index - 1]!.id >= id) {
      refuse('CONFIG_INVALID', `committee expected in the order of ids, each once; got ${id}`, { id })
    }
    if (power < 1n || power >> 96n !== 0n) {
      refuse('CONFIG_INVALID', `power of member ${id} expected 1 … 2^96 − 1, got ${power}`, { id, power })
    }
  }
  return {
    sequence: 0n,
    open: undefined,
    attested: undefined,
    attestedTo: genesisHeight,
    ordered: OrderedMap.from(),
    committee: { number: 0n, members: committee.map(each => ({ ...each, key: each.key.toLowerCase() as Hex })) },
    next: undefined,
    turn: { sequence: 0n, epoch, poster },
    openTurn: undefined,
    signedTurn: undefined,
    votes: OrderedMap.from(),
  }
}
