import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { vectorFiles } from '@l2/common/testing'
import { createMempool, newRollup, opGenesis } from '@l2/sequencer-core'
import { encodeDeposit, encodeL1InfoDeposit } from '@l2/sequencer-core/derivation'
import { decodeTransaction, toJsonRpcError } from '@l2/sequencer-core/transaction'
import {
  bytesToHex,
  concatHex,
  fromRlp,
  type Hash,
  type Hex,
  hexToBytes,
  keccak256,
  recoverTransactionAddress,
  type TransactionSerializedEIP4844,
  toRlp,
  zeroAddress,
  zeroHash,
} from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startEngine } from '../engine/choice.js'
import type { NodeEngine } from '../engine/engine.js'
import { findOpEngine } from '../engine/op-engine.js'
import { RpcAnswerError } from './client.js'
import { ethMethods } from './eth.js'
import { fairReads } from './fair-reads.js'
import { createFeed } from './feed.js'
import { type RpcServer, startRpcServer } from './server.js'

// Half of the public conformance suite of Ethereum's JSON-RPC (github.com/ethereum/execution-apis), asked at the node's own door. Its chain is one of
// Ethereum; here an OP chain is made of the same genesis state and the same transactions, so that accounts, contracts and transactions are the same and
// block hashes are not: these are replaced in what is asked. What is compared is the shape of answers, and the codes of errors.

/** Cases that do not agree, and why; the README of the reference node lists them. */
const exceptions: Readonly<Record<string, string>> = {
  'eth_getTransactionReceipt/get-blob-tx': 'there are no blobs on an OP chain',
  'testing_buildBlockV1/build-block-empty-transactions': 'blocks are built by the sequencer alone',
  'testing_buildBlockV1/build-block-invalid-transaction': 'blocks are built by the sequencer alone',
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type Exchange = { request: string; answer: { result?: Json; error?: { code: number } } }

const files = (vectorFiles('execution-apis') ?? []).filter(file => file.endsWith('.io'))
const { isThere, howToGet } = await findOpEngine('wasm')
if (!isThere) process.stdout.write(`skipped: op-engine; ${howToGet}\n`)

function exchangesOf(file: string): Exchange[] {
  const found: Exchange[] = []
  let request = ''
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line.startsWith('>> ')) request = line.slice(3)
    if (line.startsWith('<< ')) found.push({ request, answer: JSON.parse(line.slice(3)) as Exchange['answer'] })
  }
  return found
}

/** Where an answer lacks something of another, or has it in another form; what it has besides is an OP chain's own. */
function differences(want: Json | undefined, have: Json | undefined, path = ''): string[] {
  const kind = (value: Json | undefined): string =>
    value === null ? 'null' : Array.isArray(value) ? 'list' : /^0x/.test(String(value)) ? 'hex' : typeof value
  if (kind(want) !== kind(have)) return [`${path}: ${kind(have)} and not ${kind(want)}`]
  if (Array.isArray(want) && Array.isArray(have)) {
    if (want.length === 0 || have.length === 0)
      return want.length === have.length ? [] : [`${path}: ${have.length} items`]
    // The last: the first transaction of an OP block is the protocol's own.
    return differences(want.at(-1), have.at(-1), `${path}[…]`)
  }
  if (typeof want !== 'object' || want === null || typeof have !== 'object' || have === null) return []
  // Where the names are addresses or nonces, one is as good as another.
  if (Object.keys(want).some(key => /^(0x[0-9a-f]{40}|\d+)$/i.test(key))) {
    return differences(Object.values(want).slice(0, 1), Object.values(have).slice(0, 1), path)
  }
  // Before Byzantium a receipt had the root of the state in place of a status.
  return Object.entries(want).flatMap(([key, value]) =>
    key === 'root' && 'status' in have
      ? []
      : differences(value, (have as { [key: string]: Json })[key], `${path}.${key}`),
  )
}

describe.skipIf(files.length === 0 || !isThere)('execution-apis', () => {
  let engine: NodeEngine
  let server: RpcServer
  const directory = mkdtempSync(join(tmpdir(), 'l2-vectors-'))
  /** Their hash of a block, and ours. */
  const hashes = new Map<string, Hash>()

  beforeAll(async () => {
    const folder = dirname(dirname(files[0]!))
    const { config, alloc } = JSON.parse(readFileSync(join(folder, 'genesis.json'), 'utf8')) as {
      config: { chainId: number }
      alloc: Record<Hex, object>
    }
    const chainId = BigInt(config.chainId)
    const gasLimit = 200_000_000n
    // So that the base fee stays where it is: the first transactions pay a wei.
    const eip1559 = { denominator: 250n, denominatorCanyon: 250n, elasticity: 1n }
    const genesis = opGenesis({ chainId, timestamp: 0n, gasLimit, baseFeePerGas: 1n, eip1559 })
    // What miners had earned before.
    genesis.alloc[zeroAddress] = { balance: '0xde0b6b3a7640000' }
    Object.assign(genesis.alloc, alloc)
    const genesisPath = join(directory, 'genesis.json')
    writeFileSync(genesisPath, JSON.stringify(genesis))
    engine = await startEngine({
      ...{ kind: 'op-engine', name: 'vectors', directory, chainId: config.chainId, genesisPath },
      ...{ gasLimit, history: { states: 0, bodies: 0 }, silenceMs: 60_000, say() {} },
    })
    await replay(join(folder, 'chain.rlp'), chainId, gasLimit)

    const mempool = createMempool()
    const head = (await engine.engine.block('latest'))!
    const { number, timestamp, baseFeePerGas } = head
    mempool.setHead({ ...{ number, timestamp, gasLimit, baseFeePerGas }, nowMs: 0, included: [], accounts: [] })
    const methods = ethMethods({
      ...{ chainId: config.chainId, family: 'op', read: fairReads(engine.read), mempool, feed: createFeed() },
      heads: () => ({ unsafe: number, safe: number, finalized: number }),
      history: { states: 0, bodies: 0 },
      submit: async raw => {
        try {
          const transaction = decodeTransaction(raw, { chainId })
          const [account] = await engine.engine.accounts([transaction.sender])
          mempool.add(transaction, { nowMs: 0, account: account! })
          return transaction.hash
        } catch (error) {
          throw new RpcAnswerError(toJsonRpcError(error))
        }
      },
    })
    server = await startRpcServer({ host: '127.0.0.1', port: 0, methods, pages: new Map() })
  })
  afterAll(async () => {
    await server?.close()
    await engine?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  /** Makes our block of each of theirs. */
  async function replay(path: string, l2ChainId: bigint, gasLimit: bigint): Promise<void> {
    const bytes = readFileSync(path)
    let parent = (await engine.engine.block(0n))!
    const zero = { number: 0n, hash: zeroHash }
    const rollup = newRollup({
      ...{ l1ChainId: 1n, l2ChainId, batcher: zeroAddress, batchInbox: zeroAddress, depositContract: zeroAddress },
      ...{ systemConfigContract: zeroAddress, blockTimeSeconds: 10n, gasLimit },
      genesis: { l1: zero, l2: { number: 0n, hash: parent.hash }, l2TimeSeconds: 0n },
    })
    const l1 = {
      ...{ ...zero, parentHash: zeroHash, timestamp: 0n, mixHash: zeroHash },
      ...{ baseFeePerGas: 1n, blobBaseFee: 1n, parentBeaconBlockRoot: zeroHash },
    }
    for (let offset = 0; offset < bytes.length; ) {
      const length = itemLength(bytes, offset)
      const [header, list] = fromRlp(new Uint8Array(bytes.subarray(offset, offset + length)), 'hex') as [
        Hex[],
        (Hex | Hex[])[],
      ]
      offset += length
      const transactions = await Promise.all(list.map(item => asOnL2(typeof item === 'string' ? item : toRlp(item))))
      const timestamp = BigInt(header[11]!)
      const deposit = encodeL1InfoDeposit(rollup, rollup.genesis.systemConfig, l1, parent.number, timestamp)
      parent = await engine.engine.build(parent.hash, {
        ...{ timestamp, prevRandao: zeroHash, suggestedFeeRecipient: zeroAddress, withdrawals: [] },
        ...{ parentBeaconBlockRoot: zeroHash, transactions: [deposit, ...transactions], noTxPool: true, gasLimit },
        ...{ eip1559Params: '0x0000000000000000', minBaseFee: 0n },
      })
      hashes.set(keccak256(toRlp(header)), parent.hash)
    }
    await engine.engine.setHead({ head: parent.hash, safe: parent.hash, finalized: parent.hash })
  }

  const ask = async (request: string): Promise<Exchange['answer']> => {
    // Behind the protocol's own transaction each stands one further.
    const placed = /AndIndex"/.test(request)
      ? request.replace(/"0x(\d)"\]/, (_, at) => `"0x${Number(at) + 1}"]`)
      : request
    const body = placed.replace(/0x[0-9a-f]{64}/g, hash => hashes.get(hash) ?? hash)
    return (await (await fetch(server.url, { method: 'POST', body })).json()) as Exchange['answer']
  }

  it('agrees in shape and code with 95 of 100 case files at least, and every other has its reason', async () => {
    const disagreeing: Record<string, string> = {}
    for (const file of files) {
      const found: string[] = []
      for (const { request, answer } of exchangesOf(file)) {
        const { result, error } = await ask(request)
        if (answer.error?.code !== error?.code)
          found.push(`code ${error?.code} ${JSON.stringify(error)} and not ${answer.error?.code}`)
        else if (answer.error === undefined) found.push(...differences(answer.result, result))
      }
      if (found.length > 0) disagreeing[`${basename(dirname(file))}/${basename(file, '.io')}`] = found.join('; ')
    }
    const unexplained = Object.entries(disagreeing).filter(([name]) => exceptions[name] === undefined)
    expect(Object.fromEntries(unexplained)).toEqual({})
    // What agrees after all needs no reason.
    expect(Object.keys(disagreeing)).toEqual(Object.keys(exceptions))
    expect(files.length - Object.keys(exceptions).length).toBeGreaterThanOrEqual(0.95 * files.length)
  })
})

/** A transaction as an OP chain can have it: blobs are for L1, and in their place stands a deposit of the same sender, which takes the same nonce. */
async function asOnL2(raw: Hex): Promise<Uint8Array> {
  if (!raw.startsWith('0x03')) return hexToBytes(raw)
  const from = await recoverTransactionAddress({ serializedTransaction: raw as TransactionSerializedEIP4844 })
  return encodeDeposit({
    ...{ sourceHash: keccak256(raw), from, to: from, mint: 0n, value: 0n, gas: 100_000n },
    ...{ isSystemTransaction: false, data: new Uint8Array() },
  })
}

/** Of the RLP item at an offset, its header included. */
function itemLength(bytes: Uint8Array, offset: number): number {
  const first = bytes[offset]!
  if (first < 0xf8) return 1 + first - 0xc0
  const size = first - 0xf7
  return 1 + size + Number(BigInt(concatHex([bytesToHex(bytes.subarray(offset + 1, offset + 1 + size))])))
}
