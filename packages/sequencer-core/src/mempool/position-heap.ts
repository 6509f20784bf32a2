/** An item of two heaps: where it stands in each. */
export type Positions = { at: number; edgeAt: number }

/** The order of a {@link PositionHeap}: the smallest key on top, and `before` decides among equal ones. */
export type HeapRule<Item> = { keyOf(item: Item): number; before(a: Item, b: Item): boolean }

/**
 * A binary heap whose items know where they stand, so that any of them can go. The keys lie side by side: who walks it touches an item only when
 * that is the next.
 */
export class PositionHeap<Item extends Positions> {
  /** The children of `i` are `2i + 1` and `2i + 2`. Read by who walks it, never written. */
  readonly items: Item[] = []
  readonly keys: number[] = []
  readonly #rule: HeapRule<Item>
  readonly #place: keyof Positions

  /** @param place the field that holds an item's position */
  constructor(place: keyof Positions, rule: HeapRule<Item>) {
    this.#place = place
    this.#rule = rule
  }

  get top(): Item | undefined {
    return this.items[0]
  }

  push(item: Item): void {
    const key = this.#rule.keyOf(item)
    this.items.push(item)
    this.keys.push(key)
    this.#rise(item, key, this.items.length - 1)
  }

  /** Takes an item out that is in. */
  remove(item: Item): void {
    const at = item[this.#place]
    const last = this.items.pop()!
    const key = this.keys.pop()!
    if (last === item) return
    // What comes to its place may belong above it or below.
    this.#rise(last, key, at)
    this.#sink(last, key, last[this.#place])
  }

  #put(item: Item, key: number, at: number): void {
    this.items[at] = item
    this.keys[at] = key
    item[this.#place] = at
  }

  #rise(item: Item, key: number, from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = this.keys[parent]!
      if (above < key || (above === key && !this.#rule.before(item, this.items[parent]!))) break
      this.#put(this.items[parent]!, above, at)
      at = parent
    }
    this.#put(item, key, at)
  }

  #sink(item: Item, key: number, from: number): void {
    const { items, keys } = this
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= items.length) break
      const isRight =
        child + 1 < items.length &&
        (keys[child + 1]! < keys[child]! ||
          (keys[child + 1] === keys[child] && this.#rule.before(items[child + 1]!, items[child]!)))
      if (isRight) child++
      const below = keys[child]!
      if (below > key || (below === key && !this.#rule.before(items[child]!, item))) break
      this.#put(items[child]!, below, at)
      at = child
    }
    this.#put(item, key, at)
  }
}
