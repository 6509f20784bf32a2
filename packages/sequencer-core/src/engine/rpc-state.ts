import { bytesToHex } from '@l2/common'
import type { Address, Hash, Hex } from 'viem'
import type { AccountState } from '../mempool/types.js'
import type { AccessCall, CallOptions, ExecutionReceipt, TracedAccess } from './engine.js'
import { unknownBlock } from './engine-error.js'
import { type JsonRpc, type RpcCall, resultOf } from './json-rpc.js'

export const quantity = (value: bigint | number): Hex => `0x${value.toString(16)}`

/** Receipts of a block, by hash. @throws SequencerError `ENGINE_UNKNOWN_BLOCK` */
export async function readReceipts(
  rpc: JsonRpc,
  block: Hash,
  options: CallOptions | undefined,
): Promise<ExecutionReceipt[]> {
  type Receipt = { transactionHash: Hash; status: Hex; gasUsed: Hex }
  const receipts = await rpc.call<Receipt[] | null>('eth_getBlockReceipts', [block], options)
  if (receipts === null) throw unknownBlock(block)
  return receipts.map(receipt => ({
    transactionHash: receipt.transactionHash,
    success: BigInt(receipt.status) === 1n,
    gasUsed: BigInt(receipt.gasUsed),
  }))
}

/** Nonce, balance and kind of accounts at one block, in one batch. */
export async function readAccounts(
  rpc: JsonRpc,
  engine: string,
  addresses: readonly Address[],
  at: Hex | { blockHash: Hash },
  options: CallOptions | undefined,
): Promise<AccountState[]> {
  const calls = addresses.flatMap((address): RpcCall[] => [
    ['eth_getTransactionCount', address, at],
    ['eth_getBalance', address, at],
    ['eth_getCode', address, at],
  ])
  const answers = await rpc.batch(calls, options)
  const read = (index: number) => resultOf<Hex>(engine, calls[index]![0], answers[index])
  return addresses.map((_, index) => ({
    nonce: BigInt(read(3 * index)),
    balanceWei: BigInt(read(3 * index + 1)),
    delegated: read(3 * index + 2).startsWith('0xef0100'),
  }))
}

/** What a call would touch at one block. */
export async function readAccess(
  rpc: JsonRpc,
  call: AccessCall,
  at: Hex | { blockHash: Hash },
  options: CallOptions | undefined,
): Promise<TracedAccess> {
  const request = {
    from: call.from,
    ...(call.to === undefined ? {} : { to: call.to }),
    data: bytesToHex(call.data),
    value: quantity(call.value),
    gas: quantity(call.gasLimit),
  }
  type Answer = { accessList: TracedAccess['accessList']; gasUsed: Hex; error?: string }
  const answer = await rpc.call<Answer>('eth_createAccessList', [request, at], options)
  return { accessList: answer.accessList, gasUsed: BigInt(answer.gasUsed), success: answer.error === undefined }
}
