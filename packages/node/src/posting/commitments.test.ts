import {
  commitmentSink,
  commitmentToBatcherData,
  createCommitmentSource,
  createRouterDa,
  DaError,
  type DataAvailability,
  daLayer,
  type L1DataAvailability,
  type SkippedCommitment,
} from '@l2/da'
import { createAltDa } from '@l2/da/alt-da'
import { createMemoryDa } from '@l2/da/testing'
import { createDerivationDriver } from '@l2/sequencer-core'
import { encodeBatcherTransaction, toSpanBatch } from '@l2/sequencer-core/batch'
import type { BatcherSink } from '@l2/sequencer-core/batcher'
import type { RollupConfig } from '@l2/sequencer-core/derivation'
import {
  createHashEngine,
  createL1Simulator,
  createSequencerSimulator,
  framesOfBatches,
  simulatedRollup,
} from '@l2/sequencer-core/testing'
import { expect, it } from 'vitest'

/** Three blocks in one batcher transaction, and an L1 whose inbox takes what a test posts. */
function setUp() {
  const config: RollupConfig = { ...simulatedRollup({ sequencingWindowBlocks: 40n }), altDa: true }
  const l1 = createL1Simulator({ config, sign: false })
  const sequencer = createSequencerSimulator({ config, l1 })
  l1.mine()
  for (let block = 0; block < 3; block++) sequencer.build([])
  const batch = toSpanBatch(
    sequencer.blocks.map(({ batch }) => batch),
    { genesisTimeSeconds: config.genesis.l2TimeSeconds },
  )
  const data = encodeBatcherTransaction(framesOfBatches([batch], { config, channelId: `0x${'01'.repeat(16)}` }))
  return { config, l1, data }
}

it('derivation skips a dead certificate, what is malformed and what the chain does not take, and goes on behind them', async () => {
  const { config, l1, data } = setUp()
  for (const certificate of [
    [0xde, 0xad],
    [0x60, 0x0d],
  ]) {
    if (certificate[0] === 0x60) {
      l1.post(Uint8Array.of(1, 1, daLayer.celestia, 1, 2, 3))
      l1.post(Uint8Array.of(1, 1, 0x7f, 1, 2, 3))
    }
    l1.post(Uint8Array.of(1, 1, daLayer.eigenDa, 2, ...certificate))
  }
  l1.mine()
  l1.mine()
  // EigenDA's proxy, as far as it matters here.
  const proxy: typeof fetch = async url =>
    String(url).includes('dead')
      ? new Response('{"StatusCode":3,"Msg":"cert verification failed"}', { status: 418 })
      : new Response(data as BodyInit)
  const skipped: SkippedCommitment[] = []
  const source = createCommitmentSource(
    { accept: [daLayer.eigenDa] },
    {
      layers: [createAltDa({ url: 'http://proxy', trustServer: true }, { fetch: proxy })],
      onSkipped: commitment => skipped.push(commitment),
    },
  )
  const driver = createDerivationDriver({
    config,
    engine: createHashEngine({ config }),
    l1: l1.source,
    blobs: l1.blobs,
    trustSenders: true,
    commitments: source,
  })
  await driver.sync()
  expect(driver.status.head.number).toBe(3n)
  expect(skipped.map(({ reason }) => reason)).toEqual(['dead', 'not-accepted', 'not-accepted'])
})

it('what a layer cannot give now stops derivation, and the next look goes on', async () => {
  const { config, l1, data } = setUp()
  let down = true
  const inject = (operation: string) =>
    down && operation === 'get'
      ? ({ type: 'fail', error: new DaError('down', { code: 'DA_UNAVAILABLE' }) } as const)
      : undefined
  const layer = createMemoryDa({}, { inject })
  const { commitments } = await layer.submit([data])
  l1.post(commitmentToBatcherData(commitments[0]!))
  l1.mine()
  const driver = createDerivationDriver({
    config,
    engine: createHashEngine({ config }),
    l1: l1.source,
    blobs: l1.blobs,
    trustSenders: true,
    commitments: createCommitmentSource({ accept: [daLayer.memory] }, { layers: [layer] }),
  })
  await expect(driver.sync()).rejects.toMatchObject({ code: 'DA_UNAVAILABLE', recovery: 'retry' })
  down = false
  await driver.sync()
  expect(driver.status.head.number).toBe(3n)
})

it('only what ends up on L1 is a batcher’s sink', () => {
  const layer: DataAvailability = createMemoryDa()
  const l1: L1DataAvailability = Object.assign(createMemoryDa(), { includedOn: 'l1' as const })
  // @ts-expect-error data that no L1 transaction names is derived by nobody
  const wrong: BatcherSink = layer
  const routed = createRouterDa({ policy: 'failover' }, { layers: [{ da: l1 }, { name: 'other', da: layer }] })
  // @ts-expect-error what fails over from L1 is not on L1
  const alsoWrong: BatcherSink = routed
  const right: BatcherSink[] = [l1, commitmentSink(layer, l1), commitmentSink(routed, l1)]
  expect([wrong, alsoWrong, ...right].map(sink => sink.includedOn)).toEqual([undefined, undefined, 'l1', 'l1', 'l1'])
})
