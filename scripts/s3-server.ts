// A real S3 server for tests and benchmarks: versitygw over a temporary directory.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { goProgram } from './go.mjs'

/** A running server with one bucket. */
export type S3Server = {
  /** Of the bucket, in path style. */
  url: string
  accessKeyId: string
  secretAccessKey: string
  /** Where the bucket's objects are files. */
  directory: string
  /** Ends the process as a crash would; what it had stored stays. */
  kill(): Promise<void>
  /** Starts it again at the same address. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** The program; `undefined` where it is not built. With `L2_PEERS=full` it is built first. */
export const s3Program: string | undefined = goProgram('versitygw', { build: process.env['L2_PEERS'] === 'full' })
if (s3Program === undefined)
  console.log('no S3 server here: what runs against one is skipped; `pnpm test:peers s3` builds it')

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise<void>(resolve => server.close(() => resolve()))
  return port
}

/** Starts the server on the loopback. */
export async function startS3Server(): Promise<S3Server> {
  const home = mkdtempSync(join(tmpdir(), 'l2-s3-'))
  const [root, metadata] = [join(home, 'root'), join(home, 'metadata')]
  const directory = join(root, 'bucket')
  for (const path of [directory, metadata]) mkdirSync(path, { recursive: true })
  const keys = { accessKeyId: 'l2-test-account', secretAccessKey: 'l2-test-secret-that-nobody-may-see' }
  let port = 0
  let child: ChildProcess | undefined

  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise(resolve => child!.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
  async function start(): Promise<void> {
    for (let attempt = 0; attempt < 3; attempt++) {
      if (attempt > 0 || port === 0) port = await freePort()
      // Beside the objects rather than in extended attributes, which not every file system has.
      child = spawn(s3Program!, ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', '--sidecar', metadata, root], {
        stdio: 'ignore',
        env: { ROOT_ACCESS_KEY: keys.accessKeyId, ROOT_SECRET_KEY: keys.secretAccessKey, PATH: process.env['PATH'] },
      })
      for (let tries = 0; tries < 1_200 && child.exitCode === null; tries++) {
        const answers = await fetch(`http://127.0.0.1:${port}/bucket`).then(
          () => true,
          () => false,
        )
        if (answers) return
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      await kill()
    }
    throw new Error('the S3 server did not start')
  }

  await start()
  return {
    ...keys,
    url: `http://127.0.0.1:${port}/bucket`,
    directory,
    kill,
    restart: start,
    async close() {
      await kill()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
