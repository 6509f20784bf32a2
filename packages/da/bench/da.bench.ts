import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { anvilBeacon, createBeacon } from '@l2/blob'
import { cKzg } from '@l2/blob/c-kzg'
import { createRouterDa, type DataAvailability } from '@l2/da'
import { createAltDa } from '@l2/da/alt-da'
import { createCelestiaClient, createCelestiaDa, namespaceV0, shareCommitment } from '@l2/da/celestia'
import { createBlobDa, createCalldataDa, createTransactionManager } from '@l2/da/ethereum'
import { createAltDaServer, createFileStore } from '@l2/da/node'
import { createObjectDa, createS3Store } from '@l2/da/object'
import { createMemoryDa } from '@l2/da/testing'
import { createCelestiaServer } from '@l2/da/testing/celestia'
import { sha256 } from '@noble/hashes/sha2.js'
import { s3Program, startS3Server } from '../../../scripts/s3-server.js'
import { anvilAccounts, startAnvil } from '../src/internal/anvil.js'

const bytes = (length: number, salt: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + salt * 7 + (i >> 8)) & 255)

/** Seconds of the best of a few runs. */
async function best(runs: number, run: (index: number) => Promise<unknown> | unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let index = 0; index < runs; index++) {
    const started = performance.now()
    await run(index)
    least = Math.min(least, (performance.now() - started) / 1000)
  }
  return least
}

console.log('share commitment against sha256 of the same data (same library, one thread)')
const namespace = namespaceV0(Uint8Array.of(1, 1))
for (const length of [10_000, 100_000, 1_000_000, 4_000_000]) {
  const data = bytes(length, 1)
  const plain = await best(7, () => sha256(data))
  const made = await best(7, () => shareCommitment({ namespace, data, shareVersion: 0 }))
  const rate = (seconds: number) => (length / seconds / 1e6).toFixed(1)
  console.log(`  ${length} bytes: ${rate(made)} MB/s, sha256 ${rate(plain)} MB/s, ratio ${(plain / made).toFixed(2)}`)
}

let salt = 0
async function throughput(name: string, da: DataAvailability, length: number, count: number): Promise<number> {
  const items = Array.from({ length: count }, () => bytes(length, ++salt))
  // Loading and warming up is not what is measured.
  await da.get((await da.submit([bytes(length, ++salt)])).commitments[0]!)
  const started = performance.now()
  const receipts = await Promise.all(items.map(item => da.submit([item])))
  for (const { commitments } of receipts) await da.get(commitments[0]!)
  const seconds = (performance.now() - started) / 1000
  console.log(
    `  ${name}: ${(count / seconds).toFixed(1)} submissions/s, ${((count * length) / seconds / 1e6).toFixed(2)} MB/s`,
  )
  return seconds / count
}

console.log('submit → get, items of 100 000 bytes, all submitted at once')
const length = 100_000
const memory = createMemoryDa()
await throughput('memory', memory, length, 60)
const directory = await mkdtemp(`${tmpdir()}/l2-da-bench-`)
await throughput('directory (fsync)', createMemoryDa({}, { store: createFileStore(directory) }), length, 40)
await rm(directory, { recursive: true })

const server = await createAltDaServer({}, { da: memory })
await throughput(
  'alt-da (client, HTTP, server, memory)',
  createAltDa({ url: server.url, commitments: 'keccak' }),
  length,
  40,
)
await server.close()

const celestia = await createCelestiaServer()
const client = createCelestiaClient({ url: celestia.url, token: celestia.token })
await throughput(
  'celestia (in-process chain, inclusion proved)',
  createCelestiaDa({ namespace }, { client }),
  length,
  15,
)
await celestia.close()

const anvil = await startAnvil(['--hardfork', 'osaka'])
const transactions = createTransactionManager(
  { confirmations: 1, pollMs: 10 },
  { client: anvil.client, account: anvilAccounts[0]! },
)
const inbox = '0x00000000000000000000000000000000000000ff'
await throughput(
  'ethereum-calldata (anvil)',
  createCalldataDa({ inbox }, { client: anvil.client, transactions }),
  length,
  15,
)
const beacons = [createBeacon({ url: anvil.url, ...anvilBeacon })]
await throughput(
  'ethereum-blobs (anvil, one blob each)',
  createBlobDa({ inbox }, { client: anvil.client, transactions, kzg: cKzg(), beacons }),
  length,
  8,
)
await transactions.close()
await anvil.close()

if (s3Program !== undefined) {
  const { url, accessKeyId, secretAccessKey, close } = await startS3Server()
  const objects = createS3Store({ url }, { credentials: () => ({ accessKeyId, secretAccessKey }) })
  const s3 = await throughput(
    'object storage (versitygw, a real S3 server)',
    createObjectDa({}, { objects }),
    length,
    40,
  )
  // The limit is what the server takes without a layer above: the same objects, signed, put and got.
  const started = performance.now()
  const keys = Array.from({ length: 40 }, (_, index) => `bare/${index}`)
  await Promise.all(keys.map(key => objects.put(key, bytes(length, ++salt))))
  for (const key of keys) await objects.get(key)
  const bare = (performance.now() - started) / 1000 / keys.length
  console.log(`  object storage over bare requests to the same server: ${(s3 / bare).toFixed(2)} ×`)
  await close()
}

// In turn, because the machine is not the same from one second to the next.
const rounds: { bare: number; routed: number }[] = []
for (let round = 0; round < 5; round++) {
  const layers = ['first', 'second'].map(name => ({ name, da: createMemoryDa() }))
  rounds.push({
    bare: await throughput('memory again', createMemoryDa(), length, 60),
    routed: await throughput('router over memory', createRouterDa({ policy: 'failover' }, { layers }), length, 60),
  })
}
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!
const ratio = median(rounds.map(({ bare, routed }) => routed / bare))
const extra = median(rounds.map(({ bare, routed }) => routed - bare))
console.log(`  router over the bare adapter: ${ratio.toFixed(2)} × (${(extra * 1e6).toFixed(0)} µs a submission)`)
process.exit(0)
