import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PersistentMap } from './persistent-map.js'

// These two strings of the hash used have the same 32-bit hash only by chance, so short keys over few letters are drawn many times instead.
const key = fc.oneof(fc.integer({ min: -40, max: 40 }), fc.integer()) as fc.Arbitrary<number>
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'Z'), maxLength: 4 })

it.each([
  ['numbers', key],
  ['strings', text],
])('behaves as a Map with %s, and older versions stay as they were', (_, arbitrary) => {
  const step = fc.tuple(fc.boolean(), arbitrary as fc.Arbitrary<string | number>, fc.nat())
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const model = new Map<string | number, number>()
      let map = PersistentMap.of<string | number, number>()
      const versions: [PersistentMap<string | number, number>, (string | number)[]][] = []
      for (const [put, k, v] of steps) {
        versions.push([map, [...model.keys()].sort()])
        map = put ? map.set(k, v) : map.delete(k)
        if (put) model.set(k, v)
        else model.delete(k)
        expect(map.size).toBe(model.size)
        expect(map.get(k)).toBe(model.get(k))
      }
      expect(new Map(map.entries())).toEqual(model)
      for (const [old, keys] of versions) expect([...old.entries()].map(([k2]) => k2).sort()).toEqual(keys)
    }),
  )
})

it('keeps keys apart whose hashes collide in full', () => {
  // 2^32 + 1 and 1 fold to the same 32 bits.
  const map = PersistentMap.of([
    [1, 'one'],
    [2 ** 32 + 1, 'other'],
  ])
  expect([map.get(1), map.get(2 ** 32 + 1), map.size]).toEqual(['one', 'other', 2])
  expect(map.delete(1).get(2 ** 32 + 1)).toBe('other')
  expect(map.delete(1).get(1)).toBeUndefined()
})
