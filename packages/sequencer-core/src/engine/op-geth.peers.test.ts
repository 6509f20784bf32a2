import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Hash, type Hex, hexToBytes } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, describe, expect, it } from 'vitest'
import { goProgram } from '../../../../scripts/go.mjs'
import { decodeDeposit, encodeDeposit } from '../derivation/deposit.js'
import { type ForkName, forkNames, isForkActive } from '../derivation/fork-schedule.js'
import { encodeL1InfoDeposit } from '../derivation/l1-info.js'
import { deriveBadBatches } from '../derivation/testdata/bad-batches.js'
import { type EngineHarness, engineConformance } from '../testing/engine-conformance.js'
import { createRandomChain, simulatedRollup } from '../testing/index.js'
import type { ExecutionEngine } from './engine.js'
import { createEngineApi, type EngineApi } from './engine-api.js'
import { type GethProcess, spawnOpGeth } from './geth-process.js'
import { type OpGenesis, opGenesis } from './op-genesis.js'

const binary = goProgram('op-geth', { build: process.env['L2_PEERS'] === 'full' })
if (binary === undefined) {
  process.stdout.write('skipped: no op-geth for its suite; node scripts/go.mjs op-geth builds one\n')
}

const zeroHash: Hash = `0x${'00'.repeat(32)}`
const keys: Hex[] = [`0x${'a1'.repeat(32)}`, `0x${'b2'.repeat(32)}`]
const folder = mkdtempSync(join(tmpdir(), 'l2-op-geth-'))
const started: GethProcess[] = []
afterAll(async () => {
  for (const geth of started) await geth.close()
  rmSync(folder, { recursive: true, force: true })
})

const connect = ({ engineUrl, rpcUrl, jwtSecret }: GethProcess): Promise<EngineApi> =>
  createEngineApi({ engineUrl, rpcUrl, jwtSecret, mode: 'op-stack' })

async function spawn(genesis: OpGenesis): Promise<GethProcess> {
  const dataDir = join(folder, String(started.length))
  const genesisPath = `${dataDir}.json`
  writeFileSync(genesisPath, JSON.stringify(genesis))
  const geth = await spawnOpGeth({ binary: binary!, dataDir, genesisPath, chainId: 901n })
  started.push(geth)
  return geth
}

async function reset(engine: ExecutionEngine): Promise<void> {
  const { hash } = (await engine.block(0n))!
  await engine.setHead({ head: hash, safe: hash, finalized: zeroHash })
}

describe.skipIf(binary === undefined)('createEngineApi on op-geth', () => {
  const alloc = Object.fromEntries(keys.map(key => [privateKeyToAccount(key).address, { balance: 10n ** 20n }]))
  const rollup = simulatedRollup()
  const origin = { ...rollup.genesis.l1, parentHash: zeroHash, timestamp: 0n, mixHash: zeroHash }
  const l1 = { ...origin, baseFeePerGas: 1n, blobBaseFee: 1n, parentBeaconBlockRoot: zeroHash }
  // From Jovian on no block is without it.
  const l1Info = encodeL1InfoDeposit(rollup, rollup.genesis.systemConfig, l1, 0n, 0x66000002n)
  const idle: GethProcess[] = []
  const create = async (): Promise<EngineHarness> => {
    const geth = idle.pop() ?? (await spawn(opGenesis({ chainId: 901n, timestamp: 0x66000000n, alloc })))
    const engine = await connect(geth)
    await reset(engine)
    return {
      engine,
      chainId: 901n,
      keys,
      eip1559: { denominator: 250n, elasticity: 6n },
      deposits: true,
      opAttributes: true,
      attributes: { eip1559Params: '0x0000000000000000', minBaseFee: 0n, transactions: [l1Info] },
      async close() {
        await engine.close()
        idle.push(geth)
      },
    }
  }
  for (const { name, run } of engineConformance(create)) it(name, run)

  it('builds blocks of every fork on the way from Bedrock to Karst', async () => {
    const begin = 1_700_000_000n
    const forks = Object.fromEntries(forkNames.map((name, i) => [name, begin + 4n + 4n * BigInt(i)]))
    const eip1559 = { denominator: 50n, denominatorCanyon: 250n, elasticity: 6n }
    const engine = await connect(await spawn(opGenesis({ chainId: 901n, timestamp: begin, alloc, forks, eip1559 })))
    const config = { ...rollup, forks }
    const kinds = new Set<string>()
    let head = (await engine.block(0n))!
    const last = begin + 4n * BigInt(forkNames.length + 1)
    for (let timestamp = begin + 2n; timestamp <= last; timestamp += 2n) {
      const isActive = (fork: ForkName) => isForkActive(forks, fork, timestamp)
      const first = encodeL1InfoDeposit(config, config.genesis.systemConfig, l1, head.number, timestamp)
      const block = await engine.build(head.hash, {
        timestamp,
        prevRandao: zeroHash,
        suggestedFeeRecipient: '0x4200000000000000000000000000000000000011',
        withdrawals: isActive('canyon') ? [] : undefined,
        parentBeaconBlockRoot: isActive('ecotone') ? zeroHash : undefined,
        transactions: [first],
        noTxPool: true,
        gasLimit: 30_000_000n,
        eip1559Params: isActive('holocene') ? '0x0000000000000000' : undefined,
        minBaseFee: isActive('jovian') ? 0n : undefined,
      })
      await engine.setHead({ head: block.hash, safe: block.hash, finalized: zeroHash })
      kinds.add(`${block.withdrawalsRoot !== undefined} ${block.header?.extraData?.length}`)
      head = block
    }
    expect((await engine.block('latest'))?.timestamp).toBe(last)
    // Before Canyon, from it, from Holocene, from Jovian.
    expect([...kinds]).toEqual(['false 0', 'true 0', 'true 9', 'true 17'])
  })

  it('derives upon Jovian what holds bad transactions: blocks of deposits, and on it goes', async () => {
    const engine = await connect(await spawn(opGenesis({ chainId: 901n, timestamp: 1000n, alloc })))
    await deriveBadBatches(engine, keys[0]!)
  })

  it('builds Jovian blocks, and says of a list with one bad transaction which it is', async () => {
    const chain = createRandomChain({ seed: 1, fork: 'jovian' })
    const rich = Object.fromEntries(
      keys.map(key => [privateKeyToAccount(key).address, { balance: '0x56bc75e2d63100000' as const }]),
    )
    const engine = await connect(await spawn({ ...chain.genesis, alloc: { ...chain.genesis.alloc, ...rich } }))
    const genesis = (await engine.block(0n))!
    chain.begin(genesis)
    const made = await chain.next(genesis.hash)
    const block = await engine.build(genesis.hash, made.attributes)
    chain.record(block, made)
    await engine.setHead({ head: block.hash, safe: zeroHash, finalized: zeroHash })

    const { attributes } = await chain.next(block.hash)
    const [info, ...rest] = attributes.transactions
    const bad = [Uint8Array.of(1, 2, 3), Uint8Array.of(3, 0xc0), Uint8Array.of(0x55, 0xc0), rest.at(-1) ?? info!]
    for (const raw of bad.slice(0, 3)) {
      const transactions = [...attributes.transactions, raw]
      const index = transactions.length - 1
      await expect(engine.build(block.hash, { ...attributes, transactions })).rejects.toMatchObject({
        code: 'ENGINE_TRANSACTION_INVALID',
        details: { index, indices: [index] },
      })
    }
    // A deposit that cannot be there is named, and nothing is built without it.
    const tooMuch = encodeDeposit({
      sourceHash: zeroHash,
      from: `0x${'00'.repeat(19)}d9`,
      to: `0x${'00'.repeat(19)}d9`,
      mint: 0n,
      value: 0n,
      gas: attributes.gasLimit + 1n,
      isSystemTransaction: false,
      data: new Uint8Array(),
    })
    await expect(engine.build(block.hash, { ...attributes, transactions: [info!, tooMuch] })).rejects.toMatchObject({
      code: 'ENGINE_TRANSACTION_INVALID',
      details: { indices: [1] },
    })
    for (const change of [
      { transactions: [] },
      { minBaseFee: 2n ** 64n },
      { eip1559Params: '0x0000000000000001' as Hex },
    ]) {
      await expect(engine.build(block.hash, { ...attributes, ...change })).rejects.toMatchObject({
        code: 'ENGINE_ATTRIBUTES',
      })
    }
    // More DA footprint than gas: what op-geth builds and then refuses.
    const { data, ...rest0 } = decodeDeposit(info!)
    const scalar = encodeDeposit({ ...rest0, data: Uint8Array.from(data).fill(0xff, 176, 178) })
    const signed = Array.from({ length: 8 }, (_, nonce) =>
      privateKeyToAccount(keys[0]!).signTransaction({
        ...{ type: 'eip1559', chainId: 901, nonce, gas: 21_000n, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 1n },
        ...{ to: `0x${'ab'.repeat(20)}`, value: 1n },
      }),
    )
    const list = (await Promise.all(signed)).map(raw => hexToBytes(raw))
    // 65,535 × 100 estimated bytes each, and 30 million gas.
    await expect(
      engine.build(block.hash, { ...attributes, gasLimit: 30_000_000n, transactions: [scalar, ...list] }),
    ).rejects.toMatchObject({ code: 'ENGINE_TRANSACTION_INVALID', details: { indices: [5] } })
    // Exact in JSON above 2^53.
    const high = await engine.build(block.hash, { ...attributes, minBaseFee: 2n ** 64n - 1n })
    expect(high.number).toBe(2n)
    const after = await engine.build(high.hash, {
      ...attributes,
      timestamp: high.timestamp + 2n,
      transactions: [info!],
    })
    expect(after.baseFeePerGas).toBe(2n ** 64n - 1n)
    expect((await engine.block('latest'))?.hash).toBe(block.hash)
  })
})
