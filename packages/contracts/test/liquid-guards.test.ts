import { encodeAbiParameters, keccak256 } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLiquidWorld, people, roles, vaultCalls } from './liquid-world.js'

// Each refusal of the vault by its name, on purpose: what the random life beside the reducer rarely comes to.

const one = 10n ** 18n
/** More than it counts with. */
const tooMuch = 2n ** 128n
const [alice] = people
let world: Awaited<ReturnType<typeof createLiquidWorld>>
const { read, send, refusal, later, snapshot } = vaultCalls(() => world)
beforeAll(async () => {
  world = await createLiquidWorld()
})
afterAll(() => world?.close())
beforeEach(() => snapshot())

const nothing = { seatsNowWei: 0n, appearedWei: 0n, lastId: 0n, maxRateE27: 0n, appearedSeats: 0n, bunker: false }
const report = (input: Partial<typeof nothing>) => send(roles.reporter, 'report', { ...nothing, ...input })
const reportRefusal = (input: Partial<typeof nothing>) => refusal(roles.reporter, 'report', { ...nothing, ...input })
/** Half of what Alice put in is in seats. */
async function staked(): Promise<bigint> {
  await send(alice, 'deposit', 2_000n * one, alice)
  await send(roles.custodian, 'allocate', 1_000n * one)
  await later(86_400n)
  await report({ seatsNowWei: 1_000n * one, appearedWei: 1_000n * one })
  await later(86_400n)
  return 1_000n * one
}

describe('the vault refuses', () => {
  it('amounts that are nothing, or more than it can count', async () => {
    for (const name of ['deposit', 'mint']) expect(await refusal(alice, name, 0n, alice)).toBe('AmountInvalid')
    expect(await refusal(alice, 'deposit', tooMuch, alice)).toBe('AmountTooLarge')
    for (const amount of [0n, tooMuch]) {
      const reason = amount === 0n ? 'AmountInvalid' : 'AmountTooLarge'
      expect(await refusal(alice, 'receiveRewards', amount)).toBe(reason)
      expect(await refusal(roles.custodian, 'receiveReturns', amount)).toBe(reason)
    }
    expect(await refusal(alice, 'requestBurn', 0n)).toBe('AmountInvalid')
    expect(await refusal(roles.custodian, 'allocate', 0n)).toBe('AmountInvalid')
    expect(await refusal(roles.custodian, 'allocate', 2n * one)).toBe('LimitExceeded')
    await later(1n)
    expect(await reportRefusal({ seatsNowWei: tooMuch })).toBe('AmountTooLarge')
    expect(await reportRefusal({ maxRateE27: tooMuch })).toBe('AmountTooLarge')
    // A share is worth more than a wei once there was a reward.
    await send(alice, 'receiveRewards', one / 1_000n)
    await later(604_800n)
    await report({})
    expect(await refusal(alice, 'deposit', 1n, alice)).toBe('ZeroShares')
  })

  it('to take wei to seats, to enter and to ask while it is paused, and to take wei to seats in the bunker', async () => {
    await send(alice, 'deposit', 10n * one, alice)
    await send(roles.guardian, 'setPaused', true)
    expect(await refusal(roles.custodian, 'allocate', one)).toBe('IsPaused')
    expect(await refusal(alice, 'deposit', one, alice)).toBe('IsPaused')
    expect(await refusal(alice, 'requestRedeem', one, alice, alice)).toBe('IsPaused')
    expect(await read('allocatableWei')).toBe(0n)
    await send(roles.guardian, 'setPaused', false)
    await later(1n)
    await report({ bunker: true })
    expect(await refusal(roles.custodian, 'allocate', one)).toBe('IsPaused')
    expect(await read('allocatableWei')).toBe(0n)
  })

  it('requests that are no request, and reports that pay what is not there', async () => {
    await staked()
    expect(await refusal(alice, 'requestRedeem', 0n, alice, alice)).toBe('AmountInvalid')
    expect(await refusal(alice, 'requestRedeem', 1n, alice, alice)).toBe('RequestTooSmall')
    expect(await refusal(alice, 'requestRedeem', 1_500n * one, alice, alice)).toBe('RequestTooLarge')
    await send(alice, 'requestRedeem', 900n * one, alice, alice)
    await send(alice, 'requestRedeem', 900n * one, alice, alice)
    expect(await refusal(alice, 'transferRequest', 1n, world.vault.address)).toBe('AccountInvalid')
    for (const id of [0n, 3n]) {
      expect(await refusal(alice, 'request', id)).toBe('RequestUnknown')
      expect(await read('pendingRedeemRequest', id, alice)).toBe(0n)
    }
    const seats = { seatsNowWei: await read('seatsWei') }
    const maxRateE27 = await read('rateE27')
    expect(await reportRefusal({ ...seats, lastId: 1n, maxRateE27 })).toBe('RequestTooFresh')
    await later(86_400n)
    expect(await reportRefusal({ ...seats, lastId: 1n, maxRateE27: 0n })).toBe('ZeroShareRate')
    expect(await reportRefusal({ ...seats, lastId: 3n, maxRateE27 })).toBe('RequestUnknown')
    expect(await reportRefusal({ ...seats, lastId: 2n, maxRateE27 })).toBe('InsufficientCash')
    for (const rate of [(maxRateE27 * 98n) / 100n, (maxRateE27 * 102n) / 100n])
      expect(await reportRefusal({ ...seats, lastId: 1n, maxRateE27: rate })).toBe('ShareRateDeviation')
    await report({ ...seats, lastId: 1n, maxRateE27 })
    await later(86_400n)
    expect(await reportRefusal({ ...seats, lastId: 1n, maxRateE27 })).toBe('RequestUnknown')
  })

  it('reports that contradict the books, or move more than is believed', async () => {
    const seats = await staked()
    expect(await reportRefusal({ seatsNowWei: seats, appearedWei: 1n })).toBe('ReportInconsistent')
    expect(await reportRefusal({ seatsNowWei: seats, appearedSeats: 3n })).toBe('SeatsAppearedTooFast')
    expect(await reportRefusal({ seatsNowWei: seats + 100n * one })).toBe('AnnualIncreaseTooHigh')
    expect(await reportRefusal({ seatsNowWei: seats - 200n * one })).toBe('LossTooHigh')
    // Two losses within the cap of a report, and beyond that of 18 days; after these the past does not count.
    await report({ seatsNowWei: seats - 90n * one })
    await later(86_400n)
    await report({ seatsNowWei: seats - 170n * one })
    await later(86_400n)
    expect(await reportRefusal({ seatsNowWei: seats - 250n * one })).toBe('LossTooHigh')
    await later(20n * 86_400n)
    await report({ seatsNowWei: seats - 170n * one })
    await later(86_400n)
    await report({ seatsNowWei: seats - 250n * one })
  })

  it('to sell shares of nothing', async () => {
    const all = await read('totalAssets')
    await send(alice, 'deposit', 9n * all, alice)
    await send(roles.custodian, 'allocate', await read('allocatableWei'))
    await later(86_400n)
    const input = { ...nothing, appearedWei: 10n * all }
    const type = world.vault.abi.find(item => item.type === 'function' && item.name === 'report') as never as {
      inputs: readonly { type: string }[]
    }
    await send(
      roles.guardian,
      'confirmLoss',
      keccak256(encodeAbiParameters([type.inputs[0]!] as never, [input] as never)),
    )
    await report(input)
    expect(await read('totalAssets')).toBe(0n)
    expect([await read('maxDeposit', alice), await read('maxMint', alice)]).toEqual([0n, 0n])
    expect(await refusal(alice, 'deposit', one, alice)).toBe('Insolvent')
    expect(await refusal(alice, 'mint', one, alice)).toBe('Insolvent')
    expect(await refusal(alice, 'requestRedeem', one, alice, alice)).toBe('ZeroAssets')
    // What comes back later is more than the limits of a pool of nothing let in: as in the reducer.
    await send(roles.custodian, 'receiveReturns', all)
    await later(86_400n)
    expect(await reportRefusal({})).toBe('AnnualIncreaseTooHigh')
  })
})
