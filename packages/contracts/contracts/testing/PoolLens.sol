// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SeatView, SequencerPool} from "l1/SequencerPool.sol";
import {DelegationView} from "pool/Delegations.sol";
import {Case, Ledger, Unlocking} from "pool/PoolTypes.sol";

/// @notice Reads for tests the whole of a pool as one list of numbers: what is compared with the reducer after every step.
contract PoolLens {
    uint256[] private list;

    /// @notice Meant to be called, not sent.
    function read(SequencerPool pool, address[] calldata delegators, bytes32[] calldata cases)
        external
        returns (uint256[] memory)
    {
        uint32 nextId = readSums(pool);
        for (uint32 id = 1; id < nextId; id++) {
            readSeat(pool, id);
            for (uint256 i = 0; i < delegators.length; i++) readPosition(pool, id, delegators[i]);
        }
        for (uint256 i = 0; i < cases.length; i++) readCase(pool, cases[i]);
        return list;
    }

    function readSums(SequencerPool pool) private returns (uint32 next) {
        (uint256 activeWei, uint256 jailedWei, uint32 seats, uint32 nextId, uint256 rewardPerBlockWei, bool paused) =
            pool.totals();
        add(activeWei, jailedWei, seats, nextId);
        add(rewardPerBlockWei, paused ? 1 : 0, pool.epoch(), pool.queue().length);
        Ledger memory ledger = pool.ledger();
        add(ledger.depositedWei, ledger.fundedWei, ledger.budgetWei, ledger.burntWei);
        add(ledger.treasuryWei, ledger.paidOutWei);
        return nextId;
    }

    function readSeat(SequencerPool pool, uint32 id) private {
        SeatView memory seat = pool.seatOf(id);
        add(uint160(seat.owner), uint8(seat.status), seat.tombstoned ? 1 : 0, seat.openCases);
        add(uint160(seat.rewardRecipient), uint160(seat.signer), seat.jailedUntil, seat.nonce);
        add(seat.activationEpoch, seat.strikes, seat.commissionBps, seat.amountWei);
        add(seat.unlockingWei, seat.rewardWei, seat.delegatedWei, seat.redeemingWei);
        add(seat.delegatorsRewardWei, pool.casesOf(id).length);
        Unlocking[] memory unlocking = pool.unlockingOf(id);
        for (uint256 i = 0; i < unlocking.length; i++) {
            add(unlocking[i].amountWei, unlocking[i].initialWei, unlocking[i].startedEpoch, unlocking[i].claimableAt);
        }
    }

    function readPosition(SequencerPool pool, uint32 id, address delegator) private {
        DelegationView memory held = pool.delegationOf(id, delegator);
        if (held.shares + held.redeemingShares + held.rewardWei == 0) return;
        add(held.shares, held.assetsWei, held.redeemingShares, held.redeemingWei);
        add(held.rewardWei, uint160(delegator));
    }

    function readCase(SequencerPool pool, bytes32 evidenceId) private {
        Case memory open = pool.caseOf(evidenceId);
        add(uint8(open.stage), open.executableAt, open.stakeWei, open.totalWei);
        add(open.ownWei, open.correlatedWei, uint160(open.reporter), open.stakeEpoch);
    }

    function add(uint256 a, uint256 b) private {
        list.push(a);
        list.push(b);
    }

    function add(uint256 a, uint256 b, uint256 c, uint256 d) private {
        add(a, b);
        add(c, d);
    }
}
