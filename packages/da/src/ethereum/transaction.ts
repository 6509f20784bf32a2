import { calldataGas, countBytes } from '@l2/blob'
import { bytesToHex, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Hex } from 'viem'
import type { Commitment } from '../commitment.js'
import type { Fees } from './fees.js'
import type { TransactionSigner } from './rpc.js'

/** Blob transactions and all others live in separate pools, and an account cannot be in both. */
export type PoolKind = 'calldata' | 'blob'

/** The fields that a signature needs besides what the payload decides. */
export type SigningFields = { chainId: number; nonce: number; to: Hex; gas: bigint; fees: Fees }

/** A payload made ready once, and signed as often as fees change. */
export type PreparedPayload = {
  /** Gas when the node has no opinion. */
  readonly intrinsicGas: bigint
  /** What `eth_estimateGas` is asked with, besides from and to. */
  readonly estimate: Record<string, unknown>
  /** What commitments are made of: a hash per item. */
  readonly hashes: readonly Hex[]
  sign(account: TransactionSigner, fields: SigningFields): Promise<{ hash: Hex; raw: Hex }>
}

/** How a kind of transaction carries items. */
export interface PayloadKind {
  readonly kind: PoolKind
  /** Heavy for blobs: done once a submission and never in the loop of the transaction manager. */
  prepare(items: readonly Uint8Array[], signal: AbortSignal): Promise<PreparedPayload>
  /** The smallest payload of this kind: what cancels a stuck transaction of it. */
  empty(): readonly Uint8Array[]
}

type SignRequest = (request: object) => Promise<Hex>

/** One item as the calldata of an EIP-1559 transaction. */
export const calldataPayload: PayloadKind = {
  kind: 'calldata',
  empty: () => [],
  prepare: async items => {
    const data = items[0] ?? new Uint8Array()
    const input = bytesToHex(data)
    return {
      intrinsicGas: calldataGas(countBytes(data)),
      estimate: { data: input },
      hashes: items.map(item => bytesToHex(keccak256(item))),
      sign: async (account, { chainId, nonce, to, gas, fees }) => {
        const raw = await (account.signTransaction as unknown as SignRequest)({
          type: 'eip1559',
          chainId,
          nonce,
          to,
          gas,
          data: input,
          maxFeePerGas: fees.cap,
          maxPriorityFeePerGas: fees.tip,
        })
        return { hash: bytesToHex(keccak256(hexToBytes(raw)!)), raw }
      },
    }
  },
}

/** What a transaction is for. */
export type TransactionRequest = {
  /** A kind that was registered. */
  kind: PoolKind
  to: Hex
  items: readonly Uint8Array[]
  key: string
  /** Asked at once, and before anything is journalled; what it throws ends the call. Later calls keep their place behind this one. */
  approve?: (() => Promise<void>) | undefined
}

/** Makes the commitments out of the transaction that was mined and the payload's hashes. */
export type Commit = (hash: Hex, hashes: readonly Hex[]) => Commitment[]
