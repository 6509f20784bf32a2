import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { anvilBinary } from '@l2/sequencer-core/node'
import { NodeError } from '../errors.js'
import { rpcCall } from '../rpc/client.js'
import { damaged, writeFileDurably } from '../storage/durable.js'
import { checkSealedJson } from '../storage/sealed-json.js'
import type { KeeperJob } from './keeper.js'
import { freePort } from './port.js'

/** A running anvil that this process owns. */
export type Anvil = {
  url: string
  /** Resolves when it has ended, whoever ended it. */
  ended: Promise<void>
  /**
   * Ends it in an orderly way and waits for that: with its state on disk, when it has a file for it.
   *
   * @throws NodeError `DISK_FULL` when there is no room for the state: it goes on without an owner until there is some, for ten minutes
   */
  stop(): Promise<void>
  /** Ends it at once, also where it hangs: nothing is written down. */
  kill(): Promise<void>
}

type AnvilOptions = {
  /** Names the instance inside the data directory. */
  name: string
  directory: string
  /** The command line for a port of 127.0.0.1. */
  args(port: number): readonly string[]
  /** How long it outlives a killed owner, milliseconds. */
  lingerMs: number
  /** Where its state is between two runs. */
  statePath?: string | undefined
}

async function dial(path: string): Promise<Socket | undefined> {
  return await new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', () => resolve(undefined))
  })
}

/** Within which anvil answers: a second, but on a machine that has much else to do. */
const startMs = 60_000

/** Within which a keeper does what it is told, or is gone as well. */
const keeperMs = 5000

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

async function answers(url: string): Promise<boolean> {
  try {
    await rpcCall(url, 'eth_chainId', [])
    return true
  } catch {
    return false
  }
}

/** The port that a run left in its file; `undefined` where that is missing or damaged. */
function lastPort(portFile: string): number | undefined {
  const text = existsSync(portFile) ? readFileSync(portFile, 'utf8') : ''
  return /^\d{1,5}$/.test(text) ? Number(text) : undefined
}

/** Starts anvil under a keeper, or takes over the one that an earlier, killed owner of the same directory left running. */
export async function startAnvil(options: AnvilOptions): Promise<Anvil & { resumed: boolean }> {
  const { directory, name } = options
  // One for each start: a keeper that lingers under another port is never taken for this one. A socket's path may have 104 characters at most, a data
  // directory's more: so it lies in the system's temporary directory.
  const socketOf = (port: number): string => {
    const id = createHash('sha256').update(`${directory}/${name}/${port}`).digest('hex').slice(0, 20)
    return process.platform === 'win32' ? `\\\\.\\pipe\\l2-${id}` : join(tmpdir(), `l2-${id}.sock`)
  }
  const urlOf = (port: number): string => `http://127.0.0.1:${port}`
  const portFile = join(directory, `${name}.port`)

  const left = lastPort(portFile)
  const found = left === undefined ? undefined : await dial(socketOf(left))
  if (found !== undefined && (await answers(urlOf(left!)))) {
    return { ...owned(name, options.statePath, urlOf(left!), found), resumed: true }
  }
  found?.destroy()
  const binary = anvilBinary(import.meta.url)
  if (binary === undefined) {
    throw new NodeError(`anvil has no binary for ${process.platform} ${process.arch}: pass --l1 and --engine`, {
      code: 'ANVIL_MISSING',
    })
  }
  const { lingerMs, statePath } = options
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const url = urlOf(port)
    writeFileDurably(portFile, String(port))
    const args = options.args(port)
    const keeper = startKeeper({ socket: socketOf(port), lingerMs, binary, args, port, portFile, statePath })
    let socket: Socket | undefined
    let isThere = false
    for (let tries = 0; tries < startMs / 50 && !isThere && keeper.exitCode === null; tries++) {
      await sleep(50)
      socket ??= await dial(socketOf(port))
      isThere = socket !== undefined && (await answers(url))
    }
    // What it said at its end may come behind that.
    if (keeper.exitCode !== null) await Promise.race([keeper.closed, sleep(keeperMs)])
    keeper.stderr!.destroy()
    if (socket !== undefined && isThere) return { ...owned(name, statePath, url, socket), resumed: false }
    socket?.destroy()
    // Somebody took the port before anvil did.
    if (attempt < 3 && /address already in use/i.test(keeper.complaint())) continue
    const why = keeper.exitCode === null ? `did not answer at ${url} within 60 s` : `ended: ${keeper.complaint()}`
    throw new NodeError(`anvil (${name}) ${why}`, { code: 'ANVIL_FAILED' })
  }
}

function startKeeper(job: KeeperJob): ChildProcess & { closed: Promise<void>; complaint(): string } {
  // Beside the built program; tests run from the sources.
  const beside = fileURLToPath(new URL('./keeper.js', import.meta.url))
  const program = existsSync(beside) ? beside : join(dirname(beside), '../../dist/process/keeper.js')
  const keeper = spawn(process.execPath, [program, JSON.stringify(job)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  keeper.unref()
  const closed = new Promise<void>(resolve => keeper.once('close', () => resolve()))
  let said = ''
  keeper.stderr.on('data', data => (said += String(data)))
  const complaint = (): string => said.trim().split('\n').at(-1)?.slice(0, 300) || `exit code ${keeper.exitCode}`
  return Object.assign(keeper, { closed, complaint })
}

function owned(name: string, statePath: string | undefined, url: string, socket: Socket): Anvil {
  let refusal = ''
  socket.on('data', data => (refusal += String(data)))
  socket.on('error', () => {})
  const ended = new Promise<void>(resolve => socket.once('close', () => resolve()))
  return {
    url,
    ended,
    kill: async () => {
      socket.write('kill')
      await Promise.race([ended, sleep(keeperMs)])
      socket.destroy()
    },
    stop: async () => {
      if (socket.destroyed) return
      socket.write('stop')
      const refused = new Promise<void>(resolve => socket.once('data', () => resolve()))
      await Promise.race([ended, refused, sleep(60_000)])
      socket.destroy()
      const why = refusal.split('\n', 1)[0]
      if (why === '') return
      if (why === 'ENOSPC' || why === 'EDQUOT') {
        const message = `${statePath} cannot be written: ${why}. The state of ${name} stays in memory for ten minutes: make room, or start again meanwhile`
        throw new NodeError(message, { code: 'DISK_FULL', details: { path: statePath } })
      }
      throw new NodeError(`${statePath} cannot be written: ${why}`, {
        code: 'DATA_FAILED',
        details: { path: statePath },
      })
    },
  }
}

/**
 * Whether a state file can be loaded.
 *
 * @throws NodeError `DATA_CORRUPT` where it is damaged
 */
export function hasState(path: string, remedy: string): boolean {
  const state = checkSealedJson(path)
  if (state === 'damaged') throw damaged(path, ' or was cut', remedy)
  return state === 'sound'
}
