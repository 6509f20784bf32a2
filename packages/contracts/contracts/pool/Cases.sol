// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Charges} from "./Charges.sol";
import {Penalties} from "./Penalties.sol";
import {PoolBase} from "./PoolBase.sol";
import {
    Case,
    Exposure,
    FOREVER,
    Kind,
    Key,
    Offence,
    PoolFace,
    PoolState,
    Report,
    Seat,
    Stage,
    Status
} from "./PoolTypes.sol";
import {Seats} from "./Seats.sol";
import {Timeline, Timelines} from "./Timelines.sol";

/// @notice Offences: admitted, reported, vetoed, executed. As `slashing/cases.ts` and `slashing/reports.ts` of the staking package.
library Cases {
    using PoolBase for PoolState;
    using PoolBase for Seat;
    using Timelines for Timeline;

    uint256 private constant FIRST_JAIL_SECONDS = 600;
    uint256 private constant LONGEST_JAIL_SECONDS = 86_400;
    uint256 private constant MAX_COMMITMENTS = 256;
    /// Cases of one seat at a time that anybody can bring by signatures, and in all: the operator's are never crowded out.
    uint256 private constant MAX_PROVEN = 16;
    uint256 private constant MAX_CASES = 32;

    function admit(PoolState storage pool, Offence calldata offence) external {
        bool isProven = msg.sender == pool.config.verifier;
        if (!isProven) PoolBase.only(pool.config.operator);
        if (pool.cases[offence.evidenceId].stage != Stage.None) revert PoolFace.CaseDuplicate();
        Seat storage seat = pool.find(offence.id);
        if (offence.excessOfflineBps > 10_000) revert PoolFace.InputInvalid();
        requireWindow(pool, offence);
        Case storage open = pool.cases[offence.evidenceId];
        open.evidenceHash = offence.evidenceHash;
        open.kind = offence.kind;
        open.stage = Stage.Pending;
        open.id = offence.id;
        open.excessOfflineBps = offence.excessOfflineBps;
        open.offenceEpoch = offence.offenceEpoch;
        (open.stakeEpoch, open.stakeWei, open.totalWei) = stakeAt(pool, seat, offence.offenceEpoch);
        open.offenceAt = offence.offenceAt;
        open.admittedAt = uint64(block.timestamp);
        open.executableAt = uint64(block.timestamp) + pool.config.windows.vetoWindowSeconds;
        open.reporterOrder = type(uint64).max;
        bool isSafety = Penalties.isSafety(offence.kind);
        if (isSafety) {
            open.executableAt += pool.config.windows.correlationSettleSeconds;
            noteSafety(pool, offence.evidenceId);
        }
        remember(pool, seat);
        if (seat.caseIds.length >= (isProven ? MAX_PROVEN : MAX_CASES)) revert PoolFace.TooMany();
        seat.caseIds.push(offence.evidenceId);
        seat.openCases++;
        emitAdmitted(pool, offence.evidenceId);
        if (isSafety) jail(pool, seat, offence.id, FOREVER);
        else if (offence.kind == Kind.Downtime) jailForDowntime(pool, seat, offence.id);
    }

    function requireWindow(PoolState storage pool, Offence calldata offence) private view {
        bool isOutside = offence.offenceAt > block.timestamp
            || uint256(offence.offenceAt) + pool.config.windows.evidenceMaxAgeSeconds < block.timestamp
            || offence.offenceEpoch > pool.epoch || offence.offenceEpoch < pool.epochStarts.oldest().epoch;
        if (isOutside) revert PoolFace.OffenceWindow();
    }

    function emitAdmitted(PoolState storage pool, bytes32 evidenceId) private {
        Case storage open = pool.cases[evidenceId];
        uint256 mostBps = Penalties.mostBps(open.kind, open.excessOfflineBps);
        Exposure memory most = Charges.exposureOf(pool, open, Penalties.costWei(mostBps, open.stakeWei));
        emit PoolFace.OffenceAdmitted(
            open.id,
            evidenceId,
            open.kind,
            open.executableAt,
            most.mostWei,
            most.mostOperatorWei,
            most.mostDelegatorsWei,
            Charges.furtherExposure(pool, open)
        );
    }

    /// @notice Safety cases young enough to be correlated with a new one, and the new one.
    function noteSafety(PoolState storage pool, bytes32 evidenceId) private {
        uint256 span =
            uint256(pool.config.windows.exitDelaySeconds) + pool.config.windows.correlationWindowSeconds;
        bytes32[] storage recent = pool.recentSafety;
        uint256 kept = 0;
        uint256 count = recent.length;
        for (uint256 i = 0; i < count; i++) {
            if (pool.cases[recent[i]].offenceAt + span >= block.timestamp) recent[kept++] = recent[i];
        }
        for (; count > kept; count--) recent.pop();
        recent.push(evidenceId);
    }

    /// @notice What an offender had at stake, and everybody: at the start of the epoch, or at its end when that is more. One who led with
    /// nothing bonded any more had been elected with what was on its way out: that is the stake then.
    function stakeAt(PoolState storage pool, Seat storage seat, uint64 epoch)
        private
        view
        returns (uint64 stakeEpoch, uint128 stakeWei, uint128 totalWei)
    {
        int256 end = int256(uint256(epoch));
        int256 start = end - 1;
        uint256 startWei = seat.weightAt(start);
        uint256 endWei = seat.weightAt(end);
        int256 most = endWei > startWei ? end : start;
        stakeEpoch = epoch;
        if (startWei == 0 && endWei == 0) {
            stakeEpoch = pool.weightsEpoch(end);
            most = int256(uint256(stakeEpoch));
        }
        stakeWei = uint128(seat.weightAt(most));
        totalWei = uint128(pool.totals.at(most).a);
    }

    /// @notice Cases are kept for as long as they can still matter to another one; the last downtime forever, since turns are counted from
    /// it on.
    function remember(PoolState storage pool, Seat storage seat) private {
        uint256 span = pool.rememberedSeconds() + pool.config.windows.exitDelaySeconds + Charges.MONTH;
        bytes32[] storage ids = seat.caseIds;
        bytes32 lastDowntime = 0;
        uint256 count = ids.length;
        for (uint256 i = 0; i < count; i++) {
            Case storage found = pool.cases[ids[i]];
            if (found.kind != Kind.Downtime) continue;
            if (lastDowntime == 0 || found.offenceEpoch >= pool.cases[lastDowntime].offenceEpoch) lastDowntime = ids[i];
        }
        uint256 kept = 0;
        for (uint256 i = 0; i < count; i++) {
            bytes32 id = ids[i];
            Case storage found = pool.cases[id];
            if (found.stage == Stage.Pending || found.offenceAt + span >= block.timestamp || id == lastDowntime) {
                ids[kept++] = id;
            } else {
                if (Penalties.isSafety(found.kind)) forgetSafety(pool, id);
                delete pool.cases[id];
            }
        }
        for (; count > kept; count--) ids.pop();
    }

    function forgetSafety(PoolState storage pool, bytes32 evidenceId) private {
        bytes32[] storage recent = pool.recentSafety;
        uint256 kept = 0;
        uint256 count = recent.length;
        for (uint256 i = 0; i < count; i++) {
            if (recent[i] != evidenceId) recent[kept++] = recent[i];
        }
        for (; count > kept; count--) recent.pop();
    }

    function jail(PoolState storage pool, Seat storage seat, uint32 id, uint64 until) private {
        if (seat.status != Status.Active || seat.jailedUntil >= until) return;
        seat.jailedUntil = until;
        pool.sync(seat);
        emit PoolFace.Jailed(id, until);
    }

    /// @notice Ten minutes, doubled by every strike of the last months, a day at most; never so many at once that the chain stops.
    function jailForDowntime(PoolState storage pool, Seat storage seat, uint32 id) private {
        if (seat.status != Status.Active || seat.jailedUntil > 0) return;
        if (3 * (pool.jailedWei + seat.bondedWei()) > pool.activeWei) return;
        uint256 forgiven = (block.timestamp - seat.lastStrikeAt) / Charges.MONTH;
        uint256 strikes = seat.strikes > forgiven ? seat.strikes - forgiven : 0;
        uint256 span = FIRST_JAIL_SECONDS << (strikes < 20 ? strikes : 20);
        if (span > LONGEST_JAIL_SECONDS) span = LONGEST_JAIL_SECONDS;
        seat.strikes = uint64(strikes + 1);
        seat.lastStrikeAt = uint64(block.timestamp);
        jail(pool, seat, id, uint64(block.timestamp + span));
    }

    function unjail(PoolState storage pool, uint32 id) external {
        Seat storage seat = pool.owned(id);
        seat.requireActive();
        if (seat.jailedUntil == 0 || seat.jailedUntil > block.timestamp || seat.tombstoned) {
            revert PoolFace.SequencerStatus();
        }
        free(pool, seat, id);
    }

    function free(PoolState storage pool, Seat storage seat, uint32 id) private {
        seat.jailedUntil = 0;
        pool.sync(seat);
        emit PoolFace.Unjailed(id);
    }

    function pending(PoolState storage pool, bytes32 evidenceId) private view returns (Case storage open) {
        open = pool.cases[evidenceId];
        if (open.stage == Stage.None) revert PoolFace.CaseUnknown();
        if (open.stage != Stage.Pending) revert PoolFace.CaseStage();
    }

    function close(PoolState storage pool, bytes32 evidenceId, Stage outcome) private {
        Case storage open = pool.cases[evidenceId];
        open.stage = outcome;
        pool.seatOf[open.id].openCases--;
        emit PoolFace.CaseClosed(evidenceId, open.id, outcome);
    }

    function veto(PoolState storage pool, bytes32 evidenceId) external {
        PoolBase.only(pool.config.council);
        Case storage open = pending(pool, evidenceId);
        close(pool, evidenceId, Stage.Vetoed);
        Seat storage seat = pool.seatOf[open.id];
        if (!Penalties.isSafety(open.kind) || seat.jailedUntil != FOREVER || seat.tombstoned) return;
        for (uint256 i = 0; i < seat.caseIds.length; i++) {
            Case storage other = pool.cases[seat.caseIds[i]];
            if (other.stage == Stage.Pending && Penalties.isSafety(other.kind)) return;
        }
        free(pool, seat, open.id);
    }

    function pause(PoolState storage pool, bytes32 evidenceId, uint64 span) external {
        PoolBase.only(pool.config.council);
        Case storage open = pending(pool, evidenceId);
        if (span == 0 || span > pool.config.windows.maxPauseSeconds || open.pauses > 0) revert PoolFace.CaseStage();
        uint64 until = uint64(block.timestamp) + span;
        if (until > open.executableAt) open.executableAt = until;
        open.pauses = 1;
        emit PoolFace.CasePaused(evidenceId, open.executableAt);
    }

    /// @notice Anybody may execute a case whose windows have closed: nobody's stake waits for somebody's goodwill.
    function execute(PoolState storage pool, bytes32 evidenceId) external {
        Case storage open = pending(pool, evidenceId);
        if (block.timestamp < open.executableAt) revert PoolFace.CaseStage();
        close(pool, evidenceId, Stage.Executed);
        uint32 id = open.id;
        Charges.charge(pool, id);
        if (!Penalties.isSafety(open.kind)) return;
        // One more offender raises the correlated share of those who were executed before: they pay the difference, so that order never
        // matters.
        bytes32[] memory others = Charges.correlated(pool, open);
        for (uint256 i = 0; i < others.length; i++) {
            uint32 other = pool.cases[others[i]].id;
            bool isFirst = other != id;
            for (uint256 j = 0; j < i && isFirst; j++) isFirst = pool.cases[others[j]].id != other;
            if (isFirst) Charges.charge(pool, other);
        }
        Seat storage seat = pool.seatOf[id];
        if (seat.tombstoned) return;
        seat.tombstoned = true;
        seat.jailedUntil = FOREVER;
        pool.sync(seat);
        emit PoolFace.Tombstoned(id);
        if (seat.status == Status.Active) Seats.eject(pool, id);
    }

    /// @notice Who may earn a reporter's share: permitted watchers, and owners of seats in good standing.
    function requireReporter(PoolState storage pool) private view {
        if (pool.watchers[msg.sender]) return;
        Seat storage seat = pool.seatOf[pool.owners[msg.sender]];
        bool isGood = seat.status == Status.Active && seat.jailedUntil == 0 && !seat.tombstoned;
        if (!isGood) revert PoolFace.NotAuthorized();
    }

    function commitReport(PoolState storage pool, bytes32 commitment) external {
        requireReporter(pool);
        uint256 remembered = pool.rememberedSeconds();
        if (block.timestamp > remembered) pool.reportsFrom = uint64(block.timestamp - remembered);
        if (isKept(pool, commitment)) revert PoolFace.ReportInvalid();
        bytes32[] storage own = pool.reportsOf[msg.sender];
        uint256 kept = 0;
        uint256 count = own.length;
        for (uint256 i = 0; i < count; i++) {
            if (isKept(pool, own[i]) && pool.reports[own[i]].reporter == msg.sender) own[kept++] = own[i];
        }
        for (; count > kept; count--) own.pop();
        if (kept >= MAX_COMMITMENTS) revert PoolFace.ReportInvalid();
        own.push(commitment);
        pool.reports[commitment] = Report(msg.sender, ++pool.reportCount, uint64(block.timestamp));
        emit PoolFace.ReportCommitted(commitment, msg.sender);
    }

    function isKept(PoolState storage pool, bytes32 commitment) private view returns (bool) {
        Report storage report = pool.reports[commitment];
        return report.reporter != address(0) && report.at >= pool.reportsFrom;
    }

    function revealReport(PoolState storage pool, bytes32 evidenceId, bytes32 salt) external {
        Case storage open = pending(pool, evidenceId);
        requireReporter(pool);
        if (isOffender(pool.seatOf[open.id])) revert PoolFace.ReportInvalid();
        bytes32 commitment = keccak256(abi.encodePacked(open.evidenceHash, msg.sender, salt));
        Report storage report = pool.reports[commitment];
        // Made before the fault, only the offender could have made it; after the evidence was public, it proves nothing; and the first one
        // counts.
        if (
            !isKept(pool, commitment) || report.at < open.offenceAt || report.at >= open.admittedAt
                || report.order >= open.reporterOrder
        ) revert PoolFace.ReportInvalid();
        open.reporter = msg.sender;
        open.reporterOrder = report.order;
        delete pool.reports[commitment];
        emit PoolFace.ReportRevealed(evidenceId, msg.sender);
    }

    /// @notice Whether the caller is an account of the accused that the pool knows.
    function isOffender(Seat storage seat) private view returns (bool) {
        if (msg.sender == seat.owner || msg.sender == seat.rewardRecipient) return true;
        for (uint256 i = 0; i < seat.keys.length; i++) {
            Key storage key = seat.keys[i];
            if (key.signer == msg.sender) return true;
        }
        return false;
    }
}
