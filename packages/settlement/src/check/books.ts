import { type Address, type PublicClient, parseAbi } from 'viem'
import { nativeTokenBridgePredeploy } from '../genesis/predeploys.js'

/** Both sides of a native token's bridge, in wei. */
export type BridgeBooks = {
  /** What the L1 side says that it holds. */
  readonly lockedWei: bigint
  /** What it has of the token. */
  readonly heldWei: bigint
  /** What the L2 side says that it has given out. */
  readonly releasedWei: bigint
  /** What is missing in the vault. */
  readonly outOfVaultWei: bigint
  /** Locked and not released: deposits that L2 has not seen yet, and withdrawals that L1 has not paid yet. */
  readonly inFlightWei: bigint
  /**
   * Whether every native token stands for one on L1: locked is held, released is what left the vault, and no more is released than locked. What strangers gave to either
   * side as a present makes it richer and is nobody's.
   */
  readonly isExact: boolean
}

/** What reads of L1 or L2 are made with: a viem client. */
export type BooksClient = Pick<PublicClient, 'readContract' | 'getBalance' | 'getBlockNumber'>

const abi = parseAbi([
  'function locked() view returns (uint256)',
  'function capacity() view returns (uint256)',
  'function token() view returns (address)',
  'function balanceOf(address) view returns (uint256)',
  'function released() view returns (uint256)',
])

/**
 * Reads both sides, each at one block: chains that go on meanwhile change nothing. L2 comes first: what it has released was locked before, so that a reading in the
 * middle of a deposit or a withdrawal shows it in flight, never as missing.
 *
 * @param bridge the L1 side
 */
export async function readBridgeBooks(
  { bridge }: { bridge: Address },
  { l1, l2 }: { l1: BooksClient; l2: BooksClient },
): Promise<BridgeBooks> {
  const there = { address: nativeTokenBridgePredeploy, abi, blockNumber: await l2.getBlockNumber({ cacheTime: 0 }) }
  const [releasedWei, vaultWei] = await Promise.all([
    l2.readContract({ ...there, functionName: 'released' }),
    l2.getBalance({ address: nativeTokenBridgePredeploy, blockNumber: there.blockNumber }),
  ])
  const blockNumber = await l1.getBlockNumber({ cacheTime: 0 })
  const here = { address: bridge, abi, blockNumber } as const
  const [lockedWei, capacityWei, token] = await Promise.all([
    l1.readContract({ ...here, functionName: 'locked' }),
    l1.readContract({ ...here, functionName: 'capacity' }),
    l1.readContract({ ...here, functionName: 'token' }),
  ])
  const heldWei = await l1.readContract({ address: token, abi, blockNumber, functionName: 'balanceOf', args: [bridge] })
  const outOfVaultWei = capacityWei - vaultWei
  return {
    lockedWei,
    heldWei,
    releasedWei,
    outOfVaultWei,
    inFlightWei: lockedWei - releasedWei,
    isExact: heldWei >= lockedWei && outOfVaultWei <= releasedWei && lockedWei >= releasedWei,
  }
}
