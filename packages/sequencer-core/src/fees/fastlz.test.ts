import { describe, expect, it } from 'vitest'
import { fastLzSize } from './fastlz.js'

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

describe('fastLzSize', () => {
  it.each([
    ['empty', new Uint8Array(), 0],
    ['five bytes', bytes('0000010203'), 6],
    ['1000 zero bytes', new Uint8Array(1000), 21],
    ['bytes 0..199', Uint8Array.from({ length: 200 }, (_, i) => i), 207],
  ])('%s', (_, data, size) => {
    expect(fastLzSize(data)).toBe(size)
  })
})
