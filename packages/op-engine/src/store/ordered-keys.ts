/** A family is put in order as a whole when it has grown by this part, and by so many keys at least. */
const mergeAt = 1 / 16
const minRecent = 1024

type Family = {
  /** In order; some may be gone from the store by now. */
  keys: string[]
  /** What came since, in order. */
  recent: string[]
  /** What came since the last look, as it came. */
  added: string[]
}

/**
 * The keys of a store in their order, by families: those that begin with the same character. A family is put in order when it is first looked into; from then
 * on a look costs about what has come since the last one, whatever other family was looked into meanwhile.
 */
export class OrderedKeys {
  readonly #index: ReadonlyMap<string, unknown>
  readonly #families = new Map<string, Family>()

  /** Of the keys of this map, which `added` is told of as they come. */
  constructor(index: ReadonlyMap<string, unknown>) {
    this.#index = index
  }

  /** A key that the store did not have has come. */
  added(key: string): void {
    this.#families.get(key.charAt(0))?.added.push(key)
  }

  /** Everything is gone. */
  clear(): void {
    this.#families.clear()
  }

  /** Keys that begin with `prefix` and are not below `start`, ascending, each once. */
  *from(prefix: string, start: string): Iterable<string> {
    const { keys, recent } = this.#family(prefix.charAt(0))
    const from = start > prefix ? start : prefix
    let i = firstAt(keys, from)
    let j = firstAt(recent, from)
    let last: string | undefined
    for (;;) {
      const [a, b] = [keys[i], recent[j]]
      const isRecent = a === undefined || (b !== undefined && b < a)
      const key = isRecent ? b : a
      if (key === undefined || !key.startsWith(prefix)) return
      if (isRecent) j++
      else i++
      if (key !== last && this.#index.has(key)) yield key
      last = key
    }
  }

  #family(name: string): Family {
    let family = this.#families.get(name)
    if (family === undefined) {
      const keys = [...this.#index.keys()].filter(key => key.startsWith(name)).sort(byCodeUnit)
      family = { keys, recent: [], added: [] }
      // That of all keys is asked for once, of a store that is nearly empty.
      if (name !== '') this.#families.set(name, family)
    }
    if (family.added.length > 0) {
      const added = family.added.sort(byCodeUnit)
      family.added = []
      const last = family.keys.at(-1)
      if (family.recent.length === 0 && (last === undefined || last < added[0]!)) {
        for (const key of added) family.keys.push(key)
      } else family.recent = this.#merge(family.recent, added)
    }
    if (family.recent.length > Math.max(minRecent, family.keys.length * mergeAt)) {
      family.keys = this.#merge(family.keys, family.recent)
      family.recent = []
    }
    return family
  }

  /** Both in one order, without what is gone. */
  #merge(a: readonly string[], b: readonly string[]): string[] {
    const merged: string[] = []
    const take = (key: string): void => {
      if (key !== merged.at(-1) && this.#index.has(key)) merged.push(key)
    }
    let j = 0
    for (const key of a) {
      while (j < b.length && b[j]! < key) take(b[j++]!)
      take(key)
    }
    while (j < b.length) take(b[j++]!)
    return merged
  }
}

/** Where the first key stands that is not below `from`. */
function firstAt(keys: readonly string[], from: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (keys[middle]! < from) low = middle + 1
    else high = middle
  }
  return low
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
