import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runs } from '@l2/common/testing'
import { createWatcher } from '@l2/node'
import { decodeSealedBlock, hashSequencerHeader, recoverSigner, type SequencerHeader } from '@l2/sequencer-core/block'
import { openFileLog } from '@l2/sequencer-core/node'
import type { Hash, Hex } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { afterAll, expect, it } from 'vitest'
import { batcherAccount, devMnemonic } from '../src/dev-accounts.js'
import { ask, type RunningNode, startNode, until } from './running-node.js'

const directory = mkdtempSync(join(tmpdir(), 'l2-l1-reorg-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const chainId = 59_900
/** As the node starts its own L1. */
const l1BlockSeconds = 2
const users = Array.from({ length: 3 }, (_, index) => mnemonicToAccount(devMnemonic, { addressIndex: index + 1 }))

/** Each user sends one transfer after the other, as long as the node takes them. */
async function load(url: string, acknowledged: Set<Hash>, stopped: () => boolean): Promise<void> {
  await Promise.all(
    users.map(async user => {
      while (!stopped()) {
        const { result: nonce } = await ask(url, 'eth_getTransactionCount', [user.address, 'pending']).catch(() => ({
          result: undefined,
        }))
        if (nonce === undefined) continue
        const raw = await user.signTransaction({
          ...{ chainId, type: 'eip1559', nonce: Number(nonce), gas: 21_000n, to: users[0]!.address, value: 1n },
          ...{ maxFeePerGas: 4_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n },
        })
        const answer = await ask(url, 'eth_sendRawTransaction', [raw]).catch(() => undefined)
        if (answer?.error === undefined && answer !== undefined) acknowledged.add(answer.result as unknown as Hash)
        await new Promise(resolve => setTimeout(resolve, 100))
      }
    }),
  )
}

const numberOf = async (url: string, tag = 'latest'): Promise<number> =>
  Number(((await ask(url, 'eth_getBlockByNumber', [tag, false])).result as unknown as { number: Hex }).number)

/** Every header that was ever signed: the log keeps those of blocks that were taken back. */
async function signedHeaders(): Promise<{ header: SequencerHeader; signature: Hex }[]> {
  const log = await openFileLog({ path: join(directory, 'sequencer.log') })
  const found: { header: SequencerHeader; signature: Hex }[] = []
  for await (const { payload } of log.read(1n)) if (payload[0] === 1) found.push(decodeSealedBlock(payload))
  await log.close()
  return found
}

/** By so many blocks; L1 is twenty long after a minute only, which is for a soak. */
const depths = [1, 3, 20].slice(0, runs({ suite: 2, soak: 3 }))

it(`follows reorganisations of L1 by ${depths.join(', ')} blocks, and a kill in the middle, and convicts nobody`, {
  timeout: 900_000,
}, async () => {
  const acknowledged = new Set<Hash>()
  let node: RunningNode = await startNode('--data', directory)
  const reorg = async (depth: number): Promise<void> => {
    const l1 = `http://127.0.0.1:${readFileSync(join(directory, 'l1.port'), 'utf8')}`
    await until(node, 'L1 is long enough', async () => (await numberOf(l1)) > depth + 3)
    // It stands meanwhile, or a block that came between the look and the reorganisation would be all that goes.
    expect(await ask(l1, 'evm_setIntervalMining', [0])).not.toHaveProperty('error')
    await until(node, 'what is to go is built upon', async () => {
      const { result } = await ask(node.url, 'l2_header', [await numberOf(node.url)])
      const origin = (result as unknown as { header: { l1OriginNumber: string } } | null)?.header.l1OriginNumber
      return origin !== undefined && Number(origin) > (await numberOf(l1)) - depth
    })
    expect(await ask(l1, 'anvil_reorg', [depth, []])).not.toHaveProperty('error')
    expect(await ask(l1, 'evm_setIntervalMining', [l1BlockSeconds])).not.toHaveProperty('error')
  }
  const wasFollowed = (times: number) => async () =>
    node.events.filter(event => event.startsWith('L1 was reorganised')).length >= times
  let stopped = false
  const loading = load(node.url, acknowledged, () => stopped)
  for (const [index, depth] of depths.entries()) {
    await reorg(depth)
    await until(node, `a reorg of ${depth}`, wasFollowed(index + 1))
  }
  // Once more, and the node ends as it follows; the next one does.
  await reorg(3)
  await until(node, 'the last reorg', wasFollowed(depths.length + 1))
  await node.kill('SIGKILL')
  stopped = true
  await loading
  expect(acknowledged.size).toBeGreaterThan(20)

  node = await startNode('--data', directory)
  for (const hash of acknowledged) {
    await until(node, `${hash} is in a block`, async () => {
      const { result } = await ask(node.url, 'eth_getTransactionReceipt', [hash])
      if (result !== null) return true
      expect((await ask(node.url, 'eth_getTransactionByHash', [hash])).result, `${hash} is gone`).not.toBeNull()
      return false
    })
  }
  expect((await ask(node.url, 'l2_evidence')).result).toEqual([])
  const { result: pool } = await ask(node.url, 'l2_pool')
  expect((pool as unknown as { sequencers: { jailed: boolean }[] }).sequencers.some(({ jailed }) => jailed)).toBe(false)
  // Each once, in one unbroken chain.
  const head = await numberOf(node.url)
  const found: Hash[] = []
  let parent: Hash | undefined
  for (let number = 0; number <= head; number++) {
    type Block = { hash: Hash; parentHash: Hash; transactions: Hash[] }
    const { result } = await ask(node.url, 'eth_getBlockByNumber', [`0x${number.toString(16)}`, false])
    const block = result as unknown as Block
    if (parent !== undefined) expect(block.parentHash).toBe(parent)
    parent = block.hash
    found.push(...block.transactions)
  }
  expect(new Set(found).size).toBe(found.length)
  // Posts and verifies the rest: what L1 gives is what was published, or it would not end well.
  expect(await node.kill('SIGTERM')).toBe(0)

  // Whoever saw every header that was ever gossiped, and looks for two at one place, finds none.
  const { inbox } = JSON.parse(readFileSync(join(directory, 'chain.json'), 'utf8')) as { inbox: Hex }
  const headers = await signedHeaders()
  const heights = headers.map(({ header }) => header.height)
  expect(heights.length).toBeGreaterThan(new Set(heights).size + runs({ suite: 4, soak: 20 }))
  const bundles: string[] = []
  const watcher = createWatcher({
    ...{ account: batcherAccount(), chainId, nonce: async () => 0, submit: async () => undefined },
    control: () => {
      throw new Error('two headers at one place')
    },
    onEvidence: bundle => bundles.push(bundle),
  })
  for (const { header, signature } of headers) {
    const digest = hashSequencerHeader(header, { chainId: BigInt(chainId), rollup: inbox })
    const signer = recoverSigner(digest, signature)
    expect(signer).toBeDefined()
    await watcher.see({ header, signature, signer: signer! })
  }
  expect(bundles).toEqual([])
})
