/**
 * A rollup-as-a-service vendor's batcher for one customer, inside an app that is there already: Celestia first because it is cheap, Ethereum when that is
 * down, channels planned by cost, Prometheus, and an end that posts what is left. Ends by SIGTERM.
 *
 *   anvil --block-time 1 & L1_URL=http://127.0.0.1:8545 pnpm example examples/service/main.ts
 */
import { commitmentSink, createRouterDa, toJson } from '@l2/da'
import { createCelestiaClient, createCelestiaDa, namespaceOfName } from '@l2/da/celestia'
import { createCalldataDa, createTransactionManager } from '@l2/da/ethereum'
import { createFileStore } from '@l2/da/node'
import { createSupervision } from '@l2/node'
import { createBatcher } from '@l2/sequencer-core'
import { createZlibCompressor } from '@l2/sequencer-core/batch'
import { createBatcherPlanner } from '@l2/sequencer-core/batcher'
import { createNodeBrotliCompressor } from '@l2/sequencer-core/node'
import Fastify from 'fastify'
import { Counter, Gauge, register } from 'prom-client'
import { createPublicClient, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { createRollup, developmentKey } from './rollup.js'

const {
  L1_URL = 'http://127.0.0.1:8545',
  CELESTIA_URL = 'http://127.0.0.1:26658',
  PORT = '0',
  DATA = './data',
} = process.env
const app = Fastify({ logger: { level: 'info' }, disableRequestLogging: true })
const client = createPublicClient({ transport: http(L1_URL) })
const rollup = await createRollup(client)

// Where data goes. What Celestia holds is named on L1; what fails over to Ethereum is there already.
const store = createFileStore(DATA)
const account = privateKeyToAccount(developmentKey)
const transactions = createTransactionManager({ confirmations: 1, pollMs: 200 }, { client, account, store })
const ethereum = createCalldataDa({ inbox: '0xff00000000000000000000000000000000000901' }, { client, transactions })
const celestia = createCelestiaDa(
  { namespace: namespaceOfName('customer-901') },
  { client: createCelestiaClient({ url: CELESTIA_URL }), store },
)
const failovers = new Counter({
  name: 'da_failovers_total',
  help: 'submissions that ended on another layer',
  labelNames: ['to'],
})
const router = createRouterDa(
  { policy: 'failover', probeMs: 500, failures: 1 },
  {
    layers: [{ da: celestia }, { da: ethereum }],
    store,
    logger: app.log,
    onEvent: event => event.type === 'failed-over' && failovers.inc({ to: event.to }),
  },
)
const sink = commitmentSink(router, ethereum)

// What is posted, and when.
const chain = { chainId: rollup.chainId, genesisTimeSeconds: rollup.genesisTimeSeconds, blockTimeSeconds: 1n }
const planner = createBatcherPlanner(
  { ...chain, latencyTargetMs: 60_000 },
  {
    node: rollup.node,
    prices: async () => ({ gasPriceWei: await client.getGasPrice(), blobBaseFeeWei: await client.getBlobBaseFee() }),
    compressors: [
      { name: 'zlib-9', compressor: createZlibCompressor() },
      { name: 'brotli-9', compressor: createNodeBrotliCompressor({ quality: 9 }) },
    ],
    sinks: { calldata: sink },
  },
)
const posted = new Counter({ name: 'batcher_posted_bytes_total', help: 'bytes that L1 includes or names' })
const batcher = createBatcher(
  { ...chain, profile: 'devnet', sequencingWindowBlocks: 3600n, compressor: createZlibCompressor() },
  {
    node: rollup.node,
    sink,
    planner,
    onEvent: event => {
      rollup.observe(event)
      if (event.type === 'submitted') posted.inc(event.bytes)
      app.log.info(event.type === 'waiting' ? `batcher waits: ${event.reason}` : `batcher: ${event.type}`)
    },
  },
)
const unsent = new Gauge({ name: 'batcher_unsent_bytes', help: 'compressed bytes that wait for L1' })
const isUp = new Gauge({ name: 'da_layer_up', help: '1 while a layer is given submissions', labelNames: ['layer'] })

app.get('/metrics', async (_, reply) => {
  unsent.set(batcher.view.unsentBytes)
  for (const { name, state } of router.layers()) isUp.set({ layer: name }, state === 'closed' ? 1 : 0)
  return reply.type(register.contentType).send(await register.metrics())
})
app.get('/plan', async (_, reply) => {
  const { plan, explanation } = planner
  return reply
    .type('application/json')
    .send(toJson({ plan, explanation, batcher: batcher.view, layers: router.layers() }))
})

// Errors that say so are waited out; any other ends the service.
const supervision = createSupervision(message => app.log.info(message))
supervision.run('rollup', { pauseMs: 100 }, () => rollup.produce())
supervision.run('batcher', { pauseMs: 200 }, () => batcher.step())
app.addHook('onClose', async () => {
  await supervision.stop()
  batcher.flush()
  await batcher.step()
  await batcher.settle()
  await router.close()
  await transactions.close()
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void app.close())
supervision.failed.catch(error => {
  app.log.error(error)
  process.exitCode = 1
  void app.close()
})
await app.listen({ port: Number(PORT) })
