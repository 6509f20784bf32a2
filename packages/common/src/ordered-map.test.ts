import fc from 'fast-check'
import { expect, it } from 'vitest'
import { OrderedMap } from './ordered-map.js'

const byKey = <K extends string | number | bigint>(a: K, b: K): number => (a < b ? -1 : a > b ? 1 : 0)

it.each<[string, fc.Arbitrary<string | number | bigint>]>([
  ['numbers', fc.oneof(fc.integer({ min: -40, max: 40 }), fc.integer())],
  ['strings', fc.string({ unit: fc.constantFrom('a', 'b', 'Z'), maxLength: 4 })],
  ['bigints', fc.oneof(fc.bigInt(-40n, 40n), fc.bigInt())],
])('behaves as a sorted Map with %s, and older versions stay as they were', (_, key) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), key, fc.nat()), { maxLength: 200 }), key, (steps, from) => {
      const model = new Map<string | number | bigint, number>()
      const sorted = () => [...model].sort(([a], [b]) => byKey(a, b))
      let map = OrderedMap.from<string | number | bigint, number>()
      const versions: [typeof map, ReturnType<typeof sorted>][] = []
      for (const [put, k, v] of steps) {
        versions.push([map, sorted()])
        map = put ? map.set(k, v) : map.delete(k)
        if (put) model.set(k, v)
        else model.delete(k)
        expect(map.size).toBe(model.size)
        expect(map.get(k)).toBe(model.get(k))
      }
      expect([...map]).toEqual(sorted())
      expect([...map.entries(from)]).toEqual(sorted().filter(([k]) => k >= from))
      expect(map.floor(from)).toEqual(
        sorted()
          .filter(([k]) => k <= from)
          .at(-1),
      )
      expect([...OrderedMap.from(model)]).toEqual(sorted())
      for (const [old, entries] of versions) expect([...old]).toEqual(entries)
    }),
  )
})

it('costs the same whatever names its holders choose', () => {
  // Names in order are what a tree that is not balanced would make a list of.
  let map = OrderedMap.from<bigint, true>()
  for (let i = 0n; i < 100_000n; i++) map = map.set(i, true)
  expect(map.size).toBe(100_000)
  expect([...map.entries(99_998n)].map(([key]) => key)).toEqual([99_998n, 99_999n])
})
