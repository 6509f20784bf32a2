// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice What holders call of ENKI on Metis, in one contract for tests: minter, vault, queue of tickets and vesting, with the interface and the refusals of
/// the live ones, and the least that these do. The contract itself is eMETIS.
contract EnkiModel is ERC20("ENKI METIS", "eMETIS") {
    struct Ticket {
        address owner;
        uint120 amount;
        uint64 maturity;
        bool isRedeemed;
        address lpToken;
        uint256 lpAmount;
        bool isLpClaimed;
    }

    ERC20 public immutable metis;
    uint64 public constant queueSeconds = 20 days;
    uint64 public constant minQueueSeconds = 8 days;
    mapping(uint256 => Ticket) public tickets;
    uint256 public nextTicket;
    mapping(address => uint256) public seShares;
    mapping(address => uint256) public vestingWei;
    mapping(address => uint256) public enkiWei;

    event Minted(address indexed account, uint256 amount, bool deposit, address indexed inviter);

    error Erc721CallerNotOwnerOrApproved();
    error NotMatureYet(uint256 currentTime, uint64 maturity);
    error AlreadyReducedMaturity();
    error LpTokenNotLocked();
    error ReduceTimeExceedsLimit();
    error AlreadyRedeemed();

    constructor(ERC20 metis_) {
        metis = metis_;
    }

    function mint(address account, uint256 amount, bool isDeposit, address inviter) external {
        require(amount > 0, "EMetisMinter: amount is zero");
        metis.transferFrom(msg.sender, address(this), amount);
        if (isDeposit) {
            _mint(address(this), amount);
            seShares[account] += amount;
        } else {
            _mint(account, amount);
        }
        emit Minted(account, amount, isDeposit, inviter);
    }

    function deposit(uint256 assets, address receiver) external returns (uint256) {
        _transfer(msg.sender, address(this), assets);
        seShares[receiver] += assets;
        return assets;
    }

    /// @notice A tenth vests.
    function redeem(uint256 shares, address receiver, address owner) external returns (uint256) {
        require(owner == msg.sender && shares <= seShares[owner], "ERC4626: redeem more than max");
        seShares[owner] -= shares;
        uint256 vested = shares / 10;
        vestingWei[receiver] += vested;
        _transfer(address(this), receiver, shares - vested);
        return shares;
    }

    function enterRedemptionQueue(address recipient, uint120 amount) external returns (uint256 id) {
        require(amount > 0, "RedemptionQueue: amount is zero");
        id = nextTicket++;
        Ticket storage ticket = tickets[id];
        (ticket.owner, ticket.amount, ticket.maturity) = (recipient, amount, uint64(block.timestamp) + queueSeconds);
        _spendAllowance(msg.sender, address(this), amount);
        _transfer(msg.sender, address(this), amount);
    }

    function cancelRedemptionTicketNft(address recipient, uint256 id) external returns (uint120 amount) {
        Ticket storage ticket = owned(id);
        if (ticket.isRedeemed) revert AlreadyRedeemed();
        (ticket.isRedeemed, amount) = (true, ticket.amount - ticket.amount / 100);
        _transfer(address(this), recipient, amount);
    }

    function redeemRedemptionTicketNft(uint256 id, address recipient) external {
        Ticket storage ticket = owned(id);
        if (ticket.isRedeemed) revert AlreadyRedeemed();
        if (block.timestamp < ticket.maturity) revert NotMatureYet(block.timestamp, ticket.maturity);
        ticket.isRedeemed = true;
        _burn(address(this), ticket.amount);
        metis.transfer(recipient, ticket.amount);
    }

    /// @notice A second for a wei.
    function reduceRedemptionMaturity(uint256 id, address lpToken, uint256 lpAmount) external {
        Ticket storage ticket = owned(id);
        if (ticket.lpAmount > 0) revert AlreadyReducedMaturity();
        if (lpAmount + minQueueSeconds > ticket.maturity - block.timestamp) revert ReduceTimeExceedsLimit();
        ticket.maturity -= uint64(lpAmount);
        (ticket.lpToken, ticket.lpAmount) = (lpToken, lpAmount);
        ERC20(lpToken).transferFrom(msg.sender, address(this), lpAmount);
    }

    function unlockLpToken(uint256 id) external {
        Ticket storage ticket = owned(id);
        if (ticket.lpAmount == 0 || ticket.isLpClaimed) revert LpTokenNotLocked();
        ticket.isLpClaimed = true;
        ERC20(ticket.lpToken).transfer(msg.sender, ticket.lpAmount);
    }

    function stake(uint256 amount) external {
        enkiWei[msg.sender] += amount;
    }

    function unstake() external {
        enkiWei[msg.sender] = 0;
    }

    /// @notice All of it at once, once there is ENKI.
    function claim() external {
        uint256 amount = enkiWei[msg.sender] == 0 ? 0 : vestingWei[msg.sender];
        vestingWei[msg.sender] -= amount;
        _transfer(address(this), msg.sender, amount);
    }

    function owned(uint256 id) private view returns (Ticket storage ticket) {
        ticket = tickets[id];
        if (ticket.owner != msg.sender) revert Erc721CallerNotOwnerOrApproved();
    }
}
