/**
 * JSON of a value that holds bigints: they become decimal strings, as in every public JSON of `@l2/*`. `JSON.stringify` throws at them.
 *
 * @param space Spaces of an indentation; all on one line without it.
 */
export function toJson(value: unknown, space?: number): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? item.toString() : item), space)
}

/**
 * Reads what {@link toJson} wrote. A text does not say which of its strings are numbers, so that the names of the fields that hold bigints
 * are given, at whatever depth; lists in such a field hold bigints, too. Data of others is better read by a schema.
 *
 * @throws SyntaxError when it is no JSON, or a field that holds bigints has something else
 */
export function fromJson(json: string, bigints: readonly string[]): unknown {
  const names = new Set(bigints)
  const read = (name: string, item: unknown): unknown => {
    if (item === null) return item
    if (Array.isArray(item)) return item.map(one => read(name, one))
    if (typeof item !== 'string' || !/^-?\d{1,78}$/.test(item)) {
      throw new SyntaxError(`"${name}" expected a decimal string`)
    }
    return BigInt(item)
  }
  return JSON.parse(json, (name, item: unknown) => (names.has(name) ? read(name, item) : item)) as unknown
}
