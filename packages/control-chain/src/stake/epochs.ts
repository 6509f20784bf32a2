import { bytesToHex, hexToBytes, toJson } from '@l2/common'
import {
  defaultEvidencePolicy,
  type EvidenceContext,
  electionWeights,
  epochSeed,
  evidenceContextOf,
  type Offence,
  type OffenceKind,
  planEpoch,
  verifyEvidence,
} from '@l2/staking'
import { slotOf } from '@l2/staking/epoch'
import { evidenceIdOf } from '@l2/staking/evidence'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Hash } from 'viem'
import type { ControlState } from '../fold/state.js'
import { tryPool } from './pool-commands.js'
import { isFree, type StakeState } from './stake.js'

/** What the consensus engine's own fault has for a term: no header has it. */
const engineTerm = 0xffff_ffff

/** A fault that this control block established. */
export type Conviction = {
  readonly operator: number
  readonly kind: Extract<OffenceKind, 'EQUIVOCATION_BLOCK' | 'EQUIVOCATION_BATCH' | 'ATTESTED_INVALID'>
  readonly evidence: Hash
  /** Of the two headers; every other fault is known by its control height. */
  readonly place: { readonly epochId: bigint; readonly term: number; readonly height: bigint } | undefined
}

/** Time of the fold: that of the last finalized block of L1 that the operators agreed on. */
export function stakeTime({ pool }: StakeState, { l1 }: Pick<ControlState, 'l1'>): bigint {
  return l1 !== undefined && l1.timestamp > pool.atSeconds ? l1.timestamp : pool.atSeconds
}

/**
 * What follows for the pool from a control block: convictions become cases, cases whose veto window is over are
 * executed, and where the milestone has entered an epoch, its weights are frozen, downtime in the one before is judged,
 * and the next is elected, with randomness that nobody knew when the weights were frozen.
 */
export function followMilestone(
  before: StakeState,
  state: ControlState,
  convictions: readonly Conviction[],
): StakeState {
  let stake = convictions.reduce((next, conviction) => admitConviction(next, state, conviction), before)
  for (;;) {
    const at = slotOf(stake.schedule, state.milestone.height)
    const { epoch } = stake.pool
    const isElected = stake.schedule.plans.at(-1)!.epoch > epoch
    if (at === undefined) break
    if (isElected && at.epoch > epoch) {
      const entered = enterEpoch(stake, state, epoch + 1n)
      if (entered.pool.epoch === epoch) break
      stake = entered
    } else if (!isElected && isTimeToElect(stake, state)) stake = electEpoch(stake, state, epoch + 1n)
    else break
  }
  return executeDue(stake, state)
}

/** As soon as there is fresh randomness; before a leader could want to sign in an epoch that nobody was elected for. */
function isTimeToElect(
  { pool, schedule, seededAtBlock }: StakeState,
  { l1, milestone, parameters }: ControlState,
): boolean {
  if (l1 !== undefined && l1.number > seededAtBlock) return true
  const { firstHeight, firstEpoch, slotBlocks, slotsPerEpoch } = schedule.options
  const end = firstHeight + (pool.epoch - firstEpoch + 1n) * slotBlocks * BigInt(slotsPerEpoch) - 1n
  return milestone.height + BigInt(parameters.ahead) >= end
}

function electEpoch(stake: StakeState, { chainId, l1, jailed }: ControlState, epoch: bigint): StakeState {
  const isFresh = l1 !== undefined && l1.number > stake.seededAtBlock
  const entropy = isFresh ? { parts: [hexToBytes(l1.prevRandao)!], missing: [] } : undefined
  const { seed, degraded } = epochSeed({ chainId, epoch, previousSeed: stake.seed, entropy })
  const weighed = electionWeights(stake.pool, epoch)
  const free = weighed.filter(({ id }) => isFree(stake.pool, id) && !jailed.has(id))
  // With nobody left to elect, those who lead go on: a chain that halts could not let anybody in.
  const candidates = free.length > 0 ? free : stake.schedule.plans.at(-1)!.candidates
  return {
    ...stake,
    schedule: planEpoch(stake.schedule, { epoch, seed, degraded, candidates }),
    seed: seed as Hash,
    seededAtBlock: isFresh ? l1.number : stake.seededAtBlock,
  }
}

function enterEpoch(before: StakeState, state: ControlState, epoch: bigint): StakeState {
  const atSeconds = stakeTime(before, state)
  const pool = tryPool(before.pool, { type: 'advanceEpoch', by: before.pool.config.operator, atSeconds, epoch })
  const { firstHeight, firstEpoch, slotBlocks, slotsPerEpoch } = before.schedule.options
  const startHeight = firstHeight + (epoch - firstEpoch) * slotBlocks * BigInt(slotsPerEpoch)
  const kept = before.epochs.filter(
    ({ startAtSeconds }) => startAtSeconds >= atSeconds - pool.config.windows.evidenceMaxAgeSeconds,
  )
  const stake: StakeState = {
    ...before,
    pool,
    epochs: [...kept.slice(-255), { epoch, startAtSeconds: atSeconds, startHeight }],
  }
  const led = stake.schedule.plans.find(plan => plan.epoch === epoch - 1n)?.candidates ?? []
  return led.reduce((next, { id }) => judgeDowntime(next, state, id, epoch - 1n), stake)
}

/** Turns on the settled chain convict of downtime by the rule of `@l2/staking`; the pool jails, and the council may veto. */
function judgeDowntime(stake: StakeState, state: ControlState, accused: number, lastEpoch: bigint): StakeState {
  const { pool, epochs, turns, parameters } = stake
  const known = evidenceContextOf(pool)
  const { windowTurns, minTurns } = parameters
  const context: EvidenceContext = {
    ...known,
    now: { epoch: pool.epoch, atSeconds: stakeTime(stake, state) },
    domain: { name: 'L2 Sequencer', version: '1', chainId: state.chainId, verifyingContract: `0x${'00'.repeat(20)}` },
    epochs,
    policy: {
      ...defaultEvidencePolicy,
      evidenceMaxAgeSeconds: pool.config.windows.evidenceMaxAgeSeconds,
      downtime: { windowTurns, minTurns },
    },
    facts: { ...known.facts, turns },
  }
  const verdict = verifyEvidence({ type: 'DOWNTIME', accused, lastEpoch }, context)
  return verdict.ok ? admit(stake, state, verdict.offence) : stake
}

function admitConviction(stake: StakeState, state: ControlState, conviction: Conviction): StakeState {
  const { operator, kind, evidence, place } = conviction
  const epoch = place?.epochId ?? stake.pool.epoch
  const begun = stake.epochs.find(item => item.epoch === epoch)
  // Too old for the pool to act on: it stays barred here.
  if (begun === undefined) return stake
  const index = place?.height ?? state.height
  return admit(stake, state, {
    kind,
    id: operator,
    evidenceId: evidenceIdOf(kind, operator, { epoch, term: place?.term ?? engineTerm, index }),
    evidenceHash: evidence,
    offenceEpoch: epoch,
    offenceAtSeconds: begun.startAtSeconds,
  })
}

function admit(stake: StakeState, state: ControlState, offence: Offence): StakeState {
  const { pool } = stake
  const atSeconds = stakeTime(stake, state)
  return { ...stake, pool: tryPool(pool, { type: 'admitOffence', by: pool.config.operator, atSeconds, offence }) }
}

/** Cases that nobody vetoed in time. */
function executeDue(stake: StakeState, state: ControlState): StakeState {
  const atSeconds = stakeTime(stake, state)
  let { pool } = stake
  for (const [evidenceId, { status, executableAtSeconds }] of stake.pool.cases) {
    if (status !== 'pending' || executableAtSeconds > atSeconds) continue
    pool = tryPool(pool, { type: 'executeCase', by: pool.config.operator, atSeconds, evidenceId })
  }
  return pool === stake.pool ? stake : { ...stake, pool }
}

/** Names a double vote in the engine by who and when: the engine's own evidence is in its block. */
export function engineEvidence(operator: number, height: bigint): Hash {
  return bytesToHex(keccak_256(new TextEncoder().encode(toJson({ doubleVote: operator, height }))))
}
