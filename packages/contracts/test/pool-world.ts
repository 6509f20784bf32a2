import { isDeepStrictEqual } from 'node:util'
import { isL2Error } from '@l2/common'
import type { Random } from '@l2/common/testing'
import {
  applyPool,
  createPool,
  delegationOf,
  offenceKinds,
  type PoolCommand,
  type PoolOptions,
  type PoolState,
  type SequencerPoolEvent,
} from '@l2/staking'
import { poolHash } from '@l2/staking/pool'
import { preparePoolCall } from '@l2/staking/viem'
import {
  type Abi,
  type Address,
  decodeFunctionResult,
  encodeFunctionData,
  type Hex,
  numberToHex,
  parseEventLogs,
  type TransactionReceipt,
  zeroAddress,
} from 'viem'
import { l1PoolCommands, type PoolLog } from '../../control-chain/src/stake/l1-commands.js'
import { account, admin, createSimulation } from '../../staking/test/pool-simulation.js'
import { create2Deployer, sequencerPoolAbi, sequencerPoolDeployment } from '../src/sequencer-pool/index.js'
import { oddTokenAbi, oddTokenBytecode } from '../src/testing/odd-token/index.js'
import { poolLensAbi, poolLensBytecode } from '../src/testing/pool-lens/index.js'
import { startAnvil } from './anvil.js'

const stages = ['none', 'pending', 'executed', 'vetoed']
const statuses = ['none', 'queued', 'active', 'exiting', 'exited']
const reasons = ['none', 'unknown', 'duplicate', 'blocks', 'epoch', 'unweighed', 'budget']
const treasury: Address = `0x${'7e'.repeat(20)}`
const nobody: Address = '0x000000000000000000000000000000000000dEaD'

/** The data of the call that a command of the reducer is, or undefined for what no call can say. */
function dataOf(command: PoolCommand, state: PoolState): Hex | undefined {
  if (command.type === 'submitRewards' && command.endEpoch < 0n) return undefined
  if (command.type === 'admitOffence' && command.offence.offenceEpoch < 0n) return undefined
  const dated = command.type === 'accrueBlock' ? { ...command, epoch: command.epoch ?? state.epoch } : command
  return encodeFunctionData(preparePoolCall(zeroAddress, dated))
}

/** Moments as the contract's events name them, and as the reducer's do. */
const momentNames = new Map(
  ['claimableAt', 'dueAt', 'executableAt', 'until'].map(name => [name, `${name}Seconds`] as const),
)

/** A name of an enumeration as its number, an address in lower case, a number as a bigint: one form for both sides. */
function plain(value: unknown): unknown {
  if (typeof value === 'number') return BigInt(value)
  if (typeof value === 'boolean') return value
  if (typeof value === 'string') {
    if (value.startsWith('0x')) return value.toLowerCase()
    const lists: readonly (readonly string[])[] = [offenceKinds, stages, reasons]
    for (const list of lists) if (list.includes(value)) return BigInt(list.indexOf(value))
    return value
  }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [momentNames.get(key) ?? key, plain(item)]))
  }
  return value
}

/** The reducer's code as the contract calls it. */
const errorName = (code: string): string =>
  code
    .split('_')
    .map(part => part[0] + part.slice(1).toLowerCase())
    .join('')

/** All of a state that the lens reads, in its order. */
function flatOf(state: PoolState, delegators: readonly Address[], cases: readonly Hex[]): bigint[] {
  const { ledger } = state
  const list: bigint[] = [
    ...[state.activeWei, state.jailedWei, BigInt(state.seats), BigInt(state.nextId)],
    ...[state.rewardPerBlockWei, state.paused ? 1n : 0n, state.epoch, BigInt(state.queue.length)],
    ...[ledger.depositedWei, ledger.fundedWei, ledger.budgetWei, ledger.burntWei, ledger.treasuryWei],
    ledger.paidOutWei,
  ]
  for (let id = 1; id < state.nextId; id++) {
    const seat = state.sequencers.get(id)!
    const { delegated, commissions, keys } = seat
    const commission = [...commissions].reverse().find(({ fromEpoch }) => fromEpoch <= state.epoch) ?? commissions[0]!
    list.push(
      ...[BigInt(seat.owner), BigInt(statuses.indexOf(seat.status)), seat.tombstoned ? 1n : 0n],
      ...[BigInt(seat.openCases), BigInt(seat.rewardRecipient ?? 0), BigInt(keys[keys.length - 1]!.signer)],
      ...[seat.jailedUntilSeconds, seat.nonce, seat.activationEpoch, BigInt(seat.strikes)],
      ...[BigInt(commission.bps), seat.amountWei],
      seat.unlocking.reduce((sum, entry) => sum + entry.amountWei, 0n),
      ...[seat.rewardWei, delegated.wei, delegated.redeemingWei, delegated.rewardWei, BigInt(seat.caseIds.length)],
    )
    for (const entry of seat.unlocking)
      list.push(entry.amountWei, entry.initialWei, entry.startedEpoch, entry.claimableAtSeconds)
    for (const delegator of delegators) {
      const held = delegationOf(state, id, delegator)
      if (held.shares + held.redeemingShares + held.rewardWei === 0n) continue
      list.push(held.shares, held.assetsWei, held.redeemingShares, held.redeemingWei, held.rewardWei, BigInt(delegator))
    }
  }
  for (const evidenceId of cases) {
    const open = state.cases.get(evidenceId)
    if (open === undefined) list.push(0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n)
    else
      list.push(
        ...[BigInt(stages.indexOf(open.status)), open.executableAtSeconds, open.stakeWei, open.totalWei],
        ...[open.ownWei, open.correlatedWei, BigInt(open.reporter ?? 0), open.stakeEpoch],
      )
  }
  return list
}

/** A pool on an anvil beside its reducer. */
export async function createPoolWorld(options: Omit<PoolOptions, 'admin'>) {
  const anvil = await startAnvil(900, ['--auto-impersonate', '--base-fee', '0'], { gasPrice: 0n })
  const { client } = anvil
  const request = client.request as (args: { method: string; params: readonly unknown[] }) => Promise<unknown>
  const send = async (transaction: { from: Address; to?: Address; data: Hex }): Promise<TransactionReceipt> => {
    const hash = (await request({
      method: 'eth_sendTransaction',
      params: [{ ...transaction, gas: numberToHex(30_000_000), gasPrice: '0x0' }],
    })) as Hex
    return anvil.mined(hash)
  }
  const token = await anvil.deploy({ abi: oddTokenAbi as unknown as Abi, bytecode: oddTokenBytecode }, [0n])
  const lens = await anvil.deploy({ abi: poolLensAbi as unknown as Abi, bytecode: poolLensBytecode })
  const { config } = createPool({ admin, ...options })
  const deployment = sequencerPoolDeployment({
    ...config,
    token: token.address,
    treasury,
    paidByBatches: config.rewardSource === 'batches',
    minDelegationWei: 1n,
  })
  for (const { data } of deployment.libraries) await send({ from: admin, to: create2Deployer, data })
  const made = await send({ from: admin, data: deployment.data })
  if (made.status !== 'success' || !made.contractAddress) throw new Error('the pool was not deployed')
  const pool = made.contractAddress
  const { timestamp } = await client.getBlock({ blockNumber: made.blockNumber })
  const approved = new Set<Address>()
  let state = createPool({ admin, ...options }, timestamp)
  const first = state
  const told: PoolLog[] = []
  const cases = new Set<Hex>()

  async function approve(sender: Address): Promise<void> {
    if (approved.has(sender)) return
    approved.add(sender)
    // In the second of the newest block: the clock of the machine would take the time that a command is to have.
    const { timestamp } = await client.getBlock()
    const atOnce = async (from: Address, data: Hex): Promise<void> => {
      await request({ method: 'evm_setNextBlockTimestamp', params: [numberToHex(timestamp)] })
      await send({ from, to: token.address, data })
    }
    await atOnce(admin, encodeFunctionData({ abi: oddTokenAbi, functionName: 'rebase', args: [sender, 2n ** 127n] }))
    await atOnce(sender, encodeFunctionData({ abi: oddTokenAbi, functionName: 'approve', args: [pool, 2n ** 255n] }))
  }

  const call = async (to: Address, abi: Abi, functionName: string, args: readonly unknown[]): Promise<unknown> =>
    decodeFunctionResult({
      abi,
      functionName,
      data: (await request({
        method: 'eth_call',
        params: [{ to, data: encodeFunctionData({ abi, functionName, args }), gas: numberToHex(2n ** 40n) }, 'latest'],
      })) as Hex,
    })

  /** What the contract says that differs from the reducer: the whole state, and that the tokens are there. */
  async function compare(delegators: readonly Address[]): Promise<void> {
    const open = [...cases].slice(-12)
    const theirs = (await call(lens.address, poolLensAbi as unknown as Abi, 'read', [
      pool,
      delegators,
      open,
    ])) as bigint[]
    const ours = flatOf(state, delegators, open)
    const at = ours.findIndex((value, index) => value !== theirs[index])
    if (at >= 0 || ours.length !== theirs.length) {
      throw new Error(
        `state differs at ${at} of ${ours.length}/${theirs.length}: ${ours[at]} here, ${theirs[at]} there`,
      )
    }
    const owes = await Promise.all(
      [treasury, nobody, ...delegators].map(who => call(pool, sequencerPoolAbi as unknown as Abi, 'owedWei', [who])),
    )
    const balance = (await call(token.address, oddTokenAbi as unknown as Abi, 'balanceOf', [pool])) as bigint
    const { depositedWei, fundedWei, paidOutWei, burntWei, treasuryWei } = state.ledger
    const held = depositedWei + fundedWei - paidOutWei
    const [treasuryOwed, burntOwed, ...reporters] = owes as [bigint, bigint, ...bigint[]]
    const reportersOwed = reporters.reduce((sum, wei) => sum + wei, 0n)
    if (treasuryOwed !== treasuryWei || burntOwed !== burntWei) throw new Error('the treasury is owed another sum')
    if (balance !== held + reportersOwed) throw new Error(`the pool holds ${balance} wei, the books ${held}`)
  }

  /** Both do one command; true when they did it, false when both refused. */
  async function step(command: PoolCommand): Promise<boolean> {
    const data = dataOf(command, state)
    if (data === undefined) return false
    let expected: { events: SequencerPoolEvent[] } | { code: string }
    let next = state
    try {
      const applied = applyPool(state, command)
      next = applied.state
      expected = applied
    } catch (error) {
      if (!isL2Error(error)) throw error
      expected = { code: error.code }
    }
    await approve(command.by)
    await request({ method: 'evm_setNextBlockTimestamp', params: [numberToHex(command.atSeconds)] })
    const receipt = await send({ from: command.by, to: pool, data })
    if ('code' in expected) {
      const said = await anvil.outcome(sequencerPoolAbi as unknown as Abi, receipt)
      if (said !== errorName(expected.code)) throw new Error(`${command.type}: ${expected.code} here, ${said} there`)
      return false
    }
    if (receipt.status !== 'success') {
      throw new Error(
        `${command.type}: done here, ${await anvil.outcome(sequencerPoolAbi as unknown as Abi, receipt)} there`,
      )
    }
    state = next
    if (command.type === 'admitOffence') cases.add(command.offence.evidenceId)
    const logs = parseEventLogs({ abi: sequencerPoolAbi, logs: receipt.logs }).filter(
      ({ address }) => address.toLowerCase() === pool.toLowerCase(),
    )
    told.push(
      ...receipt.logs.map(({ address, topics, data: words }) => ({
        address,
        topics,
        data: words,
        timestamp: command.atSeconds,
      })),
    )
    const said = logs.filter(({ eventName }) => eventName !== 'Told')
    const theirs = said.map(({ eventName, args: fields }) => plain({ type: eventName, ...fields }))
    const ours = expected.events.map(plain)
    if (!isDeepStrictEqual(sorted(ours), sorted(theirs))) {
      throw new Error(`${command.type}: events differ`, { cause: { ours, theirs } })
    }
    return true
  }

  /** What the contract's logs say it was told leads a pool of before to the same state. */
  function replay(): void {
    const commands = l1PoolCommands(told, { address: pool, operator: admin })
    const replayed = commands.reduce((at, command) => applyPool(at, command).state, first)
    if (poolHash(replayed) !== poolHash(state)) throw new Error('its logs lead to another state')
  }

  return {
    anvil,
    replay,
    pool,
    token: token.address,
    step,
    compare,
    get state() {
      return state
    },
    atSeconds: timestamp,
    close: () => anvil.close(),
  }
}

const sorted = (events: unknown[]): unknown[] =>
  events.map(event => Object.entries(event as object).sort(([a], [b]) => (a < b ? -1 : 1)))

/** Windows in which a random run sees every one of them open and close. */
const shortWindows = {
  exitDelaySeconds: 3n * 86_400n,
  evidenceMaxAgeSeconds: 129_600n,
  vetoWindowSeconds: 43_200n,
  correlationSettleSeconds: 43_200n,
  correlationWindowSeconds: 86_400n,
  disputeWindowSeconds: 86_400n,
  maxPauseSeconds: 43_200n,
  commissionNoticeSeconds: 86_400n,
}

/** What the simulation leaves out: rewards of named epochs, downtime of many at once, recipients. */
function varied(command: PoolCommand, random: Random, state: PoolState): PoolCommand {
  const epoch = (): bigint => {
    const past = state.epoch - BigInt(random.below(4))
    return past < 0n ? 0n : past
  }
  if (command.type === 'accrueBlock' && random.bool(0.3)) return { ...command, epoch: epoch() }
  if (command.type === 'lock' && random.bool(0.3)) return { ...command, rewardRecipient: command.signer }
  if (command.type === 'submitRewards') {
    const entries = command.entries.map(entry => (random.bool() ? entry : { ...entry, epoch: epoch() }))
    return { ...command, entries }
  }
  if (command.type === 'admitOffence') {
    // By the hour, so that several faults are of one time.
    const offenceAtSeconds = ((command.atSeconds - BigInt(random.below(129_600))) / 3600n) * 3600n
    const excessOfflineBps = command.offence.kind === 'DOWNTIME' && random.bool() ? random.below(10_001) : 0
    return { ...command, offence: { ...command.offence, offenceAtSeconds, excessOfflineBps } }
  }
  if (command.type === 'pauseCase')
    return { ...command, seconds: 1n + (command.seconds % shortWindows.maxPauseSeconds) }
  if (command.type === 'setPaused' && random.bool(0.8)) return { ...command, paused: false }
  return command
}

/** Whether the reducer does it. */
function isDone(state: PoolState, command: PoolCommand): boolean {
  try {
    applyPool(state, command)
    return true
  } catch (error) {
    if (isL2Error(error)) return false
    throw error
  }
}

/**
 * Random commands go to both; the whole state is compared after every step, to the wei. One in eight may be refused, with
 * the same code on both sides. The line says what happened.
 */
export async function poolDifferential(
  random: Random,
  operations: number,
  options: Omit<PoolOptions, 'admin'>,
): Promise<string> {
  const [owners, delegatorCount] = [7, 6]
  const delegators = Array.from({ length: delegatorCount }, (_, i) => account(10_000 + i))
  const world = await createPoolWorld({ windows: shortWindows, ...options })
  try {
    const simulation = createSimulation(random, {
      owners,
      delegators: delegatorCount,
      faults: 0.15,
      from: world.atSeconds + 1_000n,
    })
    const done = new Map<string, number>()
    let refused = 0
    let last = 0n
    const draw = (): PoolCommand => {
      const command = simulation.next(world.state)
      // Every block has its own second, and now and then hours pass.
      command.atSeconds = command.atSeconds + skipped > last ? command.atSeconds + skipped : last + 1n
      return varied(command, random, world.state)
    }
    let skipped = 0n
    for (let i = 0; i < operations; i++) {
      if (random.bool(0.1)) skipped += BigInt(random.below(14_400))
      let command = draw()
      for (let tries = 0; random.bool(0.98) && tries < 40 && !isDone(world.state, command); tries++) command = draw()
      last = command.atSeconds
      try {
        if (await world.step(command)) done.set(command.type, (done.get(command.type) ?? 0) + 1)
        else refused++
        await world.compare(delegators)
      } catch (error) {
        throw new Error(`step ${i}, ${JSON.stringify(command, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}`, {
          cause: error,
        })
      }
    }
    world.replay()
    const kinds = [...done].sort(([, a], [, b]) => b - a).map(([type, count]) => `${type} ${count}`)
    return `${operations} commands, ${refused} refused, ${world.state.nextId - 1} seats; done ${kinds.join(', ')}`
  } finally {
    await world.close()
  }
}
