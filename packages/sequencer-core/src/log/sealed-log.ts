import { openSealedFiles, readSealed } from '@l2/common/node'
import { SequencerError } from '../errors.js'
import { framesIn } from '../internal/frame-file.js'
import type { LogEntry } from './log.js'
import { corrupt, logFormat, parseBody } from './records.js'

/** The files of a log to which nothing is added any more. */
export type SealedLog = {
  /** Of the oldest entry that is kept; `undefined`: none is sealed. */
  readonly first: bigint | undefined
  /** Tells the first entry of the file that is written. @throws SequencerError `LOG_CORRUPT` */
  endsAt(seq: bigint): void
  /** Whether an entry may be in one of them, and not in the file that is written. */
  has(seq: bigint): boolean
  /** Entries from one on, as far as the file goes that has it. @throws SequencerError `LOG_PRUNED`, `LOG_CORRUPT` */
  entries(seq: bigint): Generator<LogEntry>
  /** Seals the file that is written: `first` is its first entry's, `next` the first that is to come. */
  seal(first: bigint, next: bigint): void
  /** Deletes files whose every entry is below one. */
  prune(below: bigint): void
  /** Ends the packing that goes on beside. */
  close(): Promise<void>
}

export function openSealedLog(path: string): SealedLog {
  const files = openSealedFiles(path)
  let end = 0n
  return {
    get first() {
      const oldest = files.list[0]
      return oldest === undefined ? undefined : BigInt(oldest.begin)
    },
    endsAt(seq) {
      const newest = files.list.at(-1)
      if (newest !== undefined && BigInt(newest.begin) >= seq) {
        throw corrupt(path, 0, `it begins with entry ${seq}, which ${newest.path} comes before`)
      }
      end = seq
    },
    has: seq => seq < end,
    *entries(seq) {
      const file = files.list.filter(({ begin }) => BigInt(begin) <= seq).at(-1)
      if (file === undefined) throw pruned(path, seq)
      let content: Buffer
      try {
        const { buffer, byteOffset, length } = readSealed(file)
        content = Buffer.from(buffer, byteOffset, length)
      } catch (cause) {
        throw corrupt(file.path, 0, (cause as Error).message)
      }
      let next = seq
      for (const { body, at } of framesIn(content, file.path, logFormat)) {
        for (const record of parseBody(body, file.path, at)) {
          if (record.type !== 'entry' || record.seq < next) continue
          if (record.seq !== next) throw corrupt(file.path, at, `entry ${record.seq}, expected ${next}`)
          next++
          yield record.read()
        }
      }
      if (next === seq) throw corrupt(file.path, content.length, `it ends before entry ${seq}`)
    },
    seal(first, next) {
      files.seal(Number(first))
      end = next
    },
    prune(below) {
      const { list } = files
      const kept = list.findIndex((_, index) => BigInt(list[index + 1]?.begin ?? end) > below)
      files.removeOldest(kept === -1 ? list.length : kept)
    },
    close: () => files.stop(),
  }
}

function pruned(path: string, seq: bigint): SequencerError {
  return new SequencerError(`entry ${seq} of the log ${path} was pruned`, {
    code: 'LOG_PRUNED',
    details: { path, seq },
  })
}
