import { bytesToHex, equalBytes, isL2Error } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { randomTransactions } from '../src/batch/testdata/samples.ts'
import {
  decodeMetisInbox,
  decodeMetisInboxBlocks,
  decodeMetisSpanBatch,
  encodeMetisInbox,
  encodeMetisInboxBlocks,
  encodeMetisSpanBatch,
  type MetisTransaction,
} from '../src/metis/index.ts'

const rollup = { chainId: 1088n }
const bugs = {
  uint32Varints: true,
  parityFromV: true,
  invertedSequencerParity: true,
  originsByTransactionIndex: true,
}

function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch (error) {
    if (isL2Error(error)) return undefined
    throw error
  }
}

/** The first byte chooses: a span batch, with or without mvm's defects, an inbox transaction, or inbox blocks. */
export const target: FuzzTarget = {
  corpus: random => [
    ...Array.from({ length: 30 }, () => {
      const transactions: MetisTransaction[] = randomTransactions(random, 1088n, 4).map(raw => ({
        type: 'sequencer',
        raw,
        signature: { rs: random.bytes(64), yParity: 1 },
      }))
      const l1TxOrigin = bytesToHex(random.bytes(20))
      transactions.push({ type: 'queue', queueIndex: 5n, gasLimit: 6n, to: undefined, l1TxOrigin })
      const checks = { parentCheck: random.bytes(20), l1OriginCheck: random.bytes(20) }
      const numbers = { timestamp: 1_733_200_000n, l1OriginNumber: 100n, l2StartBlock: 1000n }
      const blocks = [{ originAdvanced: true, transactions }]
      const bytes = encodeMetisSpanBatch({ type: 'metis-span', ...numbers, ...checks, blocks }, rollup)
      return Uint8Array.from([random.below(2), ...bytes])
    }),
    ...Array.from({ length: 10 }, () => {
      const transactions = [{ type: 'sequencer' as const, raw: random.bytes(50), signature: random.bytes(65) }]
      const blocks = encodeMetisInboxBlocks([{ timestamp: 5n, l1BlockNumber: 6n, transactions }])
      const inbox = { daType: 0 as const, compression: 'none' as const, batchIndex: 1n, firstBlock: 2n, blockCount: 1 }
      return random.bool()
        ? Uint8Array.from([3, ...blocks])
        : Uint8Array.from([2, ...encodeMetisInbox({ ...inbox, body: blocks })])
    }),
  ],
  run(input) {
    const bytes = input.subarray(1)
    switch ((input[0] ?? 0) % 4) {
      case 0: {
        const batch = attempt(() => decodeMetisSpanBatch(bytes, rollup))
        if (batch?.blocks[0]?.originAdvanced !== true) return
        const encoded = encodeMetisSpanBatch(batch, rollup)
        if (!equalBytes(encodeMetisSpanBatch(decodeMetisSpanBatch(encoded, rollup), rollup), encoded)) {
          throw new Error('not canonical')
        }
        return
      }
      case 1:
        attempt(() => decodeMetisSpanBatch(bytes, { ...rollup, bugs }))
        return
      case 2: {
        const inbox = attempt(() => decodeMetisInbox(bytes))
        if (inbox !== undefined && !equalBytes(encodeMetisInbox(inbox), bytes)) throw new Error('not the same inbox')
        return
      }
      default: {
        const blocks = attempt(() => decodeMetisInboxBlocks(bytes))
        if (blocks !== undefined && !equalBytes(encodeMetisInboxBlocks(blocks), bytes)) {
          throw new Error('not the same blocks')
        }
      }
    }
  },
}
