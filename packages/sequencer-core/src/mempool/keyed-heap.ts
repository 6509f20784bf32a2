/**
 * A binary heap whose order is mostly told by a number: the smallest key is on top, and `before` decides among equal ones. The keys lie
 * side by side, so a comparison touches no item; with tens of thousands of scattered ones that is most of the cost.
 */
export class KeyedHeap<Item> {
  readonly #keys: number[] = []
  readonly #items: Item[] = []
  readonly #before: (a: Item, b: Item) => boolean

  constructor(before: (a: Item, b: Item) => boolean) {
    this.#before = before
  }

  peek(): Item | undefined {
    return this.#items[0]
  }

  push(item: Item, key: number): void {
    const keys = this.#keys
    const items = this.#items
    let at = keys.length
    keys.push(key)
    items.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = keys[parent]!
      if (above < key || (above === key && !this.#before(item, items[parent]!))) break
      keys[at] = above
      items[at] = items[parent]!
      at = parent
    }
    keys[at] = key
    items[at] = item
  }

  pop(): Item | undefined {
    const keys = this.#keys
    const items = this.#items
    const top = items[0]
    const key = keys.pop()
    const item = items.pop()
    const length = keys.length
    if (length === 0 || key === undefined) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= length) break
      let least = keys[child]!
      if (child + 1 < length) {
        const right = keys[child + 1]!
        if (right < least || (right === least && this.#before(items[child + 1]!, items[child]!))) {
          child++
          least = right
        }
      }
      if (least > key || (least === key && !this.#before(items[child]!, item!))) break
      keys[at] = least
      items[at] = items[child]!
      at = child
    }
    keys[at] = key
    items[at] = item!
    return top
  }
}
