// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ISystemConfig, Pool } from "./Pool.sol";

/// @notice What a committee of operators says on L1, and what follows from it: which batches it attests, who posts, and which committee comes
/// next. More than two thirds of its stake must have signed. How signatures are checked is left to the contracts that build on this one.
abstract contract CommitteeBase {
    /// @notice These blocks of L2, carried by these data, end in this output.
    struct Batch {
        uint256 l2ChainId;
        uint64 sequence;
        uint64 committee;
        uint64 first;
        uint64 last;
        uint64 originNumber;
        bytes32 originHash;
        bytes32 outputRoot;
        bytes32[] dataHashes;
    }

    /// @notice Who posts from now on, and who signs after this committee. Zero leaves as it is.
    struct Turn {
        uint256 l2ChainId;
        uint64 sequence;
        uint64 committee;
        address poster;
        uint64 lastAttested;
        bytes32 nextMembers;
    }

    /// @dev Where a committee's members are, as the code of a contract behind a zero byte, and the sum of their stake.
    struct Members {
        address data;
        uint96 total;
    }

    /// @notice Owns the system configuration of the rollup, and does what this contract says.
    Pool public immutable pool;
    /// @notice The chain id of the rollup: a statement for another chain is refused.
    uint256 public immutable l2ChainId;
    /// @notice Who may appoint a committee once the one in force has said nothing for `escapeSeconds`; zero for nobody.
    address public immutable guardian;
    /// @notice Seconds without a word of the committee after which the guardian may act.
    uint256 public immutable escapeSeconds;

    /// @notice The number of the committee in force. The next one is in force with the first thing that it says.
    uint64 public committee;
    /// @notice The number of the last statement that was taken.
    uint64 public lastSequence;
    /// @notice The block of L2 up to which there are statements, without a gap.
    uint64 public lastAttested;
    /// @notice The number of the last change of turn.
    uint64 public lastTurn;
    /// @notice When a committee spoke last, in seconds.
    uint256 public spokeAtSeconds;
    mapping(uint64 number => Members) internal membersOf;

    event Attested(uint64 indexed sequence, uint64 first, uint64 last, bytes32 outputRoot, bytes32[] dataHashes);
    event Turned(uint64 indexed sequence, address indexed poster, bytes32 nextMembers);
    event CommitteeInForce(uint64 indexed committee);

    error WrongChain(uint256 l2ChainId);
    error NotGrowing(uint64 last);
    error NotInForce(uint64 committee);
    error Gap(uint64 lastAttested);
    error NothingNew(uint64 lastAttested);
    error NoData();
    error WrongOrigin();
    error Behind(uint64 lastAttested);
    error WrongMembers();
    error Malformed();
    error NoQuorum();
    error WrongSignature();
    error NotTheGuardian();
    error TooEarly(uint256 escapeAtSeconds);

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant BATCH_TYPE = keccak256(
        "Batch(uint256 l2ChainId,uint64 sequence,uint64 committee,uint64 first,uint64 last,uint64 originNumber,bytes32 originHash,bytes32 outputRoot,bytes32[] dataHashes)"
    );
    bytes32 private constant TURN_TYPE = keccak256(
        "Turn(uint256 l2ChainId,uint64 sequence,uint64 committee,address poster,uint64 lastAttested,bytes32 nextMembers)"
    );
    /// @dev EIP-2935: hashes of the last 8191 blocks.
    address private constant BLOCK_HASHES = 0x0000F90827F1C53a10cb7A02335B175320002935;
    uint256 private constant MAX_DATA_HASHES = 64;

    constructor(
        ISystemConfig systemConfig,
        uint256 l2ChainId_,
        uint256 handOverDelaySeconds,
        address guardian_,
        uint256 escapeSeconds_,
        uint64 genesisBlock,
        bytes memory members_
    ) {
        pool = new Pool(systemConfig, address(this), l2ChainId_, handOverDelaySeconds);
        l2ChainId = l2ChainId_;
        guardian = guardian_;
        escapeSeconds = escapeSeconds_;
        lastAttested = genesisBlock;
        spokeAtSeconds = block.timestamp;
        store(0, members_);
    }

    /// @notice Takes a statement about a batch. It begins at the latest behind the last one that was taken, ends later, and is void on a branch
    /// of L1 other than the one that it speaks of.
    function attest(Batch calldata batch, uint256 bitmap, bytes calldata signature) external {
        if (batch.l2ChainId != l2ChainId) revert WrongChain(l2ChainId);
        if (batch.sequence <= lastSequence) revert NotGrowing(lastSequence);
        if (batch.first > lastAttested + 1 || batch.first > batch.last) revert Gap(lastAttested);
        if (batch.last <= lastAttested) revert NothingNew(lastAttested);
        if (batch.dataHashes.length == 0 || batch.dataHashes.length > MAX_DATA_HASHES) revert NoData();
        if (!isOrigin(batch.originNumber, batch.originHash)) revert WrongOrigin();
        check(batch.committee, hashBatch(batch), bitmap, signature);
        (lastSequence, lastAttested) = (batch.sequence, batch.last);
        spoken(batch.committee);
        emit Attested(batch.sequence, batch.first, batch.last, batch.outputRoot, batch.dataHashes);
    }

    /// @notice Changes who posts, or hands over to the next committee, or both at once. A turn that was signed before statements that are known
    /// here is refused.
    /// @param members_ Of the next committee, if it is handed over to; else nothing.
    function turn(Turn calldata order, bytes calldata members_, uint256 bitmap, bytes calldata signature) external {
        if (order.l2ChainId != l2ChainId) revert WrongChain(l2ChainId);
        if (order.sequence <= lastTurn) revert NotGrowing(lastTurn);
        if (order.lastAttested < lastAttested) revert Behind(lastAttested);
        bool handsOver = order.nextMembers != 0;
        if (handsOver ? keccak256(members_) != order.nextMembers : members_.length != 0) revert WrongMembers();
        check(order.committee, hashTurn(order), bitmap, signature);
        lastTurn = order.sequence;
        spoken(order.committee);
        if (handsOver) store(order.committee + 1, members_);
        emit Turned(order.sequence, order.poster, order.nextMembers);
        if (order.poster != address(0)) pool.rotate(l2ChainId, order.sequence, order.poster);
    }

    /// @notice Appoints a committee in place of one that is silent for too long, and of the one that it may have handed over to.
    function appoint(bytes calldata members_, address poster) external {
        onlyEscape();
        uint64 number = committee + 2;
        delete membersOf[committee];
        delete membersOf[committee + 1];
        (committee, spokeAtSeconds) = (number, block.timestamp);
        store(number, members_);
        emit CommitteeInForce(number);
        if (poster == address(0)) return;
        uint64 sequence = ++lastTurn;
        emit Turned(sequence, poster, 0);
        pool.rotate(l2ChainId, sequence, poster);
    }

    /// @notice Announces, in place of a silent committee, who is to own the system configuration after the pool's own delay.
    function announceSuccessor(address successor) external {
        onlyEscape();
        pool.announceSuccessor(successor);
    }

    /// @notice The members of the committee in force and of the next one, as they were given; empty for others.
    function members(uint64 number) external view returns (bytes memory) {
        return load(membersOf[number].data);
    }

    /// @notice What is signed for a batch.
    function hashBatch(Batch calldata batch) public view returns (bytes32) {
        return digest(
            keccak256(
                bytes.concat(
                    abi.encode(BATCH_TYPE, batch.l2ChainId, batch.sequence, batch.committee, batch.first, batch.last),
                    abi.encode(batch.originNumber, batch.originHash, batch.outputRoot),
                    keccak256(abi.encodePacked(batch.dataHashes))
                )
            )
        );
    }

    /// @notice What is signed for a change of turn.
    function hashTurn(Turn calldata order) public view returns (bytes32) {
        return digest(keccak256(abi.encode(TURN_TYPE, order)));
    }

    function digest(bytes32 structHash) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(DOMAIN_TYPE, keccak256("L2 Committee"), keccak256("1"), block.chainid, address(this))
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function onlyEscape() private view {
        if (guardian == address(0) || msg.sender != guardian) revert NotTheGuardian();
        if (block.timestamp < spokeAtSeconds + escapeSeconds) revert TooEarly(spokeAtSeconds + escapeSeconds);
    }

    /// @dev Who is next speaks for the first time: the committee before it has no word any more.
    function spoken(uint64 number) private {
        spokeAtSeconds = block.timestamp;
        if (number == committee) return;
        delete membersOf[committee];
        committee = number;
        emit CommitteeInForce(number);
    }

    function isOrigin(uint64 number, bytes32 hash) private view returns (bool) {
        if (hash == 0 || number >= block.number) return false;
        bytes32 found = blockhash(number);
        if (found == 0) {
            (bool ok, bytes memory answer) = BLOCK_HASHES.staticcall(abi.encode(uint256(number)));
            if (ok && answer.length == 32) found = bytes32(answer);
        }
        return found == hash;
    }

    function store(uint64 number, bytes memory given) private {
        uint96 total = totalOf(given);
        bytes memory code = abi.encodePacked(hex"61", uint16(given.length + 1), hex"80600a3d393df300", given);
        address at;
        assembly ("memory-safe") { at := create(0, add(code, 32), mload(code)) }
        if (at == address(0)) revert WrongMembers();
        membersOf[number] = Members(at, total);
    }

    /// @dev What {store} was given.
    function load(address data) internal view returns (bytes memory given) {
        if (data == address(0)) return given;
        uint256 size = data.code.length - 1;
        given = new bytes(size);
        assembly ("memory-safe") { extcodecopy(data, add(given, 32), 1, size) }
    }

    function check(uint64 number, bytes32 hash, uint256 bitmap, bytes calldata signature) private view {
        Members memory found = membersOf[number];
        if (found.data == address(0)) revert NotInForce(committee);
        bytes memory list = load(found.data);
        uint256 count = list.length / memberLength();
        if (bitmap >> count != 0) revert Malformed();
        uint256 power;
        for (uint256 i; i < count; i++) if (bitmap >> i & 1 == 1) power += powerOf(list, i);
        if (3 * power <= 2 * uint256(found.total)) revert NoQuorum();
        verify(list, count, hash, bitmap, signature);
    }

    /// @dev The sum of the members' stake. Reverts for what are no members.
    function totalOf(bytes memory list) private pure returns (uint96 total) {
        uint256 count = list.length / memberLength();
        // A bit each, and the code of one contract.
        if (count == 0 || count > 255 || list.length != count * memberLength() || list.length > 24_575) {
            revert WrongMembers();
        }
        for (uint256 i; i < count; i++) {
            uint256 power = powerOf(list, i);
            if (power == 0 || power + total > type(uint96).max) revert WrongMembers();
            total += uint96(power);
        }
    }

    function memberLength() internal pure virtual returns (uint256);
    function powerOf(bytes memory list, uint256 index) internal pure virtual returns (uint256);
    /// @dev Reverts unless everybody in the bitmap has signed.
    function verify(bytes memory list, uint256 count, bytes32 hash, uint256 bitmap, bytes calldata signature) internal view virtual;
}
