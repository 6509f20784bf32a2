import { type ContractActions, contractActions } from '../contract-actions.js'
import { feeSplitterAbi } from './contract.js'

/**
 * A `FeeSplitter` as a part of a viem client: `client.extend(feeSplitterActions({ address }))` has `feeSplitter.read`, `.simulate`, `.write`,
 * `.estimateGas` and `.watchEvent`, each with the contract's functions. Writing wants a client with an account.
 *
 * @example
 * ```ts
 * import { feeSplitterActions } from '@l2/contracts/fee-splitter'
 * import { createPublicClient, custom, numberToHex } from 'viem'
 *
 * // An L1 on which 100 wei wait.
 * const transport = custom({ request: async () => numberToHex(100, { size: 32 }) })
 * const client = createPublicClient({ transport }).extend(feeSplitterActions({ address: `0x${'05'.repeat(20)}` }))
 * console.log(await client.feeSplitter.read.undistributedWei()) // 100n
 * ```
 */
export const feeSplitterActions: ContractActions<'feeSplitter', typeof feeSplitterAbi> =
  /* @__PURE__ */ contractActions('feeSplitter', feeSplitterAbi)
