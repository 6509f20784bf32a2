// A RaaS vendor's evening: three rollups of one operator, large, small and tiny, post to one L1 through one batcher. Each derives its own chain back from
// the shared blobs, and each pays by its bytes.
//
// Run: pnpm example examples/shared-blobs.ts

import { encodeOpBlob } from '@l2/blob'
import { createDerivationDriver } from '@l2/sequencer-core'
import { createZlibCompressor, maxBlobPayloadBytes } from '@l2/sequencer-core/batch'
import { createSharedBatcher, splitByBytes } from '@l2/sequencer-core/batcher'
import {
  createHashEngine,
  createL1Simulator,
  createSequencerSimulator,
  simulatedRollup,
  simulatedTransaction,
} from '@l2/sequencer-core/testing'

/** Transactions a block. */
const traffic = { large: 60, small: 6, tiny: 0.2 }
const l1Blocks = 300
/** What a transaction of so many blobs costs at 1 gwei a gas and the floor of EIP-7918 for blobs. */
const costWei = (blobs: number): bigint => (21_000n + BigInt(blobs) * 8_192n) * 1_000_000_000n

const base = simulatedRollup({ sequencingWindowBlocks: 3600n, channelTimeoutBlocks: 50n, blockTimeSeconds: 12n })
const l1 = createL1Simulator({ config: base, sign: false })

const rollups = Object.entries(traffic).map(([name, rate], i) => {
  // One inbox, one batcher account, one chain id each.
  const l2 = { number: 0n, hash: `0x${`c${i}`.repeat(32)}` as const }
  const config = { ...base, l2ChainId: 1000n + BigInt(i), genesis: { ...base.genesis, l2 } }
  const sequencer = createSequencerSimulator({ config, l1 })
  const engine = createHashEngine({ config })
  const verifier = createDerivationDriver({ config, engine, l1: l1.source, blobs: l1.blobs, trustSenders: true })
  let nonce = 0n
  let owed = 0
  return {
    name,
    sequencer,
    verifier,
    produce(): void {
      owed += rate
      const transactions = Array.from({ length: Math.floor(owed) }, () => simulatedTransaction(config, nonce++))
      owed -= transactions.length
      sequencer.build(transactions)
    },
    /** What the batcher is told of it. */
    member: {
      name,
      setup: {
        profile: 'sparse' as const,
        chainId: config.l2ChainId,
        genesisTimeSeconds: config.genesis.l2TimeSeconds,
        blockTimeSeconds: config.blockTimeSeconds,
        sequencingWindowBlocks: config.sequencingWindowBlocks,
        // Twenty minutes at the longest.
        maxChannelDurationBlocks: 100n,
        compressor: createZlibCompressor(),
      },
      node: {
        status: async () => ({
          headL1: l1.head.number,
          currentL1: verifier.status.l1Number,
          safe: verifier.status.head,
          unsafe: { number: sequencer.head.number, hash: sequencer.head.hash },
        }),
        blocks: async (from: bigint, to: bigint) =>
          sequencer.blocks
            .slice(Number(from) - 1, Number(to))
            .map(({ ref, batch }) => ({ ...batch, number: ref.number, hash: ref.hash })),
      },
    },
  }
})

const paid: Record<string, bigint> = {}
let transactions = 0
let blobs = 0
let bytes = 0
const batcher = createSharedBatcher(
  {},
  {
    rollups: rollups.map(({ member }) => member),
    sink: {
      includedOn: 'l1',
      limits: async () => ({ maxBytes: maxBlobPayloadBytes, maxItems: 6 }),
      submit: async payloads => {
        l1.postBlobs(payloads.map(encodeOpBlob))
        return { height: l1.head.number + 1n }
      },
    },
    onEvent: event => {
      if (event.type !== 'shipped') return
      transactions++
      blobs += event.payloads
      for (const count of Object.values(event.bytes)) bytes += count
      for (const [name, wei] of Object.entries(splitByBytes(costWei(event.payloads), event.bytes))) {
        paid[name] = (paid[name] ?? 0n) + wei
      }
    },
  },
)

const tick = async (): Promise<void> => {
  await batcher.step()
  await batcher.settle()
  l1.mine()
  for (const { verifier } of rollups) await verifier.sync()
}
for (let i = 0; i < l1Blocks; i++) {
  for (const { produce } of rollups) produce()
  await tick()
}
while (rollups.some(({ sequencer, verifier }) => verifier.status.head.number < sequencer.head.number)) {
  batcher.flush()
  await tick()
}

const gwei = (wei: bigint): string => `${(Number(wei) / 1e9).toFixed(0)} gwei`
const fill = ((100 * bytes) / (blobs * maxBlobPayloadBytes)).toFixed(1)
console.log(`${transactions} L1 transactions, ${blobs} blobs, ${fill} % full`)
for (const { name, sequencer, verifier } of rollups) {
  const count = sequencer.blocks.reduce((sum, { batch }) => sum + batch.transactions.length, 0)
  const derived = verifier.status.head.hash === sequencer.head.hash
  if (!derived) process.exitCode = 1
  const whole = derived ? 'derived whole' : 'NOT DERIVED'
  const each = paid[name]! / BigInt(count)
  // Alone it would have sent a blob of its own every twenty minutes.
  const alone = costWei(1) * BigInt(Math.ceil(l1Blocks / 100))
  const saved = alone > paid[name]! ? `, at least ${gwei(alone)} alone` : ''
  console.log(`${name.padEnd(6)}${count} transactions, ${whole}: ${gwei(paid[name]!)}, ${gwei(each)} each${saved}`)
}
