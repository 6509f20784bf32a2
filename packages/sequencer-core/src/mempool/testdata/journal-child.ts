// Writes to a journal until somebody kills it, and says on standard output what it has acknowledged.
import { writeSync } from 'node:fs'
import { seededRandom } from '@l2/common/testing'
import { keccak256 } from 'viem'
import { openFileJournal } from '../file-journal.js'
import { createDurableMempool } from '../journal.js'
import { createMempool } from '../mempool.js'
import { fakeTransaction, testAddress } from './fake.js'

const [path, seed] = process.argv.slice(2) as [string, string]
const random = seededRandom(Number(seed))
const { journal, nextArrival } = await openFileJournal({ path, hashOf: keccak256 })
const pool = createMempool({ maxTransactions: 100_000 }, { firstArrival: nextArrival })
const mempool = createDurableMempool(pool, journal, { compactAfterBytes: 8_000 })
const account = { nonce: 0n, balanceWei: 10n ** 30n, delegated: false }
const hashes: `0x${string}`[] = []
for (let i = 0; ; i++) {
  if (hashes.length > 3 && random.bool(0.4)) {
    const hash = hashes.splice(random.below(hashes.length), 1)[0]!
    writeSync(1, `removing ${hash}\n`)
    await mempool.record(pool.remove(hash, 'cancelled'))
    writeSync(1, `removed ${hash}\n`)
    continue
  }
  const raw = random.bytes(60 + random.below(200))
  const transaction = fakeTransaction({ sender: testAddress(random.uint32()), nonce: 0n, raw, hash: keccak256(raw) })
  const { entry } = await mempool.submit(transaction, { nowMs: i, account })
  hashes.push(transaction.hash)
  writeSync(1, `added ${transaction.hash} ${entry.arrival}\n`)
}
