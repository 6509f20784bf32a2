import type { FuzzTarget, Random } from '@l2/common/testing'
import { decodeSignedHeader, encodeSignedHeader } from '@l2/sequencer-core/block'
import { decodeAnnouncement, encodeAnnouncement, payloadHashOf } from '../src/message/announcement.js'
import { decodeAnswer, decodeRequest, encodeAnswer, encodeRequest } from '../src/message/exchange.js'
import { defaultGossipLimits } from '../src/port/options.js'
import { idOf, testBlock } from '../src/testing/blocks.js'

const limits = { ...defaultGossipLimits, inlineBytes: 2_000, maxPayloadBytes: 4_000 }
const block = (random: Random) => testBlock(BigInt(random.below(100)), { bytes: 1 + random.below(3_000) })
const answers = [{ type: 'taken' }, { type: 'limited' }, { type: 'refused', reason: 'NONCE_TOO_LOW' }] as const

/** Whatever a peer sends: what no codec of ours made is `undefined`, and what is read takes no more memory than its limits. */
export const target: FuzzTarget = {
  corpus(random) {
    const one = block(random)
    return [
      encodeSignedHeader(one),
      encodeAnnouncement(one, payloadHashOf(one.payload), limits),
      encodeRequest({ type: 'block', id: idOf(one) }),
      encodeRequest({ type: 'range', from: 5n, count: 3 }),
      encodeRequest({ type: 'payload', id: idOf(one), payloadHash: payloadHashOf(one.payload) }),
      encodeRequest({ type: 'transactions', transactions: [random.bytes(100), random.bytes(3)] }),
      encodeAnswer({ type: 'blocks', blocks: [one, testBlock(3n, { bytes: 20 })] }),
      encodeAnswer({ type: 'payload', payload: one.payload }),
      encodeAnswer({ type: 'transactions', answers }),
    ]
  },
  run(input) {
    decodeSignedHeader(input)
    const announcement = decodeAnnouncement(input, limits)
    if ((announcement?.payload?.length ?? 0) > limits.inlineBytes) throw new Error('a payload that is too long')
    decodeRequest(input, limits)
    const answer = decodeAnswer(input, limits)
    const payloads = answer?.type === 'blocks' ? answer.blocks.map(({ payload }) => payload) : []
    if (answer?.type === 'payload') payloads.push(answer.payload)
    if (payloads.reduce((sum, { length }) => sum + length, 0) > limits.maxPayloadBytes)
      throw new Error('payloads too long')
    // What is understood is what its codec makes of it again.
    if (answer?.type === 'transactions') {
      const again = encodeAnswer(answer)
      if (again.length !== input.length) throw new Error('an answer that has two forms')
    }
  },
}
