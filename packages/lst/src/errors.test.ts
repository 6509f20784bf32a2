import { isL2Error } from '@l2/common'
import { runs, testSeed } from '@l2/common/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { airdropCodec, airdropTree, applyAirdrop, createAirdrop } from './incentives/airdrop.js'
import { assets, rateE27, shares } from './math/units.js'
import { presets } from './presets/config.js'
import { applyLiquid, createLiquid } from './presets/liquid.js'
import { liquidCodec } from './presets/snapshot.js'
import { applyRatePool, createRatePool, rateCodec } from './rate/pool.js'
import { applySnapshotPool, createSnapshotPool, snapshotCodec } from './rate/snapshot.js'
import { applyRebasing, rebasingCodec } from './rebasing/pool.js'
import { createRebasingPool } from './rebasing/state.js'
import { applyReceipt, createReceipt, receiptCodec } from './receipt/receipt.js'
import { applyRestaking, createRestaking, restakingCodec } from './restaking/restaking.js'
import { accumulatorCodec, applyAccumulator, createAccumulator } from './rewards/accumulator.js'
import { applySeats, createSeatBook, seatsCodec } from './seats/book.js'
import type { Codec } from './state/codec.js'
import { applyCycleVault, createCycleVault, cycleCodec } from './vault/cycle.js'
import { applyInstantVault, createInstantVault, instantCodec } from './vault/instant.js'
import { applyVesting, createExitVesting, vestingCodec } from './vault/vesting.js'
import { applyQueue, createQueue, queueCodec } from './withdrawal/queue.js'
import { applyTickets, createTicketQueue, ticketsCodec } from './withdrawal/tickets.js'
import { applyWrapped, createWrapped, wrappedCodec } from './wrapped/wrapped.js'

// The same run every time; another one with L2_SEED.
fc.configureGlobal({ seed: testSeed() })

// Every reducer is driven with sound and hostile commands. Whatever is refused is refused with a typed error, and the
// state that went in is,
// byte for byte, the state that is left; whatever is accepted leaves a state that its own codec accepts back.

// biome-ignore lint/suspicious/noExplicitAny: commands are made up here, wrong ones included
type Any = any
type Subject = {
  name: string
  create: () => Any
  apply: (state: Any, command: Any) => { state: Any }
  codec: Codec<Any>
  ops: string[]
}

const oneMetis = 10n ** 18n
const claims = [
  { index: 0n, account: `0x${'11'.repeat(20)}` as const, amount: 5n },
  { index: 1n, account: `0x${'22'.repeat(20)}` as const, amount: 7n },
]
const tree = airdropTree(claims)
const words = (text: string): string[] => text.split(' ')
const subjects: Subject[] = [
  {
    name: 'rebasing',
    create: () =>
      createRebasingPool({
        feeRecipients: [{ account: 'bob', bps: 1_000n }],
        maxPositiveRebaseE18: 10n ** 17n,
        limits: { maxLossBps: 9_000n },
      }),
    apply: applyRebasing,
    codec: rebasingCodec,
    ops: words(
      'submit transfer transferShares requestBurn allocate receiveRewards receiveReturns request requestShares claim transferRequest report pause',
    ),
  },
  {
    name: 'wrapped',
    create: () =>
      createWrapped(
        applyRebasing(createRebasingPool(), { type: 'submit', account: 'alice', assets: assets(oneMetis) }).state,
      ),
    apply: applyWrapped,
    codec: wrappedCodec,
    ops: words('wrap unwrap unwrapShares submitAndWrap transferWrapped'),
  },
  {
    name: 'cycle vault',
    create: () => createCycleVault(),
    apply: applyCycleVault,
    codec: cycleCodec,
    ops: words('advance deposit mint withdraw redeem transfer donate sync loseAssets settle'),
  },
  {
    name: 'instant vault',
    create: () => createInstantVault({ vestingBps: 500n }),
    apply: applyInstantVault,
    codec: instantCodec,
    ops: words('deposit mint withdraw redeem transfer addAssets dispatch loseAssets settle'),
  },
  {
    name: 'rate pool',
    create: () => createRatePool({ feeE18: 10n ** 17n }),
    apply: applyRatePool,
    codec: rateCodec,
    ops: words(
      'advance deposit rewardArrives harvest request unlock complete returnFromSeat sendToSeat lose transfer settle',
    ),
  },
  {
    name: 'snapshot pool',
    create: () => createSnapshotPool(),
    apply: applySnapshotPool,
    codec: snapshotCodec,
    ops: words('advance deposit burn transfer update'),
  },
  {
    name: 'receipt',
    create: () => createReceipt({ depositFeeBps: 10n, redeemFeeBps: 10n, withholdE18: 10n ** 16n }),
    apply: applyReceipt,
    codec: receiptCodec,
    ops: words('submit mint transfer stake unstake requestRedeem process claim'),
  },
  {
    name: 'queue',
    create: () => createQueue({ maxRequest: 10n ** 24n }),
    apply: applyQueue,
    codec: queueCodec,
    ops: words('enqueue finalize claim transferRequest'),
  },
  {
    name: 'tickets',
    create: () => applyTickets(createTicketQueue(), { type: 'setLpFactor', token: 'LP', factor: 86_400n }).state,
    apply: applyTickets,
    codec: ticketsCodec,
    ops: words('advance enter fund redeem cancel setLpFactor reduce unlockLp'),
  },
  {
    name: 'vesting',
    create: () => createExitVesting(),
    apply: applyVesting,
    codec: vestingCodec,
    ops: words('advance deposit stake claim unstake'),
  },
  {
    name: 'seats',
    create: () => applySeats(createSeatBook(), { type: 'register', seat: 1 }).state,
    apply: applySeats,
    codec: seatsCodec,
    ops: words('register addBond lock arrive withdraw unlock announce recall collect receive earn slash nextBatch'),
  },
  {
    name: 'accumulator',
    create: () => createAccumulator(),
    apply: applyAccumulator,
    codec: accumulatorCodec,
    ops: words('reward stake unstake claim'),
  },
  {
    name: 'airdrop',
    create: () => createAirdrop(tree.root),
    apply: applyAirdrop,
    codec: airdropCodec,
    ops: words('claim enableWithdraw withdraw'),
  },
  {
    name: 'restaking',
    create: () => createRestaking(),
    apply: applyRestaking,
    codec: restakingCodec,
    ops: words('deposit transfer request claim expose reward slash'),
  },
  ...(Object.keys(presets) as (keyof typeof presets)[]).flatMap(preset =>
    (['sdk', 'protocol'] as const).map(profile => ({
      name: `${preset} ${profile}`,
      create: () =>
        applyLiquid(createLiquid({ preset, profile, entrySeconds: 0n }), {
          type: 'registerSeat',
          seat: 1,
          bond: oneMetis,
        }).state,
      apply: applyLiquid,
      codec: liquidCodec,
      ops: words(
        'registerSeat deposit transfer requestWithdrawal claim claimVested stakeIncentive allocate lockSeat raiseCash settle recallSeat nextBatch feed skipEvent report collectFees mintReceipt transferReceipt stakeReceipt unstakeReceipt redeemReceipt',
      ),
    })),
  ),
]

const amount = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt({ min: 1n, max: 50_000n * oneMetis }) },
  { weight: 2, arbitrary: fc.bigInt({ min: 1n, max: 5n }) },
  { weight: 1, arbitrary: fc.constantFrom(0n, -1n, -oneMetis, 2n ** 128n - 1n, 2n ** 128n, 2n ** 256n) },
)
const id = fc.oneof(
  { weight: 8, arbitrary: fc.bigInt({ min: 0n, max: 4n }) },
  { weight: 1, arbitrary: fc.constantFrom(-1n, 2n ** 70n) },
)
const account = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('alice', 'bob') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', 'nobody', 'queue', 'burner', 'dead', 'wrapper', '__proto__', 'x'.repeat(129)),
  },
)
const time = fc.oneof(
  { weight: 9, arbitrary: fc.bigInt({ min: 0n, max: 3_000_000n }) },
  { weight: 1, arbitrary: fc.constantFrom(-1n, 2n ** 64n) },
)
const event = fc.record({
  type: fc.constantFrom(
    'RewardAccrued',
    'Slashed',
    'OffenceAdmitted',
    'CaseClosed',
    'UnlockStarted',
    'StakePaid',
    'Other',
  ),
  id: fc.constantFrom(1, 2, Number.NaN),
  operatorWei: amount,
  delegatorsWei: amount,
  evidenceId: fc.constantFrom('0x1', '0x2'),
  claimableAtSeconds: time,
  whole: fc.boolean(),
})
const command = fc.record({
  pick: fc.nat(),
  account,
  owner: account,
  receiver: account,
  from: account,
  to: account,
  assets: amount,
  shares: amount,
  units: amount,
  tokens: amount,
  amount,
  lp: amount,
  bond: amount,
  seatsNow: amount,
  appeared: fc.constantFrom(0n, 0n, 1n, oneMetis),
  elapsedSeconds: time,
  id,
  index: id,
  upto: id,
  lastId: id,
  before: id,
  maxRate: fc.constantFrom(0n, 1n, 10n ** 27n, 9n * 10n ** 26n),
  batches: fc.constantFrom(undefined, undefined, [], [1n], [2n, 1n], [1n, 2n]),
  bps: fc.bigInt({ min: -1n, max: 10_001n }),
  treasuryBps: fc.bigInt({ min: -1n, max: 10_001n }),
  factor: amount,
  nowSeconds: time,
  reportedAtSeconds: time,
  sequence: fc.bigInt({ min: 0n, max: 100n }),
  seat: fc.constantFrom(1, 1, 1, 1, 2, 2, -1, 1.5, Number.NaN, '1'),
  service: fc.constantFrom('a', 'b'),
  token: fc.constantFrom('LP', 'x'),
  paused: fc.boolean(),
  confirmed: fc.constant(true),
  proof: fc.constantFrom(...tree.proofs, []),
  event,
})

const text = (codec: Codec<Any>, state: Any): string => JSON.stringify(codec.encode(state))

describe('errors before effects, over every reducer', () => {
  for (const { name, create, apply, codec, ops } of subjects)
    test(name, () => {
      let accepted = 0
      let refused = 0
      fc.assert(
        fc.property(fc.array(command, { minLength: 5, maxLength: 40 }), commands => {
          let state = create()
          let now = 0n
          for (const { pick, ...raw } of commands) {
            // Mostly forward in time, so that there is something to refuse and something to do.
            now = raw.nowSeconds > now && raw.nowSeconds < 2n ** 63n && pick % 3 === 0 ? raw.nowSeconds : now
            const args = {
              ...raw,
              nowSeconds: pick % 11 === 0 ? raw.nowSeconds : now,
              ...(name === 'airdrop' && pick % 2 === 0 ? claims[pick % 4 === 0 ? 0 : 1] : {}),
            }
            const before = text(codec, state)
            try {
              const next = apply(state, { ...args, type: ops[pick % ops.length] }).state
              expect(text(codec, state)).toBe(before)
              state = next
              accepted += 1
            } catch (error) {
              if (!isL2Error(error)) throw error
              expect(text(codec, state)).toBe(before)
              refused += 1
            }
          }
          const json = text(codec, state)
          expect(text(codec, codec.decode(JSON.parse(json)))).toBe(json)
        }),
        { numRuns: runs({ suite: 40, soak: 800 }), endOnFailure: true },
      )
      expect(accepted).toBeGreaterThan(50)
      expect(refused).toBeGreaterThan(50)
      expect(() => apply(create(), { type: 'toString' })).toThrow(/no operation/)
      for (const json of [null, 1, '', [], {}, { ...(codec.encode(create()) as object), extra: '1' }])
        expect(() => codec.decode(json)).toThrow(expect.objectContaining({ code: 'STATE_INVALID' }))
    })
})

describe('brands', () => {
  test('refuse what is no amount, and name the limit', () => {
    for (const brand of [assets, shares]) {
      expect(brand(2n ** 128n - 1n)).toBe(2n ** 128n - 1n)
      for (const value of [-1n, 2n ** 128n]) expect(() => brand(value)).toThrow(/0 … 2\^128−1/)
      expect(() => brand(1 as Any)).toThrow(/bigint/)
    }
    expect(() => rateE27(2n ** 256n)).toThrow(/2\^256−1/)
  })
})
