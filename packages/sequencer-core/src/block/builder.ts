import { bytesToHex, type Clock, isL2Error, systemClock } from '@l2/common'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Address, Hash } from 'viem'
import * as z from 'zod/mini'
import { decodeDeposit, isDeposit } from '../derivation/deposit.js'
import type { ExecutedBlock, ExecutionEngine, ExecutionReceipt, PayloadAttributes } from '../engine/engine.js'
import { SequencerError } from '../errors.js'
import { estimatedDaBytes } from '../fees/l1-fee.js'
import { checkForcedInclusionRule, type ForcedInclusionRule } from '../forced/deadline.js'
import { type QueueEntry, selectForced, toForcedTransaction } from '../forced/queue.js'
import type { SigningGuard } from '../guard/guard.js'
import { checkOptions } from '../internal/options.js'
import { conditionRange } from '../mempool/condition.js'
import type { PendingPool, PooledTransaction } from '../mempool/types.js'
import { forcedFirst } from '../ordering/compose.js'
import type { OrderingPolicy, Outcome } from '../ordering/policy.js'
import type { SequencerHeader } from './header.js'
import type { LeaderSchedule } from './leader.js'
import { decodeUnsignedBlock, encodeUnsignedBlock, type SealedBlock, type UnsignedBlock } from './sealed-block.js'
import type { HeaderSigner } from './sign.js'

/** What a block may hold besides the gas limit of its attributes. */
export type BlockLimits = {
  /** Bytes of the users' transactions. */
  maxBytes: number
  /** Estimated bytes that the users' transactions take on L1, see {@link estimatedDaBytes}; `undefined`: any. Set by the batcher's throttle. */
  maxDaBytes: bigint | undefined
  /** The same for one transaction. */
  maxDaBytesPerTransaction: bigint | undefined
}

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

/** One block to be built. */
export type BuildRequest = {
  parent: ExecutedBlock
  /** Without users' transactions: `transactions` holds the deposits, `noTxPool` is true. */
  attributes: PayloadAttributes
  /** Of the new block, see {@link nextBaseFee}; wei. */
  baseFeePerGas: bigint
  l1Origin: { number: bigint; hash: Hash }
  turn: { epoch: bigint; term: number }
  /** `forcedUpTo` of the parent. */
  forcedUpTo: bigint
  /** Entries of the L1 queue that no block has carried, as of the L1 origin, in queue order. */
  forced: readonly QueueEntry[]
  policy?: OrderingPolicy | undefined
  limits?: BlockLimits | undefined
  signal?: AbortSignal | undefined
}

/** A transaction that was offered and is not in the block. */
export type LeftOut = {
  readonly hash: Hash
  readonly reason: /** Cannot be executed on this state: wrong nonce, no balance, not a transaction. */
    | 'invalid'
    /** Reverts, and its sender asked not to pay for that. */
    | 'reverted'
    /** Its condition does not allow this block. */
    | 'condition'
}

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

type Part = { readonly entries: readonly PooledTransaction[]; readonly atomic: boolean; readonly isForced: boolean }

type Plan = {
  /** What the policy took, in its order; the entries of one part stand or fall together where it is atomic. */
  readonly parts: Part[]
  /** Whose condition does not allow this block. */
  readonly conditions: Hash[]
  /** Entries of the L1 queue that the block carries, those included that cannot execute. */
  forcedCount: number
  /** Gas that was left when every transaction was counted with its limit, or with what it used in an earlier round. */
  gasLeft: bigint
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
      const { parent, attributes, signal } = request
      const policy = request.policy ?? options.policy
      const limits = request.limits ?? options.limits ?? defaultBlockLimits
      const startedMs = clock.now()
      const deadlineMs = startedMs + timeBudgetMs
      const depositGas = attributes.transactions.reduce(
        (sum, raw) => sum + (isDeposit(raw) ? decodeDeposit(raw).gas : 0n),
        0n,
      )
      const selected = selectForced(request.forced, {
        rule: forcedRule,
        timestamp: attributes.timestamp,
        gasLimit: attributes.gasLimit > depositGas ? attributes.gasLimit - depositGas : 0n,
        earlyBps: options.forcedEarlyBps,
      })
      const carried = new Set(attributes.transactions.map(raw => bytesToHex(keccak_256(raw))))
      const signed = new Set(
        selected.flatMap(({ transaction }) => (transaction === undefined ? [] : [transaction.hash])),
      )
      const leftOut = new Map<Hash, LeftOut['reason']>()
      const gasUsed = new Map<Hash, bigint>()

      /** Runs the policy from the start, with what earlier rounds have learned. */
      const plan = async (): Promise<Plan> => {
        const made: Plan = { parts: [], conditions: [], forcedCount: 0, gasLeft: 0n }
        let bytesLeft = limits.maxBytes
        let daLeft = limits.maxDaBytes
        let gasLeft = attributes.gasLimit
        for (const raw of attributes.transactions) {
          gasLeft -= gasUsed.get(bytesToHex(keccak_256(raw))) ?? (isDeposit(raw) ? decodeDeposit(raw).gas : 0n)
        }
        const ordering = forcedFirst(policy).open({
          height: parent.number + 1n,
          timestamp: attributes.timestamp,
          baseFeePerGas: request.baseFeePerGas,
          gasLimit: attributes.gasLimit,
          nowMs: startedMs,
          pool,
          forced: selected.map(entry => toForcedTransaction(entry, forcedRule)),
        })
        /** Forced entries that the policy has been told about: carried, or found not to execute. */
        const settled = new Set<Hash>()
        const taken = new Set<Hash>()
        const done = (): Plan => {
          for (const { hash, transaction } of selected) {
            if (transaction === undefined ? !carried.has(hash) : !settled.has(transaction.hash)) break
            made.forcedCount++
          }
          made.gasLeft = gasLeft
          return made
        }
        for (;;) {
          const nowMs = clock.now()
          const forcedAreIn = settled.size === signed.size
          if (nowMs >= deadlineMs && forcedAreIn && made.parts.length > signed.size) return done()
          const step = ordering.next({
            nowMs,
            gasLeft: gasLeft > 0n ? gasLeft : 0n,
            // The limits on bytes are our own: they are no excuse towards the L1 queue.
            bytesLeft: forcedAreIn ? Math.max(0, bytesLeft) : Number.MAX_SAFE_INTEGER,
          })
          if (step.type === 'done') return done()
          if (step.type === 'wait') {
            if (step.untilMs >= deadlineMs) return done()
            await clock.sleep(Math.max(1, step.untilMs - nowMs), signal)
            continue
          }
          const isForced = step.entries.length === 1 && signed.has(step.entries[0]!.transaction.hash)
          const fits: PooledTransaction[] = []
          let outcome: Outcome = 'included'
          let gas = gasLeft
          let bytes = bytesLeft
          let da = daLeft
          for (const entry of step.entries) {
            const { transaction, condition } = entry
            const inRange = conditionRange(condition, parent.number + 1n, attributes.timestamp) === 'in'
            if (!inRange) made.conditions.push(transaction.hash)
            if (!inRange || leftOut.has(transaction.hash) || taken.has(transaction.hash)) {
              outcome = 'failed'
              break
            }
            const measuresDa = da !== undefined || limits.maxDaBytesPerTransaction !== undefined
            const daBytes = measuresDa ? estimatedDaBytes(transaction.raw) : 0n
            const isTooBig =
              transaction.raw.length > bytes ||
              (da !== undefined && daBytes > da) ||
              (limits.maxDaBytesPerTransaction !== undefined && daBytes > limits.maxDaBytesPerTransaction)
            if (transaction.gasLimit > gas || (isTooBig && !isForced)) {
              outcome = 'no-room'
              break
            }
            gas -= gasUsed.get(transaction.hash) ?? transaction.gasLimit
            bytes -= transaction.raw.length
            if (da !== undefined) da -= daBytes
            fits.push(entry)
          }
          if (outcome === 'included' || (!step.atomic && fits.length > 0)) {
            for (const entry of fits) taken.add(entry.transaction.hash)
            made.parts.push({ entries: fits, atomic: step.atomic, isForced })
            gasLeft = gas
            bytesLeft = bytes
            daLeft = da
          }
          if (isForced && outcome !== 'no-room') settled.add(step.entries[0]!.transaction.hash)
          ordering.settle(outcome)
        }
      }

      const execute = async (
        entries: readonly PooledTransaction[],
      ): Promise<{ executed: ExecutedBlock; given: PayloadAttributes } | undefined> => {
        const first = attributes.transactions.length
        const given: PayloadAttributes = {
          ...attributes,
          noTxPool: true,
          transactions: [...attributes.transactions, ...entries.map(entry => entry.transaction.raw)],
        }
        const senders = [
          ...attributes.transactions.map(() => undefined),
          ...entries.map(({ transaction }) => transaction.sender),
        ]
        try {
          return { executed: await engine.build(parent.hash, { ...given, senders }, { signal }), given }
        } catch (error) {
          if (!isL2Error(error, 'ENGINE_TRANSACTION_INVALID')) throw error
          const indices = error.details['indices'] as readonly number[]
          // A deposit that the engine refuses cannot be left out: the block would not be that of its L1 origin.
          const deposit = indices.find(index => index < first && isDeposit(attributes.transactions[index]!))
          if (deposit !== undefined) throw depositRefused(request, deposit, error)
          if (indices.some(index => index < first)) throw error
          // Of each sender only the first: what follows it fails for want of its nonce, and is not to blame.
          const blamed = new Set<Address>()
          for (const index of indices) {
            const { hash, sender } = entries[index - first]!.transaction
            if (!blamed.has(sender)) leftOut.set(hash, 'invalid')
            blamed.add(sender)
          }
          return undefined
        }
      }

      /** What is left of a plan when time is up: no new questions to the policy, only what failed is taken out. */
      const salvage = ({ parts, ...rest }: Plan): Plan => {
        const failed = new Set<Address>()
        const standing = parts.flatMap(part => {
          const entries = part.entries.filter(({ transaction }) => {
            if (leftOut.has(transaction.hash)) failed.add(transaction.sender)
            return !failed.has(transaction.sender)
          })
          return entries.length === 0 || (part.atomic && entries.length < part.entries.length)
            ? []
            : [{ ...part, entries }]
        })
        return { ...rest, parts: standing }
      }

      let planned: Plan = { parts: [], conditions: [], forcedCount: 0, gasLeft: 0n }
      for (let rounds = 1; ; rounds++) {
        const late = rounds > 1 && clock.now() >= deadlineMs
        if (rounds < maxRounds && !late) planned = await plan()
        else planned = salvage(planned)
        // So many salvages that failed: deposits and forced entries stand without anybody's help.
        if (rounds >= maxRounds + maxSalvages)
          planned = { ...planned, parts: planned.parts.filter(part => part.isForced) }
        const entries = planned.parts.flatMap(part => part.entries)
        const result = await execute(entries)
        signal?.throwIfAborted()
        if (result === undefined) continue
        const receipts = await engine.receipts?.(result.executed.hash, { signal })
        const reverted = entries.filter((entry, index) => {
          if (entry.mayRevert || receipts === undefined) return false
          return !receipts[receipts.length - entries.length + index]!.success
        })
        for (const receipt of receipts ?? []) gasUsed.set(receipt.transactionHash, receipt.gasUsed)
        for (const { transaction } of reverted) leftOut.set(transaction.hash, 'reverted')
        if (reverted.length > 0) continue
        const { executed } = result
        const gained = executed.gasLimit - executed.gasUsed - planned.gasLeft
        const isWorthIt = gained * 10_000n > executed.gasLimit * refillBps && pool.pendingCount > entries.length
        const hasTime = rounds + 1 < maxRounds && clock.now() - startedMs < timeBudgetMs / 2
        if (receipts !== undefined && isWorthIt && hasTime) continue
        return finish(request, planned, entries, result, receipts, rounds, leftOut)
      }
    },
  }
}

function depositRefused({ attributes, l1Origin }: BuildRequest, index: number, cause: unknown): SequencerError {
  const { gas } = decodeDeposit(attributes.transactions[index]!)
  return new SequencerError(
    `deposit ${index} of L1 block ${l1Origin.number} fits in no block of ${attributes.gasLimit} gas: it asks for ${gas}; nobody can derive the chain beyond it`,
    { code: 'DEPOSIT_BLOCK_REFUSED', details: { l1Origin, index, gas, gasLimit: attributes.gasLimit }, cause },
  )
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
