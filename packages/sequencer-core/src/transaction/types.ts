import type { Address, Hash } from 'viem'

/** One line of an EIP-2930 access list. */
export type AccessListEntry = {
  readonly address: Address
  readonly storageKeys: readonly Hash[]
}

/** One EIP-7702 tuple. Its signature is not recovered here: an invalid one makes the tuple void, not the transaction. */
export type Authorization = {
  /** 0 means: valid on every chain. */
  readonly chainId: bigint
  /** The code that the authority delegates to; the zero address takes a delegation back. */
  readonly address: Address
  readonly nonce: bigint
  readonly yParity: number
  readonly r: bigint
  readonly s: bigint
}

/** The EIP-2718 types that a rollup takes from its users. Type 3 stays on L1, 0x7e comes from L1. */
export type TransactionType = 0 | 1 | 2 | 4

/**
 * A signed transaction, decoded once and used everywhere: mempool, ordering, blocks, batches. Its bytes are kept as they came, so nothing is
 * encoded twice either.
 */
export type Transaction = {
  readonly type: TransactionType
  /** EIP-2718 bytes; a view of what was decoded, not a copy. */
  readonly raw: Uint8Array
  /** keccak-256 of {@link raw}. */
  readonly hash: Hash
  /** Recovered from the signature. */
  readonly sender: Address
  /** `undefined`: a type 0 transaction from before EIP-155, valid on every chain. */
  readonly chainId: bigint | undefined
  readonly nonce: bigint
  readonly gasLimit: bigint
  /** Wei; the gas price of types 0 and 1. */
  readonly maxFeePerGas: bigint
  /** Wei; the gas price of types 0 and 1. */
  readonly maxPriorityFeePerGas: bigint
  /** `undefined` creates a contract. */
  readonly to: Address | undefined
  /** Wei. */
  readonly value: bigint
  /** A view of {@link raw}. */
  readonly data: Uint8Array
  readonly accessList: readonly AccessListEntry[]
  /** Empty unless type 4. */
  readonly authorizationList: readonly Authorization[]
  readonly yParity: 0 | 1
  /** r ‖ s, 64 bytes, s in the lower half. */
  readonly signature: Uint8Array
}
