import init, { BrotliStreamResultCode, DecompressStream, initSync } from 'brotli-dec-wasm/web'
import { BoundedOutput, type Decompress } from './compression.js'

/**
 * brotli for browsers: Google's decoder, compiled to WebAssembly by `brotli-dec-wasm` (200 kB). Bundlers differ in how they ship a `.wasm` file, so the
 * module is handed in.
 *
 * @param wasm the module of `brotli-dec-wasm/web/bg.wasm`: a URL, the response to a fetch of it, its bytes, or the compiled module
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs'
 * import { createRequire } from 'node:module'
 * import { brotliCompressSync } from 'node:zlib'
 * import { createBrotliDecompress } from '@l2/sequencer-core/brotli'
 *
 * const wasm = readFileSync(createRequire(import.meta.url).resolve('brotli-dec-wasm/web/bg.wasm'))
 * const decompress = await createBrotliDecompress(wasm)
 * console.log(decompress(brotliCompressSync(new Uint8Array(5000)), 1_000_000).bytes.length) // 5000
 * console.log(decompress(brotliCompressSync(new Uint8Array(5000)), 1_000).end) // limit
 * ```
 */
export async function createBrotliDecompress(
  wasm: URL | Response | BufferSource | WebAssembly.Module | Promise<Response>,
): Promise<Decompress> {
  await init({ module_or_path: wasm })
  return decompressBrotli
}

/** The same at once, where the bytes are at hand. */
export function createBrotliDecompressSync(wasm: BufferSource | WebAssembly.Module): Decompress {
  initSync({ module: wasm })
  return decompressBrotli
}

/**
 * op-node reads a channel through a buffer of 4 kB, of which the algorithm byte is the first, and then in steps of 32 kB. A brotli decoder hands out what
 * it has at the end of each step, so the steps decide how much of a corrupt stream counts.
 */
const firstInputChunk = 4095
const inputChunk = 32_768
const outputChunk = 1 << 16

/** The window bits with which streams of Brotli's "large window" begin; RFC 7932 reserves them, and op-node's decoder refuses them. */
const isLargeWindow = (input: Uint8Array): boolean => input.length > 0 && (input[0]! & 0x7f) === 0x11

const decompressBrotli: Decompress = (input, maxBytes) => {
  if (isLargeWindow(input)) return { bytes: new Uint8Array(), end: 'corrupt' }
  const stream = new DecompressStream()
  try {
    const output = new BoundedOutput(maxBytes)
    let at = 0
    let end = Math.min(input.length, firstInputChunk)
    for (;;) {
      let result: ReturnType<DecompressStream['decompress']>
      try {
        result = stream.decompress(input.subarray(at, end), Math.min(outputChunk, maxBytes - output.length + 1))
      } catch {
        return { bytes: output.bytes(), end: 'corrupt' }
      }
      const { code, buf, input_offset: consumed } = result
      result.free()
      output.push(buf)
      if (output.overflow) return { bytes: output.bytes(), end: 'limit' }
      if (code === BrotliStreamResultCode.ResultSuccess) return { bytes: output.bytes(), end: 'complete' }
      at += consumed
      // Whatever it still holds comes first, a piece at a time.
      if (code !== BrotliStreamResultCode.NeedsMoreInput || buf.length > 0) continue
      if (end === input.length) return { bytes: output.bytes(), end: 'unterminated' }
      at = end
      end = Math.min(input.length, end + inputChunk)
    }
  } finally {
    stream.free()
  }
}

export type { Decompress, Decompressed } from './compression.js'
