import type { Address, Hex } from 'viem'
import type { OffenceKind } from '../slashing/penalty.js'

/** Who does it and when (seconds since the Unix epoch; never earlier than the state). */
export type CommandContext = { by: Address; atSeconds: bigint }

/** A fault that a verifier of `evidence` has established; the pool only keeps the books. */
export type Offence = {
  kind: OffenceKind
  /** The sequencer that committed it. */
  id: number
  /** Independent of the payloads: two proofs of one fault have the same. */
  evidenceId: Hex
  /** keccak256 of the evidence's canonical JSON. */
  evidenceHash: Hex
  offenceEpoch: bigint
  /** Seconds. */
  offenceAtSeconds: bigint
  /** Downtime only: stake offline at the time beyond the usual, in basis points. Default 0. */
  excessOfflineBps?: number
}

/** Everything that changes a pool. */
export type PoolCommand = CommandContext &
  (
    | { type: 'setWhitelist'; owner: Address; allowed: boolean }
    /** Permits an account to earn a reporter's share: one that the admin can tell from every operator. */
    | { type: 'setWatcher'; watcher: Address; allowed: boolean }
    /** Names an account of a liquid-staking protocol: `liquidCapBps` counts its stake. */
    | { type: 'setLiquidAccount'; account: Address; liquid: boolean }
    | { type: 'setPaused'; paused: boolean }
    | { type: 'fund'; amountWei: bigint }
    /** `pubkey` (64 bytes) is optional; when given it must be the signer's. */
    | {
        type: 'lock'
        signer: Address
        amountWei: bigint
        pubkey?: Hex
        rewardRecipient?: Address
        commissionBps?: number
      }
    | { type: 'leaveQueue'; id: number }
    | { type: 'relock'; id: number; amountWei: bigint; lockReward: boolean }
    | { type: 'withdraw'; id: number; amountWei: bigint }
    | { type: 'withdrawRewards'; id: number }
    | { type: 'unlock'; id: number }
    | { type: 'forceUnlock'; id: number }
    | { type: 'claim'; id: number }
    | { type: 'updateSigner'; id: number; signer: Address; pubkey?: Hex }
    | { type: 'setOwner'; id: number; owner: Address }
    | { type: 'setRewardRecipient'; id: number; recipient: Address }
    /** Announces a commission; it is reached by steps, the first after the notice. */
    | { type: 'setCommission'; id: number; commissionBps: number }
    | { type: 'declareMaintenance'; id: number; fromEpoch: bigint; toEpoch: bigint }
    | { type: 'advanceEpoch'; epoch: bigint }
    /** Heights and epochs ascend. `epoch`: of the block; default: the running one. */
    | { type: 'accrueBlock'; height: bigint; signer: Address; epoch?: bigint }
    | {
        type: 'submitRewards'
        batchId: bigint
        startEpoch: bigint
        endEpoch: bigint
        /**
         * Blocks of one leader in `epoch`. Without it they count as spread evenly over the epochs of the batch for
         * which he was weighed.
         */
        entries: readonly { signer: Address; blocks: bigint; epoch?: bigint }[]
      }
    | { type: 'delegate'; id: number; amountWei: bigint }
    /** `shares`: wei as they were delegated, the youngest first. */
    | { type: 'undelegate'; id: number; shares: bigint }
    | { type: 'claimDelegation'; id: number }
    | { type: 'claimDelegationRewards'; id: number }
    | { type: 'admitOffence'; offence: Offence }
    | { type: 'commitReport'; commitment: Hex }
    | { type: 'revealReport'; evidenceId: Hex; salt: Hex }
    | { type: 'executeCase'; evidenceId: Hex }
    | { type: 'vetoCase'; evidenceId: Hex }
    | { type: 'pauseCase'; evidenceId: Hex; seconds: bigint }
    | { type: 'unjail'; id: number }
  )

/** What commands answer: the id of the seat, or the wei that were paid. Every other command answers `null`. */
export type PoolResults = {
  lock: number
  leaveQueue: bigint
  claim: bigint
  withdrawRewards: bigint
  submitRewards: bigint
  claimDelegation: bigint
  claimDelegationRewards: bigint
}

/**
 * The result of a {@link PoolCommand}: the id of the seat for `lock`, the wei that were paid for what pays, `null` for
 * the others.
 */
export type PoolResult<Type extends PoolCommand['type']> = Type extends keyof PoolResults ? PoolResults[Type] : null

/** The most that a case can cost a seat: each side's most may add up to more than the whole's. */
export type Exposure = { id: number; mostWei: bigint; mostOperatorWei: bigint; mostDelegatorsWei: bigint }

/** What a command did, in order: what indexers, liquid-staking books and nodes listen to. */
export type SequencerPoolEvent =
  | { type: 'WhitelistSet'; owner: Address; allowed: boolean }
  | { type: 'WatcherSet'; watcher: Address; allowed: boolean }
  | { type: 'LiquidAccountSet'; account: Address; liquid: boolean }
  | { type: 'PausedSet'; paused: boolean }
  | { type: 'Funded'; amountWei: bigint }
  | { type: 'Queued'; id: number; owner: Address; amountWei: bigint; position: number }
  | { type: 'QueueLeft'; id: number; owner: Address; amountWei: bigint }
  | { type: 'Locked'; id: number; owner: Address; signer: Address; amountWei: bigint; electableFromEpoch: bigint }
  | { type: 'Relocked'; id: number; amountWei: bigint; fromRewardWei: bigint }
  /** Own stake begins its way out, a part of it or the whole; it is paid at `claimableAtSeconds` at the earliest. */
  | {
      type: 'UnlockStarted'
      id: number
      amountWei: bigint
      claimableAtSeconds: bigint
      forced: boolean
      whole: boolean
    }
  /** What came of `unlockedWei` that had begun its way out; `whole`: the seat is empty now. */
  | { type: 'StakePaid'; id: number; to: Address; amountWei: bigint; unlockedWei: bigint; whole: boolean }
  | { type: 'RewardsPaid'; id: number; to: Address; amountWei: bigint }
  | { type: 'SignerChanged'; id: number; signer: Address; fromEpoch: bigint }
  | { type: 'OwnerChanged'; id: number; owner: Address }
  | { type: 'RewardRecipientChanged'; id: number; recipient: Address }
  /** The first step is taken at `dueAtSeconds` at the earliest. */
  | { type: 'CommissionAnnounced'; id: number; targetBps: number; dueAtSeconds: bigint }
  | { type: 'CommissionChanged'; id: number; commissionBps: number; fromEpoch: bigint }
  | { type: 'MaintenanceDeclared'; id: number; fromEpoch: bigint; toEpoch: bigint }
  | { type: 'EpochAdvanced'; epoch: bigint; rewardPerBlockWei: bigint }
  /** For blocks of `fromEpoch` … `toEpoch`, shared by the weights with which each of them was elected. */
  | {
      type: 'RewardAccrued'
      id: number
      fromEpoch: bigint
      toEpoch: bigint
      blocks: bigint
      operatorWei: bigint
      delegatorsWei: bigint
    }
  | {
      type: 'RewardEntryRejected'
      index: number
      signer: Address
      /** `unweighed`: had nothing at stake by which it could have been elected. */
      reason: 'unknown' | 'duplicate' | 'blocks' | 'epoch' | 'unweighed' | 'budget'
    }
  | { type: 'RewardBatch'; batchId: bigint; startEpoch: bigint; endEpoch: bigint; amountWei: bigint }
  | { type: 'Delegated'; id: number; delegator: Address; amountWei: bigint; shares: bigint }
  | { type: 'Undelegated'; id: number; delegator: Address; shares: bigint; claimableAtSeconds: bigint }
  | { type: 'DelegationPaid'; id: number; delegator: Address; shares: bigint; amountWei: bigint }
  | { type: 'DelegationRewardsPaid'; id: number; delegator: Address; amountWei: bigint }
  /**
   * A case is open. What it can cost at most; `correlated`: seats convicted before that pay more if this one is
   * convicted as well.
   */
  | ({
      type: 'OffenceAdmitted'
      evidenceId: Hex
      kind: OffenceKind
      executableAtSeconds: bigint
      correlated: readonly Exposure[]
    } & Exposure)
  | { type: 'ReportCommitted'; commitment: Hex; reporter: Address }
  | { type: 'ReportRevealed'; evidenceId: Hex; reporter: Address }
  | { type: 'Jailed'; id: number; untilSeconds: bigint }
  | { type: 'Unjailed'; id: number }
  | { type: 'Tombstoned'; id: number }
  | {
      type: 'Slashed'
      id: number
      evidenceId: Hex
      kind: OffenceKind
      fractionBps: number
      operatorWei: bigint
      /** What of `operatorWei` came out of stake on its way out; the bond pays first. */
      unlockingWei: bigint
      delegatorsWei: bigint
      /** What of `delegatorsWei` came out of redemptions. */
      redeemingWei: bigint
      reporterWei: bigint
      treasuryWei: bigint
      burntWei: bigint
    }
  | { type: 'CaseClosed'; evidenceId: Hex; id: number; outcome: 'executed' | 'vetoed' }
  | { type: 'CasePaused'; evidenceId: Hex; untilSeconds: bigint }
