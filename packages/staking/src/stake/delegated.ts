import { OrderedMap } from '@l2/common'
import type { DelegatedStake, Delegation, DelegationExit, DelegatorLoss, Lot, Tail } from '../pool/types.js'
import { addBond, joinBonds, keep, takeBond } from './bonds.js'

/** Fixed point of rewards per wei: 2^96. */
export const perWeiBits = 96n

/** No delegators yet. */
export const noDelegations: DelegatedStake = {
  wei: 0n,
  bonds: [],
  redeemingWei: 0n,
  redeeming: [],
  rewardWei: 0n,
  rewardPerWei: 0n,
  rewardedEpoch: -1n,
  marks: /*#__PURE__*/ OrderedMap.from(),
  losses: [],
}

/** Key of a position in `PoolState.delegations`. */
export const delegationKey = (id: number, delegator: string): string => `${id}:${delegator}`

/** Whether stake of these epochs answers for a loss: it had come in and had not left when the fault was committed. */
const answers = (loss: DelegatorLoss, fromEpoch: bigint, toEpoch?: bigint): boolean =>
  fromEpoch <= loss.offenceEpoch && (toEpoch === undefined || toEpoch >= loss.offenceEpoch)

/** What stake is worth after every loss it has not seen yet, wei, rounded down. */
export function valueWei(
  delegated: DelegatedStake,
  stake: { readonly wei: bigint; readonly fromEpoch: bigint; readonly losses: number },
  toEpoch?: bigint,
): bigint {
  let { wei } = stake
  for (let i = stake.losses; i < delegated.losses.length; i++) {
    const loss = delegated.losses[i]!
    if (answers(loss, stake.fromEpoch, toEpoch)) wei = keep(wei, loss)
  }
  return wei
}

/** A position brought up to date, and the marks it needs no more. */
type Settled = { held: Delegation; released: readonly bigint[] }

type Earning = Omit<Tail, 'toEpoch'>
type Paid = { wei: bigint; paidPerWei: bigint; losses: number }

/** Pays a position what its stake has earned until now: the F1 step, over weights instead of balances. */
export function settlePosition(delegated: DelegatedStake, held: Delegation): Settled {
  const released: bigint[] = []
  let { rewardWei } = held
  /** Stake that was paid up to the same figure is paid together. */
  let runWei = 0n
  let runPaid = 0n
  const pay = (wei: bigint, from: bigint, upTo: bigint): void => {
    rewardWei += (wei * (upTo - from)) >> perWeiBits
  }
  /** Pays for the time up to the last loss of which the weights are known, and makes the weight smaller by each. */
  const lose = (stake: Earning, toEpoch?: bigint): Paid | undefined => {
    let { wei, paidPerWei, losses } = stake
    if (paidPerWei === undefined) {
      paidPerWei = markAt(delegated, stake.fromEpoch)
      if (paidPerWei === undefined) return undefined
      released.push(stake.fromEpoch)
    }
    // A loss makes later weights smaller: up to it the greater one earned.
    for (let loss = delegated.losses[losses]; loss?.perWei !== undefined; loss = delegated.losses[++losses]) {
      if (toEpoch !== undefined && loss.epoch >= toEpoch) break
      if (!answers(loss, stake.fromEpoch, toEpoch)) continue
      pay(wei, paidPerWei, loss.perWei)
      paidPerWei = loss.perWei
      wei = keep(wei, loss)
    }
    return { wei, paidPerWei, losses }
  }
  const upTo = delegated.rewardPerWei
  const lots: Lot[] = []
  for (const lot of held.lots) {
    const paid = lot.paidPerWei !== undefined && lot.losses === delegated.losses.length ? lot : lose(lot)
    if (paid?.paidPerWei === undefined || paid.paidPerWei === upTo) {
      lots.push(paid === undefined || paid === lot ? lot : { ...lot, ...paid })
      continue
    }
    if (paid.paidPerWei !== runPaid) {
      pay(runWei, runPaid, upTo)
      runWei = 0n
      runPaid = paid.paidPerWei
    }
    runWei += paid.wei
    const { shares, fromEpoch } = lot
    lots.push({ shares, wei: paid.wei, fromEpoch, paidPerWei: upTo, losses: paid.losses })
  }
  pay(runWei, runPaid, upTo)
  const tails: Tail[] = []
  for (const tail of held.tails) {
    const paid = lose(tail, tail.toEpoch)
    const end = paid === undefined ? undefined : markAt(delegated, tail.toEpoch)
    if (paid !== undefined) pay(paid.wei, paid.paidPerWei, end ?? upTo)
    if (end !== undefined) released.push(tail.toEpoch)
    else tails.push(paid === undefined ? tail : { ...tail, ...paid, paidPerWei: upTo })
  }
  return { held: { ...held, lots, tails, rewardWei }, released }
}

/**
 * Joins the lots of a settled position that nothing tells apart any more. The seat's own bonds must have been joined up
 * to `horizon` before.
 *
 * @param payableEpoch No weights of an earlier epoch will be paid any more: what came in up to then begins to earn
 * together.
 */
export function joinLots(delegated: DelegatedStake, held: Delegation, horizon: bigint, payableEpoch: bigint): Settled {
  const joined: Lot[] = []
  const released: bigint[] = []
  let count = 0
  for (; count < held.lots.length && held.lots[count]!.fromEpoch <= horizon; count++) {
    const lot = held.lots[count]!
    const last = joined[joined.length - 1]
    const isOpen = lot.paidPerWei === undefined
    const alike =
      last !== undefined &&
      lot.paidPerWei === last.paidPerWei &&
      lot.losses === last.losses &&
      (!isOpen || lot.fromEpoch <= payableEpoch) &&
      isHitAlike(delegated, last, lot)
    if (alike) joined[joined.length - 1] = { ...lot, shares: last.shares + lot.shares, wei: last.wei + lot.wei }
    else joined.push(lot)
    if (alike && isOpen) released.push(last.fromEpoch)
  }
  if (joined.length === count) return { held, released }
  return { held: { ...held, lots: joined.concat(held.lots.slice(count)) }, released }
}

/**
 * Whether losses that neither has seen hit both or none: those that wait for their weights to be paid may be older than
 * the horizon.
 */
function isHitAlike(delegated: DelegatedStake, a: Lot, b: Lot): boolean {
  for (let i = a.losses; i < delegated.losses.length; i++) {
    const loss = delegated.losses[i]!
    if (answers(loss, a.fromEpoch) !== answers(loss, b.fromEpoch)) return false
  }
  return true
}

/**
 * Whether joining would take most lots of a position away. To ask for it only then makes adding to a position cheap,
 * however long its past.
 */
export function isLong(held: Delegation, payableEpoch: bigint): boolean {
  const middle = held.lots[held.lots.length >> 1]
  return held.lots.length >= 8 && middle!.fromEpoch <= payableEpoch
}

/** `perWei` of a mark, `undefined` while it is open. */
function markAt(delegated: DelegatedStake, epoch: bigint): bigint | undefined {
  return epoch > delegated.rewardedEpoch ? undefined : delegated.marks.get(epoch)?.perWei
}

/** Adds a position's stake of the running epoch. */
export function addStake(
  delegated: DelegatedStake,
  held: Delegation,
  epoch: bigint,
  wei: bigint,
): { delegated: DelegatedStake; held: Delegation } {
  const losses = delegated.losses.length
  const last = held.lots[held.lots.length - 1]
  // More of the same epoch and of the same past joins what is there.
  if (last?.fromEpoch === epoch && last.losses === losses) {
    if (last.paidPerWei === undefined || last.paidPerWei === delegated.rewardPerWei) {
      const lot = { ...last, shares: last.shares + wei, wei: last.wei + wei }
      return {
        delegated: { ...delegated, wei: delegated.wei + wei, bonds: addBond(delegated.bonds, epoch, wei) },
        held: { ...held, lots: [...held.lots.slice(0, -1), lot] },
      }
    }
  }
  // Only in the very first epochs weights are paid for while they still change: then what was credited before is not
  // for it.
  const isPaid = epoch <= delegated.rewardedEpoch
  const paidPerWei = isPaid ? delegated.rewardPerWei : undefined
  const lot: Lot = { shares: wei, wei, fromEpoch: epoch, paidPerWei, losses }
  return {
    delegated: {
      ...delegated,
      wei: delegated.wei + wei,
      bonds: addBond(delegated.bonds, epoch, wei),
      marks: isPaid ? delegated.marks : withMark(delegated.marks, epoch),
    },
    held: { ...held, lots: [...held.lots, lot] },
  }
}

/** Moves shares of a settled position to its way out, the youngest first. Their weights go on earning until `epoch`. */
export function leaveStake(
  delegated: DelegatedStake,
  held: Delegation,
  input: { shares: bigint; epoch: bigint; claimableAtSeconds: bigint },
): { delegated: DelegatedStake; held: Delegation } {
  const { epoch, claimableAtSeconds } = input
  const lots = [...held.lots]
  const tails = [...held.tails]
  const redemptions = [...held.redemptions]
  let { wei, bonds, redeemingWei, redeeming, marks } = delegated
  for (let rest = input.shares; rest > 0n; ) {
    const lot = lots.pop()!
    const shares = lot.shares < rest ? lot.shares : rest
    const whole = shares === lot.shares
    const value = valueWei(delegated, lot)
    const partWei = whole ? value : (value * shares) / lot.shares
    // Rounded up, so that the value of what stays and of what goes is never more than that of both.
    const weight = whole ? lot.wei : (lot.wei * shares + lot.shares - 1n) / lot.shares
    if (!whole) lots.push({ ...lot, shares: lot.shares - shares, wei: lot.wei - weight })
    rest -= shares
    wei -= partWei
    bonds = takeBond(bonds, lot.fromEpoch, partWei)
    redeemingWei += partWei
    redeeming = addRedeeming(redeeming, epoch, lot.fromEpoch, partWei)
    const losses = delegated.losses.length
    redemptions.push({
      shares,
      wei: partWei,
      fromEpoch: lot.fromEpoch,
      startedEpoch: epoch,
      claimableAtSeconds,
      losses,
    })
    const { fromEpoch, paidPerWei } = lot
    const isOpen = epoch > delegated.rewardedEpoch
    if (isOpen && fromEpoch < epoch) {
      tails.push({ wei: weight, fromEpoch, toEpoch: epoch, paidPerWei, losses: lot.losses })
      marks = withMark(marks, epoch)
      if (paidPerWei === undefined && !whole) marks = withMark(marks, fromEpoch)
    } else if (paidPerWei === undefined && whole) marks = withoutMark(marks, fromEpoch)
  }
  return {
    delegated: { ...delegated, wei, bonds, redeemingWei, redeeming, marks },
    held: { ...held, lots, tails, redemptions },
  }
}

/** Pays redemptions out of what is held for them. */
export function payStake(
  delegated: DelegatedStake,
  paid: readonly DelegationExit[],
): { delegated: DelegatedStake; amountWei: bigint } {
  let { redeemingWei, redeeming } = delegated
  let amountWei = 0n
  for (const redemption of paid) {
    const wei = valueWei(delegated, redemption, redemption.startedEpoch)
    amountWei += wei
    redeemingWei -= wei
    redeeming = withoutRedeeming(redeeming, redemption.startedEpoch, redemption.fromEpoch, wei)
  }
  return { delegated: { ...delegated, redeemingWei, redeeming }, amountWei }
}

/** Forgets what no fault that can still be brought forward tells apart. */
export function joinDelegated(delegated: DelegatedStake, horizon: bigint): DelegatedStake {
  const bonds = joinBonds(delegated.bonds, horizon)
  let stale = 0
  while (stale < delegated.redeeming.length && delegated.redeeming[stale]!.startedEpoch < horizon) stale++
  if (bonds === delegated.bonds && stale === 0) return delegated
  return { ...delegated, bonds, redeeming: stale === 0 ? delegated.redeeming : delegated.redeeming.slice(stale) }
}

/** Credits rewards for the weights of the end of `epoch`, of which `weightWei` was the delegators'. */
export function creditDelegated(
  delegated: DelegatedStake,
  epoch: bigint,
  weightWei: bigint,
  amountWei: bigint,
): DelegatedStake {
  const { rewardPerWei } = delegated
  // Nobody was ever here: there is nothing to note.
  if (delegated === noDelegations) return delegated
  const next = epoch > delegated.rewardedEpoch ? closeMarks(delegated, epoch) : delegated
  if (amountWei === 0n) return next
  return {
    ...next,
    rewardWei: next.rewardWei + amountWei,
    rewardPerWei: rewardPerWei + (amountWei << perWeiBits) / weightWei,
  }
}

/** Everything before the weights of `epoch` has been paid: marks and losses up to it get their figure. */
function closeMarks(delegated: DelegatedStake, epoch: bigint): DelegatedStake {
  const perWei = delegated.rewardPerWei
  return {
    ...delegated,
    marks: closedMarks(delegated, epoch),
    losses: closed(delegated.losses, epoch, perWei),
    rewardedEpoch: epoch,
  }
}

/** Gives the open ones up to `epoch` their figure. Both lists ascend by epoch, and what is open is at their end. */
function closed<Item extends { readonly epoch: bigint; readonly perWei: bigint | undefined }>(
  items: readonly Item[],
  epoch: bigint,
  perWei: bigint,
): readonly Item[] {
  let first = items.length
  while (first > 0 && items[first - 1]!.perWei === undefined) first--
  if (first === items.length || items[first]!.epoch > epoch) return items
  const next = items.slice()
  for (let i = first; i < next.length && next[i]!.epoch <= epoch; i++) next[i] = { ...next[i]!, perWei }
  return next
}

/** Gives open marks up to `epoch` their figure: all of them are younger than the last epoch paid for. */
function closedMarks(delegated: DelegatedStake, epoch: bigint): DelegatedStake['marks'] {
  let { marks } = delegated
  for (const [at, mark] of delegated.marks.entries(delegated.rewardedEpoch + 1n)) {
    if (at > epoch) break
    marks = marks.set(at, { ...mark, perWei: delegated.rewardPerWei })
  }
  return marks
}

/** Drops a position's hold on marks. */
export function releaseMarks(delegated: DelegatedStake, released: readonly bigint[]): DelegatedStake {
  if (released.length === 0) return delegated
  return { ...delegated, marks: released.reduce(withoutMark, delegated.marks) }
}

function withMark(marks: DelegatedStake['marks'], epoch: bigint): DelegatedStake['marks'] {
  const mark = marks.get(epoch)
  return marks.set(epoch, { epoch, perWei: mark?.perWei, refs: (mark?.refs ?? 0) + 1 })
}

function withoutMark(marks: DelegatedStake['marks'], epoch: bigint): DelegatedStake['marks'] {
  const mark = marks.get(epoch)!
  return mark.refs === 1 ? marks.delete(epoch) : marks.set(epoch, { ...mark, refs: mark.refs - 1 })
}

function addRedeeming(
  redeeming: DelegatedStake['redeeming'],
  startedEpoch: bigint,
  fromEpoch: bigint,
  wei: bigint,
): DelegatedStake['redeeming'] {
  if (wei === 0n) return redeeming
  const last = redeeming[redeeming.length - 1]
  if (last?.startedEpoch !== startedEpoch) return [...redeeming, { startedEpoch, bonds: addBond([], fromEpoch, wei) }]
  return [...redeeming.slice(0, -1), { startedEpoch, bonds: addBond(last.bonds, fromEpoch, wei) }]
}

/**
 * Takes what was paid out of its group, and the group when it was the last; what nobody can be charged for any more has
 * none.
 */
function withoutRedeeming(
  redeeming: DelegatedStake['redeeming'],
  startedEpoch: bigint,
  fromEpoch: bigint,
  wei: bigint,
): DelegatedStake['redeeming'] {
  const at = redeeming.findIndex(group => group.startedEpoch >= startedEpoch)
  const group = redeeming[at]
  if (group?.startedEpoch !== startedEpoch) return redeeming
  const bonds = takeBond(group.bonds, fromEpoch, wei)
  const next = redeeming.slice()
  if (bonds.length === 0) next.splice(at, 1)
  else next[at] = { ...group, bonds }
  return next
}
