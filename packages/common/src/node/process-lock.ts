import { createHash } from 'node:crypto'
import { unlinkSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

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

/**
 * Locks a file against every other process of the machine, containers that share the volume included. The lock is a listening socket beside
 * the file, because the system closes it with the process: a socket that refuses connections is left over from a killed one, and is taken over.
 *
 * @returns `undefined` when somebody else holds it
 */
export async function lockFile(path: string): Promise<ProcessLock | undefined> {
  const address = lockAddress(path)
  for (let attempt = 0; attempt < 3; attempt++) {
    const server = await listen(address)
    if (server !== undefined) {
      server.unref()
      return { release: () => new Promise(done => server.close(() => done())) }
    }
    if (await answers(address)) return undefined
    try {
      unlinkSync(address)
    } catch {
      // Somebody else was faster: the next attempt finds out who holds it now.
    }
  }
  return undefined
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
