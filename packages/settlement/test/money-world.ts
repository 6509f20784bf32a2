import { receiptOf } from '@l2/common/testing'
import { nativeTokenBridgeL1Abi } from '@l2/contracts/native-token-bridge-l1'
import { nativeTokenBridgeL2Abi } from '@l2/contracts/native-token-bridge-l2'
import { oddTokenAbi, oddTokenBytecode } from '@l2/contracts/testing/odd-token'
import { receiverAbi, receiverBytecode } from '@l2/contracts/testing/receiver'
import {
  type Abi,
  type Address,
  BaseError,
  createPublicClient,
  createWalletClient,
  custom,
  encodeFunctionData,
  type Hash,
  keccak256,
  type LocalAccount,
  maxUint256,
  parseEther,
  parseEventLogs,
  type TransactionReceipt,
  toHex,
} from 'viem'
import { getL2TransactionHashes, publicActionsL2 } from 'viem/op-stack'
import {
  anchorSettlement,
  cannonGameType,
  deploySettlement,
  devnetSettlementWindows,
  disputeGameFactoryAbi,
  faultDisputeGameAbi,
  l2Genesis,
  nativeTokenBridgePredeploy,
  predeploys,
  readBridgeBooks,
  settlementChain,
  withdrawalRefusal,
} from '../src/index.js'
import { openArtifacts } from '../src/node/index.js'
import { accounts, createDevRollup, openDevEngine, startL1 } from '../src/testing/index.js'

export const [owner, batcher, user, friend, liar] = accounts
const supply = parseEther('10000000')
/** Gas of what is sent on L2: what a message needs that is replayed, and more than a withdrawal does. */
const gasL2 = 1_500_000n
/** Gas of what is sent on L1: an estimate is of another second, and of what a call may fail to do within. */
const gasL1 = 5_000_000n
const ids = { l1ChainId: 900n, l2ChainId: 901n }
const artifacts = openArtifacts()
const messengerAbi = artifacts.contract('L1CrossDomainMessenger').abi as Abi
const portalAbi = artifacts.contract('OptimismPortal2').abi as Abi

/** A message between the messengers: how they know it, and what relays it again. */
export type Message = { hash: Hash; relay: readonly unknown[] }
/** A game, as proofs name it. */
export type Game = { address: Address; index: bigint; l2BlockNumber: bigint }
/** A call of a contract. */
export type Call = { address: Address; abi: Abi; functionName: string; args?: readonly unknown[]; value?: bigint }

/** A rollup whose native token is an ERC-20 of L1: a real L1, a real engine, the contracts as they are deployed. */
export async function openMoneyWorld() {
  const l1 = await startL1(['--gas-limit', '60000000'])
  try {
    return await worldOn(l1)
  } catch (error) {
    await l1[Symbol.asyncDispose]()
    throw error
  }
}

async function worldOn(l1: Awaited<ReturnType<typeof startL1>>) {
  /** Mines what was sent, whether or not it reverts: by itself anvil forgets to now and then. */
  const mine = async (hash: Hash): Promise<TransactionReceipt> => {
    await l1.test.mine({ blocks: 1 })
    return await l1.client.getTransactionReceipt({ hash })
  }
  const mined = async (hash: Hash): Promise<TransactionReceipt> => {
    const receipt = await mine(hash)
    if (receipt.status !== 'success')
      throw new Error(`L1 reverted ${hash}, of ${receipt.gasUsed} gas in block ${receipt.blockNumber}`)
    return receipt
  }
  const send = async (call: Call, account: LocalAccount = user): Promise<TransactionReceipt> =>
    mined(await l1.wallet(account).writeContract({ ...call, gas: gasL1, account, chain: null } as never))
  const created = await l1.wallet(user).deployContract({
    ...{ abi: oddTokenAbi, bytecode: oddTokenBytecode, args: [supply], account: user, chain: null },
  })
  const token = (await receiptOf(l1.client, created)).contractAddress!
  const byOwner = { client: l1.client, account: owner, artifacts }
  const settlement = await deploySettlement(
    {
      ...{ l2ChainId: ids.l2ChainId, batcher: batcher.address, windows: devnetSettlementWindows },
      gasToken: { type: 'erc20', token, capacityWei: supply },
    },
    byOwner,
  )
  const { addresses } = settlement
  const bridge = addresses.nativeTokenBridge!
  const recipient = batcher.address
  const genesis = l2Genesis(
    {
      ...{ ...ids, l1: addresses, timestamp: settlement.l1Origin.timestamp, owner: owner.address },
      gasToken: { type: 'erc20', token, name: 'Metis', symbol: 'METIS', bridge, capacityWei: supply },
      recipients: { sequencer: recipient, baseFee: recipient, l1Fee: recipient, operatorFee: recipient },
      ...{ isDevnet: true, reservedPredeploys: 64 },
    },
    { artifacts },
  )
  const dev = await openDevEngine(genesis)
  const l2 = await createDevRollup({ ...ids, settlement }, { l1: l1.client, dev })
  const first = dev.headerTells ? l2.head() : await l2.step()
  await anchorSettlement({ addresses, output: (await l2.outputs.at(first.number))! }, byOwner)
  await l1.test.setAutomine(false)

  const named = { l1ChainId: 900, l2ChainId: 901, name: 'L2', rpcUrl: 'http://127.0.0.1' }
  const chain = settlementChain({ ...named, addresses, nativeCurrency: { name: 'Metis', symbol: 'METIS' } })
  const transport = custom(l2.provider as Parameters<typeof custom>[0])
  const onL2 = createPublicClient({ chain, transport, cacheTime: 0 }).extend(publicActionsL2())
  const walletL2 = (account: LocalAccount) => createWalletClient({ chain, transport, account })
  /** What is sent is executed, after every deposit of L1 so far. */
  const minedL2 = async (hash: Hash): Promise<TransactionReceipt> => {
    await l2.catchUp()
    return await onL2.getTransactionReceipt({ hash })
  }
  const sendL2 = async (call: Call, account: LocalAccount = user): Promise<TransactionReceipt> =>
    minedL2(await walletL2(account).writeContract({ ...call, gas: gasL2 } as never))

  const at = {
    token: { address: token, abi: oddTokenAbi as unknown as Abi },
    bridge: { address: bridge, abi: nativeTokenBridgeL1Abi as unknown as Abi },
    bridgeL2: { address: nativeTokenBridgePredeploy, abi: nativeTokenBridgeL2Abi as unknown as Abi },
    portal: { address: addresses.optimismPortal, abi: portalAbi },
    messenger: { address: addresses.l1CrossDomainMessenger, abi: messengerAbi },
    messengerL2: { address: predeploys.l2CrossDomainMessenger, abi: messengerAbi },
  } as const
  await send({ ...at.token, functionName: 'approve', args: [bridge, maxUint256] })
  const refused = (call: Call, account: LocalAccount = user): Promise<BaseError | undefined> =>
    l1.client.simulateContract({ ...call, account } as never).then(
      () => undefined,
      error => (error instanceof BaseError ? error : Promise.reject(error)),
    )
  return {
    ...{ l1, l2, settlement, chain, onL2, at, send, sendL2, minedL2, walletL2 },
    /** As `send`, with so much gas, and it may revert. */
    attempt: async (call: Call, gas: bigint): Promise<TransactionReceipt> =>
      mine(await l1.wallet(user).writeContract({ ...call, gas, account: user, chain: null } as never)),
    books: () => readBridgeBooks({ bridge }, { l1: l1.client, l2: onL2 }),
    read: <T>(call: Call) => l1.client.readContract(call as never) as Promise<T>,
    readL2: <T>(call: Call) => onL2.readContract(call as never) as Promise<T>,
    /** What a call on L1 would be refused with; `undefined` where it would not. */
    refusal: async (call: Call, account?: LocalAccount): Promise<string | undefined> =>
      (await refused(call, account))?.message,
    /** The same of a portal, in our words. */
    portalRefusal: async (call: Call, account?: LocalAccount) => withdrawalRefusal(await refused(call, account))?.type,
    async deployReceiver(): Promise<Address> {
      await l2.catchUp()
      const hash = await walletL2(user).deployContract({ abi: receiverAbi, bytecode: receiverBytecode } as never)
      return (await minedL2(hash)).contractAddress!
    },
    /** The message that a transaction sent over the messenger of its layer. */
    messageOf(receipt: TransactionReceipt): Message {
      const events = parseEventLogs({ abi: messengerAbi, logs: receipt.logs }) as unknown as {
        eventName: string
        args: Record<string, unknown>
      }[]
      const { target, sender, message, messageNonce, gasLimit } = events.find(
        ({ eventName }) => eventName === 'SentMessage',
      )!.args
      const relay = [messageNonce, sender, target, 0n, gasLimit, message]
      return {
        relay,
        hash: keccak256(encodeFunctionData({ ...at.messenger, functionName: 'relayMessage', args: relay })),
      }
    },
    depositOnL2: (receipt: TransactionReceipt): Hash => getL2TransactionHashes(receipt)[0]!,
    /** Somebody claims a root of an L2 block. */
    async propose(root: Hash, number: bigint, by: LocalAccount): Promise<Game> {
      const factory = { address: addresses.disputeGameFactory, abi: disputeGameFactoryAbi as unknown as Abi }
      const args = [cannonGameType, root, toHex(number, { size: 32 })]
      await send({ ...factory, functionName: 'create', args, value: parseEther('0.08') }, by)
      const [address] = await this.read<[Address]>({ ...factory, functionName: 'games', args })
      const count = await this.read<bigint>({ ...factory, functionName: 'gameCount' })
      // The portal refuses proofs in the very second of the game.
      await l1.pass(1)
      return { address, index: count - 1n, l2BlockNumber: number }
    },
    /** Somebody attacks a claim of a game. */
    async attack({ address }: Game, parent: number, root: Hash, by: LocalAccount): Promise<void> {
      const game = { address, abi: faultDisputeGameAbi as unknown as Abi }
      const claim = await this.read<readonly unknown[]>({ ...game, functionName: 'claimData', args: [BigInt(parent)] })
      const next = 2n * (claim[5] as bigint)
      const value = await this.read<bigint>({ ...game, functionName: 'getRequiredBond', args: [next] })
      await send({ ...game, functionName: 'attack', args: [claim[4], BigInt(parent), root], value }, by)
    },
    /** The clocks run out, and the claims are resolved from below. */
    async decide({ address }: Game): Promise<'challenger-wins' | 'defender-wins'> {
      const game = { address, abi: faultDisputeGameAbi as unknown as Abi }
      await l1.pass(2 * Number(devnetSettlementWindows.maxClockSeconds) + 2)
      const count = await this.read<bigint>({ ...game, functionName: 'claimDataLen' })
      for (let index = count - 1n; index >= 0n; index--)
        await send({ ...game, functionName: 'resolveClaim', args: [index, 0n] }, owner)
      await send({ ...game, functionName: 'resolve' }, owner)
      return (await this.read<number>({ ...game, functionName: 'status' })) === 2 ? 'defender-wins' : 'challenger-wins'
    },
    async close(): Promise<void> {
      await l2.close()
      await l1[Symbol.asyncDispose]()
    },
  }
}

export type MoneyWorld = Awaited<ReturnType<typeof openMoneyWorld>>
