import { type ContractActions, contractActions } from '../contract-actions.js'
import { liquidVaultAbi } from './contract.js'
import { rateFeedAbi } from './rate-feed/contract.js'
import { rebasingTokenAbi } from './rebasing-token/contract.js'

/**
 * A `LiquidVault` as a part of a viem client: deposit, request and claim by `liquidVault.write`, rates and requests by `liquidVault.read`.
 *
 * @example
 * ```ts
 * import { liquidVaultActions } from '@l2/contracts/liquid-vault'
 * import { createPublicClient, custom, numberToHex } from 'viem'
 *
 * // A vault with 100 wei.
 * const transport = custom({ request: async () => numberToHex(100, { size: 32 }) })
 * const client = createPublicClient({ transport }).extend(liquidVaultActions({ address: `0x${'05'.repeat(20)}` }))
 * console.log(await client.liquidVault.read.totalAssets()) // 100n
 * ```
 */
export const liquidVaultActions: ContractActions<'liquidVault', typeof liquidVaultAbi> =
  /* @__PURE__ */ contractActions('liquidVault', liquidVaultAbi)

/** A `RebasingToken` as a part of a viem client: `wrap`, `unwrap` and `transferShares` beside what every ERC-20 has. */
export const rebasingTokenActions: ContractActions<'rebasingToken', typeof rebasingTokenAbi> =
  /* @__PURE__ */ contractActions('rebasingToken', rebasingTokenAbi)

/** A `RateFeed` as a part of a viem client: `getRate` and `latestRoundData`. */
export const rateFeedActions: ContractActions<'rateFeed', typeof rateFeedAbi> = /* @__PURE__ */ contractActions(
  'rateFeed',
  rateFeedAbi,
)
