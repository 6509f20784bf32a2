import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createOpEngine, findEngineFile, howToGet } from '@l2/op-engine/node'
import { createEngineApi } from '@l2/sequencer-core'
import type { ExecutedBlock, ExecutionEngine } from '@l2/sequencer-core/engine'
import { spawnOpGeth } from '@l2/sequencer-core/node'
import { createRandomChain, type RandomChain } from '@l2/sequencer-core/testing'
import type { Address, Hash } from 'viem'
import { afterAll, describe, expect, it } from 'vitest'
import { goProgram } from '../../../scripts/go.mjs'

// Blocks of a random chain, built by stock op-geth over the Engine API and by each of our engines: every hash must be the same. With branches, and heads that
// go back and over to them.

const isFull = process.env['L2_PEERS'] === 'full'
const blocksEach = isFull ? 200 : 25
const seed = Number(process.env['L2_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

const opGeth = goProgram('op-geth', { build: isFull })
if (opGeth === undefined) process.stdout.write('skipped: no op-geth to compare engines with\n')

const zeroHash: Hash = `0x${'00'.repeat(32)}`
const folder = mkdtempSync(join(tmpdir(), 'l2-engines-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Subject = AsyncDisposable & { engine: ExecutionEngine }
let started = 0

async function startOpGeth(chain: RandomChain): Promise<Subject> {
  const dataDir = join(folder, String(started++))
  const genesisPath = `${dataDir}.json`
  writeFileSync(genesisPath, JSON.stringify(chain.genesis))
  const geth = await spawnOpGeth({ binary: opGeth!, dataDir, genesisPath, chainId: 901n })
  const { engineUrl, rpcUrl, jwtSecret } = geth
  const engine = await createEngineApi({ engineUrl, rpcUrl, jwtSecret, mode: 'op-stack' })
  return { engine, [Symbol.asyncDispose]: () => geth.close() }
}

async function startOpEngine(chain: RandomChain, engine: 'wasm' | 'native'): Promise<Subject> {
  const opened = await createOpEngine({
    genesis: chain.genesis,
    engine,
    store: { path: join(folder, String(started++)) },
    history: { states: 0, bodies: 0 },
  })
  return { engine: opened, [Symbol.asyncDispose]: () => opened.close() }
}

/** The newest in every `npm test`, the others with `pnpm test:peers`. */
const forks = (['karst', 'jovian', 'isthmus'] as const).slice(0, process.env['L2_PEERS'] === undefined ? 1 : 3)
const kinds = ['wasm', 'native'] as const
const present = new Set<(typeof kinds)[number]>()
for (const kind of kinds) {
  if ((await findEngineFile(kind)) !== undefined) present.add(kind)
  else process.stdout.write(`skipped: no op-engine (${kind}); ${howToGet(kind)}\n`)
}

/** Builds one random chain with both, and compares all that they say of each block. */
async function compare(fork: (typeof forks)[number], kind: (typeof kinds)[number]): Promise<void> {
  const chain = createRandomChain({ seed, fork })
  await using reference = await startOpGeth(chain)
  await using subject = await startOpEngine(chain, kind)
  const genesis = (await reference.engine.block(0n))!
  expect((await subject.engine.block(0n))?.hash).toBe(genesis.hash)
  chain.begin(genesis)
  let head = genesis
  const count = { transactions: 0, failed: 0, branches: 0 }
  for (let made = 0; made < blocksEach; made++) {
    // Now and then a branch, one at least: from a few blocks back, and the head goes over to it or stays.
    const isBranch = chain.below(8) === 0 || made === 7
    const near = chain.blocks.slice(-6)
    const parent = isBranch ? near[chain.below(near.length)]! : head
    const next = await chain.next(parent.hash)
    const { attributes, senders } = next
    const block = await reference.engine.build(parent.hash, attributes)
    const other = await subject.engine.build(
      parent.hash,
      chain.below(2) === 0 ? attributes : { ...attributes, senders },
    )
    const place = `seed ${seed}, ${fork}, block ${made} at height ${block.number}`
    expect(fields(other), place).toEqual(fields(block))
    const receipts = await reference.engine.receipts!(block.hash)
    expect(await subject.engine.receipts!(block.hash), place).toEqual(receipts)
    chain.record(block, next)
    count.transactions += receipts.length
    count.failed += receipts.filter(({ success }) => !success).length
    if (isBranch) count.branches++
    if (isBranch && chain.below(2) === 0) continue
    head = block
    const heads = { head: head.hash, safe: zeroHash, finalized: zeroHash }
    await reference.engine.setHead(heads)
    await subject.engine.setHead(heads)
    expect((await subject.engine.block('latest'))?.hash, place).toBe(head.hash)
  }
  const accounts = Object.keys(chain.genesis.alloc) as Address[]
  expect(await subject.engine.accounts!(accounts)).toEqual(await reference.engine.accounts!(accounts))
  // Not a quiet chain: what it is made for has happened.
  expect(count.transactions).toBeGreaterThan(3 * blocksEach)
  expect(count.failed).toBeGreaterThan(blocksEach / 4)
  expect(count.branches).toBeGreaterThan(0)
}

/** What an engine says of a block; of its transactions, which were given, only how many there are. */
const fields = ({ transactions, ...rest }: ExecutedBlock) => ({ ...rest, transactions: transactions.length })

describe.skipIf(opGeth === undefined).each(kinds)(`op-engine (%s) and op-geth, seed ${seed}`, kind => {
  for (const fork of forks) {
    it.skipIf(!present.has(kind))(`give the same hashes on ${fork}`, { timeout: 1_200_000 }, () => compare(fork, kind))
  }
})
