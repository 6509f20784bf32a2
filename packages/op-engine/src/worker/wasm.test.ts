import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { engineFileOrSkip } from '../../test/chain.js'
import { encodeMessage } from '../protocol/message.js'
import { openLogStore } from '../store/log.js'
import { memoryFolder } from '../store/memory.js'
import { runWasm } from './wasm.js'

const file = await engineFileOrSkip('wasm')

describe.skipIf(file === undefined)('runWasm', () => {
  it('lets memory grow as it was told', async () => {
    await import(pathToFileURL(join(dirname(file!), 'wasm_exec.js')).href)
    const module = await WebAssembly.compile(await readFile(file!))
    /** Memory after a few hundred MiB of messages of which nothing is kept. */
    const grown = async (gcPercent: number, softMemoryBytes: number): Promise<number> => {
      const store = await openLogStore(memoryFolder(new Map(), () => {}))
      const engine = await runWasm({
        module,
        store,
        cancelled: () => false,
        onStoreError() {},
        gcPercent,
        softMemoryBytes,
      })
      const message = encodeMessage({ id: 1, method: 'nothing', params: {} }, [new Uint8Array(4 << 20)])
      for (let n = 0; n < 75; n++) engine.call(message)
      return engine.memoryBytes()
    }
    const freely = await grown(10_000, 2 ** 31)
    expect(await grown(20, 2 ** 31)).toBeLessThan(freely / 2)
    expect(await grown(10_000, 96 << 20)).toBeLessThan(freely / 2)
  })
})
