import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { argumentsOf } from '@l2/common/node'
import { defaultStakeParameters, ecdsaAttestation } from '@l2/control-chain'
import {
  chooseEngine,
  defaultHistoryText,
  familyOf,
  findOpEngine,
  type L1,
  l1Wallet,
  openDataDirectory,
  openL1,
  type Parts,
  parseHistory,
  rpcCall,
  startEngine,
} from '@l2/node'
import { homeFiles, openHome, writeConfig, writeTestnet } from '@l2/operator'
import { toRollupJson } from '@l2/sequencer-core/derivation'
import { type Address, bytesToHex } from 'viem'
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts'
import { openChain, rollupConfig, writeL2Genesis, writeRollupJson } from '../chain/genesis.js'
import { gasLimit } from '../chain/parameters.js'
import type { NodeConfig } from '../config.js'
import { batcherAccount, holderOfTokens, ownerAccount, posterKey } from '../dev-accounts.js'
import type { Say } from '../ground.js'

/** One operator of the network: a home, and a program over it. */
export type OperatorProcess = {
  readonly id: number
  readonly home: string
  readonly rpcUrl: string
  /** Of the program that runs now. */
  readonly pid: number | undefined
  readonly isRunning: boolean
  start(): void
  /** Sends a signal to the program and, for one that ends it, waits for that. */
  signal(name: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>
  /** The last lines that it said. */
  words(): string[]
}

/** Operators with homes, keys, engines and logs of their own, who share nothing but the network and L1. */
export type OperatorNetwork = {
  readonly operators: readonly OperatorProcess[]
  readonly l1Url: string
  /** A further program like the others over a home, which nobody here starts or ends. */
  another(home: string, id: number): OperatorProcess
  /** Ends every program, and L1. */
  close(): Promise<void>
}

const stakeWei = 20_000n * 10n ** 18n
/** Blocks of one leader's turn and turns of an epoch, so that a minute shows several leaders and another poster. */
const [slotBlocks, slotsPerEpoch] = [20, 3]
/** Strict: L1 blocks that data may come after what the committee says of them. */
const windowBlocks = 100
/** What a poster begins with on L1. */
const posterFundsWei = 10n ** 19n
/** For a program to end in an orderly way. */
const graceMs = 30_000

/** Makes the chain on L1, writes the homes on 127.0.0.1 and the addresses after it, and starts a program over each. */
export async function startOperatorNetwork(
  config: Pick<NodeConfig, 'data' | 'chainId' | 'engine' | 'l1' | 'beacon' | 'latencyMs'> & {
    operators: number
    /** Only batches that the committee has attested on L1 count. */
    strict?: boolean | undefined
  },
  say: Say,
  parts: Parts,
  {
    prepare = async () => {},
    program = [operatorProgram(), 'run'],
  }: {
    /** Sees the homes before a program runs over them: to lead the ways between them elsewhere. */
    prepare?: (homes: readonly string[]) => Promise<void>
    /** What Node is given to run an operator, before `--home DIR`. */
    program?: readonly string[]
  } = {},
): Promise<OperatorNetwork> {
  const directory = parts.own(openDataDirectory(config.data))
  const l1 = parts.own(await openL1(config, directory.path))
  const homes = existsSync(join(directory.path, 'operator-1/operator.json'))
    ? await findHomes(config, directory, l1, say)
    : await makeHomes(config, directory, l1, say)
  await prepare(homes)
  // Eight engines on one machine: the native program is up at once, where it was built.
  const { isThere } = await findOpEngine('native')
  const engine = config.engine ?? (isThere ? 'native' : undefined)
  const another = (home: string, id: number): OperatorProcess => operatorProcess({ home, id, engine, program })
  const operators = homes.map((home, index) => another(home, index + 1))
  const close = async (): Promise<void> => {
    await Promise.all(operators.map(operator => operator.signal('SIGTERM')))
  }
  parts.own({ close })
  for (const operator of operators) operator.start()
  return { operators, l1Url: l1.url, another, close: () => parts.close() }
}

/** The chain that is there goes on, wherever the built-in L1 answers this time. */
async function findHomes(
  { chainId, operators, engine: wished }: Parameters<typeof startOperatorNetwork>[0],
  directory: ReturnType<typeof openDataDirectory>,
  l1: Awaited<ReturnType<typeof openL1>>,
  say: Say,
): Promise<string[]> {
  const { kind } = await chooseEngine({ engine: wished, family: directory.identity()?.engine })
  const engine = familyOf[kind]
  await openChain({ directory, l1, chainId, da: 'ethereum-calldata', sequencers: operators, engine })
  const homes = Array.from({ length: operators }, (_, index) => join(directory.path, `operator-${index + 1}`))
  for (const home of homes) {
    await endLeftover(home, say)
    const { config } = openHome(home)
    if (config.l1 !== l1.url) writeConfig(home, { ...config, l1: l1.url })
  }
  say(`${operators} homes under ${directory.path} go on`)
  return homes
}

/** An operator whose launcher was killed ends by itself; one that is frozen, or has not come to it yet, is ended here. */
async function endLeftover(home: string, say: Say): Promise<void> {
  const pidPath = join(home, homeFiles.data, 'node.pid')
  const pid = existsSync(pidPath) ? Number(readFileSync(pidPath, 'utf8')) : 0
  const isThere = (): boolean => argumentsOf(pid).includes(home)
  if (!isThere()) return
  say(`an operator of an earlier run still works on ${home}: it is ended`)
  const tell = (signal: 'SIGTERM' | 'SIGCONT' | 'SIGKILL'): void => {
    try {
      process.kill(pid, signal)
    } catch {
      // It has ended meanwhile.
    }
  }
  tell('SIGTERM')
  tell('SIGCONT')
  for (const until = Date.now() + graceMs; isThere() && Date.now() < until; ) await sleep(100)
  if (isThere()) tell('SIGKILL')
  while (isThere()) await sleep(100)
}

async function makeHomes(
  config: Parameters<typeof startOperatorNetwork>[0],
  directory: ReturnType<typeof openDataDirectory>,
  l1: Awaited<ReturnType<typeof openL1>>,
  say: Say,
): Promise<string[]> {
  const { chainId, operators } = config
  const { kind } = await chooseEngine({ engine: config.engine, family: directory.identity()?.engine })
  const engine = familyOf[kind]
  const keys = Array.from({ length: operators }, (_, index) => ({
    headerKey: generatePrivateKey(),
    // The account that SystemConfig names posts until the committee says that it is another's turn.
    posterKey: index === 0 ? bytesToHex(posterKey()) : generatePrivateKey(),
  }))
  const members = keys.map(({ headerKey }, index) => ({
    ...{ id: index + 1, power: stakeWei / defaultStakeParameters.powerUnitWei },
    key: privateKeyToAddress(headerKey),
  }))
  const committee = ecdsaAttestation.encodeMembers(members)
  const identity = await openChain({
    ...{ directory, l1, chainId, da: 'ethereum-calldata', sequencers: operators, engine, committee },
  })
  await fund(
    l1,
    keys.slice(1).map(({ posterKey }) => privateKeyToAddress(posterKey)),
  )
  const genesisPath = writeL2Genesis(directory.path, identity)
  const history = parseHistory(defaultHistoryText, 1n)
  if (typeof history === 'string') throw new Error(history)
  const executing = await startEngine({
    ...{ kind, name: 'genesis-engine', directory: directory.path, chainId, genesisPath, gasLimit, history, say },
    silenceMs: 30_000,
  })
  const genesisBlock = await executing.engine.block(0n)
  await executing.close()
  const rollup = rollupConfig(identity, genesisBlock!.hash)
  // For stock nodes, which follow where they can derive the same.
  if (config.strict !== true) writeRollupJson(directory.path, rollup)
  const first = await l1Wallet(l1, batcherAccount()).getBlock({ blockNumber: BigInt(identity.l1Genesis.number) })
  const hosts = await Promise.all(
    Array.from({ length: operators }, async (_, index) => {
      const host = loopback(index + 1)
      const [rpcPort, cometPort, gossipPort] = [await freePort(host), await freePort(host), await freePort(host)]
      return { host, rpcPort, cometPort, gossipPort, ...keys[index]! }
    }),
  )
  say(
    `${operators} homes under ${directory.path}: one machine made all their keys, so they are ${operators} in form only`,
  )
  return await writeTestnet({
    directory: directory.path,
    hosts,
    stakeWei,
    l1: l1.url,
    latencyMs: config.latencyMs ?? 10_000,
    genesis: {
      identity,
      l2Genesis: JSON.parse(readFileSync(genesisPath, 'utf8')),
      rollup: JSON.parse(JSON.stringify(toRollupJson(rollup))),
      posting: {
        committee: identity.contracts['committee'] as Address,
        mode: config.strict === true ? 'strict' : 'compatible',
        windowBlocks,
      },
    },
    control: { prevRandao: first.mixHash, slotBlocks, slotsPerEpoch, originDepth: 1, nameDepth: 1 },
    admin: ownerAccount().address.toLowerCase() as `0x${string}`,
  })
}

/** Posters pay on L1: each is given what it begins with. */
async function fund(l1: L1, accounts: readonly Address[]): Promise<void> {
  const account = holderOfTokens()
  const client = l1Wallet(l1, account)
  for (const to of accounts) {
    const hash = await client.sendTransaction({ account, chain: client.chain ?? null, to, value: posterFundsWei })
    // The built-in L1 need not wait for its next block.
    if (l1.isDev) await rpcCall(l1.url, 'evm_mine', [])
    await client.waitForTransactionReceipt({ hash })
  }
}

/** Addresses of their own, where the system has more than one: Linux answers to all of 127.0.0.0/8. */
const loopback = (index: number): string => (process.platform === 'linux' ? `127.0.0.${index}` : '127.0.0.1')

async function freePort(host: string): Promise<number> {
  const server = createServer()
  await new Promise<void>((done, failed) => server.once('error', failed).listen(0, host, done))
  const address = server.address()
  await new Promise(done => server.close(done))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** The built program, also where this module runs from its sources. */
function operatorProgram(): string {
  const manifest = createRequire(import.meta.url).resolve('@l2/operator/package.json')
  return join(dirname(manifest), 'dist/bin/l2-operator.js')
}

function operatorProcess({
  home,
  id,
  engine,
  program,
}: {
  home: string
  id: number
  engine: string | undefined
  program: readonly string[]
}): OperatorProcess {
  const { rpc } = JSON.parse(readFileSync(join(home, 'operator.json'), 'utf8')) as {
    rpc: { host: string; port: number }
  }
  const logPath = join(home, 'operator.log')
  let child: ChildProcess | undefined
  const isRunning = (): boolean => child !== undefined && child.exitCode === null && child.signalCode === null
  return {
    id,
    home,
    rpcUrl: `http://${rpc.host}:${rpc.port}`,
    get pid() {
      return isRunning() ? child?.pid : undefined
    },
    get isRunning() {
      return isRunning()
    },
    start() {
      if (isRunning()) return
      const log = openSync(logPath, 'a', 0o600)
      const args = ['--home', home, ...(engine === undefined ? [] : ['--engine', engine])]
      // The channel says nothing: it breaks when this process is gone, however that came.
      child = spawn(process.execPath, [...program, ...args], { stdio: ['ignore', log, log, 'ipc'] })
      closeSync(log)
    },
    async signal(name) {
      const running = child
      if (running === undefined || !isRunning()) return
      running.kill(name)
      if (name === 'SIGSTOP' || name === 'SIGCONT') return
      const ended = new Promise<void>(done => running.once('exit', () => done()))
      if (name === 'SIGTERM') running.kill('SIGCONT')
      const kill = setTimeout(() => running.kill('SIGKILL'), graceMs)
      await ended
      clearTimeout(kill)
    },
    words: () => (existsSync(logPath) ? readFileSync(logPath, 'utf8').trim().split('\n').slice(-8) : []),
  }
}
