import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isL2Error } from '@l2/common'
import { bundleProgram, runs, seededRandom, testSeed } from '@l2/common/testing'
import { type Hash, keccak256 } from 'viem'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { firstFrame } from '../internal/frame-file.js'
import type { Transaction } from '../transaction/types.js'
import { openFileJournal } from './file-journal.js'
import { createDurableMempool, type JournaledTransaction, restoreMempool } from './journal.js'
import { createMempool } from './mempool.js'
import { fakeTransaction, testAddress } from './testdata/fake.js'

const account = { nonce: 0n, balanceWei: 10n ** 30n, delegated: false }
let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mempool-journal-'))
  path = join(directory, 'journal')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const random = seededRandom(testSeed())
function transactionOf(sender: number, nonce = 0n): Transaction {
  const raw = random.bytes(40 + random.below(100))
  return fakeTransaction({ sender: testAddress(sender), nonce, raw, hash: keccak256(raw) })
}

async function openPool(options: { compactAfterBytes?: number } = {}) {
  const file = await openFileJournal({ path, hashOf: keccak256 })
  const pool = createMempool({}, { firstArrival: file.nextArrival })
  return { ...file, pool, mempool: createDurableMempool(pool, file.journal, options) }
}

const hashesOf = (recovered: readonly JournaledTransaction[]): Hash[] =>
  recovered.map(({ raw }) => keccak256(raw)).sort()

describe('openFileJournal', () => {
  it('gives the same pool back: transactions, places, conditions, flags, counter', async () => {
    const first = await openPool()
    const known = new Map<Hash, Transaction>()
    for (let i = 0; i < 20; i++) {
      const transaction = transactionOf(i % 7, BigInt(Math.floor(i / 7)))
      known.set(transaction.hash, transaction)
      await first.mempool.submit(transaction, {
        nowMs: i,
        account,
        isPrivate: i % 3 === 0,
        mayRevert: i % 4 !== 0,
        condition:
          i % 5 === 0 ? { blockNumberMax: 9n, knownAccounts: { [testAddress(i)]: `0x${'ab'.repeat(32)}` } } : undefined,
      })
    }
    const last = transactionOf(50)
    await first.mempool.submit(last, { nowMs: 99, account })
    await first.mempool.record(first.pool.remove(last.hash, 'cancelled'))
    await first.journal.close()

    const second = await openPool()
    const result = await restoreMempool(second.pool, second.recovered, {
      nowMs: 1_000,
      decode: raw => known.get(keccak256(raw))!,
      accountOf: () => account,
    })
    expect(result).toEqual({ restored: 20, refused: [] })
    expect([...second.pool.content()]).toEqual([...first.pool.content()])
    expect(second.pool.nextArrival).toBe(21)
    await second.journal.close()
  })

  it('returns what the pool does not take any more', async () => {
    const first = await openPool()
    const transaction = transactionOf(1)
    await first.mempool.submit(transaction, { nowMs: 0, account })
    await first.journal.close()
    const second = await openPool()
    const result = await restoreMempool(second.pool, second.recovered, {
      nowMs: 0,
      decode: () => transaction,
      accountOf: () => ({ ...account, nonce: 1n }),
    })
    expect(result.restored).toBe(0)
    expect(isL2Error(result.refused[0]!.error, 'TX_NONCE_TOO_LOW')).toBe(true)
    await second.journal.close()
  })

  it('cuts a torn tail off at the last whole record, wherever the tear is', async () => {
    const first = await openPool()
    const ends: number[] = [firstFrame]
    const hashes: Hash[] = []
    for (let i = 0; i < 6; i++) {
      const transaction = transactionOf(i)
      await first.mempool.submit(transaction, { nowMs: 0, account })
      ends.push(first.journal.byteLength)
      hashes.push(transaction.hash)
    }
    await first.journal.close()
    const whole = readFileSync(path)
    expect(whole.length).toBe(ends.at(-1))
    for (let cut = 0; cut < whole.length; cut++) {
      writeFileSync(path, whole.subarray(0, cut))
      const { journal, recovered, discardedBytes } = await openFileJournal({ path, hashOf: keccak256 })
      const complete = ends.filter(end => end <= Math.max(cut, firstFrame)).length - 1
      expect(hashesOf(recovered)).toEqual(hashes.slice(0, complete).sort())
      expect(discardedBytes).toBe(cut < firstFrame ? 0 : cut - ends[complete]!)
      await journal.close()
    }
    // A tail of zeros, and a bit that fell over.
    writeFileSync(path, Buffer.concat([whole, Buffer.alloc(512)]))
    const padded = await openFileJournal({ path, hashOf: keccak256 })
    expect(padded.recovered.length).toBe(6)
    await padded.journal.close()
    const flipped = Buffer.from(whole)
    flipped[ends[5]! + 20]! ^= 1
    writeFileSync(path, flipped)
    const corrupt = await openFileJournal({ path, hashOf: keccak256 })
    expect(corrupt.recovered.length).toBe(5)
    await corrupt.journal.close()
  })

  it('names damage that no crash explains, and forgets nothing because of it', async () => {
    const first = await openPool()
    for (let i = 0; i < 6; i++) await first.mempool.submit(transactionOf(i), { nowMs: 0, account })
    await first.journal.close()
    const whole = readFileSync(path)
    const last = whole.length - 1
    for (let at = 0; at < whole.length; at += 7) {
      const flipped = Buffer.from(whole)
      flipped[at]! ^= 1
      writeFileSync(path, flipped)
      const opened = await openFileJournal({ path, hashOf: keccak256 }).catch(error => error)
      if ('journal' in opened) {
        // In the last frame it could have been a torn write.
        expect(opened.recovered.length).toBe(5)
        await opened.journal.close()
        expect(last - at).toBeLessThan(whole.length / 5)
      } else {
        expect(opened.code).toBe('JOURNAL_CORRUPT')
        expect(opened.message).toContain(path)
        expect(readFileSync(path)).toEqual(flipped)
      }
    }
  })

  it('goes on behind a cut tail', async () => {
    const first = await openPool()
    await first.mempool.submit(transactionOf(1), { nowMs: 0, account })
    await first.journal.close()
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from([0, 0, 0, 9, 1, 2])]))
    const second = await openPool()
    await second.mempool.submit(transactionOf(2), { nowMs: 0, account })
    await second.journal.close()
    const third = await openPool()
    expect(third.recovered.length).toBe(2)
    expect(third.nextArrival).toBe(2)
    await third.journal.close()
  })

  it('stays short under churn, and never gives a counter twice', async () => {
    const first = await openPool({ compactAfterBytes: 2_000 })
    for (let i = 0; i < 100; i++) {
      const transaction = transactionOf(i)
      await first.mempool.submit(transaction, { nowMs: 0, account })
      await first.mempool.record(first.pool.remove(transaction.hash, 'cancelled'))
    }
    await first.journal.close()
    expect(readFileSync(path).length).toBeLessThan(6_000)
    const second = await openPool()
    expect(second.recovered).toEqual([])
    expect(second.nextArrival).toBe(100)
    await second.journal.close()
  })

  it('refuses a file that is something else, and a closed journal', async () => {
    writeFileSync(path, 'something else entirely, and long')
    await expect(openFileJournal({ path, hashOf: keccak256 })).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
    rmSync(path)
    const { mempool, journal, pool } = await openPool()
    await journal.close()
    await journal.close()
    await expect(mempool.submit(transactionOf(1), { nowMs: 0, account })).rejects.toMatchObject({
      code: 'JOURNAL_FAILED',
    })
    expect(pool.size).toBe(0)
  })

  it('loses nothing that was acknowledged to kill -9 at any moment', async () => {
    const kills = runs({ suite: 2, soak: 200 })
    const source = fileURLToPath(new URL('./testdata/journal-child.ts', import.meta.url))
    const child = await bundleProgram(source, directory)
    const live = new Set<Hash>()
    const uncertain = new Set<Hash>()
    const removed = new Set<Hash>()
    let arrivals = -1
    for (let kill = 0; kill < kills; kill++) {
      const run = spawn(process.execPath, [child, path, `${testSeed() + kill}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let output = ''
      run.stdout.on('data', chunk => (output += String(chunk)))
      const exited = once(run, 'close')
      await once(run.stdout, 'data')
      // The first one lives until something is gone for good.
      if (kill === 0) await expect.poll(() => /^removed /m.test(output), { interval: 5 }).toBe(true)
      await new Promise(resolve => setTimeout(resolve, random.below(120)))
      run.kill('SIGKILL')
      await exited
      for (const line of output.split('\n').slice(0, -1)) {
        const [what, hash, arrival] = line.split(' ') as [string, Hash, string]
        if (what === 'added') {
          live.add(hash)
          expect(Number(arrival)).toBeGreaterThan(arrivals)
          arrivals = Number(arrival)
        } else if (what === 'removing') {
          live.delete(hash)
          uncertain.add(hash)
        } else {
          uncertain.delete(hash)
          removed.add(hash)
        }
      }
      const { journal, recovered, nextArrival } = await openFileJournal({ path, hashOf: keccak256 })
      await journal.close()
      const found = new Set(hashesOf(recovered))
      for (const hash of live) expect(found.has(hash)).toBe(true)
      for (const hash of removed) expect(found.has(hash)).toBe(false)
      expect(nextArrival).toBeGreaterThan(arrivals)
      // The child does not read the pool back, so what it compacts is its own: forget what came before.
      live.clear()
      uncertain.clear()
      rmSync(path)
      arrivals = -1
    }
    expect(removed.size).toBeGreaterThan(0)
  })
})
