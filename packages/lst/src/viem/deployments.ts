import type { Address } from 'viem'

/**
 * A contract of a live protocol: `proxy` is what users call, `implementation` holds code and no state, `unknown` was
 * not told apart.
 */
export type Deployment = {
  readonly protocol: 'enki' | 'artemis' | 'stakelink'
  readonly name: string
  /** 1088 is Metis Andromeda, 1 Ethereum. */
  readonly chainId: 1 | 1088
  readonly address: Address
  readonly role: 'proxy' | 'implementation' | 'unknown'
}

/**
 * Every address that public sources name. The proxies of ENKI's and Accumulated's vaults are not among them: pass their
 * address to the readers. Sources: Netswap token list, ENKI distributor deployments, verified sources of Artemis,
 * stake.link address lists. Never key by symbol: two unrelated protocols call their token stMETIS.
 */
export const deployments: readonly Deployment[] = [
  {
    protocol: 'enki',
    name: 'ENKI',
    chainId: 1088,
    address: '0x096a84536ab84e68ee210561ffd3a038e79736f1',
    role: 'unknown',
  },
  {
    protocol: 'enki',
    name: 'DistributorExplorer',
    chainId: 1088,
    address: '0x54cd4e7113a34eA1438064ad9365671A3A5e7220',
    role: 'unknown',
  },
  {
    protocol: 'enki',
    name: 'DistributorGuarantor',
    chainId: 1088,
    address: '0x41157B9e74388415C38dbb2e65b3Fa9A7505D663',
    role: 'unknown',
  },
  {
    protocol: 'enki',
    name: 'DistributorPioneer',
    chainId: 1088,
    address: '0x98E14A00EC596C678AF9497571a15D92794d8E10',
    role: 'unknown',
  },
  {
    protocol: 'artemis',
    name: 'AMTDepositPool',
    chainId: 1088,
    address: '0x507fdbebdb11c71e7c7565177d0942a6fd466ced',
    role: 'implementation',
  },
  {
    protocol: 'artemis',
    name: 'AMTRewardPool',
    chainId: 1088,
    address: '0xad29951cda3dcd0e570e65a6ee34aa455c53421c',
    role: 'implementation',
  },
  {
    protocol: 'artemis',
    name: 'AMTWithdrawalManager',
    chainId: 1088,
    address: '0x06c49988c2111d01a745deeccc757e6f6df663ce',
    role: 'implementation',
  },
  {
    protocol: 'stakelink',
    name: 'WrappedSDToken',
    chainId: 1,
    address: '0xd7cf0e0fC12fB97e03841CE4f3086dB327CE0F2B',
    role: 'unknown',
  },
  {
    protocol: 'stakelink',
    name: 'L1Transmitter',
    chainId: 1,
    address: '0x5e2A7B992769E43D4E76a4bB92de9c0532F25Cde',
    role: 'unknown',
  },
]
