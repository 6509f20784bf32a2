import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import {
  type Abi,
  type Address,
  encodeFunctionData,
  type Hex,
  keccak256,
  pad,
  stringToHex,
  type TransactionReceipt,
  toHex,
} from 'viem'
import { withImmutables } from '../src/index.js'
import { l1BlockDeployedBytecode } from '../src/l1-block/index.js'
import { messagePasserDeployedBytecode } from '../src/message-passer/index.js'
import { meteredPortalAbi, meteredPortalBytecode } from '../src/metered-portal/index.js'
import { nativeTokenBridgeL1Abi, nativeTokenBridgeL1Bytecode } from '../src/native-token-bridge-l1/index.js'
import {
  nativeTokenBridgeL2Abi,
  nativeTokenBridgeL2DeployedBytecode,
  nativeTokenBridgeL2Immutables,
} from '../src/native-token-bridge-l2/index.js'
import { oddTokenAbi, oddTokenBytecode } from '../src/testing/odd-token/index.js'
import { receiverAbi, receiverBytecode, receiverDeployedBytecode } from '../src/testing/receiver/index.js'
import { type At, accounts, type Chain } from './anvil.js'
import {
  executeDeposits,
  type Game,
  l1BlockAddress,
  l2Messenger,
  l2MessengerAddress,
  layerOne,
  outputAt,
  passerAddress,
  propose,
  resolveGame,
  sentMessage,
  startL1,
  startL2,
  type Withdrawal,
  withdrawalsOf,
} from './rollup.js'
import { behind, finalitySeconds, maturitySeconds, proxy } from './settlement.js'
import { stock } from './stock.js'

const bridgeL2Address: Address = '0x4200000000000000000000000000000000001000'
/** Where a genesis says the native token: one below the hash of the name. */
const gasTokenSlots = ['gaspayingtoken', 'gaspayingtokenname', 'gaspayingtokensymbol'].map(name =>
  toHex(BigInt(keccak256(stringToHex(`opstack.${name}`))) - 1n, { size: 32 }),
)

/** What moves by the messengers of either layer, by what became of it. */
export type Sent = { hash: Hex; relay: readonly unknown[] }

/** A rollup whose native token is an ERC-20 of L1: two chains, the stock contracts, and ours where they are needed. */
export async function startNativeTokenRollup(supply: bigint) {
  const [l1, l2] = await Promise.all([startL1(), startL2()])
  const token: At = await l1.deploy({ abi: oddTokenAbi as unknown as Abi, bytecode: oddTokenBytecode }, [supply])
  const system = await layerOne(l1, async ({ factory, config, superchain, messenger }) => {
    const contract = { abi: meteredPortalAbi as unknown as Abi, bytecode: meteredPortalBytecode }
    const portal = await behind(
      l1,
      await proxy(l1),
      contract,
      [maturitySeconds, finalitySeconds],
      [factory.address, config.address, superchain.address, 0],
    )
    const addresses = [superchain.address, portal.address, config.address]
    await behind(l1, messenger, stock('L1CrossDomainMessenger'), [], addresses)
    return portal
  })
  const messenger: At = { address: system.messenger.address, abi: stock('L1CrossDomainMessenger').abi }
  const bridge = await l1.deploy(
    { abi: nativeTokenBridgeL1Abi as unknown as Abi, bytecode: nativeTokenBridgeL1Bytecode },
    [token.address, messenger.address, bridgeL2Address, supply],
  )
  const receiver = await l1.deploy({ abi: receiverAbi as unknown as Abi, bytecode: receiverBytecode })

  const bridgeL2: At = { address: bridgeL2Address, abi: nativeTokenBridgeL2Abi as unknown as Abi }
  const receiverL2: At = { address: '0x00000000000000000000000000000000000b0b01', abi: receiverAbi as unknown as Abi }
  const code = withImmutables(nativeTokenBridgeL2DeployedBytecode, nativeTokenBridgeL2Immutables, {
    otherBridge: bridge.address,
  })
  for (const [address, bytecode] of [
    [passerAddress, messagePasserDeployedBytecode],
    [l1BlockAddress, l1BlockDeployedBytecode],
    [l2MessengerAddress, stock('L2CrossDomainMessenger').deployedBytecode],
    [bridgeL2Address, code],
    [receiverL2.address, receiverDeployedBytecode],
  ] as const)
    await l2.client.setCode({ address, bytecode })
  await l2.client.setBalance({ address: bridgeL2Address, value: supply })
  const words = [
    `0x12${token.address.slice(2)}`,
    stringToHex('Metis', { size: 32 }),
    stringToHex('METIS', { size: 32 }),
  ]
  for (const [index, slot] of gasTokenSlots.entries())
    await l2.client.setStorageAt({ address: l1BlockAddress, index: slot, value: pad(words[index] as Hex) })
  await l2.send(l2Messenger, 'initialize', [messenger.address])

  const balance = (address: Address) => l2.client.getBalance({ address })
  const failed = (chain: Chain, at: At, { hash }: Sent) => chain.read<boolean>(at, 'failedMessages', [hash])
  const succeeded = (chain: Chain, at: At, { hash }: Sent) => chain.read<boolean>(at, 'successfulMessages', [hash])

  return {
    ...{ l1, l2, system, token, bridge, bridgeL2, receiver, receiverL2, messenger, supply, balance },
    portal: system.portal,

    /** What is locked, and what of it is out on L2; `inFlight` is what the test knows to be on its way, in either direction. */
    async expectBooks(inFlight: bigint, holders: readonly Address[]) {
      const [locked, held, released, left, ...owned] = await Promise.all([
        l1.read<bigint>(bridge, 'locked'),
        l1.read<bigint>(token, 'balanceOf', [bridge.address]),
        l2.read<bigint>(bridgeL2, 'released'),
        balance(bridgeL2Address),
        ...holders.map(balance),
      ])
      const sum = owned.reduce((sum, value) => sum + value, 0n)
      deepStrictEqual({ locked, released, sum }, { locked: held, released: locked - inFlight, sum: released })
      strictEqual(supply - left, released)
    },

    /** Locks tokens and does on L2 what derivation does: the message, and whether it was relayed. */
    async deposit(to: Address, amount: bigint, from = accounts[1]): Promise<Sent & { relayed: boolean }> {
      await l1.send(token, 'approve', [bridge.address, amount], { from })
      const receipt = await l1.send(bridge, 'deposit', [to, amount], { from })
      const sent = sentMessage(receipt, messenger)
      await executeDeposits(l2, receipt)
      const relayed = await succeeded(l2, l2Messenger, sent)
      strictEqual(await failed(l2, l2Messenger, sent), !relayed)
      return { ...sent, relayed }
    },
    /** Relays a message of L2 again that failed there. */
    replay: (chain: Chain, sent: Sent, call = {}) =>
      chain.attempt(chain === l2 ? l2Messenger : messenger, 'relayMessage', sent.relay, call),
    replayRefusal: (chain: Chain, sent: Sent) =>
      chain.refusal(chain === l2 ? l2Messenger : messenger, 'relayMessage', sent.relay),
    isFailed: (chain: Chain, sent: Sent) => failed(chain, chain === l2 ? l2Messenger : messenger, sent),
    isRelayed: (chain: Chain, sent: Sent) => succeeded(chain, chain === l2 ? l2Messenger : messenger, sent),

    /** Takes native tokens back on L2. */
    async withdraw(to: Address, value: bigint, from = accounts[1]) {
      const receipt = await l2.send(bridgeL2, 'withdraw', [to], { value, from })
      return { receipt, withdrawal: withdrawalsOf(receipt)[0]!, sent: sentMessage(receipt, l2Messenger) }
    },
    /** Proves a withdrawal of L2 against a new game of its block. */
    async prove(withdrawal: Withdrawal, { blockNumber }: Pick<TransactionReceipt, 'blockNumber'>): Promise<Game> {
      const output = await outputAt(l2, blockNumber)
      const game = await propose(l1, system.factory, output)
      const args = [withdrawal, game.index, output.proof, await output.proofOf(withdrawal)]
      await l1.send(system.portal, 'proveWithdrawalTransaction', args)
      return game
    },
    /** Decides the game and waits until the withdrawal can be finalised. */
    async mature(game: Game) {
      await resolveGame(l1, game)
      await l1.pass(Number(finalitySeconds) + 2)
    },
    finalise: (withdrawal: Withdrawal) => l1.send(system.portal, 'finalizeWithdrawalTransaction', [withdrawal]),
    refusedFinalise: (withdrawal: Withdrawal) =>
      l1.refusal(system.portal, 'finalizeWithdrawalTransaction', [withdrawal]),
    call: (at: At, functionName: string, args: readonly unknown[]) =>
      encodeFunctionData({ abi: at.abi, functionName, args }),
    close: () => Promise.all([l1.close(), l2.close()]),
  }
}

export type NativeTokenRollup = Awaited<ReturnType<typeof startNativeTokenRollup>>
