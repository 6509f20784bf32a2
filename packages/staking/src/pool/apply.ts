import { OrderedMap } from '@l2/common'
import { claimDelegation, claimDelegationRewards, delegate, undelegate } from '../delegation/delegation.js'
import { refuse, StakingError } from '../errors.js'
import { toAddress } from '../internal/address.js'
import { isSeconds } from '../internal/seconds.js'
import { Timeline } from '../internal/timeline.js'
import { accrueBlock, submitRewards } from '../rewards/accrue.js'
import { rewardPerBlockFor } from '../rewards/rate.js'
import { admitOffence, executeCase, pauseCase, unjail, vetoCase } from '../slashing/cases.js'
import { commitReport, revealReport } from '../slashing/reports.js'
import type { PoolCommand, PoolResult, SequencerPoolEvent } from './commands.js'
import { setCommission, stepCommissions } from './commission.js'
import { type PoolOptions, parsePoolConfig, rememberedSeconds } from './config.js'
import { type Draft, noted, only, openDraft, sealDraft } from './draft.js'
import { setLiquidAccount } from './liquid-cap.js'
import {
  claim,
  declareMaintenance,
  forceUnlock,
  fund,
  leaveQueue,
  lock,
  relock,
  setOwner,
  setPaused,
  setRewardRecipient,
  setWatcher,
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
export function createPool(options: PoolOptions, atSeconds = 0n): PoolState {
  if (!isSeconds(atSeconds)) {
    throw new StakingError(`"at" expected seconds, a bigint of 0 or more, got ${String(atSeconds)}`, {
      code: 'CONFIG_INVALID',
    })
  }
  return {
    profile: 'safe',
    config: parsePoolConfig(options),
    atSeconds,
    epoch: 0n,
    epochStarts: Timeline.of([{ epoch: 0n, atSeconds }]),
    paused: false,
    rewardPerBlockWei: 0n,
    rates: Timeline.of(),
    rewardBatch: { id: 0n, endEpoch: -1n },
    lastPaidHeight: -1n,
    lastPaidEpoch: 0n,
    nextId: 1,
    seats: 0,
    activeWei: 0n,
    jailedWei: 0n,
    totals: Timeline.of(),
    ledger: { depositedWei: 0n, fundedWei: 0n, budgetWei: 0n, burntWei: 0n, treasuryWei: 0n, paidOutWei: 0n },
    whitelist: OrderedMap.from(),
    sequencers: OrderedMap.from(),
    owners: OrderedMap.from(),
    signers: OrderedMap.from(),
    queue: [],
    delegations: OrderedMap.from(),
    cases: OrderedMap.from(),
    recentSafety: [],
    watchers: OrderedMap.from(),
    reports: [],
    reportCount: 0,
    commissionPlans: [],
    liquidAccounts: OrderedMap.from(),
  }
}

/**
 * Moves to the next epoch, with its reward per block and the commissions that are due; weights of the epoch that ended
 * are frozen by it.
 */
function advanceEpoch(draft: Draft, command: Extract<PoolCommand, { type: 'advanceEpoch' }>): void {
  only(draft, draft.config.operator, 'operator')
  if (command.epoch !== draft.epoch + 1n) {
    refuse('EPOCH_INVALID', `epoch expected ${draft.epoch + 1n}, got ${command.epoch}`, { epoch: command.epoch })
  }
  draft.epoch = command.epoch
  draft.epochStarts = epochStarts(draft)
  const { targetRateBps, blockIntervalMs } = draft.config
  const wei = rewardPerBlockFor({ stakedWei: draft.activeWei, rateBps: targetRateBps, blockIntervalMs })
  if (wei !== draft.rewardPerBlockWei) {
    draft.rewardPerBlockWei = wei
    draft.rates = noted(draft, draft.rates, { epoch: draft.epoch, wei })
  }
  draft.events.push({ type: 'EpochAdvanced', epoch: draft.epoch, rewardPerBlockWei: wei })
  stepCommissions(draft)
}

/** Entries that are kept of the times when epochs began: how finely what is forgotten is told apart. */
const startsKept = 1024n

/**
 * The start of this epoch beside those still asked for. What is remembered is a span of time, however short the epochs
 * are.
 */
function epochStarts(draft: Draft): PoolState['epochStarts'] {
  const remembered = rememberedSeconds(draft.config.windows)
  const kept = draft.epochStarts.forget(next => next.atSeconds <= draft.atSeconds - remembered)
  if ((draft.atSeconds - kept.newest!.atSeconds) * startsKept < remembered) return kept
  return kept.add({ epoch: draft.epoch, atSeconds: draft.atSeconds })
}

type Handlers = {
  [Type in PoolCommand['type']]: (
    draft: Draft,
    command: Extract<PoolCommand, { type: Type }>,
  ) => PoolResult<Type> extends null ? void : PoolResult<Type>
}

const handlers: Handlers = {
  setWhitelist,
  setWatcher,
  setLiquidAccount,
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
 * pool = applyPool(pool, { type: 'setWhitelist', by: admin, atSeconds: 1n, owner, allowed: true }).state
 * const { state, events, result } = applyPool(pool, {
 *   type: 'lock', by: owner, atSeconds: 2n, signer: `0x${'02'.repeat(20)}`, amountWei: 20_000n * 10n ** 18n,
 * })
 * console.log(result, events[0]?.type, state.activeWei) // 1 Locked 20000000000000000000000n
 * ```
 */
export function applyPool<const Command extends PoolCommand>(
  state: PoolState,
  command: Command,
): { state: PoolState; events: SequencerPoolEvent[]; result: PoolResult<Command['type']> } {
  const handler = Object.hasOwn(handlers, command.type) ? handlers[command.type] : undefined
  if (handler === undefined) refuse('INPUT_INVALID', 'no such command', { type: String(command.type).slice(0, 40) })
  if (!isSeconds(command.atSeconds) || command.atSeconds < state.atSeconds) {
    refuse('TIME_REVERSED', `time expected at least ${state.atSeconds}, got ${command.atSeconds}`, {
      atSeconds: command.atSeconds,
      last: state.atSeconds,
    })
  }
  const draft = openDraft(state, command.atSeconds, toAddress(command.by, 'by'))
  const result = (handler as (draft: Draft, command: PoolCommand) => unknown)(draft, command) ?? null
  return { state: sealDraft(draft), events: draft.events, result: result as PoolResult<Command['type']> }
}
