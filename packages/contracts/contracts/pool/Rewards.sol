// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {PoolBase} from "./PoolBase.sol";
import {Backing, PoolFace, PoolState, Rejection, RewardEntry, Seat} from "./PoolTypes.sol";
import {Positions} from "./Positions.sol";
import {Entry, Timeline, Timelines} from "./Timelines.sol";

/// What a reward is made of.
struct Sum {
    uint256 blocks;
    uint256 operatorWei;
    uint256 delegatorsWei;
    uint64 fromEpoch;
    uint64 toEpoch;
}

/// A batch of epochs.
struct Range {
    uint64 batchId;
    uint64 startEpoch;
    uint64 endEpoch;
}

/// Rewards of one leader for blocks of one epoch.
struct Earned {
    uint64 epoch;
    uint256 blocks;
    uint256 amountWei;
}

/// @notice Rewards, by the weights with which each epoch was elected. As `rewards/accrue.ts` of the staking package.
library Rewards {
    using PoolBase for PoolState;
    using PoolBase for Seat;
    using Positions for Backing;
    using Timelines for Timeline;

    uint256 private constant MAX_ENTRIES = 256;
    uint256 private constant MAX_ENTRY_EPOCHS = 10_000;

    function rateOf(PoolState storage pool, uint64 epoch) private view returns (uint256) {
        return pool.rates.at(int256(uint256(epoch))).a;
    }

    /// @notice What a seat had at stake when `epoch` was elected.
    function weightsOf(PoolState storage pool, Seat storage seat, uint64 epoch) private view returns (Entry memory) {
        return seat.history.at(int256(uint256(pool.weightsEpoch(int256(uint256(epoch))))));
    }

    /// @notice Commission and the operator's part go to the operator, the rest to the delegators of then.
    function credit(PoolState storage pool, uint32 id, Earned[] memory earned) private {
        Seat storage seat = pool.seatOf[id];
        Sum memory sum;
        sum.fromEpoch = earned[0].epoch;
        sum.toEpoch = earned[earned.length - 1].epoch;
        for (uint256 i = 0; i < earned.length; i++) {
            (uint64 epoch, uint256 amountWei) = (earned[i].epoch, earned[i].amountWei);
            Entry memory weights = weightsOf(pool, seat, epoch);
            uint256 delegatorsWei =
                weights.b == 0 ? 0 : amountWei * weights.b / (uint256(weights.a) + weights.b);
            delegatorsWei -= delegatorsWei * seat.commissionAt(epoch) / 10_000;
            seat.delegated.credit(pool.weightsEpoch(int256(uint256(epoch))), weights.b, delegatorsWei);
            sum.blocks += earned[i].blocks;
            sum.operatorWei += amountWei - delegatorsWei;
            sum.delegatorsWei += delegatorsWei;
        }
        seat.rewardWei += uint128(sum.operatorWei);
        pool.ledger.budgetWei -= sum.operatorWei + sum.delegatorsWei;
        emit PoolFace.RewardAccrued(id, sum.fromEpoch, sum.toEpoch, sum.blocks, sum.operatorWei, sum.delegatorsWei);
    }

    function accrueBlock(PoolState storage pool, uint64 height, address signer, uint64 epoch) external {
        PoolBase.only(pool.config.rewarder);
        if (pool.config.paidByBatches) revert PoolFace.RewardSource();
        if (height < pool.nextHeight) revert PoolFace.EpochInvalid();
        if (epoch < pool.lastPaidEpoch || epoch > pool.epoch || int256(uint256(epoch)) < pool.horizonOf()) {
            revert PoolFace.EpochInvalid();
        }
        uint32 id = pool.signers[signer];
        if (id == 0) revert PoolFace.SequencerUnknown();
        if (!isWeighed(pool, id, epoch)) revert PoolFace.SequencerStatus();
        pool.nextHeight = height + 1;
        pool.lastPaidEpoch = epoch;
        uint256 rate = rateOf(pool, epoch);
        uint256 budgetWei = pool.ledger.budgetWei;
        Earned[] memory earned = new Earned[](1);
        earned[0] = Earned(epoch, 1, rate < budgetWei ? rate : budgetWei);
        credit(pool, id, earned);
    }

    /// @notice Whether a sequencer had the weight to be elected for `epoch`.
    function isWeighed(PoolState storage pool, uint32 id, uint64 epoch) private view returns (bool) {
        Entry memory weights = weightsOf(pool, pool.seatOf[id], epoch);
        return weights.a > 0 || weights.b > 0;
    }

    /// @notice A batch of finalized epochs. What is wrong with the batch as a whole refuses it; what is wrong with one entry rejects that entry
    /// and pays the others.
    function submit(PoolState storage pool, Range memory range, RewardEntry[] calldata entries)
        external
        returns (uint256 amountWei)
    {
        PoolBase.only(pool.config.rewarder);
        if (!pool.config.paidByBatches) revert PoolFace.RewardSource();
        if (
            range.batchId != pool.rewardBatch + 1 || range.startEpoch != pool.nextRewardEpoch
                || range.endEpoch < range.startEpoch || range.endEpoch >= pool.epoch || entries.length > MAX_ENTRIES
                || entries.length * (uint256(range.endEpoch) - range.startEpoch + 1) > MAX_ENTRY_EPOCHS
        ) revert PoolFace.RewardBatchInvalid();
        uint256[] memory order = ordered(entries, range.startEpoch);
        bool[] memory paid = new bool[](entries.length);
        for (uint256 i = 0; i < order.length; i++) amountWei += payEntry(pool, range, entries, order[i], paid);
        pool.rewardBatch = range.batchId;
        pool.nextRewardEpoch = range.endEpoch + 1;
        emit PoolFace.RewardBatch(range.batchId, range.startEpoch, range.endEpoch, amountWei);
    }

    function payEntry(
        PoolState storage pool,
        Range memory range,
        RewardEntry[] calldata entries,
        uint256 index,
        bool[] memory paid
    ) private returns (uint256 amountWei) {
        uint32 id = pool.signers[entries[index].signer];
        Rejection reason = judge(pool, range, entries, index, paid);
        Earned[] memory earned;
        if (reason == Rejection.None) {
            earned = earnedOf(pool, id, entries[index], range);
            for (uint256 i = 0; i < earned.length; i++) amountWei += earned[i].amountWei;
            if (earned.length == 0) reason = Rejection.Unweighed;
            else if (amountWei > pool.ledger.budgetWei) reason = Rejection.Budget;
        }
        if (reason != Rejection.None) {
            emit PoolFace.RewardEntryRejected(index, entries[index].signer, reason);
            return 0;
        }
        paid[index] = true;
        credit(pool, id, earned);
    }

    /// @notice Weights are paid for in their order, whatever the order of the entries.
    function ordered(RewardEntry[] calldata entries, uint64 startEpoch) private pure returns (uint256[] memory order) {
        order = new uint256[](entries.length);
        for (uint256 i = 0; i < entries.length; i++) {
            uint64 epoch = entries[i].hasEpoch ? entries[i].epoch : startEpoch;
            uint256 at = i;
            for (; at > 0; at--) {
                RewardEntry calldata before = entries[order[at - 1]];
                if ((before.hasEpoch ? before.epoch : startEpoch) <= epoch) break;
                order[at] = order[at - 1];
            }
            order[at] = i;
        }
    }

    /// @notice What is wrong with an entry whatever it would be paid.
    function judge(
        PoolState storage pool,
        Range memory range,
        RewardEntry[] calldata entries,
        uint256 index,
        bool[] memory paid
    ) private view returns (Rejection) {
        RewardEntry calldata entry = entries[index];
        if (pool.signers[entry.signer] == 0) return Rejection.Unknown;
        if (isPaid(pool, entries, index, paid)) return Rejection.Duplicate;
        if (entry.blocks == 0) return Rejection.Blocks;
        bool isOutside = entry.hasEpoch && (entry.epoch < range.startEpoch || entry.epoch > range.endEpoch);
        return isOutside ? Rejection.Epoch : Rejection.None;
    }

    /// @notice An epoch of a leader is paid once, and a total for the whole batch stands alone.
    function isPaid(PoolState storage pool, RewardEntry[] calldata entries, uint256 index, bool[] memory paid)
        private
        view
        returns (bool)
    {
        RewardEntry calldata entry = entries[index];
        uint32 id = pool.signers[entry.signer];
        for (uint256 i = 0; i < entries.length; i++) {
            RewardEntry calldata other = entries[i];
            if (!paid[i] || pool.signers[other.signer] != id) continue;
            if (!entry.hasEpoch || !other.hasEpoch || entry.epoch == other.epoch) return true;
        }
        return false;
    }

    /// @notice What a leader is paid, epoch by epoch: blocks are spread evenly over those for which he was weighed, what is left over on the
    /// first ones.
    function earnedOf(PoolState storage pool, uint32 id, RewardEntry calldata entry, Range memory range)
        private
        view
        returns (Earned[] memory)
    {
        if (entry.hasEpoch) return spread(pool, id, entry.blocks, entry.epoch, entry.epoch);
        return spread(pool, id, entry.blocks, range.startEpoch, range.endEpoch);
    }

    function spread(PoolState storage pool, uint32 id, uint256 blocks, uint64 fromEpoch, uint64 toEpoch)
        private
        view
        returns (Earned[] memory earned)
    {
        int256 horizon = pool.horizonOf();
        uint64 first = int256(uint256(fromEpoch)) < horizon ? uint64(uint256(horizon)) : fromEpoch;
        if (first > toEpoch) return earned;
        earned = new Earned[](toEpoch - first + 1);
        uint256 count = 0;
        for (uint64 epoch = first; epoch <= toEpoch; epoch++) {
            if (isWeighed(pool, id, epoch)) earned[count++].epoch = epoch;
        }
        uint256 used = count < blocks ? count : blocks;
        for (uint256 i = 0; i < used; i++) {
            earned[i].blocks = blocks / count + (i < blocks % count ? 1 : 0);
            earned[i].amountWei = earned[i].blocks * rateOf(pool, earned[i].epoch);
        }
        assembly ("memory-safe") {
            mstore(earned, used)
        }
    }
}
