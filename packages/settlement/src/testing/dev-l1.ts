import { spawn } from 'node:child_process'
import { anvilBinary } from '@l2/sequencer-core/node'
import {
  createPublicClient,
  createTestClient,
  createWalletClient,
  defineChain,
  http,
  type LocalAccount,
  type PublicClient,
  type TestClient,
} from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { openArtifacts } from '../node/artifacts.js'

/** Accounts of anvil that have ETH; their keys are public. */
export const accounts = (
  [
    '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
    '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
    '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
    '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
    '0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a',
  ] as const
).map(key => privateKeyToAccount(key)) as unknown as readonly [
  PrivateKeyAccount,
  PrivateKeyAccount,
  PrivateKeyAccount,
  PrivateKeyAccount,
  PrivateKeyAccount,
]

/** An L1 of the test's own: mines when it is told to or has a transaction, and its clock can be moved. */
export type AnvilL1 = {
  url: string
  client: PublicClient
  test: TestClient
  wallet(account: LocalAccount): ReturnType<typeof createWalletClient>
  /** Moves the clock on and mines a block. */
  pass(seconds: number): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const multicall3 = '0xca11bde05977b3631167028862be2a173976ca11'

/** Starts it on a port that is free. */
export async function startL1(flags: readonly string[] = [], chainId = 900): Promise<AnvilL1> {
  const child = spawn(
    anvilBinary(import.meta.url)!,
    ['--host', '127.0.0.1', '--port', '0', '--chain-id', String(chainId), '--hardfork', 'osaka', ...flags],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const url = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      if (text === undefined) return
      text += chunk.toString()
      const found = /Listening on (\S+)/.exec(text)?.[1]
      if (found !== undefined) resolve(`http://${found}`)
    })
    child.once('exit', () => reject(new Error('anvil did not start')))
  })
  const chain = defineChain({
    id: chainId,
    name: 'L1',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
    contracts: { multicall3: { address: multicall3 } },
  })
  const shared = { chain, transport: http(url, { timeout: 60_000 }), pollingInterval: 20, cacheTime: 0 } as const
  const test = createTestClient({ ...shared, mode: 'anvil' })
  // Every L1 has it, and wallets count on it.
  await test.setCode({ address: multicall3, bytecode: openArtifacts().preinstall('MultiCall3Code') })
  return {
    url,
    client: createPublicClient(shared) as PublicClient,
    test,
    wallet: account => createWalletClient({ ...shared, account }),
    pass: async seconds => {
      await test.increaseTime({ seconds })
      await test.mine({ blocks: 1 })
    },
    [Symbol.asyncDispose]: async () => {
      process.off('exit', kill)
      kill()
      await ended
    },
  }
}
