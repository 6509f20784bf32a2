import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EngineHarness, engineConformance } from '@l2/sequencer-core/testing'
import { afterAll, describe, it } from 'vitest'
import type { OpEngine } from '../src/index.js'
import { createOpEngine, type NodeStore, type OpEngineKind } from '../src/node/index.js'
import { chainId, engineFileOrSkip, type Fork, keys, testChain } from './chain.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-op-engine-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const files = { wasm: await engineFileOrSkip('wasm'), native: await engineFileOrSkip('native') }

let stores = 0
function harness(engine: OpEngineKind, kind: 'lmdb' | 'log' | 'memory', fork: Fork): () => Promise<EngineHarness> {
  const { genesis, attributes } = testChain(fork)
  return async () => {
    const store: NodeStore = kind === 'memory' ? 'memory' : { path: join(folder, String(stores++)), type: kind }
    const open = () => createOpEngine({ genesis, store, engine, file: files[engine] })
    let current: OpEngine = await open()
    return {
      engine: current,
      chainId,
      keys,
      eip1559: { denominator: 250n, elasticity: 6n },
      deposits: true,
      opAttributes: true,
      opBlocks: true,
      attributes,
      ...(kind === 'memory'
        ? {}
        : {
            async reopen() {
              await current.close()
              current = await open()
              return current
            },
          }),
      close: () => current.close(),
    }
  }
}

const suites: [OpEngineKind, 'lmdb' | 'log' | 'memory', Fork][] = [
  ['wasm', 'lmdb', 'jovian'],
  ['wasm', 'log', 'isthmus'],
  ['native', 'lmdb', 'isthmus'],
  ['native', 'lmdb', 'jovian'],
]
for (const [engine, store, fork] of suites) {
  describe.skipIf(files[engine] === undefined)(`op-engine, ${engine}, store ${store}, ${fork}`, () => {
    for (const { name, run } of engineConformance(harness(engine, store, fork))) it(name, run)
  })
}
