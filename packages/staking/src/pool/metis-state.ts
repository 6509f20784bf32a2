import { OrderedMap } from '@l2/common'
import type { Address, Hex } from 'viem'
import { toAddress } from '../internal/address.js'

/** 1 exit started · 2 active · 3 gone for good: the contract's numbers. */
export type MetisStatus = 1 | 2 | 3

/** A record of `sequencers(uint256)`. */
export type MetisSequencer = {
  readonly id: number
  readonly amount: bigint
  readonly reward: bigint
  readonly activationBatch: bigint
  readonly updatedBatch: bigint
  readonly deactivationBatch: bigint
  readonly deactivationTime: bigint
  readonly unlockClaimTime: bigint
  readonly nonce: bigint
  readonly owner: Address
  readonly signer: Address
  readonly pubkey: Hex
  readonly rewardRecipient: Address
  readonly status: MetisStatus
}

/**
 * Which deployed behaviour: `2024-06` (recorded for mainnet) reverts `BFT restriction` and checks the caller of
 * setSequencerOwner, `head` is the source's last state.
 */
export type MetisVersion = 'head' | '2024-06'

/** Id that a burnt signer address maps to (the contract has 2^256−1). */
export const burntSigner = -1

/** LockingPool and LockingInfo as one value, to the wei. */
export type MetisPoolState = {
  readonly profile: 'metis'
  readonly version: MetisVersion
  readonly owner: Address
  readonly mpc: Address
  readonly rewardPayer: Address
  readonly paused: boolean
  readonly minLock: bigint
  readonly maxLock: bigint
  readonly exitDelayPeriod: bigint
  readonly signerUpdateThrottle: bigint
  readonly rewardPerBlock: bigint
  readonly batch: { readonly id: bigint; readonly startEpoch: bigint; readonly endEpoch: bigint }
  readonly whitelist: OrderedMap<Address, true>
  readonly sequencers: OrderedMap<number, MetisSequencer>
  readonly seqOwners: OrderedMap<Address, number>
  readonly seqSigners: OrderedMap<Address, number>
  /** Counts by status; index 0 is not used. */
  readonly seqStatuses: readonly [0, number, number, number]
  readonly totalSequencers: number
  readonly totalLocked: bigint
  readonly totalRewardsLiquidated: bigint
  /** Sums that the contracts do not keep, for the invariants. */
  readonly distributed: bigint
  readonly relockedFromReward: bigint
  readonly escrowBalance: bigint
  /** Ether lost in the contracts: sent along while there was no reward to bridge. */
  readonly strandedWei: { readonly lockingInfo: bigint; readonly lockingPool: bigint }
  /** METIS of the accounts; `undefined`: every transfer succeeds. */
  readonly tokens: OrderedMap<Address, bigint> | undefined
}

/** Calls of LockingPool and LockingInfo. `atSeconds` is the block's time in seconds, `value` the ether sent along, in wei. */
export type MetisCommand = { by: Address; atSeconds: bigint; value?: bigint } & (
  | { type: 'lockFor'; signer: Address; amount: bigint; pubkey: Hex }
  | { type: 'lockWithRewardRecipient'; signer: Address; recipient: Address; amount: bigint; pubkey: Hex }
  | { type: 'relock'; id: number; amount: bigint; lockReward: boolean }
  | { type: 'withdraw'; id: number; amount: bigint }
  | { type: 'withdrawRewards'; id: number }
  | { type: 'unlock'; id: number }
  | { type: 'forceUnlock'; id: number }
  | { type: 'unlockClaim'; id: number }
  | { type: 'updateSigner'; id: number; pubkey: Hex }
  | { type: 'setSequencerRewardRecipient'; id: number; recipient: Address }
  | { type: 'setSequencerOwner'; id: number; owner: Address }
  | {
      type: 'batchSubmitRewards'
      batchId: bigint
      startEpoch: bigint
      endEpoch: bigint
      seqs: readonly Address[]
      blocks: readonly bigint[]
    }
  | { type: 'setWhitelist'; user: Address; yes: boolean }
  | { type: 'setPause'; yes: boolean }
  | { type: 'updateMpc'; mpc: Address }
  | { type: 'updateBlockReward'; reward: bigint }
  | { type: 'updateWithdrawDelayTimeValue'; seconds: bigint }
  | { type: 'setSignerUpdateThrottle'; batches: bigint }
  | { type: 'setMinLock'; amount: bigint }
  | { type: 'setMaxLock'; amount: bigint }
  | { type: 'setRewardPayer'; payer: Address }
)

/** Events under the contracts' names, misspellings kept; `contract` says who emits. */
export type MetisEvent =
  | { contract: 'pool'; name: 'SequencerOwnerChanged'; args: { _seqId: bigint; _owner: Address } }
  | { contract: 'pool'; name: 'SequencerRewardRecipientChanged'; args: { _seqId: bigint; _recipient: Address } }
  | { contract: 'pool'; name: 'SetWhitelist'; args: { _user: Address; _yes: boolean } }
  | { contract: 'pool'; name: 'Paused' | 'Unpaused'; args: { account: Address } }
  | { contract: 'pool'; name: 'UpdateMpc'; args: { _newMpc: Address } }
  | { contract: 'pool'; name: 'RewardUpdate'; args: { newReward: bigint; oldReward: bigint } }
  | { contract: 'pool'; name: 'WithrawDelayTimeChange'; args: { _cur: bigint; _prev: bigint } }
  | { contract: 'pool'; name: 'SetSignerUpdateThrottle'; args: { _n: bigint } }
  | {
      contract: 'pool'
      name: 'DistributeReward'
      args: { batchId: bigint; startEpoch: bigint; endEpoch: bigint; amount: bigint; rpb: bigint }
    }
  | {
      contract: 'info'
      name: 'Locked'
      args: {
        signer: Address
        sequencerId: bigint
        nonce: bigint
        activationBatch: bigint
        amount: bigint
        total: bigint
        signerPubkey: Hex
      }
    }
  | { contract: 'info'; name: 'Relocked'; args: { sequencerId: bigint; amount: bigint; total: bigint } }
  | { contract: 'info'; name: 'Withdraw'; args: { sequencerId: bigint; amount: bigint } }
  | { contract: 'info'; name: 'LockUpdate'; args: { sequencerId: bigint; nonce: bigint; newAmount: bigint } }
  | {
      contract: 'info'
      name: 'UnlockInit'
      args: {
        user: Address
        sequencerId: bigint
        nonce: bigint
        deactivationBatch: bigint
        deactivationTime: bigint
        unlockClaimTime: bigint
        amount: bigint
      }
    }
  | { contract: 'info'; name: 'Unlocked'; args: { user: Address; sequencerId: bigint; amount: bigint; total: bigint } }
  | {
      contract: 'info'
      name: 'ClaimRewards'
      args: { sequencerId: bigint; recipient: Address; amount: bigint; totalAmount: bigint }
    }
  | {
      contract: 'info'
      name: 'SignerChange'
      args: { sequencerId: bigint; nonce: bigint; oldSigner: Address; newSigner: Address; signerPubkey: Hex }
    }
  | { contract: 'info'; name: 'BatchSubmitReward'; args: { _newBatchId: bigint } }
  | { contract: 'info'; name: 'SetMinLock' | 'SetMaxLock'; args: { _lock: bigint } }
  | { contract: 'info'; name: 'SetRewardPayer'; args: { _payer: Address } }
  /** The token's: fresh METIS that came in or went out of LockingInfo. */
  | { contract: 'token'; name: 'Transfer'; args: { from: Address; to: Address; value: bigint } }
/** The contracts as deployed: nobody has locked, batch 1, rewards of 761000 gwei a block. */
export function createMetisPool(input: {
  owner: Address
  mpc: Address
  rewardPayer: Address
  version?: MetisVersion
  /** METIS balances; left out, every transfer succeeds. */
  tokens?: Iterable<readonly [Address, bigint]>
}): MetisPoolState {
  return {
    profile: 'metis',
    version: input.version ?? 'head',
    owner: toAddress(input.owner, 'owner'),
    mpc: toAddress(input.mpc, 'mpc'),
    rewardPayer: toAddress(input.rewardPayer, 'rewardPayer'),
    paused: false,
    minLock: 20000n * 10n ** 18n,
    maxLock: 100000n * 10n ** 18n,
    exitDelayPeriod: 21n * 86400n,
    signerUpdateThrottle: 1n,
    rewardPerBlock: 761000n * 10n ** 9n,
    batch: { id: 1n, startEpoch: 0n, endEpoch: 0n },
    whitelist: OrderedMap.from(),
    sequencers: OrderedMap.from(),
    seqOwners: OrderedMap.from(),
    seqSigners: OrderedMap.from(),
    seqStatuses: [0, 0, 0, 0],
    totalSequencers: 0,
    totalLocked: 0n,
    totalRewardsLiquidated: 0n,
    distributed: 0n,
    relockedFromReward: 0n,
    escrowBalance: 0n,
    strandedWei: { lockingInfo: 0n, lockingPool: 0n },
    tokens: input.tokens && OrderedMap.from([...input.tokens].map(([who, wei]) => [toAddress(who, 'tokens'), wei])),
  }
}

/** A state while a step works on it. */
export type MetisDraft = { -readonly [Key in keyof MetisPoolState]: MetisPoolState[Key] }

/** Puts a sequencer in place of what it was, and counts it where it stands now. */
export function place(draft: MetisDraft, next: MetisSequencer): void {
  const before = draft.sequencers.get(next.id)?.status ?? 0
  if (before !== next.status) {
    const counts = [...draft.seqStatuses] as [0, number, number, number]
    if (before > 0) counts[before]!--
    counts[next.status]++
    draft.seqStatuses = counts
  }
  draft.sequencers = draft.sequencers.set(next.id, next)
}
