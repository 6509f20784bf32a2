import { bytesToHex, type Clock, isL2Error } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Address, Hash } from 'viem'
import { decodeDeposit, isDeposit } from '../derivation/deposit.js'
import type { ExecutedBlock, ExecutionEngine, ExecutionReceipt, PayloadAttributes } from '../engine/engine.js'
import { SequencerError } from '../errors.js'
import { estimatedDaBytes } from '../fees/l1-fee.js'
import type { ForcedInclusionRule } from '../forced/deadline.js'
import { type QueueEntry, selectForced, toForcedTransaction } from '../forced/queue.js'
import { conditionRange } from '../mempool/condition.js'
import type { PendingPool, PooledTransaction } from '../mempool/types.js'
import { forcedFirst } from '../ordering/compose.js'
import type { BlockOrdering, OrderingPolicy, Outcome } from '../ordering/policy.js'
import type { BlockLimits, BuildRequest, LeftOut } from './request.js'

export type Part = {
  readonly entries: readonly PooledTransaction[]
  readonly atomic: boolean
  readonly isForced: boolean
}

export type Plan = {
  /** What the policy took, in its order; the entries of one part stand or fall together where it is atomic. */
  readonly parts: Part[]
  /** Whose condition does not allow this block. */
  readonly conditions: Hash[]
  /** Entries of the L1 queue that the block carries, those included that cannot execute. */
  forcedCount: number
  /** Gas that was left when every transaction was counted with its limit, or with what it used in an earlier round. */
  gasLeft: bigint
}

export const noPlan = (): Plan => ({ parts: [], conditions: [], forcedCount: 0, gasLeft: 0n })

/** What a block still has room for. */
type Room = { gas: bigint; bytes: number; da: bigint | undefined }

export type RoundsParts = {
  engine: ExecutionEngine
  pool: PendingPool
  forcedRule: ForcedInclusionRule
  earlyBps: bigint | undefined
  clock: Clock
  request: BuildRequest
  policy: OrderingPolicy
  limits: BlockLimits
  startedMs: number
  /** Of the last question to the policy. */
  deadlineMs: number
}

/** The rounds of one build, and what each learns from those before it. */
export class Rounds {
  readonly leftOut = new Map<Hash, LeftOut['reason']>()
  readonly #parts: RoundsParts
  readonly #gasUsed = new Map<Hash, bigint>()
  /** The entries of the L1 queue that this block has to carry. */
  readonly #selected: readonly QueueEntry[]
  /** Hashes of those that are transactions. */
  readonly #signed: ReadonlySet<Hash>

  constructor(parts: RoundsParts) {
    this.#parts = parts
    const { attributes, forced } = parts.request
    const depositGas = attributes.transactions.reduce(
      (sum, raw) => sum + (isDeposit(raw) ? decodeDeposit(raw).gas : 0n),
      0n,
    )
    this.#selected = selectForced(forced, {
      rule: parts.forcedRule,
      timestamp: attributes.timestamp,
      gasLimit: attributes.gasLimit > depositGas ? attributes.gasLimit - depositGas : 0n,
      earlyBps: parts.earlyBps,
    })
    this.#signed = new Set(
      this.#selected.flatMap(({ transaction }) => (transaction === undefined ? [] : [transaction.hash])),
    )
  }

  /** Runs the policy from the start, with what earlier rounds have learned. */
  async plan(): Promise<Plan> {
    const { clock, limits, deadlineMs, request } = this.#parts
    const signed = this.#signed
    const made = noPlan()
    let room: Room = { gas: this.#gasForUsers(), bytes: limits.maxBytes, da: limits.maxDaBytes }
    const ordering = this.#open()
    /** Forced entries that the policy has been told about: carried, or found not to execute. */
    const settled = new Set<Hash>()
    const taken = new Set<Hash>()
    const done = (): Plan => {
      ordering.close?.()
      return { ...made, forcedCount: this.#countForced(settled), gasLeft: room.gas }
    }
    for (;;) {
      const nowMs = clock.now()
      const forcedAreIn = settled.size === signed.size
      if (nowMs >= deadlineMs && forcedAreIn && made.parts.length > signed.size) return done()
      const step = ordering.next({
        nowMs,
        gasLeft: room.gas > 0n ? room.gas : 0n,
        // The limits on bytes are our own: they are no excuse towards the L1 queue.
        bytesLeft: forcedAreIn ? Math.max(0, room.bytes) : Number.MAX_SAFE_INTEGER,
      })
      if (step.type === 'done') return done()
      if (step.type === 'wait') {
        if (step.untilMs >= deadlineMs) return done()
        await clock.sleep(Math.max(1, step.untilMs - nowMs), request.signal)
        continue
      }
      const isForced = step.entries.length === 1 && signed.has(step.entries[0]!.transaction.hash)
      const { fits, outcome, left } = this.#fit(step.entries, isForced, room, taken, made.conditions)
      if (outcome === 'included' || (!step.atomic && fits.length > 0)) {
        for (const entry of fits) taken.add(entry.transaction.hash)
        made.parts.push({ entries: fits, atomic: step.atomic, isForced })
        room = left
      }
      if (isForced && outcome !== 'no-room') settled.add(step.entries[0]!.transaction.hash)
      ordering.settle(outcome)
    }
  }

  /** What is left of a plan when time is up: no new questions to the policy, only what failed is taken out. */
  salvage({ parts, ...rest }: Plan): Plan {
    const failed = new Set<Address>()
    const standing = parts.flatMap(part => {
      const entries = part.entries.filter(({ transaction }) => {
        if (this.leftOut.has(transaction.hash)) failed.add(transaction.sender)
        return !failed.has(transaction.sender)
      })
      return entries.length === 0 || (part.atomic && entries.length < part.entries.length) ? [] : [{ ...part, entries }]
    })
    return { ...rest, parts: standing }
  }

  /** Executes the block with these entries; `undefined` where the engine refuses some of them, which are left out then. */
  async execute(
    entries: readonly PooledTransaction[],
  ): Promise<{ executed: ExecutedBlock; given: PayloadAttributes } | undefined> {
    const { engine, request } = this.#parts
    const { attributes, parent, signal } = request
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
        if (!blamed.has(sender)) this.leftOut.set(hash, 'invalid')
        blamed.add(sender)
      }
      return undefined
    }
  }

  /** Whether receipts say that entries reverted which may not: they are left out from here on. */
  learn(entries: readonly PooledTransaction[], receipts: readonly ExecutionReceipt[] | undefined): boolean {
    const reverted = entries.filter((entry, index) => {
      if (entry.mayRevert || receipts === undefined) return false
      return !receipts[receipts.length - entries.length + index]!.success
    })
    for (const receipt of receipts ?? []) this.#gasUsed.set(receipt.transactionHash, receipt.gasUsed)
    for (const { transaction } of reverted) this.leftOut.set(transaction.hash, 'reverted')
    return reverted.length > 0
  }

  #gasForUsers(): bigint {
    const { attributes } = this.#parts.request
    let gas = attributes.gasLimit
    for (const raw of attributes.transactions) {
      gas -= this.#gasUsed.get(bytesToHex(keccak256(raw))) ?? (isDeposit(raw) ? decodeDeposit(raw).gas : 0n)
    }
    return gas
  }

  #open(): BlockOrdering {
    const { request, policy, pool, startedMs, forcedRule } = this.#parts
    const { parent, attributes, baseFeePerGas } = request
    return forcedFirst(policy).open({
      height: parent.number + 1n,
      timestamp: attributes.timestamp,
      baseFeePerGas,
      gasLimit: attributes.gasLimit,
      nowMs: startedMs,
      pool,
      forced: this.#selected.map(entry => toForcedTransaction(entry, forcedRule)),
    })
  }

  /** How far the block gets in the L1 queue. */
  #countForced(settled: ReadonlySet<Hash>): number {
    const carried = new Set(this.#parts.request.attributes.transactions.map(raw => bytesToHex(keccak256(raw))))
    const open = this.#selected.findIndex(({ hash, transaction }) =>
      transaction === undefined ? !carried.has(hash) : !settled.has(transaction.hash),
    )
    return open < 0 ? this.#selected.length : open
  }

  /** The first of `entries` for which there is room, and what becomes of the others. */
  #fit(
    entries: readonly PooledTransaction[],
    isForced: boolean,
    room: Room,
    taken: ReadonlySet<Hash>,
    conditions: Hash[],
  ): { fits: PooledTransaction[]; outcome: Outcome; left: Room } {
    const { limits, request } = this.#parts
    const { maxDaBytesPerTransaction } = limits
    const fits: PooledTransaction[] = []
    const left = { ...room }
    for (const entry of entries) {
      const { transaction, condition } = entry
      const { hash, raw, gasLimit } = transaction
      const inRange = conditionRange(condition, request.parent.number + 1n, request.attributes.timestamp) === 'in'
      if (!inRange) conditions.push(hash)
      if (!inRange || this.leftOut.has(hash) || taken.has(hash)) return { fits, outcome: 'failed', left }
      const measuresDa = left.da !== undefined || maxDaBytesPerTransaction !== undefined
      const daBytes = measuresDa ? estimatedDaBytes(raw) : 0n
      const isTooBig =
        raw.length > left.bytes ||
        (left.da !== undefined && daBytes > left.da) ||
        (maxDaBytesPerTransaction !== undefined && daBytes > maxDaBytesPerTransaction)
      if (gasLimit > left.gas || (isTooBig && !isForced)) return { fits, outcome: 'no-room', left }
      left.gas -= this.#gasUsed.get(hash) ?? gasLimit
      left.bytes -= raw.length
      if (left.da !== undefined) left.da -= daBytes
      fits.push(entry)
    }
    return { fits, outcome: 'included', left }
  }
}

function depositRefused({ attributes, l1Origin }: BuildRequest, index: number, cause: unknown): SequencerError {
  const { gas } = decodeDeposit(attributes.transactions[index]!)
  return new SequencerError(
    `deposit ${index} of L1 block ${l1Origin.number} fits in no block of ${attributes.gasLimit} gas: it asks for ${gas}; nobody can derive the chain beyond it`,
    { code: 'DEPOSIT_BLOCK_REFUSED', details: { l1Origin, index, gas, gasLimit: attributes.gasLimit }, cause },
  )
}
