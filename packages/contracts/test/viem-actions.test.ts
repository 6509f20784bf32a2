import { isL2Error } from '@l2/common'
import { type EnkiCall, enkiAbi, enkiActions, liquidCallsAbi, liquidStakingActions } from '@l2/lst/viem'
import { type MetisCall, type MetisDeployment, readMetisSequencer } from '@l2/staking/metis'
import {
  metisActions,
  type PoolCall,
  type StakingActions,
  sequencerPoolCallsAbi,
  stakingActions,
} from '@l2/staking/viem'
import {
  type Abi,
  createWalletClient,
  getContractAddress,
  http,
  maxUint256,
  parseEther,
  publicActions,
  toFunctionSelector,
  toFunctionSignature,
} from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  liquidVaultAbi,
  liquidVaultDeployment,
  rebasingTokenAbi,
  rebasingTokenBytecode,
} from '../src/liquid-vault/index.js'
import { sequencerPoolAbi } from '../src/sequencer-pool/index.js'
import { devTokenAbi, devTokenBytecode } from '../src/testing/dev-token/index.js'
import { enkiModelAbi, enkiModelBytecode } from '../src/testing/enki-model/index.js'
import { lockingModelAbi, lockingModelBytecode } from '../src/testing/locking-model/index.js'
import { type At, accounts, type Chain } from './anvil.js'
import { startStake } from './stake.js'

const [admin, ann, bob] = accounts
const asAbi = (abi: unknown): Abi => abi as Abi
const one = parseEther('1')

let world: Awaited<ReturnType<typeof startStake>>
let l1: Chain
beforeAll(async () => {
  world = await startStake({ minDelegationWei: one })
  l1 = world.l1
})
afterAll(() => world?.close())

const walletOf = (account: PrivateKeyAccount) =>
  createWalletClient({ account, chain: l1.client.chain, transport: http(l1.url), pollingInterval: 20 }).extend(
    publicActions,
  )
/** Sends a call that has to be done. */
async function done<C>(send: (call: C) => Promise<`0x${string}`>, call: C): Promise<void> {
  const { status } = await l1.mined(await send(call))
  expect([status, call]).toEqual(['success', call])
}
/** The code of a call's refusal, and what the contract said. */
async function refused<const C>(simulate: (call: C) => Promise<unknown>, call: C): Promise<readonly unknown[]> {
  try {
    await simulate(call)
  } catch (error) {
    if (isL2Error(error)) return [error.code, error.details['revert']]
    throw error
  }
  return ['not refused']
}

describe('the calls that packages without contracts name', () => {
  const signatures = (abi: unknown) =>
    asAbi(abi)
      .filter(item => item.type === 'function' || item.type === 'error')
      .map(item => `${item.type} ${toFunctionSignature(item as never)}`)
  it.each([
    ['SequencerPool', sequencerPoolCallsAbi, [sequencerPoolAbi]],
    ['LiquidVault and RebasingToken', liquidCallsAbi, [liquidVaultAbi, rebasingTokenAbi]],
    ['ENKI', enkiAbi, [enkiModelAbi]],
  ] as const)('are those of %s', (_, named, contracts) => {
    const known = new Set(contracts.flatMap(signatures))
    expect(signatures(named).filter(signature => !known.has(signature))).toEqual([])
    expect(toFunctionSelector('lockWithRewardRecipient(address,address,uint256,bytes)')).toBe('0x9ad42030')
  })
})

describe('stakingActions', () => {
  it('takes a seat, delegates, leaves, and refuses in the words of the reducer', async () => {
    const { pool, token } = world
    const [operator, delegator, anybody] = [admin, ann, bob].map(
      account => walletOf(account).extend(stakingActions({ pool: pool.address })).staking,
    ) as [StakingActions, StakingActions, StakingActions]
    for (const account of [ann, bob]) await l1.send(token, 'transfer', [account.address, parseEther('100000')])
    for (const from of [admin, ann, bob]) await l1.send(token, 'approve', [pool.address, maxUint256], { from })
    const lock: PoolCall = { type: 'lock', signer: bob.address, amountWei: parseEther('20000') }
    expect(await refused(anybody.simulate, lock)).toEqual(['NOT_WHITELISTED', 'NotWhitelisted'])
    expect(await refused(anybody.simulate, { type: 'setPaused', paused: true })).toEqual([
      'NOT_AUTHORIZED',
      'NotAuthorized',
    ])
    await done(operator.send, { type: 'setWhitelist', owner: bob.address, allowed: true })
    expect(await anybody.simulate({ ...lock, type: 'lock' })).toBe(1)
    await done(anybody.send, lock)
    expect(await anybody.seatOf(bob.address)).toMatchObject({ id: 1, signer: bob.address, amountWei: lock.amountWei })
    expect(await anybody.seatOf(ann.address)).toBeUndefined()
    expect(await refused(anybody.simulate, lock)).toEqual(['OWNER_HAS_SEAT', 'OwnerHasSeat'])
    const little: PoolCall = { type: 'delegate', id: 1, amountWei: 1n }
    expect(await refused(delegator.simulate, little)).toEqual(['AMOUNT_OUT_OF_RANGE', 'AmountOutOfRange'])
    await done(delegator.send, { type: 'delegate', id: 1, amountWei: 5n * one })
    await done(operator.send, { type: 'fund', amountWei: 1_000n * one })
    for (const epoch of [1n, 2n, 3n, 4n]) await done(operator.send, { type: 'advanceEpoch', epoch })
    expect(await operator.epoch()).toBe(4n)
    const rewards: PoolCall = {
      ...{ type: 'submitRewards', batchId: 1n, startEpoch: 0n, endEpoch: 3n },
      entries: [{ signer: bob.address, blocks: 100n, epoch: 3n }],
    }
    expect(await operator.simulate({ ...rewards, type: 'submitRewards' })).toBeGreaterThan(0n)
    await done(operator.send, rewards)
    const held = await delegator.delegation({ id: 1, delegator: ann.address })
    expect(held.assetsWei).toBe(5n * one)
    expect(held.rewardWei).toBeGreaterThan(0n)
    expect(await delegator.simulate({ type: 'claimDelegationRewards', id: 1 })).toBe(held.rewardWei)
    await done(delegator.send, { type: 'undelegate', id: 1, shares: 5n * one })
    expect(await refused(delegator.simulate, { type: 'claimDelegation', id: 1 })).toEqual([
      'NOTHING_TO_CLAIM',
      'NothingToClaim',
    ])
    expect(await refused(anybody.simulate, { type: 'claim', id: 9 })).toEqual(['SEQUENCER_UNKNOWN', 'SequencerUnknown'])
    expect(await refused(anybody.simulate, { type: 'collect', account: bob.address })).toEqual([
      'NOTHING_TO_CLAIM',
      'NothingToClaim',
    ])
    expect(await anybody.owedWei(bob.address)).toBe(0n)
    await done(anybody.send, { type: 'unlock', id: 1 })
    const offence = {
      kind: 'DOWNTIME',
      id: 1,
      evidenceId: `0x${'01'.repeat(32)}`,
      evidenceHash: `0x${'02'.repeat(32)}`,
    }
    const admit = { type: 'admitOffence', offence: { ...offence, offenceEpoch: 3n, offenceAtSeconds: 1n } } as PoolCall
    expect(await refused(operator.simulate, admit)).toEqual(['OFFENCE_WINDOW', 'OffenceWindow'])
    expect(() => operator.prepare({ type: 'accrueBlock', height: 1n, signer: bob.address })).toThrow(/epoch/)
  })
})

describe('liquidStakingActions', () => {
  it('stakes, wraps by permit, moves, asks by permit for another, and claims', async () => {
    const { token } = world
    const nonce = BigInt(await l1.client.getTransactionCount({ address: admin.address })) + 1n
    const vault = getContractAddress({ from: admin.address, nonce })
    await l1.send(token, 'approve', [vault, maxUint256])
    const roles = { guardian: admin.address, reporter: admin.address, custodian: admin.address, treasury: bob.address }
    const data = liquidVaultDeployment({ asset: token.address, ...roles, minRequestWei: 1_000n })
    await l1.mined(await l1.client.sendTransaction({ account: admin, gas: 16_000_000n, data }))
    const at: At = { address: vault, abi: asAbi(liquidVaultAbi) }
    const pair = await l1.deploy({ abi: asAbi(rebasingTokenAbi), bytecode: rebasingTokenBytecode }, [
      ...[vault, 'Metis in stake', 'eMETIS'],
    ])
    await l1.send(token, 'transfer', [ann.address, parseEther('100')])
    const contracts = { vault, pair: pair.address }
    const hers = walletOf(ann).extend(liquidStakingActions(contracts)).liquidStaking
    const his = walletOf(bob).extend(liquidStakingActions(contracts)).liquidStaking
    expect(await refused(hers.simulate, { type: 'stake', assetsWei: 0n })).toEqual(['ZERO_AMOUNT', 'AmountInvalid'])
    await done(hers.send, { type: 'approve', token: token.address, spender: vault, valueWei: maxUint256 })
    expect(await hers.simulate({ type: 'stake', assetsWei: 50n * one })).toBe(50n * one)
    expect(await refused(hers.simulate, { type: 'stake', assetsWei: one, minShares: 2n * one })).toEqual([
      'LIMIT_EXCEEDED',
      'LimitExceeded',
    ])
    await done(hers.send, { type: 'stake', assetsWei: 50n * one })

    // eMETIS: without an allowance, then with one that was signed, which somebody else may have brought already.
    const wrap = { type: 'wrap', shares: 20n * one } as const
    expect(await refused(hers.simulate, wrap)).toEqual(['ALLOWANCE_EXCEEDED', 'ERC20InsufficientAllowance'])
    const validUntilSeconds = (await l1.client.getBlock()).timestamp + 3_600n
    const forPair = await hers.signPermit({
      token: vault,
      spender: pair.address,
      valueWei: 20n * one,
      validUntilSeconds,
    })
    const wrong = { ...forPair, valueWei: 21n * one }
    expect(await refused(his.usePermit, wrong)).toEqual(['CONTRACT_REVERT', 'ERC2612InvalidSigner'])
    await l1.mined((await his.usePermit(forPair))!)
    expect(await hers.usePermit(forPair)).toBeUndefined()
    await done(hers.send, wrap)
    await done(hers.send, { type: 'transfer', to: bob.address, assetsWei: 5n * one })
    await done(hers.send, { type: 'transferShares', to: bob.address, shares: one })
    expect(await l1.read(pair, 'sharesOf', [bob.address])).toBe(6n * one)
    await done(his.send, { type: 'unwrap', shares: 6n * one })
    expect(await refused(his.simulate, { type: 'unwrap', shares: one })).toEqual([
      'BALANCE_EXCEEDED',
      'ERC20InsufficientBalance',
    ])

    // Bob asks for Ann, by her signature.
    const forBob = await hers.signPermit({ token: vault, spender: bob.address, valueWei: one, validUntilSeconds })
    await l1.mined((await his.usePermit(forBob))!)
    const request = { type: 'request', shares: one, owner: ann.address } as const
    expect(await his.simulate(request)).toBe(1n)
    await done(his.send, request)
    await done(his.send, { type: 'request', shares: 2n * one })
    expect(await refused(his.simulate, { type: 'request', shares: 1n })).toEqual([
      'REQUEST_TOO_SMALL',
      'RequestTooSmall',
    ])
    expect(await refused(hers.simulate, { type: 'claim', id: 1n })).toEqual(['NOT_FINALIZED', 'NotFinalized'])
    await l1.pass(10_800)
    const maxRateE27 = await l1.read<bigint>(at, 'rateE27')
    const seats = { seatsNowWei: 0n, appearedWei: 0n, appearedSeats: 0n, bunker: false }
    await l1.send(at, 'report', [{ ...seats, lastId: 2n, maxRateE27 }])
    const before = await l1.read<bigint>(token, 'balanceOf', [ann.address])
    expect(await hers.simulate({ type: 'claim', id: 1n })).toBe(one)
    await done(hers.send, { type: 'claim', id: 1n })
    expect((await l1.read<bigint>(token, 'balanceOf', [ann.address])) - before).toBe(one)
    await done(his.send, { type: 'transferRequest', id: 2n, to: ann.address })
    expect(await refused(his.simulate, { type: 'claim', id: 2n })).toEqual(['NOT_OWNER', 'NotOwner'])
    await done(hers.send, { type: 'setOperator', operator: bob.address, approved: true })
    await done(hers.send, { type: 'claim', id: 2n, receiver: bob.address })
    expect(await refused(hers.simulate, { type: 'claim', id: 2n })).toEqual(['ALREADY_CLAIMED', 'AlreadyClaimed'])

    const alone = walletOf(ann).extend(liquidStakingActions({ vault })).liquidStaking
    expect(() => alone.prepare(wrap)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })
})

describe('enkiActions', () => {
  it('mints, stakes, leaves by a ticket that is shortened, and refuses by the codes of the model', async () => {
    const metis = await l1.deploy({ abi: asAbi(devTokenAbi), bytecode: devTokenBytecode }, [parseEther('1000')])
    const model = await l1.deploy({ abi: asAbi(enkiModelAbi), bytecode: enkiModelBytecode }, [metis.address])
    await l1.send(metis, 'transfer', [ann.address, parseEther('500')])
    const contracts = { minter: model.address, seMetis: model.address, queue: model.address, vesting: model.address }
    const { enki } = walletOf(ann).extend(enkiActions(contracts))
    const run = (call: EnkiCall) => done(enki.send, call)
    const spender = model.address
    await run({ type: 'approve', token: metis.address, spender, valueWei: maxUint256 })
    await run({ type: 'approve', token: model.address, spender, valueWei: maxUint256 })
    const nothing: EnkiCall = { type: 'mint', amountWei: 0n, deposit: false }
    expect(await refused(enki.simulate, nothing)).toEqual(['CONTRACT_REVERT', 'EMetisMinter: amount is zero'])
    await run({ type: 'mint', amountWei: 100n * one, deposit: false })
    await run({ type: 'mint', amountWei: 100n * one, deposit: true, inviter: bob.address })
    await run({ type: 'stake', assetsWei: 10n * one })
    expect(await enki.simulate({ type: 'unstake', shares: 20n * one })).toBe(20n * one)
    await run({ type: 'unstake', shares: 20n * one })
    await run({ type: 'stakeEnki', amountWei: one })
    await run({ type: 'claimVested' })
    await run({ type: 'unstakeEnki' })
    // 100 minted, 10 staked, 20 taken back of which 2 vested and were released.
    expect(await l1.read(model, 'balanceOf', [ann.address])).toBe(110n * one)
    expect(await enki.simulate({ type: 'request', amountWei: 30n * one })).toBe(0n)
    await run({ type: 'request', amountWei: 30n * one })
    await run({ type: 'request', amountWei: 10n * one })
    expect(await refused(enki.simulate, { type: 'claim', id: 0n })).toEqual(['NOT_MATURE', 'NotMatureYet'])
    const reduce: EnkiCall = { type: 'reduceMaturity', id: 0n, lpToken: metis.address, lpWei: 86_400n }
    expect(await refused(enki.simulate, { ...reduce, lpWei: 2_000_000n })).toEqual([
      'REDUCE_TOO_MUCH',
      'ReduceTimeExceedsLimit',
    ])
    await run(reduce)
    expect(await refused(enki.simulate, reduce)).toEqual(['ALREADY_REDUCED', 'AlreadyReducedMaturity'])
    await run({ type: 'unlockLp', id: 0n })
    expect(await refused(enki.simulate, { type: 'unlockLp', id: 0n })).toEqual(['LP_RETURNED', 'LpTokenNotLocked'])
    expect(await enki.simulate({ type: 'cancel', id: 1n })).toBe((10n * one * 99n) / 100n)
    await run({ type: 'cancel', id: 1n })
    await l1.pass(19 * 86_400 + 60)
    const his = walletOf(bob).extend(enkiActions(contracts)).enki
    expect(await refused(his.simulate, { type: 'claim', id: 0n })).toEqual([
      'NOT_OWNER',
      'Erc721CallerNotOwnerOrApproved',
    ])
    const before = await l1.read<bigint>(metis, 'balanceOf', [bob.address])
    await run({ type: 'claim', id: 0n, recipient: bob.address })
    expect((await l1.read<bigint>(metis, 'balanceOf', [bob.address])) - before).toBe(30n * one)
    expect(await refused(enki.simulate, { type: 'claim', id: 0n })).toEqual(['TICKET_CLOSED', 'AlreadyRedeemed'])
  })
})

describe('metisActions', () => {
  it('locks, adds, and leaves; a refusal is told in the contract’s words, and ether is not lost', async () => {
    const token = await l1.deploy({ abi: asAbi(devTokenAbi), bytecode: devTokenBytecode }, [parseEther('300000')])
    const model = await l1.deploy({ abi: asAbi(lockingModelAbi), bytecode: lockingModelBytecode }, [token.address])
    const at = model.address
    const deployment: MetisDeployment = {
      ...{ l1ChainId: 900, l2ChainId: 901, lockingPool: at, lockingInfo: at, sequencerSet: at, bridge: at },
      ...{ metisToken: token.address, l2MetisToken: token.address },
    }
    await l1.send(token, 'transfer', [ann.address, parseEther('100000')])
    await l1.send(token, 'approve', [at, maxUint256], { from: ann })
    const { metis } = walletOf(ann).extend(metisActions({ deployment }))
    const lock: MetisCall = {
      ...{ type: 'lockWithRewardRecipient', signer: ann.address, recipient: bob.address },
      ...{ amount: parseEther('20000'), pubkey: `0x${ann.publicKey.slice(4)}` },
    }
    expect(await refused(metis.simulate, lock)).toEqual(['METIS_REVERT', 'NotWhitelisted()'])
    await l1.send(model, 'setWhitelist', [ann.address, true])
    expect(await refused(metis.simulate, { ...lock, amount: 1n })).toEqual(['METIS_REVERT', 'invalid amount'])
    await done(metis.send, lock)
    expect(await refused(metis.simulate, lock)).toEqual(['METIS_REVERT', 'OwnedSequencer()'])
    await done(metis.send, { type: 'relock', id: 1, amount: parseEther('1000'), lockReward: false })
    await done(metis.send, { type: 'withdraw', id: 1, amount: parseEther('500') })
    const client = l1.client as never
    expect(await readMetisSequencer(client, { deployment, id: 1 })).toMatchObject({ amount: parseEther('20500') })
    const unlock: MetisCall = { type: 'unlock', id: 1 }
    await expect(metis.send(unlock, { value: 5n })).rejects.toMatchObject({ code: 'INPUT_INVALID' })
    await l1.send(model, 'setReward', [1n, 7n])
    await l1.mined(await metis.send(unlock, { value: 5n }))
    const claim: MetisCall = { type: 'unlockClaim', id: 1 }
    expect(await refused(metis.simulate, claim)).toEqual(['METIS_REVERT', 'Not allowed to cliam'])
    await l1.pass(21 * 86_400 + 1)
    await done(metis.send, claim)
    expect(await l1.read(token, 'balanceOf', [ann.address])).toBe(parseEther('100000'))
    const nobody = createWalletClient({ transport: http(l1.url) }).extend(metisActions({ deployment })).metis
    await expect(nobody.send(claim)).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  })
})
