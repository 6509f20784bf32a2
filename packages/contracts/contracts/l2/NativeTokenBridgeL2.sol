// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ICrossDomainMessenger, INativeTokenBridgeL1, INativeTokenBridgeL2} from "../interfaces.sol";

/// @notice The L2 side of the bridge by which an ERC-20 of L1 is the native token of the rollup. It is in the genesis with the whole supply
/// of the token as its balance, the vault, and gives out of it what was locked on L1. It has no owner and mints nothing.
contract NativeTokenBridgeL2 is INativeTokenBridgeL2 {
    /// @notice The L2CrossDomainMessenger, a predeploy of the OP Stack.
    ICrossDomainMessenger public constant messenger = ICrossDomainMessenger(0x4200000000000000000000000000000000000007);
    /// @notice The gas that the message to L1 has at least for paying the receiver.
    uint32 public constant RELEASE_GAS = 200_000;

    /// @notice The other side, on L1.
    address public immutable otherBridge;
    /// @notice What was given out of the vault and has not come back. Wei that reached the vault in another way do not count.
    uint256 public released;

    event Credited(address indexed to, uint256 amount);
    event Withdrawn(address indexed from, address indexed to, uint256 amount);

    error NotTheOtherBridge();
    error NotReleased(uint256 released);
    error NoAmount();
    error BadReceiver();
    error ReceiverRefused();

    constructor(address otherBridge_) {
        otherBridge = otherBridge_;
    }

    /// @notice Pays out what was deposited on L1. Only the other side, over the messenger: where the receiver refuses, the message stays
    /// with the messenger and anybody can replay it there.
    function credit(address to, uint256 amount) external {
        if (msg.sender != address(messenger) || messenger.xDomainMessageSender() != otherBridge) revert NotTheOtherBridge();
        released += amount;
        emit Credited(to, amount);
        // What the receiver answers is not copied: a long answer would be paid with the gas of the messenger.
        bool success;
        assembly ("memory-safe") {
            success := call(gas(), to, amount, 0, 0, 0, 0)
        }
        if (!success) revert ReceiverRefused();
    }

    /// @notice Takes the value of the call back into the vault and pays `to` as much on L1, once the withdrawal is proven and finalised.
    function withdraw(address to) external payable {
        if (msg.value == 0) revert NoAmount();
        if (to == address(0) || to == otherBridge) revert BadReceiver();
        // Native tokens that no deposit stands behind, as of a development genesis, cannot leave.
        if (msg.value > released) revert NotReleased(released);
        released -= msg.value;
        emit Withdrawn(msg.sender, to, msg.value);
        messenger.sendMessage(otherBridge, abi.encodeCall(INativeTokenBridgeL1.release, (to, msg.value)), RELEASE_GAS);
    }
}
