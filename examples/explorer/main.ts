/**
 * An explorer's view of a chain: every batch that counts towards it, with the L1 block that carries it, out of an L1 node, its blobs and the
 * chain's rollup.json. It needs no node of the rollup and executes nothing.
 *
 *   pnpm example examples/explorer/main.ts rollup.json http://127.0.0.1:8545 [beacon API URL] [newest L1 block to read]
 */
import { readFileSync } from 'node:fs'
import { anvilBeacon, createBeacon, getBlobs } from '@l2/blob'
import { createBlobKzg } from '@l2/blob/kzg'
import { type Batch, spanBlockPositions } from '@l2/sequencer-core/batch'
import { createChannelStage, createRpcL1Source, fromRollupJson, type L1BlockRef } from '@l2/sequencer-core/derivation'
import { nodeDecompressors } from '@l2/sequencer-core/node'
import { decodeTransaction } from '@l2/sequencer-core/transaction'
import { createPublicClient, http } from 'viem'

const [file, l1Url, beaconUrl = l1Url, last] = process.argv.slice(2)
if (file === undefined || l1Url === undefined)
  throw new Error('usage: main.ts rollup.json <L1 RPC URL> [beacon URL] [last]')
const config = fromRollupJson(JSON.parse(readFileSync(file, 'utf8')))
const client = createPublicClient({ transport: http(l1Url) })
const isAnvil = (await client.request({ method: 'web3_clientVersion' })).startsWith('anvil')
const l1 = createRpcL1Source({ client, config, trustNode: isAnvil })
const beacon = createBeacon({ url: beaconUrl!, ...(isAnvil ? anvilBeacon : {}) })
const kzg = await createBlobKzg()
const totals = { batches: 0, blocks: 0, transactions: 0 }

function tell(batch: Batch, { number }: L1BlockRef): void {
  const { blockTimeSeconds, genesis } = config
  const rollup = { genesisTimeSeconds: genesis.l2TimeSeconds, blockTimeSeconds }
  const blocks = batch.type === 'span' ? batch.blocks : [batch]
  const timestamp = batch.type === 'span' ? spanBlockPositions(batch, rollup)[0]!.timestamp : batch.timestamp
  const first = genesis.l2.number + (timestamp - genesis.l2TimeSeconds) / blockTimeSeconds
  const transactions = blocks.flatMap(block => block.transactions)
  const senders = new Set(transactions.map(raw => decodeTransaction(raw, { chainId: config.l2ChainId }).sender))
  totals.batches++
  totals.blocks += blocks.length
  totals.transactions += transactions.length
  const range = `${first} to ${first + BigInt(blocks.length) - 1n}`
  console.log(
    `L1 block ${number}: ${batch.type} batch, blocks ${range}, ${transactions.length} transactions of ${senders.size}`,
  )
}

const stage = createChannelStage({
  config,
  decompressors: nodeDecompressors,
  onEvent: event => {
    if (event.type === 'channel') console.log(`channel ${event.channelId}, ${event.bytes} bytes`)
  },
})
for (let number = config.genesis.l1.number + 1n; ; number++) {
  const block = last !== undefined && number > BigInt(last) ? undefined : await l1.block(number)
  if (block === undefined) break
  stage.enter(block)
  for (let output = stage.next(); output.type !== 'drained'; output = stage.next()) {
    if (output.type === 'batch') tell(output.included.batch, output.included.inclusion)
    if (output.type !== 'need') continue
    if (output.need.type === 'commitment') throw new Error('this chain keeps its data elsewhere than on L1')
    const { versionedHashes } = output.need
    stage.answer({ type: 'blobs', blobs: await getBlobs(beacon, { block, versionedHashes, kzg }) })
  }
}
console.log(`${totals.batches} batches, ${totals.blocks} blocks, ${totals.transactions} transactions`)
