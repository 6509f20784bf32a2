export type OrderedKey = string | number | bigint
type Node<K, V> = {
  readonly key: K
  readonly value: V
  readonly left: Tree<K, V>
  readonly right: Tree<K, V>
  readonly size: number
}
type Tree<K, V> = Node<K, V> | undefined

const sizeOf = (tree: Tree<unknown, unknown>): number => (tree === undefined ? 0 : tree.size)

function make<K, V>(key: K, value: V, left: Tree<K, V>, right: Tree<K, V>): Node<K, V> {
  return { key, value, left, right, size: sizeOf(left) + sizeOf(right) + 1 }
}

/** Weight-balanced with factors 3 and 2 (Hirai and Yamamoto, 2011): depth stays below 2.5·log2 of the size. */
function balance<K, V>(key: K, value: V, left: Tree<K, V>, right: Tree<K, V>): Node<K, V> {
  const l = sizeOf(left)
  const r = sizeOf(right)
  if (l + r > 1) {
    if (right !== undefined && r > 3 * l) {
      const inner = right.left
      if (inner === undefined || inner.size < 2 * sizeOf(right.right))
        return make(right.key, right.value, make(key, value, left, inner), right.right)
      return make(
        inner.key,
        inner.value,
        make(key, value, left, inner.left),
        make(right.key, right.value, inner.right, right.right),
      )
    }
    if (left !== undefined && l > 3 * r) {
      const inner = left.right
      if (inner === undefined || inner.size < 2 * sizeOf(left.left))
        return make(left.key, left.value, left.left, make(key, value, inner, right))
      return make(
        inner.key,
        inner.value,
        make(left.key, left.value, left.left, inner.left),
        make(key, value, inner.right, right),
      )
    }
  }
  return make(key, value, left, right)
}

function insert<K extends OrderedKey, V>(tree: Tree<K, V>, key: K, value: V): Node<K, V> {
  if (tree === undefined) return { key, value, left: undefined, right: undefined, size: 1 }
  if (key < tree.key) return balance(tree.key, tree.value, insert(tree.left, key, value), tree.right)
  if (key > tree.key) return balance(tree.key, tree.value, tree.left, insert(tree.right, key, value))
  return { key, value, left: tree.left, right: tree.right, size: tree.size }
}

function first<K, V>(tree: Node<K, V>): Node<K, V> {
  let node = tree
  while (node.left !== undefined) node = node.left
  return node
}

function remove<K extends OrderedKey, V>(tree: Tree<K, V>, key: K): Tree<K, V> {
  if (tree === undefined) return undefined
  if (key < tree.key) return balance(tree.key, tree.value, remove(tree.left, key), tree.right)
  if (key > tree.key) return balance(tree.key, tree.value, tree.left, remove(tree.right, key))
  if (tree.left === undefined) return tree.right
  if (tree.right === undefined) return tree.left
  const next = first(tree.right)
  return balance(next.key, next.value, tree.left, remove(tree.right, next.key))
}

function build<K, V>(pairs: readonly (readonly [K, V])[], from: number, to: number): Tree<K, V> {
  if (from >= to) return undefined
  const middle = (from + to) >> 1
  const [key, value] = pairs[middle]!
  return make(key, value, build(pairs, from, middle), build(pairs, middle + 1, to))
}

/**
 * An immutable map in key order: the ledgers of every state. Writing copies one path of the tree, so that the state before an
 * operation stays whole, and nothing is hashed: holders choose their own names, and could choose them to collide.
 */
export class OrderedMap<K extends OrderedKey, V> {
  readonly #root: Tree<K, V>
  private constructor(root: Tree<K, V>) {
    this.#root = root
  }

  /** From pairs in any order; the last of two with the same key stays. */
  static from<K extends OrderedKey, V>(pairs: Iterable<readonly [K, V]> = []): OrderedMap<K, V> {
    const list = [...pairs]
    const isSorted = list.every(([key], i) => i === 0 || list[i - 1]![0] < key)
    const sorted = isSorted ? list : [...new Map(list)].sort(([a], [b]) => (a < b ? -1 : 1))
    return new OrderedMap(build(sorted, 0, sorted.length))
  }

  get size(): number {
    return sizeOf(this.#root)
  }

  get(key: K): V | undefined {
    let node = this.#root
    while (node !== undefined) {
      if (key < node.key) node = node.left
      else if (key > node.key) node = node.right
      // Neither less nor more is not yet the same: NaN, or another type.
      else return node.key === key ? node.value : undefined
    }
    return undefined
  }

  /** The entry with the greatest key not above `key`. */
  floor(key: K): readonly [K, V] | undefined {
    let node = this.#root
    let best: Node<K, V> | undefined
    while (node !== undefined) {
      if (key < node.key) node = node.left
      else {
        best = node
        node = node.right
      }
    }
    return best === undefined ? undefined : [best.key, best.value]
  }

  set(key: K, value: V): OrderedMap<K, V> {
    return new OrderedMap(insert(this.#root, key, value))
  }

  has(key: K): boolean {
    return this.get(key) !== undefined
  }

  delete(key: K): OrderedMap<K, V> {
    return this.get(key) === undefined ? this : new OrderedMap(remove(this.#root, key))
  }

  /** In key order, from `from` on. */
  *entries(from?: K): IterableIterator<readonly [K, V]> {
    const path: Node<K, V>[] = []
    let node = this.#root
    while (node !== undefined || path.length > 0) {
      while (node !== undefined) {
        if (from !== undefined && node.key < from) node = node.right
        else {
          path.push(node)
          node = node.left
        }
      }
      const top = path.pop()
      if (top === undefined) return
      yield [top.key, top.value]
      node = top.right
    }
  }

  [Symbol.iterator](): IterableIterator<readonly [K, V]> {
    return this.entries()
  }
}
