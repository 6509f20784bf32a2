import { isL2Error } from '@l2/common'
import { describe, expect, it } from 'vitest'
import {
  applySequencerSet,
  createSequencerSet,
  finalizedEpoch,
  metisSequencerAt,
  type SequencerSet,
  sequencerSetSchedule,
  setEpochAt,
} from './sequencer-set.js'

const signer = (n: number) => `0x${n.toString(16).padStart(40, '0')}` as const
const [mpc, owner, seq0, seq1, zero] = [signer(90), signer(91), signer(1), signer(2), signer(0)]
const initial = createSequencerSet({
  owner,
  mpc,
  epochLength: 200n,
  firstSigner: seq0,
  firstStartBlock: 400n,
  firstEndBlock: 599n,
  blockNumber: 10n,
})

const commit = (state: SequencerSet, at: bigint, newEpoch: bigint, start: bigint, end: bigint, who = seq1, by = mpc) =>
  applySequencerSet(state, {
    type: 'commitEpoch',
    by,
    blockNumber: at,
    newEpoch,
    startBlock: start,
    endBlock: end,
    signer: who,
  }).state
const recommit = (
  state: SequencerSet,
  at: bigint,
  oldId: bigint,
  newId: bigint,
  start: bigint,
  end: bigint,
  who = seq0,
  by = mpc,
) =>
  applySequencerSet(state, {
    type: 'recommitEpoch',
    by,
    blockNumber: at,
    oldEpochId: oldId,
    newEpochId: newId,
    startBlock: start,
    endBlock: end,
    newSigner: who,
  }).state
const revertOf = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    if (isL2Error(error, 'METIS_REVERT')) return error.details['revert']
    throw error
  }
  return undefined
}

const one = commit(initial, 420n, 1n, 600n, 799n)
const two = commit(one, 700n, 2n, 800n, 999n, seq0)

describe('vectors of SequencerSet.ts', () => {
  it('reads sequencers and epochs', () => {
    expect([399n, 401n, 600n].map(block => metisSequencerAt(initial, block))).toEqual([seq0, seq0, zero])
    expect([650n, 850n].map(block => setEpochAt(one, block))).toEqual([1n, undefined])
    expect([850n, 1000n].map(block => setEpochAt(two, block))).toEqual([2n, undefined])
  })
  it('finalizes what has ended', () => {
    expect(finalizedEpoch(two, 590n)).toMatchObject({ exists: false, finalizedBlock: 399n, epoch: { number: 0n } })
    expect(finalizedEpoch(two, 700n)).toMatchObject({ exists: true, finalizedBlock: 599n, epoch: { number: 0n } })
    const three = commit(two, 900n, 3n, 1000n, 1199n)
    expect(finalizedEpoch(three, 900n)).toMatchObject({ exists: true, finalizedBlock: 799n, epoch: { number: 1n } })
  })
  it('commits two early, the third only when the first has ended', () => {
    const early = commit(commit(initial, 420n, 1n, 600n, 799n), 421n, 2n, 800n, 999n)
    expect(revertOf(() => commit(early, 799n, 3n, 1000n, 1199n))).toBe('The last epoch not finished')
    expect(commit(early, 800n, 3n, 1000n, 1199n).epochs).toHaveLength(4)
  })
  it('recommits inside the latest epoch (case 1)', () => {
    expect(revertOf(() => recommit(one, 593n, 1n, 2n, 593n, 800n))).toBe('Conflict on end block')
    const three = recommit(two, 900n, 2n, 3n, 900n, 1099n)
    expect(three.epochs.slice(2)).toMatchObject([
      { endBlock: 899n },
      { number: 3n, startBlock: 900n, endBlock: 1099n, signer: seq0 },
    ])
    // Past its end the old epoch is stretched.
    expect(recommit(two, 1100n, 2n, 3n, 1100n, 1300n).epochs[2]!.endBlock).toBe(1099n)
  })
  it('recommits over the epoch already elected (case 2)', () => {
    let state = recommit(two, 900n, 2n, 3n, 900n, 1099n)
    state = commit(state, 1000n, 4n, 1100n, 1299n)
    const five = commit(state, 1150n, 5n, 1300n, 1499n)
    expect(revertOf(() => recommit(five, 1302n, 4n, 5n, 1302n, 1500n))).toBe('The latest epoch producing')
    const six = commit(five, 1310n, 6n, 1500n, 1699n)
    const result = applySequencerSet(six, {
      type: 'recommitEpoch',
      by: mpc,
      blockNumber: 1361n,
      oldEpochId: 5n,
      newEpochId: 6n,
      startBlock: 1361n,
      endBlock: 1700n,
      newSigner: seq0,
    })
    expect(result.state.epochs.slice(5)).toMatchObject([
      { startBlock: 1300n, endBlock: 1360n },
      { startBlock: 1361n, endBlock: 1700n, signer: seq0 },
    ])
    expect(result.state.epochs).toHaveLength(7)
    expect(result.events).toMatchObject([{ type: 'ReCommitEpoch', curEpochId: 6n }])
    expect(revertOf(() => recommit(six, 706n, 3n, 4n, 706n, 900n))).toBe('Invalid oldEpochId')
    // The old epoch is left alone when it has ended already.
    const ended = recommit(commit(two, 900n, 3n, 1000n, 1199n), 1000n, 2n, 3n, 1000n, 1400n)
    expect(ended.epochs[2]!.endBlock).toBe(999n)
  })
})

describe('guards, in order', () => {
  it('commitEpoch', () => {
    const early = commit(commit(initial, 420n, 1n, 600n, 799n), 421n, 2n, 800n, 999n)
    const calls: [string, () => unknown][] = [
      ['Not Mpc', () => commit(early, 500n, 9n, 9n, 1n, zero, owner)],
      ['The last epoch not finished', () => commit(early, 500n, 9n, 9n, 1n, zero)],
      ['Invalid new epoch number', () => commit(early, 801n, 9n, 9n, 1n, zero)],
      ['End block must be greater than start block', () => commit(early, 801n, 3n, 9n, 1n, zero)],
      ['Mismatch epoch length and block length', () => commit(early, 801n, 3n, 9n, 10n, zero)],
      ['Start block must be greater than currentEpoch.endBlock by 1', () => commit(early, 801n, 3n, 1n, 200n, zero)],
      ['Invalid signer', () => commit(early, 801n, 3n, 1000n, 1199n, zero)],
    ]
    for (const [reason, call] of calls) expect(revertOf(call)).toBe(reason)
  })
  it('recommitEpoch', () => {
    const calls: [string, () => unknown][] = [
      ['Not Mpc', () => recommit(two, 900n, 9n, 9n, 1n, 1n, zero, owner)],
      ['Invalid start block', () => recommit(two, 900n, 9n, 9n, 1n, 1n, zero)],
      ['Invalid signer', () => recommit(two, 900n, 9n, 9n, 900n, 1n, zero)],
      ['Invalid oldEpochId', () => recommit(two, 900n, 9n, 9n, 900n, 1n)],
      ['Invalid newEpochId', () => recommit(two, 900n, 2n, 9n, 900n, 1n)],
      ['End block must be greater than start block', () => recommit(two, 900n, 2n, 3n, 900n, 1n)],
      ['Invalid newEpochId', () => recommit(two, 790n, 1n, 9n, 790n, 1n)],
      ['End block must be greater than start block', () => recommit(two, 790n, 1n, 2n, 790n, 790n)],
    ]
    for (const [reason, call] of calls) expect(revertOf(call)).toBe(reason)
  })
  it('administration and initialize', () => {
    const call = (by: `0x${string}`, command: object) => () =>
      applySequencerSet(initial, { by, blockNumber: 1n, ...command } as Parameters<typeof applySequencerSet>[1])
    expect(revertOf(call(mpc, { type: 'updateMpcAddress', mpc: seq1 }))).toBe('Ownable: caller is not the owner')
    expect(revertOf(call(owner, { type: 'updateMpcAddress', mpc: zero }))).toBe('Invalid new mpc')
    expect(revertOf(call(seq0, { type: 'updateEpochLength', length: 1n }))).toBe('Not Mpc or Owner')
    expect(revertOf(call(owner, { type: 'updateEpochLength', length: 0n }))).toBe('Invalid new epoch length')
    expect(
      applySequencerSet(initial, { type: 'updateEpochLength', by: mpc, blockNumber: 1n, length: 5n }).state.epochLength,
    ).toBe(5n)
    expect(
      applySequencerSet(initial, { type: 'updateMpcAddress', by: owner, blockNumber: 1n, mpc: seq1 }).state.mpc,
    ).toBe(seq1)
    const init = {
      owner,
      mpc,
      epochLength: 1n,
      firstSigner: seq0,
      firstStartBlock: 5n,
      firstEndBlock: 9n,
      blockNumber: 5n,
    }
    expect(revertOf(() => createSequencerSet(init))).toBe('Invalid block range')
    expect(revertOf(() => createSequencerSet({ ...init, blockNumber: 1n, firstEndBlock: 5n }))).toBe(
      'Invalid block range',
    )
  })
})

it('is a leader schedule', () => {
  const schedule = sequencerSetSchedule(() => two)
  expect(schedule.leaderAt(650n)).toEqual({ sequencer: seq1, epoch: 1n, term: 0 })
  expect(schedule.leaderAt(1000n)).toBeUndefined()
})
