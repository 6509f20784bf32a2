import { isL2Error } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { readAnswer } from '../src/protocol/answer.js'
import { createFrameReader, frame } from '../src/protocol/frames.js'
import { decodeMessage, encodeMessage } from '../src/protocol/message.js'

const messages = [
  encodeMessage({ id: 1, result: { block: null } }, []),
  encodeMessage({ id: 2, result: { receipts: [] } }, [Uint8Array.of(1, 2, 3), new Uint8Array(300)]),
  encodeMessage({ id: 3, error: { code: 'TRANSACTION_INVALID', message: 'no', details: { index: 4 } } }, []),
]

/** What an engine sends, from a program that has lost the thread: a typed error, and nothing larger than what came. */
export const target: FuzzTarget = {
  corpus: () => [...messages, ...messages.map(frame)],
  run(input, random) {
    try {
      const { header, bytes } = decodeMessage(input)
      const again = decodeMessage(encodeMessage(header, bytes))
      if (JSON.stringify(again.header) !== JSON.stringify(header)) throw new Error('the header changes on its way')
      readAnswer(input)
    } catch (error) {
      if (!isL2Error(error)) throw error
    }
    // However a stream is cut, the same messages come out of it.
    const whole: number[] = []
    const cut: number[] = []
    const [a, b] = [whole, cut].map(list => createFrameReader(1 << 16, message => void list.push(message.length)))
    let refused = 0
    try {
      a!(input)
    } catch (error) {
      if (!isL2Error(error)) throw error
      refused++
    }
    try {
      for (let at = 0; at < input.length; ) {
        const piece = input.subarray(at, at + 1 + random.below(7))
        b!(piece)
        at += piece.length
      }
    } catch (error) {
      if (!isL2Error(error)) throw error
      refused++
    }
    if (whole.join() !== cut.join() || refused === 1) throw new Error('a stream that is cut gives other messages')
  },
}
