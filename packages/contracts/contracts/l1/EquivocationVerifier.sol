// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";
import {Kind, Offence} from "pool/PoolTypes.sol";

/// What a leader signs for every block.
struct SequencerHeader {
    uint64 epochId;
    uint32 term;
    uint64 height;
    bytes32 parentHash;
    bytes32 txRoot;
    bytes32 stateRoot;
    uint64 timestamp;
    uint64 l1OriginNumber;
    bytes32 l1OriginHash;
    uint64 forcedUpTo;
}

/// A leader's promise of a place in its order.
struct Receipt {
    bytes32 txHash;
    uint64 epochId;
    uint32 term;
    uint64 sequenceNo;
    uint64 notAfterHeight;
}

/// Where in a leader's order something stands that it signed, and the hash that it signed.
struct Place {
    uint64 epoch;
    uint32 term;
    uint64 index;
    bytes32 hash;
}

/// That a transaction is in a block: its bytes, its position, and the nodes of the trie of transactions.
struct Inclusion {
    bytes transaction;
    uint256 index;
    bytes[] proof;
}

/// @notice What the verifier asks of a pool.
interface IVerifiedPool {
    function admitOffence(Offence calldata offence) external;
    function signerAt(uint32 id, uint64 epoch) external view returns (address);
    function epoch() external view returns (uint64);
    function epochStartedAt(uint64 epoch) external view returns (uint64);
}

/// @notice Convicts a sequencer of what its own signatures prove, for anybody: two blocks or two receipts for one place, or a block in which
/// two transactions stand in another order than it had promised. It holds nothing, decides nothing else, and has no owner; the pool that is
/// told of it opens a case. Its verdicts are those of `verifyEvidence` of the staking package, for the kinds that need no other fact.
contract EquivocationVerifier {
    /// @notice The EIP-712 domain in which leaders of this rollup sign.
    bytes32 public immutable domainSeparator;
    /// @notice The first block in which promised places bind; the largest number where no order is promised.
    uint64 public immutable receiptsFromHeight;

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant HEADER_TYPE = keccak256(
        "SequencerHeader(uint64 epochId,uint32 term,uint64 height,bytes32 parentHash,bytes32 txRoot,bytes32 stateRoot,uint64 timestamp,uint64 l1OriginNumber,bytes32 l1OriginHash,uint64 forcedUpTo)"
    );
    bytes32 private constant RECEIPT_TYPE =
        keccak256("Receipt(bytes32 txHash,uint64 epochId,uint32 term,uint64 sequenceNo,uint64 notAfterHeight)");

    /// The epoch has not begun.
    error Future();
    /// The accused has no key in that epoch.
    error KeyUnknown();
    /// A signature is not the accused's, or not canonical.
    error SignatureInvalid();
    /// The objects are about different places.
    error PositionDiffers();
    /// The objects are the same.
    error SameContent();
    /// A transaction is not where the proof says.
    error ProofInvalid();
    /// The order that was promised is kept, or was not promised for that block.
    error NoFault();

    /// @param l2ChainId of the rollup, in whose name leaders sign
    /// @param rollup the contract that the rollup's signatures name
    constructor(uint256 l2ChainId, address rollup, uint64 receiptsFromHeight_) {
        domainSeparator =
            keccak256(abi.encode(DOMAIN_TYPE, keccak256("L2 Sequencer"), keccak256("1"), l2ChainId, rollup));
        receiptsFromHeight = receiptsFromHeight_;
    }

    /// @notice Opens a case for two different headers that one leader signed for one epoch, term and height.
    function proveHeaders(
        IVerifiedPool pool,
        uint32 accused,
        SequencerHeader calldata a,
        bytes calldata signatureA,
        SequencerHeader calldata b,
        bytes calldata signatureB
    ) external {
        pool.admitOffence(judgeHeaders(pool, accused, a, signatureA, b, signatureB));
    }

    /// @notice Opens a case for two different receipts that one leader signed for one place in its order.
    function proveReceipts(
        IVerifiedPool pool,
        uint32 accused,
        Receipt calldata a,
        bytes calldata signatureA,
        Receipt calldata b,
        bytes calldata signatureB
    ) external {
        pool.admitOffence(judgeReceipts(pool, accused, a, signatureA, b, signatureB));
    }

    /// @notice Opens a case for a block of the accused in which `b` stands before `a`, which it had promised the earlier place.
    function proveInversion(
        IVerifiedPool pool,
        uint32 accused,
        Receipt calldata a,
        Receipt calldata b,
        SequencerHeader calldata header,
        bytes[3] calldata signatures,
        Inclusion calldata inclusionA,
        Inclusion calldata inclusionB
    ) external {
        pool.admitOffence(judgeInversion(pool, accused, a, b, header, signatures, inclusionA, inclusionB));
    }

    /// @notice The verdict over two headers: what the pool would be told.
    function judgeHeaders(
        IVerifiedPool pool,
        uint32 accused,
        SequencerHeader calldata a,
        bytes calldata signatureA,
        SequencerHeader calldata b,
        bytes calldata signatureB
    ) public view returns (Offence memory) {
        Place memory first = Place(a.epochId, a.term, a.height, hashOf(a));
        Place memory second = Place(b.epochId, b.term, b.height, hashOf(b));
        return judge(pool, accused, Kind.EquivocationBlock, first, signatureA, second, signatureB);
    }

    /// @notice The verdict over two receipts.
    function judgeReceipts(
        IVerifiedPool pool,
        uint32 accused,
        Receipt calldata a,
        bytes calldata signatureA,
        Receipt calldata b,
        bytes calldata signatureB
    ) public view returns (Offence memory) {
        Place memory first = Place(a.epochId, a.term, a.sequenceNo, hashOf(a));
        Place memory second = Place(b.epochId, b.term, b.sequenceNo, hashOf(b));
        return judge(pool, accused, Kind.EquivocationReceipt, first, signatureA, second, signatureB);
    }

    /// @notice Two different objects that the accused signed for one place.
    function judge(
        IVerifiedPool pool,
        uint32 accused,
        Kind kind,
        Place memory a,
        bytes calldata signatureA,
        Place memory b,
        bytes calldata signatureB
    ) private view returns (Offence memory) {
        requireKeys(pool, accused, a.epoch, b.epoch);
        requireSigned(pool, accused, a.epoch, a.hash, signatureA);
        requireSigned(pool, accused, b.epoch, b.hash, signatureB);
        if (a.epoch != b.epoch || a.term != b.term || a.index != b.index) revert PositionDiffers();
        if (a.hash == b.hash) revert SameContent();
        string memory name = kind == Kind.EquivocationBlock ? "EQUIVOCATION_BLOCK" : "EQUIVOCATION_RECEIPT";
        bytes32 id = idOf(name, accused, a.epoch, a.term, a.index);
        return offenceOf(pool, kind, accused, id, evidenceHash(a.hash, b.hash), a.epoch);
    }

    /// @notice The verdict over a block against two receipts.
    function judgeInversion(
        IVerifiedPool pool,
        uint32 accused,
        Receipt calldata a,
        Receipt calldata b,
        SequencerHeader calldata header,
        bytes[3] calldata signatures,
        Inclusion calldata inclusionA,
        Inclusion calldata inclusionB
    ) public view returns (Offence memory) {
        requireKeys(pool, accused, a.epochId, b.epochId);
        (bytes32 first, bytes32 second) = (hashOf(a), hashOf(b));
        requireSigned(pool, accused, a.epochId, first, signatures[0]);
        requireSigned(pool, accused, b.epochId, second, signatures[1]);
        requireSigned(pool, accused, header.epochId, hashOf(header), signatures[2]);
        requirePromised(a, b, header);
        requireIncluded(inclusionA, a.txHash, header.txRoot);
        requireIncluded(inclusionB, b.txHash, header.txRoot);
        if (inclusionA.index <= inclusionB.index) revert NoFault();
        bytes32 id = idOf("ORDERING", accused, a.epochId, a.term, a.sequenceNo);
        return offenceOf(pool, Kind.Ordering, accused, id, evidenceHash(first, second), a.epochId);
    }

    /// @notice Of one term are the receipts, a's place is the earlier one, and it binds in the block.
    function requirePromised(Receipt calldata a, Receipt calldata b, SequencerHeader calldata header) private view {
        bool isOfOneTerm = a.epochId == b.epochId && a.term == b.term && a.epochId == header.epochId
            && a.term == header.term;
        if (!isOfOneTerm || a.sequenceNo >= b.sequenceNo) revert PositionDiffers();
        if (header.height > a.notAfterHeight || a.notAfterHeight < receiptsFromHeight) revert NoFault();
    }

    function requireIncluded(Inclusion calldata inclusion, bytes32 txHash, bytes32 txRoot) private pure {
        if (keccak256(inclusion.transaction) != txHash) revert ProofInvalid();
        bytes memory key = RLP.encode(inclusion.index);
        if (!TrieProof.verify(inclusion.transaction, txRoot, key, inclusion.proof)) revert ProofInvalid();
    }

    /// @notice EIP-712 hash of a header: what is signed.
    function hashOf(SequencerHeader calldata header) public view returns (bytes32) {
        return digest(keccak256(abi.encode(HEADER_TYPE, header)));
    }

    /// @notice EIP-712 hash of a receipt.
    function hashOf(Receipt calldata receipt) public view returns (bytes32) {
        return digest(keccak256(abi.encode(RECEIPT_TYPE, receipt)));
    }

    function digest(bytes32 structHash) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domainSeparator, structHash));
    }

    /// @notice What a reporter commits to before it shows the two: the same whatever their order and the form of their signatures.
    function evidenceHash(bytes32 a, bytes32 b) public pure returns (bytes32) {
        return a < b ? keccak256(abi.encodePacked(a, b)) : keccak256(abi.encodePacked(b, a));
    }

    /// @notice The name of a fault: a third conflicting block does not slash twice.
    function idOf(string memory kind, uint32 accused, uint64 epoch, uint32 term, uint64 index)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(keccak256(bytes(kind)), accused, epoch, term, index));
    }

    /// @notice The epoch of the fault has begun, and the accused had a key in it, and in the other object's.
    function requireKeys(IVerifiedPool pool, uint32 accused, uint64 epoch, uint64 other) private view {
        if (epoch > pool.epoch()) revert Future();
        bool isKnown = pool.signerAt(accused, epoch) != address(0) && pool.signerAt(accused, other) != address(0);
        if (!isKnown) revert KeyUnknown();
    }

    /// @notice The key that the accused had in the epoch made the signature, in the one form that it has: s is low, v is 27 or 28, or 0 or 1.
    function requireSigned(
        IVerifiedPool pool,
        uint32 accused,
        uint64 epoch,
        bytes32 hash,
        bytes calldata signature
    ) private view {
        address signer = pool.signerAt(accused, epoch);
        if (signature.length != 65) revert SignatureInvalid();
        uint8 v = uint8(signature[64]);
        (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecover(
            hash, v < 27 ? v + 27 : v, bytes32(signature[:32]), bytes32(signature[32:64])
        );
        if (failure != ECDSA.RecoverError.NoError || signer == address(0) || recovered != signer) {
            revert SignatureInvalid();
        }
    }

    /// @notice The fault dates from the epoch's start: a signer's own timestamps decide nothing.
    function offenceOf(
        IVerifiedPool pool,
        Kind kind,
        uint32 accused,
        bytes32 evidenceId,
        bytes32 hash,
        uint64 epoch
    ) private view returns (Offence memory) {
        return Offence(kind, accused, evidenceId, hash, epoch, pool.epochStartedAt(epoch), 0);
    }
}
