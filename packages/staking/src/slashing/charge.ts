import type { Exposure } from '../pool/commands.js'
import { areCorrelated, book, type Draft, find, put } from '../pool/draft.js'
import type { DelegatedStake, Sequencer, SlashCase, Unlocking } from '../pool/types.js'
import { type Bond, bondsWei, cutBonds, scaleBonds } from '../stake/bonds.js'
import { offenceRules, ownPenaltyBps, penaltyBps, penaltyWei, splitSlash } from './penalty.js'

/** Within it a repeated service fault costs more. */
export const month = 30n * 86_400n

/** Executed safety cases of the same class within the correlation window, the case itself included. */
export function correlated(draft: Draft, open: SlashCase): SlashCase[] {
  return draft.recentSafety
    .map(id => draft.cases.get(id)!)
    .filter(other => other.status === 'executed' && areCorrelated(draft, other, open))
}

type Price = {
  readonly executed: SlashCase
  readonly ownBps: number
  readonly fractionBps: number
  /** What it costs by itself, and what others add to it. */
  readonly ownWei: bigint
  readonly correlatedWei: bigint
}

/** What a case costs today, given every case that has been executed. */
function priceOf(draft: Draft, executed: SlashCase, own: readonly SlashCase[]): Price {
  const { kind, stakeWei, totalWei, excessOfflineBps } = executed
  const stakes = new Map<number, bigint>([[executed.id, stakeWei]])
  for (const other of correlated(draft, executed)) {
    if (other.id !== executed.id && other.stakeWei > (stakes.get(other.id) ?? 0n)) stakes.set(other.id, other.stakeWei)
  }
  let offendersWei = 0n
  for (const stake of stakes.values()) offendersWei += stake
  const repetition = own.filter(
    other =>
      other.kind === kind &&
      other.offenceAtSeconds > executed.offenceAtSeconds - month &&
      (other.offenceAtSeconds < executed.offenceAtSeconds ||
        (other.offenceAtSeconds === executed.offenceAtSeconds && other.evidenceId <= executed.evidenceId)),
  ).length
  const input = { kind, stakeWei, totalWei, offendersWei, repetition, excessOfflineBps }
  const ownBps = ownPenaltyBps(input)
  const fractionBps = penaltyBps(input)
  const ownWei = penaltyWei(ownBps, stakeWei)
  return { executed, ownBps, fractionBps, ownWei, correlatedWei: penaltyWei(fractionBps, stakeWei) - ownWei }
}

/**
 * Charges what a sequencer's executed cases cost by now beyond what it has paid. Of faults of one time the worst is
 * paid, so that two proofs of one fault do not count twice; every other time is paid for as well, without an end. What
 * others add is paid once, where it is most. Both are functions of the set of executed cases, whatever their order.
 */
export function charge(draft: Draft, id: number): void {
  const own = find(draft, id)
    .caseIds.map(caseId => draft.cases.get(caseId)!)
    .filter(({ status }) => status === 'executed')
  const prices = own.map(executed => priceOf(draft, executed, own))
  const due = new Map<SlashCase, { price: Price; ownWei: bigint; correlatedWei: bigint }>()
  const add = (price: Price, part: 'ownWei' | 'correlatedWei', wei: bigint): void => {
    if (wei <= 0n) return
    const entry = due.get(price.executed) ?? { price, ownWei: 0n, correlatedWei: 0n }
    due.set(price.executed, { ...entry, [part]: wei })
  }
  const times = new Map<bigint, Price[]>()
  for (const price of prices) {
    const { offenceAtSeconds } = price.executed
    times.set(offenceAtSeconds, [...(times.get(offenceAtSeconds) ?? []), price])
  }
  for (const group of times.values()) {
    const worst = group.reduce((most, price) => (price.ownWei > most.ownWei ? price : most))
    const paidWei = group.reduce((sum, { executed }) => sum + executed.ownWei, 0n)
    add(worst, 'ownWei', worst.ownWei - paidWei)
  }
  const worst = prices.reduce<Price | undefined>(
    (most, price) => (most === undefined || price.correlatedWei > most.correlatedWei ? price : most),
    undefined,
  )
  if (worst !== undefined) {
    const paidWei = own.reduce((sum, executed) => sum + executed.correlatedWei, 0n)
    add(worst, 'correlatedWei', worst.correlatedWei - paidWei)
  }
  const ordered = [...due.values()].sort((a, b) => before(a.price.executed, b.price.executed))
  for (const { price, ownWei, correlatedWei } of ordered) {
    const executed = {
      ...price.executed,
      ownWei: price.executed.ownWei + ownWei,
      correlatedWei: price.executed.correlatedWei + correlatedWei,
    }
    draft.cases = draft.cases.set(executed.evidenceId, executed)
    take(draft, executed, executed.correlatedWei > 0n ? price.fractionBps : price.ownBps, ownWei + correlatedWei)
  }
}

const before = (a: SlashCase, b: SlashCase): number =>
  (a.offenceAtSeconds !== b.offenceAtSeconds ? a.offenceAtSeconds < b.offenceAtSeconds : a.evidenceId < b.evidenceId)
    ? -1
    : 1

/** What of a seat was bonded when the fault was committed and is still here: all that may pay for it. */
type Liable = { readonly bondWei: bigint; readonly unlockingWei: bigint; readonly delegatorsWei: bigint }

const isExposed = (entry: Unlocking, open: SlashCase): boolean => entry.startedEpoch >= open.stakeEpoch

function liableOf(draft: Draft, sequencer: Sequencer, open: SlashCase): Liable {
  let unlockingWei = 0n
  for (const entry of sequencer.unlocking) {
    if (isExposed(entry, open)) unlockingWei += bondsWei(entry.bonds, open.stakeEpoch)
  }
  const { bonds, redeeming } = sequencer.delegated
  let delegatorsWei = 0n
  if (draft.config.delegatorsSlashable) {
    delegatorsWei = bondsWei(bonds, open.offenceEpoch)
    for (const group of redeeming) {
      if (group.startedEpoch >= open.offenceEpoch) delegatorsWei += bondsWei(group.bonds, open.offenceEpoch)
    }
  }
  return { bondWei: bondsWei(sequencer.bonds, open.stakeEpoch), unlockingWei, delegatorsWei }
}

/** The most a case can cost its seat, should it cost up to `mostWei`. */
export function exposureOf(draft: Draft, open: SlashCase, mostWei: bigint): Exposure {
  const liable = liableOf(draft, find(draft, open.id), open)
  const operatorWei = liable.bondWei + liable.unlockingWei
  return {
    id: open.id,
    mostWei: min(mostWei, operatorWei + liable.delegatorsWei),
    mostOperatorWei: min(mostWei, operatorWei),
    mostDelegatorsWei: min(mostWei, liable.delegatorsWei),
  }
}

/** What it can cost those who were convicted before: one more offender raises the share of all of them. */
export function furtherExposure(draft: Draft, open: SlashCase): Exposure[] {
  if (!offenceRules[open.kind].safety) return []
  const worst = new Map<number, { other: SlashCase; wei: bigint }>()
  for (const other of correlated(draft, open)) {
    const wei = other.stakeWei - other.ownWei - other.correlatedWei
    if (other.id !== open.id && wei > (worst.get(other.id)?.wei ?? 0n)) worst.set(other.id, { other, wei })
  }
  return [...worst.values()].map(({ other, wei }) => exposureOf(draft, other, wei)).sort((a, b) => a.id - b.id)
}

/**
 * Takes up to `amountWei` of what is liable: the operator's tranche first, then operator and delegators in proportion.
 */
function take(draft: Draft, executed: SlashCase, fractionBps: number, amountWei: bigint): void {
  const sequencer = find(draft, executed.id)
  const liable = liableOf(draft, sequencer, executed)
  const liableOwnWei = liable.bondWei + liable.unlockingWei
  const loss = min(amountWei, liableOwnWei + liable.delegatorsWei)
  const first = min(loss, (liableOwnWei * BigInt(draft.config.firstLossBps)) / 10_000n)
  const rest = liableOwnWei - first + liable.delegatorsWei
  const delegatorsWei = rest === 0n ? 0n : ((loss - first) * liable.delegatorsWei) / rest
  const operatorWei = loss - delegatorsWei

  const bond = cutBonds(sequencer.bonds, executed.stakeEpoch, operatorWei)
  let left = operatorWei - bond.cutWei
  const unlockingWei = left
  const unlocking = sequencer.unlocking.map(entry => {
    if (left === 0n || !isExposed(entry, executed)) return entry
    const { left: bonds, cutWei } = cutBonds(entry.bonds, executed.stakeEpoch, left)
    left -= cutWei
    return { ...entry, bonds, amountWei: entry.amountWei - cutWei }
  })
  const { delegated, redeemingWei } = takeFromDelegators(draft, sequencer.delegated, executed, {
    ofWei: liable.delegatorsWei,
    keptWei: liable.delegatorsWei - delegatorsWei,
  })
  put(draft, {
    ...sequencer,
    amountWei: sequencer.amountWei - bond.cutWei,
    bonds: bond.left,
    unlocking,
    delegated,
  })
  const { kind, evidenceId, reporter, id } = executed
  const split = splitSlash(kind, loss, reporter !== undefined)
  book(draft, { burntWei: split.burntWei, treasuryWei: split.treasuryWei, paidOutWei: split.reporterWei })
  draft.events.push({
    type: 'Slashed',
    id,
    evidenceId,
    kind,
    fractionBps,
    operatorWei,
    unlockingWei,
    delegatorsWei,
    redeemingWei,
    ...split,
  })
}

/**
 * Leaves `keptWei` of `ofWei` to every delegator who was in, bonded still or on his way out; positions learn of it when
 * they are touched.
 */
function takeFromDelegators(
  draft: Draft,
  delegated: DelegatedStake,
  { offenceEpoch }: SlashCase,
  share: { readonly ofWei: bigint; readonly keptWei: bigint },
): { delegated: DelegatedStake; redeemingWei: bigint } {
  if (share.keptWei === share.ofWei) return { delegated, redeemingWei: 0n }
  const bonds = scaleBonds(delegated.bonds, offenceEpoch, share)
  const redeeming = delegated.redeeming.map(group =>
    group.startedEpoch < offenceEpoch ? group : { ...group, bonds: scaleBonds(group.bonds, offenceEpoch, share) },
  )
  const sums = (lists: readonly (readonly Bond[])[]): bigint => lists.reduce((sum, list) => sum + bondsWei(list), 0n)
  const redeemingWei = sums(delegated.redeeming.map(group => group.bonds)) - sums(redeeming.map(group => group.bonds))
  const bondedWei = bondsWei(delegated.bonds) - bondsWei(bonds)
  // Rounding down entry by entry takes a few wei too many: they stay with the seat, bonded if anything is.
  const dust = bondedWei + redeemingWei - (share.ofWei - share.keptWei)
  const { epoch } = draft
  const perWei = epoch > delegated.rewardedEpoch ? undefined : delegated.rewardPerWei
  const isBonded = bondedWei > 0n
  return {
    delegated: {
      ...delegated,
      wei: delegated.wei - bondedWei + (isBonded ? dust : 0n),
      bonds: isBonded ? withDust(bonds, dust) : bonds,
      redeemingWei: delegated.redeemingWei - redeemingWei + (isBonded ? 0n : dust),
      redeeming,
      losses: [...delegated.losses, { offenceEpoch, epoch, ...share, perWei }],
    },
    redeemingWei: redeemingWei - (isBonded ? 0n : dust),
  }
}

const withDust = (bonds: readonly Bond[], dust: bigint): readonly Bond[] =>
  bonds.map((bond, index) => (index === 0 ? { ...bond, wei: bond.wei + dust } : bond))

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b)
