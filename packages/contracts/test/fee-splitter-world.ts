import { isDeepStrictEqual } from 'node:util'
import { isL2Error } from '@l2/common'
import type { Random } from '@l2/common/testing'
import {
  applyFeeSplitter,
  createFeeSplitter,
  type FeeSplitterCommand,
  type FeeSplitterEvent,
  type FeeSplitterState,
  heldWei,
  type Party,
  promisedWei,
  type RebateTree,
  rebateShares,
  rebateTree,
} from '@l2/sequencer-core/economics'
import {
  type Abi,
  type Address,
  encodeFunctionData,
  getAddress,
  type Hex,
  numberToHex,
  parseEventLogs,
  type TransactionReceipt,
  zeroAddress,
} from 'viem'
import {
  type FeeSplit,
  feeParties,
  feeSplitterAbi,
  feeSplitterDeployment,
  setSplitArgs,
} from '../src/fee-splitter/index.js'
import { oddTokenAbi, oddTokenBytecode } from '../src/testing/odd-token/index.js'
import { receiverAbi, receiverBytecode } from '../src/testing/receiver/index.js'
import { type At, accounts, startAnvil } from './anvil.js'

const [governor, stranger] = accounts
const claimWindowSeconds = 1_000n
const burned: Address = '0x000000000000000000000000000000000000dEaD'
const paidParties = feeParties.filter(party => party !== 'users')
const users: readonly Address[] = Array.from({ length: 6 }, (_, at) =>
  getAddress(`0x${`${at + 1}d`.padStart(40, 'a')}`),
)
const [accept, refuse] = [0, 1]
const [honest, refusing] = [0, 4]
const asAbi = (abi: unknown): Abi => abi as Abi

/** A splitter on an anvil beside its reducer. */
export async function createSplitterWorld(kind: 'ether' | 'token', first: FeeSplit['split'] = { treasury: 10_000 }) {
  const anvil = await startAnvil(900, ['--auto-impersonate', '--base-fee', '0'], { gasPrice: 0n })
  const { client } = anvil
  const request = client.request as (args: { method: string; params: readonly unknown[] }) => Promise<unknown>
  const token = await anvil.deploy({ abi: asAbi(oddTokenAbi), bytecode: oddTokenBytecode }, [2n ** 200n])
  const receivers = {} as Record<Exclude<Party, 'users' | 'burn'>, Address>
  for (const party of paidParties) {
    if (party === 'burn') continue
    receivers[party] = (await anvil.deploy({ abi: asAbi(receiverAbi), bytecode: receiverBytecode })).address
  }
  const asset = kind === 'token' ? token.address : undefined
  let split: FeeSplit = { split: first, receivers, remainderTo: 'treasury' }
  const made = await anvil.mined(
    await client.sendTransaction({
      ...{ account: governor, gas: 20_000_000n, gasPrice: 0n, chain: null },
      data: feeSplitterDeployment({ ...split, asset, governor: governor.address, claimWindowSeconds }),
    }),
  )
  const splitter: At = { address: getAddress(made.contractAddress!), abi: asAbi(feeSplitterAbi) }
  let state = createFeeSplitter({ split: first, remainderTo: 'treasury', claimWindowSeconds })
  let refused: readonly Party[] = []
  const trees: RebateTree[] = []

  const send = async (from: Address, to: Address, data: Hex, value = 0n): Promise<TransactionReceipt> => {
    const fees = { gas: numberToHex(9_000_000), gasPrice: '0x0', value: numberToHex(value) }
    return anvil.mined((await request({ method: 'eth_sendTransaction', params: [{ from, to, data, ...fees }] })) as Hex)
  }
  const call = (functionName: string, args: readonly unknown[]): Hex =>
    encodeFunctionData({ abi: asAbi(feeSplitterAbi), functionName, args })
  const balance = (of: Address): Promise<bigint> =>
    kind === 'ether' ? client.getBalance({ address: of }) : anvil.read<bigint>(token, 'balanceOf', [of])

  /** Which receivers refuse from now on; of a token all or none, because the token itself does it. */
  async function setRefusing(parties: readonly Party[]): Promise<void> {
    refused = parties
    if (kind === 'token') {
      const fault = parties.length > 0 ? refusing : honest
      await anvil.send(token, 'configure', [fault, zeroAddress, '0x'])
      return
    }
    for (const [party, address] of Object.entries(receivers)) {
      const mode = parties.includes(party as Party) ? refuse : accept
      await anvil.send({ address, abi: asAbi(receiverAbi) }, 'configure', [mode, zeroAddress, '0x'])
    }
  }

  function dataOf(command: FeeSplitterCommand): { from: Address; data: Hex } {
    switch (command.type) {
      case 'receive':
        throw new Error('money is sent')
      case 'distribute':
        return { from: stranger.address, data: call('distribute', []) }
      case 'setSplit': {
        split = { ...split, split: command.split, remainderTo: command.remainderTo }
        return { from: governor.address, data: call('setSplit', setSplitArgs(split)) }
      }
      case 'payOwed':
        return { from: stranger.address, data: call('payOwed', [feeParties.indexOf(command.party)]) }
      case 'openRebate':
        return { from: governor.address, data: call('openRebate', [command.root, command.totalWei]) }
      case 'claim': {
        const { rebate, index, account, amountWei, proof } = command
        return { from: stranger.address, data: call('claim', [BigInt(rebate), index, account, amountWei, proof]) }
      }
      case 'endRebate':
        return { from: stranger.address, data: call('endRebate', [BigInt(command.rebate)]) }
    }
  }

  const eventOf = ({ eventName, args }: { eventName: string; args: Record<string, unknown> }): unknown => {
    const byParty = (list: unknown) =>
      Object.fromEntries(feeParties.map((party, at) => [party, (list as readonly unknown[])[at]]))
    switch (eventName) {
      case 'Distributed':
        return { type: 'distributed', amountWei: args['amountWei'], sharesWei: byParty(args['sharesWei']) }
      case 'Paid':
      case 'Refused':
        return { type: eventName.toLowerCase(), party: feeParties[Number(args['party'])], amountWei: args['amountWei'] }
      case 'SplitSet':
        return {
          type: 'splitSet',
          split: byParty(args['shares']),
          remainderTo: feeParties[Number(args['remainderTo'])],
        }
      default:
        return {
          type: eventName[0]!.toLowerCase() + eventName.slice(1),
          ...args,
          rebate: Number(args['rebate']),
        }
    }
  }
  const plain = (event: FeeSplitterEvent): unknown =>
    event.type === 'splitSet'
      ? { ...event, split: Object.fromEntries(feeParties.map(party => [party, event.split[party] ?? 0])) }
      : event

  /** What the contract has that the reducer has not. */
  async function compare(): Promise<void> {
    const read = <T>(name: string, args: readonly unknown[] = []) => anvil.read<T>(splitter, name, args)
    const expected: Record<string, bigint> = {
      undistributedWei: state.undistributedWei,
      usersWei: state.usersWei,
      promisedWei: promisedWei(state),
      held: heldWei(state),
    }
    const names = Object.keys(expected)
    const found = await Promise.all([
      ...names.slice(0, 3).map(name => read<bigint>(name)),
      balance(splitter.address),
      ...paidParties.map((_, at) => read<bigint>('owedWei', [BigInt(at)])),
      ...paidParties.map(party => balance(party === 'burn' ? burned : receivers[party])),
    ])
    const ours = [
      ...names.map(name => expected[name]!),
      ...paidParties.map(party => state.owedWei[party]),
      ...paidParties.map(party => state.paidWei[party]),
    ]
    if (!isDeepStrictEqual(found, ours)) throw new Error('state differs', { cause: { found, ours } })
    const last = state.rebates.length - 1
    if (last < 0) return
    const there = await read<readonly unknown[]>('rebates', [BigInt(last)])
    const { root, totalWei, leftWei, endsAtSeconds } = state.rebates[last]!
    if (!isDeepStrictEqual(there, [root, totalWei, leftWei, endsAtSeconds]))
      throw new Error('a rebate differs', { cause: there })
  }

  /** Both do one command; true when they did it, false when both refused. */
  async function step(command: FeeSplitterCommand): Promise<boolean> {
    if (command.type === 'receive') {
      const { amountWei } = command
      if (kind === 'ether') await send(governor.address, splitter.address, '0x', amountWei)
      else await anvil.send(token, 'transfer', [splitter.address, amountWei])
      state = applyFeeSplitter(state, command).state
      await compare()
      return true
    }
    let next: FeeSplitterState | undefined
    let events: readonly FeeSplitterEvent[] = []
    let reason: unknown
    try {
      ;({ state: next, events } = applyFeeSplitter(state, command))
    } catch (error) {
      if (!isL2Error(error, 'SPLITTER_REFUSED')) throw error
      reason = error.details['reason']
    }
    const before = split
    const { from, data } = dataOf(command)
    if ('atSeconds' in command)
      await request({ method: 'evm_setNextBlockTimestamp', params: [numberToHex(command.atSeconds)] })
    const receipt = await send(from, splitter.address, data)
    if (next === undefined || receipt.status !== 'success') {
      split = before
      const said = await anvil.outcome(splitter.abi, receipt)
      if (said !== (reason ?? 'done')) throw new Error(`${command.type}: ${reason ?? 'done'} here, ${said} there`)
      await compare()
      return false
    }
    state = next
    const theirs = parseEventLogs({ abi: feeSplitterAbi, logs: receipt.logs })
      .filter(({ address }) => getAddress(address) === splitter.address)
      .map(log => eventOf(log as never))
    const drop = ({ receiver: _, receivers: __, ...event }: Record<string, unknown>) => event
    const ours = events.map(plain)
    if (
      !isDeepStrictEqual(
        theirs.map(event => drop(event as Record<string, unknown>)),
        ours,
      )
    )
      throw new Error(`${command.type}: events differ`, { cause: { ours, theirs } })
    await compare()
    return true
  }

  /** The chain's time, a second after its newest block. */
  const now = async (): Promise<bigint> => (await client.getBlock()).timestamp + 1n

  function randomSplit(random: Random): { split: FeeSplit['split']; remainderTo: Party } {
    const left = new Map<Party, number>()
    for (let bps = 10_000; bps > 0; ) {
      const part = random.bool(0.2) ? bps : Math.min(bps, 1 + random.below(4000))
      const party = random.pick(feeParties)
      left.set(party, (left.get(party) ?? 0) + part)
      bps -= part
    }
    return { split: Object.fromEntries(left), remainderTo: random.pick(feeParties) }
  }

  async function randomCommand(random: Random): Promise<FeeSplitterCommand> {
    const amount = () => BigInt(random.below(2 ** 31)) ** BigInt(1 + random.below(2))
    switch (random.below(10)) {
      case 0:
      case 1:
        return { type: 'receive', amountWei: random.bool(0.2) ? BigInt(random.below(30)) : amount() }
      case 2:
      case 3:
        return { type: 'distribute', refusing: refused }
      case 4:
        return { type: 'setSplit', ...randomSplit(random), refusing: refused }
      case 5:
        return { type: 'payOwed', party: random.pick(feeParties), refusing: refused }
      case 6: {
        const some = users.filter(() => random.bool())
        const paid = (some.length > 0 ? some : users).map(user => ({ user, feesPaid: 1n + BigInt(random.below(1000)) }))
        const wish = random.bool(0.8) ? state.usersWei / BigInt(1 + random.below(3)) : state.usersWei + 1n
        const tree = rebateTree(rebateShares(wish > 0n ? wish : 7n, paid))
        // Now and then a tree that promises more than its total.
        const totalWei = random.bool(0.1) ? tree.totalWei / 2n : tree.totalWei
        const command = { type: 'openRebate', root: tree.root, totalWei, atSeconds: await now() } as const
        try {
          applyFeeSplitter(state, command)
          trees.push(tree)
        } catch {}
        return command
      }
      case 7:
      case 8: {
        const rebate = trees.length === 0 ? 0 : Math.max(0, trees.length - 1 - random.below(3))
        const tree = trees[rebate]
        const leaf = tree === undefined ? undefined : random.pick(tree.claims)
        const claim = leaf ?? { index: 0n, account: users[0]!, amountWei: 1n, proof: [] }
        const wrong = random.below(12)
        return {
          ...{ type: 'claim', rebate: wrong === 0 ? trees.length : rebate, atSeconds: await now() },
          ...claim,
          ...(wrong === 1 ? { amountWei: claim.amountWei + 1n } : {}),
          ...(wrong === 2 ? { proof: claim.proof.slice(1) } : {}),
          ...(wrong === 3 ? { account: users[(users.indexOf(claim.account) + 1) % users.length]! } : {}),
        } as FeeSplitterCommand
      }
      default: {
        const rebate = trees.length === 0 ? 0 : random.below(trees.length)
        const end = state.rebates[rebate]?.endsAtSeconds ?? 0n
        const at = await now()
        return { type: 'endRebate', rebate, atSeconds: end > at && random.bool(0.3) ? end : at }
      }
    }
  }

  return {
    ...{ anvil, token, splitter, receivers, governor, stranger },
    state: () => state,
    step,
    compare,
    setRefusing,
    send,
    /** So many random commands to both; how many were done. */
    async life(random: Random, operations: number): Promise<number> {
      let done = 0
      for (let at = 0; at < operations; at++) {
        if (random.bool(0.05)) {
          const some = paidParties.filter(party => party !== 'burn' && random.bool(0.4))
          await setRefusing(kind === 'token' ? (random.bool() ? feeParties : []) : some)
        }
        // Of a token that refuses nobody is paid, users neither: their claims are tried in other tests.
        const command = await randomCommand(random)
        if (kind === 'token' && refused.length > 0 && ['receive', 'claim'].includes(command.type)) continue
        try {
          if (await step(command)) done++
        } catch (error) {
          throw new Error(`command ${at}, ${command.type}: ${(error as Error).message}`, { cause: error })
        }
      }
      await setRefusing([])
      return done
    },
    close: () => anvil.close(),
  }
}

/** A whole life, as one line. */
export async function splitterDifferential(
  random: Random,
  operations: number,
  kind: 'ether' | 'token',
): Promise<string> {
  const world = await createSplitterWorld(kind)
  try {
    return `${await world.life(random, operations)} of ${operations} commands done, 0 differences`
  } finally {
    await world.close()
  }
}
