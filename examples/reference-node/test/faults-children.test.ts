import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gethBinary } from '@l2/sequencer-core/node'
import type { Hash } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { afterAll, expect, it } from 'vitest'
import { devMnemonic } from '../src/dev-accounts.js'
import { anvilOf, programsOf } from './hang.js'
import { ask, type RunningNode, startNode, until } from './running-node.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-children-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const isLinux = process.platform === 'linux'
if (gethBinary() === undefined) process.stdout.write('skipped: the death of geth; there is none on PATH\n')

// Who is whose child only Linux tells in files.
it.runIf(isLinux)(
  'goes on when an engine is killed or stands still for a while, and ends in one line with the L1 of its own',
  {
    timeout: 600_000,
  },
  async () => {
    const directory = join(folder, 'anvil')
    const node = await startNode('--engine', 'anvil', '--data', directory)
    const user = mnemonicToAccount(devMnemonic, { addressIndex: 1 })
    const acknowledged: Hash[] = []
    const send = async (): Promise<void> => {
      const raw = await user.signTransaction({
        ...{ chainId: 59_900, type: 'eip1559', nonce: acknowledged.length, gas: 21_000n, to: user.address, value: 1n },
        ...{ maxFeePerGas: 4_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n },
      })
      await until(node, 'a transaction is taken', async () => {
        const { result } = await ask(node.url, 'eth_sendRawTransaction', [raw])
        if (result === undefined) return false
        return acknowledged.push(result as unknown as Hash) > 0
      })
    }
    const heads = async () => {
      const { result } = await ask(node.url, 'l2_syncStatus')
      const { unsafe, safe } = result as unknown as Record<'unsafe' | 'safe', { number: string }>
      return { unsafe: BigInt(unsafe.number), safe: BigInt(safe.number) }
    }
    const goesOn = async (after: string): Promise<void> => {
      await send()
      const before = await heads()
      await until(node, `blocks are made and derived after ${after}`, async () => {
        const now = await heads()
        return now.unsafe > before.unsafe + 3n && now.safe > before.unsafe
      })
      expect((await fetch(`${node.url}/healthz`)).status).toBe(200)
    }
    await goesOn('the start')
    for (const name of ['sequencer-engine', 'verifier-engine']) {
      process.kill(anvilOf(node, directory, name), 'SIGKILL')
      await until(node, `${name} is started again`, async () => node.events.some(event => event === 'engines goes on'))
      node.events.length = 0
      await goesOn(`the death of ${name}`)
      const stopped = anvilOf(node, directory, name)
      process.kill(stopped, 'SIGSTOP')
      // As long as health needs to see it.
      await until(node, `${name} is missed`, async () => (await fetch(`${node.url}/healthz`)).status === 503)
      process.kill(stopped, 'SIGCONT')
      await goesOn(`${name} stood still`)
    }
    for (const hash of acknowledged) {
      await until(node, `${hash} is in a block`, async () => {
        return (await ask(node.url, 'eth_getTransactionReceipt', [hash])).result !== null
      })
    }
    expect((await ask(node.url, 'l2_evidence')).result).toEqual([])
    process.kill(anvilOf(node, directory, 'l1'), 'SIGKILL')
    expect(await node.exited).toBe(1)
  },
)

it.runIf(isLinux && gethBinary() !== undefined)(
  'goes on when geth is killed further from its start than geth goes back by itself, and starts again from there',
  { timeout: 600_000 },
  async () => {
    const args = ['--engine', 'geth', '--data', join(folder, 'geth')]
    const heights = async ({ url }: RunningNode) => {
      const { result } = await ask(url, 'l2_syncStatus')
      const { unsafe, safe } = result as unknown as Record<'unsafe' | 'safe', { number: string }>
      return { unsafe: Number(unsafe.number), safe: Number(safe.number) }
    }
    const reaches = (node: RunningNode, label: 'unsafe' | 'safe', height: number) =>
      until(node, `block ${height} is ${label}`, async () => (await heights(node))[label] >= height)
    let node = await startNode(...args)
    try {
      await reaches(node, 'unsafe', 40)
      const geth = programsOf(node.pid).find(
        ({ name, line }) => name === 'geth' && line.some(word => word.endsWith('sequencer-engine-geth')),
      )!
      process.kill(geth.pid, 'SIGKILL')
      await until(node, 'geth is started again', async () => node.events.includes('engines goes on'))
      const { unsafe } = await heights(node)
      await reaches(node, 'unsafe', unsafe + 3)
      await reaches(node, 'safe', unsafe)

      expect(await node.kill('SIGTERM')).toBe(0)
      node = await startNode(...args)
      await reaches(node, 'unsafe', unsafe + 6)
    } finally {
      await node.kill('SIGKILL')
    }
  },
)
