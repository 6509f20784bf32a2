import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { agreedHeight, catchUp, checkedEngine, findOpEngine, RpcAnswerError, startEngine } from '@l2/node'
import { describe, expect, it } from 'vitest'
import { goProgram } from '../../../scripts/go.mjs'
import { type EngineChain, startChain } from './engine-chain.js'

// What only op-geth does at the start and the end of a node that runs on it. With `pnpm test:peers` alone: each case starts op-geth a few times.

const wanted = process.env['L2_PEERS'] !== undefined
const isFull = process.env['L2_PEERS'] === 'full'
const binary = wanted ? goProgram('op-geth', { build: isFull }) : undefined
if (binary === undefined)
  process.stdout.write('skipped: a node on op-geth; pnpm test:peers test/op-geth, which needs Go\n')
else process.env['L2_OP_GETH'] = binary
const { isThere: hasOpEngine } = await findOpEngine('wasm')

const recordOf = ({ blocks }: EngineChain, last = blocks.length - 1) => ({
  last: BigInt(last),
  hashAt: async (number: bigint) => blocks[Number(number)]?.hash,
})

/** Ends the program that has a data directory open, as the system would. */
function killProgramOf(dataDir: string): void {
  const processes = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n')
  const own = processes.filter(line => line.includes(`--datadir ${dataDir} `) && /^\s*\d+ \S*op-geth/.test(line))
  expect(own).toHaveLength(1)
  process.kill(Number.parseInt(own[0]!, 10), 'SIGKILL')
}

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
      const data = join(chain.directory, 'test-op-geth-history')
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
        expect(await agreedHeight(chain.engine, 'op', recordOf(chain))).toBe(2n)
        await chain.engine.close()
      }
    } finally {
      await chain.close()
    }
  })

  // Its index begins 15 seconds after a start.
  it.skipIf(!isFull)(
    'proves at the depth of the history, beyond the 128 blocks of its default',
    { timeout: 240_000 },
    async () => {
      const chain = await startChain('op-geth', { ageSeconds: 3600, history: { states: 200, bodies: 0 } })
      const proves = async (age: number): Promise<boolean> => {
        const at = `0x${(BigInt(chain.blocks.length - 1) - BigInt(age)).toString(16)}`
        const call = chain.engine.read('eth_getProof', ['0x4200000000000000000000000000000000000016', [], at])
        return await call.then(
          () => true,
          error => {
            if (error instanceof RpcAnswerError) return false
            throw error
          },
        )
      }
      const until = async (age: number): Promise<void> => {
        for (const deadline = Date.now() + 90_000; !(await proves(age)); await pause(500)) {
          if (Date.now() > deadline) throw new Error(`nothing is proved at the age of ${age} blocks`)
        }
      }
      try {
        await chain.grow(400)
        await until(199)
        expect(await proves(390)).toBe(false)
        await chain.restart()
        expect(chain.engine.restored()?.number).toBe(400n)
        await until(199)
      } finally {
        await chain.close()
      }
    },
  )

  it('is started again where its program was killed, with the state that had got to disk, and brought to the end of the record', async () => {
    const chain = await startChain('op-geth')
    try {
      await chain.grow(300)
      const executed: bigint[] = []
      const isBack = new Promise<void>(resolve => {
        chain.engine.onRestart(async node => {
          await catchUp(node, 'op', recordOf(chain), above => chain.execute(node, above, executed))
          resolve()
        })
      })
      killProgramOf(join(chain.directory, 'test-op-geth-history'))
      await isBack
      expect(executed.at(-1)).toBe(300n)
      // Not from the genesis.
      expect(executed[0]).toBeGreaterThan(100n)
      await expect.poll(() => chain.engine.down).toBeUndefined()
      expect((await chain.grow(1)).at(-1)!.number).toBe(301n)
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
          const numbers: bigint[] = []
          await ahead.execute(part, above, numbers)
          executed.push(numbers.length)
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
