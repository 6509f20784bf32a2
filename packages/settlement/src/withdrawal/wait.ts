import { type Address, type Hash, parseAbi, zeroAddress } from 'viem'
import { createL1Reader, type SettlementClient } from '../l1/reader.js'

/** Options of {@link withdrawalWaitSeconds}. */
export type WithdrawalWaitOptions = {
  portal: Address
  withdrawalHash: Hash
  /** The account that has proven it. */
  prover: Address
}

const portalAbi = /* @__PURE__ */ parseAbi([
  'function provenWithdrawals(bytes32 withdrawalHash, address prover) view returns (address disputeGameProxy, uint64 timestamp)',
  'function proofMaturityDelaySeconds() view returns (uint256)',
  'function disputeGameFinalityDelaySeconds() view returns (uint256)',
])
const gameAbi = /* @__PURE__ */ parseAbi(['function resolvedAt() view returns (uint64)'])

/**
 * How long, by L1's newest block, the windows of a proven withdrawal still are: that of its proof, and that after its game.
 *
 * @returns seconds; 0 where both are over; `undefined` where it is not proven, or its game is not decided, which takes as long as its players do
 * @throws SettlementError `L1_UNAVAILABLE`, `L1_REFUSED`, `L1_REVERTED`
 */
export async function withdrawalWaitSeconds(
  { portal, withdrawalHash, prover }: WithdrawalWaitOptions,
  { l1 }: { l1: SettlementClient },
): Promise<bigint | undefined> {
  const reader = createL1Reader(l1)
  const at = await reader.head()
  const contract = { address: portal, abi: portalAbi } as const
  const [game, provenAt] = await reader.call(contract, 'provenWithdrawals', [withdrawalHash, prover], at)
  if (game === zeroAddress) return undefined
  const [maturity, finality, resolvedAt] = await Promise.all([
    reader.call(contract, 'proofMaturityDelaySeconds', [], at),
    reader.call(contract, 'disputeGameFinalityDelaySeconds', [], at),
    reader.call({ address: game, abi: gameAbi }, 'resolvedAt', [], at),
  ])
  if (resolvedAt === 0n) return undefined
  // More than the window must have passed, not as much.
  const ends = [provenAt + maturity, resolvedAt + finality].map(end => end + 1n - at.timestamp)
  return ends.reduce((longest, end) => (end > longest ? end : longest), 0n)
}
