import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runs } from '@l2/common/testing'
import { agreedHeight, type BlockRecord, checkedEngine, type EngineKind, findOpEngine, RpcAnswerError } from '@l2/node'
import type { Hash, Hex } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { devMnemonic } from '../src/dev-accounts.js'
import { type EngineChain, startChain } from './engine-chain.js'

const account = mnemonicToAccount(devMnemonic, { addressIndex: 0 }).address
const endowment = `0x${(1_000_000n * 10n ** 18n).toString(16)}`
const opKinds: EngineKind[] = []
for (const [kind, build] of [
  ['op-engine', 'wasm'],
  ['native', 'native'],
] as const) {
  const { isThere, howToGet } = await findOpEngine(build)
  if (isThere) opKinds.push(kind)
  else process.stdout.write(`skipped: ${kind}; ${howToGet}\n`)
}

const recordOf = ({ blocks }: EngineChain, last = blocks.length - 1): BlockRecord => ({
  last: BigInt(last),
  hashAt: async number => blocks[Number(number)]?.hash,
})
const using = async (kind: EngineKind, run: (chain: EngineChain) => Promise<void>): Promise<void> => {
  const chain = await startChain(kind)
  try {
    await run(chain)
  } finally {
    await chain.close()
  }
}
/** A call without end, by code that is put in place of an account's. */
const looping = [{ to: account, gas: '0x4000000000000' }, 'latest', { [account]: { code: '0x5b600056' } }] as const

describe.each(opKinds)('%s', kind => {
  it('answers for block 1 after many blocks, carries randomness and beacon root, and starts where it was', () =>
    using(kind, async chain => {
      const count = runs({ suite: 150, soak: 1_000 })
      await chain.grow(count, 40n)
      const { read } = chain.engine
      expect(await read('eth_getBalance', [account, '0x1'])).toBe(endowment)
      const proof = await read<{ balance: Hex }>('eth_getProof', [account, [], '0x1'])
      expect(proof.balance).toBe(endowment)
      const head = await read<Record<string, Hex>>('eth_getBlockByNumber', ['latest', false])
      expect(head).toMatchObject({
        number: `0x${count.toString(16)}`,
        hash: chain.blocks.at(-1)!.hash,
        mixHash: `0x${'5a'.repeat(32)}`,
        parentBeaconBlockRoot: `0x${'6b'.repeat(32)}`,
      })

      await chain.restart()
      expect(chain.engine.restored()).toMatchObject({ number: BigInt(count), hash: chain.blocks.at(-1)!.hash })
      expect(await agreedHeight(chain.engine, 'op', recordOf(chain))).toBe(BigInt(count))
      expect(await chain.engine.read('eth_getBalance', [account, '0x1'])).toBe(endowment)
      await chain.grow(1)
    }))

  it('goes back to the end of a shorter record, and begins anew on the record of another chain', () =>
    using(kind, async chain => {
      await chain.grow(12)
      await chain.restart()
      expect(await agreedHeight(chain.engine, 'op', recordOf(chain, 7))).toBe(7n)
      const hash = chain.blocks[7]!.hash
      await chain.engine.engine.setHead({ head: hash, safe: hash, finalized: hash })
      expect((await chain.engine.engine.block('latest'))?.number).toBe(7n)

      const stranger: Hash = `0x${'77'.repeat(32)}`
      expect(await agreedHeight(chain.engine, 'op', { last: 12n, hashAt: async () => stranger })).toBe(0n)
      expect(chain.engine.restored()).toBeUndefined()
      expect((await chain.engine.engine.block('latest'))?.hash).toBe(chain.blocks[0]!.hash)
      chain.blocks.length = 1
      await chain.grow(2)
    }))

  it('goes on from where a branch that was taken back begins', () =>
    using(kind, async chain => {
      await chain.grow(9)
      const record = recordOf(chain)
      // It ends on another branch than the record: the fifth block stands on the third.
      const { engine } = chain.engine
      const twig = await engine.build(chain.blocks[3]!.hash, {
        ...chain.after(chain.blocks[3]!),
        suggestedFeeRecipient: account,
      })
      await engine.setHead({ head: twig.hash, safe: chain.blocks[0]!.hash, finalized: chain.blocks[0]!.hash })
      await chain.restart()
      expect(chain.engine.restored()).toMatchObject({ number: 4n, hash: twig.hash })
      expect(await agreedHeight(chain.engine, 'op', record)).toBe(3n)
      expect(chain.engine.restored()).toBeDefined()
      const again = await chain.engine.engine.import(chain.blocks[4]!, chain.after(chain.blocks[3]!))
      expect(again.hash).toBe(chain.blocks[4]!.hash)
    }))

  // A native engine is through with all the gas that a call may have before there is anything to see.
  it.runIf(kind === 'op-engine')('answers small reads beside as many endless calls as the door lets through', () =>
    using(kind, async chain => {
      const { read } = chain.engine
      await read('eth_getBalance', [account, 'latest'])
      const order: string[] = []
      const loops = Array.from({ length: 3 }, async () => {
        await read('eth_call', looping).catch(() => {})
        order.push('loop')
      })
      for (let count = 0; count < 20; count++) await read('eth_getBalance', [account, 'latest'])
      order.push('balances')
      await Promise.all(loops)
      expect(order[0]).toBe('balances')
    }),
  )

  it('builds while users loop without end', () =>
    using(kind, async chain => {
      const [parent] = chain.blocks
      const order: string[] = []
      const reads = Array.from({ length: 8 }, async (_, index) => {
        const outcome = await chain.engine.read('eth_call', looping).catch((error: RpcAnswerError) => error)
        order.push('read')
        return { index, outcome }
      })
      await chain.grow(5)
      order.push('blocks')
      for (const { outcome } of await Promise.all(reads)) expect(outcome).toBeInstanceOf(RpcAnswerError)
      // Each of them takes the gas or the time that a read may take: far more than five empty blocks.
      expect(order.filter((what, at) => what === 'read' && at < order.indexOf('blocks')).length).toBeLessThan(8)
      expect(parent!.number).toBe(0n)
    }))
})

describe('anvil', () => {
  it('takes up its newest final state at a start, and begins anew when that is damaged or of another chain', () =>
    using('anvil', async chain => {
      const written = join(chain.directory, 'test.dump.json')
      for (let tries = 0; !existsSync(written); tries++) {
        if (tries > 100) throw new Error('no state was written down')
        await chain.grow(8, 4n)
      }
      await chain.grow(3, 4n)
      await chain.restart()
      const restored = chain.engine.restored()!
      expect(restored.number).toBeGreaterThanOrEqual(64n)
      expect(restored.hash).toBe(chain.blocks[Number(restored.number)]!.hash)
      expect(await agreedHeight(chain.engine, 'anvil', recordOf(chain))).toBe(restored.number)
      // What came after is executed again, to the same hashes.
      for (const block of chain.blocks.slice(Number(restored.number) + 1)) {
        const parent = chain.blocks[Number(block.number) - 1]!
        await chain.engine.engine.import(block, chain.after(parent))
      }
      expect((await chain.engine.engine.block(5n))?.hash).toBe(chain.blocks[5]!.hash)

      const state = join(chain.directory, 'test.state.json')
      writeFileSync(state, readFileSync(state, 'utf8').slice(0, 5000))
      await chain.restart()
      expect(chain.engine.restored()).toBeUndefined()
      expect((await chain.engine.engine.block('latest'))?.number).toBe(0n)
      expect(existsSync(written)).toBe(false)
    }))

  it('builds while users loop, whose calls have no more gas than a block', () =>
    using('anvil', async chain => {
      const order: string[] = []
      const reads = Array.from({ length: 40 }, async () => {
        const outcome = await chain.engine.read('eth_call', looping).catch((error: unknown) => error)
        order.push('read')
        return outcome
      })
      await chain.grow(3)
      order.push('blocks')
      for (const outcome of await Promise.all(reads)) expect(outcome).toBeInstanceOf(RpcAnswerError)
      // Forty wait, two are at work: no block waits for more than those.
      expect(order.indexOf('blocks')).toBeLessThan(20)
    }))
})

describe.skipIf(!opKinds.includes('op-engine'))('two engines as one', () => {
  it('agree, and say which block they do not agree on', async () => {
    const [first, second] = await Promise.all([startChain('op-engine'), startChain('op-engine')])
    try {
      const both = checkedEngine(first.engine, second.engine)
      const [genesis] = first.blocks
      const block = await both.engine.build(genesis!.hash, first.after(genesis!))
      await both.engine.setHead({ head: block.hash, safe: block.hash, finalized: block.hash })
      expect((await second.engine.engine.block('latest'))?.hash).toBe(block.hash)
      const refused = [...first.after(block).transactions, Uint8Array.of(2, 0xc0)]
      await expect(
        both.engine.build(block.hash, { ...first.after(block), transactions: refused }),
      ).rejects.toMatchObject({ code: 'ENGINE_TRANSACTION_INVALID' })

      const lying = {
        ...second.engine,
        engine: {
          ...second.engine.engine,
          name: 'a liar',
          build: (parent: Hash, attributes: Parameters<typeof both.engine.build>[1]) =>
            second.engine.engine.build(parent, { ...attributes, prevRandao: parent }),
        },
      }
      const error = await checkedEngine(first.engine, lying)
        .engine.build(block.hash, first.after(block))
        .catch((caught: unknown) => caught)
      expect(error).toMatchObject({ code: 'ENGINES_DISAGREE', details: { number: 2n } })
      expect((error as Error).message).toMatch(/block 2 .*a liar gives 0x/)
    } finally {
      await Promise.all([first.close(), second.close()])
    }
  })
})
