import { type ChildProcess, spawn } from 'node:child_process'
import { encodeOpBlob, sendBlobTransaction } from '@l2/blob'
import { createBlobKzg } from '@l2/blob/kzg'
import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { createPublicClient, createWalletClient, type Hash, type Hex, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toSingularBatch } from '../batch/singular.js'
import { encodeBatcherTransaction } from '../channel/frame.js'
import { anvilBinary } from '../engine/anvil-process.js'
import { orderedTrieRoot } from '../rlp/ordered-trie.js'
import {
  createHashEngine,
  createSequencerSimulator,
  framesOfBatches,
  simulatedRollup,
  simulatedTransaction,
} from '../testing/l2-simulator.js'
import { decodeDeposit, encodeDepositLog } from './deposit.js'
import { createDerivationDriver } from './driver.js'
import type { L1Block } from './l1.js'
import { headerHash } from './l1-proof.js'
import { createRpcL1Source, type L1Client } from './l1-rpc.js'
import type { RollupConfig } from './rollup-config.js'
import { encodeConfigUpdate } from './system-config.js'

/** The first two accounts of anvil's development mnemonic. */
const batcher = privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
const other = privateKeyToAccount('0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d')
/** Contracts that emit their calldata as a log: four topics and data, and three topics and data. */
const log4: Hex = '0x60803603806080600037606035604035602035600035846000a400'
const log3: Hex = '0x60603603806060600037604035602035600035836000a300'

let anvil: ChildProcess
let url: string
beforeAll(async () => {
  anvil = spawn(anvilBinary(import.meta.url)!, [
    '--port',
    '0',
    '--chain-id',
    '900',
    '--no-mining',
    '--timestamp',
    '1000',
  ])
  url = await new Promise((resolve, reject) => {
    let text = ''
    anvil.stdout!.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const port = /Listening on 127\.0\.0\.1:(\d+)/.exec(text)?.[1]
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`)
    })
    anvil.once('exit', () => reject(new Error(text)))
  })
})
afterAll(() => {
  anvil.kill('SIGKILL')
})

/** An anvil reads its trusted setup at the first blob, which on a busy machine takes longer than viem waits. */
const patient = (url: string) => http(url, { retryCount: 0, timeout: 300_000 })

describe('createRpcL1Source', () => {
  it('feeds a driver from a real L1: calldata, blobs, deposits, config, and a reorg', async () => {
    const client = createPublicClient({ transport: patient(url) })
    const rpc = (method: string, ...params: unknown[]): Promise<unknown> =>
      (client as L1Client).request({ method, params })
    const genesis = await client.getBlock({ blockNumber: 0n })
    const base = simulatedRollup()
    const config: RollupConfig = {
      ...base,
      genesis: {
        ...base.genesis,
        l1: { number: 0n, hash: genesis.hash! },
        l2TimeSeconds: genesis.timestamp,
        systemConfig: { ...base.genesis.systemConfig, batcher: batcher.address },
      },
    }
    await rpc('anvil_setCode', config.depositContract, log4)
    await rpc('anvil_setCode', config.systemConfigContract, log3)
    let time = Number(genesis.timestamp)
    const mine = async (): Promise<void> => {
      time += 12
      await rpc('evm_setNextBlockTimestamp', time)
      await rpc('evm_mine')
    }
    const wallet = createWalletClient({ account: batcher, transport: patient(url) })
    const send = (to: Hex, data: Uint8Array, account = batcher): Promise<Hash> =>
      wallet.sendTransaction({ account, to, data: bytesToHex(data), chain: null, gas: 1_000_000n })
    const emit = ({ topics, data }: { topics: readonly Hash[]; data: Uint8Array }): Uint8Array =>
      concatBytes(...topics.map(topic => hexToBytes(topic)!), data)

    const proved = createRpcL1Source({ client: client as L1Client, config })
    // Anvil puts sidecars under the root of a block with blobs, so such a block of it cannot be proved.
    const source = createRpcL1Source({ client: client as L1Client, config, trustNode: true })
    const sent = new Map<Hash, Uint8Array>()
    const known: L1Block[] = []
    const sequencer = createSequencerSimulator({ config, l1: { block: number => known[Number(number)] } })
    const follow = async (): Promise<void> => {
      const head = await client.getBlockNumber({ cacheTime: 0 })
      for (let n = 0n; n <= head; n++) {
        known[Number(n)] = (await source.block(n))!
        expect(await proved.block(n)).toEqual(known[Number(n)])
      }
    }
    let channel = 0
    const frames = (from: number): Uint8Array => {
      const batches = sequencer.blocks.slice(from).map(({ batch }) => toSingularBatch(batch))
      const channelId = `0x${(++channel).toString(16).padStart(32, '0')}` as const
      return encodeBatcherTransaction(framesOfBatches(batches, { config, channelId }))
    }

    const deposit = { from: other.address, to: undefined, mint: 5n, value: 3n, gas: 99_000n, data: Uint8Array.of(1, 2) }
    await send(config.depositContract, emit(encodeDepositLog(deposit)))
    await send(config.systemConfigContract, emit(encodeConfigUpdate({ type: 'gas-limit', gasLimit: 25_000_000n })))
    await mine()
    await follow()
    expect(await source.block(2n)).toBeUndefined()
    for (let i = 0; i < 7; i++) sequencer.build([simulatedTransaction(config, BigInt(i))])
    await send(config.batchInbox, frames(0))
    await send(config.batchInbox, Uint8Array.of(0, 1), other)
    await mine()
    await follow()
    for (let i = 7; i < 12; i++) sequencer.build([simulatedTransaction(config, BigInt(i))])
    const blob = encodeOpBlob(frames(7))
    const signed = await sendBlobTransaction(client as never, {
      account: batcher,
      to: config.batchInbox,
      blobs: [blob],
      kzg: await createBlobKzg(),
    })
    sent.set(signed.transaction.blobVersionedHashes[0] as Hash, blob)
    await mine()
    await expect(proved.block(3n)).rejects.toMatchObject({ code: 'L1_RPC_INVALID', recovery: 'retry' })

    const engine = createHashEngine({ config })
    const events: string[] = []
    const driver = createDerivationDriver({
      config,
      engine,
      l1: source,
      blobs: { getBlobs: async hashes => hashes.map(hash => sent.get(hash)!) },
      onEvent: event => events.push(event.type),
    })
    const status = await driver.sync()
    expect(status.head).toEqual(sequencer.head)
    expect(events.filter(kind => kind === 'transaction-ignored')).toHaveLength(1)
    const first = engine.blockNow(6n)!
    expect(first.gasLimit).toBe(25_000_000n)
    expect(decodeDeposit(first.transactions[1]!)).toMatchObject({
      from: other.address.toLowerCase(),
      mint: 5n,
      data: Uint8Array.of(1, 2),
    })

    // A reorg that takes the blob back: what came by calldata stays.
    await rpc('anvil_reorg', 1, [])
    const after = await driver.sync()
    expect(events).toContain('reset')
    expect(after.head.hash).toBe(sequencer.blocks[6]!.ref.hash)

    const late = createRpcL1Source({ client: client as L1Client, config, confirmations: 2 })
    expect((await late.block(1n))?.hash).toBe(known[1]!.hash)
    expect(await late.block(2n)).toBeUndefined()
    expect(await source.finalizedNumber?.()).toBeTypeOf('bigint')
  })

  it('proves what a node says: header, transactions, receipts', async () => {
    const client = createPublicClient({ transport: patient(url) }) as L1Client
    const base = simulatedRollup()
    const contract = base.depositContract
    const config = { ...base, batchInbox: other.address, depositContract: contract }
    await client.request({ method: 'anvil_setCode', params: [contract, log4] })
    const wallet = createWalletClient({ account: batcher, transport: patient(url) })
    const { topics, data } = encodeDepositLog({
      from: other.address,
      to: other.address,
      mint: 1n,
      value: 1n,
      gas: 50_000n,
      data: new Uint8Array(),
    })
    const emitted = concatBytes(...topics.map(topic => hexToBytes(topic)!), data)
    await wallet.sendTransaction({ to: contract, data: bytesToHex(emitted), chain: null, gas: 1_000_000n })
    // One of each legacy shape: with and without a chain id.
    const nonce = Number(
      await client.request({ method: 'eth_getTransactionCount', params: [batcher.address, 'pending'] }),
    )
    for (const [i, chainId] of [900, undefined].entries()) {
      const legacy = {
        type: 'legacy',
        to: other.address,
        gas: 30_000n,
        gasPrice: 10n ** 10n,
        nonce: nonce + i,
      } as const
      const raw = await batcher.signTransaction(chainId === undefined ? legacy : { ...legacy, chainId })
      await client.request({ method: 'eth_sendRawTransaction', params: [raw] })
    }
    await client.request({ method: 'evm_mine', params: [] })
    const number = BigInt((await client.request({ method: 'eth_blockNumber' })) as Hex)
    type Answers = Record<string, (answer: never) => unknown>
    const ask = (change: Answers): Promise<L1Block | undefined> =>
      createRpcL1Source({
        config,
        client: {
          request: async args => {
            const answer = structuredClone(await client.request(args))
            return change[args.method]?.(answer as never) ?? answer
          },
        },
      }).block(number)
    const honest = await ask({})
    expect(honest?.logs).toHaveLength(1)
    expect(honest?.transactions).toHaveLength(2)
    // Nodes that leave the type of legacy transactions out, or write it in two digits, say the same.
    for (const type of [undefined, '0x00']) {
      const shaped = await ask({
        eth_getBlockByNumber: (block: { transactions: { type?: string }[] }) => ({
          ...block,
          transactions: block.transactions.map(tx => (tx.type === '0x0' ? { ...tx, type } : tx)),
        }),
      })
      expect(shaped).toEqual(honest)
    }
    // The receipts' root commits to the logs and their order, and to nothing else that is said of them.
    const told = await ask({
      eth_getBlockReceipts: (receipts: { logs: object[] }[]) =>
        receipts.map(receipt => ({
          ...receipt,
          logs: receipt.logs.map(log => ({ ...log, logIndex: '0x7', removed: true })),
        })),
    })
    expect(told).toEqual(honest)
    // So that one of an unknown type does not keep the others from being proved.
    const unknown: Hex[] = []
    const strange = (raw?: unknown): Answers => ({
      eth_getBlockByNumber: (block: { transactions: { type: Hex; hash: Hex }[] }) => ({
        ...block,
        transactions: block.transactions.map((tx, i) => (i === 0 ? { ...tx, type: '0x5' } : tx)),
      }),
      eth_getRawTransactionByHash: (answer: Hex) => {
        unknown.push(answer)
        return raw
      },
    })
    for (const raw of [undefined, null, 5, '0x', '0x05c0', '0x7']) {
      await expect(ask(strange(raw))).rejects.toMatchObject({ code: 'L1_RPC_INVALID' })
    }
    expect(unknown[0]).toMatch(/^0x02/)
    type Block = {
      transactions: object[]
      timestamp: Hex
      logsBloom: Hex
      excessBlobGas: Hex
      parentBeaconBlockRoot: Hex
      requestsHash?: Hex
    }
    const lies: Answers[] = [
      // The same bytes under other names: RLP does not say which field is which.
      {
        eth_getBlockByNumber: ({ excessBlobGas, parentBeaconBlockRoot, requestsHash, ...block }: Block) => ({
          ...block,
          parentBeaconBlockRoot: BigInt(excessBlobGas) === 0n ? '0x' : excessBlobGas,
          requestsHash: parentBeaconBlockRoot,
          blockAccessListHash: requestsHash,
        }),
      },
      // In RLP a negative number has the bytes of zero.
      { eth_getBlockByNumber: (block: Block) => ({ ...block, difficulty: '-1' }) },
      {
        eth_getBlockByNumber: (block: Block) => ({
          ...block,
          transactions: block.transactions.map(transaction => ({ ...transaction, to: '0x1', v: '0x5' })),
        }),
      },
      { eth_getBlockByNumber: () => 'a block' },
      { eth_getBlockByNumber: () => ({}) },
      { eth_getBlockByNumber: (block: Block) => ({ ...block, number: 1.5 }) },
      { eth_getBlockByNumber: (block: Block) => ({ ...block, gasLimit: 1.5 }) },
      { eth_getBlockByNumber: (block: Block) => ({ ...block, timestamp: '0x99999999' }) },
      { eth_getBlockByNumber: (block: Block) => ({ ...block, logsBloom: `0x${'00'.repeat(256)}` }) },
      { eth_getBlockByNumber: (block: Block) => ({ ...block, transactions: block.transactions.slice(1) }) },
      { eth_getBlockReceipts: () => [] },
      { eth_getBlockReceipts: () => 'nothing' },
      {
        eth_getBlockReceipts: (receipts: { logs: unknown[] }[]) => receipts.map(receipt => ({ ...receipt, logs: [] })),
      },
    ]
    for (const lie of lies) {
      await expect(ask(lie)).rejects.toMatchObject({ code: 'L1_RPC_INVALID', recovery: 'retry' })
    }
  })

  it('proves a block with a transaction of a type that is not known, by its bytes', async () => {
    const config = simulatedRollup()
    const raw = Uint8Array.of(0x2a, 0xc1, 0x05)
    const word = (byte: string): Hash => `0x${byte.repeat(32)}`
    const header = {
      hash: word('00'),
      parentHash: word('01'),
      sha3Uncles: word('02'),
      miner: config.batchInbox,
      stateRoot: word('03'),
      transactionsRoot: orderedTrieRoot([raw]),
      receiptsRoot: word('04'),
      logsBloom: `0x${'00'.repeat(256)}`,
      number: '0x5',
      gasLimit: '0x1',
      gasUsed: '0x1',
      timestamp: '0x1',
      extraData: '0x',
      mixHash: word('05'),
      baseFeePerGas: '0x7',
    } as const
    const block = { ...header, hash: headerHash(header), transactions: [{ type: '0x2a', hash: word('06') }] }
    const ask = (bytes: Hex): Promise<L1Block | undefined> => {
      const answers: Record<string, unknown> = { eth_getBlockByNumber: block, eth_getRawTransactionByHash: bytes }
      return createRpcL1Source({ client: { request: async ({ method }) => answers[method] }, config }).block(5n)
    }
    expect(await ask(bytesToHex(raw))).toMatchObject({ number: 5n, transactions: [] })
    await expect(ask('0x2ac106')).rejects.toMatchObject({ code: 'L1_RPC_INVALID' })
  })

  it('is left by its caller while a node that hangs owes an answer', async () => {
    const asked: string[] = []
    const client: L1Client = {
      request: ({ method }) => {
        asked.push(method)
        return new Promise(() => {})
      },
    }
    const source = createRpcL1Source({ client, config: simulatedRollup() })
    const caller = new AbortController()
    const block = source.block(7n, { signal: caller.signal })
    caller.abort(new Error('gone'))
    await expect(block).rejects.toThrow('gone')
    expect(asked).toEqual(['eth_getBlockByNumber'])
  })

  it('refuses answers that are not what was asked for, and keeps the URL to itself', async () => {
    const config = simulatedRollup()
    const answering = (answers: Record<string, unknown>): L1Client => ({
      request: async ({ method }) => answers[method],
    })
    const block = {
      number: '0x5',
      hash: `0x${'11'.repeat(32)}`,
      parentHash: `0x${'22'.repeat(32)}`,
      timestamp: '0x1',
      mixHash: `0x${'33'.repeat(32)}`,
      baseFeePerGas: '0x7',
      transactions: [],
    }
    const ask = (answers: Record<string, unknown>, number = 5n): Promise<unknown> =>
      createRpcL1Source({ client: answering(answers), config, trustNode: true }).block(number)
    await expect(ask({ eth_getBlockByNumber: null })).resolves.toBeUndefined()
    await expect(ask({ eth_getBlockByNumber: block, eth_getLogs: [] })).resolves.toMatchObject({
      number: 5n,
      blobBaseFee: undefined,
    })
    const bad = [
      ask({ eth_getBlockByNumber: block, eth_getLogs: [] }, 6n),
      ask({ eth_getBlockByNumber: { ...block, timestamp: 'https://key@host/secret' }, eth_getLogs: [] }),
      ask({ eth_getBlockByNumber: { ...block, excessBlobGas: '0x0' }, eth_getLogs: [], eth_feeHistory: {} }),
    ]
    for (const task of bad) {
      const error = await task.then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      expect(error).toMatchObject({ code: 'L1_RPC_INVALID', recovery: 'retry' })
      expect(JSON.stringify(error)).not.toContain('secret')
    }
  })
})
