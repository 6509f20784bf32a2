import { equalBytes, isL2Error } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { decodeL1Info, encodeL1Info, type L1Info } from '../src/derivation/l1-info.ts'
import { simulatedAccount } from '../src/testing/l1-simulator.ts'

const batcher = simulatedAccount(0).address

/** Calldata of any layout: what is read says the same again, but for the bytes above the batcher's address, or is refused. */
export const target: FuzzTarget = {
  corpus: random =>
    Array.from({ length: 40 }, (_, i) => {
      const uint = (bits: number): bigint => BigInt(random.uint32()) & ((1n << BigInt(bits)) - 1n)
      const common = {
        number: uint(32),
        timestamp: uint(32),
        baseFeePerGas: uint(32),
        sequenceNumber: uint(32),
        batcher,
        hash: `0x${'22'.repeat(32)}` as const,
      }
      const ecotone = { ...common, baseFeeScalar: uint(32), blobBaseFeeScalar: uint(32), blobBaseFee: uint(32) }
      const isthmus = { ...ecotone, operatorFeeScalar: uint(32), operatorFeeConstant: uint(32) }
      const infos: L1Info[] = [
        { layout: 'bedrock', ...common, overhead: uint(32), scalar: uint(32) },
        { layout: 'ecotone', ...ecotone },
        { layout: 'isthmus', ...isthmus },
        { layout: 'jovian', ...isthmus, daFootprintGasScalar: uint(16) },
      ]
      return encodeL1Info(infos[i % 4]!)
    }),
  run(input) {
    try {
      const info = decodeL1Info(input)
      const clean = Uint8Array.from(input)
      const word = info.layout === 'bedrock' ? 164 : 132
      clean.fill(0, word, word + 12)
      if (!equalBytes(encodeL1Info(info), clean)) throw new Error('does not say the same')
    } catch (error) {
      if (!isL2Error(error)) throw error
    }
  },
}
