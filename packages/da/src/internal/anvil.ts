import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createPublicClient, http, type PublicClient } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { foundry } from 'viem/chains'

/** A running anvil of this test file. */
export type Anvil = {
  url: string
  client: PublicClient
  rpc(method: string, params?: readonly unknown[]): Promise<unknown>
  mine(blocks: number): Promise<void>
  close(): Promise<void>
}

/** The well-known first accounts of anvil; their keys are public. */
export const anvilAccounts = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
  '0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a',
].map(key => privateKeyToAccount(key as `0x${string}`))

/** The binary itself: the package's wrapper would outlive being killed. */
function binary(): string {
  const require = createRequire(import.meta.url)
  const wrapper = require.resolve('@foundry-rs/anvil/package.json')
  const platform = `@foundry-rs/anvil-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
  const manifest = createRequire(wrapper).resolve(`${platform}/package.json`)
  return join(dirname(manifest), 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil')
}

/** Starts anvil on a free port of the loopback. */
export async function startAnvil(flags: readonly string[] = []): Promise<Anvil> {
  const child: ChildProcess = spawn(
    binary(),
    ['--host', '127.0.0.1', '--port', '0', '--slots-in-an-epoch', '1', ...flags],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    ended.then(() => reject(new Error('anvil ended')))
    child.stdout!.on('data', data => {
      const match = /Listening on (\S+)/.exec(String(data))
      if (match !== null) resolve(`http://${match[1]}`)
    })
  })
  const client = createPublicClient({ chain: foundry, transport: http(url, { retryCount: 0, timeout: 300_000 }) })
  const rpc = (method: string, params: readonly unknown[] = []) =>
    client.request({ method, params } as never) as Promise<unknown>
  return {
    url,
    client,
    rpc,
    mine: async blocks => void (await rpc('anvil_mine', [`0x${blocks.toString(16)}`])),
    close: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
