/**
 * An ERC-20 of L1 pays for gas on L2: locked in a bridge on one side, released from a vault on the other, and back. The books of both sides are read after every step.
 *
 *   pnpm example examples/bridge-token.ts
 */
import { nativeTokenBridgeL1Abi } from '@l2/contracts/native-token-bridge-l1'
import { nativeTokenBridgeL2Abi } from '@l2/contracts/native-token-bridge-l2'
import { devTokenAbi, devTokenBytecode } from '@l2/contracts/testing/dev-token'
import {
  anchorSettlement,
  checkSettlement,
  deploySettlement,
  devnetSettlementWindows,
  l2Genesis,
  nativeTokenBridgePredeploy,
  readBridgeBooks,
  settlementChain,
} from '@l2/settlement'
import { openArtifacts } from '@l2/settlement/node'
import { accounts, createDevRollup, finishWithdrawal, openDevEngine, startL1 } from '@l2/settlement/testing'
import { createPublicClient, createWalletClient, custom, formatEther, type Hash, parseEther } from 'viem'
import { getL2TransactionHashes } from 'viem/op-stack'

const [owner, batcher, user, friend] = accounts
const artifacts = openArtifacts()
const ids = { l1ChainId: 900n, l2ChainId: 901n }
const supply = parseEther('10000000')

await using l1 = await startL1(['--gas-limit', '60000000'])
const minedL1 = async (hash: Hash) => {
  const receipt = await l1.client.waitForTransactionReceipt({ hash })
  if (receipt.status !== 'success') throw new Error(`L1 reverted ${hash}`)
  return receipt
}
const wallet = l1.wallet(user)
const signs = { account: user, chain: null } as const
const created = await wallet.deployContract({ abi: devTokenAbi, bytecode: devTokenBytecode, args: [supply], ...signs })
const token = (await minedL1(created)).contractAddress!

const settlement = await deploySettlement(
  {
    ...{ l2ChainId: ids.l2ChainId, batcher: batcher.address, windows: devnetSettlementWindows },
    gasToken: { type: 'erc20', token, capacityWei: supply },
    pool: { operator: owner.address, handOverDelaySeconds: 604_800n },
  },
  { client: l1.client, account: owner, artifacts },
)
const { addresses } = settlement
const bridge = addresses.nativeTokenBridge!
const receiver = batcher.address
const genesis = l2Genesis(
  {
    ...{ ...ids, l1: addresses, timestamp: settlement.l1Origin.timestamp, owner: owner.address },
    gasToken: { type: 'erc20', token, name: 'Metis', symbol: 'METIS', bridge, capacityWei: supply },
    recipients: { sequencer: receiver, baseFee: receiver, l1Fee: receiver, operatorFee: receiver },
    ...{ isDevnet: true, reservedPredeploys: 64 },
  },
  { artifacts },
)
const dev = await openDevEngine(genesis)
await using l2 = await createDevRollup({ ...ids, settlement }, { l1: l1.client, dev })
const first = dev.headerTells ? l2.head() : await l2.step()
const output = (await l2.outputs.at(first.number))!
await anchorSettlement({ addresses, output }, { client: l1.client, account: owner, artifacts })

const nativeCurrency = { name: 'Metis', symbol: 'METIS' }
const named = { l1ChainId: 900, l2ChainId: 901, name: 'L2', rpcUrl: 'http://127.0.0.1' }
const chain = settlementChain({ ...named, addresses, nativeCurrency })
const transport = custom(l2.provider as Parameters<typeof custom>[0])
const onL2 = createPublicClient({ chain, transport, cacheTime: 0, pollingInterval: 20 })
const walletL2 = createWalletClient({ chain, transport, account: user })
const minedL2 = async (hash: Hash) => {
  await l2.catchUp()
  const receipt = await onL2.getTransactionReceipt({ hash })
  if (receipt.status !== 'success') throw new Error(`L2 reverted ${hash}`)
  return receipt
}
const clients = { l1: l1.client, l2: onL2 }
const books = async (when: string) => {
  const { lockedWei, heldWei, releasedWei, inFlightWei, isExact } = await readBridgeBooks({ bridge }, clients as never)
  const [locked, held, released, inFlight] = [lockedWei, heldWei, releasedWei, inFlightWei].map(wei => formatEther(wei))
  const line = `locked ${locked}, held ${held}, released ${released}, in flight ${inFlight}`
  console.log(`${when}: ${line}: ${isExact ? 'exact' : 'NOT EXACT'}`)
}

const check = { rollup: l2.rollup, systemConfig: settlement.systemConfig, bridge }
const { versions } = await checkSettlement(check, { ...clients, proofs: l2.proofs } as never)
console.log(`the start is checked; L1Block ${versions['l1Block']}, passer ${versions['l2ToL1MessagePasser']}`)
await books('before')

const approve = { address: token, abi: devTokenAbi, functionName: 'approve' } as const
await minedL1(await wallet.writeContract({ ...approve, args: [bridge, supply], ...signs }))
const deposit = { address: bridge, abi: nativeTokenBridgeL1Abi, functionName: 'deposit' } as const
const amount = parseEther('1000')
const deposited = await minedL1(await wallet.writeContract({ ...deposit, args: [user.address, amount], ...signs }))
await books('deposited')
await minedL2(getL2TransactionHashes(deposited)[0]!)
await books('credited')

const transfer = await minedL2(await walletL2.sendTransaction({ to: friend.address, value: parseEther('10') } as never))
console.log(`a transfer paid ${formatEther(transfer.gasUsed * transfer.effectiveGasPrice)} METIS for its gas`)

const withdraw = { address: nativeTokenBridgePredeploy, abi: nativeTokenBridgeL2Abi, functionName: 'withdraw' } as const
const call = { ...withdraw, args: [friend.address], value: parseEther('400') }
const receipt = await minedL2(await walletL2.writeContract(call as never))
await books('withdrawn on L2')
await finishWithdrawal({ l1, l2, settlement, chain, account: owner, receipt })
await books('paid on L1')
const balanceOf = { address: token, abi: devTokenAbi, functionName: 'balanceOf' } as const
const paid = await l1.client.readContract({ ...balanceOf, args: [friend.address] })
console.log(`${formatEther(paid)} METIS are the friend's on L1`)
