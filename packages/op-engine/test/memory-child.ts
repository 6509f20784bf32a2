// Hands the engine more than its memory holds, which crash.test.ts limits, and prints what becomes of it.
import { createOpEngine } from '../src/node/index.js'
import { testChain, zeroHash } from './chain.js'

const [path, file] = process.argv.slice(2) as [string, string]
const { genesis, after } = testChain('jovian')
const engine = await createOpEngine({ genesis, store: { path }, file })
const parent = (await engine.block('latest'))!
const head = await engine.build(parent.hash, after(parent))
await engine.setHead({ head: head.hash, safe: zeroHash, finalized: zeroHash })
for (const bytes of [300 << 20, 300 << 20]) {
  const error = await engine.build(head.hash, after(head, [new Uint8Array(bytes)])).catch((caught: unknown) => caught)
  const { code, recovery, message } = error as { code: string; recovery: string; message: string }
  process.stdout.write(`${code} ${recovery} ${message.split('\n')[0]}\n`)
}
const next = await engine.build(head.hash, after(head))
process.stdout.write(`${(await engine.block('latest'))!.hash === head.hash} ${next.number}\n`)
await engine.close()
