import { fail } from '../errors.js'
import { type Assets, total } from '../math/units.js'
import { applyRatePool, type RatePool } from '../rate/pool.js'
import type { Custody, FixedExits } from './custody.js'
import { besideShares } from './custody-vault.js'
import type { Liquid } from './state.js'

function poolOf(lst: Liquid): RatePool {
  return lst.core.model === 'rate'
    ? lst.core.state
    : fail('OPTION_INVALID', `preset ${lst.config.preset} is no rate pool`)
}

const withPool = (lst: Liquid, state: RatePool): Liquid => ({ ...lst, core: { model: 'rate', state } })
const withCash = (lst: Liquid, cash: bigint): Liquid =>
  withPool(lst, { ...poolOf(lst), poolCash: total<Assets>('cash', cash) })

/** Artemis: nonces, which the admin unlocks in turn as far as the cash goes. */
const nonces: FixedExits = {
  request(lst, { account, shares }) {
    const args = { type: 'request' as const, account, shares, harvestFirst: false }
    const { state, result, events } = applyRatePool(poolOf(lst), args)
    const { nonce: id, assets } = result
    return { state: withPool(lst, state), result: { ids: [id], id, assets, vested: 0n as Assets }, events }
  },
  claim(lst, { id, account }) {
    const { state, result, events } = applyRatePool(poolOf(lst), { type: 'complete', account })
    if (result.nonce !== id)
      fail('REQUEST_UNKNOWN', `the oldest open request of ${account} is ${result.nonce}, not ${id}`, { id })
    return { state: withPool(lst, state), result: result.assets, events }
  },
  waiting(lst) {
    const pool = poolOf(lst)
    let due = 0n
    for (const [, request] of pool.requests.entries(pool.nextUnlock)) due += request.assets
    return due
  },
  release(lst, budget) {
    const pool = poolOf(lst)
    let left = budget
    let upto = pool.nextUnlock
    for (const [nonce, request] of pool.requests.entries(pool.nextUnlock)) {
      if (request.assets > left) break
      left -= request.assets
      upto = nonce + 1n
    }
    return upto === pool.nextUnlock ? lst : withPool(lst, applyRatePool(pool, { type: 'unlock', upto }).state)
  },
  *list(lst) {
    const pool = poolOf(lst)
    for (const [id, { owner, assets, shares, atSeconds, done }] of pool.requests) {
      if (done) continue
      const isWaiting = id >= pool.nextUnlock
      yield {
        id,
        owner,
        assets,
        shares,
        atSeconds,
        isWaiting,
        isReady: !isWaiting && pool.nowSeconds >= atSeconds + pool.withdrawDelaySeconds,
      }
    }
  },
  figures(lst) {
    const { requests, nextUnlock, withdrawCash } = poolOf(lst)
    return { count: requests.size, released: nextUnlock, locked: withdrawCash }
  },
}

/** The rate pool keeps its cash itself; its queue is beside it. */
export const rateCustody: Custody = {
  ...besideShares,
  cash: lst => poolOf(lst).poolCash,
  setCash: withCash,
  // The pool takes what it mints for.
  deposit: lst => lst,
  toSeat: (lst, assets) => withCash(lst, poolOf(lst).poolCash - assets),
  fromSeat: (lst, assets) => withCash(lst, poolOf(lst).poolCash + assets),
  inCore(lst) {
    const { requests, withdrawCash } = poolOf(lst)
    let owed = 0n
    for (const [, request] of requests) if (!request.done) owed += request.assets
    return { setAside: withdrawCash, owed }
  },
  fixed: nonces,
}
