/** A binary heap: the item for which `before` holds against all others is on top. */
export class Heap<Item> {
  readonly #items: Item[]
  readonly #before: (a: Item, b: Item) => boolean

  /** Takes `items` over and orders them in linear time. */
  constructor(before: (a: Item, b: Item) => boolean, items: Item[] = []) {
    this.#before = before
    this.#items = items
    for (let i = (items.length >> 1) - 1; i >= 0; i--) this.#sink(i)
  }

  get size(): number {
    return this.#items.length
  }

  peek(): Item | undefined {
    return this.#items[0]
  }

  push(item: Item): void {
    const items = this.#items
    let at = items.length
    items.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#before(item, items[parent]!)) break
      items[at] = items[parent]!
      at = parent
    }
    items[at] = item
  }

  pop(): Item | undefined {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (items.length > 0) {
      items[0] = last!
      this.#sink(0)
    }
    return top
  }

  #sink(at: number): void {
    const items = this.#items
    const item = items[at]!
    for (;;) {
      let child = 2 * at + 1
      if (child >= items.length) break
      if (child + 1 < items.length && this.#before(items[child + 1]!, items[child]!)) child++
      if (!this.#before(items[child]!, item)) break
      items[at] = items[child]!
      at = child
    }
    items[at] = item
  }
}
