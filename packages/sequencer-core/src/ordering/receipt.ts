import { receiptFields } from '@l2/common/typed-data'
import { type Address, type Hash, type Hex, hashTypedData } from 'viem'
import type { SenderRecovery } from '../transaction/recovery.js'
import { recoverSigner } from '../transaction/signer.js'

/** The EIP-712 domain of everything that a sequencer signs: one rollup on one chain. */
export type SigningDomain = {
  readonly name: string
  readonly version: string
  /** Of the L2. */
  readonly chainId: bigint
  /** The rollup's contract on L1. */
  readonly verifyingContract: Address
}

/** A sequencer's promise about a transaction's place. */
export type OrderingReceipt = {
  readonly txHash: Hash
  readonly epochId: bigint
  /** Counter of re-selections inside the epoch. */
  readonly term: number
  /** Arrival counter: a smaller one goes first. */
  readonly sequenceNo: bigint
  /** The last height that may carry the transaction without breaking the promise. */
  readonly notAfterHeight: bigint
}

/** A receipt with its 65-byte signature. */
export type SignedReceipt = OrderingReceipt & { readonly signature: Hex }

/** EIP-712 types of an {@link OrderingReceipt}; `@l2/staking` convicts by the same. */
export const orderingReceiptTypes = {
  Receipt: receiptFields,
} as const

/** What a sequencer signs for a receipt. */
export function hashReceipt(receipt: OrderingReceipt, domain: SigningDomain): Hash {
  const { txHash, epochId, term, sequenceNo, notAfterHeight } = receipt
  return hashTypedData({
    domain,
    types: orderingReceiptTypes,
    primaryType: 'Receipt',
    message: { txHash, epochId, term, sequenceNo, notAfterHeight },
  })
}

/**
 * Signs a receipt with whatever holds the key: `sign` gets the hash and gives 65 bytes (viem: `account.sign({ hash })`).
 *
 * @example
 * ```ts
 * import { receiptSigner, signReceipt } from '@l2/sequencer-core/ordering'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const sequencer = privateKeyToAccount(`0x${'01'.repeat(32)}`)
 * const domain = { name: 'Example', version: '1', chainId: 10n, verifyingContract: sequencer.address }
 * const receipt = { txHash: `0x${'ab'.repeat(32)}`, epochId: 3n, term: 0, sequenceNo: 42n, notAfterHeight: 100n } as const
 * const signed = await signReceipt(receipt, domain, hash => sequencer.sign({ hash }))
 * console.log(receiptSigner(signed, domain) === sequencer.address.toLowerCase()) // true
 * ```
 */
export async function signReceipt(
  receipt: OrderingReceipt,
  domain: SigningDomain,
  sign: (hash: Hash) => Promise<Hex>,
): Promise<SignedReceipt> {
  return { ...receipt, signature: await sign(hashReceipt(receipt, domain)) }
}

/** Who signed a receipt, or `undefined` where nobody did. */
export function receiptSigner(
  receipt: SignedReceipt,
  domain: SigningDomain,
  recovery?: SenderRecovery,
): Address | undefined {
  return recoverSigner(hashReceipt(receipt, domain), receipt.signature, recovery)
}
