import type { IncomingMessage, ServerResponse } from 'node:http'
import { inspect } from 'node:util'
import { bytesToHex } from '@l2/common'
import type { Hex } from 'viem'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { serve, type TestServer } from '../../test/http.js'
import { type BeaconOptions, bytesPerBlob, createBeacon, getBlobs, opCodec, versionedHashOf } from '../index.js'
import { cKzg } from '../kzg/c-kzg.js'

const kzg = cKzg()
const blobs = [1, 2, 3].map(i => opCodec.encode(new Uint8Array(1000).fill(i))[0]!)
let hashes: Hex[]
beforeAll(() => {
  hashes = blobs.map(blob => versionedHashOf(kzg.blobToKzgCommitment(blob)))
})

let server: TestServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

const octets = (response: ServerResponse, served: readonly Uint8Array[]): void => {
  response.setHeader('content-type', 'application/octet-stream')
  response.end(Buffer.concat(served))
}
const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** The blobs of a block as a node that honours the standard serves them: in the block's order, filtered by repeated keys. */
const standard = (block: readonly Uint8Array[], url: string): Uint8Array[] => {
  const wanted = new URL(url, 'http://node').searchParams.getAll('versioned_hashes')
  return block.filter(blob => wanted.length === 0 || wanted.includes(versionedHashOf(kzg.blobToKzgCommitment(blob))))
}

async function read(
  wanted: readonly Hex[],
  answer: (response: ServerResponse, url: string) => void,
  options: Partial<BeaconOptions> = {},
): Promise<Uint8Array[]> {
  server = await serve((request, response) => answer(response, request.url!))
  const beacon = createBeacon({ url: `${server.url}/`, blockId: 'blockNumber', ...options })
  return getBlobs(beacon, { block: { number: 7n }, versionedHashes: wanted, kzg })
}

const same = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean =>
  a.length === b.length && a.every((blob, i) => Buffer.compare(blob, b[i]!) === 0)

describe('getBlobs', () => {
  it('returns blobs in the order asked for, whatever the order served', async () => {
    const got = await read([hashes[2]!, hashes[0]!], (response, url) => octets(response, standard(blobs, url)))
    expect(same(got, [blobs[2]!, blobs[0]!])).toBe(true)
    expect(server!.requests).toEqual([
      `/eth/v1/beacon/blobs/7?versioned_hashes=${hashes[2]}&versioned_hashes=${hashes[0]}`,
    ])
  })

  it('reads JSON as well, and hashes in capitals', async () => {
    const got = await read([hashes[1]!.toUpperCase().replace('0X', '0x') as Hex], response =>
      json(response, 200, { execution_optimistic: false, finalized: true, data: blobs.map(bytesToHex) }),
    )
    expect(same(got, [blobs[1]!])).toBe(true)
  })

  it('gives a blob twice when it is asked for twice', async () => {
    const got = await read([hashes[0]!, hashes[0]!], (response, url) => octets(response, standard(blobs, url)))
    expect(same(got, [blobs[0]!, blobs[0]!])).toBe(true)
  })

  it('asks for the whole block when the filter brings too little', async () => {
    // A node that takes the last of repeated keys only.
    const got = await read(hashes, (response, url) => {
      const last = new URL(url, 'http://node').searchParams.getAll('versioned_hashes').at(-1)
      octets(response, last === undefined ? blobs : blobs.filter((_, i) => hashes[i] === last))
    })
    expect(same(got, blobs)).toBe(true)
    expect(server!.requests).toHaveLength(2)
    expect(server!.requests[1]).toBe('/eth/v1/beacon/blobs/7')
  })

  it('asks as it is told to', async () => {
    await read(hashes.slice(0, 2), response => octets(response, blobs), { filterStyle: 'csv' })
    expect(server!.requests).toEqual([`/eth/v1/beacon/blobs/7?versioned_hashes=${hashes[0]},${hashes[1]}`])
    await server!.close()
    await read(hashes.slice(0, 2), response => octets(response, blobs), { filterStyle: 'none' })
    expect(server!.requests).toEqual(['/eth/v1/beacon/blobs/7'])
  })

  it('asks nobody for nothing', async () => {
    expect(await read([], response => octets(response, []))).toEqual([])
    expect(server!.requests).toEqual([])
  })

  it('believes no blob whose commitment is another', async () => {
    const forged = blobs[0]!.slice()
    forged[500]! ^= 1
    await expect(read([hashes[0]!], response => octets(response, [forged]))).rejects.toMatchObject({
      code: 'BLOBS_MISMATCH',
      recovery: 'reset',
      details: { missing: [hashes[0]] },
    })
    await server!.close()
    const noBlob = new Uint8Array(bytesPerBlob).fill(0xff)
    const got = await read([hashes[0]!], response => octets(response, [noBlob, blobs[0]!]))
    expect(same(got, [blobs[0]!])).toBe(true)
  })

  it.each([
    ['BLOBS_PRUNED', 200, { data: [] }],
    ['BLOBS_PRUNED', 400, { code: 400, message: 'requested slot is past the blob retention period' }],
    ['BLOCK_MISSED', 404, { code: 404, message: 'Block not found' }],
    ['BLOBS_NOT_OFFERED', 404, 'nothing here'],
    [
      'BLOBS_NOT_CUSTODIED',
      404,
      { code: 404, message: 'the node does not custody enough data columns to reconstruct blobs' },
    ],
    ['NODE_UNAVAILABLE', 503, { code: 503, message: 'syncing' }],
    ['NODE_UNAVAILABLE', 429, {}],
    ['RPC_RESPONSE', 400, { code: 400, message: 'Invalid block ID: head' }],
    ['RPC_RESPONSE', 410, { code: 410, message: 'This endpoint is deprecated' }],
    ['RPC_RESPONSE', 200, { data: 'none' }],
    ['RPC_RESPONSE', 200, { data: ['0x00'] }],
    ['RPC_RESPONSE', 200, { data: [7] }],
    ['RPC_RESPONSE', 200, 'nonsense'],
  ])('answers %s to status %i %j', async (code, status, body) => {
    await expect(read([hashes[0]!], response => json(response, status, body))).rejects.toMatchObject({ code })
  })

  it.each([
    // What clients say, and what is meant.
    ['BLOBS_NOT_OFFERED', '404 page not found', 'text/plain'],
    ['BLOBS_NOT_OFFERED', '<pre>Cannot GET /eth/v1/beacon/blobs/7</pre>', 'text/html'],
    ['BLOCK_MISSED', 'Block not found'],
    ['BLOCK_MISSED', 'NOT_FOUND: beacon block with root 0x01'],
    ['BLOCK_MISSED', 'Block header/data has not been found'],
    ['BLOBS_PRUNED', 'Blobs not found'],
    ['BLOBS_PRUNED', 'Blobs not found for block slot=1'],
    ['BLOBS_PRUNED', 'NOT_FOUND: blobs for block 0x01 not found'],
    ['BLOBS_PRUNED', 'NOT_FOUND: No blobs with block root 0x01 found in the store'],
    ['BLOBS_PRUNED', 'NOT_FOUND: no columns stored for block 0x01'],
    ['BLOBS_NOT_CUSTODIED', 'Not found: the node does not custody enough data columns to reconstruct blobs'],
  ])('answers %s to a 404 with "%s", asking no more', async (code, message, type = 'application/json') => {
    const body = type === 'application/json' ? JSON.stringify({ code: 404, message }) : message
    const reading = read([hashes[0]!], response => response.writeHead(404, { 'content-type': type }).end(body))
    await expect(reading).rejects.toMatchObject({ code })
    expect(server!.requests).toHaveLength(1)
  })

  it.each([
    ['BLOBS_PRUNED', { headers: true, version: true }],
    ['BLOCK_MISSED', { headers: false, version: true }],
    ['BLOBS_NOT_OFFERED', { headers: false, version: false }],
  ])('answers %s to a 404 that says nothing more, by what else the node has: %j', async (code, has) => {
    const answer = (response: ServerResponse, url: string) => {
      if (url.startsWith('/eth/v1/beacon/headers/7') && has.headers)
        return json(response, 200, { data: { root: '0x' } })
      if (url === '/eth/v1/node/version' && has.version) return json(response, 200, { data: { version: 'Teku' } })
      return json(response, 404, { code: 404, message: 'Not found' })
    }
    await expect(read([hashes[0]!], answer)).rejects.toMatchObject({
      code,
      details: { status: 404, message: 'Not found' },
    })
  })

  it('reads no more than it was told to', async () => {
    const endless = (response: ServerResponse): void => {
      response.setHeader('content-type', 'application/octet-stream')
      const chunk = Buffer.alloc(1 << 20)
      const write = (): void => {
        while (!response.destroyed && response.write(chunk)) {}
        if (!response.destroyed) response.once('drain', write)
      }
      write()
    }
    await expect(read([hashes[0]!], endless, { maxBlobs: 2 })).rejects.toMatchObject({ code: 'RPC_RESPONSE' })
    await server!.close()
    await expect(
      read([hashes[0]!], response => {
        response.setHeader('content-type', 'application/octet-stream')
        response.end(Buffer.alloc(bytesPerBlob + 1))
      }),
    ).rejects.toMatchObject({ code: 'RPC_RESPONSE' })
  })

  it('gives up on a node that does not answer, and when it is aborted', async () => {
    await expect(read([hashes[0]!], () => {}, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'NODE_UNAVAILABLE',
      recovery: 'retry',
    })
    const controller = new AbortController()
    const beacon = createBeacon({ url: server!.url, blockId: 'blockNumber' })
    const reading = getBlobs(beacon, {
      block: { number: 7n },
      versionedHashes: hashes,
      kzg,
      signal: controller.signal,
    })
    controller.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
  })

  it('shows no more of the node than its origin', async () => {
    const gone = createBeacon({ url: 'http://user:pass@127.0.0.1:1/secret', blockId: 'blockNumber' })
    const error = await gone.fetchBlobs('7', undefined).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'NODE_UNAVAILABLE' })
    expect(JSON.stringify(error)).not.toMatch(/secret|pass/)
  })

  it('keeps a query of the address, and repeats nothing of the address that a server or a client echoes', async () => {
    const address = (of: string): string =>
      `${of.replace('://', '://us3r:pa55word@')}/eth-pathkey/?dkey=quer%2Fykey&chain=1`
    const echo = (request: IncomingMessage, response: ServerResponse) =>
      json(response, 400, { code: 400, message: `bad request ${request.url} of us3r, pa55word, quer/ykey, h3aderkey` })
    server = await serve(echo)
    const options = { blockId: 'blockNumber', headers: { 'x-key': 'h3aderkey' } } as const
    const errors = [
      await createBeacon({ url: address(server.url), ...options })
        .fetchBlobs('7', [hashes[0]!])
        .catch(caught => caught),
      await createBeacon({
        ...options,
        url: address(server.url),
        fetch: async input => Promise.reject(new TypeError(`cannot reach ${input}: pa55word, quer%2Fykey`)),
      })
        .fetchBlobs('7', undefined)
        .catch(caught => caught),
    ]
    expect(server.requests).toEqual([
      `/eth-pathkey/eth/v1/beacon/blobs/7?dkey=quer%2Fykey&chain=1&versioned_hashes=${hashes[0]}`,
    ])
    expect(errors.map(({ code }) => code)).toEqual(['RPC_RESPONSE', 'NODE_UNAVAILABLE'])
    for (const error of errors) {
      expect(inspect(error, { depth: 9 })).toContain(server.url)
      expect(inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error)).not.toMatch(
        /us3r|pa55|pathkey|ykey|h3ader/,
      )
    }
  })
})

it('createBeacon sends the credentials of a URL as fetch wants them, and refuses what is no URL', async () => {
  let seen: string | undefined
  server = await serve((request, response) => {
    seen = request.headers.authorization
    octets(response, [])
  })
  await createBeacon({ url: server.url.replace('://', '://user:p%40ss@') }).fetchBlobs('7', undefined)
  expect(seen).toBe(`Basic ${Buffer.from('user:p@ss').toString('base64')}`)
  for (const url of ['node.example', '', 'http://%ff@node.example', 'ftp://node.example', 'http://node.example/#key']) {
    expect(() => createBeacon({ url })).toThrow(expect.objectContaining({ code: 'OPTION' }))
  }
})

describe('blockId', () => {
  it('computes the slot from the block’s time, asking the node once', async () => {
    server = await serve((request, response) => {
      if (request.url!.endsWith('/genesis')) json(response, 200, { data: { genesis_time: '1606824023' } })
      else json(response, 200, { data: { SECONDS_PER_SLOT: '12' } })
    })
    const beacon = createBeacon({ url: server.url })
    expect(await beacon.blockId({ timestamp: 1_606_824_023n })).toBe('0')
    expect(await beacon.blockId({ timestamp: 1_606_824_023n + 12_000n })).toBe('1000')
    expect(server.requests).toHaveLength(2)
  })

  it('goes on where the node hides its specification, and asks again after a failure', async () => {
    let broken = true
    server = await serve((request, response) => {
      if (!request.url!.endsWith('/genesis')) response.writeHead(404).end()
      else if (broken) response.writeHead(500).end()
      else json(response, 200, { data: { genesis_time: '0' } })
    })
    const beacon = createBeacon({ url: server.url })
    await expect(beacon.blockId({ timestamp: 36n })).rejects.toMatchObject({ code: 'RPC_RESPONSE' })
    broken = false
    expect(await beacon.blockId({ timestamp: 36n })).toBe('3')
  })

  it('names the block as it is told to', async () => {
    const url = 'http://127.0.0.1:1'
    const block = { number: 5n, hash: `0x${'ab'.repeat(32)}`, timestamp: 100n } as const
    expect(await createBeacon({ url, blockId: 'blockHash' }).blockId(block)).toBe(block.hash)
    expect(await createBeacon({ url, blockId: ({ number }) => `n${number}` }).blockId(block)).toBe('n5')
    expect(await createBeacon({ url, genesisTimeSeconds: 10n, secondsPerSlot: 6n }).blockId(block)).toBe('15')
    await expect(createBeacon({ url, blockId: 'blockHash' }).blockId({ number: 5n })).rejects.toMatchObject({
      code: 'OPTION',
    })
  })
})
