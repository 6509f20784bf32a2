import { anvilBeacon, createBeacon } from '@l2/blob'
import { cKzg } from '@l2/blob/c-kzg'
import type { Closable } from '@l2/common'
import { receiptOf, seededRandom } from '@l2/common/testing'
import {
  createWalletClient,
  encodeEventTopics,
  encodeFunctionData,
  type Hex,
  http,
  keccak256,
  toFunctionSelector,
  toHex,
} from 'viem'
import { foundry } from 'viem/chains'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Anvil, anvilAccounts, startAnvil } from '../internal/anvil.js'
import type { DataAvailability } from '../port.js'
import { createBlobDa } from './blobs.js'
import { createCalldataDa } from './calldata.js'
import { createEthereumChallenges, dataAvailabilityChallengeAbi } from './challenges.js'
import { createTransactionManager, type TransactionManager } from './transaction-manager.js'

const inbox = '0x003e30a4f0e31d8ec3b8e98957bc7fedf7f6fb56'
const random = seededRandom(7)
let anvil: Anvil
const kzg = cKzg()
beforeAll(async () => {
  anvil = await startAnvil(['--hardfork', 'osaka'])
})
afterAll(() => anvil?.close())

const open: Closable[] = []
afterAll(async () => {
  for (const item of open) await item.close()
})

function manager(account: number): TransactionManager {
  const made = createTransactionManager(
    { confirmations: 1, pollMs: 30 },
    { client: anvil.client, account: anvilAccounts[account]! },
  )
  open.push(made)
  return made
}

function adapters(account: number): {
  calldata: DataAvailability
  blobs: DataAvailability
  transactions: TransactionManager
} {
  const transactions = manager(account)
  const { client } = anvil
  return {
    transactions,
    calldata: createCalldataDa({ inbox }, { client, transactions }),
    blobs: createBlobDa(
      { inbox },
      { client, transactions, kzg, beacons: [createBeacon({ url: anvil.url, ...anvilBeacon })] },
    ),
  }
}

describe('createCalldataDa', () => {
  it('posts the item as the calldata of one transaction to the inbox', async () => {
    const { calldata } = adapters(0)
    const data = random.bytes(1000)
    const { commitments, height } = await calldata.submit([data])
    expect(await calldata.get(commitments[0]!)).toEqual(data)
    const block = await anvil.client.getBlock({ blockNumber: height, includeTransactions: true })
    expect(block.transactions[0]).toMatchObject({ to: inbox, input: `0x${Buffer.from(data).toString('hex')}` })
    expect(await calldata.status(commitments[0]!)).toBe('included')
    await anvil.mine(3)
    expect(await calldata.status(commitments[0]!)).toBe('final')
  })
})

describe('createBlobDa', () => {
  it('posts several items as the blobs of one transaction and reads them back', async () => {
    const { blobs } = adapters(1)
    const items = [random.bytes(130_044), random.bytes(10), random.bytes(5000)]
    const { commitments, height } = await blobs.submit(items)
    const block = await anvil.client.getBlock({ blockNumber: height, includeTransactions: true })
    expect(block.transactions).toHaveLength(1)
    expect(block.transactions[0]).toMatchObject({ to: inbox, input: '0x', type: 'eip4844' })
    for (const [index, item] of items.entries()) {
      expect(await blobs.get(commitments[index]!)).toEqual(item)
      expect(await blobs.verify(commitments[index]!, item)).toBe(true)
    }
    expect(await blobs.verify(commitments[0]!, items[1]!)).toBe(false)
  })

  it('shares one nonce stream with calldata and keeps the order of the calls', async () => {
    const { blobs, calldata } = adapters(2)
    const receipts = await Promise.all([
      calldata.submit([random.bytes(100)]),
      blobs.submit([random.bytes(100)]),
      calldata.submit([random.bytes(100)]),
      calldata.submit([random.bytes(100)]),
    ])
    const heights = receipts.map(({ height }) => height)
    expect([...heights].sort((a, b) => Number(a - b))).toEqual(heights)
    expect(await anvil.client.getTransactionCount({ address: anvilAccounts[2]!.address })).toBe(4)
  })
})

describe('createEthereumChallenges', () => {
  it('finds a challenge, and the data that resolved it', async () => {
    const contract = `0x${'c0'.repeat(20)}` as const
    const abi = dataAvailabilityChallengeAbi
    const topic = encodeEventTopics({ abi, eventName: 'ChallengeStatusChanged' })[0]!.slice(2)
    const resolve = toFunctionSelector('resolve(uint256,bytes,bytes)').slice(2)
    // Emits ChallengeStatusChanged as the contract does, for challenge(…) with status 1 and for resolve(…) with status 2.
    const code = `0x6040600052 63${resolve} 60003560e01c14 80600101602052 6021604052 6020026064 01 6040906060 37 600435 7f${topic} 60a06000a200`
    await anvil.rpc('anvil_setCode', [contract, code.replaceAll(' ', '')])
    const wallet = createWalletClient({ account: anvilAccounts[4]!, chain: foundry, transport: http(anvil.url) })
    const send = async (data: Hex) => {
      const hash = await wallet.sendTransaction({ to: contract, data })
      return (await receiptOf(anvil.client, hash)).blockNumber
    }
    const data = random.bytes(100)
    const hash = keccak256(data, 'bytes')
    const commitment = `0x00${toHex(hash).slice(2)}` as const
    const includedAt = await anvil.client.getBlockNumber()
    const source = createEthereumChallenges({ contract }, { client: anvil.client })
    expect(await source.find(hash, includedAt)).toEqual({})
    const args = [includedAt, commitment] as const
    const challengedAtBlock = await send(encodeFunctionData({ abi, functionName: 'challenge', args }))
    expect(await source.find(hash, includedAt)).toEqual({ challengedAtBlock })
    const delivered = [...args, toHex(data)] as const
    const resolvedAtBlock = await send(encodeFunctionData({ abi, functionName: 'resolve', args: delivered }))
    expect(await source.find(hash, includedAt)).toEqual({ challengedAtBlock, resolvedAtBlock, data })
    expect(await source.find(hash, includedAt, { untilBlock: challengedAtBlock })).toEqual({ challengedAtBlock })
    expect(await source.find(keccak256(random.bytes(3), 'bytes'), includedAt)).toEqual({})
    expect(await source.head()).toBe(resolvedAtBlock)
    // Derivation counts only what L1 does not take back.
    const { number: final } = await anvil.client.getBlock({ blockTag: 'finalized' })
    expect(await createEthereumChallenges({ contract, head: 'finalized' }, { client: anvil.client }).head()).toBe(final)
    expect(final).toBeLessThan(resolvedAtBlock)
  })
})

describe('reading blobs from several endpoints', () => {
  it('passes over those that lie, are down or keep too little, and names what they did when none is left', async () => {
    const { transactions } = adapters(3)
    const { client } = anvil
    const good = createBeacon({ url: anvil.url, ...anvilBeacon })
    const answering = (answer: () => Promise<Response>) =>
      createBeacon({ url: 'http://127.0.0.1:1/key', ...anvilBeacon, fetch: answer as typeof fetch })
    const liar = answering(async () => {
      const body = new Uint8Array(131_072)
      return new Response(body, { headers: { 'content-type': 'application/octet-stream' } })
    })
    const down = answering(async () => {
      throw new TypeError('fetch failed')
    })
    const small = answering(async () => {
      const message = 'the node does not custody enough data columns to reconstruct blobs'
      return Response.json({ code: 404, message }, { status: 404 })
    })
    const bad = [liar, down, small]
    const data = random.bytes(300)
    const da = createBlobDa({ inbox }, { client, transactions, kzg, beacons: [...bad, good] })
    const { commitments } = await da.submit([data])
    expect(await da.get(commitments[0]!)).toEqual(data)
    const read = (beacons: typeof bad) => createBlobDa({ inbox }, { client, kzg, beacons }).get(commitments[0]!)
    await expect(read([down, small])).rejects.toMatchObject({ code: 'DA_UNAVAILABLE' })
    await expect(read([small])).rejects.toMatchObject({ code: 'DA_NOT_CUSTODIED', retry: 'failover' })
    await expect(read(bad)).rejects.toMatchObject({
      code: 'DA_MISMATCH',
      details: {
        endpoints: [/^DA_MISMATCH/, /^DA_UNAVAILABLE/, /^DA_NOT_CUSTODIED/].map(text => expect.stringMatching(text)),
      },
    })
  })

  it('reads without a key, and does not submit without one', async () => {
    const { client } = anvil
    const calldata = createCalldataDa({ inbox }, { client })
    await expect(calldata.submit([random.bytes(10)])).rejects.toMatchObject({ code: 'DA_READ_ONLY' })
  })
})
