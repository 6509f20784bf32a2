import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryLog, type Lease, type SealedBlock } from '@l2/sequencer-core/block'
import type { ExecutedBlock, PayloadAttributes } from '@l2/sequencer-core/engine'
import type { Hash } from 'viem'
import { afterAll, expect, it } from 'vitest'
import { openBlockLog } from './block-log.js'
import { openFileStorage } from './storage.js'

const root = mkdtempSync(join(tmpdir(), 'l2-block-log-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const word = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`
/** A block of a branch, told apart by its hash. */
function block(height: bigint, branch: number): SealedBlock {
  const parentHash = word(Number(height) - 1)
  const same = { parentHash, stateRoot: word(1), timestamp: height }
  const attributes: PayloadAttributes = {
    timestamp: height,
    prevRandao: word(0),
    suggestedFeeRecipient: `0x${'00'.repeat(20)}`,
    withdrawals: [],
    parentBeaconBlockRoot: word(0),
    transactions: [],
    noTxPool: false,
    gasLimit: 30_000_000n,
    eip1559Params: undefined,
    minBaseFee: undefined,
  }
  const executed: ExecutedBlock = {
    ...same,
    number: height,
    hash: word(1000 * branch + Number(height)),
    transactionsRoot: word(2),
    receiptsRoot: word(3),
    gasLimit: 30_000_000n,
    gasUsed: 0n,
    baseFeePerGas: 1n,
    transactions: [],
  }
  const header = {
    ...same,
    ...{
      epochId: 1n,
      term: branch,
      height,
      txRoot: word(2),
      l1OriginNumber: 1n,
      l1OriginHash: word(4),
      forcedUpTo: 0n,
    },
  }
  return { header, executed, attributes, signature: `0x${'01'.repeat(65)}` }
}

it('goes back without forgetting anything, and is the same when it is opened again', async () => {
  let storage = await openFileStorage(root)
  let log = await openBlockLog(storage)
  for (let height = 1n; height <= 5n; height++) await log.append(block(height, 0))
  await log.rollBack({ to: 3n, hash: word(3), term: 1 })
  for (let height = 4n; height <= 6n; height++) await log.append(block(height, 1))
  await log.rollBack({ to: 4n, hash: word(1004), term: 2 })
  for (let round = 0; round < 2; round++) {
    expect([log.last, log.position, log.termAbove]).toEqual([4n, 10n, 2])
    const found: [bigint, Hash, number | undefined][] = []
    for await (const { block: at, term } of log.blocks(1n)) found.push([at.executed.number, at.executed.hash, term])
    expect(found).toEqual([
      [1n, word(1), undefined],
      [2n, word(2), undefined],
      [3n, word(3), undefined],
      [4n, word(1004), 1],
    ])
    const left: Hash[] = []
    for await (const { header } of log.abandoned()) left.push(word(1000 * header.term + Number(header.height)))
    expect(left).toEqual([word(4), word(5), word(1005), word(1006)])
    expect(await log.hashAt(4n)).toBe(word(1004))
    expect(await log.hashAt(5n)).toBeUndefined()
    // Whoever had followed the first branch shares three blocks; the second, four; the rollback, all.
    const shared = [
      { position: 5n, block: 5n },
      { position: 9n, block: 6n },
      { position: 10n, block: 4n },
      { position: 2n, block: 2n },
    ].map(followed => log.shared(followed))
    expect(shared).toEqual([3n, 4n, 4n, 2n])
    await storage.close()
    storage = await openFileStorage(root)
    log = await openBlockLog(storage)
  }
  await storage.close()
})

it('reads what another machine appends, and appends only where it has the lease', async () => {
  const shared = createMemoryLog()
  const lease = await shared.acquire('first', 60_000)
  let held: Lease | undefined = lease
  const first = await openBlockLog({ log: shared, lease: () => lease })
  await first.append(block(1n, 0))
  const second = await openBlockLog({ log: shared, lease: () => (held === lease ? undefined : held) })
  expect([second.last, await second.unread()]).toEqual([1n, undefined])
  await expect(second.append(block(2n, 0))).rejects.toMatchObject({ code: 'STANDS_BY', recovery: 'retry' })
  await first.append(block(2n, 0))
  await first.rollBack({ to: 1n, hash: word(1), term: 4 })
  // It counts once it is taken: what fails in between is read again.
  expect(await second.unread()).toEqual(await second.unread())
  for (let entry = await second.unread(); entry !== undefined; entry = await second.unread()) second.take(entry)
  expect([second.last, second.position, second.termAbove]).toEqual([1n, 3n, 4])
  held = await shared.acquire('second', 60_000).catch(() => undefined)
  await shared.release(lease)
  held ??= await shared.acquire('second', 60_000)
  expect(await second.append(block(2n, 1))).toBe(4n)
  await expect(first.append(block(2n, 0))).rejects.toMatchObject({ code: 'LOG_FENCED' })
  const [entry] = [await first.unread()]
  expect(entry).toMatchObject({ position: 4n, block: { executed: { hash: word(1002) } } })
  expect(() => first.take({ ...entry!, position: 5n })).toThrow(expect.objectContaining({ code: 'LOG_INVALID' }))
})
