import type { Address, Hash } from 'viem'
import { SequencerError } from '../errors.js'
import type { PooledTransaction } from '../mempool/types.js'
import type { Transaction } from '../transaction/types.js'
import { isUsable } from './head-ordering.js'
import type { BlockOrdering, OrderedBlock, OrderingEvidence, OrderingPolicy, Violation } from './policy.js'
import { violation } from './universal.js'

/** A trade against one pool: buying pays the quote asset and raises the price of the base asset, selling lowers it. */
export type Trade = { readonly side: 'buy' | 'sell'; readonly amountIn: bigint }

/** What a pool holds. */
export type Reserves = { readonly base: bigint; readonly quote: bigint }

/** Parameters of {@link greedySequencing}: the pool whose trades it orders. */
export type GreedyParameters = {
  /** The trade that a transaction makes in the pool; `undefined` for all that have nothing to do with it. */
  tradeOf: (transaction: Transaction) => Trade | undefined
  /** Reserves at the beginning of a block. */
  reservesAt: (height: bigint) => Reserves
  /** What a trade makes of the reserves. Default: {@link constantProduct} with 30 basis points. */
  apply?: ((reserves: Reserves, trade: Trade) => Reserves) | undefined
}

/** What the judge of {@link greedySequencing} wants to know. */
export type GreedyEvidence = OrderingEvidence & {
  /** Transactions of the block that were reverted: they moved no price. */
  readonly reverted?: ReadonlySet<Hash> | undefined
}

/** A pool that keeps base × quote: Uniswap v2. The output is rounded down, as the contract does. */
export function constantProduct(feeBps: number): (reserves: Reserves, trade: Trade) => Reserves {
  const keep = BigInt(10_000 - feeBps)
  return ({ base, quote }, { side, amountIn }) => {
    const effective = amountIn * keep
    if (side === 'buy')
      return { quote: quote + amountIn, base: base - (base * effective) / (quote * 10_000n + effective) }
    return { base: base + amountIn, quote: quote - (quote * effective) / (base * 10_000n + effective) }
  }
}

/** Which side the rule asks for next: only what brings the price back to where it began. */
function sideFor(start: Reserves, now: Reserves): 'buy' | 'sell' | 'either' {
  const before = start.quote * now.base
  const after = now.quote * start.base
  if (after > before) return 'sell'
  if (after < before) return 'buy'
  return 'either'
}

/**
 * The greedy sequencing rule for one pool: while trades of both sides are left, a price above the block's first asks for a sale, one below for a
 * purchase, and at the first price either will do; once one side is used up, any order goes. A user's trade then gets at least what it would have
 * got alone, or the producer has no riskless gain from it: a sandwich does not pay. It does not end all gains (several pools together are out
 * of its reach), and a sender gets one trade a block.
 *
 * Everything else in the block goes before the trades, in the order of arrival. The judge (`greedy/side`) is linear in the block.
 *
 * Source: Ferreira and Parkes, "Credible decentralized exchange design via verifiable sequencing rules".
 */
export function greedySequencing(parameters: GreedyParameters): OrderingPolicy<GreedyEvidence> {
  const apply = parameters.apply ?? constantProduct(30)
  const { tradeOf, reservesAt } = parameters
  return {
    name: 'greedy-sequencing',
    admit: (_, { nowMs }) => ({ readyAtMs: nowMs }),
    open(block): BlockOrdering {
      const start = reservesAt(block.height)
      let reserves = start
      /** Entries of each sender up to its first trade, and what is behind it up to the next. */
      const others: PooledTransaction[][] = []
      const trades: { entry: PooledTransaction; trade: Trade; behind: PooledTransaction[] }[] = []
      for (const { entries } of block.pool.pendingBySender()) {
        const end = entries.findIndex(entry => !isUsable(entry, block) || entry.readyAtMs > block.nowMs)
        const usable = end < 0 ? entries : entries.slice(0, end)
        const at = usable.findIndex(entry => tradeOf(entry.transaction) !== undefined)
        const before = at < 0 ? [...usable] : usable.slice(0, at)
        const entry = at < 0 ? undefined : usable[at]
        const rest = at < 0 ? [] : usable.slice(at + 1)
        const next = rest.findIndex(each => tradeOf(each.transaction) !== undefined)
        if (before.length > 0) others.push(before)
        if (entry !== undefined)
          trades.push({ entry, trade: tradeOf(entry.transaction)!, behind: next < 0 ? rest : rest.slice(0, next) })
      }
      const byArrival = (a: PooledTransaction, b: PooledTransaction): number => a.arrival - b.arrival
      // A sender's own follow one another; the senders by the arrival of their first.
      const first = others.sort((a, b) => byArrival(a[0]!, b[0]!)).flat()
      trades.sort((a, b) => byArrival(a.entry, b.entry))
      const last: PooledTransaction[] = []
      const out = new Set<Address>()
      let taken: { entry: PooledTransaction; trade: Trade | undefined; behind: PooledTransaction[] } | undefined

      const nextTrade = () => {
        while (trades.length > 0 && out.has(trades[0]!.entry.transaction.sender)) trades.shift()
        const wanted = sideFor(start, reserves)
        const at = trades.findIndex(
          each => (wanted === 'either' || each.trade.side === wanted) && !out.has(each.entry.transaction.sender),
        )
        // Nobody of the wanted side is left: the rule has no more to say.
        return trades.splice(Math.max(at, 0), 1)[0]
      }
      const pick = () => {
        for (let entry = first.shift(); entry !== undefined; entry = first.shift())
          if (!out.has(entry.transaction.sender)) return { entry, trade: undefined, behind: [] }
        const trade = nextTrade()
        if (trade !== undefined) return trade
        for (let entry = last.shift(); entry !== undefined; entry = last.shift())
          if (!out.has(entry.transaction.sender)) return { entry, trade: undefined, behind: [] }
        return undefined
      }
      return {
        next(view) {
          for (;;) {
            taken = pick()
            if (taken === undefined) return { type: 'done' }
            const { transaction, mayRevert } = taken.entry
            // A reverted trade would leave the price elsewhere than the rule thinks.
            if (transaction.gasLimit <= view.gasLeft && transaction.raw.length <= view.bytesLeft)
              return { type: 'take', entries: [taken.entry], atomic: taken.trade !== undefined || !mayRevert }
            out.add(transaction.sender)
          }
        },
        settle(outcome) {
          if (taken === undefined) throw new SequencerError('settle() without a step', { code: 'POLICY_MISUSE' })
          const { entry, trade, behind } = taken
          taken = undefined
          if (outcome !== 'included') {
            out.add(entry.transaction.sender)
            return
          }
          if (trade !== undefined) reserves = apply(reserves, trade)
          last.push(...behind)
        },
      }
    },
    verify: (block, evidence) => checkSides(block, evidence, parameters, apply),
  }
}

function checkSides(
  block: OrderedBlock,
  evidence: GreedyEvidence,
  parameters: GreedyParameters,
  apply: (reserves: Reserves, trade: Trade) => Reserves,
): Violation[] {
  const trades = block.transactions.flatMap((transaction, index) => {
    const trade = evidence.reverted?.has(transaction.hash) === true ? undefined : parameters.tradeOf(transaction)
    return trade === undefined ? [] : [{ index, hash: transaction.hash, trade }]
  })
  const left = { buy: 0, sell: 0 }
  for (const { trade } of trades) left[trade.side]++
  const violations: Violation[] = []
  const start = parameters.reservesAt(block.height)
  let reserves = start
  for (const { index, hash, trade } of trades) {
    const wanted = sideFor(start, reserves)
    if (left.buy > 0 && left.sell > 0 && wanted !== 'either' && trade.side !== wanted)
      violations.push(
        violation(
          'greedy/side',
          index,
          hash,
          `a ${trade.side} where the price asks for a ${wanted}, of which ${left[wanted]} were left`,
        ),
      )
    left[trade.side]--
    reserves = apply(reserves, trade)
  }
  return violations
}
