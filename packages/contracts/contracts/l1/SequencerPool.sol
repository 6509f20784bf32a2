// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Cases} from "pool/Cases.sol";
import {Delegations, DelegationView} from "pool/Delegations.sol";
import {PoolBase} from "pool/PoolBase.sol";
import {
    Case,
    Key,
    Ledger,
    Offence,
    PoolConfig,
    PoolFace,
    PoolState,
    RewardEntry,
    Seat,
    Status,
    Unlocking,
    Windows
} from "pool/PoolTypes.sol";
import {Range, Rewards} from "pool/Rewards.sol";
import {Seats} from "pool/Seats.sol";
import {Entry, Timeline, Timelines} from "pool/Timelines.sol";
import {ISystemConfig, Rotation} from "./Rotation.sol";

/// What a seat is now.
struct SeatView {
    address owner;
    Status status;
    bool tombstoned;
    uint32 openCases;
    address rewardRecipient;
    address signer;
    uint64 jailedUntil;
    uint64 nonce;
    uint64 activationEpoch;
    uint64 strikes;
    uint16 commissionBps;
    uint256 amountWei;
    uint256 unlockingWei;
    uint256 rewardWei;
    uint256 delegatedWei;
    uint256 redeemingWei;
    uint256 delegatorsRewardWei;
}

/// Who may be elected for an epoch, with what weight, and the key that will sign.
struct Candidate {
    uint32 id;
    uint256 weightWei;
    address signer;
}

/// @notice Stake of the sequencers of a rollup, held in a token: seats, delegations, exits that wait, rewards, and penalties that are taken
/// from what was bonded when the fault was committed. Its rules are those of the reducer `applyPool` of the staking package, to the wei. Nobody can
/// change its code or its configuration. The owner of the rollup's SystemConfig as well, if it is given one.
contract SequencerPool is PoolFace, Rotation, ReentrancyGuardTransient {
    using PoolBase for PoolState;
    using PoolBase for Seat;
    using Timelines for Timeline;

    PoolState private pool;

    /// @notice A call that was done, as it came: with the times of their blocks all of them together are the commands that lead the reducer to
    /// the same state.
    event Told(address indexed by, bytes call);

    constructor(PoolConfig memory config_, ISystemConfig systemConfig_, uint256 l2ChainId_, uint256 handOverDelaySeconds_)
        Rotation(systemConfig_, config_.operator, l2ChainId_, handOverDelaySeconds_)
    {
        check(config_);
        pool.config = config_;
        pool.nextId = 1;
        pool.epochStarts.add(Entry(0, uint96(block.timestamp), 0, false));
        pool.epochStartedAt[0] = uint64(block.timestamp);
    }

    /// @notice What must hold so that stake cannot leave before it can be slashed, and so that no sum is out of its type.
    function check(PoolConfig memory c) private pure {
        Windows memory w = c.windows;
        bool isValid = address(c.token) != address(0) && c.admin != address(0) && c.council != address(0)
            && c.rewarder != address(0) && c.treasury != address(0) && c.minLockWei > 0 && c.minLockWei <= c.maxLockWei
            && c.minDelegationWei > 0 && c.minDelegationWei <= c.maxLockWei && c.maxSeats > 0
            && uint256(c.maxSeats) * c.maxLockWei <= type(uint96).max && c.lookaheadEpochs >= 2
            && c.lookaheadEpochs <= 1000 && c.blockIntervalMs > 0 && c.blockIntervalMs <= 3_600_000
            && c.targetRateBps <= 10_000 && c.firstLossBps <= 10_000 && c.maxCommissionBps <= 10_000
            && c.maxCommissionStepBps > 0 && c.maxCommissionStepBps <= 10_000 && c.liquidCapBps <= 10_000;
        bool isHeld = uint256(w.evidenceMaxAgeSeconds) + w.vetoWindowSeconds + w.correlationSettleSeconds
            <= w.exitDelaySeconds && w.disputeWindowSeconds <= w.evidenceMaxAgeSeconds;
        if (!isValid || !isHeld) revert ConfigInvalid();
    }

    modifier told() {
        _;
        emit Told(msg.sender, msg.data);
    }

    // The owner of a seat.

    /// @notice Locks stake for a seat: a free one, or a place in the queue. Needs a permit and the token's approval.
    function lock(address signer, uint256 amountWei, address rewardRecipient, uint16 commissionBps)
        external
        nonReentrant
        told
        returns (uint32 id)
    {
        return Seats.lock(pool, signer, amountWei, rewardRecipient, commissionBps);
    }

    function leaveQueue(uint32 id) external nonReentrant told returns (uint256 amountWei) {
        return Seats.leaveQueue(pool, id);
    }

    /// @notice Adds stake: new tokens, the seat's rewards, or both.
    function relock(uint32 id, uint256 amountWei, bool lockReward) external nonReentrant told {
        Seats.relock(pool, id, amountWei, lockReward);
    }

    /// @notice Begins a partial exit; it waits as every exit does.
    function withdraw(uint32 id, uint256 amountWei) external nonReentrant told {
        Seats.withdraw(pool, id, amountWei);
    }

    function withdrawRewards(uint32 id) external nonReentrant told returns (uint256 amountWei) {
        return Seats.withdrawRewards(pool, id);
    }

    /// @notice Gives the seat up. The stake can be claimed after the exit delay, once no case is open.
    function unlock(uint32 id) external nonReentrant told {
        Seats.unlock(pool, id);
    }

    function claim(uint32 id) external nonReentrant told returns (uint256 amountWei) {
        return Seats.claim(pool, id);
    }

    /// @notice Changes the key that signs, from the first epoch on whose weights are not frozen. For the owner or the present key.
    function updateSigner(uint32 id, address signer) external nonReentrant told {
        Seats.updateSigner(pool, id, signer);
    }

    function setOwner(uint32 id, address owner) external nonReentrant told {
        Seats.setOwner(pool, id, owner);
    }

    function setRewardRecipient(uint32 id, address recipient) external nonReentrant told {
        Seats.setRewardRecipient(pool, id, recipient);
    }

    /// @notice Announces a commission; it is reached by steps, the first after the notice.
    function setCommission(uint32 id, uint16 commissionBps) external nonReentrant told {
        Seats.setCommission(pool, id, commissionBps);
    }

    function declareMaintenance(uint32 id, uint64 fromEpoch, uint64 toEpoch) external nonReentrant told {
        Seats.declareMaintenance(pool, id, fromEpoch, toEpoch);
    }

    function unjail(uint32 id) external nonReentrant told {
        Cases.unjail(pool, id);
    }

    // Delegators.

    function delegate(uint32 id, uint256 amountWei) external nonReentrant told {
        Delegations.delegate(pool, id, amountWei);
    }

    /// @notice Begins an exit. `shares` are wei as they were delegated, the youngest first.
    function undelegate(uint32 id, uint256 shares) external nonReentrant told {
        Delegations.undelegate(pool, id, shares);
    }

    function claimDelegation(uint32 id) external nonReentrant told returns (uint256 amountWei) {
        return Delegations.claimDelegation(pool, id);
    }

    function claimDelegationRewards(uint32 id) external nonReentrant told returns (uint256 amountWei) {
        return Delegations.claimDelegationRewards(pool, id);
    }

    // Rewards and epochs.

    /// @notice Pays into the budget for rewards. Anybody may.
    function fund(uint256 amountWei) external nonReentrant told {
        Seats.fund(pool, amountWei);
    }

    function advanceEpoch(uint64 epoch_) external nonReentrant told {
        Seats.advanceEpoch(pool, epoch_);
    }

    /// @notice Pays one block, in a pool that is paid by blocks. Heights and epochs ascend.
    function accrueBlock(uint64 height, address signer, uint64 epoch_) external nonReentrant told {
        Rewards.accrueBlock(pool, height, signer, epoch_);
    }

    /// @notice Pays a batch of finalized epochs, in a pool that is paid by batches.
    function submitRewards(uint64 batchId, uint64 startEpoch, uint64 endEpoch, RewardEntry[] calldata entries)
        external
        nonReentrant
        told
        returns (uint256 amountWei)
    {
        return Rewards.submit(pool, Range(batchId, startEpoch, endEpoch), entries);
    }

    // Offences.

    /// @notice Opens a case: the operator's word, or a proof that the verifier has checked.
    function admitOffence(Offence calldata offence) external nonReentrant told {
        Cases.admit(pool, offence);
    }

    /// @notice Commits to evidence before it is public: keccak256(evidenceHash ‖ reporter ‖ salt).
    function commitReport(bytes32 commitment) external nonReentrant told {
        Cases.commitReport(pool, commitment);
    }

    function revealReport(bytes32 evidenceId, bytes32 salt) external nonReentrant told {
        Cases.revealReport(pool, evidenceId, salt);
    }

    /// @notice Takes what a case costs once its windows have closed. Anybody may.
    function executeCase(bytes32 evidenceId) external nonReentrant told {
        Cases.execute(pool, evidenceId);
    }

    function vetoCase(bytes32 evidenceId) external nonReentrant told {
        Cases.veto(pool, evidenceId);
    }

    /// @notice Holds a case once, for a time that ends by itself.
    function pauseCase(bytes32 evidenceId, uint64 span) external nonReentrant told {
        Cases.pause(pool, evidenceId, span);
    }

    /// @notice Sends what the pool owes to an account: a reporter's share, the treasury's, or what is burnt. Anybody may.
    function collect(address account) external nonReentrant returns (uint256 amountWei) {
        amountWei = pool.owedWei[account];
        if (amountWei == 0) revert NothingToClaim();
        pool.owedWei[account] = 0;
        emit Collected(account, amountWei);
        pool.push(account, amountWei);
    }

    // Administration.

    function setWhitelist(address owner, bool allowed) external nonReentrant told {
        Seats.setWhitelist(pool, owner, allowed);
    }

    function setWatcher(address watcher, bool allowed) external nonReentrant told {
        Seats.setWatcher(pool, watcher, allowed);
    }

    function setLiquidAccount(address account, bool liquid) external nonReentrant told {
        Seats.setLiquidAccount(pool, account, liquid);
    }

    /// @notice Stops what comes in. Exits are never paused.
    function setPaused(bool paused_) external nonReentrant told {
        Seats.setPaused(pool, paused_);
    }

    function forceUnlock(uint32 id) external nonReentrant told {
        Seats.forceUnlock(pool, id);
    }

    // What is.

    function config() external view returns (PoolConfig memory) {
        return pool.config;
    }

    function ledger() external view returns (Ledger memory) {
        return pool.ledger;
    }

    function epoch() external view returns (uint64) {
        return pool.epoch;
    }

    /// @notice When an epoch began; zero for one that has not.
    function epochStartedAt(uint64 epoch_) external view returns (uint64) {
        return pool.epochStartedAt[epoch_];
    }

    /// @notice Everything bonded in seats that are held, of it what is jailed, seats held, the next id, and the reward per block.
    function totals()
        external
        view
        returns (uint256 activeWei, uint256 jailedWei, uint32 seats, uint32 nextId, uint256 rewardPerBlockWei, bool paused)
    {
        return (pool.activeWei, pool.jailedWei, pool.seats, pool.nextId, pool.rewardPerBlockWei, pool.paused);
    }

    function queue() external view returns (uint32[] memory) {
        return pool.queue;
    }

    function seatOf(uint32 id) external view returns (SeatView memory shown) {
        Seat storage seat = pool.find(id);
        shown.owner = seat.owner;
        shown.status = seat.status;
        shown.tombstoned = seat.tombstoned;
        shown.openCases = seat.openCases;
        shown.rewardRecipient = seat.rewardRecipient;
        shown.signer = seat.keys[seat.keys.length - 1].signer;
        shown.jailedUntil = seat.jailedUntil;
        shown.nonce = seat.nonce;
        shown.activationEpoch = seat.activationEpoch;
        shown.strikes = seat.strikes;
        shown.commissionBps = uint16(seat.commissionAt(pool.epoch));
        shown.amountWei = seat.amountWei;
        for (uint64 i = seat.unlockingFrom; i < seat.unlockingTo; i++) shown.unlockingWei += seat.unlocking[i].amountWei;
        shown.rewardWei = seat.rewardWei;
        shown.delegatedWei = seat.delegated.amountWei;
        shown.redeemingWei = seat.delegated.redeemingWei;
        shown.delegatorsRewardWei = seat.delegated.rewardWei;
    }

    /// @notice Stake on its way out, in the order in which it can be claimed.
    function unlockingOf(uint32 id) external view returns (Unlocking[] memory list) {
        Seat storage seat = pool.find(id);
        list = new Unlocking[](seat.unlockingTo - seat.unlockingFrom);
        for (uint64 i = seat.unlockingFrom; i < seat.unlockingTo; i++) list[i - seat.unlockingFrom] = seat.unlocking[i];
    }

    function keysOf(uint32 id) external view returns (Key[] memory) {
        return pool.find(id).keys;
    }

    function delegationOf(uint32 id, address delegator) external view returns (DelegationView memory) {
        return Delegations.viewOf(pool, id, delegator);
    }

    function caseOf(bytes32 evidenceId) external view returns (Case memory) {
        return pool.cases[evidenceId];
    }

    function casesOf(uint32 id) external view returns (bytes32[] memory) {
        return pool.find(id).caseIds;
    }

    /// @notice What `collect` would send.
    function owedWei(address account) external view returns (uint256) {
        return pool.owedWei[account];
    }

    function isWhitelisted(address owner) external view returns (bool) {
        return pool.whitelist[owner];
    }

    function isWatcher(address watcher) external view returns (bool) {
        return pool.watchers[watcher];
    }

    /// @notice The seat of an owner, zero for none.
    function idOfOwner(address owner) external view returns (uint32) {
        return pool.owners[owner];
    }

    /// @notice Whose key this is or ever was, zero for nobody's.
    function idOfSigner(address signer) external view returns (uint32) {
        return pool.signers[signer];
    }

    /// @notice The key that signs for a seat in an epoch, zero before its first.
    function signerAt(uint32 id, uint64 epoch_) public view returns (address) {
        Key[] storage keys = pool.find(id).keys;
        for (uint256 i = keys.length; i > 0; i--) {
            if (keys[i - 1].fromEpoch <= epoch_) return keys[i - 1].signer;
        }
        return address(0);
    }

    /// @notice The weights with which an epoch is elected, by id: those of the end of epoch − L − 1, fixed before any entropy of the epoch
    /// exists. Jailed and empty seats are left out.
    function electionWeights(uint64 epoch_) external view returns (Candidate[] memory list) {
        int256 frozenAt = int256(uint256(epoch_)) - int256(uint256(pool.config.lookaheadEpochs)) - 1;
        if (frozenAt >= int256(uint256(pool.epoch)) || frozenAt < pool.horizonOf()) revert EpochUnknown();
        list = new Candidate[](pool.nextId - 1);
        uint256 count = 0;
        for (uint32 id = 1; id < pool.nextId; id++) {
            Seat storage seat = pool.seatOf[id];
            Entry memory weights = seat.history.at(frozenAt);
            uint256 weightWei = uint256(weights.a) + weights.b;
            if (!weights.flag || weightWei == 0 || seat.tombstoned) continue;
            address signer = signerAt(id, epoch_);
            if (signer != address(0)) list[count++] = Candidate(id, weightWei, signer);
        }
        assembly ("memory-safe") {
            mstore(list, count)
        }
    }
}
