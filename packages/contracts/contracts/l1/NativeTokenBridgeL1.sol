// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ICrossDomainMessenger, IERC20, INativeTokenBridgeL1, INativeTokenBridgeL2} from "../interfaces.sol";

/// @notice The L1 side of the bridge by which an ERC-20 becomes the native token of a rollup: holds, unit for unit, what its other side has
/// given out on L2 or is about to. It has no owner, no price, no rate, and no way to be changed.
contract NativeTokenBridgeL1 is INativeTokenBridgeL1 {
    /// @notice The gas that the message to L2 has at least for crediting the receiver. What needs more is replayed on L2 with more.
    uint32 public constant CREDIT_GAS = 200_000;

    /// @notice The token that is native on L2. It must move exactly what it is told to move.
    IERC20 public immutable token;
    /// @notice The L1CrossDomainMessenger of the rollup.
    ICrossDomainMessenger public immutable messenger;
    /// @notice The other side, on L2.
    address public immutable otherBridge;
    /// @notice What the vault on L2 held at genesis: no more can be locked at once.
    uint256 public immutable capacity;
    /// @notice What is locked: released on L2, or on its way in either direction.
    uint256 public locked;
    bool private transient entered;

    event Deposited(address indexed from, address indexed to, uint256 amount);
    event Released(address indexed to, uint256 amount);

    error NotTheOtherBridge();
    error NotExact();
    error AboveCapacity(uint256 left);
    error NoAmount();
    error BadReceiver();
    error TransferRefused();
    error Reentered();

    constructor(IERC20 token_, ICrossDomainMessenger messenger_, address otherBridge_, uint256 capacity_) {
        if (address(token_) == address(0) || address(messenger_) == address(0) || otherBridge_ == address(0)) revert BadReceiver();
        token = token_;
        messenger = messenger_;
        otherBridge = otherBridge_;
        capacity = capacity_;
    }

    modifier once() {
        if (entered) revert Reentered();
        entered = true;
        _;
        entered = false;
    }

    /// @notice Locks `amount` of the caller's tokens (in their smallest unit) and credits `to` with as much on L2. The caller must have
    /// approved the bridge. Reverts with `NotExact` where the token takes a fee of its own or where it took away what was locked before.
    function deposit(address to, uint256 amount) external once {
        if (amount == 0) revert NoAmount();
        if (to == address(0) || to == otherBridge) revert BadReceiver();
        if (amount > capacity - locked) revert AboveCapacity(capacity - locked);
        uint256 held = token.balanceOf(address(this));
        if (held < locked) revert NotExact();
        _callToken(abi.encodeCall(IERC20.transferFrom, (msg.sender, address(this), amount)));
        if (token.balanceOf(address(this)) != held + amount) revert NotExact();
        locked += amount;
        emit Deposited(msg.sender, to, amount);
        messenger.sendMessage(otherBridge, abi.encodeCall(INativeTokenBridgeL2.credit, (to, amount)), CREDIT_GAS);
    }

    /// @notice Pays out what was withdrawn on L2. Only the other side, over the messenger: where it reverts, the message stays with the
    /// messenger and anybody can replay it there.
    function release(address to, uint256 amount) external once {
        if (msg.sender != address(messenger) || messenger.xDomainMessageSender() != otherBridge) revert NotTheOtherBridge();
        // More than was locked cannot be paid out, whatever L2 says: the subtraction reverts.
        locked -= amount;
        uint256 held = token.balanceOf(address(this));
        _callToken(abi.encodeCall(IERC20.transfer, (to, amount)));
        if (token.balanceOf(address(this)) + amount != held) revert NotExact();
        emit Released(to, amount);
    }

    function _callToken(bytes memory data) private {
        (bool success, bytes memory answer) = address(token).call(data);
        if (!success || (answer.length == 0 ? address(token).code.length == 0 : !abi.decode(answer, (bool)))) revert TransferRefused();
    }
}
