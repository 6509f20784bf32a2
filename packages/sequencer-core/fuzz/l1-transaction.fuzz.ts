import { hexToBytes } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { privateKeyToAccount } from 'viem/accounts'
import { readInboxTransaction } from '../src/derivation/l1-transaction.ts'
import { nobleRecovery } from '../src/transaction/recovery.ts'

const account = privateKeyToAccount(`0x${'42'.repeat(32)}`)
const common = { nonce: 7, gas: 21_000n, to: account.address, value: 0n, data: '0x00aabb', chainId: 900 } as const
const fees = { maxFeePerGas: 9n, maxPriorityFeePerGas: 1n } as const
const signed = await Promise.all([
  account.signTransaction({ ...common, type: 'legacy', gasPrice: 9n }),
  account.signTransaction({ ...common, type: 'eip2930', gasPrice: 9n }),
  account.signTransaction({ ...common, ...fees, type: 'eip1559' }),
  account.signTransaction({
    ...common,
    ...fees,
    type: 'eip4844',
    maxFeePerBlobGas: 5n,
    blobVersionedHashes: [`0x01${'11'.repeat(31)}`],
  }),
])

/** An L1 transaction from a node that is not trusted: read or passed over, with some sender or none. */
export const target: FuzzTarget = {
  corpus: () => signed.map(hex => hexToBytes(hex)!),
  run(input) {
    const transaction = readInboxTransaction(input, 900n)
    const sender = transaction?.sender(nobleRecovery)
    if (sender !== undefined && !/^0x[0-9a-f]{40}$/.test(sender)) throw new Error(`not an address: ${sender}`)
  },
}
