import { Readable } from 'node:stream'
import { isL2Error } from '@l2/common'
import {
  type EconomicRecord,
  type LedgerEntry,
  ledgerCsv,
  ledgerJson,
  recordsCsv,
  recordsJson,
} from '@l2/sequencer-core/economics'
import { NodeError } from '../errors.js'

import type { Page } from '../rpc/server.js'
import type { Bookkeeper, LedgerView } from './bookkeeper.js'

/** Rows of one answer over JSON-RPC at most, and of one piece of a page. */
export const maxRows = 1000

const wrong = (name: string, expected: string): NodeError =>
  new NodeError(`invalid argument "${name}": expected ${expected}`, { code: 'PARAMETER_INVALID' })

/** What part of the ledger is asked for, and how it is to be written. */
export type LedgerQuery = { view: LedgerView; from: number; limit: number | undefined; format: 'json' | 'csv' }

function count(name: string, value: unknown, least: number, most: number): number {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= least && number <= most) return number
  throw wrong(name, `a whole number from ${least} to ${most}`)
}

function oneOf<Choice extends string>(name: string, value: unknown, choices: readonly Choice[]): Choice {
  const found = choices.find(choice => choice === value)
  if (found === undefined) throw wrong(name, choices.join(' or '))
  return found
}

/** Reads the parameters of a ledger query; they come from anybody. @throws NodeError `PARAMETER_INVALID` */
export function parseLedgerQuery(input: unknown, most: number): LedgerQuery {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw wrong('0', 'an object of from, limit, format and view')
  const { view = 'entries', from = 0, limit, format = 'json', ...others } = input as Record<string, unknown>
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw wrong(unknown.slice(0, 40), 'from, limit, format or view')
  return {
    view: oneOf('view', view, ['entries', 'records']),
    from: count('from', from, 0, Number.MAX_SAFE_INTEGER),
    limit: limit === undefined ? undefined : count('limit', limit, 1, most),
    format: oneOf('format', format, ['json', 'csv']),
  }
}

const writers = {
  entries: {
    csv: (rows: readonly unknown[], header: boolean) => ledgerCsv(rows as readonly LedgerEntry[], { header }),
    json: (rows: readonly unknown[]) => ledgerJson(rows as readonly LedgerEntry[]),
  },
  records: {
    csv: (rows: readonly unknown[], header: boolean) => recordsCsv(rows as readonly EconomicRecord[], { header }),
    json: (rows: readonly unknown[]) => recordsJson(rows as readonly EconomicRecord[]),
  },
}

/** A page as `l2_economics` answers it. */
export function ledgerAnswer(keeper: Bookkeeper, { view, from, limit = 100, format }: LedgerQuery): object {
  const { rows, next = null, total } = keeper.page(view, from, limit)
  const content = format === 'csv' ? { csv: writers[view].csv(rows, true) } : { rows }
  return { view, from, next, total, ...content }
}

/** All rows from `from`, `limit` at most, in pieces: none is made before the one before it is written. Rows that come meanwhile are left out. */
function* pieces(keeper: Bookkeeper, { view, from, limit, format }: LedgerQuery): Generator<string> {
  const { total } = keeper.page(view, from, 1)
  const end = limit === undefined ? total : Math.min(total, from + limit)
  if (format === 'json') yield '['
  else yield writers[view].csv([], true)
  for (let at = from; at < end; ) {
    const { rows } = keeper.page(view, at, Math.min(maxRows, end - at))
    if (rows.length === 0) break
    if (format === 'csv') yield writers[view].csv(rows, false)
    else yield `${at === from ? '' : ',\n'}${writers[view].json(rows).slice(1, -1)}`
    at += rows.length
  }
  if (format === 'json') yield ']\n'
}

/** `/ledger.csv` and `/ledger.json`, with `?view=records`, `from` and `limit`. */
export function ledgerPages(keeper: Bookkeeper): ReadonlyMap<string, Page> {
  const page =
    (format: 'json' | 'csv', type: string): Page =>
    async query => {
      try {
        const parsed = parseLedgerQuery({ ...query, format }, Number.MAX_SAFE_INTEGER)
        return { status: 200, type, body: Readable.from(pieces(keeper, parsed)) }
      } catch (error) {
        if (!isL2Error(error, 'PARAMETER_INVALID')) throw error
        return { status: 400, type: 'text/plain', body: `${error.message}\n` }
      }
    }
  return new Map([
    ['/ledger.csv', page('csv', 'text/csv; charset=utf-8')],
    ['/ledger.json', page('json', 'application/json')],
  ])
}
