import { meteredPortalAbi } from '@l2/contracts/metered-portal'
import { checkSettlement, deploySettlement, type SettlementAddresses } from '@l2/settlement'
import { openArtifacts } from '@l2/settlement/node'
import { type Address, createTestClient, type Hash, http, publicActions, walletActions } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { anvil } from 'viem/chains'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deployContracts } from '../src/chain/contracts.js'
import { rollupConfig } from '../src/chain/genesis.js'
import { gasLimit } from '../src/chain/parameters.js'
import { batcherAccount, devMnemonic, ownerAccount } from '../src/dev-accounts.js'
import { startAnvilL1 } from './anvil-l1.js'

const account = mnemonicToAccount(devMnemonic)
const to: Address = `0x${'0d'.repeat(20)}`
const chainId = 59_900

async function open() {
  const l1 = await startAnvilL1()
  const client = createTestClient({
    account,
    chain: anvil,
    mode: 'anvil',
    transport: http(l1.url),
    pollingInterval: 50,
  })
    .extend(publicActions)
    .extend(walletActions)
  const chain = { url: l1.url, chainId: anvil.id, isDev: false } as Parameters<typeof deployContracts>[0]
  const contracts = await deployContracts(chain, chainId)
  // From here on a test says when there is a block.
  await client.setIntervalMining({ interval: 0 })
  return { ...l1, client, contracts }
}

let l1: Awaited<ReturnType<typeof open>>
beforeAll(async () => {
  l1 = await open()
})
afterAll(() => l1?.close())

/** The chain's configuration, as of a genesis block that nobody looks at. */
const rollupOf = (contracts: Record<string, string>) =>
  rollupConfig(
    {
      ...{ chainId, l1ChainId: anvil.id, dataAvailability: 'ethereum-blobs', sequencers: 1, engine: 'op' },
      ...{ ...l1.contracts, contracts },
    },
    `0x${'ab'.repeat(32)}`,
  )

describe('the portal', () => {
  it('gives the deposits of one L1 block together no more gas than its cap, takes no ether, and wants the gas of the data', async () => {
    const { client } = l1
    const portal = l1.contracts.contracts['optimismPortal'] as Address
    const call = { address: portal, abi: meteredPortalAbi, functionName: 'depositTransaction' } as const
    let nonce = await client.getTransactionCount({ address: account.address })
    const hashes: Hash[] = []
    // Beside the gas that is metered a deposit burns gas of L1 for it: as little as there is while the price is the lowest.
    for (const gas of [21_000_000n, 8_000_000n, 12_000_001n, 12_000_000n]) {
      const args = [to, 0n, gas, false, '0x'] as const
      hashes.push(await client.writeContract({ ...call, args, nonce: nonce++, gas: 14_000_000n }))
    }
    await client.mine({ blocks: 1 })
    const receipts = await Promise.all(hashes.map(hash => client.getTransactionReceipt({ hash })))
    expect(new Set(receipts.map(({ blockNumber }) => blockNumber)).size).toBe(1)
    expect(receipts.map(({ status }) => status)).toEqual(['reverted', 'success', 'reverted', 'success'])
    const deposit = (gas: bigint, value = 0n) =>
      client.simulateContract({ ...call, args: [to, 0n, gas, false, `0x${'ff'.repeat(1000)}`], value, account })
    await client.mine({ blocks: 1 })
    await expect(deposit(21_000n + 39_999n)).rejects.toThrow('SmallGasLimit')
    await deposit(21_000n + 40_000n)
    await expect(deposit(21_000n + 40_000n, 1n)).rejects.toThrow('NoValue')
  })
})

describe('a start', () => {
  it('takes the contracts that the chain was begun with, and no others', async () => {
    const { contracts } = l1.contracts
    const rollup = rollupOf(contracts)
    const { systemConfig } = rollup.genesis
    await checkSettlement({ rollup, systemConfig }, { l1: l1.client })
    const other = { ...contracts, optimismPortal: contracts['systemConfig']! }
    await expect(checkSettlement({ rollup: rollupOf(other) }, { l1: l1.client })).rejects.toMatchObject({
      code: 'SETTLEMENT_REFUSED',
      message: expect.stringContaining('the portal: the contract says'),
    })
    const cheaper = { ...systemConfig, gasLimit: gasLimit - 1n, batcher: to }
    await expect(checkSettlement({ rollup, systemConfig: cheaper }, { l1: l1.client })).rejects.toMatchObject({
      details: { problems: [expect.stringContaining('the gas limit'), expect.stringContaining('the batcher')] },
    })
  })

  it('refuses a portal whose deposits could be more than a block holds', async () => {
    const deploy = (maxGas: number) =>
      deploySettlement(
        {
          ...{ l2ChainId: BigInt(chainId), batcher: batcherAccount().address, gasLimit },
          // The contract itself wants room for the meter and for its own estimate of the first deposit.
          meter: { maxGas, systemGas: 1, elasticity: 1 },
        },
        { client: l1.client as never, account: ownerAccount(), artifacts: openArtifacts() },
        { onSent: () => l1.client.mine({ blocks: 1 }) },
      )
    const check = ({ addresses, batchInbox }: { addresses: SettlementAddresses; batchInbox: Address }) =>
      checkSettlement(
        { rollup: { ...rollupOf(addresses as unknown as Record<string, string>), batchInbox } },
        { l1: l1.client },
      )
    await check(await deploy(29_000_000))
    await expect(check(await deploy(29_000_001))).rejects.toMatchObject({
      code: 'SETTLEMENT_REFUSED',
      message: expect.stringContaining('29000001 gas in one L1 block'),
    })
  })
})
