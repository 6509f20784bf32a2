import { poolAbi, poolBytecode } from '@l2/contracts/pool'
import { createBatcher, createDerivationDriver, newRollup } from '@l2/sequencer-core'
import {
  type Batcher,
  type BatcherBlock,
  type BatcherEvent,
  type BatcherSetup,
  createSystemConfigTurn,
  toBatcherBlock,
} from '@l2/sequencer-core/batcher'
import {
  buildAttributes,
  configCarriedByBlock,
  createRpcL1Source,
  genesisBlockRef,
  l2BlockRef,
  type RollupConfig,
} from '@l2/sequencer-core/derivation'
import { createNodeBrotliCompressor, nodeDecompressors } from '@l2/sequencer-core/node'
import { createHashEngine, simulatedTransaction } from '@l2/sequencer-core/testing'
import { type Abi, type Address, bytesToHex, type Hash, type LocalAccount } from 'viem'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deploySettlement, type Settlement } from '../src/index.js'
import { openArtifacts } from '../src/node/index.js'
import { type AnvilL1, accounts, startL1 } from '../src/testing/dev-l1.js'

// Posters take turns by the stock SystemConfig, which a Pool owns, on a real L1; an engine that only hashes stands in for execution.

const [deployer, first, second] = accounts
const l2ChainId = 901n
const artifacts = openArtifacts()
const fees = { maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n }

let l1: AnvilL1
let settlement: Settlement
let pool: Address
let config: RollupConfig
let turns = 0n

beforeEach(async () => {
  l1 = await startL1(['--order', 'fifo'])
  settlement = await deploySettlement(
    { l2ChainId, batcher: first.address },
    { client: l1.client, account: deployer, artifacts },
  )
  const wallet = l1.wallet(deployer)
  const args = [settlement.addresses.systemConfig, deployer.address, l2ChainId, 86_400n] as const
  // Mined when it is told to, and not by itself, which anvil forgets now and then.
  await l1.test.setAutomine(false)
  const shared = { account: deployer, chain: null, gas: 3_000_000n, ...fees } as const
  const hash = await wallet.deployContract({ abi: poolAbi, bytecode: poolBytecode, args, ...shared })
  await mine()
  pool = (await l1.client.getTransactionReceipt({ hash })).contractAddress!
  const { abi } = artifacts.contract('SystemConfig')
  const call = { address: settlement.addresses.systemConfig, abi: abi as Abi, functionName: 'transferOwnership' }
  await wallet.writeContract({ ...call, args: [pool], ...shared })
  await mine()
  turns = 0n
  config = newRollup({
    l1ChainId: 900n,
    l2ChainId,
    genesis: {
      l1: { number: settlement.l1Origin.number, hash: settlement.l1Origin.hash },
      l2: { number: 0n, hash: `0x${'b2'.repeat(32)}` },
      l2TimeSeconds: settlement.l1Origin.timestamp,
    },
    batcher: first.address,
    gasLimit: settlement.systemConfig.gasLimit,
    batchInbox: settlement.batchInbox,
    depositContract: settlement.addresses.optimismPortal,
    systemConfigContract: settlement.addresses.systemConfig,
    sequencingWindowBlocks: 100n,
    channelTimeoutBlocks: 20n,
  })
})
afterEach(async () => {
  await l1?.[Symbol.asyncDispose]()
})

const send = (account: LocalAccount, data: Uint8Array): Promise<Hash> =>
  l1.wallet(account).sendTransaction({
    ...{ account, chain: null, to: settlement.batchInbox, data: bytesToHex(data), gas: 4_000_000n, ...fees },
  })
const rotate = (poster: LocalAccount): Promise<Hash> => {
  const args = [l2ChainId, ++turns, poster.address] as const
  const shared = { account: deployer, chain: null, gas: 200_000n, ...fees } as const
  return l1.wallet(deployer).writeContract({ address: pool, abi: poolAbi, functionName: 'rotate', args, ...shared })
}
const mine = () => l1.test.mine({ blocks: 1 })
const paidBy = (account: LocalAccount) => l1.client.getTransactionCount({ address: account.address })

/** Blocks upon the first L1 block, so that no reorg behind it touches them. */
async function sequence(count: number): Promise<BatcherBlock[]> {
  const source = createRpcL1Source({ client: l1.client, config })
  const origin = (await source.block(config.genesis.l1.number))!
  const engine = createHashEngine({ config })
  const chain: BatcherBlock[] = []
  let head = genesisBlockRef(config)
  let { systemConfig } = config.genesis
  for (let i = 0; i < count; i++) {
    const transactions = [simulatedTransaction(config, BigInt(i), 900)]
    const built = buildAttributes({
      rollup: config,
      parent: head,
      systemConfig,
      origin,
      logs: origin.logs,
      transactions,
    })
    const block = engine.buildNow(head.hash, built.attributes)
    engine.setHeadNow(block.hash)
    head = l2BlockRef(block, config)
    systemConfig = configCarriedByBlock(built.systemConfig, block.timestamp, config)
    chain.push(toBatcherBlock(head, block.transactions))
  }
  return chain
}

function derivation() {
  const source = createRpcL1Source({ client: l1.client, config })
  const driver = createDerivationDriver({
    config,
    engine: createHashEngine({ config }),
    l1: source,
    decompressors: nodeDecompressors,
  })
  return {
    driver,
    safe: async (): Promise<bigint> => (await driver.sync()).safe.number,
    get derived() {
      const { after, systemConfig } = driver.status.checkpoint.warm
      return { l1Number: after.number, batcher: systemConfig.batcher }
    },
  }
}

const batcherSetup = (): BatcherSetup => ({
  profile: 'devnet',
  chainId: config.l2ChainId,
  genesisTimeSeconds: config.genesis.l2TimeSeconds,
  blockTimeSeconds: config.blockTimeSeconds,
  sequencingWindowBlocks: config.sequencingWindowBlocks,
  channelTimeoutBlocks: 20n,
  targetFrames: 20,
  compressor: createNodeBrotliCompressor(),
})

type Poster = { batcher: Batcher; events: BatcherEvent[]; isOurs(): Promise<boolean>; round(): Promise<void> }

/** The product's batcher of one account, on a derivation of its own. */
function poster(
  account: LocalAccount,
  chain: readonly BatcherBlock[],
  { frameDataBytes = 90_000, confirmations = 0n, known = () => chain.length } = {},
): Poster {
  const own = derivation()
  const events: BatcherEvent[] = []
  const turn = createSystemConfigTurn(
    { account: account.address, systemConfig: settlement.addresses.systemConfig, confirmations },
    { client: l1.client as never, derived: () => own.derived },
  )
  const batcher = createBatcher(
    { ...batcherSetup(), frameDataBytes, maxPendingSubmissions: 1 },
    {
      turn,
      node: {
        async status() {
          const { safe, l1Number } = await own.driver.sync()
          const newest = chain[known() - 1]!
          return {
            headL1: await l1.client.getBlockNumber(),
            currentL1: l1Number,
            safe: { number: safe.number, hash: safe.hash },
            unsafe: { number: newest.number, hash: newest.hash },
          }
        },
        blocks: async (from, to) => chain.slice(Number(from) - 1, Math.min(Number(to), known())),
      },
      sink: {
        includedOn: 'l1',
        limits: async () => ({ maxBytes: 100_000, maxItems: 1 }),
        async submit(items) {
          const hash = await send(account, items[0]!)
          await mine()
          return { height: (await l1.client.getTransactionReceipt({ hash })).blockNumber }
        },
      },
      onEvent: event => events.push(event),
    },
  )
  const round = async (): Promise<void> => {
    batcher.flush()
    await batcher.step()
    await batcher.settle()
    await mine()
  }
  return { batcher, events, isOurs: () => turn.isOurs(), round }
}

/** What a batcher posts of a chain's first blocks, in one channel. */
async function framesOf(chain: readonly BatcherBlock[], frameDataBytes = 90_000): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = []
  const height = config.genesis.l1.number + 1n
  const batcher = createBatcher(
    { ...batcherSetup(), frameDataBytes, maxPendingSubmissions: 20 },
    {
      node: {
        status: async () => ({
          headL1: height,
          currentL1: height,
          safe: config.genesis.l2,
          unsafe: chain.at(-1)!,
        }),
        blocks: async (first, last) => chain.slice(Number(first) - 1, Number(last)),
      },
      sink: {
        includedOn: 'l1',
        limits: async () => ({ maxBytes: 100_000, maxItems: 20 }),
        async submit(items) {
          frames.push(...items)
          return { height }
        },
      },
    },
  )
  batcher.flush()
  await batcher.step()
  await batcher.settle()
  return frames
}

describe('posters that take turns', () => {
  it("post nothing while it is another's turn, and go on behind the safe head when it is theirs", async () => {
    const chain = await sequence(12)
    let known = 4
    const one = poster(first, chain, { known: () => known })
    const two = poster(second, chain, { known: () => known })
    const all = derivation()
    await two.round()
    expect(two.batcher.view.waiting).toBe('not-the-batcher')
    await one.round()
    expect(await all.safe()).toBe(4n)
    await rotate(second)
    await mine()
    known = 8
    const [before, paid] = [await paidBy(first), await paidBy(second)]
    for (let i = 0; i < 3; i++) await one.round()
    expect(one.batcher.view.waiting).toBe('not-the-batcher')
    expect([await paidBy(first), await paidBy(second)]).toEqual([before, 0])
    expect(paid).toBe(0)
    for (let i = 0; i < 3; i++) await two.round()
    expect(await all.safe()).toBe(8n)
    await rotate(first)
    await mine()
    known = 12
    const after = await paidBy(second)
    await two.round()
    for (let i = 0; i < 3; i++) await one.round()
    expect(await all.safe()).toBe(12n)
    expect(await paidBy(second)).toBe(after)
    const posted = one.events.flatMap(event => (event.type === 'channel-closed' ? [event.firstBlock] : []))
    expect(posted).toEqual([1n, 9n])
  })

  it('hand a channel over that is half posted: the next one posts its blocks anew, the last one pays for nothing more', async () => {
    const chain = await sequence(10)
    const one = poster(first, chain, { frameDataBytes: 150 })
    const two = poster(second, chain)
    await one.round()
    expect(one.batcher.view).toMatchObject({ closedChannels: 1 })
    expect(one.batcher.view.unsentBytes).toBeGreaterThan(0)
    await rotate(second)
    await mine()
    const before = await paidBy(first)
    for (let i = 0; i < 3; i++) await one.round()
    expect(await paidBy(first)).toBe(before)
    expect(one.events).toContainEqual({ type: 'cleared', reason: 'turn-lost' })
    for (let i = 0; i < 3; i++) await two.round()
    const all = derivation()
    expect(await all.safe()).toBe(10n)
    expect((await all.driver.sync()).safe.hash).toBe(chain.at(-1)!.hash)
  })

  it("share a channel whose last frame is the next one's: derivation knows frames, not senders", async () => {
    const chain = await sequence(10)
    const frames = await framesOf(chain, 150)
    expect(frames.length).toBeGreaterThan(3)
    const all = derivation()
    for (const frame of frames.slice(0, -1)) await send(first, frame)
    await mine()
    await rotate(second)
    await mine()
    // Of who posted before, it does not count any more.
    await send(first, frames.at(-1)!)
    await mine()
    expect(await all.safe()).toBe(0n)
    await send(second, frames.at(-1)!)
    await mine()
    expect(await all.safe()).toBe(10n)
  })

  it('count by the rotation in the whole L1 block that holds it, in front of it as well', async () => {
    const chain = await sequence(6)
    const [data] = await framesOf(chain.slice(0, 3))
    const all = derivation()
    const early = await send(first, data!)
    const turn = await rotate(second)
    await mine()
    const [posted, rotated] = await Promise.all([early, turn].map(hash => l1.client.getTransactionReceipt({ hash })))
    expect([posted!.blockNumber, posted!.transactionIndex]).toEqual([rotated!.blockNumber, 0])
    expect(await all.safe()).toBe(0n)
    const next = await send(first, data!)
    const back = await rotate(first)
    await mine()
    const [counted, turned] = await Promise.all([next, back].map(hash => l1.client.getTransactionReceipt({ hash })))
    expect([counted!.blockNumber, counted!.transactionIndex]).toEqual([turned!.blockNumber, 0])
    expect(await all.safe()).toBe(3n)
  })

  it('follow a reorganisation of L1 that takes a rotation back, and its return', async () => {
    const chain = await sequence(9)
    let known = 3
    const one = poster(first, chain, { known: () => known })
    const two = poster(second, chain, { known: () => known })
    const careful = poster(second, chain, { known: () => known, confirmations: 2n })
    await one.round()
    await mine()
    const all = derivation()
    expect(await all.safe()).toBe(3n)
    const snapshot = await l1.test.snapshot()
    const paidBefore = await paidBy(first)
    await rotate(second)
    await mine()
    known = 6
    expect([await one.isOurs(), await two.isOurs(), await careful.isOurs()]).toEqual([false, true, false])
    for (let i = 0; i < 2; i++) await two.round()
    expect(await all.safe()).toBe(6n)
    expect(await careful.isOurs()).toBe(true)
    // Another chain in place of the one with the rotation, one block longer.
    const height = await l1.client.getBlockNumber()
    await l1.test.revert({ id: snapshot })
    await l1.test.setNonce({ address: deployer.address, nonce: 500 })
    while ((await l1.client.getBlockNumber()) <= height) await mine()
    turns--
    expect([await one.isOurs(), await two.isOurs(), await careful.isOurs()]).toEqual([true, false, false])
    expect(await all.safe()).toBe(3n)
    const paid = await paidBy(second)
    for (let i = 0; i < 3; i++) await two.round()
    expect(await paidBy(second)).toBe(paid)
    for (let i = 0; i < 8 && (await all.safe()) < 6n; i++) await one.round()
    expect(await all.safe()).toBe(6n)
    expect(await paidBy(first)).toBeGreaterThan(paidBefore)
    await rotate(second)
    await mine()
    known = 9
    for (let i = 0; i < 8 && (await all.safe()) < 9n; i++) await two.round()
    expect((await all.driver.sync()).safe.hash).toBe(chain.at(-1)!.hash)
  })
})
