// Hashes and signatures by every backend, and what that makes of a transaction's way in. CPU of this process, each the best of rounds in turn.
import { createHash } from 'node:crypto'
import { hexToBytes } from '@l2/common'
import { type CryptoBackend, keccak256, setCrypto, sha256 } from '@l2/common/crypto'
import { initFastCrypto, nativeSecp256k1, wasmKeccak256, wasmSecp256k1 } from '@l2/common/fast-crypto'
import { nobleSecp256k1 } from '@l2/common/secp256k1'
import { parseTransaction, recoverTransactionAddress, type TransactionSerialized } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { decodeTransaction } from '../src/transaction/decode.ts'

const account = privateKeyToAccount(`0x${'01'.repeat(32)}`)
const count = 200
const hexes: `0x${string}`[] = []
for (let nonce = 0; nonce < count; nonce++)
  hexes.push(
    await account.signTransaction({
      ...{ chainId: 10, nonce, gas: 60_000n, maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 10n ** 6n },
      ...{ to: account.address, value: 10n ** 18n, data: nonce % 2 === 0 ? '0x' : `0x${'ab'.repeat(68)}` },
    }),
  )
const raws = hexes.map(hex => hexToBytes(hex)!)
const [key, hash] = [new Uint8Array(32).fill(7), keccak256(new Uint8Array(10))]
const signed = nobleSecp256k1.sign(hash, key)!
const native = nativeSecp256k1(import.meta.url)
if (native.state !== 'ready') throw new Error(`no add-on: ${native.reason}`)
const wasm = { keccak256: await wasmKeccak256(), secp256k1: await wasmSecp256k1() }
const addOn = { ...wasm, secp256k1: native.module }
await initFastCrypto()
const fast = setCrypto(undefined)!

/** Microseconds of CPU of one call. */
async function cpu(calls: number, run: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  for (let i = 0; i < calls; i++) await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / calls
}

/** Each of some ways in turn, so that whatever else the machine does falls on all alike. */
async function compare(title: string, calls: number, ways: Record<string, [CryptoBackend, () => unknown]>) {
  const least: Record<string, number> = {}
  for (let round = 0; round < 8; round++)
    for (const [name, [backend, run]] of Object.entries(ways)) {
      setCrypto(backend)
      const took = await cpu(calls, run)
      if (round > 0) least[name] = Math.min(least[name] ?? Number.POSITIVE_INFINITY, took)
    }
  setCrypto(undefined)
  const [base] = Object.values(least)
  console.log(title)
  for (const [name, us] of Object.entries(least))
    console.log(`  ${name.padEnd(34)} ${us.toFixed(2).padStart(9)} µs  ${(base! / us).toFixed(1)}x`)
}

for (const bytes of [64, 600, 100_000]) {
  const data = new Uint8Array(bytes).map((_, i) => i * 31)
  const hashed = () => keccak256(data)
  await compare(`keccak-256 of ${bytes} bytes`, bytes > 1_000 ? 20 : 1_000, {
    noble: [{}, hashed],
    WebAssembly: [wasm, hashed],
    'sha3-256 of OpenSSL (a limit)': [{}, () => createHash('sha3-256').update(data).digest()],
  })
}
const block = new Uint8Array(542)
await compare('SHA-256 of a Celestia share', 1_000, {
  noble: [{}, () => sha256(block)],
  platform: [fast, () => sha256(block)],
})
const recover = (backend: CryptoBackend) => () =>
  (backend.secp256k1 ?? nobleSecp256k1).recover(hash, signed.signature, signed.recoveryId)
const sign = (backend: CryptoBackend) => () => (backend.secp256k1 ?? nobleSecp256k1).sign(hash, key)
await compare('recovery', 50, {
  noble: [{}, recover({})],
  WebAssembly: [wasm, recover(wasm)],
  'add-on': [addOn, recover(addOn)],
})
await compare('signature', 50, {
  noble: [{}, sign({})],
  WebAssembly: [wasm, sign(wasm)],
  'add-on': [addOn, sign(addOn)],
})
let at = 0
const decode = () => decodeTransaction(raws[at++ % count]!, { chainId: 10n })
await compare('a transaction decoded, hashed, its sender recovered', 100, {
  viem: [
    {},
    async () => {
      const serializedTransaction = hexes[at++ % count]! as TransactionSerialized
      parseTransaction(serializedTransaction)
      await recoverTransactionAddress({ serializedTransaction })
    },
  ],
  noble: [{}, decode],
  'initFastCrypto without the add-on': [wasm, decode],
  initFastCrypto: [addOn, decode],
})
