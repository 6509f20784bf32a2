// Stock op-node and op-geth behind an L1 and a rollup.json, as anybody would run them: what they derive is what the rest of the world sees of a chain.
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Hash } from 'viem'
import { spawnOpGeth } from '../packages/sequencer-core/src/engine/geth-process.js'
import { startChild } from '../packages/sequencer-core/src/internal/child.js'

/** One JSON-RPC call. @throws Error with what the other side says */
export async function ask<T>(url: string, method: string, params: readonly unknown[] = []): Promise<T> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const signal = AbortSignal.timeout(20_000)
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal })
  const { result, error } = (await response.json()) as { result?: T; error?: { message: string } }
  if (error !== undefined) throw new Error(`${method}: ${error.message}`)
  return result as T
}

/** Options of {@link startStockFollower}. */
export type StockFollowerOptions = {
  opNode: string
  opGeth: string
  l1Url: string
  /** Of a real L1. An anvil's blobs are read from the anvil. */
  beaconUrl?: string | undefined
  rollupPath: string
  genesisPath: string
  chainId: bigint
  /** Where it keeps its data. */
  directory: string
  /** Listens for other nodes on 127.0.0.1, at a port that it chooses, and finds nobody by itself. Default: it has no network. */
  hasNetwork?: boolean | undefined
}

/** What is read of `optimism_syncStatus`. */
export type NodeStatus = {
  readonly current_l1: { readonly number: number }
  readonly safe_l2: { readonly number: number; readonly hash: Hash }
  readonly unsafe_l2: { readonly number: number; readonly hash: Hash }
}

/** A running pair of op-node and op-geth. */
export type StockFollower = AsyncDisposable & {
  readonly nodeUrl: string
  readonly engineUrl: string
  /** Resolves when one of the two has ended. */
  readonly ended: Promise<void>
  status(): Promise<NodeStatus>
  /** Hash of a block of its op-geth. */
  hashAt(number: bigint): Promise<Hash | undefined>
}

/** Ethereum, Sepolia and Hoodi, whose rules op-node has. */
const knownL1s: ReadonlySet<number> = new Set([1, 11_155_111, 560_048])

/** The rules of an anvil, as op-node asks for those of an L1 that it does not know. */
async function anvilRules(l1Url: string, chainId: number): Promise<object> {
  const { hardFork } = await ask<{ hardFork: string }>(l1Url, 'anvil_nodeInfo')
  const before =
    'homestead eip150 eip155 eip158 byzantium constantinople petersburg istanbul muirGlacier berlin london arrowGlacier grayGlacier'
  const limits = { target: 6, max: 9, baseFeeUpdateFraction: 5_007_716 }
  return {
    chainId,
    ...Object.fromEntries(before.split(' ').map(name => [`${name}Block`, 0])),
    terminalTotalDifficulty: 0,
    shanghaiTime: 0,
    cancunTime: 0,
    pragueTime: 0,
    ...(/osaka/i.test(hardFork) ? { osakaTime: 0 } : {}),
    blobSchedule: {
      cancun: { target: 3, max: 6, baseFeeUpdateFraction: 3_338_477 },
      prague: limits,
      ...(/osaka/i.test(hardFork) ? { osaka: limits } : {}),
    },
  }
}

/**
 * The beacon API that op-node asks for blobs, in front of an anvil, which names its blocks by number and not by slot: here a slot is a second.
 */
async function startAnvilBeacon(l1Url: string): Promise<{ url: string; close(): Promise<void> }> {
  const timeOf = async (number: number): Promise<number> =>
    Number(
      (await ask<{ timestamp: string }>(l1Url, 'eth_getBlockByNumber', [`0x${number.toString(16)}`, false])).timestamp,
    )
  /** The block of a second; timestamps only grow. */
  const blockAt = async (second: number): Promise<number> => {
    let low = 0
    let high = Number(await ask<string>(l1Url, 'eth_blockNumber'))
    while (low < high) {
      const middle = (low + high) >> 1
      if ((await timeOf(middle)) < second) low = middle + 1
      else high = middle
    }
    return low
  }
  const answer = async (url: URL): Promise<unknown> => {
    if (url.pathname === '/eth/v1/beacon/genesis') return { data: { genesis_time: '0' } }
    if (url.pathname === '/eth/v1/config/spec') return { data: { SECONDS_PER_SLOT: '1' } }
    const slot = /^\/eth\/v1\/beacon\/blobs\/(\d{1,15})$/.exec(url.pathname)?.[1]
    if (slot === undefined) return undefined
    const hashes = url.searchParams.getAll('versioned_hashes').join(',')
    const number = await blockAt(Number(slot))
    return await (await fetch(`${l1Url}/eth/v1/beacon/blobs/${number}?versioned_hashes=${hashes}`)).json()
  }
  const server = createServer((request, response) => {
    answer(new URL(request.url ?? '/', 'http://beacon'))
      .then(body => response.writeHead(body === undefined ? 404 : 200).end(JSON.stringify(body ?? {})))
      .catch(() => response.writeHead(503).end('{}'))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Somebody who is not there: without a name op-node asks the public ones, even when it discovers nobody. */
const nobody =
  'enode://79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8@127.0.0.1:9'

const networkFlags = (directory: string): string[] => [
  ...['--p2p.listen.ip=127.0.0.1', '--p2p.listen.tcp=0', '--p2p.listen.udp=0', '--p2p.no-discovery'],
  ...['--p2p.bootnodes', nobody],
  ...['--p2p.priv.path', join(directory, 'p2p-key.txt'), '--p2p.peerstore.path=memory', '--p2p.discovery.path=memory'],
]

/** Starts both, and ends them with `await using`. They die with this process. @throws SequencerError `ENGINE_UNAVAILABLE` where one of them does not start */
export async function startStockFollower(options: StockFollowerOptions): Promise<StockFollower> {
  const { opNode, opGeth: binary, l1Url, rollupPath, genesisPath, chainId, directory } = options
  mkdirSync(directory, { recursive: true })
  const closers: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const end of closers.splice(0).reverse()) await end()
  }
  try {
    const isAnvil = /^anvil/.test(await ask<string>(l1Url, 'web3_clientVersion'))
    const l1ChainId = Number(await ask<string>(l1Url, 'eth_chainId'))
    const rules: string[] = []
    if (isAnvil && !knownL1s.has(l1ChainId)) {
      const rulesPath = join(directory, 'l1-rules.json')
      writeFileSync(rulesPath, JSON.stringify(await anvilRules(l1Url, l1ChainId)))
      rules.push('--rollup.l1-chain-config', rulesPath)
    }
    let { beaconUrl } = options
    if (isAnvil && beaconUrl === undefined) {
      const beacon = await startAnvilBeacon(l1Url)
      closers.push(beacon.close)
      beaconUrl = beacon.url
    }
    const geth = await spawnOpGeth({ binary, dataDir: join(directory, 'op-geth'), genesisPath, chainId })
    closers.push(geth.close)
    const secretPath = join(directory, 'op-node.jwt')
    writeFileSync(secretPath, geth.jwtSecret, { mode: 0o600 })
    const { child, found } = await startChild(
      'op-node',
      opNode,
      [
        ...['--l1', l1Url, '--l1.rpckind=basic', '--l1.http-poll-interval=500ms', '--l1.epoch-poll-interval=2s'],
        // Anvil proves no storage of an account that is empty.
        ...(isAnvil ? ['--l1.trustrpc=true', ...rules] : []),
        ...(beaconUrl === undefined ? ['--l1.beacon.ignore=true'] : ['--l1.beacon', beaconUrl]),
        ...[
          '--l2',
          geth.engineUrl,
          '--l2.jwt-secret',
          secretPath,
          '--l2.enginekind=geth',
          '--rollup.config',
          rollupPath,
        ],
        ...(options.hasNetwork ? networkFlags(directory) : ['--p2p.disable=true']),
        ...['--rpc.addr=127.0.0.1', '--rpc.port=0', '--verifier.l1-confs=0'],
      ],
      output => /Started JSON-RPC server"\s+addr=(\S+)/.exec(output)?.[1],
      60_000,
    )
    closers.push(child.close)
    const nodeUrl = found.startsWith('http') ? found : `http://${found}`
    return {
      nodeUrl,
      engineUrl: geth.rpcUrl,
      ended: Promise.race([child.exited, geth.exited]),
      status: () => ask<NodeStatus>(nodeUrl, 'optimism_syncStatus'),
      async hashAt(number) {
        const params = [`0x${number.toString(16)}`, false]
        return (await ask<{ hash: Hash } | null>(geth.rpcUrl, 'eth_getBlockByNumber', params))?.hash
      },
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
