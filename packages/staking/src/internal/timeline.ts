/** Something that holds from its epoch on, until the next entry. */
export type Dated = { readonly epoch: bigint }

/**
 * What was when: entries by ascending epoch, of which only the newest is ever written anew. A list that is never
 * changed, and yet appended to in constant time: all lists of one history share one buffer and differ in how much of it
 * they see. The newest entry, which the running epoch still changes, is kept beside it.
 */
export class Timeline<Entry extends Dated> {
  /** Shared with older and younger lists: entries from `#start` up to `#end` are ours, and are never written again. */
  readonly #buffer: Entry[]
  readonly #start: number
  readonly #end: number
  readonly newest: Entry | undefined

  private constructor(buffer: Entry[], start: number, end: number, newest: Entry | undefined) {
    this.#buffer = buffer
    this.#start = start
    this.#end = end
    this.newest = newest
  }

  static of<Entry extends Dated>(entries: readonly Entry[] = []): Timeline<Entry> {
    const past = entries.slice(0, -1)
    return new Timeline(past, 0, past.length, entries[entries.length - 1])
  }

  get length(): number {
    return this.#end - this.#start + (this.newest === undefined ? 0 : 1)
  }

  get oldest(): Entry | undefined {
    return this.get(0)
  }

  /** The entry at a position, the oldest first. */
  get(index: number): Entry | undefined {
    const at = this.#start + index
    return at < this.#end ? this.#buffer[at] : at === this.#end ? this.newest : undefined
  }

  /** What held at the end of `epoch`: the newest entry up to it. */
  at(epoch: bigint): Entry | undefined {
    const { newest } = this
    if (newest === undefined || newest.epoch <= epoch) return newest
    let low = this.#start
    let high = this.#end
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#buffer[middle]!.epoch <= epoch) low = middle + 1
      else high = middle
    }
    return low === this.#start ? undefined : this.#buffer[low - 1]
  }

  /** With this entry, in the place of the newest when that is of the same epoch. */
  add(entry: Entry): Timeline<Entry> {
    const { newest } = this
    if (newest === undefined || newest.epoch === entry.epoch) {
      return new Timeline(this.#buffer, this.#start, this.#end, entry)
    }
    // Somebody went on from here before, or much of the buffer is seen by nobody any more: a buffer of our own.
    const isShared = this.#buffer.length !== this.#end || this.#start > 64 + (this.#end >> 1)
    const buffer = isShared ? this.#buffer.slice(this.#start, this.#end) : this.#buffer
    buffer.push(newest)
    return new Timeline(buffer, isShared ? 0 : this.#start, buffer.length, entry)
  }

  /**
   * Without entries of which `isOver(next)` says that the entry after them has taken their place for all that is still
   * asked.
   */
  forget(isOver: (next: Entry) => boolean): Timeline<Entry> {
    let start = this.#start
    while (start < this.#end) {
      const next = start + 1 < this.#end ? this.#buffer[start + 1] : this.newest
      if (next === undefined || !isOver(next)) break
      start++
    }
    return start === this.#start ? this : new Timeline(this.#buffer, start, this.#end, this.newest)
  }

  toArray(): Entry[] {
    const entries = this.#buffer.slice(this.#start, this.#end)
    if (this.newest !== undefined) entries.push(this.newest)
    return entries
  }
}
