import { claimDelegation, claimDelegationRewards, delegate, undelegate } from '../delegation/delegation.js'
import { refuse } from '../errors.js'
import { toAddress } from '../internal/address.js'
import { PersistentMap } from '../internal/persistent-map.js'
import { accrueBlock, submitRewards } from '../rewards/accrue.js'
import { rewardPerBlockFor } from '../rewards/rate.js'
import {
  admitOffence,
  commitReport,
  executeCase,
  pauseCase,
  revealReport,
  unjail,
  vetoCase,
} from '../slashing/cases.js'
import type { PoolCommand, PoolEvent } from './commands.js'
import { type PoolOptions, parsePoolConfig } from './config.js'
import { type Draft, only } from './draft.js'
import {
  claim,
  declareMaintenance,
  forceUnlock,
  fund,
  leaveQueue,
  lock,
  relock,
  setCommission,
  setOwner,
  setPaused,
  setRewardRecipient,
  setWhitelist,
  unlock,
  updateSigner,
  withdraw,
  withdrawRewards,
} from './seats.js'
import type { PoolState } from './types.js'

/**
 * An empty pool of the `safe` profile.
 *
 * @param at Seconds since the Unix epoch from which commands may date. Default 0.
 * @throws StakingError `CONFIG_INVALID` with every field and inequality that fails
 */
export function createPool(options: PoolOptions, at = 0): PoolState {
  return {
    profile: 'safe',
    config: parsePoolConfig(options),
    at,
    epoch: 0n,
    paused: false,
    rewardPerBlockWei: 0n,
    rewardBatch: { id: 0n, endEpoch: -1n },
    lastPaidHeight: -1n,
    nextId: 1,
    seats: 0,
    activeWei: 0n,
    jailedWei: 0n,
    totals: [],
    ledger: { depositedWei: 0n, fundedWei: 0n, budgetWei: 0n, burntWei: 0n, treasuryWei: 0n, paidOutWei: 0n },
    whitelist: PersistentMap.of(),
    sequencers: PersistentMap.of(),
    owners: PersistentMap.of(),
    signers: PersistentMap.of(),
    queue: [],
    delegations: PersistentMap.of(),
    cases: PersistentMap.of(),
    recentSafety: [],
    reports: PersistentMap.of(),
    reportCount: 0,
  }
}

/** Moves to the next epoch and sets its reward per block; weights of the epoch that ended are frozen by it. */
function advanceEpoch(draft: Draft, command: Extract<PoolCommand, { type: 'advanceEpoch' }>): void {
  only(draft, draft.config.operator, 'operator')
  if (command.epoch !== draft.epoch + 1n) {
    refuse('EPOCH_INVALID', `epoch expected ${draft.epoch + 1n}, got ${command.epoch}`, { epoch: command.epoch })
  }
  draft.epoch = command.epoch
  const { targetRateBps, blockIntervalMs } = draft.config
  draft.rewardPerBlockWei = rewardPerBlockFor({ stakedWei: draft.activeWei, rateBps: targetRateBps, blockIntervalMs })
  draft.events.push({ type: 'EpochAdvanced', epoch: draft.epoch, rewardPerBlockWei: draft.rewardPerBlockWei })
}

type Handlers = { [Type in PoolCommand['type']]: (draft: Draft, command: Extract<PoolCommand, { type: Type }>) => void }

const handlers: Handlers = {
  setWhitelist,
  setPaused,
  fund,
  lock,
  leaveQueue,
  relock,
  withdraw,
  withdrawRewards,
  unlock,
  forceUnlock,
  claim,
  updateSigner,
  setOwner,
  setRewardRecipient,
  setCommission,
  declareMaintenance,
  advanceEpoch,
  accrueBlock,
  submitRewards,
  delegate,
  undelegate,
  claimDelegation,
  claimDelegationRewards,
  admitOffence,
  commitReport,
  revealReport,
  executeCase,
  vetoCase,
  pauseCase,
  unjail,
}

/**
 * One step of the pool. Pure: the given state is never changed, and an error leaves it the only one there is.
 *
 * @throws StakingError with the code of the guard that failed
 *
 * @example
 * ```ts
 * import { applyPool, createPool } from '@l2/staking'
 *
 * const admin = `0x${'aa'.repeat(20)}` as const
 * const owner = `0x${'01'.repeat(20)}` as const
 * let pool = createPool({ admin })
 * pool = applyPool(pool, { type: 'setWhitelist', by: admin, at: 1, owner, allowed: true }).state
 * const { state, events } = applyPool(pool, {
 *   type: 'lock', by: owner, at: 2, signer: `0x${'02'.repeat(20)}`, amountWei: 20_000n * 10n ** 18n,
 * })
 * console.log(events[0]?.type, state.activeWei) // Locked 20000000000000000000000n
 * ```
 */
export function applyPool(state: PoolState, command: PoolCommand): { state: PoolState; events: PoolEvent[] } {
  const handler = Object.hasOwn(handlers, command.type) ? handlers[command.type] : undefined
  if (handler === undefined) refuse('INPUT_INVALID', 'no such command', { type: String(command.type).slice(0, 40) })
  if (!Number.isSafeInteger(command.at) || command.at < state.at) {
    refuse('TIME_REVERSED', `time expected at least ${state.at}, got ${command.at}`, { at: command.at, last: state.at })
  }
  const events: PoolEvent[] = []
  const draft: Draft = { ...state, at: command.at, events, by: toAddress(command.by, 'by') }
  ;(handler as (draft: Draft, command: PoolCommand) => void)(draft, command)
  return { state: seal(draft), events }
}

/** The draft without what only the command needed. Field by field: it is the hot path, and a rest copy costs as much as the command. */
function seal(draft: Draft): PoolState {
  return {
    profile: draft.profile,
    config: draft.config,
    at: draft.at,
    epoch: draft.epoch,
    paused: draft.paused,
    rewardPerBlockWei: draft.rewardPerBlockWei,
    rewardBatch: draft.rewardBatch,
    lastPaidHeight: draft.lastPaidHeight,
    nextId: draft.nextId,
    seats: draft.seats,
    activeWei: draft.activeWei,
    jailedWei: draft.jailedWei,
    totals: draft.totals,
    ledger: draft.ledger,
    whitelist: draft.whitelist,
    sequencers: draft.sequencers,
    owners: draft.owners,
    signers: draft.signers,
    queue: draft.queue,
    delegations: draft.delegations,
    cases: draft.cases,
    recentSafety: draft.recentSafety,
    reports: draft.reports,
    reportCount: draft.reportCount,
  }
}
