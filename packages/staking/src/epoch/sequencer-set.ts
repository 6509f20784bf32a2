import type { Address } from 'viem'
import { toAddress, zeroAddress } from '../internal/address.js'
import { metisRequire, metisRevert } from '../internal/revert.js'
import type { SlotLeaders } from './schedule.js'

/** An epoch of the L2 contract; `number` is its id. */
export type SetEpoch = {
  readonly number: bigint
  readonly signer: Address
  readonly startBlock: bigint
  readonly endBlock: bigint
}

/** Metis' L2 `MetisSequencerSet` as a value: who sequences which blocks. */
export type SequencerSet = {
  readonly owner: Address
  readonly mpc: Address
  readonly epochLength: bigint
  /** Index is the epoch's id; the last one is the current one. */
  readonly epochs: readonly SetEpoch[]
}

/** Calls of the contract; `blockNumber` is the L2 block they are mined in. */
export type SequencerSetCommand = { by: Address; blockNumber: bigint } & (
  | { type: 'commitEpoch'; newEpoch: bigint; startBlock: bigint; endBlock: bigint; signer: Address }
  | {
      type: 'recommitEpoch'
      oldEpochId: bigint
      newEpochId: bigint
      startBlock: bigint
      endBlock: bigint
      newSigner: Address
    }
  | { type: 'updateMpcAddress'; mpc: Address }
  | { type: 'updateEpochLength'; length: bigint }
)

export type SequencerSetEvent =
  | { type: 'NewEpoch'; epochId: bigint; startBlock: bigint; endBlock: bigint; signer: Address }
  | {
      type: 'ReCommitEpoch'
      oldEpochId: bigint
      newEpochId: bigint
      curEpochId: bigint
      startBlock: bigint
      endBlock: bigint
      newSigner: Address
    }
  | { type: 'MpcAddressUpdated'; mpc: Address }
  | { type: 'EpochUpdated'; length: bigint }

/** The contract right after `initialize`. @throws StakingError `METIS_REVERT` (`Invalid block range`) */
export function createSequencerSet(input: {
  owner: Address
  mpc: Address
  epochLength: bigint
  firstSigner: Address
  firstStartBlock: bigint
  firstEndBlock: bigint
  blockNumber: bigint
}): SequencerSet {
  const { firstStartBlock: startBlock, firstEndBlock: endBlock } = input
  metisRequire(startBlock > input.blockNumber && endBlock > startBlock, 'Invalid block range')
  return {
    owner: toAddress(input.owner, 'owner'),
    mpc: toAddress(input.mpc, 'mpc'),
    epochLength: input.epochLength,
    epochs: [{ number: 0n, signer: toAddress(input.firstSigner, 'firstSigner'), startBlock, endBlock }],
  }
}

/**
 * One call of the contract, with its guards in its order.
 * Source: metis-sequencer-contract `SequencerSet.sol`.
 *
 * @throws StakingError `METIS_REVERT`, `details.revert` being the contract's string
 */
export function applySequencerSet(
  state: SequencerSet,
  command: SequencerSetCommand,
): { state: SequencerSet; events: SequencerSetEvent[]; result: null } {
  return { ...step(state, command), result: null }
}

function step(state: SequencerSet, command: SequencerSetCommand): { state: SequencerSet; events: SequencerSetEvent[] } {
  const by = toAddress(command.by, 'by')
  switch (command.type) {
    case 'commitEpoch':
      metisRequire(by === state.mpc, 'Not Mpc')
      return commit(state, command)
    case 'recommitEpoch':
      metisRequire(by === state.mpc, 'Not Mpc')
      return recommit(state, command)
    case 'updateMpcAddress': {
      metisRequire(by === state.owner, 'Ownable: caller is not the owner')
      const mpc = toAddress(command.mpc, 'mpc')
      metisRequire(mpc !== zeroAddress, 'Invalid new mpc')
      return { state: { ...state, mpc }, events: [{ type: 'MpcAddressUpdated', mpc }] }
    }
    case 'updateEpochLength': {
      metisRequire(by === state.mpc || by === state.owner, 'Not Mpc or Owner')
      const { length } = command
      metisRequire(length > 0n, 'Invalid new epoch length')
      return { state: { ...state, epochLength: length }, events: [{ type: 'EpochUpdated', length }] }
    }
  }
}

type Result = { state: SequencerSet; events: SequencerSetEvent[] }

function commit(state: SequencerSet, command: Extract<SequencerSetCommand, { type: 'commitEpoch' }>): Result {
  const { newEpoch, startBlock, endBlock } = command
  const signer = toAddress(command.signer, 'signer')
  const current = state.epochs.length - 1
  if (current > 1)
    metisRequire(state.epochs[current - 1]!.endBlock < command.blockNumber, 'The last epoch not finished')
  metisRequire(newEpoch === BigInt(current + 1), 'Invalid new epoch number')
  metisRequire(endBlock > startBlock, 'End block must be greater than start block')
  metisRequire(endBlock - startBlock + 1n === state.epochLength, 'Mismatch epoch length and block length')
  metisRequire(
    state.epochs[current]!.endBlock + 1n === startBlock,
    'Start block must be greater than currentEpoch.endBlock by 1',
  )
  metisRequire(signer !== zeroAddress, 'Invalid signer')
  return {
    state: { ...state, epochs: [...state.epochs, { number: newEpoch, signer, startBlock, endBlock }] },
    events: [{ type: 'NewEpoch', epochId: newEpoch, startBlock, endBlock, signer }],
  }
}

function recommit(state: SequencerSet, command: Extract<SequencerSetCommand, { type: 'recommitEpoch' }>): Result {
  const { oldEpochId, newEpochId, startBlock, endBlock, blockNumber } = command
  const newSigner = toAddress(command.newSigner, 'newSigner')
  metisRequire(startBlock === blockNumber, 'Invalid start block')
  metisRequire(newSigner !== zeroAddress, 'Invalid signer')
  const current = state.epochs.length - 1
  const epochs = state.epochs.slice()
  const epoch = { number: newEpochId, signer: newSigner, startBlock, endBlock }
  if (oldEpochId === BigInt(current)) {
    const old = epochs[current]!
    metisRequire(old.startBlock < blockNumber, 'Conflict on end block')
    // Even when the epoch ended earlier: its leader then also answers for the gap.
    epochs[current] = { ...old, endBlock: blockNumber - 1n }
    metisRequire(newEpochId === BigInt(current + 1), 'Invalid newEpochId')
    metisRequire(endBlock > startBlock, 'End block must be greater than start block')
    epochs.push(epoch)
  } else if (oldEpochId + 1n === BigInt(current)) {
    const old = epochs[current - 1]!
    if (old.endBlock >= blockNumber) epochs[current - 1] = { ...old, endBlock: blockNumber - 1n }
    metisRequire(newEpochId === BigInt(current), 'Invalid newEpochId')
    metisRequire(epochs[current]!.startBlock >= blockNumber, 'The latest epoch producing')
    metisRequire(endBlock > startBlock, 'End block must be greater than start block')
    epochs[current] = epoch
  } else {
    metisRevert('Invalid oldEpochId')
  }
  return {
    state: { ...state, epochs },
    events: [
      { type: 'ReCommitEpoch', oldEpochId, newEpochId, curEpochId: BigInt(current), startBlock, endBlock, newSigner },
    ],
  }
}

/** Id of the epoch with a block, by binary search; `undefined` past the end, before the start and in gaps. */
export function setEpochAt(state: SequencerSet, blockNumber: bigint): bigint | undefined {
  let low = 0
  let high = state.epochs.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (state.epochs[middle]!.startBlock <= blockNumber) low = middle + 1
    else high = middle
  }
  const epoch = state.epochs[low - 1]
  return epoch !== undefined && blockNumber <= epoch.endBlock ? epoch.number : undefined
}

/**
 * `getMetisSequencer`: the first epoch's signer also for every block before it; the zero address where there is none.
 */
export function metisSequencerAt(state: SequencerSet, blockNumber: bigint): Address {
  if (blockNumber <= state.epochs[0]!.endBlock) return state.epochs[0]!.signer
  const id = setEpochAt(state, blockNumber)
  return id === undefined ? zeroAddress : state.epochs[Number(id)]!.signer
}

/** `finalizedEpoch` and `finalizedBlock` as of a block: the newest epoch that has ended before it. */
export function finalizedEpoch(
  state: SequencerSet,
  blockNumber: bigint,
): { epoch: SetEpoch; exists: boolean; finalizedBlock: bigint } {
  for (let i = state.epochs.length - 1; i >= 0; i--) {
    const epoch = state.epochs[i]!
    if (blockNumber > epoch.endBlock) return { epoch, exists: true, finalizedBlock: epoch.endBlock }
  }
  const epoch = state.epochs[0]!
  return { epoch, exists: false, finalizedBlock: epoch.startBlock - 1n }
}

/** A {@link SlotLeaders} over the contract; Metis has no terms, so it is always 0. */
export function sequencerSetSchedule(current: () => SequencerSet): SlotLeaders {
  return {
    leaderAt(height) {
      const state = current()
      const epoch = setEpochAt(state, height)
      return epoch === undefined ? undefined : { sequencer: state.epochs[Number(epoch)]!.signer, epoch, term: 0 }
    },
  }
}
