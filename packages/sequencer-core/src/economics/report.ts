import type { LedgerEntry } from './ledger.js'
import type { EconomicRecord } from './records.js'

/** Options of the CSV writers. */
export type CsvOptions = {
  /** Whether the column names come first. Default true; false for every page behind the first. */
  readonly header?: boolean | undefined
}

const entryColumns = ['index', 'reference', 'debit', 'credit', 'amount'] as const
const recordColumns = [
  'index',
  'type',
  'id',
  'firstBlock',
  'lastBlock',
  'transactions',
  'bytes',
  'baseFees',
  'priorityFees',
  'l1Fees',
  'operatorFees',
  'auctionRevenue',
  'feesIn',
  'blobGas',
  'executionGas',
  'altDa',
  'costsOut',
  'profit',
] as const

/**
 * One value of a CSV file (RFC 4180). Text that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP has it: ids and
 * references may come from somebody else.
 */
function csvValue(value: string | bigint | number): string {
  if (typeof value !== 'string') return value.toString()
  const text = /^[=+\-@\t\r\n|%]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function toCsv<Column extends string>(
  columns: readonly Column[],
  rows: Iterable<Readonly<Record<Column, string | bigint | number>>>,
  options: CsvOptions,
): string {
  let csv = options.header === false ? '' : `${columns.join(',')}\n`
  for (const row of rows) csv += `${columns.map(column => csvValue(row[column])).join(',')}\n`
  return csv
}

function toJson<Column extends string>(
  columns: readonly Column[],
  rows: Iterable<Readonly<Record<Column, string | bigint | number>>>,
): string {
  const plain = Array.from(rows, row =>
    Object.fromEntries(columns.map(name => [name, typeof row[name] === 'bigint' ? row[name].toString() : row[name]])),
  )
  return JSON.stringify(plain)
}

/**
 * Entries as CSV with a header line, amounts as whole units of the gas token. The columns do not change: new ones come last.
 *
 * @example
 * ```ts
 * import { ledgerCsv } from '@l2/sequencer-core/economics'
 *
 * const csv = ledgerCsv([{ index: 0, reference: 'block 1', debit: 'vault', credit: 'fee:base', amount: 80n }])
 * console.log(csv.split('\n')[1]) // 0,block 1,vault,fee:base,80
 * ```
 */
export function ledgerCsv(entries: Iterable<LedgerEntry>, options: CsvOptions = {}): string {
  return toCsv(entryColumns, entries, options)
}

/**
 * Entries as one JSON array, amounts as decimal strings, because JSON numbers are not exact.
 *
 * @example
 * ```ts
 * import { ledgerJson } from '@l2/sequencer-core/economics'
 *
 * console.log(ledgerJson([{ index: 0, reference: 'payout', debit: 'owed:burn', credit: 'vault', amount: 80n }])) // [{"index":0,"reference":"payout","debit":"owed:burn","credit":"vault","amount":"80"}]
 * ```
 */
export function ledgerJson(entries: Iterable<LedgerEntry>): string {
  return toJson(entryColumns, entries)
}

/**
 * Blocks and batches as CSV: fees and costs by kind and the profit of each, amounts as whole units of the gas token.
 *
 * @example
 * ```ts
 * import { bookEvent, createLedger, recordsCsv } from '@l2/sequencer-core/economics'
 *
 * const fees = { baseFees: 80n, priorityFees: 20n, l1Fees: 0n, operatorFees: 0n, auctionRevenue: 0n }
 * const { record } = bookEvent(createLedger(), { type: 'block', number: 1n, transactions: 3, ...fees })
 * console.log(recordsCsv([record!], { header: false }).trim()) // 0,block,1,1,1,3,0,80,20,0,0,0,100,0,0,0,0,100
 * ```
 */
export function recordsCsv(records: Iterable<EconomicRecord>, options: CsvOptions = {}): string {
  return toCsv(recordColumns, records, options)
}

/**
 * Blocks and batches as one JSON array, amounts and heights as decimal strings.
 *
 * @example
 * ```ts
 * import { bookEvent, createLedger, recordsJson } from '@l2/sequencer-core/economics'
 *
 * const fees = { baseFees: 80n, priorityFees: 20n, l1Fees: 0n, operatorFees: 0n, auctionRevenue: 0n }
 * const { record } = bookEvent(createLedger(), { type: 'block', number: 1n, transactions: 3, ...fees })
 * const [block] = JSON.parse(recordsJson([record!]))
 * console.log(block.type, block.profit) // block 100
 * ```
 */
export function recordsJson(records: Iterable<EconomicRecord>): string {
  return toJson(recordColumns, records)
}
