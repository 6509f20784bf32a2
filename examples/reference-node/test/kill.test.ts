import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runs, seededRandom, testSeed } from '@l2/common/testing'
import type { Hash, Hex } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { afterAll, describe, expect, it } from 'vitest'
import { devMnemonic, trafficAccounts } from '../src/dev-accounts.js'
import { ask, type RunningNode, startNode, until } from './running-node.js'

const kills = runs({ suite: 4, soak: 60 })
const chainId = 59_900
const directory = mkdtempSync(join(tmpdir(), 'l2-kill-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const accounts = Array.from({ length: trafficAccounts }, (_, addressIndex) =>
  mnemonicToAccount(devMnemonic, { addressIndex }),
)

/** Sends transfers from every account until it is told to stop or the node is gone; returns what the node acknowledged. */
async function load(url: string, acknowledged: Set<Hash>, stopped: () => boolean): Promise<void> {
  await Promise.all(
    accounts.map(async (account, index) => {
      try {
        const { result } = await ask(url, 'eth_getTransactionCount', [account.address, 'pending'])
        for (let nonce = Number(result); !stopped(); nonce++) {
          const raw = await account.signTransaction({
            chainId,
            type: 'eip1559',
            nonce,
            gas: 21_000n,
            maxFeePerGas: 4_000_000_000n,
            maxPriorityFeePerGas: 1_000_000_000n,
            to: accounts[(index + 1) % accounts.length]!.address,
            value: 1n,
          })
          const answer = await ask(url, 'eth_sendRawTransaction', [raw])
          if (answer.error !== undefined) throw new Error(answer.error.message)
          acknowledged.add(answer.result as unknown as Hash)
        }
      } catch (error) {
        // The node was killed under the request: what it had not answered was not acknowledged.
        if (!stopped()) throw error
      }
    }),
  )
}

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

describe('kill -9', () => {
  it(`loses no acknowledged transaction and derives no block twice, ${kills} times at random moments`, {
    timeout: 1_500_000,
  }, async () => {
    const seed = testSeed()
    const random = seededRandom(seed)
    const acknowledged = new Set<Hash>()
    let node: RunningNode | undefined
    for (let kill = 0; kill < kills; kill++) {
      node = await startNode('--data', directory)
      let stopped = false
      const loading = load(node.url, acknowledged, () => stopped)
      const before = acknowledged.size
      const running = node
      await until(running, 'something is acknowledged', async () => acknowledged.size > before)
      await sleep(random.below(2500))
      stopped = true
      await node.kill('SIGKILL')
      await loading
    }
    expect(acknowledged.size, `seed ${seed}`).toBeGreaterThan(kills)

    node = await startNode('--data', directory)
    // Everything acknowledged is in a block, or still waits to be.
    const missing = new Set(acknowledged)
    await until(node, 'all that was acknowledged is included', async () => {
      for (const hash of missing) {
        const { result: receipt } = await ask(node.url, 'eth_getTransactionReceipt', [hash])
        if (receipt !== null) missing.delete(hash)
        else {
          const { result: pending } = await ask(node.url, 'eth_getTransactionByHash', [hash])
          expect(pending, `seed ${seed}: ${hash} was acknowledged and is gone`).not.toBeNull()
        }
      }
      return missing.size === 0
    })

    // Each of them is in exactly one block of one unbroken chain.
    const { result: head } = await ask(node.url, 'eth_blockNumber')
    const found = new Set<Hash>()
    let parent: Hex | undefined
    for (let number = 0n; number <= BigInt(head!); number++) {
      type Block = { hash: Hex; parentHash: Hex; transactions: Hash[] }
      const block = (await ask(node.url, 'eth_getBlockByNumber', [`0x${number.toString(16)}`, false]))
        .result as unknown as Block
      if (parent !== undefined) expect(block.parentHash).toBe(parent)
      parent = block.hash
      for (const hash of block.transactions) {
        expect(found.has(hash), `seed ${seed}: ${hash} is in two blocks`).toBe(false)
        found.add(hash)
      }
    }
    for (const hash of acknowledged) expect(found.has(hash)).toBe(true)

    // However slow the machine is: the stop has half a minute for what is left.
    await until(node, 'what was sequenced is derived', async () => {
      const { result } = await ask(node!.url, 'eth_getBlockByNumber', ['safe', false])
      return BigInt((result as unknown as { number: Hex }).number) >= BigInt(head!)
    })
    // A clean stop posts and verifies the rest.
    expect(await node.kill('SIGTERM')).toBe(0)
    // Each line is a checksum and a record: a block, or a place in L1.
    const derived = readFileSync(join(directory, 'derivation.journal'), 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line.slice(9)) as { block?: { number: { $int: string } } })
      .flatMap(({ block }) => (block === undefined ? [] : [BigInt(block.number.$int)]))
    expect(derived).toEqual(derived.map((_, index) => BigInt(index + 1)))
    expect(derived.length).toBeGreaterThanOrEqual(Number(BigInt(head!)))
  })
})
