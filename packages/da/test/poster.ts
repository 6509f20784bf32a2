// Posts items 0 … n−1 one after another and prints each when it is acknowledged. Killed at any moment and started again by the test beside it.

import type { DataAvailability } from '@l2/da'
import { createCelestiaClient, createCelestiaDa, namespaceV0 } from '@l2/da/celestia'
import { createCalldataDa, createTransactionManager } from '@l2/da/ethereum'
import { createFileStore } from '@l2/da/node'
import { createPublicClient, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

const [kind, directory, url, secret, count] = process.argv.slice(2) as [string, string, string, string, string]
const store = createFileStore(directory)

function open(): DataAvailability {
  if (kind === 'celestia') {
    const client = createCelestiaClient({ url, token: secret })
    return createCelestiaDa(
      { client, store },
      { namespace: namespaceV0(Uint8Array.of(1, 1)), pollMs: 10, unknownBlocks: 3 },
    )
  }
  const client = createPublicClient({ transport: http(url) })
  const account = privateKeyToAccount(secret as `0x${string}`)
  const transactions = createTransactionManager({ client, account, store }, { confirmations: 1, pollMs: 10 })
  return createCalldataDa({ client, transactions }, { inbox: '0x00000000000000000000000000000000000000ff' })
}

const da = open()
for (let index = 0; index < Number(count); index++) {
  const { commitments } = await da.submit([Uint8Array.of(0, index, 1)], { key: `item ${index}` })
  const data = await da.get(commitments[0]!)
  if (data[1] !== index) throw new Error('another item came back')
  process.stdout.write(`done ${index}\n`)
}
process.exit(0)
