import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Address, createPublicClient, custom, type Hex, keccak256, parseAbi, size } from 'viem'
import { expect, it } from 'vitest'
import { devAccount } from '../src/dev-accounts.js'
import { startChain } from './engine-chain.js'

const [multicall3, permit2, create2Deployer] = [
  '0xca11bde05977b3631167028862be2a173976ca11',
  '0x000000000022d473030f116ddee9f6b43ac78ba3',
  '0x4e59b44847b379578588920ca78fbf26c0b4956c',
] as const

it('is the code that Ethereum has, and Permit2 of this chain', async () => {
  const chain = await startChain('anvil')
  try {
    const { alloc } = JSON.parse(readFileSync(join(chain.directory, 'l2-genesis.json'), 'utf8')) as {
      alloc: Record<Address, { code: Hex }>
    }
    // What eth_getCodeHash-like explorers show for it on Ethereum.
    expect(keccak256(alloc[multicall3]!.code)).toBe(
      '0xd5c15df687b16f2ff992fc8d767b4216323184a2bbc6ee2f9c398c318e770891',
    )
    expect(size(alloc[create2Deployer]!.code)).toBe(69)
    const { read } = chain.engine
    const client = createPublicClient({
      transport: custom({ request: ({ method, params }) => read(method, (params ?? []) as readonly unknown[]) }),
    })
    const abi = parseAbi([
      'function DOMAIN_SEPARATOR() view returns (bytes32)',
      'function getEthBalance(address) view returns (uint256)',
    ])
    const [balance, separator] = await client.multicall({
      multicallAddress: multicall3,
      allowFailure: false,
      contracts: [
        { address: multicall3, abi, functionName: 'getEthBalance', args: [devAccount(0).address] },
        { address: permit2, abi, functionName: 'DOMAIN_SEPARATOR' },
      ],
    })
    expect(balance).toBe(1_000_000n * 10n ** 18n)
    // Permit2 gives what it was deployed with where the chain is that one, and computes it where it is not: the two must be the same.
    expect(alloc[permit2]!.code.includes(separator.slice(2))).toBe(true)
  } finally {
    await chain.close()
  }
})
