import { createPool } from '@l2/staking'
import { type Abi, type Address, encodeFunctionData, type Hex, numberToHex, parseEther, zeroAddress } from 'viem'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sequencerPoolAbi, sequencerPoolActions } from '../src/sequencer-pool/index.js'
import { receiverAbi, receiverBytecode } from '../src/testing/receiver/index.js'
import { type At, accounts } from './anvil.js'
import { deployPool, sequencers, startStake } from './stake.js'

const [admin, ann, bea] = accounts
const [first, second] = sequencers
const stake = parseEther('20000')
const day = 86_400
const word = (n: number) => numberToHex(n, { size: 32 })
/** Faults of the token, as the contract numbers them. */
const fault = { none: 0, fee: 1, silent: 2, false: 3, refuse: 4, lie: 5, hook: 6 } as const

let world: Awaited<ReturnType<typeof startStake>>
let id: number
beforeEach(async () => {
  world = await startStake({ paidByBatches: false })
  id = await world.seat(first!, first!.address, stake)
  for (const account of [ann, bea]) {
    await world.l1.send(world.token, 'transfer', [account.address, parseEther('100000')])
    await world.l1.send(world.token, 'approve', [world.pool.address, parseEther('100000')], { from: account })
  }
})
afterEach(() => world?.close())

const balance = (of: Address) => world.l1.read<bigint>(world.token, 'balanceOf', [of])
const misbehave = (kind: keyof typeof fault, target: Address = zeroAddress, data: Hex = '0x') =>
  world.l1.send(world.token, 'configure', [fault[kind], target, data])
const encode = (functionName: string, args: readonly unknown[]) =>
  encodeFunctionData({ abi: sequencerPoolAbi as unknown as Abi, functionName, args })
const offence = async (kind: number, n: number, of = id) => ({
  ...{ kind, id: of, evidenceId: word(n), evidenceHash: word(n), excessOfflineBps: 0 },
  offenceEpoch: await world.l1.read<bigint>(world.pool, 'epoch'),
  offenceAt: (await world.l1.client.getBlock()).timestamp,
})

describe('a token that misbehaves', () => {
  it.each([
    ['fee', 'TokenRefused'],
    ['lie', 'TokenRefused'],
    ['false', 'SafeERC20FailedOperation'],
    ['refuse', 'refused'],
  ] as const)('brings nothing in when it answers by %s', async (kind, reason) => {
    const { l1, pool } = world
    const before = await l1.read(pool, 'ledger')
    await misbehave(kind)
    const said = await l1.refusal(pool, 'delegate', [id, parseEther('5')], { from: ann })
    // OpenZeppelin's own error is none of the pool's.
    expect(said === '0x5274afe7' ? 'SafeERC20FailedOperation' : said).toBe(reason)
    expect((await l1.attempt(pool, 'delegate', [id, parseEther('5')], { from: ann })).status).toBe('reverted')
    expect(await l1.read(pool, 'ledger')).toEqual(before)
    await misbehave('none')
    await l1.send(pool, 'delegate', [id, parseEther('5')], { from: ann })
  })

  it('that takes a fee on the way out takes it from who is paid; one that refuses loses nothing: who is owed tries again', async () => {
    const { l1, pool } = world
    await l1.send(pool, 'delegate', [id, parseEther('500')], { from: ann })
    await l1.send(pool, 'undelegate', [id, parseEther('500')], { from: ann })
    await l1.pass(21 * day)
    await misbehave('fee')
    expect(await l1.refusal(pool, 'claimDelegation', [id], { from: ann })).toBe('not refused')
    await misbehave('refuse')
    expect(await l1.refusal(pool, 'claimDelegation', [id], { from: ann })).toBe('refused')
    await misbehave('none')
    const before = await balance(ann.address)
    await l1.send(pool, 'claimDelegation', [id], { from: ann })
    expect(await balance(ann.address)).toBe(before + parseEther('500'))
  })

  it('that answers nothing is taken as it is, and a gift or a rebase changes no book', async () => {
    const { l1, pool, token } = world
    await misbehave('silent')
    await l1.send(pool, 'delegate', [id, parseEther('5')], { from: ann })
    await misbehave('none')
    const [ledger, seat] = [await l1.read(pool, 'ledger'), await l1.read(pool, 'seatOf', [id])]
    await l1.send(token, 'transfer', [pool.address, parseEther('777')])
    await l1.send(token, 'rebase', [pool.address, parseEther('1000000')])
    expect([await l1.read(pool, 'ledger'), await l1.read(pool, 'seatOf', [id])]).toEqual([ledger, seat])
    expect(await l1.read(pool, 'delegationOf', [id, ann.address])).toMatchObject({ assetsWei: parseEther('5') })
  })
})

describe('reentrancy', () => {
  it('no call of the pool gets in while a token is on its way, neither in nor out', async () => {
    const { l1, pool, token } = world
    const receiver: At = await l1.deploy({ abi: receiverAbi as unknown as Abi, bytecode: receiverBytecode })
    // The attacker is a delegator itself, so that its call would be done if it got in.
    await l1.send(token, 'transfer', [receiver.address, parseEther('1000')])
    const perform = (data: Hex, target = pool.address) => l1.send(receiver, 'perform', [target, data])
    const approve = encodeFunctionData({
      ...{ abi: token.abi, functionName: 'approve', args: [pool.address, parseEther('1000')] },
    })
    await perform(approve, token.address)
    await perform(encode('delegate', [id, parseEther('400')]))
    await perform(encode('undelegate', [id, parseEther('200')]))
    await l1.pass(21 * day)
    for (const call of [
      encode('claimDelegation', [id]),
      encode('undelegate', [id, parseEther('200')]),
      encode('delegate', [id, parseEther('100')]),
      encode('fund', [1n]),
      encode('collect', [receiver.address]),
    ]) {
      await l1.send(receiver, 'configure', [3, pool.address, call])
      await misbehave('hook', receiver.address)
      await perform(encode('delegate', [id, parseEther('10')]))
      expect(await l1.read(receiver, 'succeeded')).toBe(false)
    }
    const before = await balance(receiver.address)
    await l1.send(receiver, 'configure', [3, pool.address, encode('claimDelegation', [id])])
    await perform(encode('claimDelegation', [id]))
    expect(await l1.read(receiver, 'succeeded')).toBe(false)
    expect(await balance(receiver.address)).toBe(before + parseEther('200'))
  })
})

describe('griefing', () => {
  it('dust is refused, and what is left of an exit is no dust either', async () => {
    const { l1, pool } = world
    const refused = (name: string, wei: bigint) => l1.refusal(pool, name, [id, wei], { from: ann })
    expect(await refused('delegate', 1n)).toBe('AmountOutOfRange')
    await l1.send(pool, 'delegate', [id, parseEther('5')], { from: ann })
    expect(await refused('undelegate', 1n)).toBe('AmountOutOfRange')
    expect(await refused('undelegate', parseEther('5') - 1n)).toBe('AmountOutOfRange')
    expect(await refused('undelegate', parseEther('5'))).toBe('not refused')
    expect(await refused('undelegate', parseEther('4'))).toBe('not refused')
  })

  it('an account that takes no tokens stops neither a penalty nor others: what it is owed waits', async () => {
    const { l1, pool, token } = world
    await l1.send(pool, 'admitOffence', [await offence(3, 1)])
    await l1.pass(6 * day)
    // The token refuses everybody now, and the case is executed all the same.
    await misbehave('refuse')
    await l1.send(pool, 'executeCase', [word(1)], { from: bea })
    expect(await l1.refusal(pool, 'collect', [admin.address])).toBe('refused')
    await misbehave('none')
    const before = await balance(admin.address)
    await l1.send(pool, 'collect', [admin.address], { from: bea })
    expect((await balance(admin.address)) - before).toBe(stake / 4n)
    expect(await l1.read(token, 'balanceOf', [pool.address])).toBe((stake * 3n) / 4n)
  })

  it('flooding a seat with proofs leaves room for what the operator brings, and one penalty fits into a transaction', async () => {
    const { l1, pool } = world
    // Each epoch is an entry that a penalty has to walk.
    const epochs = 120
    for (let i = 0; i < epochs; i++) {
      await world.epochs(1)
      await l1.send(pool, 'delegate', [id, parseEther('1')], { from: i % 2 === 0 ? ann : bea })
    }
    await l1.send(pool, 'undelegate', [id, parseEther('20')], { from: ann })
    await world.epochs(1)
    for (let n = 1; n <= 32; n++) await l1.send(pool, 'admitOffence', [await offence(0, n)])
    expect(await l1.refusal(pool, 'admitOffence', [await offence(0, 33)])).toBe('TooMany')
    await l1.pass(6 * day)
    let most = 0n
    for (let n = 1; n <= 32; n++) {
      const call = { from: bea, gas: 16_777_216n }
      const { gasUsed } = await l1.send(pool, 'executeCase', [word(n)], call)
      if (gasUsed > most) most = gasUsed
    }
    expect(most).toBeLessThan(16_777_216n)
    expect(await l1.read(pool, 'seatOf', [id])).toMatchObject({ openCases: 0, tombstoned: true })
    await world.l1.pass(22 * day)
    await l1.send(pool, 'claimDelegation', [id], { from: ann })
  })
})

describe('the deployment', () => {
  it('refuses a configuration under which stake could leave before it is slashed, or a sum leave its type', async () => {
    const { l1, token, verifier } = world
    const good = {
      ...createPool({ admin: admin.address }).config,
      ...{ token: token.address, treasury: admin.address, verifier: verifier.address },
      ...{ paidByBatches: true, minDelegationWei: 1n },
    }
    const windows = (changed: object) => ({ ...good, windows: { ...good.windows, ...changed } })
    for (const config of [
      windows({ exitDelaySeconds: 20n * 86_400n - 1n }),
      windows({ disputeWindowSeconds: 15n * 86_400n }),
      { ...good, token: zeroAddress },
      { ...good, admin: zeroAddress },
      { ...good, operator: zeroAddress },
      { ...good, treasury: zeroAddress },
      { ...good, minLockWei: 0n },
      { ...good, minLockWei: good.maxLockWei + 1n },
      { ...good, minDelegationWei: 0n },
      { ...good, maxSeats: 0 },
      { ...good, maxLockWei: 2n ** 95n, maxSeats: 3 },
      { ...good, lookaheadEpochs: 1 },
      { ...good, blockIntervalMs: 0 },
      { ...good, targetRateBps: 10_001 },
      { ...good, firstLossBps: 10_001 },
      { ...good, maxCommissionBps: 10_001 },
      { ...good, maxCommissionStepBps: 0 },
      { ...good, liquidCapBps: 10_001 },
    ])
      await expect(
        deployPool(l1, config),
        JSON.stringify(config, (_, v) => String(v)),
      ).rejects.toThrow('reverted')
    await deployPool(l1, good)
  })

  it('leaves no way to change the code, the roles or the windows; a stranger has no right at all', async () => {
    const { l1, pool } = world
    const names = (sequencerPoolAbi as unknown as Abi).flatMap(item => (item.type === 'function' ? [item.name] : []))
    expect(names.filter(name => /upgrade|initialize|setConfig|setAdmin|delegatecall|sweep|rescue/i.test(name))).toEqual(
      [],
    )
    for (const [name, args] of [
      ['setWhitelist', [ann.address, true]],
      ['setWatcher', [ann.address, true]],
      ['setLiquidAccount', [ann.address, true]],
      ['setPaused', [true]],
      ['forceUnlock', [id]],
      ['advanceEpoch', [1n]],
      ['accrueBlock', [1n, first!.address, 0n]],
      ['submitRewards', [1n, 0n, 0n, []]],
      ['admitOffence', [await offence(0, 1)]],
      ['vetoCase', [word(1)]],
      ['pauseCase', [word(1), 1n]],
      ...['unlock', 'claim', 'withdrawRewards', 'leaveQueue', 'unjail'].map(own => [own, [id]] as const),
      ['relock', [id, 1n, false]],
      ['withdraw', [id, 1n]],
      ['setOwner', [id, ann.address]],
      ['setRewardRecipient', [id, ann.address]],
      ['setCommission', [id, 1]],
      ['updateSigner', [id, ann.address]],
      ['declareMaintenance', [id, 5n, 5n]],
    ] as const)
      expect(await l1.refusal(pool, name, args, { from: ann }), name).toBe('NotAuthorized')
  })

  it('the libraries stand alone: called directly they change nothing of a pool', async () => {
    const { l1, pool } = world
    const before = await l1.read(pool, 'seatOf', [id])
    const { sequencerPoolLibraries } = await import('../src/sequencer-pool/index.js')
    for (const { address } of sequencerPoolLibraries) {
      const hash = await l1.client.sendTransaction({
        ...{ account: ann, to: address, gas: 1_000_000n, data: encode('unlock', [id]) },
      })
      expect((await l1.mined(hash)).status).toBe('reverted')
    }
    expect(await l1.read(pool, 'seatOf', [id])).toEqual(before)
  })
})

it('is a part of a viem client: reads, simulates, writes and watches', async () => {
  const { l1, pool } = world
  const client = l1.client.extend(sequencerPoolActions({ address: pool.address }))
  expect(await client.sequencerPool.read.idOfOwner([first!.address])).toBe(id)
  const call = [id, parseEther('3')] as const
  const { request } = await client.sequencerPool.simulate.delegate(call, { account: ann })
  await l1.mined(await client.writeContract({ ...request, gas: 1_000_000n }))
  await l1.mined(await client.sequencerPool.write.delegate(call, { account: ann, gas: 1_000_000n, chain: null }))
  const events = await client.sequencerPool.getEvents.Delegated({ id }, { fromBlock: 0n })
  expect(events.map(({ args }) => args.amountWei)).toEqual([parseEther('3'), parseEther('3')])
  await expect(client.sequencerPool.simulate.unlock([id], { account: ann })).rejects.toThrow('NotAuthorized')
  // A second seat waits its turn for nothing here: there is room, and its weight counts from the third epoch on.
  await world.seat(second!, second!.address, parseEther('30000'))
  await world.epochs(3)
  const weights = await client.sequencerPool.read.electionWeights([3n])
  expect(weights.map(({ id: seat, weightWei }) => [seat, weightWei])).toEqual([
    [id, stake + parseEther('6')],
    [2, parseEther('30000')],
  ])
})
