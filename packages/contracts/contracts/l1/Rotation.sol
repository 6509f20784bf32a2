// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

interface ISystemConfig {
    function setBatcherHash(bytes32 batcherHash) external;
    function transferOwnership(address newOwner) external;
}

/// @notice Owns the SystemConfig of a rollup for its sequencers and can do two things with it: set who posts, and, after a delay that
/// everybody sees, hand it to a successor. Fees, gas limit and the other settings stay as they are as long as it is the owner.
abstract contract Rotation {
    /// @notice The system configuration that is owned; zero for none.
    ISystemConfig public immutable systemConfig;
    /// @notice Whose key rotates and announces successors.
    address public immutable operator;
    /// @notice The chain id of the rollup: an order for another chain is refused.
    uint256 public immutable l2ChainId;
    /// @notice Seconds between the announcement of a successor and the first moment it can take over.
    uint256 public immutable handOverDelaySeconds;
    /// @notice The number of the last rotation.
    uint64 public sequenceNumber;
    /// @notice Who posts since the last rotation; zero before the first.
    address public poster;
    /// @notice Who was announced as the next owner of the system configuration; zero for nobody.
    address public successor;
    /// @notice When the successor can take over, in seconds.
    uint256 public handOverAtSeconds;

    event Rotated(uint64 indexed sequenceNumber, address indexed poster);
    event SuccessorAnnounced(address indexed successor, uint256 handOverAtSeconds);
    event HandedOver(address indexed successor);

    error NotTheOperator();
    error WrongChain(uint256 l2ChainId);
    error NotGrowing(uint64 last);
    error NoAddress();
    error NothingAnnounced();
    error TooEarly(uint256 handOverAtSeconds);

    constructor(ISystemConfig systemConfig_, address operator_, uint256 l2ChainId_, uint256 handOverDelaySeconds_) {
        if (operator_ == address(0)) revert NoAddress();
        systemConfig = systemConfig_;
        operator = operator_;
        l2ChainId = l2ChainId_;
        handOverDelaySeconds = handOverDelaySeconds_;
    }

    modifier onlyOperator() {
        if (msg.sender != operator) revert NotTheOperator();
        _;
    }

    /// @notice Makes `poster_` the only account whose batches count, in the whole L1 block of this transaction and from then on. The number
    /// must be larger than every one before, so that an order can neither be repeated nor overtaken.
    function rotate(uint256 l2ChainId_, uint64 sequenceNumber_, address poster_) external onlyOperator {
        if (l2ChainId_ != l2ChainId) revert WrongChain(l2ChainId);
        if (sequenceNumber_ <= sequenceNumber) revert NotGrowing(sequenceNumber);
        if (poster_ == address(0)) revert NoAddress();
        (sequenceNumber, poster) = (sequenceNumber_, poster_);
        emit Rotated(sequenceNumber_, poster_);
        systemConfig.setBatcherHash(bytes32(uint256(uint160(poster_))));
    }

    /// @notice Announces who is to own the system configuration after the delay; another announcement replaces it, zero takes it back.
    function announceSuccessor(address successor_) external onlyOperator {
        (successor, handOverAtSeconds) = (successor_, block.timestamp + handOverDelaySeconds);
        emit SuccessorAnnounced(successor_, handOverAtSeconds);
    }

    /// @notice Gives the system configuration to the announced successor. Anybody may call it once the delay is over.
    function handOver() external {
        if (successor == address(0)) revert NothingAnnounced();
        if (block.timestamp < handOverAtSeconds) revert TooEarly(handOverAtSeconds);
        address to = successor;
        successor = address(0);
        emit HandedOver(to);
        systemConfig.transferOwnership(to);
    }
}
