// Posts items 0 … n−1 one after another and prints each when it is acknowledged. Killed at any moment and started again by the test beside it.

import { anvilBeacon, createBeacon } from '@l2/blob'
import { cKzg } from '@l2/blob/c-kzg'
import { createRouterDa, DaError, type DataAvailability } from '@l2/da'
import { createAltDa, createHybridDa } from '@l2/da/alt-da'
import { createCelestiaClient, createCelestiaDa, namespaceV0 } from '@l2/da/celestia'
import { createBlobDa, createCalldataDa, createTransactionManager, type TransactionManager } from '@l2/da/ethereum'
import { createFileStore } from '@l2/da/node'
import { createObjectDa } from '@l2/da/object'
import { createMemoryDa } from '@l2/da/testing'
import { createPublicClient, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

const [kind, directory, url, secret, count, life] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
]
const inbox = '0x00000000000000000000000000000000000000ff'
const store = createFileStore(directory)
let transactions: TransactionManager | undefined

function openEthereum(blobs: boolean): DataAvailability {
  const client = createPublicClient({ transport: http(url) })
  const account = privateKeyToAccount(secret as `0x${string}`)
  transactions = createTransactionManager({ confirmations: 1, pollMs: 10 }, { client, account, store })
  if (!blobs) return createCalldataDa({ inbox }, { client, transactions })
  const beacons = [createBeacon({ url, ...anvilBeacon })]
  return createBlobDa({ inbox }, { client, transactions, kzg: cKzg(), beacons })
}

/** Two layers on disk; the first one is down for every third submission. */
function openRouter(): DataAvailability {
  let submissions = 0
  const first = createMemoryDa(
    {},
    {
      store: createFileStore(`${directory}/first`),
      inject: operation =>
        operation === 'submit' && ++submissions % 3 === 0
          ? { type: 'fail', error: new DaError('down', { code: 'DA_UNAVAILABLE' }) }
          : undefined,
    },
  )
  const second = createMemoryDa({}, { store: createFileStore(`${directory}/second`) })
  return createRouterDa(
    { policy: 'failover', backoffMs: 1, cooldownMs: 5 },
    {
      layers: [
        { name: 'first', da: first },
        { name: 'second', da: second },
      ],
      store,
    },
  )
}

function openCelestia(): DataAvailability {
  const client = createCelestiaClient({ url, token: secret })
  const namespace = namespaceV0(Uint8Array.of(1, 1))
  return createCelestiaDa({ namespace, pollMs: 10, unknownBlocks: 3 }, { client, store })
}

function openHybrid(): DataAvailability {
  return createHybridDa({
    store: createAltDa({ url, commitments: 'keccak' }, { store }),
    anchor: createMemoryDa({}, { store: createFileStore(`${directory}/anchor`) }),
    journal: store,
  })
}

const open: Record<string, () => DataAvailability> = {
  celestia: openCelestia,
  'ethereum-calldata': () => openEthereum(false),
  'ethereum-blobs': () => openEthereum(true),
  router: openRouter,
  hybrid: openHybrid,
  object: () => createObjectDa({}, { objects: createFileStore(`${directory}/objects`), journal: store }),
}

const da = open[kind]!()
process.stdout.write('open\n')
for (let index = 0; index < Number(count); index++) {
  // In its first life it does not come to its end, however late it is killed.
  if (life === 'first' && index === Number(count) - 1) await new Promise(resolve => setTimeout(resolve, 600_000))
  const stuck = setTimeout(() => {
    process.stdout.write(`Error: stuck at ${index}, in flight ${JSON.stringify(transactions?.inFlight().length)}\n`)
    process.exit(1)
  }, 300_000)
  const { commitments } = await da.submit([Uint8Array.of(0, index, 1)], { key: `item ${index}` })
  const data = await da.get(commitments[0]!)
  clearTimeout(stuck)
  if (data[1] !== index) throw new Error('another item came back')
  process.stdout.write(`done ${index}\n`)
}
process.exit(0)
