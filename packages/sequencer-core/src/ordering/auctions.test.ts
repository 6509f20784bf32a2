import { codeOf, runs, testSeed } from '@l2/common/testing'
import fc from 'fast-check'
import { type Hash, keccak256 } from 'viem'
import { describe, expect, it } from 'vitest'
import { fakeTransaction, testAddress } from '../mempool/testdata/fake.js'
import { fillBlock } from './fill.js'
import type { Violation } from './policy.js'
import { priorityGas } from './priority-gas.js'
import {
  boundedDelay,
  createRightAuction,
  defaultRightAuctionParameters,
  hashRightBid,
  type RightBid,
  splitRevenue,
} from './right-auction.js'
import { blockOf, contextOf, entryOf } from './testdata/fake.js'

const at = { chainId: 1n, contract: testAddress(999), epoch: 7n }
const open = (options: object = {}) =>
  createRightAuction({ ...at, openedAtMs: 1_000, commitMs: 100, revealMs: 100, depositWei: 1_000n, ...options })
const bidOf = (bidder: number, amountWei: bigint): RightBid => ({
  bidder: testAddress(bidder),
  amountWei,
  salt: keccak256(Uint8Array.of(bidder, 9)),
})
describe('createRightAuction', () => {
  it('keeps every wei: refunds, shares and forfeits are the deposits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ amount: fc.bigInt(0n, 1_000n), isRevealed: fc.boolean() }), { maxLength: 8 }),
        fc.constantFrom('first' as const, 'second' as const),
        fc.bigInt(0n, 500n),
        (bidders, price, reserveWei) => {
          const auction = open({ price, reserveWei })
          const bids = bidders.map(({ amount }, i) => bidOf(i, amount))
          for (const bid of bids) auction.commit(bid.bidder, hashRightBid(bid, at), 1_000)
          for (const [i, bid] of bids.entries()) if (bidders[i]!.isRevealed) auction.reveal(bid, 1_100)
          const { winner, priceWei, shares, refunds, forfeitedWei } = auction.settle(1_200)
          const refunded = [...refunds.values()].reduce((a, b) => a + b, 0n)
          const shared = shares.stakersWei + shares.treasuryWei + shares.publicGoodsWei + shares.burnWei
          expect(refunded + shared).toBe(1_000n * BigInt(bids.length))
          expect(shared).toBe(priceWei + forfeitedWei)
          const valid = bids.filter(
            (bid, i) => bidders[i]!.isRevealed && bid.amountWei >= reserveWei && bid.amountWei > 0n,
          )
          const amounts = valid.map(bid => bid.amountWei).sort((a, b) => (a < b ? 1 : -1))
          expect(winner === undefined).toBe(valid.length === 0)
          if (valid.length > 0) {
            expect(valid.find(bid => bid.bidder === winner)!.amountWei).toBe(amounts[0])
            expect(priceWei).toBe(price === 'first' ? amounts[0] : (amounts[1] ?? reserveWei))
            expect(priceWei).toBeGreaterThanOrEqual(reserveWei)
          }
        },
      ),
      { seed: testSeed(), numRuns: runs({ suite: 100, soak: 2_000 }) },
    )
  })

  it('divides a price to the wei, rounding to the treasury', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10n ** 30n),
        fc.tuple(fc.nat(2_500), fc.nat(2_500), fc.nat(2_500)),
        (priceWei, [a, b, c]) => {
          const shares = splitRevenue(priceWei, {
            stakersBps: a,
            publicGoodsBps: b,
            burnBps: c,
            treasuryBps: 10_000 - a - b - c,
          })
          expect(shares.stakersWei + shares.treasuryWei + shares.publicGoodsWei + shares.burnWei).toBe(priceWei)
          expect(shares.treasuryWei >= (priceWei * BigInt(10_000 - a - b - c)) / 10_000n).toBe(true)
          expect(shares.stakersWei).toBe((priceWei * BigInt(a)) / 10_000n)
        },
      ),
      { seed: testSeed() },
    )
  })

  it('takes each call in its phase only, and binds a bid to all that it names', () => {
    const auction = open()
    const bid = bidOf(1, 300n)
    const commitment = hashRightBid(bid, at)
    expect(codeOf(() => auction.commit(bid.bidder, commitment, 999))).toBe('AUCTION_PHASE')
    expect(codeOf(() => auction.commit(bid.bidder, commitment, 1_099))).toBe('none')
    expect(codeOf(() => auction.commit(bid.bidder, keccak256('0x01'), 1_099))).toBe('BID_INVALID')
    expect(codeOf(() => auction.commit(testAddress(2), commitment, 1_099))).toBe('BID_INVALID')
    expect(codeOf(() => auction.commit(testAddress(2), hashRightBid(bidOf(2, 2_000n), at), 1_099))).toBe('none')
    expect(codeOf(() => auction.commit(testAddress(3), keccak256('0x03'), 1_100))).toBe('AUCTION_PHASE')
    expect(codeOf(() => auction.reveal(bid, 1_099))).toBe('AUCTION_PHASE')
    expect(codeOf(() => auction.reveal({ ...bid, amountWei: 301n }, 1_100))).toBe('BID_INVALID')
    expect(codeOf(() => auction.reveal({ ...bid, bidder: testAddress(5) }, 1_100))).toBe('BID_INVALID')
    expect(codeOf(() => auction.reveal(bidOf(2, 2_000n), 1_100))).toBe('BID_INVALID')
    expect(codeOf(() => auction.reveal(bid, 1_199))).toBe('none')
    expect(codeOf(() => auction.reveal(bid, 1_199))).toBe('BID_INVALID')
    expect(codeOf(() => auction.settle(1_199))).toBe('AUCTION_PHASE')
    expect(codeOf(() => auction.reveal(bid, 1_200))).toBe('AUCTION_PHASE')
    expect(auction.settle(1_200)).toMatchObject({ winner: bid.bidder, priceWei: 0n, forfeitedWei: 1_000n })
    expect(codeOf(() => auction.settle(1_200))).toBe('AUCTION_PHASE')
    for (const other of [
      { ...at, epoch: 8n },
      { ...at, chainId: 2n },
      { ...at, contract: testAddress(1) },
    ])
      expect(hashRightBid(bid, other)).not.toBe(commitment)
  })

  it('leaves an epoch unsold that nobody wants, decides ties by a fixed rule, and names wrong parameters', () => {
    expect(open().settle(1_200)).toMatchObject({ winner: undefined, priceWei: 0n })
    const winners = [
      [1, 2, 3],
      [3, 1, 2],
      [2, 3, 1],
    ].map(order => {
      const auction = open()
      for (const i of order) auction.commit(testAddress(i), hashRightBid(bidOf(i, 5n), at), 1_000)
      for (const i of order) auction.reveal(bidOf(i, 5n), 1_100)
      return auction.settle(1_200).winner
    })
    expect(new Set(winners).size).toBe(1)
    expect(codeOf(() => open({ split: { ...defaultRightAuctionParameters.split, burnBps: 0 } }))).toBe(
      'POLICY_PARAMETERS',
    )
    expect(codeOf(() => open({ reserveWei: 1_001n }))).toBe('POLICY_PARAMETERS')
  })

  it('makes bidding what it is worth the best that a bidder can do, at the second price', () => {
    const gainOf = (value: bigint, amount: bigint, other: bigint): bigint => {
      const auction = open()
      for (const bid of [bidOf(1, amount), bidOf(2, other)]) auction.commit(bid.bidder, hashRightBid(bid, at), 1_000)
      for (const bid of [bidOf(1, amount), bidOf(2, other)]) auction.reveal(bid, 1_100)
      const { winner, priceWei } = auction.settle(1_200)
      return winner === testAddress(1) ? value - priceWei : 0n
    }
    fc.assert(
      fc.property(fc.bigInt(1n, 1_000n), fc.bigInt(1n, 1_000n), fc.bigInt(1n, 1_000n), (value, amount, other) => {
        expect(gainOf(value, value, other) >= gainOf(value, amount, other)).toBe(true)
      }),
      { seed: testSeed(), numRuns: runs({ suite: 60, soak: 1_200 }) },
    )
  })
})

describe('boundedDelay', () => {
  it('lets the winner order as it likes, and proves a delay of more than it may', () => {
    const policy = boundedDelay(priorityGas(), { maxDelayBlocks: 3n })
    const rules = (violations: readonly Violation[]): string[] => violations.map(each => each.rule)
    const [a, b] = [0, 1].map(i => entryOf(fakeTransaction({ sender: testAddress(i), nonce: 0n }), i))
    const context = contextOf([a!, b!], { height: 10n, gasLimit: 42_000n })
    expect(fillBlock(policy, context).transactions.length).toBe(2)
    const judge = (transactions: ReturnType<typeof fakeTransaction>[], since: bigint, gasLimit = 42_000n) =>
      rules(
        policy.verify(blockOf({ ...context, gasLimit }, transactions), {
          pending: [a!, b!],
          nonceOf: () => 0n,
          executableSinceHeight: new Map<Hash, bigint>([
            [a!.transaction.hash, since],
            [b!.transaction.hash, since],
          ]),
        }),
      )
    expect(judge([b!.transaction, a!.transaction], 1n)).toEqual([])
    expect(judge([b!.transaction], 8n)).toEqual([])
    expect(judge([b!.transaction], 7n)).toEqual(['bounded-delay/late'])
    // A block that is full of others as old is an excuse; one full of newcomers is none.
    expect(judge([b!.transaction], 7n, 21_000n)).toEqual([])
    const young = fakeTransaction({ sender: testAddress(5), nonce: 0n })
    expect(judge([young], 7n, 21_000n)).toEqual(['bounded-delay/late', 'bounded-delay/late'])
  })
})
