import { receiptOf } from '@l2/common/testing'
import { type Address, encodeDeployData, type Hex, pad, toHex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openArtifacts } from '../node/artifacts.js'
import { type AnvilL1, accounts, startL1 } from '../testing/dev-l1.js'
import { predeployedAccounts } from './allocation.js'
import { implementationOf, predeploys } from './predeploys.js'

const artifacts = openArtifacts()
const at = (n: number): Address => pad(toHex(n), { size: 20 })
const owner = at(0x1001)
const recipients = { sequencer: at(0x2001), baseFee: at(0x2002), l1Fee: at(0x2003), operatorFee: at(0x2004) }
const l1 = { l1CrossDomainMessenger: at(0x3001), l1StandardBridge: at(0x3002), l1Erc721Bridge: at(0x3003) }
const alloc = predeployedAccounts(
  { l1ChainId: 900n, l2ChainId: 901n, gasToken: { type: 'ether' }, owner, recipients, l1, reserved: 64 },
  artifacts,
)

let chain: AnvilL1
beforeAll(async () => {
  chain = await startL1([], 901)
})
afterAll(async () => {
  await chain?.[Symbol.asyncDispose]()
})

/** Creates a contract with its constructor, and answers where. */
async function create(name: string, args: readonly unknown[]): Promise<Address> {
  const { abi, bytecode } = artifacts.contract(name)
  const hash = await chain.wallet(accounts[0]).sendTransaction({
    data: encodeDeployData({ abi, bytecode, args }),
    account: accounts[0],
    chain: null,
  })
  return (await receiptOf(chain.client, hash)).contractAddress!
}

/** Every slot of an account that is not zero, as far as its layout and the EIP-1967 slots go. */
async function storageAt(address: Address, slots: Iterable<string>): Promise<Record<string, Hex>> {
  const found: Record<string, Hex> = {}
  for (const slot of slots) {
    const value = await chain.client.getStorageAt({ address, slot: slot as Hex })
    if (value !== undefined && BigInt(value) !== 0n) found[slot] = value
  }
  return found
}

/** What has a constructor or an initialiser, with what each is told. */
const initialised: Readonly<
  Record<string, { at: Address; construction?: readonly unknown[]; args?: readonly unknown[] }>
> = {
  L2CrossDomainMessenger: { at: predeploys.l2CrossDomainMessenger, args: [l1.l1CrossDomainMessenger] },
  L2StandardBridge: { at: predeploys.l2StandardBridge, args: [l1.l1StandardBridge] },
  L2ERC721Bridge: { at: predeploys.l2Erc721Bridge, args: [l1.l1Erc721Bridge] },
  OptimismMintableERC20Factory: { at: predeploys.optimismMintableErc20Factory, args: [predeploys.l2StandardBridge] },
  SequencerFeeVault: { at: predeploys.sequencerFeeVault, construction: [recipients.sequencer, 0n, 1] },
  BaseFeeVault: { at: predeploys.baseFeeVault, construction: [recipients.baseFee, 0n, 1] },
  L1FeeVault: { at: predeploys.l1FeeVault, construction: [recipients.l1Fee, 0n, 1] },
  OptimismMintableERC721Factory: {
    at: predeploys.optimismMintableErc721Factory,
    construction: [predeploys.l2Erc721Bridge, 900n],
  },
  ProxyAdmin: { at: predeploys.proxyAdmin, construction: [owner] },
  LegacyMessagePasser: { at: predeploys.legacyMessagePasser },
  L2ToL1MessagePasser: { at: predeploys.l2ToL1MessagePasser },
  SchemaRegistry: { at: predeploys.schemaRegistry },
}

describe('predeployedAccounts', () => {
  it.each(Object.entries(initialised))(
    '%s is as its constructor leaves it',
    async (name, { at: predeploy, ...made }) => {
      const real = await create(name, made.construction ?? [])
      const ours = alloc[implementationOf(predeploy)]!
      expect(ours.code).toBe((await chain.client.getCode({ address: real }))!)
      const slots = Object.values(artifacts.contract(name).storage).map(({ slot }) => toHex(slot, { size: 32 }))
      expect(ours.storage).toEqual(await storageAt(real, new Set(slots)))
    },
  )

  it.each(Object.entries(initialised).filter(([, { args }]) => args !== undefined))(
    'the proxy of %s is as its initialiser leaves it',
    async (name, { at: predeploy, args }) => {
      const { abi } = artifacts.contract(name)
      const proxy = await create('Proxy', [accounts[0].address])
      const implementation = await create(name, [])
      const wallet = chain.wallet(accounts[0])
      const shared = { account: accounts[0], chain: null } as const
      const upgrade = { address: proxy, abi: artifacts.contract('Proxy').abi, functionName: 'upgradeTo' }
      await wallet.writeContract({ ...upgrade, args: [implementation], ...shared })
      // The proxy lets everybody but its admin through to the code.
      const other = { account: accounts[1], chain: null } as const
      const initialise = { address: proxy, abi, functionName: 'initialize', args: args! }
      const hash = await chain.wallet(accounts[1]).writeContract({ ...initialise, ...other })
      expect((await receiptOf(chain.client, hash)).status).toBe('success')
      const slots = Object.values(artifacts.contract(name).storage).map(({ slot }) => toHex(slot, { size: 32 }))
      const { storage = {}, code } = alloc[predeploy]!
      const ours = Object.fromEntries(Object.entries(storage).filter(([slot]) => BigInt(slot) < 2n ** 32n))
      expect(ours).toEqual(await storageAt(proxy, new Set(slots)))
      expect(code).toBe(await chain.client.getCode({ address: proxy }))
    },
  )

  it('EAS computes the domain of its chain and address', async () => {
    await chain.test.setCode({ address: predeploys.eas, bytecode: alloc[implementationOf(predeploys.eas)]!.code! })
    const read = (address: Address, functionName: string) =>
      chain.client.readContract({ address, abi: artifacts.contract('EAS').abi, functionName })
    const real = await create('EAS', [])
    for (const name of ['getName', 'version', 'getAttestTypeHash']) {
      expect(await read(predeploys.eas, name)).toBe(await read(real, name))
    }
    // Where the address is that of the constructor, the real one answers what it keeps; the same code elsewhere must compute the same.
    await chain.test.setCode({ address: real, bytecode: alloc[implementationOf(predeploys.eas)]!.code! })
    const computed = await read(real, 'getDomainSeparator')
    expect(computed).toBe(await read(await sameAt(real), 'getDomainSeparator'))
  })

  it('Multicall3, the CREATE2 deployer and Permit2 answer', async () => {
    const permit2: Address = '0x000000000022d473030f116ddee9f6b43ac78ba3'
    await chain.test.setCode({ address: permit2, bytecode: alloc[permit2]!.code! })
    const separator = await chain.client.readContract({
      address: permit2,
      abi: [
        {
          type: 'function',
          name: 'DOMAIN_SEPARATOR',
          inputs: [],
          outputs: [{ type: 'bytes32' }],
          stateMutability: 'view',
        },
      ],
      functionName: 'DOMAIN_SEPARATOR',
    })
    // The cached separator is answered on the chain of the cached id, and the computed one on another: they agree on ours alone.
    expect(alloc[permit2]!.code).toContain(separator.slice(2))
  })
})

/** The code that the constructor of EAS leaves at an address where it runs itself. */
async function sameAt(address: Address): Promise<Address> {
  const { abi, bytecode } = artifacts.contract('EAS')
  await chain.test.setCode({ address, bytecode: encodeDeployData({ abi, bytecode }) })
  const { data } = await chain.client.call({ to: address })
  await chain.test.setCode({ address, bytecode: data! })
  return address
}
