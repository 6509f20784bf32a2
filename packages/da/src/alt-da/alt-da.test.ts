import { inspect } from 'node:util'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startEigenDaProxy } from '../../test/eigenda-proxy.js'
import { batcherDataToCommitment, type Commitment, commitmentToBatcherData, daLayer } from '../commitment.js'
import { createEigenDa } from '../eigenda/eigenda.js'
import { DaError, type DaErrorCode } from '../errors.js'
import { createMemoryDa } from '../memory/memory.js'
import { createAltDaServer } from '../node/alt-da-server.js'
import { type ChallengeHistory, challengeStatus } from './challenge.js'
import { createAltDa } from './client.js'
import { createHybridDa, parseHybridCommitment } from './hybrid.js'

const data = Uint8Array.of(0, 1, 2, 3)
const answering = (status: number, body: Uint8Array | string = '', headers: Record<string, string> = {}) =>
  createAltDa(
    { url: 'http://127.0.0.1:1/path-with-secret', commitments: 'keccak' },
    { fetch: async () => new Response(body as BodyInit, { status, headers }) },
  )
const keccakCommitment = { layer: daLayer.keccak, payload: keccak_256(data) }

describe('createAltDa', () => {
  const table: readonly (readonly [number, DaErrorCode, string])[] = [
    [400, 'DA_COMMITMENT_INVALID', 'fatal'],
    [401, 'DA_UNAUTHORIZED', 'fatal'],
    [404, 'DA_NOT_FOUND', 'backoff'],
    [413, 'DA_TOO_LARGE', 'fatal'],
    [418, 'DA_RESPONSE_INVALID', 'failover'],
    [429, 'DA_RATE_LIMITED', 'backoff'],
    [500, 'DA_UNAVAILABLE', 'backoff'],
    [503, 'DA_UNAVAILABLE', 'failover'],
    [302, 'DA_RESPONSE_INVALID', 'failover'],
  ]
  it.each(table)('status %i is %s', async (status, code, retry) => {
    const error = await answering(status, 'no')
      .get(keccakCommitment)
      .catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code, retry })
    expect(inspect(error, { depth: 9 })).not.toContain('path-with-secret')
  })

  it('believes only a trusted server that a commitment is void, and never of one that is a hash', async () => {
    const code = async (options: object, commitment: Commitment, verifiers = [createMemoryDa()]) =>
      createAltDa(
        { url: 'http://server', ...options },
        { verifiers, fetch: async () => new Response('{"StatusCode":3}', { status: 418 }) },
      )
        .get(commitment)
        .catch(({ code }: DaError) => code)
    const generic = { layer: daLayer.memory, payload: keccak_256(data) }
    expect([
      await code({ commitments: 'keccak' }, keccakCommitment),
      await code({ commitments: 'keccak', trustServer: true }, keccakCommitment),
      await code({}, generic),
      await code({ trustServer: true }, generic),
    ]).toEqual(['DA_RESPONSE_INVALID', 'DA_RESPONSE_INVALID', 'DA_RESPONSE_INVALID', 'DA_COMMITMENT_DEAD'])
  })

  it('reads what is longer than may be put, so that derivation can skip it instead of waiting for ever', async () => {
    const long = new Uint8Array(200_000).fill(7)
    const commitment = { layer: daLayer.keccak, payload: keccak_256(long) }
    expect((await answering(200, long).get(commitment)).length).toBe(200_000)
    await expect(answering(200, long).submit([long])).rejects.toMatchObject({ code: 'DA_TOO_LARGE' })
  })

  it('keeps a query of the address behind the path', async () => {
    const asked: string[] = []
    const url = 'http://proxy:3100/prefix/?commitment_mode=optimism_generic'
    const da = createAltDa(
      { url, trustServer: true },
      {
        fetch: async input => {
          asked.push(String(input))
          return new Response(Uint8Array.of(1, 0, 2, 1))
        },
      },
    )
    await da.get({ layer: daLayer.eigenDa, payload: Uint8Array.of(2, 1) })
    await da.submit([data])
    expect(asked).toEqual([
      'http://proxy:3100/prefix/get/0x01000201?commitment_mode=optimism_generic',
      'http://proxy:3100/prefix/put?commitment_mode=optimism_generic',
    ])
  })

  it('reads how long to wait', async () => {
    const limited = answering(429, '', { 'retry-after': '7' }).get(keccakCommitment)
    await expect(limited).rejects.toMatchObject({ details: { retryAfterMs: 7000 } })
  })

  it('takes the commitment of a put as bytes and as hex', async () => {
    const payload = Uint8Array.from({ length: 40 }, (_, i) => i)
    const bytes = Uint8Array.of(1, daLayer.avail, ...payload)
    for (const body of [bytes, `0x${Buffer.from(bytes).toString('hex')}`]) {
      const da = createAltDa(
        { url: 'http://127.0.0.1:1', trustServer: true },
        { fetch: async () => new Response(body as BodyInit) },
      )
      const { commitments } = await da.submit([data])
      expect(commitments[0]).toEqual({ layer: daLayer.avail, payload })
      expect(batcherDataToCommitment(commitmentToBatcherData(commitments[0]!))).toEqual(commitments[0])
    }
  })

  it('does not believe a server about a layer that nobody here verifies', async () => {
    const da = createAltDa({ url: 'http://127.0.0.1:1' }, { fetch: async () => new Response(data) })
    await expect(da.get({ layer: daLayer.eigenDa, payload: data })).rejects.toMatchObject({ code: 'DA_UNVERIFIABLE' })
  })
})

describe('createAltDaServer', () => {
  it('speaks the routes of the specification', async () => {
    const server = await createAltDaServer({}, { da: createMemoryDa() })
    onTestFinished(() => server.close())
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
    const key = `0x00${hex(keccak_256(data))}`
    const post = (path: string, body: Uint8Array) =>
      fetch(server.url + path, { method: 'POST', body: body as BodyInit })
    expect((await post(`/put/${key}`, data)).status).toBe(200)
    expect((await post(`/put/${key}`, Uint8Array.of(9))).status).toBe(400)
    expect(new Uint8Array(await (await fetch(`${server.url}/get/${key}`)).arrayBuffer())).toEqual(data)
    const generic = new Uint8Array(await (await post('/put', data)).arrayBuffer())
    expect(hex(generic)).toBe(`016d${hex(keccak_256(data))}`)
    expect((await fetch(`${server.url}/get/0x${hex(generic)}`)).status).toBe(200)
    expect((await post('/put', new Uint8Array())).status).toBe(400)
    expect((await fetch(`${server.url}/get/0x016d${'00'.repeat(32)}`)).status).toBe(404)
    expect((await fetch(`${server.url}/get/nonsense`)).status).toBe(400)
    expect((await fetch(`${server.url}/elsewhere`)).status).toBe(404)
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
  })

  it('passes on the L1 block that names a commitment, and why a certificate is dropped', async () => {
    const proxy = await startEigenDaProxy({ recencyWindow: 100n })
    onTestFinished(proxy.close)
    const server = await createAltDaServer({}, { da: createEigenDa({ url: proxy.url }) })
    onTestFinished(() => server.close())
    const put = await fetch(`${server.url}/put`, { method: 'POST', body: data as BodyInit })
    const key = `0x${Buffer.from(await put.arrayBuffer()).toString('hex')}`
    const get = (block: string) => fetch(`${server.url}/get/${key}?l1_inclusion_block_number=${block}`)
    expect((await get('1100')).status).toBe(200)
    const late = await get('1101')
    expect([late.status, await late.json()]).toEqual([418, { StatusCode: 2, Msg: 'DA_COMMITMENT_DEAD' }])
    expect((await get('soon')).status).toBe(400)
  })

  it('says 503 when the layer below is down, and nothing about it', async () => {
    const inject = () =>
      ({ type: 'fail', error: new DaError('https://key@node/secret', { code: 'DA_UNAVAILABLE' }) }) as const
    const server = await createAltDaServer({}, { da: createMemoryDa({}, { inject }) })
    onTestFinished(() => server.close())
    const answer = await fetch(`${server.url}/get/0x016d${'00'.repeat(32)}`)
    expect([answer.status, await answer.text()]).toEqual([503, 'DA_UNAVAILABLE'])
  })
})

describe('challengeStatus', () => {
  const windows = { challengeBlocks: 10n, resolveBlocks: 5n }
  const at = (history: Partial<ChallengeHistory>, head: bigint) =>
    challengeStatus({ includedAtBlock: 100n, ...history }, windows, head)
  it('counts events only inside their windows', () => {
    expect(at({ challengedAtBlock: 111n }, 120n)).toBe('accepted')
    expect(at({ challengedAtBlock: 110n }, 115n)).toBe('active')
    expect(at({ challengedAtBlock: 110n }, 116n)).toBe('expired')
    expect(at({ challengedAtBlock: 110n, resolvedAtBlock: 115n }, 130n)).toBe('resolved')
    expect(at({ challengedAtBlock: 110n, resolvedAtBlock: 116n }, 130n)).toBe('expired')
    expect(at({ challengedAtBlock: 110n, resolvedAtBlock: 112n }, 111n)).toBe('active')
  })
})

describe('createHybridDa', () => {
  it('reads what a challenge brought to L1 when the store lost the data, and drops what nobody delivered', async () => {
    const store = createMemoryDa()
    const anchor = createMemoryDa()
    let found: { challengedAtBlock?: bigint; resolvedAtBlock?: bigint; data?: Uint8Array } = {}
    let head = 1n
    const source = { head: async () => head, find: async () => found }
    const windows = { challengeBlocks: 10n, resolveBlocks: 5n }
    const da = createHybridDa({ store, anchor, challenges: { source, windows } })
    const { commitments } = await da.submit([data])
    const commitment = commitments[0]!
    // The anchor carries an OP alt-DA commitment of type 0.
    const anchored = await anchor.get(parseHybridCommitment(commitment).anchor)
    expect(batcherDataToCommitment(anchored)).toEqual(keccakCommitment)
    expect(await da.get(commitment)).toEqual(data)
    await store.reorg(1)
    await expect(da.get(commitment)).rejects.toMatchObject({ code: 'DA_NOT_FOUND' })
    expect(await da.challenge(commitment)).toEqual({ status: 'open', deadlineBlock: 11n })
    found = { challengedAtBlock: 5n, resolvedAtBlock: 7n, data }
    head = 8n
    expect(await da.get(commitment)).toEqual(data)
    found = { ...found, data: Uint8Array.of(6) }
    await expect(da.get(commitment)).rejects.toMatchObject({ code: 'DA_NOT_FOUND' })
    found = { challengedAtBlock: 5n }
    head = 20n
    await expect(da.get(commitment)).rejects.toMatchObject({ code: 'DA_COMMITMENT_DEAD' })
  })
})
