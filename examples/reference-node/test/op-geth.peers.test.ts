import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { agreedHeight, catchUp, checkedEngine, findOpEngine, startEngine } from '@l2/node'
import { describe, expect, it } from 'vitest'
import { goProgram } from '../../../scripts/go.mjs'
import { type EngineChain, startChain } from './engine-chain.js'

// What only op-geth does at the start and the end of a node that runs on it.

const binary = goProgram('op-geth', { build: process.env['L2_PEERS'] === 'full' })
if (binary === undefined) process.stdout.write('skipped: no op-geth to run a node on\n')
else process.env['L2_OP_GETH'] = binary
const { isThere: hasOpEngine } = await findOpEngine('wasm')

const recordOf = ({ blocks }: EngineChain, last = blocks.length - 1) => ({
  last: BigInt(last),
  hashAt: async (number: bigint) => blocks[Number(number)]?.hash,
})

describe.skipIf(binary === undefined)('op-geth', () => {
  it('goes on from its head after an orderly end', async () => {
    const chain = await startChain('op-geth')
    try {
      await chain.grow(20)
      await chain.restart()
      expect(chain.engine.restored()).toMatchObject({ number: 20n, hash: chain.blocks[20]!.hash })
      await chain.grow(1)
    } finally {
      await chain.close()
    }
  })

  it('goes back to where a shorter record ends while it has the state there, and begins anew where not', async () => {
    const chain = await startChain('op-geth')
    try {
      await chain.grow(200)
      await chain.restart()
      for (const last of [190, 20]) {
        const agreed = await agreedHeight(chain.engine, 'op', recordOf(chain, last))
        expect(agreed).toBe(last === 190 ? 190n : 0n)
        const parent = chain.blocks[Number(agreed)]!
        await chain.engine.engine.setHead({ head: parent.hash, safe: parent.hash, finalized: parent.hash })
        const next = await chain.engine.engine.build(parent.hash, chain.after(parent))
        expect(next.hash).toBe(chain.blocks[Number(agreed) + 1]!.hash)
      }
    } finally {
      await chain.close()
    }
  })

  it('begins with our genesis where the making of its database was interrupted, not with that of Ethereum', async () => {
    const chain = await startChain('op-geth')
    try {
      await chain.engine.close()
      const data = join(chain.directory, 'test-op-geth')
      rmSync(data, { recursive: true })
      mkdirSync(join(data, 'geth', 'chaindata'), { recursive: true })
      chain.engine = await startEngine(chain.options)
      expect((await chain.engine.engine.block(0n))?.hash).toBe(chain.blocks[0]!.hash)
    } finally {
      await chain.close()
    }
  })

  it('starts with another history than before', async () => {
    const chain = await startChain('op-geth')
    try {
      await chain.grow(2)
      await chain.engine.close()
      for (const states of [0, 86_400, 0]) {
        chain.engine = await startEngine({ ...chain.options, history: { states, bodies: 0 } })
        expect(await agreedHeight(chain.engine, 'op', recordOf(chain))).toBe(states === 0 ? 0n : 2n)
        await chain.engine.close()
      }
    } finally {
      await chain.close()
    }
  })

  it.skipIf(!hasOpEngine)('is brought to where the record ends from far behind an engine that it checks', async () => {
    const ahead = await startChain('op-geth')
    const behind = await startChain('op-engine')
    try {
      // More blocks than op-geth keeps states of.
      await ahead.grow(140)
      await ahead.restart()
      const both = checkedEngine(behind.engine, ahead.engine)
      const executed: number[] = []
      for (const part of both.parts) {
        await catchUp(part, 'op', recordOf(ahead), async above => {
          const missing = ahead.blocks.slice(Number(above) + 1)
          executed.push(missing.length)
          for (const block of missing) {
            const parent = ahead.blocks[Number(block.number) - 1]!
            await part.engine.import(block, ahead.after(parent))
            await part.engine.setHead({ head: block.hash, safe: block.hash, finalized: block.hash })
          }
        })
      }
      expect(executed).toEqual([140, 0])
      const head = ahead.blocks.at(-1)!
      const next = await both.engine.build(head.hash, ahead.after(head))
      expect(next.number).toBe(141n)
    } finally {
      await ahead.close()
      await behind.close()
    }
  })
})
