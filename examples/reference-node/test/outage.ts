import type { Hex } from 'viem'
import { expect } from 'vitest'
import type { CuttableL1 } from './cuttable-l1.js'
import { ask, type RunningNode, until } from './running-node.js'
import { createTransfers } from './transfers.js'

/** What L1 carries for a chain. */
export type Carried = {
  /** Calldata of transactions without blobs. */
  inputs: Hex[]
  blobTransactions: number
}

export const blockNumber = async (node: RunningNode, tag: string): Promise<bigint> =>
  BigInt(((await ask(node.url, 'eth_getBlockByNumber', [tag, false])).result as unknown as { number: Hex }).number)

/** Reads L1 from its first block to its last. */
export async function readL1(url: string): Promise<Carried> {
  const carried: Carried = { inputs: [], blobTransactions: 0 }
  const head = BigInt((await ask(url, 'eth_blockNumber')).result!)
  for (let block = 0n; block <= head; block++) {
    type Transaction = { to: Hex | null; input: Hex; type: Hex }
    const { result } = await ask(url, 'eth_getBlockByNumber', [`0x${block.toString(16)}`, true])
    for (const transaction of (result as unknown as { transactions: Transaction[] }).transactions) {
      if (transaction.type === '0x3') carried.blobTransactions++
      else carried.inputs.push(transaction.input)
    }
  }
  return carried
}

/** Cuts L1 off while users go on, gives it back, and waits until everything of the outage is safe. */
export async function surviveL1Outage(node: RunningNode, l1: CuttableL1): Promise<Carried> {
  const send = createTransfers()
  const transfer = () => send(node.url)
  const number = (tag: string) => blockNumber(node, tag)
  const hashes = [await transfer()]
  await until(node, 'a safe block from L1', async () => (await number('safe')) > 0n)

  l1.cut = true
  const atCut = await number('latest')
  hashes.push(await transfer(), await transfer())
  await until(node, 'blocks without L1', async () => (await number('latest')) > atCut + 15n)
  hashes.push(await transfer())
  await until(
    node,
    'the transaction of the outage',
    async () => (await ask(node.url, 'eth_getTransactionReceipt', [hashes.at(-1)])).result !== null,
  )
  const during = await number('latest')
  // What L1 had before it was cut off may be derived later; what was made since cannot be.
  expect(await number('safe')).toBeLessThanOrEqual(atCut)

  l1.cut = false
  await until(node, 'everything of the outage safe', async () => (await number('safe')) >= during)
  for (const hash of hashes) {
    const { result } = await ask(node.url, 'eth_getTransactionReceipt', [hash])
    expect(result, hash).not.toBeNull()
  }
  return readL1(l1.directUrl)
}
