import { hexToBytes, isL2Error } from '@l2/common'
import { applyLiquid, assets, createLiquid, type Liquid, presets } from '@l2/lst'
import {
  applyPool,
  createPool,
  createSchedule,
  defaultEvidencePolicy,
  type EvidenceContext,
  electionWeights,
  epochSeed,
  evidenceContextOf,
  leaderAt,
  type PoolCommand,
  type PoolState,
  planEpoch,
  reselect,
  type Schedule,
  type SequencerDomain,
  type SequencerPoolEvent,
  type SlotLeader,
  verifyBundle,
} from '@l2/staking'
import { slotOf } from '@l2/staking/epoch'
import type { Address, Hash, Hex } from 'viem'

const metis = 10n ** 18n

/** Blocks of one leader's turn, and turns of an epoch: short, so that a minute shows several elections. */
const slotBlocks = 5n
const slotsPerEpoch = 4
/** Weights are frozen this many epochs before they count; the first election is that of epoch L + 1. */
const lookaheadEpochs = 2
const firstEpoch = BigInt(lookaheadEpochs + 1)
/** Seconds instead of days: a fault is brought forward, judged and paid for while somebody watches. */
const windows = {
  exitDelaySeconds: 900n,
  evidenceMaxAgeSeconds: 600n,
  vetoWindowSeconds: 3n,
  correlationSettleSeconds: 3n,
  correlationWindowSeconds: 300n,
  disputeWindowSeconds: 300n,
  maxPauseSeconds: 60n,
}

/** Where evidence is sent, as the calldata of an ordinary transaction: so it is ordered, posted and derived like everything else. */
export const evidenceInbox: Address = '0x4200000000000000000000000000000000001e71'

/** What the control plane reads of a block. */
export type ControlBlock = {
  height: bigint
  /** Seconds. */
  timestamp: bigint
  prevRandao: Hash
  /** Of the signed header: higher than {@link leaderOf} says where a leader was passed over. */
  term: number
  /** Calldata of the transactions to {@link evidenceInbox}. */
  evidence: readonly string[]
  /** Who signed it, where a control chain elects: it earns the block's reward. By default the pool's own election says it. */
  signer?: Address | undefined
}

/**
 * Stake, election, rewards and slashing, as a fold over the rollup's own blocks: the same blocks give the same pool on every node and after
 * every restart, so nothing of it is stored.
 */
export type ControlPlane = {
  readonly domain: SequencerDomain
  readonly operator: Address
  readonly pool: PoolState
  readonly schedule: Schedule
  readonly seed: Hex
  /** When the recent epochs began: a signer's own timestamps decide nothing about the age of a fault. */
  readonly epochs: EvidenceContext['epochs']
  /**
   * Terms that were over before an epoch. What a header names is this and the re-selections of its epoch: it counts every change of leadership since
   * genesis and never falls, so that a place that was signed once is never come by again, whatever L1 takes back.
   */
  readonly terms: { readonly epoch: bigint; readonly before: number }
  /** eMETIS: its holders' METIS is the stake of one of the sequencers, whose rewards raise the rate and whose faults lower it. */
  readonly lst: Liquid
}

export type PoolGenesis = {
  domain: SequencerDomain
  timestamp: bigint
  /** Randomness of the L1 genesis block. */
  prevRandao: Hash
  operator: Address
  sequencers: readonly { owner: Address; signer: Address; amountWei: bigint }[]
  /** Who holds eMETIS from the start; the last sequencer's seat is theirs. */
  holder: Address
}

/** The pool of a new chain: every sequencer locked, the reward budget funded, the first epoch elected. */
export function createControlPlane(genesis: PoolGenesis): ControlPlane {
  const { domain, operator, sequencers } = genesis
  const atSeconds = genesis.timestamp
  let pool = createPool({ admin: operator, lookaheadEpochs, blockIntervalMs: 1000, maxSeats: 64, windows }, atSeconds)
  const apply = (command: PoolCommand): void => {
    pool = applyPool(pool, command).state
  }
  apply({ type: 'fund', by: operator, atSeconds, amountWei: 3_000_000n * metis })
  for (const { owner, signer, amountWei } of sequencers) {
    apply({ type: 'setWhitelist', by: operator, atSeconds, owner, allowed: true })
    apply({ type: 'lock', by: owner, atSeconds, signer, amountWei })
  }
  for (let epoch = 1n; epoch <= firstEpoch; epoch++) apply({ type: 'advanceEpoch', by: operator, atSeconds, epoch })
  const { seed } = epochSeed({
    chainId: domain.chainId,
    epoch: firstEpoch,
    previousSeed: `0x${'00'.repeat(32)}`,
    entropy: { parts: [hexToBytes(genesis.prevRandao)!], missing: [] },
  })
  const empty = createSchedule({ firstHeight: 1n, firstEpoch, slotBlocks, slotsPerEpoch })
  const schedule = planEpoch(empty, { epoch: firstEpoch, seed, candidates: electionWeights(pool, firstEpoch) })

  const seat = sequencers.length
  const nowSeconds = genesis.timestamp
  // Epochs of seconds earn in bursts: the yearly limit of a report is far above what days could bring.
  const limits = { ...presets.enki.sdk.limits, annualIncreaseBps: 10_000n }
  let lst = createLiquid({ preset: 'enki', profile: 'sdk', nowSeconds, entrySeconds: 0n, limits })
  lst = applyLiquid(lst, { type: 'registerSeat', seat }).state
  const staked = sequencers.at(-1)!.amountWei
  lst = applyLiquid(lst, { type: 'deposit', account: genesis.holder, assets: assets(staked), nowSeconds }).state
  lst = applyLiquid(lst, { type: 'allocate', nowSeconds }).state
  return { domain, operator, pool, schedule, seed, epochs: [], terms: { epoch: firstEpoch, before: 0 }, lst }
}

/** Who must not lead although elected: the fault came after the weights were frozen. */
export const isBarred =
  (pool: PoolState) =>
  (id: number): boolean =>
    (pool.sequencers.get(id)?.jailedUntilSeconds ?? 0n) !== 0n

/**
 * Folds one block: evidence in it is judged, cases that are due are executed, its signer earns the block's reward, and the first block of an epoch elects
 * the next one with randomness that nobody knew when the weights were frozen.
 */
export function applyBlock(
  state: ControlPlane,
  block: ControlBlock,
): { state: ControlPlane; events: SequencerPoolEvent[] } {
  const { domain, operator } = state
  const atSeconds = block.timestamp > state.pool.atSeconds ? block.timestamp : state.pool.atSeconds
  let { pool, schedule, seed, epochs, lst } = state
  const events: SequencerPoolEvent[] = []
  const apply = (command: PoolCommand): void => {
    const next = applyPool(pool, command)
    pool = next.state
    events.push(...next.events)
  }

  const slot = slotOf(schedule, block.height)
  if (slot !== undefined && slot.slot === 0 && slot.start === block.height) {
    if (slot.epoch > pool.epoch) apply({ type: 'advanceEpoch', by: operator, atSeconds, epoch: slot.epoch })
    // Those whose faults can still be brought forward: a span of time, whatever the length of an epoch.
    const kept = epochs.filter(({ startAtSeconds }) => startAtSeconds >= atSeconds - windows.evidenceMaxAgeSeconds)
    epochs = [...kept, { epoch: slot.epoch, startAtSeconds: atSeconds, startHeight: slot.start }]
    lst = report(lst, atSeconds)
    const epoch = slot.epoch + 1n
    seed = epochSeed({
      chainId: domain.chainId,
      epoch,
      previousSeed: seed,
      entropy: { parts: [hexToBytes(block.prevRandao)!], missing: [] },
    }).seed
    schedule = planEpoch(schedule, { epoch, seed, candidates: electionWeights(pool, epoch) })
  }
  const terms = slot === undefined ? state.terms : { epoch: slot.epoch, before: termsBefore(state, slot.epoch) }
  // Terms that a control chain counts are none of this schedule.
  if (block.signer === undefined) schedule = advanceTerm(schedule, pool, block.height, block.term - terms.before)
  const signer = block.signer ?? leaderAt(schedule, block.height)?.sequencer
  if (signer !== undefined) apply({ type: 'accrueBlock', by: operator, atSeconds, height: block.height, signer })

  for (const json of block.evidence) {
    const verdict = verifyBundle(json, evidenceContext({ ...state, pool, epochs }))
    if (!verdict.ok) continue
    try {
      apply({ type: 'admitOffence', by: operator, atSeconds, offence: verdict.offence })
    } catch (error) {
      // Proven, and still outside what the pool may act on: it stays without consequence.
      if (!isL2Error(error)) throw error
    }
  }
  for (const [evidenceId, open] of pool.cases) {
    if (open.status === 'pending' && open.executableAtSeconds <= atSeconds)
      apply({ type: 'executeCase', by: operator, atSeconds, evidenceId })
  }
  for (const event of events) lst = applyLiquid(lst, { type: 'feed', sequence: lst.feedCursor + 1n, event }).state
  return { state: { domain, operator, pool, schedule, seed, epochs, terms, lst }, events }
}

/** Terms that were over when an epoch began: those before the present one, and the re-selections of each since. */
function termsBefore({ schedule, terms }: Pick<ControlPlane, 'schedule' | 'terms'>, epoch: bigint): number {
  return schedule.plans
    .filter(plan => plan.epoch >= terms.epoch && plan.epoch < epoch)
    .reduce((sum, { changes }) => sum + (changes.at(-1)?.term ?? 0), terms.before)
}

/** Who leads at a height, and for which term the header is signed. */
export function leaderOf(control: Pick<ControlPlane, 'schedule' | 'terms'>, height: bigint): SlotLeader | undefined {
  const leader = leaderAt(control.schedule, height)
  return leader === undefined ? undefined : { ...leader, term: leader.term + termsBefore(control, leader.epoch) }
}

/** Who signed a header of a term: the leader of its height once as many had been passed over as the term says. */
export function signerAt(control: ControlPlane, height: bigint, term: number): SlotLeader | undefined {
  const slot = slotOf(control.schedule, height)
  if (slot === undefined) return undefined
  const passed = term - termsBefore(control, slot.epoch)
  return leaderOf({ ...control, schedule: advanceTerm(control.schedule, control.pool, height, passed) }, height)
}

/** Begins a higher term with the leader of a height left as it is: what L1 took back is nobody's fault, and is not signed for again. */
export function beginTerm(control: ControlPlane, height: bigint, term: number): ControlPlane {
  const now = leaderOf(control, height)?.term ?? 0
  const { epoch, before } = control.terms
  return now >= term ? control : { ...control, terms: { epoch, before: before + term - now } }
}

/** The schedule once its leader at a height has been passed over as often as `term` says. */
export function advanceTerm(schedule: Schedule, pool: PoolState, height: bigint, term: number): Schedule {
  for (;;) {
    const leader = leaderAt(schedule, height)
    if (leader === undefined || leader.term >= term) return schedule
    schedule = reselect(schedule, { height, term: leader.term + 1, barred: isBarred(pool) })
  }
}

/** Everything a verdict depends on, from this chain's own state. */
export function evidenceContext(state: Pick<ControlPlane, 'domain' | 'pool' | 'epochs'>): EvidenceContext {
  const { evidenceMaxAgeSeconds } = windows
  return {
    ...evidenceContextOf(state.pool),
    domain: state.domain,
    epochs: state.epochs,
    policy: { ...defaultEvidencePolicy, evidenceMaxAgeSeconds },
  }
}

/** Books the epoch's rewards into the rate; a report that comes too early or moves too much is refused, and the next one takes it up. */
function report(lst: Liquid, nowSeconds: bigint): Liquid {
  try {
    return applyLiquid(lst, { type: 'report', nowSeconds }).state
  } catch (error) {
    if (!isL2Error(error)) throw error
    return lst
  }
}
