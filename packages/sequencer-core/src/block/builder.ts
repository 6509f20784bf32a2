import { type Clock, systemClock } from '@l2/common'
import type { Hash } from 'viem'
import * as z from 'zod/mini'
import type { ExecutedBlock, ExecutionEngine, ExecutionReceipt, PayloadAttributes } from '../engine/engine.js'
import { SequencerError } from '../errors.js'
import { checkForcedInclusionRule, type ForcedInclusionRule } from '../forced/deadline.js'
import type { SigningGuard } from '../guard/guard.js'
import { checkOptions } from '../internal/options.js'
import type { PendingPool, PooledTransaction } from '../mempool/types.js'
import type { OrderingPolicy } from '../ordering/policy.js'
import type { SequencerHeader } from './header.js'
import type { LeaderSchedule } from './leader.js'
import type { BlockLimits, BuildRequest, LeftOut } from './request.js'
import { noPlan, type Plan, Rounds } from './rounds.js'
import { decodeUnsignedBlock, encodeUnsignedBlock, type SealedBlock, type UnsignedBlock } from './sealed-block.js'
import type { HeaderSigner } from './sign.js'

/** 1 MiB of transactions, any size on L1. */
export const defaultBlockLimits: BlockLimits = {
  maxBytes: 2 ** 20,
  maxDaBytes: undefined,
  maxDaBytesPerTransaction: undefined,
}

/** Options of {@link createBlockBuilder}. */
export type BlockBuilderOptions = {
  engine: ExecutionEngine
  /** For the pool; the L1 queue goes in front of it by itself. Exchanged at any block by {@link BuildRequest.policy}. */
  policy: OrderingPolicy
  pool: PendingPool
  limits?: BlockLimits | undefined
  forcedRule: ForcedInclusionRule
  /** See {@link SelectForcedOptions.earlyBps}. Defaults to 0: at once. */
  forcedEarlyBps?: bigint | undefined
  /** Milliseconds from the start of a build until it must have its last list. Defaults to 500. */
  timeBudgetMs?: number | undefined
  /** Executions of what the policy proposes; after them the last proposal goes in without what failed of it. Defaults to 6. */
  maxRounds?: number | undefined
  clock?: Clock | undefined
}

const optionsSchema = /* @__PURE__ */ (() =>
  z.object({
    limits: z.optional(
      z.strictObject({
        maxBytes: z.int().check(z.positive()),
        maxDaBytes: z.union([z.bigint().check(z.positive()), z.undefined()]),
        maxDaBytesPerTransaction: z.union([z.bigint().check(z.positive()), z.undefined()]),
      }),
    ),
    forcedEarlyBps: z.optional(z.bigint().check(z.minimum(0n), z.maximum(5_000n))),
    timeBudgetMs: z.optional(z.number().check(z.positive(), z.maximum(600_000))),
    maxRounds: z.optional(z.int().check(z.minimum(2), z.maximum(64))),
  }))()

/** What was built, and how. */
export type BuiltBlock = {
  readonly block: UnsignedBlock
  /** What follows the deposits, in the order of the block: entries of the L1 queue, then of the pool. */
  readonly entries: readonly PooledTransaction[]
  readonly leftOut: readonly LeftOut[]
  /** Executions that it took. */
  readonly rounds: number
  /** Of every transaction, deposits included; `undefined` when the engine has none. */
  readonly receipts: readonly ExecutionReceipt[] | undefined
}

/** Fills blocks from a pool, in the order of a policy, within the limits. */
export interface BlockBuilder {
  /**
   * Builds on `parent` and leaves the result unsigned and not the head. Always returns a block: in the worst case deposits and forced
   * transactions alone.
   *
   * @throws SequencerError `DEPOSIT_BLOCK_REFUSED` for a deposit that fits in no block, and what {@link ExecutionEngine.build} throws,
   * except for transactions that can be left out
   */
  build(request: BuildRequest): Promise<BuiltBlock>
}

/** Executions after the last round, each without what failed in the one before, until nothing of the pool is tried any more. */
const maxSalvages = 8

/** Of a block's gas: when execution leaves this much more of it than was counted, it is worth another round. */
const refillBps = 1_000n

/**
 * A builder over an engine that executes whole blocks: it runs the policy, executes the list, tells the policy what failed by running it again from
 * the same start, and so on until everything in the list stands. The policy sees nothing but its own questions answered.
 *
 * Gas is counted as used where an earlier round executed the transaction, and as the gas limit where not: the first round may underfill a block of
 * generous limits, the next one fills it.
 *
 * @throws SequencerError `BUILDER_OPTIONS`, `FORCED_RULE`
 */
export function createBlockBuilder(options: BlockBuilderOptions): BlockBuilder {
  checkOptions(optionsSchema, options, 'the block builder', 'BUILDER_OPTIONS')
  checkForcedInclusionRule(options.forcedRule)
  const { engine, pool, forcedRule } = options
  const clock = options.clock ?? systemClock
  const timeBudgetMs = options.timeBudgetMs ?? 500
  const maxRounds = options.maxRounds ?? 6

  return {
    async build(request) {
      const { signal } = request
      const policy = request.policy ?? options.policy
      const limits = request.limits ?? options.limits ?? defaultBlockLimits
      const startedMs = clock.now()
      const deadlineMs = startedMs + timeBudgetMs
      const { forcedEarlyBps: earlyBps } = options
      const build = new Rounds({
        ...{ engine, pool, forcedRule, clock, request, policy, limits, startedMs, deadlineMs, earlyBps },
      })
      let planned = noPlan()
      for (let rounds = 1; ; rounds++) {
        const late = rounds > 1 && clock.now() >= deadlineMs
        if (rounds < maxRounds && !late) planned = await build.plan()
        else planned = build.salvage(planned)
        // So many salvages that failed: deposits and forced entries stand without anybody's help.
        if (rounds >= maxRounds + maxSalvages)
          planned = { ...planned, parts: planned.parts.filter(part => part.isForced) }
        const entries = planned.parts.flatMap(part => part.entries)
        const result = await build.execute(entries)
        signal?.throwIfAborted()
        if (result === undefined) continue
        const receipts = await engine.receipts?.(result.executed.hash, { signal })
        if (build.learn(entries, receipts)) continue
        const { executed } = result
        const gained = executed.gasLimit - executed.gasUsed - planned.gasLeft
        const isWorthIt = gained * 10_000n > executed.gasLimit * refillBps && pool.pendingCount > entries.length
        const hasTime = rounds + 1 < maxRounds && clock.now() - startedMs < timeBudgetMs / 2
        if (receipts !== undefined && isWorthIt && hasTime) continue
        return finish(request, planned, entries, result, receipts, rounds, build.leftOut)
      }
    },
  }
}

function finish(
  request: BuildRequest,
  planned: Plan,
  entries: readonly PooledTransaction[],
  { executed, given }: { executed: ExecutedBlock; given: PayloadAttributes },
  receipts: readonly ExecutionReceipt[] | undefined,
  rounds: number,
  leftOut: ReadonlyMap<Hash, LeftOut['reason']>,
): BuiltBlock {
  const header: SequencerHeader = {
    epochId: request.turn.epoch,
    term: request.turn.term,
    height: executed.number,
    parentHash: executed.parentHash,
    txRoot: executed.transactionsRoot,
    stateRoot: executed.stateRoot,
    timestamp: executed.timestamp,
    l1OriginNumber: request.l1Origin.number,
    l1OriginHash: request.l1Origin.hash,
    forcedUpTo: request.forcedUpTo + BigInt(planned.forcedCount),
  }
  return {
    block: { header, executed, attributes: given },
    entries,
    leftOut: [
      ...[...leftOut].map(([hash, reason]) => ({ hash, reason })),
      ...planned.conditions.map(hash => ({ hash, reason: 'condition' as const })),
    ],
    rounds,
    receipts,
  }
}

/**
 * Signs a built block, if it is the signer's turn. The signature is made after the place is reserved; nobody may see it before the block is in the
 * log.
 *
 * @throws SequencerError `NOT_LEADER`, and what {@link HeaderSigner.sign} throws
 */
export async function sealBlock(
  block: UnsignedBlock,
  signer: HeaderSigner,
  schedule: LeaderSchedule,
): Promise<SealedBlock> {
  const { header } = block
  const leader = schedule.leaderAt(header.height)
  if (
    leader === undefined ||
    leader.sequencer.toLowerCase() !== signer.address ||
    leader.epoch !== header.epochId ||
    leader.term !== header.term
  ) {
    throw new SequencerError(`block ${header.height} is not ${signer.address}'s to sign`, {
      code: 'NOT_LEADER',
      recovery: 'reset',
      details: { height: header.height, epoch: header.epochId, term: header.term, leader },
    })
  }
  return { ...block, signature: await signer.sign(header, encodeUnsignedBlock(block)) }
}

/**
 * The block that a crash left between reservation and log: the only one that may still be signed at its place. Import it into the engine, append it
 * if the log ends just before it, and go on; drop it if the log has gone on without it.
 *
 * @throws SequencerError `BLOCK_INVALID`, and what {@link HeaderSigner.sign} throws
 */
export async function resumeBlock(guard: SigningGuard, signer: HeaderSigner): Promise<SealedBlock | undefined> {
  const pending = await guard.pending()
  if (pending?.payload === undefined) return undefined
  const block = decodeUnsignedBlock(pending.payload)
  return { ...block, signature: await signer.sign(block.header) }
}
