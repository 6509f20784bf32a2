import { type Address, createTestClient, type Hash, http, publicActions, walletActions } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { anvil } from 'viem/chains'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkDepositGas, gasLimit } from '../src/chain/genesis.js'
import { devPortalAbi, devPortalBytecode } from '../src/contracts/dev-portal.js'
import { devMnemonic } from '../src/dev-accounts.js'
import { startAnvilL1 } from './anvil-l1.js'

const account = mnemonicToAccount(devMnemonic)
const to: Address = `0x${'0d'.repeat(20)}`

async function open() {
  const l1 = await startAnvilL1()
  const client = createTestClient({ account, chain: anvil, mode: 'anvil', transport: http(l1.url) })
    .extend(publicActions)
    .extend(walletActions)
  await client.setIntervalMining({ interval: 0 })
  const portalOf = async (maxDepositGas: bigint): Promise<Address> => {
    const hash = await client.deployContract({ abi: devPortalAbi, bytecode: devPortalBytecode, args: [maxDepositGas] })
    await client.mine({ blocks: 1 })
    return (await client.getTransactionReceipt({ hash })).contractAddress!
  }
  return { ...l1, client, portalOf }
}

let l1: Awaited<ReturnType<typeof open>>
beforeAll(async () => {
  l1 = await open()
})
afterAll(() => l1?.close())

describe('the portal', () => {
  it('gives the deposits of one L1 block together no more gas than its cap, and the next block all of it again', async () => {
    const { client } = l1
    const portal = await l1.portalOf(20_000_000n)
    const deposits = async (...gasLimits: bigint[]): Promise<string[]> => {
      let nonce = await client.getTransactionCount({ address: account.address })
      const hashes: Hash[] = []
      for (const gas of gasLimits) {
        const call = { address: portal, abi: devPortalAbi, functionName: 'depositTransaction' } as const
        const args = [to, 0n, gas, false, '0x'] as const
        hashes.push(await client.writeContract({ ...call, args, nonce: nonce++, gas: 200_000n, value: 1n }))
      }
      await client.mine({ blocks: 1 })
      const receipts = await Promise.all(hashes.map(hash => client.getTransactionReceipt({ hash })))
      expect(new Set(receipts.map(({ blockNumber }) => blockNumber)).size).toBe(1)
      return receipts.map(({ status }) => status)
    }
    expect(await deposits(100_000_000n, 20_000_000n, 21_000n)).toEqual(['reverted', 'success', 'reverted'])
    expect(await deposits(15_000_000n, 5_000_001n, 5_000_000n)).toEqual(['success', 'reverted', 'success'])
    expect(await deposits((1n << 64n) - 1n, 20_000_001n, 21_000n)).toEqual(['reverted', 'reverted', 'success'])
  })

  it('wants the gas that the data alone may cost', async () => {
    const portal = await l1.portalOf(20_000_000n)
    const deposit = (gas: bigint) =>
      l1.client.simulateContract({
        address: portal,
        abi: devPortalAbi,
        functionName: 'depositTransaction',
        args: [to, 0n, gas, false, `0x${'ff'.repeat(1000)}`],
      })
    await expect(deposit(21_000n + 39_999n)).rejects.toThrow('gas limit too low')
    await deposit(21_000n + 40_000n)
  })
})

describe('a start', () => {
  it('refuses a portal whose deposits could be more than a block holds', async () => {
    await checkDepositGas(l1.client, await l1.portalOf(gasLimit - 1_000_000n), gasLimit)
    const portal = await l1.portalOf(gasLimit - 999_999n)
    await expect(checkDepositGas(l1.client, portal, gasLimit)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('29000001 gas in one L1 block'),
    })
  })
})
