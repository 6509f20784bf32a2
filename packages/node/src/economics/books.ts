import {
  bookEvent,
  createLedger,
  type EconomicEvent,
  type EconomicRecord,
  type LedgerEntry,
  type LedgerState,
  type Party,
  type SplitBps,
  unpostedFees,
} from '@l2/sequencer-core/economics'
import { type GasTokenPrice, toGasToken } from '@l2/sequencer-core/fees'
import type { Hash } from 'viem'

/** A transaction of the batcher that L1 has included. */
export type L1Cost = {
  readonly transactionHash: Hash
  readonly l1Block: bigint
  readonly blobs: number
  /** Wei of ETH. */
  readonly blobGasWei: bigint
  readonly executionGasWei: bigint
}

/** Data that is about to be posted, under the key by which the data layer knows it again. */
export type Submission = {
  readonly key: string
  readonly firstBlock: bigint
  readonly lastBlock: bigint
  readonly bytes: number
}

/** What the books are made of, in the order in which it was written. */
export type BookRecord =
  /** How profits are split from here on. */
  | { readonly type: 'split'; readonly split: SplitBps; readonly remainderTo: Party }
  | {
      readonly type: 'block'
      readonly number: bigint
      readonly epoch: bigint
      readonly transactions: number
      readonly baseFees: bigint
      readonly priorityFees: bigint
      /** Of the block's entry in the sequencer's log. */
      readonly position: bigint
    }
  /** The chain went back to a block: what the blocks above it had brought is taken out again. */
  | {
      readonly type: 'rollback'
      readonly to: bigint
      readonly transactions: number
      readonly baseFees: bigint
      readonly priorityFees: bigint
      readonly position: bigint
    }
  /** Before anything is sent: what a crash interrupts is found again by its key. */
  | ({ readonly type: 'submission' } & Submission)
  /** With the price of the moment, so that the same record is worth the same for ever. */
  | ({ readonly type: 'cost'; readonly key: string; readonly price: GasTokenPrice } & L1Cost)
  /** No more costs come of it. */
  | { readonly type: 'ended'; readonly key: string }

/** The books and what belongs to them: a fold over the records, in the gas token but for {@link costWei}. */
export type Books = {
  readonly ledger: LedgerState
  /** Paid to L1, wei of ETH. */
  readonly costWei: bigint
  readonly blobs: number
  readonly epoch: bigint | undefined
  /** How far the sequencer's log is booked. */
  readonly position: bigint
  /** Begun and not ended. */
  readonly open: ReadonlyMap<string, Submission>
}

/** What a record adds. */
export type Folded = {
  readonly books: Books
  readonly entries: readonly LedgerEntry[]
  readonly records: readonly EconomicRecord[]
}

export function emptyBooks(): Books {
  return { ledger: createLedger(), costWei: 0n, blobs: 0, epoch: undefined, position: 0n, open: new Map() }
}

/** Whether the record is one that must be on disk before the node goes on. Blocks are in the sequencer's log, too. */
export const isDurable = ({ type }: BookRecord): boolean => type !== 'block'

/**
 * Adds a record to the books. Pure: the same records give the same books. The first block of an epoch settles what came before it.
 */
export function foldRecord(books: Books, record: BookRecord): Folded {
  switch (record.type) {
    case 'split': {
      const { split, remainderTo } = record
      // What was earned under the old shares is split by them.
      const folded = books.ledger.nextEntry === 0 ? { books, entries: [], records: [] } : post(books, settlement(books))
      const { ledger } = folded.books
      const shares = createLedger({ split, remainderTo })
      const next = { ...ledger, split: shares.split, remainderTo: shares.remainderTo }
      return { ...folded, books: { ...folded.books, ledger: next } }
    }
    case 'block': {
      const { epoch, number, transactions, baseFees, priorityFees } = record
      const events: EconomicEvent[] = books.epoch !== undefined && epoch > books.epoch ? [settlement(books)] : []
      const none = { l1Fees: 0n, operatorFees: 0n, auctionRevenue: 0n }
      events.push({ type: 'block', number, transactions, baseFees, priorityFees, ...none })
      return post({ ...books, epoch, position: record.position }, ...events)
    }
    case 'rollback': {
      const { to, transactions, baseFees, priorityFees, position } = record
      const none = { l1Fees: 0n, operatorFees: 0n, auctionRevenue: 0n }
      return post({ ...books, position }, { type: 'rollback', to, transactions, baseFees, priorityFees, ...none })
    }
    case 'submission': {
      const { type: _, ...submission } = record
      const open = new Map(books.open).set(record.key, submission)
      return { books: { ...books, open }, entries: [], records: [] }
    }
    case 'cost': {
      const { key, transactionHash, blobGasWei, executionGasWei, price, blobs } = record
      const submission = books.open.get(key)
      const open = new Map(books.open)
      // The bytes count for the first transaction of a submission; a layer beside L1 needs one for each commitment.
      if (submission !== undefined) open.set(key, { ...submission, bytes: 0 })
      return post(
        { ...books, open, blobs: books.blobs + blobs, costWei: books.costWei + blobGasWei + executionGasWei },
        {
          type: 'batch',
          id: transactionHash,
          firstBlock: submission?.firstBlock ?? 0n,
          lastBlock: submission?.lastBlock ?? 0n,
          bytes: submission?.bytes ?? 0,
          blobGas: toGasToken(blobGasWei, price),
          executionGas: toGasToken(executionGasWei, price),
          altDa: 0n,
        },
      )
    }
    case 'ended': {
      const open = new Map(books.open)
      open.delete(record.key)
      return { books: { ...books, open }, entries: [], records: [] }
    }
  }
}

/**
 * A settlement, with what posting will still cost: all that blocks which no batch has carried have earned, and for submissions that are not
 * paid in full what their bytes have cost so far.
 */
function settlement({ ledger, open }: Books): EconomicEvent {
  const { bytes, costsOut } = ledger.totals
  let waiting = 0n
  for (const submission of open.values()) waiting += BigInt(submission.bytes)
  const underWay = bytes === 0n ? 0n : (waiting * costsOut + bytes - 1n) / bytes
  return { type: 'settle', postingCost: unpostedFees(ledger) + underWay }
}

function post(books: Books, ...events: EconomicEvent[]): Folded {
  const entries: LedgerEntry[] = []
  const records: EconomicRecord[] = []
  let { ledger } = books
  for (const event of events) {
    const booked = bookEvent(ledger, event)
    ledger = booked.state
    entries.push(...booked.entries)
    if (booked.record !== undefined) records.push(booked.record)
  }
  return { books: { ...books, ledger }, entries, records }
}
