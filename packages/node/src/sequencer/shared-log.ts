import type { SealedBlock } from '@l2/sequencer-core/block'
import { isDeposit } from '@l2/sequencer-core/derivation'
import type { Transaction } from '@l2/sequencer-core/transaction'
import type { StateEngine } from '../engine/engine.js'
import type { L1View } from '../l1/l1-view.js'
import type { BlockLog } from './block-log.js'
import type { Chain } from './chain.js'
import type { Publication, SignedBlock } from './publication.js'
import type { Recovered } from './restart.js'
import type { Rollback } from './rollback.js'

/** A log that two machines of one operator share, for the one that does not append to it, and for the change between them. */
export type SharedLog = {
  /** Takes the next entry of the other machine; false where none is there. */
  read(): Promise<boolean>
  /** Ends what was signed and did not come into the log. */
  takeOver(): Promise<void>
}

export type SharedLogParts = {
  log: Pick<BlockLog, 'unread' | 'take'>
  chain: Chain
  engine: Pick<StateEngine, 'import'>
  publication: Publication
  rollback: Pick<Rollback, 'follow'>
  l1: Pick<L1View, 'forgetBelow'>
  pending: Recovered['pending']
  decode(raw: Uint8Array): Transaction
}

export function createSharedLog(parts: SharedLogParts): SharedLog {
  const { log, chain, engine, publication, rollback, l1, pending, decode } = parts
  /** As it is shown: it was checked when it was logged, or made here. */
  const signedBlock = (block: SealedBlock): SignedBlock => ({
    block,
    transactions: block.executed.transactions.filter(raw => !isDeposit(raw)).map(decode),
    ...{ receipts: undefined, config: chain.systemConfig, signer: chain.signerOf(block) },
  })
  return {
    async read() {
      await publication.giveUp()
      const entry = await log.unread()
      if (entry === undefined) return false
      const taken = (): bigint => {
        log.take(entry)
        return entry.position
      }
      if ('rollback' in entry) {
        await rollback.follow(entry.rollback, taken)
        return true
      }
      const { block } = entry
      await engine.import(block.executed, block.attributes)
      const signed = signedBlock(block)
      await publication.take(signed, taken())
      l1.forgetBelow(chain.head.l1Origin.number)
      return true
    },
    async takeOver() {
      for await (const block of pending()) {
        await engine.import(block.executed, block.attributes)
        await publication.publish(signedBlock(block))
      }
    },
  }
}
