import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Hex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startAnvilL1 } from './anvil-l1.js'
import { ask, type RunningNode, startNode, until } from './running-node.js'
import { createTransfers } from './transfers.js'

/** An L1 behind a line that can be cut. */
type CuttableL1 = { url: string; directUrl: string; cut: boolean; close(): Promise<void> }

async function startL1(): Promise<CuttableL1> {
  const { url: directUrl, close } = await startAnvilL1()
  const l1: CuttableL1 = { url: '', directUrl, cut: false, close: async () => {} }
  const server: Server = createServer(async (request, response) => {
    if (l1.cut) return request.socket.destroy()
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const hasBody = request.method === 'POST'
    const answer = await fetch(directUrl + request.url, {
      method: request.method ?? 'GET',
      headers: { accept: String(request.headers.accept ?? '*/*'), 'content-type': 'application/json' },
      ...(hasBody ? { body: Buffer.concat(parts) } : {}),
    })
    const body = Buffer.from(await answer.arrayBuffer())
    if (l1.cut) return request.socket.destroy()
    response
      .writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' })
      .end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  l1.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  l1.close = async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
    await close()
  }
  return l1
}

let l1: CuttableL1
let node: RunningNode
beforeAll(async () => {
  l1 = await startL1()
  node = await startNode('--l1', l1.url, '--da', 'router', '--stall', '6s')
})
afterAll(async () => {
  await node?.kill('SIGTERM')
  await l1?.close()
})

const number = async (tag: string): Promise<bigint> =>
  BigInt(((await ask(node.url, 'eth_getBlockByNumber', [tag, false])).result as unknown as { number: Hex }).number)

const send = createTransfers()
const transfer = () => send(node.url)

describe('L1 cut off', () => {
  it('the chain goes on, its data goes to Celestia, and everything is safe once L1 is back', {
    timeout: 400_000,
  }, async () => {
    const hashes = [await transfer()]
    await until(node, 'a safe block from L1', async () => (await number('safe')) > 0n)

    l1.cut = true
    const atCut = await number('latest')
    hashes.push(await transfer(), await transfer())
    await until(node, 'blocks without L1', async () => (await number('latest')) > atCut + 15n)
    const safeAtCut = await number('safe')
    hashes.push(await transfer())
    await until(
      node,
      'the transaction of the outage',
      async () => (await ask(node.url, 'eth_getTransactionReceipt', [hashes.at(-1)])).result !== null,
    )
    const during = await number('latest')
    expect(await number('safe')).toBe(safeAtCut)

    l1.cut = false
    await until(node, 'everything of the outage safe', async () => (await number('safe')) >= during)
    for (const hash of hashes) {
      const { result } = await ask(node.url, 'eth_getTransactionReceipt', [hash])
      expect(result, hash).not.toBeNull()
    }

    // The inbox holds both: blobs, and commitments (01) to what Celestia keeps (generic type 01, layer 0c).
    const inputs: Hex[] = []
    const head = BigInt((await ask(l1.directUrl, 'eth_blockNumber')).result!)
    let blobTransactions = 0
    for (let block = 0n; block <= head; block++) {
      type Transaction = { to: Hex | null; input: Hex; type: Hex }
      const { result } = await ask(l1.directUrl, 'eth_getBlockByNumber', [`0x${block.toString(16)}`, true])
      for (const transaction of (result as unknown as { transactions: Transaction[] }).transactions) {
        if (transaction.type === '0x3') blobTransactions++
        else inputs.push(transaction.input)
      }
    }
    expect(blobTransactions).toBeGreaterThan(0)
    expect(inputs.filter(input => input.startsWith('0x01010c')).length).toBeGreaterThan(0)
  })
})
