import { isL2Error } from '@l2/common'
import type { Random } from '@l2/common/testing'
import {
  allocatable,
  applyLiquid,
  assets,
  cashOf,
  createLiquid,
  heldAssets,
  inBunker,
  type Liquid,
  type LiquidOptions,
  liquidPosition,
  liquidShares,
  owedAssets,
  type PresetName,
  pendingRewards,
  presets,
  queueOf,
  quoteWithdrawal,
  type RateE27,
  rateOne,
  receiptsOf,
  type Shares,
  shares,
} from '../src/index.js'
import { seatAssets } from '../src/seats/index.js'
import { vestedClaimable } from '../src/vault/index.js'
import { claimable, exitCost, requested } from '../src/withdrawal/index.js'

export const oneMetis = 10n ** 18n
export const daySeconds = 86_400n
export const people = ['alice', 'bob', 'carol', 'dave', 'erin']
const seats = [1, 2, 3]

/** Every preset in both profiles, and every vault with both kinds of exit. */
export type Variant = { readonly name: string; readonly options: LiquidOptions }

/** What a live vault needs to be run with the queue. */
const queued = {
  exits: 'queue',
  lossPath: true,
  vestingBps: 0n,
  receipts: false,
  cycleCheckpoint: true,
  legacyRounding: false,
} as const

export const variants: readonly Variant[] = (Object.keys(presets) as PresetName[]).flatMap(preset =>
  (['sdk', 'protocol'] as const).flatMap(profile => {
    const base = presets[preset][profile]
    const modes: Variant[] = [{ name: `${preset}/${profile}/${base.exits}`, options: { preset, profile } }]
    if (base.model === 'rebasing') return modes
    const { cycleCheckpoint, legacyRounding, vestingBps, receipts, ...rest } = queued
    const other: LiquidOptions =
      base.exits === 'queue'
        ? { preset, profile, exits: 'fixed' }
        : {
            preset,
            profile,
            ...rest,
            ...(base.model === 'cycle' ? { cycleCheckpoint } : {}),
            ...(base.model === 'rate' ? { legacyRounding } : {}),
            ...(base.vestingBps > 0n ? { vestingBps } : {}),
            ...(base.receipts ? { receipts } : {}),
          }
    return [...modes, { name: `${preset}/${profile}/${base.exits === 'queue' ? 'fixed' : 'queue'}`, options: other }]
  }),
)

type Command = Parameters<typeof applyLiquid>[1]

/** One protocol under random use. Whatever must not fail throws out of it. */
export class World {
  lst: Liquid
  nowSeconds: bigint
  refused = 0
  done = 0
  reports = 0
  /** What was done last, for messages. */
  last = ''
  private evidence = 0

  constructor(
    readonly variant: Variant,
    readonly random: Random,
    changes: Partial<LiquidOptions> = {},
  ) {
    this.nowSeconds = 100n * daySeconds
    const bare = { entrySeconds: random.pick([0n, 3_600n, 604_800n]), nowSeconds: this.nowSeconds }
    this.lst = createLiquid({ ...variant.options, ...bare, ...changes })
    for (const seat of seats)
      this.must({ type: 'registerSeat', seat, bond: random.bool() ? 0n : BigInt(random.below(50)) * oneMetis })
  }

  /** Performs what cannot be refused. */
  must<const C extends Command>(command: C) {
    this.last = JSON.stringify(command, (_, item) => (typeof item === 'bigint' ? `${item}` : item))
    const { state, result, events } = applyLiquid(this.lst, command)
    this.lst = state
    return { result, events }
  }

  /** Performs what somebody tries; a refusal leaves everything as it was. */
  tries(command: Command): boolean {
    this.last = JSON.stringify(command, (_, item) => (typeof item === 'bigint' ? `${item}` : item))
    try {
      this.lst = applyLiquid(this.lst, command).state
      return true
    } catch (error) {
      if (!isL2Error(error)) throw error
      this.refused += 1
      return false
    }
  }

  later(seconds: bigint): bigint {
    this.nowSeconds += seconds
    return this.nowSeconds
  }

  /** A report must succeed, whoever asked for what; only an unconfirmed loss can wait for a second opinion. */
  report(confirmed = true): void {
    const nowSeconds = this.later(1n + BigInt(this.random.below(3)))
    if (confirmed) this.must({ type: 'report', nowSeconds, confirmed })
    else
      try {
        this.must({ type: 'report', nowSeconds })
      } catch (error) {
        if (!isL2Error(error, 'LOSS_TOO_HIGH') || this.lst.lossPending === 0n) throw error
        this.must({ type: 'report', nowSeconds, confirmed: true })
      }
    this.reports += 1
  }

  feed(event: { type: string; [field: string]: unknown }): void {
    this.must({ type: 'feed', sequence: this.lst.feedCursor + 1n, event })
  }

  amount(): bigint {
    const size = this.random.below(12)
    if (size === 0) return BigInt(this.random.below(300))
    if (size < 3) return BigInt(this.random.below(1_000_000))
    if (size === 11) return BigInt(20_000 + this.random.below(40_000)) * oneMetis
    return BigInt(this.random.below(3_000)) * oneMetis + BigInt(this.random.below(1_000_000_000))
  }

  /** Shares of an account: all, a part, or a dust whose own rate is floored most. */
  shares(account: string): bigint {
    const held = liquidShares(this.lst, account)
    const kind = this.random.below(6)
    if (kind === 0) return held
    if (kind < 3) {
      const dust = 100n + BigInt(this.random.below(200))
      return dust < held ? dust : held
    }
    return (held * BigInt(this.random.below(101))) / 200n
  }

  reward(): void {
    const id = this.random.pick(seats)
    // Rewards come bunched: a day's or a month's of a seat.
    const wei = BigInt(this.random.below(1_000)) * 10n ** 16n * this.random.pick([1n, 1n, 7n, 30n])
    this.feed({ type: 'RewardAccrued', id, operatorWei: wei, delegatorsWei: 7n })
  }

  slash(): void {
    const id = this.random.pick(seats)
    const held = seatAssets(this.lst.seats.seats.get(id)!)
    const wei = (held * BigInt(1 + this.random.below(1_000))) / this.random.pick([10_000n, 10_000n, 2_000n])
    if (wei === 0n || wei > held) return
    const leaving = this.random.bool() ? 0n : wei / 2n
    this.feed({ type: 'Slashed', id, operatorWei: wei, delegatorsWei: 3n, unlockingWei: leaving })
  }

  offence(): void {
    const id = this.random.pick(seats)
    if (this.random.bool() && this.lst.openCases.size > 0) {
      const [evidenceId] = this.random.pick([...this.lst.openCases])
      this.feed({ type: 'CaseClosed', evidenceId })
      return
    }
    const most = this.random.pick([undefined, 0n, oneMetis, 3n * oneMetis, 20_000n * oneMetis])
    const evidenceId = `0x${this.evidence++}`
    this.feed({ type: 'OffenceAdmitted', id, evidenceId, kind: 'DOWNTIME', mostWei: most, mostOperatorWei: most })
  }

  /** A claim of somebody: any that may be ready, whoever's it is. */
  claim(): void {
    const { lst } = this
    if (lst.config.exits === 'queue') {
      const queue = queueOf(lst)
      if (queue.lastFinalizedId === 0n) return
      const id = queue.lastFinalizedId - BigInt(this.random.below(Math.min(20, Number(queue.lastFinalizedId))))
      this.tries({ type: 'claim', id, account: queue.requests.get(id)!.owner, nowSeconds: this.nowSeconds })
      return
    }
    const exits = lst.core.model === 'rate' ? lst.core.state.requests : lst.tickets.tickets
    if (exits.size === 0) return
    const id = BigInt(this.random.below(exits.size))
    this.tries({ type: 'claim', id, account: exits.get(id)!.owner, nowSeconds: this.nowSeconds })
  }

  /** One operation of anybody. */
  perform(): void {
    const { random } = this
    const account = random.pick(people)
    const nowSeconds = this.later(BigInt(random.below(20_000)))
    this.done += 1
    switch (random.below(22)) {
      case 0:
      case 1:
      case 2:
      case 3:
        this.tries({ type: 'deposit', account, assets: assets(this.amount()), nowSeconds })
        return
      case 4:
      case 5:
      case 6:
      case 7:
        this.tries({ type: 'requestWithdrawal', account, shares: shares(this.shares(account)), nowSeconds })
        return
      case 8:
      case 9:
      case 10:
        this.claim()
        return
      case 11: {
        const moved = shares(this.shares(account))
        this.tries({ type: 'transfer', from: account, to: random.pick(people), shares: moved })
        return
      }
      case 12:
      case 13:
        this.report(random.bool())
        return
      case 14:
        if (!inBunker(this.lst)) this.must({ type: 'allocate', nowSeconds })
        return
      case 15:
        this.must({ type: 'nextBatch' })
        this.must({ type: 'raiseCash', nowSeconds })
        return
      case 16:
      case 17:
        this.reward()
        return
      case 18:
        if (random.below(4) === 0) this.slash()
        return
      case 19:
        this.offence()
        return
      case 20:
        this.receipt(account)
        return
      default:
        if (random.bool()) this.must({ type: 'settle', nowSeconds })
        else this.tries({ type: 'collectFees' })
    }
  }

  receipt(account: string): void {
    const { nowSeconds } = this
    const held = receiptsOf(this.lst, account)
    const part = (held * BigInt(1 + this.random.below(100))) / 100n
    switch (this.random.below(5)) {
      case 0:
        this.tries({ type: 'mintReceipt', account, assets: assets(this.amount()), nowSeconds })
        return
      case 1:
        this.tries({ type: 'stakeReceipt', account, assets: assets(part), nowSeconds })
        return
      case 2:
        this.tries({ type: 'unstakeReceipt', account, shares: shares(this.shares(account)), nowSeconds })
        return
      case 3:
        this.tries({ type: 'redeemReceipt', account, assets: assets(part), nowSeconds })
        return
      default:
        this.tries({ type: 'transferReceipt', from: account, to: this.random.pick(people), assets: assets(part) })
    }
  }

  /** Every wei has its place, at every step. */
  balanced(): void {
    const { deposited, rewarded, paid, lost } = this.lst.totals
    const held = heldAssets(this.lst)
    if (deposited + rewarded !== held + paid + lost)
      throw new Error(`in ${deposited + rewarded} ≠ held ${held} + paid ${paid} + lost ${lost}`)
    const owed = owedAssets(this.lst)
    if (owed !== held) throw new Error(`owed ${owed} ≠ held ${held}`)
  }

  /** Closes what is open and lets the keeper do its rounds until nobody waits; throws when somebody waits forever. */
  drain(days = 120): void {
    this.close()
    for (let day = 0; day < days; day++) {
      this.must({ type: 'nextBatch' })
      this.must({ type: 'raiseCash', nowSeconds: this.nowSeconds })
      this.later(daySeconds)
      this.report()
      if (this.waiting() === 0n) return
    }
    throw new Error(
      `after ${days} days exits of ${this.waiting()} wei wait, with ${cashOf(this.lst)} wei of cash and ${allocatable(this.lst)} to spare`,
    )
  }

  close(): void {
    for (const [evidenceId] of this.lst.openCases) this.feed({ type: 'CaseClosed', evidenceId })
  }

  waiting(): bigint {
    const { lst } = this
    if (lst.config.exits === 'queue') {
      const queue = queueOf(lst)
      return queue.lastRequestId - queue.lastFinalizedId
    }
    if (lst.core.model === 'rate') return BigInt(lst.core.state.requests.size) - lst.core.state.nextUnlock
    return 0n
  }

  private pays(id: bigint, account: string): bigint {
    const { state, result } = applyLiquid(this.lst, { type: 'claim', id, account, nowSeconds: this.nowSeconds })
    this.lst = state
    return result
  }

  /** Everybody claims; what then stays set aside is for nobody. */
  claimAll(): { paid: bigint; left: bigint } {
    let paid = 0n
    if (this.lst.config.exits === 'queue') {
      for (const [id, { owner, claimed }] of queueOf(this.lst).requests) if (!claimed) paid += this.pays(id, owner)
      return { paid, left: queueOf(this.lst).locked }
    }
    const { core } = this.lst
    if (core.model === 'rate') {
      for (const [id, { owner, done }] of core.state.requests) if (!done) paid += this.pays(id, owner)
      return { paid, left: this.lst.core.model === 'rate' ? this.lst.core.state.withdrawCash : 0n }
    }
    for (const [id, { owner, state }] of this.lst.tickets.tickets) if (state === 'open') paid += this.pays(id, owner)
    return { paid, left: this.lst.tickets.owed }
  }

  /** Everybody asks for everything, in as many parts as it takes. */
  everybodyLeaves(): void {
    for (const account of [...people, 'treasury', 'operators', 'deployer'])
      for (let rounds = 0; rounds < 20; rounds++) {
        const held = liquidShares(this.lst, account)
        const worth = quoteWithdrawal(this.lst, held).amount
        if (account === 'deployer' || worth < this.smallest()) break
        const most = 900n * this.lst.config.maxRequest
        const part = worth > most ? (held * most) / worth : held
        this.must({ type: 'requestWithdrawal', account, shares: shares(part), nowSeconds: this.nowSeconds })
      }
  }

  smallest(): bigint {
    return this.lst.config.exits === 'queue' ? this.lst.config.minRequest : 1n
  }

  /**
   * What an account has, wherever it is, wei: shares, exits on their way at what they would be paid, and what can be
   * claimed.
   */
  wealth(account: string): bigint {
    const { lst } = this
    let all = liquidPosition(lst, account).assets + receiptsOf(lst, account)
    const user = lst.vesting.users.get(account)
    if (user !== undefined)
      all += user.balance + vestedClaimable({ ...lst.vesting, nowSeconds: user.lastSeconds }, account)
    if (lst.config.exits === 'queue') {
      const queue = queueOf(lst)
      const rate = quoteWithdrawal(lst, rateOne as bigint as Shares).amount as bigint as RateE27
      for (const [id, request] of queue.requests) {
        if (request.claimed || request.owner !== account) continue
        if (id <= queue.lastFinalizedId) all += claimable(queue, id)
        else {
          const asked = requested(queue, id)
          all += exitCost(asked.assets, asked.shares, rate)
        }
      }
      return all
    }
    if (lst.core.model === 'rate') {
      for (const [, request] of lst.core.state.requests)
        if (!request.done && request.owner === account) all += request.assets
    } else
      for (const [, ticket] of lst.tickets.tickets)
        if (ticket.state === 'open' && ticket.owner === account) all += ticket.assets
    return all
  }

  /** Lets everything that was earned and given up reach the rate, so that nothing more comes by waiting. */
  quiet(): boolean {
    this.close()
    this.report()
    // Exits of fixed amount do not share a loss: what nobody has cannot be paid.
    if (this.lst.unbacked > 0n) return false
    this.drain()
    for (let i = 0; i < 400; i++) {
      const { core } = this.lst
      const vault = core.model === 'cycle' ? core.state : undefined
      const releasing =
        vault !== undefined &&
        (vault.nowSeconds < vault.cycleEndSeconds || vault.assetBalance > vault.stored + vault.reward)
      const burning = core.model === 'rebasing' && core.state.burnRequested > 0n
      if (pendingRewards(this.lst) + this.lst.givenUp === 0n && !releasing && !burning) return true
      this.later(30n * daySeconds)
      this.report()
    }
    return false
  }
}
