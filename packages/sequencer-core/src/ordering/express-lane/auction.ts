import { concatBytes, hexToBytes } from '@l2/common'
import { type Address, type Hash, type Hex, hashTypedData, isAddressEqual, keccak256, zeroAddress } from 'viem'
import { SequencerError } from '../../errors.js'
import type { SenderRecovery } from '../../transaction/recovery.js'
import { recoverSigner } from '../../transaction/signer.js'
import { type ExpressLaneParameters, isClosing, isReserveFrozen, readExpressLaneParameters, roundAt } from './rounds.js'

/** A bid for the lane of one round, as the auctioneer's RPC takes it. */
export type LaneBid = {
  /** Of the L2. */
  readonly chainId: bigint
  readonly auctionContract: Address
  readonly round: bigint
  /** Whose messages the lane will take. */
  readonly controller: Address
  readonly amountWei: bigint
  /** 65 bytes over {@link hashLaneBid}; the signer is the bidder. */
  readonly signature: Hex
}

/** EIP-712 type of a {@link LaneBid}. Source: nitro-contracts, ExpressLaneAuction. */
const laneBidTypes = {
  Bid: [
    { name: 'round', type: 'uint64' },
    { name: 'expressLaneController', type: 'address' },
    { name: 'amount', type: 'uint256' },
  ],
} as const

/** What a bidder signs, in the domain of the auction contract. */
export function hashLaneBid(bid: Omit<LaneBid, 'signature'>): Hash {
  return hashTypedData({
    domain: {
      name: 'ExpressLaneAuction',
      version: '1',
      chainId: bid.chainId,
      verifyingContract: bid.auctionContract,
    },
    types: laneBidTypes,
    primaryType: 'Bid',
    message: { round: bid.round, expressLaneController: bid.controller, amount: bid.amountWei },
  })
}

/** How a round's auction ended. */
export type LaneResolution = {
  readonly round: bigint
  readonly controller: Address | undefined
  readonly winner: Address | undefined
  /** The second highest bid, or the reserve where there was one bid. */
  readonly priceWei: bigint
  readonly reserveWei: bigint
  /** The two highest bids, best first, with which a contract checks the result. */
  readonly bids: readonly LaneBid[]
}

/** What an auction needs to know of its surroundings. */
export type LaneAuctionOptions = Partial<ExpressLaneParameters> & {
  chainId: bigint
  auctionContract: Address
  /** The price at the beginning, wei. Default 0. */
  reserveWei?: bigint | undefined
  recovery?: SenderRecovery | undefined
}

/** Escrow and auction of an express lane: a state machine that is told the time. Every call that throws has changed nothing. */
export interface LaneAuction {
  readonly parameters: ExpressLaneParameters
  /** Wei that a bidder has in escrow. */
  balanceOf(bidder: Address): bigint
  /** Wei that auctions have brought in. */
  readonly proceedsWei: bigint
  readonly reserveWei: bigint
  deposit(bidder: Address, amountWei: bigint): void
  /**
   * Announces a withdrawal of all in round r; it can be claimed from round r + 2, and until then it pays for bids.
   *
   * @throws SequencerError `ESCROW_INVALID`
   */
  initiateWithdrawal(bidder: Address, nowMs: number): void
  /** @throws SequencerError `ESCROW_INVALID` */
  finalizeWithdrawal(bidder: Address, nowMs: number): bigint
  /** @throws SequencerError `AUCTION_PHASE` while it is frozen */
  setReserve(reserveWei: bigint, nowMs: number): void
  /**
   * Takes a sealed bid for the next round and says whose it is.
   *
   * @throws SequencerError `BID_INVALID`, `AUCTION_PHASE`
   */
  bid(bid: LaneBid, nowMs: number): Address
  /**
   * Ends the auction for the next round, once, after it has closed. The auctioneer must be trusted not to bid against the winner: nothing here
   * or in the contract can tell a false second bid from a true one.
   *
   * @throws SequencerError `AUCTION_PHASE`
   */
  resolve(nowMs: number): LaneResolution
  /** Who controls the lane in a round; `undefined`: nobody, and nobody is delayed. */
  controllerOf(round: bigint): Address | undefined
}

type Account = { balanceWei: bigint; withdrawalRound: bigint | undefined }
type Placed = { bid: LaneBid; bidder: Address; tie: Hash }

/**
 * An auction with nobody in it.
 *
 * @throws SequencerError `POLICY_PARAMETERS`
 *
 * @example
 * ```ts
 * import { createLaneAuction, hashLaneBid } from '@l2/sequencer-core/ordering'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const [alice, bob] = ['01', '02'].map(byte => privateKeyToAccount(`0x${byte.repeat(32)}`))
 * const at = { chainId: 10n, auctionContract: `0x${'aa'.repeat(20)}` } as const
 * const auction = createLaneAuction({ ...at, reserveWei: 10n })
 * for (const [bidder, amountWei] of [[alice!, 70n], [bob!, 30n]] as const) {
 *   auction.deposit(bidder.address, 100n)
 *   const bid = { ...at, round: 1n, controller: bidder.address, amountWei }
 *   auction.bid({ ...bid, signature: await bidder.sign({ hash: hashLaneBid(bid) }) }, 5_000)
 * }
 * const { controller, priceWei } = auction.resolve(47_000)
 * console.log(controller === alice!.address.toLowerCase(), priceWei, auction.balanceOf(alice!.address)) // true 30n 70n
 * ```
 */
export function createLaneAuction(options: LaneAuctionOptions): LaneAuction {
  const { chainId, auctionContract, reserveWei: firstReserveWei = 0n, recovery, ...rest } = options
  const parameters = readExpressLaneParameters(rest)
  const accounts = new Map<string, Account>()
  const controllers = new Map<bigint, Address>()
  /** By bidder, not by controller: who bids lower later, for whatever controller, takes nothing back. */
  const best = new Map<bigint, Map<Address, Placed>>()
  const counts = new Map<string, number>()
  const resolved = new Set<bigint>()
  let reserveWei = firstReserveWei
  let proceedsWei = 0n

  const accountOf = (bidder: Address): Account =>
    accounts.get(keyOf(bidder)) ?? { balanceWei: 0n, withdrawalRound: undefined }

  return {
    parameters,
    balanceOf: bidder => accountOf(bidder).balanceWei,
    get proceedsWei() {
      return proceedsWei
    },
    get reserveWei() {
      return reserveWei
    },
    controllerOf: round => controllers.get(round),

    deposit(bidder, amountWei) {
      if (amountWei <= 0n) throw new SequencerError(`deposit of ${amountWei} wei`, { code: 'ESCROW_INVALID' })
      const account = accountOf(bidder)
      accounts.set(keyOf(bidder), { ...account, balanceWei: account.balanceWei + amountWei })
    },

    initiateWithdrawal(bidder, nowMs) {
      const account = accountOf(bidder)
      if (account.balanceWei === 0n || account.withdrawalRound !== undefined)
        throw new SequencerError('nothing to withdraw, or a withdrawal is under way', { code: 'ESCROW_INVALID' })
      accounts.set(keyOf(bidder), { ...account, withdrawalRound: roundAt(parameters, nowMs) + 2n })
    },

    finalizeWithdrawal(bidder, nowMs) {
      const { balanceWei, withdrawalRound } = accountOf(bidder)
      const round = roundAt(parameters, nowMs)
      if (withdrawalRound === undefined || withdrawalRound > round)
        throw new SequencerError(`withdrawal can be claimed from round ${withdrawalRound ?? 'never'}, now ${round}`, {
          code: 'ESCROW_INVALID',
        })
      accounts.delete(keyOf(bidder))
      return balanceWei
    },

    setReserve(nextWei, nowMs) {
      if (nextWei < 0n) throw new SequencerError(`reserve of ${nextWei} wei`, { code: 'POLICY_PARAMETERS' })
      const isOpenAgain = resolved.has(roundAt(parameters, nowMs) + 1n)
      if (isReserveFrozen(parameters, nowMs) && !isOpenAgain)
        throw new SequencerError('the reserve price is frozen until the auction is resolved', { code: 'AUCTION_PHASE' })
      reserveWei = nextWei
    },

    bid(bid, nowMs) {
      const round = roundAt(parameters, nowMs) + 1n
      if (bid.chainId !== chainId) refuse(`bid for chain ${bid.chainId}, this is ${chainId}`)
      if (!isAddressEqual(bid.auctionContract, auctionContract)) refuse('bid for another auction contract')
      if (isAddressEqual(bid.controller, zeroAddress)) refuse('bid for no controller')
      if (bid.round !== round) refuse(`bid for round ${bid.round}, the next is ${round}`)
      if (isClosing(parameters, nowMs))
        throw new SequencerError(`the auction for round ${round} is closed`, { code: 'AUCTION_PHASE' })
      if (bid.amountWei < reserveWei || bid.amountWei <= 0n)
        refuse(`bid of ${bid.amountWei} wei, reserve ${reserveWei}`, { amountWei: bid.amountWei, reserveWei })
      const hash = hashLaneBid(bid)
      const bidder = recoverSigner(hash, bid.signature, recovery) ?? refuse('bid without a valid signature')
      const spendable = spendableWei(accountOf(bidder), round)
      if (spendable < bid.amountWei) refuse(`bid of ${bid.amountWei} wei, ${spendable} in escrow`, { bidder })
      const counter = `${round}/${bidder}`
      const count = counts.get(counter) ?? 0
      if (count >= parameters.maxBids) refuse(`more than ${parameters.maxBids} bids in a round`, { bidder })
      counts.set(counter, count + 1)
      const bids = best.get(round) ?? new Map<Address, Placed>()
      best.set(round, bids)
      const before = bids.get(bidder)
      if (before === undefined || before.bid.amountWei < bid.amountWei)
        bids.set(bidder, { bid, bidder, tie: tieBreak(bidder, hash) })
      return bidder
    },

    resolve(nowMs) {
      const round = roundAt(parameters, nowMs) + 1n
      if (!isClosing(parameters, nowMs))
        throw new SequencerError(`the auction for round ${round} is still open`, { code: 'AUCTION_PHASE' })
      if (resolved.has(round))
        throw new SequencerError(`the auction for round ${round} is resolved`, { code: 'AUCTION_PHASE' })
      const placed = [...(best.get(round)?.values() ?? [])]
        // What was there at the time of the bid may have paid for another round since, or be on its way out.
        .filter(
          ({ bid, bidder }) => spendableWei(accountOf(bidder), round) >= bid.amountWei && bid.amountWei >= reserveWei,
        )
        .sort(byAmount)
      const [first, second] = placed
      const priceWei = first === undefined ? 0n : (second?.bid.amountWei ?? reserveWei)
      if (first !== undefined) {
        const account = accountOf(first.bidder)
        accounts.set(keyOf(first.bidder), { ...account, balanceWei: account.balanceWei - priceWei })
        proceedsWei += priceWei
        controllers.set(round, keyOf(first.bid.controller))
      }
      resolved.add(round)
      best.delete(round)
      for (const counter of counts.keys()) if (counter.startsWith(`${round}/`)) counts.delete(counter)
      for (const old of [...resolved].filter(each => each < round - 2n)) resolved.delete(old)
      for (const old of [...controllers.keys()].filter(each => each < round - 2n)) controllers.delete(old)
      return {
        round,
        controller: first === undefined ? undefined : keyOf(first.bid.controller),
        winner: first?.bidder,
        priceWei,
        reserveWei,
        bids: placed.slice(0, 2).map(({ bid }) => bid),
      }
    },
  }
}

function tieBreak(bidder: Address, hash: Hash): Hash {
  return keccak256(concatBytes(hexToBytes(bidder)!, hexToBytes(hash)!))
}

function byAmount(a: Placed, b: Placed): number {
  if (a.bid.amountWei !== b.bid.amountWei) return a.bid.amountWei > b.bid.amountWei ? -1 : 1
  return a.tie > b.tie ? -1 : 1
}

/**
 * Whether a resolution follows from all the bids of its round: what anybody can check once the auctioneer has opened them.
 *
 * @returns what is wrong, or `undefined`
 */
export function checkResolution(
  resolution: LaneResolution,
  bids: readonly LaneBid[],
  recovery?: SenderRecovery,
): string | undefined {
  const best = new Map<Address, Placed>()
  for (const bid of bids) {
    const hash = hashLaneBid(bid)
    const bidder = recoverSigner(hash, bid.signature, recovery)
    if (bidder === undefined || bid.round !== resolution.round || bid.amountWei < resolution.reserveWei) continue
    const before = best.get(bidder)
    if (before === undefined || before.bid.amountWei < bid.amountWei)
      best.set(bidder, { bid, bidder, tie: tieBreak(bidder, hash) })
  }
  const [first, second] = [...best.values()].sort(byAmount)
  if (first?.bidder !== resolution.winner) return `the highest bidder is ${first?.bidder ?? 'nobody'}`
  if (first !== undefined && !isAddressEqual(first.bid.controller, resolution.controller ?? zeroAddress))
    return `the winner named ${first.bid.controller}`
  const priceWei = first === undefined ? 0n : (second?.bid.amountWei ?? resolution.reserveWei)
  if (priceWei !== resolution.priceWei) return `the price is ${priceWei} wei`
  return undefined
}

const keyOf = (bidder: Address): Address => bidder.toLowerCase() as Address

/** What a withdrawal that was asked for leaves to bid with in a round. */
const spendableWei = ({ balanceWei, withdrawalRound }: Account, round: bigint): bigint =>
  withdrawalRound !== undefined && withdrawalRound <= round ? 0n : balanceWei

function refuse(message: string, details: Readonly<Record<string, unknown>> = {}): never {
  throw new SequencerError(message, { code: 'BID_INVALID', details })
}
