// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Bonds} from "./Bonds.sol";
import {PoolBase} from "./PoolBase.sol";
import {
    Bond,
    Commission,
    CommissionPlan,
    Key,
    Maintenance,
    PoolFace,
    PoolState,
    Seat,
    Status,
    Unlocking
} from "./PoolTypes.sol";
import {Entry, Timeline, Timelines} from "./Timelines.sol";

/// @notice Seats of the pool: who has one, with which stake and keys, and how stake leaves. As `pool/seats.ts` of the staking package.
library Seats {
    using Bonds for Bond[];
    using PoolBase for PoolState;
    using PoolBase for Seat;
    using Timelines for Timeline;

    uint256 private constant MAX_UNLOCKING = 16;
    uint256 private constant MAX_PLANS = 256;
    uint256 private constant MAX_LIQUID_ACCOUNTS = 16;
    uint256 private constant MAINTENANCE_QUOTA = 20;
    /// Entries that are kept of the times when epochs began.
    uint256 private constant STARTS_KEPT = 1024;

    function setWhitelist(PoolState storage pool, address owner, bool allowed) external {
        PoolBase.only(pool.config.admin);
        if (owner == address(0)) revert PoolFace.InputInvalid();
        pool.whitelist[owner] = allowed;
        emit PoolFace.WhitelistSet(owner, allowed);
    }

    function setWatcher(PoolState storage pool, address watcher, bool allowed) external {
        PoolBase.only(pool.config.admin);
        if (watcher == address(0)) revert PoolFace.InputInvalid();
        pool.watchers[watcher] = allowed;
        emit PoolFace.WatcherSet(watcher, allowed);
    }

    function setLiquidAccount(PoolState storage pool, address account, bool liquid) external {
        PoolBase.only(pool.config.admin);
        if (account == address(0)) revert PoolFace.InputInvalid();
        address[] storage accounts = pool.liquidAccounts;
        if (liquid && !pool.isLiquid[account]) {
            if (accounts.length == MAX_LIQUID_ACCOUNTS) revert PoolFace.TooMany();
            accounts.push(account);
        } else if (!liquid && pool.isLiquid[account]) {
            uint256 at = 0;
            while (accounts[at] != account) at++;
            accounts[at] = accounts[accounts.length - 1];
            accounts.pop();
        }
        pool.isLiquid[account] = liquid;
        emit PoolFace.LiquidAccountSet(account, liquid);
    }

    function setPaused(PoolState storage pool, bool paused) external {
        PoolBase.only(pool.config.admin);
        pool.paused = paused;
        emit PoolFace.PausedSet(paused);
    }

    function lock(
        PoolState storage pool,
        address signer,
        uint256 amountWei,
        address rewardRecipient,
        uint16 commissionBps
    ) external returns (uint32 id) {
        pool.notPaused();
        if (!pool.whitelist[msg.sender]) revert PoolFace.NotWhitelisted();
        requireSigner(pool, signer, true);
        PoolBase.requireAmount(amountWei, pool.config.minLockWei, pool.config.maxLockWei);
        if (commissionBps > pool.config.maxCommissionBps) revert PoolFace.InputInvalid();
        pool.requireLiquidCap(msg.sender, amountWei, amountWei);
        id = pool.nextId++;
        pool.owners[msg.sender] = id;
        pool.signers[signer] = id;
        pool.ledger.depositedWei += amountWei;
        Seat storage seat = pool.seatOf[id];
        seat.owner = msg.sender;
        seat.rewardRecipient = rewardRecipient;
        seat.status = Status.Queued;
        seat.amountWei = uint128(amountWei);
        seat.bonds.add(pool.epoch, amountWei);
        seat.nonce = 1;
        seat.activationEpoch = pool.electableFrom();
        seat.keys.push(Key(signer, seat.activationEpoch));
        seat.commissions.push(Commission(commissionBps, pool.epoch));
        if (pool.seats < pool.config.maxSeats) {
            sit(pool, seat, id);
        } else {
            pool.queue.push(id);
            emit PoolFace.Queued(id, msg.sender, amountWei, pool.queue.length);
        }
        pool.pull(amountWei);
    }

    /// @notice A signer that was never used; at first for an owner who has no seat.
    function requireSigner(PoolState storage pool, address signer, bool isFirst) private view {
        if (signer == address(0)) revert PoolFace.InputInvalid();
        if (isFirst && pool.owners[msg.sender] != 0) revert PoolFace.OwnerHasSeat();
        if (pool.signers[signer] != 0) revert PoolFace.SignerUsed();
    }

    function sit(PoolState storage pool, Seat storage seat, uint32 id) private {
        uint64 fromEpoch = pool.electableFrom();
        seat.status = Status.Active;
        // What waited for the seat had nothing to answer for: it is at stake from now on.
        seat.bonds.truncate(0);
        seat.bonds.add(pool.epoch, seat.amountWei);
        Key storage key = seat.keys[seat.keys.length - 1];
        key.fromEpoch = fromEpoch;
        seat.activationEpoch = fromEpoch;
        pool.sync(seat);
        pool.seats++;
        emit PoolFace.Locked(id, seat.owner, key.signer, seat.amountWei, fromEpoch);
    }

    /// @notice Gives free seats to those who wait, in order.
    function fill(PoolState storage pool) private {
        while (pool.seats < pool.config.maxSeats && pool.queue.length > 0) {
            uint32 id = pool.queue[0];
            unqueue(pool, 0);
            sit(pool, pool.seatOf[id], id);
        }
    }

    function unqueue(PoolState storage pool, uint256 at) private {
        uint32[] storage queue = pool.queue;
        for (uint256 i = at + 1; i < queue.length; i++) queue[i - 1] = queue[i];
        queue.pop();
    }

    function leaveQueue(PoolState storage pool, uint32 id) external returns (uint256 amountWei) {
        Seat storage seat = pool.owned(id);
        if (seat.status != Status.Queued) revert PoolFace.SequencerStatus();
        amountWei = seat.amountWei;
        uint256 at = 0;
        while (pool.queue[at] != id) at++;
        unqueue(pool, at);
        delete pool.owners[msg.sender];
        seat.status = Status.Exited;
        seat.amountWei = 0;
        seat.bonds.truncate(0);
        seat.nonce++;
        pool.ledger.paidOutWei += amountWei;
        emit PoolFace.QueueLeft(id, msg.sender, amountWei);
        pool.push(msg.sender, amountWei);
    }

    function relock(PoolState storage pool, uint32 id, uint256 amountWei, bool lockReward) external {
        pool.notPaused();
        Seat storage seat = pool.owned(id);
        pool.join(seat);
        if (seat.status != Status.Active && seat.status != Status.Queued) revert PoolFace.SequencerStatus();
        uint256 fromRewardWei = lockReward ? seat.rewardWei : 0;
        uint256 room = pool.roomOf(seat);
        // Apart, so that no sum of a caller's is out of its type.
        PoolBase.requireAmount(amountWei, 0, room);
        uint256 added = amountWei + fromRewardWei;
        PoolBase.requireAmount(added, 1, room);
        pool.requireLiquidCap(msg.sender, added, added);
        pool.ledger.depositedWei += amountWei;
        seat.amountWei += uint128(added);
        seat.bonds.add(pool.epoch, added);
        seat.rewardWei -= uint128(fromRewardWei);
        seat.nonce++;
        pool.sync(seat);
        emit PoolFace.Relocked(id, added, fromRewardWei);
        pool.pull(amountWei);
    }

    function withdraw(PoolState storage pool, uint32 id, uint256 amountWei) external {
        Seat storage seat = pool.owned(id);
        seat.requireActive();
        uint256 least = pool.config.minLockWei;
        PoolBase.requireAmount(amountWei, 1, seat.amountWei > least ? seat.amountWei - least : 0);
        if (seat.unlockingTo - seat.unlockingFrom >= MAX_UNLOCKING) revert PoolFace.SequencerStatus();
        startUnlock(pool, seat, id, amountWei, false);
    }

    /// @notice Moves own stake to the way out. Until it is claimed it answers for the time before; what is left, for the time after.
    function startUnlock(PoolState storage pool, Seat storage seat, uint32 id, uint256 amountWei, bool forced) private {
        pool.join(seat);
        bool whole = amountWei == seat.amountWei;
        Unlocking storage entry = seat.unlocking[seat.unlockingTo++];
        entry.amountWei = uint128(amountWei);
        entry.initialWei = uint128(amountWei);
        entry.startedEpoch = pool.epoch;
        entry.claimableAt = uint64(block.timestamp) + pool.config.windows.exitDelaySeconds;
        seat.bonds.takeYoungest(entry.bonds, amountWei);
        seat.amountWei -= uint128(amountWei);
        seat.nonce++;
        if (whole) {
            seat.status = Status.Exiting;
            pool.seats--;
        }
        pool.sync(seat);
        emit PoolFace.UnlockStarted(id, amountWei, entry.claimableAt, forced, whole);
        if (whole) fill(pool);
    }

    function unlock(PoolState storage pool, uint32 id) external {
        Seat storage seat = pool.owned(id);
        seat.requireActive();
        startUnlock(pool, seat, id, seat.amountWei, false);
    }

    function forceUnlock(PoolState storage pool, uint32 id) external {
        PoolBase.only(pool.config.admin);
        eject(pool, id);
    }

    /// @notice Ends a seat whatever its owner wants: the stake goes the way of every exit. For the pool's own parts: it asks for no right.
    function eject(PoolState storage pool, uint32 id) public {
        Seat storage seat = pool.find(id);
        seat.requireActive();
        startUnlock(pool, seat, id, seat.amountWei, true);
    }

    function claim(PoolState storage pool, uint32 id) external returns (uint256 amountWei) {
        Seat storage seat = pool.owned(id);
        pool.notFrozen(seat);
        uint256 unlockedWei = 0;
        uint64 at = seat.unlockingFrom;
        // Those that began earlier can be claimed earlier.
        for (; at < seat.unlockingTo && seat.unlocking[at].claimableAt <= block.timestamp; at++) {
            Unlocking storage entry = seat.unlocking[at];
            amountWei += entry.amountWei;
            unlockedWei += entry.initialWei;
            delete seat.unlocking[at];
        }
        if (at == seat.unlockingFrom) revert PoolFace.NothingToClaim();
        seat.unlockingFrom = at;
        seat.nonce++;
        pool.ledger.paidOutWei += amountWei;
        bool gone = seat.status == Status.Exiting && at == seat.unlockingTo;
        emit PoolFace.StakePaid(id, msg.sender, amountWei, unlockedWei, gone);
        if (gone) {
            seat.status = Status.Exited;
            delete pool.owners[msg.sender];
            if (seat.rewardWei > 0) payRewards(pool, seat, id);
        }
        pool.push(msg.sender, amountWei);
    }

    function payRewards(PoolState storage pool, Seat storage seat, uint32 id) private returns (uint256 amountWei) {
        amountWei = seat.rewardWei;
        seat.rewardWei = 0;
        pool.ledger.paidOutWei += amountWei;
        address to = seat.rewardRecipient == address(0) ? seat.owner : seat.rewardRecipient;
        emit PoolFace.RewardsPaid(id, to, amountWei);
        pool.push(to, amountWei);
    }

    function withdrawRewards(PoolState storage pool, uint32 id) external returns (uint256) {
        Seat storage seat = pool.owned(id);
        if (seat.rewardWei == 0) revert PoolFace.NothingToClaim();
        return payRewards(pool, seat, id);
    }

    function updateSigner(PoolState storage pool, uint32 id, address signer) external {
        Seat storage seat = pool.find(id);
        Key storage current = seat.keys[seat.keys.length - 1];
        if (msg.sender != current.signer) PoolBase.only(seat.owner);
        seat.requireActive();
        requireSigner(pool, signer, false);
        if (current.fromEpoch > pool.epoch) revert PoolFace.EpochInvalid();
        uint64 fromEpoch = pool.electableFrom();
        pool.signers[signer] = id;
        seat.keys.push(Key(signer, fromEpoch));
        seat.nonce++;
        emit PoolFace.SignerChanged(id, signer, fromEpoch);
    }

    function setOwner(PoolState storage pool, uint32 id, address owner) external {
        Seat storage seat = pool.owned(id);
        if (owner == address(0)) revert PoolFace.InputInvalid();
        if (!pool.whitelist[owner]) revert PoolFace.NotWhitelisted();
        if (pool.owners[owner] != 0) revert PoolFace.OwnerHasSeat();
        if (seat.status != Status.Active && seat.status != Status.Queued) revert PoolFace.SequencerStatus();
        if (seat.status == Status.Active && !pool.isLiquid[msg.sender]) {
            pool.requireLiquidCap(owner, seat.amountWei, 0);
        }
        delete pool.owners[msg.sender];
        pool.owners[owner] = id;
        seat.owner = owner;
        emit PoolFace.OwnerChanged(id, owner);
    }

    function setRewardRecipient(PoolState storage pool, uint32 id, address recipient) external {
        Seat storage seat = pool.owned(id);
        if (recipient == address(0)) revert PoolFace.InputInvalid();
        seat.rewardRecipient = recipient;
        emit PoolFace.RewardRecipientChanged(id, recipient);
    }

    /// @notice Announces a commission. Its first step is taken after the notice and not before those who leave now have earned for the last
    /// time. A new announcement replaces an earlier one.
    function setCommission(PoolState storage pool, uint32 id, uint16 commissionBps) external {
        pool.owned(id);
        if (commissionBps > pool.config.maxCommissionBps) revert PoolFace.InputInvalid();
        CommissionPlan[] storage plans = pool.plans;
        uint256 kept = 0;
        uint256 count = plans.length;
        for (uint256 i = 0; i < count; i++) {
            if (plans[i].id != id) plans[kept++] = plans[i];
        }
        for (; count > kept; count--) plans.pop();
        if (kept == MAX_PLANS) revert PoolFace.TooMany();
        uint64 dueAt = uint64(block.timestamp) + pool.config.windows.commissionNoticeSeconds;
        plans.push(CommissionPlan(id, commissionBps, dueAt, pool.electableFrom()));
        emit PoolFace.CommissionAnnounced(id, commissionBps, dueAt);
    }

    function declareMaintenance(PoolState storage pool, uint32 id, uint64 fromEpoch, uint64 toEpoch) external {
        Seat storage seat = pool.owned(id);
        seat.requireActive();
        if (fromEpoch <= pool.epoch || toEpoch < fromEpoch) revert PoolFace.EpochInvalid();
        int256 horizon = pool.horizonOf();
        Maintenance[] storage list = seat.maintenance;
        uint256 kept = 0;
        uint256 count = list.length;
        uint256 spent = uint256(toEpoch) - fromEpoch + 1;
        for (uint256 i = 0; i < count; i++) {
            if (int256(uint256(list[i].toEpoch)) < horizon) continue;
            spent += list[i].toEpoch - list[i].fromEpoch + 1;
            list[kept++] = list[i];
        }
        for (; count > kept; count--) list.pop();
        if (spent > MAINTENANCE_QUOTA) revert PoolFace.EpochInvalid();
        list.push(Maintenance(fromEpoch, toEpoch));
        emit PoolFace.MaintenanceDeclared(id, fromEpoch, toEpoch);
    }

    function fund(PoolState storage pool, uint256 amountWei) external {
        PoolBase.requireAmount(amountWei, 1, type(uint128).max);
        pool.ledger.fundedWei += amountWei;
        pool.ledger.budgetWei += amountWei;
        emit PoolFace.Funded(amountWei);
        pool.pull(amountWei);
    }

    /// @notice Moves to the next epoch, with its reward per block and the commissions that are due; weights of the epoch that ended are
    /// frozen by it.
    function advanceEpoch(PoolState storage pool, uint64 epoch) external {
        PoolBase.only(pool.config.operator);
        if (epoch != pool.epoch + 1) revert PoolFace.EpochInvalid();
        pool.epoch = epoch;
        pool.epochStartedAt[epoch] = uint64(block.timestamp);
        noteStart(pool, epoch);
        uint256 blocksPerYear = 31_536_000_000 / uint256(pool.config.blockIntervalMs);
        uint256 rate = pool.activeWei * pool.config.targetRateBps / 10_000 / blocksPerYear;
        if (rate != pool.rewardPerBlockWei) {
            pool.rewardPerBlockWei = uint128(rate);
            pool.note(pool.rates, Entry(uint56(epoch), uint96(rate), 0, false));
        }
        emit PoolFace.EpochAdvanced(epoch, rate);
        pool.stepCommissions();
    }

    /// @notice The start of this epoch beside those still asked for: what is remembered is a span of time, however short the epochs are.
    function noteStart(PoolState storage pool, uint64 epoch) private {
        Timeline storage starts = pool.epochStarts;
        uint256 remembered = pool.rememberedSeconds();
        uint256 start = starts.start;
        uint256 length = starts.entries.length;
        while (start + 1 < length && starts.entries[start + 1].a + remembered <= block.timestamp) {
            delete starts.entries[start];
            start++;
        }
        starts.start = start;
        if ((block.timestamp - starts.newest().a) * STARTS_KEPT < remembered) return;
        starts.add(Entry(uint56(epoch), uint96(block.timestamp), 0, false));
    }
}
