import { isL2Error } from '@l2/common'
import { seededRandom } from '@l2/common/testing'
import { describe, expect, it } from 'vitest'
import { account, keyOf, metisCommand, mpc, owner, payer } from '../../test/metis-simulation.js'
import { applyMetisPool, auditMetisPool } from './metis-profile.js'
import type { MetisCommand, MetisPoolState, MetisVersion } from './metis-state.js'
import { createMetisPool } from './metis-state.js'

const metis = 10n ** 18n
const zero = account(0)
const rich = 10n ** 30n
type Input = MetisCommand extends infer C
  ? C extends unknown
    ? Omit<C, 'atSeconds'> & { atSeconds?: bigint }
    : never
  : never

function inHand(
  version: MetisVersion = 'head',
  tokens: [`0x${string}`, bigint][] = [
    [payer, rich],
    ...[1, 2, 3, 4, 5].map(n => [account(n), rich] as [`0x${string}`, bigint]),
  ],
) {
  let state = createMetisPool({ owner, mpc, rewardPayer: payer, version, tokens })
  let atSeconds = 1000n
  const apply = (input: Input) => applyMetisPool(state, { atSeconds, ...input } as MetisCommand)
  return {
    get state(): MetisPoolState {
      return state
    },
    wait: (seconds: bigint) => (atSeconds += seconds),
    run(input: Input) {
      const result = apply(input)
      state = result.state
      expect(auditMetisPool(state)).toEqual([])
      return result.events
    },
    revert(input: Input): unknown {
      try {
        apply(input)
      } catch (error) {
        if (isL2Error(error, 'METIS_REVERT')) return error.details['revert']
        throw error
      }
      return 'none'
    },
  }
}
type Hand = ReturnType<typeof inHand>
const whitelist = (pool: Hand, n: number, yes = true) =>
  pool.run({ type: 'setWhitelist', by: owner, user: account(n), yes })
const join = (pool: Hand, n: number, recipient?: `0x${string}`, amount = 50_000n * metis) => {
  whitelist(pool, n)
  const base = { by: account(n), ...keyOf(n), amount }
  return pool.run(
    recipient === undefined ? { type: 'lockFor', ...base } : { type: 'lockWithRewardRecipient', ...base, recipient },
  )
}
const pause = (pool: Hand, yes: boolean) => pool.run({ type: 'setPause', by: owner, yes })
const reward = (pool: Hand, seqs: number[], blocks = 1000n) => {
  const startEpoch = pool.state.batch.endEpoch + 1n
  return pool.run({
    type: 'batchSubmitRewards',
    by: mpc,
    batchId: pool.state.batch.id + 1n,
    startEpoch,
    endEpoch: startEpoch + 1n,
    seqs: seqs.map(n => keyOf(n).signer),
    blocks: seqs.map(() => blocks),
  })
}

describe('guards of §1.3, in order', () => {
  it.each(['lockFor', 'lockWithRewardRecipient'] as const)('%s', type => {
    const pool = inHand()
    join(pool, 1)
    const bad = {
      type,
      by: account(2),
      signer: account(77),
      recipient: zero,
      amount: 1n,
      pubkey: '0x12' as const,
    } as Input
    pause(pool, true)
    expect(pool.revert(bad)).toBe('Pausable: paused')
    pause(pool, false)
    expect(pool.revert(bad)).toBe('NotWhitelisted()')
    whitelist(pool, 2)
    expect(pool.revert(bad)).toBe('invalid pubkey')
    expect(pool.revert({ ...bad, pubkey: keyOf(1).pubkey } as Input)).toBe('pubkey and address mismatch')
    expect(pool.revert({ ...bad, by: account(1), ...keyOf(1) } as Input)).toBe('OwnedSequencer()')
    expect(pool.revert({ ...bad, ...keyOf(1) } as Input)).toBe('SignerExisted()')
    expect(pool.revert({ ...bad, ...keyOf(2) } as Input)).toBe('invalid amount')
    expect(pool.revert({ ...bad, ...keyOf(2), amount: 100_000n * metis + 1n } as Input)).toBe('invalid amount')
    whitelist(pool, 9)
    expect(pool.revert({ ...bad, ...keyOf(2), by: account(9), amount: 20_000n * metis } as Input)).toBe(
      'ERC20: transfer amount exceeds balance',
    )
    expect(pool.run({ ...bad, ...keyOf(2), amount: 20_000n * metis } as Input).map(({ name }) => name)).toEqual([
      'Transfer',
      'Locked',
      'SequencerOwnerChanged',
      'SequencerRewardRecipientChanged',
    ])
  })
  it('relock', () => {
    const pool = inHand()
    join(pool, 1)
    whitelist(pool, 2)
    const bad = { type: 'relock', by: account(3), id: 9, amount: 50_001n * metis, lockReward: true } as const
    pause(pool, true)
    expect(pool.revert(bad)).toBe('Pausable: paused')
    pause(pool, false)
    expect(pool.revert(bad)).toBe('NotWhitelisted()')
    expect(pool.revert({ ...bad, by: account(2) })).toBe('SeqNotActive()')
    expect(pool.revert({ ...bad, by: account(2), id: 1 })).toBe('NotSeqOwner()')
    const mine = { ...bad, by: account(1), id: 1 }
    expect(pool.revert(mine)).toBe('locked>maxLock')
    expect(pool.revert({ ...mine, amount: 0n })).toBe('No new locked added')
    reward(pool, [1])
    expect(pool.run({ ...mine, amount: 0n }).at(-2)).toMatchObject({
      name: 'Relocked',
      args: { amount: 761n * 10n ** 15n },
    })
    const poor = inHand('head', [[account(1), 50_000n * metis]])
    join(poor, 1)
    expect(poor.revert({ ...mine, amount: 1n })).toBe('ERC20: transfer amount exceeds balance')
  })
  it('withdraw', () => {
    const pool = inHand()
    join(pool, 1)
    whitelist(pool, 2)
    const bad = { type: 'withdraw', by: account(3), id: 9, amount: 60_000n * metis } as const
    pause(pool, true)
    expect(pool.revert(bad)).toBe('Pausable: paused')
    pause(pool, false)
    expect(pool.revert(bad)).toBe('NotWhitelisted()')
    expect(pool.revert({ ...bad, by: account(2) })).toBe('SeqNotActive()')
    expect(pool.revert({ ...bad, by: account(2), id: 1 })).toBe('NotSeqOwner()')
    const mine = { ...bad, by: account(1), id: 1 }
    expect(pool.revert(mine)).toBe('withdraw throttle')
    reward(pool, [1])
    expect(pool.revert(mine)).toBe('Panic(0x11)')
    expect(pool.revert({ ...mine, amount: 0n })).toBe('invalid amount')
    expect(pool.revert({ ...mine, amount: 30_001n * metis })).toBe('invalid amount')
    // The trap: it leaves at once.
    const before = pool.state.tokens!.get(account(1))!
    pool.run({ ...mine, amount: 30_000n * metis })
    expect(pool.state.tokens!.get(account(1))! - before).toBe(30_000n * metis)
  })
  it('withdrawRewards', () => {
    const pool = inHand()
    join(pool, 1)
    whitelist(pool, 2)
    const bad = { type: 'withdrawRewards', by: account(3), id: 9, value: 7n } as const
    pause(pool, true)
    expect(pool.revert(bad)).toBe('Pausable: paused')
    pause(pool, false)
    expect(pool.revert(bad)).toBe('NotWhitelisted()')
    expect(pool.revert({ ...bad, by: account(2) })).toBe('SeqNotActive()')
    expect(pool.revert({ ...bad, by: account(2), id: 1 })).toBe('NotSeqOwner()')
    const mine = { ...bad, by: account(1), id: 1 }
    expect(pool.revert(mine)).toBe('NoRewardRecipient()')
    pool.run({ type: 'setSequencerRewardRecipient', by: account(1), id: 1, recipient: account(8) })
    // No reward: nothing happens, and the ether is gone.
    expect(pool.run(mine)).toEqual([])
    expect(pool.state.strandedWei).toEqual({ lockingInfo: 0n, lockingPool: 7n })
    reward(pool, [1])
    expect(pool.run(mine).map(({ name }) => name)).toEqual(['Transfer', 'ClaimRewards'])
  })
  it('unlock, forceUnlock, unlockClaim', () => {
    const pool = inHand()
    join(pool, 1)
    whitelist(pool, 2)
    for (const type of ['unlock', 'unlockClaim'] as const) {
      const bad = { type, by: account(3), id: 9 } as const
      pause(pool, true)
      expect(pool.revert(bad)).toBe('Pausable: paused')
      pause(pool, false)
      expect(pool.revert(bad)).toBe('NotWhitelisted()')
      if (type === 'unlock') expect(pool.revert({ ...bad, by: account(2) })).toBe('SeqNotActive()')
      expect(pool.revert({ ...bad, by: account(2), id: 1 })).toBe('NotSeqOwner()')
      expect(pool.revert({ ...bad, by: account(1), id: 1 })).toBe('NoRewardRecipient()')
    }
    expect(pool.revert({ type: 'forceUnlock', by: account(1), id: 9 })).toBe('Ownable: caller is not the owner')
    expect(pool.revert({ type: 'forceUnlock', by: owner, id: 9 })).toBe('SeqNotActive()')
    // The trap: who joined without a recipient cannot be removed.
    expect(pool.revert({ type: 'forceUnlock', by: owner, id: 1 })).toBe('NoRewardRecipient()')
    pool.run({ type: 'setSequencerRewardRecipient', by: account(1), id: 1, recipient: account(8) })
    expect(pool.revert({ type: 'unlockClaim', by: account(1), id: 1 })).toBe('Not allowed to cliam')
    reward(pool, [1])
    pause(pool, true)
    expect(pool.run({ type: 'forceUnlock', by: owner, id: 1 }).at(-1)).toMatchObject({
      name: 'UnlockInit',
      args: { user: keyOf(1).signer, amount: 761n * 10n ** 15n },
    })
    pause(pool, false)
    pool.wait(21n * 86_400n - 1n)
    expect(pool.revert({ type: 'unlockClaim', by: account(1), id: 1 })).toBe('Not allowed to cliam')
    reward(pool, [1])
    pool.wait(1n)
    // The other trap: off the whitelist, the principal stays.
    whitelist(pool, 1, false)
    expect(pool.revert({ type: 'unlockClaim', by: account(1), id: 1 })).toBe('NotWhitelisted()')
    whitelist(pool, 1)
    expect(pool.run({ type: 'unlockClaim', by: account(1), id: 1 }).map(({ name }) => name)).toEqual([
      'Transfer',
      'Transfer',
      'ClaimRewards',
      'Unlocked',
    ])
    expect(pool.revert({ type: 'unlockClaim', by: account(1), id: 1 })).toBe('Not allowed to cliam')
  })
  it('the mainnet of June 2024 has a BFT restriction and another owner check', () => {
    const pool = inHand('2024-06')
    for (const n of [1, 2]) join(pool, n, account(8))
    expect(pool.revert({ type: 'unlock', by: account(1), id: 1 })).toBe('BFT restriction')
    join(pool, 3, account(8))
    pool.run({ type: 'unlock', by: account(1), id: 1 })
    expect(pool.revert({ type: 'unlock', by: account(2), id: 2 })).toBe('BFT restriction')
    const move = { type: 'setSequencerOwner', by: account(9), id: 2, owner: zero } as const
    expect(pool.revert(move)).toBe('NotWhitelisted()')
    expect(pool.revert({ ...move, by: account(2) })).toBe('NullAddress()')
    expect(pool.revert({ ...move, by: account(3), owner: account(9) })).toBe('NotSeqOwner()')
    pool.run({ ...move, by: account(2), owner: account(9) })
  })
  it('updateSigner', () => {
    const pool = inHand()
    join(pool, 1, account(8))
    const bad = { type: 'updateSigner', by: account(3), id: 9, pubkey: '0x12' } as const
    pause(pool, true)
    expect(pool.revert(bad)).toBe('Pausable: paused')
    pause(pool, false)
    expect(pool.revert(bad)).toBe('SeqNotActive()')
    expect(pool.revert({ ...bad, id: 1 })).toBe('NotSeqSigner()')
    const mine = { ...bad, by: keyOf(1).signer, id: 1 }
    expect(pool.revert(mine)).toBe('signer updating throttle')
    reward(pool, [1])
    expect(pool.revert(mine)).toBe('invalid pubkey')
    expect(pool.revert({ ...mine, pubkey: keyOf(1).pubkey })).toBe('SignerExisted()')
    pool.run({ ...mine, pubkey: keyOf(50).pubkey })
    // The trap: one rotated key reverts the whole batch.
    expect(
      pool.revert({
        type: 'batchSubmitRewards',
        by: mpc,
        batchId: 3n,
        startEpoch: 3n,
        endEpoch: 4n,
        seqs: [keyOf(1).signer],
        blocks: [1n],
      }),
    ).toBe('NoSuchSeq()')
  })
  it('setSequencerRewardRecipient and setSequencerOwner', () => {
    const pool = inHand()
    join(pool, 1, account(8))
    join(pool, 2, account(8))
    const recipient = { type: 'setSequencerRewardRecipient', by: account(9), id: 1, recipient: zero } as const
    expect(pool.revert(recipient)).toBe('NotWhitelisted()')
    expect(pool.revert({ ...recipient, by: account(2) })).toBe('NotSeqOwner()')
    const move = { type: 'setSequencerOwner', by: account(9), id: 1, owner: zero } as const
    expect(pool.revert(move)).toBe('NullAddress()')
    expect(pool.revert({ ...move, owner: account(9) })).toBe('NotWhitelisted()')
    expect(pool.revert({ ...move, owner: account(2) })).toBe('OwnedSequencer()')
    whitelist(pool, 3)
    expect(pool.revert({ ...move, owner: account(3), id: 7 })).toBe('SeqNotActive()')
    expect(pool.revert({ ...move, owner: account(3) })).toBe('NotSeqOwner()')
    expect(pool.revert({ ...recipient, by: account(1) })).toBe('NullAddress()')
    pool.run({ type: 'unlock', by: account(1), id: 1 })
    expect(pool.revert({ ...recipient, by: account(1) })).toBe('SeqNotActive()')
  })
  it('batchSubmitRewards', () => {
    const pool = inHand('head', [
      [payer, 10n ** 18n],
      [account(1), rich],
    ])
    join(pool, 1, account(8))
    const bad = {
      type: 'batchSubmitRewards',
      by: owner,
      batchId: 9n,
      startEpoch: 9n,
      endEpoch: 1n,
      seqs: [],
      blocks: [1n],
    } as const
    expect(pool.revert(bad)).toBe('not MPC')
    expect(pool.revert({ ...bad, by: mpc })).toBe('mismatch length')
    expect(pool.revert({ ...bad, by: mpc, blocks: [] })).toBe('mismatch length')
    const filled = { ...bad, by: mpc, seqs: [account(7)] }
    expect(pool.revert(filled)).toBe('invalid batch id')
    expect(pool.revert({ ...filled, batchId: 2n })).toBe('invalid startEpoch')
    expect(pool.revert({ ...filled, batchId: 2n, startEpoch: 1n })).toBe('invalid endEpoch')
    expect(pool.revert({ ...filled, batchId: 2n, startEpoch: 1n, endEpoch: 2n })).toBe('NoSuchSeq()')
    const good = { ...filled, batchId: 2n, startEpoch: 1n, endEpoch: 2n, seqs: [keyOf(1).signer] }
    expect(pool.revert({ ...good, blocks: [10_000n] })).toBe('ERC20: transfer amount exceeds balance')
    // Duplicates are accepted.
    pool.run({ ...good, seqs: [keyOf(1).signer, keyOf(1).signer], blocks: [1n, 2n] })
    expect(pool.state.sequencers.get(1)!.reward).toBe(3n * pool.state.rewardPerBlock)
  })
  it('administration', () => {
    const pool = inHand()
    const cases: [Input, string][] = [
      [{ type: 'setPause', by: owner, yes: false }, 'Pausable: not paused'],
      [{ type: 'updateBlockReward', by: owner, reward: 0n }, 'invalid newReward'],
      [{ type: 'updateWithdrawDelayTimeValue', by: owner, seconds: 0n }, 'dalayTime==0'],
      [{ type: 'setMinLock', by: owner, amount: 0n }, '_minLock=0'],
      [{ type: 'setMaxLock', by: owner, amount: 1n }, 'maxLock<minLock'],
    ]
    for (const [input, reason] of cases) {
      expect(pool.revert({ ...input, by: mpc } as Input)).toBe('Ownable: caller is not the owner')
      expect(pool.revert(input)).toBe(reason)
    }
    pool.run({ type: 'updateMpc', by: owner, mpc: zero })
    pool.run({ type: 'setSignerUpdateThrottle', by: owner, batches: 0n })
    pool.run({ type: 'setRewardPayer', by: owner, payer: account(4) })
    pool.run({ type: 'setMinLock', by: owner, amount: 200_000n * metis })
    pause(pool, true)
    expect(pool.revert({ type: 'setPause', by: owner, yes: true })).toBe('Pausable: paused')
  })
})

it('I1 – I7 hold over random calls', () => {
  const random = seededRandom(11)
  let state = createMetisPool({
    owner,
    mpc,
    rewardPayer: payer,
    tokens: [[payer, rich], ...Array.from({ length: 12 }, (_, n) => [account(n + 1), rich] as const)],
  })
  let at = 1n
  const everSigned = new Set<string>()
  let accepted = 0
  for (let i = 0; i < 20_000; i++) {
    at += BigInt(random.bool(0.05) ? random.below(30 * 86_400) : 12)
    const command = metisCommand(state, at, random)
    try {
      const { state: next, events } = applyMetisPool(state, command)
      accepted++
      for (const [id, sequencer] of next.sequencers.entries()) {
        const last = state.sequencers.get(id)
        if (last === sequencer) continue
        // I4: statuses move 2 → 1 → 3 only. I6: nonces by one, for the calls that count.
        expect([
          [undefined, 2],
          [2, 2],
          [2, 1],
          [1, 1],
          [1, 3],
        ]).toContainEqual([last?.status, sequencer.status])
        const counted = [
          'lockFor',
          'lockWithRewardRecipient',
          'relock',
          'withdraw',
          'updateSigner',
          'unlock',
          'forceUnlock',
          'unlockClaim',
        ].includes(command.type)
        expect(sequencer.nonce - (last?.nonce ?? 0n)).toBe(counted ? 1n : 0n)
      }
      for (const event of events) {
        const signer =
          event.name === 'Locked' ? event.args.signer : event.name === 'SignerChange' ? event.args.newSigner : undefined
        if (signer === undefined) continue
        expect(everSigned.has(signer)).toBe(false)
        everSigned.add(signer)
      }
      // I7
      if (next.batch !== state.batch) {
        expect(next.batch).toMatchObject({ id: state.batch.id + 1n, startEpoch: state.batch.endEpoch + 1n })
      }
      state = next
    } catch (error) {
      if (!isL2Error(error, 'METIS_REVERT')) throw error
    }
    if (i % 100 === 0) expect(auditMetisPool(state)).toEqual([])
  }
  expect(auditMetisPool(state)).toEqual([])
  expect(accepted).toBeGreaterThan(4000)
  expect(state.seqStatuses[3]).toBeGreaterThan(20)
})
