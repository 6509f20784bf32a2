import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { seededRandom, testSeed } from '@l2/common/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type S3Server, s3Program, startS3Server } from '../../../../scripts/s3-server.js'
import { createHybridDa } from '../alt-da/hybrid.js'
import { DaError } from '../errors.js'
import { createMemoryDa } from '../memory/memory.js'
import { createMemoryStore, type Store } from '../store.js'
import { conformanceCases } from '../testing/conformance.js'
import { createObjectDa } from './object.js'
import { createS3Store, type S3StoreOptions } from './s3-store.js'

const random = seededRandom(testSeed(17))
const bytes = (length: number): Uint8Array => {
  const block = Uint8Array.from({ length: 1024 }, () => random.below(256))
  const made = new Uint8Array(length)
  for (let at = 0; at < length; at += 1024) made.set(block.subarray(0, Math.min(1024, length - at)), at)
  new DataView(made.buffer).setUint32(0, random.below(2 ** 31))
  return made
}

/** A line to the server that can be cut, lose an answer, or change what comes back. */
function line() {
  const state: {
    down: boolean
    lose: boolean
    lie: ((data: Uint8Array) => Uint8Array) | undefined
    failing: number[]
    requests: string[]
  } = { down: false, lose: false, lie: undefined, failing: [], requests: [] }
  const over: typeof fetch = async (input, init) => {
    const { pathname, search } = new URL(String(input))
    state.requests.push(
      `${init?.method} ${pathname.split('/').length > 2 ? 'object' : 'bucket'}${search.replace(/=.*/, '')}`,
    )
    if (state.down)
      throw new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) })
    const status = state.failing.shift()
    if (status !== undefined) return new Response('<Error><Code>SlowDown</Code></Error>', { status })
    const response = await fetch(input, init)
    if (state.lose && init?.method === 'PUT') {
      state.lose = false
      throw new TypeError('fetch failed', { cause: Object.assign(new Error('hang up'), { code: 'ECONNRESET' }) })
    }
    if (state.lie === undefined || init?.method !== 'GET') return response
    return new Response(state.lie(new Uint8Array(await response.arrayBuffer())) as BodyInit, response)
  }
  return { state, over }
}

describe.skipIf(s3Program === undefined)('on a real S3 server', () => {
  let server: S3Server
  let folders = 0
  beforeAll(async () => {
    server = await startS3Server()
  })
  afterAll(() => server?.close())

  const open = (over?: typeof fetch, options: Partial<S3StoreOptions> = {}): Store => {
    const { accessKeyId, secretAccessKey } = server
    return createS3Store(
      { url: server.url, attempts: 3, backoffMs: 5, timeoutMs: 10_000, ...options },
      { credentials: () => ({ accessKeyId, secretAccessKey }), ...(over === undefined ? {} : { fetch: over }) },
    )
  }
  const folder = () => `${server.url}/folder-${++folders}`

  for (const commitments of ['keccak', 'generic'] as const) {
    describe(`object storage with ${commitments} commitments`, () => {
      const cases = conformanceCases({
        open: async () => {
          const { state, over } = line()
          const url = folder()
          const objects = open(over, { url, ...(commitments === 'generic' ? { partBytes: 5 * 1024 * 1024 } : {}) })
          const journal = createMemoryStore()
          const make = () => createObjectDa({ commitments }, { objects, journal })
          const da = make()
          return {
            da,
            restart: async () => make(),
            posted: async () => (await open(undefined, { url }).keys('objects/')).length,
            cutOff: async () => {
              state.down = true
            },
            restore: async () => {
              state.down = false
            },
            lie: change => {
              state.lie = change
            },
            loseAnswer: () => {
              state.lose = true
            },
            prune: async () => {
              const all = open(undefined, { url })
              for (const key of await all.keys('objects/')) await all.delete(key)
            },
            secrets: [server.secretAccessKey],
            close: () => da.close(),
          }
        },
      })
      for (const { name, run } of cases) it(name, run)
    })
  }

  describe('hybrid: data in a bucket, hashes on an anchor', () => {
    const cases = conformanceCases({
      open: async () => {
        const { state, over } = line()
        const anchor = createMemoryDa({ finalityBlocks: 2 })
        const da = createHybridDa({ store: createObjectDa({}, { objects: open(over, { url: folder() }) }), anchor })
        return {
          da,
          settle: () => anchor.mine(2),
          cutOff: async () => {
            state.down = true
          },
          restore: async () => {
            state.down = false
          },
          lie: change => {
            state.lie = change
          },
          close: () => da.close(),
        }
      },
    })
    for (const { name, run } of cases) it(name, run)
  })

  describe('createS3Store', () => {
    it('is a store: replaces, lists by prefix over pages in order, forgets', async () => {
      const store = open(undefined, { url: folder() })
      expect(await store.get('absent')).toBeUndefined()
      expect(await store.keys('')).toEqual([])
      const names = Array.from({ length: 1100 }, (_, i) => `a/${String((i * 7919) % 10_007).padStart(5, '0')}`)
      for (let at = 0; at < names.length; at += 50) {
        await Promise.all(names.slice(at, at + 50).map(name => store.put(name, Uint8Array.of(1))))
      }
      await store.put('b/1', Uint8Array.of(1))
      await store.put('b/1', Uint8Array.of(9, 9))
      expect(await store.get('b/1')).toEqual(Uint8Array.of(9, 9))
      expect(await store.keys('a/')).toEqual([...names].sort())
      expect(await store.keys('b')).toEqual(['b/1'])
      await store.delete('b/1')
      await store.delete('b/1')
      expect(await store.keys('b')).toEqual([])
      await store.put('empty', new Uint8Array())
      expect(await store.get('empty')).toEqual(new Uint8Array())
    })

    it('puts large objects in parts, which are one object or none', async () => {
      const { state, over } = line()
      const store = open(over, { partBytes: 5 * 1024 * 1024, maxBytes: 20 * 1024 * 1024 })
      for (const length of [5 * 1024 * 1024, 5 * 1024 * 1024 + 1, 12_000_000]) {
        const data = bytes(length)
        state.requests.length = 0
        // Parts that fail for a while are sent again.
        state.failing = length > 6_000_000 ? [503, 500] : []
        await store.put(`large/${length}`, data)
        expect(state.requests.filter(request => request === 'PUT object?partNumber').length).toBeGreaterThanOrEqual(
          length > 5 * 1024 * 1024 ? Math.ceil(length / (5 * 1024 * 1024)) : 0,
        )
        expect(Buffer.compare((await store.get(`large/${length}`))!, data)).toBe(0)
      }
      await expect(store.put('larger', new Uint8Array(20 * 1024 * 1024 + 1))).rejects.toMatchObject({
        code: 'DA_TOO_LARGE',
      })
      // The third part never gets through: the upload is dropped, and nothing is visible.
      const cutting: typeof fetch = async (input, init) => {
        if (String(input).includes('partNumber=3')) throw new TypeError('fetch failed')
        return over(input, init)
      }
      state.requests.length = 0
      const torn = open(cutting, { partBytes: 5 * 1024 * 1024, attempts: 2 })
      await expect(torn.put('large/torn', bytes(12_000_000))).rejects.toMatchObject({ code: 'DA_UNAVAILABLE' })
      expect(state.requests.at(-1)).toBe('DELETE object?uploadId')
      expect(await store.get('large/torn')).toBeUndefined()
    })

    it('reads no object that is larger than it was told to', async () => {
      await open().put('long', bytes(5000))
      await expect(open(undefined, { maxBytes: 4999 }).get('long')).rejects.toMatchObject({
        code: 'DA_RESPONSE_INVALID',
      })
    })

    it('names what the server refuses, and no key', async () => {
      const { accessKeyId, secretAccessKey } = server
      const as = (url: string, credentials?: { accessKeyId: string; secretAccessKey: string }) =>
        createS3Store({ url, attempts: 1 }, credentials === undefined ? {} : { credentials: () => credentials })
      const wrong = { accessKeyId, secretAccessKey: 'another-secret-that-nobody-may-see' }
      const table = [
        [as(server.url, wrong), 'DA_UNAUTHORIZED', 'SignatureDoesNotMatch'],
        [as(server.url, { ...wrong, accessKeyId: 'nobody' }), 'DA_UNAUTHORIZED', 'XAdminUserNotFound'],
        [as(server.url), 'DA_UNAUTHORIZED', 'AccessDenied'],
        [as(`${server.url}-absent`, { accessKeyId, secretAccessKey }), 'DA_REJECTED', 'NoSuchBucket'],
      ] as const
      for (const [store, code, said] of table) {
        for (const call of [() => store.get('a'), () => store.put('a', Uint8Array.of(1)), () => store.keys('')]) {
          const error = await call().catch((failure: unknown) => failure)
          expect(error, said).toMatchObject({ code, details: { s3Code: said } })
          expect(inspect(error, { depth: 9 })).not.toMatch(/secret|l2-test-account/)
        }
      }
    })

    it('is refused by the server when a body is changed on its way', async () => {
      const changing: typeof fetch = (input, init) =>
        fetch(input, init?.method === 'PUT' ? { ...init, body: Uint8Array.of(6, 6, 6) as BodyInit } : init)
      const error = await open(changing)
        .put('changed', Uint8Array.of(1, 2, 3))
        .catch((failure: unknown) => failure)
      expect(error).toBeInstanceOf(DaError)
      expect(await open().get('changed')).toBeUndefined()
    })

    it('survives a server that is killed at any moment: what was acknowledged is there, and nothing is half there', async () => {
      const store = open(undefined, { url: folder(), attempts: 1, timeoutMs: 3000 })
      const acknowledged = new Map<string, Uint8Array>()
      let sent = 0
      for (let round = 0; round < 3; round++) {
        const writing = (async () => {
          for (let i = 0; i < 40; i++) {
            const [key, data] = [`k/${round}-${i}`, bytes(20_000 + random.below(100_000))]
            sent++
            try {
              await store.put(key, data)
            } catch {
              return
            }
            acknowledged.set(key, data)
          }
        })()
        while (acknowledged.size < 8 * (round + 1)) await new Promise(resolve => setTimeout(resolve, 1))
        await new Promise(resolve => setTimeout(resolve, random.below(12)))
        await server.kill()
        await writing
        await expect(store.get('k/0-0')).rejects.toMatchObject({ code: 'DA_UNAVAILABLE' })
        await server.restart()
        for (const [key, data] of acknowledged) {
          expect(Buffer.compare((await store.get(key)) ?? new Uint8Array(), data), key).toBe(0)
        }
      }
      expect(sent).toBeGreaterThan(acknowledged.size - 1)
      expect((await store.keys('k/')).length).toBeLessThanOrEqual(sent)
    })
  })

  it('an object that rots on the server’s disk is noticed, and put again by whoever has the data', async () => {
    const objects = open(undefined, { url: `${server.url}/rotten` })
    const da = createObjectDa({}, { objects })
    const { commitments } = await da.submit([bytes(1000)], { key: 'first' })
    const [file] = readdirSync(join(server.directory, 'rotten', 'objects'))
    const path = join(server.directory, 'rotten', 'objects', file!)
    const rotten = readFileSync(path)
    const whole = Uint8Array.from(rotten)
    rotten[500]! ^= 1
    writeFileSync(path, rotten)
    await expect(da.get(commitments[0]!)).rejects.toMatchObject({ code: 'DA_MISMATCH' })
    expect(await da.status(commitments[0]!)).toBe('lost')
    await da.submit([whole], { key: 'second' })
    expect(await da.get(commitments[0]!)).toEqual(whole)
  })

  it('two writers of one bucket do not disturb each other', async () => {
    const url = folder()
    const writers = [1, 2].map(() => createObjectDa({}, { objects: open(undefined, { url }) }))
    const items = Array.from({ length: 10 }, () => bytes(2000))
    const receipts = await Promise.all(writers.flatMap(da => items.map(item => da.submit([item]))))
    for (const [i, { commitments }] of receipts.entries()) {
      expect(await writers[(i + 1) % 2]!.get(commitments[0]!)).toEqual(items[i % items.length])
    }
    expect(await open(undefined, { url }).keys('objects/')).toHaveLength(10)
  })
})
