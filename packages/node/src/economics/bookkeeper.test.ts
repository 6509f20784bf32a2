import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ledgerCsv, recordsCsv, type SplitBps } from '@l2/sequencer-core/economics'
import { toGasToken } from '@l2/sequencer-core/fees'
import type { Hash } from 'viem'
import { afterAll, describe, expect, it } from 'vitest'
import { type Bookkeeper, openBookkeeper } from './bookkeeper.js'
import type { L1Cost } from './books.js'

const root = mkdtempSync(join(tmpdir(), 'l2-books-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let directories = 0
const freshDirectory = (): string => {
  const path = join(root, String(directories++))
  mkdirSync(path)
  return path
}

const priceOf = (metis: bigint) => ({ tokenUnits: metis * 10n ** 18n, perWei: 10n ** 18n, observedAtSeconds: 0n })
const half: SplitBps = { sequencer: 5000, treasury: 5000 }
const open = (directory: string, metis = 80n, split = half, fileBytes?: number): Bookkeeper =>
  openBookkeeper({ directory, split, remainderTo: 'treasury', price: () => priceOf(metis), sync: () => {}, fileBytes })

const hashOf = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`
const costOf = (n: number): L1Cost => ({
  transactionHash: hashOf(n),
  l1Block: BigInt(n),
  blobs: 1,
  blobGasWei: 131_072n,
  executionGasWei: 21_000n * 10n ** 9n + BigInt(n),
})
const blockOf = (number: bigint) => ({
  number,
  epoch: number / 20n,
  transactions: 3,
  baseFees: 10n ** 15n + number,
  priorityFees: number,
  position: number,
})
const fileOf = (directory: string): string => join(directory, 'economics.journal')
const csvOf = (keeper: Bookkeeper): string =>
  ledgerCsv(keeper.page('entries', 0, 1e6).rows) + recordsCsv(keeper.page('records', 0, 1e6).rows)

/** What the sequencer's log and the data layer hold, and so what a restart can make out again. */
function world() {
  const blocks: bigint[] = []
  const costs = new Map<string, L1Cost[]>()
  return {
    blocks,
    costs,
    /** A restart: blocks above the last booked one, then the costs of submissions that are open. */
    catchUp(keeper: Bookkeeper): void {
      for (const number of blocks) if (number > keeper.lastBlock) keeper.block(blockOf(number))
      for (const key of [...keeper.books.open.keys()]) {
        for (const cost of costs.get(key) ?? []) keeper.paid(key, cost)
        keeper.end(key)
      }
    },
  }
}

function history(keeper: Bookkeeper, outside: ReturnType<typeof world>, from = 1n, to = 45n): void {
  let n = 1000 * (Number(from) - 1)
  for (let number = from; number <= to; number++) {
    outside.blocks.push(number)
    keeper.block(blockOf(number))
    if (number % 10n !== 0n) continue
    const channelId = `0x${number.toString(16).padStart(32, '0')}`
    const key = `${channelId}/0`
    keeper.channel(channelId, number - 9n, number)
    keeper.begin(key, 1000)
    // A layer beside L1 names each of its commitments there.
    const costs = Array.from({ length: number === 20n ? 2 : 1 }, () => costOf(++n))
    outside.costs.set(key, costs)
    for (const cost of costs) keeper.paid(key, cost)
    keeper.end(key)
  }
}

describe('openBookkeeper', () => {
  it('books costs at the price of their moment, under the blocks they carried, and settles once an epoch', () => {
    const keeper = open(freshDirectory())
    history(keeper, world())
    const { ledger, costWei, blobs } = keeper.books
    expect(ledger.settlements).toBe(2)
    expect(blobs).toBe(5)
    expect(costWei).toBe(5n * (131_072n + 21_000n * 10n ** 9n) + 15n)
    const batches = keeper.page('records', 0, 1000).rows.filter(({ type }) => type === 'batch')
    expect(
      batches.map(({ firstBlock, lastBlock, transactions, bytes }) => [firstBlock, lastBlock, transactions, bytes]),
    ).toEqual([
      [1n, 10n, 30, 1000],
      [11n, 20n, 30, 1000],
      [11n, 20n, 0, 0],
      [21n, 30n, 30, 1000],
      [31n, 40n, 30, 1000],
    ])
    expect(batches[0]!.executionGas).toBe(toGasToken(costOf(1).executionGasWei, priceOf(80n)))
    expect(ledger.balances.vault).toBeGreaterThan(0n)
    keeper.close()
  })

  it('is the same after a restart, also with another price; later costs are booked at that', () => {
    const directory = freshDirectory()
    const first = open(directory)
    history(first, world())
    const before = csvOf(first)
    const { books } = first
    first.close()
    const second = open(directory, 40n)
    expect(second.books).toEqual(books)
    expect(csvOf(second)).toBe(before)
    second.begin('0xother/0', 5)
    second.paid('0xother/0', costOf(99))
    const [record] = second.page('records', second.books.ledger.nextRecord - 1, 1).rows
    expect(record!.executionGas).toBe(toGasToken(costOf(99).executionGasWei, priceOf(40n)))
    second.close()
  })

  it('is the same in many files, each with the balance carried forward, page by page and after a restart', () => {
    const straight = open(freshDirectory())
    const directory = freshDirectory()
    const inFiles = () => open(directory, 80n, half, 3000)
    let keeper = inFiles()
    const outside = world()
    for (let from = 1n; from <= 45n; from += 5n) {
      history(keeper, outside, from, from + 4n)
      history(straight, world(), from, from + 4n)
      keeper.close()
      keeper = inFiles()
    }
    expect(readdirSync(directory).length).toBeGreaterThan(2)
    expect(keeper.books).toEqual(straight.books)
    expect(csvOf(keeper)).toBe(csvOf(straight))
    for (const from of [0, 3, 17, 40]) {
      for (const view of ['entries', 'records'] as const) {
        expect(keeper.page(view, from, 5)).toEqual(straight.page(view, from, 5))
      }
    }
    // A rollback takes out what blocks of earlier files brought; what was paid is known again.
    for (const one of [keeper, straight]) one.rollBack(4n, 46n)
    expect(keeper.books).toEqual(straight.books)
    for (const [key, costs] of outside.costs) for (const cost of costs) keeper.paid(key, cost)
    expect(keeper.books).toEqual(straight.books)
    keeper.close()
    straight.close()
  })

  it('counts an L1 transaction once, however often it is told, before and after a restart', () => {
    const directory = freshDirectory()
    const outside = world()
    let keeper = open(directory)
    history(keeper, outside)
    const { books } = keeper
    const size = readFileSync(fileOf(directory)).length
    for (let round = 0; round < 2; round++) {
      for (const [key, costs] of outside.costs) for (const cost of costs) keeper.paid(key, cost)
      for (const key of outside.costs.keys()) keeper.end(key)
      expect(keeper.books).toEqual(books)
      keeper.close()
      keeper = open(directory)
    }
    expect(readFileSync(fileOf(directory)).length).toBe(size)
    keeper.close()
  })

  it('cut off at any byte, comes to the same totals again: blocks from the log, costs from the data layer', () => {
    const directory = freshDirectory()
    const outside = world()
    const keeper = open(directory)
    // One channel of two transactions, and the end of an epoch.
    history(keeper, outside, 18n, 21n)
    keeper.close()
    const { ledger, costWei } = keeper.books
    const bytes = readFileSync(fileOf(directory))
    const copy = freshDirectory()
    for (let length = 0; length <= bytes.length; length++) {
      writeFileSync(fileOf(copy), bytes.subarray(0, length))
      const again = open(copy)
      outside.catchUp(again)
      const found = again.books
      // A submission whose beginning is lost was never sent: a durable line was not written. The cut is also such a world.
      const begun = bytes.subarray(0, length).toString().split('\n').slice(0, -1)
      const keys = [...outside.costs.keys()].filter(key =>
        begun.some(line => line.includes(`"submission","key":"${key}"`)),
      )
      const expected = keys.flatMap(key => outside.costs.get(key)!)
      expect(found.costWei).toBe(expected.reduce((sum, cost) => sum + cost.blobGasWei + cost.executionGasWei, 0n))
      expect(found.ledger.totals.feesIn).toBe(ledger.totals.feesIn)
      expect(found.ledger.settlements).toBe(ledger.settlements)
      expect(found.open.size).toBe(0)
      if (keys.length === outside.costs.size) {
        expect(found.costWei).toBe(costWei)
        expect(found.ledger.totals).toEqual(ledger.totals)
      }
      again.close()
    }
  })

  it('gives any page of a long ledger, in the same rows as all of it', () => {
    const directory = freshDirectory()
    let keeper = open(directory)
    for (let number = 1n; number <= 2000n; number++) keeper.block(blockOf(number))
    for (let round = 0; round < 2; round++) {
      for (const view of ['entries', 'records'] as const) {
        const all = keeper.page(view, 0, 1e6)
        expect(all.next).toBeUndefined()
        expect(all.rows.map(({ index }) => index)).toEqual(all.rows.map((_, index) => index))
        expect(all.rows).toHaveLength(all.total)
        for (const from of [0, 1, 255, 256, 257, 1999, all.total - 1]) {
          const page = keeper.page(view, from, 7)
          expect(page.rows).toEqual(all.rows.slice(from, from + 7))
          expect(page.next).toBe(from + 7 < all.total ? from + 7 : undefined)
        }
        expect(keeper.page(view, all.total + 5, 7)).toEqual({ rows: [], next: undefined, total: all.total })
      }
      keeper.close()
      keeper = open(directory)
    }
    keeper.close()
  })

  it('takes out what an L1 reorg took back, once, also after a restart and twice over one another', () => {
    const directory = freshDirectory()
    let keeper = open(directory)
    for (let number = 1n; number <= 600n; number++) keeper.block(blockOf(number))
    keeper.rollBack(570n, 601n)
    for (let number = 571n; number <= 590n; number++) keeper.block({ ...blockOf(number), position: number + 31n })
    keeper.close()
    keeper = open(directory)
    keeper.rollBack(560n, 622n)
    keeper.rollBack(560n, 622n)
    expect([keeper.lastBlock, keeper.books.position]).toEqual([560n, 622n])

    const straight = open(freshDirectory())
    for (let number = 1n; number <= 560n; number++) straight.block(blockOf(number))
    expect(keeper.books.ledger.totals).toEqual(straight.books.ledger.totals)
    expect(keeper.books.ledger.unposted).toEqual(straight.books.ledger.unposted)
    straight.close()
    const rows = csvOf(keeper)
    keeper.close()
    keeper = open(directory)
    expect(csvOf(keeper)).toBe(rows)
    keeper.close()
  })

  it('splits by new shares what is earned under them, and by the old what was earned before', () => {
    const directory = freshDirectory()
    const first = open(directory)
    // Posted for nothing: what is not posted is held back for its cost.
    const post = (keeper: Bookkeeper, number: bigint): void => {
      const channelId = `0x${number.toString(16).padStart(32, '0')}`
      keeper.channel(channelId, number, number)
      keeper.begin(`${channelId}/0`, 10)
      keeper.paid(`${channelId}/0`, { ...costOf(Number(number)), blobGasWei: 0n, executionGasWei: 0n })
      keeper.end(`${channelId}/0`)
    }
    first.block({ ...blockOf(1n), baseFees: 100n, priorityFees: 0n })
    post(first, 1n)
    first.close()
    const second = open(directory, 80n, { users: 10_000 })
    second.block({ ...blockOf(2n), baseFees: 60n, priorityFees: 0n })
    post(second, 2n)
    second.block({ ...blockOf(3n), baseFees: 70n, priorityFees: 0n })
    second.block({ ...blockOf(20n), baseFees: 0n, priorityFees: 0n })
    const { balances } = second.books.ledger
    expect([balances['owed:sequencer'], balances['owed:treasury'], balances['owed:users']]).toEqual([-50n, -50n, -60n])
    expect(balances.accrued).toBe(-70n)
    const { books } = second
    second.close()
    const third = open(directory, 80n, { users: 10_000 })
    expect(third.books).toEqual(books)
    third.close()
  })
})
