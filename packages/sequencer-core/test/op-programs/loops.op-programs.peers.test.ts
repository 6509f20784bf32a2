// Both loops: ours sequences and posts and stock op-node follows; op-node sequences, op-batcher posts and ours derives.
import { hexToBytes } from '@l2/common'
import type { Hash, Hex } from 'viem'
import { describe, expect, it } from 'vitest'
import type { BatcherBlock, BatcherNode } from '../../src/batcher/index.js'
import {
  buildAttributes,
  configCarriedByBlock,
  genesisBlockRef,
  l2BlockRef,
  loadUpgradeTransactions,
  nextOrigin,
  type UpgradeTransactions,
} from '../../src/derivation/index.js'
import { createDerivationDriver } from '../../src/index.js'
import { nodeDecompressors } from '../../src/node.js'
import { hasOracle, share, startOracle, upgradesOf } from '../op-node/oracle.js'
import {
  createWorld,
  type Execution,
  forks,
  hasPrograms,
  l2ChainId,
  type OpNode,
  ownBatcher,
  pause,
  until,
  user,
  type World,
} from './world.js'

const zeroHash: Hash = `0x${'00'.repeat(32)}`
/** Blocks of each chain, on the fork that it is about. */
const blocks = BigInt(Math.max(share(45, 14), 14))
/** The block that activates Karst, where it is about Karst. */
const karstBlock = 4n

/** Transactions of every kind that a user may send, in turn. */
async function someTransaction(nonce: number): Promise<Uint8Array> {
  const fees = { chainId: l2ChainId, nonce, gas: 100_000n }
  const dynamic = { ...fees, maxFeePerGas: 3_000_000_000n, maxPriorityFeePerGas: 1000n, value: 1n }
  const to = `0x${'22'.repeat(20)}` as const
  const signed = async (): Promise<Hex> => {
    switch (nonce % 4) {
      case 0: {
        const authorization = await user.signAuthorization({ chainId: l2ChainId, address: to, nonce: 777 })
        return await user.signTransaction({ ...dynamic, type: 'eip7702', to, authorizationList: [authorization] })
      }
      case 1:
        // A creation.
        return await user.signTransaction({
          ...fees,
          type: 'legacy',
          gasPrice: 3_000_000_000n,
          data: '0x6001600055600a600081823560005260016000f3',
        })
      case 2: {
        const accessList = [{ address: to, storageKeys: [zeroHash] }]
        return await user.signTransaction({ ...fees, type: 'eip2930', gasPrice: 3_000_000_000n, to, accessList })
      }
      default:
        return await user.signTransaction({ ...dynamic, type: 'eip1559', to })
    }
  }
  return hexToBytes(await signed())!
}

/** What happens on L1 while the chain grows: a deposit now and then, and changes of its config. */
async function disturb({ l1 }: World, l1Block: number): Promise<void> {
  if (l1Block % 4 === 1) await l1.deposit(10n ** 15n, new Uint8Array(l1Block))
  if (l1Block === 3) await l1.update({ type: 'gas-limit', gasLimit: 40_000_000n })
  if (l1Block === 5) await l1.update({ type: 'min-base-fee', minBaseFee: 1234n })
  if (l1Block === 6) await l1.update({ type: 'operator-fee', scalar: 7n, constant: 9n })
}

/** Our sequencer on an engine: builds `count` blocks, and mines L1 where it needs the next block of it. */
async function sequence(world: World, { engine }: Execution, count: bigint, upgradeTransactions: UpgradeTransactions) {
  const { config, l1 } = world
  const chain: BatcherBlock[] = []
  let head = genesisBlockRef(config)
  let { systemConfig } = config.genesis
  let nonce = 0
  while (head.number < count) {
    const current = (await l1.source.block(head.l1Origin.number))!
    const next = await l1.source.block(head.l1Origin.number + 1n)
    // Where L1 does not say yet whether the next origin could be adopted.
    if (next === undefined) {
      await disturb(world, Number(await l1.mine()))
      continue
    }
    const choice = nextOrigin(config, head, current, next)
    if (choice.type !== 'build') throw new Error(choice.type)
    const transactions: Uint8Array[] = []
    if (!choice.noTxPool) for (let i = chain.length % 3; i > 0; i--) transactions.push(await someTransaction(nonce++))
    const built = buildAttributes({
      rollup: config,
      parent: head,
      systemConfig,
      origin: choice.origin,
      logs: choice.origin.logs,
      transactions,
      upgradeTransactions,
    })
    const block = await engine.build(head.hash, built.attributes)
    const genesis = config.genesis.l2.hash
    await engine.setHead({ head: block.hash, safe: genesis, finalized: genesis })
    head = l2BlockRef(block, config)
    systemConfig = configCarriedByBlock(built.systemConfig, block.timestamp, config)
    const { number, hash, parentHash, timestamp, sequenceNumber } = head
    chain.push({
      ...{ number, hash, parentHash, timestamp, sequenceNumber },
      epochNumber: head.l1Origin.number,
      epochHash: head.l1Origin.hash,
      transactions: block.transactions.slice(built.depositCount),
    })
  }
  return chain
}

/** Our batcher posts the chain, until op-node has derived all of it. */
async function post(world: World, follower: OpNode, chain: readonly BatcherBlock[]): Promise<void> {
  const { l1 } = world
  const last = chain.at(-1)!
  const node: BatcherNode = {
    async status() {
      const { current_l1: current, safe_l2: safe } = await follower.status()
      return {
        headL1: (await l1.head()).number,
        currentL1: BigInt(current.number),
        safe: { number: BigInt(safe.number), hash: safe.hash },
        unsafe: { number: last.number, hash: last.hash },
      }
    },
    blocks: async (from, to) => chain.slice(Number(from) - 1, Number(to)),
  }
  const batcher = ownBatcher(world, { node }, { targetFrames: 2 })
  await until(
    'op-node follows what our batcher posts',
    async () => {
      batcher.flush()
      await batcher.step()
      return BigInt((await follower.status()).safe_l2.number)
    },
    safe => safe === last.number,
    () => l1.mine().then(() => pause(300)),
  )
  await batcher.settle()
}

const numbers = (count: bigint): bigint[] => Array.from({ length: Number(count) }, (_, i) => BigInt(i + 1))
const blocksOf = (on: Execution, count: bigint) => Promise.all(numbers(count).map(number => on.block(number)))
const hashes = async (on: Execution, count: bigint) => (await blocksOf(on, count)).map(block => block?.hash)
/** How many transactions each block has. */
const sizes = async (on: Execution, count: bigint) =>
  (await blocksOf(on, count)).map(block => block?.transactions.length ?? 0)
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** Our derivation, on an engine of its own, as far as `count` blocks. */
async function derive(world: World, count: bigint, upgradeTransactions: UpgradeTransactions): Promise<Execution> {
  const execution = await world.execution()
  const driver = createDerivationDriver({
    config: world.config,
    engine: execution.engine,
    l1: world.l1.source,
    decompressors: nodeDecompressors,
    upgradeTransactions,
  })
  await until(
    'our derivation gets there',
    async () => (await driver.sync()).safe.number,
    safe => safe >= count,
    () => world.l1.mine(),
  )
  return execution
}

describe.skipIf(!hasPrograms || !hasOracle).each(forks)('on op-geth, %s', fork => {
  const isKarst = fork === 'karst'
  const count = isKarst ? blocks + karstBlock : blocks
  const karstAfterSeconds = isKarst ? 2n * karstBlock : undefined

  it('ours sequences and posts, stock op-node follows', { timeout: 400_000 }, async () => {
    const oracle = startOracle()
    const upgrades = isKarst ? await upgradesOf(oracle) : {}
    oracle.close()
    await using world = await createWorld({ ageSeconds: 3600n, karstAfterSeconds })
    const own = await world.execution()
    const chain = await sequence(world, own, count, upgrades)
    const kept = chain.map(({ hash }) => hash)
    const follower = await world.execution()
    const node = await world.opNode(follower, 'verifier')
    await post(world, node, chain)
    expect(await hashes(follower, count)).toEqual(kept)
    expect(await hashes(await derive(world, count, upgrades), count)).toEqual(kept)
    // The chain has what it should: deposits of users, transactions, and on Karst its 31 upgrade deposits.
    const made = await sizes(own, count)
    expect(sum(made)).toBeGreaterThan(Number(count) * 2 - 5)
    if (isKarst) expect(made[Number(karstBlock) - 1]).toBeGreaterThanOrEqual(32)
  })

  it('op-node sequences, op-batcher posts, ours derives', { timeout: 400_000 }, async () => {
    await using world = await createWorld({ ageSeconds: 2n * count + 20n, karstAfterSeconds })
    const { l1 } = world
    // op-node builds what is due at once, and stops at the age of L1.
    while ((await l1.head()).timestamp + 4n < BigInt(Math.floor(Date.now() / 1000)))
      await disturb(world, Number(await l1.mine()))
    const theirs = await world.execution()
    const node = await world.opNode(theirs, 'sequencer')
    await world.opBatcher({ node: node.url, execution: theirs })
    let nonce = 0
    const status = await until(
      'op-node and op-batcher make the chain',
      () => node.status(),
      ({ safe_l2: safe }) => BigInt(safe.number) >= count,
      async () => {
        const raw = await someTransaction(nonce)
        // Not taken while the pool has enough of this account, or in between.
        await theirs.client
          .request({ method: 'eth_sendRawTransaction', params: [`0x${Buffer.from(raw).toString('hex')}`] })
          .then(
            () => nonce++,
            () => {},
          )
        if ((await l1.head()).timestamp + 4n <= BigInt(Math.floor(Date.now() / 1000))) await l1.mine()
        await pause(150)
      },
    )
    expect(status.safe_l2.number).toBeGreaterThanOrEqual(Number(count))
    // What the upgrade put into the chain can be had from any node of it.
    const client = {
      request: theirs.client.request as (args: { method: string; params?: unknown }) => Promise<unknown>,
    }
    const upgrades = isKarst ? await loadUpgradeTransactions({ client, config: world.config }) : {}
    const ours = await derive(world, count, upgrades)
    expect(await hashes(ours, count)).toEqual(await hashes(theirs, count))
    const made = await sizes(ours, count)
    expect(sum(made)).toBeGreaterThan(Number(count) + (isKarst ? 31 : 0))
    if (isKarst) expect(made[Number(karstBlock) - 1]).toBeGreaterThanOrEqual(32)
  })
})
