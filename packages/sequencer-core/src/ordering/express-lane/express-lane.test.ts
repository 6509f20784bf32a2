import { codeOf, runs, seededRandom, testSeed } from '@l2/common/testing'
import fc from 'fast-check'
import { type Address, type Hash, keccak256 } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { fakeTransaction, testAddress } from '../../mempool/testdata/fake.js'
import type { PooledTransaction } from '../../mempool/types.js'
import { createNativeRecovery } from '../../transaction/native.js'
import type { Transaction } from '../../transaction/types.js'
import { fillBlock } from '../fill.js'
import type { Violation } from '../policy.js'
import { blockOf, contextOf, entryOf } from '../testdata/fake.js'
import { judgeBlock } from '../universal.js'
import { checkResolution, createLaneAuction, hashLaneBid, type LaneBid } from './auction.js'
import { createExpressLane, hashLaneMessage, type LaneMessage, unorderedSequence } from './lane.js'
import { expressLane } from './policy.js'
import { roundAt } from './rounds.js'

const recovery = await createNativeRecovery()
const where = { chainId: 10n, auctionContract: testAddress(999) }
const bidders = Array.from({ length: 4 }, (_, i) => privateKeyToAccount(`0x${`0${i + 1}`.repeat(32)}`))
const [alice, bob, carol] = bidders as [PrivateKeyAccount, PrivateKeyAccount, PrivateKeyAccount]
const low = (address: Address) => address.toLowerCase() as Address

async function bidOf(
  bidder: PrivateKeyAccount,
  amountWei: bigint,
  round = 1n,
  fields: Partial<LaneBid> = {},
): Promise<LaneBid> {
  const bid = { ...where, round, controller: bidder.address, amountWei, ...fields }
  return { ...bid, signature: await bidder.sign({ hash: hashLaneBid(bid) }) }
}

const open = (reserveWei = 10n) => {
  const auction = createLaneAuction({ ...where, reserveWei, recovery })
  for (const bidder of bidders) auction.deposit(bidder.address, 1_000n)
  return auction
}
const escrow = (auction: ReturnType<typeof open>) =>
  bidders.reduce((sum, bidder) => sum + auction.balanceOf(bidder.address), 0n) + auction.proceedsWei

describe('createLaneAuction', () => {
  it('sells each round to the highest bidder at the second price, and keeps every wei', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.tuple(fc.nat(3), fc.bigInt(5n, 60n)), { maxLength: 8 }), { minLength: 1, maxLength: 5 }),
        async rounds => {
          const auction = open()
          for (const [i, offers] of rounds.entries()) {
            const startMs = i * 60_000
            const placed: LaneBid[] = []
            const best = new Map<number, bigint>()
            for (const [bidder, amountWei] of offers) {
              const bid = await bidOf(bidders[bidder]!, amountWei, BigInt(i + 1))
              if (codeOf(() => auction.bid(bid, startMs + 1_000)) !== 'none') continue
              placed.push(bid)
              if ((best.get(bidder) ?? 0n) < amountWei) best.set(bidder, amountWei)
            }
            const resolution = auction.resolve(startMs + 47_000)
            const amounts = [...best.values()].sort((a, b) => (a < b ? 1 : -1))
            expect(resolution.priceWei).toBe(amounts.length === 0 ? 0n : (amounts[1] ?? 10n))
            expect(resolution.controller === undefined).toBe(amounts.length === 0)
            if (resolution.winner !== undefined)
              expect(best.get(bidders.findIndex(each => low(each.address) === resolution.winner))).toBe(amounts[0])
            expect(checkResolution(resolution, placed, recovery)).toBeUndefined()
            expect(auction.controllerOf(BigInt(i + 1))).toBe(resolution.controller)
            expect(escrow(auction)).toBe(4_000n)
          }
        },
      ),
      { numRuns: runs({ suite: 25, soak: 500 }), seed: testSeed() },
    )
  })

  it('rewards bidding what the lane is worth', async () => {
    // Whatever the others bid, no bid earns alice more than her value does.
    const gainOf = async (value: bigint, amount: bigint, other: bigint): Promise<bigint> => {
      const auction = open(1n)
      auction.bid(await bidOf(alice, amount), 0)
      auction.bid(await bidOf(bob, other), 0)
      const { winner, priceWei } = auction.resolve(50_000)
      return winner === low(alice.address) ? value - priceWei : 0n
    }
    const random = seededRandom(testSeed())
    for (let run = 0; run < runs({ suite: 30, soak: 600 }); run++) {
      const [value, amount, other] = [random, random, random].map(each => BigInt(1 + each.below(50))) as [
        bigint,
        bigint,
        bigint,
      ]
      expect(await gainOf(value, value, other)).toBeGreaterThanOrEqual(await gainOf(value, amount, other))
    }
  })

  it('does not let a second, lower bid take the first one back, whatever controller it names', async () => {
    const auction = open()
    auction.bid(await bidOf(alice, 90n), 0)
    auction.bid(await bidOf(bob, 50n), 0)
    auction.bid(await bidOf(alice, 11n), 0)
    // The known defect of keying bids by their controller: somebody else's low bid names alice's.
    auction.bid(await bidOf(carol, 12n, 1n, { controller: alice.address }), 0)
    expect(auction.resolve(50_000)).toMatchObject({ winner: low(alice.address), priceWei: 50n })
    expect(auction.balanceOf(alice.address)).toBe(950n)
  })

  it('refuses what the contract would refuse', async () => {
    const auction = open()
    const take = (bid: LaneBid, nowMs = 0) => codeOf(() => auction.bid(bid, nowMs))
    expect(take(await bidOf(alice, 9n))).toBe('BID_INVALID')
    expect(take(await bidOf(alice, 1_001n))).toBe('BID_INVALID')
    expect(take(await bidOf(alice, 20n, 2n))).toBe('BID_INVALID')
    expect(take(await bidOf(alice, 20n, 0n))).toBe('BID_INVALID')
    expect(take(await bidOf(alice, 20n, 1n, { chainId: 11n }))).toBe('BID_INVALID')
    expect(take(await bidOf(alice, 20n, 1n, { auctionContract: testAddress(1) }))).toBe('BID_INVALID')
    expect(take(await bidOf(alice, 20n, 1n, { controller: `0x${'00'.repeat(20)}` }))).toBe('BID_INVALID')
    const good = await bidOf(alice, 20n)
    expect(take({ ...good, amountWei: 21n })).toBe('BID_INVALID')
    expect(take({ ...good, signature: `${good.signature.slice(0, 130)}00` as Hash })).toBe('BID_INVALID')
    expect(take(good, 44_999)).toBe('none')
    expect(take(good, 45_000)).toBe('AUCTION_PHASE')
    for (let i = 0; i < 4; i++) expect(take(good)).toBe('none')
    expect(take(good)).toBe('BID_INVALID')
    expect(codeOf(() => auction.resolve(44_999))).toBe('AUCTION_PHASE')
    expect(auction.resolve(45_000).winner).toBe(low(alice.address))
    expect(codeOf(() => auction.resolve(45_001))).toBe('AUCTION_PHASE')
    expect(escrow(auction)).toBe(4_000n)
  })

  it('lets a withdrawal be claimed two rounds later, and pays for bids until then', async () => {
    const auction = open()
    auction.initiateWithdrawal(alice.address, 30_000)
    expect(codeOf(() => auction.initiateWithdrawal(alice.address, 30_000))).toBe('ESCROW_INVALID')
    expect(codeOf(() => auction.bid({ ...({} as LaneBid) }, 0))).toBe('BID_INVALID')
    auction.bid(await bidOf(alice, 20n), 30_000)
    auction.resolve(50_000)
    expect(codeOf(() => auction.finalizeWithdrawal(alice.address, 119_999))).toBe('ESCROW_INVALID')
    const late = await bidOf(alice, 20n, 2n)
    expect(codeOf(() => auction.bid(late, 61_000))).toBe('BID_INVALID')
    expect(auction.finalizeWithdrawal(alice.address, 120_000)).toBe(990n)
    expect(auction.balanceOf(alice.address)).toBe(0n)
  })

  it('freezes the reserve price before closing, and until the auction is resolved', () => {
    const auction = open()
    auction.setReserve(11n, 29_999)
    expect(codeOf(() => auction.setReserve(12n, 30_000))).toBe('AUCTION_PHASE')
    expect(codeOf(() => auction.setReserve(12n, 50_000))).toBe('AUCTION_PHASE')
    auction.resolve(50_000)
    auction.setReserve(12n, 50_001)
    expect(auction.reserveWei).toBe(12n)
  })

  it('shows a resolution that does not follow from the bids', async () => {
    const auction = open()
    const bids = [await bidOf(alice, 90n), await bidOf(bob, 50n)]
    for (const bid of bids) auction.bid(bid, 0)
    const resolution = auction.resolve(50_000)
    expect(checkResolution({ ...resolution, priceWei: 90n }, bids, recovery)).toMatch(/price is 50/)
    expect(checkResolution({ ...resolution, winner: low(bob.address) }, bids, recovery)).toMatch(/highest bidder/)
    expect(checkResolution({ ...resolution, controller: bob.address }, bids, recovery)).toMatch(/named/)
  })

  it('names wrong parameters', () => {
    expect(codeOf(() => createLaneAuction({ ...where, roundMs: 9_999 }))).toBe('POLICY_PARAMETERS')
    expect(codeOf(() => createLaneAuction({ ...where, roundMs: 30_000 }))).toBe('POLICY_PARAMETERS')
  })
})

async function messageOf(
  sequenceNumber: bigint,
  transaction: Uint8Array,
  round = 1n,
  by = alice,
): Promise<LaneMessage> {
  const message = { ...where, round, sequenceNumber, transaction }
  return { ...message, signature: await by.sign({ hash: hashLaneMessage(message) }) }
}

describe('createExpressLane', () => {
  const controllerOf = (round: bigint) => (round === 1n || round === 2n ? alice.address : undefined)
  const bytes = (n: number) => Uint8Array.of(n)
  const lane = () => createExpressLane({ ...where, controllerOf, recovery })

  it('gives messages out in sequence, however they come', async () => {
    const messages = await Promise.all(Array.from({ length: 12 }, (_, i) => messageOf(BigInt(i), bytes(i))))
    fc.assert(
      fc.property(fc.shuffledSubarray(messages, { minLength: 12 }), order => {
        const inbox = lane()
        const out = order.flatMap(message => [...inbox.submit(message, 70_000), ...inbox.submit(message, 70_000)])
        expect(out).toEqual(messages)
      }),
      { numRuns: runs({ suite: 20, soak: 400 }), seed: testSeed() },
    )
  })

  it('refuses another signer, round, chain, a conflicting number and one too far ahead', async () => {
    const inbox = lane()
    const submit = (message: LaneMessage, nowMs = 70_000) => codeOf(() => inbox.submit(message, nowMs))
    expect(submit(await messageOf(0n, bytes(1), 1n, bob))).toBe('LANE_INVALID')
    expect(submit(await messageOf(0n, bytes(1), 0n), 30_000)).toBe('LANE_INVALID')
    expect(submit(await messageOf(0n, bytes(1), 2n))).toBe('LANE_INVALID')
    expect(submit({ ...(await messageOf(0n, bytes(1))), chainId: 11n })).toBe('LANE_INVALID')
    expect(submit({ ...(await messageOf(0n, bytes(1))), transaction: bytes(2) })).toBe('LANE_INVALID')
    expect(submit(await messageOf(1_001n, bytes(1)))).toBe('LANE_INVALID')
    expect(submit(await messageOf(1_000n, bytes(1)))).toBe('none')
    expect(submit(await messageOf(0n, bytes(1)))).toBe('none')
    expect(submit(await messageOf(0n, bytes(2)))).toBe('LANE_INVALID')
  })

  it('holds what comes within the grace before its round, and forgets a round that is over', async () => {
    const inbox = lane()
    const early = await messageOf(0n, bytes(1), 2n)
    expect(codeOf(() => inbox.submit(early, 117_999))).toBe('LANE_INVALID')
    expect(inbox.submit(early, 118_000)).toEqual([])
    const unordered = await messageOf(unorderedSequence, bytes(9), 2n)
    expect(inbox.submit(unordered, 118_500)).toEqual([])
    expect(inbox.tick(119_999)).toEqual([])
    expect(inbox.tick(120_000)).toEqual([early, unordered])
    expect(inbox.submit(await messageOf(unorderedSequence, bytes(8), 2n), 121_000)).toHaveLength(1)
    expect(inbox.conditionOf(early, { number: 7n })).toEqual({ blockNumberMax: 12n, timestampMax: 179n })
    expect(inbox.tick(180_000)).toEqual([])
    expect(codeOf(() => inbox.submit(early, 180_000))).toBe('LANE_INVALID')
  })
})

describe('expressLane', () => {
  const controllerOf = (round: bigint) => (round === 1n ? alice.address : undefined)
  const policy = expressLane({ controllerOf, recovery })
  const rules = (violations: readonly Violation[]): string[] => [...new Set(violations.map(each => each.rule))].sort()

  type Came = { transaction: Transaction; atMs: number; arrival: number; message: LaneMessage | undefined }
  /** Arrivals around the rounds' boundaries, some through the lane, as the door would let them in. */
  async function traffic(random: ReturnType<typeof seededRandom>, fromMs: number, count: number) {
    const came: Came[] = []
    let sequence = 0n
    let atMs = fromMs
    for (let arrival = 0; arrival < count; arrival++) {
      atMs += random.below(120)
      const raw = random.bytes(60)
      const transaction = fakeTransaction({ sender: testAddress(arrival), nonce: 0n, raw, hash: keccak256(raw) })
      const isLane = roundAt({ ...policyParameters }, atMs) === 1n && random.bool(0.3)
      came.push({ transaction, atMs, arrival, message: isLane ? await messageOf(sequence++, raw) : undefined })
    }
    const entries: PooledTransaction[] = came.map(({ transaction, atMs, arrival, message }) =>
      entryOf(transaction, arrival, {
        arrivedAtMs: atMs,
        readyAtMs: message === undefined ? policy.admit(transaction, { nowMs: atMs }).readyAtMs : atMs,
      }),
    )
    const evidence = {
      arrivals: new Map(came.map(({ transaction, atMs, arrival }) => [transaction.hash, { atMs, arrival }])),
      laneMessages: came.flatMap(({ message }) => (message === undefined ? [] : [message])),
      pending: entries,
      nonceOf: () => 0n,
    }
    return { came, entries, evidence, endMs: atMs }
  }
  const policyParameters = {
    offsetMs: 0,
    roundMs: 60_000,
    closingMs: 15_000,
    reserveBlackoutMs: 15_000,
    delayMs: 200,
    graceMs: 2_000,
    maxBids: 5,
    maxAhead: 1_000,
    maxBlocks: 5,
  }

  it('builds blocks that its judge accepts, across the rounds that have a controller and those that have none', async () => {
    const random = seededRandom(testSeed())
    let inLane = 0
    for (const fromMs of [59_000, 70_000, 119_000, 200_000]) {
      for (let run = 0; run < runs({ suite: 5, soak: 100 }); run++) {
        const { entries, evidence, endMs } = await traffic(random, fromMs, 15)
        const context = contextOf(entries, {
          nowMs: endMs - 300,
          timestamp: 61n,
          gasLimit: BigInt(150_000 + random.below(400_000)),
        })
        let nowMs = context.nowMs
        const { transactions } = fillBlock(policy, context, {
          wait: untilMs => (untilMs > endMs ? undefined : (nowMs = untilMs)),
        })
        inLane += evidence.laneMessages.length
        expect(judgeBlock(policy, blockOf(context, transactions), { ...evidence, sealedAtMs: nowMs })).toEqual([])
      }
    }
    expect(inLane).toBeGreaterThan(10)
  })

  it('delays everybody but the controller, and only while there is one', () => {
    const transaction = fakeTransaction({ sender: testAddress(1), nonce: 0n })
    expect(policy.admit(transaction, { nowMs: 59_999 })).toEqual({ readyAtMs: 59_999 })
    expect(policy.admit(transaction, { nowMs: 60_000 })).toEqual({ readyAtMs: 60_200 })
    expect(policy.admit(transaction, { nowMs: 119_999 })).toEqual({ readyAtMs: 120_199 })
    expect(policy.admit(transaction, { nowMs: 120_000 })).toEqual({ readyAtMs: 120_000 })
  })

  it('is no top of the block: who came more than the delay earlier is first', async () => {
    const raw = Uint8Array.of(1, 2, 3)
    const lane = fakeTransaction({ sender: testAddress(1), nonce: 0n, raw, hash: keccak256(raw) })
    const [early, late] = [2, 3].map(i => fakeTransaction({ sender: testAddress(i), nonce: 0n })) as [
      Transaction,
      Transaction,
    ]
    const entries = [
      entryOf(early, 0, { readyAtMs: 70_000 + 200 }),
      entryOf(late, 1, { readyAtMs: 70_150 + 200 }),
      entryOf(lane, 2, { readyAtMs: 70_300 }),
    ]
    const context = contextOf(entries, { nowMs: 71_000, timestamp: 71n })
    const { transactions } = fillBlock(policy, context)
    expect(transactions).toEqual([early, lane, late])
  })

  it('catches who goes around the lane', async () => {
    const random = seededRandom(testSeed(8))
    const { entries, evidence, came, endMs } = await traffic(random, 70_000, 14)
    const context = contextOf(entries, { nowMs: endMs + 1_000, timestamp: 80n })
    const { transactions } = fillBlock(policy, context)
    const sealedAtMs = endMs + 1_000
    const judge = (order: Transaction[], extra: object = {}) =>
      rules(judgeBlock(policy, blockOf(context, order), { ...evidence, sealedAtMs, ...extra }))
    expect(judge(transactions)).toEqual([])
    // The sequencer's friend is let in at once: 200 ms too early in the order.
    const friend = came.find((each, i) => i > 0 && each.message === undefined && came[i - 1]!.message === undefined)!
    const bypass = [...came]
      .map(each => ({ ...each, readyAtMs: each.atMs + (each.message === undefined && each !== friend ? 200 : 0) }))
      .sort((a, b) => a.readyAtMs - b.readyAtMs || a.arrival - b.arrival)
      .map(each => each.transaction)
    expect(judge(bypass)).toContain('express-lane/inversion')
    // It signs a message for itself: not the controller's.
    const forged = await messageOf(0n, friend.transaction.raw, 1n, bob)
    expect(judge(bypass, { laneMessages: [...evidence.laneMessages, forged] })).toContain('express-lane/controller')
    expect(judge(transactions, { sealedAtMs: endMs - 500 })).toContain('express-lane/early')
    expect(
      rules(policy.verify({ ...blockOf(context, transactions), timestamp: 120n }, { ...evidence, sealedAtMs })),
    ).toContain('express-lane/expired')
    expect(rules(policy.verify(blockOf(context, transactions), {}))).toEqual(['express-lane/evidence-missing'])
    const swapped = [...transactions]
    ;[swapped[3], swapped[4]] = [swapped[4]!, swapped[3]!]
    expect(judge(swapped)).not.toEqual([])
    expect(judge(transactions.filter((_, i) => i !== 5))).toContain('express-lane/skipped')
  })

  it('catches messages of the lane that were let in out of sequence', async () => {
    const raws = [Uint8Array.of(1), Uint8Array.of(2)]
    const transactions = raws.map((raw, i) =>
      fakeTransaction({ sender: testAddress(i), nonce: 0n, raw, hash: keccak256(raw) }),
    )
    const laneMessages = [await messageOf(1n, raws[0]!), await messageOf(0n, raws[1]!)]
    const arrivals = new Map(transactions.map((each, i) => [each.hash, { atMs: 70_000 + i, arrival: i }]))
    const block = { ...blockOf(contextOf([]), transactions), timestamp: 71n }
    expect(rules(policy.verify(block, { arrivals, laneMessages }))).toEqual(['express-lane/sequence'])
  })
})
