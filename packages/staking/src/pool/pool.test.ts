import { bytesToHex, isL2Error } from '@l2/common'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { delegationOf } from '../delegation/delegation.js'
import { addressOfPubkey } from '../internal/address.js'
import { applyPool, createPool } from './apply.js'
import { auditPool } from './audit.js'
import type { PoolCommand, SequencerPoolEvent } from './commands.js'
import type { PoolOptions } from './config.js'
import { liquidStakeWei } from './liquid-cap.js'
import { electionWeights, sequencerOf, signerAt } from './sequencer.js'
import { decodePool, encodePool, poolHash } from './snapshot.js'
import type { PoolState } from './types.js'

const account = (n: number) => `0x${n.toString(16).padStart(40, '0')}` as const
const word = (n: number) => `0x${n.toString(16).padStart(64, '0')}` as const
const [admin, zero] = [account(0xad), account(0)]
const metis = 10n ** 18n
const day = 86_400n
type Input = PoolCommand extends infer C
  ? C extends unknown
    ? Omit<C, 'atSeconds' | 'by'> & { atSeconds?: bigint; by?: `0x${string}` }
    : never
  : never

/** A pool in hand: `run` applies, `code` gives what a refusal says and proves that it changed nothing. */
function inHand(options: Partial<PoolOptions> = {}) {
  let state = createPool({ admin, ...options })
  let atSeconds = 10n
  const run = (input: Input): SequencerPoolEvent[] => {
    atSeconds = input.atSeconds ?? atSeconds
    const result = applyPool(state, { by: admin, ...input, atSeconds } as PoolCommand)
    state = result.state
    return result.events
  }
  return {
    run,
    wait: (seconds: bigint) => (atSeconds += seconds),
    get state(): PoolState {
      return state
    },
    code(input: Input): string {
      const before = encodePool(state)
      try {
        applyPool(state, { by: admin, atSeconds, ...input } as PoolCommand)
      } catch (error) {
        if (!isL2Error(error)) throw error
        expect(encodePool(state)).toBe(before)
        return error.code
      }
      return 'none'
    },
    seat(n: number, amount = 20_000n) {
      run({ type: 'setWhitelist', owner: account(n), allowed: true })
      run({ type: 'lock', by: account(n), signer: account(1000 + n), amountWei: amount * metis })
    },
    epochs(count: number) {
      for (let i = 0; i < count; i++) run({ type: 'advanceEpoch', epoch: state.epoch + 1n })
    },
  }
}

describe('results', () => {
  it('are the id of a seat and the wei that were paid, as the events say; null where there is nothing to say', () => {
    let state = createPool({ admin, maxSeats: 1 })
    const run = <const Command extends Input>(input: Command & { by: `0x${string}`; atSeconds: bigint }) => {
      const { result, events, state: next } = applyPool(state, input as unknown as PoolCommand)
      state = next
      const paid = events.flatMap(event => ('amountWei' in event ? [event.amountWei] : []))
      return { result, paid }
    }
    const later = 10n + state.config.windows.exitDelaySeconds
    for (const n of [1, 2]) {
      expect(
        run({ type: 'setWhitelist', by: admin, atSeconds: 1n, owner: account(n), allowed: true }).result,
      ).toBeNull()
      const locked = { by: account(n), atSeconds: 1n, signer: account(1000 + n), amountWei: 20_000n * metis } as const
      expect(run({ type: 'lock', ...locked }).result).toBe(n)
    }
    expect(run({ type: 'leaveQueue', by: account(2), atSeconds: 2n, id: 2 }).result).toBe(20_000n * metis)
    expect(run({ type: 'fund', by: admin, atSeconds: 2n, amountWei: 1_000n * metis }).result).toBeNull()
    run({ type: 'delegate', by: account(9), atSeconds: 2n, id: 1, amountWei: 5n * metis })
    for (const epoch of [1n, 2n, 3n, 4n]) run({ type: 'advanceEpoch', by: admin, atSeconds: 3n, epoch })
    run({ type: 'accrueBlock', by: admin, atSeconds: 4n, height: 1n, signer: account(1001) })
    run({ type: 'undelegate', by: account(9), atSeconds: 5n, id: 1, shares: 5n * metis })
    for (const type of ['withdrawRewards', 'claimDelegationRewards'] as const) {
      const by = type === 'withdrawRewards' ? account(1) : account(9)
      const { result, paid } = run({ type, by, atSeconds: 6n, id: 1 })
      expect(result).toBeGreaterThan(0n)
      expect([result]).toEqual(paid)
    }
    run({ type: 'unlock', by: account(1), atSeconds: 7n, id: 1 })
    expect(run({ type: 'claimDelegation', by: account(9), atSeconds: later, id: 1 }).result).toBe(5n * metis)
    expect(run({ type: 'claim', by: account(1), atSeconds: later, id: 1 }).result).toBe(20_000n * metis)
  })
})

describe('guards of the safe pool', () => {
  it('lock, in order', () => {
    const pool = inHand({ maxSeats: 1 })
    const lock = { type: 'lock', by: account(1), signer: account(1001), amountWei: 20_000n * metis } as const
    pool.run({ type: 'setPaused', paused: true })
    expect(pool.code(lock)).toBe('POOL_PAUSED')
    pool.run({ type: 'setPaused', paused: false })
    expect(pool.code(lock)).toBe('NOT_WHITELISTED')
    pool.run({ type: 'setWhitelist', owner: account(1), allowed: true })
    expect(pool.code({ ...lock, signer: zero })).toBe('INPUT_INVALID')
    expect(pool.code({ ...lock, signer: '0x12' })).toBe('INPUT_INVALID')
    expect(pool.code({ ...lock, pubkey: '0x1234' })).toBe('PUBKEY_INVALID')
    const pubkey = bytesToHex(secp256k1.getPublicKey(new Uint8Array(32).fill(7), false).subarray(1))
    expect(pool.code({ ...lock, pubkey })).toBe('PUBKEY_INVALID')
    expect(pool.code({ ...lock, amountWei: lock.amountWei - 1n })).toBe('AMOUNT_OUT_OF_RANGE')
    expect(pool.code({ ...lock, amountWei: 100_000n * metis + 1n })).toBe('AMOUNT_OUT_OF_RANGE')
    expect(pool.code({ ...lock, commissionBps: 5001 })).toBe('INPUT_INVALID')
    pool.run({ ...lock, signer: addressOfPubkey(pubkey)!, pubkey })
    expect(pool.code(lock)).toBe('OWNER_HAS_SEAT')
    pool.run({ type: 'setWhitelist', owner: account(2), allowed: true })
    expect(pool.code({ ...lock, by: account(2), signer: addressOfPubkey(pubkey)! })).toBe('SIGNER_USED')
    // The seat is taken: the next one queues, and gets it when it is given up.
    expect(pool.run({ ...lock, by: account(2) })[0]).toMatchObject({ type: 'Queued', position: 1 })
    expect(pool.code({ type: 'unlock', by: account(2), id: 2 })).toBe('SEQUENCER_STATUS')
    expect(pool.run({ type: 'unlock', by: account(1), id: 1 }).map(({ type }) => type)).toEqual([
      'UnlockStarted',
      'Locked',
    ])
    expect(sequencerOf(pool.state, 2).status).toBe('active')
  })
  it('everything else', () => {
    const pool = inHand()
    pool.seat(1)
    pool.seat(2, 30_000n)
    const me = account(1)
    expect(pool.code({ type: 'nothing' } as never)).toBe('INPUT_INVALID')
    expect(pool.code({ type: 'setPaused', paused: true, atSeconds: 9n })).toBe('TIME_REVERSED')
    for (const type of [
      'setPaused',
      'setWhitelist',
      'forceUnlock',
      'advanceEpoch',
      'accrueBlock',
      'admitOffence',
      'vetoCase',
      'pauseCase',
    ] as const) {
      expect(pool.code({ type, by: me } as never)).toBe('NOT_AUTHORIZED')
    }
    for (const type of [
      'relock',
      'withdraw',
      'withdrawRewards',
      'unlock',
      'claim',
      'setOwner',
      'setRewardRecipient',
      'setCommission',
      'declareMaintenance',
      'leaveQueue',
      'unjail',
    ] as const) {
      expect(pool.code({ type, id: 2, by: me } as never)).toBe('NOT_AUTHORIZED')
      expect(pool.code({ type, id: 9, by: me } as never)).toBe('SEQUENCER_UNKNOWN')
    }
    expect(pool.code({ type: 'relock', by: me, id: 1, amountWei: 0n, lockReward: true })).toBe('AMOUNT_OUT_OF_RANGE')
    expect(pool.code({ type: 'relock', by: me, id: 1, amountWei: -1n, lockReward: true })).toBe('AMOUNT_OUT_OF_RANGE')
    expect(pool.code({ type: 'relock', by: me, id: 1, amountWei: 80_000n * metis + 1n, lockReward: false })).toBe(
      'AMOUNT_OUT_OF_RANGE',
    )
    expect(pool.code({ type: 'withdraw', by: me, id: 1, amountWei: 1n })).toBe('AMOUNT_OUT_OF_RANGE')
    expect(pool.code({ type: 'claim', by: me, id: 1 })).toBe('NOTHING_TO_CLAIM')
    expect(pool.code({ type: 'withdrawRewards', by: me, id: 1 })).toBe('NOTHING_TO_CLAIM')
    expect(pool.code({ type: 'leaveQueue', by: me, id: 1 })).toBe('SEQUENCER_STATUS')
    expect(pool.code({ type: 'unjail', by: me, id: 1 })).toBe('SEQUENCER_STATUS')
    expect(pool.code({ type: 'setOwner', by: me, id: 1, owner: zero })).toBe('INPUT_INVALID')
    expect(pool.code({ type: 'setOwner', by: me, id: 1, owner: account(3) })).toBe('NOT_WHITELISTED')
    expect(pool.code({ type: 'setOwner', by: me, id: 1, owner: account(2) })).toBe('OWNER_HAS_SEAT')
    expect(pool.code({ type: 'updateSigner', by: account(5), id: 1, signer: account(5) })).toBe('NOT_AUTHORIZED')
    expect(pool.code({ type: 'updateSigner', by: me, id: 1, signer: account(1002) })).toBe('SIGNER_USED')
    expect(pool.code({ type: 'updateSigner', by: me, id: 1, signer: account(7) })).toBe('EPOCH_INVALID')
    expect(pool.code({ type: 'declareMaintenance', by: me, id: 1, fromEpoch: 0n, toEpoch: 1n })).toBe('EPOCH_INVALID')
    expect(pool.code({ type: 'declareMaintenance', by: me, id: 1, fromEpoch: 1n, toEpoch: 21n })).toBe('EPOCH_INVALID')
    expect(pool.code({ type: 'advanceEpoch', epoch: 2n })).toBe('EPOCH_INVALID')
    expect(pool.code({ type: 'accrueBlock', height: 1n, signer: account(5) })).toBe('SEQUENCER_UNKNOWN')
    pool.run({ type: 'accrueBlock', height: 5n, signer: account(1001) })
    expect(pool.code({ type: 'accrueBlock', height: 5n, signer: account(1001) })).toBe('EPOCH_INVALID')
    expect(pool.code({ type: 'submitRewards', batchId: 1n, startEpoch: 0n, endEpoch: 0n, entries: [] })).toBe(
      'REWARD_SOURCE',
    )
    expect(pool.code({ type: 'fund', amountWei: 0n })).toBe('AMOUNT_OUT_OF_RANGE')
    expect(pool.code({ type: 'delegate', id: 1, amountWei: 80_000n * metis + 1n })).toBe('AMOUNT_OUT_OF_RANGE')
    expect(pool.code({ type: 'undelegate', id: 1, shares: 1n })).toBe('AMOUNT_OUT_OF_RANGE')
    expect(pool.code({ type: 'claimDelegation', id: 1 })).toBe('NOTHING_TO_CLAIM')
    expect(pool.code({ type: 'claimDelegationRewards', id: 1 })).toBe('NOTHING_TO_CLAIM')
    expect(pool.code({ type: 'executeCase', evidenceId: word(1) })).toBe('CASE_UNKNOWN')
    expect(pool.code({ type: 'vetoCase', evidenceId: word(1) })).toBe('CASE_UNKNOWN')
    expect(pool.code({ type: 'revealReport', evidenceId: word(1), salt: word(1) })).toBe('CASE_UNKNOWN')
    expect(pool.code({ type: 'commitReport', commitment: '0x12' })).toBe('INPUT_INVALID')
  })
})

describe('configuration', () => {
  it.each([
    [
      { windows: { exitDelaySeconds: 20n * day - 1n } },
      'evidenceMaxAge + vetoWindow + correlationSettle <= exitDelay fails: 1209600 + 259200 + 259200 > 1727999 seconds',
    ],
    [
      { windows: { disputeWindowSeconds: 15n * day } },
      'disputeWindow <= evidenceMaxAge fails: 1296000 > 1209600 seconds',
    ],
    [{ minLockWei: 2n, maxLockWei: 1n }, 'minLockWei <= maxLockWei fails: 2 > 1'],
    [{ minLockWei: 0n }, '"minLockWei" expected more than 0'],
    [{ lookaheadEpochs: 1 }, '"lookaheadEpochs"'],
    [{ historyEpochs: 1000 }, 'historyEpochs'],
    [{ admin: '0x12' }, '"admin"'],
    [{ typo: 1 }, 'typo'],
  ])('refuses case %#', (options, message) => {
    let error: unknown
    try {
      createPool({ admin, ...options } as PoolOptions)
    } catch (thrown) {
      error = thrown
    }
    expect(isL2Error(error, 'CONFIG_INVALID') && error.message).toContain(message)
  })
})

describe('exit is always possible', () => {
  it.each(['plain', 'dewhitelisted', 'paused', 'forced', 'queue'])(
    '%s: the principal comes back after the delay, no later',
    how => {
      const pool = inHand({ maxSeats: 2 })
      pool.seat(1)
      for (let n = 2; how === 'queue' && n < 6; n++) pool.seat(n)
      if (how === 'dewhitelisted') pool.run({ type: 'setWhitelist', owner: account(1), allowed: false })
      if (how === 'paused') pool.run({ type: 'setPaused', paused: true })
      // No reward recipient was ever set: rewards go to the owner.
      pool.run({ type: 'fund', amountWei: metis })
      pool.epochs(1)
      pool.run({ type: 'accrueBlock', height: 1n, signer: account(1001) })
      pool.run(how === 'forced' ? { type: 'forceUnlock', id: 1 } : { type: 'unlock', by: account(1), id: 1 })
      pool.wait(21n * day - 1n)
      expect(pool.code({ type: 'claim', by: account(1), id: 1 })).toBe('NOTHING_TO_CLAIM')
      pool.wait(1n)
      const events = pool.run({ type: 'claim', by: account(1), id: 1 })
      const amountWei = 20_000n * metis
      expect(events[0]).toEqual({
        type: 'StakePaid',
        id: 1,
        to: account(1),
        amountWei,
        unlockedWei: amountWei,
        whole: true,
      })
      expect(events[1]).toMatchObject({ type: 'RewardsPaid', to: account(1) })
      expect(auditPool(pool.state).problems).toEqual([])
    },
  )
  it('partial withdrawals wait as long as exits do', () => {
    const pool = inHand()
    pool.seat(1, 50_000n)
    pool.run({ type: 'withdraw', by: account(1), id: 1, amountWei: 30_000n * metis })
    expect(pool.code({ type: 'claim', by: account(1), id: 1 })).toBe('NOTHING_TO_CLAIM')
    pool.wait(21n * day)
    expect(pool.run({ type: 'claim', by: account(1), id: 1 })).toMatchObject([{ amountWei: 30_000n * metis }])
    expect(sequencerOf(pool.state, 1).status).toBe('active')
  })
})

describe('frozen weights and keys', () => {
  it('take effect L + 1 epochs later', () => {
    const pool = inHand({ lookaheadEpochs: 3 })
    pool.seat(1)
    expect(() => electionWeights(pool.state, 4n)).toThrow(/end of epoch 0/)
    pool.epochs(1)
    expect(electionWeights(pool.state, 4n)).toEqual([{ id: 1, weight: 20_000n * metis, signer: account(1001) }])
    expect(electionWeights(pool.state, 3n)).toEqual([])
    pool.epochs(3)
    pool.run({ type: 'updateSigner', by: account(1001), id: 1, signer: account(77) })
    const sequencer = sequencerOf(pool.state, 1)
    expect([signerAt(sequencer, 7n), signerAt(sequencer, 8n), signerAt(sequencer, 3n)]).toEqual([
      account(1001),
      account(77),
      undefined,
    ])
    pool.epochs(1)
    expect(electionWeights(pool.state, 8n)[0]!.signer).toBe(account(77))
  })
})

describe('rewards', () => {
  it('pay no more than the rate on what is bonded, and the budget is the end of it', () => {
    const pool = inHand({ targetRateBps: 2000 })
    pool.seat(1, 60_000n)
    pool.run({ type: 'fund', amountWei: 761035007610350n * 3n + 5n })
    pool.epochs(1)
    expect(pool.state.rewardPerBlockWei).toBe(761035007610350n)
    for (let height = 1n; height <= 3n; height++) pool.run({ type: 'accrueBlock', height, signer: account(1001) })
    expect(pool.run({ type: 'accrueBlock', height: 4n, signer: account(1001) })).toMatchObject([{ operatorWei: 5n }])
    // Three blocks of two seconds at 20 % a year.
    const paid = 761035007610350n * 3n
    expect(paid <= (60_000n * metis * 2000n * 6n) / (10_000n * 31_536_000n) + 1n).toBe(true)
  })
  it('batches: a bad entry is rejected, the others are paid, a rotated key is credited', () => {
    const pool = inHand({ rewardSource: 'batches' })
    pool.seat(1)
    pool.seat(2)
    pool.run({ type: 'fund', amountWei: 10n * metis })
    pool.epochs(5)
    pool.run({ type: 'updateSigner', by: account(1), id: 1, signer: account(77) })
    const entries = [
      { signer: account(1001), blocks: 10n },
      { signer: account(77), blocks: 10n },
      { signer: account(555), blocks: 10n },
      { signer: account(1002), blocks: 0n },
      { signer: account(1002), blocks: 10n ** 9n },
      { signer: account(1002), blocks: 7n },
    ]
    pool.run({ type: 'submitRewards', batchId: 1n, startEpoch: 0n, endEpoch: 0n, entries: [] })
    const events = pool.run({ type: 'submitRewards', batchId: 2n, startEpoch: 1n, endEpoch: 4n, entries })
    expect(events.filter(({ type }) => type === 'RewardEntryRejected')).toEqual([
      { type: 'RewardEntryRejected', index: 1, signer: account(77), reason: 'duplicate' },
      { type: 'RewardEntryRejected', index: 2, signer: account(555), reason: 'unknown' },
      { type: 'RewardEntryRejected', index: 3, signer: account(1002), reason: 'blocks' },
      { type: 'RewardEntryRejected', index: 4, signer: account(1002), reason: 'budget' },
    ])
    expect(events.at(-1)).toMatchObject({ type: 'RewardBatch', amountWei: 17n * pool.state.rewardPerBlockWei })
    const batch = (batchId: bigint, startEpoch: bigint, endEpoch: bigint): string =>
      pool.code({ type: 'submitRewards', batchId, startEpoch, endEpoch, entries })
    expect([batch(2n, 5n, 5n), batch(3n, 4n, 4n), batch(3n, 5n, 4n), batch(3n, 5n, 5n)]).toEqual(
      new Array(4).fill('REWARD_BATCH_INVALID'),
    )
  })
  it('delegators earn by the weights of the election, the operator takes commission', () => {
    const pool = inHand()
    pool.run({ type: 'setWhitelist', owner: account(1), allowed: true })
    pool.run({ type: 'lock', by: account(1), signer: account(1001), amountWei: 50_000n * metis, commissionBps: 1000 })
    pool.run({ type: 'delegate', by: account(8), id: 1, amountWei: 30_000n * metis })
    pool.run({ type: 'fund', amountWei: 1000n * metis })
    pool.epochs(1)
    // Comes in epoch 1: its weight counts from epoch 4 on.
    pool.run({ type: 'delegate', by: account(9), id: 1, amountWei: 10_000n * metis })
    let height = 0n
    const block = () => pool.run({ type: 'accrueBlock', height: ++height, signer: account(1001) })
    const due = () => [account(8), account(9)].map(who => delegationOf(pool.state, 1, who).rewardWei)
    const close = (values: (bigint | undefined)[], wanted: bigint[]) =>
      expect(values.every((value, i) => value! - wanted[i]! >= -9n && value! - wanted[i]! <= 9n)).toBe(true)
    const rates: bigint[] = []
    for (let epoch = 1n; epoch <= 3n; epoch++) {
      rates.push(pool.state.rewardPerBlockWei)
      block()
      pool.epochs(1)
    }
    const before = rates.reduce((sum, rate) => sum + (((rate * 3n) / 8n) * 9n) / 10n, 0n)
    close(due(), [before, 0n])
    block()
    const shared = (((pool.state.rewardPerBlockWei * 4n) / 9n) * 9n) / 10n
    close(due(), [before + (shared * 3n) / 4n, shared / 4n])
    // Leaves in epoch 4: its weight counts until epoch 6.
    pool.run({ type: 'undelegate', by: account(8), id: 1, shares: 30_000n * metis })
    expect(pool.state.activeWei).toBe(60_000n * metis)
    let all = shared
    for (let epoch = 5n; epoch <= 6n; epoch++) {
      pool.epochs(1)
      block()
      all += (((pool.state.rewardPerBlockWei * 4n) / 9n) * 9n) / 10n
    }
    pool.epochs(1)
    block()
    const alone = (((pool.state.rewardPerBlockWei * 1n) / 6n) * 9n) / 10n
    close(due(), [before + (all * 3n) / 4n, all / 4n + alone])
    pool.wait(21n * day)
    expect(pool.run({ type: 'claimDelegation', by: account(8), id: 1 })).toMatchObject([{ amountWei: 30_000n * metis }])
    expect(pool.run({ type: 'claimDelegationRewards', by: account(8), id: 1 })).toMatchObject([
      { amountWei: expect.any(BigInt) },
    ])
    expect(pool.state.delegations.size).toBe(1)
    expect(auditPool(pool.state).problems).toEqual([])
  })
})

describe('rewards of the work', () => {
  const accrued = (events: SequencerPoolEvent[]) => {
    const event = events.find(({ type }) => type === 'RewardAccrued')
    if (event?.type !== 'RewardAccrued') throw new Error('nothing was accrued')
    return event
  }
  const batch = (batchId: bigint, startEpoch: bigint, endEpoch: bigint, blocks = 100_000n): Input => ({
    type: 'submitRewards',
    batchId,
    startEpoch,
    endEpoch,
    entries: [{ signer: account(1001), blocks }],
  })
  const pool = (options: Partial<PoolOptions> = {}) => {
    const hand = inHand({ rewardSource: 'batches', ...options })
    for (const n of [1, 2]) {
      hand.run({ type: 'setWhitelist', owner: account(n), allowed: true })
      const lock = { signer: account(1000 + n), amountWei: 20_000n * metis, commissionBps: 500 }
      hand.run({ type: 'lock', by: account(n), ...lock })
    }
    hand.run({ type: 'fund', amountWei: 1_000_000n * metis })
    return hand
  }

  it('an operator that leaves earns for the epochs it was elected for with what it had: one wei of delegation takes nothing', () => {
    const hand = pool({ rewardSource: 'blocks' })
    hand.run({ type: 'delegate', by: account(8), id: 1, amountWei: 1n })
    hand.epochs(6)
    let height = 0n
    const block = () => accrued(hand.run({ type: 'accrueBlock', height: ++height, signer: account(1001) }))
    const before = block()
    hand.run({ type: 'unlock', by: account(1), id: 1 })
    expect(block()).toEqual(before)
    expect(before.delegatorsWei).toBe(0n)
    // Elected for epochs 7 and 8 by weights of epochs 4 and 5; for epoch 9 by nothing.
    for (let epoch = 7n; epoch <= 8n; epoch++) {
      hand.epochs(1)
      expect(electionWeights(hand.state, epoch).map(({ id }) => id)).toEqual([1, 2])
      expect(block().operatorWei).toBe(hand.state.rewardPerBlockWei)
    }
    hand.epochs(1)
    expect(electionWeights(hand.state, 9n).map(({ id }) => id)).toEqual([2])
    expect(hand.code({ type: 'accrueBlock', height: 99n, signer: account(1001) })).toBe('SEQUENCER_STATUS')
  })
  it('a batch that comes after the unlock, or after the last payout, pays the operator that built the blocks', () => {
    const hand = pool()
    hand.run({ type: 'delegate', by: account(8), id: 1, amountWei: metis })
    hand.epochs(5)
    hand.run({ type: 'unlock', by: account(1), id: 1 })
    const first = accrued(hand.run(batch(1n, 0n, 4n)))
    // 20,000 of 20,001 and 5 % of the rest.
    expect(first.delegatorsWei * 20_001n).toBeLessThanOrEqual((first.operatorWei + first.delegatorsWei) * 1n)
    hand.epochs(3)
    hand.wait(22n * day)
    hand.run({ type: 'claim', by: account(1), id: 1 })
    expect(sequencerOf(hand.state, 1).status).toBe('exited')
    const late = accrued(hand.run(batch(2n, 5n, 7n, 300n)))
    expect(hand.run({ type: 'withdrawRewards', by: account(1), id: 1 })).toMatchObject([
      { amountWei: late.operatorWei },
    ])
    expect(auditPool(hand.state).problems).toEqual([])
  })
  it('who comes the second before a batch gets nothing of earlier epochs', () => {
    const hand = pool()
    hand.run({ type: 'delegate', by: account(8), id: 1, amountWei: 1000n * metis })
    hand.epochs(50)
    hand.run({ type: 'delegate', by: account(9), id: 1, amountWei: 79_000n * metis })
    const { delegatorsWei } = accrued(hand.run(batch(1n, 0n, 49n, 1_000_000n)))
    expect(delegationOf(hand.state, 1, account(9)).rewardWei).toBe(0n)
    const { rewardWei } = delegationOf(hand.state, 1, account(8))
    expect(delegatorsWei - rewardWei <= 1n && rewardWei > 0n).toBe(true)
    // Counts from epoch 53 on.
    hand.epochs(4)
    hand.run(batch(2n, 50n, 52n))
    expect(delegationOf(hand.state, 1, account(9)).rewardWei).toBe(0n)
    hand.run(batch(3n, 53n, 53n))
    expect(delegationOf(hand.state, 1, account(9)).rewardWei).toBeGreaterThan(0n)
  })
  it('epochs are paid at their own rate, by entries of an epoch or of the whole batch', () => {
    const hand = pool()
    hand.epochs(1)
    const rate = hand.state.rewardPerBlockWei
    hand.run({ type: 'relock', by: account(2), id: 2, amountWei: 80_000n * metis, lockReward: false })
    hand.epochs(3)
    expect(hand.state.rewardPerBlockWei).toBeGreaterThan(rate)
    const entry = (epoch: bigint, blocks: bigint) => ({ signer: account(1001), blocks, epoch })
    const entries = [entry(3n, 5n), entry(1n, 7n), entry(1n, 7n), entry(9n, 1n), { signer: account(1001), blocks: 1n }]
    hand.run({ type: 'submitRewards', batchId: 1n, startEpoch: 0n, endEpoch: 0n, entries: [] })
    const events = hand.run({ type: 'submitRewards', batchId: 2n, startEpoch: 1n, endEpoch: 3n, entries })
    expect(events.flatMap(event => (event.type === 'RewardEntryRejected' ? [event.reason] : []))).toEqual([
      'duplicate',
      'duplicate',
      'epoch',
    ])
    expect(events.at(-1)).toMatchObject({ amountWei: 7n * rate + 5n * hand.state.rewardPerBlockWei })
  })
  it('a commission changes after a notice and by steps, and never for epochs of before', () => {
    const hand = pool()
    hand.run({ type: 'delegate', by: account(8), id: 1, amountWei: 80_000n * metis })
    hand.epochs(5)
    const share = (events: SequencerPoolEvent[]): number => {
      const { operatorWei, delegatorsWei } = accrued(events)
      return Number((operatorWei * 10_000n) / (operatorWei + delegatorsWei))
    }
    const fair = share(hand.run(batch(1n, 0n, 2n)))
    expect(hand.run({ type: 'setCommission', by: account(1), id: 1, commissionBps: 5000 })).toEqual([
      { type: 'CommissionAnnounced', id: 1, targetBps: 5000, dueAtSeconds: hand.state.atSeconds + 7n * day },
    ])
    expect(share(hand.run(batch(2n, 3n, 4n)))).toBe(fair)
    const steps: [number, bigint][] = []
    const advance = (): void => {
      for (const event of hand.run({ type: 'advanceEpoch', epoch: hand.state.epoch + 1n })) {
        if (event.type === 'CommissionChanged') steps.push([event.commissionBps, event.fromEpoch])
      }
    }
    hand.wait(7n * day - 1n)
    advance()
    expect(steps).toEqual([])
    hand.wait(1n)
    // The notice is over; so must be the epochs for which those who left at its beginning still earn.
    advance()
    expect(steps).toEqual([])
    advance()
    expect(steps).toEqual([[1000, 8n]])
    hand.wait(6n * day)
    advance()
    hand.wait(day)
    advance()
    expect(steps).toEqual([
      [1000, 8n],
      [1500, 10n],
    ])
    advance()
    // One batch over all of it: each epoch by its own commission.
    expect(share(hand.run(batch(3n, 5n, 7n)))).toBe(fair)
    const of = (bps: number): number => Math.floor(2000 + (8000 * bps) / 10_000)
    expect([share(hand.run(batch(4n, 8n, 9n))), share(hand.run(batch(5n, 10n, 10n)))]).toEqual([of(1000), of(1500)])
    // Another word replaces the first: back down, by steps as well.
    hand.run({ type: 'setCommission', by: account(1), id: 1, commissionBps: 1250 })
    hand.wait(7n * day)
    for (let i = 0; i < 3; i++) advance()
    expect(steps.slice(2)).toEqual([[1250, 14n]])
    expect(hand.state.commissionPlans).toEqual([])
    expect(hand.code({ type: 'setCommission', by: account(1), id: 1, commissionBps: 5001 })).toBe('INPUT_INVALID')
  })
})

describe('windows of time', () => {
  it('are bigints of seconds: numbers, negative ones and what no signed 64 bits hold are refused', () => {
    const hand = inHand()
    const bad = [5, -1n, 2n ** 63n, '7', undefined] as unknown as bigint[]
    for (const atSeconds of bad) {
      expect(() => createPool({ admin }, atSeconds ?? null)).toThrow(/expected seconds/)
      expect(hand.code({ type: 'fund', amountWei: 1n, atSeconds } as Input)).toBe('TIME_REVERSED')
    }
    for (const exitDelaySeconds of [21 * 86_400, -1n, 2n ** 63n, '1e9'] as unknown as bigint[]) {
      expect(() => createPool({ admin, windows: { exitDelaySeconds } })).toThrow(/exitDelaySeconds/)
    }
    expect(createPool({ admin, windows: { exitDelaySeconds: '1814400' } }).config.windows.exitDelaySeconds).toBe(
      21n * day,
    )
  })
  it.each([20n, 60n, 200n, 2000n])(
    'epochs of %d seconds: evidence counts for fourteen days, and is refused after',
    seconds => {
      const hand = inHand()
      hand.seat(1)
      hand.seat(2, 50_000n)
      hand.epochs(2)
      const offenceAtSeconds = hand.wait(seconds)
      hand.epochs(1)
      hand.run({ type: 'withdraw', by: account(2), id: 2, amountWei: 30_000n * metis })
      const until = offenceAtSeconds + 14n * day
      let now = offenceAtSeconds
      while (now + seconds <= until) {
        now = hand.wait(seconds)
        hand.epochs(1)
      }
      const admit = (n: number): Input => ({
        type: 'admitOffence',
        offence: {
          kind: 'ORDERING',
          id: 2,
          evidenceId: word(n),
          evidenceHash: word(n),
          offenceEpoch: 3n,
          offenceAtSeconds,
        },
      })
      expect(hand.run(admit(1))).toMatchObject([{ type: 'OffenceAdmitted', mostWei: 5000n * metis }])
      expect(hand.state.cases.get(word(1))!.stakeWei).toBe(50_000n * metis)
      hand.wait(until - now + 1n)
      expect(hand.code(admit(2))).toBe('OFFENCE_WINDOW')
      expect(hand.state.epochStarts.length).toBeLessThan(1030)
    },
    60_000,
  )
})

describe('liquid staking', () => {
  it('holds at most its share of everything at stake, as owner and as delegator', () => {
    const hand = inHand()
    for (const n of [1, 2, 3]) hand.seat(n, 50_000n)
    const protocol = account(9)
    hand.run({ type: 'delegate', by: protocol, id: 1, amountWei: 10_000n * metis })
    expect(hand.run({ type: 'setLiquidAccount', account: protocol, liquid: true })).toHaveLength(1)
    expect(liquidStakeWei(hand.state)).toBe(10_000n * metis)
    // 10,000 + x of 160,000 + x.
    const delegate = (wei: bigint): Input => ({ type: 'delegate', by: protocol, id: 2, amountWei: wei })
    expect(hand.code(delegate(40_000n * metis + 1n))).toBe('LIQUID_CAP')
    hand.run(delegate(40_000n * metis))
    expect(hand.code(delegate(1n))).toBe('LIQUID_CAP')
    expect(hand.code({ ...delegate(1n), by: account(8) } as Input)).toBe('none')
    hand.run({ type: 'setWhitelist', owner: protocol, allowed: true })
    const lock: Input = { type: 'lock', by: protocol, signer: account(77), amountWei: 20_000n * metis }
    expect(hand.code(lock)).toBe('LIQUID_CAP')
    // Nobody is locked in: others leave, the share rises, and what is there may stay or leave as well.
    hand.run({ type: 'unlock', by: account(3), id: 3 })
    hand.run({ type: 'undelegate', by: protocol, id: 2, shares: 40_000n * metis })
    expect(liquidStakeWei(hand.state)).toBe(10_000n * metis)
    hand.run(lock)
    expect(liquidStakeWei(hand.state)).toBe(30_000n * metis)
    expect(hand.code({ type: 'relock', by: protocol, id: 4, amountWei: 20_000n * metis, lockReward: false })).toBe(
      'LIQUID_CAP',
    )
    hand.run({ type: 'setLiquidAccount', account: protocol, liquid: false })
    expect(hand.code(delegate(1n))).toBe('none')
  })
  it('the cap is an option, and off at the whole', () => {
    const hand = inHand({ liquidCapBps: 10_000 })
    hand.run({ type: 'setLiquidAccount', account: account(1), liquid: true })
    hand.seat(1)
    const strict = inHand({ liquidCapBps: 0 })
    strict.run({ type: 'setLiquidAccount', account: account(1), liquid: true })
    strict.run({ type: 'setWhitelist', owner: account(1), allowed: true })
    expect(strict.code({ type: 'lock', by: account(1), signer: account(5), amountWei: 20_000n * metis })).toBe(
      'LIQUID_CAP',
    )
  })
})

describe('snapshots', () => {
  const pool = inHand()
  pool.seat(1)
  pool.run({ type: 'delegate', by: account(8), id: 1, amountWei: metis })
  pool.epochs(1)
  const json = encodePool(pool.state)
  it('come back to the same state and go on from there', () => {
    const back = decodePool(json)
    expect(poolHash(back)).toBe(poolHash(pool.state))
    const command: PoolCommand = { type: 'unlock', by: account(1), atSeconds: 99n, id: 1 }
    expect(poolHash(applyPool(back, command).state)).toBe(poolHash(applyPool(pool.state, command).state))
  })
  it('does not depend on the order of options', () => {
    const a = createPool({ admin, maxSeats: 3, targetRateBps: 7 })
    expect(poolHash(createPool({ targetRateBps: 7, maxSeats: 3, admin }))).toBe(poolHash(a))
  })
  it.each<[string, (text: string) => string]>([
    ['nothing', () => ''],
    ['a forged balance', text => text.replace('"amountWei":"20000', '"amountWei":"90000')],
    ['forged shares', text => text.replace(`"shares":"${metis}"`, '"shares":"0"')],
    ['an unknown field', text => text.replace('{"version"', '{"x":1,"version"')],
    ['another version', text => text.replace('"version":2', '"version":1')],
    ['a number for wei', text => text.replace('"burntWei":"0"', '"burntWei":0')],
    ['a seat of nobody', text => text.replace('"queue":[]', '"queue":[7]')],
    ['stake of another time', text => text.replace('"bonds":[{"fromEpoch":"0"', '"bonds":[{"fromEpoch":"9"')],
    ['a position that is older than its bond', text => text.replace(/("lots":\[\{[^}]*"fromEpoch":)"0"/, '$1"5"')],
    ['rewards that were paid twice', text => text.replace('"paidPerWei":null', '"paidPerWei":"7"')],
    ['a mark of nobody', text => text.replace('"refs":1', '"refs":2')],
    ['a commission above all', text => text.replace('"bps":0', '"bps":10001')],
    ['a forged total', text => text.replace(/"totals":\[[^\]]*\]/, '"totals":[]')],
  ])('refuses %s', (_, forge) => {
    const forged = forge(json)
    expect(forged).not.toBe(json)
    try {
      decodePool(forged)
      expect.unreachable()
    } catch (error) {
      expect(isL2Error(error, 'SNAPSHOT_INVALID')).toBe(true)
    }
  })
})
