import { seededRandom, testSeed } from '@l2/common/testing'
import {
  type Abi,
  type AbiItem,
  type Address,
  bytesToHex,
  encodeFunctionData,
  getAddress,
  type Hex,
  type Log,
  numberToHex,
  parseEther,
  parseGwei,
  toFunctionSelector,
} from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { messagePasserAbi, messagePasserDeployedBytecode } from '../src/message-passer/index.js'
import { meteredPortalAbi, meteredPortalBytecode, meteredPortalDeployedBytecode } from '../src/metered-portal/index.js'
import { receiverAbi, receiverBytecode } from '../src/testing/receiver/index.js'
import { type At, accounts, type Chain } from './anvil.js'
import {
  type Game,
  layerOne,
  type Output,
  outputAt,
  passerAddress,
  propose,
  resolveGame,
  startL1,
  startL2,
  type Withdrawal,
  withdrawalsOf,
} from './rollup.js'
import { behind, finalitySeconds, maturitySeconds, proxy } from './settlement.js'
import { stock } from './stock.js'

const [guardian, alice] = accounts
const metered = { abi: meteredPortalAbi as unknown as Abi, bytecode: meteredPortalBytecode }
const passer: At = { address: passerAddress, abi: messagePasserAbi as unknown as Abi }

let l1: Chain
let l2: Chain
let ours: At
let theirs: At
let system: Awaited<ReturnType<typeof layerOne>>
let receiver: At

beforeAll(async () => {
  ;[l1, l2] = await Promise.all([startL1(), startL2()])
  await l2.client.setCode({ address: passerAddress, bytecode: messagePasserDeployedBytecode })
  const portal = async (contract: typeof metered) =>
    behind(
      l1,
      await proxy(l1),
      contract,
      [maturitySeconds, finalitySeconds],
      [system.factory.address, system.config.address, system.superchain.address, 0],
    )
  system = await layerOne(l1, async made => made.messenger)
  theirs = await portal(stock('OptimismPortal2'))
  ours = await portal(metered)
  receiver = await l1.deploy({ abi: receiverAbi as unknown as Abi, bytecode: receiverBytecode })
})
afterAll(() => Promise.all([l1?.close(), l2?.close()]))

/** A log without the portal's own address. */
const plain = (portal: At) => (log: Log) => ({
  from: getAddress(log.address) === portal.address ? 'portal' : log.address,
  topics: log.topics,
  data: log.data,
})

/** Calls both portals in one block and one after the other would be asked: what they refuse with, whether they succeed, what they emit. */
async function both(functionName: string, args: readonly unknown[], from = alice, value = 0n, gas = 9_000_000n) {
  const call = { from, value, gas }
  const reasons = await Promise.all([ours, theirs].map(portal => l1.refusal(portal, functionName, args, call)))
  await l1.client.setAutomine(false)
  const hashes: Hex[] = []
  for (const { address, abi } of [ours, theirs])
    hashes.push(
      await l1.client.sendTransaction({
        account: from,
        to: address,
        value,
        gas,
        data: encodeFunctionData({ abi, functionName, args }),
      }),
    )
  await l1.client.mine({ blocks: 1 })
  await l1.client.setAutomine(true)
  const receipts = await Promise.all(hashes.map(hash => l1.mined(hash)))
  const [a, b] = receipts.map((receipt, index) => ({
    reason: reasons[index],
    status: receipt.status,
    logs: receipt.logs.map(plain([ours, theirs][index]!)),
  }))
  return { ours: a!, theirs: b! }
}

/** The same to both, with the reason where there is one. */
async function same(reason: string, functionName: string, args: readonly unknown[], from = alice) {
  const { ours: a, theirs: b } = await both(functionName, args, from)
  expect(a).toEqual(b)
  expect(a.reason).toBe(reason)
  expect(a.status).toBe(reason === 'not refused' ? 'success' : 'reverted')
  return a
}

const done = 'not refused'
const withdraw = async (target: Address, data: Hex = '0x', gasLimit = 100_000n) => {
  const receipt = await l2.send(passer, 'initiateWithdrawal', [target, gasLimit, data], { from: alice })
  return { withdrawal: withdrawalsOf(receipt)[0]!, output: await outputAt(l2, receipt.blockNumber) }
}
const proveArgs = async (withdrawal: Withdrawal, game: Game, output: Output) => [
  withdrawal,
  game.index,
  output.proof,
  await output.proofOf(withdrawal),
]
/** A withdrawal that both portals can finalise. */
async function ready(
  target: Address,
  data: Hex = '0x',
  gasLimit = 100_000n,
): Promise<{ withdrawal: Withdrawal; game: Game }> {
  const { withdrawal, output } = await withdraw(target, data, gasLimit)
  const game = await propose(l1, system.factory, output)
  await same(done, 'proveWithdrawalTransaction', await proveArgs(withdrawal, game, output))
  await resolveGame(l1, game)
  await l1.pass(Number(finalitySeconds) + 2)
  return { withdrawal, game }
}

describe('the metered portal beside the stock one', () => {
  it('has its functions, events and errors, and fits into what L1 takes', () => {
    const names = (abi: Abi, type: string) =>
      (abi as readonly (AbiItem & { name?: string })[])
        .filter(item => item.type === type)
        .map(item =>
          item.type === 'function'
            ? toFunctionSelector(item)
            : `${item.name}(${'inputs' in item ? item.inputs?.map(({ type }) => type) : ''})`,
        )
        .sort()
    const theirs = stock('OptimismPortal2').abi
    expect(names(metered.abi, 'function')).toEqual(names(theirs, 'function'))
    expect(names(metered.abi, 'event')).toEqual(names(theirs, 'event'))
    // Of the stock errors NonReentrant, OnlyCustomGasToken and others are declared and never thrown.
    for (const error of names(metered.abi, 'error')) expect([...names(theirs, 'error'), 'NoValue()']).toContain(error)
    expect((meteredPortalDeployedBytecode.length - 2) / 2).toBeLessThanOrEqual(24_576)
  })

  it('meters and announces random deposits alike', async () => {
    const random = seededRandom(testSeed())
    const { below, seed } = random
    const hex = (length: number) => bytesToHex(random.bytes(length))
    for (let round = 0; round < 40; round++) {
      const size = below(4) === 0 ? below(130_000) : below(300)
      const minimum = 21_000 + 40 * size
      const gasLimit =
        below(6) === 0 ? below(21_000) : below(5) === 0 ? 5_000_000 + below(16_000_000) : minimum + below(400_000)
      const isCreation = below(4) === 0
      const to = isCreation && below(3) > 0 ? `0x${'0'.repeat(40)}` : hex(20)
      const args = [to, BigInt(below(2 ** 31)) ** 2n, BigInt(gasLimit), isCreation, hex(size)]
      // Where the gas lies between what the two ask for, and only there, they differ.
      const between = gasLimit < minimum && gasLimit >= 21_000 + 16 * size && !(isCreation && !/^0x0+$/.test(to))
      const { ours: a, theirs: b } = await both('depositTransaction', args, alice, 0n, 28_000_000n)
      if (between) expect(a.reason, `seed ${seed}`).toBe('SmallGasLimit')
      else expect(a, `seed ${seed} round ${round}`).toEqual(b)
      if (below(3) === 0) await l1.client.mine({ blocks: 1 + below(5) })
      // The metering sees the same demand only as long as both took the same deposits.
      if (between && b.status === 'success') {
        const one = await l1.read<readonly bigint[]>(theirs, 'params')
        await l1.client.setStorageAt({
          address: ours.address,
          index: 1,
          value: (await l1.client.getStorageAt({ address: theirs.address, slot: '0x1' }))!,
        })
        expect(await l1.read(ours, 'params')).toEqual(one)
      }
      expect(await l1.read(ours, 'params'), `seed ${seed}`).toEqual(await l1.read(theirs, 'params'))
    }
  })

  it('asks for the gas that L2 asks for since EIP-7623, where the stock one takes what fails there', async () => {
    const args = (gasLimit: bigint) => [alice.address, 0n, gasLimit, false, `0x${'11'.repeat(1000)}`]
    const { ours: a, theirs: b } = await both('depositTransaction', args(60_999n))
    expect([a.reason, b.reason]).toEqual(['SmallGasLimit', done])
    await same(done, 'depositTransaction', args(61_000n))
    expect((await both('depositTransaction', args(36_999n))).theirs.reason).toBe('SmallGasLimit')
    // From here on the two have metered another demand.
    await l1.client.mine({ blocks: 100 })
  })

  it('aliases a contract that deposits', async () => {
    const args = [alice.address, 0n, 100_000n, false, '0x1234']
    const logs: ReturnType<ReturnType<typeof plain>>[][] = []
    for (const portal of [ours, theirs]) {
      const data = encodeFunctionData({ abi: portal.abi, functionName: 'depositTransaction', args })
      logs.push(
        (await l1.send(receiver, 'perform', [portal.address, data], { gas: 2_000_000n })).logs.map(plain(portal)),
      )
    }
    expect(logs[0]).toEqual(logs[1])
    expect(BigInt(logs[0]![0]!.topics[1]!)).toBe(BigInt(receiver.address) + 0x1111000000000000000000000000000000001111n)
  })

  it('takes no value in any way, where the stock one does', async () => {
    const before = await l1.client.getBalance({ address: ours.address })
    for (const [name, args] of [
      ['depositTransaction', [alice.address, 1n, 100_000n, false, '0x']],
      ['donateETH', []],
    ] as const) {
      const { ours: a, theirs: b } = await both(name, args, alice, 1n)
      expect([a.reason, a.status]).toEqual(['NoValue', 'reverted'])
      expect([b.reason, b.status]).toEqual([done, 'success'])
    }
    const plainly = (portal: At, value: bigint) =>
      l1.client.sendTransaction({ account: alice, to: portal.address, value, gas: 2_000_000n }).then(l1.mined)
    expect((await plainly(ours, 1n)).status).toBe('reverted')
    const nothing = await plainly(ours, 0n)
    expect(nothing.logs.map(plain(ours))).toEqual((await plainly(theirs, 0n)).logs.map(plain(theirs)))
    expect(await l1.client.getBalance({ address: ours.address })).toBe(before)
    // The passer of L2 refuses it too, and a proof of a withdrawal with value from elsewhere is not taken.
    expect(
      await l2.refusal(passer, 'initiateWithdrawal', [alice.address, 21_000n, '0x'], { from: alice, value: 0n }),
    ).toBe(done)
    await l2.client.setBalance({ address: alice.address, value: 10n })
    expect(
      await l2.refusal(passer, 'initiateWithdrawal', [alice.address, 21_000n, '0x'], { from: alice, value: 1n }),
    ).toBe('NoValue')
    const paid = await l2.client.sendTransaction({
      account: alice,
      to: passerAddress,
      value: 1n,
      gas: 200_000n,
      gasPrice: 0n,
    })
    expect((await l2.mined(paid)).status).toBe('reverted')
    await l2.client.setBalance({ address: alice.address, value: 0n })
    const { withdrawal, output } = await withdraw(alice.address)
    const game = await propose(l1, system.factory, output)
    const [, ...rest] = await proveArgs(withdrawal, game, output)
    expect(await l1.refusal(ours, 'proveWithdrawalTransaction', [{ ...withdrawal, value: 1n }, ...rest])).toBe(
      'NoValue',
    )
  })

  it('proves what is proven, and refuses what is not, in the same words', async () => {
    const { withdrawal, output } = await withdraw(receiver.address)
    const other = await withdraw(receiver.address, '0x01')
    const game = await propose(l1, system.factory, output)
    const lie = await propose(l1, system.factory, { root: `0x${'13'.repeat(32)}`, blockNumber: output.blockNumber })
    const unrespected = await propose(l1, system.factory, output, 1)
    const args = await proveArgs(withdrawal, game, output)
    const [, index, proof, nodes] = args as [Withdrawal, bigint, object, Hex[]]
    const prove = (reason: string, changed: readonly unknown[]) => same(reason, 'proveWithdrawalTransaction', changed)
    await prove('OptimismPortal: invalid output root proof', [withdrawal, lie.index, proof, nodes])
    await prove('OptimismPortal: invalid output root proof', [
      withdrawal,
      index,
      { ...proof, latestBlockhash: output.root },
      nodes,
    ])
    await prove('OptimismPortal: invalid game type', [withdrawal, unrespected.index, proof, nodes])
    // No such game: the factory's array has no such place.
    expect((await both('proveWithdrawalTransaction', [withdrawal, 10n ** 9n, proof, nodes])).ours).toMatchObject({
      status: 'reverted',
    })
    // Another withdrawal, one of a later block, a changed one, and proofs that are cut, mixed up or damaged.
    for (const [changed, with_] of [
      [other.withdrawal, nodes],
      [{ ...withdrawal, gasLimit: 1n }, nodes],
      [{ ...withdrawal, sender: receiver.address }, nodes],
      [withdrawal, nodes.slice(1)],
      [withdrawal, []],
      [withdrawal, [...nodes].reverse().concat('0x80')],
      [withdrawal, nodes.map(node => `${node.slice(0, -2)}00` as Hex)],
      [withdrawal, nodes.map(() => '0x' as Hex)],
    ] as const) {
      const { ours: a, theirs: b } = await both('proveWithdrawalTransaction', [changed, index, proof, with_])
      expect(a).toEqual(b)
      expect(a.status).toBe('reverted')
    }
    const proven = await prove(done, args)
    expect(proven.logs).toHaveLength(2)
    // Once more, by the same and by another account.
    await prove(done, args)
    await same(done, 'proveWithdrawalTransaction', args, guardian)
    for (const portal of [ours, theirs]) {
      const at = await withdraw(portal.address)
      const against = await propose(l1, system.factory, at.output)
      expect(
        await l1.refusal(portal, 'proveWithdrawalTransaction', await proveArgs(at.withdrawal, against, at.output)),
      ).toBe('OptimismPortal: you cannot send messages to the portal contract')
    }
  })

  it('finalises once, not early, and whatever the target does', async () => {
    const { withdrawal, output } = await withdraw(receiver.address, '0xfeedbeef')
    const game = await propose(l1, system.factory, output)
    const finalise = (reason: string, from = alice, of = withdrawal) =>
      same(reason, 'finalizeWithdrawalTransaction', [of], from)
    await finalise('OptimismPortal: withdrawal has not been proven by proof submitter address yet')
    await same(done, 'proveWithdrawalTransaction', await proveArgs(withdrawal, game, output))
    await finalise('OptimismPortal: proven withdrawal has not matured yet')
    await l1.pass(Number(maturitySeconds) + 1)
    await finalise('OptimismPortal: output proposal has not been validated')
    await resolveGame(l1, game)
    await finalise('OptimismPortal: output proposal in air-gap')
    await l1.pass(Number(finalitySeconds) + 1)
    await finalise('OptimismPortal: withdrawal has not been proven by proof submitter address yet', guardian)
    const before = await l1.read<bigint>(receiver, 'calls')
    // Anybody may finalise with the proof of who submitted one.
    await same(done, 'finalizeWithdrawalTransactionExternalProof', [withdrawal, alice.address], guardian)
    expect(await l1.read(receiver, 'calls')).toBe(before + 2n)
    await finalise('OptimismPortal: withdrawal has already been finalized')

    // Targets that revert or use up their gas are finalised as failed, and never called again.
    for (const mode of [1, 2]) {
      const at = await ready(receiver.address, '0x01')
      await l1.send(receiver, 'configure', [mode, receiver.address, '0x'])
      const { logs } = await finalise(done, alice, at.withdrawal)
      expect(logs.at(-1)!.data).toBe(`0x${'0'.repeat(64)}`)
      await l1.send(receiver, 'configure', [0, receiver.address, '0x'])
      await finalise('OptimismPortal: withdrawal has already been finalized', alice, at.withdrawal)
    }

    // Too little gas for what the withdrawal asks: nothing happens, and it can be tried again.
    const hungry = await ready(receiver.address, '0x02', 500_000n)
    const { ours: a, theirs: b } = await both('finalizeWithdrawalTransaction', [hungry.withdrawal], alice, 0n, 400_000n)
    expect([a.status, b.status]).toEqual(['reverted', 'reverted'])
    await finalise(done, alice, hungry.withdrawal)
  })

  it('lets no target come back in', async () => {
    const [first, second] = [await ready(receiver.address), await ready(receiver.address)]
    for (const portal of [ours, theirs]) {
      const from = { from: alice }
      for (const [outer, inner] of [
        [first, second],
        [second, second],
      ] as const) {
        const args = [inner.withdrawal, alice.address]
        const functionName = 'finalizeWithdrawalTransactionExternalProof'
        const data = encodeFunctionData({ abi: portal.abi, functionName, args })
        await l1.send(receiver, 'configure', [3, portal.address, data])
        const before = await l1.read<bigint>(receiver, 'calls')
        await l1.send(portal, 'finalizeWithdrawalTransaction', [outer.withdrawal], from)
        expect([await l1.read(receiver, 'succeeded'), await l1.read(receiver, 'calls')]).toEqual([false, before + 1n])
        expect(await l1.refusal(portal, 'finalizeWithdrawalTransaction', [outer.withdrawal], from)).toMatch(
          /already been finalized/,
        )
      }
    }
    await l1.send(receiver, 'configure', [0, receiver.address, '0x'])
  })

  it('counts every delay to the second', async () => {
    /** Finalises in a block of that time: whether the two did. */
    const finaliseAt = async (seconds: bigint, withdrawal: Withdrawal) => {
      await l1.client.setNextBlockTimestamp({ timestamp: seconds })
      const { ours: a, theirs: b } = await both('finalizeWithdrawalTransaction', [withdrawal])
      expect((await l1.client.getBlock()).timestamp).toBe(seconds)
      expect(a.status).toBe(b.status)
      return a.status
    }
    const now = async () => (await l1.client.getBlock()).timestamp
    // Proven after its game was decided: the maturity of the proof is what is waited for.
    const proven = await withdraw(receiver.address)
    const decided = await propose(l1, system.factory, proven.output)
    await resolveGame(l1, decided)
    await l1.pass(Number(finalitySeconds) + 2)
    await same(done, 'proveWithdrawalTransaction', await proveArgs(proven.withdrawal, decided, proven.output))
    const at = await now()
    expect(await finaliseAt(at + maturitySeconds, proven.withdrawal)).toBe('reverted')
    expect(await finaliseAt(at + maturitySeconds + 1n, proven.withdrawal)).toBe('success')
    // Proven before: the air gap behind the decision is.
    const early = await withdraw(receiver.address)
    const game = await propose(l1, system.factory, early.output)
    await same(done, 'proveWithdrawalTransaction', await proveArgs(early.withdrawal, game, early.output))
    await resolveGame(l1, game)
    const resolved = await l1.read<bigint>(game.at, 'resolvedAt')
    expect(await finaliseAt(resolved + finalitySeconds, early.withdrawal)).toBe('reverted')
    expect(await finaliseAt(resolved + finalitySeconds + 1n, early.withdrawal)).toBe('success')
  })

  it('does not finalise what was proven in the very block of its game', async () => {
    const { withdrawal, output } = await withdraw(receiver.address)
    const index = await l1.read<bigint>(system.factory, 'gameCount')
    const args = [withdrawal, index, output.proof, await output.proofOf(withdrawal)]
    const extra = numberToHex(output.blockNumber, { size: 32 })
    await l1.client.setAutomine(false)
    const create = await l1.client.writeContract({
      ...system.factory,
      functionName: 'create',
      args: [0, output.root, extra],
      account: guardian,
      value: parseEther('0.08'),
      gas: 2_000_000n,
      // Before the others in the block.
      maxFeePerGas: parseGwei('100'),
      maxPriorityFeePerGas: parseGwei('50'),
    })
    const hashes: Hex[] = [create]
    for (const portal of [ours, theirs])
      hashes.push(
        await l1.client.writeContract({
          ...portal,
          functionName: 'proveWithdrawalTransaction',
          args,
          account: alice,
          gas: 2_000_000n,
        }),
      )
    await l1.client.mine({ blocks: 1 })
    await l1.client.setAutomine(true)
    const receipts = await Promise.all(hashes.map(hash => l1.mined(hash)))
    expect(receipts.map(({ status }) => status)).toEqual(['success', 'success', 'success'])
    const [address] = await l1.read<[Address]>(system.factory, 'games', [0, output.root, extra])
    await resolveGame(l1, { at: { address, abi: stock('FaultDisputeGame').abi }, index, root: output.root })
    await l1.pass(Number(finalitySeconds) + 2)
    await same(
      'OptimismPortal: withdrawal timestamp less than dispute game creation timestamp',
      'finalizeWithdrawalTransaction',
      [withdrawal],
    )
    // Proven once more it goes its way.
    await same(done, 'proveWithdrawalTransaction', args)
    await l1.pass(Number(maturitySeconds) + 2)
    await same(done, 'finalizeWithdrawalTransaction', [withdrawal])
  })

  it('stops for the guardian: pause, blacklist, retired games', async () => {
    const { withdrawal, game } = await ready(receiver.address)
    const next = await withdraw(receiver.address)
    const nextGame = await propose(l1, system.factory, next.output)
    const nextArgs = await proveArgs(next.withdrawal, nextGame, next.output)
    await same('Unauthorized', 'blacklistDisputeGame', [game.at.address])
    await same('Unauthorized', 'setRespectedGameType', [1])

    await l1.send(system.superchain, 'pause', ['test'])
    await same('CallPaused', 'finalizeWithdrawalTransaction', [withdrawal])
    await same('CallPaused', 'proveWithdrawalTransaction', nextArgs)
    await same(done, 'depositTransaction', [alice.address, 0n, 100_000n, false, '0x'])
    await l1.send(system.superchain, 'unpause', [])

    await same(done, 'blacklistDisputeGame', [game.at.address], guardian)
    await same('OptimismPortal: dispute game has been blacklisted', 'finalizeWithdrawalTransaction', [withdrawal])
    await same(done, 'proveWithdrawalTransaction', nextArgs)
    await resolveGame(l1, nextGame)
    await l1.pass(Number(finalitySeconds) + 2)
    // Another type, and back: every game from before is retired.
    await same(done, 'setRespectedGameType', [1], guardian)
    await same('OptimismPortal: invalid game type', 'finalizeWithdrawalTransaction', [next.withdrawal])
    await same(done, 'setRespectedGameType', [0], guardian)
    await same(
      'OptimismPortal: dispute game created before respected game type was updated',
      'finalizeWithdrawalTransaction',
      [next.withdrawal],
    )
    // A new game of the type that counts brings both home.
    await l2.client.mine({ blocks: 1 })
    const output = await outputAt(l2, await l2.client.getBlockNumber())
    const last = await propose(l1, system.factory, output)
    for (const of of [withdrawal, next.withdrawal])
      await same(done, 'proveWithdrawalTransaction', await proveArgs(of, last, output))
    await resolveGame(l1, last)
    await l1.pass(Number(finalitySeconds) + 2)
    for (const of of [withdrawal, next.withdrawal]) await same(done, 'finalizeWithdrawalTransaction', [of])
  })

  it('does not finalise against a root that was disputed', async () => {
    const { withdrawal, output } = await withdraw(receiver.address)
    const game = await propose(l1, system.factory, output)
    await same(done, 'proveWithdrawalTransaction', await proveArgs(withdrawal, game, output))
    const bond = await l1.read<bigint>(game.at, 'getRequiredBond', [2n])
    await l1.send(game.at, 'attack', [game.root, 0n, `0x${'77'.repeat(32)}`], { value: bond })
    await resolveGame(l1, game)
    await l1.pass(Number(finalitySeconds) + 2)
    await same('OptimismPortal: output proposal has not been validated', 'finalizeWithdrawalTransaction', [withdrawal])
    await same(
      'OptimismPortal: cannot prove against invalid dispute games',
      'proveWithdrawalTransaction',
      await proveArgs(withdrawal, game, output),
    )
  })

  it('is initialised once, and its implementation never', async () => {
    const args = [system.factory.address, system.config.address, system.superchain.address, 0]
    await same('Initializable: contract is already initialized', 'initialize', args)
    const bare = await l1.deploy(metered, [maturitySeconds, finalitySeconds])
    expect(await l1.refusal(bare, 'initialize', args)).toBe('Initializable: contract is already initialized')
    for (const name of [
      'proofMaturityDelaySeconds',
      'disputeGameFinalityDelaySeconds',
      'guardian',
      'paused',
      'l2Sender',
      'respectedGameType',
      'disputeGameFactory',
      'systemConfig',
      'superchainConfig',
    ])
      expect(await l1.read(ours, name), name).toEqual(await l1.read(theirs, name))
  })
})
