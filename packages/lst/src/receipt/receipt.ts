import { OrderedMap } from '@l2/common'
import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { bpsOf, mulDown } from '../math/math.js'
import { type Assets, account as checkAccount, positive, total } from '../math/units.js'
import { type Codec, codec, integer, ledger, mapOf } from '../state/codec.js'
import { type Balances, credit, debit, move, sum } from '../state/ledger.js'
import { type Apply, type LstStep, reducer, step } from '../state/reducer.js'

/** A redemption that the owner pays in whatever order. */
export type Redemption = {
  readonly owner: string
  readonly assets: Assets
  /** Taken when it is paid. */
  readonly fee: Assets
  readonly state: 'open' | 'ready' | 'claimed'
}

/**
 * A 1:1 receipt (eMETIS, stMETIS, frxETH): one unit stands for one wei, whatever the seats earn or lose. `supply + open
 * redemptions = cash + staked`. Source: ENKI EMetisMinter, Accumulated Minter, Frax frxETHMinter.
 */
export type ReceiptToken = {
  readonly supply: Assets
  readonly balances: Balances<Assets>
  /** METIS at hand, METIS sent out to be staked, METIS set aside for redemptions that are ready. */
  readonly cash: Assets
  readonly staked: Assets
  readonly ready: Assets
  readonly fees: Assets
  readonly redemptions: OrderedMap<bigint, Redemption>
  readonly depositFeeBps: bigint
  readonly redeemFeeBps: bigint
  /** Part of every deposit that is never staked, of 10^18. */
  readonly withholdE18: bigint
  readonly withheld: Assets
}

/** Options of {@link createReceipt}. */
export type ReceiptOptions = {
  /** At most 500; default 0. */
  depositFeeBps?: bigint
  /** At most 500; default 0. */
  redeemFeeBps?: bigint
  /** Default 0. */
  withholdE18?: bigint
}

/** Nothing issued. */
export function createReceipt(options: ReceiptOptions = {}): ReceiptToken {
  const { depositFeeBps = 0n, redeemFeeBps = 0n, withholdE18 = 0n } = options
  for (const bps of [depositFeeBps, redeemFeeBps])
    if (bps < 0n || bps > 500n) fail('OPTION_INVALID', `fee expected 0 … 500 bps, got ${bps}`)
  if (withholdE18 < 0n || withholdE18 > 10n ** 18n)
    fail('OPTION_INVALID', `withheld part expected 0 … 10^18, got ${withholdE18}`)
  const none = 0n as Assets
  return {
    supply: none,
    balances: OrderedMap.from(),
    cash: none,
    staked: none,
    ready: none,
    fees: none,
    redemptions: OrderedMap.from(),
    depositFeeBps,
    redeemFeeBps,
    withholdE18,
    withheld: none,
  }
}

/** Whole units of `unit` wei that can be staked: what is withheld stays. */
export function stakeable(receipt: ReceiptToken, unit: bigint): Assets {
  positive('unit', unit)
  const free = receipt.cash - receipt.withheld
  return (free > 0n ? (free / unit) * unit : 0n) as Assets
}

const operations = {
  /** METIS in, receipts out, less the fee; the odd wei of the fee is the user's. */
  submit(receipt: ReceiptToken, args: { account: string; assets: Assets }): LstStep<ReceiptToken, Assets> {
    checkAccount(args.account)
    positive('assets', args.assets)
    const fee = bpsOf(args.assets, receipt.depositFeeBps)
    const net = (args.assets - fee) as Assets
    return step(
      {
        ...receipt,
        supply: total<Assets>('supply', receipt.supply + net),
        balances: credit(receipt.balances, args.account, net),
        cash: total<Assets>('cash', receipt.cash + net),
        fees: (receipt.fees + fee) as Assets,
        withheld: (receipt.withheld + mulDown(net, receipt.withholdE18, 10n ** 18n)) as Assets,
      },
      net,
      { type: 'submitted', account: args.account, assets: net },
    )
  },
  /** Mints against METIS that arrived elsewhere, as a reward does. */
  mint(receipt: ReceiptToken, args: { account: string; assets: Assets }): LstStep<ReceiptToken, null> {
    checkAccount(args.account)
    positive('assets', args.assets)
    return step(
      {
        ...receipt,
        supply: total<Assets>('supply', receipt.supply + args.assets),
        balances: credit(receipt.balances, args.account, args.assets),
        staked: total<Assets>('staked', receipt.staked + args.assets),
      },
      null,
      { type: 'minted', account: args.account, assets: args.assets },
    )
  },
  /** Moves receipts. */
  transfer(receipt: ReceiptToken, args: { from: string; to: string; assets: Assets }): LstStep<ReceiptToken, null> {
    checkAccount(args.to)
    positive('assets', args.assets)
    return step({ ...receipt, balances: move(receipt.balances, args.from, args.to, args.assets) }, null)
  },
  /** Sends cash to be staked, never what is withheld. */
  stake(receipt: ReceiptToken, args: { assets: Assets }): LstStep<ReceiptToken, null> {
    positive('assets', args.assets)
    const most = stakeable(receipt, 1n)
    if (args.assets > most)
      fail('INSUFFICIENT_CASH', `at most ${most} wei can be staked, got ${args.assets}`, { limit: most })
    return step(
      { ...receipt, cash: (receipt.cash - args.assets) as Assets, staked: (receipt.staked + args.assets) as Assets },
      null,
    )
  },
  /** Cash back from where it was staked. */
  unstake(receipt: ReceiptToken, args: { assets: Assets }): LstStep<ReceiptToken, null> {
    positive('assets', args.assets)
    if (args.assets > receipt.staked)
      fail('TOTAL_UNDERFLOW', `${receipt.staked} wei are staked, ${args.assets} came back`, { limit: receipt.staked })
    return step(
      { ...receipt, cash: (receipt.cash + args.assets) as Assets, staked: (receipt.staked - args.assets) as Assets },
      null,
    )
  },
  /** Burns receipts for an amount fixed now, less the fee. The request is stored before anybody is told. */
  requestRedeem(
    receipt: ReceiptToken,
    args: { account: string; assets: Assets },
  ): LstStep<ReceiptToken, { id: bigint; assets: Assets }> {
    positive('assets', args.assets)
    const balances = debit(receipt.balances, args.account, args.assets)
    const fee = bpsOf(args.assets, receipt.redeemFeeBps)
    const assets = (args.assets - fee) as Assets
    const id = BigInt(receipt.redemptions.size)
    return step(
      {
        ...receipt,
        balances,
        supply: (receipt.supply - args.assets) as Assets,
        redemptions: receipt.redemptions.set(id, { owner: args.account, assets, fee: fee as Assets, state: 'open' }),
      },
      { id, assets },
      { type: 'requested', id, owner: args.account, assets },
    )
  },
  /** Sets cash aside for any open request. */
  process(receipt: ReceiptToken, args: { id: bigint }): LstStep<ReceiptToken, Assets> {
    const request = find(receipt, args.id)
    if (request.state !== 'open') fail('TICKET_CLOSED', `redemption ${args.id} is ${request.state}`, { id: args.id })
    const needed = request.assets + request.fee
    if (needed > receipt.cash)
      fail('INSUFFICIENT_CASH', `${receipt.cash} wei are at hand, ${needed} are needed`, { limit: receipt.cash })
    return step(
      {
        ...receipt,
        cash: (receipt.cash - needed) as Assets,
        fees: (receipt.fees + request.fee) as Assets,
        ready: (receipt.ready + request.assets) as Assets,
        redemptions: receipt.redemptions.set(args.id, { ...request, state: 'ready' }),
      },
      request.assets,
      { type: 'finalized', from: args.id, to: args.id, assets: request.assets },
    )
  },
  /** Pays a request that is ready, once, and reports what it paid. */
  claim(receipt: ReceiptToken, args: { id: bigint; account: string }): LstStep<ReceiptToken, Assets> {
    const request = find(receipt, args.id)
    if (request.owner !== args.account)
      fail('NOT_OWNER', `redemption ${args.id} belongs to ${request.owner}, not to ${args.account}`, { id: args.id })
    if (request.state === 'claimed')
      fail('ALREADY_CLAIMED', `redemption ${args.id} was claimed before`, { id: args.id })
    if (request.state === 'open') fail('NOT_FINALIZED', `redemption ${args.id} is not paid yet`, { id: args.id })
    return step(
      {
        ...receipt,
        ready: (receipt.ready - request.assets) as Assets,
        redemptions: receipt.redemptions.set(args.id, { ...request, state: 'claimed' }),
      },
      request.assets,
      { type: 'claimed', id: args.id, owner: args.account, assets: request.assets },
    )
  },
}

function find(receipt: ReceiptToken, id: bigint): Redemption {
  return receipt.redemptions.get(id) ?? fail('REQUEST_UNKNOWN', `there is no redemption ${id}`, { id })
}

/** The receipt as a reducer. */
export const applyReceipt: Apply<ReceiptToken, typeof operations> = /*#__PURE__*/ reducer<
  ReceiptToken,
  typeof operations
>(operations)

/** JSON of a {@link ReceiptToken}. */
export const receiptCodec: Codec<ReceiptToken> = /* @__PURE__ */ (() =>
  codec(
    z.strictObject({
      supply: integer,
      balances: ledger,
      cash: integer,
      staked: integer,
      ready: integer,
      fees: integer,
      redemptions: mapOf(
        integer,
        z.strictObject({
          owner: z.string(),
          assets: integer,
          fee: integer,
          state: z.enum(['open', 'ready', 'claimed']),
        }),
      ),
      depositFeeBps: integer,
      redeemFeeBps: integer,
      withholdE18: integer,
      withheld: integer,
    }),
    receipt => (sum(receipt.balances) === receipt.supply ? undefined : 'receipts of all accounts are not the supply'),
  ))()
