// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {RedeemQueue} from "./RedeemQueue.sol";
import {Before, Limits, Outcome, PastRate, Report, ReportInconsistent, ReportInput} from "./Report.sol";

/// Who may do what, and within which bounds.
struct LiquidVaultConfig {
    IERC20 asset;
    /// Pauses deposits and requests, and agrees to losses beyond the cap.
    address guardian;
    /// Reports: a committee of oracles, or a contract that checks a proof.
    address reporter;
    /// Takes what goes to seats.
    address custodian;
    /// Gets the fee, in shares.
    address treasury;
    /// Wei that stay for ever, so that nobody can set the price of an empty pool.
    uint256 seedWei;
    uint256 minRequestWei;
    uint256 maxRequestWei;
    Limits limits;
}

/// @notice Liquid staking: shares of everything that is staked, waits or comes back. Entries are ERC-4626; exits wait in turn in an ERC-7540 queue
/// and are worth the smaller of what they asked for and what their shares are worth when they are paid, so that leaving early is no escape from a
/// loss. Its rules are those of the preset `recommended` of the lst package (`applyRebasing` and the guards of a report), to the wei. It counts its
/// own wei: what is sent here without a call changes no price. Nobody can change its code or its bounds.
contract LiquidVault is RedeemQueue {
    using SafeERC20 for IERC20;

    address public immutable guardian;
    address public immutable reporter;
    address public immutable custodian;
    address public immutable treasury;
    IERC20 private immutable token;

    Limits private bounds;
    uint256 public bufferWei;
    /// @notice Left the buffer, not yet seen in a seat.
    uint256 public transitWei;
    /// @notice As last reported.
    uint256 public seatsWei;
    /// @notice Rewards that came in and no report has taken yet.
    uint256 public rewardsVaultWei;
    /// @notice Principal that came back and no report has taken yet.
    uint256 public returnsVaultWei;
    /// @notice Shares that later reports burn.
    uint256 public burnRequested;
    /// @notice The highest rate that a report left.
    uint256 public highRateE27 = Report.ONE;
    uint256 public reportedAt;
    bool public bunker;
    /// @notice The hash of a report whose loss the guardian agrees to.
    bytes32 public confirmed;
    PastRate[] private rates;
    event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
    event BurnRequested(address indexed account, uint256 shares);
    event Allocated(uint256 assetsWei);
    event Rebased(
        uint256 elapsedSeconds, uint256 preWei, uint256 preShares, uint256 postWei, uint256 postShares, uint256 feeShares
    );
    event LossConfirmed(bytes32 indexed report);
    event Paused(bool isPaused);

    error NotAllowed();
    error OptionInvalid();
    error ZeroShares();
    error Insolvent();
    error LimitExceeded(uint256 most);
    error ReportStale();
    error NotExact();

    constructor(LiquidVaultConfig memory config, string memory name_, string memory symbol_) ERC20(name_, symbol_) ERC20Permit(name_) RedeemQueue(config.minRequestWei, config.maxRequestWei) {
        Limits memory l = config.limits;
        bool isValid = address(config.asset) != address(0) && config.guardian != address(0) && config.reporter != address(0)
            && config.custodian != address(0) && config.treasury != address(0) && config.treasury != DEAD && config.seedWei > 0
            && config.seedWei <= MAX && config.minRequestWei > 0 && config.minRequestWei <= config.maxRequestWei
            && config.maxRequestWei <= MAX && l.feeBps <= 10_000 && l.maxLossBps <= 10_000 && l.maxDrawdownBps <= 10_000;
        if (!isValid) revert OptionInvalid();
        (guardian, reporter, custodian, treasury) = (config.guardian, config.reporter, config.custodian, config.treasury);
        token = config.asset;
        bounds = l;
        reportedAt = block.timestamp;
        bufferWei = config.seedWei;
        _mint(DEAD, config.seedWei);
        _pull(msg.sender, config.seedWei);
    }

    modifier only(address who) {
        if (msg.sender != who) revert NotAllowed();
        _;
    }

    // What is priced.

    function asset() external view returns (address) {
        return address(token);
    }

    /// @notice The token of its shares is the vault itself (ERC-7575).
    function share() external view returns (address) {
        return address(this);
    }

    /// @notice The vault of an asset (ERC-7575).
    function vault(address asset_) external view returns (address) {
        return asset_ == address(token) ? address(this) : address(0);
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        // ERC-165; operators and asynchronous redemption of ERC-7540; vault and share of ERC-7575.
        return id == 0x01ffc9a7 || id == 0xe3bc4e65 || id == 0x620ee8e4 || id == 0x2f0a18c5 || id == 0xf815c03d;
    }

    /// @notice Everything that shares are shares of, wei.
    function totalAssets() public view returns (uint256) {
        return bufferWei + transitWei + seatsWei;
    }

    /// @notice Wei for 10^27 shares, rounded down. Convert with `convertToAssets`: a rounded rate has lost the wei already.
    function rateE27() public view returns (uint256) {
        return Report.rateOf(totalAssets(), totalSupply());
    }

    function limits() external view returns (Limits memory) {
        return bounds;
    }

    function convertToShares(uint256 assets) public view returns (uint256) {
        uint256 all = totalAssets();
        if (all == 0) revert Insolvent();
        return assets * totalSupply() / all;
    }

    function convertToAssets(uint256 shares) public view override returns (uint256) {
        return shares * totalAssets() / totalSupply();
    }

    function previewDeposit(uint256 assets) external view returns (uint256) {
        return convertToShares(assets);
    }

    function previewMint(uint256 shares) public view returns (uint256) {
        uint256 supply = totalSupply();
        uint256 all = totalAssets();
        if (all == 0) revert Insolvent();
        return (shares * all + supply - 1) / supply;
    }

    function maxDeposit(address receiver) public view returns (uint256) {
        uint256 all = totalAssets();
        if (paused || all == 0 || _isReserved(receiver)) return 0;
        uint256 room = MAX - all;
        // What is left of the shares, in wei, rounded down.
        uint256 byShares = (MAX - totalSupply()) * all / totalSupply();
        return room < byShares ? room : byShares;
    }

    function maxMint(address receiver) external view returns (uint256) {
        uint256 most = maxDeposit(receiver);
        return most == 0 ? 0 : convertToShares(most);
    }

    // Entries.

    function deposit(uint256 assets, address receiver) external returns (uint256 shares) {
        return deposit(assets, receiver, 0);
    }

    /// @notice Deposits for at least `minShares`.
    function deposit(uint256 assets, address receiver, uint256 minShares) public nonReentrant returns (uint256 shares) {
        if (assets == 0) revert AmountInvalid();
        if (paused) revert IsPaused();
        shares = convertToShares(assets);
        if (shares == 0) revert ZeroShares();
        if (shares < minShares) revert LimitExceeded(shares);
        _enter(assets, shares, receiver);
    }

    function mint(uint256 shares, address receiver) external nonReentrant returns (uint256 assets) {
        if (shares == 0) revert AmountInvalid();
        if (paused) revert IsPaused();
        assets = previewMint(shares);
        _enter(assets, shares, receiver);
    }

    function _enter(uint256 assets, uint256 shares, address receiver) private {
        if (_isReserved(receiver)) revert AccountInvalid();
        if (totalAssets() + assets > MAX || totalSupply() + shares > MAX) revert AmountTooLarge();
        bufferWei += assets;
        _mint(receiver, shares);
        _pull(msg.sender, assets);
        emit Deposit(msg.sender, receiver, assets, shares);
    }

    // What keeps it going.

    /// @notice Wei that may go to seats: what requests wait for stays.
    function allocatableWei() public view returns (uint256) {
        if (paused || bunker) return 0;
        uint256 waiting = _waitingWei();
        return bufferWei > waiting ? bufferWei - waiting : 0;
    }

    /// @notice Hands wei to the custodian, who takes them to seats.
    function allocate(uint256 assetsWei) external only(custodian) nonReentrant {
        if (assetsWei == 0) revert AmountInvalid();
        if (paused || bunker) revert IsPaused();
        uint256 most = allocatableWei();
        if (assetsWei > most) revert LimitExceeded(most);
        bufferWei -= assetsWei;
        transitWei += assetsWei;
        _push(custodian, assetsWei);
        emit Allocated(assetsWei);
    }

    /// @notice Takes rewards from the caller; a later report counts them.
    function receiveRewards(uint256 assetsWei) external nonReentrant {
        if (assetsWei == 0) revert AmountInvalid();
        if (rewardsVaultWei + assetsWei > MAX) revert AmountTooLarge();
        rewardsVaultWei += assetsWei;
        _pull(msg.sender, assetsWei);
    }

    /// @notice Takes principal that came back from a seat; a later report counts it.
    function receiveReturns(uint256 assetsWei) external only(custodian) nonReentrant {
        if (assetsWei == 0) revert AmountInvalid();
        if (returnsVaultWei + assetsWei > MAX) revert AmountTooLarge();
        returnsVaultWei += assetsWei;
        _pull(msg.sender, assetsWei);
    }

    /// @notice Gives up shares for good: later reports burn them, which raises everybody's rate.
    function requestBurn(uint256 shares) external {
        if (shares == 0) revert AmountInvalid();
        _take(msg.sender, shares);
        burnRequested += shares;
        emit BurnRequested(msg.sender, shares);
    }

    /// @notice Books what seats earned and lost since the last report, and pays requests up to `lastId`.
    function report(ReportInput calldata input) external only(reporter) nonReentrant returns (Outcome memory done) {
        bytes32 hash = keccak256(abi.encode(input));
        bool isConfirmed = confirmed == hash;
        if (isConfirmed) delete confirmed;
        Before memory pool = _before(input);
        done = Report.simulate(pool, input, bounds, isConfirmed);
        if (done.postShares > MAX || done.postWei > MAX) revert AmountTooLarge();
        uint256 supply = pool.totalShares;
        if (input.lastId != 0) {
            _finalize(input.lastId, pool.lockedWei, input.maxRateE27);
        }
        bufferWei = pool.bufferWei + done.fromReturnsVaultWei + done.fromRewardsVaultWei - pool.lockedWei;
        transitWei = pool.transitWei - input.appearedWei;
        seatsWei = input.seatsNowWei;
        rewardsVaultWei = pool.rewardsVaultWei - done.fromRewardsVaultWei;
        returnsVaultWei = pool.returnsVaultWei - done.fromReturnsVaultWei;
        burnRequested = pool.burnRequested + pool.queueShares - done.burnt;
        bunker = input.bunker;
        reportedAt = block.timestamp;
        _burn(address(this), done.burnt);
        if (done.feeShares > 0) _mint(treasury, done.feeShares);
        uint256 rate = Report.rateOf(done.postWei, done.postShares);
        if (rate > highRateE27) highRateE27 = rate;
        Report.remember(rates, Report.rateOf(done.preWei, supply), rate, bounds.maxDrawdownBps, isConfirmed);
        emit Rebased(pool.elapsedSeconds, done.preWei, supply, done.postWei, done.postShares, done.feeShares);
    }

    /// @notice What a report would do, for whoever prepares one; reverts where it would be refused. The fall over 18 days is not looked at.
    function simulateReport(ReportInput calldata input, bool isConfirmed) external view returns (Outcome memory) {
        return Report.simulate(_before(input), input, bounds, isConfirmed);
    }

    /// @notice Agrees to the loss of one report, `keccak256(abi.encode(input))`. It counts once.
    function confirmLoss(bytes32 hash) external only(guardian) {
        confirmed = hash;
        emit LossConfirmed(hash);
    }

    /// @notice Stops deposits, requests and allocation; never claims, never reports.
    function setPaused(bool isPaused) external only(guardian) {
        paused = isPaused;
        emit Paused(isPaused);
    }

    function _before(ReportInput calldata input) private view returns (Before memory pool) {
        if (block.timestamp <= reportedAt) revert ReportStale();
        pool.bufferWei = bufferWei;
        pool.transitWei = transitWei;
        pool.seatsWei = seatsWei;
        pool.rewardsVaultWei = rewardsVaultWei;
        pool.returnsVaultWei = returnsVaultWei;
        pool.totalShares = totalSupply();
        pool.burnRequested = burnRequested;
        pool.highRateE27 = highRateE27;
        pool.elapsedSeconds = block.timestamp - reportedAt;
        if (input.seatsNowWei > MAX || input.maxRateE27 >= 1 << 127) revert AmountTooLarge();
        if (input.appearedWei > transitWei) revert ReportInconsistent();
        if (input.lastId == 0) return pool;
        (pool.lockedWei, pool.queueShares, pool.requestedAt) = _cost(input.lastId, input.maxRateE27);
    }

    function _pull(address from, uint256 assetsWei) private {
        uint256 held = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), assetsWei);
        if (token.balanceOf(address(this)) != held + assetsWei) revert NotExact();
    }

    function _push(address to, uint256 assetsWei) internal override {
        uint256 held = token.balanceOf(address(this));
        token.safeTransfer(to, assetsWei);
        if (token.balanceOf(address(this)) + assetsWei != held) revert NotExact();
    }
}
