// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { CommitteeBase } from "./CommitteeBase.sol";
import { ISystemConfig } from "./Pool.sol";

/// @notice A committee whose members sign with the keys of L1 accounts, one signature of 65 bytes each. It attests batches, and decides who posts
/// and which committee comes next. The cheapest up to about 40 members.
contract Committee is CommitteeBase {
    constructor(
        ISystemConfig systemConfig,
        uint256 l2ChainId,
        uint256 handOverDelaySeconds,
        address guardian,
        uint256 escapeSeconds,
        uint64 genesisBlock,
        bytes memory members_
    ) CommitteeBase(systemConfig, l2ChainId, handOverDelaySeconds, guardian, escapeSeconds, genesisBlock, members_) { }

    /// @dev Of the smaller half: the other signature of the same is refused.
    uint256 private constant MAX_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @dev 20 bytes of address, 12 of power.
    function memberLength() internal pure override returns (uint256) {
        return 32;
    }

    function wordAt(bytes memory list, uint256 index) private pure returns (uint256 word) {
        assembly ("memory-safe") { word := mload(add(add(list, 32), mul(index, 32))) }
    }

    function powerOf(bytes memory list, uint256 index) internal pure override returns (uint256) {
        return uint96(wordAt(list, index));
    }

    function verify(bytes memory list, uint256 count, bytes32 hash, uint256 bitmap, bytes calldata signature) internal pure override {
        uint256 at;
        for (uint256 i; i < count; i++) if (bitmap >> i & 1 == 1) at += 65;
        if (signature.length != at) revert Malformed();
        at = 0;
        for (uint256 i; i < count; i++) {
            if (bitmap >> i & 1 == 0) continue;
            bytes32 s = bytes32(signature[at + 32:at + 64]);
            address signer = ecrecover(hash, uint8(signature[at + 64]), bytes32(signature[at:at + 32]), s);
            bool isMember = signer != address(0) && signer == address(uint160(wordAt(list, i) >> 96));
            if (!isMember || uint256(s) > MAX_S) revert WrongSignature();
            at += 65;
        }
    }
}
