// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

interface IRated {
    function rateE27() external view returns (uint256);
    function reportedAt() external view returns (uint256);
}

/// @notice The rate of a vault as pools and lenders read one: `getRate` of Balancer and Curve, `latestRoundData` of Chainlink. It is what a share can be
/// redeemed for, not what a market pays for it, and moves with a report alone.
contract RateFeed {
    IRated public immutable vault;
    string public description;
    uint8 public constant decimals = 18;
    uint256 public constant version = 1;

    error NoSuchRound();

    constructor(IRated vault_, string memory description_) {
        (vault, description) = (vault_, description_);
    }

    /// @notice Assets for a share, times 10^18, rounded down.
    function getRate() public view returns (uint256) {
        return vault.rateE27() / 1e9;
    }

    /// @notice The rate as a round whose id is the time of its report.
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        uint256 at = vault.reportedAt();
        return (uint80(at), int256(getRate()), at, at, uint80(at));
    }

    /// @notice The latest round alone is known.
    function getRoundData(uint80 roundId)
        external
        view
        returns (uint80, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        uint256 at = vault.reportedAt();
        if (roundId != uint80(at)) revert NoSuchRound();
        return (roundId, int256(getRate()), at, at, roundId);
    }
}
