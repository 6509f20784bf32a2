import { hexToBytes } from '@l2/common'
import { type Hex, serializeTransaction } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { nobleRecovery } from '../transaction/recovery.js'
import { encodeDeposit } from './deposit.js'
import { readInboxTransaction } from './l1-transaction.js'

const account = privateKeyToAccount(`0x${'42'.repeat(32)}`)
const inbox = '0xff00000000000000000000000000000000000010'
const common = { nonce: 7, gas: 21_000n, to: inbox, value: 0n, data: '0x00aabb' } as const
const fees = { maxFeePerGas: 9n, maxPriorityFeePerGas: 1n } as const
const hashes = [`0x01${'11'.repeat(31)}`, `0x01${'22'.repeat(31)}`] as Hex[]
const bytes = (hex: Hex): Uint8Array => hexToBytes(hex)!

const signed = {
  legacy: await account.signTransaction({ ...common, type: 'legacy', chainId: 900, gasPrice: 9n }),
  'legacy of a large chain id': await account.signTransaction({
    ...common,
    type: 'legacy',
    chainId: 11_155_111,
    gasPrice: 9n,
  }),
  unprotected: await account.signTransaction({ ...common, type: 'legacy', gasPrice: 9n }),
  eip2930: await account.signTransaction({
    ...common,
    type: 'eip2930',
    chainId: 900,
    gasPrice: 9n,
    accessList: [{ address: inbox, storageKeys: [hashes[0]!] }],
  }),
  eip1559: await account.signTransaction({ ...common, ...fees, type: 'eip1559', chainId: 900 }),
  eip4844: await account.signTransaction({
    ...common,
    ...fees,
    type: 'eip4844',
    chainId: 900,
    maxFeePerBlobGas: 5n,
    blobVersionedHashes: hashes,
  }),
}

describe('readInboxTransaction', () => {
  it.each(Object.entries(signed))('reads and recovers %s', (name, raw) => {
    const chain = name.includes('large') ? 11_155_111n : 900n
    const transaction = readInboxTransaction(bytes(raw), chain)
    expect(transaction).toMatchObject({ to: inbox, data: Uint8Array.of(0, 0xaa, 0xbb) })
    expect(transaction?.blobVersionedHashes).toEqual(name === 'eip4844' ? hashes : undefined)
    expect(transaction?.sender(nobleRecovery)).toBe(account.address.toLowerCase())
  })

  it('reads a deposit, for a rollup on a rollup', () => {
    const from = `0x${'12'.repeat(20)}` as const
    const data = Uint8Array.of(1)
    const raw = encodeDeposit({
      sourceHash: hashes[0]!,
      from,
      to: inbox,
      mint: 0n,
      value: 0n,
      gas: 1n,
      isSystemTransaction: false,
      data,
    })
    expect(readInboxTransaction(raw, 900n)?.sender(nobleRecovery)).toBe(from)
  })

  it('knows no other types, chains, or shapes', () => {
    const raw = bytes(signed.eip1559)
    expect(readInboxTransaction(raw, 901n)).toBeUndefined()
    expect(readInboxTransaction(bytes(signed.legacy), 901n)).toBeUndefined()
    expect(readInboxTransaction(new Uint8Array(), 900n)).toBeUndefined()
    for (const type of [0, 4, 5, 0x7f]) {
      expect(
        readInboxTransaction(
          raw.map((byte, i) => (i === 0 ? type : byte)),
          900n,
        ),
      ).toBeUndefined()
    }
    for (let length = 0; length < raw.length; length++) {
      expect(readInboxTransaction(raw.subarray(0, length), 900n)).toBeUndefined()
    }
    expect(readInboxTransaction(Uint8Array.of(...raw, 0), 900n)).toBeUndefined()
  })

  it('recovers nobody, or somebody else, from a signature that was touched', () => {
    const zeroed = serializeTransaction(
      { ...common, ...fees, type: 'eip1559', chainId: 900 },
      { r: `0x${'ff'.repeat(32)}`, s: '0x01', yParity: 0 },
    )
    expect(readInboxTransaction(bytes(zeroed), 900n)?.sender(nobleRecovery)).toBeUndefined()
    const raw = bytes(signed.eip1559)
    const other = raw.map((byte, i) => (i === raw.length - 1 ? byte ^ 1 : byte))
    expect(readInboxTransaction(other, 900n)?.sender(nobleRecovery)).not.toBe(account.address.toLowerCase())
  })
})
