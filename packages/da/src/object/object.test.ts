import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect, promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { daLayer } from '../commitment.js'
import { createFaultyStore, type StoreFault } from '../internal/faulty-store.js'
import { createFileStore } from '../node/file-store.js'
import { createMemoryStore } from '../store.js'
import { conformanceCases } from '../testing/conformance.js'
import { createObjectDa } from './object.js'
import type { S3StoreDeps } from './s3-client.js'
import { classifyS3Failure, xmlText, xmlTexts } from './s3-errors.js'
import { createS3Store, type S3StoreOptions } from './s3-store.js'

describe('object storage in a directory', () => {
  const cases = conformanceCases({
    open: async () => {
      const directory = await mkdtemp(join(tmpdir(), 'l2-object-'))
      const objects = createFileStore(join(directory, 'objects'))
      const journal = createFileStore(join(directory, 'journal'))
      const open = () => createObjectDa({}, { objects, journal })
      return {
        da: open(),
        restart: async () => open(),
        posted: async () => (await objects.keys('objects/')).length,
        prune: async () => {
          for (const key of await objects.keys('objects/')) await objects.delete(key)
        },
        close: () => rm(directory, { recursive: true, force: true }),
      }
    },
  })
  for (const { name, run } of cases) it(name, run)
})

const at = (answer: typeof fetch, options: Partial<S3StoreOptions> = {}, deps: Partial<S3StoreDeps> = {}) =>
  createS3Store(
    { url: 'https://s3.example/bucket/folder', attempts: 3, backoffMs: 1, ...options },
    { fetch: answer, credentials: () => ({ accessKeyId: 'ACCOUNT', secretAccessKey: 'SECRET' }), ...deps },
  )
const refusing = (status: number, code?: string) => async () =>
  new Response(code === undefined ? null : `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`, { status })

describe('classifyS3Failure', () => {
  const table = [
    [404, 'NoSuchKey', 'DA_NOT_FOUND', false],
    [404, 'NotFound', 'DA_NOT_FOUND', false],
    [404, undefined, 'DA_UNAVAILABLE', true],
    [404, 'NoSuchBucket', 'DA_REJECTED', false],
    [404, 'XAdminUserNotFound', 'DA_UNAUTHORIZED', false],
    [404, 'SomethingElse', 'DA_RESPONSE_INVALID', false],
    [403, 'AccessDenied', 'DA_UNAUTHORIZED', false],
    [403, undefined, 'DA_UNAUTHORIZED', false],
    [403, 'SignatureDoesNotMatch', 'DA_UNAUTHORIZED', false],
    [403, 'RequestTimeTooSkewed', 'DA_UNAUTHORIZED', false],
    [400, 'ExpiredToken', 'DA_UNAUTHORIZED', false],
    [400, 'AuthorizationHeaderMalformed', 'DA_UNAUTHORIZED', false],
    [400, 'EntityTooLarge', 'DA_TOO_LARGE', false],
    [413, undefined, 'DA_TOO_LARGE', false],
    [400, 'BadDigest', 'DA_MISMATCH', true],
    [400, 'XAmzContentSHA256Mismatch', 'DA_MISMATCH', true],
    [400, 'RequestTimeout', 'DA_UNAVAILABLE', true],
    [400, 'SomethingNew', 'DA_RESPONSE_INVALID', false],
    [403, 'InvalidObjectState', 'DA_EXPIRED', false],
    [409, 'OperationAborted', 'DA_UNAVAILABLE', true],
    [429, undefined, 'DA_RATE_LIMITED', true],
    [503, 'SlowDown', 'DA_RATE_LIMITED', true],
    [503, undefined, 'DA_UNAVAILABLE', true],
    [500, 'InternalError', 'DA_UNAVAILABLE', true],
    [507, 'XMinioStorageFull', 'DA_UNAVAILABLE', false],
    [507, undefined, 'DA_UNAVAILABLE', false],
    [301, 'PermanentRedirect', 'DA_REJECTED', false],
    [301, undefined, 'DA_REJECTED', false],
    [307, 'TemporaryRedirect', 'DA_UNAVAILABLE', true],
    [200, 'InternalError', 'DA_UNAVAILABLE', true],
  ] as const
  it.each(table)('%i %s is %s', (status, code, expected, again) => {
    expect(classifyS3Failure(status, code)).toMatchObject({ code: expected, again })
  })
})

describe('createS3Store', () => {
  it('asks again while that may help, and then says what the server said, without keys', async () => {
    let asked = 0
    const counting = (answer: () => Promise<Response>) => async () => {
      asked++
      return answer()
    }
    await expect(at(counting(refusing(503, 'SlowDown'))).put('a', Uint8Array.of(1))).rejects.toMatchObject({
      code: 'DA_RATE_LIMITED',
      retry: 'backoff',
    })
    expect(asked).toBe(3)
    asked = 0
    await expect(at(counting(refusing(403, 'AccessDenied'))).get('a')).rejects.toMatchObject({
      code: 'DA_UNAUTHORIZED',
    })
    expect(asked).toBe(1)
    const echoing = async (_: unknown, init?: RequestInit) =>
      new Response(`SECRET ACCOUNT ${JSON.stringify(init?.headers)}`, { status: 400 })
    const error = await at(echoing as typeof fetch)
      .get('a')
      .catch((failure: unknown) => failure)
    expect(inspect(error, { depth: 9 })).not.toMatch(/SECRET|ACCOUNT/)
    expect(inspect(error, { depth: 9 })).not.toContain('/bucket')
  })

  it('waits as long as the server asks', async () => {
    const waits: number[] = []
    const clock = { now: () => 1_700_000_000_000, sleep: async (ms: number) => void waits.push(ms) }
    let left = 2
    const answer: typeof fetch = async () =>
      left-- > 0 ? new Response(null, { status: 503, headers: { 'retry-after': '7' } }) : new Response('x')
    await at(answer, {}, { clock, random: () => 0.5 }).get('a')
    // Only a limit on the rate says for how long.
    expect(waits).toHaveLength(2)
    left = 2
    waits.length = 0
    const limiting: typeof fetch = async () =>
      left-- > 0 ? new Response(null, { status: 429, headers: { 'retry-after': '7' } }) : new Response('x')
    await at(limiting, {}, { clock, random: () => 0.5 }).get('a')
    expect(waits).toEqual([7000, 7000])
  })

  it('hands on what asks for hours, instead of waiting for them', async () => {
    const answer: typeof fetch = async () => new Response(null, { status: 429, headers: { 'retry-after': '7200' } })
    await expect(at(answer).put('a', Uint8Array.of(1))).rejects.toMatchObject({
      code: 'DA_RATE_LIMITED',
      details: { retryAfterMs: 7_200_000 },
    })
  })

  it('keeps the process alive while it waits to ask again', async () => {
    const program = `
      import { createS3Store } from '@l2/da/object'
      let asked = 0
      const fetch = async () => new Response(null, { status: asked++ === 0 ? 503 : 200 })
      await createS3Store({ url: 'https://s3.example/b', backoffMs: 20 }, { fetch }).put('a', Uint8Array.of(1))
      process.stdout.write('put')`
    const args = ['--conditions=@l2/source', '--import=tsx', '--input-type=module', '-e', program]
    const cwd = fileURLToPath(new URL('../../', import.meta.url))
    expect((await promisify(execFile)(process.execPath, args, { cwd })).stdout).toBe('put')
  })

  it('takes a page without a code for a proxy whose server is away, not for the word that an object is gone', async () => {
    const answer: typeof fetch = async () => new Response('404 page not found', { status: 404 })
    const objects = at(answer)
    await expect(objects.get('a')).rejects.toMatchObject({ code: 'DA_UNAVAILABLE' })
    const commitment = { layer: daLayer.keccak, payload: new Uint8Array(32) }
    await expect(createObjectDa({}, { objects }).status(commitment)).rejects.toMatchObject({ code: 'DA_UNAVAILABLE' })
    const long = `<Error><Message>${'x'.repeat(3000)}</Message><Code>NoSuchKey</Code></Error>`
    expect(await at(async () => new Response(long, { status: 404 })).get('a')).toBeUndefined()
  })

  it('notices an upload that fails after its 200', async () => {
    const answer: typeof fetch = async (url, init) => {
      if (init?.method === 'POST' && String(url).includes('uploads'))
        return new Response('<UploadId>u&amp;1</UploadId>')
      if (init?.method === 'POST')
        return new Response('<?xml version="1.0"?>\n <Error><Code>InternalError</Code></Error>')
      return new Response('', { headers: { etag: '"tag"' } })
    }
    const store = at(answer, { partBytes: 5 * 1024 * 1024 })
    await expect(store.put('a', new Uint8Array(6 * 1024 * 1024))).rejects.toMatchObject({ code: 'DA_UNAVAILABLE' })
  })

  it('does not follow a redirect with its signature, and says what it may mean', async () => {
    const seen: RequestInit[] = []
    const answer: typeof fetch = async (_, init) => {
      seen.push(init!)
      return new Response(null, { status: 301, headers: { location: 'https://elsewhere.example' } })
    }
    await expect(at(answer).get('a')).rejects.toThrow(/name its region/)
    expect(seen.map(({ redirect }) => redirect)).toEqual(['manual'])
  })

  it('takes no part of a listing for all of it, nor a listing from who does not list', async () => {
    const page = (more: string) =>
      `<ListBucketResult><Key>folder/a</Key><IsTruncated>true</IsTruncated>${more}</ListBucketResult>`
    let asked = 0
    const inCircles = () => `<NextContinuationToken>${asked++ % 2}</NextContinuationToken>`
    for (const more of [() => '', () => '<NextContinuationToken>t</NextContinuationToken>', inCircles]) {
      await expect(at(async () => new Response(page(more()))).keys('')).rejects.toMatchObject({
        code: 'DA_RESPONSE_INVALID',
      })
    }
    await expect(at(async () => new Response('<html></html>')).keys('')).rejects.toMatchObject({
      code: 'DA_RESPONSE_INVALID',
    })
  })

  it('takes addresses in both styles, and refuses what it would have to drop', async () => {
    const asked: string[] = []
    const answer: typeof fetch = async url => {
      asked.push(String(url))
      return new Response('<ListBucketResult></ListBucketResult>')
    }
    for (const [url, bucketIn] of [
      ['https://s3.example/bucket'],
      ['https://s3.example/bucket/a/b/'],
      ['https://bucket.s3.example'],
      ['https://bucket.s3.example/a', 'host'],
      ['https://my.bucket.s3.eu-central-1.amazonaws.com/a'],
      ['https://s3.eu-central-1.amazonaws.com/bucket/a'],
    ] as const) {
      const store = at(answer, { url, ...(bucketIn === undefined ? {} : { bucketIn }) })
      await store.get('k/1')
      await store.keys('k')
    }
    expect(asked).toEqual([
      'https://s3.example/bucket/k/1',
      'https://s3.example/bucket?list-type=2&prefix=k',
      'https://s3.example/bucket/a/b/k/1',
      'https://s3.example/bucket?list-type=2&prefix=a%2Fb%2Fk',
      'https://bucket.s3.example/k/1',
      'https://bucket.s3.example/?list-type=2&prefix=k',
      'https://bucket.s3.example/a/k/1',
      'https://bucket.s3.example/?list-type=2&prefix=a%2Fk',
      'https://my.bucket.s3.eu-central-1.amazonaws.com/a/k/1',
      'https://my.bucket.s3.eu-central-1.amazonaws.com/?list-type=2&prefix=a%2Fk',
      'https://s3.eu-central-1.amazonaws.com/bucket/a/k/1',
      'https://s3.eu-central-1.amazonaws.com/bucket?list-type=2&prefix=a%2Fk',
    ])
    for (const url of [
      's3.example/bucket',
      'https://key@s3.example/b',
      'https://s3.example/b?x=1',
      'https://s3.example/b#x',
      'ftp://x/b',
    ]) {
      expect(() => at(answer, { url }), url).toThrow(/invalid options/)
    }
    expect(() => at(answer, { partBytes: 1000 })).toThrow(/invalid options/)
    for (const key of ['', 'A', '../a', 'a/./b', 'a//b', '/a', 'a/', 'a b']) {
      await expect(at(answer).get(key), key).rejects.toMatchObject({ code: 'DA_OPTIONS_INVALID' })
    }
  })

  it('signs the hash of the body for the region and the day, in the form of Signature Version 4', async () => {
    // The account of the examples in Amazon's documentation of it.
    const headers: Record<string, string>[] = []
    const answer: typeof fetch = async (_, init) => {
      headers.push(init?.headers as Record<string, string>)
      return new Response('<ListBucketResult></ListBucketResult>')
    }
    const store = createS3Store(
      { url: 'https://examplebucket.s3.amazonaws.com' },
      {
        fetch: answer,
        clock: { now: () => Date.UTC(2013, 4, 24), sleep: async () => {} },
        credentials: () => ({
          accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
          secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
        }),
      },
    )
    await store.keys('j')
    expect(headers[0]!['x-amz-content-sha256']).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    expect(headers[0]!['authorization']).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/20130524\/us-east-1\/s3\/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=[0-9a-f]{64}$/,
    )
  })
})

it('reads the little XML it needs', () => {
  expect(xmlText('<a><Code>x &amp; &#233;&#x41; &lt;</Code></a>', 'Code')).toBe('x & éA <')
  expect(xmlText('<a/>', 'Code')).toBeUndefined()
  expect(xmlTexts('<Key>a</Key><Key>b&#x110000;</Key>', 'Key')).toEqual(['a', 'b&#x110000;'])
})

it('closing does not wait for a store that hangs, and the submission is gone on with afterwards', async () => {
  const [below, journal] = [createMemoryStore(), createMemoryStore()]
  const da = createObjectDa({}, { objects: { ...below, put: () => new Promise<never>(() => {}) }, journal })
  const call = da.submit([Uint8Array.of(1)], { key: 'a' }).catch(({ code }) => code)
  while ((await da.pending()).length === 0) await new Promise(resolve => setImmediate(resolve))
  await da.close()
  expect(await call).toBe('DA_CLOSED')
  const after = createObjectDa({}, { objects: below, journal })
  expect(await after.resume('a')).toMatchObject({ key: 'a' })
  expect(await below.keys('objects/')).toHaveLength(1)
})

it('a store that fails, or takes something and says that it did not, costs no acknowledged object', async () => {
  const below = createMemoryStore()
  let fault: StoreFault | undefined
  const da = createObjectDa(
    {},
    {
      objects: createFaultyStore(below, ({ operation }) => (operation === 'put' ? fault : undefined)),
    },
  )
  const items = Array.from({ length: 40 }, (_, i) => Uint8Array.of(0, i))
  for (const [i, item] of items.entries()) {
    fault = ([undefined, 'fail', 'lose-answer'] as const)[i % 3]
    await da.submit([item]).catch(error => expect(error).toMatchObject({ code: 'DA_UNAVAILABLE', retry: 'failover' }))
    fault = undefined
    const { commitments } = await da.submit([item])
    expect(await da.get(commitments[0]!)).toEqual(item)
    expect(await da.pending()).toEqual([])
  }
  expect(await below.keys('objects/')).toHaveLength(40)
})
