import { runs, seededRandom, testSeed } from '@l2/common/testing'
import { receiverAbi } from '@l2/contracts/testing/receiver'
import {
  type Abi,
  type Address,
  encodeFunctionData,
  keccak256,
  parseEther,
  stringToHex,
  type TransactionReceipt,
} from 'viem'
import { getWithdrawals } from 'viem/op-stack'
import { describe, expect, it } from 'vitest'
import { devnetSettlementWindows, predeploys } from '../src/index.js'
import {
  batcher,
  type Call,
  friend,
  type Game,
  liar,
  type Message,
  type MoneyWorld,
  openMoneyWorld,
  owner,
  user,
} from './money-world.js'
import { oneLeafState, type PortalWithdrawal } from './one-leaf.js'

// Money that lives at random, on an anvil and the embedded engine: after each step what the contracts of both layers say is held
// against a ledger of the test's own, to the wei.

const { proofMaturitySeconds, disputeFinalitySeconds } = devnetSettlementWindows
const refuse = { l1: 4, l2: 1 } as const
/** Everything that happens in a long life. */
const happenings = (
  'deposit done,deposit failed,deposit refused,transfer,withdrawal,proof too early,proven,withdrawal done,' +
  'withdrawal failed,replay on L1 done,replay on L1 failed,replay on L2 done,replay on L2 failed,' +
  'second replay on L1,second replay on L2,true game attacked,false game lost'
).split(',')
const vaults = ['sequencerFeeVault', 'baseFeeVault', 'l1FeeVault', 'operatorFeeVault'] as const

/** Money that was sent and may not have arrived. */
type Deposit = { amount: bigint; to: Address; receipt: TransactionReceipt; state: 'sent' | 'failed' | 'done' }
type Exit = {
  amount: bigint
  withdrawal: PortalWithdrawal
  receipt: TransactionReceipt
  state: 'sent' | 'proven' | 'failed' | 'done'
}

/** The world, and what the test knows of it. */
async function openLife(world: MoneyWorld, seed: number) {
  const random = seededRandom(seed)
  const { l1, at, send, sendL2, read, readL2, onL2 } = world
  const deposits: Deposit[] = []
  const exits: Exit[] = []
  const counts: Record<string, number> = {}
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1
  }
  const upTo = (max: bigint) => (random.bool(0.1) ? 1n : 1n + (BigInt(random.uint32()) * max) / 2n ** 32n)
  const sum = (of: readonly { amount: bigint }[]) => of.reduce((total, { amount }) => total + amount, 0n)
  const isPaid = async (messenger: typeof at.messenger, { hash }: Message, layer: typeof read) =>
    layer<boolean>({ ...messenger, functionName: 'successfulMessages', args: [hash] })
  const { messageOf } = world
  const deposit = async (to: Address, amount: bigint) => {
    const receipt = await send({ ...at.bridge, functionName: 'deposit', args: [to, amount] })
    deposits.push({ amount, to, receipt, state: 'sent' })
  }
  for (const { address } of [user, friend]) await deposit(address, parseEther('100'))
  const receiver = await world.deployReceiver()
  let receiverRefuses = false
  let tokenRefuses = false
  let newest: Game | undefined

  /** Whatever was deposited is executed on L2, and arrives unless its receiver refuses. */
  const arrived = async () => {
    for (const entry of deposits.filter(({ state }) => state === 'sent')) {
      const executed = await onL2.getTransactionReceipt({ hash: world.depositOnL2(entry.receipt) })
      expect(executed.status).toBe('success')
      entry.state = receiverRefuses && entry.to === receiver ? 'failed' : 'done'
      count(`deposit ${entry.state}`)
      expect(await isPaid(at.messengerL2, messageOf(entry.receipt), readL2)).toBe(entry.state === 'done')
    }
  }
  const follow = async () => {
    await world.l2.catchUp()
    await arrived()
  }
  await arrived()

  const seen = { l1: 0n, l2: 0n, inFlight: 0n }
  /** What is on its way by the events of both sides; what was read before is not read again. */
  const readEvents = async (): Promise<bigint> => {
    const to = { l1: await l1.client.getBlockNumber({ cacheTime: 0 }), l2: world.l2.head().number }
    const read = async (client: typeof l1.client, side: typeof at.bridge, fromBlock: bigint, toBlock: bigint) =>
      fromBlock > toBlock
        ? []
        : ((await client.getContractEvents({ ...side, fromBlock, toBlock, strict: true })) as unknown as {
            eventName: string
            args: { amount: bigint }
          }[])
    const events = await Promise.all([
      read(l1.client, at.bridge, seen.l1, to.l1),
      read(onL2 as never, at.bridgeL2, seen.l2, to.l2),
    ])
    for (const { eventName, args } of events.flat())
      seen.inFlight += eventName === 'Deposited' || eventName === 'Withdrawn' ? args.amount : -args.amount
    Object.assign(seen, { l1: to.l1 + 1n, l2: to.l2 + 1n })
    return seen.inFlight
  }

  const checkBooks = async () => {
    const pending = [...deposits, ...exits].filter(({ state }) => state !== 'done')
    const locked = sum(deposits) - sum(exits.filter(({ state }) => state === 'done'))
    const books = await world.books()
    const holders = [user.address, friend.address, receiver, ...vaults.map(name => predeploys[name])]
    const native = await Promise.all(holders.map(address => onL2.getBalance({ address })))
    const paid = await read<bigint>({ ...at.token, functionName: 'balanceOf', args: [batcher.address] })
    const events = await readEvents()
    expect({
      ...books,
      native: native.reduce((total, wei) => total + wei, 0n),
      paid,
      events,
    }).toEqual({
      ...{ lockedWei: locked, heldWei: locked, inFlightWei: sum(pending) },
      ...{ releasedWei: locked - sum(pending), outOfVaultWei: locked - sum(pending), native: locked - sum(pending) },
      paid: sum(exits.filter(({ state }) => state === 'done')),
      events: sum(pending),
      isExact: true,
    })
  }
  return {
    ...{ random, deposits, exits, counts, count, upTo, receiver, follow, arrived, deposit, messageOf, checkBooks },
    /** Whether a receiver, or the token, refuses from now on. */
    async moods() {
      // What refuses comes to its senses soon.
      if (receiverRefuses === tokenRefuses ? random.bool(0.6) : receiverRefuses || random.bool(0.3)) {
        await follow()
        receiverRefuses = !receiverRefuses
        const args = [receiverRefuses ? refuse.l2 : 0, at.token.address, '0x']
        await sendL2({ address: receiver, abi: receiverAbi as unknown as Abi, functionName: 'configure', args })
      } else {
        tokenRefuses = !tokenRefuses
        const args = [tokenRefuses ? refuse.l1 : 0, at.token.address, '0x']
        await send({ ...at.token, functionName: 'configure', args })
      }
    },
    /** The newest true game, until a newer one is told. */
    lastGame(game?: Game): Game | undefined {
      if (game !== undefined) newest = game
      return newest
    },
    refuses: () => ({ receiver: receiverRefuses, token: tokenRefuses }),
    isPaidOnL1: (message: Message) => isPaid(at.messenger, message, read),
    isPaidOnL2: (message: Message) => isPaid(at.messengerL2, message, readL2),
  }
}

type Life = Awaited<ReturnType<typeof openLife>>

/** As the portal takes it. */
const bare = ({ nonce, sender, target, value, gasLimit, data }: PortalWithdrawal): PortalWithdrawal => ({
  ...{ nonce, sender, target, value, gasLimit, data },
})
const finalise = (world: MoneyWorld, withdrawal: PortalWithdrawal) => {
  const args = [bare(withdrawal)]
  return { ...world.at.portal, functionName: 'finalizeWithdrawalTransaction', args } as const
}

/** A true root is proposed, perhaps attacked and defended, and every withdrawal that waits is proven against it; too early to be paid. */
async function prove(world: MoneyWorld, life: Life) {
  const waiting = life.exits.filter(({ state }) => state === 'sent').slice(0, 4)
  await life.follow()
  const output = (await world.l2.outputs.at(world.l2.head().number))!
  const older = life.lastGame()
  const game = await world.propose(output.root, output.number, owner)
  life.lastGame(game)
  if (life.random.bool(0.4)) {
    await world.attack(game, 0, keccak256(stringToHex('a lie')), liar)
    await world.attack(game, 1, keccak256(stringToHex('the truth below')), owner)
    life.count('true game attacked')
  }
  const proofOf = async (exit: Exit, by: Game): Promise<Call> => {
    const proof = await world.onL2.buildProveWithdrawal({
      ...{ account: user, game: by, withdrawal: exit.withdrawal },
    } as never)
    const { l2OutputIndex, outputRootProof, withdrawalProof } = proof as unknown as Record<string, unknown>
    const args = [bare(exit.withdrawal), l2OutputIndex, outputRootProof, withdrawalProof]
    return { ...world.at.portal, functionName: 'proveWithdrawalTransaction', args }
  }
  for (const exit of waiting) {
    expect(await world.portalRefusal(finalise(world, exit.withdrawal))).toBe('not-proven')
    if (older !== undefined && older.l2BlockNumber < exit.receipt.blockNumber) {
      expect(await world.portalRefusal(await proofOf(exit, older))).toBe('wrong-proof')
      life.count('proof too early')
    }
    await world.send(await proofOf(exit, game))
    exit.state = 'proven'
    expect(await world.portalRefusal(finalise(world, exit.withdrawal))).toBe('too-early')
    life.count('proven')
  }
  await life.checkBooks()
  expect(await world.decide(game)).toBe('defender-wins')
}

/** Every withdrawal that is proven is finalised, once. */
async function settle(world: MoneyWorld, life: Life) {
  await world.l1.pass(Number(proofMaturitySeconds + disputeFinalitySeconds) + 1)
  for (const exit of life.exits.filter(({ state }) => state === 'proven')) {
    await world.send({ ...finalise(world, exit.withdrawal) })
    exit.state = life.refuses().token ? 'failed' : 'done'
    life.count(`withdrawal ${exit.state}`)
    expect(await life.isPaidOnL1(life.messageOf(exit.receipt))).toBe(exit.state === 'done')
    expect(await world.portalRefusal(finalise(world, exit.withdrawal))).toBe('already-finalised')
    await life.checkBooks()
  }
}

/** What failed, or has arrived, is relayed again: it is paid when nobody refuses any more, and never twice. */
async function replay(world: MoneyWorld, life: Life) {
  const { token, receiver } = life.refuses()
  await life.follow()
  const exit = life.random.pick([
    ...life.exits.filter(({ state }) => state === 'failed' || state === 'done'),
    undefined,
  ])
  if (exit !== undefined) {
    const { relay } = life.messageOf(exit.receipt)
    const call = { ...world.at.messenger, functionName: 'relayMessage', args: relay } as const
    if (exit.state === 'done') {
      // Which of the two depends on whether it had failed before it was paid.
      expect(await world.refusal(call)).toMatch(/message (cannot be replayed|has already been relayed)/)
      life.count('second replay on L1')
    } else {
      await world.attempt(call, 1_000_000n)
      if (!token) exit.state = 'done'
      life.count(`replay on L1 ${exit.state}`)
    }
  }
  const deposit = life.random.pick([...life.deposits.filter(({ state }) => state === 'failed'), life.deposits[0]!])
  const message = life.messageOf(deposit.receipt)
  const call = { ...world.at.messengerL2, functionName: 'relayMessage', args: message.relay } as const
  const { status } = await world.sendL2(call, friend)
  if (deposit.state === 'done') expect(status).toBe('reverted')
  else if (!receiver) deposit.state = 'done'
  expect(await life.isPaidOnL2(message)).toBe(deposit.state === 'done')
  life.count(status === 'reverted' ? 'second replay on L2' : `replay on L2 ${deposit.state}`)
}

/** Somebody claims a state of L2 in which everything that is locked was withdrawn by them, proves that, and is attacked: they lose, and get nothing. */
async function steal(world: MoneyWorld, life: Life, round: number) {
  const { lockedWei } = await world.books()
  const { at } = world
  const release = encodeFunctionData({ ...at.bridge, functionName: 'release', args: [liar.address, lockedWei] })
  const relay = [2n ** 240n + BigInt(round), at.bridgeL2.address, at.bridge.address, 0n, 200_000n, release]
  const withdrawal = {
    nonce: 2n ** 240n + 2n ** 64n + BigInt(round),
    sender: at.messengerL2.address,
    target: at.messenger.address,
    ...{ value: 0n, gasLimit: 1_000_000n },
    data: encodeFunctionData({ ...at.messenger, functionName: 'relayMessage', args: relay }),
  }
  const { root, outputRootProof, withdrawalProof } = oneLeafState(withdrawal, `a state ${round}`)
  await life.follow()
  const game = await world.propose(root, world.l2.head().number, liar)
  const args = [withdrawal, game.index, outputRootProof, withdrawalProof]
  const call = { ...at.portal, functionName: 'proveWithdrawalTransaction', args } as const
  await world.send(call, liar)
  await world.attack(game, 0, keccak256(stringToHex('the truth')), owner)
  expect(await world.decide(game)).toBe('challenger-wins')
  await world.l1.pass(Number(proofMaturitySeconds + disputeFinalitySeconds) + 1)
  expect(await world.portalRefusal(finalise(world, withdrawal), liar)).toBe('game-not-won')
  expect(await world.portalRefusal(call, liar)).toBe('game-lost')
  life.count('false game lost')
}

/** One step of a life. */
async function live(world: MoneyWorld, life: Life, round: number) {
  const { random, upTo, receiver } = life
  const { at, sendL2, onL2 } = world
  const lot = random.below(100)
  if (lot < 22) {
    if (life.refuses().token) {
      const args = [user.address, 1n]
      expect(await world.refusal({ ...at.bridge, functionName: 'deposit', args })).toMatch(/TransferRefused/)
      life.count('deposit refused')
    } else await life.deposit(random.pick([user.address, friend.address, receiver, receiver]), upTo(parseEther('1000')))
  } else if (lot < 32) {
    const value = upTo((await onL2.getBalance(user)) / 10n)
    await world.minedL2(await world.walletL2(user).sendTransaction({ to: friend.address, value } as never))
    await life.arrived()
    life.count('transfer')
  } else if (lot < 52) {
    const amount = upTo((await onL2.getBalance(user)) / 3n)
    const call = { ...at.bridgeL2, functionName: 'withdraw', args: [batcher.address], value: amount } as const
    const receipt = await sendL2(call)
    await life.arrived()
    expect(receipt.status).toBe('success')
    life.exits.push({ amount, receipt, withdrawal: getWithdrawals(receipt)[0]!, state: 'sent' })
    life.count('withdrawal')
  } else if (lot < 64) await life.moods()
  else if (lot < 72) await prove(world, life)
  else if (lot < 82) await settle(world, life)
  else if (lot < 96) await replay(world, life)
  else await steal(world, life, round)
}

describe('the life of money, at random', () => {
  const steps = runs({ suite: 25, soak: 1_000 })
  it('locked is held, and what is locked is released or on its way, after each step', {
    timeout: 3_600_000,
  }, async () => {
    const seed = testSeed(19)
    const world = await openMoneyWorld()
    try {
      const life = await openLife(world, seed)
      await life.checkBooks()
      for (let round = 0; round < steps; round++) {
        const before = JSON.stringify(life.counts)
        try {
          await live(world, life, round)
          await life.checkBooks()
        } catch (error) {
          throw new Error(`seed ${seed}, step ${round}, after ${before}`, { cause: error })
        }
      }
      // At the end everybody is paid what waits for them.
      for (const name of ['receiver', 'token'] as const) while (life.refuses()[name]) await life.moods()
      await prove(world, life)
      await steal(world, life, steps)
      await settle(world, life)
      await replay(world, life)
      await life.checkBooks()
      // In a long life everything happens.
      if (steps >= 500) expect(Object.keys(life.counts).sort()).toEqual(happenings.sort())
    } finally {
      await world.close()
    }
  })
})
