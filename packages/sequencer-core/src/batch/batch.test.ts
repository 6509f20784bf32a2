import { bytesToHex, concatBytes, hexToBytes, isL2Error } from '@l2/common'
import { codeOf, runs, seededRandom } from '@l2/common/testing'
import fc from 'fast-check'
import { parseTransaction } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { encodeRlp, readItem, readList, readString } from '../rlp/rlp.js'
import { decodeBatch, encodeBatch } from './batch.js'
import { spanBlockPositions, toSpanBatch } from './span.js'
import {
  batchText,
  randomSingularBatch,
  randomSpanBatch,
  randomTransaction,
  sampleChain,
  transactionKinds,
} from './testdata/samples.js'
import type { SpanBatch } from './types.js'

const rollup = { chainId: 10n }
const hex = (text: string): Uint8Array => hexToBytes(text)!
const account = privateKeyToAccount(`0x${'11'.repeat(32)}`)

const seeds = fc.integer()
const prefix = `01${'05'}${'64'}${'aa'.repeat(20)}${'bb'.repeat(20)}`
const emptySpan: SpanBatch = {
  type: 'span',
  relTimestamp: 5n,
  l1OriginNumber: 100n,
  parentCheck: hex('aa'.repeat(20)),
  l1OriginCheck: hex('bb'.repeat(20)),
  blocks: [{ originAdvanced: true, transactions: [] }],
}

describe('singular batch', () => {
  const golden = `00f849a0${'01'.repeat(32)}64a0${'02'.repeat(32)}846553f100c0`

  it('is written as op-node writes it', () => {
    const bytes = encodeBatch(
      {
        type: 'singular',
        parentHash: `0x${'01'.repeat(32)}`,
        epochNumber: 100n,
        epochHash: `0x${'02'.repeat(32)}`,
        timestamp: 1_700_000_000n,
        transactions: [],
      },
      rollup,
    )
    expect(bytesToHex(bytes)).toBe(`0x${golden}`)
    expect(bytesToHex(encodeRlp(bytes))).toBe(`0xb84c${golden}`)
  })

  it('gives back what it was given, and bytes behind the list are ignored', () => {
    fc.assert(
      fc.property(seeds, seed => {
        const random = seededRandom(seed)
        const batch = randomSingularBatch(random, 10n)
        const bytes = encodeBatch(batch, rollup)
        expect(decodeBatch(bytes, rollup)).toEqual(batch)
        expect(decodeBatch(concatBytes(bytes, random.bytes(3)), rollup)).toEqual(batch)
      }),
    )
  })

  it.each([
    ['four fields', `00f848a0${'01'.repeat(32)}64a0${'02'.repeat(32)}846553f100`],
    ['six fields', `00f84aa0${'01'.repeat(32)}64a0${'02'.repeat(32)}846553f100c080`],
    ['a hash of 31 bytes', `00f8489f${'01'.repeat(31)}64a0${'02'.repeat(32)}846553f100c0`],
    ['an epoch of nine bytes', `00f852a0${'01'.repeat(32)}89${'01'.repeat(9)}a0${'02'.repeat(32)}846553f100c0`],
    ['a timestamp with a leading zero', `00f84aa0${'01'.repeat(32)}64a0${'02'.repeat(32)}85006553f100c0`],
    ['a list among the transactions', `00f84aa0${'01'.repeat(32)}64a0${'02'.repeat(32)}846553f100c1c0`],
    ['nothing', ''],
    ['an unknown type', '03'],
    ['the draft type while it is off', prefix.replace('01', '02')],
  ])('refuses %s', (_, text) => {
    expect(codeOf(() => decodeBatch(hex(text), rollup))).toMatch(/^(BATCH|RLP)_INVALID$/)
  })
})

describe('span batch', () => {
  it('gives back batches and bytes, transactions of every kind among them', () => {
    fc.assert(
      fc.property(seeds, seed => {
        const random = seededRandom(seed)
        const batch = randomSpanBatch(random, 10n)
        const bytes = encodeBatch(batch, rollup)
        const decoded = decodeBatch(bytes, rollup)
        expect(batchText([decoded])).toBe(batchText([batch]))
        expect(bytesToHex(encodeBatch(decoded, rollup))).toBe(bytesToHex(bytes))
        expect(batchText([decodeBatch(concatBytes(bytes, random.bytes(3)), rollup)])).toBe(batchText([batch]))
      }),
      { numRuns: runs({ suite: 200, soak: 4_000 }) },
    )
  })

  it('rebuilds what wallets sign', async () => {
    const to = `0x${'22'.repeat(20)}` as const
    const fees = { maxFeePerGas: 2_000_000_000n, maxPriorityFeePerGas: 1n, gas: 50_000n, chainId: 10 }
    const authorization = await account.signAuthorization({ chainId: 10, address: to, nonce: 3 })
    const accessList = [{ address: to, storageKeys: [`0x${'07'.repeat(32)}` as const] }]
    const signed = await Promise.all([
      account.signTransaction({ type: 'legacy', chainId: 10, nonce: 0, gas: 21_000n, gasPrice: 5n, to, value: 1n }),
      account.signTransaction({ type: 'legacy', nonce: 1, gas: 21_000n, gasPrice: 5n, to, value: 1n }),
      account.signTransaction({ type: 'legacy', chainId: 10, nonce: 2, gas: 90_000n, gasPrice: 5n, data: '0x6001' }),
      account.signTransaction({ type: 'eip2930', chainId: 10, nonce: 3, gas: 50_000n, gasPrice: 7n, to, accessList }),
      account.signTransaction({ type: 'eip1559', nonce: 4, to, ...fees, accessList, data: '0x1234' }),
      account.signTransaction({ type: 'eip7702', nonce: 5, to, ...fees, authorizationList: [authorization] }),
    ])
    const blocks = [{ originAdvanced: false, transactions: signed.map(each => hex(each)) }]
    const decoded = decodeBatch(encodeBatch({ ...emptySpan, blocks }, rollup), rollup)
    expect(decoded.type === 'span' && decoded.blocks[0]?.transactions.map(bytesToHex)).toEqual(signed)
    for (const each of signed) expect(parseTransaction(each).nonce ?? 0).toBeLessThan(6)
  })

  it('lays out the smallest batch', () => {
    expect(bytesToHex(encodeBatch(emptySpan, rollup))).toBe(`0x${prefix}010100`)
  })

  it('derives timestamps and origins backwards from the last origin', () => {
    const bits = [false, true, false, true, true]
    const span = { ...emptySpan, blocks: bits.map(originAdvanced => ({ originAdvanced, transactions: [] })) }
    const positions = spanBlockPositions(span, { genesisTimeSeconds: 1000n, blockTimeSeconds: 2n })
    expect(positions.map(({ epochNumber }) => epochNumber)).toEqual([97n, 98n, 98n, 99n, 100n])
    expect(positions.map(({ timestamp }) => timestamp)).toEqual([1005n, 1007n, 1009n, 1011n, 1013n])
  })

  it('is made of blocks, and says where they are', () => {
    const options = { genesisTimeSeconds: 1_700_000_000n, blockTimeSeconds: 2n }
    const chain = sampleChain(seededRandom(5), { ...rollup, ...options, blocks: 20, transactionsPerBlock: 1 }).slice(3)
    const positions = spanBlockPositions(toSpanBatch(chain, options), options)
    expect(positions).toEqual(chain.map(({ timestamp, epochNumber }) => ({ timestamp, epochNumber })))
    const [first, second] = chain as [(typeof chain)[0], (typeof chain)[0]]
    const skipping = { ...second, epochNumber: first.epochNumber + 2n }
    expect(codeOf(() => toSpanBatch([first, skipping], options))).toBe('BATCH_FIELD_INVALID')
    expect(codeOf(() => toSpanBatch([second, first], options))).toBe('BATCH_FIELD_INVALID')
    expect(codeOf(() => toSpanBatch([], options))).toBe('BATCH_FIELD_INVALID')
    expect(codeOf(() => toSpanBatch([first], { genesisTimeSeconds: 2n ** 40n }))).toBe('BATCH_FIELD_INVALID')
  })

  it('takes numbers longer than needed, and never writes them', () => {
    const long = hex(`01${'858000'}${'64'}${'aa'.repeat(20)}${'bb'.repeat(20)}010100`)
    const decoded = decodeBatch(long, rollup)
    expect(decoded).toEqual(emptySpan)
    expect(bytesToHex(encodeBatch(decoded, rollup))).toBe(`0x${prefix}010100`)
  })

  it('carries numbers up to 2^64-1', () => {
    const max = 2n ** 64n - 1n
    const batch = { ...emptySpan, relTimestamp: max, l1OriginNumber: max }
    const bytes = encodeBatch(batch, rollup)
    expect(bytesToHex(bytes.subarray(1, 11))).toBe(`0x${'ff'.repeat(9)}01`)
    expect(decodeBatch(bytes, rollup)).toEqual(batch)
    expect(codeOf(() => encodeBatch({ ...batch, relTimestamp: max + 1n }, rollup))).toBe('BATCH_FIELD_INVALID')
  })

  const max64 = `${'ff'.repeat(9)}01`
  it.each([
    ['no blocks', `${prefix}00`],
    ['2^64-1 blocks', `${prefix}${max64}`],
    ['10 000 001 blocks', `${prefix}81ade204`],
    ['10 000 000 blocks in nothing', `${prefix}80ade204`],
    ['2^64-1 transactions', `${prefix}0101${max64}`],
    ['counts whose sum overflows', `${prefix}0203${max64}${max64}`],
    ['10 000 000 transactions in nothing', `${prefix}010180ade204`],
    ['a number of ten bytes above 64 bits', `01${'ff'.repeat(9)}02`],
    ['a number of eleven bytes', `01${'80'.repeat(10)}01`],
    ['a cut number', '0180'],
    ['bits beyond the list', `${prefix}0102`],
    ['a cut bit list', `${prefix}01`],
    ['a cut check', prefix.slice(0, -2)],
  ])('refuses %s', (_, text) => {
    expect(codeOf(() => decodeBatch(hex(text), rollup))).toBe('BATCH_INVALID')
  })

  /** A span of one transaction with its columns as given. */
  const one = (columns: { creation?: string; parity?: string; data: string; guarded?: string }): Uint8Array =>
    hex(
      `${prefix}010101${columns.creation ?? '00'}${columns.parity ?? '00'}${'11'.repeat(64)}` +
        `${columns.creation === '01' ? '' : '22'.repeat(20)}${columns.data}0088a401${columns.guarded ?? ''}`,
    )

  it.each([
    ['type 3', { data: '03c4808080c0' }],
    ['a deposit', { data: '7ec3808080' }],
    ['type 4 without `to`', { creation: '01', data: '04c680808080c0c0' }],
    ['a data item that is a string', { data: '83808080', guarded: '00' }],
    ['a value with a leading zero', { data: 'c4820001', guarded: '00' }],
    ['a value that is zero in one byte', { data: 'c3008080', guarded: '00' }],
    ['a value that is a list', { data: 'c3c08080', guarded: '00' }],
    ['calldata that is a list', { data: 'c38080c0', guarded: '00' }],
    ['too few fields', { data: 'c28080', guarded: '00' }],
    ['too many fields', { data: 'c480808080', guarded: '00' }],
    ['an access list that is a string', { data: '02c58080808080' }],
    ['an access list with a short address', { data: '02c880808080c3c281aa' }],
    ['a long form of a short length', { data: 'f803808080', guarded: '00' }],
    ['missing protected bits', { data: 'c3808080' }],
    ['excess protected bits', { data: 'c3808080', guarded: '02' }],
    ['excess parity bits', { parity: '02', data: 'c3808080', guarded: '00' }],
    ['excess creation bits', { creation: '02', data: 'c3808080', guarded: '00' }],
  ])('refuses %s, and the batch with it', (_, columns) => {
    expect(codeOf(() => decodeBatch(one(columns), rollup))).toMatch(/^BATCH_(INVALID|UNDERIVABLE)$|^RLP_INVALID$/)
  })

  it('takes what the cases above are variations of', () => {
    const transactions = (columns: Parameters<typeof one>[0]): readonly Uint8Array[] => {
      const batch = decodeBatch(one(columns), rollup)
      return batch.type === 'span' ? batch.blocks[0]!.transactions : []
    }
    expect(transactions({ data: 'c3808080', guarded: '01' }).length).toBe(1)
    expect(transactions({ data: '02c580808080c0' }).length).toBe(1)
    expect(transactions({ creation: '01', data: 'c3808080', guarded: '00' }).length).toBe(1)
    expect(transactions({ data: '04c680808080c0c0' }).length).toBe(1)
  })

  it.each(['r', 's'] as const)('drops leading zeros of %s, as RLP does', which => {
    const signature = which === 'r' ? `${'00'.repeat(31)}05${'11'.repeat(32)}` : `${'11'.repeat(32)}${'00'.repeat(32)}`
    const bytes = hex(`${prefix}0101010000${signature}${'22'.repeat(20)}c38080800088a40101`)
    const batch = decodeBatch(bytes, rollup)
    const raw = batch.type === 'span' ? batch.blocks[0]!.transactions[0]! : new Uint8Array()
    const items = readList(raw, readItem(raw, 0)).map(item => bytesToHex(readString(raw, item)))
    expect(items.at(which === 'r' ? -2 : -1)).toBe(which === 'r' ? '0x05' : '0x')
    expect(bytesToHex(encodeBatch(batch, rollup))).toBe(bytesToHex(bytes))
  })

  it('refuses transactions it cannot carry, naming them', async () => {
    const encode = (raw: Uint8Array): unknown =>
      encodeBatch({ ...emptySpan, blocks: [{ originAdvanced: true, transactions: [raw] }] }, rollup)
    const random = seededRandom(9)
    for (const kind of transactionKinds) {
      const good = randomTransaction(random, 10n, kind)
      expect(codeOf(() => encode(good))).toBe('none')
      const foreign = randomTransaction(random, 11n, kind)
      if (kind !== 'unprotected') expect(codeOf(() => encode(foreign))).toBe('BATCH_TRANSACTION_UNSUPPORTED')
      expect(codeOf(() => encode(good.subarray(0, -1)))).toBe('BATCH_TRANSACTION_UNSUPPORTED')
      expect(codeOf(() => encode(concatBytes(good, Uint8Array.of(0))))).toBe('BATCH_TRANSACTION_UNSUPPORTED')
    }
    for (const text of ['', '03c0', '7ec0', '80', 'c0', '02c0', '01', `02f8`]) {
      expect(codeOf(() => encode(hex(text)))).toBe('BATCH_TRANSACTION_UNSUPPORTED')
    }
  })

  it('never writes what it would not read', () => {
    fc.assert(
      fc.property(seeds, seed => {
        const random = seededRandom(seed)
        const raw = randomTransaction(random, 10n, random.pick(transactionKinds)).slice()
        raw[random.below(raw.length)]! ^= 1 << random.below(8)
        const batch: SpanBatch = { ...emptySpan, blocks: [{ originAdvanced: true, transactions: [raw] }] }
        let bytes: Uint8Array
        try {
          bytes = encodeBatch(batch, rollup)
        } catch (error) {
          expect(isL2Error(error, 'BATCH_TRANSACTION_UNSUPPORTED')).toBe(true)
          return
        }
        expect(decodeBatch(bytes, rollup)).toEqual(batch)
      }),
      { numRuns: runs({ suite: 500, soak: 10_000 }) },
    )
  })

  it('answers cuts and flipped bits with a typed error or a batch', () => {
    fc.assert(
      fc.property(seeds, seed => {
        const random = seededRandom(seed)
        const bytes = encodeBatch(randomSpanBatch(random, 10n), rollup)
        const flipped = bytes.slice()
        flipped[random.below(flipped.length)]! ^= 1 << random.below(8)
        for (const input of [flipped, bytes.subarray(0, random.below(bytes.length))]) {
          const code = codeOf(() => decodeBatch(input, rollup))
          expect(code).toMatch(/^none$|^BATCH_(INVALID|UNDERIVABLE)$|^RLP_INVALID$/)
        }
        expect(codeOf(() => decodeBatch(bytes.subarray(0, bytes.length - 1), rollup))).toMatch(/_INVALID$/)
      }),
      { numRuns: runs({ suite: 300, soak: 6_000 }) },
    )
  })
})

describe('draft span batch with fee recipients', () => {
  const draft = { chainId: 10n, draftFeeRecipients: true }
  const recipients = [`0x${'0a'.repeat(20)}`, `0x${'0b'.repeat(20)}`, `0x${'0a'.repeat(20)}`] as const
  const batch: SpanBatch = {
    ...emptySpan,
    blocks: recipients.map(feeRecipient => ({ originAdvanced: true, transactions: [], feeRecipient })),
  }

  it('names one per block, each address once', () => {
    const bytes = encodeBatch(batch, draft)
    expect(bytesToHex(bytes)).toBe(`0x02${prefix.slice(2)}0307000000${'000100'}${'0a'.repeat(20)}${'0b'.repeat(20)}`)
    expect(decodeBatch(bytes, draft)).toEqual(batch)
  })

  it('is off unless asked for', () => {
    expect(codeOf(() => encodeBatch(batch, rollup))).toBe('BATCH_FIELD_INVALID')
    expect(codeOf(() => decodeBatch(encodeBatch(batch, draft), rollup))).toBe('BATCH_INVALID')
  })

  it('refuses an index beyond the blocks and a cut set', () => {
    const bytes = encodeBatch(batch, draft)
    const wrong = bytes.slice()
    wrong[bytes.length - 42] = 3
    expect(codeOf(() => decodeBatch(wrong, draft))).toBe('BATCH_INVALID')
    expect(codeOf(() => decodeBatch(bytes.subarray(0, -1), draft))).toBe('BATCH_INVALID')
    const partial = { ...batch, blocks: [batch.blocks[0]!, { originAdvanced: true, transactions: [] }] }
    expect(codeOf(() => encodeBatch(partial, draft))).toBe('BATCH_FIELD_INVALID')
  })
})
