// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LibZip} from "@solady/utils/LibZip.sol";

interface IL1Block {
    function basefee() external view returns (uint256);
    function baseFeeScalar() external view returns (uint32);
    function blobBaseFee() external view returns (uint256);
    function blobBaseFeeScalar() external view returns (uint32);
    function l1FeeOverhead() external view returns (uint256);
    function l1FeeScalar() external view returns (uint256);
    function operatorFeeConstant() external view returns (uint64);
    function operatorFeeScalar() external view returns (uint32);
}

/// @notice Estimates what a transaction pays beside its gas, at the level of Jovian: the L1 data fee and the operator fee by the rules that
/// are switched on. Written from the specification of the OP Stack. Fees are in wei of the native token.
contract GasPriceOracle {
    string public constant version = "1.6.0-l2";
    /// @notice Scalars are in millionths.
    uint256 public constant DECIMALS = 6;

    address private constant DEPOSITOR_ACCOUNT = 0xDeaDDEaDDeAdDeAdDEAdDEaddeAddEAdDEAd0001;
    IL1Block private constant L1_BLOCK = IL1Block(0x4200000000000000000000000000000000000015);
    /// What a signature adds to an unsigned transaction, in bytes that are not zero.
    uint256 private constant SIGNATURE_BYTES = 68;
    /// Fjord's estimate of what a transaction adds to a batch, by its FastLZ size, in millionths of a byte.
    int256 private constant COST_INTERCEPT = -42_585_600;
    int256 private constant COST_FASTLZ_COEFFICIENT = 836_500;
    int256 private constant MIN_TRANSACTION_SIZE = 100_000_000;

    /// @notice Slot 0, a byte each: which rules count.
    bool public isEcotone;
    bool public isFjord;
    bool public isIsthmus;
    bool public isJovian;

    error NotDepositor();
    error AlreadyActive();
    error PredecessorNotActive();
    error OnlyBeforeEcotone();
    error OnlySinceFjord();

    modifier switches(bool predecessor, bool current) {
        if (msg.sender != DEPOSITOR_ACCOUNT) revert NotDepositor();
        if (!predecessor) revert PredecessorNotActive();
        if (current) revert AlreadyActive();
        _;
    }

    function setEcotone() external switches(true, isEcotone) {
        isEcotone = true;
    }

    function setFjord() external switches(isEcotone, isFjord) {
        isFjord = true;
    }

    function setIsthmus() external switches(isFjord, isIsthmus) {
        isIsthmus = true;
    }

    function setJovian() external switches(isIsthmus, isJovian) {
        isJovian = true;
    }

    /// @notice The L1 data fee of an unsigned transaction in its RLP form.
    function getL1Fee(bytes memory _data) external view returns (uint256) {
        if (isFjord) return _fjordFee(_fastLzSize(_data));
        if (isEcotone) return _calldataGas(_data) * _weightedPrice() / 16e6;
        return (_calldataGas(_data) + L1_BLOCK.l1FeeOverhead()) * L1_BLOCK.basefee() * L1_BLOCK.l1FeeScalar() / 1e6;
    }

    /// @notice The most that `getL1Fee` answers for a transaction of so many unsigned bytes, but for one in ten thousand.
    function getL1FeeUpperBound(uint256 _unsignedTxSize) external view returns (uint256) {
        if (!isFjord) revert OnlySinceFjord();
        uint256 size = _unsignedTxSize + SIGNATURE_BYTES;
        return _fjordFee(size + size / 255 + 16);
    }

    /// @notice The operator fee of a transaction that uses so much gas; zero before Isthmus.
    function getOperatorFee(uint256 _gasUsed) external view returns (uint256) {
        if (!isIsthmus) return 0;
        (uint256 scalar_, uint256 constant_) = (L1_BLOCK.operatorFeeScalar(), L1_BLOCK.operatorFeeConstant());
        if (isJovian) return _gasUsed * scalar_ * 100 + constant_;
        // Isthmus saturates where the product does not fit; the quotient leaves room for any constant.
        uint256 scaled = scalar_ != 0 && _gasUsed > type(uint256).max / scalar_ ? type(uint256).max : _gasUsed * scalar_;
        return scaled / 1e6 + constant_;
    }

    /// @notice The L1 gas that a transaction stands for; no fee is computed of it since Fjord.
    function getL1GasUsed(bytes memory _data) external view returns (uint256) {
        if (isFjord) return _estimatedSize(_fastLzSize(_data)) * 16 / 1e6;
        return _calldataGas(_data) + (isEcotone ? 0 : L1_BLOCK.l1FeeOverhead());
    }

    function gasPrice() external view returns (uint256) {
        return block.basefee;
    }

    function baseFee() external view returns (uint256) {
        return block.basefee;
    }

    function overhead() external view returns (uint256) {
        if (isEcotone) revert OnlyBeforeEcotone();
        return L1_BLOCK.l1FeeOverhead();
    }

    function scalar() external view returns (uint256) {
        if (isEcotone) revert OnlyBeforeEcotone();
        return L1_BLOCK.l1FeeScalar();
    }

    function l1BaseFee() external view returns (uint256) {
        return L1_BLOCK.basefee();
    }

    function blobBaseFee() external view returns (uint256) {
        return L1_BLOCK.blobBaseFee();
    }

    function baseFeeScalar() external view returns (uint32) {
        return L1_BLOCK.baseFeeScalar();
    }

    function blobBaseFeeScalar() external view returns (uint32) {
        return L1_BLOCK.blobBaseFeeScalar();
    }

    function decimals() external pure returns (uint256) {
        return DECIMALS;
    }

    /// Millionths of a wei for 16 of calldata gas.
    function _weightedPrice() private view returns (uint256) {
        return uint256(L1_BLOCK.baseFeeScalar()) * 16 * L1_BLOCK.basefee()
            + uint256(L1_BLOCK.blobBaseFeeScalar()) * L1_BLOCK.blobBaseFee();
    }

    function _fjordFee(uint256 fastLzSize) private view returns (uint256) {
        return _estimatedSize(fastLzSize) * _weightedPrice() / 1e12;
    }

    function _fastLzSize(bytes memory data) private pure returns (uint256) {
        return LibZip.flzCompress(data).length + SIGNATURE_BYTES;
    }

    function _estimatedSize(uint256 fastLzSize) private pure returns (uint256) {
        int256 size = COST_INTERCEPT + COST_FASTLZ_COEFFICIENT * int256(fastLzSize);
        return uint256(size < MIN_TRANSACTION_SIZE ? MIN_TRANSACTION_SIZE : size);
    }

    /// The price of the bytes as calldata of L1, with a signature.
    function _calldataGas(bytes memory data) private pure returns (uint256 gas_) {
        gas_ = SIGNATURE_BYTES * 16;
        for (uint256 i = 0; i < data.length; i++) gas_ += data[i] == 0 ? 4 : 16;
    }
}
