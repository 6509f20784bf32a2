import type { SegmentFile, SegmentFolder } from './segment.js'

const chunkBytes = 1 << 20

/** A piece of memory as workers hand it to one another; shared where the platform allows, so that it outlives its worker. */
export type Chunk = SharedArrayBuffer | ArrayBuffer

/** A segment in memory. `length` holds one 64-bit number, the size that all who share it see. */
export type MemorySegment = { length: Chunk; chunks: Chunk[] }

/** All segments of a store in memory, by number. */
export type MemorySegments = Map<number, MemorySegment>

/** What changed in the segments of a memory store, for whoever else holds them. */
export type MemoryChange =
  | { segment: number; length: Chunk; chunk?: undefined; removed?: undefined }
  | { segment: number; chunk: Chunk; length?: undefined; removed?: undefined }
  | { segment: number; removed: true; chunk?: undefined; length?: undefined }

/** Whether memory can be shared between workers here: always in Node, in a browser where the page is isolated from other origins. */
export const canShareMemory = (): boolean =>
  typeof SharedArrayBuffer === 'function' &&
  (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false

/** Applies a change that another worker made. */
export function applyMemoryChange(segments: MemorySegments, change: MemoryChange): void {
  if (change.removed) segments.delete(change.segment)
  else if (change.length !== undefined) segments.set(change.segment, { length: change.length, chunks: [] })
  else segments.get(change.segment)?.chunks.push(change.chunk)
}

/** Segments in memory. `onChange` hears of every piece that is added or removed, before anything is written to it. */
export function memoryFolder(segments: MemorySegments, onChange: (change: MemoryChange) => void): SegmentFolder {
  const allocate = (bytes: number): Chunk => (canShareMemory() ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
  const open = (number: number): SegmentFile => {
    const segment = segments.get(number)!
    const { chunks } = segment
    const length = new BigInt64Array(segment.length)
    // A worker that died may have announced more than arrived.
    const size = (): number => Math.min(Number(Atomics.load(length, 0)), chunks.length * chunkBytes)
    const copy = (at: number, count: number, visit: (part: Uint8Array, done: number) => void): void => {
      for (let done = 0; done < count; ) {
        const within = (at + done) % chunkBytes
        const part = Math.min(count - done, chunkBytes - within)
        visit(new Uint8Array(chunks[Math.floor((at + done) / chunkBytes)]!, within, part), done)
        done += part
      }
    }
    return {
      size,
      read(into, at) {
        const count = Math.max(0, Math.min(into.length, size() - at))
        copy(at, count, (part, done) => into.set(part, done))
        return count
      },
      append(bytes) {
        const at = size()
        while (chunks.length * chunkBytes < at + bytes.length) {
          const chunk = allocate(chunkBytes)
          onChange({ segment: number, chunk })
          chunks.push(chunk)
        }
        copy(at, bytes.length, (part, done) => part.set(bytes.subarray(done, done + part.length)))
        Atomics.store(length, 0, BigInt(at + bytes.length))
      },
      truncate: bytes => void Atomics.store(length, 0, BigInt(bytes)),
      flush() {},
      close() {},
    }
  }
  return {
    describe: number => `segment ${number} in memory`,
    list: () => [...segments.keys()].sort((a, b) => a - b),
    open,
    create(number) {
      const length = allocate(8)
      onChange({ segment: number, length })
      segments.set(number, { length, chunks: [] })
      return open(number)
    },
    remove(number) {
      segments.delete(number)
      onChange({ segment: number, removed: true })
    },
  }
}
