import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, it } from 'vitest'
import { createAnvilEngine } from '../engine/anvil.js'
import { anvilBinary, spawnAnvil } from '../engine/anvil-process.js'
import { writeTestGenesis } from '../engine/testdata/genesis.js'
import { deriveBadBatches } from './testdata/bad-batches.js'

const key = `0x${'a1'.repeat(32)}` as const
const folder = mkdtempSync(join(tmpdir(), 'l2-derive-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('runs on a real engine: what it refuses becomes a block of deposits, and the chain goes on', async () => {
  await using anvil = await spawnAnvil({
    binary: anvilBinary(import.meta.url)!,
    chainId: 901n,
    genesisPath: writeTestGenesis(folder, [key]),
  })
  const engine = await createAnvilEngine({ url: anvil.url })
  await deriveBadBatches(engine, key)
  await engine.close()
})
