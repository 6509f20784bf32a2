import { isL2Error } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import fc from 'fast-check'
import {
  decodeSealedBlock,
  decodeUnsignedBlock,
  encodeSealedBlock,
  encodeUnsignedBlock,
} from '../src/block/sealed-block.js'
import { arbitrarySealedBlock } from '../src/block/testdata/arbitrary.js'

/** Blocks as a log or a guard hands them back: what decodes must be what its encoding decodes to again. */
export const target: FuzzTarget = {
  corpus: random =>
    fc
      .sample(arbitrarySealedBlock, { numRuns: 40, seed: random.uint32() })
      .flatMap(block => [encodeSealedBlock(block), encodeUnsignedBlock(block)]),
  run(input) {
    try {
      const bytes = encodeSealedBlock(decodeSealedBlock(input))
      if (bytes.length !== input.length || bytes.some((byte, index) => byte !== input[index])) {
        throw new RangeError('a block with two encodings')
      }
    } catch (error) {
      if (!isL2Error(error)) throw error
    }
    try {
      decodeUnsignedBlock(input)
    } catch (error) {
      if (!isL2Error(error)) throw error
    }
  },
}
