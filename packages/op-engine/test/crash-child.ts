// Builds one block after another and prints each once it is the head. Started by crash.test.ts, which kills it.
import { writeSync } from 'node:fs'
import { createOpEngine, type OpEngineKind } from '../src/node/index.js'
import { signed, testChain, zeroHash } from './chain.js'

const [path, kind, engineKind, file] = process.argv.slice(2) as [string, 'lmdb' | 'log', OpEngineKind, string]
const { genesis, after } = testChain('jovian')
const engine = await createOpEngine({ genesis, store: { path, type: kind }, engine: engineKind, file })
let parent = (await engine.block('latest'))!
for (;;) {
  const block = await engine.build(parent.hash, after(parent, [await signed(0, Number(parent.number))]))
  await engine.setHead({ head: block.hash, safe: parent.hash, finalized: zeroHash })
  writeSync(1, `${block.number} ${block.hash}\n`)
  parent = block
}
