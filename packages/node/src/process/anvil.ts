import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { anvilBinary } from '@l2/sequencer-core/node'
import { NodeError } from '../errors.js'
import { rpcCall } from '../rpc/client.js'
import { freePort } from './port.js'

/** A running anvil that this process owns. */
export type Anvil = {
  url: string
  /** Resolves when it has ended, whoever ended it. */
  ended: Promise<void>
  /** Ends it in an orderly way (it writes its state file, when it has one) and waits for that. */
  stop(): Promise<void>
}

type AnvilOptions = {
  /** Names the instance inside the data directory. */
  name: string
  directory: string
  /** The command line for a port of 127.0.0.1. */
  args(port: number): readonly string[]
  /** How long it outlives a killed owner, milliseconds. */
  lingerMs: number
}

async function dial(path: string): Promise<Socket | undefined> {
  return await new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', () => resolve(undefined))
  })
}

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

async function answers(url: string): Promise<boolean> {
  try {
    await rpcCall(url, 'eth_chainId', [])
    return true
  } catch {
    return false
  }
}

/** Starts anvil under a keeper, or takes over the one that an earlier, killed owner of the same directory left running. */
export async function startAnvil(options: AnvilOptions): Promise<Anvil & { resumed: boolean }> {
  // A socket's path may have 104 characters at most, a data directory's more: so it lies in the system's temporary directory.
  const id = createHash('sha256').update(`${options.directory}/${options.name}`).digest('hex').slice(0, 20)
  const socketPath = process.platform === 'win32' ? `\\\\.\\pipe\\l2-${id}` : join(tmpdir(), `l2-${id}.sock`)
  const portFile = join(options.directory, `${options.name}.port`)

  let socket = await dial(socketPath)
  let url = existsSync(portFile) ? `http://127.0.0.1:${readFileSync(portFile, 'utf8')}` : ''
  const resumed = socket !== undefined && url !== '' && (await answers(url))
  if (!resumed) {
    const binary = anvilBinary(import.meta.url)
    if (binary === undefined) {
      throw new NodeError(`anvil has no binary for ${process.platform} ${process.arch}: pass --l1 and --engine`, {
        code: 'ANVIL_MISSING',
      })
    }
    socket?.destroy()
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    writeFileSync(portFile, String(port))
    // Beside the built program; tests run from the sources.
    const beside = fileURLToPath(new URL('./keeper.js', import.meta.url))
    const keeper = existsSync(beside) ? beside : join(dirname(beside), '../../dist/process/keeper.js')
    spawn(process.execPath, [keeper, socketPath, String(options.lingerMs), binary, ...options.args(port)], {
      stdio: 'ignore',
      detached: true,
    }).unref()
    socket = undefined
    for (let tries = 0; tries < 200 && (socket === undefined || !(await answers(url))); tries++) {
      await sleep(50)
      socket ??= await dial(socketPath)
    }
    if (socket === undefined || !(await answers(url))) {
      throw new NodeError(`anvil (${options.name}) did not answer at ${url} within 10 s`, { code: 'ANVIL_FAILED' })
    }
  }
  const owned = socket as Socket
  // The keeper says nothing, but only what is read tells that it is gone.
  owned.resume()
  owned.on('error', () => {})
  const ended = new Promise<void>(resolve => owned.once('close', () => resolve()))
  return {
    url,
    ended,
    resumed,
    stop: async () => {
      if (owned.destroyed) return
      owned.write('stop')
      await Promise.race([ended, sleep(12_000)])
      owned.destroy()
    },
  }
}
