// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Report} from "./Report.sol";

/// @notice Exits of a vault, first in, first out: `applyQueue` of the lst package behind the calls of ERC-7540. A request waits, is paid by a report, and
/// is claimed by whoever controls it.
abstract contract RedeemQueue is ERC20Permit, ReentrancyGuardTransient {
    struct Request {
        uint128 cumulativeWei;
        uint128 cumulativeShares;
        address controller;
        uint64 at;
        bool isClaimed;
    }

    struct Checkpoint {
        uint256 fromId;
        uint256 maxRateE27;
    }

    /// @notice Holder of the seed: shares that can never be redeemed.
    address public constant DEAD = 0x000000000000000000000000000000000000dEaD;
    uint256 internal constant MAX = type(uint128).max;
    /// @notice So many requests of a controller are looked through by what has no id: others can give it requests that it did not ask for.
    uint256 public constant MAX_SCANNED = 64;

    uint256 public immutable minRequestWei;
    uint256 public immutable maxRequestWei;
    /// @notice Wei set aside for requests that are paid and not claimed.
    uint256 public lockedWei;
    bool public paused;
    uint256 public lastFinalizedId;
    Request[] private requests;
    Checkpoint[] private checkpoints;
    mapping(address controller => uint256[] ids) private requestsOf;
    mapping(address controller => uint256 index) private firstOf;
    mapping(address controller => mapping(address operator => bool)) public isOperator;

    event Withdraw(address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares);
    event RedeemRequest(address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 shares);
    event Requested(uint256 indexed id, address indexed controller, uint256 assetsWei, uint256 shares);
    event RequestTransferred(uint256 indexed id, address indexed from, address indexed to);
    event OperatorSet(address indexed controller, address indexed operator, bool approved);
    event Finalized(uint256 indexed fromId, uint256 indexed toId, uint256 assetsWei, uint256 maxRateE27);
    error AmountInvalid();
    error AmountTooLarge();
    error AccountInvalid();
    error ZeroAssets();
    error IsPaused();
    error RequestUnknown();
    error RequestTooSmall();
    error RequestTooLarge();
    error NotFinalized();
    error AlreadyClaimed();
    error NotOwner();
    error ZeroShareRate();
    error AsyncExit();
    error NotWholeRequests();

    constructor(uint256 minRequestWei_, uint256 maxRequestWei_) {
        (minRequestWei, maxRequestWei) = (minRequestWei_, maxRequestWei_);
        // The zero that the first request is measured against.
        requests.push();
    }

    function convertToAssets(uint256 shares) public view virtual returns (uint256);
    function _push(address to, uint256 assetsWei) internal virtual;

    /// @notice Nobody knows the price of an exit that is not paid yet (ERC-7540).
    function previewRedeem(uint256) external pure returns (uint256) {
        revert AsyncExit();
    }

    function previewWithdraw(uint256) external pure returns (uint256) {
        revert AsyncExit();
    }

    /// @notice Lets somebody act for the caller's requests (ERC-7540).
    function setOperator(address operator, bool approved) external returns (bool) {
        isOperator[msg.sender][operator] = approved;
        emit OperatorSet(msg.sender, operator, approved);
        return true;
    }

    /// @notice Asks for what `shares` are worth now. They leave their owner; `controller` claims once a report has paid the request.
    function requestRedeem(uint256 shares, address controller, address owner) external nonReentrant returns (uint256 id) {
        if (shares == 0) revert AmountInvalid();
        if (paused) revert IsPaused();
        if (_isReserved(controller)) revert AccountInvalid();
        if (msg.sender != owner && !isOperator[owner][msg.sender]) _spendAllowance(owner, msg.sender, shares);
        uint256 assets = convertToAssets(shares);
        if (assets == 0) revert ZeroAssets();
        _take(owner, shares);
        if (assets < minRequestWei) revert RequestTooSmall();
        if (assets > maxRequestWei) revert RequestTooLarge();
        id = requests.length;
        Request storage last = requests[id - 1];
        uint256 sumWei = last.cumulativeWei + assets;
        uint256 sumShares = last.cumulativeShares + shares;
        if (sumWei > MAX || sumShares > MAX) revert AmountTooLarge();
        requests.push(Request(uint128(sumWei), uint128(sumShares), controller, uint64(block.timestamp), false));
        requestsOf[controller].push(id);
        emit RedeemRequest(controller, owner, id, msg.sender, shares);
        emit Requested(id, controller, assets, shares);
    }

    /// @notice A request as it was made, and where it stands.
    function request(uint256 id)
        public
        view
        returns (uint256 assetsWei, uint256 shares, address controller, uint256 at, bool isFinalized, bool isClaimed)
    {
        if (id == 0 || id >= requests.length) revert RequestUnknown();
        Request storage made = requests[id];
        Request storage before = requests[id - 1];
        return (
            made.cumulativeWei - before.cumulativeWei,
            made.cumulativeShares - before.cumulativeShares,
            made.controller,
            made.at,
            id <= lastFinalizedId,
            made.isClaimed
        );
    }

    function lastRequestId() public view returns (uint256) {
        return requests.length - 1;
    }

    function pendingRedeemRequest(uint256 id, address controller) external view returns (uint256) {
        return _sharesIn(id, controller, false);
    }

    function claimableRedeemRequest(uint256 id, address controller) external view returns (uint256) {
        return _sharesIn(id, controller, true);
    }

    /// @notice What a request pays when it is claimed; 0 while it waits and after it was.
    function claimableWei(uint256 id) public view returns (uint256) {
        (uint256 assets, uint256 shares,,, bool isFinalized, bool isClaimed) = request(id);
        if (!isFinalized || isClaimed) return 0;
        // The newest checkpoint at or before the request.
        uint256 low;
        uint256 high = checkpoints.length;
        while (high - low > 1) {
            uint256 middle = (low + high) / 2;
            if (checkpoints[middle].fromId <= id) low = middle;
            else high = middle;
        }
        return Report.exitCost(assets, shares, checkpoints[low].maxRateE27);
    }

    /// @notice Pays a request. Never paused.
    function claim(uint256 id, address receiver) external nonReentrant returns (uint256) {
        return _claim(id, receiver);
    }

    /// @notice Claims whole requests of `controller`, the oldest first, whose shares add up to `shares` (ERC-7540).
    function redeem(uint256 shares, address receiver, address controller) external nonReentrant returns (uint256 assets) {
        (uint256[] memory ids, uint256 count) = _claimables(controller, shares, type(uint256).max);
        for (uint256 i = 0; i < count; i++) assets += _claim(ids[i], receiver);
    }

    /// @notice Claims whole requests of `controller`, the oldest first, that pay `assets` together (ERC-7540).
    function withdraw(uint256 assets, address receiver, address controller) external nonReentrant returns (uint256 shares) {
        (uint256[] memory ids, uint256 count) = _claimables(controller, type(uint256).max, assets);
        for (uint256 i = 0; i < count; i++) {
            (, uint256 given,,,,) = request(ids[i]);
            shares += given;
            _claim(ids[i], receiver);
        }
    }

    /// @notice Shares of what `redeem` could claim now.
    function maxRedeem(address controller) external view returns (uint256 shares) {
        (shares,) = _claimable(controller);
    }

    /// @notice Wei that `withdraw` could claim now.
    function maxWithdraw(address controller) external view returns (uint256 assets) {
        (, assets) = _claimable(controller);
    }

    /// @notice Hands a request to somebody else.
    function transferRequest(uint256 id, address to) external {
        (,, address controller,,, bool isClaimed) = request(id);
        if (isClaimed) revert AlreadyClaimed();
        if (controller != msg.sender) revert NotOwner();
        if (_isReserved(to)) revert AccountInvalid();
        requests[id].controller = to;
        requestsOf[to].push(id);
        emit RequestTransferred(id, msg.sender, to);
    }

    /// @notice Takes shares for the vault: to be burnt by a report.
    function _take(address from, uint256 shares) internal {
        super._update(from, address(this), shares);
    }

    /// @notice What requests wait for.
    function _waitingWei() internal view returns (uint256) {
        return requests[requests.length - 1].cumulativeWei - requests[lastFinalizedId].cumulativeWei;
    }

    /// @notice What paying requests up to `lastId` costs, the shares that they gave up, and when the newest of them was made.
    function _cost(uint256 lastId, uint256 maxRateE27) internal view returns (uint256 costWei, uint256 givenUp, uint256 requestedAt) {
        if (maxRateE27 == 0) revert ZeroShareRate();
        if (lastId <= lastFinalizedId || lastId >= requests.length) revert RequestUnknown();
        Request memory before = requests[lastFinalizedId];
        for (uint256 id = lastFinalizedId + 1; id <= lastId; id++) {
            Request memory made = requests[id];
            uint256 shares = made.cumulativeShares - before.cumulativeShares;
            costWei += Report.exitCost(made.cumulativeWei - before.cumulativeWei, shares, maxRateE27);
            givenUp += shares;
            before = made;
        }
        requestedAt = before.at;
    }

    function _finalize(uint256 lastId, uint256 costWei, uint256 maxRateE27) internal {
        checkpoints.push(Checkpoint(lastFinalizedId + 1, maxRateE27));
        emit Finalized(lastFinalizedId + 1, lastId, costWei, maxRateE27);
        lastFinalizedId = lastId;
        lockedWei += costWei;
    }

    function _sharesIn(uint256 id, address controller, bool wantFinalized) private view returns (uint256) {
        if (id == 0 || id >= requests.length) return 0;
        (, uint256 shares, address owner,, bool isFinalized, bool isClaimed) = request(id);
        return owner == controller && !isClaimed && isFinalized == wantFinalized ? shares : 0;
    }

    function _claim(uint256 id, address receiver) private returns (uint256 assets) {
        (, uint256 shares, address controller,, bool isFinalized, bool isClaimed) = request(id);
        if (!isFinalized) revert NotFinalized();
        if (isClaimed) revert AlreadyClaimed();
        if (msg.sender != controller && !isOperator[controller][msg.sender]) revert NotOwner();
        assets = claimableWei(id);
        requests[id].isClaimed = true;
        lockedWei -= assets;
        // What is behind the first open request is not looked through again.
        uint256[] storage ids = requestsOf[controller];
        uint256 first = firstOf[controller];
        while (first < ids.length && (requests[ids[first]].isClaimed || requests[ids[first]].controller != controller)) first++;
        firstOf[controller] = first;
        _push(receiver, assets);
        emit Withdraw(msg.sender, receiver, controller, assets, shares);
    }

    function _scan(address controller) private view returns (uint256[] memory open, uint256 count) {
        uint256[] storage ids = requestsOf[controller];
        uint256 first = firstOf[controller];
        uint256 end = ids.length < first + MAX_SCANNED ? ids.length : first + MAX_SCANNED;
        open = new uint256[](end - first);
        for (uint256 i = first; i < end; i++) {
            if (_sharesIn(ids[i], controller, true) > 0) open[count++] = ids[i];
        }
    }

    function _claimable(address controller) private view returns (uint256 shares, uint256 assets) {
        (uint256[] memory open, uint256 count) = _scan(controller);
        for (uint256 i = 0; i < count; i++) {
            (, uint256 given,,,,) = request(open[i]);
            shares += given;
            assets += claimableWei(open[i]);
        }
    }

    function _claimables(address controller, uint256 shares, uint256 assets) private view returns (uint256[] memory open, uint256 count) {
        uint256 all;
        (open, all) = _scan(controller);
        uint256 sumShares;
        uint256 sumWei;
        while (count < all && sumShares < shares && sumWei < assets) {
            (, uint256 given,,,,) = request(open[count]);
            sumShares += given;
            sumWei += claimableWei(open[count]);
            count++;
        }
        if (count == 0 || (sumShares != shares && sumWei != assets)) revert NotWholeRequests();
    }

    function _isReserved(address account) internal view returns (bool) {
        return account == address(0) || account == address(this) || account == DEAD;
    }

    /// @notice Shares move between people alone: what the vault holds belongs to its queue, and the seed to nobody.
    function _update(address from, address to, uint256 value) internal override {
        if (from != address(0) && to != address(0) && (_isReserved(to) || _isReserved(from))) revert AccountInvalid();
        super._update(from, to, value);
    }
}
