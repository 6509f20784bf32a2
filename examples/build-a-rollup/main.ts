/**
 * A rollup in one process: a sequencer orders transfers, a batcher posts its blocks to a data layer and names them on L1, and a verifier that has
 * nothing but L1 and that layer derives the same chain. L1 and the engines are simulators; everything else is what a real rollup runs.
 *
 *   pnpm example examples/build-a-rollup/main.ts
 */
import { commitmentToBatcherData, createCommitmentSource, daLayer } from '@l2/da'
import { createMemoryDa } from '@l2/da/testing'
import { createBatcher, createBlockBuilder, createDerivationDriver, createMempool } from '@l2/sequencer-core'
import { createZlibCompressor } from '@l2/sequencer-core/batch'
import { type BatcherBlock, toBatcherBlock } from '@l2/sequencer-core/batcher'
import { defaultForcedInclusionRule } from '@l2/sequencer-core/block'
import {
  buildAttributes,
  configCarriedByBlock,
  genesisBlockRef,
  l2BlockRef,
  nextOrigin,
} from '@l2/sequencer-core/derivation'
import { poolHeadAfter } from '@l2/sequencer-core/mempool'
import { firstCome } from '@l2/sequencer-core/ordering'
import { createHashEngine, createL1Simulator, simulatedRollup } from '@l2/sequencer-core/testing'
import { decodeTransaction } from '@l2/sequencer-core/transaction'
import { hexToBytes } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

const rollup = simulatedRollup({ altDa: true })
const l1 = createL1Simulator({ config: rollup })
const da = createMemoryDa()
l1.mine()

// The sequencer: a pool, a policy, an engine.
const engine = createHashEngine({ config: rollup })
const pool = createMempool()
const builder = createBlockBuilder({ engine, pool, policy: firstCome(), forcedRule: defaultForcedInclusionRule })
const blocks: BatcherBlock[] = []
let head = genesisBlockRef(rollup)
let parent = (await engine.block('latest'))!
let systemConfig = rollup.genesis.systemConfig
pool.setHead({ ...poolHeadAfter(parent, { rollup, systemConfig }), nowMs: Date.now(), included: [], accounts: [] })

const user = privateKeyToAccount(`0x${'01'.repeat(32)}`)
const account = (nonce: number) => ({ nonce: BigInt(nonce), balanceWei: 10n ** 20n, delegated: false })

async function transfer(nonce: number): Promise<void> {
  const fees = { maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n }
  const transaction = { chainId: Number(rollup.l2ChainId), nonce, gas: 21_000n, ...fees, to: user.address, value: 1n }
  const raw = hexToBytes(await user.signTransaction(transaction))
  pool.add(decodeTransaction(raw, { chainId: rollup.l2ChainId }), { nowMs: Date.now(), account: account(nonce) })
}

async function produceBlock(nextNonce: number): Promise<void> {
  const current = l1.block(head.l1Origin.number)!
  const choice = nextOrigin(rollup, head, current, l1.block(current.number + 1n))
  if (choice.type === 'wait-for-l1') return void l1.mine()
  const { origin } = choice
  const base = buildAttributes({ rollup, parent: head, systemConfig, origin, logs: origin.logs, transactions: [] })
  const { block, entries } = await builder.build({
    parent,
    attributes: base.attributes,
    baseFeePerGas: pool.head.baseFeePerGas,
    l1Origin: origin,
    turn: { epoch: 0n, term: 0 },
    forcedUpTo: 0n,
    forced: [],
  })
  parent = block.executed
  await engine.setHead({ head: parent.hash, safe: parent.parentHash, finalized: parent.parentHash })
  systemConfig = configCarriedByBlock(base.systemConfig, parent.timestamp, rollup)
  head = l2BlockRef(parent, rollup)
  blocks.push(toBatcherBlock(head, parent.transactions))
  pool.setHead({
    ...poolHeadAfter(parent, { rollup, systemConfig }),
    nowMs: Date.now(),
    included: entries.map(({ transaction }) => transaction.hash),
    accounts: [[user.address, account(nextNonce)]],
  })
}

// The verifier: L1, the data layer, and an engine of its own.
const verifier = createDerivationDriver({
  config: rollup,
  engine: createHashEngine({ config: rollup }),
  l1: l1.source,
  commitments: createCommitmentSource({ accept: [daLayer.memory] }, { layers: [da] }),
})

// The batcher: blocks become channels; the layer takes their frames, and L1 the names of those.
const batcher = createBatcher(
  {
    profile: 'devnet',
    chainId: rollup.l2ChainId,
    genesisTimeSeconds: rollup.genesis.l2TimeSeconds,
    blockTimeSeconds: rollup.blockTimeSeconds,
    sequencingWindowBlocks: rollup.sequencingWindowBlocks,
    channelTimeoutBlocks: rollup.channelTimeoutBlocks,
    compressor: createZlibCompressor(),
  },
  {
    node: {
      status: async () => {
        const { l1Number, safe } = verifier.status
        return { headL1: l1.head.number, currentL1: l1Number, safe, unsafe: head }
      },
      blocks: async (from, to) => blocks.filter(({ number }) => number >= from && number <= to),
    },
    sink: {
      includedOn: 'l1',
      limits: options => da.limits(options),
      submit: async (items, options) => {
        const { commitments } = await da.submit(items, options)
        for (const commitment of commitments) l1.post(commitmentToBatcherData(commitment))
        return { height: l1.mine().number }
      },
    },
    onEvent: event => console.log(`batcher: ${event.type}`),
  },
)

for (let nonce = 0; nonce < 12; nonce++) {
  await transfer(nonce)
  await produceBlock(nonce + 1)
}
await verifier.sync()
batcher.flush()
await batcher.step()
await batcher.settle()
l1.mine()
const { safe } = await verifier.sync()

console.log(`sequencer: block ${head.number} ${head.hash}`)
console.log(`verifier:  block ${safe.number} ${safe.hash}`)
console.log(`${blocks.flatMap(({ transactions }) => transactions).length} transfers in ${blocks.length} blocks`)
if (safe.hash !== head.hash) throw new Error('what was derived is not what was sequenced')
