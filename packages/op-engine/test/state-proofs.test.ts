import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messagePasser, type StateProofsDependencies } from '@l2/sequencer-core/output'
import { type ProofsHarness, proofsConformance, storingContract } from '@l2/sequencer-core/testing'
import { afterAll, describe, it } from 'vitest'
import { createOpEngine, type OpEngineKind } from '../src/node/index.js'
import { chainId, engineFileOrSkip, keys, testChain } from './chain.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-op-engine-proofs-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let stores = 0
function harness(kind: OpEngineKind, file: string | undefined): () => Promise<ProofsHarness> {
  const { genesis, attributes } = testChain('jovian', { [messagePasser]: { nonce: 1n, code: storingContract } })
  return async () => {
    const store = { path: join(folder, String(stores++)) }
    const engine = await createOpEngine({ genesis, store, engine: kind, file })
    const reader = engine.reader()
    const request: StateProofsDependencies['request'] = async ({ method, params }) => {
      const { result, error } = await reader.request({ method, params })
      if (error !== undefined) throw Object.assign(new Error(error.message), error)
      return result
    }
    return {
      engine,
      request,
      chainId,
      key: keys[0]!,
      attributes,
      headerTells: true,
      async close() {
        await reader.close()
        await engine.close()
      },
    }
  }
}

for (const kind of ['wasm', 'native'] as const) {
  const file = await engineFileOrSkip(kind)
  describe.skipIf(file === undefined)(`state proofs of op-engine, ${kind}`, () => {
    for (const { name, run } of proofsConformance(harness(kind, file))) it(name, run)
  })
}
