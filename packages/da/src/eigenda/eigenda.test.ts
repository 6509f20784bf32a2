import { inspect } from 'node:util'
import { bytesToHex } from '@l2/common'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type EigenDaProxyFault, startEigenDaProxy } from '../../test/eigenda-proxy.js'
import { exchangeFiles, replay } from '../../test/exchanges.js'
import { alternativeToCommitment, commitmentToBatcherData, daLayer } from '../commitment.js'
import type { DaErrorCode } from '../errors.js'
import { createCommitmentSource, type SkippedCommitment } from '../inbox/commitment-source.js'
import { createMemoryDa } from '../memory/memory.js'
import type { RouterEvent } from '../router/layer.js'
import { createRouterDa } from '../router/router.js'
import { createMemoryStore } from '../store.js'
import { conformanceCases } from '../testing/conformance.js'
import { createEigenDa } from './eigenda.js'

describe('createEigenDa, on a stand-in for its proxy', () => {
  const cases = conformanceCases({
    open: async () => {
      const proxy = await startEigenDaProxy()
      const store = createMemoryStore()
      const secret = 'api-key-that-nobody-may-see'
      const open = () =>
        createEigenDa({ url: `${proxy.url}/?key=${secret}`, headers: { 'x-api-key': secret } }, { store })
      const da = open()
      const set = (fault: EigenDaProxyFault | undefined) => {
        proxy.state.fault = fault
      }
      return {
        da,
        restart: async () => open(),
        posted: async () => proxy.blobs.size,
        cutOff: async () => set('down'),
        restore: async () => set(undefined),
        lie: change => set(change && { change }),
        loseAnswer: () => set('lose-answer'),
        secrets: [secret],
        close: async () => {
          await da.close()
          await proxy.close()
        },
      }
    },
  })
  for (const { name, run } of cases) it(name, run)

  it('asks with the L1 block that names the certificate; what was too old for it is skipped by derivation', async () => {
    const proxy = await startEigenDaProxy({ recencyWindow: 100n })
    onTestFinished(proxy.close)
    const da = createEigenDa({ url: `${proxy.url}?commitment_mode=optimism_generic` })
    const { commitments } = await da.submit([Uint8Array.of(0, 1)])
    const named = bytesToHex(commitmentToBatcherData(commitments[0]!).subarray(1))
    const skipped: SkippedCommitment[] = []
    const source = createCommitmentSource({}, { layers: [da], onSkipped: commitment => skipped.push(commitment) })
    expect(await source.getCommitted(named, { number: 1100n })).toEqual(Uint8Array.of(0, 1))
    expect(proxy.state.requests.at(-1)).toBe(
      `/get/${named}?commitment_mode=optimism_generic&l1_inclusion_block_number=1100`,
    )
    expect(await source.getCommitted(named, { number: 1101n })).toBeUndefined()
    // Never signed, no certificate, of a version that the chain does not know.
    for (const dead of [`0x010003${'00'.repeat(40)}`, '0x0100020102', '0x010009', '0x0100']) {
      expect(await source.getCommitted(dead, { number: 1n }), dead).toBeUndefined()
    }
    expect(skipped.map(({ reason }) => reason)).toEqual(['dead', 'dead', 'dead', 'malformed', 'malformed'])
    // The proxy could not get the blob: it is not known that nobody can.
    const absent = `0x010003${'00'.repeat(8)}${'11'.repeat(32)}`
    await expect(source.getCommitted(absent, { number: 1n })).rejects.toMatchObject({ recovery: 'retry' })
  })

  it('sends a router elsewhere when EigenDA is down', async () => {
    const proxy = await startEigenDaProxy()
    onTestFinished(proxy.close)
    const events: RouterEvent[] = []
    const layers = [{ da: createEigenDa({ url: proxy.url }) }, { da: createMemoryDa() }]
    const router = createRouterDa({ policy: 'failover' }, { layers, onEvent: event => events.push(event) })
    proxy.state.fault = 'eigenda-down'
    const { commitments, key } = await router.submit([Uint8Array.of(7)])
    expect(commitments[0]!.layer).toBe(daLayer.memory)
    expect(events).toEqual([
      { type: 'layer-failed', layer: 'eigenda', during: 'submit', code: 'DA_UNAVAILABLE', key },
      { type: 'failed-over', key, from: 'eigenda', to: 'memory' },
    ])
    proxy.state.fault = undefined
    expect((await router.submit([Uint8Array.of(8)])).commitments[0]!.layer).toBe(daLayer.eigenDa)
  })

  it('works with no proxy that is set up for something else', async () => {
    const set = async (config: Record<string, unknown>) => {
      const proxy = await startEigenDaProxy({ config })
      onTestFinished(proxy.close)
      return proxy.url
    }
    const submit = async (config: Record<string, unknown>, options: object = {}) =>
      createEigenDa({ url: await set(config), ...options })
        .submit([Uint8Array.of(1)])
        .then(
          () => 'posted',
          error => `${error.code}: ${error.shortMessage.replace(/http\S+/, '…')}`,
        )
    const verifier = `0x${'e1'.repeat(20)}`
    expect([
      await submit({}, { l1ChainId: 1n }),
      await submit({ chain_id: '' }, { l1ChainId: 1n }),
      await submit({ chain_id: '17000' }, { l1ChainId: 1n }),
      await submit(
        { cert_verifier_address: verifier.toUpperCase().replace('X', 'x') },
        { certificateVerifier: verifier },
      ),
      await submit({ cert_verifier_address: verifier }, { certificateVerifier: `0x${'e2'.repeat(20)}` }),
      await submit({ apis_enabled: ['standard'] }),
      await submit({ read_only_mode: true }),
    ]).toMatchInlineSnapshot(`
      [
        "posted",
        "DA_OPTIONS_INVALID: the EigenDA proxy at … verifies on none: it only pretends, not on 1",
        "DA_OPTIONS_INVALID: the EigenDA proxy at … verifies on 17000, not on 1",
        "posted",
        "DA_OPTIONS_INVALID: the EigenDA proxy at … uses another certificate verifier",
        "DA_OPTIONS_INVALID: the EigenDA proxy at … does not serve the routes of OP alt-DA: enable "op-generic"",
        "DA_READ_ONLY: the EigenDA proxy at … has no key to pay with: it only reads",
      ]
    `)
    // Who only reads believes it just as little.
    const pretends = createEigenDa({ url: await set({ chain_id: '' }), l1ChainId: 1n })
    const { commitments } = await createEigenDa({ url: await set({}) }).submit([Uint8Array.of(1)])
    for (const read of [() => pretends.get(commitments[0]!), () => pretends.status(commitments[0]!)]) {
      await expect(read()).rejects.toMatchObject({ code: 'DA_OPTIONS_INVALID' })
    }
    const da = createEigenDa({ url: await set({ max_payload_size_bytes: 1234 }) })
    expect(await da.limits()).toEqual({ maxBytes: 1234, maxItems: 16 })
  })
})

describe('createEigenDa, on exchanges', () => {
  const outcomes: Readonly<Record<number, [DaErrorCode, string]>> = {
    400: ['DA_COMMITMENT_INVALID', 'fatal'],
    403: ['DA_UNAUTHORIZED', 'fatal'],
    418: ['DA_COMMITMENT_DEAD', 'fatal'],
    429: ['DA_RATE_LIMITED', 'backoff'],
    500: ['DA_UNAVAILABLE', 'backoff'],
    503: ['DA_UNAVAILABLE', 'failover'],
  }
  const reasons = ['unparsable', 'too-old', 'invalid', 'undecodable']
  for (const file of exchangeFiles('eigenda')) {
    it(`${file.about} (${file.recorded ? 'recorded' : 'not recorded'}: ${file.source})`, async () => {
      const da = createEigenDa({ url: 'http://proxy' }, { fetch: replay(file) })
      for (const { request, response } of file.exchanges) {
        const body = Uint8Array.from(Buffer.from(response.bodyHex ?? '', 'hex'))
        if (request.path === '/config') expect((await da.limits()).maxBytes).toBeGreaterThan(0)
        else if (request.method === 'POST') {
          const { commitments } = await da.submit([Uint8Array.from(Buffer.from(request.bodyHex!, 'hex'))])
          expect(commitments).toEqual([alternativeToCommitment(body)])
        } else {
          const { pathname, searchParams } = new URL(request.path, 'http://proxy')
          const commitment = alternativeToCommitment(Uint8Array.from(Buffer.from(pathname.slice(7), 'hex')))
          const block = searchParams.get('l1_inclusion_block_number')
          const got = da.get(commitment, block === null ? {} : { l1InclusionBlock: BigInt(block) })
          if (response.status === 200) expect(await got).toEqual(body)
          else {
            const [code, retry] = outcomes[response.status]!
            const error = await got.catch((failure: unknown) => failure)
            expect(error).toMatchObject({ code, retry })
            if (response.status === 418) {
              const { StatusCode } = JSON.parse(response.bodyText!)
              expect(error).toMatchObject({ details: { statusCode: StatusCode, reason: reasons[StatusCode - 1] } })
            }
          }
        }
      }
    })
  }

  it('keeps a query and credentials of the address, and shows neither', async () => {
    const seen: [string, RequestInit | undefined][] = []
    const url = 'https://user:pass-word@proxy.example/eigen?dkey=secret-of-the-query'
    const da = createEigenDa(
      { url },
      {
        fetch: async (input, init) => {
          seen.push([String(input), init])
          return new Response('no secret-of-the-query, user:pass-word', { status: 500 })
        },
      },
    )
    const error = await da.get({ layer: 0, payload: Uint8Array.of(2, 1) }).catch((failure: unknown) => failure)
    expect(seen[0]![0]).toBe('https://proxy.example/eigen/get/0x01000201?dkey=secret-of-the-query')
    expect((seen[0]![1]!.headers as Record<string, string>)['authorization']).toBe(`Basic ${btoa('user:pass-word')}`)
    expect(inspect(error, { depth: 9 })).not.toMatch(/secret-of-the-query|pass-word|eigen\?/)
    for (const bad of ['proxy:3100', 'ftp://x', 'http://', 'http://x/#frag']) {
      expect(() => createEigenDa({ url: bad }), bad).toThrow(/invalid options/)
    }
  })
})
