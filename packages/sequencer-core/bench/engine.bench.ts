// Building on anvil: an exact list through the adapter against the same transactions through anvil's own pool (`eth_sendRawTransaction` in batches of 200, then `evm_mine`), in the same run.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bytesToHex, hexToBytes } from '@l2/common'
import type { Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { createAnvilEngine } from '../src/engine/anvil.js'
import { anvilBinary, spawnAnvil } from '../src/engine/anvil-process.js'
import { createJsonRpc, type RpcCall } from '../src/engine/json-rpc.js'
import { writeTestGenesis } from '../src/engine/testdata/genesis.js'
import { attributesAfter } from '../src/testing/engine-conformance.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-bench-'))
const keys = Array.from({ length: 100 }, (_, index): Hex => `0x${(index + 1).toString(16).padStart(64, '0')}`)
const accounts = keys.map(key => privateKeyToAccount(key))
const genesisPath = writeTestGenesis(folder, keys)
const blocks = 10
const perBlock = 500

const lists: Uint8Array[][] = []
for (let block = 0; block < blocks; block++) {
  const list: Uint8Array[] = []
  for (let i = 0; i < perBlock; i++) {
    const raw = await accounts[i % 100]!.signTransaction({
      type: 'eip1559',
      chainId: 901,
      nonce: block * (perBlock / 100) + Math.floor(i / 100),
      gas: 21_000n,
      maxFeePerGas: 10_000_000_000n,
      maxPriorityFeePerGas: 1n,
      value: 1n,
      to: accounts[0]!.address,
    })
    list.push(hexToBytes(raw)!)
  }
  lists.push(list)
}
const start = () => spawnAnvil({ binary: anvilBinary(import.meta.url)!, chainId: 901n, genesisPath })

const pool = await start()
const rpc = createJsonRpc({ url: pool.url, timeoutMs: 30_000, maxBatch: 200 })
let began = performance.now()
for (const list of lists) {
  await rpc.batch(list.map((raw): RpcCall => ['eth_sendRawTransaction', bytesToHex(raw)]))
  await rpc.call('evm_mine')
}
const bare = (blocks * perBlock * 1000) / (performance.now() - began)
await pool.close()

const exact = await start()
const engine = await createAnvilEngine({ url: exact.url })
let parent = (await engine.block('latest'))!
began = performance.now()
for (const list of lists) {
  parent = await engine.build(parent.hash, attributesAfter(parent, list))
  await engine.setHead({ head: parent.hash, safe: parent.hash, finalized: parent.hash })
}
const adapter = (blocks * perBlock * 1000) / (performance.now() - began)

const empty: number[] = []
for (let i = 0; i < 100; i++) {
  const from = performance.now()
  parent = await engine.build(parent.hash, attributesAfter(parent, []))
  await engine.setHead({ head: parent.hash, safe: parent.hash, finalized: parent.hash })
  empty.push(performance.now() - from)
}
empty.sort((a, b) => a - b)
const ping: number[] = []
for (let i = 0; i < 100; i++) {
  const from = performance.now()
  await rpcOf(exact.url).call('eth_chainId')
  ping.push(performance.now() - from)
}
ping.sort((a, b) => a - b)
console.log(`through anvil's pool           ${bare.toFixed(0)} tx/s`)
console.log(`exact list by the adapter      ${adapter.toFixed(0)} tx/s (${(adapter / bare).toFixed(2)}×)`)
console.log(
  `an empty block                 ${empty[50]!.toFixed(2)} ms, ${(empty[50]! / ping[50]!).toFixed(1)}× one bare request`,
)
await exact.close()
rmSync(folder, { recursive: true, force: true })

function rpcOf(url: string) {
  return createJsonRpc({ url, timeoutMs: 30_000 })
}
