// SPDX-License-Identifier: MIT
pragma solidity 0.8.15;

import { Encoding } from "src/libraries/Encoding.sol";
import { Hashing } from "src/libraries/Hashing.sol";
import { NoValue } from "src/libraries/PortalErrors.sol";
import { Types } from "src/libraries/Types.sol";

/// @notice The L2ToL1MessagePasser of a rollup whose native token is not ether: the events and the storage of the stock one (proofs are made
/// of its first slot), but a withdrawal with value is refused, since the portal on L1 has nothing to pay it with.
contract MessagePasser {
    uint16 public constant MESSAGE_VERSION = 1;
    uint256 private constant RECEIVE_DEFAULT_GAS_LIMIT = 100_000;
    string public constant version = "1.1.0-valueless";

    /// @notice Whether a withdrawal with this hash was initiated. At slot 0, where the portal looks for it.
    mapping(bytes32 => bool) public sentMessages;
    uint240 private nonce;

    event MessagePassed(
        uint256 indexed nonce,
        address indexed sender,
        address indexed target,
        uint256 value,
        uint256 gasLimit,
        bytes data,
        bytes32 withdrawalHash
    );

    /// @notice A call with neither data nor value is a withdrawal without effect; one with value is refused.
    receive() external payable {
        initiateWithdrawal(msg.sender, RECEIVE_DEFAULT_GAS_LIMIT, bytes(""));
    }

    /// @notice Sends a message to L1, where `_target` is called with `_data` and at least `_gasLimit` gas once it is proven and finalised.
    function initiateWithdrawal(address _target, uint256 _gasLimit, bytes memory _data) public payable {
        if (msg.value != 0) revert NoValue();
        Types.WithdrawalTransaction memory withdrawal = Types.WithdrawalTransaction({
            nonce: messageNonce(),
            sender: msg.sender,
            target: _target,
            value: 0,
            gasLimit: _gasLimit,
            data: _data
        });
        bytes32 withdrawalHash = Hashing.hashWithdrawal(withdrawal);
        sentMessages[withdrawalHash] = true;
        emit MessagePassed(withdrawal.nonce, msg.sender, _target, 0, _gasLimit, _data, withdrawalHash);
        unchecked {
            ++nonce;
        }
    }

    /// @notice The nonce of the next withdrawal, with the version in its upper two bytes.
    function messageNonce() public view returns (uint256) {
        return Encoding.encodeVersionedNonce(nonce, MESSAGE_VERSION);
    }
}
