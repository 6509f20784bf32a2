import { type Random, runs, seededRandom, testSeed } from '@l2/common/testing'
import type { Address } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLiquidWorld, people, roles, vaultCalls } from './liquid-world.js'

// The 26 properties of a16z's erc4626-tests, by their names there, on the deployed vault, with a delta of 0. Exits of it are asynchronous (ERC-7540): what
// these call `redeem` and `withdraw` is a request, the report that pays it, and the claim; and the two previews of exits refuse, as ERC-7540 demands.

const seed = testSeed(26)
let world: Awaited<ReturnType<typeof createLiquidWorld>>
beforeAll(async () => {
  world = await createLiquidWorld()
})
afterAll(() => world?.close())

const { read, send, refusal, later, snapshot } = vaultCalls(() => world)
const held = (who: Address) => world.anvil.read<bigint>(world.token, 'balanceOf', [who])
const report = (input: object) => {
  const nothing = { appearedWei: 0n, lastId: 0n, maxRateE27: 0n, appearedSeats: 0n, bunker: false }
  return send(roles.reporter, 'report', { ...nothing, ...input })
}

type Setup = { readonly random: Random; readonly caller: Address; readonly other: Address; readonly x: bigint }

/** Four people with shares, then a gain or a loss. */
async function setUp(random: Random): Promise<Setup> {
  for (const who of people)
    await send(who, 'deposit', 10n ** 19n + BigInt(random.below(2 ** 31)) * 10n ** BigInt(random.below(11)), who)
  const all = await read('totalAssets')
  if (random.bool()) {
    await send(roles.custodian, 'allocate', all / 2n)
    await later(86_400n)
    await report({ seatsNowWei: all / 2n - (all * BigInt(random.below(400))) / 10_000n, appearedWei: all / 2n })
  } else {
    await send(people[0], 'receiveRewards', (all * BigInt(random.below(40))) / 10_000n + 1n)
    await later(604_800n)
    await report({ seatsNowWei: await read('seatsWei') })
  }
  const caller = random.pick(people)
  const other = random.pick(people.filter(who => who !== caller))
  return { random, caller, other, x: 1_000n + BigInt(random.below(2 ** 31)) * 10n ** BigInt(random.below(9)) }
}

/** Pays every request that waits, at the rate of now. */
async function payAll(): Promise<void> {
  await later(10_000n)
  const lastId = await read('lastRequestId')
  await report({ seatsNowWei: await read('seatsWei'), lastId, maxRateE27: await read('rateE27') })
}
/** Shares that came for wei. */
async function deposit(who: Address, assets: bigint): Promise<bigint> {
  const before = await read('balanceOf', who)
  await send(who, 'deposit', assets, who)
  return (await read('balanceOf', who)) - before
}
/** Wei that shares cost. */
async function mint(who: Address, shares: bigint): Promise<bigint> {
  const before = await held(who)
  await send(who, 'mint', shares, who)
  return before - (await held(who))
}
/** Wei that came for shares. */
async function redeem(who: Address, shares: bigint): Promise<bigint> {
  await send(who, 'requestRedeem', shares, who, who)
  await payAll()
  const before = await held(who)
  await send(who, 'redeem', shares, who, who)
  return (await held(who)) - before
}
/** Shares that wei, or one more, cost. */
async function withdraw(who: Address, assets: bigint): Promise<bigint> {
  const [supply, all, before] = [await read('totalSupply'), await read('totalAssets'), await read('balanceOf', who)]
  await send(who, 'requestRedeem', (assets * supply + all - 1n) / all, who, who)
  await payAll()
  const [most, had] = [await read('maxWithdraw', who), await held(who)]
  await send(who, 'withdraw', most, who, who)
  expect((await held(who)) - had).toBe(most)
  return before - (await read('balanceOf', who))
}
/** A round trip, beside what it may not do: raise what the caller has. */
async function roundTrip(who: Address, run: () => Promise<void>): Promise<void> {
  const worth = async () => (await held(who)) + (await read('convertToAssets', await read('balanceOf', who)))
  const before = await worth()
  await run()
  expect(await worth()).toBeLessThanOrEqual(before)
}

const properties: Record<string, (setup: Setup) => Promise<void>> = {
  asset: async () => expect(await read<Address>('asset')).toBe(world.token.address),
  totalAssets: async () => void (await read('totalAssets')),
  maxDeposit: async ({ caller }) => void (await read('maxDeposit', caller)),
  maxMint: async ({ caller }) => void (await read('maxMint', caller)),
  maxWithdraw: async ({ caller }) => void (await read('maxWithdraw', caller)),
  maxRedeem: async ({ caller }) => void (await read('maxRedeem', caller)),
  convertToShares: async ({ caller, other, x }) => sameForAll('convertToShares', x, [caller, other]),
  convertToAssets: async ({ caller, other, x }) => sameForAll('convertToAssets', x, [caller, other]),
  async previewDeposit({ caller, x }) {
    const told = await read('previewDeposit', x)
    expect(await deposit(caller, x)).toBeGreaterThanOrEqual(told)
  },
  async previewMint({ caller, x }) {
    const told = await read('previewMint', x)
    expect(await mint(caller, x)).toBeLessThanOrEqual(told)
  },
  previewWithdraw: async ({ caller, x }) => expect(await refusal(caller, 'previewWithdraw', x)).toBe('AsyncExit'),
  previewRedeem: async ({ caller, x }) => expect(await refusal(caller, 'previewRedeem', x)).toBe('AsyncExit'),
  async deposit({ caller, other, x }) {
    const [shares, had, before] = [await read('previewDeposit', x), await read('balanceOf', other), await held(caller)]
    await allow(caller, x)
    await send(caller, 'deposit', x, other)
    expect([(await read('balanceOf', other)) - had, before - (await held(caller))]).toEqual([shares, x])
    expect(await world.anvil.read(world.token, 'allowance', [caller, world.vault.address])).toBe(0n)
  },
  async mint({ caller, other, x }) {
    const [assets, had, before] = [await read('previewMint', x), await read('balanceOf', other), await held(caller)]
    await allow(caller, assets)
    await send(caller, 'mint', x, other)
    expect([(await read('balanceOf', other)) - had, before - (await held(caller))]).toEqual([x, assets])
    expect(await world.anvil.read(world.token, 'allowance', [caller, world.vault.address])).toBe(0n)
  },
  withdraw: async ({ caller, other, x }) => exits('withdraw', caller, other, x),
  redeem: async ({ caller, other, x }) => exits('redeem', caller, other, x),
  withdraw_zero_allowance: async ({ caller, other, x }) => withoutAllowance('withdraw', caller, other, x),
  redeem_zero_allowance: async ({ caller, other, x }) => withoutAllowance('redeem', caller, other, x),
  RT_deposit_redeem: ({ caller, x }) =>
    roundTrip(caller, async () => expect(await redeem(caller, await deposit(caller, x))).toBeLessThanOrEqual(x)),
  RT_deposit_withdraw: ({ caller, x }) =>
    roundTrip(caller, async () => {
      const shares = await deposit(caller, x)
      expect(await withdraw(caller, x)).toBeGreaterThanOrEqual(shares)
    }),
  RT_redeem_deposit: ({ caller, x }) =>
    roundTrip(caller, async () => expect(await deposit(caller, await redeem(caller, x))).toBeLessThanOrEqual(x)),
  RT_redeem_mint: ({ caller, x }) =>
    roundTrip(caller, async () => {
      const assets = await redeem(caller, x)
      expect(await mint(caller, x)).toBeGreaterThanOrEqual(assets)
    }),
  RT_mint_withdraw: ({ caller, x }) =>
    roundTrip(caller, async () => expect(await withdraw(caller, await mint(caller, x))).toBeGreaterThanOrEqual(x)),
  RT_mint_redeem: ({ caller, x }) =>
    roundTrip(caller, async () => {
      const assets = await mint(caller, x)
      expect(await redeem(caller, x)).toBeLessThanOrEqual(assets)
    }),
  RT_withdraw_mint: ({ caller, x }) =>
    roundTrip(caller, async () => expect(await mint(caller, await withdraw(caller, x))).toBeGreaterThanOrEqual(x)),
  RT_withdraw_deposit: ({ caller, x }) =>
    roundTrip(caller, async () => {
      const shares = await withdraw(caller, x)
      expect(await deposit(caller, x)).toBeLessThanOrEqual(shares)
    }),
}

async function sameForAll(name: string, x: bigint, callers: readonly Address[]): Promise<void> {
  const { client } = world.anvil
  const answers = callers.map(account =>
    client.readContract({ ...world.vault, functionName: name, args: [x], account: account as Address }),
  )
  const [first, second] = await Promise.all(answers)
  expect(first).toBe(second)
}
async function allow(who: Address, assets: bigint): Promise<void> {
  await world.anvil.send(world.token, 'approve', [world.vault.address, assets], {
    from: { address: who, type: 'json-rpc' } as never,
  })
}
/** Somebody who may takes shares of another and gives what comes of them to a third. */
async function exits(name: 'withdraw' | 'redeem', owner: Address, operator: Address, x: bigint): Promise<void> {
  const before = await read('balanceOf', owner)
  await send(owner, 'approve', operator, x)
  await send(operator, 'requestRedeem', x, operator, owner)
  expect([await read('allowance', owner, operator), before - (await read('balanceOf', owner))]).toEqual([0n, x])
  await payAll()
  const assets = await read('maxWithdraw', operator)
  const had = await held(roles.treasury)
  await send(operator, name, name === 'redeem' ? x : assets, roles.treasury, operator)
  expect((await held(roles.treasury)) - had).toBe(assets)
}
/** Neither a request of another's shares nor the claim of another's request goes without being allowed. */
async function withoutAllowance(name: 'withdraw' | 'redeem', owner: Address, other: Address, x: bigint): Promise<void> {
  expect(await refusal(other, 'requestRedeem', x, other, owner)).toBe('ERC20InsufficientAllowance')
  await send(owner, 'requestRedeem', x, owner, owner)
  await payAll()
  const amount = name === 'redeem' ? x : await read('maxWithdraw', owner)
  expect(await refusal(other, name, amount, other, owner)).toBe('NotOwner')
}

describe(`the 26 properties of ERC-4626 on the deployed vault (seed ${seed})`, () => {
  it('are 26', () => expect(Object.keys(properties)).toHaveLength(26))
  it.each(Object.entries(properties))('%s', { timeout: 900_000 }, async (_, holds) => {
    const random = seededRandom(seed)
    for (let round = runs({ suite: 2, soak: 60 }); round > 0; round--) {
      const undo = await snapshot()
      await holds(await setUp(random))
      await undo()
    }
  })
})
