import { type ContractActions, contractActions } from '../contract-actions.js'
import { sequencerPoolAbi } from './contract.js'

/**
 * A `SequencerPool` as a part of a viem client: `client.extend(sequencerPoolActions({ address }))` has `sequencerPool.read`, `.simulate`,
 * `.write`, `.estimateGas` and `.watchEvent`, each with the contract's functions. Writing wants a client with an account.
 *
 * @example
 * ```ts
 * import { sequencerPoolActions } from '@l2/contracts/sequencer-pool'
 * import { createPublicClient, custom, numberToHex } from 'viem'
 *
 * // An L1 on which the pool is in its seventh epoch.
 * const transport = custom({ request: async () => numberToHex(7, { size: 32 }) })
 * const client = createPublicClient({ transport }).extend(sequencerPoolActions({ address: `0x${'05'.repeat(20)}` }))
 * console.log(await client.sequencerPool.read.epoch()) // 7n
 * ```
 */
export const sequencerPoolActions: ContractActions<'sequencerPool', typeof sequencerPoolAbi> =
  /* @__PURE__ */ contractActions('sequencerPool', sequencerPoolAbi)
