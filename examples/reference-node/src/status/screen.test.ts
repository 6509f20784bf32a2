import { describe, expect, it } from 'vitest'
import { formatToken, wrapParts } from './format.js'
import { screenLines } from './screen.js'
import type { Status } from './status.js'

const head = { number: 123_456_789n, hash: `0x${'ab'.repeat(32)}` } as const
const metis = (amount: number): bigint => BigInt(Math.round(amount * 1e4)) * 10n ** 14n

/** A long life: every figure is as wide as it gets. */
const status: Status = {
  chainId: 4_294_967_295,
  rpcUrl: 'http://127.0.0.1:65535',
  startedAtMs: 0,
  l1: { number: 123_456_789n, baseFeeWei: 123_456_789_012n, blobBaseFeeWei: 123_456_789_012n },
  heads: { unsafe: head, safe: head, finalized: head },
  leader: { address: `0x${'ab'.repeat(20)}`, name: 'sequencer 16', epoch: 6_172_839n, term: 12 },
  transactions: { included: 1_234_567_890, perSecond: 1999.9, pending: 19_999, queued: 19_999 },
  channel: { blocks: 20_000, bytes: 123_456, targetBytes: 780_120 },
  posting: {
    plan: {
      da: 'calldata',
      compressor: 'brotli-11',
      targetFrames: 6,
      frameDataBytes: 130_020,
      maxChannelDurationBlocks: 1500n,
      fillBlocks: 1500,
      weiPerThousandTransactions: 10n ** 18n,
      latencySeconds: 18_000,
      fill: 1,
    },
    explanation: [],
    pendingSubmissions: 4,
    backlogBytes: 67_108_864,
    throttle: 1,
  },
  da: { layer: 'ethereum-calldata', submissions: 1_234_567, blobs: 7_654_321, bytes: 1e12, costWei: metis(1e4) },
  economics: {
    gasToken: { symbol: 'METIS', decimals: 18, perEthWei: 123_456_789n * 10n ** 16n },
    feesInWei: metis(1_234_567.8901),
    costsOutWei: metis(12_345.6789),
    profitWei: -metis(1_222_222.2112),
    costPerTransactionWei: 123_456_789_012_345n,
    recoveryBps: 12_345_678n,
    settlements: 61_728,
    split: (['sequencer', 'stakers', 'lst', 'treasury', 'publicGoods', 'burn', 'users'] as const).map(party => ({
      party,
      shareBps: 1428,
      owedWei: metis(1_234_567.8901),
    })),
    unsettledWei: -metis(1234.5678),
    openSubmissions: 0,
    wallet: { balanceEthWei: metis(10_000), runwayBlocks: 10n ** 9n, runwaySeconds: 12e9 },
  },
  verified: { blocks: 123_456_789, transactions: 1_234_567_890, submissions: 1_234_567, blobTransactions: 1_234_567 },
  pool: { sequencers: 16, stakedWei: metis(320_000), rewardsWei: metis(12_345.6789), jailed: 3 },
  lst: { rateE27: 1_234_567_890_123_456_789_012_345_678n, aprBps: 123_456n, totalAssetsWei: metis(123_456.7891) },
}

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
