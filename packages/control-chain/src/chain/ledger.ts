import type { HeaderDomain } from '@l2/sequencer-core/block'
import type { Address } from 'viem'
import { refuse } from '../errors.js'
import { applyControlBlock } from '../fold/apply.js'
import type { ControlBlock, ControlEvent, ControlTransaction } from '../fold/block.js'
import { controlStateHash, decodeControlState, encodeControlState } from '../fold/snapshot.js'
import { type ControlState, createControlState, type Member, membersOf, scheduleMembers } from '../fold/state.js'
import type { BlockId, OperatorList } from '../list/list.js'
import type { ControlParameters } from '../parameters.js'
import { readTransaction, type TransactionContext, type TransactionRefusal } from '../transaction/transaction.js'
import type { ControlChainDependencies, ControlSnapshot } from './control-chain.js'

/** An operator at genesis: its stake, and the key that signs its headers and transactions. */
export type Operator = { readonly id: number; readonly power: bigint; readonly header: Address }

/** What every operator of a control chain must have alike. */
export type ControlChainOptions<Genesis extends Operator = Operator> = {
  domain: HeaderDomain
  /** First block of the rollup. */
  genesis: BlockId
  operators: readonly Genesis[]
  parameters: ControlParameters
}

/** Updates of members take effect two blocks after the one that returns them, as the consensus engine does it. */
const updateDelay = 2n

/** What is ordered, as lists, bytes of transactions, and who voted twice. */
type Ordered = {
  height: bigint
  lists: readonly { readonly operator: number; readonly list: OperatorList }[]
  transactions: readonly Uint8Array[]
  misbehaved: readonly number[]
}

/** The state behind any order: what is folded, what waits for its commit, and what is on the disk. */
export type Ledger = ReturnType<typeof createLedger>

/** @throws ControlChainError `CONFIG_INVALID`, `SNAPSHOT_INVALID` for a store that holds something else */
export function createLedger(options: ControlChainOptions, dependencies: ControlChainDependencies) {
  const { operators, parameters } = options
  const { plan, store } = dependencies
  const byHeader = new Map(operators.map(({ header, id }) => [header.toLowerCase(), id]))
  const context: TransactionContext = {
    domain: options.domain,
    keys: { operatorOf: signer => byHeader.get(signer.toLowerCase()) },
    window: parameters.window,
  }
  const first = createControlState({
    chainId: options.domain.chainId,
    genesis: options.genesis,
    members: operators.map(({ id, power }) => ({ id, power })),
    parameters,
  })
  const stored = store.load()
  let state = stored === undefined ? first : decodeControlState(stored)
  let pending: { block: ControlBlock; state: ControlState; events: readonly ControlEvent[] } | undefined

  return {
    state: () => state,
    read: (bytes: Uint8Array) => readTransaction(bytes, context),
    /** Why a transaction is not worth a place in a block; `undefined` when it is. */
    refusal(bytes: Uint8Array): TransactionRefusal | 'T_KNOWN' | undefined {
      const read = readTransaction(bytes, context)
      if (!read.ok) return read.reason
      const { transaction } = read
      const { jailed, sequences } = state
      const isNews =
        transaction.type === 'equivocation'
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
    fold(ordered: Ordered): { state: ControlState; removed: readonly number[] } {
      const transactions: ControlTransaction[] = []
      for (const bytes of ordered.transactions) {
        const read = readTransaction(bytes, context)
        if (read.ok) transactions.push(read.transaction)
      }
      const block: ControlBlock = { ...ordered, transactions }
      const step = applyControlBlock(state, block, plan)
      const after = withoutJailed(step.state, step.events)
      const remaining = new Set(latestMembers(after).map(({ id }) => id))
      pending = { block, state: after, events: step.events }
      return {
        state: after,
        removed: latestMembers(state).flatMap(({ id }) => (remaining.has(id) ? [] : [id])),
      }
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

const latestMembers = (state: ControlState): readonly Member[] => state.sets[state.sets.length - 1]!.members

/** Who was jailed is no member any more, from the height on at which the engine has forgotten its power. */
function withoutJailed(after: ControlState, events: readonly ControlEvent[]): ControlState {
  if (!events.some(({ type }) => type === 'jailed')) return after
  const members = latestMembers(after).filter(({ id }) => !after.jailed.has(id))
  if (members.length === 0) return after
  return scheduleMembers(after, { fromHeight: after.height + updateDelay, members })
}
