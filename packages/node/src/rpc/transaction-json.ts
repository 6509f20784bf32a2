import { bytesToHex } from '@l2/common'
import type { Transaction } from '@l2/sequencer-core/transaction'

const hex = (value: bigint | number): string => `0x${value.toString(16)}`
const word = (bytes: Uint8Array): string => hex(BigInt(bytesToHex(bytes)))

/** A transaction that is in no block yet, as geth's JSON-RPC shows it. */
export function pendingJson(transaction: Transaction, chainId: number): Record<string, unknown> {
  const { type, yParity, signature } = transaction
  const isLegacy = type === 0
  const replayOffset = transaction.chainId === undefined ? 27 : 35 + 2 * chainId
  return {
    blockHash: null,
    blockNumber: null,
    blockTimestamp: null,
    from: transaction.sender,
    gas: hex(transaction.gasLimit),
    gasPrice: hex(transaction.maxFeePerGas),
    ...(type === 2 || type === 4
      ? { maxFeePerGas: hex(transaction.maxFeePerGas), maxPriorityFeePerGas: hex(transaction.maxPriorityFeePerGas) }
      : {}),
    hash: transaction.hash,
    input: bytesToHex(transaction.data),
    nonce: hex(transaction.nonce),
    to: transaction.to ?? null,
    transactionIndex: null,
    value: hex(transaction.value),
    type: hex(type),
    ...(isLegacy ? {} : { accessList: transaction.accessList }),
    ...(transaction.chainId === undefined ? {} : { chainId: hex(transaction.chainId) }),
    ...(type === 4 ? { authorizationList: transaction.authorizationList.map(authorizationJson) } : {}),
    v: hex(isLegacy ? replayOffset + yParity : yParity),
    r: word(signature.subarray(0, 32)),
    s: word(signature.subarray(32)),
    ...(isLegacy ? {} : { yParity: hex(yParity) }),
  }
}

const authorizationJson = ({
  chainId,
  address,
  nonce,
  yParity,
  r,
  s,
}: Transaction['authorizationList'][number]): object => ({
  chainId: hex(chainId),
  address,
  nonce: hex(nonce),
  yParity: hex(yParity),
  r: hex(r),
  s: hex(s),
})
