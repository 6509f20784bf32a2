import { createPublicClient, custom, type Hash, type LocalAccount, slice, type TransactionReceipt, toHex } from 'viem'
import { publicActionsL1, publicActionsL2, walletActionsL1 } from 'viem/op-stack'
import { cannonGameType, type Settlement } from '../deploy/deploy.js'
import { devnetSettlementWindows } from '../deploy/options.js'
import { disputeGameFactoryAbi, faultDisputeGameAbi } from '../games/abi.js'
import type { settlementChain } from '../withdrawal/chain.js'
import type { AnvilL1 } from './dev-l1.js'
import type { DevRollup } from './dev-rollup.js'

/** What {@link finishWithdrawal} works with. */
export type FinishWithdrawalOptions = {
  l1: AnvilL1
  l2: DevRollup
  settlement: Settlement
  chain: ReturnType<typeof settlementChain>
  /** Pays on L1, for the proposal, too. */
  account: LocalAccount
  /** Of the transaction on L2 that began the withdrawal. */
  receipt: TransactionReceipt
}

/**
 * Proposes the newest block of L2, proves a withdrawal against it, lets the windows of a devnet pass on L1, and finalises: by viem's own actions.
 *
 * @returns the receipt of the finalisation
 */
export async function finishWithdrawal(options: FinishWithdrawalOptions): Promise<TransactionReceipt> {
  const { l1, l2, settlement, chain, account, receipt } = options
  const onL1 = l1.client.extend(publicActionsL1())
  const onL2 = createPublicClient({ chain, transport: custom(l2.provider as Parameters<typeof custom>[0]) }).extend(
    publicActionsL2(),
  )
  const wallet = l1.wallet(account).extend(walletActionsL1())
  const mined = async (hash: Hash): Promise<TransactionReceipt> => {
    const receipt = await l1.client.waitForTransactionReceipt({ hash })
    if (receipt.status !== 'success') throw new Error(`L1 reverted ${hash}`)
    return receipt
  }
  const output = (await l2.outputs.at(l2.head().number))!
  await mined(
    await wallet.writeContract({
      ...{ address: settlement.addresses.disputeGameFactory, abi: disputeGameFactoryAbi, functionName: 'create' },
      ...{ args: [cannonGameType, output.root, toHex(output.number, { size: 32 })], value: 80_000_000_000_000_000n },
      ...{ account, chain: null },
    } as never),
  )
  // The portal refuses proofs in the very second of the game.
  await l1.pass(1)
  const { game, withdrawal } = await onL1.waitToProve({ receipt, targetChain: chain } as never)
  const proof = await onL2.buildProveWithdrawal({ account, game, withdrawal } as never)
  await mined(await wallet.proveWithdrawal(proof as never))
  const { maxClockSeconds, proofMaturitySeconds, disputeFinalitySeconds } = devnetSettlementWindows
  await l1.pass(Number(maxClockSeconds) + 1)
  for (const [functionName, args] of [
    ['resolveClaim', [0n, 0n]],
    ['resolve', []],
  ] as const) {
    const call = { address: slice(game.metadata, 12), abi: faultDisputeGameAbi, functionName, args }
    await mined(await wallet.writeContract({ ...call, account, chain: null } as never))
  }
  await l1.pass(Number(proofMaturitySeconds + disputeFinalitySeconds) + 1)
  return await mined(await wallet.finalizeWithdrawal({ targetChain: chain, withdrawal } as never))
}
