import { isL2Error } from '@l2/common'
import type { SealedBlock } from '@l2/sequencer-core/block'
import { buildAttributes, isDeposit, type L1Block, nextOrigin, type RollupConfig } from '@l2/sequencer-core/derivation'
import type { PayloadAttributes } from '@l2/sequencer-core/engine'
import type { Transaction } from '@l2/sequencer-core/transaction'
import type { StateEngine } from '../engine/engine.js'
import type { L1View } from '../l1/l1-view.js'
import type { Chain } from './chain.js'
import type { SignedBlock } from './publication.js'

/** What became of a block that somebody else made. */
export type Followed =
  /** It is the head, and on the disk. */
  | { readonly type: 'taken' }
  /** It does not stand on the head. */
  | { readonly type: 'elsewhere' }
  /** It stands on an L1 block that the own L1 does not show yet. */
  | { readonly type: 'early'; readonly reason: string }
  /** Nobody who follows the rules makes such a block, or it executes to something else than its header says. */
  | { readonly type: 'invalid'; readonly reason: string }

export type FollowingParts = {
  rollup: RollupConfig
  chain: Chain
  engine: Pick<StateEngine, 'import'>
  l1: L1View
  decode(raw: Uint8Array): Transaction
}

/** A block of somebody else, ready to be published here: executed, and made of what L1 and the rules say. */
export async function checkFollowed(
  { rollup, chain, engine, l1, decode }: FollowingParts,
  block: SealedBlock,
): Promise<SignedBlock | Exclude<Followed, { type: 'taken' }>> {
  const { header, executed } = block
  const { head, tip, systemConfig } = chain
  if (header.height !== head.number + 1n || header.parentHash !== head.hash) return { type: 'elsewhere' }
  const invalid = (reason: string): Followed & { type: 'invalid' } => ({ type: 'invalid', reason })

  const current = await l1.at(head.l1Origin.number)
  if (current === undefined || current.hash !== head.l1Origin.hash) {
    l1.forgetAll()
    return { type: 'early', reason: `L1 does not show block ${head.l1Origin.number}, on which the chain stands` }
  }
  const origin = await originOf(l1, current, header.l1OriginNumber)
  if (origin === undefined) return { type: 'early', reason: `L1 does not show block ${header.l1OriginNumber} yet` }
  if (origin === 'other' || origin.hash !== header.l1OriginHash) {
    l1.forgetAll()
    return { type: 'early', reason: `L1 has another block ${header.l1OriginNumber} than the header's` }
  }
  const transactions = executed.transactions.filter(raw => !isDeposit(raw))
  let expected: PayloadAttributes
  let config: SignedBlock['config']
  let users: Transaction[]
  try {
    const next = origin.number === current.number ? undefined : origin
    const choice = nextOrigin(rollup, head, current, next)
    if (choice.type === 'wait-for-l1') return invalid('it is too far ahead of its L1 origin')
    if (choice.origin.number !== origin.number) return invalid('it is older than its L1 origin')
    if (choice.noTxPool && transactions.length > 0) return invalid('it has transactions where none may be')
    const made = buildAttributes({ rollup, parent: head, systemConfig, origin, logs: origin.logs, transactions })
    expected = made.attributes
    config = made.systemConfig
    const before = tip?.header.forcedUpTo ?? 0n
    const forced = BigInt(made.depositCount - 1)
    if (header.forcedUpTo !== before + forced) return invalid('it counts other forced transactions than L1 has')
    users = transactions.map(decode)
  } catch (error) {
    if (!isL2Error(error)) throw error
    return invalid(error.shortMessage)
  }
  if (executed.transactions.length !== expected.transactions.length) return invalid('it lacks what L1 has deposited')
  try {
    await engine.import(executed, expected)
  } catch (error) {
    if (!isL2Error(error) || error.recovery === 'retry') throw error
    return invalid(error.shortMessage)
  }
  const sealed = { ...block, attributes: expected }
  return { block: sealed, transactions: users, receipts: undefined, config, signer: chain.signerOf(block) }
}

/** `undefined`: not shown yet; `other`: none that a block on this head can stand on. */
async function originOf(l1: L1View, current: L1Block, number: bigint): Promise<L1Block | 'other' | undefined> {
  if (number === current.number) return current
  if (number !== current.number + 1n) return 'other'
  const next = await l1.at(number)
  if (next === undefined) return undefined
  return next.parentHash === current.hash ? next : 'other'
}
