import type { Address, Hex } from 'viem'
import { refuse } from '../errors.js'
import { addressOfPubkey, notZero } from '../internal/address.js'
import { Timeline } from '../internal/timeline.js'
import { addBond, takeYoungest } from '../stake/bonds.js'
import { noDelegations } from '../stake/delegated.js'
import type { PoolCommand } from './commands.js'
import { requireCommission } from './commission.js'
import {
  book,
  type Draft,
  find,
  joined,
  notFrozen,
  notPaused,
  only,
  owned,
  put,
  requireAmount,
  requireStatus,
} from './draft.js'
import { requireLiquidCap } from './liquid-cap.js'
import { horizonOf } from './sequencer.js'
import type { Sequencer } from './types.js'

type Command<Type extends PoolCommand['type']> = Extract<PoolCommand, { type: Type }>

const unbounded = 2n ** 128n

/** The signer's address, checked against its public key when one is given. */
function signerOf(value: Address, pubkey: Hex | undefined): Address {
  const signer = notZero(value, 'signer')
  if (pubkey !== undefined && addressOfPubkey(pubkey) !== signer) {
    refuse('PUBKEY_INVALID', 'pubkey expected the 64 bytes of the signer’s key', { signer })
  }
  return signer
}

/** Keys and weights that change now count from here on: the first epoch whose weights are not frozen yet. */
export function electableFrom(draft: { epoch: bigint; config: { lookaheadEpochs: number } }): bigint {
  return draft.epoch + BigInt(draft.config.lookaheadEpochs) + 1n
}

export function setWhitelist(draft: Draft, command: Command<'setWhitelist'>): void {
  only(draft, draft.config.admin, 'admin')
  const owner = notZero(command.owner, 'owner')
  draft.whitelist = command.allowed ? draft.whitelist.set(owner, true) : draft.whitelist.delete(owner)
  draft.events.push({ type: 'WhitelistSet', owner, allowed: command.allowed })
}

export function setWatcher(draft: Draft, command: Command<'setWatcher'>): void {
  only(draft, draft.config.admin, 'admin')
  const watcher = notZero(command.watcher, 'watcher')
  draft.watchers = command.allowed ? draft.watchers.set(watcher, true) : draft.watchers.delete(watcher)
  draft.events.push({ type: 'WatcherSet', watcher, allowed: command.allowed })
}

export function setPaused(draft: Draft, command: Command<'setPaused'>): void {
  only(draft, draft.config.admin, 'admin')
  draft.paused = command.paused
  draft.events.push({ type: 'PausedSet', paused: command.paused })
}

export function lock(draft: Draft, command: Command<'lock'>): number {
  const { config } = draft
  notPaused(draft)
  if (!draft.whitelist.has(draft.by)) refuse('NOT_WHITELISTED', 'the owner has no seat permit', { owner: draft.by })
  const signer = signerOf(command.signer, command.pubkey)
  if (draft.owners.has(draft.by)) {
    refuse('OWNER_HAS_SEAT', 'one seat per owner', { owner: draft.by, id: draft.owners.get(draft.by) })
  }
  if (draft.signers.has(signer)) refuse('SIGNER_USED', 'the signer has been used before', { signer })
  requireAmount(command.amountWei, config.minLockWei, config.maxLockWei, 'amountWei')
  const commissionBps = command.commissionBps ?? 0
  requireCommission(draft, commissionBps)
  requireLiquidCap(draft, draft.by, command.amountWei)
  const recipient =
    command.rewardRecipient === undefined ? undefined : notZero(command.rewardRecipient, 'rewardRecipient')
  const id = draft.nextId
  draft.nextId = id + 1
  draft.owners = draft.owners.set(draft.by, id)
  draft.signers = draft.signers.set(signer, id)
  book(draft, { depositedWei: command.amountWei })
  const sequencer: Sequencer = {
    id,
    owner: draft.by,
    rewardRecipient: recipient,
    status: 'queued',
    amountWei: command.amountWei,
    bonds: addBond([], draft.epoch, command.amountWei),
    rewardWei: 0n,
    unlocking: [],
    nonce: 1n,
    keys: [{ signer, fromEpoch: electableFrom(draft) }],
    activationEpoch: electableFrom(draft),
    history: Timeline.of(),
    commissions: [{ bps: commissionBps, fromEpoch: draft.epoch }],
    delegated: noDelegations,
    jailedUntilSeconds: 0n,
    strikes: 0,
    lastStrikeAtSeconds: 0n,
    tombstoned: false,
    caseIds: [],
    openCases: 0,
    maintenance: [],
  }
  if (draft.seats < config.maxSeats) {
    seat(draft, sequencer)
  } else {
    put(draft, sequencer)
    draft.queue = [...draft.queue, id]
    draft.events.push({
      type: 'Queued',
      id,
      owner: draft.by,
      amountWei: command.amountWei,
      position: draft.queue.length,
    })
  }
  return id
}

function seat(draft: Draft, sequencer: Sequencer): void {
  const fromEpoch = electableFrom(draft)
  const keys = [...sequencer.keys]
  const signer = keys.pop()!.signer
  put(draft, {
    ...sequencer,
    status: 'active',
    // What waited for the seat had nothing to answer for: it is at stake from now on.
    bonds: addBond([], draft.epoch, sequencer.amountWei),
    keys: [...keys, { signer, fromEpoch }],
    activationEpoch: fromEpoch,
  })
  draft.seats++
  const { id, owner, amountWei } = sequencer
  draft.events.push({ type: 'Locked', id, owner, signer, amountWei, electableFromEpoch: fromEpoch })
}

/** Gives free seats to those who wait, in order. */
function fillSeats(draft: Draft): void {
  while (draft.seats < draft.config.maxSeats && draft.queue.length > 0) {
    const [id, ...rest] = draft.queue
    draft.queue = rest
    seat(draft, find(draft, id!))
  }
}

export function leaveQueue(draft: Draft, command: Command<'leaveQueue'>): bigint {
  const sequencer = owned(draft, command.id)
  requireStatus(sequencer, 'queued')
  const { amountWei, owner, id } = sequencer
  draft.queue = draft.queue.filter(waiting => waiting !== id)
  draft.owners = draft.owners.delete(owner)
  put(draft, { ...sequencer, status: 'exited', amountWei: 0n, bonds: [], nonce: sequencer.nonce + 1n })
  book(draft, { paidOutWei: amountWei })
  draft.events.push({ type: 'QueueLeft', id, owner, amountWei })
  return amountWei
}

export function relock(draft: Draft, command: Command<'relock'>): void {
  notPaused(draft)
  const sequencer = joined(draft, owned(draft, command.id))
  requireStatus(sequencer, 'active', 'queued')
  if (typeof command.amountWei !== 'bigint' || command.amountWei < 0n) {
    requireAmount(command.amountWei, 0n, draft.config.maxLockWei, 'amountWei')
  }
  const fromRewardWei = command.lockReward ? sequencer.rewardWei : 0n
  const added = command.amountWei + fromRewardWei
  const room = draft.config.maxLockWei - sequencer.amountWei - sequencer.delegated.wei
  requireAmount(added, 1n, room, 'amountWei')
  requireLiquidCap(draft, sequencer.owner, added)
  book(draft, { depositedWei: command.amountWei })
  put(draft, {
    ...sequencer,
    amountWei: sequencer.amountWei + added,
    bonds: addBond(sequencer.bonds, draft.epoch, added),
    rewardWei: sequencer.rewardWei - fromRewardWei,
    nonce: sequencer.nonce + 1n,
  })
  draft.events.push({ type: 'Relocked', id: sequencer.id, amountWei: added, fromRewardWei })
}

export function withdraw(draft: Draft, command: Command<'withdraw'>): void {
  const sequencer = owned(draft, command.id)
  requireStatus(sequencer, 'active')
  const most = sequencer.amountWei - draft.config.minLockWei
  requireAmount(command.amountWei, 1n, most > 0n ? most : 0n, 'amountWei')
  // Sixteen withdrawals on their way are enough for anybody, and bound what a slash has to walk.
  if (sequencer.unlocking.length >= 16) {
    refuse('SEQUENCER_STATUS', 'claim earlier withdrawals first', { id: sequencer.id, status: sequencer.status })
  }
  startUnlock(draft, sequencer, command.amountWei, false)
}

/**
 * Moves own stake to the way out. Until it is claimed it answers for the time before; what is left, for the time after.
 */
function startUnlock(draft: Draft, from: Sequencer, amountWei: bigint, forced: boolean): void {
  const sequencer = joined(draft, from)
  const whole = amountWei === sequencer.amountWei
  const claimableAtSeconds = draft.atSeconds + draft.config.windows.exitDelaySeconds
  const { left, taken } = takeYoungest(sequencer.bonds, amountWei)
  const entry = { amountWei, initialWei: amountWei, bonds: taken, startedEpoch: draft.epoch, claimableAtSeconds }
  put(draft, {
    ...sequencer,
    status: whole ? 'exiting' : sequencer.status,
    amountWei: sequencer.amountWei - amountWei,
    bonds: left,
    unlocking: [...sequencer.unlocking, entry],
    nonce: sequencer.nonce + 1n,
  })
  if (whole) draft.seats--
  draft.events.push({ type: 'UnlockStarted', id: sequencer.id, amountWei, claimableAtSeconds, forced, whole })
  if (whole) fillSeats(draft)
}

export function unlock(draft: Draft, command: Command<'unlock'>): void {
  const sequencer = owned(draft, command.id)
  requireStatus(sequencer, 'active')
  startUnlock(draft, sequencer, sequencer.amountWei, false)
}

export function forceUnlock(draft: Draft, command: Command<'forceUnlock'>): void {
  only(draft, draft.config.admin, 'admin')
  eject(draft, find(draft, command.id))
}

/** Ends a seat whatever its owner wants: the stake goes the way of every exit. */
export function eject(draft: Draft, sequencer: Sequencer): void {
  requireStatus(sequencer, 'active')
  startUnlock(draft, sequencer, sequencer.amountWei, true)
}

export function claim(draft: Draft, command: Command<'claim'>): bigint {
  const sequencer = owned(draft, command.id)
  notFrozen(draft, sequencer)
  const rest = sequencer.unlocking.filter(entry => entry.claimableAtSeconds > draft.atSeconds)
  if (rest.length === sequencer.unlocking.length) {
    refuse('NOTHING_TO_CLAIM', 'nothing has become claimable', {
      id: sequencer.id,
      nextAt: sequencer.unlocking[0]?.claimableAtSeconds,
    })
  }
  let amountWei = 0n
  let unlockedWei = 0n
  for (const entry of sequencer.unlocking) {
    if (entry.claimableAtSeconds > draft.atSeconds) continue
    amountWei += entry.amountWei
    unlockedWei += entry.initialWei
  }
  const gone = sequencer.status === 'exiting' && rest.length === 0
  put(draft, {
    ...sequencer,
    unlocking: rest,
    status: gone ? 'exited' : sequencer.status,
    rewardWei: gone ? 0n : sequencer.rewardWei,
    nonce: sequencer.nonce + 1n,
  })
  book(draft, { paidOutWei: amountWei })
  draft.events.push({ type: 'StakePaid', id: sequencer.id, to: sequencer.owner, amountWei, unlockedWei, whole: gone })
  if (gone) {
    draft.owners = draft.owners.delete(sequencer.owner)
    if (sequencer.rewardWei > 0n) payRewards(draft, sequencer)
  }
  return amountWei
}

function payRewards(draft: Draft, sequencer: Sequencer): void {
  const { id, rewardWei: amountWei } = sequencer
  book(draft, { paidOutWei: amountWei })
  draft.events.push({ type: 'RewardsPaid', id, to: sequencer.rewardRecipient ?? sequencer.owner, amountWei })
}

export function withdrawRewards(draft: Draft, command: Command<'withdrawRewards'>): bigint {
  const sequencer = owned(draft, command.id)
  if (sequencer.rewardWei === 0n) refuse('NOTHING_TO_CLAIM', 'no rewards', { id: sequencer.id })
  put(draft, { ...sequencer, rewardWei: 0n })
  payRewards(draft, sequencer)
  return sequencer.rewardWei
}

export function updateSigner(draft: Draft, command: Command<'updateSigner'>): void {
  const sequencer = find(draft, command.id)
  const current = sequencer.keys[sequencer.keys.length - 1]!
  if (draft.by !== current.signer) only(draft, sequencer.owner, 'owner or signer')
  requireStatus(sequencer, 'active')
  const signer = signerOf(command.signer, command.pubkey)
  if (draft.signers.has(signer)) refuse('SIGNER_USED', 'the signer has been used before', { signer })
  if (current.fromEpoch > draft.epoch) {
    refuse('EPOCH_INVALID', `the last key only takes effect in epoch ${current.fromEpoch}`, {
      fromEpoch: current.fromEpoch,
    })
  }
  const fromEpoch = electableFrom(draft)
  draft.signers = draft.signers.set(signer, sequencer.id)
  put(draft, { ...sequencer, keys: [...sequencer.keys, { signer, fromEpoch }], nonce: sequencer.nonce + 1n })
  draft.events.push({ type: 'SignerChanged', id: sequencer.id, signer, fromEpoch })
}

export function setOwner(draft: Draft, command: Command<'setOwner'>): void {
  const sequencer = owned(draft, command.id)
  const owner = notZero(command.owner, 'owner')
  if (!draft.whitelist.has(owner)) refuse('NOT_WHITELISTED', 'the new owner has no seat permit', { owner })
  if (draft.owners.has(owner)) refuse('OWNER_HAS_SEAT', 'one seat per owner', { owner })
  requireStatus(sequencer, 'active', 'queued')
  if (sequencer.status === 'active' && !draft.liquidAccounts.has(sequencer.owner)) {
    requireLiquidCap(draft, owner, sequencer.amountWei, 0n)
  }
  draft.owners = draft.owners.delete(sequencer.owner).set(owner, sequencer.id)
  put(draft, { ...sequencer, owner })
  draft.events.push({ type: 'OwnerChanged', id: sequencer.id, owner })
}

export function setRewardRecipient(draft: Draft, command: Command<'setRewardRecipient'>): void {
  const sequencer = owned(draft, command.id)
  const recipient = notZero(command.recipient, 'recipient')
  put(draft, { ...sequencer, rewardRecipient: recipient })
  draft.events.push({ type: 'RewardRecipientChanged', id: sequencer.id, recipient })
}

/** At most this many epochs of announced absence in the time that is remembered. */
const maintenanceQuota = 20n

export function declareMaintenance(draft: Draft, command: Command<'declareMaintenance'>): void {
  const sequencer = owned(draft, command.id)
  requireStatus(sequencer, 'active')
  const { fromEpoch, toEpoch } = command
  if (fromEpoch <= draft.epoch || toEpoch < fromEpoch) {
    refuse('EPOCH_INVALID', `maintenance expected to begin after epoch ${draft.epoch}, got ${fromEpoch} … ${toEpoch}`, {
      fromEpoch,
      toEpoch,
    })
  }
  const horizon = horizonOf(draft)
  const kept = sequencer.maintenance.filter(entry => entry.toEpoch >= horizon)
  let spent = toEpoch - fromEpoch + 1n
  for (const entry of kept) spent += entry.toEpoch - entry.fromEpoch + 1n
  if (spent > maintenanceQuota) {
    refuse('EPOCH_INVALID', `at most ${maintenanceQuota} epochs of maintenance, this makes ${spent}`, { spent })
  }
  put(draft, { ...sequencer, maintenance: [...kept, { fromEpoch, toEpoch }] })
  draft.events.push({ type: 'MaintenanceDeclared', id: sequencer.id, fromEpoch, toEpoch })
}

export function fund(draft: Draft, command: Command<'fund'>): void {
  requireAmount(command.amountWei, 1n, unbounded, 'amountWei')
  book(draft, { fundedWei: command.amountWei, budgetWei: command.amountWei })
  draft.events.push({ type: 'Funded', amountWei: command.amountWei })
}
