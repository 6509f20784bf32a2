import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Address, Hash, Hex } from 'viem'
import { afterAll, describe, expect, it } from 'vitest'
import { goProgram } from '../../../../scripts/go.mjs'
import { encodeDeposit } from '../derivation/deposit.js'
import { attributesAfter, type EngineHarness, engineConformance } from '../testing/engine-conformance.js'
import { createEngineApi, type EngineApiOptions } from './engine-api.js'
import { type GethProcess, gethBinary, spawnGeth } from './geth-process.js'
import { writeTestGenesis } from './testdata/genesis.js'

const binary = goProgram('geth', { build: false }) ?? gethBinary()
if (binary === undefined) {
  process.stdout.write('skipped: no geth for the Engine API suite; node scripts/go.mjs geth builds one\n')
}

const word = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`
const keys: Hex[] = [`0x${'a1'.repeat(32)}`, `0x${'b2'.repeat(32)}`]
const folder = mkdtempSync(join(tmpdir(), 'l2-geth-'))
const genesisPath = writeTestGenesis(folder, keys)

/** Processes are started once and put back to their genesis for every case. */
const started: GethProcess[] = []
const idle: GethProcess[] = []
const servers: Server[] = []
afterAll(async () => {
  for (const server of servers) server.close()
  for (const geth of started) await geth.close()
  rmSync(folder, { recursive: true, force: true })
})

async function takeGeth(): Promise<GethProcess> {
  const ready = idle.pop()
  if (ready !== undefined) return ready
  const dataDir = join(folder, `geth-${started.length}`)
  const geth = await spawnGeth({ binary: binary!, dataDir, genesisPath, chainId: 901n, gasLimit: 30_000_000n })
  started.push(geth)
  return geth
}

/** Geth never goes back behind a block that it was told is final. */
async function hasFinalized({ rpcUrl }: GethProcess): Promise<boolean> {
  const request = { jsonrpc: '2.0', id: 1, method: 'eth_getBlockByNumber', params: ['finalized', false] }
  const response = await fetch(rpcUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  })
  const { result } = (await response.json()) as { result?: { number: string } | null }
  return BigInt(result?.number ?? 0) > 0n
}

type Connect = (geth: GethProcess) => Promise<EngineApiOptions>

function harness(connect: Connect): () => Promise<EngineHarness> {
  return async () => {
    const geth = await takeGeth()
    const engine = await createEngineApi(await connect(geth))
    const genesis = (await engine.block(0n))!
    await engine.setHead({ head: genesis.hash, safe: genesis.hash, finalized: `0x${'00'.repeat(32)}` })
    return {
      engine,
      chainId: 901n,
      keys,
      eip1559: { denominator: 8n, elasticity: 2n },
      deposits: false,
      opAttributes: false,
      async close() {
        await engine.close()
        if (!(await hasFinalized(geth))) idle.push(geth)
      },
    }
  }
}

const plain: Connect = async geth => ({
  engineUrl: geth.engineUrl,
  rpcUrl: geth.rpcUrl,
  jwtSecret: geth.jwtSecret,
  mode: 'testing',
})

type Call = { id: number; method: string; params: unknown[] }

/**
 * The OP Stack's attributes in front of a real geth: a forkchoice update with `transactions` becomes the update and a `testing_buildBlockV1`, whose payload
 * waits for `engine_getPayload`. Execution, authentication and every answer else are geth's.
 */
const throughOpAttributes: Connect = async geth => {
  const payloads = new Map<string, unknown>()
  const post = async (url: string, body: unknown, authorization?: string) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    return response.ok
      ? (JSON.parse(text) as { result?: unknown; error?: unknown })
      : { refused: response.status, text }
  }
  const answer = async (call: Call, authorization: string | undefined) => {
    const forward = (method: string, params: unknown[]) =>
      post(geth.engineUrl, { jsonrpc: '2.0', id: call.id, method, params }, authorization)
    if (call.method.startsWith('engine_getPayload')) {
      return { jsonrpc: '2.0', id: call.id, result: payloads.get(String(call.params[0])) }
    }
    const [state, attributes] = call.params as [{ headBlockHash: string }, Record<string, unknown> | null]
    if (!call.method.startsWith('engine_forkchoiceUpdated') || !attributes) return forward(call.method, call.params)
    const { transactions, noTxPool, gasLimit, ...rest } = attributes
    if (noTxPool !== true || gasLimit === undefined)
      return { id: call.id, error: { code: -38003, message: 'no gasLimit' } }
    const updated = await forward(call.method, [state, null])
    if (!('result' in updated)) return updated
    const built = await post(geth.rpcUrl, {
      jsonrpc: '2.0',
      id: call.id,
      method: 'testing_buildBlockV1',
      params: [state.headBlockHash, rest, transactions, '0x'],
    })
    if (!('result' in built) || built.result === undefined) {
      const { message } = (built as { error: { message: string } }).error
      return { id: call.id, error: { code: -38003, message: 'Invalid payload attributes', data: { err: message } } }
    }
    const payloadId = `0x${(payloads.size + 1).toString(16).padStart(16, '0')}`
    payloads.set(payloadId, built.result)
    return { ...updated, result: { ...(updated.result as object), payloadId } }
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => {
      body += chunk
    })
    request.on('end', async () => {
      const calls = JSON.parse(body) as Call | Call[]
      const { authorization } = request.headers
      const result = Array.isArray(calls)
        ? await Promise.all(calls.map(call => answer(call, authorization)))
        : await answer(calls, authorization)
      const refused = (result as { refused?: number }).refused
      response.writeHead(refused ?? 200, { 'content-type': 'application/json' })
      response.end(refused === undefined ? JSON.stringify(result) : 'refused')
    })
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { engineUrl: `http://127.0.0.1:${port}`, jwtSecret: geth.jwtSecret, mode: 'op-stack' }
}

describe.skipIf(binary === undefined)('createEngineApi on geth, mode testing', () => {
  for (const { name, run } of engineConformance(harness(plain))) it(name, run)

  it('refuses what a plain engine cannot honour', async () => {
    const { engine, close } = await harness(plain)()
    const genesis = (await engine.block('latest'))!
    const refused = { code: 'ENGINE_ATTRIBUTES' }
    const build = (change: Parameters<typeof attributesAfter>[2], transactions: Uint8Array[] = []) =>
      engine.build(genesis.hash, attributesAfter(genesis, transactions, change))
    await expect(build({ timestamp: genesis.timestamp })).rejects.toMatchObject(refused)
    await expect(build({ gasLimit: 20_000_000n })).rejects.toMatchObject(refused)
    await expect(build({ minBaseFee: 1n })).rejects.toMatchObject(refused)
    await expect(build({ eip1559Params: '0x0000000800000002' })).rejects.toMatchObject(refused)
    await expect(build({}, [Uint8Array.of(0x7e, 0xc0)])).rejects.toMatchObject(refused)
    await close()
  })

  it('says of a block what it was given for its header, built or read', async () => {
    const { engine, close } = await harness(plain)()
    const genesis = (await engine.block('latest'))!
    const attributes = attributesAfter(genesis, [], {
      prevRandao: word(7),
      suggestedFeeRecipient: `0x${'00'.repeat(19)}07`,
    })
    const built = await engine.build(genesis.hash, attributes)
    const header = {
      prevRandao: word(7),
      feeRecipient: attributes.suggestedFeeRecipient,
      parentBeaconBlockRoot: attributes.parentBeaconBlockRoot,
      extraData: undefined,
    }
    expect(built.header).toEqual(header)
    expect((await engine.block(built.hash))?.header).toEqual(header)
    await close()
  })

  it('carries deposits beside the block, and their ETH as withdrawals', async () => {
    const geth = await takeGeth()
    const elsewhere: Address = '0x00000000000000000000000000000000000000e1'
    const sender: Address = '0x00000000000000000000000000000000000000e2'
    const shared = { from: sender, gas: 100_000n, isSystemTransaction: false }
    const gwei = 1_000_000_000n
    const deposits = [
      encodeDeposit({ ...shared, sourceHash: word(1), to: elsewhere, mint: 0n, value: 0n, data: Uint8Array.of(1) }),
      encodeDeposit({
        ...shared,
        sourceHash: word(2),
        to: elsewhere,
        mint: 7n * gwei,
        value: 5n * gwei,
        data: new Uint8Array(),
      }),
      encodeDeposit({
        ...shared,
        sourceHash: word(3),
        to: elsewhere,
        mint: 3n * gwei,
        value: 3n * gwei,
        data: Uint8Array.of(2),
      }),
    ]
    const options = { ...(await plain(geth)), deposits: 'carry' } as const
    const engine = await createEngineApi(options)
    const genesis = (await engine.block(0n))!
    await engine.setHead({ head: genesis.hash, safe: genesis.hash, finalized: `0x${'00'.repeat(32)}` })
    const attributes = attributesAfter(genesis, deposits)
    const block = await engine.build(genesis.hash, attributes)
    expect(block.transactions).toEqual(deposits)
    expect((await engine.build(genesis.hash, attributes)).hash).toBe(block.hash)
    await engine.setHead({ head: block.hash, safe: genesis.hash, finalized: genesis.hash })
    expect((await engine.block('latest'))?.transactions).toEqual(deposits)
    const [to, from] = await engine.accounts([elsewhere, sender])
    expect([to?.balanceWei, from?.balanceWei]).toEqual([5n * gwei, 5n * gwei])
    const bad = attributesAfter(block, [deposits[0]!, Uint8Array.of(0x02, 0xc0)])
    const refused = { code: 'ENGINE_TRANSACTION_INVALID', details: { index: 1, indices: [1] } }
    await expect(engine.build(block.hash, bad)).rejects.toMatchObject(refused)

    const restarted = await createEngineApi({
      ...options,
      carriedBy: hash => (hash === block.hash ? deposits : undefined),
    })
    expect((await restarted.block(block.hash))?.transactions).toEqual(deposits)
    await engine.setHead({ head: genesis.hash, safe: genesis.hash, finalized: `0x${'00'.repeat(32)}` })
    idle.push(geth)
  })

  it('goes back further than the 32 blocks that geth allows by itself', async () => {
    const { engine, close } = await harness(plain)()
    const genesis = (await engine.block('latest'))!
    let parent = genesis
    for (let count = 0; count < 40; count++) {
      parent = await engine.build(parent.hash, attributesAfter(parent, []))
      await engine.setHead({ head: parent.hash, safe: genesis.hash, finalized: word(0) })
    }
    await engine.setHead({ head: genesis.hash, safe: genesis.hash, finalized: word(0) })
    const twig = await engine.build(genesis.hash, attributesAfter(genesis, [], { prevRandao: word(9) }))
    await engine.setHead({ head: twig.hash, safe: genesis.hash, finalized: word(0) })
    expect(await engine.block('latest')).toMatchObject({ number: 1n, hash: twig.hash })
    await close()
  })

  it('is refused with another secret, and the error does not tell either', async () => {
    const geth = await takeGeth()
    const secret = 'ab'.repeat(32)
    const error = await createEngineApi({ ...(await plain(geth)), jwtSecret: secret }).catch(
      (caught: unknown) => caught,
    )
    expect(error).toMatchObject({ code: 'ENGINE_UNAVAILABLE' })
    expect(`${JSON.stringify(error)}${String((error as Error).stack)}`).not.toContain(secret)
    idle.push(geth)
  })
})

describe.skipIf(binary === undefined)('createEngineApi on geth, mode op-stack', () => {
  for (const { name, run } of engineConformance(harness(throughOpAttributes))) it(name, run)
})

describe('createEngineApi', () => {
  it('refuses options that cannot be, without the secret', async () => {
    const options = { engineUrl: 'http://127.0.0.1:1', jwtSecret: '0xsecret', mode: 'testing' } as const
    const error = await createEngineApi(options).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'ENGINE_OPTIONS' })
    expect(JSON.stringify(error)).not.toContain('secret"')
    await expect(createEngineApi({ ...options, engineUrl: 'ftp://x' })).rejects.toMatchObject({
      code: 'ENGINE_OPTIONS',
    })
    const nobody = { ...options, jwtSecret: '11'.repeat(32) }
    await expect(createEngineApi(nobody)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE', recovery: 'retry' })
  })
})
