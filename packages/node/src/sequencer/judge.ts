import { bytesToHex } from '@l2/common'
import { keccak256 } from '@l2/sequencer-core/crypto'
import { isDeposit } from '@l2/sequencer-core/derivation'
import { judgeBlock, type OrderingEvidence, type OrderingPolicy, type Violation } from '@l2/sequencer-core/ordering'
import type { Transaction } from '@l2/sequencer-core/transaction'
import type { Address } from 'viem'
import type { StateEngine } from '../engine/engine.js'
import type { PublishedBlock } from './published.js'
import type { ReceiptBook } from './receipts.js'

/** Has a block judged by the rules of every block and by its ordering policy's, with the receipts that are remembered. */
export async function judgeOrdering(
  { executed }: PublishedBlock,
  parts: {
    policy: OrderingPolicy
    engine: Pick<StateEngine, 'receipts'>
    receipts: ReceiptBook
    sequencer: Address
    decode(raw: Uint8Array): Transaction
  },
): Promise<Violation[]> {
  const { policy, engine, receipts, sequencer, decode } = parts
  const deposits = executed.transactions.filter(raw => isDeposit(raw))
  const transactions = executed.transactions.slice(deposits.length).map(decode)
  const signed = await Promise.all(transactions.map(({ hash }) => receipts.receipt(hash)))
  const gasUsed = (await engine.receipts(executed.hash)).slice(deposits.length).map(receipt => receipt.gasUsed)
  return judgeBlock(
    policy,
    {
      height: executed.number,
      timestamp: executed.timestamp,
      baseFeePerGas: executed.baseFeePerGas,
      gasLimit: executed.gasLimit,
      deposits: deposits.map(raw => bytesToHex(keccak256(raw))),
      transactions,
    },
    // What only the judge of first-come reads; the others pass it over.
    { gasUsed, receipts: signed.filter(receipt => receipt !== undefined), sequencer } as OrderingEvidence,
  )
}
