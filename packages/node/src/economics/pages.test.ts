import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { toJson } from '@l2/common'
import { ledgerCsv, ledgerJson, recordsCsv } from '@l2/sequencer-core/economics'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bookkeeper, openBookkeeper } from './bookkeeper.js'
import { ledgerAnswer, ledgerPages, parseLedgerQuery } from './pages.js'

const directory = mkdtempSync(join(tmpdir(), 'l2-pages-'))
let keeper: Bookkeeper
beforeAll(() => {
  const price = { tokenUnits: 80n, perWei: 1n, observedAtSeconds: 0n }
  keeper = openBookkeeper({ directory, split: { users: 10_000 }, remainderTo: 'users', price: () => price })
  for (let number = 1n; number <= 2500n; number++)
    keeper.block({ number, epoch: 1n, transactions: 1, baseFees: number, priorityFees: 1n, position: number })
})
afterAll(() => {
  keeper.close()
  rmSync(directory, { recursive: true, force: true })
})

describe('parseLedgerQuery', () => {
  it.each([
    [{ from: -1 }, 'from'],
    [{ from: 1.5 }, 'from'],
    [{ from: '1e3' }, 'from'],
    [{ from: null }, 'from'],
    [{ limit: 0 }, 'limit'],
    [{ limit: 1001 }, 'limit'],
    [{ limit: '99999999999999999999' }, 'limit'],
    [{ format: 'xml' }, 'format'],
    [{ view: {} }, 'view'],
    [{ form: 1 }, 'form'],
    [[], '0'],
    ['10', '0'],
    [null, '0'],
  ])('%j: names the parameter', (input, name) => {
    expect(() => parseLedgerQuery(input, 1000)).toThrow(`invalid argument "${name}"`)
  })

  it('takes numbers as they come in JSON and in an address', () => {
    const parsed = { view: 'records', from: 7, limit: 3, format: 'csv' }
    expect(parseLedgerQuery({ view: 'records', from: 7, limit: 3, format: 'csv' }, 1000)).toEqual(parsed)
    expect(parseLedgerQuery({ view: 'records', from: '7', limit: '3', format: 'csv' }, 1000)).toEqual(parsed)
  })
})

describe('ledgerAnswer', () => {
  it('a page, and where the next one begins', () => {
    const answer = ledgerAnswer(keeper, parseLedgerQuery({ from: 4998, limit: 1 }, 1000))
    expect(JSON.parse(toJson(answer))).toEqual({
      view: 'entries',
      from: 4998,
      next: 4999,
      total: 5000,
      rows: [{ index: 4998, reference: 'block 2500', debit: 'vault', credit: 'fee:base', amount: '2500' }],
    })
    const csv = ledgerAnswer(keeper, parseLedgerQuery({ from: 4999, format: 'csv' }, 1000))
    expect(csv).toMatchObject({ next: null, csv: ledgerCsv(keeper.page('entries', 4999, 1).rows) })
  })
})

describe('ledgerPages', () => {
  const get = async (path: string, query: Record<string, unknown> = {}): Promise<string> =>
    text((await ledgerPages(keeper).get(path)!(query)).body as Readable)

  it('the whole ledger in pieces, the same as in one', async () => {
    const entries = keeper.page('entries', 0, 1e6).rows
    expect(await get('/ledger.csv')).toBe(ledgerCsv(entries))
    expect(JSON.parse(await get('/ledger.json'))).toEqual(JSON.parse(ledgerJson(entries)))
    expect(await get('/ledger.csv', { view: 'records' })).toBe(recordsCsv(keeper.page('records', 0, 1e6).rows))
  })

  it('a part of it, or none', async () => {
    const rows = JSON.parse(await get('/ledger.json', { from: '900', limit: '1200' })) as { index: number }[]
    expect(rows.map(({ index }) => index)).toEqual(Array.from({ length: 1200 }, (_, index) => 900 + index))
    expect(await get('/ledger.json', { from: '999999' })).toBe('[]\n')
    expect(await get('/ledger.csv', { from: '999999' })).toBe('index,reference,debit,credit,amount\n')
  })

  it('a wrong parameter is named', async () => {
    const { status, body } = await ledgerPages(keeper).get('/ledger.csv')!({ limit: 'all' })
    expect([status, body]).toEqual([400, expect.stringContaining('"limit"')])
  })
})
