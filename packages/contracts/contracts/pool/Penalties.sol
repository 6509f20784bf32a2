// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Kind} from "./PoolTypes.sol";

/// What a kind of offence costs at first, and at most by repetition; who gets how much of it. The rest is burnt.
struct Rule {
    uint256 baseBps;
    uint256 capBps;
    uint256 reporterBps;
    uint256 treasuryBps;
}

/// @notice The penalty table, as `slashing/penalty.ts` of the staking package.
library Penalties {
    /// The correlation multiplier: three times the share of stake that failed together.
    uint256 private constant CORRELATION_FACTOR = 3;

    function ruleOf(Kind kind) internal pure returns (Rule memory) {
        if (kind <= Kind.EquivocationReceipt) return Rule(500, 500, 500, 2500);
        if (kind == Kind.InvalidStateRoot) return Rule(10_000, 10_000, 5000, 2500);
        if (kind == Kind.AttestedInvalid || kind == Kind.DataWithholding) return Rule(1000, 1000, 1000, 2500);
        if (kind == Kind.Downtime) return Rule(1, 1, 0, 10_000);
        if (kind == Kind.MissedReveal) return Rule(10, 10, 1000, 9000);
        return Rule(100, 1000, 1000, 9000);
    }

    /// @notice Safety: jailed when admitted, tombstoned when executed.
    function isSafety(Kind kind) internal pure returns (bool) {
        return kind <= Kind.AttestedInvalid || kind == Kind.DataWithholding;
    }

    /// @notice Offences of one class are correlated with each other: equivocation, state, data, service.
    function classOf(Kind kind) internal pure returns (uint256) {
        if (kind <= Kind.EquivocationReceipt) return 0;
        if (kind <= Kind.AttestedInvalid) return 1;
        return kind == Kind.DataWithholding ? 2 : 3;
    }

    /// @notice What an offence costs whatever others do: the base of its kind, doubled by repetition up to the cap.
    function ownBps(Kind kind, uint256 repetition, uint256 excessOfflineBps) internal pure returns (uint256 bps) {
        if (kind == Kind.Downtime) return repetition <= 1 ? 0 : offlineFactor(excessOfflineBps);
        Rule memory rule = ruleOf(kind);
        bps = rule.baseBps;
        for (uint256 k = 1; k < repetition && bps < rule.capBps; k++) bps = bps * 2 < rule.capBps ? bps * 2 : rule.capBps;
    }

    /// @notice Everybody down at once is a shared fault, which costs more; one alone pays the base. Factors of EIP-7716.
    function offlineFactor(uint256 excessOfflineBps) private pure returns (uint256) {
        uint256 factor = 1 + 381 * excessOfflineBps / 10_000;
        return factor < 128 ? factor : 128;
    }

    /// @notice What the others who offended at the time add.
    function correlatedBps(uint256 stakeWei, uint256 totalWei, uint256 offendersWei) internal pure returns (uint256) {
        uint256 others = offendersWei > stakeWei ? offendersWei - stakeWei : 0;
        uint256 rest = totalWei > stakeWei ? totalWei - stakeWei : 1;
        uint256 bps = CORRELATION_FACTOR * 10_000 * others / rest;
        return bps > 10_000 ? 10_000 : bps;
    }

    /// @notice The most that an offence can ever cost.
    function mostBps(Kind kind, uint256 excessOfflineBps) internal pure returns (uint256) {
        if (isSafety(kind)) return 10_000;
        return kind == Kind.Downtime ? offlineFactor(excessOfflineBps) : ruleOf(kind).capBps;
    }

    /// @notice What a fraction of a stake is in wei: rounded up, so that no positive penalty is nothing.
    function costWei(uint256 bps, uint256 stakeWei) internal pure returns (uint256) {
        return (bps * stakeWei + 9_999) / 10_000;
    }
}
