/** An item of two heaps: where it stands in each. */
export type Positions = { at: number; edgeAt: number }

/**
 * A binary heap whose items know where they stand, so that any of them can go: the item for which `before` holds against all others is on top.
 * `place` is the field that holds an item's position.
 */
export class PositionHeap<Item extends Positions> {
  /** The children of `i` are `2i + 1` and `2i + 2`. Read by who walks it, never written. */
  readonly items: Item[] = []
  readonly #before: (a: Item, b: Item) => boolean
  readonly #place: keyof Positions

  constructor(place: keyof Positions, before: (a: Item, b: Item) => boolean) {
    this.#place = place
    this.#before = before
  }

  push(item: Item): void {
    this.items.push(item)
    this.#rise(item, this.items.length - 1)
  }

  /** Takes an item out that is in. */
  remove(item: Item): void {
    const at = item[this.#place]
    const last = this.items.pop()!
    if (last === item) return
    // What comes to its place may belong above it or below.
    this.#rise(last, at)
    this.#sink(last, last[this.#place])
  }

  #put(item: Item, at: number): void {
    this.items[at] = item
    item[this.#place] = at
  }

  #rise(item: Item, from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = this.items[parent]!
      if (!this.#before(item, above)) break
      this.#put(above, at)
      at = parent
    }
    this.#put(item, at)
  }

  #sink(item: Item, from: number): void {
    const { items } = this
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= items.length) break
      if (child + 1 < items.length && this.#before(items[child + 1]!, items[child]!)) child++
      if (!this.#before(items[child]!, item)) break
      this.#put(items[child]!, at)
      at = child
    }
    this.#put(item, at)
  }
}
