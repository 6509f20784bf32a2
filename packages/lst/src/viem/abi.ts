import { parseAbi } from 'viem'

/** `LiquidVault` and `RebasingToken` of `@l2/contracts`, as far as holders call them. */
export const liquidCallsAbi = /*#__PURE__*/ parseAbi([
  'function approve(address spender, uint256 value) returns (bool)',
  'function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)',
  'function transfer(address to, uint256 value) returns (bool)',
  'function deposit(uint256 assets, address receiver, uint256 minShares) returns (uint256 shares)',
  'function requestRedeem(uint256 shares, address controller, address owner) returns (uint256 id)',
  'function claim(uint256 id, address receiver) returns (uint256 assets)',
  'function transferRequest(uint256 id, address to)',
  'function setOperator(address operator, bool approved) returns (bool)',
  'function wrap(uint256 shares) returns (uint256 assetsWei)',
  'function unwrap(uint256 shares) returns (uint256 assetsWei)',
  'function transferShares(address to, uint256 shares) returns (uint256 assetsWei)',
  'error AccountInvalid()',
  'error AlreadyClaimed()',
  'error AmountInvalid()',
  'error AmountTooLarge()',
  'error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)',
  'error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)',
  'error ERC2612ExpiredSignature(uint256 deadline)',
  'error ERC2612InvalidSigner(address signer, address owner)',
  'error Insolvent()',
  'error IsPaused()',
  'error LimitExceeded(uint256 most)',
  'error NotExact()',
  'error NotFinalized()',
  'error NotOwner()',
  'error RequestTooLarge()',
  'error RequestTooSmall()',
  'error RequestUnknown()',
  'error SafeERC20FailedOperation(address token)',
  'error ZeroAssets()',
  'error ZeroShares()',
])

/** What a permit is signed with, of a token that has EIP-2612. */
export const permitAbi = /*#__PURE__*/ parseAbi([
  'function name() view returns (string)',
  'function nonces(address owner) view returns (uint256)',
  'function allowance(address owner, address spender) view returns (uint256)',
  'function eip712Domain() view returns (bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)',
])

/** ENKI on Metis, as far as holders call it. Source: the verified sources of EMetisMinter, SeMetis, RedemptionQueue and Vesting. */
export const enkiAbi = /*#__PURE__*/ parseAbi([
  'function mint(address account, uint256 amount, bool deposit, address inviter)',
  'function approve(address spender, uint256 value) returns (bool)',
  'function deposit(uint256 assets, address receiver) returns (uint256 shares)',
  'function redeem(uint256 shares, address receiver, address owner) returns (uint256 assets)',
  'function enterRedemptionQueue(address recipient, uint120 amountToRedeem) returns (uint256 nftId)',
  'function cancelRedemptionTicketNft(address recipient, uint256 nftId) returns (uint120 eMetisOut)',
  'function redeemRedemptionTicketNft(uint256 nftId, address recipient)',
  'function reduceRedemptionMaturity(uint256 nftId, address lpToken, uint256 lpAmount)',
  'function unlockLpToken(uint256 nftId)',
  'function stake(uint256 amount)',
  'function unstake()',
  'function claim()',
  'error Erc721CallerNotOwnerOrApproved()',
  'error NotMatureYet(uint256 currentTime, uint64 maturity)',
  'error AlreadyReducedMaturity()',
  'error LpTokenNotLocked()',
  'error ReduceTimeExceedsLimit()',
  'error AlreadyRedeemed()',
])
