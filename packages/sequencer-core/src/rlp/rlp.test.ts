import { RLP } from '@ethereumjs/rlp'
import { isL2Error } from '@l2/common'
import { runs } from '@l2/common/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  encodeRlp,
  itemEnd,
  type RlpItem,
  type RlpValue,
  readItem,
  readList,
  readString,
  readUint,
  uintEnd,
} from './rlp.js'

type Tree = Uint8Array | Tree[]

const { tree } = fc.letrec<{ tree: Tree }>(tie => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('tree'), { maxLength: 6 }) as fc.Arbitrary<Tree>,
  ),
}))

function readTree(bytes: Uint8Array, item: RlpItem): Tree {
  return item.list ? readList(bytes, item).map(child => readTree(bytes, child)) : readString(bytes, item)
}

describe('rlp', () => {
  it('encodes as @ethereumjs/rlp does, and reads itself back', () => {
    fc.assert(
      fc.property(tree, value => {
        const bytes = encodeRlp(value as RlpValue)
        expect(bytes).toEqual(RLP.encode(value as Parameters<typeof RLP.encode>[0]))
        expect(readTree(bytes, readItem(bytes, 0))).toEqual(value)
      }),
    )
  })

  it('reads and writes integers without leading zeros', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), value => {
        const bytes = encodeRlp(value)
        expect(readUint(bytes, readItem(bytes, 0))).toBe(value)
      }),
    )
  })

  it.each([
    ['8100', 'single byte with a prefix'],
    ['b800', 'length with a leading zero'],
    ['b801ff', 'long form of a short length'],
    ['83ffff', 'cut item'],
    ['bfffffffffffffffff', 'length of eight bytes'],
    ['', 'nothing'],
  ])('refuses %s (%s)', hex => {
    const bytes = Uint8Array.from(Buffer.from(hex, 'hex'))
    let error: unknown
    try {
      readItem(bytes, 0)
    } catch (thrown) {
      error = thrown
    }
    expect(isL2Error(error, 'RLP_INVALID')).toBe(true)
  })

  it('finds the same ends without making objects, and refuses the same bytes', () => {
    const end = (run: () => number): number | string => {
      try {
        return run()
      } catch (thrown) {
        return isL2Error(thrown) ? thrown.code : String(thrown)
      }
    }
    const length = fc.oneof(fc.integer({ max: 60 }), fc.integer({ min: 0, max: 70_000 }))
    const any = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 4 }), length).map(([head, tail]) => {
      return Uint8Array.from([...head, ...new Uint8Array(Math.max(0, tail)).fill(7)])
    })
    fc.assert(
      fc.property(any, bytes => {
        expect(end(() => itemEnd(bytes, 0, bytes.length))).toBe(end(() => readItem(bytes, 0).end))
        const read = (): number => {
          const item = readItem(bytes, 0)
          readUint(bytes, item, 32)
          return item.end
        }
        expect(end(() => uintEnd(bytes, 0, bytes.length, 32))).toBe(end(read))
      }),
      { numRuns: runs({ suite: 300, soak: 60_000 }) },
    )
    expect(itemEnd(encodeRlp(new Uint8Array(300)), 0, 303)).toBe(303)
    expect(itemEnd(encodeRlp(new Uint8Array(70_000)), 0, 70_004)).toBe(70_004)
  })
})
