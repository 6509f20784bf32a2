import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hash } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { afterAll, expect, it } from 'vitest'
import { devMnemonic } from '../src/dev-accounts.js'
import { anvilOf } from './hang.js'
import { ask, startNode, until } from './running-node.js'

const directory = mkdtempSync(join(tmpdir(), 'l2-children-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

// Who is whose child only Linux tells in files.
it.runIf(process.platform === 'linux')(
  'goes on when an engine is killed or stands still for a while, and ends in one line with the L1 of its own',
  {
    timeout: 600_000,
  },
  async () => {
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
