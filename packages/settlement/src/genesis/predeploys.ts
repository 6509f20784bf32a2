import type { Address } from 'viem'

/** The contracts that an OP chain has at fixed addresses since its genesis. Source: OP specs, "Predeploys". */
export const predeploys = {
  legacyMessagePasser: '0x4200000000000000000000000000000000000000',
  deployerWhitelist: '0x4200000000000000000000000000000000000002',
  weth: '0x4200000000000000000000000000000000000006',
  l2CrossDomainMessenger: '0x4200000000000000000000000000000000000007',
  gasPriceOracle: '0x420000000000000000000000000000000000000f',
  l2StandardBridge: '0x4200000000000000000000000000000000000010',
  sequencerFeeVault: '0x4200000000000000000000000000000000000011',
  optimismMintableErc20Factory: '0x4200000000000000000000000000000000000012',
  l1BlockNumber: '0x4200000000000000000000000000000000000013',
  l2Erc721Bridge: '0x4200000000000000000000000000000000000014',
  l1Block: '0x4200000000000000000000000000000000000015',
  l2ToL1MessagePasser: '0x4200000000000000000000000000000000000016',
  optimismMintableErc721Factory: '0x4200000000000000000000000000000000000017',
  proxyAdmin: '0x4200000000000000000000000000000000000018',
  baseFeeVault: '0x4200000000000000000000000000000000000019',
  l1FeeVault: '0x420000000000000000000000000000000000001a',
  operatorFeeVault: '0x420000000000000000000000000000000000001b',
  schemaRegistry: '0x4200000000000000000000000000000000000020',
  eas: '0x4200000000000000000000000000000000000021',
} as const satisfies Record<string, Address>

/** How many addresses the OP Stack keeps for predeploys, each behind a proxy, from 0x42…0000 on. */
export const predeployCount = 2048

/** Where the governance token would be: no proxy is there. */
export const governanceToken: Address = '0x4200000000000000000000000000000000000042'

/**
 * Where the genesis has the L2 side of the native token's bridge, whose balance is the vault: an address of ours, outside of what the OP Stack keeps for itself. Its
 * first bytes spell `L2`.
 */
export const nativeTokenBridgePredeploy: Address = '0x4c32000000000000000000000000000000000001'

/** The predeploy's address of a number. */
export function predeployAt(index: number): Address {
  return `0x420000000000000000000000000000000000${index.toString(16).padStart(4, '0')}`
}

/** Where the genesis has the code behind a predeploy's proxy. Source: `predeployToCodeNamespace` of OP's `Predeploys.sol`. */
export function implementationOf(predeploy: Address): Address {
  return `0xc0d3c0d3c0d3c0d3c0d3c0d3c0d3c0d3c0d3${predeploy.slice(-4)}`
}
