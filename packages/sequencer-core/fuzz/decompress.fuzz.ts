import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { brotliCompressSync, deflateSync } from 'node:zlib'
import { equalBytes } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { type Decompress, inflateZlib } from '../src/batch/index.ts'
import { createBrotliDecompressSync } from '../src/compression/brotli.ts'
import { nodeDecompressors } from '../src/node.ts'

const wasm = createBrotliDecompressSync(
  readFileSync(createRequire(import.meta.url).resolve('brotli-dec-wasm/web/bg.wasm')),
)

/** The first byte chooses algorithm and limit, the rest is a compressed stream: Node and browser give the same, within the limit. */
export const target: FuzzTarget = {
  corpus: random =>
    Array.from({ length: 40 }, (_, i) => {
      const bytes = random.bytes(500 + random.below(2000)).map(byte => (byte % 5 === 0 ? byte : byte % 4))
      const packed = i % 2 === 0 ? deflateSync(bytes) : brotliCompressSync(bytes)
      return Uint8Array.from([i % 2, ...packed])
    }),
  run(input, random) {
    const [native, portable]: [Decompress, Decompress] =
      (input[0] ?? 0) % 2 === 0 ? [nodeDecompressors.zlib, inflateZlib] : [nodeDecompressors.brotli, wasm]
    const limit = random.bool() ? 10_000 : random.below(3000)
    const a = native(input.subarray(1), limit)
    const b = portable(input.subarray(1), limit)
    if (a.bytes.length > limit) throw new Error('beyond the limit')
    if (a.end !== b.end || !equalBytes(a.bytes, b.bytes)) {
      throw new Error(`${a.end} after ${a.bytes.length} in Node, ${b.end} after ${b.bytes.length} elsewhere`)
    }
  },
}
