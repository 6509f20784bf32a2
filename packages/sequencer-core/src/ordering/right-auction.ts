import { readSchema } from '@l2/common/schema'
import { type Address, encodeAbiParameters, type Hash, type Hex, keccak256 } from 'viem'
import * as z from 'zod/mini'
import { SequencerError } from '../errors.js'
import { skippedHeads } from './arrivals.js'
import type { OrderingEvidence, OrderingPolicy } from './policy.js'
import { violation } from './universal.js'

/** How the proceeds of an auction are divided, in basis points; together 10 000. */
export type RevenueSplit = {
  readonly stakersBps: number
  readonly treasuryBps: number
  readonly publicGoodsBps: number
  readonly burnBps: number
}

/** Parameters of {@link createRightAuction}. */
export type RightAuctionParameters = {
  /** How long commitments are taken for an epoch, milliseconds from the auction's opening. Default 600 000. */
  commitMs: number
  /** How long bids are revealed afterwards, milliseconds. Default 300 000. */
  revealMs: number
  /** What every bidder deposits, wei: the same for all, so that it tells nothing, and so the largest possible bid. Default 10^19. */
  depositWei: bigint
  /** The smallest price, wei. Default 0. */
  reserveWei: bigint
  /** Whether the winner pays its own bid or the second. Default `second`. */
  price: 'first' | 'second'
  /** Default 50 % stakers, 20 % treasury, 20 % public goods, 10 % burnt. */
  split: RevenueSplit
}

/** The defaults of {@link RightAuctionParameters}. */
export const defaultRightAuctionParameters: RightAuctionParameters = {
  commitMs: 600_000,
  revealMs: 300_000,
  depositWei: 10n ** 19n,
  reserveWei: 0n,
  price: 'second',
  split: { stakersBps: 5_000, treasuryBps: 2_000, publicGoodsBps: 2_000, burnBps: 1_000 },
}

const bps = /* @__PURE__ */ (() => z.int().check(z.minimum(0), z.maximum(10_000)))()
const schema = /* @__PURE__ */ (() =>
  z
    .strictObject({
      commitMs: z.number().check(z.positive()),
      revealMs: z.number().check(z.positive()),
      depositWei: z.bigint().check(z.positive()),
      reserveWei: z.bigint().check(z.nonnegative()),
      price: z.enum(['first', 'second']),
      split: z.strictObject({ stakersBps: bps, treasuryBps: bps, publicGoodsBps: bps, burnBps: bps }),
    })
    .check(
      z.refine(
        ({ split }) => split.stakersBps + split.treasuryBps + split.publicGoodsBps + split.burnBps === 10_000,
        'the split does not add up to 10 000 basis points',
      ),
      z.refine(({ reserveWei, depositWei }) => reserveWei <= depositWei, 'the reserve is above the deposit'),
    ))()

/** Who bids what for which epoch; secret until it is revealed. */
export type RightBid = {
  readonly bidder: Address
  readonly amountWei: bigint
  /** 32 random bytes: without them the amount could be guessed from the commitment. */
  readonly salt: Hash
}

/** Proceeds by receiver; they add up to the price to the wei. */
export type RevenueShares = {
  readonly stakersWei: bigint
  /** With what rounding leaves. */
  readonly treasuryWei: bigint
  readonly publicGoodsWei: bigint
  readonly burnWei: bigint
}

/** How an epoch was sold. */
export type RightSettlement = {
  readonly epoch: bigint
  /** `undefined`: unsold; the elected sequencer keeps the epoch. */
  readonly winner: Address | undefined
  readonly priceWei: bigint
  readonly shares: RevenueShares
  /** What each bidder gets back from its deposit. */
  readonly refunds: ReadonlyMap<Address, bigint>
  /** Deposits of those who committed and did not reveal; shared like a price. */
  readonly forfeitedWei: bigint
}

/**
 * keccak-256 of the ABI encoding of chain, contract, epoch, bidder, amount and salt: bound to all of them, so that it can be used neither by
 * somebody else nor elsewhere.
 */
export function hashRightBid(bid: RightBid, at: { chainId: bigint; contract: Address; epoch: bigint }): Hash {
  return keccak256(
    encodeAbiParameters(
      [
        { type: 'uint256' },
        { type: 'address' },
        { type: 'uint64' },
        { type: 'address' },
        { type: 'uint256' },
        { type: 'bytes32' },
      ],
      [at.chainId, at.contract, at.epoch, bid.bidder, bid.amountWei, bid.salt as Hex],
    ),
  )
}

/** Divides a price: every part rounded down, the rest to the treasury. */
export function splitRevenue(priceWei: bigint, split: RevenueSplit): RevenueShares {
  const of = (part: number): bigint => (priceWei * BigInt(part)) / 10_000n
  const [stakersWei, publicGoodsWei, burnWei] = [of(split.stakersBps), of(split.publicGoodsBps), of(split.burnBps)]
  return { stakersWei, publicGoodsWei, burnWei, treasuryWei: priceWei - stakersWei - publicGoodsWei - burnWei }
}

/** The auction of one epoch's right to sequence: a state machine that is told the time. Every call that throws has changed nothing. */
export interface RightAuction {
  readonly parameters: RightAuctionParameters
  /** Comes with {@link RightAuctionParameters.depositWei}. @throws SequencerError `AUCTION_PHASE`, `BID_INVALID` */
  commit(bidder: Address, commitment: Hash, nowMs: number): void
  /** @throws SequencerError `AUCTION_PHASE`, `BID_INVALID` */
  reveal(bid: RightBid, nowMs: number): void
  /** Once, after the reveal phase. @throws SequencerError `AUCTION_PHASE` */
  settle(nowMs: number): RightSettlement
}

/**
 * Opens the auction of an epoch.
 *
 * @throws SequencerError `POLICY_PARAMETERS`
 *
 * @example
 * ```ts
 * import { createRightAuction, hashRightBid } from '@l2/sequencer-core/ordering'
 *
 * const at = { chainId: 1n, contract: `0x${'aa'.repeat(20)}`, epoch: 7n } as const
 * const auction = createRightAuction({ ...at, openedAtMs: 0, depositWei: 1_000n })
 * const bids = [300n, 500n].map((amountWei, i) => ({ bidder: `0x${`0${i}`.repeat(20)}`, salt: `0x${'55'.repeat(32)}`, amountWei }) as const)
 * for (const bid of bids) auction.commit(bid.bidder, hashRightBid(bid, at), 0)
 * for (const bid of bids) auction.reveal(bid, 600_000)
 * const { winner, priceWei, refunds } = auction.settle(900_000)
 * console.log(winner === bids[1]!.bidder, priceWei, [...refunds.values()]) // true 300n [ 1000n, 700n ]
 * ```
 */
export function createRightAuction(
  options: Partial<RightAuctionParameters> & {
    chainId: bigint
    contract: Address
    epoch: bigint
    /** Milliseconds since the Unix epoch. */
    openedAtMs: number
  },
): RightAuction {
  const { chainId, contract, epoch, openedAtMs, ...rest } = options
  const result = readSchema(schema, { ...defaultRightAuctionParameters, ...rest })
  if (!result.ok)
    throw new SequencerError('auction parameters are wrong', {
      code: 'POLICY_PARAMETERS',
      meta: result.issues,
    })
  const parameters: RightAuctionParameters = result.value
  const { depositWei, reserveWei, price, split } = parameters
  const commitments = new Map<Address, Hash>()
  const revealed = new Map<Address, RightBid>()
  const revealAtMs = openedAtMs + parameters.commitMs
  const settleAtMs = revealAtMs + parameters.revealMs
  let isSettled = false
  const keyOf = (address: Address): Address => address.toLowerCase() as Address
  const phase = (isRight: boolean, message: string): void => {
    if (!isRight) throw new SequencerError(message, { code: 'AUCTION_PHASE', details: { epoch } })
  }
  const require = (isRight: boolean, message: string): void => {
    if (!isRight) throw new SequencerError(message, { code: 'BID_INVALID', details: { epoch } })
  }
  return {
    parameters,
    commit(bidder, commitment, nowMs) {
      phase(nowMs >= openedAtMs && nowMs < revealAtMs, `commitments are taken from ${openedAtMs} to ${revealAtMs}`)
      require(!commitments.has(keyOf(bidder)), `${bidder} has committed to a bid`)
      // Copying somebody's commitment gains nothing, since it names its bidder, but would cost its victim nothing to forbid either.
      require(![...commitments.values()].includes(commitment), 'this commitment is taken')
      commitments.set(keyOf(bidder), commitment)
    },
    reveal(bid, nowMs) {
      phase(nowMs >= revealAtMs && nowMs < settleAtMs, `bids are revealed from ${revealAtMs} to ${settleAtMs}`)
      const bidder = keyOf(bid.bidder)
      require(!revealed.has(bidder), `${bid.bidder} has revealed its bid`)
      const commitment = commitments.get(bidder)
      require(commitment !== undefined &&
        commitment ===
          hashRightBid({ ...bid, bidder }, { chainId, contract, epoch }), 'the bid is not what was committed to')
      require(bid.amountWei <= depositWei, `bid of ${bid.amountWei} wei, deposit ${depositWei}`)
      revealed.set(bidder, { ...bid, bidder })
    },
    settle(nowMs) {
      phase(
        nowMs >= settleAtMs && !isSettled,
        isSettled ? 'the auction is settled' : `the auction is settled from ${settleAtMs}`,
      )
      const bids = [...revealed.values()]
        .filter(bid => bid.amountWei >= reserveWei && bid.amountWei > 0n)
        .map(bid => ({
          bid,
          tie: keccak256(encodeAbiParameters([{ type: 'uint64' }, { type: 'address' }], [epoch, bid.bidder])),
        }))
        .sort((a, b) =>
          a.bid.amountWei !== b.bid.amountWei ? (a.bid.amountWei > b.bid.amountWei ? -1 : 1) : a.tie > b.tie ? -1 : 1,
        )
      const first = bids[0]?.bid
      const second = bids[1]?.bid
      let priceWei = 0n
      if (first !== undefined) priceWei = price === 'first' ? first.amountWei : (second?.amountWei ?? reserveWei)
      const refunds = new Map<Address, bigint>()
      for (const { bidder } of revealed.values())
        refunds.set(bidder, bidder === first?.bidder ? depositWei - priceWei : depositWei)
      const forfeitedWei = BigInt(commitments.size - revealed.size) * depositWei
      isSettled = true
      return {
        epoch,
        winner: first?.bidder,
        priceWei,
        shares: splitRevenue(priceWei + forfeitedWei, split),
        refunds,
        forfeitedWei,
      }
    },
  }
}

/** What the judge of {@link boundedDelay} wants to know. */
export type BoundedDelayEvidence = OrderingEvidence & {
  /** At which height each pending transaction became executable, as the judge saw it. */
  readonly executableSinceHeight?: ReadonlyMap<Hash, bigint> | undefined
}

/**
 * What the winner of an auction may do: order as it likes, but leave nobody out for more than `maxDelayBlocks` heights. The inner policy is the
 * winner's own; its judge is not asked. The judge here finds who waited too long though there was room (`bounded-delay/late`).
 */
export function boundedDelay<Evidence extends OrderingEvidence>(
  inner: Pick<OrderingPolicy<Evidence>, 'name' | 'admit' | 'open'>,
  options: { maxDelayBlocks: bigint },
): OrderingPolicy<BoundedDelayEvidence> {
  return {
    name: `bounded-delay(${inner.name})`,
    admit: (transaction, context) => inner.admit(transaction, context),
    open: block => inner.open(block),
    verify(block, evidence) {
      let gasLeft = block.gasLimit
      let bytesLeft = evidence.maxBlockBytes ?? Number.MAX_SAFE_INTEGER
      for (const [index, transaction] of block.transactions.entries()) {
        gasLeft -= evidence.gasUsed?.[index] ?? transaction.gasLimit
        bytesLeft -= transaction.raw.length
      }
      const since = evidence.executableSinceHeight
      // Whoever is older than the limit goes before all who are not: a full block is an excuse only if it is full of older ones.
      const isOld = (hash: Hash): boolean => {
        const height = since?.get(hash)
        return height !== undefined && height + options.maxDelayBlocks <= block.height
      }
      const oldGas = block.transactions.reduce(
        (sum, { hash, gasLimit }, index) => (isOld(hash) ? sum + (evidence.gasUsed?.[index] ?? gasLimit) : sum),
        0n,
      )
      return skippedHeads(block, evidence)
        .filter(({ entry: { transaction } }) => {
          const fits = transaction.gasLimit <= gasLeft && transaction.raw.length <= bytesLeft
          return isOld(transaction.hash) && (fits || transaction.gasLimit <= block.gasLimit - oldGas)
        })
        .map(({ entry: { transaction } }) =>
          violation(
            'bounded-delay/late',
            undefined,
            transaction.hash,
            `executable since ${since!.get(transaction.hash)}, missing at ${block.height}`,
          ),
        )
    },
  }
}
