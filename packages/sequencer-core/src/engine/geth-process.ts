import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Child, startChild } from '../internal/child.js'

/** What {@link spawnGeth} and {@link spawnOpGeth} have in common. */
export type GethProcessOptions = {
  /** Created when absent; holds the chain and the secret of the Engine API. */
  dataDir: string
  genesisPath: string
  chainId: bigint
  /** Default to 0: the program chooses. */
  rpcPort?: number | undefined
  enginePort?: number | undefined
  /** Milliseconds until it must listen. Defaults to 60 000. */
  startTimeoutMs?: number | undefined
}

/** Options of {@link spawnGeth}. Its genesis must begin after the merge: in Cancun, or in Prague with the system contracts that it wants. */
export type SpawnGethOptions = GethProcessOptions & {
  /** Path of the executable, see {@link gethBinary}. Version 1.17.8 or later, for `testing_buildBlockV1` and `--engine.maxreorgdepth`. */
  binary: string
  /** Gas limit of every block; that of the genesis, since geth moves towards it by 1/1024 a block. */
  gasLimit: bigint
}

/** Options of {@link spawnOpGeth}. */
export type SpawnOpGethOptions = GethProcessOptions & {
  /** Path of the executable. */
  binary: string
  /**
   * Blocks behind the head at whose states it can be asked and proves; 0 stands for all. Without it those of the newest 128. What is older than these has an
   * index that op-geth makes behind the head: it answers some 15 seconds after a start, and not while the head itself is older than six hours. A data
   * directory stays with it or without it: op-geth finds a gap in what was kept the other way, and ends.
   */
  states?: number | undefined
  /** Also answers `miner_*` on its public port, for {@link createRpcBuilder}. Default false. */
  miner?: boolean | undefined
}

/** A running geth or op-geth, alone in its network. */
export interface GethProcess extends Child {
  readonly rpcUrl: string
  readonly engineUrl: string
  /** What {@link createEngineApi} wants as its secret. */
  readonly jwtSecret: string
}

/** The first `geth` on PATH. */
export function gethBinary(): string | undefined {
  const name = process.platform === 'win32' ? 'geth.exe' : 'geth'
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map(folder => join(folder, name))
    .find(path => existsSync(path))
}

/**
 * Starts geth as {@link createEngineApi} needs it in mode `testing`, and waits until both its ports listen. It dies with this process.
 *
 * @throws SequencerError `ENGINE_UNAVAILABLE` when it ends or does not listen in time
 */
export async function spawnGeth(options: SpawnGethOptions): Promise<GethProcess> {
  return await start(
    'geth',
    options,
    [],
    [
      ...['--http.api', 'eth,net,web3,debug,testing', '--miner.gaslimit', String(options.gasLimit)],
      // Without it geth refuses to go back more than 32 blocks, and a reorg of L1 may take more.
      ...['--gpo.ignoreprice', '1', '--engine.maxreorgdepth', '0'],
    ],
  )
}

/**
 * Starts op-geth as {@link createEngineApi} needs it in mode `op-stack`, and waits until both its ports listen. It dies with this process: closed, it writes down its newest
 * states first; when this process is killed, they are lost, and its head is that of the newest state on disk.
 *
 * @throws SequencerError `ENGINE_UNAVAILABLE` when it ends or does not listen in time
 */
export async function spawnOpGeth(options: SpawnOpGethOptions): Promise<GethProcess> {
  const { states, miner } = options
  // Without the history of trie nodes old states answer calls, and prove nothing.
  const depth =
    states === undefined
      ? ['--gcmode', 'full']
      : ['--gcmode', 'archive', '--history.state', String(states), '--history.trienode', String(states)]
  return await start(
    'op-geth',
    options,
    ['--state.scheme', 'path'],
    [...['--http.api', `eth,net,web3,debug${miner ? ',miner' : ''}`, '--rollup.disabletxpoolgossip=true'], ...depth],
  )
}

/** What its newest states need to get from memory to the disk. */
const graceMs = 30_000

/** @param state flags that the making of the database takes, too */
async function start(
  name: string,
  options: GethProcessOptions & { binary: string },
  state: readonly string[],
  flags: readonly string[],
): Promise<GethProcess> {
  const { binary, dataDir, startTimeoutMs = 60_000 } = options
  mkdirSync(dataDir, { recursive: true })
  const secretPath = join(dataDir, 'jwt.hex')
  if (!existsSync(secretPath)) writeFileSync(secretPath, randomBytes(32).toString('hex'), { mode: 0o600 })
  // At every start: a database whose making was interrupted would begin with Ethereum's own genesis, and one of another genesis is refused here.
  const { child: init } = await startChild(
    `${name} init`,
    binary,
    ['--datadir', dataDir, ...state, 'init', options.genesisPath],
    output => /Successfully wrote genesis state/.exec(output)?.[0],
    startTimeoutMs,
  )
  await init.ended()
  const { child, found } = await startChild(
    name,
    binary,
    [
      ...['--datadir', dataDir, ...state, '--networkid', String(options.chainId)],
      ...['--nodiscover', '--maxpeers', '0', '--port', '0'],
      ...['--ipcdisable', '--syncmode', 'full', '--cache', '64'],
      ...['--http', '--http.addr', '127.0.0.1', '--http.port', String(options.rpcPort ?? 0)],
      ...['--authrpc.addr', '127.0.0.1', '--authrpc.port', String(options.enginePort ?? 0)],
      ...['--authrpc.jwtsecret', secretPath, ...flags],
    ],
    output => {
      const ports = [...output.matchAll(/HTTP server started\s+endpoint=(\S+)\s+auth=(true|false)/g)]
      const rpc = ports.find(port => port[2] === 'false')?.[1]
      const engine = ports.find(port => port[2] === 'true')?.[1]
      return rpc === undefined || engine === undefined ? undefined : { rpc, engine }
    },
    startTimeoutMs,
    graceMs,
  )
  return {
    ...child,
    rpcUrl: `http://${found.rpc}`,
    engineUrl: `http://${found.engine}`,
    jwtSecret: readFileSync(secretPath, 'utf8'),
  }
}
