// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Bonds} from "./Bonds.sol";
import {Penalties, Rule} from "./Penalties.sol";
import {PoolBase} from "./PoolBase.sol";
import {Bond, Case, Backing, Exposure, PoolFace, PoolState, Seat, Stage, Unlocking} from "./PoolTypes.sol";
import {Positions} from "./Positions.sol";

/// What a case costs today, given every case that has been executed; and what of it is due.
struct Price {
    bytes32 evidenceId;
    uint64 offenceAt;
    uint256 ownBps;
    uint256 fractionBps;
    uint256 ownWei;
    uint256 correlatedWei;
    uint256 dueOwnWei;
    uint256 dueCorrelatedWei;
}

/// What of a seat was bonded when the fault was committed and is still here.
struct Liable {
    uint256 bondWei;
    uint256 unlockingWei;
    uint256 delegatorsWei;
}

/// @notice What cases cost, who pays it, and who gets it. As `slashing/charge.ts` of the staking package.
library Charges {
    using Bonds for Bond[];
    using PoolBase for PoolState;
    using Positions for Backing;

    /// Within it a repeated service fault costs more.
    uint256 internal constant MONTH = 30 days;
    /// Where burnt tokens are sent: nobody has its key.
    address internal constant NOBODY = 0x000000000000000000000000000000000000dEaD;

    /// @notice Executed safety cases of the same class within the correlation window, the case itself included.
    function correlated(PoolState storage pool, Case storage open) internal view returns (bytes32[] memory ids) {
        bytes32[] storage recent = pool.recentSafety;
        ids = new bytes32[](recent.length);
        uint256 count = 0;
        for (uint256 i = 0; i < recent.length; i++) {
            Case storage other = pool.cases[recent[i]];
            if (other.stage == Stage.Executed && pool.areCorrelated(other, open)) ids[count++] = recent[i];
        }
        assembly ("memory-safe") {
            mstore(ids, count)
        }
    }

    /// @notice The stake of all who are correlated with a case, each once, with the most that it had; its own first.
    function offendersWei(PoolState storage pool, Case storage executed) private view returns (uint256 sum) {
        bytes32[] memory others = correlated(pool, executed);
        sum = executed.stakeWei;
        for (uint256 i = 0; i < others.length; i++) {
            Case storage other = pool.cases[others[i]];
            if (other.id == executed.id) continue;
            uint256 most = other.stakeWei;
            bool isFirst = true;
            for (uint256 j = 0; j < others.length && isFirst; j++) {
                Case storage again = pool.cases[others[j]];
                if (again.id != other.id) continue;
                if (j < i) isFirst = false;
                else if (again.stakeWei > most) most = again.stakeWei;
            }
            if (isFirst) sum += most;
        }
    }

    function priceOf(PoolState storage pool, bytes32 evidenceId, bytes32[] memory own)
        private
        view
        returns (Price memory price)
    {
        Case storage executed = pool.cases[evidenceId];
        uint256 repetition = 0;
        for (uint256 i = 0; i < own.length; i++) {
            Case storage other = pool.cases[own[i]];
            if (other.kind != executed.kind || other.offenceAt + MONTH <= executed.offenceAt) continue;
            if (
                other.offenceAt < executed.offenceAt
                    || (other.offenceAt == executed.offenceAt && own[i] <= evidenceId)
            ) repetition++;
        }
        price.evidenceId = evidenceId;
        price.offenceAt = executed.offenceAt;
        price.ownBps = Penalties.ownBps(executed.kind, repetition, executed.excessOfflineBps);
        uint256 bps = price.ownBps;
        if (Penalties.isSafety(executed.kind)) {
            bps += Penalties.correlatedBps(executed.stakeWei, executed.totalWei, offendersWei(pool, executed));
        }
        price.fractionBps = bps < 10_000 ? bps : 10_000;
        price.ownWei = Penalties.costWei(price.ownBps, executed.stakeWei);
        price.correlatedWei = Penalties.costWei(price.fractionBps, executed.stakeWei) - price.ownWei;
    }

    function executedOf(PoolState storage pool, uint32 id) private view returns (bytes32[] memory own) {
        bytes32[] storage ids = pool.seatOf[id].caseIds;
        own = new bytes32[](ids.length);
        uint256 count = 0;
        for (uint256 i = 0; i < ids.length; i++) {
            if (pool.cases[ids[i]].stage == Stage.Executed) own[count++] = ids[i];
        }
        assembly ("memory-safe") {
            mstore(own, count)
        }
    }

    /// @notice Charges what a sequencer's executed cases cost by now beyond what it has paid. Of faults of one time the worst is paid; every
    /// other time is paid for as well. What others add is paid once, where it is most. Whatever the order of execution.
    function charge(PoolState storage pool, uint32 id) internal {
        bytes32[] memory own = executedOf(pool, id);
        if (own.length == 0) return;
        Price[] memory prices = new Price[](own.length);
        for (uint256 i = 0; i < own.length; i++) prices[i] = priceOf(pool, own[i], own);
        uint256 worst = 0;
        uint256 paidWei = 0;
        for (uint256 i = 0; i < own.length; i++) {
            dueOfTime(pool, prices, i);
            if (prices[i].correlatedWei > prices[worst].correlatedWei) worst = i;
            paidWei += pool.cases[own[i]].correlatedWei;
        }
        if (prices[worst].correlatedWei > paidWei) {
            prices[worst].dueCorrelatedWei = prices[worst].correlatedWei - paidWei;
        }
        for (uint256 i = 0; i < own.length; i++) {
            (bool isDue, Price memory next) = earliest(prices);
            if (!isDue) return;
            (uint256 ownWei, uint256 correlatedWei) = (next.dueOwnWei, next.dueCorrelatedWei);
            (next.dueOwnWei, next.dueCorrelatedWei) = (0, 0);
            Case storage executed = pool.cases[next.evidenceId];
            executed.ownWei += uint128(ownWei);
            executed.correlatedWei += uint128(correlatedWei);
            uint256 bps = executed.correlatedWei > 0 ? next.fractionBps : next.ownBps;
            take(pool, next.evidenceId, bps, ownWei + correlatedWei);
        }
    }

    /// @notice Of the cases of one time, what the worst costs beyond what all of them have paid; asked at the first of them.
    function dueOfTime(PoolState storage pool, Price[] memory prices, uint256 first) private view {
        uint64 at = prices[first].offenceAt;
        uint256 worst = first;
        uint256 paidWei = 0;
        for (uint256 i = 0; i < prices.length; i++) {
            if (prices[i].offenceAt != at) continue;
            if (i < first) return;
            paidWei += pool.cases[prices[i].evidenceId].ownWei;
            if (prices[i].ownWei > prices[worst].ownWei) worst = i;
        }
        if (prices[worst].ownWei > paidWei) prices[worst].dueOwnWei = prices[worst].ownWei - paidWei;
    }

    /// @notice The earliest fault for which something is due.
    function earliest(Price[] memory prices) private pure returns (bool isDue, Price memory next) {
        for (uint256 i = 0; i < prices.length; i++) {
            Price memory price = prices[i];
            if (price.dueOwnWei + price.dueCorrelatedWei == 0) continue;
            bool isBefore = price.offenceAt < next.offenceAt
                || (price.offenceAt == next.offenceAt && price.evidenceId < next.evidenceId);
            if (!isDue || isBefore) (isDue, next) = (true, price);
        }
    }

    function liableOf(PoolState storage pool, Case storage open) private view returns (Liable memory liable) {
        Seat storage seat = pool.seatOf[open.id];
        liable.bondWei = seat.bonds.upTo(open.stakeEpoch);
        for (uint64 i = seat.unlockingFrom; i < seat.unlockingTo; i++) {
            Unlocking storage entry = seat.unlocking[i];
            if (entry.startedEpoch >= open.stakeEpoch) liable.unlockingWei += entry.bonds.upTo(open.stakeEpoch);
        }
        if (!pool.config.delegatorsSlashable) return liable;
        Backing storage delegated = seat.delegated;
        liable.delegatorsWei = delegated.bonds.upTo(open.offenceEpoch);
        for (uint256 i = 0; i < delegated.redeemingEpochs.length; i++) {
            uint64 started = delegated.redeemingEpochs[i];
            if (started >= open.offenceEpoch) {
                liable.delegatorsWei += delegated.redeeming[started].upTo(open.offenceEpoch);
            }
        }
    }

    /// @notice The most a case can cost its seat, should it cost up to `mostWei`.
    function exposureOf(PoolState storage pool, Case storage open, uint256 mostWei)
        internal
        view
        returns (Exposure memory)
    {
        Liable memory liable = liableOf(pool, open);
        uint256 operatorWei = liable.bondWei + liable.unlockingWei;
        return Exposure(
            open.id,
            min(mostWei, operatorWei + liable.delegatorsWei),
            min(mostWei, operatorWei),
            min(mostWei, liable.delegatorsWei)
        );
    }

    /// @notice What it can cost those who were convicted before, by their ids: one more offender raises the share of all of them.
    function furtherExposure(PoolState storage pool, Case storage open) internal view returns (Exposure[] memory list) {
        if (!Penalties.isSafety(open.kind)) return list;
        bytes32[] memory others = correlated(pool, open);
        list = new Exposure[](others.length);
        uint256 count = 0;
        for (uint256 i = 0; i < others.length; i++) {
            Case storage other = pool.cases[others[i]];
            uint256 restWei = restOf(other);
            if (other.id == open.id || restWei == 0) continue;
            // The case that has most left, the first of equals.
            bool isMost = true;
            for (uint256 j = 0; j < others.length && isMost; j++) {
                Case storage again = pool.cases[others[j]];
                if (j == i || again.id != other.id) continue;
                uint256 againWei = restOf(again);
                if (againWei > restWei || (againWei == restWei && j < i)) isMost = false;
            }
            if (!isMost) continue;
            Exposure memory exposure = exposureOf(pool, other, restWei);
            uint256 at = count++;
            for (; at > 0 && list[at - 1].id > exposure.id; at--) list[at] = list[at - 1];
            list[at] = exposure;
        }
        assembly ("memory-safe") {
            mstore(list, count)
        }
    }

    function restOf(Case storage executed) private view returns (uint256) {
        uint256 paidWei = uint256(executed.ownWei) + executed.correlatedWei;
        return executed.stakeWei > paidWei ? executed.stakeWei - paidWei : 0;
    }

    /// @notice Takes up to `amountWei` of what is liable: the operator's tranche first, then operator and delegators in proportion.
    function take(PoolState storage pool, bytes32 evidenceId, uint256 fractionBps, uint256 amountWei) private {
        Case storage executed = pool.cases[evidenceId];
        Seat storage seat = pool.seatOf[executed.id];
        Liable memory liable = liableOf(pool, executed);
        uint256 lossWei = min(amountWei, liable.bondWei + liable.unlockingWei + liable.delegatorsWei);
        uint256 delegatorsWei = delegatorsPart(pool, liable, lossWei);
        uint256 operatorWei = lossWei - delegatorsWei;
        uint256 unlockingWei = operatorWei - seat.bonds.cut(executed.stakeEpoch, operatorWei);
        seat.amountWei -= uint128(operatorWei - unlockingWei);
        takeUnlocking(seat, executed.stakeEpoch, unlockingWei);
        uint256 redeemingWei = seat.delegated.take(
            executed.offenceEpoch, pool.epoch, liable.delegatorsWei - delegatorsWei, liable.delegatorsWei
        );
        pool.sync(seat);
        split(pool, evidenceId, [fractionBps, operatorWei, unlockingWei, delegatorsWei, redeemingWei]);
    }

    function delegatorsPart(PoolState storage pool, Liable memory liable, uint256 lossWei)
        private
        view
        returns (uint256)
    {
        uint256 ownWei = liable.bondWei + liable.unlockingWei;
        uint256 firstWei = min(lossWei, ownWei * pool.config.firstLossBps / 10_000);
        uint256 restWei = ownWei - firstWei + liable.delegatorsWei;
        return restWei == 0 ? 0 : (lossWei - firstWei) * liable.delegatorsWei / restWei;
    }

    function takeUnlocking(Seat storage seat, uint64 stakeEpoch, uint256 amountWei) private {
        for (uint64 i = seat.unlockingFrom; i < seat.unlockingTo && amountWei > 0; i++) {
            Unlocking storage entry = seat.unlocking[i];
            if (entry.startedEpoch < stakeEpoch) continue;
            uint256 cutWei = entry.bonds.cut(stakeEpoch, amountWei);
            entry.amountWei -= uint128(cutWei);
            amountWei -= cutWei;
        }
    }

    /// @notice Who gets a slash: reporter and treasury rounded down, the rest burnt. Without a reporter that share is burnt as well.
    /// @param parts fraction in basis points; wei of the operator, of it from stake on its way out; wei of the delegators, of it from redemptions
    function split(PoolState storage pool, bytes32 evidenceId, uint256[5] memory parts) private {
        Case storage executed = pool.cases[evidenceId];
        Rule memory rule = Penalties.ruleOf(executed.kind);
        uint256 lossWei = parts[1] + parts[3];
        uint256 reporterWei = executed.reporter == address(0) ? 0 : lossWei * rule.reporterBps / 10_000;
        uint256 treasuryWei = lossWei * rule.treasuryBps / 10_000;
        uint256 burntWei = lossWei - reporterWei - treasuryWei;
        pool.ledger.burntWei += burntWei;
        pool.ledger.treasuryWei += treasuryWei;
        pool.ledger.paidOutWei += reporterWei;
        // Owed, not sent: no account can keep a case from being executed.
        pool.owedWei[executed.reporter] += reporterWei;
        pool.owedWei[pool.config.treasury] += treasuryWei;
        pool.owedWei[NOBODY] += burntWei;
        emit PoolFace.Slashed(
            executed.id,
            evidenceId,
            executed.kind,
            parts[0],
            parts[1],
            parts[2],
            parts[3],
            parts[4],
            reporterWei,
            treasuryWei,
            burntWei
        );
    }

    function min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
