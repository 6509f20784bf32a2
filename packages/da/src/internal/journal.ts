import { bytesToHex, concatBytes } from '@l2/common'
import { sha256 } from '@l2/common/crypto'
import { commitmentToHex, hexToCommitment } from '../commitment.js'
import { DaError } from '../errors.js'
import type { DaReceipt, DaSubmitOptions } from '../port.js'
import type { Store } from '../store.js'
import { createOnce, createSerial } from './call.js'

/** A submission as the journal keeps it. */
export type JournalEntry = {
  readonly key: string
  /** Position in the order of submission. */
  readonly sequence: number
  readonly digest: string
  /** Empty once the submission has ended and its data was dropped. */
  items: readonly Uint8Array[]
  readonly count: number
  /** Whatever the adapter must know after a crash: JSON. */
  note: string | undefined
  receipt: DaReceipt | undefined
}

/**
 * The durable list of submissions of one adapter: begun with their data, then ended with their receipt.
 *
 * Its operations go one after another, so that none sees half of another. Each has one write that decides it, the entry's record: data is
 * written before, and dropped after; what a failure or a crash leaves of it is dropped at the next start.
 */
export type Journal = {
  /** The entry of a key, made durable first when it is new. @throws DaError `DA_KEY_REUSED` */
  open(key: string, items: readonly Uint8Array[], note?: string): Promise<JournalEntry>
  find(key: string): Promise<JournalEntry | undefined>
  note(entry: JournalEntry, note: string): Promise<void>
  /** Ends a submission. */
  finish(entry: JournalEntry, receipt: DaReceipt, note?: string): Promise<void>
  /** Drops the data of an ended submission that `keepData` kept. */
  release(entry: JournalEntry): Promise<void>
  /** Makes an ended entry one that is still to be posted, at its old place: its data was lost. Needs the items again. */
  reopen(entry: JournalEntry, items: readonly Uint8Array[], note?: string): Promise<JournalEntry>
  remove(entry: JournalEntry): Promise<void>
  /** Entries without a receipt, oldest first. */
  pending(): Promise<JournalEntry[]>
}

export type JournalOptions = {
  /** How many ended submissions are remembered, so that repeating one is recognised; 4096. */
  keepEnded?: number | undefined
  /** The data of an ended submission stays until `release`: it may have to be sent again. */
  keepData?: boolean | undefined
}

type Record = {
  key: string
  sequence: number
  digest: string
  count: number
  note?: string
  receipt?: { commitments: string[]; height: string }
}

/** The identity of items: their lengths and bytes. */
export function itemsDigest(items: readonly Uint8Array[]): string {
  const parts = items.flatMap(item => {
    const length = new Uint8Array(8)
    new DataView(length.buffer).setBigUint64(0, BigInt(item.length))
    return [length, item]
  })
  return bytesToHex(sha256(concatBytes(...parts))).slice(2)
}

/** The key of a submission: the caller's, or what the items are. */
export function keyOf(items: readonly Uint8Array[], options: DaSubmitOptions | undefined): string {
  return options?.key ?? itemsDigest(items)
}

/** Refuses what no layer takes. @throws DaError `DA_EMPTY`, `DA_TOO_LARGE` */
export function checkItems(
  name: string,
  sizes: readonly number[],
  limits: { maxBytes: number; maxItems: number },
): void {
  if (sizes.length === 0 || sizes.some(size => size === 0)) {
    throw new DaError(`${name} takes at least one item, none of them empty`, {
      code: 'DA_EMPTY',
      details: { items: sizes.length },
    })
  }
  const index = sizes.findIndex(size => size > limits.maxBytes)
  if (index >= 0) {
    throw new DaError(`item ${index} has ${sizes[index]} bytes, ${name} takes ${limits.maxBytes}`, {
      code: 'DA_TOO_LARGE',
      details: { index, bytes: sizes[index], ...limits },
    })
  }
  if (sizes.length > limits.maxItems) {
    throw new DaError(`${sizes.length} items in one submission, ${name} takes ${limits.maxItems}`, {
      code: 'DA_TOO_LARGE',
      details: { items: sizes.length, ...limits },
    })
  }
}

const text = new TextEncoder()

/** What the journal has in its store: a record for each entry, and its data beside it. */
type Records = {
  /** All records in the order of submission; data that a failure or a crash left behind is dropped. */
  open(): Promise<Record[]>
  load(key: string): Promise<JournalEntry | undefined>
  write(entry: JournalEntry): Promise<void>
  remove(key: string): Promise<void>
  putData(entry: JournalEntry): Promise<void>
  dropData(entry: JournalEntry): Promise<void>
}

function createRecords(store: Store, prefix: string, keepData: boolean): Records {
  const hashOf = (key: string) => bytesToHex(sha256(text.encode(key))).slice(2)
  const name = (key: string) => `${prefix}/entry/${hashOf(key)}`
  const dataName = (key: string, index: number) => `${prefix}/data/${hashOf(key)}-${String(index).padStart(4, '0')}`

  const read = async (record: string): Promise<Record | undefined> => {
    const bytes = await store.get(record)
    if (bytes === undefined) return undefined
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as Record
    } catch (cause) {
      throw new DaError('the journal holds a record that is not JSON', {
        code: 'DA_STORE_CORRUPT',
        details: { record },
        cause,
      })
    }
  }

  const open = async (): Promise<Record[]> => {
    const found = new Map<string, Record>()
    for (const record of await store.keys(`${prefix}/entry/`)) {
      const one = await read(record)
      if (one !== undefined) found.set(record.slice(`${prefix}/entry/`.length), one)
    }
    for (const data of await store.keys(`${prefix}/data/`)) {
      const record = found.get(data.slice(`${prefix}/data/`.length).replace(/-\d+$/, ''))
      if (record === undefined || (record.receipt !== undefined && !keepData)) await store.delete(data)
    }
    return [...found.values()].sort((a, b) => a.sequence - b.sequence)
  }

  const load = async (key: string): Promise<JournalEntry | undefined> => {
    const record = await read(name(key))
    if (record === undefined) return undefined
    const items: Uint8Array[] = []
    for (let index = 0; index < record.count; index++) {
      const item = await store.get(dataName(key, index))
      if (item === undefined) {
        if (record.receipt !== undefined) break
        throw new DaError('the journal lacks the data of a submission', {
          code: 'DA_STORE_CORRUPT',
          details: { key, index },
        })
      }
      items.push(item)
    }
    const { sequence, digest, count, note, receipt } = record
    return {
      key,
      sequence,
      digest,
      items,
      count,
      note,
      receipt: receipt && {
        key,
        commitments: receipt.commitments.map(hexToCommitment),
        height: BigInt(receipt.height),
      },
    }
  }

  const write = ({ key, sequence, digest, count, note, receipt }: JournalEntry) => {
    const record: Record = {
      key,
      sequence,
      digest,
      count,
      ...(note === undefined ? {} : { note }),
      ...(receipt === undefined
        ? {}
        : { receipt: { commitments: receipt.commitments.map(commitmentToHex), height: receipt.height.toString() } }),
    }
    return store.put(name(key), text.encode(JSON.stringify(record)))
  }

  return {
    open,
    load,
    write,
    remove: key => store.delete(name(key)),
    async putData({ key, items }) {
      for (const [index, item] of items.entries()) await store.put(dataName(key, index), item)
    },
    async dropData({ key, count }) {
      for (let index = 0; index < count; index++) await store.delete(dataName(key, index))
    },
  }
}

/** Makes the {@link Journal} that keeps its keys in `store` under `prefix`. */
export function createJournal(store: Store, prefix: string, options: JournalOptions = {}): Journal {
  const { keepEnded = 4096, keepData = false } = options
  const records = createRecords(store, prefix, keepData)
  const serial = createSerial()
  /** Ended keys, the one that ended first in front. */
  const ended = new Set<string>()
  const pending = new Map<string, number>()
  let nextSequence = 0

  const start = createOnce(async () => {
    for (const { key, sequence, receipt } of await records.open()) {
      if (receipt === undefined) pending.set(key, sequence)
      else ended.add(key)
      nextSequence = sequence + 1
    }
  })
  const inTurn = <T>(run: () => Promise<T>): Promise<T> =>
    serial(async () => {
      await start()
      return run()
    })

  /** Data first: a record without its data would be a submission that cannot be ended. */
  const begin = async (entry: JournalEntry): Promise<JournalEntry> => {
    await records.putData(entry)
    await records.write(entry)
    pending.set(entry.key, entry.sequence)
    ended.delete(entry.key)
    return entry
  }
  const load = async (key: string): Promise<JournalEntry | undefined> => {
    const entry = await records.load(key)
    // A write can have reached the store and been reported as failed: the store is right.
    if (entry !== undefined && entry.receipt === undefined) pending.set(key, entry.sequence)
    return entry
  }
  const forgetOldest = async () => {
    for (const key of ended) {
      if (ended.size <= keepEnded) return
      ended.delete(key)
      await records.remove(key)
    }
  }
  const leftForTheNextStart = () => {}

  return {
    find: key => inTurn(() => load(key)),
    open: (key, items, note) =>
      inTurn(async () => {
        const digest = itemsDigest(items)
        const found = await load(key)
        if (found === undefined) {
          const sequence = nextSequence++
          return begin({ key, sequence, digest, items, count: items.length, note, receipt: undefined })
        }
        if (found.digest !== digest) {
          throw new DaError('the idempotency key was used for other data', { code: 'DA_KEY_REUSED', details: { key } })
        }
        return found
      }),
    note: (entry, note) =>
      inTurn(async () => {
        await records.write({ ...entry, note })
        entry.note = note
      }),
    release: entry => inTurn(() => records.dropData(entry)),
    finish: (entry, receipt, note = entry.note) =>
      inTurn(async () => {
        await records.write({ ...entry, receipt, note })
        Object.assign(entry, { receipt, note })
        pending.delete(entry.key)
        ended.delete(entry.key)
        ended.add(entry.key)
        if (!keepData) await records.dropData(entry).catch(leftForTheNextStart)
        await forgetOldest().catch(leftForTheNextStart)
      }),
    reopen: (entry, items, note) => inTurn(() => begin({ ...entry, items, note, receipt: undefined })),
    remove: entry =>
      inTurn(async () => {
        await records.remove(entry.key)
        pending.delete(entry.key)
        ended.delete(entry.key)
        await records.dropData(entry).catch(leftForTheNextStart)
      }),
    pending: () =>
      inTurn(async () => {
        const entries: JournalEntry[] = []
        for (const [key] of [...pending].sort((a, b) => a[1] - b[1])) {
          const entry = await load(key)
          if (entry !== undefined && entry.receipt === undefined) entries.push(entry)
        }
        return entries
      }),
  }
}
