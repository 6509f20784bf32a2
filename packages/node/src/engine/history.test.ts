import { expect, it } from 'vitest'
import { defaultHistoryText, parseHistory } from './history.js'

it('reads spans as blocks, and says what is wrong', () => {
  expect(parseHistory(defaultHistoryText, 1n)).toEqual({ states: 86_400, bodies: 2_592_000 })
  expect(parseHistory(defaultHistoryText, 2n)).toEqual({ states: 43_200, bodies: 1_296_000 })
  expect(parseHistory('all', 1n)).toEqual({ states: 0, bodies: 0 })
  expect(parseHistory('states=6h', 1n)).toEqual({ states: 21_600, bodies: 2_592_000 })
  expect(parseHistory('states=1d,bodies=all', 1n)).toEqual({ states: 86_400, bodies: 0 })
  expect(parseHistory('states=1h', 1n)).toBe('states: withdrawals need 3h at least')
  // Nothing is not everything.
  expect(parseHistory('states=0s', 1n)).toBe('states: withdrawals need 3h at least')
  expect(parseHistory('states=1d,bodies=0d', 1n)).toBe('bodies: withdrawals need 3h at least')
  expect(parseHistory('states=2d,bodies=1d', 1n)).toBe('bodies are kept at least as long as states')
  expect(parseHistory('states=all', 1n)).toBe('bodies are kept at least as long as states')
  for (const text of ['', '1d', 'states=', 'states=1w', 'state=1d', 'states=1d;bodies=2d']) {
    expect(parseHistory(text, 1n)).toMatch(/^expected/)
  }
})
