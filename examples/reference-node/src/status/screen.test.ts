import { formatToken, wrapParts } from '@l2/node'
import { describe, expect, it } from 'vitest'
import { screenLines } from './screen.js'
import { metis, largeStatus as status } from './testdata.js'

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what this takes out
const plain = (line: string): string => line.replace(/\u001b\[[0-9;]*m/g, '')

describe('screenLines', () => {
  const lines = screenLines(status, 123_456_789_000, ['a', 'b', 'c', 'd', 'e', 'f']).map(plain)

  it('no line is wider than 100 columns, and with six messages there are at most 34', () => {
    expect(lines.filter(line => line.length > 100)).toEqual([])
    expect(lines.length).toBeLessThanOrEqual(34)
  })

  it('says what it costs, earns and gives to whom', () => {
    const at = lines.findIndex(line => line.startsWith('  cost'))
    expect(lines.slice(at, at + 6)).toMatchInlineSnapshot(`
      [
        "  cost          0.000123456 METIS a transaction, at 1234567.89 METIS for one ETH",
        "  profit        -1222222.2112 METIS: fees 1234567.8901, costs 12345.6789, recovery +123456.78 %",
        "  split         sequencer 1234567.8901, stakers 1234567.8901, lst 1234567.8901,",
        "                treasury 1234567.8901, public goods 1234567.8901, burn 1234567.8901,",
        "                users 1234567.8901, a loss of 1234.5678 METIS to make good",
        "  wallet        10000.0000 ETH, lasts 380 years",
      ]
    `)
  })
})

it('formatToken: as many places as show something', () => {
  const shown = [0n, 1n, 10n ** 9n, 10n ** 15n - 1n, 10n ** 15n, -metis(1.5)].map(wei => formatToken(wei, 'METIS'))
  expect(shown).toEqual(['0 METIS', '1 wei', '0.000000001 METIS', '0.000999999 METIS', '0.0010 METIS', '-1.5000 METIS'])
})

it('wrapParts: a line ends with a comma where another follows', () => {
  expect(wrapParts(['aaa', 'bbb', 'ccc'], 9)).toEqual(['aaa, bbb,', 'ccc'])
  expect(wrapParts([], 9)).toEqual([])
})
