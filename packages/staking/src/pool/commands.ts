import type { Address, Hex } from 'viem'
import type { OffenceKind } from '../slashing/penalty.js'

/** Who does it and when (seconds since the Unix epoch; never earlier than the state). */
export type CommandContext = { by: Address; at: number }

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
  offenceAt: number
  /** Downtime only: stake offline at the time beyond the usual, in basis points. Default 0. */
  excessOfflineBps?: number
}

/** Everything that changes a pool. */
export type PoolCommand = CommandContext &
  (
    | { type: 'setWhitelist'; owner: Address; allowed: boolean }
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
    | { type: 'setCommission'; id: number; commissionBps: number }
    | { type: 'declareMaintenance'; id: number; fromEpoch: bigint; toEpoch: bigint }
    | { type: 'advanceEpoch'; epoch: bigint }
    | { type: 'accrueBlock'; height: bigint; signer: Address }
    | {
        type: 'submitRewards'
        batchId: bigint
        startEpoch: bigint
        endEpoch: bigint
        entries: readonly { signer: Address; blocks: bigint }[]
      }
    | { type: 'delegate'; id: number; amountWei: bigint }
    | { type: 'undelegate'; id: number; shares: bigint }
    | { type: 'claimDelegation'; id: number }
    | { type: 'claimDelegationRewards'; id: number }
    | { type: 'admitOffence'; offence: Offence }
    | { type: 'commitReport'; commitment: Hex }
    | { type: 'revealReport'; evidenceId: Hex; salt: Hex }
    | { type: 'executeCase'; evidenceId: Hex }
    | { type: 'vetoCase'; evidenceId: Hex }
    | { type: 'pauseCase'; evidenceId: Hex; seconds: number }
    | { type: 'unjail'; id: number }
  )

/** What a command did, in order: what indexers, liquid-staking books and nodes listen to. */
export type PoolEvent =
  | { type: 'WhitelistSet'; owner: Address; allowed: boolean }
  | { type: 'PausedSet'; paused: boolean }
  | { type: 'Funded'; amountWei: bigint }
  | { type: 'Queued'; id: number; owner: Address; amountWei: bigint; position: number }
  | { type: 'QueueLeft'; id: number; owner: Address; amountWei: bigint }
  | { type: 'Locked'; id: number; owner: Address; signer: Address; amountWei: bigint; electableFromEpoch: bigint }
  | { type: 'Relocked'; id: number; amountWei: bigint; fromRewardWei: bigint }
  | { type: 'UnlockStarted'; id: number; amountWei: bigint; claimableAt: number; forced: boolean; whole: boolean }
  | { type: 'StakePaid'; id: number; to: Address; amountWei: bigint }
  | { type: 'RewardsPaid'; id: number; to: Address; amountWei: bigint }
  | { type: 'SignerChanged'; id: number; signer: Address; fromEpoch: bigint }
  | { type: 'OwnerChanged'; id: number; owner: Address }
  | { type: 'RewardRecipientChanged'; id: number; recipient: Address }
  | { type: 'CommissionChanged'; id: number; commissionBps: number }
  | { type: 'MaintenanceDeclared'; id: number; fromEpoch: bigint; toEpoch: bigint }
  | { type: 'EpochAdvanced'; epoch: bigint; rewardPerBlockWei: bigint }
  | { type: 'RewardAccrued'; id: number; blocks: bigint; operatorWei: bigint; delegatorsWei: bigint }
  | {
      type: 'RewardEntryRejected'
      index: number
      signer: Address
      reason: 'unknown' | 'duplicate' | 'blocks' | 'budget'
    }
  | { type: 'RewardBatch'; batchId: bigint; startEpoch: bigint; endEpoch: bigint; amountWei: bigint }
  | { type: 'Delegated'; id: number; delegator: Address; amountWei: bigint; shares: bigint }
  | { type: 'Undelegated'; id: number; delegator: Address; shares: bigint; claimableAt: number }
  | { type: 'DelegationPaid'; id: number; delegator: Address; shares: bigint; amountWei: bigint }
  | { type: 'DelegationRewardsPaid'; id: number; delegator: Address; amountWei: bigint }
  | { type: 'OffenceAdmitted'; id: number; evidenceId: Hex; kind: OffenceKind; executableAt: number }
  | { type: 'ReportCommitted'; commitment: Hex; reporter: Address }
  | { type: 'ReportRevealed'; evidenceId: Hex; reporter: Address }
  | { type: 'Jailed'; id: number; until: number }
  | { type: 'Unjailed'; id: number }
  | { type: 'Tombstoned'; id: number }
  | {
      type: 'Slashed'
      id: number
      evidenceId: Hex
      kind: OffenceKind
      fractionBps: number
      operatorWei: bigint
      delegatorsWei: bigint
      reporterWei: bigint
      treasuryWei: bigint
      burntWei: bigint
    }
  | { type: 'CaseClosed'; evidenceId: Hex; id: number; outcome: 'executed' | 'vetoed' }
  | { type: 'CasePaused'; evidenceId: Hex; until: number }
