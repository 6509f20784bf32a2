import fc from 'fast-check'
import type { Hex } from 'viem'
import { describe, expect, it } from 'vitest'
import { decodeSealedBlock, decodeUnsignedBlock, encodeSealedBlock, encodeUnsignedBlock } from './sealed-block.js'
import { arbitrarySealedBlock } from './testdata/arbitrary.js'

describe('encodeSealedBlock', () => {
  it('comes back as it was, and is encoded in one way only', () => {
    fc.assert(
      fc.property(arbitrarySealedBlock, block => {
        const bytes = encodeSealedBlock(block)
        const decoded = decodeSealedBlock(bytes)
        expect(decoded).toEqual(block)
        expect(encodeSealedBlock(decoded)).toEqual(bytes)
        const { signature: _, ...unsigned } = block
        expect(decodeUnsignedBlock(encodeUnsignedBlock(unsigned))).toEqual(unsigned)
        expect(() => decodeUnsignedBlock(bytes)).toThrow(expect.objectContaining({ code: 'BLOCK_INVALID' }))
        expect(() => decodeSealedBlock(encodeUnsignedBlock(unsigned))).toThrow(
          expect.objectContaining({ code: 'BLOCK_INVALID' }),
        )
      }),
    )
  })

  it('refuses a block whose parts contradict each other', () => {
    const [block] = fc.sample(arbitrarySealedBlock, { numRuns: 1, seed: 1 })
    const { header, executed, attributes } = block!
    const zero: Hex = `0x${'00'.repeat(32)}`
    const wrong = [
      { ...block!, header: { ...header, height: header.height + 1n } },
      { ...block!, header: { ...header, stateRoot: zero } },
      { ...block!, header: { ...header, txRoot: zero } },
      { ...block!, header: { ...header, parentHash: zero } },
      { ...block!, attributes: { ...attributes, timestamp: attributes.timestamp + 1n } },
      { ...block!, attributes: { ...attributes, transactions: [Uint8Array.of(1, 2, 3)] } },
      { ...block!, executed: { ...executed, hash: '0x12' as Hex } },
      { ...block!, signature: '0x1234' as Hex },
    ]
    for (const contradiction of wrong) {
      expect(() => encodeSealedBlock(contradiction)).toThrow(expect.objectContaining({ code: 'BLOCK_INVALID' }))
    }
  })

  it('answers every cut with a typed error', () => {
    const [block] = fc.sample(arbitrarySealedBlock, { numRuns: 1, seed: 2 })
    const bytes = encodeSealedBlock(block!)
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSealedBlock(bytes.subarray(0, length))).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/BLOCK_INVALID|RLP_INVALID/) }),
      )
    }
  })
})
