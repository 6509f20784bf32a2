// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Bonds} from "./Bonds.sol";
import {Penalties} from "./Penalties.sol";
import {Bond, Case, CommissionPlan, Commission, Position, PoolFace, PoolState, Seat, Stage, Status} from "./PoolTypes.sol";
import {Held, Positions} from "./Positions.sol";
import {Entry, Timeline, Timelines} from "./Timelines.sol";

/// @notice What every part of the pool needs: guards, sums, what is remembered, and the token.
library PoolBase {
    using Bonds for Bond[];
    using SafeERC20 for IERC20;
    using Timelines for Timeline;

    /// @notice What a seat has at stake: its own bond and the delegations.
    function bondedWei(Seat storage seat) internal view returns (uint256) {
        return seat.status == Status.Active ? uint256(seat.amountWei) + seat.delegated.amountWei : 0;
    }

    /// @notice Brings the pool's sums and the seat's history of weights up to date. To be called after every change of a seat's stake,
    /// status or jail.
    function sync(PoolState storage pool, Seat storage seat) internal {
        bool isActive = seat.status == Status.Active;
        uint256 ownWei = isActive ? seat.amountWei : 0;
        uint256 delegatedWei = isActive ? seat.delegated.amountWei : 0;
        uint256 nowWei = ownWei + delegatedWei;
        if (nowWei != seat.countedWei) {
            pool.activeWei = pool.activeWei + nowWei - seat.countedWei;
            seat.countedWei = uint128(nowWei);
            note(pool, pool.totals, Entry(uint56(pool.epoch), uint96(pool.activeWei), 0, false));
        }
        uint256 jailedWei = seat.jailedUntil > 0 ? nowWei : 0;
        if (jailedWei != seat.countedJailedWei) {
            pool.jailedWei = pool.jailedWei + jailedWei - seat.countedJailedWei;
            seat.countedJailedWei = uint128(jailedWei);
        }
        bool isElectable = isActive && seat.jailedUntil == 0;
        Entry memory tip = seat.history.newest();
        bool isNew = seat.history.isEmpty()
            ? nowWei > 0
            : tip.a != ownWei || tip.b != delegatedWei || tip.flag != isElectable;
        if (isNew) {
            note(pool, seat.history, Entry(uint56(pool.epoch), uint96(ownWei), uint96(delegatedWei), isElectable));
        }
    }

    function note(PoolState storage pool, Timeline storage line, Entry memory entry) internal {
        line.note(horizonOf(pool), entry);
    }

    /// @notice The oldest epoch of which weights and the times of stake are remembered in full.
    function horizonOf(PoolState storage pool) internal view returns (int256) {
        return int256(uint256(pool.epochStarts.oldest().epoch)) - int256(uint256(pool.config.lookaheadEpochs)) - 1;
    }

    /// @notice The epoch at whose end the weights of `epoch` were fixed; the first ones count by those of epoch 0.
    function weightsEpoch(PoolState storage pool, int256 epoch) internal view returns (uint64) {
        int256 frozenAt = epoch - int256(uint256(pool.config.lookaheadEpochs)) - 1;
        return frozenAt > 0 ? uint64(uint256(frozenAt)) : 0;
    }

    /// @notice Keys and weights that change now count from here on: the first epoch whose weights are not frozen yet.
    function electableFrom(PoolState storage pool) internal view returns (uint64) {
        return pool.epoch + pool.config.lookaheadEpochs + 1;
    }

    /// @notice How long what may still be judged is remembered.
    function rememberedSeconds(PoolState storage pool) internal view returns (uint256) {
        return uint256(pool.config.windows.evidenceMaxAgeSeconds) + pool.config.windows.vetoWindowSeconds
            + pool.config.windows.correlationSettleSeconds + pool.config.windows.correlationWindowSeconds
            + pool.config.windows.maxPauseSeconds;
    }

    function weightAt(Seat storage seat, int256 epoch) internal view returns (uint256) {
        Entry memory entry = seat.history.at(epoch);
        return uint256(entry.a) + entry.b;
    }

    /// @notice The commission on rewards of `epoch`.
    function commissionAt(Seat storage seat, uint64 epoch) internal view returns (uint256) {
        Commission[] storage commissions = seat.commissions;
        for (uint256 i = commissions.length - 1; i > 0; i--) {
            if (commissions[i].fromEpoch <= epoch) return commissions[i].bps;
        }
        return commissions[0].bps;
    }

    function find(PoolState storage pool, uint32 id) internal view returns (Seat storage seat) {
        seat = pool.seatOf[id];
        if (seat.status == Status.None) revert PoolFace.SequencerUnknown();
    }

    function owned(PoolState storage pool, uint32 id) internal view returns (Seat storage seat) {
        seat = find(pool, id);
        only(seat.owner);
    }

    function only(address account) internal view {
        if (msg.sender != account) revert PoolFace.NotAuthorized();
    }

    function notPaused(PoolState storage pool) internal view {
        if (pool.paused) revert PoolFace.PoolPaused();
    }

    function requireActive(Seat storage seat) internal view {
        if (seat.status != Status.Active) revert PoolFace.SequencerStatus();
    }

    function requireAmount(uint256 amountWei, uint256 least, uint256 most) internal pure {
        if (amountWei < least || amountWei > most) revert PoolFace.AmountOutOfRange(amountWei, least, most);
    }

    /// @notice What may still come into a seat.
    function roomOf(PoolState storage pool, Seat storage seat) internal view returns (uint256) {
        uint256 has = uint256(seat.amountWei) + seat.delegated.amountWei;
        uint256 most = pool.config.maxLockWei;
        return has < most ? most - has : 0;
    }

    /// @notice Tells stake apart only as far as a fault that may still come forward, or a case that is open, asks for it.
    function join(PoolState storage pool, Seat storage seat) internal {
        if (seat.openCases > 0 || seat.tombstoned) return;
        int256 horizon = horizonOf(pool);
        seat.bonds.join(horizon);
        Positions.join(seat.delegated, horizon);
    }

    /// @notice Nothing leaves a seat against which evidence is open, nor one that was convicted and pays more if a case against another ends
    /// so as well.
    function notFrozen(PoolState storage pool, Seat storage seat) internal view {
        if (seat.openCases > 0) revert PoolFace.ExitFrozen();
        if (!seat.tombstoned) return;
        for (uint256 i = 0; i < pool.recentSafety.length; i++) {
            Case storage open = pool.cases[pool.recentSafety[i]];
            if (open.stage != Stage.Pending) continue;
            for (uint256 j = 0; j < seat.caseIds.length; j++) {
                if (areCorrelated(pool, pool.cases[seat.caseIds[j]], open)) revert PoolFace.ExitFrozen();
            }
        }
    }

    /// @notice Whether two faults belong together: of one class, within the correlation window.
    function areCorrelated(PoolState storage pool, Case storage a, Case storage b) internal view returns (bool) {
        if (!Penalties.isSafety(a.kind) || Penalties.classOf(a.kind) != Penalties.classOf(b.kind)) return false;
        uint256 apart = a.offenceAt < b.offenceAt ? b.offenceAt - a.offenceAt : a.offenceAt - b.offenceAt;
        return apart <= pool.config.windows.correlationWindowSeconds;
    }

    /// @notice What accounts of liquid-staking protocols have at stake, as owners of seats and as delegators.
    function liquidStakeWei(PoolState storage pool) internal view returns (uint256 sum) {
        for (uint256 i = 0; i < pool.liquidAccounts.length; i++) {
            address account = pool.liquidAccounts[i];
            Seat storage own = pool.seatOf[pool.owners[account]];
            if (own.status == Status.Active) sum += own.amountWei;
            uint32[] storage ids = pool.seatsOf[account];
            for (uint256 j = 0; j < ids.length; j++) {
                Seat storage seat = pool.seatOf[ids[j]];
                if (seat.status != Status.Active) continue;
                Position storage position = pool.positions[ids[j]][account];
                for (uint256 k = 0; k < position.lots.length; k++) {
                    sum += Positions.valueOf(seat.delegated, position.lots[k]);
                }
            }
        }
    }

    /// @notice Refuses stake of a liquid-staking protocol that would lift their share of everything above the cap.
    function requireLiquidCap(PoolState storage pool, address account, uint256 addedWei, uint256 totalAddedWei)
        internal
        view
    {
        uint256 cap = pool.config.liquidCapBps;
        if (cap == 10_000 || !pool.isLiquid[account]) return;
        uint256 liquidWei = liquidStakeWei(pool) + addedWei;
        if (liquidWei * 10_000 > (pool.activeWei + totalAddedWei) * cap) revert PoolFace.LiquidCap();
    }

    /// @notice Takes tokens from the caller: all of them, or the call fails. What comes without being asked for is nobody's.
    function pull(PoolState storage pool, uint256 amountWei) internal {
        if (amountWei == 0) return;
        IERC20 token = pool.config.token;
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amountWei);
        uint256 moved = token.balanceOf(address(this)) - before;
        if (moved != amountWei) revert PoolFace.TokenRefused(amountWei, moved);
    }

    function push(PoolState storage pool, address to, uint256 amountWei) internal {
        if (amountWei == 0) return;
        IERC20 token = pool.config.token;
        uint256 before = token.balanceOf(address(this));
        token.safeTransfer(to, amountWei);
        uint256 moved = before - token.balanceOf(address(this));
        if (moved != amountWei) revert PoolFace.TokenRefused(amountWei, moved);
    }

    /// @notice Takes a step of every announced commission that is due, at the start of an epoch.
    function stepCommissions(PoolState storage pool) internal {
        uint256 step = pool.config.maxCommissionStepBps;
        uint256 kept = 0;
        uint256 count = pool.plans.length;
        for (uint256 i = 0; i < count; i++) {
            CommissionPlan memory plan = pool.plans[i];
            if (plan.dueAt <= block.timestamp && plan.fromEpoch <= pool.epoch) {
                Seat storage seat = pool.seatOf[plan.id];
                if (seat.status == Status.Exited) continue;
                uint256 last = commissionAt(seat, pool.epoch);
                uint256 bps = plan.targetBps;
                if (bps > last + step) bps = last + step;
                else if (bps + step < last) bps = last - step;
                if (bps != last) {
                    setCommission(pool, seat, uint16(bps));
                    emit PoolFace.CommissionChanged(plan.id, uint16(bps), pool.epoch);
                }
                if (bps == plan.targetBps) continue;
                plan.dueAt = uint64(block.timestamp) + pool.config.windows.commissionNoticeSeconds;
            }
            pool.plans[kept++] = plan;
        }
        for (; count > kept; count--) pool.plans.pop();
    }

    /// @notice From this epoch on; commissions of before the horizon are forgotten.
    function setCommission(PoolState storage pool, Seat storage seat, uint16 bps) private {
        Commission[] storage commissions = seat.commissions;
        int256 horizon = horizonOf(pool);
        uint256 first = 0;
        while (
            first + 1 < commissions.length && int256(uint256(commissions[first + 1].fromEpoch)) <= horizon
        ) first++;
        if (first > 0) {
            for (uint256 i = first; i < commissions.length; i++) commissions[i - first] = commissions[i];
            for (; first > 0; first--) commissions.pop();
        }
        commissions.push(Commission(bps, pool.epoch));
    }
}
