import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { afterAll, describe, expect, it } from 'vitest'
import { createAnvilEngine } from '../engine/anvil.js'
import { anvilBinary, spawnAnvil } from '../engine/anvil-process.js'
import { createJsonRpc } from '../engine/json-rpc.js'
import { writeTestGenesis } from '../engine/testdata/genesis.js'
import { type ProofsHarness, proofsConformance, storingContract } from '../testing/proofs-conformance.js'
import { createStateProofs, messagePasser } from './state-proofs.js'
import { emptyTrieRoot, provenValue } from './trie-proof.js'

const key: Hex = `0x${'a1'.repeat(32)}`
const folder = mkdtempSync(join(tmpdir(), 'l2-proofs-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function genesisPath(): string {
  const path = writeTestGenesis(folder, [key])
  const genesis = JSON.parse(readFileSync(path, 'utf8'))
  genesis.alloc[messagePasser] = { balance: '0x0', nonce: '0x1', code: storingContract }
  writeFileSync(path, JSON.stringify(genesis))
  return path
}

async function create(): Promise<ProofsHarness> {
  const anvil = await spawnAnvil({ binary: anvilBinary(import.meta.url)!, chainId: 901n, genesisPath: genesisPath() })
  const engine = await createAnvilEngine({ url: anvil.url })
  const rpc = createJsonRpc({ url: anvil.url, timeoutMs: 30_000 })
  return {
    engine,
    request: ({ method, params }) =>
      rpc.call(method, params).catch(error => {
        throw Object.assign(new Error(String(error)), { code: error.details?.rpcCode })
      }),
    chainId: 901n,
    key,
    headerTells: false,
    async close() {
      await engine.close()
      await anvil.close()
    },
  }
}

describe('createStateProofs on anvil', () => {
  for (const { name, run } of proofsConformance(create)) it(name, run)
})

describe('createStateProofs', () => {
  const block = { number: 5n, hash: `0x${'11'.repeat(32)}`, stateRoot: `0x${'22'.repeat(32)}` } as const

  it('tells an engine that refuses from one that does not answer', async () => {
    const of = (error: unknown) => createStateProofs({ name: 'geth' }, { request: () => Promise.reject(error) })
    const refusal = Object.assign(new Error('missing trie node'), { code: -32000 })
    await expect(of(refusal).proof(messagePasser, [], block)).rejects.toMatchObject({ code: 'PROOFS_UNAVAILABLE' })
    const wrapped = new Error('request failed', { cause: refusal })
    await expect(of(wrapped).proof(messagePasser, [], block)).rejects.toMatchObject({ code: 'PROOFS_UNAVAILABLE' })
    const silence = new Error('fetch failed')
    await expect(of(silence).proof(messagePasser, [], block)).rejects.toBe(silence)
  })

  it('takes whatever is not a proof for none', async () => {
    for (const answer of [null, 7, {}, { accountProof: 'x' }, { nonce: '0x1', balance: '0x1', accountProof: [] }]) {
      const proofs = createStateProofs({ name: 'geth' }, { request: async () => answer })
      await expect(proofs.proof(messagePasser, [], block)).rejects.toMatchObject({ code: 'PROOF_INVALID' })
    }
  })

  it('refuses a depth that cannot be', () => {
    expect(() => createStateProofs({ name: 'geth', depthBlocks: 0n }, { request: async () => null })).toThrow(
      expect.objectContaining({ code: 'ENGINE_OPTIONS' }),
    )
  })
})

describe('provenValue', () => {
  it('knows that an empty trie holds nothing, and that no nodes prove nothing else', () => {
    expect(provenValue(emptyTrieRoot, '0x01', [])).toBeUndefined()
    expect(() => provenValue(`0x${'33'.repeat(32)}`, '0x01', [])).toThrow(
      expect.objectContaining({ code: 'PROOF_INVALID' }),
    )
  })
})
