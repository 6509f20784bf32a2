import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { createPublicClient, http, type PublicClient } from 'viem'

const require = createRequire(import.meta.url)

/** The binary itself: the package's own entry is a wrapper, and killing a wrapper leaves the node running. */
function anvilBinary(): string {
  const architecture = process.arch === 'x64' ? 'amd64' : 'arm64'
  const fromWrapper = createRequire(require.resolve('@foundry-rs/anvil/package.json'))
  const name = process.platform === 'win32' ? 'anvil.exe' : 'anvil'
  return fromWrapper.resolve(`@foundry-rs/anvil-${process.platform}-${architecture}/bin/${name}`)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}

/** An anvil of the test's own, on loopback. */
export type Anvil = { url: string; client: PublicClient; stop(): Promise<void> }

export async function startAnvil(hardfork: string, args: readonly string[] = []): Promise<Anvil> {
  const port = await freePort()
  const child: ChildProcess = spawn(
    anvilBinary(),
    ['--host', '127.0.0.1', '--port', String(port), '--hardfork', hardfork, '--silent', ...args],
    { stdio: 'ignore' },
  )
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const url = `http://127.0.0.1:${port}`
  const client = createPublicClient({ transport: http(url, { retryCount: 0, timeout: 60_000 }), pollingInterval: 50 })
  for (let attempt = 0; ; attempt++) {
    try {
      await client.getChainId()
      break
    } catch (error) {
      if (attempt === 200 || child.exitCode !== null) throw error
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  return {
    url,
    client,
    async stop() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
