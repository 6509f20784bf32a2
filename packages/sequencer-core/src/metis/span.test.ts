import { bytesToHex, concatBytes, hexToBytes, isL2Error } from '@l2/common'
import { seededRandom } from '@l2/common/testing'
import fc from 'fast-check'
import { type Hex, parseTransaction, recoverTransactionAddress } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { randomTransactions, randomUint } from '../batch/testdata/samples.js'
import {
  decodeMetisSpanBatch,
  encodeMetisSpanBatch,
  type MetisSpanBatch,
  type MetisTransaction,
  metisBlockPositions,
} from './span.js'

const rollup = { chainId: 1088n }
const bytes = (hex: string): Uint8Array => hexToBytes(hex)!
const account = privateKeyToAccount(`0x${'11'.repeat(32)}`)

/** A transaction as mvm's encoder was given it: key 0x11…, 5 wei to 0x22…, 1 gwei, 21 000 gas. */
function legacy(nonce: number): Promise<Hex> {
  return account.signTransaction({
    type: 'legacy',
    chainId: 1088,
    nonce,
    to: `0x${'22'.repeat(20)}`,
    value: 5n,
    gas: 21_000n,
    gasPrice: 1_000_000_000n,
  })
}

const goldenA = bytes(
  `018091baba0664e807${'cc'.repeat(20)}${'ee'.repeat(20)}0101010001` +
    'e818a3a3ef7e39c654c208a98d79542634e8667aef23fbcd0182a511d499235b2d3d23f31ed0f5ff51a27e98e5055c6e039044980357d7c53b9553fdba807b23' +
    `${'22'.repeat(20)}c705843b9aca00800788a401010000${'aa'.repeat(32)}${'bb'.repeat(32)}`,
)

const checks = { parentCheck: bytes('cc'.repeat(20)), l1OriginCheck: bytes('ee'.repeat(20)) }

describe('metis span batch', () => {
  it('reads what mvm wrote: one transaction', async () => {
    expect(goldenA.length).toBe(217)
    const batch = decodeMetisSpanBatch(goldenA, rollup)
    expect(batch).toMatchObject({
      timestamp: 1_733_200_000n,
      l1OriginNumber: 100n,
      l2StartBlock: 1000n,
      ...checks,
    })
    const [transaction] = batch.blocks[0]!.transactions
    if (transaction?.type !== 'sequencer') throw new Error('not a sequencer transaction')
    expect(bytesToHex(transaction.raw)).toBe(await legacy(7))
    expect(bytesToHex(transaction.signature!.rs)).toBe(`0x${'aa'.repeat(32)}${'bb'.repeat(32)}`)
    // It was signed with v = 1, which mvm inverts when it writes.
    expect(transaction.signature!.yParity).toBe(0)
    const [meant] = decodeMetisSpanBatch(goldenA, { ...rollup, bugs: { invertedSequencerParity: true } }).blocks[0]!
      .transactions
    expect(meant?.type === 'sequencer' && meant.signature?.yParity).toBe(1)
    expect(bytesToHex(encodeMetisSpanBatch(batch, rollup))).toBe(bytesToHex(goldenA))
  })

  it('writes what mvm wrote: two blocks with enqueued transactions', async () => {
    const rs = concatBytes(bytes('aa'.repeat(32)), bytes('bb'.repeat(32)))
    const sequencer = async (nonce: number): Promise<MetisTransaction> => ({
      type: 'sequencer',
      raw: bytes(await legacy(nonce)),
      signature: { rs, yParity: 0 },
    })
    const queue = (queueIndex: bigint): MetisTransaction => ({
      type: 'queue',
      queueIndex,
      gasLimit: 300_000n,
      to: `0x${'33'.repeat(20)}`,
      l1TxOrigin: `0x${'44'.repeat(20)}`,
    })
    const batch: MetisSpanBatch = {
      type: 'metis-span',
      timestamp: 1_733_200_000n,
      l1OriginNumber: 101n,
      l2StartBlock: 1000n,
      ...checks,
      blocks: [
        { originAdvanced: true, transactions: [await sequencer(7), queue(42n)] },
        { originAdvanced: true, transactions: [queue(43n), await sequencer(8)] },
      ],
    }
    const encoded = encodeMetisSpanBatch(batch, rollup)
    const hex = bytesToHex(encoded).slice(2)
    expect(encoded.length).toBe(730)
    expect(hex.startsWith(`018091baba0665e807${'cc'.repeat(20)}${'ee'.repeat(20)}020302020009`)).toBe(true)
    const signatures = hex.slice(2 * 55, 2 * (55 + 256))
    expect(signatures.slice(0, 128)).toBe(bytesToHex(goldenA.subarray(54, 118)).slice(2))
    expect(signatures.slice(128, 384)).toBe('00'.repeat(128))
    const columns = hex.slice(2 * (55 + 256))
    expect(columns).toBe(
      `${'22'.repeat(20)}${'33'.repeat(40)}${'22'.repeat(20)}` +
        'c705843b9aca0080c3808080c3808080c705843b9aca0080' +
        '072a2b0888a401e0a712e0a71288a4010f0600' +
        `${'aa'.repeat(32)}${'bb'.repeat(32)}${'00'.repeat(128)}${'aa'.repeat(32)}${'bb'.repeat(32)}${'44'.repeat(40)}`,
    )
    expect(decodeMetisSpanBatch(encoded, rollup)).toEqual(batch)
    expect(metisBlockPositions(batch, { blockTimeSeconds: 2n })).toEqual([
      { number: 1000n, timestamp: 1_733_200_000n, epochNumber: 100n },
      { number: 1001n, timestamp: 1_733_200_002n, epochNumber: 101n },
    ])
    const bugs = { firstTimestampForAll: true }
    expect(metisBlockPositions(batch, { blockTimeSeconds: 2n, bugs })[1]?.timestamp).toBe(1_733_200_000n)

    // mvm's reader takes the origin by the transaction's index: the second enqueued one, of index 2, reads past the list of two.
    const seen = decodeMetisSpanBatch(encoded, { ...rollup, bugs: { originsByTransactionIndex: true } })
    expect(seen.blocks[0]?.transactions[1]).toMatchObject({ l1TxOrigin: `0x${'44'.repeat(20)}` })
    expect(seen.blocks[1]?.transactions[0]).toMatchObject({ l1TxOrigin: undefined })
  })

  it('mends the parity of a lone typed transaction only when told to', async () => {
    const serialized = await account.signTransaction({
      type: 'eip1559',
      chainId: 1088,
      nonce: 1,
      to: `0x${'22'.repeat(20)}`,
      gas: 21_000n,
      maxFeePerGas: 2n,
      maxPriorityFeePerGas: 1n,
    })
    const parity = parseTransaction(serialized).yParity!
    const blocks = [
      {
        originAdvanced: true,
        transactions: [{ type: 'sequencer' as const, raw: bytes(serialized), signature: undefined }],
      },
    ]
    const prefix = { type: 'metis-span' as const, timestamp: 5n, l1OriginNumber: 6n, l2StartBlock: 7n, ...checks }
    const good = encodeMetisSpanBatch({ ...prefix, blocks }, rollup)
    // Type, three numbers, two checks, block count, origin bits, transaction count, creation bits: the parity is byte 48.
    const broken = good.slice()
    broken[48] = 27 + parity
    expect(good[48]).toBe(parity)
    expect(() => decodeMetisSpanBatch(broken, rollup)).toThrow(/beyond/)
    const mended = decodeMetisSpanBatch(broken, { ...rollup, bugs: { parityFromV: true } })
    const [transaction] = mended.blocks[0]!.transactions
    if (transaction?.type !== 'sequencer') throw new Error('not a sequencer transaction')
    const sender = await recoverTransactionAddress({
      serializedTransaction: bytesToHex(transaction.raw) as `0x02${string}`,
    })
    expect(sender).toBe(account.address)
  })

  it('reads numbers as 32-bit shifts do only when told to', () => {
    // The sixth group of seven bits is shifted by 35, which wraps to 3: bit 40 lands on bit 8.
    const batch = decodeMetisSpanBatch(goldenA, rollup)
    const queue: MetisTransaction = {
      type: 'queue',
      queueIndex: 2n ** 40n + 5n,
      gasLimit: 3_000_000_000n,
      to: undefined,
      l1TxOrigin: `0x${'44'.repeat(20)}`,
    }
    const encoded = encodeMetisSpanBatch(
      { ...batch, blocks: [{ originAdvanced: true, transactions: [queue] }] },
      rollup,
    )
    expect(decodeMetisSpanBatch(encoded, rollup).blocks[0]?.transactions[0]).toEqual(queue)
    const seen = decodeMetisSpanBatch(encoded, { ...rollup, bugs: { uint32Varints: true } })
    expect(seen.blocks[0]?.transactions[0]).toMatchObject({ gasLimit: 3_000_000_000n, queueIndex: (1n << 8n) + 5n })
  })

  it('gives back what it was given, for random batches', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const random = seededRandom(seed)
        const sequencer = (raw: Uint8Array): MetisTransaction => {
          if (random.bool(0.2)) return { type: 'sequencer', raw, signature: undefined }
          const rs = random.bytes(64)
          rs[0]! |= 1
          return { type: 'sequencer', raw, signature: { rs, yParity: random.bool() ? 1 : 0 } }
        }
        const queue = (): MetisTransaction => ({
          type: 'queue',
          queueIndex: randomUint(random, 8),
          gasLimit: randomUint(random, 8),
          to: random.bool(0.8) ? bytesToHex(random.bytes(20)) : undefined,
          l1TxOrigin: bytesToHex(random.bytes(20)),
        })
        const batch: MetisSpanBatch = {
          type: 'metis-span',
          timestamp: randomUint(random, 8),
          l1OriginNumber: randomUint(random, 8),
          l2StartBlock: randomUint(random, 8),
          parentCheck: random.bytes(20),
          l1OriginCheck: random.bytes(20),
          blocks: Array.from({ length: 1 + random.below(6) }, (_, i) => ({
            originAdvanced: i === 0 || random.bool(),
            transactions: [
              ...randomTransactions(random, 1088n, 3).map(sequencer),
              ...Array.from({ length: random.below(3) }, queue),
            ],
          })),
        }
        const encoded = encodeMetisSpanBatch(batch, rollup)
        expect(decodeMetisSpanBatch(encoded, rollup)).toEqual(batch)
        for (let length = random.below(40); length < encoded.length; length += 1 + random.below(60)) {
          expect(() => decodeMetisSpanBatch(encoded.subarray(0, length), rollup)).toThrow()
        }
      }),
    )
  })

  it('refuses an OP span batch it can tell apart, with a typed error', () => {
    let thrown: unknown
    try {
      decodeMetisSpanBatch(bytes(`0164e8${'07'.repeat(60)}`), rollup)
    } catch (error) {
      thrown = error
    }
    expect(isL2Error(thrown)).toBe(true)
  })
})
