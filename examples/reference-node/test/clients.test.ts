import { devTokenAbi, devTokenBytecode } from '@l2/contracts/testing/dev-token'
import { bytesToHex } from 'viem'
import { generatePrivateKey, mnemonicToAccount, privateKeyToAddress } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { devMnemonic } from '../src/dev-accounts.js'
import { clientPrograms } from './client-programs.js'
import { type RunningNode, startNode, withoutBlobs } from './running-node.js'

const clients = await clientPrograms()
/** Of one of the development accounts: each client has its own, for they run side by side. */
const keyOf = (addressIndex: number) =>
  bytesToHex(mnemonicToAccount(devMnemonic, { addressIndex }).getHdKey().privateKey!)

describe.skipIf(clients === undefined)('clients as npm has them', () => {
  let node: RunningNode
  beforeAll(async () => {
    node = await startNode(...withoutBlobs)
  })
  afterAll(async () => {
    clients?.close()
    await node?.kill('SIGTERM')
  })
  const run = (program: string, account: number, version?: string) =>
    clients!.run(
      program,
      {
        ...{ url: node.url, chainId: 59_900, key: keyOf(account), other: privateKeyToAddress(generatePrivateKey()) },
        token: { abi: devTokenAbi, bytecode: devTokenBytecode },
      },
      version,
    )

  it.concurrent('viem: deploys, waits, calls many at once, simulates, watches over HTTP and WebSocket', async () => {
    const found = await run('viem.mjs', 1)
    expect(found).toMatchObject({
      status: 'success',
      balance: '10',
      supply: '1000',
      events: ['1000', '10'],
      sync: 'success',
    })
    expect(found['refused']).toMatch(/balance too low/)
    expect(found).toMatchObject({ simulated: 'success', blobBaseFee: '1', byHash: true })
    expect(found['seen']).toEqual({ heads: true, logs: true, pending: true, polled: true })
  })

  it.concurrent('ethers: reads what waits, waits for it, and listens', async () => {
    const found = await run('ethers.mjs', 2)
    expect(found).toMatchObject({
      status: 1,
      balance: '30',
      events: ['1000', '10', '10', '10'],
      pendingRead: 3,
      byHash: true,
    })
    expect(found['refused']).toBe('balance too low')
    expect(found['seen']).toEqual({ heads: true, logs: true, pending: true, polled: true })
  })

  it.concurrent('web3.js: sends, reads events, and subscribes', async () => {
    const found = await run('web3.mjs', 3)
    expect(found).toMatchObject({ status: 1, balance: '10', events: ['1000', '10'] })
    expect(found['refused']).toMatch(/balance too low/)
    expect(found['seen']).toEqual({ heads: true, logs: true, pending: true })
  })

  it.concurrent('hardhat with ethers, under the Node that it wants', async () => {
    const found = await run('hardhat.mjs', 4, '24')
    expect(found).toMatchObject({ status: 1, balance: '10', events: ['1000', '10'] })
    expect(found['refused']).toMatch(/balance too low/)
  })
})
