import { isL2Error } from '@l2/common'
import { receiptOf } from '@l2/common/testing'
import { type Abi, type Address, keccak256, parseEther, stringToHex, toHex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openArtifacts } from '../node/artifacts.js'
import { type AnvilL1, accounts, startL1 } from '../testing/dev-l1.js'
import { anchorSettlement } from './anchor.js'
import { cannonGameType, type DeployedSettlement, deploySettlement } from './deploy.js'

const [deployer, batcher, stranger] = accounts
const artifacts = openArtifacts()
const codeOf = async (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => undefined,
    error => (isL2Error(error) ? error.code : error),
  )

let l1: AnvilL1
let settlement: DeployedSettlement
beforeAll(async () => {
  l1 = await startL1()
  settlement = await deploySettlement(
    { l2ChainId: 901n, batcher: batcher.address, guardian: stranger.address },
    { client: l1.client, account: deployer, artifacts },
  )
})
afterAll(async () => {
  await l1?.[Symbol.asyncDispose]()
})

const read = (address: Address, contract: string, functionName: string, args: readonly unknown[] = []) =>
  l1.client.readContract({ address, abi: artifacts.contract(contract).abi as Abi, functionName, args })

describe('deploySettlement', () => {
  it('writes what the rollup is told into the system configuration, and names every contract there', async () => {
    const { addresses, systemConfig, batchInbox } = settlement
    const config = (functionName: string) => read(addresses.systemConfig, 'SystemConfig', functionName)
    expect(await config('batcherHash')).toBe(`0x${'00'.repeat(12)}${batcher.address.slice(2).toLowerCase()}`)
    expect(await config('gasLimit')).toBe(systemConfig.gasLimit)
    expect(await config('scalar')).toBe(systemConfig.scalar)
    expect(String(await config('batchInbox')).toLowerCase()).toBe(batchInbox)
    expect(batchInbox).toMatch(/^0x00[0-9a-f]{38}$/)
    expect(await config('owner')).toBe(deployer.address)
    expect(await config('optimismPortal')).toBe(addresses.optimismPortal)
    expect(await config('disputeGameFactory')).toBe(addresses.disputeGameFactory)
    expect(await config('l1CrossDomainMessenger')).toBe(addresses.l1CrossDomainMessenger)
    expect(await config('l1StandardBridge')).toBe(addresses.l1StandardBridge)
    expect(await read(addresses.optimismPortal, 'OptimismPortal2', 'guardian')).toBe(stranger.address)
    expect(await read(addresses.optimismPortal, 'OptimismPortal2', 'version')).toBe('3.10.0')
  })

  it('begins the chain after the last event of the configuration', async () => {
    const logs = await l1.client.getLogs({ address: settlement.addresses.systemConfig, fromBlock: 0n })
    expect(logs.length).toBeGreaterThan(3)
    for (const { blockNumber } of logs) expect(blockNumber <= settlement.l1Origin.number).toBe(true)
  })

  it('takes deposits as soon as it is there', async () => {
    const hash = await l1.wallet(stranger).writeContract({
      address: settlement.addresses.optimismPortal,
      abi: artifacts.contract('OptimismPortal2').abi,
      functionName: 'depositTransaction',
      args: [stranger.address, parseEther('1'), 100_000n, false, '0x'],
      value: parseEther('1'),
      account: stranger,
      chain: null,
    })
    const receipt = await receiptOf(l1.client, hash)
    expect(receipt.status).toBe('success')
    expect(receipt.blockNumber > settlement.l1Origin.number).toBe(true)
  })

  it('allows no game before the genesis is known, and one after it', async () => {
    const { addresses } = settlement
    const factory = artifacts.contract('DisputeGameFactory').abi
    const propose = () =>
      l1.client.simulateContract({
        address: addresses.disputeGameFactory,
        abi: factory,
        functionName: 'create',
        args: [cannonGameType, keccak256(stringToHex('a root')), toHex(7, { size: 32 })],
        value: parseEther('0.08'),
        account: stranger,
      })
    await expect(propose()).rejects.toThrow()
    const output = { root: keccak256(stringToHex('genesis')), number: 0n }
    const dependencies = { client: l1.client, account: deployer, artifacts }
    expect(await anchorSettlement({ addresses, output, owner: stranger.address }, dependencies)).toBe(true)
    expect(await anchorSettlement({ addresses, output, owner: stranger.address }, dependencies)).toBe(false)
    expect(await read(addresses.anchorStateRegistry, 'AnchorStateRegistry', 'anchors', [0])).toEqual([output.root, 0n])
    expect(await read(addresses.proxyAdmin, 'ProxyAdmin', 'owner')).toBe(stranger.address)
    await propose()
    const other = { addresses, output: { ...output, root: keccak256(stringToHex('another')) } }
    expect(await codeOf(anchorSettlement(other, dependencies))).toBe('ANCHOR_DIFFERS')
  })

  it('goes on after blocks that do not hold all, and pools that forget the rest', async () => {
    await using small = await startL1(['--gas-limit', '17000000'])
    await small.test.setIntervalMining({ interval: 0 })
    const deployed = await deploySettlement(
      { l2ChainId: 902n, batcher: batcher.address },
      { client: small.client, account: deployer, artifacts },
      { onSent: () => small.test.mine({ blocks: 1 }) },
    )
    expect(deployed.l1Origin.number).toBeGreaterThan(2n)
    expect(deployed.transactions).toBe(await small.client.getTransactionCount({ address: deployer.address }))
  })

  it('names the transaction that L1 refuses', async () => {
    const error = await deploySettlement(
      // A limit below what the meter lets in: the contract refuses it.
      { l2ChainId: 901n, batcher: batcher.address, gasLimit: 20_999_999n },
      { client: l1.client, account: deployer, artifacts },
    ).catch(error => error)
    expect(isL2Error(error, 'TRANSACTION_FAILED')).toBe(true)
    expect(error.message).toContain('SystemConfig')
  })

  it('refuses options before it sends anything', async () => {
    const nonce = await l1.client.getTransactionCount({ address: deployer.address })
    for (const wrong of [
      { batcher: '0x' },
      { batcher: `0x${'00'.repeat(20)}` },
      { gasLimit: -1n },
      { unknown: 1 },
      { windows: { proofMaturitySeconds: 1 } },
      { feeScalars: { baseFee: 2n ** 32n, blobBaseFee: 0n } },
    ]) {
      const options = { l2ChainId: 901n, batcher: batcher.address, ...wrong } as never
      const act = deploySettlement(options, { client: l1.client, account: deployer, artifacts })
      expect(await codeOf(act)).toBe('SETTLEMENT_OPTIONS_INVALID')
    }
    expect(await l1.client.getTransactionCount({ address: deployer.address })).toBe(nonce)
  })
})
