import type { CallingClient } from '@l2/common/contract'
import { type Account, type Hash, publicActions, walletActions } from 'viem'
import { refuse } from '../errors.js'
import {
  type BridgeOptions,
  type MetisCall,
  type PreparedMetisCall,
  prepareMetis,
  sendMetis,
  simulateMetis,
} from '../metis/calls.js'
import type { MetisDeployment } from '../metis/deployments.js'
import type { MetisClient } from '../metis/reads.js'

/** Metis' locking contracts on a client; see {@link metisActions}. */
export type MetisActions = {
  /** What is sent for a call, for whoever signs elsewhere. */
  prepare(call: MetisCall, options?: BridgeOptions): PreparedMetisCall
  /** Runs the call without sending it. @throws StakingError `METIS_REVERT`, `INPUT_INVALID` */
  simulate(call: MetisCall, options?: BridgeOptions): Promise<PreparedMetisCall>
  /** Simulates, then signs and sends. @throws StakingError `METIS_REVERT`, `INPUT_INVALID` */
  send(call: MetisCall, options?: BridgeOptions): Promise<Hash>
}

/**
 * Metis' live LockingPool and LockingInfo as a part of a viem client: `client.extend(metisActions({ deployment: metisDeployments.mainnet }))`. Stake is
 * approved to `lockingInfo`, not to the pool.
 *
 * @example
 * ```ts
 * import { metisDeployments } from '@l2/staking/metis'
 * import { metisActions } from '@l2/staking/viem'
 * import { createWalletClient, custom } from 'viem'
 *
 * const transport = custom({ request: async () => '0x' })
 * const client = createWalletClient({ transport }).extend(metisActions({ deployment: metisDeployments.mainnet }))
 * const { to, value } = client.metis.prepare({ type: 'unlock', id: 4 })
 * console.log(to, value) // 0xD54c868362C2098E0E46F12E7D924C6A332952Dd 0n
 * ```
 */
export function metisActions({
  deployment,
}: {
  readonly deployment: MetisDeployment
}): (client: CallingClient) => { readonly metis: MetisActions } {
  return client => {
    // viem's own types of a client with a set account differ by it alone.
    const reading = client.extend(publicActions) as unknown as MetisClient
    const accountOf = (): Account =>
      client.account ?? refuse('INPUT_INVALID', 'a call of Metis’ contracts wants a client with an account')
    return {
      metis: {
        prepare: (call, options = {}) => prepareMetis(deployment, call, options),
        simulate: async (call, options = {}) =>
          simulateMetis(reading, { ...options, deployment, call, account: accountOf().address }),
        send: async (call, options = {}) => {
          accountOf()
          const walletClient = client.extend(walletActions) as never
          return sendMetis({ publicClient: reading, walletClient }, { ...options, deployment, call })
        },
      },
    }
  }
}
