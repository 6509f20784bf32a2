import { hexToBytes, isL2Error } from '@l2/common'
import { applyLiquid, assets, createLiquid, type Liquid, presets } from '@l2/lst'
import {
  applyPool,
  createPool,
  createSchedule,
  electionWeights,
  epochSeed,
  leaderAt,
  type PoolCommand,
  type PoolEvent,
  type PoolState,
  planEpoch,
  reselect,
  type Schedule,
  slotOf,
} from '@l2/staking'
import type { Address, Hash, Hex } from 'viem'

const metis = 10n ** 18n

/** Blocks of one leader's turn, and turns of an epoch: short, so that a minute shows several elections. */
const slotBlocks = 5n
const slotsPerEpoch = 4
/** Weights are frozen this many epochs before they count; the first election is that of epoch L + 1. */
const lookaheadEpochs = 2
const firstEpoch = BigInt(lookaheadEpochs + 1)

/** What the control plane reads of a block. */
export type ControlBlock = {
  height: bigint
  /** Seconds. */
  timestamp: bigint
  prevRandao: Hash
  signer: Address
}

/**
 * Stake, election and rewards, as a fold over the rollup's own blocks: the same blocks give the same pool on every node and after
 * every restart, so nothing of it is stored.
 */
export type ControlPlane = {
  readonly chainId: bigint
  readonly operator: Address
  readonly pool: PoolState
  readonly schedule: Schedule
  readonly seed: Hex
  /** eMETIS: its holders' METIS is the stake of one of the sequencers, whose rewards raise the rate. */
  readonly lst: Liquid
}

type Genesis = {
  chainId: bigint
  timestamp: bigint
  /** Randomness of the L1 genesis block. */
  prevRandao: Hash
  operator: Address
  sequencers: readonly { owner: Address; signer: Address; amountWei: bigint }[]
  /** Who holds eMETIS from the start; the last sequencer's seat is theirs. */
  holder: Address
}

/** The pool of a new chain: every sequencer locked, the reward budget funded, the first epoch elected. */
export function createControlPlane(genesis: Genesis): ControlPlane {
  const { chainId, operator, sequencers } = genesis
  const at = Number(genesis.timestamp)
  let pool = createPool({ admin: operator, lookaheadEpochs, blockIntervalMs: 1000, maxSeats: 16 }, at)
  const apply = (command: PoolCommand): void => {
    pool = applyPool(pool, command).state
  }
  apply({ type: 'fund', by: operator, at, amountWei: 3_000_000n * metis })
  for (const { owner, signer, amountWei } of sequencers) {
    apply({ type: 'setWhitelist', by: operator, at, owner, allowed: true })
    apply({ type: 'lock', by: owner, at, signer, amountWei })
  }
  for (let epoch = 1n; epoch <= firstEpoch; epoch++) apply({ type: 'advanceEpoch', by: operator, at, epoch })
  const { seed } = epochSeed({
    chainId,
    epoch: firstEpoch,
    previousSeed: `0x${'00'.repeat(32)}`,
    entropy: { parts: [hexToBytes(genesis.prevRandao)!], missing: [] },
  })
  const empty = createSchedule({ firstHeight: 1n, firstEpoch, slotBlocks, slotsPerEpoch })
  const schedule = planEpoch(empty, { epoch: firstEpoch, seed, candidates: electionWeights(pool, firstEpoch) })
  const seat = String(sequencers.length)
  const now = genesis.timestamp
  // Epochs of seconds earn in bursts: the yearly limit of a report is far above what days could bring.
  const limits = { ...presets.enki.sdk.limits, annualIncreaseBps: 10_000n }
  let lst = createLiquid({ preset: 'enki', profile: 'sdk', now, entrySeconds: 0n, limits })
  lst = applyLiquid(lst, { op: 'registerSeat', seat }).state
  const staked = sequencers.at(-1)!.amountWei
  lst = applyLiquid(lst, { op: 'deposit', account: genesis.holder, assets: assets(staked), now }).state
  lst = applyLiquid(lst, { op: 'allocate', now }).state
  return { chainId, operator, pool, schedule, seed, lst }
}

/**
 * Folds one block: its signer earns the block's reward, and the first block of an epoch elects the next one with randomness that nobody
 * knew when the weights were frozen.
 */
export function applyBlock(state: ControlPlane, block: ControlBlock): { state: ControlPlane; events: PoolEvent[] } {
  const { chainId, operator } = state
  const at = Math.max(Number(block.timestamp), state.pool.at)
  let { pool, schedule, seed, lst } = state
  const events: PoolEvent[] = []
  const apply = (command: PoolCommand): void => {
    const next = applyPool(pool, command)
    pool = next.state
    events.push(...next.events)
  }
  const slot = slotOf(schedule, block.height)
  if (slot !== undefined && slot.slot === 0 && slot.start === block.height) {
    if (slot.epoch > pool.epoch) apply({ type: 'advanceEpoch', by: operator, at, epoch: slot.epoch })
    lst = report(lst, BigInt(at))
    const epoch = slot.epoch + 1n
    seed = epochSeed({
      chainId,
      epoch,
      previousSeed: seed,
      entropy: { parts: [hexToBytes(block.prevRandao)!], missing: [] },
    }).seed
    schedule = planEpoch(schedule, { epoch, seed, candidates: electionWeights(pool, epoch) })
  }
  // The term a header was signed in says whether the slot's first leader was passed over.
  const leader = leaderAt(schedule, block.height)
  if (leader !== undefined && leader.sequencer !== block.signer.toLowerCase()) {
    schedule = reselect(schedule, { height: block.height, term: leader.term + 1 })
  }
  apply({ type: 'accrueBlock', by: operator, at, height: block.height, signer: block.signer })
  for (const event of events) lst = applyLiquid(lst, { op: 'feed', sequence: lst.feedCursor + 1n, event }).state
  return { state: { chainId, operator, pool, schedule, seed, lst }, events }
}

/** Books the epoch's rewards into the rate; a report that comes too early or moves too much is refused, and the next one takes it up. */
function report(lst: Liquid, now: bigint): Liquid {
  try {
    return applyLiquid(lst, { op: 'report', now }).state
  } catch (error) {
    if (!isL2Error(error)) throw error
    return lst
  }
}
