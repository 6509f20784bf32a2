import { type ControlState, encodeFalsePosting, type PostingRules } from '@l2/control-chain'
import type { SenderRecovery } from '@l2/sequencer-core/block'
import { type L1Source, readInboxTransaction } from '@l2/sequencer-core/derivation'
import { type Hash, keccak256 } from 'viem'

/** Control blocks that data may be unnamed here: this operator's control chain may be behind L1. */
const patienceBlocks = 8n
/** L1 blocks of one look. */
const maxBlocks = 32n
/** Transactions that are waited for at once; whoever posts so many at once posts nothing that is named. */
const maxSuspects = 64

export type InboxWatchParts = {
  rules: PostingRules
  operators: readonly number[]
  recovery: SenderRecovery
  source: Pick<L1Source, 'block'>
  state(): ControlState
  /** Up to where L1 is derived here. */
  derivedL1(): bigint
  /** Hands evidence in to the control chain. */
  accuse(transaction: Uint8Array): Promise<void>
  say(message: string): void
}

type Suspect = {
  readonly accused: number
  readonly raw: Uint8Array
  readonly hashes: readonly Hash[]
  readonly at: bigint
}

/**
 * Looks through the batch inbox of L1 for data that a poster has put there and no statement names, from where L1 is derived at the first look on: what came
 * before is others' to see. The control chain judges again.
 */
export function createInboxWatch(parts: InboxWatchParts): { step(): Promise<void> } {
  const { rules, operators, recovery, source, state, say } = parts
  const posterOf = new Map(operators.map(id => [rules.posterAccount(id)?.toLowerCase(), id]))
  const suspects = new Map<Hash, Suspect>()
  let next: bigint | undefined

  const look = (raw: Uint8Array): void => {
    const read = readInboxTransaction(raw, rules.domain.l1ChainId)
    if (read?.to?.toLowerCase() !== rules.batchInbox.toLowerCase()) return
    const accused = posterOf.get(read.sender(recovery)?.toLowerCase())
    if (accused === undefined || suspects.size >= maxSuspects) return
    const hashes = read.blobVersionedHashes ?? [keccak256(read.data)]
    suspects.set(keccak256(raw), { accused, raw, hashes, at: state().height })
  }
  const judge = async (): Promise<void> => {
    const { posting, height, jailed } = state()
    const named = new Set<Hash>()
    for (const [, { dataHashes }] of posting?.ordered ?? []) for (const hash of dataHashes) named.add(hash)
    for (const [name, { accused, raw, hashes, at }] of suspects) {
      const isFine = jailed.has(accused) || hashes.every(hash => named.has(hash))
      if (!isFine && height - at < patienceBlocks) continue
      suspects.delete(name)
      if (isFine) continue
      say(`operator ${accused} has posted data that no statement names, in ${name}: the evidence is on its way`)
      await parts.accuse(encodeFalsePosting(accused, raw))
    }
  }
  return {
    async step() {
      const to = parts.derivedL1()
      next ??= to + 1n
      for (const last = to < next + maxBlocks ? to : next + maxBlocks; next <= last; next++) {
        const block = await source.block(next)
        if (block === undefined) break
        for (const { raw } of block.transactions) look(raw)
      }
      await judge()
    },
  }
}
