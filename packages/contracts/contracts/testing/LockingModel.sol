// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

interface IToken {
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

/// @notice What sequencers call of Metis' LockingPool, for tests: the interface and the refusals of the live contract, and the least that it does. It is its own
/// escrow.
contract LockingModel {
    struct Record {
        uint256 amount;
        uint256 reward;
        uint256 activationBatch;
        uint256 updatedBatch;
        uint256 deactivationBatch;
        uint256 deactivationTime;
        uint256 unlockClaimTime;
        uint256 nonce;
        address owner;
        address signer;
        bytes pubkey;
        address rewardRecipient;
        uint8 status;
    }

    IToken public immutable token;
    mapping(uint256 => Record) public sequencers;
    mapping(address => uint256) public seqOwners;
    mapping(address => bool) public whitelist;
    uint256 public totalSequencers;

    error OwnedSequencer();
    error SeqNotActive();
    error NotSeqOwner();
    error NoRewardRecipient();
    error NotWhitelisted();

    constructor(IToken token_) {
        token = token_;
    }

    function setWhitelist(address user, bool yes) external {
        whitelist[user] = yes;
    }

    function setReward(uint256 id, uint256 reward) external {
        sequencers[id].reward = reward;
    }

    function lockWithRewardRecipient(address signer, address recipient, uint256 amount, bytes calldata pubkey) external {
        if (!whitelist[msg.sender]) revert NotWhitelisted();
        require(pubkey.length == 64, "invalid pubkey");
        if (seqOwners[msg.sender] != 0) revert OwnedSequencer();
        require(amount >= 20_000 ether && amount <= 100_000 ether, "invalid amount");
        uint256 id = ++totalSequencers;
        seqOwners[msg.sender] = id;
        Record storage made = sequencers[id];
        (made.amount, made.owner, made.signer, made.pubkey) = (amount, msg.sender, signer, pubkey);
        (made.rewardRecipient, made.status, made.nonce) = (recipient, 2, 1);
        token.transferFrom(msg.sender, address(this), amount);
    }

    function relock(uint256 id, uint256 amount, bool lockReward) external {
        Record storage known = owned(id);
        uint256 more = amount + (lockReward ? known.reward : 0);
        require(known.amount + more <= 100_000 ether, "locked>maxLock");
        if (lockReward) known.reward = 0;
        known.amount += more;
        token.transferFrom(msg.sender, address(this), amount);
    }

    function withdraw(uint256 id, uint256 amount) external {
        Record storage known = owned(id);
        known.amount -= amount;
        require(known.amount >= 20_000 ether, "invalid amount");
        token.transfer(msg.sender, amount);
    }

    function unlock(uint256 id, uint32) external payable {
        Record storage known = owned(id);
        if (known.rewardRecipient == address(0)) revert NoRewardRecipient();
        (known.status, known.reward, known.unlockClaimTime) = (1, 0, block.timestamp + 21 days);
    }

    function unlockClaim(uint256 id, uint32) external payable {
        Record storage known = sequencers[id];
        if (known.owner != msg.sender) revert NotSeqOwner();
        require(known.status == 1 && block.timestamp >= known.unlockClaimTime, "Not allowed to cliam");
        uint256 amount = known.amount;
        (known.status, known.amount) = (3, 0);
        token.transfer(msg.sender, amount);
    }

    function owned(uint256 id) private view returns (Record storage known) {
        if (!whitelist[msg.sender]) revert NotWhitelisted();
        known = sequencers[id];
        if (known.status != 2) revert SeqNotActive();
        if (known.owner != msg.sender) revert NotSeqOwner();
    }
}
