import { parseAbi } from 'viem'

/** What is asked of a DisputeGameFactory. Source: OP's contracts, `DisputeGameFactory` 1.0.0. */
export const disputeGameFactoryAbi = /* @__PURE__ */ parseAbi([
  'function create(uint32 gameType, bytes32 rootClaim, bytes extraData) payable returns (address proxy)',
  'function gameCount() view returns (uint256)',
  'function gameAtIndex(uint256 index) view returns (uint32 gameType, uint64 timestamp, address proxy)',
  'function games(uint32 gameType, bytes32 rootClaim, bytes extraData) view returns (address proxy, uint64 timestamp)',
  'function gameImpls(uint32 gameType) view returns (address)',
  'function initBonds(uint32 gameType) view returns (uint256)',
  'error NoImplementation(uint32 gameType)',
  'error GameAlreadyExists(bytes32 uuid)',
  'error IncorrectBondAmount()',
  'error UnexpectedRootClaim(bytes32 rootClaim)',
  'error AnchorRootNotFound()',
  'error BadExtraData()',
])

/** What is asked of a fault dispute game. Source: OP's contracts, `FaultDisputeGame` 1.2.0. */
export const faultDisputeGameAbi = /* @__PURE__ */ parseAbi([
  'struct OutputRootProof { bytes32 version; bytes32 stateRoot; bytes32 messagePasserStorageRoot; bytes32 latestBlockhash; }',
  'function gameCreator() view returns (address)',
  'function rootClaim() view returns (bytes32)',
  'function l1Head() view returns (bytes32)',
  'function l2BlockNumber() view returns (uint256)',
  'function startingBlockNumber() view returns (uint256)',
  'function maxGameDepth() view returns (uint256)',
  'function splitDepth() view returns (uint256)',
  'function maxClockDuration() view returns (uint64)',
  'function weth() view returns (address)',
  'function anchorStateRegistry() view returns (address)',
  'function status() view returns (uint8)',
  'function l2BlockNumberChallenged() view returns (bool)',
  'function claimDataLen() view returns (uint256)',
  'function claimData(uint256 index) view returns (uint32 parentIndex, address counteredBy, address claimant, uint128 bond, bytes32 claim, uint128 position, uint128 clock)',
  'function resolvedSubgames(uint256 index) view returns (bool)',
  'function getRequiredBond(uint128 position) view returns (uint256)',
  'function credit(address recipient) view returns (uint256)',
  'function attack(bytes32 disputed, uint256 parentIndex, bytes32 claim) payable',
  'function defend(bytes32 disputed, uint256 parentIndex, bytes32 claim) payable',
  'function challengeRootL2Block(OutputRootProof outputRootProof, bytes headerRLP)',
  'function resolveClaim(uint256 claimIndex, uint256 numToResolve)',
  'function resolve() returns (uint8)',
  'function claimCredit(address recipient)',
  'error GameNotInProgress()',
  'error InvalidDisputedClaimIndex()',
  'error CannotDefendRootClaim()',
  'error L2BlockNumberChallenged()',
  'error GameDepthExceeded()',
  'error IncorrectBondAmount()',
  'error ClockTimeExceeded()',
  'error ClaimAlreadyExists()',
  'error InvalidOutputRootProof()',
  'error InvalidHeaderRLP()',
  'error BlockNumberMatches()',
  'error ClockNotExpired()',
  'error ClaimAlreadyResolved()',
  'error OutOfOrderResolution()',
  'error NoCreditToClaim()',
  'error BondTransferFailed()',
])

/** Source: OP's contracts, `AnchorStateRegistry` 1.0.0. */
export const anchorStateRegistryAbi = /* @__PURE__ */ parseAbi([
  'function anchors(uint32 gameType) view returns (bytes32 root, uint256 l2BlockNumber)',
])

/** Source: OP's contracts, `DelayedWETH` 1.0.0. */
export const delayedWethAbi = /* @__PURE__ */ parseAbi([
  'function delay() view returns (uint256)',
  'function withdrawals(address game, address recipient) view returns (uint256 amount, uint256 timestamp)',
])
