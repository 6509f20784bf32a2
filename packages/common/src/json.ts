/** JSON with bigints as decimal strings: what every public JSON of `@l2/*` looks like. */
export function stringify(value: unknown, space?: number): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? item.toString() : item), space)
}
