// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Bonds} from "./Bonds.sol";
import {Bond, Backing, Loss, Lot, Paid, Position, Redemption, Tail} from "./PoolTypes.sol";

/// A position out of storage, while it is changed. Lists have room for more than is in them.
struct Held {
    uint256 rewardWei;
    Lot[] lots;
    uint256 lotCount;
    Tail[] tails;
    uint256 tailCount;
    Redemption[] redemptions;
    uint256 redemptionCount;
}

/// @notice What delegators have in a seat, and what each of them has of it: rewards by the weights with which an epoch was elected, losses by
/// what was in when the fault was committed. As `stake/delegated.ts` of the staking package; instead of the marks there it keeps, for every epoch
/// that was paid for, up to which figure everything before was.
library Positions {
    using Bonds for Bond[];

    /// What a loss does not end for stake that has not left.
    uint64 private constant STAYS = type(uint64).max;
    uint256 private constant PER_WEI = 1 << 96;

    function load(Position storage from) internal view returns (Held memory held) {
        held.rewardWei = from.rewardWei;
        held.lotCount = from.lots.length;
        held.tailCount = from.tails.length;
        held.redemptionCount = from.redemptions.length;
        // Room for a lot that is added, and for what every lot that leaves becomes.
        held.lots = new Lot[](held.lotCount + 1);
        held.tails = new Tail[](held.tailCount + held.lotCount + 1);
        held.redemptions = new Redemption[](held.redemptionCount + held.lotCount + 1);
        for (uint256 i = 0; i < held.lotCount; i++) held.lots[i] = from.lots[i];
        for (uint256 i = 0; i < held.tailCount; i++) held.tails[i] = from.tails[i];
        for (uint256 i = 0; i < held.redemptionCount; i++) held.redemptions[i] = from.redemptions[i];
    }

    function store(Position storage to, Held memory held) internal {
        to.rewardWei = held.rewardWei;
        while (to.lots.length > held.lotCount) to.lots.pop();
        while (to.lots.length < held.lotCount) to.lots.push();
        for (uint256 i = 0; i < held.lotCount; i++) to.lots[i] = held.lots[i];
        while (to.tails.length > held.tailCount) to.tails.pop();
        while (to.tails.length < held.tailCount) to.tails.push();
        for (uint256 i = 0; i < held.tailCount; i++) to.tails[i] = held.tails[i];
        while (to.redemptions.length > held.redemptionCount) to.redemptions.pop();
        while (to.redemptions.length < held.redemptionCount) to.redemptions.push();
        for (uint256 i = 0; i < held.redemptionCount; i++) to.redemptions[i] = held.redemptions[i];
    }

    /// @notice Up to which figure everything before the weights of the end of `epoch` was paid; not known while such weights may come.
    function markAt(Backing storage delegated, uint64 epoch) internal view returns (bool isKnown, uint256 perWei) {
        if (epoch >= delegated.rewardedEpochs) return (false, 0);
        Paid[] storage paid = delegated.paid;
        uint256 low = 0;
        uint256 high = paid.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (paid[middle].epoch < epoch) low = middle + 1;
            else high = middle;
        }
        return (true, paid[low].perWei);
    }

    /// @notice Up to which figure the weights that a loss made smaller earned before it.
    function paidBefore(Backing storage delegated, Loss memory loss) private view returns (bool, uint256) {
        return loss.isPaid ? (true, loss.perWei) : markAt(delegated, loss.epoch);
    }

    /// @notice Whether stake of these epochs answers for a loss: it had come in and had not left when the fault was committed.
    function answers(Loss memory loss, uint64 fromEpoch, uint64 toEpoch) private pure returns (bool) {
        return fromEpoch <= loss.offenceEpoch && toEpoch >= loss.offenceEpoch;
    }

    function keep(uint256 amountWei, Loss memory loss) private pure returns (uint256) {
        return amountWei * loss.keptWei / loss.ofWei;
    }

    /// @notice What stake is worth after every loss it has not seen yet, rounded down.
    function valueOf(Backing storage delegated, uint256 amountWei, uint64 fromEpoch, uint64 losses, uint64 toEpoch)
        private
        view
        returns (uint256)
    {
        for (uint256 i = losses; i < delegated.losses.length; i++) {
            Loss memory loss = delegated.losses[i];
            if (answers(loss, fromEpoch, toEpoch)) amountWei = keep(amountWei, loss);
        }
        return amountWei;
    }

    function valueOf(Backing storage delegated, Lot memory lot) internal view returns (uint256) {
        return valueOf(delegated, lot.amountWei, lot.fromEpoch, lot.losses, STAYS);
    }

    function valueOf(Backing storage delegated, Redemption memory exit) internal view returns (uint256) {
        return valueOf(delegated, exit.amountWei, exit.fromEpoch, exit.losses, exit.startedEpoch);
    }

    function earned(uint256 amountWei, uint256 from, uint256 to) private pure returns (uint256) {
        return Math.mulDiv(amountWei, to - from, PER_WEI);
    }

    /// @notice Pays for the time up to the last loss of which the weights are known, and makes the weight smaller by each. False: nothing is
    /// known yet.
    function lose(Backing storage delegated, Tail memory stake) private view returns (bool, uint256 rewardWei) {
        if (!stake.isPaid) {
            (stake.isPaid, stake.paidPerWei) = markAt(delegated, stake.fromEpoch);
            if (!stake.isPaid) return (false, 0);
        }
        for (; stake.losses < delegated.losses.length; stake.losses++) {
            Loss memory loss = delegated.losses[stake.losses];
            (bool isKnown, uint256 perWei) = paidBefore(delegated, loss);
            if (!isKnown || (stake.toEpoch != STAYS && loss.epoch >= stake.toEpoch)) break;
            if (!answers(loss, stake.fromEpoch, stake.toEpoch)) continue;
            rewardWei += earned(stake.amountWei, stake.paidPerWei, perWei);
            stake.paidPerWei = perWei;
            stake.amountWei = uint128(keep(stake.amountWei, loss));
        }
        return (true, rewardWei);
    }

    /// @notice Pays a position what its stake has earned until now.
    function settle(Backing storage delegated, Held memory held) internal view {
        settleLots(delegated, held);
        uint256 upTo = delegated.rewardPerWei;
        uint256 kept = 0;
        for (uint256 i = 0; i < held.tailCount; i++) {
            Tail memory tail = held.tails[i];
            (bool isKnown, uint256 rewardWei) = lose(delegated, tail);
            bool isOver = false;
            if (isKnown) {
                uint256 end;
                (isOver, end) = markAt(delegated, tail.toEpoch);
                if (!isOver) end = upTo;
                held.rewardWei += rewardWei + earned(tail.amountWei, tail.paidPerWei, end);
                tail.paidPerWei = end;
            }
            if (!isOver) held.tails[kept++] = tail;
        }
        held.tailCount = kept;
    }

    function settleLots(Backing storage delegated, Held memory held) private view {
        uint256 upTo = delegated.rewardPerWei;
        // Stake that was paid up to the same figure is paid together.
        uint256 runWei = 0;
        uint256 runPaid = 0;
        for (uint256 i = 0; i < held.lotCount; i++) {
            Lot memory lot = held.lots[i];
            if (!lot.isPaid || lot.losses != delegated.losses.length) {
                Tail memory stake =
                    Tail(lot.amountWei, lot.fromEpoch, STAYS, lot.losses, lot.isPaid, lot.paidPerWei);
                (bool isKnown, uint256 rewardWei) = lose(delegated, stake);
                if (!isKnown) continue;
                held.rewardWei += rewardWei;
                (lot.amountWei, lot.losses, lot.isPaid, lot.paidPerWei) =
                    (stake.amountWei, stake.losses, true, stake.paidPerWei);
            }
            if (lot.paidPerWei == upTo) continue;
            if (lot.paidPerWei != runPaid) {
                held.rewardWei += earned(runWei, runPaid, upTo);
                (runWei, runPaid) = (0, lot.paidPerWei);
            }
            runWei += lot.amountWei;
            lot.paidPerWei = upTo;
        }
        held.rewardWei += earned(runWei, runPaid, upTo);
    }

    /// @notice Joins the lots of a settled position that nothing tells apart any more.
    /// @param payableEpoch No weights of an earlier epoch will be paid any more: what came in up to then begins to earn together.
    function joinLots(Backing storage delegated, Held memory held, int256 horizon, uint64 payableEpoch) internal view {
        uint256 count = 0;
        uint256 joined = 0;
        for (; count < held.lotCount && int256(uint256(held.lots[count].fromEpoch)) <= horizon; count++) {
            Lot memory lot = held.lots[count];
            if (joined > 0 && isAlike(delegated, held.lots[joined - 1], lot, payableEpoch)) {
                Lot memory last = held.lots[joined - 1];
                lot.shares += last.shares;
                lot.amountWei += last.amountWei;
                held.lots[joined - 1] = lot;
            } else {
                held.lots[joined++] = lot;
            }
        }
        if (joined == count) return;
        for (; count < held.lotCount; count++) held.lots[joined++] = held.lots[count];
        held.lotCount = joined;
    }

    function isAlike(Backing storage delegated, Lot memory a, Lot memory b, uint64 payableEpoch)
        private
        view
        returns (bool)
    {
        if (a.isPaid != b.isPaid || a.paidPerWei != b.paidPerWei || a.losses != b.losses) return false;
        if (!b.isPaid && b.fromEpoch > payableEpoch) return false;
        for (uint256 i = a.losses; i < delegated.losses.length; i++) {
            Loss memory loss = delegated.losses[i];
            if (answers(loss, a.fromEpoch, STAYS) != answers(loss, b.fromEpoch, STAYS)) return false;
        }
        return true;
    }

    /// @notice Whether joining would take most lots of a position away.
    function isLong(Position storage position, uint64 payableEpoch) internal view returns (bool) {
        uint256 length = position.lots.length;
        return length >= 8 && position.lots[length / 2].fromEpoch <= payableEpoch;
    }

    /// @notice Adds a position's stake of the running epoch.
    function add(Backing storage delegated, Held memory held, uint64 epoch, uint256 amountWei) internal {
        delegated.isUsed = true;
        delegated.amountWei += uint128(amountWei);
        delegated.bonds.add(epoch, amountWei);
        uint64 losses = uint64(delegated.losses.length);
        uint256 perWei = delegated.rewardPerWei;
        if (held.lotCount > 0) {
            Lot memory last = held.lots[held.lotCount - 1];
            // More of the same epoch and of the same past joins what is there.
            if (last.fromEpoch == epoch && last.losses == losses && (!last.isPaid || last.paidPerWei == perWei)) {
                last.shares += uint128(amountWei);
                last.amountWei += uint128(amountWei);
                return;
            }
        }
        // Only in the very first epochs weights are paid for while they still change: then what was credited before is not for it.
        bool isPaid = epoch < delegated.rewardedEpochs;
        held.lots[held.lotCount++] =
            Lot(uint128(amountWei), uint128(amountWei), epoch, losses, isPaid, isPaid ? perWei : 0);
    }

    /// @notice Moves shares of a settled position to its way out, the youngest first. Their weights go on earning until `epoch`.
    function leave(Backing storage delegated, Held memory held, uint256 shares, uint64 epoch, uint64 claimableAt)
        internal
    {
        bool isOpen = epoch >= delegated.rewardedEpochs;
        for (uint256 rest = shares; rest > 0;) {
            Lot memory lot = held.lots[--held.lotCount];
            uint256 part = lot.shares < rest ? lot.shares : rest;
            rest -= part;
            uint256 value = valueOf(delegated, lot);
            uint256 weight = lot.amountWei;
            if (part < lot.shares) {
                value = value * part / lot.shares;
                // Rounded up, so that the value of what stays and of what goes is never more than that of both.
                weight = Math.ceilDiv(weight * part, lot.shares);
                held.lots[held.lotCount++] = Lot(
                    lot.shares - uint128(part),
                    lot.amountWei - uint128(weight),
                    lot.fromEpoch,
                    lot.losses,
                    lot.isPaid,
                    lot.paidPerWei
                );
            }
            redeem(delegated, lot.fromEpoch, epoch, value);
            held.redemptions[held.redemptionCount++] = Redemption(
                uint128(part), uint128(value), lot.fromEpoch, epoch, claimableAt, uint64(delegated.losses.length)
            );
            if (isOpen && lot.fromEpoch < epoch) {
                held.tails[held.tailCount++] =
                    Tail(uint128(weight), lot.fromEpoch, epoch, lot.losses, lot.isPaid, lot.paidPerWei);
            }
        }
    }

    function redeem(Backing storage delegated, uint64 fromEpoch, uint64 epoch, uint256 amountWei) private {
        delegated.amountWei -= uint128(amountWei);
        delegated.bonds.take(fromEpoch, amountWei);
        delegated.redeemingWei += uint128(amountWei);
        if (amountWei == 0) return;
        uint256 groups = delegated.redeemingEpochs.length;
        if (groups == 0 || delegated.redeemingEpochs[groups - 1] != epoch) delegated.redeemingEpochs.push(epoch);
        delegated.redeeming[epoch].add(fromEpoch, amountWei);
    }

    /// @notice Pays a redemption out of what is held for it.
    function pay(Backing storage delegated, Redemption memory exit) internal returns (uint256 amountWei) {
        amountWei = valueOf(delegated, exit);
        delegated.redeemingWei -= uint128(amountWei);
        // What nobody can be charged for any more has no group.
        Bond[] storage group = delegated.redeeming[exit.startedEpoch];
        if (group.length == 0) return amountWei;
        group.take(exit.fromEpoch, amountWei);
        if (group.length > 0) return amountWei;
        uint64[] storage epochs = delegated.redeemingEpochs;
        uint256 at = 0;
        while (epochs[at] != exit.startedEpoch) at++;
        for (; at + 1 < epochs.length; at++) epochs[at] = epochs[at + 1];
        epochs.pop();
    }

    /// @notice Forgets what no fault that can still be brought forward tells apart.
    function join(Backing storage delegated, int256 horizon) internal {
        delegated.bonds.join(horizon);
        uint64[] storage epochs = delegated.redeemingEpochs;
        uint256 stale = 0;
        while (stale < epochs.length && int256(uint256(epochs[stale])) < horizon) delete delegated.redeeming[epochs[stale++]];
        if (stale == 0) return;
        for (uint256 i = stale; i < epochs.length; i++) epochs[i - stale] = epochs[i];
        for (; stale > 0; stale--) epochs.pop();
    }

    /// @notice Credits rewards for the weights of the end of `epoch`, of which `weightWei` was the delegators'.
    function credit(Backing storage delegated, uint64 epoch, uint256 weightWei, uint256 amountWei) internal {
        if (!delegated.isUsed) return;
        if (epoch >= delegated.rewardedEpochs) {
            delegated.paid.push(Paid(epoch, delegated.rewardPerWei));
            delegated.rewardedEpochs = epoch + 1;
        }
        if (amountWei == 0) return;
        delegated.rewardWei += uint128(amountWei);
        delegated.rewardPerWei += (amountWei << 96) / weightWei;
    }

    /// @notice Leaves `keptWei` of `ofWei` to every delegator who was in when the fault was committed, bonded still or on his way out; what of
    /// the loss came out of redemptions.
    function take(Backing storage delegated, uint64 offenceEpoch, uint64 epoch, uint256 keptWei, uint256 ofWei)
        internal
        returns (uint256 redeemingWei)
    {
        if (keptWei == ofWei) return 0;
        uint256 bondedWei = delegated.bonds.scale(offenceEpoch, keptWei, ofWei);
        for (uint256 i = 0; i < delegated.redeemingEpochs.length; i++) {
            uint64 started = delegated.redeemingEpochs[i];
            if (started >= offenceEpoch) redeemingWei += delegated.redeeming[started].scale(offenceEpoch, keptWei, ofWei);
        }
        // Rounding down entry by entry takes a few wei too many: they stay with the seat, bonded if anything is.
        uint256 dust = bondedWei + redeemingWei - (ofWei - keptWei);
        bool isPaid = epoch < delegated.rewardedEpochs;
        delegated.losses.push(
            Loss(offenceEpoch, epoch, uint128(keptWei), uint128(ofWei), isPaid, isPaid ? delegated.rewardPerWei : 0)
        );
        if (bondedWei > 0) {
            delegated.amountWei = uint128(delegated.amountWei - bondedWei + dust);
            if (dust > 0) delegated.bonds[0].amountWei += uint128(dust);
            delegated.redeemingWei -= uint128(redeemingWei);
        } else {
            delegated.redeemingWei = uint128(delegated.redeemingWei - redeemingWei + dust);
            redeemingWei -= dust;
        }
    }
}
