import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryNetwork, type GossipBlock } from '@l2/gossip'
import { createDetailsReader, createOpNodeBridge, type OpNodeBridge } from '@l2/gossip/op-node'
import { encodeSealedBlock, type HeaderContext, hashSequencerHeader } from '@l2/sequencer-core/block'
import { allForksAtGenesis, encodeL1InfoDeposit, newRollup, toRollupJson } from '@l2/sequencer-core/derivation'
import { createEngineApi, type ExecutedBlock, opGenesis, type PayloadAttributes } from '@l2/sequencer-core/engine'
import { type GethProcess, spawnOpGeth } from '@l2/sequencer-core/node'
import { startL1 } from '@l2/settlement/testing'
import { type Hash, type Hex, hexToBytes } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { goProgram } from '../../../scripts/go.mjs'
import { ask, startStockFollower } from '../../../scripts/stock-follower.js'

// A leader's blocks reach a stock op-node by gossip and bridge, and it follows them with a stock op-geth. With `pnpm test:peers` alone.

const wanted = process.env['L2_PEERS'] !== undefined
const [opNode, opGeth] = wanted ? [goProgram('op-node'), goProgram('op-geth')] : []
const hasPrograms = opNode !== undefined && opGeth !== undefined
if (!hasPrograms)
  process.stdout.write('skipped: the bridge to op-node; pnpm test:peers op-node-bridge, which needs Go\n')

const patience = { timeout: 120_000, interval: 100 }
const chainId = 901n
const zeroHash: Hash = `0x${'00'.repeat(32)}`
const systemConfigContract = `0x${'c1'.repeat(20)}` as const
/** Where SystemConfig keeps `unsafeBlockSigner`: keccak256("systemconfig.unsafeblocksigner") − 1. */
const signerSlot: Hash = '0x65a7ed542fb37fe237fdfbdd70b31598523fe5b32879e307bae27a0bd9581c08'
const user = privateKeyToAccount(`0x${'a1'.repeat(32)}`)
const [leaderAccount, otherAccount] = [0x21, 0x22].map(byte => privateKeyToAccount(`0x${byte.toString(16).repeat(32)}`))
const bridgeAccount = privateKeyToAccount(`0x${'31'.repeat(32)}`)
const domain = { chainId, rollup: `0x${'01'.repeat(20)}` } as const
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'l2-bridge-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function startChain() {
  const l1 = await startL1(['--block-time', '1'])
  onTestFinished(() => l1[Symbol.asyncDispose]())
  const address = `0x${bridgeAccount.address.slice(2).padStart(64, '0')}` as Hex
  await l1.test.setStorageAt({ address: systemConfigContract, index: signerSlot, value: address })
  const origin = await l1.client.getBlock()
  const genesis = opGenesis({
    chainId,
    timestamp: origin.timestamp,
    alloc: { [user.address]: { balance: 10n ** 20n } },
  })
  const genesisPath = join(folder, 'genesis.json')
  writeFileSync(genesisPath, JSON.stringify(genesis))
  const geth: GethProcess = await spawnOpGeth({
    ...{ binary: opGeth!, dataDir: join(folder, 'leader'), genesisPath, chainId },
  })
  onTestFinished(() => geth.close())
  const { engineUrl, rpcUrl, jwtSecret } = geth
  const engine = await createEngineApi({ engineUrl, rpcUrl, jwtSecret, mode: 'op-stack' })
  onTestFinished(() => engine.close())
  const first = (await engine.block(0n))!
  const rollup = newRollup({
    l1ChainId: 900n,
    l2ChainId: chainId,
    genesis: {
      l1: { number: origin.number, hash: origin.hash },
      l2: { number: 0n, hash: first.hash },
      l2TimeSeconds: origin.timestamp,
    },
    ...{ batcher: user.address, batchInbox: `0x${'e1'.repeat(20)}`, depositContract: `0x${'d1'.repeat(20)}` },
    ...{ systemConfigContract, blockTimeSeconds: 1n, forks: allForksAtGenesis },
  })
  const rollupPath = join(folder, 'rollup.json')
  writeFileSync(rollupPath, JSON.stringify(toRollupJson(rollup)))
  const stated = {
    ...{ number: origin.number, hash: origin.hash, parentHash: origin.parentHash, timestamp: origin.timestamp },
    ...{ mixHash: origin.mixHash, baseFeePerGas: origin.baseFeePerGas!, blobBaseFee: 1n },
    parentBeaconBlockRoot: origin.parentBeaconBlockRoot,
  }
  let nonce = 0
  /** The next block, signed by whoever it is, with some transfers. */
  async function next(
    parent: ExecutedBlock,
    account = leaderAccount!,
  ): Promise<{ block: GossipBlock; executed: ExecutedBlock }> {
    const timestamp = parent.timestamp + 1n
    const transfers = await Promise.all(
      Array.from({ length: Number(parent.number % 4n) }, () =>
        user.signTransaction({
          ...{ type: 'eip1559', chainId: Number(chainId), nonce: nonce++, to: user.address, value: 1n, gas: 21_000n },
          ...{ maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n },
        }),
      ),
    )
    const attributes: PayloadAttributes = {
      ...{ timestamp, prevRandao: stated.mixHash, withdrawals: [], noTxPool: true, gasLimit: 30_000_000n },
      suggestedFeeRecipient: '0x4200000000000000000000000000000000000011',
      parentBeaconBlockRoot: stated.parentBeaconBlockRoot,
      transactions: [
        encodeL1InfoDeposit(rollup, rollup.genesis.systemConfig, stated, parent.number + 1n, timestamp),
        ...transfers.map(transfer => hexToBytes(transfer)),
      ],
      ...{ eip1559Params: '0x0000000000000000', minBaseFee: 0n },
    }
    const executed = await engine.build(parent.hash, attributes)
    await engine.setHead({ head: executed.hash, safe: zeroHash, finalized: zeroHash })
    const header = {
      ...{ epochId: 0n, term: 0, height: executed.number, parentHash: executed.parentHash },
      ...{ txRoot: executed.transactionsRoot, stateRoot: executed.stateRoot, timestamp },
      ...{ l1OriginNumber: origin.number, l1OriginHash: origin.hash, forcedUpTo: 0n },
    }
    const signature = await account.sign({ hash: hashSequencerHeader(header, domain) })
    const payload = encodeSealedBlock({ header, signature, executed, attributes })
    return { executed, block: { header, signature, payload } }
  }
  return { l1, rpcUrl, first, next, rollup, genesisPath, rollupPath }
}

const context: HeaderContext = {
  domain,
  schedule: { leaderAt: () => ({ sequencer: leaderAccount!.address, epoch: 0n, term: 0 }) },
  parent: undefined,
}

describe.skipIf(!hasPrograms)('createOpNodeBridge', () => {
  it('feeds a stock op-node, which follows the elected leader', { timeout: 300_000 }, async () => {
    const { l1, rpcUrl, first, next, rollup, genesisPath, rollupPath } = await startChain()
    const follower = await startStockFollower({
      ...{ opNode: opNode!, opGeth: opGeth!, l1Url: l1.url, chainId, genesisPath, rollupPath },
      ...{ directory: join(folder, 'follower'), hasNetwork: true },
    })
    onTestFinished(() => follower[Symbol.asyncDispose]())
    const { addresses } = await ask<{ addresses: string[] }>(follower.nodeUrl, 'opp2p_self')
    const bridges: OpNodeBridge[] = []
    for (const account of [bridgeAccount, otherAccount!]) {
      const bridge = await createOpNodeBridge(
        { chainId, forks: rollup.forks, opNode: addresses[0]! },
        { account, details: createDetailsReader(rpcUrl) },
      )
      onTestFinished(bridge.close)
      bridges.push(bridge)
    }
    const [bridge, wrongBridge] = bridges as [OpNodeBridge, OpNodeBridge]
    await expect.poll(() => bridge.isConnected(), patience).toBe(true)

    // The leader and the machine of the follower hear each other by gossip.
    const members = [1, undefined].map((operator, index) => ({
      ...{ key: `0x${String(index + 1).repeat(64)}` as const, operator, addresses: [] },
    }))
    const network = createMemoryNetwork()
    const source = { block: async () => undefined, range: async () => [] }
    const leader = await network.join({ domain, members, key: members[0]!.key }, { source })
    const beside = await network.join({ domain, members, key: members[1]!.key }, { source })
    for (const gossip of [leader, beside]) onTestFinished(gossip.close)
    const outcomes: string[] = []
    beside.subscribe(received => {
      void beside.payload(received).then(async payload => outcomes.push((await bridge.publish(payload, context)).type))
      return 'accept'
    })

    let head = first
    const latenciesMs: number[] = []
    for (let count = 0; count < 12; count++) {
      const { block, executed } = await next(head)
      head = executed
      // op-node refuses what is more than five seconds ahead of its clock.
      await expect.poll(() => Date.now() / 1000 - Number(executed.timestamp), patience).toBeGreaterThan(-3)
      const since = performance.now()
      await leader.publish(block)
      const isHead = async () => (await follower.status()).unsafe_l2.hash === executed.hash
      await expect.poll(isHead, { timeout: 60_000, interval: 10 }).toBe(true)
      latenciesMs.push(Math.round(performance.now() - since))
      expect(await follower.hashAt(executed.number)).toBe(executed.hash)
    }
    expect(outcomes).toEqual(Array.from({ length: 12 }, () => 'published'))
    const sorted = latenciesMs.sort((a, b) => a - b)
    process.stdout.write(`published to unsafe head of op-node: p50 ${sorted[6]} ms, max ${sorted[11]} ms\n`)

    // Somebody else's block never gets as far as op-node; and op-node believes no other key than the one that L1 names.
    const { block: usurped } = await next(head, otherAccount)
    expect(await bridge.publish(usurped.payload, context)).toMatchObject({ type: 'refused', reason: /wrong-signer/ })
    const { block: right, executed } = await next(head)
    expect(await wrongBridge.publish(right.payload, context)).toEqual({ type: 'published' })
    await new Promise(resolve => setTimeout(resolve, 1_500))
    expect((await follower.status()).unsafe_l2.hash).toBe(head.hash)
    expect(await bridge.publish(right.payload, context)).toEqual({ type: 'published' })
    await expect.poll(async () => (await follower.status()).unsafe_l2.hash, patience).toBe(executed.hash)
  })
})
