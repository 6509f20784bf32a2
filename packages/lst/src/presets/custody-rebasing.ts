import { fail } from '../errors.js'
import { applyRebasing } from '../rebasing/pool.js'
import type { RebasingPool } from '../rebasing/state.js'
import type { Custody } from './custody.js'
import type { Liquid } from './state.js'

function poolOf(lst: Liquid): RebasingPool {
  return lst.core.model === 'rebasing'
    ? lst.core.state
    : fail('OPTION_INVALID', `preset ${lst.config.preset} is no rebasing pool`)
}

const withPool = (lst: Liquid, state: RebasingPool): Liquid => ({ ...lst, core: { model: 'rebasing', state } })

/** The rebasing pool has everything in itself: buffer, vaults and queue. */
export const rebasingCustody: Custody = {
  queue: lst => poolOf(lst).queue,
  cash: lst => poolOf(lst).buffer,
  setCash: (lst, buffer) => withPool(lst, { ...poolOf(lst), buffer }),
  returning: lst => poolOf(lst).returnsVault,
  pendingRewards: lst => poolOf(lst).rewardsVault,
  // The pool takes what it mints for.
  deposit: lst => lst,
  toSeat: (lst, assets) => withPool(lst, applyRebasing(poolOf(lst), { type: 'allocate', assets }).state),
  fromSeat: (lst, assets) => withPool(lst, applyRebasing(poolOf(lst), { type: 'receiveReturns', assets }).state),
  reward: (lst, assets) => withPool(lst, applyRebasing(poolOf(lst), { type: 'receiveRewards', assets }).state),
  enqueue(lst, { account, shares }) {
    const args = { type: 'requestShares' as const, account, shares, nowSeconds: lst.nowSeconds }
    const { state, result, events } = applyRebasing(poolOf(lst), args)
    return { state: withPool(lst, state), result, events }
  },
  claimQueued(lst, { id, account }) {
    const { state, result, events } = applyRebasing(poolOf(lst), { type: 'claim', id, account })
    return { state: withPool(lst, state), result, events }
  },
  inCore: () => ({ setAside: 0n, owed: 0n }),
  fixed: undefined,
}
