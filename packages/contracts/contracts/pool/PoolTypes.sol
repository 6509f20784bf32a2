// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Timeline} from "./Timelines.sol";

/// `Queued` waits for a seat, `Active` may be elected, `Exiting` gave up its seat and waits for its stake, `Exited` is paid out.
enum Status {
    None,
    Queued,
    Active,
    Exiting,
    Exited
}

/// What a sequencer can be convicted of.
enum Kind {
    EquivocationBlock,
    EquivocationBatch,
    EquivocationReceipt,
    InvalidStateRoot,
    AttestedInvalid,
    Downtime,
    CensorshipForced,
    Ordering,
    DataWithholding,
    MissedReveal
}

enum Stage {
    None,
    Pending,
    Executed,
    Vetoed
}

/// Why an entry of a reward batch was not paid.
enum Rejection {
    None,
    Unknown,
    Duplicate,
    Blocks,
    Epoch,
    Unweighed,
    Budget
}

// `jailedUntil` of a sequencer whose safety case is open.
uint64 constant FOREVER = type(uint64).max;

/// The windows that hold stake back long enough to be slashed.
struct Windows {
    uint32 exitDelaySeconds;
    uint32 evidenceMaxAgeSeconds;
    uint32 vetoWindowSeconds;
    uint32 correlationSettleSeconds;
    uint32 correlationWindowSeconds;
    uint32 disputeWindowSeconds;
    uint32 maxPauseSeconds;
    uint32 commissionNoticeSeconds;
}

struct PoolConfig {
    /// What is staked. It must move exactly what it is told to move.
    IERC20 token;
    /// Seats, pause, forced exits, watchers, accounts of liquid staking.
    address admin;
    /// Cancels or pauses cases, and can do nothing else.
    address council;
    /// Reports blocks or reward batches.
    address rewarder;
    /// Advances epochs, and admits offences that no signature alone proves.
    address operator;
    /// A contract that admits what signatures prove, for anybody; zero for none.
    address verifier;
    address treasury;
    uint96 minLockWei;
    uint96 maxLockWei;
    /// The least that is delegated, and that leaves or stays: what bounds how much a penalty has to walk.
    uint96 minDelegationWei;
    uint32 maxSeats;
    uint32 lookaheadEpochs;
    uint32 blockIntervalMs;
    uint16 targetRateBps;
    uint16 firstLossBps;
    uint16 maxCommissionBps;
    uint16 maxCommissionStepBps;
    uint16 liquidCapBps;
    bool paidByBatches;
    bool delegatorsSlashable;
    Windows windows;
}

/// Stake by the epoch in which it came in.
struct Bond {
    uint64 fromEpoch;
    uint128 amountWei;
}

/// A part of the operator's own stake on its way out.
struct Unlocking {
    uint128 amountWei;
    uint128 initialWei;
    uint64 startedEpoch;
    uint64 claimableAt;
    Bond[] bonds;
}

struct Key {
    address signer;
    uint64 fromEpoch;
}

struct Commission {
    uint16 bps;
    uint64 fromEpoch;
}

struct Maintenance {
    uint64 fromEpoch;
    uint64 toEpoch;
}

/// Of what delegators had in when the fault was committed, `keptWei` of `ofWei` is left.
struct Loss {
    uint64 offenceEpoch;
    uint64 epoch;
    uint128 keptWei;
    uint128 ofWei;
    /// Whether weights of its epoch had been paid for already, and up to which figure then.
    bool isPaid;
    uint256 perWei;
}

/// Everything before the weights of `epoch` was paid up to this figure of `rewardPerWei`.
struct Paid {
    uint64 epoch;
    uint256 perWei;
}

/// What delegators have in a seat.
struct Backing {
    uint128 amountWei;
    uint128 redeemingWei;
    uint128 rewardWei;
    /// One more than the last epoch whose weights were paid for; 0 for none.
    uint64 rewardedEpochs;
    bool isUsed;
    /// Rewards per wei of weight, times 2^96, all that was ever credited.
    uint256 rewardPerWei;
    Bond[] bonds;
    /// Epochs in which stake left that may still have to answer, ascending.
    uint64[] redeemingEpochs;
    mapping(uint64 startedEpoch => Bond[]) redeeming;
    Loss[] losses;
    Paid[] paid;
}

struct Seat {
    address owner;
    Status status;
    bool tombstoned;
    uint32 openCases;
    address rewardRecipient;
    uint64 jailedUntil;
    uint128 amountWei;
    uint128 rewardWei;
    /// What of it the pool's sums have.
    uint128 countedWei;
    uint128 countedJailedWei;
    uint64 nonce;
    uint64 activationEpoch;
    uint64 strikes;
    uint64 lastStrikeAt;
    Bond[] bonds;
    /// Those that wait are `unlockingFrom` … `unlockingTo` − 1.
    uint64 unlockingFrom;
    uint64 unlockingTo;
    mapping(uint64 index => Unlocking) unlocking;
    Key[] keys;
    Timeline history;
    Commission[] commissions;
    Backing delegated;
    bytes32[] caseIds;
    Maintenance[] maintenance;
}

/// A part of a position that came in together.
struct Lot {
    uint128 shares;
    uint128 amountWei;
    uint64 fromEpoch;
    uint64 losses;
    bool isPaid;
    uint256 paidPerWei;
}

/// Stake that has left and still earns for the epochs for which it was weighed.
struct Tail {
    uint128 amountWei;
    uint64 fromEpoch;
    uint64 toEpoch;
    uint64 losses;
    bool isPaid;
    uint256 paidPerWei;
}

/// Stake on its way out.
struct Redemption {
    uint128 shares;
    uint128 amountWei;
    uint64 fromEpoch;
    uint64 startedEpoch;
    uint64 claimableAt;
    uint64 losses;
}

/// A delegator's position in one seat.
struct Position {
    uint256 rewardWei;
    bool isKnown;
    Lot[] lots;
    Tail[] tails;
    Redemption[] redemptions;
}

struct Case {
    bytes32 evidenceHash;
    Kind kind;
    Stage stage;
    uint32 id;
    uint16 excessOfflineBps;
    uint8 pauses;
    uint64 offenceEpoch;
    uint64 stakeEpoch;
    uint64 offenceAt;
    uint64 admittedAt;
    uint64 executableAt;
    uint128 stakeWei;
    uint128 totalWei;
    uint128 ownWei;
    uint128 correlatedWei;
    address reporter;
    uint64 reporterOrder;
}

struct Offence {
    Kind kind;
    uint32 id;
    bytes32 evidenceId;
    bytes32 evidenceHash;
    uint64 offenceEpoch;
    uint64 offenceAt;
    uint16 excessOfflineBps;
}

struct Report {
    address reporter;
    uint64 order;
    uint64 at;
}

struct CommissionPlan {
    uint32 id;
    uint16 targetBps;
    uint64 dueAt;
    uint64 fromEpoch;
}

/// Blocks of one leader; without an epoch they count as spread evenly over those for which he was weighed.
struct RewardEntry {
    address signer;
    uint64 blocks;
    bool hasEpoch;
    uint64 epoch;
}

/// Where every wei that ever came in is, beside what seats and delegators hold.
struct Ledger {
    uint256 depositedWei;
    uint256 fundedWei;
    uint256 budgetWei;
    uint256 burntWei;
    uint256 treasuryWei;
    uint256 paidOutWei;
}

/// The most that a case can cost a seat.
struct Exposure {
    uint32 id;
    uint256 mostWei;
    uint256 mostOperatorWei;
    uint256 mostDelegatorsWei;
}

struct PoolState {
    PoolConfig config;
    uint64 epoch;
    uint64 rewardBatch;
    uint64 nextRewardEpoch;
    uint64 nextHeight;
    uint64 lastPaidEpoch;
    uint64 reportCount;
    uint32 nextId;
    uint32 seats;
    bool paused;
    uint128 rewardPerBlockWei;
    uint256 activeWei;
    uint256 jailedWei;
    Ledger ledger;
    /// What the pool owes to the treasury, to reporters, and to nobody (what is burnt), until it is collected.
    mapping(address account => uint256) owedWei;
    Timeline epochStarts;
    Timeline rates;
    Timeline totals;
    mapping(uint64 epoch => uint64) epochStartedAt;
    mapping(address owner => bool) whitelist;
    mapping(address watcher => bool) watchers;
    mapping(uint32 id => Seat) seatOf;
    mapping(address owner => uint32) owners;
    mapping(address signer => uint32) signers;
    uint32[] queue;
    mapping(uint32 id => mapping(address delegator => Position)) positions;
    mapping(address delegator => uint32[]) seatsOf;
    mapping(bytes32 evidenceId => Case) cases;
    bytes32[] recentSafety;
    mapping(bytes32 commitment => Report) reports;
    mapping(address reporter => bytes32[]) reportsOf;
    /// Commitments of before are forgotten.
    uint64 reportsFrom;
    CommissionPlan[] plans;
    address[] liquidAccounts;
    mapping(address account => bool) isLiquid;
}

/// What the pool says and refuses with; errors are the codes of the reducer in the staking package.
interface PoolFace {
    event WhitelistSet(address indexed owner, bool allowed);
    event WatcherSet(address indexed watcher, bool allowed);
    event LiquidAccountSet(address indexed account, bool liquid);
    event PausedSet(bool paused);
    event Funded(uint256 amountWei);
    event Queued(uint32 indexed id, address indexed owner, uint256 amountWei, uint256 position);
    event QueueLeft(uint32 indexed id, address indexed owner, uint256 amountWei);
    event Locked(
        uint32 indexed id, address indexed owner, address indexed signer, uint256 amountWei, uint64 electableFromEpoch
    );
    event Relocked(uint32 indexed id, uint256 amountWei, uint256 fromRewardWei);
    event UnlockStarted(uint32 indexed id, uint256 amountWei, uint64 claimableAt, bool forced, bool whole);
    event StakePaid(uint32 indexed id, address indexed to, uint256 amountWei, uint256 unlockedWei, bool whole);
    event RewardsPaid(uint32 indexed id, address indexed to, uint256 amountWei);
    event SignerChanged(uint32 indexed id, address indexed signer, uint64 fromEpoch);
    event OwnerChanged(uint32 indexed id, address indexed owner);
    event RewardRecipientChanged(uint32 indexed id, address indexed recipient);
    event CommissionAnnounced(uint32 indexed id, uint16 targetBps, uint64 dueAt);
    event CommissionChanged(uint32 indexed id, uint16 commissionBps, uint64 fromEpoch);
    event MaintenanceDeclared(uint32 indexed id, uint64 fromEpoch, uint64 toEpoch);
    event EpochAdvanced(uint64 indexed epoch, uint256 rewardPerBlockWei);
    event RewardAccrued(
        uint32 indexed id, uint64 fromEpoch, uint64 toEpoch, uint256 blocks, uint256 operatorWei, uint256 delegatorsWei
    );
    event RewardEntryRejected(uint256 index, address indexed signer, Rejection reason);
    event RewardBatch(uint64 indexed batchId, uint64 startEpoch, uint64 endEpoch, uint256 amountWei);
    event Delegated(uint32 indexed id, address indexed delegator, uint256 amountWei, uint256 shares);
    event Undelegated(uint32 indexed id, address indexed delegator, uint256 shares, uint64 claimableAt);
    event DelegationPaid(uint32 indexed id, address indexed delegator, uint256 shares, uint256 amountWei);
    event DelegationRewardsPaid(uint32 indexed id, address indexed delegator, uint256 amountWei);
    event OffenceAdmitted(
        uint32 indexed id,
        bytes32 indexed evidenceId,
        Kind kind,
        uint64 executableAt,
        uint256 mostWei,
        uint256 mostOperatorWei,
        uint256 mostDelegatorsWei,
        Exposure[] correlated
    );
    event ReportCommitted(bytes32 indexed commitment, address indexed reporter);
    event ReportRevealed(bytes32 indexed evidenceId, address indexed reporter);
    event Jailed(uint32 indexed id, uint64 until);
    event Unjailed(uint32 indexed id);
    event Tombstoned(uint32 indexed id);
    event Slashed(
        uint32 indexed id,
        bytes32 indexed evidenceId,
        Kind kind,
        uint256 fractionBps,
        uint256 operatorWei,
        uint256 unlockingWei,
        uint256 delegatorsWei,
        uint256 redeemingWei,
        uint256 reporterWei,
        uint256 treasuryWei,
        uint256 burntWei
    );
    event CaseClosed(bytes32 indexed evidenceId, uint32 indexed id, Stage outcome);
    event CasePaused(bytes32 indexed evidenceId, uint64 until);
    /// What the pool owed left it: a reporter's share, the treasury's, or what is burnt.
    event Collected(address indexed account, uint256 amountWei);

    error ConfigInvalid();
    error InputInvalid();
    error PoolPaused();
    error NotAuthorized();
    error NotWhitelisted();
    error OwnerHasSeat();
    error SignerUsed();
    error AmountOutOfRange(uint256 amountWei, uint256 least, uint256 most);
    error SequencerUnknown();
    error SequencerStatus();
    error ExitFrozen();
    error NothingToClaim();
    error EpochInvalid();
    error EpochUnknown();
    error RewardSource();
    error RewardBatchInvalid();
    error DelegationRefused();
    error LiquidCap();
    error CaseUnknown();
    error CaseDuplicate();
    error CaseStage();
    error OffenceWindow();
    error ReportInvalid();
    /// A list is as long as the contract can walk.
    error TooMany();
    /// The token moved another amount than it was told.
    error TokenRefused(uint256 expectedWei, uint256 movedWei);
}
