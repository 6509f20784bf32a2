import { toJson } from '@l2/common'
import type { Address, Hex } from 'viem'
import * as z from 'zod/mini'
import { seedBytes } from '../election/draw.js'
import { buildElection, electFallback, electSlot, electSystematic } from '../election/election.js'
import { refuse, StakingError } from '../errors.js'
import type { Candidate } from '../pool/sequencer.js'

/** `weighted`: every slot is drawn on its own. `systematic`: one draw an epoch, each within one turn of its share. */
export type ElectionMode = 'weighted' | 'systematic'

export type ScheduleOptions = {
  /** First height of the first epoch. Default 0. */
  firstHeight?: bigint
  /** Number of the first epoch: a pool has its first frozen weights for epoch L + 1. Default 0. */
  firstEpoch?: bigint
  /** Blocks of a slot: how long one leader leads. Default 1000, as Metis. */
  slotBlocks?: bigint
  /** Leaders of an epoch. Default 1. */
  slotsPerEpoch?: number
  mode?: ElectionMode
  /** Epochs kept; older heights have no leader any more. Default 1024. */
  keepEpochs?: number
}

/** From `fromHeight` on, until the slot ends, `id` leads with `term`. */
export type TermChange = {
  readonly fromHeight: bigint
  readonly term: number
  readonly slot: number
  readonly id: number
}

/** One epoch, elected: fixed but for the terms that time-outs add. */
export type EpochPlan = {
  readonly epoch: bigint
  readonly seed: Hex
  /** The seed had no fresh entropy. */
  readonly degraded: boolean
  readonly candidates: readonly Candidate[]
  /** Leader of each slot at its first term. */
  readonly leaders: readonly number[]
  readonly changes: readonly TermChange[]
}

/** Who leads when. Plain data; epochs follow each other without gaps. */
export type Schedule = {
  readonly options: Required<ScheduleOptions>
  readonly plans: readonly EpochPlan[]
}

/** The leader of a height, and the place in time that its header must be signed for. */
export type SlotLeader = {
  readonly sequencer: Address
  readonly id: number
  readonly epoch: bigint
  readonly term: number
}

/** The port of block producers: who may sign which height. */
export interface SlotLeaders {
  leaderAt(height: bigint): { sequencer: Address; epoch: bigint; term: number } | undefined
}

/** An empty schedule. @throws StakingError `CONFIG_INVALID` */
export function createSchedule(options: ScheduleOptions = {}): Schedule {
  const full: Required<ScheduleOptions> = {
    firstHeight: options.firstHeight ?? 0n,
    firstEpoch: options.firstEpoch ?? 0n,
    slotBlocks: options.slotBlocks ?? 1000n,
    slotsPerEpoch: options.slotsPerEpoch ?? 1,
    mode: options.mode ?? 'weighted',
    keepEpochs: options.keepEpochs ?? 1024,
  }
  const problem =
    full.firstHeight < 0n || full.firstEpoch < 0n
      ? 'firstHeight and firstEpoch expected at least 0'
      : full.slotBlocks < 1n
        ? 'slotBlocks expected at least 1'
        : !Number.isInteger(full.slotsPerEpoch) || full.slotsPerEpoch < 1 || full.slotsPerEpoch > 65_536
          ? 'slotsPerEpoch expected 1 … 65536'
          : full.mode !== 'weighted' && full.mode !== 'systematic'
            ? 'mode expected weighted or systematic'
            : !Number.isInteger(full.keepEpochs) || full.keepEpochs < 2
              ? 'keepEpochs expected at least 2'
              : undefined
  if (problem !== undefined) refuse('CONFIG_INVALID', `invalid schedule: ${problem}`, { options })
  return { options: full, plans: [] }
}

/** The epoch, slot and range of a height, planned or not; `undefined` before the first. */
export function slotOf(
  schedule: Schedule,
  height: bigint,
): { epoch: bigint; slot: number; start: bigint; end: bigint } | undefined {
  const { firstHeight, firstEpoch, slotBlocks, slotsPerEpoch } = schedule.options
  if (height < firstHeight) return undefined
  const index = (height - firstHeight) / slotBlocks
  const start = firstHeight + index * slotBlocks
  const perEpoch = BigInt(slotsPerEpoch)
  return { epoch: firstEpoch + index / perEpoch, slot: Number(index % perEpoch), start, end: start + slotBlocks - 1n }
}

/**
 * Elects the next epoch.
 *
 * @param input.candidates Weights frozen before the seed's entropy was known: {@link electionWeights} of the pool.
 * @throws StakingError `EPOCH_INVALID` unless the epoch follows the last one planned; `ELECTION_EMPTY`, `INPUT_INVALID`
 *
 * @example
 * ```ts
 * import { createSchedule, leaderAt, planEpoch, reselect } from '@l2/staking'
 *
 * const seed = '0x3a75830c266277df588c1c64213909c4ad1d5d221c8baf930bb5257e1b697245'
 * const candidates = [20_000n, 40_000n, 100_000n, 20_000n].map((weight, index) => ({
 *   id: index + 1, weight, signer: `0x${String(index + 1).repeat(40)}` as const,
 * }))
 * let schedule = planEpoch(createSchedule({ slotBlocks: 10n }), { epoch: 0n, seed, candidates })
 * schedule = reselect(schedule, { height: 4n, term: 1 })
 * console.log([3n, 4n].map(height => leaderAt(schedule, height)?.id)) // [ 3, 4 ]
 * ```
 */
export function planEpoch(
  schedule: Schedule,
  input: { epoch: bigint; seed: Hex; degraded?: boolean; candidates: readonly Candidate[] },
): Schedule {
  const last = schedule.plans[schedule.plans.length - 1]
  const expected = last === undefined ? schedule.options.firstEpoch : last.epoch + 1n
  // A schedule that was read back may begin later: it forgot what came before.
  if (last === undefined ? input.epoch < expected : input.epoch !== expected) {
    refuse('EPOCH_INVALID', `epoch expected ${expected}, got ${input.epoch}`, { epoch: input.epoch, expected })
  }
  seedBytes(input.seed)
  const election = buildElection(input.candidates)
  const { slotsPerEpoch, mode, keepEpochs } = schedule.options
  const leaders =
    mode === 'systematic'
      ? electSystematic(election, input.seed, slotsPerEpoch)
      : Array.from({ length: slotsPerEpoch }, (_, slot) => electSlot(election, input.seed, slot)[0]!)
  const candidates = [...input.candidates].sort((a, b) => a.id - b.id)
  const plan: EpochPlan = {
    epoch: input.epoch,
    seed: input.seed,
    degraded: input.degraded ?? false,
    candidates,
    leaders,
    changes: [],
  }
  return { ...schedule, plans: [...schedule.plans.slice(1 - keepEpochs), plan] }
}

function planOf(schedule: Schedule, epoch: bigint): EpochPlan | undefined {
  const first = schedule.plans[0]
  return first === undefined || epoch < first.epoch ? undefined : schedule.plans[Number(epoch - first.epoch)]
}

/** The leader of a height, or `undefined` where no epoch is planned (or is forgotten). O(log terms). */
export function leaderAt(schedule: Schedule, height: bigint): SlotLeader | undefined {
  const at = slotOf(schedule, height)
  const plan = at === undefined ? undefined : planOf(schedule, at.epoch)
  if (at === undefined || plan === undefined) return undefined
  let low = 0
  let high = plan.changes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (plan.changes[middle]!.fromHeight <= height) low = middle + 1
    else high = middle
  }
  const change = plan.changes[low - 1]
  const id = change?.slot === at.slot ? change.id : plan.leaders[at.slot]!
  const candidate = plan.candidates.find(item => item.id === id)!
  return { sequencer: candidate.signer, id, epoch: plan.epoch, term: change?.term ?? 0 }
}

/**
 * Who leads from `height` on if its slot is given up now: the fallback that follows from the seed, so that a quorum
 * only decides *that* the slot passed. `barred` ids (jailed meanwhile) are skipped.
 *
 * @throws StakingError `EPOCH_UNKNOWN` for a height that is not planned
 */
export function nextTerm(
  schedule: Schedule,
  height: bigint,
  barred: (id: number) => boolean = () => false,
): SlotLeader & { slot: number } {
  const at = slotOf(schedule, height)
  const plan = at === undefined ? undefined : planOf(schedule, at.epoch)
  if (at === undefined || plan === undefined) refuse('EPOCH_UNKNOWN', `height ${height} is not planned`, { height })
  const inSlot = plan.changes.filter(change => change.slot === at.slot)
  const turns = [plan.leaders[at.slot]!, ...inSlot.map(({ id }) => id)]
  const term = (plan.changes[plan.changes.length - 1]?.term ?? 0) + 1
  const allowed = plan.candidates.filter(({ id }) => !barred(id))
  const election = buildElection(allowed.length === 0 ? plan.candidates : allowed)
  // Those who failed in this round of the slot are out; after everybody had a turn a new round begins.
  const members = new Set(election.ids)
  let failed = new Set<number>()
  for (const id of turns) {
    if (members.has(id)) failed.add(id)
    if (failed.size === members.size) failed = new Set()
  }
  const id = electFallback(election, plan.seed, at.slot, turns.length, [...failed])
  const { signer } = plan.candidates.find(item => item.id === id)!
  return { sequencer: signer, id, epoch: plan.epoch, term, slot: at.slot }
}

/**
 * Ends the leader's turn: from `height` on the next term's leader leads, until the slot ends. The next epoch's election
 * stands.
 *
 * @param height First height that the failed leader did not produce.
 * @throws StakingError `EPOCH_INVALID` when the term is not the next one or the height lies before an earlier change;
 * `EPOCH_UNKNOWN`
 */
export function reselect(
  schedule: Schedule,
  input: { height: bigint; term: number; barred?: (id: number) => boolean },
): Schedule {
  const next = nextTerm(schedule, input.height, input.barred)
  const index = Number(next.epoch - schedule.plans[0]!.epoch)
  const plan = schedule.plans[index]!
  const last = plan.changes[plan.changes.length - 1]
  if (input.term !== next.term || (last !== undefined && input.height < last.fromHeight)) {
    refuse(
      'EPOCH_INVALID',
      `term ${next.term} from height ${last?.fromHeight ?? 0n} on expected, got ${input.term} at ${input.height}`,
      {
        height: input.height,
        term: input.term,
      },
    )
  }
  const change = { fromHeight: input.height, term: next.term, slot: next.slot, id: next.id }
  const plans = schedule.plans.slice()
  plans[index] = { ...plan, changes: [...plan.changes, change] }
  return { ...schedule, plans }
}

/** A live {@link SlotLeaders} over whatever `current` returns at the moment of the call. */
export function leaderSchedule(current: () => Schedule): SlotLeaders {
  return {
    leaderAt(height) {
      const leader = leaderAt(current(), height)
      return leader === undefined ? undefined : { sequencer: leader.sequencer, epoch: leader.epoch, term: leader.term }
    },
  }
}

const uint = /* @__PURE__ */ (() =>
  z.pipe(
    z.string().check(z.regex(/^\d{1,40}$/)),
    z.transform((text: string) => BigInt(text)),
  ))()
const count = /* @__PURE__ */ (() => z.int().check(z.nonnegative()))()
const scheduleSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    options: z.strictObject({
      firstHeight: uint,
      firstEpoch: uint,
      slotBlocks: uint,
      slotsPerEpoch: count,
      mode: z.enum(['weighted', 'systematic']),
      keepEpochs: count,
    }),
    plans: z.array(
      z.strictObject({
        epoch: uint,
        seed: z.string().check(z.regex(/^0x[0-9a-f]{64}$/)),
        degraded: z.boolean(),
        candidates: z.array(
          z.strictObject({ id: count, weight: uint, signer: z.string().check(z.regex(/^0x[0-9a-f]{40}$/)) }),
        ),
        changes: z.array(z.strictObject({ fromHeight: uint, term: count, slot: count, id: count })),
      }),
    ),
  }))()

/**
 * A schedule as JSON. Leaders are left out: they follow from seed and weights, and are elected again when it is read.
 */
export function encodeSchedule(schedule: Schedule): string {
  return toJson({
    options: schedule.options,
    plans: schedule.plans.map(({ epoch, seed, degraded, candidates, changes }) => ({
      epoch,
      seed,
      degraded,
      candidates: candidates.map(({ id, weight, signer }) => ({ id, weight, signer })),
      changes,
    })),
  })
}

/** Reads a schedule back, electing every epoch again. @throws StakingError `SNAPSHOT_INVALID` */
export function decodeSchedule(json: string): Schedule {
  try {
    const { options, plans } = scheduleSchema.parse(JSON.parse(json))
    let schedule = createSchedule(options)
    for (const { changes, ...plan } of plans) {
      schedule = planEpoch(schedule, {
        ...plan,
        seed: plan.seed as Hex,
        candidates: plan.candidates.map(candidate => ({ ...candidate, signer: candidate.signer as Address })),
      })
      const ids = new Set(plan.candidates.map(({ id }) => id))
      for (const [index, { id, slot, term }] of changes.entries()) {
        const last = changes[index - 1]
        if (!ids.has(id) || slot >= options.slotsPerEpoch || term !== (last?.term ?? 0) + 1) {
          refuse('SNAPSHOT_INVALID', 'an invalid term change', { epoch: plan.epoch, index })
        }
      }
      const planned = schedule.plans.slice()
      planned.push({ ...planned.pop()!, changes })
      schedule = { ...schedule, plans: planned }
    }
    return schedule
  } catch (cause) {
    throw new StakingError('invalid schedule', { code: 'SNAPSHOT_INVALID', cause })
  }
}
