import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { signedFields } from '../src/anytrust/certificate.js'
import { hashToG1 } from '../src/anytrust/keyset.js'
import { treeHash } from '../src/anytrust/tree.js'

const { G1, G2 } = bls12_381

/** How the committee misbehaves. */
export type CommitteeFault = 'down' | 'lose-answer' | { change: (data: Uint8Array) => Uint8Array }

/** A member's key pair: its entry in a keyset with the proof that it knows the secret, and how it signs. */
export function committeeMember(secret: bigint) {
  const key = G2.Point.BASE.multiply(secret).toBytes(false)
  const sign = (message: Uint8Array, provesKey = false) => hashToG1(message, provesKey).multiply(secret).toBytes(false)
  return { key, sign, entry: concatBytes(Uint8Array.of(96), sign(key, true), key) }
}

/** A keyset as Nitro serialises it. */
export function keysetOf(assumedHonest: number, entries: readonly Uint8Array[]): Uint8Array {
  const head = new Uint8Array(16)
  new DataView(head.buffer).setBigUint64(0, BigInt(assumedHonest))
  new DataView(head.buffer).setBigUint64(8, BigInt(entries.length))
  const parts = entries.flatMap(entry => [Uint8Array.of(entry.length >> 8, entry.length & 255), entry])
  return concatBytes(head, ...parts)
}

/**
 * A committee in this process that speaks Nitro's API (`das_store`, `/get-by-hash/…`). Each member has a store of its own; `down` says which of them
 * do not answer. It asks nobody who they are.
 */
export async function startCommittee({ size = 3, assumedHonest = 2 } = {}) {
  const members = Array.from({ length: size }, (_, index) => committeeMember(1234567n + BigInt(index)))
  const stores = members.map(() => new Map<string, Uint8Array>())
  const state = { fault: undefined as CommitteeFault | undefined, down: new Set<number>(), requests: 0 }
  const server = createServer(async (request, response) => {
    state.requests++
    const [, index, path = '', hash = ''] = /^\/(\d+)(?:\/(get-by-hash)\/([0-9a-f]{64}))?/.exec(request.url!) ?? []
    const member = members[Number(index)]
    const { fault } = state
    if (fault === 'down' || state.down.has(Number(index)) || member === undefined) return request.socket.destroy()
    if (path === 'get-by-hash') {
      const data = stores[Number(index)]!.get(hash)
      if (data === undefined) return void response.writeHead(404).end()
      const served = typeof fault === 'object' ? fault.change(data) : data
      return void response.end(JSON.stringify({ data: Buffer.from(served).toString('base64') }))
    }
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const { id, params } = JSON.parse(Buffer.concat(parts).toString()) as {
      id: number
      params: [string, string, string]
    }
    const data = hexToBytes(params[0])!
    const timeoutSeconds = BigInt(params[1])
    const dataHash = treeHash(data)
    stores[Number(index)]!.set(bytesToHex(dataHash).slice(2), data)
    if (fault === 'lose-answer') {
      if (Number(index) === size - 1) state.fault = undefined
      return request.socket.destroy()
    }
    const sig = bytesToHex(member.sign(signedFields({ dataHash, timeoutSeconds })))
    const result = {
      dataHash: bytesToHex(dataHash),
      timeout: params[1],
      signersMask: '0x1',
      keysetHash: '0x',
      sig,
      version: '0x1',
    }
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const urls = members.map((_, index) => `${url}/${index}`)
  const keyset = keysetOf(
    assumedHonest,
    members.map(({ entry }) => entry),
  )
  return {
    state,
    stores,
    members,
    keyset,
    urls,
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** Adds points up, for signatures that no client would make. */
export const addSignatures = (signatures: readonly Uint8Array[]): Uint8Array =>
  signatures.reduce((sum, one) => sum.add(G1.Point.fromBytes(one)), G1.Point.ZERO).toBytes(false)
