// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice What the bridge asks of the stock CrossDomainMessenger of either layer.
interface ICrossDomainMessenger {
    function sendMessage(address target, bytes calldata message, uint32 minGasLimit) external payable;
    function xDomainMessageSender() external view returns (address);
}

/// @notice What the bridge asks of the token on L1. Whether a function answers is checked apart: some tokens answer nothing.
interface IERC20 {
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
    function balanceOf(address account) external view returns (uint256);
}

interface INativeTokenBridgeL1 {
    function release(address to, uint256 amount) external;
}

interface INativeTokenBridgeL2 {
    function credit(address to, uint256 amount) external;
}
