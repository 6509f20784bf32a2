import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findOpEngine } from '@l2/node'
import { fromRollupJson, type RollupJson } from '@l2/sequencer-core/derivation'
import { hashOutputRootProof, messagePasser } from '@l2/sequencer-core/output'
import { createPublicClient, type Hash, http } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { devMnemonic } from '../src/dev-accounts.js'
import { ask, type RunningNode, startNode, until, withoutBlobs } from './running-node.js'

const { isThere } = await findOpEngine('wasm')
if (!isThere) process.stdout.write('skipped: the rollup RPC of a node on op-engine, which is not built\n')

const directory = mkdtempSync(join(tmpdir(), 'l2-rollup-rpc-'))
let node: RunningNode
afterAll(async () => {
  await node?.kill('SIGTERM')
  rmSync(directory, { recursive: true, force: true })
})

type Ref = { hash: Hash; number: number; parentHash: Hash; timestamp: number }
type L2Ref = Ref & { l1origin: { hash: Hash; number: number }; sequenceNumber: number }
type SyncStatus = Record<'current_l1' | 'head_l1' | 'finalized_l1', Ref> &
  Record<'unsafe_l2' | 'safe_l2' | 'finalized_l2' | 'pending_safe_l2', L2Ref>
type Output = {
  version: Hash
  outputRoot: Hash
  blockRef: L2Ref
  withdrawalStorageRoot: Hash
  stateRoot: Hash
  syncStatus: SyncStatus
}

const call = async <T>(method: string, ...params: unknown[]): Promise<T> => {
  const { result, error } = await ask(node.url, method, params)
  if (error !== undefined) throw Object.assign(new Error(error.message), error)
  return result as T
}
const hex = (number: number): string => `0x${number.toString(16)}`

describe.skipIf(!isThere)('the rollup RPC', () => {
  beforeAll(async () => {
    node = await startNode('--data', directory, '--engine', 'op-engine', ...withoutBlobs)
    await until(node, 'something is safe', async () => {
      return (await call<SyncStatus>('optimism_syncStatus')).safe_l2.number >= 2
    })
  })

  it('tells the heads in order, with every field that op-node has', async () => {
    const status = await call<SyncStatus>('optimism_syncStatus')
    expect(Object.keys(status)).toEqual([
      ...['current_l1', 'current_l1_finalized', 'head_l1', 'safe_l1', 'finalized_l1', 'unsafe_l2', 'safe_l2'],
      ...['finalized_l2', 'pending_safe_l2', 'local_safe_l2'],
    ])
    expect(status.unsafe_l2.number).toBeGreaterThanOrEqual(status.safe_l2.number)
    expect(status.pending_safe_l2.number).toBeGreaterThanOrEqual(status.safe_l2.number)
    expect(status.safe_l2.number).toBeGreaterThanOrEqual(status.finalized_l2.number)
    const client = createPublicClient({ transport: http(node.url) })
    const safe = await client.getBlock({ blockNumber: BigInt(status.safe_l2.number) })
    expect(status.safe_l2).toMatchObject({
      ...{ hash: safe.hash, parentHash: safe.parentHash, timestamp: Number(safe.timestamp) },
    })
    expect(status.current_l1.hash).toMatch(/^0x(?!0{64})/)
  })

  it('tells outputs that viem comes to by itself', async () => {
    const client = createPublicClient({ transport: http(node.url) })
    const { safe_l2: safe } = await call<SyncStatus>('optimism_syncStatus')
    for (const number of [0, 1, safe.number]) {
      const output = await call<Output>('optimism_outputAtBlock', hex(number))
      const block = await client.getBlock({ blockNumber: BigInt(number) })
      const { storageHash } = await client.getProof({
        address: messagePasser,
        storageKeys: [],
        blockNumber: BigInt(number),
      })
      expect(output).toMatchObject({ stateRoot: block.stateRoot, withdrawalStorageRoot: storageHash })
      expect(output.blockRef).toMatchObject({ hash: block.hash, number })
      const proof = {
        ...{ version: output.version, stateRoot: block.stateRoot, messagePasserStorageRoot: storageHash },
        latestBlockhash: block.hash,
      }
      expect(output.outputRoot).toBe(hashOutputRootProof(proof))
      expect(output.syncStatus.head_l1.number).toBeGreaterThan(0)
    }
  })

  it('tells what was safe at an L1 block, and the configuration that others start from', async () => {
    type Found = { l1Block: { number: number }; safeHead: { number: number; hash: Hash } }
    const atHead = async () => {
      const { head_l1: head } = await call<SyncStatus>('optimism_syncStatus')
      return { head, found: await call<Found>('optimism_safeHeadAtL1Block', hex(head.number)) }
    }
    // Derivation reads L1 itself: it can be ahead of the head that the node saw last, by a block or two.
    await until(node, 'a block is safe at the L1 head that is told', async () => {
      return (await atHead()).found.safeHead.number >= 1
    })
    const { head: current, found } = await atHead()
    const { unsafe_l2: unsafe } = await call<SyncStatus>('optimism_syncStatus')
    expect(found.safeHead.number).toBeLessThanOrEqual(unsafe.number)
    const { blockRef } = await call<Output>('optimism_outputAtBlock', hex(found.safeHead.number))
    expect(blockRef.hash).toBe(found.safeHead.hash)
    expect(found.l1Block.number).toBeLessThanOrEqual(current.number)
    const before = await call<Found>('optimism_safeHeadAtL1Block', hex(found.l1Block.number - 1))
    expect(before.safeHead.number).toBeLessThan(found.safeHead.number)
    const config = fromRollupJson(await call<RollupJson>('optimism_rollupConfig'))
    const first = await call<Found>('optimism_safeHeadAtL1Block', hex(Number(config.genesis.l1.number)))
    expect(first.safeHead).toEqual({ number: 0, hash: config.genesis.l2.hash })
    expect(await call('optimism_version')).toBe(await call('web3_clientVersion'))
  })

  it('refuses in words what is not there, or is no height', async () => {
    await expect(call('optimism_outputAtBlock', '0xffffff')).rejects.toMatchObject({ code: -32000 })
    await expect(call('optimism_safeHeadAtL1Block', '0x0')).rejects.toMatchObject({
      code: -32000,
      message: 'not found',
    })
    for (const height of [5, '5', '0x', '0x05', 'latest', null, undefined, {}, `0x${'f'.repeat(17)}`]) {
      await expect(call('optimism_outputAtBlock', height)).rejects.toMatchObject({ code: -32602 })
      await expect(call('optimism_safeHeadAtL1Block', height)).rejects.toMatchObject({ code: -32602 })
    }
  })

  it('has the L1 fee in receipts', async () => {
    const account = mnemonicToAccount(devMnemonic, { addressIndex: 2 })
    const client = createPublicClient({ transport: http(node.url) })
    const raw = await account.signTransaction({
      ...{ type: 'eip1559', chainId: await client.getChainId(), nonce: 0, to: account.address, gas: 21_000n },
      ...{ maxFeePerGas: 4_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n },
    })
    const hash = await client.sendRawTransaction({ serializedTransaction: raw })
    await client.waitForTransactionReceipt({ hash })
    const receipt = await call<Record<string, unknown>>('eth_getTransactionReceipt', hash)
    for (const field of ['l1Fee', 'l1GasPrice', 'l1GasUsed']) expect(receipt).toHaveProperty(field)
  })
})
