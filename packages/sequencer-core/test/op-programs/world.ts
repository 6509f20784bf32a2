// The OP Stack's own programs around one L1: anvil mines when it is told to, op-geth executes, op-node and op-batcher do what they do on any chain.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import {
  type Account,
  type Address,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hash,
  type Hex,
  http,
  numberToHex,
  type PublicClient,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { goProgram } from '../../../../scripts/go.mjs'
import type { Batcher, BatcherEvent, BatcherNode, BatcherSink } from '../../src/batcher/index.js'
import {
  allForksAtGenesis,
  createRpcL1Source,
  encodeConfigUpdate,
  encodeDepositLog,
  type ForkSchedule,
  type L1Source,
  type RollupConfig,
  type SystemConfigUpdate,
  toRollupJson,
} from '../../src/derivation/index.js'
import { anvilBinary } from '../../src/engine/anvil-process.js'
import { type GethProcess, spawnOpGeth } from '../../src/engine/geth-process.js'
import type { EngineApi } from '../../src/engine/index.js'
import { createBatcher, createEngineApi, newRollup, opGenesis } from '../../src/index.js'
import { type Child, startChild } from '../../src/internal/child.js'
import { createNodeBrotliCompressor } from '../../src/node.js'

/** Whether these suites run: with `pnpm test:peers`, which builds the programs, and not with every `npm test`: a chain takes half a minute. */
const wanted = process.env['L2_PEERS'] !== undefined
const program = (name: string): string | undefined => (wanted ? goProgram(name) : undefined)
const opGeth = program('op-geth')
const opNode = program('op-node')
const opBatcher = program('op-batcher')
const anvil = anvilBinary(import.meta.url)

/** Of each fork at full length; else of the newest, whose chain begins on the one before. */
export const forks: readonly string[] = process.env['L2_PEERS'] === 'full' ? ['jovian', 'karst'] : ['karst']

export const hasPrograms: boolean = [opGeth, opNode, opBatcher, anvil].every(binary => binary !== undefined)
if (!hasPrograms) {
  process.stdout.write(
    'skipped: op-node, op-geth and op-batcher as programs; pnpm test:peers op-programs, which needs Go\n',
  )
}

const depositContract: Address = `0x${'00'.repeat(19)}d1`
const systemConfigContract: Address = `0x${'00'.repeat(19)}c1`
export const inbox: Address = `0xff${'00'.repeat(17)}0901`
export const messagePasser: Address = '0x4200000000000000000000000000000000000016'
const one: Hash = `0x${'00'.repeat(31)}01`
/** In place of the message passer: who calls it clears its one slot (PUSH0, PUSH1 1, SSTORE). */
const forgetful = { nonce: 1n, code: '0x5f60015500', storage: { [one]: one } } as const

/** Anvil's first account, which has ether there. */
const batcherKey: Hex = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
export const batcher: Account = privateKeyToAccount(batcherKey)
/** Its second: who deposits and changes the chain's config, so that the batcher's nonces are its own. */
const l1User = privateKeyToAccount('0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d')
export const user: ReturnType<typeof privateKeyToAccount> = privateKeyToAccount(`0x${'11'.repeat(32)}`)

const l1ChainId = 900
export const l2ChainId = 901
export const l1BlockSeconds = 4n
const l1Chain = defineChain({
  id: l1ChainId,
  name: 'L1',
  nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
  rpcUrls: { default: { http: [] } },
})

/** A contract that logs what it is called with: so many topics of 32 bytes, then the data. */
function loggingContract(topics: number): Hex {
  const push = (value: number): number[] => [0x60, value]
  const [calldataload, calldatasize, calldatacopy, sub, dup1] = [0x35, 0x36, 0x37, 0x03, 0x80]
  const start = 32 * topics
  return bytesToHex(
    Uint8Array.from([
      ...[...push(start), calldatasize, sub],
      ...[dup1, ...push(start), ...push(0), calldatacopy],
      ...Array.from({ length: topics }, (_, i) => [...push(32 * (topics - 1 - i)), calldataload]).flat(),
      // The data's length stands below the topics; LOGn takes offset, length and the topics, first one on top.
      ...[dup1 + topics, ...push(0), 0xa0 + topics, 0x00],
    ]),
  )
}

/** The rules of anvil's Prague, as op-node asks for those of an L1 that it does not know. */
const l1Rules = {
  chainId: l1ChainId,
  ...Object.fromEntries(
    'homestead eip150 eip155 eip158 byzantium constantinople petersburg istanbul muirGlacier berlin london arrowGlacier grayGlacier'
      .split(' ')
      .map(name => [`${name}Block`, 0]),
  ),
  terminalTotalDifficulty: 0,
  shanghaiTime: 0,
  cancunTime: 0,
  pragueTime: 0,
  blobSchedule: {
    cancun: { target: 3, max: 6, baseFeeUpdateFraction: 3_338_477 },
    prague: { target: 6, max: 9, baseFeeUpdateFraction: 5_007_716 },
  },
}

type Rpc = (method: string, params?: readonly unknown[]) => Promise<unknown>

function rpcAt(url: string): Rpc {
  return async (method, params = []) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const { result, error } = (await response.json()) as { result?: unknown; error?: { message: string } }
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }
}

/** L1 as a test drives it. */
export type L1 = {
  readonly source: L1Source
  /** Mines a block with what waits for one, `l1BlockSeconds` after the last; returns its number. */
  mine(): Promise<bigint>
  head(): Promise<{ number: bigint; timestamp: bigint }>
  /** Sends a transaction of the batcher's account; a later block has it. */
  send(to: Address, data: Uint8Array): Promise<Hash>
  /** The block that has a transaction, once there is one. */
  included(hash: Hash): Promise<bigint>
  deposit(mint: bigint, data: Uint8Array): Promise<Hash>
  update(update: SystemConfigUpdate): Promise<Hash>
}

/** op-geth with our engine adapter on it. */
export type Execution = {
  readonly engine: EngineApi
  readonly geth: GethProcess
  readonly client: PublicClient
  /** What the program says itself: somebody else may drive it. */
  block(number: bigint): Promise<{ hash: Hash; transactions: readonly Hash[] } | null>
}

/** What is read of `optimism_syncStatus`. */
type NodeStatus = {
  current_l1: { number: number }
  safe_l2: { number: number; hash: Hash }
  unsafe_l2: { number: number; hash: Hash }
}

export type OpNode = { readonly url: string; readonly rpc: Rpc; status(): Promise<NodeStatus> }

export type World = AsyncDisposable & {
  readonly l1: L1
  readonly config: RollupConfig
  /** op-geth on the chain's genesis. */
  execution(): Promise<Execution>
  /** op-node on an op-geth: a verifier, or the sequencer. */
  opNode(on: Execution, role: 'verifier' | 'sequencer'): Promise<OpNode>
  opBatcher(options: { node: string; execution: Execution }): Promise<void>
}

/** Options of {@link createWorld}. */
export type WorldOptions = {
  /** How far in the past the chain begins, seconds: what is there already need not be waited for. */
  readonly ageSeconds: bigint
  /** Seconds after genesis at which Karst becomes active; without it the chain stays on Jovian. */
  readonly karstAfterSeconds?: bigint | undefined
}

const startTimeoutMs = 60_000

/** Starts an L1 and prepares a chain upon it. Everything ends with `await using`. */
export async function createWorld({ ageSeconds, karstAfterSeconds }: WorldOptions): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'l2-op-programs-'))
  const children: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const end of children.splice(0).reverse()) await end()
    rmSync(folder, { recursive: true, force: true })
  }
  const start = async (name: string, binary: string, args: readonly string[], ready: RegExp): Promise<string> => {
    const { child, found } = await startChild(name, binary, args, output => ready.exec(output)?.[1], startTimeoutMs)
    children.push((child as Child).close)
    return found
  }
  try {
    const genesisTimeSeconds = BigInt(Math.floor(Date.now() / 1000)) - ageSeconds
    const l1Url = `http://${await start(
      'anvil',
      anvil!,
      [
        ...[
          '--host',
          '127.0.0.1',
          '--port',
          '0',
          '--chain-id',
          String(l1ChainId),
          '--timestamp',
          String(genesisTimeSeconds),
        ],
        ...['--no-mining', '--order', 'fifo', '--hardfork', 'prague', '--slots-in-an-epoch', '4'],
      ],
      /Listening on (\S+)/,
    )}`
    const l1Rpc = rpcAt(l1Url)
    await l1Rpc('anvil_setCode', [depositContract, loggingContract(4)])
    await l1Rpc('anvil_setCode', [systemConfigContract, loggingContract(3)])
    const l1Client = createPublicClient({ chain: l1Chain, transport: http(l1Url) })
    const wallet = createWalletClient({ chain: l1Chain, transport: http(l1Url) })
    const first = await l1Client.getBlock({ blockNumber: 0n })

    const schedule: ForkSchedule = {
      ...allForksAtGenesis,
      ...(karstAfterSeconds === undefined ? {} : { karst: first.timestamp + karstAfterSeconds }),
    }
    const chain = { chainId: BigInt(l2ChainId), timestamp: first.timestamp, forks: schedule }
    const alloc = { [user.address]: { balance: 10n ** 20n }, [messagePasser]: forgetful }
    const genesis = opGenesis({ ...chain, alloc })
    const genesisPath = join(folder, 'genesis.json')
    writeFileSync(genesisPath, JSON.stringify(genesis))

    let engines = 0
    const execution = async (): Promise<Execution> => {
      const dataDir = join(folder, `op-geth-${++engines}`)
      const geth = await spawnOpGeth({ binary: opGeth!, dataDir, genesisPath, chainId: BigInt(l2ChainId) })
      children.push(geth.close)
      const engine = await createEngineApi({
        engineUrl: geth.engineUrl,
        rpcUrl: geth.rpcUrl,
        jwtSecret: geth.jwtSecret,
        mode: 'op-stack',
      })
      children.push(() => engine.close())
      const client = createPublicClient({ transport: http(geth.rpcUrl) })
      const block = async (number: bigint) =>
        (await client.request({ method: 'eth_getBlockByNumber', params: [numberToHex(number), false] })) as {
          hash: Hash
          transactions: readonly Hash[]
        } | null
      return { engine, geth, client, block }
    }

    // The hash of the genesis is op-geth's to say.
    const probe = await execution()
    const l2Hash = (await probe.block(0n))!.hash
    const idle = [probe]
    const config = newRollup({
      l1ChainId: BigInt(l1ChainId),
      l2ChainId: BigInt(l2ChainId),
      genesis: {
        l1: { number: 0n, hash: first.hash! },
        l2: { number: 0n, hash: l2Hash },
        l2TimeSeconds: first.timestamp,
      },
      batcher: batcher.address,
      batchInbox: inbox,
      depositContract,
      systemConfigContract,
      sequencingWindowBlocks: 200n,
      channelTimeoutBlocks: 50n,
      forks: schedule,
    })
    const rollupPath = join(folder, 'rollup.json')
    writeFileSync(rollupPath, JSON.stringify(toRollupJson(config)))
    const l1RulesPath = join(folder, 'l1.json')
    writeFileSync(l1RulesPath, JSON.stringify(l1Rules))

    const nonces = new Map<Account, number>()
    const send = async (account: Account, to: Address, data: Uint8Array): Promise<Hash> => {
      const nonce = nonces.get(account) ?? 0
      nonces.set(account, nonce + 1)
      const fees = { maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n }
      return await wallet.sendTransaction({ account, to, data: bytesToHex(data), gas: 4_000_000n, nonce, ...fees })
    }
    const log = (to: Address, { topics, data }: { topics: readonly Hash[]; data: Uint8Array }): Promise<Hash> =>
      send(l1User, to, concatBytes(...topics.map(topic => hexToBytes(topic)!), data))
    const head = async () => {
      const { number, timestamp } = await l1Client.getBlock({ blockTag: 'latest' })
      return { number: number!, timestamp }
    }
    const l1: L1 = {
      source: createRpcL1Source({ client: l1Client, config }),
      async mine() {
        const { number, timestamp } = await head()
        await l1Rpc('evm_setNextBlockTimestamp', [numberToHex(timestamp + l1BlockSeconds)])
        await l1Rpc('evm_mine')
        return number + 1n
      },
      head,
      send: (to, data) => send(batcher, to, data),
      async included(hash) {
        for (;;) {
          const receipt = (await l1Rpc('eth_getTransactionReceipt', [hash])) as { blockNumber: Hex; status: Hex } | null
          if (receipt !== null) return BigInt(receipt.blockNumber)
          await pause(50)
        }
      },
      deposit: (mint, data) =>
        log(
          depositContract,
          encodeDepositLog({ from: batcher.address, to: user.address, mint, value: mint, gas: 100_000n, data }),
        ),
      update: update => log(systemConfigContract, encodeConfigUpdate(update)),
    }

    return {
      l1,
      config,
      execution: async () => idle.pop() ?? (await execution()),
      async opNode({ geth }, role) {
        const jwtPath = join(folder, `jwt-${children.length}`)
        writeFileSync(jwtPath, geth.jwtSecret, { mode: 0o600 })
        const url = await start(
          'op-node',
          opNode!,
          [
            ...['--l1', l1Url, '--l1.beacon.ignore=true', '--l1.rpckind=basic', '--l1.http-poll-interval=200ms'],
            // Anvil proves no storage of an account that is empty.
            ...['--l1.trustrpc=true', '--l1.epoch-poll-interval=1s'],
            ...['--l2', geth.engineUrl, '--l2.jwt-secret', jwtPath, '--l2.enginekind=geth'],
            ...['--rollup.config', rollupPath, '--rollup.l1-chain-config', l1RulesPath],
            ...['--p2p.disable=true', '--rpc.addr=127.0.0.1', '--rpc.port=0', '--verifier.l1-confs=0'],
            // Who asks which sequencer is active, or has it stop, asks here.
            '--rpc.enable-admin=true',
            ...(role === 'sequencer' ? ['--sequencer.enabled=true', '--sequencer.l1-confs=0'] : []),
          ],
          /Started JSON-RPC server"\s+addr=(\S+)/,
        ).then(address => (address.startsWith('http') ? address : `http://${address}`))
        const rpc = rpcAt(url)
        return { url, rpc, status: async () => (await rpc('optimism_syncStatus')) as NodeStatus }
      },
      async opBatcher({ node, execution: { geth } }) {
        await start(
          'op-batcher',
          opBatcher!,
          [
            ...['--l1-eth-rpc', l1Url, '--l2-eth-rpc', geth.rpcUrl, '--rollup-rpc', node, '--private-key', batcherKey],
            ...['--batch-type', '1', '--compression-algo', 'brotli-10', '--data-availability-type', 'calldata'],
            ...['--max-channel-duration', '2', '--sub-safety-margin', '4', '--poll-interval', '500ms'],
            ...['--num-confirmations', '1', '--txmgr.receipt-query-interval', '500ms'],
            // op-geth is not asked to build smaller blocks.
            ...['--throttle.unsafe-da-bytes-lower-threshold', '0', '--rpc.addr=127.0.0.1', '--rpc.port=0'],
          ],
          /(Starting batcher)/,
        )
      },
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** What our batcher puts into the inbox, and when L1 had it. */
function sinkOf({ l1 }: World): BatcherSink {
  return {
    includedOn: 'l1',
    limits: async () => ({ maxBytes: 2000, maxItems: 1 }),
    async submit(items) {
      const hashes: Hash[] = []
      for (const item of items) hashes.push(await l1.send(inbox, item))
      return { height: await l1.included(hashes.at(-1)!) }
    },
  }
}

/** Our batcher in a world: it posts in frames of calldata. */
export function ownBatcher(
  world: World,
  { node, onEvent }: { node: BatcherNode; onEvent?: (event: BatcherEvent) => void },
  options: { targetFrames?: number } = {},
): Batcher {
  const { config } = world
  return createBatcher(
    {
      profile: 'devnet',
      chainId: config.l2ChainId,
      genesisTimeSeconds: config.genesis.l2TimeSeconds,
      blockTimeSeconds: config.blockTimeSeconds,
      sequencingWindowBlocks: config.sequencingWindowBlocks,
      frameDataBytes: 1500,
      ...options,
      compressor: createNodeBrotliCompressor(),
    },
    { node, sink: sinkOf(world), onEvent },
  )
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/**
 * Asks again and again until `found` is true of the answer: an answer that never comes is a failure that tells the last one.
 *
 * @param between what to do before asking again: to mine, say
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  found: (answer: T) => boolean,
  between: () => Promise<unknown> = () => pause(200),
): Promise<T> {
  const end = Date.now() + 180_000
  for (;;) {
    const answer = await ask()
    if (found(answer)) return answer
    if (Date.now() > end) throw new Error(`${what}: ${JSON.stringify(answer)}`)
    await between()
  }
}
