import { bytesToHex, equalBytes, hexToBytes } from '@l2/common'
import type { HeaderDomain } from '@l2/sequencer-core/block'
import type { RequestFinalizeBlock, ValidatorUpdate } from 'cosmjs-types/tendermint/abci/types'
import type { Address } from 'viem'
import { refuse } from '../errors.js'
import { applyControlBlock } from '../fold/apply.js'
import type { ControlEvent, ControlTransaction } from '../fold/block.js'
import type { LeaderPlan } from '../fold/leaders.js'
import { controlStateHash, decodeControlState, encodeControlState } from '../fold/snapshot.js'
import { type ControlState, createControlState, type Member, membersOf, scheduleMembers } from '../fold/state.js'
import type { BlockId, OperatorList } from '../list/list.js'
import type { ControlParameters } from '../parameters.js'
import { readTransaction, type TransactionContext } from '../transaction/transaction.js'
import { cometAddress, readExtendedCommit } from './extended-commit.js'

/** An operator at genesis: its stake and the keys that are bound together. */
export type GenesisOperator = {
  readonly id: number
  readonly power: bigint
  /** ed25519, 32 bytes: of the consensus engine. */
  readonly cometKey: Uint8Array
  /** Of the header key. */
  readonly header: Address
}

export type ControlApplicationOptions = {
  /** Of the control chain, as CometBFT's genesis has it. */
  controlChainId: string
  domain: HeaderDomain
  /** First block of the rollup. */
  genesis: BlockId
  operators: readonly GenesisOperator[]
  parameters: ControlParameters
  /** Control blocks between two snapshots for those who join. Default 100. */
  snapshotBlocks?: number
}

export type ControlApplicationDependencies = {
  readonly plan: LeaderPlan
  /** The operator's own list, made at once: the engine waits for it inside a consensus step. */
  readonly list: (state: ControlState) => OperatorList
  /** Where the state lies; `save` comes back when it is on the disk. */
  readonly store: { load(): Uint8Array | undefined; save(bytes: Uint8Array): void }
  /** Told after the state is on the disk. */
  readonly onState?: (state: ControlState, events: readonly ControlEvent[]) => void
}

/** Updates of validators take effect two blocks after the one that returns them. */
const updateDelay = 2n

type Lists = ReturnType<typeof readExtendedCommit>

/** The state behind the engine: what is folded, what waits for its commit, and what a block must be. */
export type ControlMachine = ReturnType<typeof createMachine>

export function createMachine(options: ControlApplicationOptions, dependencies: ControlApplicationDependencies) {
  const { operators, parameters } = options
  const { plan, store } = dependencies
  const byHeader = new Map(operators.map(({ header, id }) => [header.toLowerCase(), id]))
  const byComet = new Map(operators.map(({ cometKey, id }) => [cometAddress(cometKey), id]))
  const cometKeys = new Map(operators.map(({ cometKey, id }) => [id, cometKey]))
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
  let pending: { state: ControlState; events: readonly ControlEvent[] } | undefined

  /** The extended commit that was read last: a block is looked at when it is proposed, and again when it is decided. */
  let lastRead: { readonly bytes: Uint8Array; readonly height: bigint; readonly lists: Lists } | undefined
  /** The lists in a block's first transaction; the first block of all has none before it. */
  function listsOf(txs: readonly Uint8Array[], height: bigint): Lists {
    if (height === 1n) return []
    const bytes = txs[0] ?? new Uint8Array()
    if (lastRead?.height === height && equalBytes(lastRead.bytes, bytes)) return lastRead.lists
    const validators = membersOf(state).map(({ id, power }) => ({ id, power, cometKey: cometKeys.get(id)! }))
    const lists = readExtendedCommit(bytes, {
      height: height - 1n,
      chainId: options.controlChainId,
      validators,
      window: parameters.window,
    })
    lastRead = { bytes, height, lists }
    return lists
  }
  const transactionsOf = (txs: readonly Uint8Array[], height: bigint) => (height === 1n ? txs : txs.slice(1))

  return {
    state: () => state,
    hash: () => hashOf(state),
    read: (bytes: Uint8Array) => readTransaction(bytes, context),
    /** Checks that the engine begins with these operators. */
    begin(validators: readonly ValidatorUpdate[]): Uint8Array {
      const named = validators.map(({ pubKey, power }) => `${bytesToHex(pubKey?.ed25519 ?? new Uint8Array())} ${power}`)
      const expected = operators.map(({ cometKey, power }) => `${bytesToHex(cometKey)} ${power}`)
      if (named.sort().join() !== expected.sort().join()) {
        refuse('CONFIG_INVALID', 'the validators of the engine’s genesis are not the operators of this one')
      }
      state = first
      return hashOf(first)
    },
    /** Whether every honest operator takes such a block. */
    accepts: (txs: readonly Uint8Array[], height: bigint): boolean =>
      listsOf(txs, height) !== undefined && transactionsOf(txs, height).every(tx => readTransaction(tx, context).ok),
    /** Folds a block. What it makes of the state is the state's only after {@link commit}. */
    fold({ height, txs, misbehavior }: RequestFinalizeBlock): {
      appHash: Uint8Array
      validatorUpdates: ValidatorUpdate[]
    } {
      const lists = listsOf(txs, height)
      if (lists === undefined) refuse('ENGINE_FAULT', `control block ${height} has no extended commit`)
      const transactions: ControlTransaction[] = []
      for (const bytes of transactionsOf(txs, height)) {
        const read = readTransaction(bytes, context)
        if (read.ok) transactions.push(read.transaction)
      }
      const misbehaved = misbehavior.flatMap(({ validator }) => {
        const id = byComet.get(bytesToHex(validator?.address ?? new Uint8Array()))
        return id === undefined ? [] : [id]
      })
      const step = applyControlBlock(state, { height, lists, transactions, misbehaved }, plan)
      const after = withoutJailed(step.state, step.events)
      const remaining = new Set(latestMembers(after).map(({ id }) => id))
      const removed = latestMembers(state).filter(({ id }) => !remaining.has(id))
      pending = { state: after, events: step.events }
      return {
        appHash: hashOf(after),
        validatorUpdates: removed.map(({ id }) => ({ pubKey: { ed25519: cometKeys.get(id)! }, power: 0n })),
      }
    },
    /** Makes the folded block's state the state, once it is on the disk. */
    commit(): { height: bigint; bytes: Uint8Array } {
      if (pending === undefined) refuse('ENGINE_FAULT', 'a commit without a block')
      const bytes = encodeControlState(pending.state)
      store.save(bytes)
      const { events } = pending
      state = pending.state
      pending = undefined
      dependencies.onState?.(state, events)
      return { height: state.height, bytes }
    },
    /** Takes a state that the control chain has vouched for. */
    restore(restored: ControlState, bytes: Uint8Array): void {
      store.save(bytes)
      state = restored
      lastRead = undefined
    },
  }
}

const hashOf = (state: ControlState): Uint8Array => hexToBytes(controlStateHash(state))!
const latestMembers = (state: ControlState): readonly Member[] => state.sets[state.sets.length - 1]!.members

/** Who was jailed is no member any more, from the height on at which the engine has forgotten its power. */
function withoutJailed(after: ControlState, events: readonly ControlEvent[]): ControlState {
  if (!events.some(({ type }) => type === 'jailed')) return after
  const members = latestMembers(after).filter(({ id }) => !after.jailed.has(id))
  if (members.length === 0) return after
  return scheduleMembers(after, { fromHeight: after.height + updateDelay, members })
}
