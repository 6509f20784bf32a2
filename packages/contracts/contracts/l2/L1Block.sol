// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice What L2 knows of L1, at the level of Jovian: the depositor account writes it at the begin of every block. Engines read the fee
/// parameters out of the storage, so its layout is part of the protocol. Written from the specification of the OP Stack. The native token
/// stands where the stock contracts of 0.17.3 keep it, for a genesis to set; nothing changes it afterwards.
contract L1Block {
    address public constant DEPOSITOR_ACCOUNT = 0xDeaDDEaDDeAdDeAdDEAdDEaddeAddEAdDEAd0001;
    string public constant version = "1.7.0-l2";

    address private constant ETHER = 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE;
    bytes32 private constant GAS_PAYING_TOKEN_SLOT = bytes32(uint256(keccak256("opstack.gaspayingtoken")) - 1);
    bytes32 private constant GAS_PAYING_TOKEN_NAME_SLOT = bytes32(uint256(keccak256("opstack.gaspayingtokenname")) - 1);
    bytes32 private constant GAS_PAYING_TOKEN_SYMBOL_SLOT = bytes32(uint256(keccak256("opstack.gaspayingtokensymbol")) - 1);

    /// @notice Slot 0: number and time (seconds) of the L1 block.
    uint64 public number;
    uint64 public timestamp;
    /// @notice Slot 1: the base fee of the L1 block, in wei.
    uint256 public basefee;
    /// @notice Slot 2.
    bytes32 public hash;
    /// @notice Slot 3: which L2 block of the L1 block this is, and the scalars of the L1 data fee, in millionths.
    uint64 public sequenceNumber;
    uint32 public blobBaseFeeScalar;
    uint32 public baseFeeScalar;
    /// @notice Slot 4: who posts batches.
    bytes32 public batcherHash;
    /// @notice Slots 5 and 6: the parameters of before Ecotone.
    uint256 public l1FeeOverhead;
    uint256 public l1FeeScalar;
    /// @notice Slot 7: the blob base fee of the L1 block, in wei.
    uint256 public blobBaseFee;
    /// @notice Slot 8: the operator fee (the constant in wei) and the gas that a byte of data counts against the gas limit.
    uint64 public operatorFeeConstant;
    uint32 public operatorFeeScalar;
    uint16 public daFootprintGasScalar;

    error NotDepositor();

    modifier onlyDepositor() {
        if (msg.sender != DEPOSITOR_ACCOUNT) revert NotDepositor();
        _;
    }

    /// @notice What a block of before Ecotone sets.
    function setL1BlockValues(
        uint64 _number,
        uint64 _timestamp,
        uint256 _basefee,
        bytes32 _hash,
        uint64 _sequenceNumber,
        bytes32 _batcherHash,
        uint256 _l1FeeOverhead,
        uint256 _l1FeeScalar
    ) external onlyDepositor {
        (number, timestamp, basefee, hash) = (_number, _timestamp, _basefee, _hash);
        (sequenceNumber, batcherHash, l1FeeOverhead, l1FeeScalar) = (_sequenceNumber, _batcherHash, _l1FeeOverhead, _l1FeeScalar);
    }

    /// @notice What a block of Ecotone sets: packed big-endian behind the selector, not ABI-encoded.
    function setL1BlockValuesEcotone() external onlyDepositor {
        _setEcotone();
    }

    /// @notice What a block of Isthmus sets: Ecotone's, then the operator fee.
    function setL1BlockValuesIsthmus() external onlyDepositor {
        _setEcotone();
        _setOperatorFee();
        daFootprintGasScalar = 0;
    }

    /// @notice What a block of Jovian sets: Isthmus', then the scalar of the data footprint.
    function setL1BlockValuesJovian() external onlyDepositor {
        _setEcotone();
        _setOperatorFee();
        daFootprintGasScalar = uint16(bytes2(msg.data[176:178]));
    }

    function gasPayingToken() public view returns (address token, uint8 decimals) {
        uint256 word = uint256(_at(GAS_PAYING_TOKEN_SLOT));
        token = address(uint160(word));
        return token == address(0) ? (ETHER, 18) : (token, uint8(word >> 160));
    }

    function gasPayingTokenName() external view returns (string memory) {
        return isCustomGasToken() ? _short(_at(GAS_PAYING_TOKEN_NAME_SLOT)) : "Ether";
    }

    function gasPayingTokenSymbol() external view returns (string memory) {
        return isCustomGasToken() ? _short(_at(GAS_PAYING_TOKEN_SYMBOL_SLOT)) : "ETH";
    }

    function isCustomGasToken() public view returns (bool) {
        (address token,) = gasPayingToken();
        return token != ETHER;
    }

    function _setEcotone() private {
        baseFeeScalar = uint32(bytes4(msg.data[4:8]));
        blobBaseFeeScalar = uint32(bytes4(msg.data[8:12]));
        sequenceNumber = uint64(bytes8(msg.data[12:20]));
        timestamp = uint64(bytes8(msg.data[20:28]));
        number = uint64(bytes8(msg.data[28:36]));
        basefee = uint256(bytes32(msg.data[36:68]));
        blobBaseFee = uint256(bytes32(msg.data[68:100]));
        hash = bytes32(msg.data[100:132]);
        batcherHash = bytes32(msg.data[132:164]);
    }

    function _setOperatorFee() private {
        operatorFeeScalar = uint32(bytes4(msg.data[164:168]));
        operatorFeeConstant = uint64(bytes8(msg.data[168:176]));
    }

    function _at(bytes32 slot) private view returns (bytes32 word) {
        assembly ("memory-safe") {
            word := sload(slot)
        }
    }

    /// A string of up to 32 bytes, which ends at its first zero.
    function _short(bytes32 word) private pure returns (string memory) {
        uint256 length;
        while (length < 32 && word[length] != 0) length++;
        bytes memory text = new bytes(length);
        for (uint256 i = 0; i < length; i++) text[i] = word[i];
        return string(text);
    }
}
