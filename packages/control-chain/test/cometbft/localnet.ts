import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hash } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { createControlApplication, serveAbci } from '../../src/cometbft/index.js'
import type { ControlEvent } from '../../src/fold/block.js'
import type { LeaderPlan } from '../../src/fold/leaders.js'
import type { ControlState } from '../../src/fold/state.js'
import { nameBlocks } from '../../src/operator/name-blocks.js'
import { defaultParameters } from '../../src/parameters.js'

export const hashOf = (height: number): Hash => `0x${height.toString(16).padStart(64, '0')}`
export const domain = { chainId: 901n, rollup: `0x${'01'.repeat(20)}` } as const
export const accounts = [1, 2, 3, 4].map(n => privateKeyToAccount(hashOf(n)))
export const plan: LeaderPlan = {
  slotAt: height => ({ start: height - (height % 1_000n), end: height - (height % 1_000n) + 999n, leader: 0 }),
  fallback: (_, view, isExcluded) => {
    const allowed = [0, 1, 2, 3].filter(id => !isExcluded(id))
    return allowed[view % allowed.length] ?? 0
  },
}

const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
export async function until<T>(
  what: string,
  find: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  for (let i = 0; i < 600; i++) {
    const found = await find()
    if (found !== undefined && found !== false) return found
    await sleep(200)
  }
  throw new Error(`it did not come to this: ${what}`)
}

/** Ports of 127.0.0.1 that nobody else has, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(async server => {
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      return typeof address === 'object' && address !== null ? address.port : 0
    }),
  )
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return ports
}

export type Validator = {
  readonly id: number
  readonly home: string
  /** Blocks of the rollup that this operator has executed and stored. */
  executed: number
  readonly faults: string[]
  readonly events: ControlEvent[]
  state(): ControlState
  start(): Promise<void>
  /** Ends the engine and the application by SIGKILL, as a machine that loses its power. */
  kill(): Promise<void>
  rpc<T>(path: string): Promise<T>
  readonly abciPath: string
}

/** Four validators of the real CometBFT on 127.0.0.1, each with an application of this package on a Unix socket. */
export async function openLocalnet(
  binary: string,
  size = 4,
): Promise<{ validators: Validator[]; close(): Promise<void> }> {
  const root = mkdtempSync(join(tmpdir(), 'l2-comet-'))
  execFileSync(binary, ['testnet', '--v', String(size), '--o', root, '--starting-ip-address', '127.0.0.1'], {
    stdio: 'ignore',
  })
  const homes = Array.from({ length: size }, (_, id) => join(root, `node${id}`))
  const free = await freePorts(2 * size)
  const ports = homes.map((_, id) => ({ rpc: free[2 * id]!, p2p: free[2 * id + 1]! }))
  const ids = homes.map(home => execFileSync(binary, ['show-node-id', '--home', home], { encoding: 'utf8' }).trim())
  const genesisFile = join(homes[0]!, 'config/genesis.json')
  const genesis = JSON.parse(readFileSync(genesisFile, 'utf8'))
  genesis.consensus_params.abci.vote_extensions_enable_height = '1'
  const operators = homes.map((home, id) => {
    const key = JSON.parse(readFileSync(join(home, 'config/priv_validator_key.json'), 'utf8'))
    return {
      id,
      power: 1n,
      cometKey: Uint8Array.from(Buffer.from(key.pub_key.value, 'base64')),
      header: accounts[id]!.address,
    }
  })
  for (const [id, home] of homes.entries()) {
    writeFileSync(join(home, 'config/genesis.json'), JSON.stringify(genesis))
    const file = join(home, 'config/config.toml')
    const peers = ids.flatMap((peer, other) => (other === id ? [] : [`${peer}@127.0.0.1:${ports[other]!.p2p}`])).join()
    const settings: [RegExp, string][] = [
      [/^proxy_app = .*$/m, `proxy_app = "unix://${join(home, 'abci.sock')}"`],
      [/^laddr = "tcp:\/\/127.0.0.1:26657"$/m, `laddr = "tcp://127.0.0.1:${ports[id]!.rpc}"`],
      [/^laddr = "tcp:\/\/0.0.0.0:26656"$/m, `laddr = "tcp://127.0.0.1:${ports[id]!.p2p}"`],
      [/^persistent_peers = .*$/m, `persistent_peers = "${peers}"`],
      [/^addr_book_strict = .*$/m, 'addr_book_strict = false'],
      [/^allow_duplicate_ip = .*$/m, 'allow_duplicate_ip = true'],
      [/^timeout_commit = .*$/m, 'timeout_commit = "200ms"'],
      [/^timeout_propose = .*$/m, 'timeout_propose = "1s"'],
      [/^pprof_laddr = .*$/m, 'pprof_laddr = ""'],
      [/^indexer = .*$/m, 'indexer = "null"'],
    ]
    let text = readFileSync(file, 'utf8')
    for (const [line, to] of settings) {
      if (!line.test(text)) throw new Error(`config.toml has no ${line}`)
      text = text.replace(line, to)
    }
    writeFileSync(file, text)
  }

  const validators = homes.map((home, id): Validator => {
    const statePath = join(home, 'control-state.json')
    let engine: ChildProcess | undefined
    let application: ReturnType<typeof createControlApplication> | undefined
    let server: { close(): Promise<void> } | undefined
    const validator: Validator = {
      id,
      home,
      executed: 0,
      faults: [],
      events: [],
      abciPath: join(home, 'abci.sock'),
      state: () => application!.state(),
      async start() {
        application = createControlApplication(
          {
            controlChainId: genesis.chain_id,
            domain,
            genesis: { height: 0n, hash: hashOf(0) },
            operators,
            parameters: defaultParameters,
          },
          {
            plan,
            list: state => {
              const chain = {
                blockAt: (height: bigint) =>
                  height > BigInt(validator.executed)
                    ? undefined
                    : { hash: hashOf(Number(height)), view: state.view, stored: true, originDepth: 10n },
              }
              return nameBlocks(state, chain, { nameDepth: 2n })
            },
            store: {
              load: () => (existsSync(statePath) ? readFileSync(statePath) : undefined),
              save: bytes => {
                writeFileSync(`${statePath}.new`, bytes, { flush: true })
                renameSync(`${statePath}.new`, statePath)
              },
            },
            onBlock: ({ events }) => validator.events.push(...events),
          },
        )
        rmSync(validator.abciPath, { force: true })
        server = await serveAbci(validator.abciPath, application.abci, reason => validator.faults.push(reason))
        const log = openSync(join(root, `node${id}.log`), 'a')
        engine = spawn(binary, ['start', '--home', home, '--log_level', 'error'], { stdio: ['ignore', log, log] })
      },
      async kill() {
        const ended =
          engine?.exitCode === null && engine.signalCode === null
            ? new Promise(resolve => engine!.once('exit', resolve))
            : undefined
        engine?.kill('SIGKILL')
        await ended
        await server?.close()
      },
      async rpc<T>(path: string) {
        const response = await fetch(`http://127.0.0.1:${ports[id]!.rpc}/${path}`, {
          signal: AbortSignal.timeout(10_000),
        })
        const { result, error } = (await response.json()) as { result?: T; error?: unknown }
        if (error !== undefined) throw new Error(JSON.stringify(error))
        return result!
      },
    }
    return validator
  })
  return {
    validators,
    async close() {
      await Promise.all(validators.map(validator => validator.kill()))
      rmSync(root, { recursive: true, force: true })
    },
  }
}
