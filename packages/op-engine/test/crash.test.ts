import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runs, seededRandom, testSeed } from '@l2/common/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { createOpEngine, type OpEngineKind } from '../src/node/index.js'
import { engineFileOrSkip, signed, testChain, zeroHash } from './chain.js'
import { childPrograms } from './child-programs.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-crash-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const files = { wasm: await engineFileOrSkip('wasm'), native: await engineFileOrSkip('native') }
const { building, hungry, env } = await childPrograms(folder)
const seed = testSeed(11)
const random = seededRandom(seed)

/** Runs the child until it has printed some blocks and a little longer, kills it, and returns what it had printed. */
async function killed(args: readonly string[], limit = ''): Promise<{ lines: string[]; output: string }> {
  const node = [process.execPath, building, ...args]
  const [program, ...rest] = limit === '' ? node : ['/bin/sh', '-c', `${limit}; exec "$0" "$@"`, ...node]
  const running = spawn(program!, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const blocks = 3 + random.below(12)
  const longerMs = random.below(60)
  let output = ''
  let errors = ''
  await new Promise<void>(resolve => {
    let isDying = false
    running.stdout!.on('data', (data: Buffer) => {
      output += data.toString()
      if (isDying || limit !== '' || output.split('\n').length <= blocks) return
      isDying = true
      setTimeout(() => running.kill('SIGKILL'), longerMs)
    })
    running.stderr!.on('data', (data: Buffer) => {
      errors += data.toString()
    })
    running.once('close', () => resolve())
  })
  // What has no line break may be half of a line.
  return { lines: output.split('\n').slice(0, -1), output: errors }
}

const cases: [OpEngineKind, 'lmdb' | 'log'][] = [
  ['wasm', 'lmdb'],
  ['wasm', 'log'],
  ['native', 'lmdb'],
]
for (const [engine, kind] of cases) {
  const file = files[engine]
  describe.skipIf(file === undefined)(`a ${engine} engine over ${kind} that is killed (seed ${seed})`, () => {
    it('has every block that it acknowledged, at whatever moment it ended, and builds on the last', {
      timeout: 600_000,
    }, async () => {
      const path = join(folder, `${engine}-${kind}`)
      const acknowledged = new Map<bigint, string>()
      for (let round = 0; round < runs({ suite: 1, soak: 40 }); round++) {
        const { lines, output } = await killed([path, kind, engine, file!])
        expect(lines.length, output).toBeGreaterThan(0)
        for (const line of lines) {
          const [number, hash] = line.split(' ') as [string, string]
          acknowledged.set(BigInt(number), hash)
        }
        const { genesis, after } = testChain('jovian')
        const store = { path, type: kind }
        const again = await createOpEngine({ genesis, store, engine, file })
        try {
          const head = (await again.block('latest'))!
          const last = [...acknowledged.keys()].reduce((a, b) => (a > b ? a : b))
          // The one after the last may have become the head without anybody hearing of it.
          expect([last, last + 1n]).toContain(head.number)
          for (const [number, hash] of acknowledged) expect((await again.block(number))?.hash).toBe(hash)
          const list = [await signed(0, Number(head.number))]
          const next = await again.build(head.hash, after(head, list))
          const reference = await createOpEngine({ genesis, store: 'memory', engine, file })
          let parent = (await reference.block(0n))!
          for (let number = 1n; number <= next.number; number++) {
            parent = await reference.build(parent.hash, after(parent, [await signed(0, Number(parent.number))]))
          }
          expect(next.hash).toBe(parent.hash)
          await reference.close()
        } finally {
          await again.close()
        }
      }
    })
  })
}

describe.skipIf(files.wasm === undefined)('an engine over a disk that is full', () => {
  const file = files.wasm!
  for (const kind of ['lmdb', 'log'] as const) {
    // A limit on the size of files is as near to a full disk as one gets without a disk of one's own.
    it.skipIf(process.platform === 'win32')(`says so, and has what it had (${kind})`, async () => {
      const path = join(folder, `full-${kind}`)
      const { lines, output } = await killed([path, kind, 'wasm', file], "trap '' XFSZ; ulimit -f 250")
      expect(output).toContain("code: 'ENGINE_STORE_FAILED'")
      expect(lines.length, output).toBeGreaterThan(0)
      const { genesis } = testChain('jovian')
      const again = await createOpEngine({ genesis, store: { path, type: kind }, file })
      for (const line of lines) {
        const [number, hash] = line.split(' ') as [string, string]
        expect((await again.block(BigInt(number)))?.hash).toBe(hash)
      }
      await again.close()
    })
  }
})

describe.skipIf(files.wasm === undefined)('an engine whose memory ends', () => {
  it('fails the request that ended it, and goes on from its store', () => {
    // WebAssembly ends at 4 GiB; here at a quarter of one, for the same to happen sooner.
    const node = ['--wasm-max-mem-pages=4096', hungry, join(folder, 'memory'), files.wasm!]
    const { stdout, stderr } = spawnSync(process.execPath, node, { env, encoding: 'utf8' })
    const lines = stdout.split('\n')
    expect(lines[0], stderr).toMatch(/^ENGINE_CRASHED retry the engine crashed: runtime: out of memory/)
    expect(lines[1]).toMatch(/^ENGINE_CRASHED abort /)
    expect(lines[2]).toBe('true 2')
  })
})

describe.skipIf(files.wasm === undefined)('an engine over a damaged store', () => {
  const file = files.wasm!
  const { genesis, after } = testChain('jovian')
  async function built(path: string, kind: 'lmdb' | 'log'): Promise<void> {
    const engine = await createOpEngine({ genesis, store: { path, type: kind }, file })
    let parent = (await engine.block('latest'))!
    for (let n = 0; n < 5; n++) {
      parent = await engine.build(parent.hash, after(parent, [await signed(0, n)]))
      await engine.setHead({ head: parent.hash, safe: zeroHash, finalized: zeroHash })
    }
    await engine.close()
  }
  const damages: [string, 'lmdb' | 'log', (data: string) => void][] = [
    ['lmdb, cut short', 'lmdb', data => truncateSync(data, 8192)],
    ['lmdb, something else', 'lmdb', data => writeFileSync(data, Buffer.alloc(100_000, 7))],
    [
      'lmdb, overwritten',
      'lmdb',
      data => {
        const bytes = readFileSync(data)
        bytes.fill(0xa5, 8192)
        writeFileSync(data, bytes)
      },
    ],
    [
      'log, one bit',
      'log',
      data => {
        const bytes = readFileSync(data)
        bytes[2000]! ^= 1
        writeFileSync(data, bytes)
      },
    ],
  ]
  for (const [what, kind, damage] of damages) {
    it(`names the file and what to do: ${what}`, async () => {
      const path = join(folder, what.replaceAll(/\W/g, '-'))
      await built(path, kind)
      const data = join(path, kind === 'lmdb' ? 'state.mdb' : '00000001.log')
      damage(data)
      const error: unknown = await createOpEngine({ genesis, store: { path, type: kind }, file }).catch(
        (caught: unknown) => caught,
      )
      expect(error).toMatchObject({ code: 'ENGINE_STORE_CORRUPT', recovery: 'abort', details: { file: data } })
      expect((error as Error).message).toContain('try: move the folder of the store away')
    })
  }

  it('refuses the store of another chain, and one that is in use', async () => {
    const path = join(folder, 'foreign')
    await built(path, 'lmdb')
    const other = testChain('jovian', { '0x00000000000000000000000000000000000000ee': { balance: 1n } }).genesis
    await expect(createOpEngine({ genesis: other, store: { path }, file })).rejects.toMatchObject({
      code: 'ENGINE_STORE_FOREIGN',
    })
    const engine = await createOpEngine({ genesis, store: { path }, file })
    await expect(createOpEngine({ genesis, store: { path }, file })).rejects.toMatchObject({
      code: 'ENGINE_STORE_LOCKED',
      recovery: 'retry',
    })
    await engine.close()
    await (await createOpEngine({ genesis, store: { path }, file })).close()
  })
})
