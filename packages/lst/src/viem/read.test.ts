import {
  createPublicClient,
  custom,
  encodeAbiParameters,
  encodeEventTopics,
  getAddress,
  numberToHex,
  zeroAddress,
} from 'viem'
import { describe, expect, test } from 'vitest'
import { mergeEvents, rewardHistory } from '../feeds/history.js'
import type { Assets, Shares } from '../math/units.js'
import { applyInstantVault, createInstantVault, type InstantVault, instantFace } from '../vault/instant.js'
import { deployments } from './deployments.js'
import { readRewardHistory, readVaultRate, vaultAbi } from './read.js'

const oneMetis = 10n ** 18n
const vault = getAddress(`0x${'5e'.repeat(20)}`)
const alice = getAddress(`0x${'a1'.repeat(20)}`)
const bob = getAddress(`0x${'b0'.repeat(20)}`)

/** A node in a function: JSON-RPC over a vault whose state at every block our own reducer made. */
function node() {
  const states: InstantVault[] = [createInstantVault()]
  const logs: { blockNumber: bigint; from: `0x${string}`; to: `0x${string}`; value: bigint }[] = []
  const at = (block: bigint): InstantVault => states[Math.min(Number(block), states.length - 1)]!
  const next = (change: (state: InstantVault) => InstantVault, from?: `0x${string}`, to?: `0x${string}`): void => {
    const before = states[states.length - 1]!
    const after = change(before)
    if (from !== undefined && to !== undefined) {
      const who = to === zeroAddress ? from : to
      const moved = instantFace.balanceOf(after, who) - instantFace.balanceOf(before, who)
      logs.push({ blockNumber: BigInt(states.length), from, to, value: moved < 0n ? -moved : from === to ? 5n : moved })
    }
    states.push(after)
  }
  let calls = 0
  const request = async ({ method, params }: { method: string; params: unknown[] }): Promise<unknown> => {
    calls += 1
    if (method === 'eth_call') {
      const [{ data }, tag] = params as [{ data: `0x${string}` }, `0x${string}`]
      const state = at(BigInt(tag))
      const word = (value: bigint) => encodeAbiParameters([{ type: 'uint256' }], [value])
      if (data.startsWith('0x01e1d114')) return word(state.assets)
      if (data.startsWith('0x18160ddd')) return word(state.supply)
      return word(instantFace.balanceOf(state, getAddress(`0x${data.slice(-40)}`)))
    }
    if (method === 'eth_getBlockByNumber')
      return { number: params[0], timestamp: numberToHex(BigInt(params[0] as string) * 86_400n), transactions: [] }
    if (method === 'eth_getLogs') {
      const [{ fromBlock, toBlock, topics }] = params as [
        { fromBlock: string; toBlock: string; topics: (string | null)[] },
      ]
      return logs
        .map((log, i) => ({
          log,
          topics: encodeEventTopics({ abi: vaultAbi, eventName: 'Transfer', args: { from: log.from, to: log.to } }),
          i,
        }))
        .filter(
          ({ log, topics: have }) =>
            log.blockNumber >= BigInt(fromBlock) &&
            log.blockNumber <= BigInt(toBlock) &&
            topics.every((t, i) => t === null || t === undefined || t === have[i]),
        )
        .map(({ log, topics: have, i }) => ({
          address: vault,
          topics: have,
          data: encodeAbiParameters([{ type: 'uint256' }], [log.value]),
          blockNumber: numberToHex(log.blockNumber),
          logIndex: numberToHex(i),
          transactionIndex: '0x0',
          transactionHash: `0x${'00'.repeat(32)}`,
          blockHash: `0x${'00'.repeat(32)}`,
          removed: false,
        }))
    }
    throw new Error(`no ${method}`)
  }
  return {
    next,
    states,
    client: createPublicClient({ transport: custom({ request } as never, { retryCount: 0 }) }),
    calls: () => calls,
  }
}

const deposit = (receiver: string, assets: bigint) => (state: InstantVault) =>
  applyInstantVault(state, { type: 'deposit', receiver, assets: assets as Assets }).state
const reward = (assets: bigint) => (state: InstantVault) =>
  applyInstantVault(state, { type: 'addAssets', assets: assets as Assets }).state
const transfer = (from: string, to: string, shares: bigint) => (state: InstantVault) =>
  applyInstantVault(state, { type: 'transfer', from, to, shares: shares as Shares }).state

describe('reading a live vault', () => {
  test('price and history agree with the reducer, in whatever steps they are read', async () => {
    const chain = node()
    chain.next(deposit(alice, 100n * oneMetis), zeroAddress, alice)
    chain.next(reward(10n * oneMetis))
    chain.next(deposit(bob, 50n * oneMetis), zeroAddress, bob)
    chain.next(transfer(alice, bob, 20n * oneMetis), alice, bob)
    chain.next(transfer(alice, alice, 5n), alice, alice)
    chain.next(reward(3n * oneMetis))
    chain.next(
      state => applyInstantVault(state, { type: 'redeem', owner: alice, shares: (10n * oneMetis) as Shares }).state,
      alice,
      zeroAddress,
    )
    const last = BigInt(chain.states.length - 1)
    const end = chain.states.at(-1)!
    const rate = await readVaultRate(chain.client, { address: vault, blockNumber: last })
    expect(rate).toMatchObject({ assets: end.assets, shares: end.supply })
    const range = { address: vault, account: alice, fromBlock: 1n, toBlock: last }
    const { entries, reward: earned } = await readRewardHistory(chain.client, {
      ...range,
      rebaseStep: 1n,
      blockStep: 2n,
    })
    expect(await readRewardHistory(chain.client, { ...range, rebaseStep: 1n })).toEqual({ entries, reward: earned })
    const own = entries.filter(({ type, change }) => type !== 'rebase' || change !== 0n).map(({ type }) => type)
    // A transfer to oneself is no line, and no reward.
    expect(own).toEqual(['submit', 'rebase', 'transferOut', 'rebase', 'withdrawal'])
    expect(entries.at(-1)?.shares).toBe(instantFace.balanceOf(end, alice))
    // 100 of 101 shares in the first reward, 80 of about 147 in the second.
    expect(earned).toBeGreaterThan(11n * oneMetis)
    expect(earned).toBeLessThan(12n * oneMetis)
    expect(entries.reduce((sum, entry) => sum + entry.change, 0n)).toBe(entries.at(-1)?.assets)
  })
  test('a failing node is a typed error that can be tried again, without its address', async () => {
    const client = createPublicClient({
      transport: custom({ request: () => Promise.reject(new Error('down')) } as never, { retryCount: 0 }),
    })
    await expect(readVaultRate(client, { address: vault })).rejects.toMatchObject({
      code: 'READ_FAILED',
      recovery: 'retry',
    })
    await expect(
      readRewardHistory(client, { address: vault, account: alice, fromBlock: 5n, toBlock: 4n }),
    ).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
  test('addresses are addresses', () => {
    expect(new Set(deployments.map(({ address }) => getAddress(address))).size).toBe(deployments.length)
  })
})

describe('mergeEvents and rewardHistory', () => {
  test('order, duplicates and contradictions', () => {
    const event = (blockNumber: bigint, logIndex: number, shares = 1n) => ({
      type: 'transfer' as const,
      blockNumber,
      logIndex,
      from: undefined,
      to: 'a',
      shares,
    })
    expect(mergeEvents([event(2n, 1), event(1n, 5)], [event(1n, 2), event(2n, 1)])).toEqual([
      event(1n, 2),
      event(1n, 5),
      event(2n, 1),
    ])
    expect(() => mergeEvents([event(1n, 1)], [event(1n, 1, 2n)])).toThrow(/two events/)
    const history = (events: ReturnType<typeof event>[]) =>
      rewardHistory({ account: 'a', shares: 0n, totals: { assets: 1n, shares: 1n }, events })
    expect(history([event(1n, 1), event(1n, 2)]).entries).toHaveLength(2)
    expect(() => history([event(1n, 2), event(1n, 1)])).toThrow(/came after/)
    expect(() => history([{ ...event(1n, 1), from: 'a', to: 'b' } as never])).toThrow(/holds 0 shares/)
  })
})
