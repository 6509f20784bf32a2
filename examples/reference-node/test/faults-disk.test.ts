import { mountSmallDisk } from '@l2/common/testing'
import type { Hash } from 'viem'
import { afterAll, expect, it } from 'vitest'
import { ask, type RunningNode, startNode, until, withoutBlobs } from './running-node.js'
import { createTransfers } from './transfers.js'

// Only root of Linux may mount one.
const disk = mountSmallDisk(384 * 2 ** 20)
let node: RunningNode
afterAll(async () => {
  await node?.kill('SIGKILL')
  disk?.unmount()
})

it.runIf(disk !== undefined)(
  'names a full disk, loses nothing that it took, and goes on when there is room',
  { timeout: 900_000 },
  async () => {
    const directory = `${disk!.path}/data`
    node = await startNode('--data', directory, ...withoutBlobs)
    const send = createTransfers()
    const taken: Hash[] = [await send(node.url), await send(node.url)]
    const head = async () => Number((await ask(node.url, 'eth_blockNumber')).result)
    const included = async (): Promise<void> => {
      for (const hash of taken) {
        await until(node, `${hash} is in a block`, async () => {
          return (await ask(node.url, 'eth_getTransactionReceipt', [hash])).result !== null
        })
      }
    }
    await included()
    disk!.fill()
    await until(node, 'the full disk is named', async () =>
      node.events.some(event => /waits: .*(no room|no space|ENOSPC|full)/i.test(event)),
    )
    await until(node, 'readiness', async () => (await fetch(`${node.url}/readyz`)).status === 503)
    const waits = () => node.events.filter(event => event.startsWith('sequencer waits: '))
    await until(node, 'the sequencer waits', async () => waits().length > 0)
    // Some rounds later it says so in words that have stayed the same.
    await new Promise(resolve => setTimeout(resolve, 4000))
    const reasons = waits()
    expect(new Set(reasons).size).toBe(1)
    expect(reasons[0]).toMatch(/no space left/i)
    const stood = await head()
    disk!.free()
    await until(node, 'it goes on', async () => (await head()) > stood + 3)
    taken.push(await send(node.url))
    await included()
    expect(await node.kill('SIGTERM'), node.events.join(' | ')).toBe(0)

    node = await startNode('--data', directory, ...withoutBlobs)
    await included()
    expect(await head()).toBeGreaterThan(stood)
    expect(await node.kill('SIGTERM')).toBe(0)
  },
)
