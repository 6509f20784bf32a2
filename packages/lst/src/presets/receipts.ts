import { fail } from '../errors.js'
import { type Assets, positive, type Shares, total } from '../math/units.js'
import { balanceOf, credit, debit, move } from '../state/ledger.js'
import { type LstStep, step } from '../state/reducer.js'
import { applyTickets } from '../withdrawal/tickets.js'
import { coreMint } from './core.js'
import { leaveVault } from './custody-vault.js'
import { type Liquid, own } from './state.js'

/**
 * The 1:1 receipt under the vault (eMETIS under seMETIS): one wei each, whatever the seats do. Every METIS is staked,
 * and what all of them earn goes to those who put their receipts into the vault: the fewer they are, the more each
 * earns. Source: ENKI EMetisMinter, SeMetis.
 */
function offered(lst: Liquid): void {
  if (!lst.config.receipts)
    fail(
      'OPTION_INVALID',
      `preset ${lst.config.preset}, profile ${lst.config.profile} has no receipts: a token that is always 1:1 has no place to carry a loss`,
    )
}

/** Receipts that an account holds outside the vault. */
export function receiptsOf(lst: Liquid, account: string): Assets {
  return balanceOf(lst.receipts, account)
}

/** METIS in, receipts out. */
export function mintReceipt(lst: Liquid, args: { account: string; assets: Assets }): LstStep<Liquid, Assets> {
  offered(lst)
  positive('assets', args.assets)
  const { account, assets } = args
  return step(
    {
      ...lst,
      receipts: credit(lst.receipts, account, assets),
      receiptSupply: total<Assets>('receiptSupply', lst.receiptSupply + assets),
      buffer: total<Assets>('buffer', lst.buffer + assets),
      totals: { ...lst.totals, deposited: total<Assets>('deposited', lst.totals.deposited + assets) },
    },
    assets,
    { type: 'minted', account, assets },
  )
}

/** Moves receipts. */
export function transferReceipt(
  lst: Liquid,
  args: { from: string; to: string; assets: Assets },
): LstStep<Liquid, null> {
  offered(lst)
  own(args.from)
  own(args.to)
  positive('assets', args.assets)
  return step({ ...lst, receipts: move(lst.receipts, args.from, args.to, args.assets) }, null, {
    type: 'receiptTransferred',
    from: args.from,
    to: args.to,
    assets: args.assets,
  })
}

/** Receipts into the vault. */
export function stakeReceipt(
  lst: Liquid,
  args: { account: string; assets: Assets; minShares?: Shares | undefined },
): LstStep<Liquid, Shares> {
  offered(lst)
  positive('assets', args.assets)
  const receipts = debit(lst.receipts, args.account, args.assets)
  const { core, shares } = coreMint(lst.core, args.account, args.assets, args.minShares)
  return step({ ...lst, core, receipts, receiptSupply: (lst.receiptSupply - args.assets) as Assets }, shares, {
    type: 'submitted',
    account: args.account,
    assets: args.assets,
    shares,
  })
}

/** Receipts out of the vault, less what vests. */
export function unstakeReceipt(lst: Liquid, args: { account: string; shares: Shares }): LstStep<Liquid, Assets> {
  offered(lst)
  positive('shares', args.shares)
  const { state, result, events } = leaveVault(lst, args)
  return {
    state: {
      ...state,
      receipts: credit(state.receipts, args.account, result.paid),
      receiptSupply: total<Assets>('receiptSupply', state.receiptSupply + result.paid),
    },
    result: result.paid,
    events,
  }
}

/** A ticket for receipts: METIS when it is mature. The result is its id. */
export function redeemReceipt(lst: Liquid, args: { account: string; assets: Assets }): LstStep<Liquid, bigint> {
  offered(lst)
  positive('assets', args.assets)
  const receipts = debit(lst.receipts, args.account, args.assets)
  const { state, result, events } = applyTickets(lst.tickets, {
    type: 'enter',
    account: args.account,
    assets: args.assets,
  })
  return {
    state: { ...lst, receipts, receiptSupply: (lst.receiptSupply - args.assets) as Assets, tickets: state },
    result: result.id,
    events,
  }
}
