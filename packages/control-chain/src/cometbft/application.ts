import type { ExecTxResult } from 'cosmjs-types/tendermint/abci/types'
import type { ControlChainDependencies, ControlSnapshot } from '../chain/control-chain.js'
import { encodeControlState } from '../fold/snapshot.js'
import type { ControlState } from '../fold/state.js'
import { decodeList, encodeList, maxListLength } from '../list/list.js'
import type { TransactionRefusal } from '../transaction/transaction.js'
import type { AbciApplication } from './abci-server.js'
import { encodeExtendedCommit } from './extended-commit.js'
import { type ControlApplicationOptions, type ControlMachine, createMachine } from './machine.js'
import { createSnapshots } from './snapshots.js'

/** Answers of `ProcessProposal` and `VerifyVoteExtension`. */
const accept = 1
const reject = 2
/** Whatever a transaction did is in the state and its events; the engine is told that it was taken. */
const taken: ExecTxResult = {
  code: 0,
  data: new Uint8Array(),
  log: '',
  info: '',
  gasWanted: 0n,
  gasUsed: 0n,
  events: [],
  codespace: '',
}

/**
 * The control chain's state machine behind CometBFT: what operators say in vote extensions, votes and evidence go
 * through {@link applyControlBlock}, the hash of the state is the block's app hash, and whoever is convicted loses its
 * power two blocks later.
 *
 * @throws ControlChainError `SNAPSHOT_INVALID` for a store that holds something else
 */
export function createControlApplication(
  options: ControlApplicationOptions,
  dependencies: ControlChainDependencies,
): {
  readonly abci: AbciApplication
  state(): ControlState
  snapshot(): ControlSnapshot
  /** Why a transaction is not worth a place in a block; `undefined` when it is. */
  refusal(transaction: Uint8Array): TransactionRefusal | 'T_KNOWN' | undefined
} {
  const machine = createMachine(options, dependencies)
  const snapshots = createSnapshots(options.snapshotBlocks ?? 100)
  const abci: AbciApplication = {
    info: () => {
      const { height } = machine.state()
      return {
        data: 'l2-control-chain',
        version: '1',
        appVersion: 1n,
        lastBlockHeight: height,
        lastBlockAppHash: height === 0n ? new Uint8Array() : machine.hash(),
      }
    },
    initChain: ({ validators }) => ({ appHash: machine.begin(validators) }),
    query: ({ path }) => {
      if (path !== '/state') return { code: 1, log: 'no such path' }
      return { code: 0, height: machine.state().height, value: encodeControlState(machine.state()) }
    },
    ...proposals(machine),
    ...extensions(machine, dependencies.list, options.parameters.window),
    finalizeBlock: request => ({ ...machine.fold(request), txResults: request.txs.map(() => taken) }),
    commit: () => {
      const { height, bytes } = machine.commit()
      snapshots.take(height, bytes)
      return { retainHeight: 0n }
    },
    listSnapshots: () => ({ snapshots: snapshots.list() }),
    loadSnapshotChunk: ({ height, chunk }) => ({ chunk: snapshots.chunk(height, chunk) }),
    offerSnapshot: ({ snapshot, appHash }) => ({ result: snapshots.offer(snapshot, appHash) }),
    applySnapshotChunk: ({ index, chunk }) => {
      const answer = snapshots.apply(index, chunk)
      if (answer.state !== undefined) machine.restore(answer.state, answer.bytes)
      return { result: answer.result }
    },
  }
  return { abci, state: machine.state, snapshot: machine.snapshot, refusal: machine.refusal }
}

/** What comes into a block, and which blocks of others are taken. */
function proposals(machine: ControlMachine): AbciApplication {
  return {
    checkTx: ({ tx }) => {
      const reason = machine.refusal(tx)
      return reason === undefined ? { code: 0 } : { code: reason === 'T_KNOWN' ? 2 : 1, log: reason }
    },
    prepareProposal: ({ txs, localLastCommit, maxTxBytes, height }) => {
      const kept: Uint8Array[] = height === 1n ? [] : [encodeExtendedCommit(localLastCommit!)]
      let room = Number(maxTxBytes) - (kept[0]?.length ?? 0)
      let told = false
      for (const tx of txs) {
        room -= tx.length + 8
        if (room < 0) break
        const read = machine.read(tx)
        const tells = read.ok && read.transaction.type === 'poolCommands'
        if (!read.ok || (tells && told)) continue
        told ||= tells
        kept.push(tx)
      }
      return { txs: kept }
    },
    processProposal: ({ txs, height }) => ({ status: machine.accepts(txs, height) ? accept : reject }),
  }
}

/** What this operator says beside its vote, and what it lets others say. */
function extensions(machine: ControlMachine, list: ControlChainDependencies['list'], window: number): AbciApplication {
  return {
    extendVote: () => ({ voteExtension: encodeList(list(machine.state())) }),
    // A rejected extension costs its whole vote: only bytes that no operator makes are rejected.
    verifyVoteExtension: ({ voteExtension }) => {
      const isList = voteExtension.length <= maxListLength(window) && decodeList(voteExtension, window) !== undefined
      return { status: isList ? accept : reject }
    },
  }
}
