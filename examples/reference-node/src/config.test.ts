import { describe, expect, it } from 'vitest'
import { parseCommandLine, parseNodeConfig } from './config.js'

describe('the economics of a configuration', () => {
  it.each([
    [{ gasTokenPrice: '0' }, '--gasTokenPrice'],
    [{ gasTokenPrice: '0.000' }, '--gasTokenPrice'],
    [{ gasTokenPrice: '-80' }, '--gasTokenPrice'],
    [{ gasTokenPrice: '8e1' }, '--gasTokenPrice'],
    [{ gasTokenPrice: '1.0000000000000000001' }, '--gasTokenPrice'],
    [{ split: { users: 9_999 } }, '--split'],
    [{ split: { users: 10_001 } }, '--split'],
    [{ split: { friends: 10_000 } }, '--split'],
  ])('%j is refused', (input, option) => {
    expect(() => parseNodeConfig(input)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(option) }),
    )
  })

  it('as the command line has it', () => {
    const { gasTokenPrice, split } = parseCommandLine(['--gas-token-price', '79.5', '--split', 'users=9000,burn=1000'])
    expect(gasTokenPrice).toBe('79.5')
    expect(split).toEqual({ users: 9000, burn: 1000 })
    expect(() => parseCommandLine(['--split', 'users'])).toThrow('--split')
    expect(parseCommandLine([])).toMatchObject({ gasTokenPrice: '80', split: { sequencer: 5000 } })
  })
})

describe('where batches go', () => {
  it('needs what the layer needs', () => {
    const s3 = 'http://127.0.0.1:7070/bucket'
    expect(() => parseNodeConfig({ da: 's3' })).toThrow('--da: s3 needs --s3')
    expect(() => parseNodeConfig({ s3 })).toThrow('--s3: a bucket is for')
    expect(() => parseNodeConfig({ da: 'router', data: 'x' })).toThrow('--celestia')
    expect(parseNodeConfig({ da: 'router', data: 'x', s3 })).toMatchObject({ da: 'router', s3 })
    expect(parseCommandLine(['--da', 's3', '--s3', s3])).toMatchObject({ da: 's3', s3 })
  })
})

describe('strict derivation', () => {
  it('needs operators, who attest', () => {
    expect(() => parseNodeConfig({ strict: true })).toThrow('--strict: needs --operators')
    expect(parseCommandLine(['--strict', '--operators', '4'])).toMatchObject({ strict: true, operators: 4 })
    expect(parseCommandLine([]).strict).toBe(false)
  })
})

describe('the engine of a configuration', () => {
  it.each([
    [{ engine: 'reth' }, '--engine'],
    [{ engine: 'anvil', check: 'op-geth' }, '--check: anvil makes other blocks'],
    [{ engine: 'native', check: 'native' }, '--check: that is what executes already'],
    [{ check: 'anvil' }, '--check'],
    [{ history: 'states=10m' }, '--history: states: withdrawals need 3h at least'],
    [{ history: 'forever' }, '--history: expected'],
  ])('%j is refused', (input, message) => {
    expect(() => parseNodeConfig(input)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) }),
    )
  })

  it('as the command line has it', () => {
    expect(parseCommandLine([])).toMatchObject({ history: { states: 86_400, bodies: 2_592_000 } })
    const { engine, check, history } = parseCommandLine([
      '--engine',
      'native',
      '--check',
      'op-geth',
      '--history',
      'all',
    ])
    expect({ engine, check, history }).toEqual({
      engine: 'native',
      check: 'op-geth',
      history: { states: 0, bodies: 0 },
    })
  })
})
