import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutedBlock } from '@l2/sequencer-core/engine'
import { afterAll, describe, expect, it } from 'vitest'
import type { OpEngine } from '../src/index.js'
import { createOpEngine, type NodeStore, type OpEngineKind } from '../src/node/index.js'
import { accounts, engineFileOrSkip, signed, testChain, zeroHash } from './chain.js'
import { childPrograms } from './child-programs.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-reader-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const files = { wasm: await engineFileOrSkip('wasm'), native: await engineFileOrSkip('native') }

const looping = '0x00000000000000000000000000000000000010af'
/** Adds one to its slot 0. */
const counter = '0x00000000000000000000000000000000000c0de0'
const { genesis, after } = testChain('jovian', {
  [looping]: { code: '0x5b600056' },
  [counter]: { code: '0x60005460010160005500' },
})
const sink = '0x00000000000000000000000000000000000000aa'

async function grow(engine: OpEngine, blocks: number): Promise<ExecutedBlock[]> {
  const chain: ExecutedBlock[] = [(await engine.block('latest'))!]
  for (let n = 0; n < blocks; n++) {
    const parent = chain.at(-1)!
    const block = await engine.build(parent.hash, after(parent, [await signed(0, Number(parent.number))]))
    await engine.setHead({ head: block.hash, safe: parent.hash, finalized: chain.at(-2)?.hash ?? zeroHash })
    chain.push(block)
  }
  return chain
}

const places: [OpEngineKind, string, () => NodeStore][] = [
  ['wasm', 'lmdb', () => ({ path: join(folder, 'wasm-lmdb'), type: 'lmdb' })],
  ['wasm', 'log', () => ({ path: join(folder, 'wasm-log'), type: 'log' })],
  ['wasm', 'memory', () => 'memory'],
  ['native', 'its own', () => ({ path: join(folder, 'native') })],
]
for (const [engineKind, store, place] of places) {
  const file = files[engineKind]
  describe.skipIf(file === undefined)(`a reader beside a ${engineKind} engine, store ${store}`, () => {
    it('answers from the head and from old states, as the chain grows', async () => {
      const engine = await createOpEngine({ genesis, store: place(), engine: engineKind, file })
      const reader = engine.reader()
      const balanceAt = async (block: string) =>
        BigInt((await reader.request({ method: 'eth_getBalance', params: [sink, block] })).result as string)
      expect(await reader.request({ method: 'eth_blockNumber' })).toEqual({ result: '0x0' })
      await grow(engine, 30)
      expect(await reader.request({ method: 'eth_blockNumber' })).toEqual({ result: '0x1e' })
      expect([await balanceAt('0x1'), await balanceAt('0x11'), await balanceAt('latest')]).toEqual([1n, 17n, 30n])
      const head = (await engine.block('latest'))!
      const twig = await engine.build(head.parentHash, after((await engine.block(29n))!, []))
      await engine.setHead({ head: twig.hash, safe: zeroHash, finalized: zeroHash })
      expect(await balanceAt('latest')).toBe(29n)
      expect(await reader.request({ method: 'eth_nonsense' })).toMatchObject({ error: { code: -32601 } })
      await reader.close()
      await expect(reader.request({ method: 'eth_blockNumber' })).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' })
      expect((await engine.block('latest'))!.hash).toBe(twig.hash)
      await engine.close()
    })

    it('does not hold up the builder with a contract that loops', async () => {
      const engine = await createOpEngine({ genesis, store: 'memory', engine: engineKind, file })
      const reader = engine.reader()
      // Both are warm, so that what is compared is work.
      await grow(engine, 1)
      await reader.request({ method: 'eth_chainId' })
      let isOver = false
      const controller = new AbortController()
      const call = { to: looping, gas: '0xffffffffffff' }
      const endless = reader
        .request(
          { method: 'eth_call', params: [call, 'latest'] },
          {
            gasCap: 2 ** 47,
            timeoutMs: 60_000,
            signal: controller.signal,
          },
        )
        .finally(() => {
          isOver = true
        })
      endless.catch(() => {})
      await grow(engine, 10)
      expect(isOver).toBe(false)
      controller.abort(new Error('enough'))
      await expect(endless).rejects.toThrow('enough')
      expect(await reader.request({ method: 'eth_blockNumber' })).toEqual({ result: '0xb' })
      const timed = await reader.request(
        { method: 'eth_call', params: [call, 'latest'] },
        { gasCap: 2 ** 47, timeoutMs: 200 },
      )
      expect(timed.error?.message).toMatch(/timeout/)
      const capped = await reader.request(
        { method: 'eth_call', params: [{ to: looping }, 'latest'] },
        { gasCap: 100_000 },
      )
      expect(capped.error?.message).toMatch(/out of gas/)
      await engine.close()
    })

    it('takes times that are no whole milliseconds', async () => {
      const engine = await createOpEngine({ genesis, store: 'memory', engine: engineKind, file, tidyMs: 0.5 })
      await expect(engine.tidy()).resolves.toBe(true)
      const reader = engine.reader({ timeoutMs: 2_000.5 })
      expect(await reader.request({ method: 'eth_blockNumber' })).toEqual({ result: '0x0' })
      await engine.close()
    })

    it('tells what a call touches', async () => {
      const engine = await createOpEngine({ genesis, store: 'memory', engine: engineKind, file })
      const call = {
        from: accounts[0]!.address,
        to: counter,
        data: new Uint8Array(),
        value: 0n,
        gasLimit: 100_000n,
      } as const
      const traced = await engine.traceAccess(call)
      expect(traced.success).toBe(true)
      expect(traced.accessList).toEqual([{ address: counter, storageKeys: [zeroHash] }])
      expect(traced.gasUsed).toBeGreaterThan(21_000n)
      await engine.close()
    })
  })
}

describe.skipIf(files.native === undefined || process.platform === 'win32')('the native engine', () => {
  /** The program behind a script that writes down its process. */
  function traced(name: string): { file: string; pid(): number } {
    const file = join(folder, name)
    const pidFile = `${file}.pid`
    writeFileSync(file, `#!/bin/sh\necho $$ > ${pidFile}\nexec ${files.native}\n`)
    chmodSync(file, 0o755)
    return { file, pid: () => Number(readFileSync(pidFile, 'utf8')) }
  }
  const isAlive = (pid: number): boolean => {
    try {
      process.kill(pid, 0)
      return true
    } catch {
      return false
    }
  }

  it('is started again when it dies, and goes on from its own database', async () => {
    const { file, pid } = traced('supervised')
    const engine = await createOpEngine({ genesis, store: { path: join(folder, 'dies') }, engine: 'native', file })
    const chain = await grow(engine, 3)
    const first = pid()
    const busy = engine
      .reader()
      .request({ method: 'eth_call', params: [{ to: looping, gas: '0xffffffffffff' }] }, { gasCap: 2 ** 47 })
    process.kill(first, 'SIGKILL')
    await expect(busy).rejects.toMatchObject({ code: 'ENGINE_CRASHED', recovery: 'retry' })
    expect((await engine.block('latest'))!.hash).toBe(chain[3]!.hash)
    expect(pid()).not.toBe(first)
    await grow(engine, 2)
    expect((await engine.block('latest'))!.number).toBe(5n)
    await engine.close()
    expect(isAlive(pid())).toBe(false)
  })

  it('ends with its parent, however that ends', async () => {
    const { file, pid } = traced('orphan')
    const { building, env } = await childPrograms(folder)
    const parent = spawn(process.execPath, [building, join(folder, 'orphaned'), 'lmdb', 'native', file], {
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await new Promise(resolve => parent.stdout!.once('data', resolve))
    const sidecar = pid()
    expect(isAlive(sidecar)).toBe(true)
    parent.kill('SIGKILL')
    await expect.poll(() => isAlive(sidecar)).toBe(false)
  })
})
