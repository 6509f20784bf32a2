import type { Address, Chain } from 'viem'
import { defineChain } from 'viem'
import { chainConfig } from 'viem/op-stack'
import type { SettlementAddresses } from '../deploy/deploy.js'

/** Options of {@link settlementChain}. */
export type SettlementChainOptions = {
  l1ChainId: number
  l2ChainId: number
  name: string
  /** Of the L2. */
  rpcUrl: string
  addresses: Pick<SettlementAddresses, 'optimismPortal' | 'disputeGameFactory' | 'l1StandardBridge'>
  /** What pays for gas. Defaults to ether. */
  nativeCurrency?: { name: string; symbol: string } | undefined
}

/** A contract on L1, by the L1's chain id. */
export type ContractOnL1 = { readonly [l1ChainId: number]: { readonly address: Address } }

/** What {@link settlementChain} makes. Written out: what a compiler infers of viem's chains names parts of viem that it does not export. */
export type SettlementChain = Chain<(typeof chainConfig)['formatters']> & {
  sourceId: number
  serializers: (typeof chainConfig)['serializers']
  contracts: (typeof chainConfig)['contracts'] & {
    multicall3: { address: Address }
    portal: ContractOnL1
    disputeGameFactory: ContractOnL1
    l1StandardBridge: ContractOnL1
  }
}

/** Where every OP chain has it. */
const multicall3: Address = '0xca11bde05977b3631167028862be2a173976ca11'

/**
 * The rollup as a chain of viem, for its actions of `viem/op-stack`: deposits, proofs and finalisations find the contracts by it.
 *
 * @example
 * ```ts
 * import { settlementChain } from '@l2/settlement'
 *
 * const [optimismPortal, disputeGameFactory, l1StandardBridge] = ['0x01', '0x02', '0x03'].map(
 *   byte => `0x${byte.slice(2).repeat(20)}` as const,
 * ) as [`0x${string}`, `0x${string}`, `0x${string}`]
 * const chain = settlementChain({
 *   ...{ l1ChainId: 900, l2ChainId: 901, name: 'mine', rpcUrl: 'http://127.0.0.1:9545' },
 *   addresses: { optimismPortal, disputeGameFactory, l1StandardBridge },
 * })
 * console.log(chain.contracts.portal[900]!.address) // 0x0101010101010101010101010101010101010101
 * ```
 */
export function settlementChain(options: SettlementChainOptions): SettlementChain {
  const { l1ChainId, l2ChainId, name, rpcUrl, addresses } = options
  const on = (address: Address): ContractOnL1 => ({ [l1ChainId]: { address } })
  return defineChain({
    ...chainConfig,
    id: l2ChainId,
    sourceId: l1ChainId,
    name,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', ...options.nativeCurrency, decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
    contracts: {
      ...chainConfig.contracts,
      multicall3: { address: multicall3 },
      portal: on(addresses.optimismPortal),
      disputeGameFactory: on(addresses.disputeGameFactory),
      l1StandardBridge: on(addresses.l1StandardBridge),
    },
  })
}
