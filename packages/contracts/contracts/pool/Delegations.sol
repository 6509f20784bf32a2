// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {PoolBase} from "./PoolBase.sol";
import {Backing, Lot, Position, PoolFace, PoolState, Redemption, Seat} from "./PoolTypes.sol";
import {Held, Positions} from "./Positions.sol";

/// What a delegator holds in a seat now; wei rounded down.
struct DelegationView {
    uint256 shares;
    uint256 assetsWei;
    uint256 redeemingShares;
    uint256 redeemingWei;
    uint256 rewardWei;
}

/// @notice Delegators of the pool. As `delegation/delegation.ts` of the staking package.
library Delegations {
    using PoolBase for PoolState;
    using PoolBase for Seat;
    using Positions for Backing;
    using Positions for Position;

    uint256 private constant MAX_WAITING = 16;
    /// Epochs in which stake of one seat may have come in; with `minDelegationWei` it bounds what a penalty has to walk.
    uint256 private constant MAX_BONDS = 512;

    function viewOf(PoolState storage pool, uint32 id, address delegator)
        external
        view
        returns (DelegationView memory shown)
    {
        Backing storage delegated = pool.seatOf[id].delegated;
        Held memory held = pool.positions[id][delegator].load();
        for (uint256 i = 0; i < held.lotCount; i++) {
            shown.shares += held.lots[i].shares;
            shown.assetsWei += delegated.valueOf(held.lots[i]);
        }
        for (uint256 i = 0; i < held.redemptionCount; i++) {
            shown.redeemingShares += held.redemptions[i].shares;
            shown.redeemingWei += delegated.valueOf(held.redemptions[i]);
        }
        delegated.settle(held);
        shown.rewardWei = held.rewardWei;
    }

    /// @notice A position brought up to date; what nothing tells apart any more is joined.
    function settled(PoolState storage pool, Seat storage seat, Position storage position)
        private
        view
        returns (Held memory held)
    {
        held = position.load();
        settle(pool, seat, held);
    }

    function settle(PoolState storage pool, Seat storage seat, Held memory held) private view {
        seat.delegated.settle(held);
        if (seat.openCases > 0 || seat.tombstoned) return;
        int256 horizon = pool.horizonOf();
        seat.delegated.joinLots(held, horizon, pool.weightsEpoch(horizon));
    }

    function delegate(PoolState storage pool, uint32 id, uint256 amountWei) external {
        pool.notPaused();
        Seat storage seat = pool.find(id);
        pool.join(seat);
        Position storage position = pool.positions[id][msg.sender];
        seat.requireActive();
        if (seat.jailedUntil > 0) revert PoolFace.DelegationRefused();
        PoolBase.requireAmount(amountWei, 1, pool.roomOf(seat));
        if (amountWei < pool.config.minDelegationWei) {
            revert PoolFace.AmountOutOfRange(amountWei, pool.config.minDelegationWei, pool.roomOf(seat));
        }
        Held memory held = position.load();
        // A position to which stake is added need not be up to date: every lot knows how far it was paid.
        bool isPaid = pool.epoch < seat.delegated.rewardedEpochs;
        if (isPaid || position.isLong(pool.weightsEpoch(pool.horizonOf()))) settle(pool, seat, held);
        pool.requireLiquidCap(msg.sender, amountWei, amountWei);
        seat.delegated.add(held, pool.epoch, amountWei);
        if (seat.delegated.bonds.length > MAX_BONDS) revert PoolFace.TooMany();
        position.store(held);
        if (!position.isKnown) {
            position.isKnown = true;
            pool.seatsOf[msg.sender].push(id);
        }
        pool.sync(seat);
        pool.ledger.depositedWei += amountWei;
        emit PoolFace.Delegated(id, msg.sender, amountWei, amountWei);
        pool.pull(amountWei);
    }

    function undelegate(PoolState storage pool, uint32 id, uint256 shares) external {
        Seat storage seat = pool.find(id);
        pool.join(seat);
        Position storage position = pool.positions[id][msg.sender];
        Held memory held = settled(pool, seat, position);
        uint256 has = 0;
        for (uint256 i = 0; i < held.lotCount; i++) has += held.lots[i].shares;
        PoolBase.requireAmount(shares, 1, has);
        // All of it, or neither what leaves nor what stays is dust.
        uint256 least = pool.config.minDelegationWei;
        if (shares < has && (shares < least || has - shares < least)) {
            revert PoolFace.AmountOutOfRange(shares, least, has);
        }
        uint256 waiting = 0;
        for (uint256 i = 0; i < held.redemptionCount; i++) {
            if (i == 0 || held.redemptions[i].claimableAt != held.redemptions[i - 1].claimableAt) waiting++;
        }
        if (waiting >= MAX_WAITING) revert PoolFace.DelegationRefused();
        uint64 claimableAt = uint64(block.timestamp) + pool.config.windows.exitDelaySeconds;
        seat.delegated.leave(held, shares, pool.epoch, claimableAt);
        position.store(held);
        pool.sync(seat);
        emit PoolFace.Undelegated(id, msg.sender, shares, claimableAt);
    }

    function claimDelegation(PoolState storage pool, uint32 id) external returns (uint256 amountWei) {
        Seat storage seat = pool.find(id);
        pool.join(seat);
        Position storage position = pool.positions[id][msg.sender];
        Held memory held = settled(pool, seat, position);
        pool.notFrozen(seat);
        uint256 shares = 0;
        uint256 kept = 0;
        for (uint256 i = 0; i < held.redemptionCount; i++) {
            Redemption memory exit = held.redemptions[i];
            if (exit.claimableAt > block.timestamp) {
                held.redemptions[kept++] = exit;
                continue;
            }
            shares += exit.shares;
            amountWei += seat.delegated.pay(exit);
        }
        if (kept == held.redemptionCount) revert PoolFace.NothingToClaim();
        held.redemptionCount = kept;
        position.store(held);
        pool.ledger.paidOutWei += amountWei;
        emit PoolFace.DelegationPaid(id, msg.sender, shares, amountWei);
        pool.push(msg.sender, amountWei);
    }

    function claimDelegationRewards(PoolState storage pool, uint32 id) external returns (uint256 amountWei) {
        Seat storage seat = pool.find(id);
        pool.join(seat);
        Position storage position = pool.positions[id][msg.sender];
        Held memory held = settled(pool, seat, position);
        amountWei = held.rewardWei;
        if (amountWei == 0) revert PoolFace.NothingToClaim();
        held.rewardWei = 0;
        position.store(held);
        seat.delegated.rewardWei -= uint128(amountWei);
        pool.ledger.paidOutWei += amountWei;
        emit PoolFace.DelegationRewardsPaid(id, msg.sender, amountWei);
        pool.push(msg.sender, amountWei);
    }
}
