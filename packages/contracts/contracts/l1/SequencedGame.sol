// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice What a factory of dispute games clones in place of the stock FaultDisputeGame 1.2.0: that game, unchanged, which answers to one
/// name more. Since its version 1.4 `l2BlockNumber` is called `l2SequenceNumber`, and wallets of today (viem) ask for the new name alone.
contract SequencedGame {
    /// @notice The game whose code runs.
    address public immutable stockGame;

    bytes4 private constant L2_SEQUENCE_NUMBER = bytes4(keccak256("l2SequenceNumber()"));
    bytes4 private constant L2_BLOCK_NUMBER = bytes4(keccak256("l2BlockNumber()"));

    error NoGame();

    constructor(address stockGame_) {
        if (stockGame_.code.length == 0) revert NoGame();
        stockGame = stockGame_;
    }

    /// @notice Everything but the new name is the stock game's, called as it came: what a clone was created with stands behind the calldata.
    fallback() external payable {
        address game = stockGame;
        bytes4 name = msg.sig == L2_SEQUENCE_NUMBER ? L2_BLOCK_NUMBER : msg.sig;
        assembly {
            calldatacopy(0, 0, calldatasize())
            if gt(calldatasize(), 3) { mstore(0, or(name, and(mload(0), not(shl(224, 0xffffffff))))) }
            let success := delegatecall(gas(), game, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if success { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }

    /// @notice Clones take plain payments themselves and hand none on: what comes here was sent to nobody.
    receive() external payable {
        revert NoGame();
    }
}
