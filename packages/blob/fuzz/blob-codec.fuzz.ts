import { equalBytes, isL2Error } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { bytesPerBlob, opCodec, simpleCodec } from '../src/index.ts'

/** Both codecs on any bytes: a typed error, or data that encode to the same blob. */
export const target: FuzzTarget = {
  corpus: random =>
    [0, 1, 27, 28, 127, 4000, 126_975, 130_044].flatMap(length => {
      const data = random.bytes(length)
      return [opCodec.encode(data)[0]!, simpleCodec.encode(data)[0]!]
    }),
  run(input, random) {
    // Most mutations change the length, which is refused at once: bring the bytes back to it.
    const blob = random.bool(0.05) ? input : new Uint8Array(bytesPerBlob)
    if (blob !== input) blob.set(input.subarray(0, bytesPerBlob))
    for (const codec of [opCodec, simpleCodec]) {
      let data: Uint8Array
      try {
        data = codec.decode([blob])
      } catch (error) {
        if (isL2Error(error)) continue
        throw error
      }
      const same = blob.slice()
      // Nobody looks at the two highest bits of an OP blob's first byte.
      if (codec === opCodec) same[0]! &= 0x3f
      if (!equalBytes(codec.encode(data)[0]!, same)) throw new Error(`${codec.id}: two blobs decode to the same data`)
    }
  },
}
