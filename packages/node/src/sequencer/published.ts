import { hexToBytes } from '@l2/common'
import type { SealedBlock } from '@l2/sequencer-core/block'
import { isDeposit, type L2BlockRef, l2BlockRef, type RollupConfig } from '@l2/sequencer-core/derivation'
import { bytesToHex, hexToString, parseTransaction } from 'viem'
import { evidenceInbox } from '../pool/control-plane.js'

/** A sealed block that the log has, with what the rest of the node asks of it. */
export type PublishedBlock = SealedBlock & { readonly ref: L2BlockRef }

export function publishedBlock(block: SealedBlock, rollup: RollupConfig): PublishedBlock {
  return { ...block, ref: l2BlockRef(block.executed, rollup) }
}

/** The users' transactions of a block: without the deposits, which L1 carries. */
export function userTransactionsOf({ executed }: SealedBlock): Uint8Array[] {
  return executed.transactions.filter(raw => !isDeposit(raw))
}

const inboxBytes = Buffer.from(hexToBytes(evidenceInbox)!)

/** What a block carries to the evidence inbox, whoever sent it. */
export function evidenceOf(block: SealedBlock): string[] {
  const found: string[] = []
  for (const raw of userTransactionsOf(block)) {
    // The inbox's address stands in few transactions: only these are parsed.
    if (!Buffer.from(raw).includes(inboxBytes)) continue
    const { to, data } = parseTransaction(bytesToHex(raw))
    if (to?.toLowerCase() === evidenceInbox && data !== undefined) found.push(hexToString(data))
  }
  return found
}
