import { isL2Error } from '@l2/common'
import { runs, seededRandom, testSeed } from '@l2/common/testing'
import { applyFeeSplitter, createFeeSplitter, parties, rebateShares, rebateTree } from '@l2/sequencer-core/economics'
import { type Abi, encodeFunctionData, zeroAddress } from 'viem'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type FeeSplitterOptions,
  feeParties,
  feeSplitterAbi,
  feeSplitterActions,
  feeSplitterDeployment,
  setSplitArgs,
} from '../src/fee-splitter/index.js'
import { oddTokenAbi } from '../src/testing/odd-token/index.js'
import { receiverAbi } from '../src/testing/receiver/index.js'
import { accounts } from './anvil.js'
import { createSplitterWorld } from './fee-splitter-world.js'

const seed = testSeed(21)
const [governor, stranger] = accounts
const [accept, refuse, exhaust, call, chatter] = [0, 1, 2, 3, 5]
const faults = { fee: 1, silent: 2, false: 3, refuse: 4, lie: 5, hook: 6 } as const

const worlds: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(worlds.splice(0).map(world => world.close()))
})
async function open(...args: Parameters<typeof createSplitterWorld>) {
  const world = await createSplitterWorld(...args)
  worlds.push(world)
  const { anvil, splitter } = world
  return {
    ...world,
    refusal: (name: string, args: readonly unknown[] = [], from = stranger) =>
      anvil.refusal(splitter, name, args, { from }),
    tell: (
      party: keyof typeof world.receivers,
      mode: number,
      target = zeroAddress as `0x${string}`,
      data: `0x${string}` = '0x',
    ) =>
      anvil.send({ address: world.receivers[party], abi: receiverAbi as unknown as Abi }, 'configure', [
        mode,
        target,
        data,
      ]),
  }
}

describe(`a fee splitter and its reducer (seed ${seed})`, () => {
  it('has the parties in one order', () => expect(feeParties).toEqual(parties))

  for (const kind of ['ether', 'token'] as const) {
    it(`does the same to the wei with ${kind}`, { timeout: 600_000 }, async () => {
      const world = await open(kind)
      const operations = runs({ suite: 150, soak: 5_000 })
      expect(await world.life(seededRandom(seed), operations)).toBeGreaterThan(operations / 5)
    })
  }
})

describe('a fee splitter', () => {
  it('goes on when a receiver refuses, burns all of its gas, or comes back in', async () => {
    const world = await open('ether', { sequencer: 2500, stakers: 2500, lst: 2500, treasury: 2500 })
    const { anvil, splitter, tell } = world
    await tell('sequencer', refuse)
    await tell('stakers', exhaust)
    const again = encodeFunctionData({ abi: feeSplitterAbi, functionName: 'distribute' })
    await tell('lst', call, splitter.address, again)
    await world.step({ type: 'receive', amountWei: 1000n })
    await world.step({ type: 'distribute', refusing: ['sequencer', 'stakers'] })
    expect(await anvil.read({ address: world.receivers.lst, abi: receiverAbi as unknown as Abi }, 'succeeded')).toBe(
      false,
    )
    await tell('sequencer', accept)
    expect(await world.step({ type: 'payOwed', party: 'sequencer' })).toBe(true)
    expect(await world.step({ type: 'payOwed', party: 'sequencer' })).toBe(false)
    expect(await world.step({ type: 'payOwed', party: 'stakers', refusing: ['stakers'] })).toBe(false)
    expect(world.state().owedWei.stakers).toBe(250n)
    expect(world.state().paidWei).toMatchObject({ sequencer: 250n, lst: 250n, treasury: 250n })
  })

  it('does not pay for what receivers answer', async () => {
    const world = await open('ether', { sequencer: 2500, stakers: 2500, lst: 2500, treasury: 2500 })
    for (const party of ['sequencer', 'stakers', 'lst', 'treasury'] as const) await world.tell(party, chatter)
    await world.step({ type: 'receive', amountWei: 1000n })
    const receipt = await world.anvil.send(world.splitter, 'distribute', [], { from: stranger })
    expect(await world.anvil.read(world.splitter, 'undistributedWei')).toBe(0n)
    // Read, four answers would cost the caller 400,000 more.
    expect(receipt.gasUsed).toBeLessThan(600_000n)
  })

  it('obeys its governor alone, and takes no split that loses something', async () => {
    const { refusal, receivers, splitter } = await open('ether')
    const whole = { split: { treasury: 10_000 }, receivers, remainderTo: 'treasury' } as const
    expect(await refusal('setSplit', setSplitArgs(whole))).toBe('NotTheGovernor')
    expect(await refusal('openRebate', [`0x${'01'.repeat(32)}`, 1n])).toBe('NotTheGovernor')
    const set = (changed: object) => refusal('setSplit', setSplitArgs({ ...whole, ...changed }), governor)
    expect(await set({})).toBe('not refused')
    expect(await set({ split: { treasury: 9_999 } })).toBe('SplitInvalid')
    expect(await set({ split: { treasury: 10_000, users: 1 } })).toBe('SplitInvalid')
    expect(await set({ receivers: {} })).toBe('ReceiverInvalid')
    expect(await set({ receivers: { treasury: splitter.address } })).toBe('ReceiverInvalid')
    expect(await set({ split: { users: 10_000 }, receivers: {} })).toBe('ReceiverInvalid')
    expect(await set({ split: { users: 10_000 }, receivers: {}, remainderTo: 'users' })).toBe('not refused')
    expect(await refusal('openRebate', [`0x${'00'.repeat(32)}`, 1n], governor)).toBe('RebateInvalid')
    expect(await refusal('openRebate', [`0x${'01'.repeat(32)}`, 0n], governor)).toBe('RebateInvalid')
  })

  it('pays of a tree that promises too much those who come first, and keeps what an account refuses', async () => {
    const world = await open('ether', { users: 10_000 })
    const { splitter, receivers } = world
    const unwilling = receivers.treasury
    const paid = [unwilling, accounts[2].address, accounts[3].address]
    const tree = rebateTree(
      rebateShares(
        300n,
        paid.map(user => ({ user, feesPaid: 1n })),
      ),
    )
    await world.step({ type: 'receive', amountWei: 300n })
    await world.step({ type: 'distribute' })
    const root = await world.anvil.send(splitter, 'openRebate', [tree.root, 150n], { from: governor })
    expect(root.status).toBe('success')
    await world.tell('treasury', refuse)
    const claimOf = (account: string) => {
      const { index, amountWei, proof, account: to } = tree.claims.find(claim => claim.account === account)!
      return [0n, index, to, amountWei, proof]
    }
    const [refusing, first, second] = paid.map(claimOf)
    expect(await world.refusal('claim', refusing!)).toBe('PaymentRefused')
    await world.anvil.send(splitter, 'claim', first!, { from: stranger })
    expect(await world.refusal('claim', second!)).toBe('AboveUsersShare')
  })

  it('keeps a receiver for what is owed', async () => {
    const world = await open('ether', { sequencer: 10_000 })
    await world.tell('sequencer', refuse)
    await world.step({ type: 'receive', amountWei: 5n })
    await world.step({ type: 'distribute', refusing: ['sequencer'] })
    const without = {
      split: { treasury: 10_000 },
      receivers: { treasury: world.receivers.treasury },
      remainderTo: 'treasury',
    } as const
    expect(await world.refusal('setSplit', setSplitArgs(without), governor)).toBe('ReceiverInvalid')
  })

  it('takes no token that moves other than it is told, and no ether beside a token', async () => {
    const world = await open('token', { treasury: 5_000, sequencer: 5_000 })
    const { anvil, token, splitter, refusal } = world
    const misbehave = (fault: number, data: `0x${string}` = '0x', target: `0x${string}` = zeroAddress) =>
      anvil.send(token, 'configure', [fault, target, data])
    await world.step({ type: 'receive', amountWei: 1000n })
    await misbehave(faults.lie)
    expect(await refusal('distribute')).toBe('NotExact')
    await misbehave(faults.false)
    await world.step({ type: 'distribute', refusing: parties })
    await misbehave(faults.refuse)
    expect(await refusal('payOwed', [3])).toBe('PaymentRefused')
    await misbehave(faults.silent)
    expect(await world.step({ type: 'payOwed', party: 'treasury' })).toBe(true)
    // A token whose transfer calls back in, and one that takes away what is owed.
    await misbehave(
      faults.hook,
      encodeFunctionData({ abi: feeSplitterAbi, functionName: 'payOwed', args: [0] }),
      splitter.address,
    )
    expect(await world.step({ type: 'payOwed', party: 'sequencer' })).toBe(true)
    expect(await anvil.read(token, 'succeeded')).toBe(false)
    await world.step({ type: 'receive', amountWei: 10n })
    await misbehave(faults.false)
    await world.step({ type: 'distribute', refusing: parties })
    const taken = encodeFunctionData({ abi: oddTokenAbi, functionName: 'rebase', args: [splitter.address, 9n] })
    await misbehave(faults.hook, taken, token.address)
    expect(await refusal('payOwed', [3])).toBe('NotExact')
    await anvil.send(token, 'rebase', [splitter.address, 9n])
    expect(await refusal('distribute')).toBe('NotExact')
    const { status } = await world.send(governor.address, splitter.address, '0x', 1n)
    expect(status).toBe('reverted')
  })

  it('is deployed with what it can be, read and watched by a viem client', async () => {
    const { anvil, splitter, receivers } = await open('ether')
    const good: FeeSplitterOptions = {
      ...{ split: { treasury: 10_000 }, receivers, remainderTo: 'treasury', governor: governor.address },
      claimWindowSeconds: 1n,
    }
    const unfit: Partial<FeeSplitterOptions>[] = [{ governor: zeroAddress }, { claimWindowSeconds: 0n }, { split: {} }]
    for (const wrong of unfit) {
      const data = feeSplitterDeployment({ ...good, ...wrong })
      const hash = await anvil.client.sendTransaction({ account: governor, gas: 9_000_000n, gasPrice: 0n, data })
      expect((await anvil.mined(hash)).status).toBe('reverted')
    }
    const client = anvil.client.extend(feeSplitterActions({ address: splitter.address }))
    const [shares, to, remainderTo] = await client.feeSplitter.read.split()
    expect(shares).toEqual([0, 0, 0, 10_000, 0, 0, 0])
    expect([to[3], to[5], remainderTo]).toEqual([receivers.treasury, '0x000000000000000000000000000000000000dEaD', 3])
    expect(await client.feeSplitter.read.isClaimed([0n, 0n])).toBe(false)
  })
})

describe('the reducer alone', () => {
  it('refuses what cannot be, and stays as it was', () => {
    const state = createFeeSplitter({ split: { users: 10_000 }, remainderTo: 'users', claimWindowSeconds: 5n })
    const before = JSON.stringify(state, (_, value) => (typeof value === 'bigint' ? `${value}` : value))
    const wrong = [
      { type: 'receive', amountWei: -1n },
      { type: 'setSplit', split: { users: 1 }, remainderTo: 'users' },
      { type: 'openRebate', root: '0x01', totalWei: 1n, atSeconds: 0n },
    ] as const
    for (const command of wrong) {
      expect(() => applyFeeSplitter(state, command)).toThrow(expect.objectContaining({ code: 'ECONOMICS_INVALID' }))
    }
    expect(() => createFeeSplitter({ split: { users: 10_000 }, remainderTo: 'users', claimWindowSeconds: 0n })).toThrow(
      expect.objectContaining({ code: 'ECONOMICS_INVALID' }),
    )
    try {
      applyFeeSplitter(state, { type: 'distribute' })
      expect.unreachable()
    } catch (error) {
      expect(isL2Error(error, 'SPLITTER_REFUSED')).toBe(true)
    }
    expect(JSON.stringify(state, (_, value) => (typeof value === 'bigint' ? `${value}` : value))).toBe(before)
  })
})
