import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bytesToHex, equalBytes } from '@l2/common'
import { keccak_256 } from '@noble/hashes/sha3.js'

/** How the stand-in misbehaves. */
export type EigenDaProxyFault = 'down' | 'eigenda-down' | 'lose-answer' | { change: (data: Uint8Array) => Uint8Array }

/**
 * Stands in for an EigenDA proxy, which no registry serves: the routes, statuses and bodies of its source (api/proxy/servers/rest of
 * Layr-Labs/eigenda), certificates that are only a reference block and a hash. It verifies nothing that the real one would.
 */
export async function startEigenDaProxy({ recencyWindow = 14_400n, config = {} as Record<string, unknown> } = {}) {
  const blobs = new Map<string, Uint8Array>()
  const state = {
    fault: undefined as EigenDaProxyFault | undefined,
    /** L1 block that new certificates refer to. */
    referenceBlock: 1000n,
    requests: [] as string[],
  }
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://proxy')
    state.requests.push(request.url!)
    const { fault } = state
    const fail = (status: number, body: string) => void response.writeHead(status).end(`${body}\n`)
    const drop = (StatusCode: number, Msg: string) => fail(418, JSON.stringify({ StatusCode, Msg }))
    if (fault === 'down') return request.socket.destroy()
    if (pathname === '/config') {
      const said = {
        version: '2.4.0',
        chain_id: '1',
        max_payload_size_bytes: 1_000_000,
        read_only_mode: false,
        ...config,
      }
      return void response.end(JSON.stringify(said))
    }
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    if (fault === 'eigenda-down') return fail(503, 'failover')
    if (request.method === 'POST' && /^\/put\/?$/.test(pathname)) {
      const data = new Uint8Array(Buffer.concat(parts))
      const certificate = new Uint8Array(40)
      new DataView(certificate.buffer).setBigUint64(0, state.referenceBlock)
      certificate.set(keccak_256(data), 8)
      blobs.set(bytesToHex(certificate), data)
      if (fault === 'lose-answer') {
        state.fault = undefined
        return request.socket.destroy()
      }
      return void response.end(Buffer.from([1, 0, 3, ...certificate]))
    }
    const match = /^\/get\/0x01([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]+)$/.exec(pathname)
    if (request.method !== 'GET' || match === null) return fail(404, '404 page not found')
    const version = Number.parseInt(match[2]!, 16)
    if (match[1] !== '00' || version > 3) return fail(400, 'parsing error: unknown version')
    const certificate = new Uint8Array(Buffer.from(match[3]!, 'hex'))
    if (certificate.length !== 40) return drop(1, 'cert parsing failed')
    const included = BigInt(searchParams.get('l1_inclusion_block_number') ?? '0')
    const reference = new DataView(certificate.buffer).getBigUint64(0)
    if (included !== 0n && included > reference + recencyWindow) return drop(2, 'RBN recency check failed')
    const data = blobs.get(bytesToHex(certificate))
    if (data === undefined) {
      // A hash that nobody stored stands for a certificate that operators never signed, or that was pruned.
      return equalBytes(certificate.subarray(8), new Uint8Array(32))
        ? drop(3, 'cert verification failed')
        : fail(500, 'retrieval failed')
    }
    response.end(Buffer.from(typeof fault === 'object' ? fault.change(data) : data))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    state,
    blobs,
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
