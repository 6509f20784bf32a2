import { isL2Error } from '@l2/common'
import { describe, expect, it } from 'vitest'
import { withImmutables } from './immutables.js'

const zeros = '00'.repeat(32)
const code = `0x7f${zeros}600052${zeros}` as const
const refused = (code: string) => (error: unknown) => isL2Error(error, code)

describe('immutables of deployed code', () => {
  it('are set at every place, numbers and addresses alike', () => {
    expect(withImmutables(code, { a: [1, 36] }, { a: 258n })).toBe(
      `0x7f${'0102'.padStart(64, '0')}600052${'0102'.padStart(64, '0')}`,
    )
    expect(withImmutables(code, { a: [1], b: [36] }, { a: '0xAB', b: 2n ** 256n - 1n })).toBe(
      `0x7f${'ab'.padStart(64, '0')}600052${'f'.repeat(64)}`,
    )
    expect(withImmutables(code, {}, {})).toBe(code)
  })

  it('want one value each, that fits, in the code they were made for', () => {
    const attempt = (immutables: Record<string, number[]>, values: Record<string, bigint | `0x${string}`>) => {
      try {
        return withImmutables(code, immutables, values)
      } catch (error) {
        return error
      }
    }
    expect(attempt({ a: [1] }, {})).toSatisfy(refused('IMMUTABLES_MISMATCH'))
    expect(attempt({ a: [1] }, { a: 1n, b: 1n })).toSatisfy(refused('IMMUTABLES_MISMATCH'))
    expect(attempt({ a: [1] }, { b: 1n })).toSatisfy(refused('IMMUTABLES_MISMATCH'))
    for (const a of [-1n, 2n ** 256n, `0x${'1'.repeat(65)}`, '0xzz'] as const)
      expect(attempt({ a: [1] }, { a })).toSatisfy(refused('IMMUTABLE_OUT_OF_RANGE'))
    for (const offset of [0, 2, 37, 1000])
      expect(attempt({ a: [offset] }, { a: 1n })).toSatisfy(refused('CODE_MISMATCH'))
  })
})
