import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { DaError, type DaErrorCode } from '../errors.js'
import { createMemoryStore } from '../store.js'
import { type CelestiaFault, createCelestiaServer } from '../testing/celestia/server.js'
import { createCelestiaDa } from './celestia.js'
import { classifyCelestiaFailure, createCelestiaClient } from './client.js'
import { formatCelestiaCommitment, parseCelestiaCommitment } from './location.js'
import { namespaceV0 } from './namespace.js'

const namespace = namespaceV0(Uint8Array.of(4, 5, 6))

describe('classifyCelestiaFailure', () => {
  const table: readonly (readonly [string, DaErrorCode])[] = [
    ['blob: not found', 'DA_NOT_FOUND'],
    ['header: given height is from the future: networkHeight: 5, requestedHeight: 9', 'DA_NOT_YET'],
    ['header: requested height 3 is below Tail 10', 'DA_EXPIRED'],
    ['account sequence mismatch, expected 6, got 5: incorrect account sequence', 'DA_NONCE_CONFLICT'],
    ['tx already in mempool', 'DA_OUTCOME_UNKNOWN'],
    ['timed out waiting for tx to be included in a block', 'DA_OUTCOME_UNKNOWN'],
    ['eviction poll timeout', 'DA_OUTCOME_UNKNOWN'],
    ['insufficient fee', 'DA_UNDERPRICED'],
    ['failed to submit blobs due to insufficient gas price', 'DA_UNDERPRICED'],
    ['estimated gas price exceeds max gas price', 'DA_FEE_TOO_HIGH'],
    ['blob(s) too large', 'DA_TOO_LARGE'],
    ['over size limit', 'DA_TOO_LARGE'],
    ['not allowed namespace', 'DA_REJECTED'],
    ["missing permission to invoke 'Submit' (need 'write')", 'DA_UNAUTHORIZED'],
    ['server busy, try again later', 'DA_UNAVAILABLE'],
  ]
  it.each(table)('%s', (message, code) => expect(classifyCelestiaFailure(message, 'blob.Get')).toBe(code))

  const submitting: readonly (readonly [string, DaErrorCode])[] = [
    ...table.slice(3),
    ['account for signer celestia1qqq not found', 'DA_INSUFFICIENT_FUNDS'],
    ['rpc error: code = NotFound desc = account celestia1qqq not found', 'DA_INSUFFICIENT_FUNDS'],
    ['codespace sdk code 22: signer account does not exist', 'DA_INSUFFICIENT_FUNDS'],
    [
      'codespace sdk code 5: insufficient funds: spendable balance 0utia is smaller than 100utia',
      'DA_INSUFFICIENT_FUNDS',
    ],
    ['my_celes_key.info: key not found', 'DA_UNAUTHORIZED'],
    ['failed to setup a tx client: no accounts in keyring', 'DA_UNAUTHORIZED'],
    ['fee granter does not exist', 'DA_UNAUTHORIZED'],
    ['fee-grant not found', 'DA_UNAUTHORIZED'],
    ['tx queue not started', 'DA_UNAVAILABLE'],
    [
      'tx with hash AB was rejected by the node with execution code: 11 and log: out of gas in location: ReadFlat',
      'DA_REJECTED',
    ],
    [
      'tx with hash AB was rejected by the node with execution code: 32 and log: incorrect account sequence',
      'DA_NONCE_CONFLICT',
    ],
    ['tx: AB not found in tx client txTracker; likely failed during broadcast', 'DA_OUTCOME_UNKNOWN'],
    ['tx in mempool cache', 'DA_OUTCOME_UNKNOWN'],
    ['rpc error: code = ResourceExhausted desc = grpc: received message larger than max (9 vs. 8)', 'DA_TOO_LARGE'],
    ['code 11139: total blob size exceeds max', 'DA_TOO_LARGE'],
    ['something that nobody has seen, not found', 'DA_UNAVAILABLE'],
  ]
  it.each(submitting)('submitting: %s', (message, code) => {
    expect(classifyCelestiaFailure(message, 'blob.Submit')).toBe(code)
  })
})

describe('createCelestiaDa', () => {
  async function withServer(
    run: (parts: Awaited<ReturnType<typeof make>>) => Promise<void>,
    inject?: (method: string) => CelestiaFault | undefined,
  ) {
    const parts = await make(inject)
    await run(parts)
    await parts.da.close()
    await parts.server.close()
  }
  async function make(inject?: (method: string) => CelestiaFault | undefined) {
    const server = await createCelestiaServer({ inject })
    const client = createCelestiaClient({ url: server.url, token: server.token, submitTimeoutMs: 300 })
    const store = createMemoryStore()
    const da = createCelestiaDa({ namespace, pollMs: 5 }, { client, store })
    return { server, client, store, da }
  }
  const once = (fault: CelestiaFault) => {
    let left = 1
    return (method: string) => (method === 'blob.Submit' && left-- > 0 ? fault : undefined)
  }

  it('raises the gas price until the node takes it, up to its limit', async () => {
    const server = await createCelestiaServer({ minGasPrice: 0.01 })
    const client = createCelestiaClient({ url: server.url, token: server.token })
    const da = createCelestiaDa({ namespace, pollMs: 5 }, { client })
    const before = (await da.quote([100])).cost
    await da.submit([Uint8Array.of(1)])
    expect((await da.quote([100])).cost).toBeGreaterThan(before)
    const poor = createCelestiaDa({ namespace, pollMs: 5, maxGasPrice: 0.004 }, { client })
    await expect(poor.submit([Uint8Array.of(2)])).rejects.toMatchObject({ code: 'DA_FEE_TOO_HIGH', retry: 'failover' })
    await server.close()
  })

  it.each([
    { name: 'a sequence mismatch', fault: { type: 'error', message: 'account sequence mismatch' } },
    { name: 'an answer that never came', fault: { type: 'stall' } },
    { name: 'a broken connection after the effect', fault: { type: 'lose-answer' } },
    { name: 'a gateway that gave up', fault: { type: 'status', status: 504 } },
    { name: 'a busy server', fault: { type: 'status', status: 503 } },
  ] as { name: string; fault: CelestiaFault }[])('posts exactly once in spite of $name', async ({ fault }) => {
    await withServer(async ({ server, da }) => {
      // Blocks go on, so that what was never sent can be told from what is on its way.
      const blocks = setInterval(() => server.mine(4), 5)
      const { commitments } = await da.submit([Uint8Array.of(9, 9)])
      clearInterval(blocks)
      expect(await da.get(commitments[0]!)).toEqual(Uint8Array.of(9, 9))
      expect(server.posted()).toHaveLength(1)
    }, once(fault))
  })

  it.each([
    ['account for signer celestia1qqq not found', 'DA_INSUFFICIENT_FUNDS'],
    ['my_celes_key.info: key not found', 'DA_UNAUTHORIZED'],
    ['tx with hash AB was rejected by the node with execution code: 11 and log: out of gas', 'DA_REJECTED'],
  ] as const)('says at once, and once, that it cannot pay: %s', async (message, code) => {
    let submits = 0
    const inject = (method: string): CelestiaFault | undefined => {
      if (method !== 'blob.Submit') return undefined
      submits++
      return { type: 'error', message }
    }
    await withServer(async ({ da, server }) => {
      await expect(da.submit([Uint8Array.of(1)])).rejects.toMatchObject({ code })
      expect([submits, server.height()]).toEqual([1, 1])
      expect(await da.pending()).toEqual([])
    }, inject)
  })

  it('tries a node that starts up a few times, and says that it was never sent', async () => {
    const inject = (method: string): CelestiaFault | undefined =>
      method === 'blob.Submit' ? { type: 'error', message: 'tx queue not started' } : undefined
    await withServer(async ({ da }) => {
      await expect(da.submit([Uint8Array.of(1)])).rejects.toMatchObject({ code: 'DA_UNAVAILABLE', retry: 'failover' })
      expect(await da.pending()).toEqual([])
    }, inject)
  })

  it('keeps what the address of a node says, and shows none of it', async () => {
    const seen: string[] = []
    const answer: typeof fetch = async (url, init) => {
      seen.push(String(url), (init!.headers as Record<string, string>)['authorization']!)
      throw new TypeError('fetch failed for ?apikey=secret-of-the-query')
    }
    const url = 'https://user:pass-word@node.example/rpc/?apikey=secret-of-the-query'
    const error = await createCelestiaClient({ url }, { fetch: answer })
      .localHead()
      .catch((failure: unknown) => failure)
    expect(seen).toEqual(['https://node.example/rpc/?apikey=secret-of-the-query', `Basic ${btoa('user:pass-word')}`])
    expect(inspect(error, { depth: 9 })).not.toMatch(/secret-of-the-query|pass-word/)
  })

  it('names a node that proves something else', async () => {
    const lie: CelestiaFault = {
      type: 'lie',
      change: proof => ({ ...(proof as object), namespace_id: Buffer.alloc(28, 1).toString('base64') }),
    }
    let lying = false
    await withServer(
      async ({ da }) => {
        const { commitments } = await da.submit([Uint8Array.of(1)])
        lying = true
        await expect(da.status(commitments[0]!)).rejects.toMatchObject({ code: 'DA_PROOF_INVALID' })
      },
      method => (lying && method === 'blob.GetCommitmentProof' ? lie : undefined),
    )
  })

  it('believes the header that the caller trusts, not the node’s', async () => {
    await withServer(async ({ client, da }) => {
      const { commitments } = await da.submit([Uint8Array.of(1)])
      const careful = createCelestiaDa({ namespace }, { client, trustHeader: async () => new Uint8Array(32) })
      const proof = await da.prove!(commitments[0]!)
      await expect(careful.verifyProof!(commitments[0]!, proof)).rejects.toMatchObject({ code: 'DA_PROOF_INVALID' })
    })
  })

  it('writes blobs with an author, and reads the short commitments of other servers', async () => {
    await withServer(async ({ client }) => {
      const signer = new Uint8Array(20).fill(7)
      const da = createCelestiaDa({ namespace, signer }, { client })
      const data = new Uint8Array(1000).fill(3)
      const { commitments } = await da.submit([data])
      const parsed = parseCelestiaCommitment(commitments[0]!)
      const found = await client.get(parsed.height, namespace, parsed.commitment)
      expect(found).toMatchObject({ shareVersion: 1, signer })
      const short = formatCelestiaCommitment({ ...parsed, namespace: undefined })
      expect(short.payload).toHaveLength(40)
      expect(await da.get(short)).toEqual(data)
      expect(await da.verify(short, data)).toBe(true)
    })
  })

  it('never repeats the token', async () => {
    const secret = 'jwt-that-nobody-may-see'
    const server = await createCelestiaServer({ inject: () => ({ type: 'error', message: `bad token ${secret}` }) })
    const urls = [server.url, 'http://user:jwt-that-nobody-may-see@127.0.0.1:1/jwt-that-nobody-may-see']
    for (const url of urls) {
      const client = createCelestiaClient({ url, token: secret })
      const error = await client.localHead().catch((failure: unknown) => failure)
      expect(error).toBeInstanceOf(DaError)
      expect(inspect(error, { depth: 9 }) + JSON.stringify(error)).not.toContain(secret)
    }
    await server.close()
  })

  it('is refused without a token, and with one that only reads', async () => {
    const server = await createCelestiaServer()
    for (const token of ['', server.readToken, 'wrong']) {
      const da = createCelestiaDa({ namespace }, { client: createCelestiaClient({ url: server.url, token }) })
      await expect(da.submit([Uint8Array.of(1)])).rejects.toMatchObject({ code: 'DA_UNAUTHORIZED' })
    }
    await server.close()
  })
})

describe.runIf(process.env['CELESTIA_RPC'] !== undefined)('a real Celestia node', () => {
  it('takes a blob, proves it and gives it back', async () => {
    const client = createCelestiaClient({ url: process.env['CELESTIA_RPC']!, token: process.env['CELESTIA_TOKEN'] })
    const da = createCelestiaDa({ namespace: namespaceV0(new TextEncoder().encode('l2-test')) }, { client })
    const data = new TextEncoder().encode(`test ${Date.now()}`)
    const { commitments } = await da.submit([data])
    expect(await da.get(commitments[0]!)).toEqual(data)
    expect(await da.status(commitments[0]!)).toBe('final')
    await da.verifyProof!(commitments[0]!, await da.prove!(commitments[0]!))
  })
})
