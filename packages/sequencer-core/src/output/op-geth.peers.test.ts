import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, describe, expect, it } from 'vitest'
import { goProgram } from '../../../../scripts/go.mjs'
import { encodeL1InfoDeposit } from '../derivation/l1-info.js'
import { createEngineApi, type EngineApi } from '../engine/engine-api.js'
import { type GethProcess, spawnOpGeth } from '../engine/geth-process.js'
import { createJsonRpc } from '../engine/json-rpc.js'
import { opGenesis } from '../engine/op-genesis.js'
import { attributesAfter } from '../testing/engine-conformance.js'
import { simulatedRollup } from '../testing/index.js'
import { type ProofsHarness, proofsConformance, storingContract } from '../testing/proofs-conformance.js'
import { createStateProofs, messagePasser, type StateProofsDependencies } from './state-proofs.js'

const binary = goProgram('op-geth', { build: process.env['L2_PEERS'] === 'full' })
if (binary === undefined) {
  process.stdout.write('skipped: no op-geth to prove states; node scripts/go.mjs op-geth builds one\n')
}

const zeroHash: Hex = `0x${'00'.repeat(32)}`
const key: Hex = `0x${'a1'.repeat(32)}`
const folder = mkdtempSync(join(tmpdir(), 'l2-proofs-op-geth-'))
const started: GethProcess[] = []
afterAll(async () => {
  for (const geth of started) await geth.close()
  rmSync(folder, { recursive: true, force: true })
})

// op-geth has no index of old states while its head is old.
const timestamp = BigInt(Math.floor(Date.now() / 1000)) - 3600n
const rollup = simulatedRollup()
const origin = { ...rollup.genesis.l1, parentHash: zeroHash, timestamp: 0n, mixHash: zeroHash }
const l1 = { ...origin, baseFeePerGas: 1n, blobBaseFee: 1n, parentBeaconBlockRoot: zeroHash }
const l1Info = encodeL1InfoDeposit(rollup, rollup.genesis.systemConfig, l1, 0n, timestamp + 2n)
const attributes = { eip1559Params: '0x0000000000000000', minBaseFee: 0n, transactions: [l1Info] } as const

type Started = { engine: EngineApi; geth: GethProcess; request: StateProofsDependencies['request'] }

async function spawn(states: number | undefined): Promise<Started> {
  const alloc = {
    [privateKeyToAccount(key).address]: { balance: 10n ** 20n },
    [messagePasser]: { nonce: 1n, code: storingContract },
  }
  const dataDir = join(folder, String(started.length))
  const genesisPath = `${dataDir}.json`
  writeFileSync(genesisPath, JSON.stringify(opGenesis({ chainId: 901n, timestamp, alloc })))
  const geth = await spawnOpGeth({ binary: binary!, dataDir, genesisPath, chainId: 901n, states })
  started.push(geth)
  const { engineUrl, rpcUrl, jwtSecret } = geth
  const rpc = createJsonRpc({ url: rpcUrl, timeoutMs: 30_000 })
  return {
    geth,
    engine: await createEngineApi({ engineUrl, rpcUrl, jwtSecret, mode: 'op-stack' }),
    request: ({ method, params }) =>
      rpc.call(method, params).catch(error => {
        throw Object.assign(new Error(String(error)), { code: error.details?.rpcCode })
      }),
  }
}

describe.skipIf(binary === undefined)('createStateProofs on op-geth', () => {
  const create = async (): Promise<ProofsHarness> => {
    const { engine, geth, request } = await spawn(0)
    const close = async () => {
      await engine.close()
      await geth.close()
    }
    return { engine, request, chainId: 901n, key, attributes, headerTells: true, close }
  }
  for (const { name, run } of proofsConformance(create)) it(name, run)

  it('finds an op-geth as it is installed out, which proves the newest 128 blocks, and one with a history right', {
    timeout: 600_000,
  }, async () => {
    for (const states of [undefined, 0]) {
      const { engine, geth, request } = await spawn(states)
      const { transactions, ...rest } = attributes
      let parent = (await engine.block('latest'))!
      const of = (depthBlocks: bigint) => createStateProofs({ name: engine.name, depthBlocks }, { request })
      for (let height = 1; height <= 140; height++) {
        // States that are equal are one state, and never too old.
        const data: Hex = `${zeroHash}${height.toString(16).padStart(64, '0')}`
        const fees = { maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 1n }
        const call = { chainId: 901, nonce: height - 1, gas: 100_000n, to: messagePasser, data, ...fees }
        const raw = await privateKeyToAccount(key).signTransaction({ type: 'eip1559', ...call })
        const list = [...transactions, Uint8Array.from(Buffer.from(raw.slice(2), 'hex'))]
        const block = await engine.build(parent.hash, attributesAfter(parent, list, rest))
        await engine.setHead({ head: block.hash, safe: block.hash, finalized: block.hash })
        parent = block
      }
      expect(await of(100n).probe()).toMatchObject({ oldest: 40n, isWhole: true })
      const refusal = { code: 'PROOFS_UNAVAILABLE', details: { number: 5n } }
      if (states === undefined) await expect(of(135n).probe()).rejects.toMatchObject(refusal)
      // Its index begins some 15 seconds after a start.
      else {
        const deeper = expect.poll(
          () =>
            of(135n)
              .probe()
              .catch(() => undefined),
          { timeout: 90_000, interval: 500 },
        )
        await deeper.toMatchObject({ oldest: 5n, isWhole: true })
      }
      await engine.close()
      await geth.close()
    }
  })
})
