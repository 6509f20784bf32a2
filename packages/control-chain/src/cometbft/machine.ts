import { bytesToHex, equalBytes, hexToBytes } from '@l2/common'
import type { RequestFinalizeBlock, ValidatorUpdate } from 'cosmjs-types/tendermint/abci/types'
import type { ControlChainDependencies, ControlSnapshot } from '../chain/control-chain.js'
import { type ControlChainOptions, createLedger, type FoundingOperator } from '../chain/ledger.js'
import { refuse } from '../errors.js'
import { controlStateHash } from '../fold/snapshot.js'
import { type ControlState, membersOf } from '../fold/state.js'
import { cometAddress, readExtendedCommit } from './extended-commit.js'

/** An operator at genesis: its stake and the keys that are bound together. */
export type GenesisOperator = FoundingOperator & {
  /** ed25519, 32 bytes: of the consensus engine. */
  readonly cometKey: Uint8Array
}

export type ControlApplicationOptions = ControlChainOptions<GenesisOperator> & {
  /** Of the control chain, as CometBFT's genesis has it. */
  controlChainId: string
  /** Control blocks between two snapshots for those who join. Default 100. */
  snapshotBlocks?: number
}

type Lists = ReturnType<typeof readExtendedCommit>

/** The state behind the engine: what a block must be, and what it makes of the state. */
export type ControlMachine = ReturnType<typeof createMachine>

export function createMachine(options: ControlApplicationOptions, dependencies: ControlChainDependencies) {
  const { operators, parameters } = options
  const byComet = new Map(operators.map(({ cometKey, id }) => [cometAddress(cometKey), id]))
  const cometKeys = new Map(operators.map(({ cometKey, id }) => [id, cometKey]))
  const ledger = createLedger(options, dependencies)

  /** The extended commit that was read last: a block is looked at when it is proposed, and again when it is decided. */
  let lastRead: { readonly bytes: Uint8Array; readonly height: bigint; readonly lists: Lists } | undefined
  /** The lists in a block's first transaction; the first block of all has none before it. */
  function listsOf(txs: readonly Uint8Array[], height: bigint): Lists {
    if (height === 1n) return []
    const bytes = txs[0] ?? new Uint8Array()
    if (lastRead?.height === height && equalBytes(lastRead.bytes, bytes)) return lastRead.lists
    const validators = membersOf(ledger.state()).map(({ id, power }) => ({ id, power, cometKey: cometKeys.get(id)! }))
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
    state: ledger.state,
    hash: () => hashOf(ledger.state()),
    read: ledger.read,
    refusal: ledger.refusal,
    snapshot: ledger.snapshot,
    /** Checks that the engine begins with these operators. */
    begin(validators: readonly ValidatorUpdate[]): Uint8Array {
      const named = validators.map(({ pubKey, power }) => `${bytesToHex(pubKey?.ed25519 ?? new Uint8Array())} ${power}`)
      const first = ledger.begin()
      const expected = membersOf(first).map(({ id, power }) => `${bytesToHex(cometKeys.get(id)!)} ${power}`)
      if (named.sort().join() !== expected.sort().join()) {
        refuse('CONFIG_INVALID', 'the validators of the engine’s genesis are not the operators of this one')
      }
      return hashOf(first)
    },
    /** Whether every honest operator takes such a block. */
    accepts(txs: readonly Uint8Array[], height: bigint): boolean {
      if (listsOf(txs, height) === undefined) return false
      const read = transactionsOf(txs, height).map(tx => ledger.read(tx))
      // What L1 told the pool has no sender: once, and no more.
      const told = read.filter(one => one.ok && one.transaction.type === 'poolCommands')
      return told.length <= 1 && read.every(({ ok }) => ok)
    },
    /** Folds a block. What it makes of the state is the state's only after {@link commit}. */
    fold({ height, txs, misbehavior }: RequestFinalizeBlock): {
      appHash: Uint8Array
      validatorUpdates: ValidatorUpdate[]
    } {
      const lists = listsOf(txs, height)
      if (lists === undefined) refuse('ENGINE_FAULT', `control block ${height} has no extended commit`)
      const misbehaved = misbehavior.flatMap(({ validator }) => {
        const id = byComet.get(bytesToHex(validator?.address ?? new Uint8Array()))
        return id === undefined ? [] : [id]
      })
      const { state, changed } = ledger.fold({
        height,
        lists,
        transactions: transactionsOf(txs, height),
        misbehaved,
      })
      return {
        appHash: hashOf(state),
        validatorUpdates: changed.map(({ id, power }) => ({ pubKey: { ed25519: cometKeys.get(id)! }, power })),
      }
    },
    commit: (): ControlSnapshot => ledger.commit(),
    /** Takes a state that the control chain has vouched for. */
    restore(restored: ControlState, bytes: Uint8Array): void {
      ledger.restore(restored, bytes)
      lastRead = undefined
    },
  }
}

const hashOf = (state: ControlState): Uint8Array => hexToBytes(controlStateHash(state))!
