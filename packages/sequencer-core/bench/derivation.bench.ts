// pnpm bench derivation: what the pipeline adds to reading the channels, and what it holds while it runs.
import { toSpanBatch } from '../src/batch/span.ts'
import { openChannel } from '../src/channel/batch-stream.ts'
import { encodeBatcherTransaction, type Frame } from '../src/channel/frame.ts'
import { nodeDecompressors } from '../src/compression/node.ts'
import { genesisCheckpoint } from '../src/derivation/checkpoint.ts'
import { createDerivationPipeline } from '../src/derivation/pipeline.ts'
import type { DerivationInput } from '../src/derivation/pipeline-types.ts'
import { createL1Simulator } from '../src/testing/l1-simulator.ts'
import {
  createSequencerSimulator,
  framesOfBatches,
  simulatedRollup,
  simulatedTransaction,
} from '../src/testing/l2-simulator.ts'
import { createNativeRecovery } from '../src/transaction/native.ts'

const channels = 1000
const blocksPerChannel = 6
const transactionsPerBlock = 20

const config = simulatedRollup()
const l1 = createL1Simulator({ config })
const sequencer = createSequencerSimulator({ config, l1 })
const framesByChannel: Frame[][] = []
let nonce = 0n
l1.mine()
for (let i = 0; i < channels; i++) {
  for (let j = 0; j < blocksPerChannel; j++) {
    sequencer.build(Array.from({ length: transactionsPerBlock }, () => simulatedTransaction(config, nonce++)))
  }
  const blocks = sequencer.blocks.slice(-blocksPerChannel).map(({ batch }) => batch)
  const span = toSpanBatch(blocks, { genesisTimeSeconds: config.genesis.l2TimeSeconds })
  const channelId = `0x${i.toString(16).padStart(32, '0')}` as const
  const frames = framesOfBatches([span], { config, channelId })
  framesByChannel.push(frames)
  l1.post(encodeBatcherTransaction(frames))
  l1.mine()
}
const recovery = await createNativeRecovery()

function time(run: () => void): number {
  const start = performance.now()
  run()
  return performance.now() - start
}
function best(run: () => void): number {
  return Math.min(...Array.from({ length: 5 }, () => time(run)))
}

const read = (): void => {
  for (const frames of framesByChannel) {
    const reader = openChannel(frames[0]!.data, { chainId: config.l2ChainId, decompressors: nodeDecompressors })
    while (reader.next() !== undefined);
  }
}
read()
const reading = best(read)
const start = genesisCheckpoint(config)
const gc = (globalThis as { gc?: () => void }).gc
const heap = (): number => {
  gc?.()
  return process.memoryUsage().heapUsed
}
/** Answers from what the sequencer executed, so that nothing but derivation is measured. Returns the heap after 100 and after all channels. */
function derive(options: object, measureHeap = false): number[] {
  const pipeline = createDerivationPipeline({ config, start, decompressors: nodeDecompressors, ...options })
  const marks: number[] = []
  let seen = 0
  let input: DerivationInput | undefined
  for (;;) {
    const output = pipeline.step(input)
    input = undefined
    if (output.type === 'event') {
      if (output.event.type === 'l1-block-read' && (++seen === 100 || seen === channels) && measureHeap)
        marks.push(heap())
    } else if (output.type === 'attributes') {
      input = { type: 'executed', block: sequencer.blocks[Number(output.parent.number)]!.executed }
    } else if (output.need.type === 'l1-block') {
      const block = l1.block(output.need.number)
      if (block === undefined) break
      input = { type: 'l1-block', block }
    } else throw new Error(output.need.type)
  }
  if (pipeline.head.number !== BigInt(channels * blocksPerChannel)) throw new Error('not all was derived')
  return marks
}
// The first run pays for the compiler.
derive({ trustSenders: true })
const trusted = best(() => void derive({ trustSenders: true }))
const native = best(() => void derive({ recovery }))
const noble = time(() => void derive({}))

console.log(`${channels} channels, ${channels * blocksPerChannel} blocks, ${nonce} transactions`)
console.log(`reading the channels alone  ${reading.toFixed(0)} ms`)
console.log(`deriving, senders trusted   ${(trusted / reading).toFixed(2)}× reading (${trusted.toFixed(0)} ms)`)
console.log(`deriving, native recovery   ${(native / reading).toFixed(2)}× reading`)
console.log(`deriving, noble recovery    ${(noble / reading).toFixed(2)}× reading`)
const [early, late] = derive({ trustSenders: true }, true)
const ratio = (late! / early!).toFixed(3)
console.log(
  `heap after ${channels} channels against after 100: ${ratio}× (${((late! - early!) / 1024).toFixed(0)} KiB)`,
)
