// Seconds, and seconds of the processor, that a submission and its reading take on each layer of a checkout, as JSON: node scripts/ts.mjs packages/da/bench/throughput.ts <root of the checkout>
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { pathToFileURL } from 'node:url'
import type { DataAvailability, Store } from '@l2/da'

const source = `${pathToFileURL(process.argv[2]!).href}/packages/da/src`
const { createMemoryDa, createRouterDa, createMirrorDa } = await import(`${source}/index.ts`)
const { createAltDa, createHybridDa } = await import(`${source}/alt-da/index.ts`)
const { createCelestiaClient, createCelestiaDa, namespaceV0 } = await import(`${source}/celestia/index.ts`)
const { createCalldataDa, createTransactionManager } = await import(`${source}/ethereum/index.ts`)
const { createAltDaServer, createFileStore } = await import(`${source}/node/index.ts`)
const { createCelestiaServer } = await import(`${source}/testing/celestia/index.ts`)
const { anvilAccounts, startAnvil } = await import(`${source}/internal/anvil.ts`)

const length = 100_000
let salt = 0
const item = () => {
  salt++
  return Uint8Array.from({ length }, (_, i) => (i * 31 + salt * 7 + (i >> 8)) & 255)
}
const seconds: Record<string, { wall: number; processor: number }> = {}
async function measure(name: string, da: DataAvailability, count: number): Promise<void> {
  const items = Array.from({ length: count }, item)
  // Loading and warming up is not what is measured.
  await da.get((await da.submit([item()])).commitments[0]!)
  const started = performance.now()
  const used = process.cpuUsage()
  const receipts = await Promise.all(items.map(item => da.submit([item])))
  for (const { commitments } of receipts) await da.get(commitments[0]!)
  const { user, system } = process.cpuUsage(used)
  seconds[name] = { wall: (performance.now() - started) / 1000 / count, processor: (user + system) / 1e6 / count }
}

await measure('memory', createMemoryDa(), 60)
const directory = await mkdtemp(`${tmpdir()}/l2-da-bench-`)
const store: Store = createFileStore(directory)
await measure('directory (fsync)', createMemoryDa({}, { store }), 30)
await rm(directory, { recursive: true })

const server = await createAltDaServer({}, { da: createMemoryDa() })
await measure('alt-da', createAltDa({ url: server.url, commitments: 'keccak' }), 40)
await server.close()

const celestia = await createCelestiaServer()
const client = createCelestiaClient({ url: celestia.url, token: celestia.token })
await measure('celestia', createCelestiaDa({ namespace: namespaceV0(Uint8Array.of(1, 1)) }, { client }), 10)
await celestia.close()

const layers = ['first', 'second'].map(name => ({ name, da: createMemoryDa() }))
await measure('router over memory', createRouterDa({ policy: 'failover' }, { layers }), 60)
const copies = [createMemoryDa(), createMemoryDa()]
await measure('mirror over memory', createMirrorDa({ required: 2 }, { layers: copies }), 30)
await measure('hybrid over memory', createHybridDa({ store: createMemoryDa(), anchor: createMemoryDa() }), 60)

const anvil = await startAnvil(['--hardfork', 'osaka'])
const timing = { confirmations: 1, pollMs: 10 }
const transactions = createTransactionManager(timing, { client: anvil.client, account: anvilAccounts[0] })
const inbox = '0x00000000000000000000000000000000000000ff'
await measure('ethereum-calldata (anvil)', createCalldataDa({ inbox }, { client: anvil.client, transactions }), 8)
await transactions.close()
await anvil.close()
console.log(JSON.stringify(seconds))
process.exit(0)
