/** One append-only file of a log store, wherever it is: on disk, in a browser's private file system, in memory. */
export interface SegmentFile {
  size(): number
  /** Reads at `at`; returns how many bytes there were. */
  read(into: Uint8Array, at: number): number
  /** Behind the end. May have written a part when it throws. */
  append(bytes: Uint8Array): void
  truncate(size: number): void
  /** What was appended is durable when it returns. */
  flush(): void
  close(): void
}

/** Where the segments of one store are, by ascending number. */
export interface SegmentFolder {
  /** What errors call a segment: its path, where it has one. */
  describe(segment: number): string
  list(): number[] | Promise<number[]>
  open(segment: number, access: 'read' | 'write'): SegmentFile | Promise<SegmentFile>
  /** Durable as a name when it returns. */
  create(segment: number): SegmentFile | Promise<SegmentFile>
  remove(segment: number): void | Promise<void>
}
