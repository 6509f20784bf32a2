// SPDX-License-Identifier: MIT
pragma solidity 0.8.15;

import { Initializable } from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import { ResourceMetering } from "src/L1/ResourceMetering.sol";
import { IDisputeGame } from "src/dispute/interfaces/IDisputeGame.sol";
import { IDisputeGameFactory } from "src/dispute/interfaces/IDisputeGameFactory.sol";
import { Claim, GameStatus, GameType, Timestamp } from "src/dispute/lib/Types.sol";
import { Constants } from "src/libraries/Constants.sol";
import { Hashing } from "src/libraries/Hashing.sol";
import {
    BadTarget,
    CallPaused,
    GasEstimation,
    LargeCalldata,
    NoValue,
    SmallGasLimit,
    Unauthorized
} from "src/libraries/PortalErrors.sol";
import { SafeCall } from "src/libraries/SafeCall.sol";
import { Types } from "src/libraries/Types.sol";
import { SecureMerkleTrie } from "src/libraries/trie/SecureMerkleTrie.sol";
import { AddressAliasHelper } from "src/vendor/AddressAliasHelper.sol";

interface ISystemConfig {
    function resourceConfig() external view returns (ResourceMetering.ResourceConfig memory);
}

interface ISuperchainConfig {
    function guardian() external view returns (address);
    function paused() external view returns (bool);
}

/// @notice The portal of a rollup whose native token is not ether: what OptimismPortal2 3.10.0 is (its ABI, events and reasons, deposits
/// metered by the stock ResourceMetering, withdrawals proven against the stock dispute games), but no value enters or leaves by it, since
/// ether that entered would be minted on L2 as the native token. A deposit must pay for 40 gas a byte, what its block asks since EIP-7623:
/// with less it would be taken here and fail there before the messenger could keep it.
contract MeteredPortal is Initializable, ResourceMetering {
    /// @notice Whom a withdrawal was proven against, and when (seconds).
    struct ProvenWithdrawal {
        IDisputeGame disputeGameProxy;
        uint64 timestamp;
    }

    uint256 private constant DEPOSIT_VERSION = 0;
    uint64 private constant RECEIVE_DEFAULT_GAS_LIMIT = 100_000;
    uint256 private constant MAX_DATA_BYTES = 120_000;
    string public constant version = "3.10.0-metered";

    uint256 private immutable PROOF_MATURITY_DELAY_SECONDS;
    uint256 private immutable DISPUTE_GAME_FINALITY_DELAY_SECONDS;

    /// @notice Who sent the withdrawal that is being finalised; 0x…dEaD outside of one.
    address public l2Sender;
    ISuperchainConfig public superchainConfig;
    ISystemConfig public systemConfig;
    IDisputeGameFactory public disputeGameFactory;
    /// @notice The game type that withdrawals are proven against.
    GameType public respectedGameType;
    /// @notice Games created before do not count (seconds).
    uint64 public respectedGameTypeUpdatedAt;
    mapping(bytes32 => bool) public finalizedWithdrawals;
    mapping(bytes32 => mapping(address => ProvenWithdrawal)) public provenWithdrawals;
    mapping(IDisputeGame => bool) public disputeGameBlacklist;
    mapping(bytes32 => address[]) public proofSubmitters;

    event TransactionDeposited(address indexed from, address indexed to, uint256 indexed version, bytes opaqueData);
    event WithdrawalProven(bytes32 indexed withdrawalHash, address indexed from, address indexed to);
    event WithdrawalProvenExtension1(bytes32 indexed withdrawalHash, address indexed proofSubmitter);
    event WithdrawalFinalized(bytes32 indexed withdrawalHash, bool success);
    event DisputeGameBlacklisted(IDisputeGame indexed disputeGame);
    event RespectedGameTypeSet(GameType indexed newGameType, Timestamp indexed updatedAt);

    constructor(uint256 proofMaturityDelaySeconds_, uint256 disputeGameFinalityDelaySeconds_) {
        PROOF_MATURITY_DELAY_SECONDS = proofMaturityDelaySeconds_;
        DISPUTE_GAME_FINALITY_DELAY_SECONDS = disputeGameFinalityDelaySeconds_;
        _disableInitializers();
    }

    modifier whenNotPaused() {
        if (paused()) revert CallPaused();
        _;
    }

    modifier onlyGuardian() {
        if (msg.sender != guardian()) revert Unauthorized();
        _;
    }

    function initialize(
        IDisputeGameFactory disputeGameFactory_,
        ISystemConfig systemConfig_,
        ISuperchainConfig superchainConfig_,
        GameType initialRespectedGameType
    )
        external
        initializer
    {
        disputeGameFactory = disputeGameFactory_;
        systemConfig = systemConfig_;
        superchainConfig = superchainConfig_;
        l2Sender = Constants.DEFAULT_L2_SENDER;
        respectedGameType = initialRespectedGameType;
        respectedGameTypeUpdatedAt = uint64(block.timestamp);
        __ResourceMetering_init();
    }

    /// @notice A call with neither data nor value is a deposit without effect; one with value is refused.
    receive() external payable {
        depositTransaction(msg.sender, msg.value, RECEIVE_DEFAULT_GAS_LIMIT, false, bytes(""));
    }

    /// @notice Part of the stock ABI; there is nothing that ether could be given for.
    function donateETH() external payable {
        if (msg.value != 0) revert NoValue();
    }

    /// @notice Orders a transaction of the caller on L2, paid for by burning gas here. `_value` is taken from what the caller has on L2.
    function depositTransaction(
        address _to,
        uint256 _value,
        uint64 _gasLimit,
        bool _isCreation,
        bytes memory _data
    )
        public
        payable
        metered(_gasLimit)
    {
        if (msg.value != 0) revert NoValue();
        if (_isCreation && _to != address(0)) revert BadTarget();
        if (_gasLimit < minimumGasLimit(uint64(_data.length))) revert SmallGasLimit();
        if (_data.length > MAX_DATA_BYTES) revert LargeCalldata();
        // A contract must not be able to act on L2 as the account that happens to have its address there.
        address from = msg.sender == tx.origin ? msg.sender : AddressAliasHelper.applyL1ToL2Alias(msg.sender);
        bytes memory opaqueData = abi.encodePacked(uint256(0), _value, _gasLimit, _isCreation, _data);
        emit TransactionDeposited(from, _to, DEPOSIT_VERSION, opaqueData);
    }

    /// @notice Proves, against the root claim of a dispute game, that a withdrawal was initiated on L2. May be repeated, also against
    /// another game; the delays begin anew for the caller.
    function proveWithdrawalTransaction(
        Types.WithdrawalTransaction memory _tx,
        uint256 _disputeGameIndex,
        Types.OutputRootProof calldata _outputRootProof,
        bytes[] calldata _withdrawalProof
    )
        external
        whenNotPaused
    {
        // The portal is nobody's messenger: a withdrawal that calls it would deposit in its name.
        require(_tx.target != address(this), "OptimismPortal: you cannot send messages to the portal contract");
        if (_tx.value != 0) revert NoValue();

        (GameType gameType,, IDisputeGame game) = disputeGameFactory.gameAtIndex(_disputeGameIndex);
        require(gameType.raw() == respectedGameType.raw(), "OptimismPortal: invalid game type");
        require(
            game.rootClaim().raw() == Hashing.hashOutputRootProof(_outputRootProof),
            "OptimismPortal: invalid output root proof"
        );
        require(
            game.status() != GameStatus.CHALLENGER_WINS, "OptimismPortal: cannot prove against invalid dispute games"
        );

        // What the message passer of L2 keeps of a withdrawal: true in the mapping that is at its first slot.
        bytes32 withdrawalHash = Hashing.hashWithdrawal(_tx);
        bytes32 slot = keccak256(abi.encode(withdrawalHash, uint256(0)));
        require(
            SecureMerkleTrie.verifyInclusionProof({
                _key: abi.encode(slot),
                _value: hex"01",
                _proof: _withdrawalProof,
                _root: _outputRootProof.messagePasserStorageRoot
            }),
            "OptimismPortal: invalid withdrawal inclusion proof"
        );

        provenWithdrawals[withdrawalHash][msg.sender] = ProvenWithdrawal(game, uint64(block.timestamp));
        emit WithdrawalProven(withdrawalHash, _tx.sender, _tx.target);
        emit WithdrawalProvenExtension1(withdrawalHash, msg.sender);
        proofSubmitters[withdrawalHash].push(msg.sender);
    }

    /// @notice Finalises a withdrawal that the caller has proven.
    function finalizeWithdrawalTransaction(Types.WithdrawalTransaction memory _tx) external {
        finalizeWithdrawalTransactionExternalProof(_tx, msg.sender);
    }

    /// @notice Finalises a withdrawal that `_proofSubmitter` has proven: calls its target once, whether or not the target succeeds. What is
    /// to be tried again goes over the messenger, which keeps failed messages.
    function finalizeWithdrawalTransactionExternalProof(
        Types.WithdrawalTransaction memory _tx,
        address _proofSubmitter
    )
        public
        whenNotPaused
    {
        require(
            l2Sender == Constants.DEFAULT_L2_SENDER, "OptimismPortal: can only trigger one withdrawal per transaction"
        );
        bytes32 withdrawalHash = Hashing.hashWithdrawal(_tx);
        checkWithdrawal(withdrawalHash, _proofSubmitter);
        finalizedWithdrawals[withdrawalHash] = true;

        // While the sender is set no other withdrawal can be finalised, so the target cannot come back in. The value is zero, or the
        // withdrawal could not have been proven. Reverts where less gas is left than the withdrawal asks for.
        l2Sender = _tx.sender;
        bool success = SafeCall.callWithMinGas(_tx.target, _tx.gasLimit, 0, _tx.data);
        l2Sender = Constants.DEFAULT_L2_SENDER;

        emit WithdrawalFinalized(withdrawalHash, success);
        // An estimation must find the gas with which the target succeeds.
        if (!success && tx.origin == Constants.ESTIMATION_ADDRESS) revert GasEstimation();
    }

    /// @notice Takes a dispute game out, for ever. For the guardian, where a game was decided wrongly.
    function blacklistDisputeGame(IDisputeGame _disputeGame) external onlyGuardian {
        disputeGameBlacklist[_disputeGame] = true;
        emit DisputeGameBlacklisted(_disputeGame);
    }

    /// @notice Sets the game type that counts from now on, and retires every game that there is.
    function setRespectedGameType(GameType _gameType) external onlyGuardian {
        respectedGameType = _gameType;
        respectedGameTypeUpdatedAt = uint64(block.timestamp);
        emit RespectedGameTypeSet(_gameType, Timestamp.wrap(respectedGameTypeUpdatedAt));
    }

    /// @notice Reverts unless the withdrawal can be finalised now with the proof of `_proofSubmitter`.
    function checkWithdrawal(bytes32 _withdrawalHash, address _proofSubmitter) public view {
        ProvenWithdrawal memory proven = provenWithdrawals[_withdrawalHash][_proofSubmitter];
        IDisputeGame game = proven.disputeGameProxy;
        require(!disputeGameBlacklist[game], "OptimismPortal: dispute game has been blacklisted");
        require(proven.timestamp != 0, "OptimismPortal: withdrawal has not been proven by proof submitter address yet");
        uint64 createdAt = game.createdAt().raw();
        require(
            proven.timestamp > createdAt,
            "OptimismPortal: withdrawal timestamp less than dispute game creation timestamp"
        );
        require(
            block.timestamp - proven.timestamp > PROOF_MATURITY_DELAY_SECONDS,
            "OptimismPortal: proven withdrawal has not matured yet"
        );
        require(
            game.status() == GameStatus.DEFENDER_WINS, "OptimismPortal: output proposal has not been validated"
        );
        require(game.gameType().raw() == respectedGameType.raw(), "OptimismPortal: invalid game type");
        require(
            createdAt >= respectedGameTypeUpdatedAt,
            "OptimismPortal: dispute game created before respected game type was updated"
        );
        require(
            block.timestamp - game.resolvedAt().raw() > DISPUTE_GAME_FINALITY_DELAY_SECONDS,
            "OptimismPortal: output proposal in air-gap"
        );
        require(!finalizedWithdrawals[_withdrawalHash], "OptimismPortal: withdrawal has already been finalized");
    }

    /// @notice The gas that a deposit with so many bytes of data must buy at least.
    function minimumGasLimit(uint64 _byteCount) public pure returns (uint64) {
        return _byteCount * 40 + 21_000;
    }

    function numProofSubmitters(bytes32 _withdrawalHash) external view returns (uint256) {
        return proofSubmitters[_withdrawalHash].length;
    }

    function guardian() public view returns (address) {
        return superchainConfig.guardian();
    }

    function paused() public view returns (bool) {
        return superchainConfig.paused();
    }

    function proofMaturityDelaySeconds() external view returns (uint256) {
        return PROOF_MATURITY_DELAY_SECONDS;
    }

    function disputeGameFinalityDelaySeconds() external view returns (uint256) {
        return DISPUTE_GAME_FINALITY_DELAY_SECONDS;
    }

    function _resourceConfig() internal view override returns (ResourceMetering.ResourceConfig memory) {
        return systemConfig.resourceConfig();
    }
}
