import { bytesToHex, hexToBytes } from '@l2/common'
import type { HeaderDomain } from '@l2/sequencer-core/block'
import type { RequestFinalizeBlock } from 'cosmjs-types/tendermint/abci/types'
import type { Address } from 'viem'
import { refuse } from '../errors.js'
import { applyControlBlock } from '../fold/apply.js'
import type { ControlEvent, ControlTransaction } from '../fold/block.js'
import type { LeaderPlan } from '../fold/leaders.js'
import { controlStateHash, decodeControlState, encodeControlState } from '../fold/snapshot.js'
import { type ControlState, createControlState, membersOf, scheduleMembers } from '../fold/state.js'
import { type BlockId, decodeList, encodeList, listLength, type OperatorList } from '../list/list.js'
import type { ControlParameters } from '../parameters.js'
import { readTransaction, type TransactionContext } from '../transaction/transaction.js'
import type { AbciApplication } from './abci-server.js'
import { cometAddress, encodeExtendedCommit, readExtendedCommit, type Validator } from './extended-commit.js'
import { createSnapshots } from './snapshots.js'

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

/** `VALIDATOR_UPDATE`s take effect two blocks after the one that returns them. */
const updateDelay = 2n
const accept = 1
const reject = 2

/**
 * The control chain's state machine behind CometBFT: what operators say in vote extensions, votes and evidence go
 * through {@link applyControlBlock}, the hash of the state is the block's app hash, and whoever is convicted loses its
 * power two blocks later.
 *
 * @throws ControlChainError `SNAPSHOT_INVALID` for a store that holds something else
 */
export function createControlApplication(
  options: ControlApplicationOptions,
  dependencies: ControlApplicationDependencies,
): { readonly abci: AbciApplication; state(): ControlState } {
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
  const snapshots = createSnapshots(options.snapshotBlocks ?? 100)

  const validatorsOf = (at: ControlState): Validator[] =>
    membersOf(at).flatMap(({ id, power }) => {
      const cometKey = cometKeys.get(id)
      return cometKey === undefined ? [] : [{ id, power, cometKey }]
    })
  const latestMembers = (of: ControlState) => of.sets[of.sets.length - 1]!.members
  const hashBytes = (of: ControlState): Uint8Array => hexToBytes(controlStateHash(of))!
  const readCommit = (bytes: Uint8Array, height: bigint) =>
    readExtendedCommit(bytes, {
      height: height - 1n,
      chainId: options.controlChainId,
      validators: validatorsOf(state),
      window: parameters.window,
    })

  function fold(request: RequestFinalizeBlock): { state: ControlState; events: readonly ControlEvent[] } {
    const { height, txs } = request
    const lists = height === 1n ? [] : readCommit(txs[0] ?? new Uint8Array(), height)
    if (lists === undefined) refuse('ENGINE_FAULT', `control block ${height} has no extended commit`)
    const transactions: ControlTransaction[] = []
    for (const bytes of height === 1n ? txs : txs.slice(1)) {
      const read = readTransaction(bytes, context)
      if (read.ok) transactions.push(read.transaction)
    }
    const misbehaved = request.misbehavior.flatMap(({ validator }) => {
      const id = byComet.get(bytesToHex(validator?.address ?? new Uint8Array()))
      return id === undefined ? [] : [id]
    })
    const step = applyControlBlock(state, { height, lists, transactions, misbehaved }, plan)
    return { state: barJailed(step.state, step.events), events: step.events }
  }

  /** Who was jailed is no member any more, from the height on at which the engine has forgotten its power. */
  function barJailed(after: ControlState, events: readonly ControlEvent[]): ControlState {
    if (!events.some(({ type }) => type === 'jailed')) return after
    const members = latestMembers(after).filter(({ id }) => !after.jailed.has(id))
    if (members.length === 0) return after
    return scheduleMembers(after, { fromHeight: after.height + updateDelay, members })
  }

  const abci: AbciApplication = {
    info: () => ({
      data: 'l2-control-chain',
      version: '1',
      appVersion: 1n,
      lastBlockHeight: state.height,
      lastBlockAppHash: state.height === 0n ? new Uint8Array() : hashBytes(state),
    }),
    initChain: ({ validators }) => {
      const named = validators.map(({ pubKey, power }) => `${bytesToHex(pubKey?.ed25519 ?? new Uint8Array())} ${power}`)
      const expected = operators.map(({ cometKey, power }) => `${bytesToHex(cometKey)} ${power}`)
      if (named.sort().join() !== expected.sort().join()) {
        refuse('CONFIG_INVALID', 'the validators of the engine’s genesis are not the operators of this one')
      }
      state = first
      return { appHash: hashBytes(first) }
    },
    checkTx: ({ tx }) => {
      const read = readTransaction(tx, context)
      if (!read.ok) return { code: 1, log: read.reason }
      const { transaction } = read
      if (transaction.type === 'equivocation') return { code: state.jailed.has(transaction.accused) ? 2 : 0 }
      return { code: transaction.sequence > (state.sequences.get(transaction.operator) ?? -1n) ? 0 : 2 }
    },
    prepareProposal: ({ txs, localLastCommit, maxTxBytes, height }) => {
      const kept: Uint8Array[] = height === 1n ? [] : [encodeExtendedCommit(localLastCommit!)]
      let room = Number(maxTxBytes) - (kept[0]?.length ?? 0)
      for (const tx of txs) {
        room -= tx.length + 8
        if (room < 0) break
        if (readTransaction(tx, context).ok) kept.push(tx)
      }
      return { txs: kept }
    },
    processProposal: ({ txs, height }) => {
      const rest = height === 1n ? txs : txs.slice(1)
      const hasCommit = height === 1n || readCommit(txs[0] ?? new Uint8Array(), height) !== undefined
      return { status: hasCommit && rest.every(tx => readTransaction(tx, context).ok) ? accept : reject }
    },
    extendVote: () => ({ voteExtension: encodeList(dependencies.list(state)) }),
    // A rejected extension costs its whole vote: only bytes that no operator makes are rejected.
    verifyVoteExtension: ({ voteExtension }) => {
      const isList =
        voteExtension.length <= listLength(parameters.window, true) &&
        decodeList(voteExtension, parameters.window) !== undefined
      return { status: isList ? accept : reject }
    },
    finalizeBlock: request => {
      pending = fold(request)
      const remaining = new Set(latestMembers(pending.state).map(({ id }) => id))
      const removed = latestMembers(state).filter(({ id }) => !remaining.has(id))
      return {
        appHash: hashBytes(pending.state),
        txResults: request.txs.map(() => ({
          code: 0,
          data: new Uint8Array(),
          log: '',
          info: '',
          gasWanted: 0n,
          gasUsed: 0n,
          events: [],
          codespace: '',
        })),
        validatorUpdates: removed.map(({ id }) => ({ pubKey: { ed25519: cometKeys.get(id)! }, power: 0n })),
      }
    },
    commit: () => {
      if (pending === undefined) refuse('ENGINE_FAULT', 'a commit without a block')
      const bytes = encodeControlState(pending.state)
      store.save(bytes)
      const { events } = pending
      state = pending.state
      pending = undefined
      snapshots.take(state.height, bytes)
      dependencies.onState?.(state, events)
      return { retainHeight: 0n }
    },
    query: ({ path }) =>
      path === '/state'
        ? { code: 0, height: state.height, value: encodeControlState(state) }
        : { code: 1, log: 'no such path' },
    listSnapshots: () => ({ snapshots: snapshots.list() }),
    loadSnapshotChunk: ({ height, chunk }) => ({ chunk: snapshots.chunk(height, chunk) }),
    offerSnapshot: ({ snapshot, appHash }) => ({ result: snapshots.offer(snapshot, appHash) }),
    applySnapshotChunk: ({ index, chunk }) => {
      const answer = snapshots.apply(index, chunk)
      if (answer.state !== undefined) {
        store.save(answer.bytes)
        state = answer.state
      }
      return { result: answer.result }
    },
  }
  return { abci, state: () => state }
}
