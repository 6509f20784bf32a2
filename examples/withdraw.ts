/**
 * The life of money on a rollup: deposited on L1, moved on L2, withdrawn, proven and finalised, by viem's own actions against the OP Stack's contracts.
 *
 *   pnpm example examples/withdraw.ts
 *
 * L1 is an anvil, whose clock is moved where days would be waited for; L2 is the embedded engine where it was built, else an anvil, too.
 */
import {
  anchorSettlement,
  cannonGameType,
  deploySettlement,
  devnetSettlementWindows,
  disputeGameFactoryAbi,
  faultDisputeGameAbi,
  l2Genesis,
  settlementChain,
  withdrawalRefusal,
} from '@l2/settlement'
import { openArtifacts } from '@l2/settlement/node'
import { accounts, createDevRollup, openDevEngine, startL1 } from '@l2/settlement/testing'
import {
  type Account,
  type Address,
  createPublicClient,
  createWalletClient,
  custom,
  formatEther,
  type Hash,
  parseEther,
  slice,
  toHex,
} from 'viem'
import {
  getL2TransactionHashes,
  publicActionsL1,
  publicActionsL2,
  walletActionsL1,
  walletActionsL2,
} from 'viem/op-stack'

const [owner, batcher, user, friend] = accounts
const artifacts = openArtifacts()
const ids = { l1ChainId: 900n, l2ChainId: 901n }

// L1, the contracts on it, and the L2 that begins with their addresses.
await using l1 = await startL1(['--gas-limit', '60000000'])
const byOwner = { client: l1.client, account: owner, artifacts }
const settlement = await deploySettlement(
  { l2ChainId: ids.l2ChainId, batcher: batcher.address, windows: devnetSettlementWindows },
  byOwner,
)
const { addresses } = settlement
console.log(
  `L1: ${settlement.transactions} transactions, ${settlement.gasUsed} gas; portal ${addresses.optimismPortal}`,
)
const receiver = batcher.address
const genesis = l2Genesis(
  {
    ...{ ...ids, l1: addresses, timestamp: settlement.l1Origin.timestamp, owner: owner.address },
    recipients: { sequencer: receiver, baseFee: receiver, l1Fee: receiver, operatorFee: receiver },
    ...{ isDevnet: true, reservedPredeploys: 64 },
  },
  { artifacts },
)
const dev = await openDevEngine(genesis)
await using l2 = await createDevRollup({ ...ids, settlement }, { l1: l1.client, dev })
const first = dev.headerTells ? l2.head() : await l2.step()
await anchorSettlement({ addresses, output: (await l2.outputs.at(first.number))! }, byOwner)
console.log(`L2: ${dev.engine.name}`)

// What a wallet has: viem, and the chain's addresses.
const chain = settlementChain({ l1ChainId: 900, l2ChainId: 901, name: 'L2', rpcUrl: 'http://127.0.0.1', addresses })
const onL1 = l1.client.extend(publicActionsL1())
const transport = custom(l2.provider as Parameters<typeof custom>[0])
const onL2 = createPublicClient({ chain, transport, cacheTime: 0, pollingInterval: 20 }).extend(publicActionsL2())
const walletL1 = (account: Account) => l1.wallet(account as typeof user).extend(walletActionsL1())
const walletL2 = createWalletClient({ chain, transport, account: user }).extend(walletActionsL2())
const minedL1 = async (hash: Hash) => {
  const receipt = await l1.client.waitForTransactionReceipt({ hash })
  if (receipt.status !== 'success') throw new Error(`L1 reverted ${hash}`)
  return receipt
}
const minedL2 = async (hash: Hash) => {
  await l2.catchUp()
  const receipt = await onL2.getTransactionReceipt({ hash })
  if (receipt.status !== 'success') throw new Error(`L2 reverted ${hash}`)
  return receipt
}

// Deposit: the portal's event becomes a transaction of L2.
const deposit = await minedL1(
  await walletL1(user).depositTransaction({
    request: { gas: 100_000n, mint: parseEther('5'), value: parseEther('5'), to: user.address },
    targetChain: chain,
  } as never),
)
const [depositOnL2] = getL2TransactionHashes(deposit)
await minedL2(depositOnL2!)
console.log(`deposited 5 ETH (${deposit.gasUsed} gas); on L2: ${formatEther(await onL2.getBalance(user))}`)

// Transfer, then the withdrawal, which begins on L2.
await minedL2(await walletL2.sendTransaction({ to: friend.address, value: parseEther('1') } as never))
const initiated = await minedL2(
  await walletL2.initiateWithdrawal({
    request: { gas: 21_000n, to: friend.address, value: parseEther('2') },
  } as never),
)
console.log(`withdrawal of 2 ETH begun in block ${initiated.blockNumber} (${initiated.gasUsed} gas)`)

// Somebody proposes the output of a later block: a dispute game that nobody disputes.
const output = (await l2.outputs.at(l2.head().number))!
await minedL1(
  await l1.wallet(owner).writeContract({
    ...{ address: addresses.disputeGameFactory, abi: disputeGameFactoryAbi, functionName: 'create' },
    ...{ args: [cannonGameType, output.root, toHex(output.number, { size: 32 })], value: parseEther('0.08') },
    ...{ account: owner, chain: null },
  } as never),
)
// The portal refuses proofs in the very second of the game.
await l1.pass(1)
const { game, withdrawal } = await onL1.waitToProve({ receipt: initiated, targetChain: chain } as never)
const proof = await onL2.buildProveWithdrawal({ account: user, game, withdrawal } as never)
const proven = await minedL1(await walletL1(user).proveWithdrawal(proof as never))
console.log(`proven against game ${game.index} of block ${game.l2BlockNumber} (${proven.gasUsed} gas)`)

// Too early the portal refuses, and says why.
const finalising = { account: user, targetChain: chain, withdrawal }
const refused = await onL1.estimateFinalizeWithdrawalGas(finalising as never).catch((error: unknown) => error)
const refusal = withdrawalRefusal(refused)
if (refusal === undefined) throw new Error('the portal did not refuse', { cause: refused })
console.log(`not yet (${refusal.type}, ${refusal.remedy}): ${refusal.words}`)

// The game ends when its clock has run; then the windows of the portal.
const { maxClockSeconds, proofMaturitySeconds, disputeFinalitySeconds } = devnetSettlementWindows
await l1.pass(Number(maxClockSeconds) + 1)
const address: Address = slice(game.metadata, 12)
for (const [functionName, args] of [
  ['resolveClaim', [0n, 0n]],
  ['resolve', []],
] as const) {
  const call = { address, abi: faultDisputeGameAbi, functionName, args, account: owner, chain: null }
  await minedL1(await l1.wallet(owner).writeContract(call as never))
}
await l1.pass(Number(proofMaturitySeconds + disputeFinalitySeconds) + 1)
const before = await l1.client.getBalance(friend)
const finalised = await minedL1(await walletL1(user).finalizeWithdrawal({ targetChain: chain, withdrawal } as never))
const paid = (await l1.client.getBalance(friend)) - before
console.log(`finalised (${finalised.gasUsed} gas): ${formatEther(paid)} ETH paid on L1`)
const held = await l1.client.getBalance({ address: addresses.optimismPortal })
console.log(`the portal holds ${formatEther(held)} ETH: 5 came, 2 went`)
