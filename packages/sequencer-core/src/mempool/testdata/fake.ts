import type { Address, Hash } from 'viem'
import type { Transaction } from '../../transaction/types.js'

let counter = 0

/** A transaction as the decoder would give it, without the cost of a signature: for tests of what comes behind the door. */
export function fakeTransaction(fields: Partial<Transaction> & { sender: Address; nonce: bigint }): Transaction {
  const id = (++counter).toString(16).padStart(64, '0')
  const data = fields.data ?? new Uint8Array()
  return {
    type: 2,
    raw: new Uint8Array(110 + data.length),
    hash: `0x${id}` as Hash,
    chainId: 10n,
    gasLimit: 21_000n,
    maxFeePerGas: 1_000n,
    maxPriorityFeePerGas: 1_000n,
    to: '0x00000000000000000000000000000000000000aa',
    value: 0n,
    data,
    accessList: [],
    authorizationList: [],
    yParity: 0,
    signature: new Uint8Array(64),
    ...fields,
  }
}

/** The n-th test account. */
export function testAddress(n: number): Address {
  return `0x${(n + 1).toString(16).padStart(40, '0')}`
}
