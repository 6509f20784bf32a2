import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { afterAll, describe, expect, it } from 'vitest'
import { attributesAfter, type EngineHarness, engineConformance } from '../testing/engine-conformance.js'
import { createAnvilEngine } from './anvil.js'
import { anvilBinary, spawnAnvil } from './anvil-process.js'
import { writeTestGenesis } from './testdata/genesis.js'

const keys: Hex[] = [`0x${'a1'.repeat(32)}`, `0x${'b2'.repeat(32)}`]
const folder = mkdtempSync(join(tmpdir(), 'l2-anvil-'))
const genesisPath = writeTestGenesis(folder, keys)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const binary = anvilBinary(import.meta.url)!

async function start() {
  const anvil = await spawnAnvil({ binary, chainId: 901n, genesisPath })
  const engine = await createAnvilEngine({ url: anvil.url })
  return { anvil, engine }
}

async function create(): Promise<EngineHarness> {
  const { anvil, engine } = await start()
  return {
    engine,
    chainId: 901n,
    keys,
    eip1559: { denominator: 250n, elasticity: 6n },
    deposits: true,
    opAttributes: true,
    async close() {
      await engine.close()
      await anvil.close()
    },
  }
}

describe('createAnvilEngine', () => {
  for (const { name, run } of engineConformance(create)) it(name, run)

  it('changes the gas limit, the fee recipient and the EIP-1559 parameters from block to block', async () => {
    const { anvil, engine } = await start()
    try {
      let parent = (await engine.block('latest'))!
      const recipients = [
        '0x00000000000000000000000000000000000000c0',
        '0x00000000000000000000000000000000000000c2',
      ] as const
      for (let height = 0; height < 6; height++) {
        const gasLimit = 20_000_000n + 1_000_000n * BigInt(height >> 1)
        const attributes = attributesAfter(parent, [], {
          gasLimit,
          suggestedFeeRecipient: recipients[height % 2]!,
          eip1559Params: height % 2 === 0 ? '0x0000003200000002' : undefined,
          minBaseFee: height === 4 ? 2_000_000_000n : undefined,
        })
        const block = await engine.build(parent.hash, attributes)
        expect(block.gasLimit).toBe(gasLimit)
        // An empty block lowers the base fee by its parent's 1/denominator; the minimum of block 5 holds in block 6.
        const fallen = parent.baseFeePerGas - parent.baseFeePerGas / (height % 2 === 1 ? 50n : 250n)
        expect(block.baseFeePerGas).toBe(height === 5 ? 2_000_000_000n : fallen)
        await engine.setHead({ head: block.hash, safe: block.hash, finalized: block.hash })
        parent = block
      }
      // What was forgotten below the finalized block is read from anvil.
      expect((await engine.block(1n))?.number).toBe(1n)
    } finally {
      await anvil.close()
    }
  })

  it('comes to the same states again after a rollback far into a long chain', async () => {
    const { anvil, engine } = await start()
    try {
      const blocks = [(await engine.block('latest'))!]
      for (let height = 1; height <= 560; height++) {
        const parent = blocks.at(-1)!
        blocks.push(await engine.build(parent.hash, attributesAfter(parent, [])))
      }
      const heads = { safe: blocks[0]!.hash, finalized: blocks[0]!.hash }
      await engine.setHead({ ...heads, head: blocks[560]!.hash })
      await engine.setHead({ ...heads, head: blocks[320]!.hash })
      expect(await engine.block(321n)).toBeUndefined()
      await engine.setHead({ ...heads, head: blocks[340]!.hash })
      expect((await engine.block(330n))?.hash).toBe(blocks[330]!.hash)
      await expect(engine.setHead({ ...heads, head: blocks[1]!.hash })).rejects.toMatchObject({ code: 'ENGINE_RPC' })
      expect((await engine.block('latest'))?.hash).toBe(blocks[340]!.hash)
    } finally {
      await anvil.close()
    }
  })
})
