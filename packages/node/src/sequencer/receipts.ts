import { type OrderingReceipt, type SignedReceipt, type SigningDomain, signReceipt } from '@l2/sequencer-core/ordering'
import type { Address, Hash, LocalAccount } from 'viem'

/** Blocks within which a transaction that has arrived is promised to be. */
const promisedBlocks = 600n
/** Receipts that are remembered. */
const kept = 50_000

/** The counter that each transaction got at the door, and who was leading then: what a user can hold against a sequencer. */
export type ReceiptBook = {
  note(txHash: Hash, arrival: number, leader: { sequencer: Address; epoch: bigint; term: number }, height: bigint): void
  /** Signed when it is asked for, by the key that led at the door. */
  receipt(txHash: Hash): Promise<SignedReceipt | undefined>
}

export function createReceiptBook(domain: SigningDomain, accounts: readonly LocalAccount[]): ReceiptBook {
  const book = new Map<Hash, { receipt: OrderingReceipt; signer: Address }>()
  return {
    note(txHash, arrival, { sequencer, epoch, term }, height) {
      const receipt = {
        txHash,
        epochId: epoch,
        term,
        sequenceNo: BigInt(arrival),
        notAfterHeight: height + promisedBlocks,
      }
      book.set(txHash, { receipt, signer: sequencer })
      if (book.size > kept) book.delete(book.keys().next().value!)
    },
    async receipt(txHash) {
      const noted = book.get(txHash)
      const account = accounts.find(({ address }) => address.toLowerCase() === noted?.signer)
      if (noted === undefined || account === undefined) return undefined
      return await signReceipt(noted.receipt, domain, hash => account.sign!({ hash }))
    },
  }
}
