import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { createPublicClient, http, type PublicClient } from 'viem'

const require = createRequire(import.meta.url)

/** The binary itself: the package's own entry is a wrapper, and killing a wrapper leaves the node running. */
function anvilBinary(): string {
  const architecture = process.arch === 'x64' ? 'amd64' : 'arm64'
  const fromWrapper = createRequire(require.resolve('@foundry-rs/anvil/package.json'))
  const name = process.platform === 'win32' ? 'anvil.exe' : 'anvil'
  return fromWrapper.resolve(`@foundry-rs/anvil-${process.platform}-${architecture}/bin/${name}`)
}

/** An anvil of the test's own, on loopback. */
export type Anvil = { url: string; client: PublicClient; stop(): Promise<void> }

export async function startAnvil(hardfork: string, args: readonly string[] = []): Promise<Anvil> {
  const child: ChildProcess = spawn(
    anvilBinary(),
    ['--host', '127.0.0.1', '--port', '0', '--hardfork', hardfork, ...args],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    exited.then(() => reject(new Error('anvil ended')))
    child.stdout!.on('data', data => {
      const match = /Listening on (\S+)/.exec(String(data))
      if (match !== null) resolve(`http://${match[1]}`)
    })
  })
  const client = createPublicClient({ transport: http(url, { retryCount: 0, timeout: 300_000 }), pollingInterval: 50 })
  return {
    url,
    client,
    async stop() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
