import type { HeaderDomain } from '@l2/sequencer-core/block'
import type { Address } from 'viem'
import { refuse } from '../errors.js'
import { applyControlBlock, bringsPool } from '../fold/apply.js'
import type { ControlBlock, ControlEvent, ControlTransaction } from '../fold/block.js'
import { latestMembers } from '../fold/members.js'
import { controlStateHash, decodeControlState, encodeControlState } from '../fold/snapshot.js'
import { type ControlGenesis, type ControlState, createControlState, type Member, membersOf } from '../fold/state.js'
import type { HeaderId, OperatorList } from '../list/list.js'
import type { ControlParameters } from '../parameters.js'
import { planOf } from '../stake/election.js'
import type { StakeGenesis } from '../stake/stake.js'
import { readTransaction, type TransactionContext, type TransactionRefusal } from '../transaction/transaction.js'
import type { ControlChainDependencies, ControlSnapshot } from './control-chain.js'

/**
 * An operator at genesis: its stake, and the key that signs its headers and transactions. Without stake (0) it is known
 * and no member yet.
 */
export type FoundingOperator = { readonly id: number; readonly power: bigint; readonly header: Address }

/** What every operator of a control chain must have alike. */
export type ControlChainOptions<Genesis extends FoundingOperator = FoundingOperator> = {
  domain: HeaderDomain
  /** First block of the rollup. */
  genesis: HeaderId
  operators: readonly Genesis[]
  /** The pool of L1, where it decides who is a member: the power of `operators` is then what it gives them. */
  stake?: StakeGenesis | undefined
  parameters: ControlParameters
  /** The committee that attests batches, and who posts first; with the rules of posting, or neither. */
  posting?: ControlGenesis['posting']
}

/** What is ordered, as lists, bytes of transactions, and who voted twice. */
type Ordered = {
  height: bigint
  lists: readonly { readonly operator: number; readonly list: OperatorList }[]
  transactions: readonly Uint8Array[]
  misbehaved: readonly number[]
}

/**
 * The state behind any order: what is folded, what waits for its commit, and what is on the disk.
 *
 * @throws ControlChainError `CONFIG_INVALID`, `SNAPSHOT_INVALID` for a store that holds something else
 */
export function createLedger(options: ControlChainOptions, dependencies: ControlChainDependencies) {
  const { operators, parameters } = options
  const { plan, store } = dependencies
  const byHeader = new Map(operators.map(({ header, id }) => [header.toLowerCase(), id]))
  const context: TransactionContext = {
    domain: options.domain,
    keys: { operatorOf: signer => byHeader.get(signer.toLowerCase()) },
    window: parameters.window,
    posting: dependencies.posting,
  }
  if ((options.posting === undefined) !== (dependencies.posting === undefined)) {
    refuse('CONFIG_INVALID', 'a committee expected with the rules of posting, and neither without the other')
  }
  const first = createControlState({
    chainId: options.domain.chainId,
    genesis: options.genesis,
    members: options.stake ?? operators.flatMap(({ id, power }) => (power > 0n ? [{ id, power }] : [])),
    parameters,
    posting: options.posting,
  })
  planOf(first, plan)
  const stored = store.load()
  let state = stored === undefined ? first : decodeControlState(stored)
  let pending: { block: ControlBlock; state: ControlState; events: readonly ControlEvent[] } | undefined

  /** Reads a transaction, and refuses what cannot be part of the next block. */
  function read(bytes: Uint8Array): ReturnType<typeof readTransaction> {
    const transaction = readTransaction(bytes, context)
    if (!transaction.ok || transaction.transaction.type !== 'poolCommands') return transaction
    return bringsPool(state, transaction.transaction.commands) ? transaction : { ok: false, reason: 'T_POOL' }
  }

  return {
    state: () => state,
    read,
    /** Why a transaction is not worth a place in a block; `undefined` when it is. */
    refusal(bytes: Uint8Array): TransactionRefusal | 'T_KNOWN' | undefined {
      const checked = read(bytes)
      if (!checked.ok) return checked.reason
      const { transaction } = checked
      const { jailed, sequences } = state
      if (transaction.type === 'poolCommands') return undefined
      const isNews =
        'accused' in transaction
          ? !jailed.has(transaction.accused)
          : transaction.sequence > (sequences.get(transaction.operator) ?? -1n)
      return isNews ? undefined : 'T_KNOWN'
    },
    /** The state that a chain begins with. */
    begin(): ControlState {
      state = first
      return first
    },
    /** Folds what was ordered. What it makes of the state is the state's only after `commit`. */
    fold(ordered: Ordered): { state: ControlState; changed: readonly Member[] } {
      const transactions: ControlTransaction[] = []
      for (const bytes of ordered.transactions) {
        const checked = read(bytes)
        if (checked.ok) transactions.push(checked.transaction)
      }
      const block: ControlBlock = { ...ordered, transactions }
      pending = { block, ...applyControlBlock(state, block, planOf(state, plan), dependencies.posting) }
      return { state: pending.state, changed: changedMembers(state, pending.state) }
    },
    /** Makes the folded block's state the state, once it is on the disk. */
    commit(): ControlSnapshot {
      if (pending === undefined) refuse('ENGINE_FAULT', 'a commit without a block')
      const bytes = encodeControlState(pending.state)
      store.save(bytes)
      const { block, events } = pending
      const members = membersOf(state)
      state = pending.state
      pending = undefined
      dependencies.onBlock?.({ block, members, state, events })
      return { height: state.height, hash: controlStateHash(state), bytes }
    },
    /** Takes a state that somebody has vouched for. */
    restore(restored: ControlState, bytes: Uint8Array): void {
      store.save(bytes)
      state = restored
    },
    snapshot: (): ControlSnapshot => ({
      height: state.height,
      hash: controlStateHash(state),
      bytes: encodeControlState(state),
    }),
  }
}

/** Whose power is another now, in the order of ids; 0 for who is no member any more. */
function changedMembers(before: ControlState, after: ControlState): readonly Member[] {
  const powers = new Map(latestMembers(before).map(({ id, power }) => [id, power]))
  const changed = latestMembers(after).filter(({ id, power }) => powers.get(id) !== power)
  for (const { id } of latestMembers(after)) powers.delete(id)
  return [...changed, ...[...powers.keys()].map(id => ({ id, power: 0n }))].sort((a, b) => a.id - b.id)
}
