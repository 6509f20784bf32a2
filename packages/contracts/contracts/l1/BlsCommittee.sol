// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { CommitteeBase } from "./CommitteeBase.sol";
import { ISystemConfig } from "./Pool.sol";

/// @notice A committee whose members sign with keys of BLS12-381, one signature of 128 bytes for all of them. It attests batches, and decides
/// who posts and which committee comes next. For L1s from Prague on (EIP-2537), and committees of more than about 40. Whoever signs a
/// handover has seen that the owners of the new keys possess them: here nobody asks.
contract BlsCommittee is CommitteeBase {
    constructor(
        ISystemConfig systemConfig,
        uint256 l2ChainId,
        uint256 handOverDelaySeconds,
        address guardian,
        uint256 escapeSeconds,
        uint64 genesisBlock,
        bytes memory members_
    ) CommitteeBase(systemConfig, l2ChainId, handOverDelaySeconds, guardian, escapeSeconds, genesisBlock, members_) { }

    bytes private constant SUITE = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
    /// @dev The negated generator of G2, as EIP-2537 writes it.
    bytes private constant NEGATED_GENERATOR =
        hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"0000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"000000000000000000000000000000000d1b3cc2c7027888be51d9ef691d77bcb679afda66c73f17f9ee3837a55024f78c71363275a75d75d86bab79f74782aa"
        hex"0000000000000000000000000000000013fa4d4a0ad8b1ce186ed5061789213d993923066dddaf1040bc3ff59f825c78df74f2d75467e25e0f55f8a00fa030ed";

    /// @dev 12 bytes of power for each member, and behind them the keys, 256 bytes of G2 each.
    function memberLength() internal pure override returns (uint256) {
        return 268;
    }

    function powerOf(bytes memory list, uint256 index) internal pure override returns (uint256 power) {
        assembly ("memory-safe") { power := shr(160, mload(add(add(list, 32), mul(index, 12)))) }
    }

    /// @dev e(H(hash), key) * e(signature, -G2) == 1. The pairing refuses points that are not in their group.
    function verify(bytes memory list, uint256 count, bytes32 hash, uint256 bitmap, bytes calldata signature)
        internal
        view
        override
    {
        if (signature.length != 128) revert Malformed();
        bytes memory key = sumOfKeys(list, count, bitmap);
        bytes memory input = abi.encodePacked(hashToG1(hash), key, signature, NEGATED_GENERATOR);
        (bool ok, bytes memory answer) = address(0x0f).staticcall(input);
        if (!ok || answer.length != 32) revert Malformed();
        if (abi.decode(answer, (uint256)) != 1 || isZero(signature)) revert WrongSignature();
    }

    /// @dev The point at infinity, over which the pairing of keys that cancel each other out would say yes.
    function isZero(bytes calldata point) private pure returns (bool) {
        return keccak256(point) == keccak256(new bytes(128));
    }

    function sumOfKeys(bytes memory list, uint256 count, uint256 bitmap) private view returns (bytes memory sum) {
        sum = new bytes(256);
        bytes memory both = new bytes(512);
        bool isFirst = true;
        for (uint256 i; i < count; i++) {
            if (bitmap >> i & 1 == 0) continue;
            bool ok = true;
            assembly ("memory-safe") {
                let from := add(add(list, 32), add(mul(count, 12), mul(i, 256)))
                switch isFirst
                case 1 { mcopy(add(sum, 32), from, 256) }
                default {
                    mcopy(add(both, 32), add(sum, 32), 256)
                    mcopy(add(both, 288), from, 256)
                    ok := staticcall(gas(), 0x0d, add(both, 32), 512, add(sum, 32), 256)
                }
            }
            if (!ok) revert WrongSignature();
            isFirst = false;
        }
    }

    /// @notice RFC 9380 for one word: hash_to_curve of G1, with the suite of signatures whose keys are proven to be possessed.
    function hashToG1(bytes32 message) public view returns (bytes memory) {
        bytes memory suite = abi.encodePacked(SUITE, uint8(SUITE.length));
        bytes32 b0 = sha256(abi.encodePacked(new bytes(64), message, hex"008000", suite));
        bytes32 b1 = sha256(abi.encodePacked(b0, hex"01", suite));
        bytes32 b2 = sha256(abi.encodePacked(b0 ^ b1, hex"02", suite));
        bytes32 b3 = sha256(abi.encodePacked(b0 ^ b2, hex"03", suite));
        bytes32 b4 = sha256(abi.encodePacked(b0 ^ b3, hex"04", suite));
        bytes memory points = abi.encodePacked(mapToG1(reduced(b1, b2)), mapToG1(reduced(b3, b4)));
        return asked(address(0x0b), points);
    }

    /// @dev 64 bytes as a number modulo the order of the field, in 64 bytes.
    function reduced(bytes32 high, bytes32 low) private view returns (bytes memory) {
        bytes memory input = abi.encodePacked(
            uint256(64),
            uint256(1),
            uint256(48),
            high,
            low,
            hex"01",
            hex"1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab"
        );
        return abi.encodePacked(bytes16(0), asked(address(0x05), input));
    }

    function mapToG1(bytes memory element) private view returns (bytes memory) {
        return asked(address(0x10), element);
    }

    function asked(address precompile, bytes memory input) private view returns (bytes memory answer) {
        bool ok;
        (ok, answer) = precompile.staticcall(input);
        // An L1 before Prague answers nothing.
        if (!ok || answer.length == 0) revert WrongSignature();
    }
}
