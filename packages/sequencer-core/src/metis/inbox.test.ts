import { bytesToHex, hexToBytes } from '@l2/common'
import { codeOf, seededRandom } from '@l2/common/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomUint } from '../batch/testdata/samples.js'
import {
  decodeMetisInbox,
  decodeMetisInboxBlocks,
  encodeMetisInbox,
  encodeMetisInboxBlocks,
  type MetisInboxBlock,
  metisBlobTransactions,
} from './inbox.js'

describe('metis inbox', () => {
  it('lays out the header of a blob batch', () => {
    const hash = 'ab'.repeat(32)
    const inbox = {
      daType: 3 as const,
      compression: 'none' as const,
      batchIndex: 7n,
      firstBlock: 1000n,
      blockCount: 258,
      body: hexToBytes(hash)!,
    }
    const data = encodeMetisInbox(inbox)
    expect(bytesToHex(data)).toBe(`0x0300${'7'.padStart(64, '0')}${'3e8'.padStart(64, '0')}00000102${hash}`)
    expect(decodeMetisInbox(data)).toEqual(inbox)
    expect(metisBlobTransactions(inbox.body)).toEqual([`0x${hash}`])
  })

  it.each([
    ['nothing behind the header', `0000${'00'.repeat(68)}`],
    ['an unknown DA type', `0400${'00'.repeat(69)}`],
    ['an unknown compression', `0001${'00'.repeat(69)}`],
    ['compressed hashes', `030b${'00'.repeat(100)}`],
    ['a cut hash', `0300${'00'.repeat(68)}${'ab'.repeat(33)}`],
  ])('refuses %s', (_, hex) => {
    expect(codeOf(() => decodeMetisInbox(hexToBytes(hex)!))).toBe('METIS_INBOX_INVALID')
  })

  it('gives back blocks, with 16 bytes of queue index', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const random = seededRandom(seed)
        const blocks: MetisInboxBlock[] = Array.from({ length: random.below(5) }, () => ({
          timestamp: randomUint(random, 5),
          l1BlockNumber: randomUint(random, 32),
          transactions: Array.from({ length: random.below(5) }, () =>
            random.bool()
              ? {
                  type: 'sequencer' as const,
                  raw: random.bytes(random.below(300)),
                  signature: random.bytes(random.pick([0, 3, 65])),
                }
              : {
                  type: 'queue' as const,
                  l1TxOrigin: bytesToHex(random.bytes(20)),
                  queueIndex: randomUint(random, 16),
                },
          ),
        }))
        const bytes = encodeMetisInboxBlocks(blocks)
        expect(decodeMetisInboxBlocks(bytes)).toEqual(blocks)
        if (bytes.length > 0) {
          const cut = bytes.subarray(0, bytes.length - 1)
          expect(codeOf(() => decodeMetisInboxBlocks(cut))).toBe('METIS_INBOX_INVALID')
        }
      }),
    )
  })
})
