// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

interface IMessagePasser {
    function initiateWithdrawal(address target, uint256 gasLimit, bytes calldata data) external payable;
}

/// @notice Where engines put the operator fee since Isthmus (0x4200…001b), with the way out that the stock vaults have: anybody may send what
/// is there to the recipient, on L2, or on L1 by a withdrawal where the message passer takes value.
contract OperatorFeeVault {
    enum WithdrawalNetwork {
        L1,
        L2
    }

    string public constant version = "1.0.0-l2";
    IMessagePasser private constant PASSER = IMessagePasser(0x4200000000000000000000000000000000000016);
    uint256 private constant WITHDRAWAL_MIN_GAS = 400_000;

    address public immutable RECIPIENT;
    /// @notice In wei; with less than that nothing is sent.
    uint256 public immutable MIN_WITHDRAWAL_AMOUNT;
    WithdrawalNetwork public immutable WITHDRAWAL_NETWORK;
    /// @notice What was sent so far, in wei.
    uint256 public totalProcessed;

    event Withdrawal(uint256 value, address to, address from);
    event Withdrawal(uint256 value, address to, address from, WithdrawalNetwork withdrawalNetwork);

    error NoRecipient();
    error BelowMinimum(uint256 balance);
    error RecipientRefused();

    constructor(address recipient_, uint256 minWithdrawalAmount_, WithdrawalNetwork withdrawalNetwork_) {
        if (recipient_ == address(0)) revert NoRecipient();
        RECIPIENT = recipient_;
        MIN_WITHDRAWAL_AMOUNT = minWithdrawalAmount_;
        WITHDRAWAL_NETWORK = withdrawalNetwork_;
    }

    receive() external payable {}

    function recipient() external view returns (address) {
        return RECIPIENT;
    }

    function minWithdrawalAmount() external view returns (uint256) {
        return MIN_WITHDRAWAL_AMOUNT;
    }

    function withdrawalNetwork() external view returns (WithdrawalNetwork) {
        return WITHDRAWAL_NETWORK;
    }

    /// @notice Sends everything to the recipient.
    function withdraw() external returns (uint256 value) {
        value = address(this).balance;
        if (value < MIN_WITHDRAWAL_AMOUNT) revert BelowMinimum(value);
        totalProcessed += value;
        emit Withdrawal(value, RECIPIENT, msg.sender);
        emit Withdrawal(value, RECIPIENT, msg.sender, WITHDRAWAL_NETWORK);
        if (WITHDRAWAL_NETWORK == WithdrawalNetwork.L1) {
            PASSER.initiateWithdrawal{value: value}(RECIPIENT, WITHDRAWAL_MIN_GAS, "");
        } else {
            (bool success,) = RECIPIENT.call{value: value}("");
            if (!success) revert RecipientRefused();
        }
    }
}
