import { withImmutables } from '@l2/contracts'
import { gasPriceOracleDeployedBytecode } from '@l2/contracts/gas-price-oracle'
import { l1BlockDeployedBytecode } from '@l2/contracts/l1-block'
import { messagePasserDeployedBytecode } from '@l2/contracts/message-passer'
import {
  nativeTokenBridgeL2DeployedBytecode,
  nativeTokenBridgeL2Immutables,
} from '@l2/contracts/native-token-bridge-l2'
import { operatorFeeVaultDeployedBytecode, operatorFeeVaultImmutables } from '@l2/contracts/operator-fee-vault'
import type { GenesisAccount } from '@l2/sequencer-core/engine'
import { type Address, type Hash, type Hex, keccak256, pad, stringToHex, toHex } from 'viem'
import type { Artifact, Artifacts } from '../artifacts/artifact.js'
import { governanceToken, implementationOf, nativeTokenBridgePredeploy, predeployAt, predeploys } from './predeploys.js'
import { preinstalledAccounts } from './preinstalls.js'

/** Accounts of a genesis by their address, in lower case. */
export type Allocation = Record<Address, GenesisAccount>

/** Which fees go to whom; each kind gathers in a vault until somebody calls `withdraw` on it. */
export type FeeRecipients = {
  /** Priority fees. */
  sequencer: Address
  baseFee: Address
  /** What the data of transactions costs on L1. */
  l1Fee: Address
  /** The fee that Isthmus added. */
  operatorFee: Address
}

/** Where a proxy keeps its implementation and who may change it. Source: EIP-1967. */
export const implementationSlot = '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc'
export const adminSlot = '0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103'

/** Who is the sender of a message while none is under way. Source: `Constants.DEFAULT_L2_SENDER` of OP's contracts. */
const noSender: Address = '0x000000000000000000000000000000000000dead'

/** The network byte of a fee vault that pays on L2. */
const paysOnL2 = 1n

/** Name and version of the EIP-712 domain of EAS, hashed, the hash of its type, and the name as a word. Source: `EAS.sol` of version 1.3.0. */
const easDomain = [
  ...['EAS', '1.3.0', 'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)'].map(text =>
    BigInt(keccak256(stringToHex(text))),
  ),
  BigInt(stringToHex('EAS', { size: 32 })),
]

const word = (value: Address | bigint): Hash =>
  pad(typeof value === 'bigint' ? toHex(value) : (value.toLowerCase() as Address), { size: 32 })

/** What variables of a contract hold, by their names; those of one slot are put together. */
function storageOf(artifact: Artifact, values: Readonly<Record<string, Address | bigint>>): GenesisAccount['storage'] {
  const slots = new Map<number, bigint>()
  for (const [label, value] of Object.entries(values)) {
    const place = artifact.storage[label]!
    slots.set(place.slot, (slots.get(place.slot) ?? 0n) | (BigInt(value) << BigInt(8 * place.offset)))
  }
  return Object.fromEntries([...slots].map(([slot, value]) => [toHex(slot, { size: 32 }), word(value)]))
}

/** The code that a contract has after its constructor, with its immutables in the order of the source. */
function codeWith(artifact: Artifact, immutables: readonly (Address | bigint)[]): Artifact['deployedBytecode'] {
  let code: string = artifact.deployedBytecode
  for (const [index, value] of immutables.entries()) {
    for (const offset of artifact.immutables[index]!) {
      const at = 2 + 2 * offset
      code = code.slice(0, at) + word(value).slice(2) + code.slice(at + 64)
    }
  }
  return code as Artifact['deployedBytecode']
}

/** What is behind one proxy. */
type Predeploy = {
  code: Hex
  /** What the proxy's storage holds once the contract is initialised. */
  storage?: GenesisAccount['storage']
  /** What the storage of the implementation itself holds, so that nobody can initialise that. */
  sealed?: GenesisAccount['storage']
}

type Values = Readonly<Record<string, Address | bigint>>

/** A contract of the installed package, with its immutables in the order of the source, and what its variables hold by their names. */
function stock(
  artifact: Artifact,
  {
    immutables = [],
    storage,
    sealed,
  }: { immutables?: readonly (Address | bigint)[]; storage?: Values; sealed?: Values } = {},
): Predeploy {
  return {
    code: codeWith(artifact, immutables),
    ...(storage === undefined ? {} : { storage: storageOf(artifact, storage) }),
    ...(sealed === undefined ? {} : { sealed: storageOf(artifact, sealed) }),
  }
}

/** The token that pays for gas, as the genesis of L2 knows it. */
export type L2GasToken =
  | { type: 'ether' }
  | {
      type: 'erc20'
      token: Address
      name: string
      symbol: string
      /** The bridge's side on L1, as `deploySettlement` answers it. */
      bridge: Address
      /** What the vault begins with: the token's total supply, as `deploySettlement` was told. */
      capacityWei: bigint
    }

/** What the predeploys are told. */
export type PredeployOptions = {
  l1ChainId: bigint
  l2ChainId: bigint
  gasToken: L2GasToken
  /** Owns the proxy admin of L2, and so upgrades every predeploy. */
  owner: Address
  recipients: FeeRecipients
  /** The counterparts on L1. */
  l1: { l1CrossDomainMessenger: Address; l1StandardBridge: Address; l1Erc721Bridge: Address }
  /** How many of the addresses that are kept for predeploys get a proxy. */
  reserved: number
}

/** The slots in which the stock contracts keep the native token. Source: `GasPayingToken.sol` of OP's contracts. */
const gasTokenSlot = (part: '' | 'name' | 'symbol'): Hash =>
  word(BigInt(keccak256(stringToHex(`opstack.gaspayingtoken${part}`))) - 1n)

/** What the L1 block contract says about the native token. */
function gasTokenStorage(gasToken: L2GasToken): GenesisAccount['storage'] {
  if (gasToken.type === 'ether') return {}
  const { token, name, symbol } = gasToken
  return {
    [gasTokenSlot('')]: word((18n << 160n) | BigInt(token)),
    [gasTokenSlot('name')]: stringToHex(name, { size: 32 }),
    [gasTokenSlot('symbol')]: stringToHex(symbol, { size: 32 }),
  }
}

/** Where the price oracle says that the forks through Jovian are active: one byte each. */
const priceOracleForks = { [word(0n)]: word(0x01010101n) }

/** What is behind each proxy: contracts of the installed package, and ours where those are older than Jovian or would take value. */
function contractsOf(options: PredeployOptions, artifacts: Artifacts): ReadonlyMap<Address, Predeploy> {
  const { l1, recipients, owner, gasToken } = options
  const of = (name: string, told?: Parameters<typeof stock>[1]) => stock(artifacts.contract(name), told)
  // The least amount of a withdrawal, who gets it, and where.
  const vault = (name: string, recipient: Address) => of(name, { immutables: [0n, recipient, paysOnL2] })
  const messenger = predeploys.l2CrossDomainMessenger
  return new Map<Address, Predeploy>([
    [predeploys.legacyMessagePasser, of('LegacyMessagePasser')],
    [predeploys.deployerWhitelist, of('DeployerWhitelist')],
    [
      messenger,
      of('L2CrossDomainMessenger', {
        storage: { _initialized: 1n, xDomainMsgSender: noSender, otherMessenger: l1.l1CrossDomainMessenger },
        sealed: { _initialized: 1n, xDomainMsgSender: noSender },
      }),
    ],
    [predeploys.gasPriceOracle, { code: gasPriceOracleDeployedBytecode, storage: priceOracleForks }],
    [
      predeploys.l2StandardBridge,
      of('L2StandardBridge', {
        storage: { _initialized: 1n, messenger, otherBridge: l1.l1StandardBridge },
        sealed: { _initialized: 1n, messenger },
      }),
    ],
    [predeploys.sequencerFeeVault, vault('SequencerFeeVault', recipients.sequencer)],
    [predeploys.baseFeeVault, vault('BaseFeeVault', recipients.baseFee)],
    [predeploys.l1FeeVault, vault('L1FeeVault', recipients.l1Fee)],
    [
      predeploys.operatorFeeVault,
      {
        code: withImmutables(operatorFeeVaultDeployedBytecode, operatorFeeVaultImmutables, {
          MIN_WITHDRAWAL_AMOUNT: 0n,
          RECIPIENT: recipients.operatorFee,
          WITHDRAWAL_NETWORK: paysOnL2,
        }),
      },
    ],
    [
      predeploys.optimismMintableErc20Factory,
      of('OptimismMintableERC20Factory', {
        storage: { _initialized: 1n, bridge: predeploys.l2StandardBridge },
        sealed: { _initialized: 1n },
      }),
    ],
    [predeploys.l1BlockNumber, of('L1BlockNumber')],
    [
      predeploys.l2Erc721Bridge,
      of('L2ERC721Bridge', {
        storage: { _initialized: 1n, messenger, otherBridge: l1.l1Erc721Bridge },
        sealed: { _initialized: 1n, messenger },
      }),
    ],
    [predeploys.l1Block, { code: l1BlockDeployedBytecode, storage: gasTokenStorage(gasToken) }],
    [
      predeploys.l2ToL1MessagePasser,
      gasToken.type === 'ether' ? of('L2ToL1MessagePasser') : { code: messagePasserDeployedBytecode },
    ],
    [
      predeploys.optimismMintableErc721Factory,
      of('OptimismMintableERC721Factory', { immutables: [predeploys.l2Erc721Bridge, options.l1ChainId] }),
    ],
    [predeploys.proxyAdmin, of('ProxyAdmin', { storage: { _owner: owner }, sealed: { _owner: owner } })],
    [predeploys.schemaRegistry, of('SchemaRegistry')],
    // EIP-712: what is cached (separator, chain id, address) is never right behind a proxy, and computed instead; then name, version and type, and the name.
    [predeploys.eas, of('EAS', { immutables: [0n, 0n, 0n, ...easDomain] })],
  ])
}

/** The predeploys behind their proxies, and what tools expect on every chain. @throws SettlementError `ARTIFACT_MISSING` */
export function predeployedAccounts(options: PredeployOptions, artifacts: Artifacts): Allocation {
  const alloc: Allocation = preinstalledAccounts(options.l2ChainId, artifacts)
  const { deployedBytecode: proxyCode } = artifacts.contract('Proxy')
  const admin = word(predeploys.proxyAdmin)
  for (let index = 0; index < options.reserved; index++) {
    const at = predeployAt(index)
    if (at === governanceToken || at === predeploys.weth) continue
    alloc[at] = { nonce: 1n, code: proxyCode, storage: { [adminSlot]: admin } }
  }
  for (const [at, { code, storage, sealed = {} }] of contractsOf(options, artifacts)) {
    const behind = implementationOf(at)
    alloc[behind] = { nonce: 1n, code, storage: sealed }
    const proxied = { [adminSlot]: admin, [implementationSlot]: word(behind), ...storage }
    alloc[at] = { nonce: 1n, code: proxyCode, storage: proxied }
  }
  alloc[predeploys.weth] = { nonce: 1n, code: artifacts.contract('WETH').deployedBytecode }
  if (options.gasToken.type === 'erc20') {
    const { bridge, capacityWei } = options.gasToken
    const code = withImmutables(nativeTokenBridgeL2DeployedBytecode, nativeTokenBridgeL2Immutables, {
      otherBridge: bridge,
    })
    alloc[nativeTokenBridgePredeploy] = { nonce: 1n, balance: capacityWei, code }
  }
  return alloc
}
