import { isDeepStrictEqual } from 'node:util'
import { isL2Error } from '@l2/common'
import type { Random } from '@l2/common/testing'
import type { Assets, RateE27, Shares } from '@l2/lst'
import {
  applyRebasing,
  createRebasingPool,
  depositable,
  pooled,
  type RebasingPool,
  rebasingTotals,
  simulatedRate,
} from '@l2/lst/rebasing'
import { checkDrawdown, metisReportLimits, type PastRate, rememberRate } from '@l2/lst/report'
import { claimable, requested, unfinalized } from '@l2/lst/withdrawal'
import {
  type Abi,
  type Address,
  encodeAbiParameters,
  encodeFunctionData,
  getAddress,
  getContractAddress,
  type Hex,
  keccak256,
  numberToHex,
  type TransactionReceipt,
} from 'viem'
import { liquidVaultAbi, liquidVaultDeployment, type VaultReport } from '../src/liquid-vault/index.js'
import { oddTokenAbi, oddTokenBytecode } from '../src/testing/odd-token/index.js'
import { type At, accounts, startAnvil } from './anvil.js'

const one = 10n ** 18n
const at = (name: string): Address => getAddress(`0x${name.padStart(40, '0')}`)
export const roles = { guardian: at('9a'), reporter: at('9b'), custodian: at('9c'), treasury: at('9d') }
export const people = [at('a1'), at('a2'), at('a3'), at('a4')] as const
const seedWei = one
const feeBps = 1_000n
const bounds = { minRequestWei: 100n, maxRequestWei: 1_000n * one }
const reportType = liquidVaultAbi.find(item => item.type === 'function' && item.name === 'report')!.inputs[0]
const asAbi = (abi: unknown): Abi => abi as Abi

type Step = Parameters<typeof applyRebasing>[1]
/** What both are told. `wei` of seats that a report says; a command of the reducer else. */
type Command = Step & { readonly by?: Address; readonly confirmed?: boolean }

/** The reducer's code as the contract calls it. */
const errorNames: Readonly<Record<string, string>> = {
  ZERO_AMOUNT: 'AmountInvalid',
  AMOUNT_OUT_OF_RANGE: 'AmountTooLarge',
  PAUSED: 'IsPaused',
  BALANCE_EXCEEDED: 'ERC20InsufficientBalance',
}
const errorName = (code: string): string =>
  errorNames[code] ??
  code
    .split('_')
    .map(part => part[0] + part.slice(1).toLowerCase())
    .join('')

/** A vault on an anvil beside its reducer. */
export async function createLiquidWorld() {
  const anvil = await startAnvil(900, ['--auto-impersonate', '--base-fee', '0'], { gasPrice: 0n })
  const { client } = anvil
  const request = client.request as (args: { method: string; params: readonly unknown[] }) => Promise<unknown>
  const token = await anvil.deploy({ abi: asAbi(oddTokenAbi), bytecode: oddTokenBytecode }, [0n])
  const send = async (from: Address, to: Address | undefined, data: Hex): Promise<TransactionReceipt> => {
    const params = [{ from, ...(to === undefined ? {} : { to }), data, gas: numberToHex(30_000_000), gasPrice: '0x0' }]
    return anvil.mined((await request({ method: 'eth_sendTransaction', params })) as Hex)
  }
  const call = (abi: unknown, functionName: string, args: readonly unknown[]): Hex =>
    encodeFunctionData({ abi: asAbi(abi), functionName, args })
  /** Everybody has more than is ever moved. */
  const fund = async (who: Address, spender: Address): Promise<void> => {
    await send(roles.guardian, token.address, call(oddTokenAbi, 'rebase', [who, 2n ** 120n]))
    await send(who, token.address, call(oddTokenAbi, 'approve', [spender, 2n ** 250n]))
  }
  const deployer = accounts[0]
  await send(roles.guardian, token.address, call(oddTokenAbi, 'rebase', [deployer.address, 2n ** 120n]))
  // The seed is approved to where the vault will be: after that approval.
  const nonce = BigInt(await client.getTransactionCount({ address: deployer.address })) + 1n
  const address = getContractAddress({ from: deployer.address, nonce })
  await send(deployer.address, token.address, call(oddTokenAbi, 'approve', [address, 2n ** 250n]))
  const deployment = liquidVaultDeployment({ asset: token.address, ...roles, seedWei, ...bounds })
  const made = await send(deployer.address, undefined, deployment)
  if (made.status !== 'success' || getAddress(made.contractAddress!) !== address)
    throw new Error('the vault was not deployed')
  const vault: At = { address, abi: asAbi(liquidVaultAbi) }
  for (const who of [...people, ...Object.values(roles)]) await fund(who, address)
  const started = (await client.getBlock({ blockNumber: made.blockNumber })).timestamp
  const { annualIncreaseBps, maxLossBps, maxDrawdownBps, shareRateDeviationBps, requestMarginSeconds } =
    metisReportLimits
  const { appearedSeatsPerDay } = metisReportLimits
  const limits = {
    ...{ annualIncreaseBps, maxLossBps, maxDrawdownBps, shareRateDeviationBps, requestMarginSeconds },
    appearedSeatsPerDay,
  }
  let state: RebasingPool = createRebasingPool({
    ...{ seed: seedWei, feeRecipients: [{ account: roles.treasury, bps: feeBps }], profitTest: 'highWater', limits },
    ...{
      maxPositiveRebaseE18: 4_794_521_000_000_000n,
      minRequest: bounds.minRequestWei,
      maxRequest: bounds.maxRequestWei,
    },
    nowSeconds: started,
  })
  let rates: readonly PastRate[] = []

  const reportInput = (command: Command & { type: 'report' }): VaultReport => ({
    seatsNowWei: command.seatsNow,
    appearedWei: command.appeared,
    lastId: command.batches?.[0] ?? 0n,
    maxRateE27: command.maxRate ?? 0n,
    appearedSeats: command.appearedSeats ?? 0n,
    bunker: command.bunker ?? false,
  })

  function dataOf(command: Command): { from: Address; data: Hex } | undefined {
    const to = (from: Address, name: string, ...args: readonly unknown[]) => ({
      from,
      data: call(liquidVaultAbi, name, args),
    })
    switch (command.type) {
      case 'submit':
        return {
          from: command.account as Address,
          data: call(liquidVaultAbi, 'deposit', [command.assets, command.account]),
        }
      case 'transferShares':
        return to(command.from as Address, 'transfer', command.to, command.shares)
      case 'requestBurn':
        return to(command.account as Address, 'requestBurn', command.shares)
      case 'allocate':
        return to(roles.custodian, 'allocate', command.assets)
      case 'receiveRewards':
        return to(people[0], 'receiveRewards', command.assets)
      case 'receiveReturns':
        return to(roles.custodian, 'receiveReturns', command.assets)
      case 'requestShares':
        return to(command.account as Address, 'requestRedeem', command.shares, command.account, command.account)
      case 'claim':
        return to(command.account as Address, 'claim', command.id, command.account)
      case 'transferRequest':
        return to(command.from as Address, 'transferRequest', command.id, command.to)
      case 'pause':
        return to(roles.guardian, 'setPaused', command.paused)
      case 'report':
        return to(roles.reporter, 'report', reportInput(command))
      default:
        return undefined
    }
  }

  /** What the reducer, with the memory of rates beside it, makes of a command. */
  function expected(command: Command): { state: RebasingPool; rates: readonly PastRate[] } {
    if (command.type !== 'report')
      return { state: applyRebasing(state, command as never) as never as RebasingPool, rates }
    const { confirmed, ...told } = command
    const { maxLossBps: _, maxDrawdownBps: __, ...without } = limits
    const guarded = confirmed === true ? without : limits
    const applied = applyRebasing({ ...state, limits: guarded }, told as never) as never as {
      state: RebasingPool
      result: { preRate: bigint; postRate: bigint }
    }
    const { preRate, postRate } = applied.result
    const remembered = rememberRate(rates, preRate, told.nowSeconds)
    if (postRate < preRate) checkDrawdown(guarded, remembered, postRate)
    return { state: { ...applied.state, limits }, rates: remembered }
  }

  const shareOf = (who: Address): bigint => state.shares.get(who) ?? 0n

  /** What the contract has that the reducer has not. */
  async function compare(): Promise<void> {
    const read = <T>(name: string, args: readonly unknown[] = []) => anvil.read<T>(vault, name, args)
    const last = state.queue.lastRequestId
    const held = [...people, roles.treasury]
    const names = ['bufferWei', 'transitWei', 'seatsWei', 'rewardsVaultWei', 'returnsVaultWei', 'lockedWei'] as const
    const more = [
      'burnRequested',
      'highRateE27',
      'lastFinalizedId',
      'lastRequestId',
      'totalSupply',
      'totalAssets',
    ] as const
    const theirs = await Promise.all([
      ...[...names, ...more].map(name => read<bigint>(name)),
      read<bigint>('allocatableWei'),
      anvil.read<bigint>(token, 'balanceOf', [address]),
      read<bigint>('balanceOf', [address]),
      ...held.map(who => read<bigint>('balanceOf', [who])),
    ])
    const { buffer, transit, seats, rewardsVault, returnsVault, queue } = state
    const ours = [
      ...[buffer, transit, seats, rewardsVault, returnsVault, queue.locked],
      ...[state.burnRequested, state.highRate, queue.lastFinalizedId, last, state.totalShares, pooled(state)],
      depositable(state),
      // What went to seats is with the custodian.
      buffer + rewardsVault + returnsVault + queue.locked,
      unfinalized(queue).shares + state.burnRequested,
      ...held.map(shareOf),
    ]
    if (!isDeepStrictEqual(theirs, ours)) throw new Error('state differs', { cause: { theirs, ours } })
    if (last === 0n) return
    for (const id of [last, queue.lastFinalizedId].filter(id => id > 0n)) {
      const [assetsWei, shares, controller] = await read<readonly [bigint, bigint, Address]>('request', [id])
      const { assets, shares: given } = requested(queue, id)
      const pays = await read<bigint>('claimableWei', [id])
      const expectedRequest = [assets, given, queue.requests.get(id)!.owner, claimable(queue, id)]
      if (!isDeepStrictEqual([assetsWei, shares, controller, pays], expectedRequest))
        throw new Error(`request ${id} differs`, { cause: [assetsWei, shares, controller, pays, expectedRequest] })
    }
  }

  /** Both do one command; true when they did it, false when both refused. */
  async function step(command: Command): Promise<boolean> {
    const described = dataOf(command)
    if (described === undefined) throw new Error(`${command.type} is no call`)
    let next: ReturnType<typeof expected> | undefined
    let code: string | undefined
    try {
      const done = expected(command)
      next = command.type === 'report' ? done : { state: (done.state as never as { state: RebasingPool }).state, rates }
    } catch (error) {
      if (!isL2Error(error)) throw error
      ;({ code } = error)
    }
    if (command.type === 'report' && command.confirmed === true) {
      const hash = keccak256(encodeAbiParameters([reportType] as never, [reportInput(command)] as never))
      // In the second of the newest block: the clock of the machine would take the time that the report is to have.
      const { timestamp } = await client.getBlock()
      await request({ method: 'evm_setNextBlockTimestamp', params: [numberToHex(timestamp)] })
      await send(roles.guardian, address, call(liquidVaultAbi, 'confirmLoss', [hash]))
    }
    if ('nowSeconds' in command)
      await request({ method: 'evm_setNextBlockTimestamp', params: [numberToHex(command.nowSeconds as bigint)] })
    const receipt = await send(described.from, address, described.data)
    if (next === undefined || receipt.status !== 'success') {
      const said = await anvil.outcome(vault.abi, receipt)
      const wanted = code === undefined ? 'done' : errorName(code)
      if (said !== wanted) throw new Error(`${command.type}: ${wanted} here, ${said} there`)
      await compare()
      return false
    }
    ;({ state, rates } = next)
    await compare()
    return true
  }

  const now = async (): Promise<bigint> => (await client.getBlock()).timestamp

  async function randomCommand(random: Random): Promise<Command> {
    const who = () => random.pick(people)
    const wei = (): Assets =>
      (random.bool(0.15)
        ? BigInt(random.below(200))
        : (BigInt(random.below(2 ** 31)) * one) / BigInt(2 ** (21 + random.below(24)))) as Assets
    const part = (of: bigint): Shares =>
      (random.bool(0.05) ? of + 1n : random.bool(0.1) ? 0n : (of * BigInt(1 + random.below(1000))) / 3000n) as Shares
    const time = (await now()) + 1n
    switch (random.below(16)) {
      case 0:
      case 1:
      case 2:
        return { type: 'submit', account: who(), assets: wei() }
      case 3: {
        const from = who()
        return { type: 'transferShares', from, to: who(), shares: part(shareOf(from)) } as Command
      }
      case 4:
        return { type: 'receiveRewards', assets: (wei() / 100n) as Assets }
      case 5:
        return { type: 'receiveReturns', assets: (wei() / 50n) as Assets }
      case 6:
        return {
          type: 'allocate',
          assets: (random.bool(0.1) ? depositable(state) + 1n : depositable(state) / 2n) as Assets,
        }
      case 7:
      case 8: {
        const account = who()
        return { type: 'requestShares', account, shares: part(shareOf(account)), nowSeconds: time }
      }
      case 9:
      case 10: {
        const { lastFinalizedId, lastRequestId, requests } = state.queue
        const id = random.bool(0.8) ? 1n + BigInt(random.below(Number(lastFinalizedId) + 1)) : lastRequestId + 1n
        const account = random.bool(0.9) ? (requests.get(id)?.owner ?? who()) : who()
        return { type: 'claim', id, account }
      }
      case 11: {
        const id = BigInt(random.below(Number(state.queue.lastRequestId) + 2))
        const from = random.bool(0.8) ? (state.queue.requests.get(id)?.owner ?? who()) : who()
        return { type: 'transferRequest', id, from, to: who() }
      }
      case 12:
        if (random.bool(0.6)) return { type: 'pause', paused: !state.paused && random.bool(0.1) }
        return { type: 'requestBurn', account: who(), shares: part(shareOf(people[1])) }
      default: {
        const elapsedSeconds = BigInt(random.pick([1, 3_600, 86_400, 604_800])) + BigInt(random.below(1000))
        const at = (state.reportedAtSeconds > time ? state.reportedAtSeconds : time) + elapsedSeconds
        const appeared = (
          random.bool(0.05) ? state.transit + 1n : random.bool() ? state.transit : state.transit / 3n
        ) as Assets
        const principal = state.seats + appeared
        const move = random.below(10)
        const seatsNow =
          move < 5
            ? principal
            : move < 8
              ? principal + principal / BigInt(2_000 + random.below(9_000))
              : (principal * BigInt(900 + random.below(101))) / 1000n
        const base = {
          ...{
            type: 'report',
            seatsNow: seatsNow as Assets,
            appeared,
            elapsedSeconds: at - state.reportedAtSeconds,
            nowSeconds: at,
          },
          ...{ appearedSeats: BigInt(random.below(4)), bunker: random.bool(0.05) },
        } as Command & { type: 'report' }
        const confirmed = random.bool(0.15)
        const { lastFinalizedId, lastRequestId } = state.queue
        if (lastRequestId === lastFinalizedId || random.bool(0.3)) return { ...base, confirmed }
        const lastId = lastFinalizedId + 1n + BigInt(random.below(Number(lastRequestId - lastFinalizedId)))
        let rate = rebasingTotals(state).assets
        try {
          rate = simulatedRate({ ...state, limits: {} }, base as never)
        } catch {}
        const maxRate = random.bool(0.8)
          ? rate
          : random.bool(0.1)
            ? 0n
            : (rate * BigInt(980 + random.below(40))) / 1000n
        return { ...base, batches: [lastId], maxRate: maxRate as RateE27, confirmed }
      }
    }
  }

  return {
    ...{ anvil, token, vault, send, step, compare, people, roles, nowSeconds: now },
    call: (name: string, args: readonly unknown[]) => call(liquidVaultAbi, name, args),
    state: () => state,
    /** So many random commands to both; how many of each kind were done. */
    async life(random: Random, operations: number): Promise<Map<string, number>> {
      const done = new Map<string, number>()
      for (let i = 0; i < operations; i++) {
        const command = await randomCommand(random)
        try {
          if (await step(command)) done.set(command.type, (done.get(command.type) ?? 0) + 1)
        } catch (error) {
          throw new Error(`command ${i}, ${command.type}: ${(error as Error).message}`, { cause: error })
        }
      }
      return done
    },
    close: () => anvil.close(),
  }
}

type LiquidWorld = Awaited<ReturnType<typeof createLiquidWorld>>

/** The calls of a suite on the world that it has at the time. */
export function vaultCalls(worldOf: () => LiquidWorld) {
  const request = (method: string, ...params: readonly unknown[]): Promise<unknown> =>
    (worldOf().anvil.client.request as (args: { method: string; params: readonly unknown[] }) => Promise<unknown>)({
      method,
      params,
    })
  return {
    read: <T = bigint>(name: string, ...args: readonly unknown[]) =>
      worldOf().anvil.read<T>(worldOf().vault, name, args),
    /** What must succeed. */
    async send(from: Address, name: string, ...args: readonly unknown[]) {
      const world = worldOf()
      const receipt = await world.send(from, world.vault.address, world.call(name, args))
      if (receipt.status !== 'success') throw new Error(`${name} was refused`)
      return receipt
    },
    refusal: (from: Address, name: string, ...args: readonly unknown[]) =>
      worldOf().anvil.refusal(worldOf().vault, name, args, { from: { address: from, type: 'json-rpc' } as never }),
    async later(seconds: bigint): Promise<void> {
      await request('evm_setNextBlockTimestamp', numberToHex((await worldOf().nowSeconds()) + seconds))
      await request('evm_mine')
    },
    /** Notes what is; the answer takes the world back to it. */
    async snapshot(): Promise<() => Promise<void>> {
      const snapshot = await request('evm_snapshot')
      return async () => void (await request('evm_revert', snapshot))
    },
  }
}

/** A whole life, as one line. */
export async function liquidDifferential(random: Random, operations: number): Promise<string> {
  const world = await createLiquidWorld()
  try {
    const done = await world.life(random, operations)
    return `${[...done].map(([type, count]) => `${count} ${type}`).join(', ')} done of ${operations} commands, 0 differences`
  } finally {
    await world.close()
  }
}
