import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** A geth of the test's own, on loopback: a real L1 with a real blob pool, at the newest fork. */
export type Geth = {
  url: string
  /** A plain JSON-RPC call; throws what the node answered, as `{ code, message }`. */
  rpc(method: string, params?: readonly unknown[]): Promise<unknown>
  close(): Promise<void>
}

/** The first `geth` on PATH. */
export function gethOnPath(): string | undefined {
  const name = process.platform === 'win32' ? 'geth.exe' : 'geth'
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map(folder => join(folder, name))
    .find(path => existsSync(path))
}

/**
 * Starts `geth --dev`, which is at the newest fork from its genesis. With `periodSeconds` a block comes that often, so that what is between two
 * blocks is decided by the pool; with 0 as soon as there is a transaction.
 */
export async function startGeth(binary: string, periodSeconds: number, args: readonly string[] = []): Promise<Geth> {
  const folder = mkdtempSync(join(tmpdir(), 'l2-geth-dev-'))
  const child: ChildProcess = spawn(
    binary,
    [
      ...['--dev', '--dev.period', String(periodSeconds), '--datadir', folder, '--ipcdisable', '--nodiscover'],
      ...['--maxpeers', '0', '--port', '0', '--http', '--http.addr', '127.0.0.1', '--http.port', '0'],
      ...['--http.api', 'eth,net,web3,txpool,debug', '--authrpc.port', '0', '--cache', '64', ...args],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  // A test that is killed must not leave it behind.
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const close = async (): Promise<void> => {
    process.off('exit', kill)
    kill()
    await exited
    rmSync(folder, { recursive: true, force: true })
  }
  let output = ''
  const url = await new Promise<string>((resolve, reject) => {
    const give = (reason: string) => reject(new Error(`geth ${reason}\n${output.slice(-2000)}`))
    const late = setTimeout(() => give('does not listen after a minute'), 60_000)
    child.once('error', reject)
    child.once('exit', code => give(`ended with ${code}`))
    child.stderr!.on('data', (part: Buffer) => {
      if (output.length < 100_000) output += part
      const found = /HTTP server started\s+endpoint=(\S+)\s+auth=false/.exec(output)?.[1]
      if (found === undefined) return
      clearTimeout(late)
      resolve(`http://${found}`)
    })
  }).catch(async (error: unknown) => {
    await close()
    throw error
  })
  return {
    url,
    async rpc(method, params = []) {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      })
      const answer = (await response.json()) as { result?: unknown; error?: unknown }
      if (answer.error !== undefined) throw answer.error
      return answer.result
    },
    close,
  }
}
