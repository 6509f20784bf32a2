import { createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Clock } from '@l2/common'
import { afterEach, describe, expect, it } from 'vitest'
import { serve, type TestServer } from '../../test/http.js'
import { bytesPerBlob, createEngineBlobs } from '../index.js'

const secret = new Uint8Array(32).fill(7)
const clock: Clock = { now: () => 1_700_000_000_500, sleep: async () => {} }
const hash = `0x01${'00'.repeat(31)}` as const
const blob = `0x${'00'.repeat(bytesPerBlob)}`
const point = `0x${'c0'}${'00'.repeat(47)}`

let server: TestServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

/** Checks the token as a node does, with another implementation of HMAC. */
function authorised({ headers }: IncomingMessage): boolean {
  const [header, claims, signature] = headers.authorization!.replace('Bearer ', '').split('.')
  const { iat } = JSON.parse(Buffer.from(claims!, 'base64url').toString()) as { iat: number }
  const { alg } = JSON.parse(Buffer.from(header!, 'base64url').toString()) as { alg: string }
  const expected = createHmac('sha256', secret).update(`${header}.${claims}`).digest('base64url')
  return alg === 'HS256' && iat === 1_700_000_000 && signature === expected
}

async function engine(
  answer: (method: string, params: unknown[]) => object | string,
): Promise<ReturnType<typeof createEngineBlobs>> {
  server = await serve((request, response, body) => {
    if (!authorised(request)) {
      response.writeHead(401).end('unauthorised')
      return
    }
    const { method, params } = JSON.parse(body) as { method: string; params: unknown[] }
    const result = answer(method, params)
    response.end(typeof result === 'string' ? result : JSON.stringify({ jsonrpc: '2.0', id: 1, ...result }))
  })
  return createEngineBlobs({ url: server.url, jwtSecret: secret }, clock)
}

describe('createEngineBlobs', () => {
  it('reads the pool by version 1, with gaps', async () => {
    const pool = await engine((method, [hashes]) => {
      expect(method).toBe('engine_getBlobsV1')
      expect(hashes).toEqual([hash, hash])
      return { result: [null, { blob, proof: point }] }
    })
    const [missing, found] = await pool.getBlobsV1([hash, hash])
    expect(missing).toBeUndefined()
    expect(found).toMatchObject({ version: 0, proofs: [Uint8Array.of(0xc0, ...new Array(47).fill(0))] })
    expect(found!.blob.length).toBe(bytesPerBlob)
  })

  it('reads the pool by version 2, all or nothing', async () => {
    let has = true
    const pool = await engine(() => ({ result: has ? [{ blob, proofs: new Array(128).fill(point) }] : null }))
    const found = await pool.getBlobsV2([hash])
    expect(found).toHaveLength(1)
    expect(found![0]!.proofs).toHaveLength(128)
    has = false
    expect(await pool.getBlobsV2([hash])).toBeUndefined()
  })

  it.each([
    ['an error of the node', { error: { code: -38005, message: 'Unsupported fork' } }],
    ['no result', {}],
    ['another number of answers', { result: [] }],
    ['a blob of another length', { result: [{ blob: '0x00', proofs: new Array(128).fill(point) }] }],
    ['127 proofs', { result: [{ blob, proofs: new Array(127).fill(point) }] }],
    ['a proof that is none', { result: [{ blob, proofs: new Array(128).fill('0x') }] }],
    ['nonsense', 'nonsense'],
    ['more than the blobs can take', 'x'.repeat(1_000_000)],
  ])('refuses %s', async (_, answer) => {
    const pool = await engine(() => answer)
    await expect(pool.getBlobsV2([hash])).rejects.toMatchObject({ code: 'RPC_RESPONSE' })
  })

  it('asks for at most 128, with a secret of 32 bytes, and shows neither secret nor path', async () => {
    const pool = await engine(() => ({ result: null }))
    await expect(pool.getBlobsV2(new Array(129).fill(hash))).rejects.toMatchObject({ code: 'OPTION' })
    expect(() => createEngineBlobs({ url: 'http://x', jwtSecret: new Uint8Array(31) })).toThrow('32 bytes')
    const gone = createEngineBlobs({ url: 'http://127.0.0.1:1/secret-path', jwtSecret: secret }, clock)
    const error = await gone.getBlobsV2([hash]).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'NODE_UNAVAILABLE', recovery: 'retry' })
    expect(JSON.stringify(error)).not.toContain('secret-path')
    const wrong = createEngineBlobs({ url: server!.url, jwtSecret: new Uint8Array(32) }, clock)
    await expect(wrong.getBlobsV2([hash])).rejects.toMatchObject({ code: 'RPC_RESPONSE', details: { status: 401 } })
  })

  it('is aborted and times out', async () => {
    server = await serve(() => {})
    const slow = createEngineBlobs({ url: server.url, jwtSecret: secret, timeoutMs: 50 }, clock)
    await expect(slow.getBlobsV1([hash])).rejects.toMatchObject({ code: 'NODE_UNAVAILABLE' })
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(slow.getBlobsV1([hash], { signal })).rejects.toThrow('enough')
  })
})
