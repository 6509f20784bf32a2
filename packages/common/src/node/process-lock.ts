import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Held until released or until the process ends, however it ends. */
export type ProcessLock = { release(): Promise<void> }

/** Unix socket paths end at 108 bytes on Linux and 104 on macOS. */
const maxSocketPath = 100

function lockAddress(path: string): string {
  const name = createHash('sha256').update(resolve(path)).digest('hex').slice(0, 32)
  if (process.platform === 'win32') return `\\\\.\\pipe\\l2-${name}`
  const beside = `${resolve(path)}.lock`
  return Buffer.byteLength(beside) <= maxSocketPath ? beside : join(tmpdir(), `l2-${name}.lock`)
}

/** Somebody who takes over has so long; whoever was killed in the midst of it is passed over then. */
const takeoverMs = 3_000
const pauseMs = 50
const maxAttempts = (2 * takeoverMs) / pauseMs

/**
 * Locks a file against every other process of the machine, containers that share the volume included. The lock is a listening socket beside
 * the file, because the system closes it with the process: a socket that refuses connections is left over from a killed one, and is taken over.
 *
 * @returns `undefined` when somebody else holds it
 */
export async function lockFile(path: string): Promise<ProcessLock | undefined> {
  const address = lockAddress(path)
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const server = await listen(address)
    if (server !== undefined) return held(server)
    if (await answers(address)) return undefined
    const taken = await takeOver(address)
    if (taken !== undefined) return held(taken)
    await sleep(pauseMs)
  }
  return undefined
}

function held(server: Server): ProcessLock {
  server.unref()
  return { release: () => new Promise(done => server.close(() => done())) }
}

/**
 * Removes the socket of a killed holder and listens in its place. One at a time: of two, the second would remove the socket of the first, and
 * both would hold the lock. A folder says whose turn it is, for it is made by one and no other.
 */
async function takeOver(address: string): Promise<Server | undefined> {
  const turn = `${address}.takeover`
  try {
    mkdirSync(turn)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const begun = statSync(turn, { throwIfNoEntry: false })?.mtimeMs
    if (begun !== undefined && Date.now() - begun > takeoverMs) rmSync(turn, { recursive: true, force: true })
    return undefined
  }
  try {
    // Looked at again, now that nobody else removes it.
    if (await answers(address)) return undefined
    rmSync(address, { force: true })
    return await listen(address)
  } finally {
    rmSync(turn, { recursive: true, force: true })
  }
}

function listen(address: string): Promise<Server | undefined> {
  return new Promise((done, fail) => {
    const server = createServer(socket => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? done(undefined) : fail(error),
    )
    server.listen(address, () => done(server))
  })
}

function answers(address: string): Promise<boolean> {
  return new Promise(done => {
    const socket = connect(address)
    socket.once('connect', () => {
      socket.destroy()
      done(true)
    })
    // Anything but a refusal or a missing file is no proof that the holder is dead.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      done(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    )
  })
}
