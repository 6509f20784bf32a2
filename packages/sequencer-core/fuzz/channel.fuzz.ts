import { brotliCompressSync, constants, deflateSync } from 'node:zlib'
import { concatBytes } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { type Batch, encodeBatch } from '../src/batch/index.ts'
import { batchText, randomSingularBatch, randomSpanBatch } from '../src/batch/testdata/samples.ts'
import { openChannel } from '../src/index.ts'
import { nodeDecompressors } from '../src/node.ts'
import { encodeRlp } from '../src/rlp/rlp.ts'

const rollup = { chainId: 10n }
const maxRlpBytes = 100_000

function read(input: Uint8Array, portable: boolean): string {
  const options = { ...rollup, maxRlpBytes, ...(portable ? {} : { decompressors: nodeDecompressors }) }
  const reader = openChannel(input, options)
  const batches: Batch[] = []
  for (let batch = reader.next(); batch !== undefined; batch = reader.next()) batches.push(batch)
  if (reader.stream.length > maxRlpBytes) throw new Error('beyond the limit')
  if (reader.end === undefined) throw new Error('no end')
  return `${reader.compression} ${reader.end.type} ${batchText(batches)}`
}

/** Bytes of a channel, compressed or not; on zlib both decoders must see the same. */
export const target: FuzzTarget = {
  corpus: random =>
    Array.from({ length: 40 }, (_, i) => {
      const batches = [randomSpanBatch(random, 10n), randomSingularBatch(random, 10n)]
      const stream = concatBytes(...batches.map(batch => encodeRlp(encodeBatch(batch, rollup))))
      if (i % 2 === 0) return new Uint8Array(deflateSync(stream, { level: i % 3 === 0 ? 0 : 6 }))
      const params = { [constants.BROTLI_PARAM_QUALITY]: 4 }
      return concatBytes(Uint8Array.of(1), new Uint8Array(brotliCompressSync(stream, { params })))
    }),
  run(input) {
    const seen = read(input, false)
    if (input[0] !== 1 && read(input, true) !== seen) throw new Error('the decoders differ')
  },
}
