import { deepEqual } from 'node:assert/strict'
import type { Hash } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { devMnemonic } from '../src/dev-accounts.js'
import { ask, type RunningNode, until } from './running-node.js'

/** Heights of the node's heads. */
export async function headsOf({ url }: Pick<RunningNode, 'url'>): Promise<Record<'unsafe' | 'safe', number>> {
  const { result } = await ask(url, 'l2_syncStatus')
  const { unsafe, safe } = result as unknown as Record<'unsafe' | 'safe', { number: string }>
  return { unsafe: Number(unsafe.number), safe: Number(safe.number) }
}

/** A user who sends transactions while parts of a node die or hang, and remembers what was acknowledged. */
export function createWatchingUser(node: RunningNode) {
  const user = mnemonicToAccount(devMnemonic, { addressIndex: 1 })
  const acknowledged: Hash[] = []
  const send = async (): Promise<void> => {
    const raw = await user.signTransaction({
      ...{ chainId: 59_900, type: 'eip1559', nonce: acknowledged.length, gas: 21_000n, to: user.address, value: 1n },
      ...{ maxFeePerGas: 4_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n },
    })
    await until(node, 'a transaction is taken', async () => {
      const { result } = await ask(node.url, 'eth_sendRawTransaction', [raw])
      return result !== undefined && acknowledged.push(result as unknown as Hash) > 0
    })
  }
  return {
    acknowledged: acknowledged as readonly Hash[],
    send,
    /** Waits for blocks that are made and derived since, and for health. */
    async goesOn(after: string): Promise<void> {
      await send()
      const before = await headsOf(node)
      await until(node, `blocks are made and derived after ${after}`, async () => {
        const now = await headsOf(node)
        return now.unsafe > before.unsafe + 3 && now.safe > before.unsafe
      })
      await until(node, `health after ${after}`, async () => (await fetch(`${node.url}/healthz`)).status === 200)
    },
    /** Whatever was acknowledged is in a block, and nobody is accused. */
    async isServed(): Promise<void> {
      for (const hash of acknowledged) {
        await until(node, `${hash} is in a block`, async () => {
          return (await ask(node.url, 'eth_getTransactionReceipt', [hash])).result !== null
        })
      }
      deepEqual((await ask(node.url, 'l2_evidence')).result, [], 'nobody is accused')
    },
  }
}
