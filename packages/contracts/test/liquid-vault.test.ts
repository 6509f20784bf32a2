import { runs, seededRandom, testSeed } from '@l2/common/testing'
import { metisReportLimits } from '@l2/lst/report'
import { asyncVaultInterfaceIds } from '@l2/lst/withdrawal'
import { type Abi, type Address, encodeFunctionData, type Hex, maxUint256, parseSignature, zeroAddress } from 'viem'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  liquidVaultAbi,
  liquidVaultActions,
  liquidVaultDeployment,
  rateFeedAbi,
  rateFeedBytecode,
  rebasingTokenAbi,
  rebasingTokenBytecode,
  recommendedLimits,
} from '../src/liquid-vault/index.js'
import { oddTokenAbi } from '../src/testing/odd-token/index.js'
import { type At, accounts } from './anvil.js'
import { createLiquidWorld, people, roles, vaultCalls } from './liquid-world.js'

const seed = testSeed(5)
const one = 10n ** 18n
const [alice, bob, carol] = people
type World = Awaited<ReturnType<typeof createLiquidWorld>>

describe(`a liquid vault and its reducer (seed ${seed})`, () => {
  let world: World
  afterEach(() => world?.close())

  it('does the same to the wei', { timeout: 900_000 }, async () => {
    world = await createLiquidWorld()
    const operations = runs({ suite: 250, soak: 10_000 })
    const done = await world.life(seededRandom(seed), operations)
    for (const type of ['submit', 'report', 'requestShares', 'claim', 'allocate'])
      expect(done.get(type) ?? 0, type).toBeGreaterThan(0)
  })

  it('has the limits of the preset that it is made like', () => {
    const { maxLossBps, maxDrawdownBps, shareRateDeviationBps, requestMarginSeconds, appearedSeatsPerDay } =
      recommendedLimits
    const numbers = { maxLossBps, maxDrawdownBps, shareRateDeviationBps, requestMarginSeconds, appearedSeatsPerDay }
    const bigints = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, BigInt(value)]))
    expect({ annualIncreaseBps: recommendedLimits.annualIncreaseBps, ...bigints }).toEqual(metisReportLimits)
  })
})

describe('a liquid vault', () => {
  let world: World
  const { read, send, refusal, later, snapshot } = vaultCalls(() => world)
  beforeAll(async () => {
    world = await createLiquidWorld()
  })
  afterAll(() => world?.close())
  beforeEach(() => snapshot())

  const owned = (who: Address) => world.anvil.read<bigint>(world.token, 'balanceOf', [who])
  const nothing = { appearedWei: 0n, lastId: 0n, maxRateE27: 0n, appearedSeats: 0n, bunker: false }
  const report = async (input: Partial<Record<string, unknown>> = {}) =>
    send(roles.reporter, 'report', { ...nothing, seatsNowWei: await read('seatsWei'), ...input })
  /** Pays every request that waits, at the rate of now. */
  const payAll = async () => {
    await later(10_000n)
    await report({ lastId: await read('lastRequestId'), maxRateE27: await read('rateE27') })
  }
  const deposit = async (who: Address, assets: bigint) => {
    const shares = await read('convertToShares', assets)
    await send(who, 'deposit', assets, who)
    return shares
  }
  it('lets others act with an allowance or as an operator, and nobody else', async () => {
    await deposit(alice, 10n * one)
    expect(await refusal(bob, 'requestRedeem', one, bob, alice)).toBe('ERC20InsufficientAllowance')
    await send(alice, 'approve', bob, one)
    await send(bob, 'requestRedeem', one, bob, alice)
    expect(await read('allowance', alice, bob)).toBe(0n)
    await send(alice, 'setOperator', carol, true)
    await send(carol, 'requestRedeem', one, alice, alice)
    expect(await read('pendingRedeemRequest', 2n, alice)).toBe(one)
    expect(await read('pendingRedeemRequest', 2n, bob)).toBe(0n)
    await payAll()
    expect(await read('claimableRedeemRequest', 2n, alice)).toBe(one)
    expect(await refusal(carol, 'claim', 1n, carol)).toBe('NotOwner')
    await send(carol, 'claim', 2n, alice)
    await send(alice, 'setOperator', carol, false)
    await send(bob, 'transferRequest', 1n, carol)
    expect([await read('maxRedeem', bob), await read('maxRedeem', carol)]).toEqual([0n, one])
    expect(await refusal(bob, 'claim', 1n, bob)).toBe('NotOwner')
    await send(carol, 'withdraw', await read('maxWithdraw', carol), carol, carol)
    expect(await refusal(carol, 'claim', 1n, carol)).toBe('AlreadyClaimed')
    expect(await read('lockedWei')).toBe(0n)
  })

  it('claims whole requests, however many others push on somebody', async () => {
    await deposit(alice, 100n * one)
    await deposit(bob, 100n * one)
    for (let i = 0; i < 70; i++) await send(bob, 'requestRedeem', 200n, alice, bob)
    await send(alice, 'requestRedeem', 10n * one, alice, alice)
    await payAll()
    // What was pushed on her pays her, 64 at a time; hers is claimed by its id at once.
    expect(await read('maxRedeem', alice)).toBe(64n * 200n)
    expect(await refusal(alice, 'redeem', 201n, alice, alice)).toBe('NotWholeRequests')
    expect(await refusal(alice, 'withdraw', 1n, alice, alice)).toBe('NotWholeRequests')
    expect(await refusal(alice, 'redeem', 0n, alice, alice)).toBe('NotWholeRequests')
    const before = await owned(alice)
    await send(alice, 'claim', 71n, alice)
    expect((await owned(alice)) - before).toBe(10n * one)
    await send(alice, 'redeem', 64n * 200n, alice, alice)
    expect(await read('maxRedeem', alice)).toBe(6n * 200n)
  })

  it('has a price that nobody sets by sending tokens, and a first deposit that nobody robs', async () => {
    const rate = await read('rateE27')
    await world.anvil.send(world.token, 'rebase', [
      world.vault.address,
      (await owned(world.vault.address)) + 10n ** 24n,
    ])
    expect(await read('rateE27')).toBe(rate)
    expect(await deposit(alice, 3n)).toBe(3n)
    // Rewards that are given to be shared in at once come over days, and the seed has its part of them.
    await send(bob, 'receiveRewards', 10n ** 24n)
    await later(86_400n)
    await report()
    expect((await read('rateE27')) < (rate * 1_005n) / 1_000n).toBe(true)
    expect(await read('previewDeposit', 2n)).toBeGreaterThan(0n)
  })

  it('takes no token that moves other than it is told, and lets nobody back in', async () => {
    const misbehave = (fault: number, target: Address = zeroAddress, data: Hex = '0x') =>
      world.anvil.send(world.token, 'configure', [fault, target, data])
    await deposit(alice, 10n * one)
    await send(alice, 'requestRedeem', one, alice, alice)
    await payAll()
    for (const [fault, reason] of [
      [1, 'NotExact'],
      [3, 'SafeERC20FailedOperation'],
      [5, 'NotExact'],
    ] as const) {
      await misbehave(fault)
      expect([fault, await refusal(bob, 'deposit', one, bob)]).toEqual([fault, reason])
    }
    const again = encodeFunctionData({ abi: liquidVaultAbi, functionName: 'claim', args: [1n, alice] })
    await misbehave(6, world.vault.address, again)
    await send(alice, 'claim', 1n, alice)
    expect(await world.anvil.read(world.token, 'succeeded')).toBe(false)
    expect(await refusal(alice, 'claim', 1n, alice)).toBe('AlreadyClaimed')
  })

  it('obeys each role alone, and its options are whole', async () => {
    const input = { ...nothing, seatsNowWei: 0n }
    expect(await refusal(alice, 'report', input)).toBe('NotAllowed')
    expect(await refusal(alice, 'allocate', 1n)).toBe('NotAllowed')
    expect(await refusal(alice, 'receiveReturns', 1n)).toBe('NotAllowed')
    expect(await refusal(alice, 'setPaused', true)).toBe('NotAllowed')
    expect(await refusal(alice, 'confirmLoss', `0x${'00'.repeat(32)}`)).toBe('NotAllowed')
    await deposit(alice, one)
    for (const to of [world.vault.address, '0x000000000000000000000000000000000000dEaD'] as const) {
      expect(await refusal(alice, 'transfer', to, 1n)).toBe('AccountInvalid')
      expect(await refusal(alice, 'deposit', one, to)).toBe('AccountInvalid')
      expect(await refusal(alice, 'requestRedeem', 1000n, to, alice)).toBe('AccountInvalid')
    }
    expect(await refusal(alice, 'deposit', one, alice, 2n * one)).toBe('LimitExceeded')
    await send(roles.guardian, 'setPaused', true)
    expect([await read('maxDeposit', alice), await read('maxMint', alice)]).toEqual([0n, 0n])
    expect(await refusal(alice, 'mint', 1n, alice)).toBe('IsPaused')
    const good = { asset: world.token.address, ...roles }
    const wrong = [
      { asset: zeroAddress },
      { guardian: zeroAddress },
      { reporter: zeroAddress },
      { custodian: zeroAddress },
      { treasury: zeroAddress },
      { seedWei: 0n },
      { minRequestWei: 0n },
      { minRequestWei: 2n, maxRequestWei: 1n },
      { limits: { ...recommendedLimits, feeBps: 10_001 } },
      { limits: { ...recommendedLimits, maxLossBps: 10_001 } },
    ] as const
    for (const options of wrong) {
      const data = liquidVaultDeployment({ ...good, ...options })
      const receipt = await world.send(accounts[0].address, undefined, data)
      expect(
        receipt.status,
        JSON.stringify(options, (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
      ).toBe('reverted')
    }
  })

  it('says what it is: interfaces, the pair, and a rate that pools and lenders read', async () => {
    const { operator, asyncRedeem, asyncDeposit, vault, share } = asyncVaultInterfaceIds
    for (const id of [operator, asyncRedeem, vault, share, '0x01ffc9a7'])
      expect(await read<boolean>('supportsInterface', id), id).toBe(true)
    for (const id of [asyncDeposit, '0xffffffff']) expect(await read<boolean>('supportsInterface', id), id).toBe(false)
    expect([await read<Address>('share'), await read<Address>('vault', world.token.address)]).toEqual(
      Array(2).fill(world.vault.address),
    )
    expect(await read<Address>('vault', alice)).toBe(zeroAddress)
    const client = world.anvil.client.extend(liquidVaultActions({ address: world.vault.address }))
    expect(await client.liquidVault.read.symbol()).toBe('seMETIS')

    const feed = await world.anvil.deploy({ abi: rateFeedAbi as unknown as Abi, bytecode: rateFeedBytecode }, [
      world.vault.address,
      'seMETIS / METIS',
    ])
    await deposit(alice, 100n * one)
    await send(bob, 'receiveRewards', one / 10n)
    await later(604_800n)
    await report()
    const [rate, at] = [await read('rateE27'), await read('reportedAt')]
    expect(rate).toBeGreaterThan(10n ** 27n)
    expect(await world.anvil.read(feed, 'getRate')).toBe(rate / 10n ** 9n)
    const round = [at, rate / 10n ** 9n, at, at, at]
    expect(await world.anvil.read(feed, 'latestRoundData')).toEqual(round)
    expect(await world.anvil.read(feed, 'getRoundData', [at])).toEqual(round)
    expect(await world.anvil.refusal(feed, 'getRoundData', [at - 1n])).toBe('NoSuchRound')

    const pair = await world.anvil.deploy(
      { abi: rebasingTokenAbi as unknown as Abi, bytecode: rebasingTokenBytecode },
      [...[world.vault.address, 'Metis in stake', 'eMETIS']],
    )
    await pairs(pair)
  })

  /** The rebasing half of the pair holds what was wrapped into it, and shows what it is worth. */
  async function pairs(pair: At): Promise<void> {
    const tell = async (from: Address, name: string, ...args: readonly unknown[]) => {
      const data = encodeFunctionData({ abi: pair.abi, functionName: name, args })
      return (await world.send(from, pair.address, data)).status
    }
    const of = (name: string, ...args: readonly unknown[]) => world.anvil.read<bigint>(pair, name, args)
    const books = async () => {
      const [shares, held] = [await of('totalShares'), await read('balanceOf', pair.address)]
      expect(shares).toBe(held)
      expect(await of('totalSupply')).toBe(await read('convertToAssets', shares))
      const each = await Promise.all([alice, bob].map(who => of('sharesOf', who)))
      expect(each.reduce((sum, value) => sum + value, 0n)).toBe(shares)
    }
    await send(alice, 'approve', pair.address, maxUint256)
    const wrapped = 50n * one
    expect(await tell(alice, 'wrap', wrapped)).toBe('success')
    await books()
    const shown = await of('balanceOf', alice)
    expect(shown).toBe(await read('convertToAssets', wrapped))
    expect(await tell(alice, 'transfer', bob, 10n * one)).toBe('success')
    const seen = await of('balanceOf', bob)
    expect([10n * one, 10n * one - 1n, 10n * one - 2n]).toContain(seen)
    expect(await tell(alice, 'transferShares', bob, one)).toBe('success')
    await books()
    expect(await tell(bob, 'transfer', alice, 100n * one)).toBe('reverted')
    expect(await tell(bob, 'unwrap', 100n * one)).toBe('reverted')
    expect(await tell(bob, 'wrap', 0n)).toBe('reverted')
    expect(await tell(bob, 'unwrap', 0n)).toBe('reverted')
    expect(await tell(bob, 'transferShares', zeroAddress, 1n)).toBe('reverted')
    // A report moves every balance, and no share.
    await send(bob, 'receiveRewards', one / 10n)
    await later(604_800n)
    await report()
    expect(await of('balanceOf', bob)).toBeGreaterThan(seen + (one * 99n) / 100n)
    await books()
    expect(await tell(bob, 'unwrap', await of('sharesOf', bob))).toBe('success')
    expect(await of('balanceOf', bob)).toBe(0n)
    await books()
  }

  it('takes a permit once, from whoever signed it, in time', async () => {
    const [, owner] = accounts
    await world.anvil.send(world.token, 'rebase', [owner.address, 10n * one])
    const approve = encodeFunctionData({
      abi: oddTokenAbi,
      functionName: 'approve',
      args: [world.vault.address, maxUint256],
    })
    await world.send(owner.address, world.token.address, approve)
    await deposit(owner.address, one)
    const deadline = (await world.nowSeconds()) + 1_000n
    const message = { owner: owner.address, spender: bob, value: one, nonce: 0n, deadline }
    const fields = ['owner', 'spender', 'value', 'nonce', 'deadline'] as const
    const types = {
      Permit: fields.map(name => ({ name, type: name === 'owner' || name === 'spender' ? 'address' : 'uint256' })),
    }
    const domain = { name: 'Staked METIS', version: '1', chainId: 900, verifyingContract: world.vault.address }
    const signature = await owner.signTypedData({ domain, types, primaryType: 'Permit', message } as never)
    const { r, s, yParity } = parseSignature(signature)
    const permit = (spender: Address) => [owner.address, spender, one, deadline, 27 + yParity, r, s] as const
    expect(await refusal(carol, 'permit', ...permit(carol))).toBe('ERC2612InvalidSigner')
    await send(carol, 'permit', ...permit(bob))
    expect(await refusal(carol, 'permit', ...permit(bob))).toBe('ERC2612InvalidSigner')
    await send(bob, 'requestRedeem', one, bob, owner.address)
    await later(2_000n)
    expect(await refusal(carol, 'permit', ...permit(bob))).toBe('ERC2612ExpiredSignature')
  })
})
