import { bytesToHex, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import { type Hash, type Hex, zeroHash } from 'viem'
import { SequencerError } from '../errors.js'
import { encodeRlp } from '../rlp/rlp.js'
import { part, restOf, shifted, type UsedNonces, use } from './compose.js'
import type {
  BlockContext,
  BlockOrdering,
  OrderedBlock,
  OrderingEvidence,
  OrderingPolicy,
  Step,
  Violation,
} from './policy.js'
import { violation } from './universal.js'

/** Parameters of {@link flashblocks}. */
export type FlashblockParameters = {
  /** Milliseconds. Default 200. */
  sliceMs: number
  /** Milliseconds; a multiple of {@link sliceMs}. Default 2000: ten slices. */
  blockMs: number
}

/** The defaults of {@link FlashblockParameters}: Base's. */
export const defaultFlashblockParameters: FlashblockParameters = { sliceMs: 200, blockMs: 2_000 }

/** What does not change while a block is shown in slices. */
export type SliceHeader = {
  readonly parentHash: Hash
  readonly height: bigint
  /** Seconds. */
  readonly timestamp: bigint
  readonly gasLimit: bigint
  /** Wei. */
  readonly baseFeePerGas: bigint
}

/** A part of a block, shown before the block is sealed. Whatever is shown first, the block begins with it. */
export type Slice = {
  /** Eight bytes: the same for all slices of one block. */
  readonly payloadId: Hex
  /** From 0, which holds the deposits; without gaps. */
  readonly index: number
  readonly header: SliceHeader
  /** {@link hashSlice} of the slice before; zero for the first. */
  readonly previous: Hash
  /** What this slice adds, EIP-2718 bytes. */
  readonly transactions: readonly Uint8Array[]
  /** Gas that the block has used up to here. */
  readonly cumulativeGasUsed: bigint
}

/** keccak-256 over the RLP of all fields, which chains a slice to those before it. */
export function hashSlice(slice: Slice): Hash {
  const { header } = slice
  const bytes = encodeRlp([
    hexToBytes(slice.payloadId)!,
    BigInt(slice.index),
    [hexToBytes(header.parentHash)!, header.height, header.timestamp, header.gasLimit, header.baseFeePerGas],
    hexToBytes(slice.previous)!,
    slice.transactions,
    slice.cumulativeGasUsed,
  ])
  return bytesToHex(keccak256(bytes))
}

/** Why a slice does not follow the ones before it; `undefined` when it does. */
function breakOf(last: Slice | undefined, slice: Slice): string | undefined {
  const index = last === undefined ? 0 : last.index + 1
  if (slice.index !== index) return `index ${slice.index}, ${index} expected`
  if (last === undefined) return slice.previous === zeroHash ? undefined : 'the first slice has a predecessor'
  if (slice.payloadId !== last.payloadId) return `payload ${slice.payloadId}, ${last.payloadId} expected`
  if (slice.previous !== hashSlice(last)) return `follows ${slice.previous}, not the slice before it`
  const { header } = slice
  for (const field of ['parentHash', 'height', 'timestamp', 'gasLimit', 'baseFeePerGas'] as const)
    if (header[field] !== last.header[field]) return `${field} changed from ${last.header[field]} to ${header[field]}`
  if (slice.cumulativeGasUsed < last.cumulativeGasUsed) return 'cumulative gas fell'
  return undefined
}

/** The block that a run of slices shows: every prefix of a run is a whole block. */
export function foldSlices(slices: readonly Slice[]): { transactions: Uint8Array[]; gasUsed: bigint } {
  return {
    transactions: slices.flatMap(slice => slice.transactions),
    gasUsed: slices.at(-1)?.cumulativeGasUsed ?? 0n,
  }
}

/** Puts slices in order as they come from a network. */
export interface SliceReceiver {
  /** The slices of the current block that are known without a gap. */
  readonly slices: readonly Slice[]
  /**
   * Takes a slice and gives those that now follow: none while an earlier one is missing or it was known.
   *
   * @throws SequencerError `SLICE_INVALID`, with both slices in `details` when two different ones have one index: that is the producer's fault
   * and can be proved
   */
  push(slice: Slice): readonly Slice[]
}

/** A receiver for one block; `maxHeld` bounds what waits for a missing one. */
export function createSliceReceiver(maxHeld = 64): SliceReceiver {
  const slices: Slice[] = []
  const held = new Map<number, Slice>()
  return {
    slices,
    push(slice) {
      const known = slices[slice.index] ?? held.get(slice.index)
      if (known !== undefined) {
        if (hashSlice(known) === hashSlice(slice)) return []
        throw new SequencerError(`two different slices with index ${slice.index}`, {
          code: 'SLICE_INVALID',
          details: { known: hashSlice(known), other: hashSlice(slice) },
        })
      }
      if (!Number.isSafeInteger(slice.index) || slice.index < 0 || slice.index > slices.length + maxHeld)
        throw new SequencerError(`slice ${slice.index}, ${slices.length} expected`, { code: 'SLICE_INVALID' })
      if (slice.index > slices.length) {
        held.set(slice.index, slice)
        return []
      }
      const from = slices.length
      for (let next: Slice | undefined = slice; next !== undefined; next = held.get(slices.length)) {
        const reason = breakOf(slices.at(-1), next)
        held.delete(next.index)
        if (reason !== undefined) {
          // What was released before stays; the one that breaks the chain is gone, and a right one may take its place.
          if (next === slice) throw new SequencerError(`slice ${next.index}: ${reason}`, { code: 'SLICE_INVALID' })
          break
        }
        slices.push(next)
      }
      return slices.slice(from)
    },
  }
}

/** What the judge of {@link flashblocks} wants to know. */
export type FlashblockEvidence = OrderingEvidence & {
  /** Every slice that was shown for this block, in any order. */
  readonly slices?: readonly Slice[] | undefined
}

/**
 * A block that is shown in slices while it grows: another policy orders each slice from what the pool has by then. What was shown stays. The
 * gas of the first j of F slices is at most j/F of the block's, so a transaction with a very large gas limit has to come early: with ten slices one
 * above 40 % of the block may wait for long.
 *
 * A `wait` between two takes is the boundary of a slice: the builder shows what it has and asks again.
 *
 * The judge finds slices that do not follow one another (`flashblocks/chain`), two for one index (`flashblocks/equivocation`), a block that is
 * not what was shown (`flashblocks/fold`), more gas than a slice may use (`flashblocks/budget`), and lets the inner policy judge each slice.
 *
 * Source: OP specs, flashblocks.
 *
 * @throws SequencerError `POLICY_PARAMETERS`
 */
export function flashblocks<Evidence extends OrderingEvidence>(
  inner: OrderingPolicy<Evidence>,
  parameters: Partial<FlashblockParameters> = {},
): OrderingPolicy<Evidence & FlashblockEvidence> {
  const { sliceMs, blockMs } = { ...defaultFlashblockParameters, ...parameters }
  const count = blockMs / sliceMs
  if (!(sliceMs > 0) || !Number.isInteger(count) || count < 1)
    throw new SequencerError(`slices of ${sliceMs} ms do not fill a block of ${blockMs} ms`, {
      code: 'POLICY_PARAMETERS',
    })
  const budgetOf = (gasLimit: bigint, slice: number): bigint =>
    slice >= count ? gasLimit : (gasLimit * BigInt(slice)) / BigInt(count)

  return {
    name: `flashblocks(${inner.name})`,
    admit: (transaction, context) => inner.admit(transaction, context),
    open(block: BlockContext): BlockOrdering {
      const used: UsedNonces = new Map()
      let slice = 0
      let current: BlockOrdering | undefined
      let taken: Step | undefined
      return {
        next(view): Step {
          const due = Math.min(count, Math.floor((view.nowMs - block.nowMs) / sliceMs) + 1)
          if (due > slice) {
            slice = due
            // What came in meanwhile is seen from here on.
            current = inner.open({ ...block, nowMs: view.nowMs, pool: restOf(block.pool, used) })
          }
          const gasUsed = block.gasLimit - view.gasLeft
          const budget = budgetOf(block.gasLimit, slice)
          const gasLeft = budget > gasUsed ? budget - gasUsed : 0n
          const step = current!.next({ ...view, gasLeft })
          taken = step
          if (step.type === 'take') return step
          if (slice === count) return step
          const boundary = block.nowMs + slice * sliceMs
          return { type: 'wait', untilMs: step.type === 'wait' ? Math.min(step.untilMs, boundary) : boundary }
        },
        settle(outcome) {
          if (taken?.type !== 'take' || current === undefined)
            throw new SequencerError('settle() without a step', { code: 'POLICY_MISUSE' })
          if (outcome === 'included') use(used, taken.entries)
          current.settle(outcome)
        },
      }
    },
    verify(block, evidence) {
      if (evidence.slices === undefined)
        return [violation('flashblocks/evidence-missing', undefined, undefined, 'no slices')]
      const violations: Violation[] = []
      const slices: Slice[] = []
      for (const slice of [...evidence.slices].sort((a, b) => a.index - b.index)) {
        const same = slices.find(each => each.index === slice.index)
        if (same !== undefined) {
          if (hashSlice(same) !== hashSlice(slice))
            violations.push(
              violation(
                'flashblocks/equivocation',
                undefined,
                hashSlice(slice),
                `index ${slice.index} was also shown as ${hashSlice(same)}`,
              ),
            )
          continue
        }
        const reason = breakOf(slices.at(-1), slice)
        if (reason !== undefined)
          violations.push(
            violation('flashblocks/chain', undefined, hashSlice(slice), `slice ${slice.index}: ${reason}`),
          )
        slices.push(slice)
      }
      violations.push(...checkFold(block, slices))
      let from = 0
      for (const slice of slices) {
        const budget = budgetOf(block.gasLimit, slice.index)
        if (slice.index > 0 && slice.cumulativeGasUsed > budget)
          violations.push(
            violation(
              'flashblocks/budget',
              undefined,
              undefined,
              `slice ${slice.index} ends at ${slice.cumulativeGasUsed} gas, budget ${budget}`,
            ),
          )
        const length = slice.transactions.filter(raw => raw[0] !== 0x7e).length
        const piece = part(block, evidence, from, from + length)
        const usedBefore = block.gasLimit - piece.block.gasLimit
        const gasLimit = budget > usedBefore ? budget - usedBefore : 0n
        // What the judge had pending at the block's end was not all there when this slice was filled.
        violations.push(
          ...shifted(inner.verify({ ...piece.block, gasLimit }, { ...piece.evidence, pending: undefined }), from),
        )
        from += length
      }
      return violations
    },
  }
}

/** The sealed block is what was shown: deposits first, then every transaction, and nothing behind. */
function checkFold(block: OrderedBlock, slices: readonly Slice[]): Violation[] {
  const shown = foldSlices(slices).transactions.map(raw => bytesToHex(keccak256(raw)))
  const sealed = [...block.deposits, ...block.transactions.map(transaction => transaction.hash)]
  for (let i = 0; i < Math.max(shown.length, sealed.length); i++) {
    if (shown[i] === sealed[i]) continue
    const index = i < block.deposits.length ? undefined : i - block.deposits.length
    return [
      violation(
        'flashblocks/fold',
        index,
        sealed[i],
        `shown ${shown[i] ?? 'nothing'}, sealed ${sealed[i] ?? 'nothing'}`,
      ),
    ]
  }
  return []
}
