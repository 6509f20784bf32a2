// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// What a report may not do, and how much of it counts. As `ReportLimits` and the limiter of the lst package.
struct Limits {
    /// Billionths of the pool that one report may add.
    uint64 maxPositiveRebaseE9;
    uint64 annualIncreaseBps;
    uint16 maxLossBps;
    /// Fall of the rate from its highest within 18 days.
    uint16 maxDrawdownBps;
    uint16 shareRateDeviationBps;
    uint16 feeBps;
    uint32 requestMarginSeconds;
    uint32 appearedSeatsPerDay;
}

/// What a report says.
struct ReportInput {
    /// Balance of all seats, wei.
    uint256 seatsNowWei;
    /// Part of the transit that is in seats now, wei.
    uint256 appearedWei;
    /// Requests up to this one are paid; 0 for none.
    uint256 lastId;
    /// The highest rate they are paid at.
    uint256 maxRateE27;
    /// Seats that became active.
    uint256 appearedSeats;
    bool bunker;
}

/// The pool before a report, and what its requests cost.
struct Before {
    uint256 bufferWei;
    uint256 transitWei;
    uint256 seatsWei;
    uint256 rewardsVaultWei;
    uint256 returnsVaultWei;
    uint256 totalShares;
    uint256 burnRequested;
    uint256 highRateE27;
    uint256 elapsedSeconds;
    uint256 lockedWei;
    uint256 queueShares;
    /// When the newest request that is to be paid was made, seconds.
    uint256 requestedAt;
}

/// What a report does.
struct Outcome {
    uint256 preWei;
    uint256 postWei;
    uint256 fromReturnsVaultWei;
    uint256 fromRewardsVaultWei;
    uint256 burnt;
    /// The part of them that is burnt as cover.
    uint256 cover;
    uint256 feeWei;
    uint256 feeShares;
    uint256 postShares;
}

struct PastRate {
    uint256 rateE27;
    uint256 at;
}

error ReportInconsistent();
error TotalUnderflow();
error InsufficientCash();
error AnnualIncreaseTooHigh(uint256 annualisedBps);
error LossTooHigh();
error SeatsAppearedTooFast(uint256 most);
error ShareRateDeviation(uint256 impliedRateE27);
error RequestTooFresh();

/// @notice The arithmetic of a report: `simulateReport`, `checkReport` and `rememberRate` of the lst package, to the wei.
library Report {
    uint256 internal constant ONE = 1e27;
    uint256 private constant YEAR = 365 days;
    uint256 private constant DRAWDOWN = 18 days;
    uint256 private constant PART = DRAWDOWN / 72;

    function rateOf(uint256 assetsWei, uint256 shares) internal pure returns (uint256) {
        return shares == 0 ? ONE : assetsWei * ONE / shares;
    }

    /// @notice What one exit costs: what it asked for, or what its shares are worth at `maxRateE27` when its own rate is above that.
    function exitCost(uint256 assetsWei, uint256 shares, uint256 maxRateE27) internal pure returns (uint256) {
        return assetsWei * ONE >= (maxRateE27 + 1) * shares ? shares * maxRateE27 / ONE : assetsWei;
    }

    /// @notice What a report would do; reverts where the guards refuse it. `confirmed`: a second party agrees to a loss beyond the cap.
    function simulate(Before memory pool, ReportInput memory report, Limits memory limits, bool confirmed)
        internal
        view
        returns (Outcome memory done)
    {
        uint256 pre = pool.bufferWei + pool.transitWei + pool.seatsWei;
        uint256 principal = pool.seatsWei + report.appearedWei;
        done.preWei = pre;
        _limit(done, pool, report, limits, principal);
        uint256 plus = report.seatsNowWei + done.fromReturnsVaultWei + done.fromRewardsVaultWei;
        // What the cash covers is in the pool: nothing below is under zero.
        if (pool.bufferWei + done.fromReturnsVaultWei + done.fromRewardsVaultWei < pool.lockedWei) revert InsufficientCash();
        done.postWei = pre + plus - principal - pool.lockedWei;
        _fee(done, pool, limits, int256(plus) - int256(principal));
        if (report.lastId != 0 && pool.requestedAt + limits.requestMarginSeconds > block.timestamp) revert RequestTooFresh();
        _check(done, pool, report, limits, int256(plus) - int256(principal), confirmed);
    }

    /// @notice How much of the vaults counts and how many shares are burnt: what is held back raises the rate at a later report.
    function _limit(Outcome memory done, Before memory pool, ReportInput memory report, Limits memory limits, uint256 principal)
        private
        pure
    {
        uint256 pre = done.preWei;
        uint256 growth = limits.maxPositiveRebaseE9 * pre / 1e9;
        uint256 most = limits.annualIncreaseBps * pre * pool.elapsedSeconds / (10_000 * YEAR);
        // A pool of nothing has no rate to hold.
        uint256 cap = pre == 0 ? type(uint256).max : pre + (growth < most ? growth : most);
        uint256 current = pre;
        if (report.seatsNowWei >= principal) current += report.seatsNowWei - principal;
        else current = _less(current, principal - report.seatsNowWei);
        done.fromReturnsVaultWei = _room(current, cap, pool.returnsVaultWei);
        current += done.fromReturnsVaultWei;
        done.fromRewardsVaultWei = _room(current, cap, pool.rewardsVaultWei);
        current += done.fromRewardsVaultWei;

        uint256 all = pool.burnRequested + pool.queueShares;
        if (pre == 0) {
            (done.burnt, done.cover) = (all, pool.burnRequested);
            return;
        }
        uint256 cover = _burnLimit(current, pre, growth, pool.totalShares, limits.maxPositiveRebaseE9);
        if (cover > pool.burnRequested) cover = pool.burnRequested;
        done.cover = cover;
        uint256 burnt = _burnLimit(_less(current, pool.lockedWei), pre, growth, pool.totalShares, limits.maxPositiveRebaseE9);
        if (burnt > all) burnt = all;
        // Shares that leave for what they are worth raise nobody's rate: they are burnt at once.
        uint256 neutral;
        if (report.lastId != 0) {
            neutral = pool.lockedWei * ONE / report.maxRateE27;
            if (neutral > pool.queueShares) neutral = pool.queueShares;
        }
        done.burnt = burnt > cover + neutral ? burnt : cover + neutral;
    }

    function _less(uint256 current, uint256 amountWei) private pure returns (uint256) {
        if (amountWei > current) revert TotalUnderflow();
        return current - amountWei;
    }

    function _room(uint256 current, uint256 cap, uint256 amountWei) private pure returns (uint256) {
        if (current >= cap) return 0;
        return amountWei < cap - current ? amountWei : cap - current;
    }

    function _burnLimit(uint256 current, uint256 pre, uint256 growth, uint256 shares, uint256 limitE9) private pure returns (uint256) {
        if (current >= pre + growth) return 0;
        return shares * (limitE9 + 1e9 - current * 1e9 / pre) / (limitE9 + 1e9);
    }

    /// @notice Fee shares of what lifts the rate above the highest it ever was.
    function _fee(Outcome memory done, Before memory pool, Limits memory limits, int256 gain) private pure {
        uint256 sharesLeft = pool.totalShares - done.burnt;
        uint256 atHigh = pool.highRateE27 * pool.totalShares / ONE;
        int256 profit = gain;
        if (atHigh > done.preWei) profit -= int256(atHigh - done.preWei);
        if (profit > 0) {
            uint256 feeWei = uint256(profit) * limits.feeBps / 10_000;
            if (feeWei > 0 && done.postWei > feeWei) {
                done.feeWei = feeWei;
                done.feeShares = feeWei * sharesLeft / (done.postWei - feeWei);
            }
        }
        done.postShares = sharesLeft + done.feeShares;
    }

    function _check(
        Outcome memory done,
        Before memory pool,
        ReportInput memory report,
        Limits memory limits,
        int256 gain,
        bool confirmed
    ) private pure {
        uint256 pre = done.preWei;
        if (gain > 0) {
            uint256 annualised = YEAR * 10_000 * uint256(gain) / (pre == 0 ? 1e9 : pre) / pool.elapsedSeconds;
            if (annualised > limits.annualIncreaseBps) revert AnnualIncreaseTooHigh(annualised);
        } else if (!confirmed && uint256(-gain) * 10_000 > limits.maxLossBps * pre) {
            revert LossTooHigh();
        }
        uint256 most = limits.appearedSeatsPerDay * pool.elapsedSeconds / 1 days;
        if (most < limits.appearedSeatsPerDay) most = limits.appearedSeatsPerDay;
        if (report.appearedSeats > most) revert SeatsAppearedTooFast(most);
        if (report.lastId != 0) {
            // The cover that this report burns raises the rate as a gain does: it is no part of the queue's.
            uint256 shares = done.postShares + done.burnt - done.cover;
            uint256 implied = shares == 0 ? 0 : (done.postWei + pool.lockedWei) * ONE / shares;
            uint256 distance = implied > report.maxRateE27 ? implied - report.maxRateE27 : report.maxRateE27 - implied;
            if (implied == 0 || distance * 10_000 / implied > limits.shareRateDeviationBps) revert ShareRateDeviation(implied);
        }
    }

    /// @notice Keeps the rates that a fall is measured from, highest first, each later than the one before; and refuses a fall from the highest
    /// that is too deep. `before` held until now.
    function remember(PastRate[] storage rates, uint256 beforeE27, uint256 afterE27, uint256 maxDrawdownBps, bool confirmed) internal {
        // The oldest come first: what is older than the window makes room, which never takes more than 74 steps.
        uint256 stale;
        while (stale < rates.length && rates[stale].at + DRAWDOWN < block.timestamp) stale++;
        if (stale > 0) {
            uint256 left = rates.length - stale;
            for (uint256 i = 0; i < left; i++) rates[i] = rates[i + stale];
            for (uint256 i = 0; i < stale; i++) rates.pop();
        }
        while (rates.length > 0 && rates[rates.length - 1].rateE27 <= beforeE27) rates.pop();
        if (rates.length > 0 && rates[rates.length - 1].at / PART == block.timestamp / PART) {
            rates[rates.length - 1].at = block.timestamp;
        } else {
            rates.push(PastRate(beforeE27, block.timestamp));
        }
        if (confirmed || afterE27 >= beforeE27) return;
        uint256 highest = rates[0].rateE27;
        if (afterE27 < highest && (highest - afterE27) * 10_000 > maxDrawdownBps * highest) revert LossTooHigh();
    }
}
