import { type Address, decodeEventLog, decodeFunctionData, type Hex, type Log } from 'viem'
import { refuse } from '../errors.js'
import { addressOfPubkey, toAddress, zeroAddress } from '../internal/address.js'
import {
  burntSigner,
  type MetisDraft,
  type MetisEvent,
  type MetisPoolState,
  type MetisSequencer,
  type MetisStatus,
  place,
} from '../pool/metis-state.js'
import { lockingInfoAbi, lockingPoolAbi, transferAbi } from './abi.js'
import type { MetisDeployment } from './deployments.js'

/** A log as `eth_getLogs` gives it. */
export type MetisLog = Pick<Log, 'address' | 'topics' | 'data'> & { transactionHash?: Hex | null }

/** The typed event of a log; `undefined` for logs of other contracts and events that are not ours. */
export function parseMetisLog(deployment: MetisDeployment, log: MetisLog): MetisEvent | undefined {
  const address = log.address.toLowerCase()
  const contract =
    address === deployment.lockingPool.toLowerCase()
      ? 'pool'
      : address === deployment.lockingInfo.toLowerCase()
        ? 'info'
        : address === deployment.metisToken.toLowerCase()
          ? 'token'
          : undefined
  if (contract === undefined) return undefined
  const abi = contract === 'pool' ? lockingPoolAbi : contract === 'info' ? lockingInfoAbi : transferAbi
  try {
    const { eventName, args } = decodeEventLog({ abi, topics: log.topics, data: log.data })
    const plain = Object.fromEntries(
      Object.entries(args as unknown as Record<string, unknown>).map(([key, value]) => [
        key,
        typeof value === 'string' && value.length === 42 ? value.toLowerCase() : value,
      ]),
    )
    return { contract, name: eventName, args: plain } as unknown as MetisEvent
  } catch {
    return undefined
  }
}

/** Options of {@link foldMetisLogs}. */
export type FoldOptions = {
  deployment: MetisDeployment
  /**
   * Calldata of a transaction by hash. Who earned what in a reward batch is only there, not in any event; without it
   * the batch's amount is counted, but credited to nobody until a later event tells.
   */
  inputOf?: ((transactionHash: Hex) => Hex | undefined) | undefined
}

/**
 * Our state of the contracts out of their logs, in chain order, all three contracts together (LockingPool, LockingInfo,
 * and the token's transfers to and from LockingInfo, which alone tell fresh METIS from compounded reward).
 *
 * @throws StakingError `METIS_LOG` for a log that cannot follow the state: one is missing, or the order is wrong
 */
export function foldMetisLogs(state: MetisPoolState, logs: Iterable<MetisLog>, options: FoldOptions): MetisPoolState {
  const draft: MetisDraft = { ...state }
  /** What was transferred in and no event has accounted for yet. */
  let freshIn = 0n
  const escrow = options.deployment.lockingInfo.toLowerCase()
  for (const log of logs) {
    const event = parseMetisLog(options.deployment, log)
    if (event === undefined) continue
    if (event.contract === 'token') {
      const { from, to, value } = event.args
      if (to === escrow) {
        freshIn += value
        draft.escrowBalance += value
      } else if (from === escrow) {
        draft.escrowBalance -= value
      }
      continue
    }
    step(draft, event, freshIn, log.transactionHash ?? undefined, options)
    if (takesTokens.has(event.name)) freshIn = 0n
  }
  return draft
}

/** Events behind which a call's incoming transfer is accounted for. */
const takesTokens = new Set<MetisEvent['name']>(['Locked', 'Relocked', 'BatchSubmitReward'])

function find(draft: MetisDraft, id: bigint, event: string): MetisSequencer {
  return (
    draft.sequencers.get(Number(id)) ??
    refuse('METIS_LOG', `${event} of sequencer ${id}, which is unknown`, { event, id })
  )
}

function step(
  draft: MetisDraft,
  event: Exclude<MetisEvent, { contract: 'token' }>,
  freshIn: bigint,
  hash: Hex | undefined,
  options: FoldOptions,
): void {
  switch (event.name) {
    case 'Locked': {
      const { sequencerId, signer, nonce, activationBatch, amount, total, signerPubkey } = event.args
      const id = Number(sequencerId)
      if (id !== draft.totalSequencers + 1) {
        refuse('METIS_LOG', `sequencer ${id} locks after ${draft.totalSequencers}`, {
          id,
          totalSequencers: draft.totalSequencers,
        })
      }
      draft.totalSequencers = id
      draft.totalLocked = total
      draft.seqSigners = draft.seqSigners.set(signer, id)
      const batches = { activationBatch, updatedBatch: activationBatch, deactivationBatch: 0n }
      const times = { deactivationTime: 0n, unlockClaimTime: 0n }
      const roles = { owner: zeroAddress, signer, pubkey: signerPubkey, rewardRecipient: zeroAddress }
      place(draft, { id, amount, reward: 0n, ...batches, ...times, nonce, ...roles, status: 2 })
      return
    }
    case 'SequencerOwnerChanged': {
      const { _seqId, _owner } = event.args
      const sequencer = find(draft, _seqId, event.name)
      if (sequencer.owner !== zeroAddress) draft.seqOwners = draft.seqOwners.delete(sequencer.owner)
      draft.seqOwners = draft.seqOwners.set(_owner, sequencer.id)
      place(draft, { ...sequencer, owner: _owner })
      return
    }
    case 'SequencerRewardRecipientChanged':
      place(draft, {
        ...find(draft, event.args._seqId, event.name),
        rewardRecipient: event.args._recipient,
      })
      return
    case 'Relocked': {
      const sequencer = find(draft, event.args.sequencerId, event.name)
      // The event merges both: what did not come by transfer was reward.
      const fromReward = event.args.amount - freshIn
      if (fromReward < 0n) refuse('METIS_LOG', 'more was transferred than relocked', { id: sequencer.id, freshIn })
      draft.totalLocked = event.args.total
      draft.relockedFromReward += fromReward
      place(draft, { ...sequencer, reward: fromReward > 0n ? 0n : sequencer.reward })
      return
    }
    case 'Withdraw': {
      const sequencer = find(draft, event.args.sequencerId, event.name)
      draft.totalLocked -= event.args.amount
      place(draft, { ...sequencer, updatedBatch: draft.batch.id })
      return
    }
    case 'LockUpdate': {
      const { sequencerId, nonce, newAmount } = event.args
      const sequencer = find(draft, sequencerId, event.name)
      if (nonce !== sequencer.nonce + 1n) {
        refuse('METIS_LOG', `nonce ${nonce} after ${sequencer.nonce} of sequencer ${sequencer.id}`, {
          id: sequencer.id,
          nonce,
        })
      }
      place(draft, { ...sequencer, nonce, amount: newAmount })
      return
    }
    case 'ClaimRewards': {
      const { sequencerId, amount, totalAmount } = event.args
      const sequencer = find(draft, sequencerId, event.name)
      draft.totalRewardsLiquidated = totalAmount
      place(draft, { ...sequencer, reward: amount > 0n ? 0n : sequencer.reward })
      return
    }
    case 'UnlockInit': {
      const { sequencerId, nonce, deactivationBatch, deactivationTime, unlockClaimTime } = event.args
      const sequencer = find(draft, sequencerId, event.name)
      // `amount` of this event is the reward, and `user` the signer.
      place(draft, { ...sequencer, status: 1, reward: 0n, nonce, deactivationBatch, deactivationTime, unlockClaimTime })
      return
    }
    case 'Unlocked': {
      const sequencer = find(draft, event.args.sequencerId, event.name)
      draft.totalLocked = event.args.total
      draft.seqOwners = draft.seqOwners.delete(sequencer.owner)
      draft.seqSigners = draft.seqSigners.set(sequencer.signer, burntSigner)
      const status: MetisStatus = 3
      place(draft, { ...sequencer, amount: 0n, reward: 0n, status, nonce: sequencer.nonce + 1n })
      return
    }
    case 'SignerChange': {
      const { sequencerId, nonce, oldSigner, newSigner, signerPubkey } = event.args
      const sequencer = find(draft, sequencerId, event.name)
      if (addressOfPubkey(signerPubkey) !== newSigner)
        refuse('METIS_LOG', 'the new key is not the new signer’s', { id: sequencer.id })
      draft.seqSigners = draft.seqSigners.set(oldSigner, burntSigner).set(newSigner, sequencer.id)
      place(draft, { ...sequencer, nonce, signer: newSigner, pubkey: signerPubkey, updatedBatch: draft.batch.id })
      return
    }
    case 'BatchSubmitReward':
      // Its pool-side twin DistributeReward has the numbers.
      return
    case 'DistributeReward': {
      const { batchId, startEpoch, endEpoch, amount, rpb } = event.args
      if (batchId !== draft.batch.id + 1n) refuse('METIS_LOG', `batch ${batchId} after ${draft.batch.id}`, { batchId })
      draft.batch = { id: batchId, startEpoch, endEpoch }
      draft.distributed += amount
      const input = hash === undefined ? undefined : options.inputOf?.(hash)
      if (input !== undefined) creditBatch(draft, input, amount, rpb)
      return
    }
    default:
      configure(draft, event)
  }
}

type SettingName =
  | 'SetWhitelist'
  | 'Paused'
  | 'Unpaused'
  | 'UpdateMpc'
  | 'RewardUpdate'
  | 'WithrawDelayTimeChange'
  | 'SetSignerUpdateThrottle'
  | 'SetMinLock'
  | 'SetMaxLock'
  | 'SetRewardPayer'

/** What the owner of the contracts sets. */
function configure(draft: MetisDraft, event: Extract<MetisEvent, { name: SettingName }>): void {
  switch (event.name) {
    case 'SetWhitelist': {
      const { _user, _yes } = event.args
      draft.whitelist = _yes ? draft.whitelist.set(_user, true) : draft.whitelist.delete(_user)
      return
    }
    case 'Paused':
    case 'Unpaused':
      draft.paused = event.name === 'Paused'
      return
    case 'UpdateMpc':
      draft.mpc = event.args._newMpc
      return
    case 'RewardUpdate':
      draft.rewardPerBlock = event.args.newReward
      return
    case 'WithrawDelayTimeChange':
      draft.exitDelayPeriod = event.args._cur
      return
    case 'SetSignerUpdateThrottle':
      draft.signerUpdateThrottle = event.args._n
      return
    case 'SetMinLock':
      draft.minLock = event.args._lock
      return
    case 'SetMaxLock':
      draft.maxLock = event.args._lock
      return
    case 'SetRewardPayer':
      draft.rewardPayer = event.args._payer
      return
  }
}

/** Credits each sequencer from the call that submitted the batch. */
function creditBatch(draft: MetisDraft, input: Hex, amount: bigint, rpb: bigint): void {
  let seqs: readonly Address[]
  let blocks: readonly bigint[]
  try {
    const call = decodeFunctionData({ abi: lockingPoolAbi, data: input })
    if (call.functionName !== 'batchSubmitRewards') return
    ;[, , , seqs, blocks] = call.args
  } catch {
    return
  }
  let total = 0n
  for (const [index, seq] of seqs.entries()) {
    const id = draft.seqSigners.get(toAddress(seq, 'seqs')) ?? 0
    const sequencer = find(draft, BigInt(id), 'DistributeReward')
    const reward = (blocks[index] ?? 0n) * rpb
    total += reward
    place(draft, { ...sequencer, reward: sequencer.reward + reward })
  }
  if (total !== amount)
    refuse('METIS_LOG', `the call credits ${total} wei, the event says ${amount}`, { total, amount })
}
