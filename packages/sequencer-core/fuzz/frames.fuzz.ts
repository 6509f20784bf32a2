import { bytesToHex, equalBytes, isL2Error } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { createChannelAssembler, createChannelBank, encodeBatcherTransaction, type Frame } from '../src/batch/index.ts'
import { decodeBatcherTransaction } from '../src/index.ts'

/** Bytes of a batcher transaction; frames that parse go through the bank and the assembler. */
export const target: FuzzTarget = {
  corpus: random =>
    Array.from({ length: 50 }, () => {
      const channelId = bytesToHex(random.bytes(16))
      const count = 1 + random.below(5)
      const frames: Frame[] = Array.from({ length: count }, (_, i) => ({
        channelId,
        frameNumber: i,
        data: random.bytes(random.below(100)),
        isLast: i === count - 1,
      }))
      return encodeBatcherTransaction(frames)
    }),
  run(input) {
    let decoded: ReturnType<typeof decodeBatcherTransaction>
    try {
      decoded = decodeBatcherTransaction(input)
    } catch (error) {
      if (isL2Error(error, 'BATCHER_TRANSACTION_INVALID')) return
      throw error
    }
    if (decoded.version === 1) return
    if (!equalBytes(encodeBatcherTransaction(decoded.frames), input)) throw new Error('frames do not encode back')
    const bank = createChannelBank()
    const assembler = createChannelAssembler()
    const rules = { channelTimeoutBlocks: 10n, maxBankBytes: 2000, maxChannelBytes: 2000, readAnyReady: true }
    for (const frame of decoded.frames) bank.add(frame, 1n, rules)
    if (bank.size > rules.maxBankBytes || bank.size < 0) throw new Error(`bank of ${bank.size} bytes`)
    assembler.enqueue(decoded.frames)
    for (let i = 0; i < 10; i++) {
      bank.read(1n, rules)
      assembler.next(1n, rules)
    }
    if (assembler.queued !== 0) throw new Error('frames left in the queue')
  },
}
