import { bytesToHex } from '@l2/common'
import { sha256 } from '@noble/hashes/sha2.js'
import { commitmentToHex, hexToCommitment } from '../commitment.js'
import { DaError } from '../errors.js'
import type { DaReceipt, DaSubmitOptions } from '../port.js'
import type { Store } from '../store.js'

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

/** The durable list of submissions of one adapter: begun with their data, then ended with their receipt. */
export type Journal = {
  /** The entry of a key, made durable first when it is new. @throws DaError `DA_KEY_REUSED` */
  open(key: string, items: readonly Uint8Array[], note?: string): Promise<JournalEntry>
  find(key: string): Promise<JournalEntry | undefined>
  note(entry: JournalEntry, note: string): Promise<void>
  /** Ends a submission; its data goes unless it may have to be sent again. */
  finish(entry: JournalEntry, receipt: DaReceipt, keepData?: boolean): Promise<void>
  /** Drops the data of an ended submission. */
  release(entry: JournalEntry): Promise<void>
  /** Makes an ended entry one that is still to be posted: its data was lost. Needs the items again. */
  reopen(entry: JournalEntry, items: readonly Uint8Array[], note: string): Promise<JournalEntry>
  remove(entry: JournalEntry): Promise<void>
  /** Entries without a receipt, oldest first. */
  pending(): Promise<JournalEntry[]>
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
  const hash = sha256.create()
  for (const item of items) {
    const length = new Uint8Array(8)
    new DataView(length.buffer).setBigUint64(0, BigInt(item.length))
    hash.update(length).update(item)
  }
  return bytesToHex(hash.digest()).slice(2)
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

/** `keepEnded`: how many ended submissions are remembered, so that repeating one is recognised. */
export function createJournal(store: Store, prefix: string, keepEnded = 4096): Journal {
  const name = (key: string) => `${prefix}/entry/${bytesToHex(sha256(text.encode(key))).slice(2)}`
  const dataName = (entry: { key: string }, index: number) =>
    `${prefix}/data/${bytesToHex(sha256(text.encode(entry.key))).slice(2)}-${String(index).padStart(4, '0')}`
  const ended: string[] = []
  let next: Promise<{ sequence: number; pending: Map<string, number> }> | undefined

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
  const start = () =>
    (next ??= (async () => {
      const records: Record[] = []
      for (const record of await store.keys(`${prefix}/entry/`)) {
        const found = await read(record)
        if (found !== undefined) records.push(found)
      }
      records.sort((a, b) => a.sequence - b.sequence)
      const pending = new Map<string, number>()
      for (const record of records) {
        if (record.receipt === undefined) pending.set(record.key, record.sequence)
        else ended.push(record.key)
      }
      return { sequence: (records.at(-1)?.sequence ?? -1) + 1, pending }
    })())
  const write = (entry: JournalEntry) => {
    const record: Record = {
      key: entry.key,
      sequence: entry.sequence,
      digest: entry.digest,
      count: entry.count,
      ...(entry.note === undefined ? {} : { note: entry.note }),
      ...(entry.receipt === undefined
        ? {}
        : {
            receipt: {
              commitments: entry.receipt.commitments.map(commitmentToHex),
              height: entry.receipt.height.toString(),
            },
          }),
    }
    return store.put(name(entry.key), text.encode(JSON.stringify(record)))
  }
  const dropData = async (entry: JournalEntry) => {
    for (let index = 0; index < entry.count; index++) await store.delete(dataName(entry, index))
  }
  const begin = async (key: string, digest: string, items: readonly Uint8Array[], note: string | undefined) => {
    const state = await start()
    const entry: JournalEntry = {
      key,
      sequence: state.sequence++,
      digest,
      items,
      count: items.length,
      note,
      receipt: undefined,
    }
    state.pending.set(key, entry.sequence)
    // Data first: a record without its data would be a submission that cannot be ended.
    for (const [index, item] of items.entries()) await store.put(dataName(entry, index), item)
    await write(entry)
    return entry
  }

  const find = async (key: string): Promise<JournalEntry | undefined> => {
    await start()
    const record = await read(name(key))
    if (record === undefined) return undefined
    const items: Uint8Array[] = []
    for (let index = 0; index < record.count; index++) {
      const item = await store.get(dataName(record, index))
      if (item === undefined) {
        if (record.receipt !== undefined) break
        throw new DaError('the journal lacks the data of a submission', {
          code: 'DA_STORE_CORRUPT',
          details: { key, index },
        })
      }
      items.push(item)
    }
    return {
      key,
      sequence: record.sequence,
      digest: record.digest,
      items,
      count: record.count,
      note: record.note,
      receipt:
        record.receipt === undefined
          ? undefined
          : {
              key,
              commitments: record.receipt.commitments.map(hexToCommitment),
              height: BigInt(record.receipt.height),
            },
    }
  }

  return {
    find,
    async open(key, items, note) {
      const digest = itemsDigest(items)
      const found = await find(key)
      if (found === undefined) return begin(key, digest, items, note)
      if (found.digest !== digest) {
        throw new DaError('the idempotency key was used for other data', { code: 'DA_KEY_REUSED', details: { key } })
      }
      return found
    },
    async note(entry, note) {
      entry.note = note
      await write(entry)
    },
    release: dropData,
    async finish(entry, receipt, keepData = false) {
      entry.receipt = receipt
      await write(entry)
      if (!keepData) await dropData(entry)
      const state = await start()
      state.pending.delete(entry.key)
      ended.push(entry.key)
      while (ended.length > keepEnded) {
        const oldest = ended.shift()!
        if (!state.pending.has(oldest)) await store.delete(name(oldest))
      }
    },
    async reopen(entry, items, note) {
      const index = ended.indexOf(entry.key)
      if (index >= 0) ended.splice(index, 1)
      return begin(entry.key, entry.digest, items, note)
    },
    async remove(entry) {
      const state = await start()
      state.pending.delete(entry.key)
      await store.delete(name(entry.key))
      await dropData(entry)
    },
    async pending() {
      const state = await start()
      const entries: JournalEntry[] = []
      for (const [key] of [...state.pending].sort((a, b) => a[1] - b[1])) {
        const entry = await find(key)
        if (entry !== undefined && entry.receipt === undefined) entries.push(entry)
      }
      return entries
    },
  }
}
