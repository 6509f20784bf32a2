import { type Address, encodeDeployData, type Hex, zeroAddress } from 'viem'
import { feeSplitterAbi, feeSplitterBytecode } from './contract.js'

/** Who gets a share, in the order in which the contract's arrays have them; that of `Party` in `@l2/sequencer-core/economics`. */
export const feeParties = ['sequencer', 'stakers', 'lst', 'treasury', 'publicGoods', 'burn', 'users'] as const
/** One of {@link feeParties}. */
export type FeeParty = (typeof feeParties)[number]

/** How a splitter shares, as `setSplit` takes it. */
export type FeeSplit = {
  /** In basis points; they add up to 10,000. A party left out has none. */
  readonly split: Readonly<Partial<Record<FeeParty, number>>>
  /** Where shares go. `users` has no receiver, and `burn` is the contract's own. */
  readonly receivers: Readonly<Partial<Record<Exclude<FeeParty, 'users' | 'burn'>, Address>>>
  /** Who gets what rounding down leaves. */
  readonly remainderTo: FeeParty
}

/** What a splitter is made with. */
export type FeeSplitterOptions = FeeSplit & {
  /** The ERC-20 that is shared. Default: ether. */
  readonly asset?: Address | undefined
  /** Sets shares and opens rebates: a multisig, a timelock or the operators' committee. */
  readonly governor: Address
  /** How long a rebate can be claimed, in seconds. */
  readonly claimWindowSeconds: bigint
}

/** A value for each party, in the order of {@link feeParties}. */
export type OfParties<T> = readonly [T, T, T, T, T, T, T]

/** The arguments of the contract's `setSplit`. */
export function setSplitArgs({
  split,
  receivers,
  remainderTo,
}: FeeSplit): [OfParties<number>, OfParties<Address>, number] {
  const to: Readonly<Partial<Record<FeeParty, Address>>> = receivers
  return [
    feeParties.map(party => split[party] ?? 0) as unknown as OfParties<number>,
    feeParties.map(party => to[party] ?? zeroAddress) as unknown as OfParties<Address>,
    feeParties.indexOf(remainderTo),
  ]
}

/**
 * What a transaction without receiver deploys a splitter with. The contract checks shares and receivers.
 *
 * @example
 * ```ts
 * import { feeSplitterDeployment } from '@l2/contracts/fee-splitter'
 *
 * const treasury = `0x${'7e'.repeat(20)}` as const
 * // All gas fees back to the users, as ZKFair does.
 * const data = feeSplitterDeployment({
 *   split: { users: 10_000 },
 *   receivers: {},
 *   remainderTo: 'users',
 *   governor: treasury,
 *   claimWindowSeconds: 7_776_000n,
 * })
 * console.log(data.length > 10_000) // true
 * ```
 */
export function feeSplitterDeployment(options: FeeSplitterOptions): Hex {
  const { asset = zeroAddress, governor, claimWindowSeconds } = options
  return encodeDeployData({
    abi: feeSplitterAbi,
    bytecode: feeSplitterBytecode,
    args: [asset, governor, claimWindowSeconds, ...setSplitArgs(options)],
  })
}
