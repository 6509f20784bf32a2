import { seededRandom, testSeed } from '@l2/common/testing'
import { describe, expect, it } from 'vitest'
import { OrderedKeys } from './ordered-keys.js'

const seed = testSeed(17)

/** Counts how often all keys are gone through. */
class CountingMap extends Map<string, number> {
  passes = 0
  override keys() {
    this.passes++
    return super.keys()
  }
}

describe(`OrderedKeys (seed ${seed})`, () => {
  it('are the keys with a prefix from a start on, in order, whatever came and went', () => {
    const random = seededRandom(seed)
    const index = new Map<string, number>()
    const ordered = new OrderedKeys(index)
    const anyKey = () => 'abc'[random.below(3)]! + String.fromCharCode(random.below(256), random.below(20))
    for (let step = 0; step < 400; step++) {
      for (let n = random.below(40); n > 0; n--) {
        const key = anyKey()
        if (random.below(3) === 0) index.delete(key)
        else {
          if (!index.has(key)) ordered.added(key)
          index.set(key, step)
        }
      }
      const prefix = anyKey().slice(0, random.below(3))
      const start = random.below(2) === 0 ? prefix : prefix + anyKey()
      const expected = [...index.keys()].filter(key => key.startsWith(prefix) && key >= start).sort()
      expect([...ordered.from(prefix, start)]).toEqual(expected)
    }
  })

  it('are put in order once a family, however many prefixes are looked for in turn', () => {
    const index = new CountingMap()
    const ordered = new OrderedKeys(index)
    const add = (key: string) => {
      ordered.added(key)
      index.set(key, 0)
    }
    for (let n = 0; n < 1000; n++) for (const family of 'bhn') add(`${family}${String(n).padStart(4, '0')}x`)
    for (let n = 0; n < 1000; n += 10) {
      add(`n${n}y`)
      for (const family of 'bhn') {
        const prefix = `${family}${String(n).padStart(4, '0')}`
        expect([...ordered.from(prefix, prefix)]).toContain(`${prefix}x`)
      }
    }
    expect(index.passes).toBe(3)
  })
})
