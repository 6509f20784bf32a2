// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// @notice Shares what a rollup earns (fees, proceeds of auctions: whatever is sent here) between its parties, each by a number of basis
/// points, rounded down, the rest to one of them. Its rules are those of the reducer `applyFeeSplitter` of the sequencer-core package, to the
/// unit. One splitter has one asset, whose units must move exactly as they are told to. What a receiver refuses stays its own and is paid later;
/// what is the users' is given back by Merkle claims.
contract FeeSplitter is ReentrancyGuardTransient {
    /// @notice The order of the parties in every array here.
    enum Party {
        sequencer,
        stakers,
        lst,
        treasury,
        publicGoods,
        burn,
        users
    }

    struct Rebate {
        bytes32 root;
        uint256 totalWei;
        uint256 leftWei;
        uint64 endsAtSeconds;
    }

    uint256 private constant PARTIES = 7;
    /// @notice Gas that a receiver of ether has. It bounds what a receiver that burns all of it costs the caller.
    uint256 public constant PAYMENT_GAS = 100_000;
    /// @notice Where what is burned goes: nobody has the key of it.
    address public constant BURNED = 0x000000000000000000000000000000000000dEaD;

    /// @notice What is shared: an ERC-20, or zero for ether.
    IERC20 public immutable asset;
    /// @notice Sets shares and receivers, and opens rebates.
    address public immutable governor;
    /// @notice How long a rebate can be claimed, in seconds. What is left of it then is the users' again.
    uint64 public immutable claimWindowSeconds;

    uint16[PARTIES] private shares;
    address[PARTIES] private receivers;
    /// @notice Who gets what rounding down leaves.
    Party public remainderTo;
    /// @notice What a party has a right to and was not paid: its receiver refused it.
    uint256[PARTIES] public owedWei;
    /// @notice The users' share that no rebate has promised yet.
    uint256 public usersWei;
    /// @notice What all open rebates still promise.
    uint256 public promisedWei;
    /// @notice By their numbers, which count from 0.
    Rebate[] public rebates;
    mapping(uint256 rebate => mapping(uint256 word => uint256 bits)) private claimed;

    event SplitSet(uint16[PARTIES] shares, address[PARTIES] receivers, Party remainderTo);
    event Distributed(uint256 amountWei, uint256[PARTIES] sharesWei);
    event Paid(Party indexed party, address indexed receiver, uint256 amountWei);
    event Refused(Party indexed party, address indexed receiver, uint256 amountWei);
    event RebateOpened(uint256 indexed rebate, bytes32 root, uint256 totalWei, uint64 endsAtSeconds);
    event RebateClaimed(uint256 indexed rebate, uint256 index, address indexed account, uint256 amountWei);
    event RebateEnded(uint256 indexed rebate, uint256 leftWei);

    error NotTheGovernor();
    error SplitInvalid();
    error ReceiverInvalid(Party party);
    error NothingToShare();
    error NothingOwed();
    error AboveUsersShare(uint256 usersWei);
    error RebateInvalid();
    error RebateUnknown();
    error RebateOver();
    error RebateOpen(uint64 endsAtSeconds);
    error AlreadyClaimed();
    error ProofInvalid();
    error PaymentRefused();
    error NotExact();
    error NotEther();

    constructor(
        IERC20 asset_,
        address governor_,
        uint64 claimWindowSeconds_,
        uint16[PARTIES] memory shares_,
        address[PARTIES] memory receivers_,
        Party remainderTo_
    ) {
        if (governor_ == address(0)) revert NotTheGovernor();
        if (claimWindowSeconds_ == 0) revert RebateInvalid();
        (asset, governor, claimWindowSeconds) = (asset_, governor_, claimWindowSeconds_);
        _setSplit(shares_, receivers_, remainderTo_);
    }

    modifier onlyGovernor() {
        if (msg.sender != governor) revert NotTheGovernor();
        _;
    }

    /// @notice Ether that comes in is shared at the next distribution; a splitter of tokens takes none.
    receive() external payable {
        if (address(asset) != address(0)) revert NotEther();
    }

    /// @notice The shares in basis points, the receivers, and who gets what rounding leaves.
    function split() external view returns (uint16[PARTIES] memory, address[PARTIES] memory, Party) {
        return (shares, receivers, remainderTo);
    }

    /// @notice What came in since the last distribution.
    function undistributedWei() public view returns (uint256) {
        uint256 reserved = usersWei + promisedWei;
        for (uint256 i = 0; i < PARTIES; i++) reserved += owedWei[i];
        uint256 held = _held();
        // A token that took units away by itself: nobody is paid out of what is another's.
        if (held < reserved) revert NotExact();
        return held - reserved;
    }

    /// @notice Shares what came in since the last time, and pays it out. Anybody.
    function distribute() external nonReentrant returns (uint256 amountWei) {
        amountWei = undistributedWei();
        if (amountWei == 0) revert NothingToShare();
        _distribute(amountWei);
    }

    /// @notice Changes who gets how much of what comes in from now on. What came in before is shared by the old rule first; what a party was
    /// not paid goes to its new receiver.
    function setSplit(uint16[PARTIES] calldata shares_, address[PARTIES] calldata receivers_, Party remainderTo_)
        external
        onlyGovernor
        nonReentrant
    {
        uint256 amountWei = undistributedWei();
        if (amountWei > 0) _distribute(amountWei);
        _setSplit(shares_, receivers_, remainderTo_);
    }

    /// @notice Tries again to pay what a receiver has refused. Anybody.
    function payOwed(Party party) external nonReentrant {
        uint256 amountWei = owedWei[uint256(party)];
        if (amountWei == 0) revert NothingOwed();
        owedWei[uint256(party)] = 0;
        address receiver = receivers[uint256(party)];
        if (!_pay(receiver, amountWei)) revert PaymentRefused();
        emit Paid(party, receiver, amountWei);
    }

    /// @notice Promises `totalWei` of the users' share to the leaves of a Merkle tree: keccak256(uint256 index, address account, uint256 amount),
    /// packed, pairs sorted.
    function openRebate(bytes32 root, uint256 totalWei) external onlyGovernor nonReentrant returns (uint256 rebate) {
        if (root == 0 || totalWei == 0) revert RebateInvalid();
        if (totalWei > usersWei) revert AboveUsersShare(usersWei);
        usersWei -= totalWei;
        promisedWei += totalWei;
        uint64 endsAtSeconds = uint64(block.timestamp) + claimWindowSeconds;
        rebate = rebates.length;
        rebates.push(Rebate(root, totalWei, totalWei, endsAtSeconds));
        emit RebateOpened(rebate, root, totalWei, endsAtSeconds);
    }

    /// @notice Pays a leaf to its account, once. Anybody may ask for it. A tree that promises more than its total pays those who come first.
    function claim(uint256 rebate, uint256 index, address account, uint256 amountWei, bytes32[] calldata proof)
        external
        nonReentrant
    {
        Rebate storage found = _rebate(rebate);
        if (block.timestamp >= found.endsAtSeconds) revert RebateOver();
        if (isClaimed(rebate, index)) revert AlreadyClaimed();
        if (!MerkleProof.verifyCalldata(proof, found.root, keccak256(abi.encodePacked(index, account, amountWei)))) revert ProofInvalid();
        if (amountWei > found.leftWei) revert AboveUsersShare(found.leftWei);
        claimed[rebate][index >> 8] |= 1 << (index & 255);
        found.leftWei -= amountWei;
        promisedWei -= amountWei;
        if (!_pay(account, amountWei)) revert PaymentRefused();
        emit RebateClaimed(rebate, index, account, amountWei);
    }

    /// @notice Whether a leaf was paid.
    function isClaimed(uint256 rebate, uint256 index) public view returns (bool) {
        return (claimed[rebate][index >> 8] >> (index & 255)) & 1 == 1;
    }

    /// @notice Gives what nobody claimed in time back to the users' share. Anybody.
    function endRebate(uint256 rebate) external nonReentrant {
        Rebate storage found = _rebate(rebate);
        if (block.timestamp < found.endsAtSeconds) revert RebateOpen(found.endsAtSeconds);
        uint256 leftWei = found.leftWei;
        if (leftWei == 0) revert RebateOver();
        found.leftWei = 0;
        promisedWei -= leftWei;
        usersWei += leftWei;
        emit RebateEnded(rebate, leftWei);
    }

    function _rebate(uint256 rebate) private view returns (Rebate storage) {
        if (rebate >= rebates.length) revert RebateUnknown();
        return rebates[rebate];
    }

    function _held() private view returns (uint256) {
        return address(asset) == address(0) ? address(this).balance : asset.balanceOf(address(this));
    }

    function _distribute(uint256 amountWei) private {
        uint256[PARTIES] memory parts;
        uint256 left = amountWei;
        for (uint256 i = 0; i < PARTIES; i++) {
            // A product above 2^256 would take an asset of more than 10^73 units.
            parts[i] = amountWei * shares[i] / 10_000;
            left -= parts[i];
        }
        parts[uint256(remainderTo)] += left;
        // All of it has an owner before anybody is called.
        usersWei += parts[uint256(Party.users)];
        for (uint256 i = 0; i < uint256(Party.users); i++) owedWei[i] += parts[i];
        emit Distributed(amountWei, parts);
        for (uint256 i = 0; i < uint256(Party.users); i++) {
            if (parts[i] == 0) continue;
            owedWei[i] -= parts[i];
            if (_pay(receivers[i], parts[i])) {
                emit Paid(Party(i), receivers[i], parts[i]);
            } else {
                owedWei[i] += parts[i];
                emit Refused(Party(i), receivers[i], parts[i]);
            }
        }
    }

    function _setSplit(uint16[PARTIES] memory shares_, address[PARTIES] memory receivers_, Party remainderTo_) private {
        uint256 sum;
        for (uint256 i = 0; i < PARTIES; i++) {
            sum += shares_[i];
            bool isPaid = i != uint256(Party.users) && (shares_[i] > 0 || owedWei[i] > 0 || i == uint256(remainderTo_));
            if (i == uint256(Party.burn)) receivers_[i] = BURNED;
            else if (isPaid && (receivers_[i] == address(0) || receivers_[i] == address(this))) revert ReceiverInvalid(Party(i));
        }
        if (sum != 10_000) revert SplitInvalid();
        (shares, receivers, remainderTo) = (shares_, receivers_, remainderTo_);
        emit SplitSet(shares_, receivers_, remainderTo_);
    }

    /// @notice Whether all of it moved, and nothing else.
    function _pay(address receiver, uint256 amountWei) private returns (bool isPaid) {
        if (address(asset) == address(0)) {
            // What a receiver answers is not read: a long answer would be paid for by the caller.
            assembly ("memory-safe") { isPaid := call(PAYMENT_GAS, receiver, amountWei, 0, 0, 0, 0) }
            return isPaid;
        }
        uint256 held = asset.balanceOf(address(this));
        (bool success, bytes memory answer) = address(asset).call(abi.encodeCall(IERC20.transfer, (receiver, amountWei)));
        bool isTrue = success && (answer.length == 0 ? address(asset).code.length > 0 : answer.length == 32 && abi.decode(answer, (uint256)) == 1);
        uint256 now_ = asset.balanceOf(address(this));
        if (isTrue && now_ + amountWei != held) revert NotExact();
        // A token that says no and moves all the same.
        if (!isTrue && now_ != held) revert NotExact();
        return isTrue;
    }
}
