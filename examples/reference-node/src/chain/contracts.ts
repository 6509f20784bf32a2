import { devTokenAbi, devTokenBytecode } from '@l2/contracts/testing/dev-token'
import { type ChainIdentity, type L1, l1Wallet, rpcCall } from '@l2/node'
import { deploySettlement, devnetSettlementWindows, type Settlement } from '@l2/settlement'
import { openArtifacts } from '@l2/settlement/node'
import { getContractAddress, type Hex } from 'viem'
import { batcherAccount, holderOfTokens, ownerAccount } from '../dev-accounts.js'
import { gasLimit } from './parameters.js'

/** All METIS there are: what the vault on L2 begins with. */
export const metisSupplyWei = 10_000_000n * 10n ** 18n

/** Data of users is not charged for: the economy of the demonstration is that of its blocks. */
export const feeScalars = { baseFee: 0n, blobBaseFee: 0n }

const handOverDelaySeconds = 7n * 86_400n
const multicall3 = '0xca11bde05977b3631167028862be2a173976ca11'

/** What is on L1 of the chain. */
export type ChainContracts = Pick<ChainIdentity, 'l1Genesis' | 'inbox' | 'contracts'>

/**
 * Puts the chain's contracts on a development L1: METIS, and the OP Stack's with METIS as the token that pays for gas. The pool that owns the system configuration
 * obeys the batcher's account, or a committee with these members.
 */
export async function deployContracts(l1: L1, chainId: number, committee?: Hex): Promise<ChainContracts> {
  const holder = holderOfTokens()
  const client = l1Wallet(l1, holder)
  const nonce = await client.getTransactionCount({ address: holder.address, blockTag: 'pending' })
  const token = getContractAddress({ from: holder.address, nonce: BigInt(nonce) })
  await client.deployContract({
    ...{ abi: devTokenAbi, bytecode: devTokenBytecode, args: [metisSupplyWei], nonce, gas: 2_000_000n },
    ...{ account: holder, chain: client.chain ?? null },
  })
  const artifacts = openArtifacts()
  // Every L1 has Multicall3, and wallets count on it; a development one has to be given it.
  if (l1.isDev) await rpcCall(l1.url, 'anvil_setCode', [multicall3, artifacts.preinstall('MultiCall3Code')])
  const settlement = await deploySettlement(
    {
      ...{ l2ChainId: BigInt(chainId), batcher: batcherAccount().address, gasLimit, feeScalars },
      gasToken: { type: 'erc20', token, capacityWei: metisSupplyWei },
      ...(committee === undefined
        ? { pool: { operator: batcherAccount().address, handOverDelaySeconds } }
        : { committee: { members: committee, handOverDelaySeconds } }),
      windows: devnetSettlementWindows,
    },
    { client, account: ownerAccount(), artifacts },
    // The built-in L1 need not wait for its next block.
    l1.isDev ? { onSent: () => rpcCall(l1.url, 'evm_mine', []) } : {},
  )
  const { l1Origin, batchInbox, addresses } = settlement
  return {
    l1Genesis: {
      number: String(l1Origin.number),
      hash: l1Origin.hash,
      timestamp: String(l1Origin.timestamp),
    },
    inbox: batchInbox,
    contracts: { ...lowerCase(addresses), metis: token.toLowerCase() },
  }
}

function lowerCase(addresses: Settlement['addresses']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(addresses).flatMap(([name, at]) => (at === undefined ? [] : [[name, at.toLowerCase()]])),
  )
}
