// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice A receiver for tests that does what it is told whenever it is called or paid: refuse, use up the gas, answer at length, or call somebody else.
contract Receiver {
    enum Mode {
        Accept,
        Refuse,
        Exhaust,
        Call,
        /// As `Call`, with the value that came.
        Forward,
        /// Answers 100,000 bytes, which whoever reads them pays for.
        Chatter
    }

    Mode public mode;
    address public target;
    bytes public data;
    /// @notice How often it was called or paid and did not refuse.
    uint256 public calls;
    /// @notice What the last call to somebody else ended with.
    bool public succeeded;
    bytes public answer;

    /// @notice What to do from now on; `target_` and `data_` are for `Mode.Call` and `Mode.Forward`.
    function configure(Mode mode_, address target_, bytes calldata data_) external {
        (mode, target, data) = (mode_, target_, data_);
    }

    /// @notice Calls somebody now, with the value of this call.
    function perform(address target_, bytes calldata data_) external payable returns (bytes memory) {
        (bool success, bytes memory returned) = target_.call{value: msg.value}(data_);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(returned, 32), mload(returned))
            }
        }
        return returned;
    }

    receive() external payable {
        _act();
    }

    fallback() external payable {
        _act();
    }

    function _act() private {
        if (mode == Mode.Refuse) revert("refused");
        if (mode == Mode.Exhaust) {
            while (true) calls++;
        }
        calls++;
        if (mode == Mode.Call) (succeeded, answer) = target.call(data);
        if (mode == Mode.Chatter) {
            assembly ("memory-safe") {
                return(0, 100000)
            }
        }
        if (mode == Mode.Forward) (succeeded, answer) = target.call{value: msg.value}(data);
    }
}
