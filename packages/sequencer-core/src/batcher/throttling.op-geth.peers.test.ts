import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '@l2/common/testing'
import { bytesToHex, type Hash, type Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, describe, expect, it } from 'vitest'
import { goProgram } from '../../../../scripts/go.mjs'
import { encodeL1InfoDeposit } from '../derivation/l1-info.js'
import { type GethProcess, spawnOpGeth } from '../engine/geth-process.js'
import { createJsonRpc } from '../engine/json-rpc.js'
import { createEngineToken } from '../engine/jwt.js'
import { opGenesis } from '../engine/op-genesis.js'
import { simulatedRollup } from '../testing/index.js'
import { createThrottleController } from './throttle-controller.js'
import { createRpcBuilder, createThrottling, type ThrottlingEvent } from './throttling.js'

const binary = goProgram('op-geth', { build: process.env['L2_PEERS'] === 'full' })
if (binary === undefined) {
  process.stdout.write('skipped: no op-geth for throttling; node scripts/go.mjs op-geth builds one\n')
}

const zeroHash: Hash = `0x${'00'.repeat(32)}`
const keys: Hex[] = [`0x${'a1'.repeat(32)}`, `0x${'b2'.repeat(32)}`]
const folder = mkdtempSync(join(tmpdir(), 'l2-throttling-'))
const started: GethProcess[] = []
afterAll(async () => {
  for (const geth of started) await geth.close()
  rmSync(folder, { recursive: true, force: true })
})

const rollup = simulatedRollup()
const origin = { ...rollup.genesis.l1, parentHash: zeroHash, timestamp: 0n, mixHash: zeroHash }
const l1 = { ...origin, baseFeePerGas: 1n, blobBaseFee: 1n, parentBeaconBlockRoot: zeroHash }
const l1Info = encodeL1InfoDeposit(rollup, rollup.genesis.systemConfig, l1, 0n, 0x66000002n)

/** An op-geth with a transfer and a large transaction in its pool, from which it builds blocks. */
async function builder(miner: boolean) {
  const dataDir = join(folder, String(started.length))
  const genesisPath = `${dataDir}.json`
  const alloc = Object.fromEntries(keys.map(key => [privateKeyToAccount(key).address, { balance: 10n ** 20n }]))
  writeFileSync(genesisPath, JSON.stringify(opGenesis({ chainId: 901n, timestamp: 0x66000000n, alloc })))
  const geth = await spawnOpGeth({ binary: binary!, dataDir, genesisPath, chainId: 901n, miner })
  started.push(geth)
  const rpc = createJsonRpc({ url: geth.rpcUrl, timeoutMs: 30_000 })
  const token = createEngineToken(geth.jwtSecret)
  const engine = createJsonRpc({
    url: geth.engineUrl,
    timeoutMs: 30_000,
    headers: () => ({ authorization: `Bearer ${token(BigInt(Math.floor(Date.now() / 1000)))}` }),
  })
  const head = (await rpc.call<{ hash: Hash; gasLimit: Hex }>('eth_getBlockByNumber', ['latest', false]))!
  const noise = bytesToHex(seededRandom(1).bytes(20_000))
  const bodies = [
    { gas: 21_000n, data: '0x' as Hex },
    { gas: 1_000_000n, data: noise },
  ]
  for (const [i, { gas, data }] of bodies.entries()) {
    const raw = await privateKeyToAccount(keys[i]!).signTransaction({
      ...{ type: 'eip1559', chainId: 901, nonce: 0, gas, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n },
      ...{ to: `0x${'ab'.repeat(20)}`, value: 1n, data },
    })
    await rpc.call('eth_sendRawTransaction', [raw])
  }
  let timestamp = 0x66000002n
  return {
    geth,
    /** Sizes of the users' transactions in a block that it fills from its pool. Bytes. */
    async build(): Promise<number[]> {
      const attributes = {
        timestamp: `0x${(timestamp++).toString(16)}`,
        prevRandao: zeroHash,
        suggestedFeeRecipient: `0x${'00'.repeat(20)}`,
        withdrawals: [],
        parentBeaconBlockRoot: zeroHash,
        transactions: [bytesToHex(l1Info)],
        noTxPool: false,
        gasLimit: head.gasLimit,
        eip1559Params: '0x0000000000000000',
        minBaseFee: 0,
      }
      const heads = { headBlockHash: head.hash, safeBlockHash: zeroHash, finalizedBlockHash: zeroHash }
      const { payloadId } = await engine.call<{ payloadId: Hex }>('engine_forkchoiceUpdatedV3', [heads, attributes])
      // It first has an empty block, and fills one meanwhile.
      await new Promise(resolve => setTimeout(resolve, 300))
      const { executionPayload } = await engine.call<{ executionPayload: { transactions: Hex[] } }>(
        'engine_getPayloadV4',
        [payloadId],
      )
      return executionPayload.transactions.slice(1).map(raw => raw.length / 2 - 1)
    },
  }
}

describe.skipIf(binary === undefined)('throttling of op-geth', () => {
  it('keeps large transactions out of the blocks of each builder, and lets them in again', async () => {
    const builders = [await builder(true), await builder(true), await builder(false)]
    const [first, second, deaf] = builders as [(typeof builders)[0], (typeof builders)[0], (typeof builders)[0]]
    const events: ThrottlingEvent[] = []
    let backlog = 20_000_000
    const throttling = createThrottling(
      {},
      {
        controller: createThrottleController(),
        backlogBytes: () => backlog,
        builders: builders.map(({ geth }) => createRpcBuilder({ url: geth.rpcUrl })),
        onEvent: event => events.push(event),
      },
    )
    const round = async (): Promise<void> => {
      throttling.step()
      await throttling.settle()
    }
    /** Sizes in the first block of a builder that has as many, or in its last of ten: a filled block may take a moment. */
    const sizes = async ({ build }: typeof first, count: number): Promise<number[]> => {
      let found: number[] = []
      for (let i = 0; i < 10 && found.length !== count; i++) found = await build()
      return found
    }
    await round()
    expect(throttling.view.map(({ limits, failures }) => [limits?.maxTransactionBytes, failures])).toEqual([
      [150, 0],
      [150, 0],
      [undefined, 1],
    ])
    // The third does not know the method: it is reported, and keeps its blocks as they are.
    expect(events.find(({ type }) => type === 'failed')).toMatchObject({
      builder: new URL(deaf.geth.rpcUrl).origin,
      error: { code: 'ENGINE_RPC', details: { rpcCode: -32601 } },
    })
    for (const throttled of [first, second]) {
      const [transfer, ...others] = await sizes(throttled, 1)
      expect(transfer).toBeLessThan(150)
      expect(others).toEqual([])
    }
    expect((await sizes(deaf, 2)).some(size => size > 20_000)).toBe(true)
    backlog = 0
    await round()
    for (const free of [first, second]) expect((await sizes(free, 2)).some(size => size > 20_000)).toBe(true)
  })
})
