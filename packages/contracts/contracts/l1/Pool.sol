// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISystemConfig, Rotation} from "./Rotation.sol";

/// @notice Owns the SystemConfig of a rollup whose stake is not on this chain: the part of a SequencerPool that says who posts.
contract Pool is Rotation {
    constructor(ISystemConfig systemConfig_, address operator_, uint256 l2ChainId_, uint256 handOverDelaySeconds_)
        Rotation(systemConfig_, operator_, l2ChainId_, handOverDelaySeconds_)
    {
        if (address(systemConfig_) == address(0)) revert NoAddress();
    }
}
