import { isL2Error } from '@l2/common'
import { OpEngineError } from '../errors.js'
import { OrderedKeys } from './ordered-keys.js'
import {
  beginSegment,
  checksumAt,
  corrupt,
  encodeRecord,
  newSalt,
  type OpenSegment,
  RecordReader,
  readSalt,
  recordHeaderBytes,
  segmentHeaderBytes,
} from './records.js'
import type { SegmentFile, SegmentFolder } from './segment.js'
import { type EngineStore, type Entry, packEntries, visitEntries } from './store.js'

/** Options of {@link openLogStore}. */
export type LogStoreOptions = {
  /** A reader follows a writer and never writes. Default: false. */
  readOnly?: boolean | undefined
  /** Size from which a new segment is begun. Default: 64 MiB. */
  segmentBytes?: number | undefined
  /** Replaced entries below which a log is not worth tidying. Default: 10 000. */
  minGarbage?: number | undefined
}

type Segment = OpenSegment & {
  /** Where the next record goes, or, for a reader, stands. */
  end: number
  /** Entries in it, those included that newer ones have replaced. */
  entries: number
  /** The last record that was taken in; a reader sees by it whether its writer has taken that back. */
  last: { readonly at: number; readonly checksum: number } | undefined
}

/** A location is one number: segments have up to 2^36 bytes. */
const segmentSpan = 2 ** 36
const valueGuess = 1024
const compactionBytes = 1 << 20

/**
 * A log store: batches are appended to segments, and an index in memory says where the newest value of each key stands. It has no native part, runs on
 * whatever can read and append bytes, and pays for that with an index of some 100 bytes a key and a start that reads the whole log.
 *
 * @throws OpEngineError `ENGINE_STORE_CORRUPT`, `ENGINE_STORE_FAILED`
 */
export async function openLogStore(folder: SegmentFolder, options: LogStoreOptions = {}): Promise<EngineStore> {
  const store = new LogStore(folder, options)
  try {
    await store.open()
    return store
  } catch (cause) {
    await store.close()
    if (isL2Error(cause)) throw cause
    throw failed('cannot be opened', cause)
  }
}

class LogStore implements EngineStore {
  readonly #folder: SegmentFolder
  readonly #readOnly: boolean
  readonly #segmentBytes: number
  readonly #minGarbage: number
  /** Ascending; the last one takes what is written. */
  #segments: Segment[] = []
  /** Key, one character a byte, to location. */
  readonly #index = new Map<string, number>()
  readonly #ordered = new OrderedKeys(this.#index)
  /** Of a segment whose beginning has failed. */
  #salt: Uint8Array | undefined
  #compaction: { segment: Segment; reader: RecordReader; at: number } | undefined
  isBroken = false

  constructor(folder: SegmentFolder, options: LogStoreOptions) {
    this.#folder = folder
    this.#readOnly = options.readOnly ?? false
    this.#segmentBytes = options.segmentBytes ?? 64 << 20
    this.#minGarbage = options.minGarbage ?? 10_000
  }

  async open(): Promise<void> {
    await this.refresh()
    if (this.#readOnly) return
    for (const segment of this.#segments) this.#checkEnd(segment)
    if (this.#segments.length === 0) await this.#begin(1)
  }

  async refresh(): Promise<void> {
    if (this.#readOnly && this.#wasTakenBack()) {
      this.close()
      this.#index.clear()
      this.#ordered.clear()
    }
    for (let attempt = 1; ; attempt++) {
      const numbers = await this.#folder.list()
      try {
        await this.#readSegments(numbers)
        return
      } catch (error) {
        // A writer that tidies may remove a segment between the look at the list and the opening.
        const standing = await this.#folder.list()
        const isMissing = numbers.some(number => !standing.includes(number))
        if (!this.#readOnly || !isMissing || attempt === 5) throw error
      }
    }
  }

  /** A record may be whole and its flush fail: its writer cuts it off and goes on in its place. Who has read it meanwhile begins anew. */
  #wasTakenBack(): boolean {
    const segment = this.#segments.at(-1)
    if (segment?.last === undefined) return false
    return checksumAt(segment.file, segment.last.at) !== segment.last.checksum || segment.file.size() < segment.end
  }

  async #readSegments(numbers: readonly number[]): Promise<void> {
    for (const [at, number] of numbers.entries()) {
      let segment = this.#segments.find(each => each.number === number)
      if (segment === undefined) {
        const isLast = at === numbers.length - 1
        const opened = await this.#openSegment(number, isLast)
        if (opened === undefined) break
        segment = opened
        this.#segments.push(segment)
      }
      this.#readRecords(segment)
    }
    if (this.#readOnly) this.#forget(new Set(numbers))
  }

  /** What still counts of removed segments has been read from newer ones by now. What has not was deleted, by a record that was removed, too. */
  #forget(standing: ReadonlySet<number>): void {
    const gone = this.#segments.filter(segment => !standing.has(segment.number))
    if (gone.length === 0) return
    for (const segment of gone) segment.file.close()
    this.#segments = this.#segments.filter(segment => standing.has(segment.number))
    for (const [key, location] of this.#index) {
      if (!standing.has(Math.floor(location / segmentSpan))) this.#index.delete(key)
    }
  }

  async #openSegment(number: number, isLast: boolean): Promise<Segment | undefined> {
    const name = this.#folder.describe(number)
    const file = await this.#folder.open(number, this.#readOnly ? 'read' : 'write')
    let salt = readSalt(file, name)
    if (salt === undefined) {
      // Its writer died, or is, before the first sixteen bytes.
      if (!isLast) {
        file.close()
        throw corrupt(name, 0, 'it has no header')
      }
      if (this.#readOnly) {
        file.close()
        return undefined
      }
      file.truncate(0)
      salt = newSalt()
      beginSegment(file, salt)
    }
    return { number, file, salt, end: segmentHeaderBytes, entries: 0, last: undefined }
  }

  async #begin(number: number): Promise<void> {
    let file: SegmentFile | undefined
    try {
      // What was begun in vain is begun again, and with the salt that it had: a reader may have seen it.
      const isThere = (await this.#folder.list()).includes(number)
      file = isThere ? await this.#folder.open(number, 'write') : await this.#folder.create(number)
      if (isThere) file.truncate(0)
      this.#salt ??= newSalt()
      beginSegment(file, this.#salt)
    } catch (cause) {
      file?.close()
      throw failed(`cannot begin ${this.#folder.describe(number)}`, cause)
    }
    this.#segments.push({ number, file, salt: this.#salt, end: segmentHeaderBytes, entries: 0, last: undefined })
    this.#salt = undefined
  }

  /** Takes in the records from where the last reading ended. */
  #readRecords(segment: Segment): void {
    if (segment.file.size() <= segment.end) return
    const reader = new RecordReader(segment)
    for (let batch = reader.read(segment.end); batch !== undefined; batch = reader.read(segment.end)) {
      if (!this.#take(segment, segment.end, batch)) {
        throw corrupt(this.#folder.describe(segment.number), segment.end, 'a sound record holds no entries')
      }
      segment.last = { at: segment.end, checksum: reader.checksum }
      segment.end += recordHeaderBytes + batch.length
    }
  }

  /** What stands behind the last sound record: nothing, or a torn write at the very end, which is cut off. */
  #checkEnd(segment: Segment): void {
    if (segment.file.size() === segment.end) return
    const name = this.#folder.describe(segment.number)
    if (segment !== this.#segments.at(-1)) throw corrupt(name, segment.end, 'a record cannot be read')
    if (new RecordReader(segment).hasRecordAfter(segment.end + 1)) {
      throw corrupt(name, segment.end, 'a record cannot be read, and sound ones follow it')
    }
    segment.file.truncate(segment.end)
    segment.file.flush()
  }

  /** Puts a batch into the index. False when it is malformed; then nothing was. */
  #take(segment: Segment, offset: number, batch: Uint8Array): boolean {
    const base = segment.number * segmentSpan + offset + recordHeaderBytes
    const changes: [string, number | undefined][] = []
    const isWhole = visitEntries(batch, (key, value, at) => {
      changes.push([keyString(key), value === undefined ? undefined : base + at])
    })
    if (!isWhole) return false
    for (const [key, location] of changes) {
      if (location === undefined) this.#index.delete(key)
      else {
        if (!this.#index.has(key)) this.#ordered.added(key)
        this.#index.set(key, location)
      }
    }
    segment.entries += changes.length
    return true
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const location = this.#index.get(keyString(key))
    return location === undefined ? undefined : this.#valueAt(location, key.length)
  }

  #valueAt(location: number, keyLength: number): Uint8Array {
    const number = Math.floor(location / segmentSpan)
    const segment = this.#segments.find(each => each.number === number)
    const offset = location % segmentSpan
    const head = new Uint8Array(8 + keyLength + valueGuess)
    const got = segment?.file.read(head, offset) ?? 0
    const valueLength = got < 8 ? 0 : new DataView(head.buffer).getUint32(4)
    const begin = 8 + keyLength
    if (begin + valueLength <= got) return head.slice(begin, begin + valueLength)
    const value = new Uint8Array(valueLength)
    if (got < 8 || segment?.file.read(value, offset + begin) !== valueLength) {
      throw corrupt(this.#folder.describe(number), offset, 'a value ends before its length')
    }
    return value
  }

  write(batch: Uint8Array): void {
    if (this.#readOnly || this.isBroken) throw failed('takes no writes', undefined)
    this.#append(batch)
  }

  #append(batch: Uint8Array): void {
    const segment = this.#segments.at(-1)!
    if (!visitEntries(batch, () => {})) throw failed('was handed a batch that ends inside an entry', undefined)
    if (batch.length === 0) return
    try {
      segment.file.append(encodeRecord(segment, segment.end, batch))
      segment.file.flush()
    } catch (cause) {
      // After a failed flush nobody knows what is on disk: what was appended must go, and if it does not, a start has to look.
      try {
        segment.file.truncate(segment.end)
        segment.file.flush()
      } catch {
        this.isBroken = true
      }
      throw failed(`cannot be written (${this.#folder.describe(segment.number)})`, cause)
    }
    this.#take(segment, segment.end, batch)
    segment.end += recordHeaderBytes + batch.length
  }

  scan(prefix: Uint8Array, start: Uint8Array, maxBytes: number): Uint8Array {
    const entries: Entry[] = []
    let length = 0
    for (const key of this.#ordered.from(keyString(prefix), keyString(start))) {
      const value = this.#valueAt(this.#index.get(key)!, key.length)
      entries.push([keyBytes(key), value])
      length += 8 + key.length + value.length
      if (length >= maxBytes) break
    }
    return packEntries(entries)
  }

  async maintain(budgetMs: number): Promise<boolean> {
    if (this.#readOnly || this.isBroken) return true
    const last = this.#segments.at(-1)!
    if (last.end >= this.#segmentBytes) await this.#begin(last.number + 1)
    const until = performance.now() + budgetMs
    while (this.#compaction !== undefined || this.#isUntidy()) {
      if (performance.now() >= until) return false
      await this.#compact(until)
    }
    return true
  }

  #isUntidy(): boolean {
    const written = this.#segments.reduce((sum, segment) => sum + segment.entries, 0)
    return this.#segments.length > 1 && written - this.#index.size > Math.max(this.#index.size, this.#minGarbage)
  }

  /**
   * Writes what still counts of the oldest segment behind the newest, then removes it. Deletions in it are dropped: there is nothing older
   * that they could hide. A crash at any point leaves every value readable, some of them twice.
   */
  async #compact(until: number): Promise<void> {
    const segment = this.#segments[0]!
    this.#compaction ??= { segment, reader: new RecordReader(segment), at: segmentHeaderBytes }
    const { reader } = this.#compaction
    while (this.#compaction.at < segment.end) {
      const live: Entry[] = []
      let length = 0
      while (this.#compaction.at < segment.end && length < compactionBytes) {
        const batch = reader.read(this.#compaction.at)
        if (batch === undefined) {
          throw corrupt(this.#folder.describe(segment.number), this.#compaction.at, 'a record cannot be read')
        }
        const base = segment.number * segmentSpan + this.#compaction.at + recordHeaderBytes
        visitEntries(batch, (key, value, at) => {
          if (value === undefined || this.#index.get(keyString(key)) !== base + at) return
          live.push([key.slice(), value.slice()])
          length += 8 + key.length + value.length
        })
        this.#compaction.at += recordHeaderBytes + batch.length
      }
      if (live.length > 0) this.#append(packEntries(live))
      const last = this.#segments.at(-1)!
      if (last.end >= this.#segmentBytes) await this.#begin(last.number + 1)
      if (performance.now() >= until) return
    }
    this.#compaction = undefined
    this.#segments.shift()
    segment.file.close()
    try {
      await this.#folder.remove(segment.number)
    } catch (cause) {
      // It stands where a start finds it, so what deletes in later ones must go on to count: only opening the store again sees to that.
      this.isBroken = true
      throw failed(`cannot remove ${this.#folder.describe(segment.number)}`, cause)
    }
  }

  close(): void {
    for (const segment of this.#segments) segment.file.close()
    this.#segments = []
  }
}

function failed(what: string, cause: unknown): OpEngineError {
  const reason = cause instanceof Error ? `: ${cause.message}` : ''
  return new OpEngineError(`the store ${what}${reason}`, { code: 'ENGINE_STORE_FAILED', recovery: 'retry', cause })
}

/** One character a byte: engines compare and hash such strings natively, in the order of the bytes. */
function keyString(key: Uint8Array): string {
  return String.fromCharCode.apply(null, key as unknown as number[])
}

const keyBytes = (key: string): Uint8Array => Uint8Array.from(key, letter => letter.charCodeAt(0))
