import type { Hash } from 'viem'
import type { PooledTransaction } from '../mempool/types.js'
import type { Transaction } from '../transaction/types.js'
import type { BlockContext, OrderedBlock, OrderingPolicy, Outcome, Violation } from './policy.js'
import { violation } from './universal.js'

/** What execution said to one step. */
export type StepResult = {
  readonly outcome: Outcome
  /** Gas that the entries used; zero unless included. */
  readonly gasUsed: bigint
}

/** The inputs of one block's ordering, enough to repeat it. */
export type FilledBlock = {
  readonly context: BlockContext
  readonly maxBytes: number
  /** The answers to each `take`, in order. */
  readonly results: readonly StepResult[]
  /** When the policy was asked again after each `wait`, milliseconds since the Unix epoch. */
  readonly waitsMs: readonly number[]
}

/** Options of {@link fillBlock}. */
export type FillOptions = {
  /** Bytes of transactions in the block. Default: no limit. */
  maxBytes?: number | undefined
  /** Runs a step. Default: everything succeeds and uses its gas limit. */
  execute?: ((entries: readonly PooledTransaction[], atomic: boolean) => StepResult) | undefined
  /** When a policy says to wait: the time at which it is asked again, or `undefined` to seal. Default: seal. */
  wait?: ((untilMs: number) => number | undefined) | undefined
}

/**
 * Fills a block from a policy without an engine: what a builder's loop does, as a pure function. For simulation, for tests of policies, and for
 * {@link checkReplay}.
 */
export function fillBlock(
  policy: Pick<OrderingPolicy, 'open'>,
  context: BlockContext,
  options: FillOptions = {},
): { transactions: Transaction[]; record: FilledBlock } {
  const maxBytes = options.maxBytes ?? Number.MAX_SAFE_INTEGER
  const transactions: Transaction[] = []
  const results: StepResult[] = []
  const waitsMs: number[] = []
  const ordering = policy.open(context)
  let gasLeft = context.gasLimit
  let bytesLeft = maxBytes
  let nowMs = context.nowMs
  for (;;) {
    const step = ordering.next({ nowMs, gasLeft, bytesLeft })
    if (step.type === 'done') break
    if (step.type === 'wait') {
      const later = options.wait?.(step.untilMs)
      if (later === undefined) break
      nowMs = later
      waitsMs.push(later)
      continue
    }
    const result = options.execute?.(step.entries, step.atomic) ?? {
      outcome: 'included' as const,
      gasUsed: step.entries.reduce((sum, entry) => sum + entry.transaction.gasLimit, 0n),
    }
    results.push(result)
    if (result.outcome === 'included') {
      gasLeft -= result.gasUsed
      for (const { transaction } of step.entries) {
        bytesLeft -= transaction.raw.length
        transactions.push(transaction)
      }
    }
    ordering.settle(result.outcome)
  }
  ordering.close?.()
  return { transactions, record: { context, maxBytes, results, waitsMs } }
}

/**
 * U6: the recorded inputs give this block, transaction for transaction. A sequencer that keeps its records can be audited with it, and a policy
 * that is not deterministic does not pass.
 */
export function checkReplay(
  policy: Pick<OrderingPolicy, 'open'>,
  record: FilledBlock,
  block: Pick<OrderedBlock, 'transactions'>,
): Violation[] {
  let step = 0
  let wait = 0
  const { transactions } = fillBlock(policy, record.context, {
    maxBytes: record.maxBytes,
    execute: () => record.results[step++] ?? { outcome: 'failed', gasUsed: 0n },
    wait: () => record.waitsMs[wait++],
  })
  const length = Math.max(transactions.length, block.transactions.length)
  for (let index = 0; index < length; index++) {
    const replayed: Hash | undefined = transactions[index]?.hash
    const found: Hash | undefined = block.transactions[index]?.hash
    if (replayed !== found)
      return [
        violation('U6-replay', index, found, `replay gives ${replayed ?? 'nothing'}, the block ${found ?? 'nothing'}`),
      ]
  }
  return []
}
