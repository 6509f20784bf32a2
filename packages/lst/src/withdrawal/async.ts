import { fail } from '../errors.js'
import { min } from '../math/math.js'
import type { Assets, Shares } from '../math/units.js'
import { claimable, requested, type WithdrawalQueue, withdrawalStatus } from './queue.js'

/** ERC-165 ids of an asynchronous vault. Source: ERC-7540, ERC-7575. */
export const asyncVaultInterfaceIds = {
  operator: '0xe3bc4e65',
  asyncDeposit: '0xce3bbe50',
  asyncRedeem: '0x620ee8e4',
  vault: '0x2f0a18c5',
  share: '0xf815c03d',
} as const

/**
 * The queue as an ERC-7540 vault sees it: a redeem request is pending, then claimable, then claimed, and its price is
 * fixed when it is finalised. `requestId` is the queue's own id, never 0.
 */
export const asyncRedeem = {
  /** Shares of a request that is still waiting. */
  pendingRedeemRequest(queue: WithdrawalQueue, id: bigint, controller: string): Shares {
    return sharesIn(queue, id, controller, 'pending')
  },
  /** Shares of a request that can be claimed. */
  claimableRedeemRequest(queue: WithdrawalQueue, id: bigint, controller: string): Shares {
    return sharesIn(queue, id, controller, 'claimable')
  },
  /** What a controller can claim now over all its requests, wei. Walks the queue. */
  maxWithdraw(queue: WithdrawalQueue, controller: string): Assets {
    let all = 0n
    for (const [id, request] of queue.requests) {
      if (id > queue.lastFinalizedId) break
      if (request.owner === controller && !request.claimed) all += claimable(queue, id)
    }
    return min(all, queue.locked) as Assets
  },
  /** The shares behind that. */
  maxRedeem(queue: WithdrawalQueue, controller: string): Shares {
    let all = 0n
    for (const [id, request] of queue.requests) {
      if (id > queue.lastFinalizedId) break
      if (request.owner === controller && !request.claimed) all += requested(queue, id).shares
    }
    return all as Shares
  },
  /** @throws LstError `ASYNC_EXIT`, always: nobody knows the price of an exit that is not finalised. */
  previewRedeem(): never {
    return fail('ASYNC_EXIT', 'an asynchronous redeem has no preview: its price is fixed when it is finalised')
  },
  /** @throws LstError `ASYNC_EXIT`, always. */
  previewWithdraw(): never {
    return fail('ASYNC_EXIT', 'an asynchronous withdrawal has no preview: its price is fixed when it is finalised')
  },
} as const

function sharesIn(queue: WithdrawalQueue, id: bigint, controller: string, status: 'pending' | 'claimable'): Shares {
  const request = queue.requests.get(id)
  if (request === undefined || request.owner !== controller || withdrawalStatus(queue, id) !== status)
    return 0n as Shares
  return requested(queue, id).shares
}
