import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SealedBlock } from '@l2/sequencer-core/block'
import type { ExecutedBlock, PayloadAttributes } from '@l2/sequencer-core/engine'
import type { Hash } from 'viem'
import { afterAll, expect, it } from 'vitest'
import { openBlockLog } from './block-log.js'

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
  let log = await openBlockLog(root)
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
    await log.close()
    log = await openBlockLog(root)
  }
  await log.close()
})
