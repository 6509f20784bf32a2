import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { OpEngine } from '../src/index.js'
import { createOpEngine } from '../src/node/index.js'
import { writeFakeEngine } from './fake-engine.js'

const zeroAddress = `0x${'00'.repeat(20)}` as const
const folder = mkdtempSync(join(tmpdir(), 'l2-host-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = writeFakeEngine(folder)

async function withEngine(run: (engine: OpEngine) => Promise<void>): Promise<void> {
  const engine = await createOpEngine({ genesis: '{}', store: 'memory', file })
  try {
    await run(engine)
  } finally {
    await engine.close()
  }
}
/** The fake does what it is told by the id of a block. */
const ask = (engine: OpEngine, what: string) => engine.block(what as `0x${string}`)

describe('a worker that ends', () => {
  const endings: [string, string][] = [
    ['memory', 'runtime: out of memory'],
    ['panic', 'index out of range'],
    ['trap', 'unreachable'],
    ['exit', 'code 3'],
  ]
  for (const [how, words] of endings) {
    it(`fails the request that ended it and no other: ${how}`, () =>
      withEngine(async engine => {
        const before = ask(engine, 'latest')
        const fatal = ask(engine, how)
        const after = [ask(engine, 'latest'), ask(engine, 'latest')]
        await expect(before).resolves.toBeUndefined()
        await expect(fatal).rejects.toMatchObject({
          code: 'ENGINE_CRASHED',
          recovery: 'retry',
          message: expect.stringContaining(words),
        })
        await expect(Promise.all(after)).resolves.toEqual([undefined, undefined])
        // A request that does it again is not to be tried a third time; others are not meant.
        await expect(ask(engine, how)).rejects.toMatchObject({ code: 'ENGINE_CRASHED', recovery: 'abort' })
        await expect(ask(engine, 'latest')).resolves.toBeUndefined()
        const other = how === 'trap' ? 'panic' : 'trap'
        await expect(ask(engine, other)).rejects.toMatchObject({ code: 'ENGINE_CRASHED', recovery: 'retry' })
      }))
  }

  it('is replaced when what it answers cannot be read', () =>
    withEngine(async engine => {
      await expect(ask(engine, 'garbage')).rejects.toMatchObject({ code: 'ENGINE_RPC' })
      await expect(ask(engine, 'latest')).resolves.toBeUndefined()
    }))

  it('tells what its store said, in the words of the store', () =>
    withEngine(async engine => {
      await expect(ask(engine, 'store')).rejects.toMatchObject({
        code: 'ENGINE_STORE_FAILED',
        recovery: 'retry',
        message: expect.stringContaining('ends inside an entry'),
      })
    }))
})

describe('a worker that hangs', () => {
  it('is ended, and another answers what waits', async () => {
    const engine = await createOpEngine({ genesis: '{}', store: 'memory', file, buildTimeoutMs: 2_000 })
    const hanging = ask(engine, 'hang')
    const next = ask(engine, 'latest')
    await expect(hanging).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT', recovery: 'retry' })
    await expect(next).resolves.toBeUndefined()
    await engine.close()
  })
})

describe('a reader', () => {
  it('cancels what nobody waits for, and the worker lives on', () =>
    withEngine(async engine => {
      const reader = engine.reader()
      expect(await reader.request({ method: 'one' })).toEqual({ result: { calls: 2, method: 'one' } })
      const reason = new Error('enough')
      const controller = new AbortController()
      const looping = reader.request({ method: 'loop' }, { signal: controller.signal })
      controller.abort(reason)
      await expect(looping).rejects.toBe(reason)
      expect(await reader.request({ method: 'two' })).toEqual({ result: { calls: 4, method: 'two' } })
    }))

  it('takes the worker away from what does not end, and answers the next from a new one', () =>
    withEngine(async engine => {
      const reader = engine.reader({ timeoutMs: 1_000, graceMs: 1_000 })
      const hanging = reader.request({ method: 'hang' })
      const next = reader.request({ method: 'one' })
      // The builder does not notice.
      await expect(ask(engine, 'latest')).resolves.toBeUndefined()
      await expect(hanging).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT', recovery: 'retry' })
      await expect(next).resolves.toEqual({ result: { calls: 2, method: 'one' } })
    }))

  it('lets so many wait, and no longer than they may', () =>
    withEngine(async engine => {
      const reader = engine.reader({ timeoutMs: 3_000, graceMs: 0, maxQueued: 3, maxWaitMs: 100 })
      // Until its worker runs, nothing has its turn.
      while ((await reader.request({ method: 'warm' }).catch(error => error.code)) === 'ENGINE_BUSY') {}
      const hanging = reader.request({ method: 'hang' })
      const waiting = [reader.request({ method: 'one' }), reader.request({ method: 'two' })]
      expect(reader.pending).toBe(3)
      await expect(reader.request({ method: 'three' })).rejects.toMatchObject({
        code: 'ENGINE_BUSY',
        recovery: 'retry',
      })
      for (const each of waiting) await expect(each).rejects.toMatchObject({ code: 'ENGINE_BUSY' })
      await expect(hanging).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT' })
      expect(reader.pending).toBe(0)
    }))

  it('survives its own crashes beside a builder that goes on', () =>
    withEngine(async engine => {
      const reader = engine.reader()
      await expect(reader.request({ method: 'panic' })).rejects.toMatchObject({ code: 'ENGINE_CRASHED' })
      await expect(ask(engine, 'latest')).resolves.toBeUndefined()
      expect(await reader.request({ method: 'one' })).toEqual({ result: { calls: 2, method: 'one' } })
      await reader.close()
      await expect(reader.request({ method: 'one' })).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' })
    }))
})

describe('closing', () => {
  it('ends when the worker is taken away from a read meanwhile', () =>
    withEngine(async engine => {
      const reader = engine.reader({ timeoutMs: 2_000, graceMs: 0 })
      await reader.request({ method: 'warm' })
      const hanging = reader.request({ method: 'hang' })
      hanging.catch(() => {})
      await reader.close()
      await expect(hanging).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT' })
    }))

  it('ends a tidying that waits behind it', () =>
    withEngine(async engine => {
      const tidying = engine.tidy()
      await engine.close()
      await tidying.catch(error => expect(error).toMatchObject({ code: 'ENGINE_UNAVAILABLE' }))
    }))

  it('leaves nothing that starts another worker', async () => {
    const engine = await createOpEngine({ genesis: '{}', store: 'memory', file })
    await engine.close()
    expect(() => engine.reader()).toThrow(expect.objectContaining({ code: 'ENGINE_UNAVAILABLE' }))
    const call = { from: zeroAddress, to: zeroAddress, data: new Uint8Array(), value: 0n, gasLimit: 21_000n }
    await expect(engine.traceAccess(call)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' })
  })
})

describe.skipIf(process.platform === 'win32')('a native engine', () => {
  it('is told what memory it may have', async () => {
    const program = join(folder, 'native')
    // It answers what it was told, as its name.
    writeFileSync(
      program,
      `#!${process.execPath}
process.stdin.on('data', data => {
  const { id } = JSON.parse(data.subarray(8, 8 + data.readUInt32BE(4)))
  const head = { number: '0', hash: '0x11' }
  const name = process.env.GOGC + ' ' + process.env.GOMEMLIMIT
  const json = Buffer.from(JSON.stringify({ id, result: { name, version: '1', genesis: head.hash, head } }))
  const lengths = Buffer.alloc(12)
  lengths.writeUInt32BE(json.length + 8, 0)
  lengths.writeUInt32BE(json.length, 4)
  process.stdout.write(Buffer.concat([lengths.subarray(0, 8), json, lengths.subarray(8)]))
}).on('end', () => process.exit())
`,
      { mode: 0o755 },
    )
    const memory = { gcPercent: 50, softMemoryBytes: 128 << 20 }
    const engine = await createOpEngine({ genesis: '{}', store: 'memory', engine: 'native', file: program, ...memory })
    expect(engine.info.name).toBe(`50 ${128 << 20}B`)
    await engine.close()
  })
})

describe('createOpEngine', () => {
  it('refuses options that cannot be, listing all', async () => {
    const bad = { genesis: '{}', store: { path: '' }, history: { states: -1, bodies: 0 }, typo: 1 }
    await expect(createOpEngine(bad as never)).rejects.toMatchObject({
      code: 'ENGINE_OPTIONS',
      metaMessages: expect.arrayContaining([expect.stringContaining('"history.states"')]),
    })
    await expect(createOpEngine({ genesis: '{', store: 'memory', file })).rejects.toMatchObject({
      code: 'ENGINE_GENESIS',
    })
  })

  it('says in one line how to get the engine where there is none', async () => {
    const nowhere = join(folder, 'nowhere')
    await expect(createOpEngine({ genesis: '{}', store: 'memory', file: nowhere })).rejects.toMatchObject({
      code: 'ENGINE_MISSING',
      metaMessages: [expect.stringContaining('pnpm build:engine')],
    })
    await expect(
      createOpEngine({ genesis: '{}', store: 'memory', engine: 'native', file: nowhere }),
    ).rejects.toMatchObject({ code: 'ENGINE_MISSING', metaMessages: [expect.stringContaining('--native')] })
  })

  it('closes once, however often it is told to, and takes nothing after that', async () => {
    const engine = await createOpEngine({ genesis: '{}', store: 'memory', file })
    const late = ask(engine, 'latest')
    await Promise.all([engine.close(), engine.close()])
    await expect(late).resolves.toBeUndefined()
    await expect(ask(engine, 'latest')).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' })
  })
})
