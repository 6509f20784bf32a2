import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Child, startChild } from '../internal/child.js'

/** Options of {@link spawnGeth}. */
export type SpawnGethOptions = {
  /** Path of the executable, see {@link gethBinary}. Version 1.17 or later, for `testing_buildBlockV1`. */
  binary: string
  /** Created when absent; holds the chain and the secret of the Engine API. */
  dataDir: string
  /** A genesis file whose chain begins after the merge: in Cancun, or in Prague with the system contracts that it wants. */
  genesisPath: string
  chainId: bigint
  /** Gas limit of every block; that of the genesis, since geth moves towards it by 1/1024 a block. */
  gasLimit: bigint
  /** Default to 0: geth chooses. */
  rpcPort?: number | undefined
  enginePort?: number | undefined
  /** Milliseconds until it must listen. Defaults to 30 000. */
  startTimeoutMs?: number | undefined
}

/** A running geth, alone in its network. */
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
  const { binary, dataDir, startTimeoutMs = 30_000 } = options
  mkdirSync(dataDir, { recursive: true })
  const secretPath = join(dataDir, 'jwt.hex')
  if (!existsSync(secretPath)) writeFileSync(secretPath, randomBytes(32).toString('hex'), { mode: 0o600 })
  const isNew = !existsSync(join(dataDir, 'geth', 'chaindata'))
  if (isNew) {
    const init = ['--datadir', dataDir, 'init', options.genesisPath]
    const { child } = await startChild(
      'geth init',
      binary,
      init,
      output => /Successfully wrote genesis state/.exec(output)?.[0],
      startTimeoutMs,
    )
    await child.exited
  }
  const { child, found } = await startChild(
    'geth',
    binary,
    [
      ...[
        '--datadir',
        dataDir,
        '--networkid',
        String(options.chainId),
        '--nodiscover',
        '--maxpeers',
        '0',
        '--port',
        '0',
      ],
      ...['--ipcdisable', '--syncmode', 'full', '--cache', '64', '--gpo.ignoreprice', '1'],
      ...['--http', '--http.addr', '127.0.0.1', '--http.port', String(options.rpcPort ?? 0)],
      ...['--http.api', 'eth,net,web3,debug,testing'],
      ...['--authrpc.addr', '127.0.0.1', '--authrpc.port', String(options.enginePort ?? 0)],
      ...['--authrpc.jwtsecret', secretPath, '--miner.gaslimit', String(options.gasLimit)],
    ],
    output => {
      const ports = [...output.matchAll(/HTTP server started\s+endpoint=(\S+)\s+auth=(true|false)/g)]
      const rpc = ports.find(port => port[2] === 'false')?.[1]
      const engine = ports.find(port => port[2] === 'true')?.[1]
      return rpc === undefined || engine === undefined ? undefined : { rpc, engine }
    },
    startTimeoutMs,
  )
  return {
    ...child,
    rpcUrl: `http://${found.rpc}`,
    engineUrl: `http://${found.engine}`,
    jwtSecret: readFileSync(secretPath, 'utf8'),
  }
}
