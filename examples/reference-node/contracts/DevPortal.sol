// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// The deposit door of the development L1: emits the event of the OP Stack's OptimismPortal and nothing more (no withdrawals, no resource
/// metering). Value sent stays here, as the L2 mints it.
contract DevPortal {
    event TransactionDeposited(address indexed from, address indexed to, uint256 indexed version, bytes opaqueData);

    function depositTransaction(address to, uint256 value, uint64 gasLimit, bool isCreation, bytes calldata data) external payable {
        require(!isCreation || to == address(0), "creation has no recipient");
        require(gasLimit >= 21000 + uint64(data.length) * 16, "gas limit too low");
        require(data.length <= 120000, "data too large");
        address from = msg.sender;
        // A contract must not be able to act on L2 as the account that happens to have its address there.
        if (msg.sender != tx.origin) from = address(uint160(from) + uint160(0x1111000000000000000000000000000000001111));
        emit TransactionDeposited(from, to, 0, abi.encodePacked(msg.value, value, gasLimit, isCreation, data));
    }
}
