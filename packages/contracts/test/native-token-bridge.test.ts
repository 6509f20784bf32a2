import { type Abi, type Address, encodeFunctionData, type Hex, parseEther, zeroAddress } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nativeTokenBridgeL1Abi, nativeTokenBridgeL1Bytecode } from '../src/native-token-bridge-l1/index.js'
import { accounts } from './anvil.js'
import { type NativeTokenRollup, startNativeTokenRollup } from './native-token.js'
import {
  executeDeposits,
  l2Messenger,
  outputAt,
  passer,
  propose,
  resolveGame,
  sentMessage,
  withdrawalsOf,
} from './rollup.js'
import { behind, finalitySeconds, proxy } from './settlement.js'
import { stock } from './stock.js'

const [, alice, bob, carol] = accounts
const supply = parseEther('1000000')
const amount = parseEther('1000')
/** What the receivers of the tests do when they are paid or called. */
const [accept, refuse, exhaust, call, forward] = [0, 1, 2, 3, 4]
/** How the token of the tests misbehaves. */
const faults = { none: 0, fee: 1, silent: 2, false: 3, refuse: 4, lie: 5, hook: 6 } as const

let world: NativeTokenRollup
let holders: readonly Address[]
beforeAll(async () => {
  world = await startNativeTokenRollup(supply)
  holders = [alice.address, bob.address, world.receiverL2.address]
  for (const { address } of [alice, bob]) await world.l1.send(world.token, 'transfer', [address, amount * 100n])
})
afterAll(() => world?.close())

const misbehave = (fault: number, target: Address = zeroAddress, data: Hex = '0x') =>
  world.l1.send(world.token, 'configure', [fault, target, data])
const tell = (layer: 'l1' | 'l2', mode: number, target: Address = zeroAddress, data: Hex = '0x') =>
  world[layer].send(layer === 'l1' ? world.receiver : world.receiverL2, 'configure', [mode, target, data])
const owned = (account: Address) => world.l1.read<bigint>(world.token, 'balanceOf', [account])
/** A withdrawal of Alice that is proven and whose game is decided. */
async function ready(to: Address, value: bigint) {
  const { receipt, withdrawal, sent } = await world.withdraw(to, value)
  const game = await world.prove(withdrawal, receipt)
  await world.mature(game)
  return { withdrawal, sent, game }
}
/** The event of the portal says whether the messenger was called without a revert, the messenger whether the message was. */
async function finalised(withdrawal: Parameters<NativeTokenRollup['finalise']>[0]) {
  expect((await world.finalise(withdrawal)).status).toBe('success')
  expect(await world.refusedFinalise(withdrawal)).toMatch(/already been finalized/)
}

describe('an ERC-20 of L1 as the native token of L2', () => {
  it('is locked, native, and released, exactly', async () => {
    await world.expectBooks(0n, holders)
    const { relayed } = await world.deposit(bob.address, amount)
    expect(relayed).toBe(true)
    expect(await world.balance(bob.address)).toBe(amount)
    await world.expectBooks(0n, holders)
    await world.deposit(alice.address, amount * 5n)
    // Native tokens move on L2 as ether does elsewhere.
    const moved = await world.l2.client.sendTransaction({ account: bob, to: alice.address, value: 7n, gasPrice: 0n })
    await world.l2.mined(moved)
    await world.expectBooks(0n, holders)

    const before = await owned(carol.address)
    const { receipt, withdrawal } = await world.withdraw(carol.address, amount)
    await world.expectBooks(amount, holders)
    expect(await world.refusedFinalise(withdrawal)).toMatch(/has not been proven/)
    const game = await world.prove(withdrawal, receipt)
    expect(await world.refusedFinalise(withdrawal)).toMatch(/has not matured/)
    await world.expectBooks(amount, holders)
    await world.mature(game)
    await finalised(withdrawal)
    expect((await owned(carol.address)) - before).toBe(amount)
    await world.expectBooks(0n, holders)
  })

  it('leaves every other door shut', async () => {
    const { l1, l2, bridge, bridgeL2, messenger, portal } = world
    // Ether: through the portal, over the messenger, over the stock bridge.
    expect(await l1.refusal(messenger, 'sendMessage', [alice.address, '0x', 21_000], { value: 1n })).toBe('NoValue')
    const deposit = [alice.address, 1n, 100_000n, false, '0x']
    expect(await l1.refusal(portal, 'depositTransaction', deposit, { value: 1n })).toBe('NoValue')
    const standard = await behind(
      l1,
      await proxy(l1),
      stock('L1StandardBridge'),
      [],
      [messenger.address, world.system.superchain.address, world.system.config.address],
    )
    expect(await l1.refusal(standard, 'bridgeETH', [200_000, '0x'], { value: 1n })).toBe('NoValue')
    // Value over the messenger and the passer of L2.
    expect(await l2.refusal(l2Messenger, 'sendMessage', [alice.address, '0x', 0], { from: alice, value: 1n })).toMatch(
      /cannot send value with custom gas token/,
    )
    expect(
      await l2.refusal(passer, 'initiateWithdrawal', [alice.address, 1n, '0x'], { from: alice, value: 1n }),
    ).not.toBe('not refused')
    // A deposit that orders value moves what its sender has on L2, and mints nothing.
    const before = await world.balance(bob.address)
    const receipt = await l1.send(portal, 'depositTransaction', [bob.address, 5n, 100_000n, false, '0x'], {
      from: alice,
    })
    await executeDeposits(l2, receipt)
    expect((await world.balance(bob.address)) - before).toBe(5n)
    await world.expectBooks(0n, holders)
    // Strangers, called directly and over the messenger.
    expect(await l1.refusal(bridge, 'release', [alice.address, 1n])).toBe('NotTheOtherBridge')
    expect(await l2.refusal(bridgeL2, 'credit', [alice.address, 1n])).toBe('NotTheOtherBridge')
    const forged = await l1.send(messenger, 'sendMessage', [
      bridgeL2.address,
      world.call(bridgeL2, 'credit', [alice.address, 1n]),
      200_000,
    ])
    const sent = sentMessage(forged, messenger)
    await executeDeposits(l2, forged)
    expect(await world.isFailed(l2, sent)).toBe(true)
    await world.replay(l2, sent)
    expect(await world.isRelayed(l2, sent)).toBe(false)
    const back = await l2.send(l2Messenger, 'sendMessage', [
      bridge.address,
      world.call(bridge, 'release', [bob.address, 1n]),
      200_000,
    ])
    const [withdrawal] = withdrawalsOf(back)
    await world.mature(await world.prove(withdrawal!, back))
    await finalised(withdrawal!)
    expect(await world.isFailed(l1, sentMessage(back, l2Messenger))).toBe(true)
    await world.expectBooks(0n, holders)
  })

  it('refuses what cannot be meant', async () => {
    const { l1, l2, bridge, bridgeL2, token } = world
    const from = { from: alice }
    await l1.send(token, 'approve', [bridge.address, supply], from)
    expect(await l1.refusal(bridge, 'deposit', [alice.address, 0n], from)).toBe('NoAmount')
    expect(await l1.refusal(bridge, 'deposit', [zeroAddress, 1n], from)).toBe('BadReceiver')
    expect(await l1.refusal(bridge, 'deposit', [bridgeL2.address, 1n], from)).toBe('BadReceiver')
    expect(await l1.refusal(bridge, 'deposit', [alice.address, supply], from)).toBe('AboveCapacity')
    expect(await l1.refusal(bridge, 'deposit', [alice.address, amount], { from: carol })).toBe('TransferRefused')
    expect(await l2.refusal(bridgeL2, 'withdraw', [alice.address], from)).toBe('NoAmount')
    expect(await l2.refusal(bridgeL2, 'withdraw', [zeroAddress], { ...from, value: 1n })).toBe('BadReceiver')
    expect(await l2.refusal(bridgeL2, 'withdraw', [bridge.address], { ...from, value: 1n })).toBe('BadReceiver')
    // Native tokens of a development genesis: nothing stands behind them, so they do not leave.
    const dev = carol
    const released = await l2.read<bigint>(bridgeL2, 'released')
    await l2.client.setBalance({ address: dev.address, value: supply })
    expect(await l2.refusal(bridgeL2, 'withdraw', [dev.address], { from: dev, value: released + 1n })).toBe(
      'NotReleased',
    )
    await l2.client.setBalance({ address: dev.address, value: 0n })
    expect(await l1.refusal(token, 'approve', [bridge.address, 0n], from)).toBe('not refused')
    await world.expectBooks(0n, holders)
    for (const broken of [0, 1, 2]) {
      const args = [token.address, world.messenger.address, bridgeL2.address, supply].map((value, at) =>
        at === broken ? zeroAddress : value,
      )
      const contract = { abi: nativeTokenBridgeL1Abi as unknown as Abi, bytecode: nativeTokenBridgeL1Bytecode }
      await expect(l1.deploy(contract, args)).rejects.toThrow()
    }
  })

  it('takes no token that moves other than it is told', async () => {
    const { l1, bridge, token } = world
    const from = { from: alice }
    await l1.send(token, 'approve', [bridge.address, amount * 10n], from)
    const deposit = (of: bigint = amount) => l1.refusal(bridge, 'deposit', [alice.address, of], from)
    for (const [fault, reason] of [
      [faults.fee, 'NotExact'],
      [faults.lie, 'NotExact'],
      [faults.false, 'TransferRefused'],
      [faults.refuse, 'TransferRefused'],
    ] as const) {
      await misbehave(fault)
      expect(await deposit()).toBe(reason)
      expect((await l1.attempt(bridge, 'deposit', [alice.address, amount], from)).status).toBe('reverted')
    }
    // The silence of old tokens is not a refusal.
    await misbehave(faults.silent)
    expect(await deposit()).toBe('not refused')
    // A hook that comes back in while the tokens have not moved yet, in the name of an account that could deposit by itself.
    await l1.send(token, 'rebase', [token.address, amount])
    await misbehave(faults.hook, token.address, world.call(token, 'approve', [bridge.address, amount]))
    await l1.send(token, 'transfer', [bob.address, 1n], from)
    expect(await l1.read(token, 'allowance', [token.address, bridge.address])).toBe(amount)
    await misbehave(faults.hook, bridge.address, world.call(bridge, 'deposit', [bob.address, amount]))
    const { relayed } = await world.deposit(alice.address, amount)
    expect(relayed).toBe(true)
    expect(await l1.read(token, 'succeeded')).toBe(false)
    // One that slips tokens in.
    await l1.send(token, 'approve', [bridge.address, amount * 10n], from)
    const slip = encodeFunctionData({ abi: token.abi, functionName: 'rebase', args: [bridge.address, amount * 1000n] })
    await misbehave(faults.hook, token.address, slip)
    expect(await deposit()).toBe('NotExact')
    await misbehave(faults.none)
    // A rebase downward: no deposit until it is whole again. Upward, the surplus stays in the bridge and counts for nothing.
    const held = await owned(bridge.address)
    await l1.send(token, 'rebase', [bridge.address, held - 1n])
    expect(await deposit()).toBe('NotExact')
    await l1.send(token, 'rebase', [bridge.address, held + 1n])
    expect(await deposit()).toBe('not refused')
    await l1.send(token, 'rebase', [bridge.address, held])
    await world.expectBooks(0n, holders)
  })

  it('keeps a credit that its receiver refuses, and pays it once when it is replayed', async () => {
    const { l2, receiverL2 } = world
    for (const mode of [refuse, exhaust] as const) {
      await tell('l2', mode)
      const sent = await world.deposit(receiverL2.address, amount)
      expect(sent.relayed).toBe(false)
      await world.expectBooks(amount, holders)
      // Still refused: it stays where it is.
      await world.replay(l2, sent)
      expect([await world.isFailed(l2, sent), await world.isRelayed(l2, sent)]).toEqual([true, false])
      await world.expectBooks(amount, holders)
      await tell('l2', accept)
      const before = await world.balance(receiverL2.address)
      // Anybody may replay it, and no value may come with it.
      expect((await world.replay(l2, sent, { from: carol })).status).toBe('success')
      expect((await world.balance(receiverL2.address)) - before).toBe(amount)
      expect(await world.replayRefusal(l2, sent)).toMatch(/already been relayed/)
      await world.expectBooks(0n, holders)
    }
  })

  it('pays a receiver that comes back in once', async () => {
    const { l1, l2, receiverL2, bridge, bridgeL2, messenger, token } = world
    // Out of the receipt of the credit it replays the same message, then withdraws what it has just got.
    await tell('l2', refuse)
    const sent = await world.deposit(receiverL2.address, amount)
    await tell('l2', call, l2Messenger.address, world.call(l2Messenger, 'relayMessage', sent.relay))
    const before = await world.balance(receiverL2.address)
    expect((await world.replay(l2, sent)).status).toBe('success')
    expect((await world.balance(receiverL2.address)) - before).toBe(amount)
    expect(await world.replayRefusal(l2, sent)).toMatch(/already been relayed/)
    await world.expectBooks(0n, holders)
    // Out of the receipt of a credit it sends all of it back to L1.
    await tell('l2', forward, bridgeL2.address, world.call(bridgeL2, 'withdraw', [carol.address]))
    await l1.send(token, 'approve', [bridge.address, amount], { from: alice })
    const deposit = await l1.send(bridge, 'deposit', [receiverL2.address, amount], { from: alice })
    const [credited] = await executeDeposits(l2, deposit)
    expect(await l2.read(receiverL2, 'succeeded')).toBe(true)
    expect(await world.isRelayed(l2, sentMessage(deposit, messenger))).toBe(true)
    await world.expectBooks(amount, holders)
    const [withdrawal] = withdrawalsOf(credited!)
    const owns = await owned(carol.address)
    await world.mature(await world.prove(withdrawal!, credited!))
    await finalised(withdrawal!)
    expect((await owned(carol.address)) - owns).toBe(amount)
    await tell('l2', accept)
    await world.expectBooks(0n, holders)
  })

  it('keeps a release that the token refuses, and pays it once when it is replayed', async () => {
    const { l1, messenger } = world
    const { withdrawal, sent } = await ready(carol.address, amount)
    await misbehave(faults.refuse)
    const before = await owned(carol.address)
    await finalised(withdrawal)
    expect(await world.isFailed(l1, sent)).toBe(true)
    await world.expectBooks(amount, holders)
    for (const fault of [faults.lie, faults.false]) {
      await misbehave(fault)
      await world.replay(l1, sent)
      expect(await world.isRelayed(l1, sent)).toBe(false)
    }
    // A token that hands over control replays the same message while it is relayed.
    await misbehave(faults.hook, messenger.address, world.call(messenger, 'relayMessage', sent.relay))
    expect((await world.replay(l1, sent)).status).toBe('success')
    expect((await owned(carol.address)) - before).toBe(amount)
    await misbehave(faults.none)
    expect(await world.replayRefusal(l1, sent)).toMatch(/already been relayed/)
    await world.expectBooks(0n, holders)
  })

  it('pays no more than was locked, whatever L2 says', async () => {
    const { l1, l2, bridge, bridgeL2, token } = world
    const locked = await l1.read<bigint>(bridge, 'locked')
    // Tokens that somebody gave to the bridge do not make it pay more.
    await l1.send(token, 'transfer', [bridge.address, amount], { from: alice })
    // An L2 that lies: its bridge sends what it never got. The vault's code is the attacker's for one transaction.
    const args = [bridge.address, world.call(bridge, 'release', [bob.address, locked + 1n]), 200_000]
    const hash = await l2.client.writeContract({
      ...l2Messenger,
      functionName: 'sendMessage',
      args,
      account: bridgeL2.address,
      gas: 1_000_000n,
      gasPrice: 0n,
    })
    const receipt = await l2.mined(hash)
    const [withdrawal] = withdrawalsOf(receipt)
    await world.mature(await world.prove(withdrawal!, receipt))
    await finalised(withdrawal!)
    expect(await world.isFailed(l1, sentMessage(receipt, l2Messenger))).toBe(true)
    expect(await l1.read(bridge, 'locked')).toBe(locked)
    expect(await owned(bridge.address)).toBe(locked + amount)
    await l1.send(token, 'rebase', [bridge.address, locked])
    await world.expectBooks(0n, holders)
  })

  it('waits through a pause and a blacklisted game, and pays once', async () => {
    const { l1, system } = world
    const { withdrawal, game } = await ready(carol.address, amount)
    const before = await owned(carol.address)
    await l1.send(system.superchain, 'pause', ['drill'])
    expect(await world.refusedFinalise(withdrawal)).toBe('CallPaused')
    await world.expectBooks(amount, holders)
    await l1.send(system.superchain, 'unpause', [])
    await l1.send(world.portal, 'blacklistDisputeGame', [game.at.address])
    expect(await world.refusedFinalise(withdrawal)).toMatch(/blacklisted/)
    // Proven again against another game of a later block.
    await world.l2.client.mine({ blocks: 1 })
    const output = await outputAt(world.l2, await world.l2.client.getBlockNumber())
    const next = await propose(l1, system.factory, output)
    const args = [withdrawal, next.index, output.proof, await output.proofOf(withdrawal)]
    await l1.send(world.portal, 'proveWithdrawalTransaction', args)
    await resolveGame(l1, next)
    await l1.pass(Number(finalitySeconds) + 2)
    await finalised(withdrawal)
    expect((await owned(carol.address)) - before).toBe(amount)
    await world.expectBooks(0n, holders)
  })

  it('is proven anew after a reorganisation of L1 that took the proof away', async () => {
    const { l1 } = world
    const { receipt, withdrawal } = await world.withdraw(carol.address, amount)
    const before = await owned(carol.address)
    const fork = await l1.client.snapshot()
    const lost = await world.prove(withdrawal, receipt)
    await world.mature(lost)
    expect(await world.refusedFinalise(withdrawal)).toBe('not refused')
    await l1.client.revert({ id: fork })
    expect(await world.refusedFinalise(withdrawal)).toMatch(/has not been proven/)
    await l1.client.mine({ blocks: 3 })
    await world.mature(await world.prove(withdrawal, receipt))
    await finalised(withdrawal)
    expect((await owned(carol.address)) - before).toBe(amount)
    await world.expectBooks(0n, holders)
  })

  it('survives a finalisation with too little gas for the message', async () => {
    const { l1, portal } = world
    const { withdrawal, sent } = await ready(carol.address, amount)
    const before = await owned(carol.address)
    // Less than the withdrawal asks for: the portal reverts, and nothing was used up.
    const poor = await l1.attempt(portal, 'finalizeWithdrawalTransaction', [withdrawal], { gas: 450_000n })
    expect(poor.status).toBe('reverted')
    expect(await world.isFailed(l1, sent)).toBe(false)
    await finalised(withdrawal)
    expect((await owned(carol.address)) - before).toBe(amount)
    await world.expectBooks(0n, holders)
  })

  it('asks a long message for the gas that L2 asks for', async () => {
    const { l1, messenger } = world
    const message = (bytes: number): Hex => `0x${'11'.repeat(bytes)}`
    const send = (bytes: number, gas: number) =>
      l1.refusal(messenger, 'sendMessage', [bob.address, message(bytes), gas], { gas: 20_000_000n })
    expect(await send(10_000, 0)).toBe('not refused')
    expect(await send(12_000, 0)).toBe('SmallGasLimit')
    expect(await send(12_000, 100_000)).toBe('not refused')
  })
})
