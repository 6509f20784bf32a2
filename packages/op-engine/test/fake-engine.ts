import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * An engine file that is none: an empty WebAssembly module, and beside it a `wasm_exec.js` whose "program" is a few lines that answer, hang, throw and
 * end as they are told. What it shows is the host's part alone.
 */
export function writeFakeEngine(folder: string): string {
  const path = mkdtempSync(join(folder, 'fake-'))
  const file = join(path, 'op-engine.wasm')
  writeFileSync(file, Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
  writeFileSync(join(path, 'wasm_exec.js'), `(${program.toString()})()`)
  return file
}

/** Runs in the worker: no name from outside. */
function program(): void {
  const scope = globalThis as unknown as {
    Go: unknown
    fs: { writeSync(descriptor: number, bytes: Uint8Array): number }
    opengineHost: {
      get(key: Uint8Array): Uint8Array | undefined
      write(batch: Uint8Array): void
      cancelled(): boolean
      ready(engine: { call(message: Uint8Array): Uint8Array | undefined }): void
    }
  }
  scope.fs = { writeSync: () => 0 }
  const encode = (header: unknown): Uint8Array => {
    const json = new TextEncoder().encode(JSON.stringify(header))
    const message = new Uint8Array(8 + json.length)
    new DataView(message.buffer).setUint32(0, json.length)
    message.set(json, 4)
    return message
  }
  scope.Go = class {
    env = {}
    argv: string[] = []
    importObject = {}
    exit: (code: number) => void = () => {}
    run(): Promise<void> {
      return new Promise(resolve => {
        const die = (words: string): undefined => {
          scope.fs.writeSync(2, new TextEncoder().encode(words))
          this.exit(2)
          resolve()
          return undefined
        }
        let calls = 0
        const call = (message: Uint8Array): Uint8Array | undefined => {
          const length = new DataView(message.buffer, message.byteOffset).getUint32(0)
          const { id, method, params } = JSON.parse(new TextDecoder().decode(message.subarray(4, 4 + length)))
          calls++
          const head = { number: '0', hash: `0x${'11'.repeat(32)}` }
          if (method === 'open') return encode({ id, result: { name: 'fake', version: '1', genesis: head.hash, head } })
          switch (params.method ?? params.id) {
            case 'memory':
              return die('runtime: out of memory: cannot allocate 4194304-byte block (4294443008 in use)\n')
            case 'panic':
              return die('panic: runtime error: index out of range [1] with length 0\n\ngoroutine 1 [running]:\n')
            case 'trap':
              throw new WebAssembly.RuntimeError('unreachable')
            case 'exit':
              return process.exit(3) as never
            case 'loop':
              for (;;)
                if (scope.opengineHost.cancelled())
                  return encode({ id, error: { code: 'CANCELLED', message: 'cancelled' } })
            case 'hang':
              // For good, and without computing.
              Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
              return undefined
            case 'garbage':
              return Uint8Array.of(1, 2, 3)
            case 'store':
              try {
                scope.opengineHost.write(Uint8Array.of(1))
              } catch (error) {
                return encode({ id, error: { code: 'STORE_FAILED', message: String(error) } })
              }
          }
          if (method === 'rpc') return encode({ id, result: { result: { calls, method: params.method } } })
          return encode({ id, result: { block: null, done: true } })
        }
        scope.opengineHost.ready({ call })
      })
    }
  }
}
