import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { devTokenAbi, devTokenBytecode } from '@l2/contracts/testing/dev-token'
import { hashSequencerHeader } from '@l2/sequencer-core/block'
import { hashReceipt } from '@l2/sequencer-core/ordering'
import { signingHash } from '@l2/staking/evidence'
import { createWalletClient, defineChain, http, parseEther, publicActions } from 'viem'
import { generatePrivateKey, mnemonicToAccount, privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { devMnemonic } from '../src/dev-accounts.js'
import { ask, type RunningNode, runNode, startNode, until } from './running-node.js'

const chainId = 59_900
const directory = mkdtempSync(join(tmpdir(), 'l2-node-test-'))
const alice = mnemonicToAccount(devMnemonic, { addressIndex: 0 })
const bob = mnemonicToAccount(devMnemonic, { addressIndex: 1 })
let node: RunningNode

function wallet(account = alice) {
  const chain = defineChain({
    id: chainId,
    name: 'Rollup',
    nativeCurrency: { name: 'Metis', symbol: 'METIS', decimals: 18 },
    rpcUrls: { default: { http: [node.url] } },
  })
  return createWalletClient({ account, chain, transport: http(), pollingInterval: 200 }).extend(publicActions)
}

beforeAll(async () => {
  node = await startNode('--data', directory)
})
afterAll(async () => {
  await node?.kill('SIGTERM')
  rmSync(directory, { recursive: true, force: true })
})

const transfer = {
  chainId,
  to: bob.address,
  value: 1n,
  gas: 21_000n,
  maxFeePerGas: 4_000_000_000n,
  maxPriorityFeePerGas: 1_000_000_000n,
} as const
const send = async (
  account: { signTransaction(transaction: never): Promise<string> },
  change: object,
): Promise<{ code: number; message: string } | undefined> => {
  const raw = await account.signTransaction({ type: 'eip1559', ...transfer, ...change } as never)
  return (await ask(node.url, 'eth_sendRawTransaction', [raw])).error
}

describe('an ordinary viem client', () => {
  it('sends, deploys, calls, reads logs and sees the heads in order', async () => {
    const client = wallet()
    const hash = await client.sendTransaction({ to: bob.address, value: parseEther('1') })
    const receipt = await client.waitForTransactionReceipt({ hash })
    expect(receipt.status).toBe('success')
    expect((await client.getTransaction({ hash })).blockNumber).toBe(receipt.blockNumber)

    const deployment = await client.deployContract({
      abi: devTokenAbi,
      bytecode: devTokenBytecode,
      args: [1000n],
    })
    const token = (await client.waitForTransactionReceipt({ hash: deployment })).contractAddress!
    const call = { address: token, abi: devTokenAbi, functionName: 'transfer', args: [bob.address, 10n] } as const
    const { request } = await client.simulateContract({ ...call, account: alice })
    await client.waitForTransactionReceipt({ hash: await client.writeContract(request) })
    expect(
      await client.readContract({ address: token, abi: devTokenAbi, functionName: 'balanceOf', args: [bob.address] }),
    ).toBe(10n)
    const events = await client.getContractEvents({
      address: token,
      abi: devTokenAbi,
      eventName: 'Transfer',
      fromBlock: 0n,
    })
    expect(events.map(event => event.args.value)).toEqual([1000n, 10n])
    await expect(client.simulateContract({ ...call, args: [bob.address, 10_000n] })).rejects.toThrow('balance too low')

    await until(node, 'the transaction is safe', async () => {
      return (await client.getBlock({ blockTag: 'safe' })).number >= receipt.blockNumber
    })
    // One after the other: each goes on while the next is asked for.
    const finalized = await client.getBlock({ blockTag: 'finalized' })
    const safe = await client.getBlock({ blockTag: 'safe' })
    const latest = await client.getBlock({ blockTag: 'latest' })
    expect(safe.number).toBeGreaterThanOrEqual(receipt.blockNumber)
    expect(latest.number).toBeGreaterThanOrEqual(safe.number)
    expect(safe.number).toBeGreaterThanOrEqual(finalized.number)
  })

  it('sees its waiting transactions in the pending nonce', async () => {
    const client = wallet(bob)
    const nonce = await client.getTransactionCount({ address: bob.address, blockTag: 'pending' })
    const hash = await client.sendTransaction({ to: alice.address, value: 1n, nonce, gas: 21_000n })
    expect(await client.getTransactionCount({ address: bob.address, blockTag: 'pending' })).toBe(nonce + 1)
    await client.waitForTransactionReceipt({ hash })
  })
})

describe('bad input', () => {
  const poor = privateKeyToAccount(generatePrivateKey())

  it.each<[string, () => Promise<{ code: number; message: string } | undefined>, number, RegExp]>([
    ['malformed', async () => (await ask(node.url, 'eth_sendRawTransaction', ['0x02c0'])).error, -32000, /./],
    [
      'not hex',
      async () => (await ask(node.url, 'eth_sendRawTransaction', ['zz'])).error,
      -32602,
      /invalid argument 0/,
    ],
    [
      'no argument',
      async () => (await ask(node.url, 'eth_sendRawTransaction', [])).error,
      -32602,
      /^missing value for required argument 0$/,
    ],
    ['wrong chain', () => send(alice, { chainId: 1, nonce: 99 }), -32000, /invalid chain id for signer/],
    ['unfunded', () => send(poor, { nonce: 0 }), -32000, /^insufficient funds for gas \* price \+ value/],
    ['nonce too low', () => send(alice, { nonce: 0 }), -32000, /^nonce too low/],
    ['underpriced', () => send(alice, { nonce: 5000, maxPriorityFeePerGas: 0n }), -32000, /underpriced|tip/],
    ['too little gas', () => send(alice, { nonce: 5000, gas: 20_000n }), -32000, /^intrinsic gas too low/],
    [
      'more gas than a block',
      () => send(alice, { nonce: 5000, gas: 31_000_000n }),
      -32000,
      /exceeds block gas limit|gas limit/,
    ],
    ['unknown method', async () => (await ask(node.url, 'eth_nothing')).error, -32601, /does not exist/],
    [
      'unknown tag',
      async () => (await ask(node.url, 'eth_getBalance', [alice.address, 'soon'])).error,
      -32602,
      /invalid argument/,
    ],
    [
      'a block of the future',
      async () => (await ask(node.url, 'eth_getBalance', [alice.address, '0xffffff'])).error,
      -32000,
      /header not found/,
    ],
  ])('%s', async (_, request, code, message) => {
    const error = await request()
    expect(error?.code).toBe(code)
    expect(error?.message).toMatch(message)
  })

  it('the same transaction twice, and a replacement that pays too little', async () => {
    const nonce = 9000
    expect(await send(alice, { nonce })).toBeUndefined()
    expect((await send(alice, { nonce }))?.message).toBe('already known')
    expect((await send(alice, { nonce, value: 2n }))?.message).toMatch(/^replacement transaction underpriced/)
  })

  it.each([
    ['no JSON', '{', 200, -32700],
    ['no request', '[]', 200, -32600],
    ['a number', '7', 200, -32600],
    [
      'over 5 MiB',
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_call', params: ['0'.repeat(5 * 1024 * 1024)] }),
      413,
      -32600,
    ],
  ])('a body with %s', async (_, body, status, code) => {
    const response = await fetch(node.url, { method: 'POST', body })
    expect(response.status).toBe(status)
    expect(((await response.json()) as { error: { code: number } }).error.code).toBe(code)
  })

  it('answers a batch in order, notifications left out', async () => {
    const requests = [
      { jsonrpc: '2.0', id: 1, method: 'eth_chainId' },
      { jsonrpc: '2.0', method: 'eth_chainId' },
      { jsonrpc: '2.0', id: 'x', method: 'nothing' },
    ]
    const response = await fetch(node.url, { method: 'POST', body: JSON.stringify(requests) })
    const answers = (await response.json()) as { id: unknown; result?: string }[]
    expect(answers.map(({ id }) => id)).toEqual([1, 'x'])
    expect(answers[0]!.result).toBe('0xe9fc')
  })

  it('and the node goes on', async () => {
    const { result } = await ask(node.url, 'eth_chainId')
    expect(result).toBe('0xe9fc')
    await until(node, 'health', async () => (await fetch(`${node.url}/healthz`)).status === 200)
    const metrics = await (await fetch(`${node.url}/metrics`)).text()
    expect(metrics).toMatch(/^l2_node_head_number \d+$/m)
  })
})

describe('what only a rollup has', () => {
  it('schedule, pool, rate, header and books', async () => {
    type Slot = { leader: string; firstBlock: string; lastBlock: string }
    const schedule = (await ask(node.url, 'l2_leaderSchedule')).result as unknown as Slot[]
    expect(schedule.length).toBeGreaterThan(0)
    const pool = (await ask(node.url, 'l2_pool')).result as unknown as {
      sequencers: { stakeWei: string; signer: string }[]
    }
    expect(pool.sequencers.map(({ stakeWei }) => stakeWei)).toEqual(Array(3).fill(String(20_000n * 10n ** 18n)))
    const lst = (await ask(node.url, 'l2_lst')).result as unknown as { rate: string; seats: unknown[] }
    expect(BigInt(lst.rate)).toBeGreaterThanOrEqual(10n ** 27n)
    const { header } = (await ask(node.url, 'l2_header', ['0x1'])).result as unknown as {
      header: { height: string; forcedUpTo: string }
    }
    expect(header.height).toBe('1')
    const books = (await ask(node.url, 'l2_economics')).result as unknown as {
      totals: { feesIn: string; costsOut: string; profit: string }
    }
    expect(BigInt(books.totals.profit)).toBe(BigInt(books.totals.feesIn) - BigInt(books.totals.costsOut))
  })
})

describe('money', () => {
  it('wallets are told where L1 is and what is on it, and blocks are proposed there', async () => {
    const told = (await ask(node.url, 'l2_contracts')).result as unknown as {
      l1Url: string
      contracts: Record<string, string>
    }
    for (const name of ['optimismPortal', 'nativeTokenBridge', 'metis', 'disputeGameFactory']) {
      const code = await ask(told.l1Url, 'eth_getCode', [told.contracts[name], 'latest'])
      expect(String(code.result).length, name).toBeGreaterThan(100)
    }
    type Settling = { settlement: { proposer: { last?: { number: string } } } }
    const proposed = async () =>
      ((await ask(node.url, 'l2_status')).result as unknown as Settling).settlement.proposer.last
    await expect.poll(proposed, { timeout: 200_000, interval: 500 }).toBeDefined()
    expect(Number((await proposed())!.number)).toBeGreaterThan(0)
  })
})

describe('ordering', () => {
  it('how the next channel is planned, and why; and what was posted', async () => {
    type Batch = { firstBlock: string; transactions: number; l1Block?: string }
    await expect
      .poll(async () => (await ask(node.url, 'l2_batches', [5])).result as unknown as Batch[], { timeout: 200_000 })
      .not.toEqual([])
    // Planned when the second channel begins.
    const plan = async () =>
      (await ask(node.url, 'l2_plan')).result as unknown as {
        plan: { da: string; compressor: string; maxChannelDurationBlocks: string } | null
        explanation: string[]
      }
    await expect.poll(async () => (await plan()).plan, { timeout: 200_000 }).not.toBeNull()
    const { plan: planned, explanation } = await plan()
    expect(planned).toMatchObject({ da: 'blobs', maxChannelDurationBlocks: '3' })
    expect(explanation[0]).toMatch(/^blobs: 1,000 transactions cost \d+ wei/)
    expect((await ask(node.url, 'l2_batches', [-1])).error?.code).toBe(-32602)
  })

  it('every block is acquitted by its judge, and a receipt holds its sequencer to a place', async () => {
    const client = wallet(bob)
    const hash = await client.sendTransaction({ to: alice.address, value: 1n, gas: 21_000n })
    const { blockNumber } = await client.waitForTransactionReceipt({ hash })
    const receipt = (await ask(node.url, 'l2_orderingReceipt', [hash])).result as unknown as {
      txHash: string
      signature: string
    }
    expect(receipt.txHash).toBe(hash)
    expect(receipt.signature).toMatch(/^0x[0-9a-f]{130}$/)
    for (let number = 1n; number <= blockNumber; number++) {
      const { result } = await ask(node.url, 'l2_verifyOrdering', [`0x${number.toString(16)}`])
      // Blocks behind the finalized one are kept for a while only.
      if (result !== null) expect(result).toEqual([])
    }
    expect((await ask(node.url, 'l2_verifyOrdering', [`0x${blockNumber.toString(16)}`])).result).toEqual([])
  })
})

describe('what two packages sign alike', () => {
  it('headers and receipts hash to the same in both', () => {
    const domain = {
      name: 'L2 Sequencer',
      version: '1',
      chainId: 7n,
      verifyingContract: `0x${'0a'.repeat(20)}`,
    } as const
    const word = `0x${'0b'.repeat(32)}` as const
    const header = {
      epochId: 1n,
      term: 2,
      height: 3n,
      parentHash: word,
      txRoot: word,
      stateRoot: word,
      timestamp: 4n,
      l1OriginNumber: 5n,
      l1OriginHash: word,
      forcedUpTo: 6n,
    }
    expect(signingHash(domain, 'SequencerHeader', header)).toBe(
      hashSequencerHeader(header, { chainId: 7n, rollup: domain.verifyingContract }),
    )
    const receipt = { txHash: word, epochId: 1n, term: 2, sequenceNo: 3n, notAfterHeight: 4n }
    expect(signingHash(domain, 'Receipt', receipt)).toBe(hashReceipt(receipt, domain))
  })
})

describe('starting', () => {
  it('a taken port: one line, exit code 1', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const { code, output } = await runNode('--port', String(port))
    server.close()
    expect(code).toBe(1)
    // Nothing was started for it.
    expect(output.trim()).toBe(`port ${port} of 127.0.0.1 is taken: pass another with --port`)
  })

  it('a dead L1: one line, exit code 1', async () => {
    const { code, output } = await runNode('--port', '0', '--l1', 'http://127.0.0.1:9/key?token=secret')
    expect(code).toBe(1)
    expect(output.trim()).toBe('L1 does not answer at http://127.0.0.1:9')
  })

  it('a data directory of another chain, or in use: one line, exit code 1', async () => {
    const inUse = await runNode('--port', '0', '--data', directory)
    expect(inUse).toEqual({ code: 1, output: `${directory} is in use by the node with process id ${node.pid}\n` })
  })

  it('wrong options: what is wrong, exit code 1', async () => {
    expect(await runNode('--da', 'stone')).toMatchObject({ code: 1 })
    expect((await runNode('--for', 'ever')).code).not.toBe(0)
    const hasty = await runNode('--port', '0', '--latency', '1s')
    expect(hasty.output.trim().split('\n').at(-1)).toBe('--latency: L1 needs 6 s at least')
    expect(hasty.code).toBe(1)
  })

  it('a clean stop, and going on from there', async () => {
    const before = BigInt((await ask(node.url, 'eth_blockNumber')).result!)
    const { result: firstBlock } = await ask(node.url, 'eth_getBlockByNumber', ['0x1', false])
    expect(await node.kill('SIGINT')).toBe(0)
    const other = await runNode('--port', '0', '--data', directory, '--chain-id', '77')
    expect(other.code).toBe(1)
    expect(other.output.trim().split('\n').at(-1)).toBe(`${directory} holds another chain: chain id 59900, not 77`)

    node = await startNode('--data', directory)
    expect(BigInt((await ask(node.url, 'eth_blockNumber')).result!)).toBeGreaterThanOrEqual(before)
    expect((await ask(node.url, 'eth_getBlockByNumber', ['0x1', false])).result).toEqual(firstBlock)
    const client = wallet()
    const hash = await client.sendTransaction({ to: bob.address, value: 1n })
    expect((await client.waitForTransactionReceipt({ hash })).status).toBe('success')
  })
})
