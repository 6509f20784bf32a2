// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Bond} from "./PoolTypes.sol";

/// @notice Stake by the epoch in which it came in: lists that ascend, one entry an epoch. As `stake/bonds.ts` of the staking package.
library Bonds {
    /// @notice Adds stake that came in during `fromEpoch`.
    function add(Bond[] storage bonds, uint64 fromEpoch, uint256 amountWei) internal {
        if (amountWei == 0) return;
        uint256 at = bonds.length;
        while (at > 0 && bonds[at - 1].fromEpoch > fromEpoch) at--;
        if (at > 0 && bonds[at - 1].fromEpoch == fromEpoch) {
            bonds[at - 1].amountWei += uint128(amountWei);
            return;
        }
        bonds.push();
        for (uint256 i = bonds.length - 1; i > at; i--) bonds[i] = bonds[i - 1];
        bonds[at] = Bond(fromEpoch, uint128(amountWei));
    }

    /// @notice Moves stake to another list, the youngest first: what is left stays answerable for what the seat did before.
    function takeYoungest(Bond[] storage bonds, Bond[] storage taken, uint256 amountWei) internal {
        uint256 first = bonds.length;
        uint256 rest = amountWei;
        uint256 part = 0;
        while (rest > 0 && first > 0) {
            uint256 has = bonds[--first].amountWei;
            part = has < rest ? has : rest;
            rest -= part;
        }
        if (amountWei == 0 || first == bonds.length) return;
        uint256 left = bonds[first].amountWei - part;
        taken.push(Bond(bonds[first].fromEpoch, uint128(part)));
        for (uint256 i = first + 1; i < bonds.length; i++) taken.push(bonds[i]);
        if (left > 0) bonds[first].amountWei = uint128(left);
        truncate(bonds, left > 0 ? first + 1 : first);
    }

    /// @notice Takes stake of `fromEpoch` out. Entries that were joined stand for all the epochs up to theirs.
    function take(Bond[] storage bonds, uint64 fromEpoch, uint256 amountWei) internal {
        if (amountWei == 0) return;
        uint256 at = bonds.length;
        while (at > 0 && bonds[at - 1].fromEpoch >= fromEpoch) at--;
        uint256 left = bonds[at].amountWei - amountWei;
        if (left > 0) {
            bonds[at].amountWei = uint128(left);
            return;
        }
        for (uint256 i = at + 1; i < bonds.length; i++) bonds[i - 1] = bonds[i];
        bonds.pop();
    }

    /// @notice Joins what came in at or before `horizon`: no fault that can still be brought forward tells it apart.
    function join(Bond[] storage bonds, int256 horizon) internal {
        uint256 length = bonds.length;
        if (length < 2 || int256(uint256(bonds[1].fromEpoch)) > horizon) return;
        uint256 count = 0;
        uint256 sum = 0;
        while (count < length && int256(uint256(bonds[count].fromEpoch)) <= horizon) sum += bonds[count++].amountWei;
        bonds[0] = Bond(bonds[count - 1].fromEpoch, uint128(sum));
        for (uint256 i = count; i < length; i++) bonds[i - count + 1] = bonds[i];
        truncate(bonds, length - count + 1);
    }

    /// @notice All of it.
    function total(Bond[] storage bonds) internal view returns (uint256 sum) {
        for (uint256 i = 0; i < bonds.length; i++) sum += bonds[i].amountWei;
    }

    /// @notice Wei that had come in by the end of `epoch`.
    function upTo(Bond[] storage bonds, uint64 epoch) internal view returns (uint256 sum) {
        for (uint256 i = 0; i < bonds.length && bonds[i].fromEpoch <= epoch; i++) sum += bonds[i].amountWei;
    }

    /// @notice Takes up to `amountWei` of what had come in by the end of `epoch`, the oldest first.
    function cut(Bond[] storage bonds, uint64 epoch, uint256 amountWei) internal returns (uint256 cutWei) {
        uint256 kept = 0;
        for (uint256 i = 0; i < bonds.length; i++) {
            Bond memory bond = bonds[i];
            uint256 rest = amountWei - cutWei;
            uint256 part = bond.fromEpoch > epoch ? 0 : bond.amountWei < rest ? bond.amountWei : rest;
            cutWei += part;
            if (part < bond.amountWei) {
                if (part > 0 || kept != i) bonds[kept] = Bond(bond.fromEpoch, bond.amountWei - uint128(part));
                kept++;
            }
        }
        truncate(bonds, kept);
    }

    /// @notice Leaves to what had come in by the end of `epoch` its part, rounded down entry by entry; how much that takes.
    function scale(Bond[] storage bonds, uint64 epoch, uint256 keptWei, uint256 ofWei) internal returns (uint256 goneWei) {
        for (uint256 i = 0; i < bonds.length && bonds[i].fromEpoch <= epoch; i++) {
            uint256 before = bonds[i].amountWei;
            uint256 left = before * keptWei / ofWei;
            bonds[i].amountWei = uint128(left);
            goneWei += before - left;
        }
    }

    function truncate(Bond[] storage bonds, uint256 length) internal {
        while (bonds.length > length) bonds.pop();
    }
}
