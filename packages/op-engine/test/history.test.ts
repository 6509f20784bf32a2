import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createStateProofs, type StateProofsDependencies } from '@l2/sequencer-core/output'
import { afterAll, describe, expect, it } from 'vitest'
import { createOpEngine, type OpEngineKind } from '../src/node/index.js'
import { engineFileOrSkip, signed, testChain } from './chain.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-history-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const files = { wasm: await engineFileOrSkip('wasm'), native: await engineFileOrSkip('native') }

/** Stores one at as many new slots as its gas is worth: work for whoever forgets states. */
const filling = '0x00000000000000000000000000000000000f1111'
const code = '0x5b5a61c3501160155760015a4360201b17556000565b00'

const cases: [OpEngineKind, 'lmdb' | 'log'][] = [
  ['wasm', 'lmdb'],
  ['wasm', 'log'],
  ['native', 'lmdb'],
]
for (const [engineKind, kind] of cases) {
  const file = files[engineKind]
  describe.skipIf(file === undefined)(`the history of a ${engineKind} engine over ${kind}`, () => {
    it('is as long as was asked for, behind the finalized block, and the chain goes on', async () => {
      const { genesis, after } = testChain('jovian', { [filling]: { code } })
      const store = { path: join(folder, `${engineKind}-${kind}`), type: kind }
      const options = { genesis, store, engine: engineKind, file, history: { states: 5, bodies: 10 } }
      let engine = await createOpEngine(options)
      const chain = [(await engine.block('latest'))!]
      for (let n = 0; n < 40; n++) {
        const parent = chain.at(-1)!
        const list = [await signed(0, n), await signed(1, n, { to: filling, value: 0n, gas: 3_000_000n })]
        const block = await engine.build(parent.hash, after(parent, list))
        chain.push(block)
        const finalized = chain[Math.max(0, n - 2)]!.hash
        await engine.setHead({ head: block.hash, safe: finalized, finalized })
      }
      while (!(await engine.tidy(200))) {}
      for (let start = 0; start < 2; start++) {
        const reader = engine.reader()
        const balance = async (number: number) =>
          reader.request({
            method: 'eth_getBalance',
            params: ['0x00000000000000000000000000000000000000aa', `0x${number.toString(16)}`],
          })
        // Finalized is 37; what is unfinalized and five states behind it are there.
        for (const number of [40, 38, 37, 33])
          expect(await balance(number)).toEqual({ result: `0x${number.toString(16)}` })
        const request: StateProofsDependencies['request'] = async call => {
          const { result, error } = await reader.request(call)
          if (error !== undefined) throw Object.assign(new Error(error.message), error)
          return result
        }
        const within = (depthBlocks: bigint) => createStateProofs({ name: engine.name, depthBlocks }, { request })
        expect(await within(7n).probe()).toEqual({ head: 40n, oldest: 33n, isWhole: true })
        await expect(within(37n).probe()).rejects.toMatchObject({ code: 'PROOFS_UNAVAILABLE', details: { number: 3n } })
        expect((await balance(3)).error?.message).toMatch(/missing trie node|state .*not available|pruned/i)
        expect((await engine.block(30n))?.hash).toBe(chain[30]!.hash)
        await expect(engine.block(3n)).rejects.toMatchObject({ code: 'ENGINE_STATE_PRUNED' })
        await expect(engine.receipts(chain[3]!.hash)).rejects.toMatchObject({ code: 'ENGINE_STATE_PRUNED' })
        await expect(engine.build(chain[3]!.hash, after(chain[3]!))).rejects.toMatchObject({
          code: 'ENGINE_STATE_PRUNED',
        })
        const next = await engine.build(chain[40]!.hash, after(chain[40]!, [await signed(0, 40)]))
        expect(next.number).toBe(41n)
        await engine.close()
        engine = await createOpEngine(options)
      }
      await engine.close()
    })
  })
}
