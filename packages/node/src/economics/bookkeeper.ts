import { join } from 'node:path'
import type { EconomicRecord, LedgerEntry, Party, SplitBps } from '@l2/sequencer-core/economics'
import type { GasTokenPrice } from '@l2/sequencer-core/fees'
import { openRecordFile } from '../storage/record-file.js'
import {
  type BookRecord,
  type Books,
  emptyBooks,
  type Folded,
  foldRecord,
  isDurable,
  type L1Cost,
  type Submission,
} from './books.js'

/** What can be asked for page by page: double entries, or blocks and batches. */
export type LedgerView = 'entries' | 'records'
export type LedgerRow<View extends LedgerView> = View extends 'entries' ? LedgerEntry : EconomicRecord

/** A part of the ledger. */
export type LedgerPage<View extends LedgerView> = {
  readonly rows: readonly LedgerRow<View>[]
  /** Where the next page begins; `undefined` behind the last row. */
  readonly next: number | undefined
  /** Rows of the ledger now. */
  readonly total: number
}

/** Keeps the books: every record goes to the file before it counts, and a restart reads the same books out of it. */
export type Bookkeeper = {
  readonly books: Books
  /** The last block that is booked; 0 before the first. */
  readonly lastBlock: bigint
  /** Bytes of the file that were no whole record when it was opened, and were cut off. */
  readonly discardedBytes: number
  /** A block of the sequencer's log. */
  block(block: Omit<BookRecord & { type: 'block' }, 'type'>): void
  /** The chain went back to a block. `position`: of the entry in the sequencer's log that says so. */
  rollBack(to: bigint, position: bigint): void
  /** Blocks of a channel that is about to be posted, so that its submissions can be told apart. */
  channel(channelId: string, firstBlock: bigint, lastBlock: bigint): void
  /** Before a submission is handed to the data layer. Idempotent by key. */
  begin(key: string, bytes: number): void
  /** After L1 has included a transaction of it. Idempotent by transaction. */
  paid(key: string, cost: L1Cost): void
  /** When nothing more can come of a submission. */
  end(key: string): void
  page<View extends LedgerView>(view: View, from: number, limit: number): LedgerPage<View>
  close(): void
}

export type BookkeeperOptions = {
  directory: string
  split: SplitBps
  remainderTo: Party
  /** What the gas token costs now. */
  price(): GasTokenPrice
  /** Has the file's bytes reach the disk. */
  sync?: ((file: number) => void) | undefined
  /** Bytes behind which another file is begun with the balance carried forward. Default 4 MiB. */
  fileBytes?: number | undefined
}

/** What the first line of a file carries forward. */
type CarriedBooks = Omit<Books, 'open'> & {
  readonly open: readonly (readonly [string, Submission])[]
  readonly booked: readonly string[]
}

const booksOf = ({ open, booked: _, ...books }: CarriedBooks): Books => ({
  ...emptyBooks(),
  ...books,
  open: new Map(open),
})

/** Records between two places from which a page can be read, and how many places are remembered before every other one is dropped. */
const firstInterval = 256
const defaultFileBytes = 4 * 2 ** 20
const maxCheckpoints = 1024
/** Channels that a submission can be of: more than a batcher holds. */
const rememberedChannels = 64
/** L1 transactions that are known to be booked. The data layer forgets a submission after 4,096 others: none comes back later. */
const rememberedHashes = 8192

/** Keeps a map or set to the newest. */
function forgetOldest(kept: Map<string, unknown> | Set<string>, most: number): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= most) break
    kept.delete(oldest)
  }
}

/** @throws NodeError `DATA_CORRUPT`, `DATA_FAILED`, `DISK_FULL` */
export function openBookkeeper(options: BookkeeperOptions): Bookkeeper {
  const { directory, split, remainderTo, price, sync, fileBytes = defaultFileBytes } = options
  const journal = openRecordFile<BookRecord, CarriedBooks>({
    path: join(directory, 'economics.journal'),
    isDurable,
    remedy: 'put back a copy, or remove it: then the books begin anew, without what posting cost until now',
    sync,
    carry: { fileBytes, state: (): CarriedBooks => ({ ...books, open: [...books.open], booked: [...booked] }) },
  })
  const { offset: begin, carried } = journal.start
  let books = carried === undefined ? emptyBooks() : booksOf(carried)
  let interval = firstInterval
  let sinceCheckpoint = 0
  let checkpoints = [{ offset: begin, books }]
  const channels = new Map<string, { firstBlock: bigint; lastBlock: bigint }>()
  const booked = new Set<string>(carried?.booked)
  /** The last place from which rows or records are read that hold for its books, and for those of the places before it. */
  const placeBefore = (isBefore: (books: Books) => boolean): { offset: number; books: Books } => {
    const place = checkpoints.filter(checkpoint => isBefore(checkpoint.books)).at(-1)
    if (place !== undefined) return place
    const start = journal.startOf(older => isBefore(booksOf(older)))
    return { offset: start.offset, books: start.carried === undefined ? emptyBooks() : booksOf(start.carried) }
  }

  const adopt = (record: BookRecord, { books: next }: Folded, offset: number): void => {
    books = next
    if (record.type === 'cost') forgetOldest(booked.add(record.transactionHash), rememberedHashes)
    if (++sinceCheckpoint < interval) return
    sinceCheckpoint = 0
    checkpoints.push({ offset, books })
    if (checkpoints.length <= maxCheckpoints) return
    checkpoints = checkpoints.filter((_, index) => index % 2 === 0)
    interval *= 2
  }
  /** Folded first: what cannot be booked is not written. */
  const write = (record: BookRecord): void => {
    const folded = foldRecord(books, record)
    journal.append(record, isDurable(record))
    adopt(record, folded, journal.size)
  }

  for (const { record, end } of journal.read(begin)) adopt(record, foldRecord(books, record), end)
  const { ledger } = books
  const isSame = JSON.stringify([ledger.split, ledger.remainderTo]) === JSON.stringify([split, remainderTo])
  if (journal.size === 0 || !isSame) write({ type: 'split', split, remainderTo })

  /** What the booked blocks above a height brought, read back from the file. */
  const above = (
    height: bigint,
  ): Pick<BookRecord & { type: 'rollback' }, 'transactions' | 'baseFees' | 'priorityFees'> => {
    const start = placeBefore(({ ledger }) => (ledger.lastBlock ?? 0n) <= height)
    const found = new Map<bigint, BookRecord & { type: 'block' }>()
    for (const { record } of journal.read(start.offset)) {
      if (record.type === 'block' && record.number > height) found.set(record.number, record)
      if (record.type === 'rollback') for (const number of found.keys()) if (number > record.to) found.delete(number)
    }
    const sum = { transactions: 0, baseFees: 0n, priorityFees: 0n }
    for (const { transactions, baseFees, priorityFees } of found.values()) {
      sum.transactions += transactions
      sum.baseFees += baseFees
      sum.priorityFees += priorityFees
    }
    return sum
  }
  const totalOf = (of: Books, view: LedgerView): number =>
    view === 'entries' ? of.ledger.nextEntry : of.ledger.nextRecord

  return {
    get books() {
      return books
    },
    get lastBlock() {
      return books.ledger.lastBlock ?? 0n
    },
    discardedBytes: journal.discardedBytes,
    block: block => write({ type: 'block', ...block }),
    rollBack(to, position) {
      if ((books.ledger.lastBlock ?? 0n) > to) write({ type: 'rollback', to, position, ...above(to) })
    },
    channel(channelId, firstBlock, lastBlock) {
      channels.set(channelId, { firstBlock, lastBlock })
      forgetOldest(channels, rememberedChannels)
    },
    begin(key, bytes) {
      if (books.open.has(key)) return
      const range = channels.get(key.split('/', 1)[0]!)
      // A submission of no known channel costs as much as any other, and earns nothing.
      write({ type: 'submission', key, firstBlock: range?.firstBlock ?? 0n, lastBlock: range?.lastBlock ?? 0n, bytes })
    },
    paid(key, cost) {
      if (!booked.has(cost.transactionHash)) write({ type: 'cost', key, price: price(), ...cost })
    },
    end(key) {
      if (books.open.has(key)) write({ type: 'ended', key })
    },
    page<View extends LedgerView>(view: View, from: number, limit: number): LedgerPage<View> {
      const total = totalOf(books, view)
      const rows: LedgerRow<View>[] = []
      if (from < total) {
        const start = placeBefore(older => totalOf(older, view) <= from)
        let at = start.books
        for (const { record } of journal.read(start.offset)) {
          const folded = foldRecord(at, record)
          at = folded.books
          for (const row of folded[view] as readonly LedgerRow<View>[]) if (row.index >= from) rows.push(row)
          if (rows.length >= limit) break
        }
      }
      rows.length = Math.min(rows.length, limit)
      const end = from + rows.length
      return { rows, next: end < total ? end : undefined, total }
    },
    close: () => journal.close(),
  }
}
