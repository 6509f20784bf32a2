// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// The deposit door of the development L1: emits the event of the OP Stack's OptimismPortal and nothing more (no withdrawals, no fee for
/// metered gas). Value sent stays here, as the L2 mints it.
contract DevPortal {
    /// Gas that the deposits of one L1 block may have together. Every L2 block of that origin must hold all of them: a deposit that does not fit
    /// can neither be left out nor taken back, and nobody could derive the chain any further.
    uint64 public immutable maxDepositGas;
    uint64 private meteredBlock;
    uint64 private meteredGas;

    event TransactionDeposited(address indexed from, address indexed to, uint256 indexed version, bytes opaqueData);

    constructor(uint64 maxDepositGas_) {
        maxDepositGas = maxDepositGas_;
    }

    function depositTransaction(address to, uint256 value, uint64 gasLimit, bool isCreation, bytes calldata data) external payable {
        require(!isCreation || to == address(0), "creation has no recipient");
        require(gasLimit >= minimumGasLimit(uint64(data.length)), "gas limit too low");
        require(data.length <= 120000, "data too large");
        if (meteredBlock != block.number) (meteredBlock, meteredGas) = (uint64(block.number), 0);
        require(gasLimit <= maxDepositGas - meteredGas, "deposits of this L1 block have no more gas");
        meteredGas += gasLimit;
        address from = msg.sender;
        // A contract must not be able to act on L2 as the account that happens to have its address there.
        if (msg.sender != tx.origin) from = address(uint160(from) + uint160(0x1111000000000000000000000000000000001111));
        emit TransactionDeposited(from, to, 0, abi.encodePacked(msg.value, value, gasLimit, isCreation, data));
    }

    /// What the L2 asks of a transaction with so much data at the most (EIP-7623).
    function minimumGasLimit(uint64 byteCount) public pure returns (uint64) {
        return 21000 + byteCount * 40;
    }
}
