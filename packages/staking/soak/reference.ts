import type { Address } from 'viem'
import { delegationOf, type PoolCommand, type PoolState, type SequencerPoolEvent } from '../src/index.js'

/** Wei with 64 bits behind the point: the reference rounds nowhere that matters. */
const scale = 1n << 64n

/** One deposit, followed from the epoch it came in to the epoch it left. */
type Lot = {
  readonly seat: number
  /** The owner's own, or a delegator's. */
  readonly by: Address | 'own'
  readonly fromEpoch: bigint
  toEpoch: bigint | undefined
  claimableAtSeconds: bigint
  /** Scaled. */
  wei: bigint
}

type Weights = { own: bigint; delegated: bigint; parts: Map<Address, bigint> }

/**
 * The same pool kept the slow way: every deposit by itself, every weight of every epoch written down, every block
 * shared out over them, every penalty over the deposits that were there. Fed with commands and events only.
 */
export type Reference = {
  add(command: PoolCommand, events: readonly SequencerPoolEvent[], before: PoolState, after: PoolState): void
  /** Compares every position of every delegator. Throws what differs. */
  compare(state: PoolState): void
  readonly figures: { blocks: number; penalties: number; delegatorPenalties: number }
}

export function createReference(): Reference {
  let lots: Lot[] = []
  const weights = new Map<bigint, Map<number, Weights>>()
  const commissions = new Map<number, { bps: bigint; fromEpoch: bigint }[]>()
  const rewards = new Map<string, bigint>()
  const paid = new Map<string, bigint>()
  /** Divisions the pool has rounded in a position. */
  const rounded = new Map<string, bigint>()
  const figures = { blocks: 0, penalties: 0, delegatorPenalties: 0 }
  const keyOf = (seat: number, by: Address): string => `${seat}:${by}`
  const count = (map: Map<string, bigint>, key: string, value: bigint): void => {
    map.set(key, (map.get(key) ?? 0n) + value)
  }
  const fail = (message: string): never => {
    throw new Error(message)
  }

  /**
   * Moves `wei` of somebody's bonded deposits to the way out, the youngest first; of shares, by their part of a
   * deposit.
   */
  const leave = (seat: number, by: Lot['by'], wei: bigint, epoch: bigint, claimableAtSeconds: bigint): void => {
    let rest = wei
    const own = lots.filter(lot => lot.seat === seat && lot.by === by && lot.toEpoch === undefined).reverse()
    for (const lot of own) {
      if (rest <= 0n) break
      const part = lot.wei < rest ? lot.wei : rest
      lots.push({ ...lot, wei: part, toEpoch: epoch, claimableAtSeconds })
      lot.wei -= part
      rest -= part
    }
    lots = lots.filter(lot => lot.wei > 0n)
  }

  const freeze = (epoch: bigint, state: PoolState): void => {
    const all = new Map<number, Weights>()
    for (const lot of lots) {
      if (lot.toEpoch !== undefined || state.sequencers.get(lot.seat)?.status !== 'active') continue
      const entry = all.get(lot.seat) ?? { own: 0n, delegated: 0n, parts: new Map<Address, bigint>() }
      if (lot.by === 'own') entry.own += lot.wei
      else {
        entry.delegated += lot.wei
        entry.parts.set(lot.by, (entry.parts.get(lot.by) ?? 0n) + lot.wei)
      }
      all.set(lot.seat, entry)
    }
    weights.set(epoch, all)
    weights.delete(epoch - 80n)
  }

  const reward = (event: Extract<SequencerPoolEvent, { type: 'RewardAccrued' }>, state: PoolState): void => {
    const { id, fromEpoch, toEpoch, operatorWei, delegatorsWei } = event
    if (fromEpoch !== toEpoch) fail('the reference pays epoch by epoch')
    const amount = operatorWei + delegatorsWei
    if (amount === 0n) return
    figures.blocks++
    const frozen = toEpoch - BigInt(state.config.lookaheadEpochs) - 1n
    const entry = weights.get(frozen > 0n ? frozen : 0n)?.get(id) ?? fail(`seat ${id} was paid for nothing`)
    const { bps } = commissions
      .get(id)!
      .filter(({ fromEpoch: from }, i) => i === 0 || from <= toEpoch)
      .at(-1)!
    const total = entry.own + entry.delegated
    const wanted = (amount * entry.delegated * (10_000n - bps)) / (total * 10_000n)
    const gap = delegatorsWei - wanted
    // One wei of each division, and what the dust of the seat's own sums is to a reward.
    if (gap < -2n || gap > 2n) fail(`delegators of seat ${id} got ${delegatorsWei} wei, their share is ${wanted}`)
    for (const [by, wei] of entry.parts) {
      count(rewards, keyOf(id, by), (delegatorsWei * scale * wei) / entry.delegated)
    }
  }

  const punish = (
    event: Extract<SequencerPoolEvent, { type: 'Slashed' }>,
    before: PoolState,
    guilty: Set<string>,
  ): void => {
    const { id, operatorWei, delegatorsWei, evidenceId } = event
    const { offenceEpoch, stakeEpoch } = before.cases.get(evidenceId)!
    figures.penalties++
    const wasThere = (lot: Lot, epoch: bigint): boolean =>
      lot.seat === id && lot.fromEpoch <= epoch && (lot.toEpoch === undefined || lot.toEpoch >= epoch)
    const own = lots.filter(lot => lot.by === 'own' && wasThere(lot, stakeEpoch))
    const liableWei = own.reduce((sum, lot) => sum + lot.wei, 0n) / scale
    if (operatorWei > liableWei) fail(`the operator of ${id} lost ${operatorWei} wei, ${liableWei} were at stake`)
    // The bond first, then the way out, the oldest first.
    let rest = operatorWei * scale
    const order = [...own].sort((a, b) => Number(a.toEpoch !== undefined) - Number(b.toEpoch !== undefined))
    for (const lot of order) {
      const part = lot.wei < rest ? lot.wei : rest
      lot.wei -= part
      rest -= part
    }
    if (delegatorsWei > 0n) {
      figures.delegatorPenalties++
      const liable = lots.filter(lot => lot.by !== 'own' && wasThere(lot, offenceEpoch))
      const total = liable.reduce((sum, lot) => sum + lot.wei, 0n)
      if (delegatorsWei * scale > total + scale * BigInt(lots.length)) {
        fail(`delegators of ${id} lost ${delegatorsWei} wei, ${total / scale} were at stake`)
      }
      for (const lot of liable) {
        guilty.add(keyOf(id, lot.by as Address))
        lot.wei -= (delegatorsWei * scale * lot.wei) / total
        count(rounded, keyOf(id, lot.by as Address), 2n)
      }
    }
    lots = lots.filter(lot => lot.wei > 0n)
  }

  /** Who was not in when it happened does not lose a wei, whatever the others of the seat pay. */
  const spare = (
    seats: ReadonlySet<number>,
    guilty: ReadonlySet<string>,
    before: PoolState,
    after: PoolState,
  ): void => {
    for (const [key, { id, delegator }] of before.delegations.entries()) {
      if (!seats.has(id) || guilty.has(key)) continue
      const [was, is] = [before, after].map(state => delegationOf(state, id, delegator))
      if (was!.assetsWei !== is!.assetsWei || was!.redeemingWei !== is!.redeemingWei) {
        fail(`${delegator} pays in seat ${id} for a time in which he was not there`)
      }
    }
  }

  return {
    figures,
    add(command, events, before, after) {
      const { epoch } = before
      const guilty = new Set<string>()
      const seats = new Set<number>()
      for (const event of events) {
        switch (event.type) {
          case 'Locked': {
            const { commissions: seat } = after.sequencers.get(event.id)!
            commissions.set(event.id, [{ bps: BigInt(seat[0]!.bps), fromEpoch: 0n }])
            const lot = {
              seat: event.id,
              by: 'own',
              fromEpoch: epoch,
              toEpoch: undefined,
              claimableAtSeconds: 0n,
            } as const
            lots.push({ ...lot, wei: event.amountWei * scale })
            break
          }
          case 'Relocked':
            if (before.sequencers.get(event.id)!.status === 'active') {
              const lot = {
                seat: event.id,
                by: 'own',
                fromEpoch: epoch,
                toEpoch: undefined,
                claimableAtSeconds: 0n,
              } as const
              lots.push({ ...lot, wei: event.amountWei * scale })
            }
            break
          case 'UnlockStarted':
            leave(event.id, 'own', event.amountWei * scale, epoch, event.claimableAtSeconds)
            break
          case 'StakePaid': {
            const due = lots.filter(
              lot =>
                lot.by === 'own' &&
                lot.seat === event.id &&
                lot.toEpoch !== undefined &&
                lot.claimableAtSeconds <= command.atSeconds,
            )
            const wei = due.reduce((sum, lot) => sum + lot.wei, 0n) / scale
            if (wei !== event.amountWei) fail(`seat ${event.id} was paid ${event.amountWei} wei, ${wei} were due`)
            lots = lots.filter(lot => !due.includes(lot))
            break
          }
          case 'Delegated': {
            const lot = {
              seat: event.id,
              by: event.delegator,
              fromEpoch: epoch,
              toEpoch: undefined,
              claimableAtSeconds: 0n,
            }
            lots.push({ ...lot, wei: event.amountWei * scale })
            count(rounded, keyOf(event.id, event.delegator), 2n)
            break
          }
          case 'Undelegated': {
            // What left is what the pool says left: shares are its own measure, and the pieces of a deposit keep its
            // epoch.
            const [was, is] = [before, after].map(state => delegationOf(state, event.id, event.delegator).assetsWei)
            const whole = is === 0n
            const wei = whole ? 1n << 200n : (was! - is!) * scale
            leave(event.id, event.delegator, wei, epoch, event.claimableAtSeconds)
            count(rounded, keyOf(event.id, event.delegator), 4n)
            break
          }
          case 'DelegationPaid':
            lots = lots.filter(
              lot =>
                lot.seat !== event.id ||
                lot.by !== event.delegator ||
                lot.toEpoch === undefined ||
                lot.claimableAtSeconds > command.atSeconds,
            )
            break
          case 'DelegationRewardsPaid':
            count(paid, keyOf(event.id, event.delegator), event.amountWei)
            count(rounded, keyOf(event.id, event.delegator), 2n)
            break
          case 'CommissionChanged':
            commissions.get(event.id)!.push({ bps: BigInt(event.commissionBps), fromEpoch: event.fromEpoch })
            break
          case 'EpochAdvanced':
            freeze(epoch, before)
            break
          case 'RewardAccrued':
            reward(event, after)
            break
          case 'Slashed':
            punish(event, before, guilty)
            seats.add(event.id)
        }
      }
      if (seats.size > 0) spare(seats, guilty, before, after)
    },
    compare(state) {
      const stakes = new Map<string, { staked: bigint; leaving: bigint }>()
      for (const lot of lots) {
        if (lot.by === 'own') continue
        const sum = stakes.get(keyOf(lot.seat, lot.by)) ?? { staked: 0n, leaving: 0n }
        if (lot.toEpoch === undefined) sum.staked += lot.wei
        else sum.leaving += lot.wei
        stakes.set(keyOf(lot.seat, lot.by), sum)
      }
      const keys = new Set([...stakes.keys(), ...rewards.keys()])
      for (const key of keys) {
        const [seat, by] = key.split(':') as [string, Address]
        const view = delegationOf(state, Number(seat), by)
        const { staked, leaving } = stakes.get(key) ?? { staked: 0n, leaving: 0n }
        const tolerance = 16n + (rounded.get(key) ?? 0n)
        const near = (what: string, is: bigint, wanted: bigint): void => {
          if (is - wanted > tolerance || wanted - is > tolerance) {
            fail(`${what} of ${by} in seat ${seat}: ${is} wei, ${wanted} expected`)
          }
        }
        near('stake', view.assetsWei, staked / scale)
        near('redemptions', view.redeemingWei, leaving / scale)
        near('rewards', view.rewardWei + (paid.get(key) ?? 0n), (rewards.get(key) ?? 0n) / scale)
      }
    },
  }
}
