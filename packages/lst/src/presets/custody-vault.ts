import { fail } from '../errors.js'
import { min } from '../math/math.js'
import { type Assets, type Shares, total } from '../math/units.js'
import { queueAccount } from '../rebasing/state.js'
import type { LstStep } from '../state/reducer.js'
import { applyCycleVault } from '../vault/cycle.js'
import { applyInstantVault } from '../vault/instant.js'
import { applyVesting } from '../vault/vesting.js'
import { applyQueue } from '../withdrawal/queue.js'
import { applyTickets } from '../withdrawal/tickets.js'
import { coreMove } from './core.js'
import type { Custody, FixedExits } from './custody.js'
import type { Liquid } from './state.js'

/** What every model has whose wei and queue are beside its shares. */
export const besideShares = {
  queue: lst => lst.queue,
  returning: () => 0n as Assets,
  pendingRewards: lst => lst.rewardsVault,
  reward: (lst, assets) => ({ ...lst, rewardsVault: total<Assets>('rewardsVault', lst.rewardsVault + assets) }),
  enqueue(lst, { account, shares, assets }) {
    const core = coreMove(lst.core, account, queueAccount, shares)
    const args = { type: 'enqueue' as const, owner: account, assets, shares, nowSeconds: lst.nowSeconds }
    const { state, result, events } = applyQueue(lst.queue, args)
    return { state: { ...lst, core, queue: state }, result, events }
  },
  claimQueued(lst, { id, account }) {
    const { state, result, events } = applyQueue(lst.queue, { type: 'claim', id, account })
    return { state: { ...lst, queue: state }, result, events }
  },
} satisfies Partial<Custody>

/** Burns vault shares; the result is what comes out at once and what vests. */
export function leaveVault(
  lst: Liquid,
  args: { account: string; shares: Shares },
): LstStep<Liquid, { paid: Assets; vested: Assets }> {
  const { core } = lst
  const redemption = { type: 'redeem' as const, owner: args.account, shares: args.shares }
  if (core.model === 'instant') {
    const { state, result, events } = applyInstantVault(core.state, redemption)
    const { paid, vested } = result
    const vesting =
      vested === 0n
        ? lst.vesting
        : applyVesting(lst.vesting, { type: 'deposit', account: args.account, assets: vested }).state
    return { state: { ...lst, core: { ...core, state }, vesting }, result: { paid, vested }, events }
  }
  if (core.model === 'cycle') {
    const { state, result, events } = applyCycleVault(core.state, redemption)
    return { state: { ...lst, core: { ...core, state } }, result: { paid: result, vested: 0n as Assets }, events }
  }
  return fail('OPTION_INVALID', `preset ${lst.config.preset} has no vault`)
}

/** Tickets: the amount is fixed, the time too, and the buffer pays. */
const tickets: FixedExits = {
  request(lst, args) {
    const left = leaveVault(lst, args)
    const { paid, vested } = left.result
    const entered = applyTickets(left.state.tickets, { type: 'enter', account: args.account, assets: paid })
    const { id, assets } = entered.result
    return {
      state: { ...left.state, tickets: entered.state },
      result: { ids: [id], id, assets, vested },
      events: [...left.events, ...entered.events],
    }
  },
  claim(lst, { id, account }) {
    const ticket = lst.tickets.tickets.get(id)
    if (ticket !== undefined && ticket.owner !== account)
      fail('NOT_OWNER', `ticket ${id} belongs to ${ticket.owner}, not to ${account}`, { id })
    const missing =
      ticket === undefined || ticket.state !== 'open' ? 0n : ticket.assets - min(ticket.assets, lst.tickets.cash)
    const funding = min(missing, lst.buffer) as Assets
    const funded = funding === 0n ? lst.tickets : applyTickets(lst.tickets, { type: 'fund', assets: funding }).state
    const { state, result, events } = applyTickets(funded, { type: 'redeem', id })
    return { state: { ...lst, tickets: state, buffer: (lst.buffer - funding) as Assets }, result, events }
  },
  waiting: lst => (lst.tickets.owed > lst.tickets.cash ? lst.tickets.owed - lst.tickets.cash : 0n),
  release: lst => lst,
  *list({ tickets: { tickets: all, nowSeconds, lengthSeconds, cash }, buffer }) {
    for (const [id, { owner, assets, matureAtSeconds, state }] of all) {
      if (state !== 'open') continue
      const isReady = nowSeconds >= matureAtSeconds && assets <= cash + buffer
      yield {
        id,
        owner,
        assets,
        shares: 0n as Shares,
        atSeconds: matureAtSeconds - lengthSeconds,
        isReady,
        isWaiting: true,
      }
    }
  },
  figures: lst => ({ count: lst.tickets.tickets.size, released: 0n, locked: lst.tickets.cash }),
}

/** The instant and the cycle vault: a buffer beside the shares. */
export const vaultCustody: Custody = {
  ...besideShares,
  cash: lst => lst.buffer,
  setCash: (lst, buffer) => ({ ...lst, buffer }),
  deposit: (lst, assets) => ({ ...lst, buffer: total<Assets>('buffer', lst.buffer + assets) }),
  toSeat: (lst, assets) => ({ ...lst, buffer: total<Assets>('cash', lst.buffer - assets) }),
  fromSeat: (lst, assets) => ({ ...lst, buffer: total<Assets>('cash', lst.buffer + assets) }),
  inCore: () => ({ setAside: 0n, owed: 0n }),
  fixed: tickets,
}
