import { isL2Error } from '@l2/common'
import { receiptOf } from '@l2/common/testing'
import { devTokenAbi, devTokenBytecode } from '@l2/contracts/testing/dev-token'
import { type Address, getAddress, parseEther } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openArtifacts } from '../node/artifacts.js'
import { type AnvilL1, accounts, startL1 } from '../testing/dev-l1.js'
import { anchorSettlement } from './anchor.js'
import { type DeployedSettlement, deploySettlement } from './deploy.js'
import { openSettlement } from './open.js'

const [deployer, batcher, stranger] = accounts
const artifacts = openArtifacts()
const supply = parseEther('1000')

let l1: AnvilL1
let ether: DeployedSettlement
let metis: DeployedSettlement
beforeAll(async () => {
  l1 = await startL1()
  const dependencies = { client: l1.client, account: deployer, artifacts }
  const hash = await l1.wallet(deployer).deployContract({
    ...{ abi: devTokenAbi, bytecode: devTokenBytecode, args: [supply], account: deployer, chain: null },
  })
  const token = (await receiptOf(l1.client, hash)).contractAddress!
  ether = await deploySettlement({ l2ChainId: 901n, batcher: batcher.address }, dependencies)
  metis = await deploySettlement(
    {
      ...{ l2ChainId: 902n, batcher: batcher.address, owner: stranger.address, gasLimit: 40_000_000n },
      gasToken: { type: 'erc20', token, capacityWei: supply },
      pool: { operator: stranger.address, handOverDelaySeconds: 60n },
    },
    dependencies,
  )
})
afterAll(async () => {
  await l1?.[Symbol.asyncDispose]()
})

const lower = (value: object): unknown =>
  JSON.parse(JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part)).toLowerCase())
const open = (systemConfig: Address, nativeTokenBridge?: Address) =>
  openSettlement({ systemConfig, nativeTokenBridge }, { l1: l1.client })
const refusalOf = async (act: Promise<unknown>) => {
  const error = await act.then(
    () => undefined,
    error => error,
  )
  return isL2Error(error) ? [error.code, error.shortMessage] : [error]
}

describe('openSettlement', () => {
  it('finds what was deployed, from the system configuration, with ether and with a token for gas', async () => {
    for (const { addresses, batchInbox, systemConfig, l1Origin } of [ether, metis]) {
      const found = await open(addresses.systemConfig, addresses.nativeTokenBridge)
      expect(lower({ ...found, startBlock: 0 })).toEqual(lower({ addresses, batchInbox, systemConfig, startBlock: 0 }))
      expect(found.startBlock > 0n && found.startBlock <= l1Origin.number).toBe(true)
    }
    expect(metis.addresses.pool).toBeDefined()
    expect((await open(ether.addresses.systemConfig)).addresses.pool).toBeUndefined()
  })

  it('serves to anchor the chain, as what was deployed does', async () => {
    const { addresses } = await open(ether.addresses.systemConfig)
    const output = { root: `0x${'11'.repeat(32)}`, number: 0n } as const
    expect(await anchorSettlement({ addresses, output }, { client: l1.client, account: deployer, artifacts })).toBe(
      true,
    )
    expect((await open(ether.addresses.systemConfig)).addresses).toEqual(addresses)
  })

  it('says what is no system configuration, and what is not of the same chain', async () => {
    const { optimismPortal } = ether.addresses
    for (const wrong of [stranger.address, optimismPortal])
      expect(await refusalOf(open(wrong))).toEqual(['SETTLEMENT_UNKNOWN', `${wrong} does not answer optimismPortal()`])
    // Bridges of nobody and of another chain.
    const bridge = metis.addresses.nativeTokenBridge!
    const [code, message] = await refusalOf(open(ether.addresses.systemConfig, bridge))
    expect([code, message]).toEqual([
      'SETTLEMENT_UNKNOWN',
      `the bridge ${bridge} is of another chain's messenger: ${getAddress(metis.addresses.l1CrossDomainMessenger)}`,
    ])
    const nobody = await refusalOf(open(metis.addresses.systemConfig, stranger.address))
    expect(nobody).toEqual(['SETTLEMENT_UNKNOWN', `${stranger.address} does not answer messenger()`])
    // A configuration that names the portal of another chain.
    const { abi } = artifacts.contract('SystemConfig')
    const slot = '0x4b6c74f9e688cb39801f2112c14a8c57232a3fc5202e1444126d4bce86eb19ac'
    const call = { address: metis.addresses.systemConfig, abi, functionName: 'OPTIMISM_PORTAL_SLOT' } as const
    expect(await l1.client.readContract(call)).toBe(slot)
    const before = await l1.client.getStorageAt({ address: metis.addresses.systemConfig, slot })
    const index = { address: metis.addresses.systemConfig, index: slot } as const
    await l1.test.setStorageAt({ ...index, value: `0x${'00'.repeat(12)}${optimismPortal.slice(2)}` })
    expect((await refusalOf(open(metis.addresses.systemConfig)))[1]).toMatch(/obeys another system configuration/)
    await l1.test.setStorageAt({ ...index, value: before! })
  })

  it('tells an L1 that is away from contracts that are not there, and refuses what is no address', async () => {
    const away = { request: () => Promise.reject(new Error('gone')) }
    const options = { systemConfig: ether.addresses.systemConfig }
    expect((await refusalOf(openSettlement(options, { l1: away })))[0]).toBe('L1_UNAVAILABLE')
    for (const wrong of [{ systemConfig: '0x' }, { ...options, nativeTokenBridge: 1 }, { ...options, more: 1 }])
      expect((await refusalOf(openSettlement(wrong as never, { l1: l1.client })))[0]).toBe('SETTLEMENT_OPTIONS_INVALID')
  })
})
