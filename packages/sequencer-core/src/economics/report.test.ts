import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bookEvent, createLedger } from './ledger.js'
import { noFees } from './records.js'
import { ledgerCsv, recordsCsv, recordsJson } from './report.js'

const entry = { index: 0, debit: 'vault', credit: 'fee:base', amount: 80n } as const

/** RFC 4180, one record. */
function parseCsv(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,"]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  )
}

describe('ledgerCsv', () => {
  it.each([
    ['batch =cmd|calc', 'batch =cmd|calc'],
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\tx', "'\tx"],
    ['a,b', '"a,b"'],
    ['say "a"', '"say ""a"""'],
    ['two\nlines', '"two\nlines"'],
    ['=HYPERLINK("a","b")', `"'=HYPERLINK(""a"",""b"")"`],
  ])('writes %j as text', (reference, expected) => {
    expect(ledgerCsv([{ ...entry, reference }], { header: false })).toBe(`0,${expected},vault,fee:base,80\n`)
  })

  it('gives every reference back, and none that a spreadsheet would run', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), reference => {
        const csv = ledgerCsv([{ ...entry, reference }], { header: false })
        const [, read] = parseCsv(csv.slice(0, -1))
        expect(read === reference || read === `'${reference}`).toBe(true)
        expect(read).not.toMatch(/^[=+\-@\t\r]/)
      }),
    )
  })

  it('is the same in pages as in one piece', () => {
    const entries = Array.from({ length: 9 }, (_, index) => ({ ...entry, index, reference: `block ${index}` }))
    const pages = [0, 3, 6].map(from => ledgerCsv(entries.slice(from, from + 3), { header: from === 0 }))
    expect(pages.join('')).toBe(ledgerCsv(entries))
  })
})

describe('records', () => {
  const block = bookEvent(createLedger(), { type: 'block', number: 7n, transactions: 2, ...noFees, baseFees: 30n })
  const batch = bookEvent(block.state, {
    type: 'batch',
    id: '0xab',
    firstBlock: 1n,
    lastBlock: 7n,
    bytes: 400,
    blobGas: 40n,
    executionGas: 1n,
    altDa: 0n,
  })
  const records = [block.record!, batch.record!]

  it('as CSV: stable columns, signed amounts', () => {
    expect(recordsCsv(records)).toMatchInlineSnapshot(`
      "index,type,id,firstBlock,lastBlock,transactions,bytes,baseFees,priorityFees,l1Fees,operatorFees,auctionRevenue,feesIn,blobGas,executionGas,altDa,costsOut,profit
      0,block,7,7,7,2,0,30,0,0,0,0,30,0,0,0,0,30
      1,batch,0xab,1,7,2,400,30,0,0,0,0,30,40,1,0,41,-11
      "
    `)
  })

  it('as JSON: the same columns, exact amounts', () => {
    const [columns] = recordsCsv(records).split('\n')
    const read = JSON.parse(recordsJson(records)) as Record<string, unknown>[]
    expect(Object.keys(read[1]!)).toEqual(columns!.split(','))
    expect(read[1]).toMatchObject({ type: 'batch', index: 1, transactions: 2, profit: '-11', lastBlock: '7' })
  })
})
