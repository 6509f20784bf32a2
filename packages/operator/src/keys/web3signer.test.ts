import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hexToBytes } from '@l2/common'
import { createAuthority } from '@l2/common/testing'
import { createHeaderSigner, createMemoryGuard, recoverSigner } from '@l2/sequencer-core/block'
import {
  type Hex,
  keccak256,
  parseTransaction,
  recoverMessageAddress,
  recoverTypedDataAddress,
  type TransactionSerializableEIP1559,
  toHex,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRemoteAccount, signBytesWith } from './web3signer.js'

const account = privateKeyToAccount(`0x${'11'.repeat(32)}`)
const stranger = privateKeyToAccount(`0x${'22'.repeat(32)}`)
const body = { data: toHex('some bytes') }

/** The part of Web3Signer's API that is used: it signs the keccak256 of what it gets. */
describe('an account in a key service', () => {
  let server: Server
  let url: string
  let asked: string[] = []
  /** What it does instead of signing. */
  let instead: ((response: ServerResponse, data: Hex) => unknown) | undefined
  beforeAll(async () => {
    server = createServer((request, response) => {
      const parts: Buffer[] = []
      request.on('data', part => parts.push(part))
      request.on('end', async () => {
        asked.push(request.url!)
        const { data } = JSON.parse(Buffer.concat(parts).toString()) as typeof body
        if (instead !== undefined) return instead(response, data)
        response.end(await account.sign({ hash: keccak256(data) }))
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => server.close())
  const open = (timeoutMs = 20_000) => createRemoteAccount({ url, publicKey: account.publicKey, timeoutMs })

  it('signs headers, transactions, messages and bytes as its key would', async () => {
    const remote = open()
    asked = []
    expect(remote.address.toLowerCase()).toBe(account.address.toLowerCase())
    const bytes = new TextEncoder().encode('a vote')
    expect(recoverSigner(keccak256(bytes), await signBytesWith(remote, bytes))).toBe(account.address.toLowerCase())
    expect(asked).toEqual([`/api/v1/eth1/sign/0x${account.publicKey.slice(4)}`])
    expect(await signBytesWith(remote, bytes)).toBe(await signBytesWith(account, bytes))

    const zero = `0x${'00'.repeat(32)}` as const
    const header = {
      ...{ epochId: 1n, term: 0, height: 10n, parentHash: zero, txRoot: zero, stateRoot: zero, timestamp: 1n },
      ...{ l1OriginNumber: 5n, l1OriginHash: zero, forcedUpTo: 0n },
    }
    const domain = { chainId: 901n, rollup: `0x${'01'.repeat(20)}` } as const
    const options = { domain, guard: createMemoryGuard() }
    const signature = await createHeaderSigner({ account: remote as never, ...options }).sign(header)
    expect(signature).toBe(await createHeaderSigner({ account, ...options }).sign(header))

    const transaction: TransactionSerializableEIP1559 = {
      ...{ chainId: 1, type: 'eip1559', nonce: 7, gas: 21_000n, value: 5n, to: stranger.address },
      ...{ maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 1n },
    }
    expect(await remote.signTransaction(transaction)).toBe(await account.signTransaction(transaction))
    expect(parseTransaction(await remote.signTransaction(transaction))).toMatchObject({ nonce: 7 })
    const message = 'hello'
    const signedMessage = await remote.signMessage({ message })
    expect(await recoverMessageAddress({ message, signature: signedMessage })).toBe(account.address)
    const typed = {
      domain: { name: 'x', chainId: 1 },
      types: { Mail: [{ name: 'text', type: 'string' }] },
      primaryType: 'Mail',
      message: { text: 'words' },
    } as const
    const signedTyped = await remote.signTypedData(typed)
    expect(await recoverTypedDataAddress({ ...typed, signature: signedTyped })).toBe(account.address)
  })

  it('asks once, and takes no answer that is late, wrong, too long or none', async () => {
    const bytes = hexToBytes(body.data)!
    const answers: Record<string, NonNullable<typeof instead>> = {
      'of another key': async (response, data) => response.end(await stranger.sign({ hash: keccak256(data) })),
      'of the malleable form': async (response, data) => {
        const signature = await account.sign({ hash: keccak256(data) })
        const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
        const s = order - BigInt(`0x${signature.slice(66, 130)}`)
        const v = signature.endsWith('1b') ? '1c' : '1b'
        response.end(`${signature.slice(0, 66)}${s.toString(16).padStart(64, '0')}${v}`)
      },
      'no signature': response => response.end('{"error":"locked"}'),
      refused: response => response.writeHead(404).end(),
      'too long': response => response.end('x'.repeat(100_000)),
      'broken off': response =>
        response.writeHead(200, { 'content-length': '132' }).write('0x', () => response.destroy()),
      'hung up': response => response.destroy(),
    }
    for (const [name, answer] of Object.entries(answers)) {
      asked = []
      instead = answer
      const error = await open()
        .signBytes(bytes)
        .catch((error: unknown) => error)
      expect([name, error]).toMatchObject([name, { code: 'SIGNER_FAILED', recovery: 'retry' }])
      expect([name, asked.length]).toEqual([name, 1])
    }
    instead = () => {}
    asked = []
    await expect(open(100).signBytes(bytes)).rejects.toMatchObject({ message: expect.stringContaining('100 ms') })
    instead = undefined
    // JSON is an answer, too.
    instead = async (response, data) =>
      response.end(JSON.stringify({ signature: await account.sign({ hash: keccak256(data) }) }))
    expect(await open().signBytes(bytes)).toHaveLength(132)
    instead = undefined
  })

  it('is asked on this machine or through TLS', () => {
    const { publicKey } = account
    for (const options of [
      { url: 'http://signer.example.org', publicKey },
      { url: 'https://user:word@signer.example.org', publicKey },
      { url: 'ftp://127.0.0.1', publicKey },
      { url, publicKey: '0x1234' as const },
      { url, publicKey, tls: { caFile: '/nowhere/ca.pem' } },
    ]) {
      expect(() => createRemoteAccount(options)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    }
    expect(createRemoteAccount({ url: 'https://signer.example.org/base', publicKey }).address).toBeDefined()
  })

  it('is asked by nobody for an account that signs neither hashes nor bytes', async () => {
    const { sign: _, ...mute } = account
    await expect(signBytesWith(mute as never, new Uint8Array(3))).rejects.toMatchObject({ code: 'SIGNER_FAILED' })
  })
})

describe('a key service behind TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'signer-tls-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const authority = createAuthority(folder)
  if (authority === undefined) process.stderr.write('no openssl here: TLS to a key service is not tested\n')

  it.skipIf(authority === undefined)(
    'is asked by its name and authority, shows who asks, and by nothing less',
    async () => {
      const { certFile, keyFile } = authority!.issue('127.0.0.1')
      const stranger = createAuthority(folder, 'stranger')!
      const server = createTlsServer(
        {
          ...{ cert: readFileSync(certFile), key: readFileSync(keyFile), ca: readFileSync(authority!.caFile) },
          ...{ requestCert: true, rejectUnauthorized: true },
        },
        (request, response) => {
          const parts: Buffer[] = []
          request.on('data', part => parts.push(part))
          request.on('end', async () => {
            const { data } = JSON.parse(Buffer.concat(parts).toString()) as typeof body
            response.end(await account.sign({ hash: keccak256(data) }))
          })
        },
      )
      await new Promise<void>(resolve => server.listen(0, '0.0.0.0', resolve))
      const { port } = server.address() as AddressInfo
      const caFile = authority!.caFile
      const client = authority!.issue('operator-1')
      const sign = async (tls: object, host = '127.0.0.1'): Promise<Hex> => {
        const url = `https://${host}:${port}`
        return await signBytesWith(
          createRemoteAccount({ url, publicKey: account.publicKey, tls, timeoutMs: 60_000 }),
          new TextEncoder().encode('a vote'),
        )
      }
      try {
        const expected = await signBytesWith(account, new TextEncoder().encode('a vote'))
        expect(await sign({ caFile, ...client })).toBe(expected)
        const refused = { code: 'SIGNER_FAILED' }
        await expect(sign(client)).rejects.toMatchObject(refused)
        await expect(sign({ caFile: stranger.caFile, ...client })).rejects.toMatchObject(refused)
        // Nobody, and somebody of another authority.
        await expect(sign({ caFile })).rejects.toMatchObject(refused)
        await expect(sign({ caFile, ...stranger.issue('operator-1') })).rejects.toMatchObject(refused)
        const elsewhere = process.platform === 'linux' ? '127.0.0.2' : 'localhost'
        await expect(sign({ caFile, ...client }, elsewhere)).rejects.toMatchObject({
          ...refused,
          message: expect.stringMatching(/does not match certificate/),
        })
      } finally {
        server.closeAllConnections()
        await new Promise(resolve => server.close(resolve))
      }
    },
  )
})
