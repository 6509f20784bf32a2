import type { GenesisAccount } from '@l2/sequencer-core/engine'
import { type Address, bytesToHex, encodeAbiParameters, type Hex, hexToBytes, keccak256, stringToHex } from 'viem'
import type { Artifacts } from '../artifacts/artifact.js'

/**
 * Contracts that tools expect on every chain at the address that they have on Ethereum, by the name of their code in OP's `Preinstalls.sol`. The
 * last one is EIP-4788's.
 */
const addresses: Readonly<Record<string, Address>> = {
  MultiCall3Code: '0xca11bde05977b3631167028862be2a173976ca11',
  Create2DeployerCode: '0x13b0d85ccb8bf860b6b79af3029fca081ae9bef2',
  Safe_v130Code: '0x69f4d1788e39c87893c980c06edf4b7f686e2938',
  SafeL2_v130Code: '0xfb1bffc9d739b8d520daf37df666da4c687191ea',
  MultiSendCallOnly_v130Code: '0xa1dabef33b3b82c7814b6d82a79e50f4ac44102b',
  SafeSingletonFactoryCode: '0x914d7fec6aac8cd542e72bca78b30650d45643d7',
  DeterministicDeploymentProxyCode: '0x4e59b44847b379578588920ca78fbf26c0b4956c',
  MultiSend_v130Code: '0x998739bfdaadde7c933b942a68053933098f9eda',
  SenderCreatorCode: '0x7fc98430eaedbb6070b35b39d798725049088348',
  EntryPointCode: '0x5ff137d4b0fdcd49dca30c7cf57e578a026d2789',
  BeaconBlockRootsCode: '0x000f3df6d732807ef1319fb7b8bb8522d0beac02',
}

export const permit2: Address = '0x000000000022d473030f116ddee9f6b43ac78ba3'
/** Where Permit2's code has what depends on the chain, bytes. Source: `getPermit2Code` of OP's `Preinstalls.sol`. */
const [chainIdAt, domainSeparatorAt] = [6945, 6983]

/** Sends EIP-4788's deployment: its nonce is used, so that the upgrade to Ecotone finds what it would deploy. */
const beaconRootsSender: Address = '0x0b799c86a49deeb90402691f1041aa3af2d3c875'

/** Keeps the hashes of the last 8191 blocks. Address and code: EIP-2935. */
const blockHashHistory: { address: Address; code: Hex } = {
  address: '0x0000f90827f1c53a10cb7a02335b175320002935',
  code: '0x3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500',
}

/** What a chain must begin with, beside the predeploys, for tools and upgrades to work on it. */
export const requiredPreinstalls: readonly Address[] = [
  addresses['MultiCall3Code']!,
  addresses['DeterministicDeploymentProxyCode']!,
  addresses['BeaconBlockRootsCode']!,
  permit2,
  blockHashHistory.address,
]

/** The preinstalls of a chain as accounts of its genesis. @throws SettlementError `ARTIFACT_MISSING` */
export function preinstalledAccounts(l2ChainId: bigint, artifacts: Artifacts): Record<Address, GenesisAccount> {
  const entries = Object.entries(addresses).map(([name, address]): [Address, GenesisAccount] => [
    address,
    { nonce: 1n, code: artifacts.preinstall(name) },
  ])
  return {
    ...Object.fromEntries(entries),
    [permit2]: { nonce: 1n, code: permit2Code(l2ChainId, artifacts.preinstall('Permit2TemplateCode')) },
    [beaconRootsSender]: { nonce: 1n },
    [blockHashHistory.address]: { nonce: 1n, code: blockHashHistory.code },
  }
}

function permit2Code(l2ChainId: bigint, template: Hex): Hex {
  const domain = encodeAbiParameters(
    [{ type: 'bytes32' }, { type: 'bytes32' }, { type: 'uint256' }, { type: 'address' }],
    [
      keccak256(stringToHex('EIP712Domain(string name,uint256 chainId,address verifyingContract)')),
      keccak256(stringToHex('Permit2')),
      l2ChainId,
      permit2,
    ],
  )
  const code = hexToBytes(template)
  code.set(hexToBytes(encodeAbiParameters([{ type: 'uint256' }], [l2ChainId])), chainIdAt)
  code.set(hexToBytes(keccak256(domain)), domainSeparatorAt)
  return bytesToHex(code)
}
