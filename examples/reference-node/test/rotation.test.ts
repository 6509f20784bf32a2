import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ChainIdentity, rpcCall } from '@l2/node'
import { type Address, encodeFunctionData, pad, parseAbi } from 'viem'
import { afterAll, afterEach, expect, it } from 'vitest'
import { batcherAccount, devAccount } from '../src/dev-accounts.js'
import { ask, type RunningNode, startNode, until } from './running-node.js'

// Another account becomes the poster of a running node's chain, by the SystemConfig on its L1, and then it is the node's turn again.

const directory = mkdtempSync(join(tmpdir(), 'l2-rotation-'))
let node: RunningNode | undefined
afterEach(async () => {
  await node?.kill('SIGTERM')
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

type View = {
  posting: { waiting?: string }
  waiting: { part: string; reason: string }[]
  heads: { unsafe: { number: string }; safe: { number: string } }
}

it('posts nothing in the turn of another, says so, and goes on in its own', { timeout: 900_000 }, async () => {
  const running = await startNode('--data', directory, '--da', 'ethereum-calldata')
  node = running
  const view = async () => (await ask(running.url, 'l2_status')).result as unknown as View
  const heads = async () => {
    const { unsafe, safe } = (await view()).heads
    return { unsafe: BigInt(unsafe.number), safe: BigInt(safe.number) }
  }
  const { contracts } = JSON.parse(readFileSync(join(directory, 'chain.json'), 'utf8')) as ChainIdentity
  const { pool: from, systemConfig: to } = contracts as Record<'pool' | 'systemConfig', Address>
  const l1Url = `http://127.0.0.1:${readFileSync(join(directory, 'l1.port'), 'utf8').trim()}`
  const l1 = <T>(method: string, params: readonly unknown[]) => rpcCall<T>(l1Url, method, params)
  // The operator of the pool is who posts here: in its name an order would take one of its nonces. It comes from the pool itself.
  await l1('anvil_impersonateAccount', [from])
  await l1('anvil_setBalance', [from, '0xde0b6b3a7640000'])
  const abi = parseAbi(['function setBatcherHash(bytes32)'])
  const rotate = async (poster: Address): Promise<void> => {
    const data = encodeFunctionData({ abi, functionName: 'setBatcherHash', args: [pad(poster, { size: 32 })] })
    const hash = await l1<string>('eth_sendTransaction', [{ from, to, data, gas: '0x30d40' }])
    await until(running, 'L1 has the rotation', async () => {
      const receipt = await l1<{ status: string } | null>('eth_getTransactionReceipt', [hash])
      return receipt?.status === '0x1'
    })
  }
  const paid = async () => BigInt(await l1<string>('eth_getTransactionCount', [batcherAccount().address, 'latest']))
  await until(running, 'the node posts', async () => (await heads()).safe > 3n)

  await rotate(devAccount(4).address)
  await until(running, 'the node gives its turn up', async () => (await view()).posting.waiting === 'not-the-batcher')
  const { waiting } = await view()
  expect(waiting).toContainEqual(expect.objectContaining({ part: 'batcher', reason: expect.stringMatching('not-the') }))
  const metrics = await (await fetch(`${running.url}/metrics`)).text()
  expect(metrics).toContain('l2_batcher_waiting{reason="not-the-batcher"} 1')
  await until(running, 'what was on its way when the turn ended is there', async () => {
    const sent = await l1<string>('eth_getTransactionCount', [batcherAccount().address, 'pending'])
    return BigInt(sent) === (await paid())
  })
  const inFlight = await heads()
  await until(running, 'blocks are made', async () => (await heads()).unsafe > inFlight.unsafe + 5n)
  const spent = await paid()
  await until(running, 'more blocks are made', async () => (await heads()).unsafe > inFlight.unsafe + 20n)
  expect(await paid()).toBe(spent)
  const stuck = await heads()
  expect(stuck.unsafe - stuck.safe).toBeGreaterThan(15n)

  await rotate(batcherAccount().address)
  await until(running, 'the rest is derived', async () => (await heads()).safe > stuck.unsafe)
  expect((await view()).posting.waiting).not.toBe('not-the-batcher')
  expect(await paid()).toBeGreaterThan(spent)
  await until(running, 'that is said', async () => running.events.includes('batcher goes on'))
})
