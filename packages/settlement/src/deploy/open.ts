import { isL2Error } from '@l2/common'
import type { SystemConfig } from '@l2/sequencer-core/derivation'
import { type Abi, type Address, type ContractFunctionName, getAddress, type Hex, parseAbi, slice } from 'viem'
import * as z from 'zod/mini'
import { SettlementError } from '../errors.js'
import { disputeGameFactoryAbi, faultDisputeGameAbi } from '../games/abi.js'
import { address, checkOptions } from '../internal/options.js'
import { type Contract, createL1Reader, type SettlementClient } from '../l1/reader.js'
import type { SettlementAddresses } from './deploy.js'

/** Options of {@link openSettlement}. */
export type OpenSettlementOptions = {
  /** The SystemConfig of the chain, as its `rollup.json` names it (`l1_system_config_address`). */
  systemConfig: Address
  /** The L1 side of the native token's bridge, where the chain has one: `otherBridge()` of its side on L2. No contract on L1 names it. */
  nativeTokenBridge?: Address | undefined
}

/** What {@link openSettlement} found. */
export type OpenedSettlement = {
  addresses: SettlementAddresses
  batchInbox: Address
  /** The L1 block in which the system configuration was made. The chain begins in it or later: its `rollup.json` says where. */
  startBlock: bigint
  /** What the contract says now, which may have changed since the genesis. What a contract has no word for is 0. */
  systemConfig: SystemConfig
}

const schema = /* @__PURE__ */ (() =>
  z.strictObject({ systemConfig: address, nativeTokenBridge: z.optional(address) }))()

/** Where a proxy keeps who may upgrade it. Source: EIP-1967. */
const adminSlot = '0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103'

const systemConfigAbi = /* @__PURE__ */ parseAbi([
  'function l1CrossDomainMessenger() view returns (address)',
  'function l1StandardBridge() view returns (address)',
  'function l1ERC721Bridge() view returns (address)',
  'function optimismMintableERC20Factory() view returns (address)',
  'function optimismPortal() view returns (address)',
  'function disputeGameFactory() view returns (address)',
  'function batchInbox() view returns (address)',
  'function startBlock() view returns (uint256)',
  'function batcherHash() view returns (bytes32)',
  'function overhead() view returns (uint256)',
  'function scalar() view returns (uint256)',
  'function gasLimit() view returns (uint64)',
  'function owner() view returns (address)',
  'function eip1559Denominator() view returns (uint32)',
  'function eip1559Elasticity() view returns (uint32)',
  'function operatorFeeScalar() view returns (uint32)',
  'function operatorFeeConstant() view returns (uint64)',
  'function minBaseFee() view returns (uint64)',
  'function daFootprintGasScalar() view returns (uint16)',
])
const portalAbi = /* @__PURE__ */ parseAbi([
  'function systemConfig() view returns (address)',
  'function superchainConfig() view returns (address)',
  'function respectedGameType() view returns (uint32)',
])
const bridgeAbi = /* @__PURE__ */ parseAbi(['function messenger() view returns (address)'])
const poolAbi = /* @__PURE__ */ parseAbi([
  'function systemConfig() view returns (address)',
  'function operator() view returns (address)',
])
const committeeAbi = /* @__PURE__ */ parseAbi(['function pool() view returns (address)'])

/**
 * Finds the contracts of a chain that is deployed already, by us or by others with contracts of the same generation, from its SystemConfig alone; all at one L1
 * block. Whether they fit a rollup's configuration says `checkSettlement`.
 *
 * @throws SettlementError `SETTLEMENT_OPTIONS_INVALID`; `SETTLEMENT_UNKNOWN` where a contract does not answer as such contracts do, or two contradict each other;
 * `L1_UNAVAILABLE`, `L1_REFUSED`
 * @example
 * ```ts no-run
 * import { openSettlement } from '@l2/settlement'
 * import { createPublicClient, http } from 'viem'
 *
 * const l1 = createPublicClient({ transport: http('http://127.0.0.1:8545') })
 * const { addresses, startBlock } = await openSettlement(
 *   { systemConfig: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8' },
 *   { l1 },
 * )
 * console.log(addresses.optimismPortal, startBlock)
 * ```
 */
export async function openSettlement(
  options: OpenSettlementOptions,
  { l1 }: { l1: SettlementClient },
): Promise<OpenedSettlement> {
  const { systemConfig, nativeTokenBridge } = checkOptions(schema, options, 'openSettlement')
  const reader = createL1Reader(l1)
  const at = await reader.head()
  const ask = async <const A extends Abi, N extends ContractFunctionName<A, 'pure' | 'view'>>(
    contract: Contract<A>,
    name: N,
    args: readonly unknown[] = [],
  ) => {
    try {
      return await reader.call(contract, name, args as never, at)
    } catch (cause) {
      // What L1 does not answer is not the contract's word; an answer of the wrong form is.
      if (isL2Error(cause) && cause.code !== 'L1_REVERTED') throw cause
      throw unknown(`${contract.address} does not answer ${name}()`, contract.address, cause)
    }
  }
  const config = { address: systemConfig, abi: systemConfigAbi } as const
  /** Of contracts that are younger than those of which most of the addresses are. */
  const younger = async (name: ContractFunctionName<typeof systemConfigAbi, 'view'>): Promise<bigint> => {
    try {
      return BigInt(await ask(config, name))
    } catch (error) {
      if (isL2Error(error, 'SETTLEMENT_UNKNOWN')) return 0n
      throw error
    }
  }

  const optimismPortal = await ask(config, 'optimismPortal')
  const portal = { address: optimismPortal, abi: portalAbi } as const
  const obeyed = await ask(portal, 'systemConfig')
  if (getAddress(obeyed) !== getAddress(systemConfig)) {
    throw unknown(`the portal ${optimismPortal} obeys another system configuration: ${obeyed}`, optimismPortal)
  }
  const [disputeGameFactory, l1CrossDomainMessenger, gameType, owner] = await Promise.all([
    ask(config, 'disputeGameFactory'),
    ask(config, 'l1CrossDomainMessenger'),
    ask(portal, 'respectedGameType'),
    ask(config, 'owner'),
  ])
  const implementation = await ask({ address: disputeGameFactory, abi: disputeGameFactoryAbi }, 'gameImpls', [gameType])
  const game = { address: implementation, abi: faultDisputeGameAbi } as const
  if (nativeTokenBridge !== undefined) {
    const served = await ask({ address: nativeTokenBridge, abi: bridgeAbi }, 'messenger')
    if (getAddress(served) !== getAddress(l1CrossDomainMessenger)) {
      throw unknown(`the bridge ${nativeTokenBridge} is of another chain's messenger: ${served}`, nativeTokenBridge)
    }
  }
  // An account has no code, and most contracts that own one have no word for what they own.
  const mute = (error: unknown): undefined => {
    if (!isL2Error(error, 'SETTLEMENT_UNKNOWN')) throw error
  }
  const owned = await ask({ address: owner, abi: poolAbi }, 'systemConfig').catch(mute)
  const isPool = owned !== undefined && getAddress(owned) === getAddress(systemConfig)
  const operator = isPool ? await ask({ address: owner, abi: poolAbi }, 'operator') : undefined
  const obeying = operator && (await ask({ address: operator, abi: committeeAbi }, 'pool').catch(mute))
  const isCommittee = obeying !== undefined && getAddress(obeying) === getAddress(owner)
  const admin = await reader.request<Hex>('eth_getStorageAt', [systemConfig, adminSlot, { blockHash: at.hash }])
  const batcherHash = await ask(config, 'batcherHash')
  return {
    addresses: {
      proxyAdmin: getAddress(slice(admin, 12, 32)),
      superchainConfig: await ask(portal, 'superchainConfig'),
      ...{ systemConfig, optimismPortal, disputeGameFactory },
      anchorStateRegistry: await ask(game, 'anchorStateRegistry'),
      delayedWeth: await ask(game, 'weth'),
      l1CrossDomainMessenger,
      l1StandardBridge: await ask(config, 'l1StandardBridge'),
      l1Erc721Bridge: await ask(config, 'l1ERC721Bridge'),
      optimismMintableErc20Factory: await ask(config, 'optimismMintableERC20Factory'),
      ...(nativeTokenBridge === undefined ? {} : { nativeTokenBridge }),
      ...(isPool ? { pool: owner } : {}),
      ...(isCommittee ? { committee: operator } : {}),
    },
    batchInbox: await ask(config, 'batchInbox'),
    startBlock: await ask(config, 'startBlock'),
    systemConfig: {
      batcher: slice(batcherHash, 12),
      overhead: await younger('overhead'),
      scalar: await ask(config, 'scalar'),
      gasLimit: await ask(config, 'gasLimit'),
      eip1559Denominator: await younger('eip1559Denominator'),
      eip1559Elasticity: await younger('eip1559Elasticity'),
      operatorFeeScalar: await younger('operatorFeeScalar'),
      operatorFeeConstant: await younger('operatorFeeConstant'),
      minBaseFee: await younger('minBaseFee'),
      daFootprintGasScalar: await younger('daFootprintGasScalar'),
    },
  }
}

function unknown(message: string, contract: Address, cause?: unknown): SettlementError {
  return new SettlementError(message, {
    code: 'SETTLEMENT_UNKNOWN',
    meta: ['try: the l1_system_config_address of the chain’s rollup.json, and the L1 it is of'],
    details: { contract },
    cause,
  })
}
