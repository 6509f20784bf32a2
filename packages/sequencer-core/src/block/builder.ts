import { bytesToHex, type Clock, systemClock } from '@l2/common'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Hash } from 'viem'
import { z } from 'zod'
import { decodeDeposit, isDeposit } from '../derivation/deposit.js'
import type { ExecutedBlock, ExecutionEngine, ExecutionReceipt, PayloadAttributes } from '../engine/engine.js'
import { SequencerError } from '../errors.js'
import { estimatedDaBytes } from '../fees/l1-fee.js'
import type { ForcedInclusionRule } from '../forced/deadline.js'
import { type QueueEntry, selectForced, toForcedTransaction } from '../forced/queue.js'
import type { SigningGuard } from '../guard/guard.js'
import { checkOptions } from '../internal/options.js'
import { conditionRange } from '../mempool/condition.js'
import type { PendingPool, PooledTransaction } from '../mempool/types.js'
import type { OrderingPolicy } from '../ordering/policy.js'
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
  /** Exchanged at any block by {@link BuildRequest.policy}. */
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

const optionsSchema = z.object({
  limits: z
    .strictObject({
      maxBytes: z.number().int().positive(),
      maxDaBytes: z.bigint().positive().or(z.undefined()),
      maxDaBytesPerTransaction: z.bigint().positive().or(z.undefined()),
    })
    .optional(),
  forcedEarlyBps: z.bigint().min(0n).max(5_000n).optional(),
  timeBudgetMs: z.number().positive().max(600_000).optional(),
  maxRounds: z.number().int().min(2).max(64).optional(),
})

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
  /** What came from the pool, in the order of the block. */
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
   * @throws SequencerError what {@link ExecutionEngine.build} throws, except for transactions that can be left out
   */
  build(request: BuildRequest): Promise<BuiltBlock>
}

type Plan = {
  /** What the policy took, in its order; the entries of one part stand or fall together where it is atomic. */
  parts: { entries: readonly PooledTransaction[]; atomic: boolean }[]
  /** Whose condition does not allow this block. */
  conditions: Hash[]
  /** Whether gas ran out before the policy did. */
  starved: boolean
}

/** Of a block's gas: below this, a block that gas limits filled is filled again by gas used. */
const refillBelowBps = 9_000n

/**
 * A builder over an engine that executes whole blocks: it runs the policy, executes the list, tells the policy what failed by running it again from
 * the same start, and so on until everything in the list stands. The policy sees nothing but its own questions answered.
 *
 * Gas is counted as used where an earlier round executed the transaction, and as the gas limit where not: the first round may underfill a block of
 * generous limits, the next one fills it.
 *
 * @throws SequencerError `BUILDER_OPTIONS`
 */
export function createBlockBuilder(options: BlockBuilderOptions): BlockBuilder {
  checkOptions(optionsSchema, options, 'the block builder', 'BUILDER_OPTIONS')
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
      /** Signed entries of the L1 queue; its deposits are among the attributes' already. */
      const forced = selected.flatMap(entry => {
        if (entry.transaction === undefined || carried.has(entry.hash)) return []
        return [entry.transaction]
      })
      const leftOut = new Map<Hash, LeftOut['reason']>()
      const gasUsed = new Map<Hash, bigint>()

      /** Runs the policy from the start, with what earlier rounds have learned. */
      const plan = async (): Promise<Plan> => {
        const made: Plan = { parts: [], conditions: [], starved: false }
        let bytesLeft = limits.maxBytes
        let daLeft = limits.maxDaBytes
        let gasLeft = attributes.gasLimit
        for (const raw of attributes.transactions) {
          gasLeft -= gasUsed.get(bytesToHex(keccak_256(raw))) ?? (isDeposit(raw) ? decodeDeposit(raw).gas : 0n)
        }
        for (const transaction of forced) {
          if (leftOut.has(transaction.hash)) continue
          gasLeft -= gasUsed.get(transaction.hash) ?? transaction.gasLimit
          bytesLeft -= transaction.raw.length
          if (daLeft !== undefined) daLeft -= estimatedDaBytes(transaction.raw)
        }
        const ordering = policy.open({
          height: parent.number + 1n,
          timestamp: attributes.timestamp,
          baseFeePerGas: request.baseFeePerGas,
          gasLimit: attributes.gasLimit,
          nowMs: startedMs,
          pool,
          forced: request.forced.map(entry => toForcedTransaction(entry, forcedRule)),
        })
        const taken = new Set<Hash>(forced.map(transaction => transaction.hash))
        for (;;) {
          const nowMs = clock.now()
          if (nowMs >= deadlineMs && made.parts.length > 0) return made
          const step = ordering.next({ nowMs, gasLeft: gasLeft > 0n ? gasLeft : 0n, bytesLeft: Math.max(0, bytesLeft) })
          if (step.kind === 'done') return made
          if (step.kind === 'wait') {
            if (step.untilMs >= deadlineMs) return made
            await clock.sleep(Math.max(1, step.untilMs - nowMs), signal)
            continue
          }
          const fits: PooledTransaction[] = []
          let outcome: 'included' | 'failed' | 'no-room' = 'included'
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
            const daBytes =
              limits.maxDaBytes === undefined && limits.maxDaBytesPerTransaction === undefined
                ? 0n
                : estimatedDaBytes(transaction.raw)
            if (
              transaction.gasLimit > gas ||
              transaction.raw.length > bytes ||
              (da !== undefined && daBytes > da) ||
              (limits.maxDaBytesPerTransaction !== undefined && daBytes > limits.maxDaBytesPerTransaction)
            ) {
              outcome = 'no-room'
              made.starved ||= transaction.gasLimit > gas
              break
            }
            gas -= gasUsed.get(transaction.hash) ?? transaction.gasLimit
            bytes -= transaction.raw.length
            if (da !== undefined) da -= daBytes
            fits.push(entry)
          }
          if (outcome === 'included' || (!step.atomic && fits.length > 0)) {
            for (const entry of fits) taken.add(entry.transaction.hash)
            made.parts.push({ entries: fits, atomic: step.atomic })
            gasLeft = gas
            bytesLeft = bytes
            daLeft = da
          }
          ordering.settle(outcome)
        }
      }

      const execute = async (
        entries: readonly PooledTransaction[],
      ): Promise<{ executed: ExecutedBlock; given: PayloadAttributes } | undefined> => {
        const first = attributes.transactions.length
        const standing = forced.filter(transaction => !leftOut.has(transaction.hash))
        const given: PayloadAttributes = {
          ...attributes,
          noTxPool: true,
          transactions: [
            ...attributes.transactions,
            ...standing.map(transaction => transaction.raw),
            ...entries.map(entry => entry.transaction.raw),
          ],
        }
        try {
          return { executed: await engine.build(parent.hash, given, { signal }), given }
        } catch (error) {
          if (!(error instanceof SequencerError) || error.code !== 'ENGINE_TRANSACTION_INVALID') throw error
          const indices = error.details['indices'] as readonly number[]
          // A deposit that the engine refuses cannot be left out: the block would not be that of its L1 origin.
          if (indices.some(index => index < first)) throw error
          for (const index of indices) {
            const at = index - first
            const hash = at < standing.length ? standing[at]!.hash : entries[at - standing.length]!.transaction.hash
            leftOut.set(hash, 'invalid')
          }
          return undefined
        }
      }

      /** What is left of a plan when time is up: no new questions to the policy, only what failed is taken out. */
      const salvage = ({ parts, ...rest }: Plan): Plan => ({
        ...rest,
        parts: parts.flatMap(({ entries, atomic }) => {
          const standing = entries.filter(entry => !leftOut.has(entry.transaction.hash))
          return standing.length === 0 || (atomic && standing.length < entries.length)
            ? []
            : [{ entries: standing, atomic }]
        }),
      })

      let planned: Plan = { parts: [], conditions: [], starved: false }
      let refilled = false
      for (let rounds = 1; ; rounds++) {
        const late = rounds > 1 && clock.now() >= deadlineMs
        if (rounds < maxRounds && !late) planned = await plan()
        else if (rounds < maxRounds + 2) planned = salvage(planned)
        else planned = { ...planned, parts: [] }
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
        const roomy = executed.gasUsed * 10_000n < executed.gasLimit * refillBelowBps
        if (planned.starved && roomy && receipts !== undefined && !refilled && !late && rounds + 1 < maxRounds) {
          refilled = true
          continue
        }
        return finish(request, selected.length, entries, result, receipts, rounds, leftOut, planned.conditions)
      }
    },
  }
}

function finish(
  request: BuildRequest,
  forcedCount: number,
  entries: readonly PooledTransaction[],
  { executed, given }: { executed: ExecutedBlock; given: PayloadAttributes },
  receipts: readonly ExecutionReceipt[] | undefined,
  rounds: number,
  leftOut: ReadonlyMap<Hash, LeftOut['reason']>,
  conditions: readonly Hash[],
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
    forcedUpTo: request.forcedUpTo + BigInt(forcedCount),
  }
  return {
    block: { header, executed, attributes: given },
    entries,
    leftOut: [
      ...[...leftOut].map(([hash, reason]) => ({ hash, reason })),
      ...conditions.map(hash => ({ hash, reason: 'condition' as const })),
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
