// Decoding and sender recovery, per core: against bare libsecp256k1 and against viem.
import { createRequire } from 'node:module'
import { hexToBytes } from '@l2/common'
import { parseTransaction, recoverTransactionAddress, type TransactionSerialized } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { decodeTransaction, decodeTransactions } from '../src/transaction/decode.ts'
import { createNativeRecovery } from '../src/transaction/native.ts'
import { nobleRecovery } from '../src/transaction/recovery.ts'
import { createRecoveryPool } from '../src/transaction/recovery-pool.ts'
import type { Transaction } from '../src/transaction/types.ts'

const count = 2_000
const account = privateKeyToAccount(`0x${'01'.repeat(32)}`)
const hexes: `0x${string}`[] = []
for (let i = 0; i < count; i++) {
  const transaction = {
    chainId: 10,
    nonce: i,
    gas: 21_000n + BigInt(i),
    maxFeePerGas: 10n ** 9n,
    maxPriorityFeePerGas: 10n ** 6n,
  } as const
  hexes.push(
    await account.signTransaction({
      ...transaction,
      to: account.address,
      value: 10n ** 18n,
      data: i % 2 === 0 ? '0x' : `0x${'ab'.repeat(68)}`,
    }),
  )
}
const raws = hexes.map(hex => hexToBytes(hex)!)
const recovery = await createNativeRecovery()
const secp256k1 = createRequire(import.meta.url)('secp256k1/bindings.js')

/** Microseconds a transaction, the best of some rounds: noise only ever adds. */
async function best(rounds: number, run: () => void | Promise<void>, of = count): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < rounds; i++) {
    const start = performance.now()
    await run()
    least = Math.min(least, ((performance.now() - start) * 1000) / of)
  }
  return least
}

const decoded: Transaction[] = raws.map(raw => decodeTransaction(raw, { recovery }))
const hash = new Uint8Array(32).fill(7)
const bare = await best(6, () => {
  for (const { signature, yParity } of decoded) secp256k1.ecdsaRecover(signature, yParity, hash, false)
})
const ours = await best(6, () => {
  for (const raw of raws) decodeTransaction(raw, { recovery, chainId: 10n })
})
const noble = await best(
  2,
  () => {
    for (const raw of raws.slice(0, 200)) decodeTransaction(raw, { recovery: nobleRecovery, chainId: 10n })
  },
  200,
)
const viem = await best(
  2,
  async () => {
    for (const hex of hexes.slice(0, 200)) {
      parseTransaction(hex)
      await recoverTransactionAddress({ serializedTransaction: hex as TransactionSerialized })
    }
  },
  200,
)
await using pool = await createRecoveryPool()
await decodeTransactions(raws, { recovery: pool })
const pooled = await best(4, async () => {
  await decodeTransactions(raws, { recovery: pool })
})
const line = (name: string, us: number) => console.log(`${name.padEnd(44)} ${us.toFixed(1).padStart(8)} µs`)
line('bare libsecp256k1 recovery', bare)
line('decode + hash + native recovery', ours)
line(`decode + hash + recovery over ${pool.name.split(' on ')[1]}`, pooled)
line('decode + hash + noble recovery', noble)
line('viem parse + recover', viem)
console.log(
  `native: ${((100 * bare) / ours).toFixed(0)} % of bare recovery, ${(viem / ours).toFixed(0)}x viem; noble: ${(viem / noble).toFixed(1)}x viem`,
)
