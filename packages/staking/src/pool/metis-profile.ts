import { hexToBytes } from '@l2/common'
import type { Address, Hex } from 'viem'
import { addressOfPubkey, toAddress, zeroAddress } from '../internal/address.js'
import { metisRequire, metisRevert } from '../internal/revert.js'
import {
  burntSigner,
  type MetisCommand,
  type MetisDraft,
  type MetisEvent,
  type MetisPoolState,
  type MetisSequencer,
  place,
} from './metis-state.js'

type Draft = MetisDraft & {
  by: Address
  atSeconds: bigint
  value: bigint
  events: MetisEvent[]
}
type Command<Type extends MetisCommand['type']> = Extract<MetisCommand, { type: Type }>

const whenNotPaused = (draft: Draft): void => metisRequire(!draft.paused, 'Pausable: paused')
const whitelisted = (draft: Draft, account: Address): void =>
  metisRequire(draft.whitelist.has(account), 'NotWhitelisted()')
const onlyOwner = (draft: Draft): void => metisRequire(draft.by === draft.owner, 'Ownable: caller is not the owner')

function active(draft: Draft, id: number): MetisSequencer {
  const sequencer = draft.sequencers.get(id)
  if (sequencer?.status !== 2) metisRevert('SeqNotActive()')
  return sequencer
}

function ownedBy(draft: Draft, sequencer: MetisSequencer | undefined): MetisSequencer {
  if (sequencer === undefined || sequencer.owner !== draft.by) metisRevert('NotSeqOwner()')
  return sequencer
}

function withRecipient(sequencer: MetisSequencer): void {
  metisRequire(sequencer.rewardRecipient !== zeroAddress, 'NoRewardRecipient()')
}

/** METIS into the escrow. @throws StakingError `METIS_REVERT` of the token */
function pull(draft: Draft, from: Address, value: bigint): void {
  if (draft.tokens !== undefined) {
    const balance = draft.tokens.get(from) ?? 0n
    metisRequire(balance >= value, 'ERC20: transfer amount exceeds balance')
    draft.tokens = draft.tokens.set(from, balance - value)
  }
  draft.escrowBalance += value
  draft.events.push({ contract: 'token', name: 'Transfer', args: { from, to: lockingInfo, value } })
}

function push(draft: Draft, to: Address, value: bigint): void {
  draft.escrowBalance -= value
  if (draft.tokens !== undefined) draft.tokens = draft.tokens.set(to, (draft.tokens.get(to) ?? 0n) + value)
  draft.events.push({ contract: 'token', name: 'Transfer', args: { from: lockingInfo, to, value } })
}

/** Stand for LockingInfo and the L1 bridge in Transfer events of the model: mainnet's. */
const lockingInfo: Address = '0x0fe382b74c3894b65c10e5c12ae60bbd8faf5b48'
const bridge: Address = '0x3980c9ed79d2c191a89e02fa3529c60ed6e9c04b'

function lock(draft: Draft, command: { signer: Address; recipient: Address; amount: bigint; pubkey: Hex }): void {
  whenNotPaused(draft)
  whitelisted(draft, draft.by)
  const signer = toAddress(command.signer, 'signer')
  metisRequire(hexToBytes(command.pubkey)?.length === 64, 'invalid pubkey')
  metisRequire(addressOfPubkey(command.pubkey) === signer, 'pubkey and address mismatch')
  metisRequire(!draft.seqOwners.has(draft.by), 'OwnedSequencer()')
  metisRequire(!draft.seqSigners.has(signer), 'SignerExisted()')
  const { amount } = command
  metisRequire(amount >= draft.minLock && amount <= draft.maxLock, 'invalid amount')
  pull(draft, draft.by, amount)
  const id = draft.totalSequencers + 1
  const sequencerId = BigInt(id)
  const rewardRecipient = toAddress(command.recipient, 'recipient')
  draft.totalSequencers = id
  draft.totalLocked += amount
  draft.seqOwners = draft.seqOwners.set(draft.by, id)
  draft.seqSigners = draft.seqSigners.set(signer, id)
  place(draft, {
    id,
    amount,
    reward: 0n,
    activationBatch: draft.batch.id,
    updatedBatch: draft.batch.id,
    deactivationBatch: 0n,
    deactivationTime: 0n,
    unlockClaimTime: 0n,
    nonce: 1n,
    owner: draft.by,
    signer,
    pubkey: command.pubkey,
    rewardRecipient,
    status: 2,
  })
  draft.events.push(
    {
      contract: 'info',
      name: 'Locked',
      args: {
        signer,
        sequencerId,
        nonce: 1n,
        activationBatch: draft.batch.id,
        amount,
        total: draft.totalLocked,
        signerPubkey: command.pubkey,
      },
    },
    { contract: 'pool', name: 'SequencerOwnerChanged', args: { _seqId: sequencerId, _owner: draft.by } },
    {
      contract: 'pool',
      name: 'SequencerRewardRecipientChanged',
      args: { _seqId: sequencerId, _recipient: rewardRecipient },
    },
  )
}

/** Bridges the reward; the ether sent along pays the bridge, or is lost when there is nothing to bridge. */
function bridgeReward(draft: Draft, reward: bigint): void {
  if (reward === 0n) {
    draft.strandedWei = { ...draft.strandedWei, lockingInfo: draft.strandedWei.lockingInfo + draft.value }
    return
  }
  draft.totalRewardsLiquidated += reward
  push(draft, bridge, reward)
}

function claimEvent(draft: Draft, sequencer: MetisSequencer, amount: bigint): void {
  draft.events.push({
    contract: 'info',
    name: 'ClaimRewards',
    args: {
      sequencerId: BigInt(sequencer.id),
      recipient: sequencer.rewardRecipient,
      amount,
      totalAmount: draft.totalRewardsLiquidated,
    },
  })
}

function startUnlock(draft: Draft, sequencer: MetisSequencer): void {
  const { reward } = sequencer
  bridgeReward(draft, reward)
  claimEvent(draft, sequencer, reward)
  const next: MetisSequencer = {
    ...sequencer,
    status: 1,
    reward: 0n,
    deactivationBatch: draft.batch.id,
    deactivationTime: draft.atSeconds,
    unlockClaimTime: draft.atSeconds + draft.exitDelayPeriod,
    nonce: sequencer.nonce + 1n,
  }
  place(draft, next)
  draft.events.push({
    contract: 'info',
    name: 'UnlockInit',
    args: {
      user: sequencer.signer,
      sequencerId: BigInt(sequencer.id),
      nonce: next.nonce,
      deactivationBatch: next.deactivationBatch,
      deactivationTime: next.deactivationTime,
      unlockClaimTime: next.unlockClaimTime,
      amount: reward,
    },
  })
}

const handlers: { [Type in MetisCommand['type']]: (draft: Draft, command: Command<Type>) => void } = {
  lockFor: (draft, command) => lock(draft, { ...command, recipient: zeroAddress }),
  lockWithRewardRecipient: lock,
  relock(draft, { id, amount, lockReward }) {
    whenNotPaused(draft)
    whitelisted(draft, draft.by)
    const sequencer = ownedBy(draft, active(draft, id))
    const fromReward = lockReward ? sequencer.reward : 0n
    const next = { ...sequencer, amount: sequencer.amount + amount + fromReward }
    metisRequire(next.amount <= draft.maxLock, 'locked>maxLock')
    metisRequire(amount + fromReward > 0n, 'No new locked added')
    if (amount > 0n) pull(draft, draft.by, amount)
    draft.totalLocked += amount + fromReward
    draft.relockedFromReward += fromReward
    const nonce = sequencer.nonce + 1n
    place(draft, { ...next, reward: sequencer.reward - fromReward, nonce })
    const sequencerId = BigInt(id)
    draft.events.push(
      {
        contract: 'info',
        name: 'Relocked',
        args: { sequencerId, amount: amount + fromReward, total: draft.totalLocked },
      },
      { contract: 'info', name: 'LockUpdate', args: { sequencerId, nonce, newAmount: next.amount } },
    )
  },
  withdraw(draft, { id, amount }) {
    whenNotPaused(draft)
    whitelisted(draft, draft.by)
    const sequencer = ownedBy(draft, active(draft, id))
    metisRequire(draft.batch.id > sequencer.updatedBatch, 'withdraw throttle')
    metisRequire(amount <= sequencer.amount, 'Panic(0x11)')
    const newAmount = sequencer.amount - amount
    metisRequire(amount > 0n && newAmount >= draft.minLock, 'invalid amount')
    const nonce = sequencer.nonce + 1n
    draft.totalLocked -= amount
    push(draft, sequencer.owner, amount)
    place(draft, { ...sequencer, amount: newAmount, updatedBatch: draft.batch.id, nonce })
    const sequencerId = BigInt(id)
    draft.events.push(
      { contract: 'info', name: 'Withdraw', args: { sequencerId, amount } },
      { contract: 'info', name: 'LockUpdate', args: { sequencerId, nonce, newAmount } },
    )
  },
  withdrawRewards(draft, { id }) {
    whenNotPaused(draft)
    whitelisted(draft, draft.by)
    const sequencer = ownedBy(draft, active(draft, id))
    withRecipient(sequencer)
    const { reward } = sequencer
    if (reward === 0n) {
      draft.strandedWei = { ...draft.strandedWei, lockingPool: draft.strandedWei.lockingPool + draft.value }
      return
    }
    bridgeReward(draft, reward)
    place(draft, { ...sequencer, reward: 0n })
    claimEvent(draft, sequencer, reward)
  },
  unlock(draft, { id }) {
    whenNotPaused(draft)
    whitelisted(draft, draft.by)
    const sequencer = ownedBy(draft, active(draft, id))
    if (draft.version === '2024-06') {
      const [, inactive, activeCount] = draft.seqStatuses
      metisRequire((inactive + 1) * 3 <= inactive + activeCount, 'BFT restriction')
    }
    withRecipient(sequencer)
    startUnlock(draft, sequencer)
  },
  forceUnlock(draft, { id }) {
    onlyOwner(draft)
    const sequencer = active(draft, id)
    withRecipient(sequencer)
    startUnlock(draft, sequencer)
  },
  unlockClaim(draft, { id }) {
    whenNotPaused(draft)
    whitelisted(draft, draft.by)
    const sequencer = ownedBy(draft, draft.sequencers.get(id))
    withRecipient(sequencer)
    metisRequire(sequencer.status === 1 && draft.atSeconds >= sequencer.unlockClaimTime, 'Not allowed to cliam')
    const { amount, reward, owner, signer } = sequencer
    push(draft, owner, amount)
    draft.totalLocked -= amount
    bridgeReward(draft, reward)
    if (reward > 0n) claimEvent(draft, sequencer, reward)
    draft.seqOwners = draft.seqOwners.delete(owner)
    draft.seqSigners = draft.seqSigners.set(signer, burntSigner)
    place(draft, { ...sequencer, amount: 0n, reward: 0n, status: 3, nonce: sequencer.nonce + 1n })
    draft.events.push({
      contract: 'info',
      name: 'Unlocked',
      args: { user: owner, sequencerId: BigInt(id), amount, total: draft.totalLocked },
    })
  },
  updateSigner(draft, { id, pubkey }) {
    whenNotPaused(draft)
    const sequencer = active(draft, id)
    metisRequire(sequencer.signer === draft.by, 'NotSeqSigner()')
    metisRequire(draft.batch.id >= sequencer.updatedBatch + draft.signerUpdateThrottle, 'signer updating throttle')
    const signer = addressOfPubkey(pubkey) ?? metisRevert('invalid pubkey')
    metisRequire(!draft.seqSigners.has(signer), 'SignerExisted()')
    const nonce = sequencer.nonce + 1n
    draft.seqSigners = draft.seqSigners.set(sequencer.signer, burntSigner).set(signer, id)
    place(draft, { ...sequencer, signer, pubkey, updatedBatch: draft.batch.id, nonce })
    draft.events.push({
      contract: 'info',
      name: 'SignerChange',
      args: { sequencerId: BigInt(id), nonce, oldSigner: sequencer.signer, newSigner: signer, signerPubkey: pubkey },
    })
  },
  setSequencerRewardRecipient(draft, { id, recipient }) {
    whitelisted(draft, draft.by)
    const sequencer = ownedBy(draft, draft.sequencers.get(id))
    metisRequire(sequencer.status === 2, 'SeqNotActive()')
    const rewardRecipient = toAddress(recipient, 'recipient')
    metisRequire(rewardRecipient !== zeroAddress, 'NullAddress()')
    place(draft, { ...sequencer, rewardRecipient })
    draft.events.push({
      contract: 'pool',
      name: 'SequencerRewardRecipientChanged',
      args: { _seqId: BigInt(id), _recipient: rewardRecipient },
    })
  },
  setSequencerOwner(draft, { id, owner: value }) {
    const owner = toAddress(value, 'owner')
    if (draft.version === 'head') {
      metisRequire(owner !== zeroAddress, 'NullAddress()')
      whitelisted(draft, owner)
      metisRequire(!draft.seqOwners.has(owner), 'OwnedSequencer()')
    } else {
      whitelisted(draft, draft.by)
      metisRequire(owner !== zeroAddress, 'NullAddress()')
    }
    const sequencer = ownedBy(draft, active(draft, id))
    draft.seqOwners = draft.seqOwners.delete(sequencer.owner).set(owner, id)
    place(draft, { ...sequencer, owner })
    draft.events.push({ contract: 'pool', name: 'SequencerOwnerChanged', args: { _seqId: BigInt(id), _owner: owner } })
  },
  batchSubmitRewards(draft, { batchId, startEpoch, endEpoch, seqs, blocks }) {
    metisRequire(draft.by === draft.mpc, 'not MPC')
    metisRequire(seqs.length === blocks.length && seqs.length > 0, 'mismatch length')
    metisRequire(batchId === draft.batch.id + 1n, 'invalid batch id')
    metisRequire(startEpoch === draft.batch.endEpoch + 1n, 'invalid startEpoch')
    metisRequire(startEpoch < endEpoch, 'invalid endEpoch')
    let total = 0n
    for (const [index, seq] of seqs.entries()) {
      const sequencer = draft.sequencers.get(draft.seqSigners.get(toAddress(seq, 'seqs')) ?? 0)
      if (sequencer?.status !== 1 && sequencer?.status !== 2) metisRevert('NoSuchSeq()')
      const reward = blocks[index]! * draft.rewardPerBlock
      total += reward
      place(draft, { ...sequencer, reward: sequencer.reward + reward })
    }
    draft.batch = { id: batchId, startEpoch, endEpoch }
    pull(draft, draft.rewardPayer, total)
    draft.distributed += total
    draft.events.push(
      { contract: 'info', name: 'BatchSubmitReward', args: { _newBatchId: batchId } },
      {
        contract: 'pool',
        name: 'DistributeReward',
        args: { batchId, startEpoch, endEpoch, amount: total, rpb: draft.rewardPerBlock },
      },
    )
  },
  setWhitelist(draft, { user: value, yes }) {
    onlyOwner(draft)
    const user = toAddress(value, 'user')
    draft.whitelist = yes ? draft.whitelist.set(user, true) : draft.whitelist.delete(user)
    draft.events.push({ contract: 'pool', name: 'SetWhitelist', args: { _user: user, _yes: yes } })
  },
  setPause(draft, { yes }) {
    onlyOwner(draft)
    metisRequire(draft.paused !== yes, yes ? 'Pausable: paused' : 'Pausable: not paused')
    draft.paused = yes
    draft.events.push({ contract: 'pool', name: yes ? 'Paused' : 'Unpaused', args: { account: draft.by } })
  },
  updateMpc(draft, { mpc }) {
    onlyOwner(draft)
    draft.mpc = toAddress(mpc, 'mpc')
    draft.events.push({ contract: 'pool', name: 'UpdateMpc', args: { _newMpc: draft.mpc } })
  },
  updateBlockReward(draft, { reward }) {
    onlyOwner(draft)
    metisRequire(reward !== 0n, 'invalid newReward')
    draft.events.push({
      contract: 'pool',
      name: 'RewardUpdate',
      args: { newReward: reward, oldReward: draft.rewardPerBlock },
    })
    draft.rewardPerBlock = reward
  },
  updateWithdrawDelayTimeValue(draft, { seconds }) {
    onlyOwner(draft)
    metisRequire(seconds > 0n, 'dalayTime==0')
    draft.events.push({
      contract: 'pool',
      name: 'WithrawDelayTimeChange',
      args: { _cur: seconds, _prev: draft.exitDelayPeriod },
    })
    draft.exitDelayPeriod = seconds
  },
  setSignerUpdateThrottle(draft, { batches }) {
    onlyOwner(draft)
    draft.signerUpdateThrottle = batches
    draft.events.push({ contract: 'pool', name: 'SetSignerUpdateThrottle', args: { _n: batches } })
  },
  setMinLock(draft, { amount }) {
    onlyOwner(draft)
    metisRequire(amount > 0n, '_minLock=0')
    draft.minLock = amount
    draft.events.push({ contract: 'info', name: 'SetMinLock', args: { _lock: amount } })
  },
  setMaxLock(draft, { amount }) {
    onlyOwner(draft)
    metisRequire(amount >= draft.minLock, 'maxLock<minLock')
    draft.maxLock = amount
    draft.events.push({ contract: 'info', name: 'SetMaxLock', args: { _lock: amount } })
  },
  setRewardPayer(draft, { payer }) {
    onlyOwner(draft)
    draft.rewardPayer = toAddress(payer, 'payer')
    draft.events.push({ contract: 'info', name: 'SetRewardPayer', args: { _payer: draft.rewardPayer } })
  },
}

/**
 * One call of Metis' deployed contracts: guards in their order, effects and events to the wei, traps included. For
 * replay, simulation and dashboards; a new chain wants {@link applyPool}. Source: metis-sequencer-contract
 * `LockingPool.sol`, `LockingInfo.sol`.
 *
 * @throws StakingError `METIS_REVERT`, `details.revert` being the error name with brackets or the string of the
 * contract
 *
 * @example
 * ```ts
 * import { isL2Error } from '@l2/staking'
 * import { applyMetisPool, createMetisPool } from '@l2/staking/metis'
 *
 * const [owner, user] = [`0x${'01'.repeat(20)}`, `0x${'02'.repeat(20)}`] as const
 * const pool = createMetisPool({ owner, mpc: owner, rewardPayer: owner })
 * try {
 *   applyMetisPool(pool, { type: 'unlock', by: user, atSeconds: 1n, id: 1 })
 * } catch (error) {
 *   if (isL2Error(error)) console.log(error.details['revert']) // NotWhitelisted()
 * }
 * ```
 */
export function applyMetisPool(
  state: MetisPoolState,
  command: MetisCommand,
): { state: MetisPoolState; events: MetisEvent[]; result: null } {
  const events: MetisEvent[] = []
  const draft: Draft = {
    ...state,
    by: toAddress(command.by, 'by'),
    atSeconds: command.atSeconds,
    value: command.value ?? 0n,
    events,
  }
  ;(handlers[command.type] as (draft: Draft, command: MetisCommand) => void)(draft, command)
  const { by: _by, atSeconds: _at, value: _value, events: _events, ...next } = draft
  return { state: next, events, result: null }
}

/** What of the contracts' invariants I1 – I5 does not hold; empty when all do. */
export function auditMetisPool(state: MetisPoolState): string[] {
  const problems: string[] = []
  let locked = 0n
  let rewards = 0n
  const owners = new Set<Address>()
  const counts = [0, 0, 0, 0]
  for (const [id, sequencer] of state.sequencers.entries()) {
    locked += sequencer.amount
    rewards += sequencer.reward
    counts[sequencer.status]!++
    if (sequencer.status === 3 && sequencer.amount + sequencer.reward > 0n)
      problems.push(`I1: ${id} is unlocked with wei`)
    if (sequencer.status !== 3) {
      if (owners.has(sequencer.owner)) problems.push(`I5: two sequencers of ${sequencer.owner}`)
      owners.add(sequencer.owner)
      if (state.seqSigners.get(sequencer.signer) !== id) problems.push(`I5: signer of ${id}`)
    }
  }
  if (locked !== state.totalLocked) problems.push(`I1: ${locked} locked, totalLocked ${state.totalLocked}`)
  if (state.escrowBalance !== locked + rewards)
    problems.push(`I2: ${state.escrowBalance} held, ${locked + rewards} owed`)
  if (state.distributed !== state.totalRewardsLiquidated + rewards + state.relockedFromReward) {
    problems.push(`I3: ${state.distributed} distributed`)
  }
  const [, one, two, three] = state.seqStatuses
  if (one + two + three !== state.totalSequencers || [one, two, three].some((count, i) => count !== counts[i + 1])) {
    problems.push('I4: statuses')
  }
  return problems
}
