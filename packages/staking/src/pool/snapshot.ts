import { bytesToHex, OrderedMap } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import { readSchema } from '@l2/common/schema'
import type { Address, Hex } from 'viem'
import * as z from 'zod/mini'
import { StakingError } from '../errors.js'
import { Timeline } from '../internal/timeline.js'
import { offenceKinds } from '../slashing/penalty.js'
import type { Bond } from '../stake/bonds.js'
import { delegationKey, noDelegations } from '../stake/delegated.js'
import { auditPool } from './audit.js'
import { parsePoolConfig } from './config.js'
import { bondedWei } from './sequencer.js'
import type { DelegatedStake, PoolState, Sequencer } from './types.js'

const version = 2
const maxDigits = 80

const uint = /* @__PURE__ */ (() =>
  z.pipe(
    z.string().check(z.regex(/^\d+$/), z.maxLength(maxDigits)),
    z.transform((text: string) => BigInt(text)),
  ))()
const int = /* @__PURE__ */ (() =>
  z.pipe(
    z.string().check(z.regex(/^-?\d+$/), z.maxLength(maxDigits)),
    z.transform((text: string) => BigInt(text)),
  ))()
const address = /* @__PURE__ */ (() =>
  z.pipe(
    z.string().check(z.regex(/^0x[0-9a-f]{40}$/)),
    z.transform(value => value as Address),
  ))()
const hash = /* @__PURE__ */ (() =>
  z.pipe(
    z.string().check(z.regex(/^0x[0-9a-f]{64}$/)),
    z.transform(value => value as Hex),
  ))()
const count = /* @__PURE__ */ (() => z.int().check(z.nonnegative()))()
const optionalAddress = /* @__PURE__ */ (() =>
  z.union([
    address,
    z.pipe(
      z.null(),
      z.transform(() => undefined),
    ),
  ]))()

const bonds = /* @__PURE__ */ (() => z.array(z.strictObject({ fromEpoch: uint, wei: uint })))()
const optionalUint = /* @__PURE__ */ (() =>
  z.union([
    uint,
    z.pipe(
      z.null(),
      z.transform(() => undefined),
    ),
  ]))()

const delegatedSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    wei: uint,
    bonds,
    redeemingWei: uint,
    redeeming: z.array(z.strictObject({ startedEpoch: uint, bonds })),
    rewardWei: uint,
    rewardPerWei: uint,
    rewardedEpoch: int,
    marks: z.array(z.strictObject({ epoch: uint, perWei: optionalUint, refs: count.check(z.minimum(1)) })),
    losses: z.array(
      z.strictObject({
        offenceEpoch: uint,
        epoch: uint,
        keptWei: uint,
        ofWei: uint.check(z.refine(wei => wei > 0n)),
        perWei: optionalUint,
      }),
    ),
  }))()

const sequencerSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    id: count,
    owner: address,
    rewardRecipient: optionalAddress,
    status: z.enum(['queued', 'active', 'exiting', 'exited']),
    amountWei: uint,
    bonds,
    rewardWei: uint,
    unlocking: z.array(
      z.strictObject({ amountWei: uint, initialWei: uint, bonds, startedEpoch: uint, claimableAtSeconds: uint }),
    ),
    nonce: uint,
    keys: z.array(z.strictObject({ signer: address, fromEpoch: uint })).check(z.minLength(1)),
    activationEpoch: uint,
    history: z.array(z.strictObject({ epoch: uint, ownWei: uint, delegatedWei: uint, electable: z.boolean() })),
    commissions: z
      .array(z.strictObject({ bps: count.check(z.maximum(10_000)), fromEpoch: uint }))
      .check(z.minLength(1)),
    delegated: z.nullable(delegatedSchema),
    jailedUntilSeconds: uint,
    strikes: count,
    lastStrikeAtSeconds: uint,
    tombstoned: z.boolean(),
    caseIds: z.array(hash),
    openCases: count,
    maintenance: z.array(z.strictObject({ fromEpoch: uint, toEpoch: uint })),
  }))()

const lotShape = { wei: uint, fromEpoch: uint, losses: count }
const delegationSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    id: count,
    delegator: address,
    rewardWei: uint,
    lots: z.array(
      z.strictObject({ shares: uint.check(z.refine(shares => shares > 0n)), ...lotShape, paidPerWei: optionalUint }),
    ),
    tails: z.array(z.strictObject({ ...lotShape, toEpoch: uint, paidPerWei: optionalUint })),
    redemptions: z.array(z.strictObject({ shares: uint, ...lotShape, startedEpoch: uint, claimableAtSeconds: uint })),
  }))()

const snapshotSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    version: z.literal(version),
    profile: z.literal('safe'),
    config: z.record(z.string(), z.unknown()),
    atSeconds: uint,
    epoch: uint,
    epochStarts: z.array(z.strictObject({ epoch: uint, atSeconds: uint })).check(z.minLength(1)),
    paused: z.boolean(),
    rewardPerBlockWei: uint,
    rates: z.array(z.strictObject({ epoch: uint, wei: uint })),
    rewardBatch: z.strictObject({ id: uint, endEpoch: int }),
    lastPaidHeight: int,
    lastPaidEpoch: uint,
    nextId: count,
    totals: z.array(z.strictObject({ epoch: uint, wei: uint })),
    ledger: z.strictObject({
      depositedWei: uint,
      fundedWei: uint,
      budgetWei: uint,
      burntWei: uint,
      treasuryWei: uint,
      paidOutWei: uint,
    }),
    whitelist: z.array(address),
    sequencers: z.array(sequencerSchema),
    queue: z.array(count),
    delegations: z.array(delegationSchema),
    cases: z.array(
      z.strictObject({
        evidenceId: hash,
        evidenceHash: hash,
        kind: z.enum(offenceKinds),
        id: count,
        offenceEpoch: uint,
        stakeEpoch: uint,
        offenceAtSeconds: uint,
        admittedAtSeconds: uint,
        executableAtSeconds: uint,
        status: z.enum(['pending', 'executed', 'vetoed']),
        stakeWei: uint,
        totalWei: uint,
        excessOfflineBps: count,
        ownWei: uint,
        correlatedWei: uint,
        reporter: optionalAddress,
        reporterOrder: count,
        pauses: count,
      }),
    ),
    recentSafety: z.array(hash),
    reports: z.array(z.strictObject({ commitment: hash, reporter: address, order: count, atSeconds: uint })),
    reportCount: count,
    watchers: z.array(address),
    commissionPlans: z.array(z.strictObject({ id: count, targetBps: count, dueAtSeconds: uint, fromEpoch: uint })),
    liquidAccounts: z.array(z.strictObject({ account: address, seats: z.array(count) })),
  }))()

/**
 * The whole pool as canonical JSON: fields and lists in a fixed order, wei as decimal strings. Two equal states give
 * the same text whatever their history, on every platform.
 */
export function encodePool(state: PoolState): string {
  const snapshot = {
    version,
    profile: state.profile,
    config: state.config,
    atSeconds: state.atSeconds,
    epoch: state.epoch,
    epochStarts: state.epochStarts.toArray().map(({ epoch, atSeconds }) => ({ epoch, atSeconds })),
    paused: state.paused,
    rewardPerBlockWei: state.rewardPerBlockWei,
    rates: state.rates.toArray().map(({ epoch, wei }) => ({ epoch, wei })),
    rewardBatch: { id: state.rewardBatch.id, endEpoch: state.rewardBatch.endEpoch },
    lastPaidHeight: state.lastPaidHeight,
    lastPaidEpoch: state.lastPaidEpoch,
    nextId: state.nextId,
    totals: state.totals.toArray().map(({ epoch, wei }) => ({ epoch, wei })),
    ledger: pick(state.ledger, snapshotSchema.shape.ledger.shape),
    whitelist: [...state.whitelist].map(([owner]) => owner),
    sequencers: [...state.sequencers].map(([, sequencer]) => {
      const plain = pick(sequencer, sequencerSchema.shape)
      plain.rewardRecipient = sequencer.rewardRecipient ?? null
      plain.bonds = encodeBonds(sequencer.bonds)
      plain.history = sequencer.history.toArray()
      plain.unlocking = sequencer.unlocking.map(entry => ({
        ...pick(entry, unlockingShape),
        bonds: encodeBonds(entry.bonds),
      }))
      plain.delegated = encodeDelegated(sequencer.delegated)
      return plain
    }),
    queue: state.queue,
    delegations: [...state.delegations].map(([, { id, delegator, rewardWei, lots, tails, redemptions }]) => ({
      id,
      delegator,
      rewardWei,
      lots: lots.map(({ shares, wei, fromEpoch, losses, paidPerWei = null }) => ({
        shares,
        wei,
        fromEpoch,
        losses,
        paidPerWei,
      })),
      tails: tails.map(({ wei, fromEpoch, losses, toEpoch, paidPerWei = null }) => ({
        wei,
        fromEpoch,
        losses,
        toEpoch,
        paidPerWei,
      })),
      redemptions: redemptions.map(({ shares, wei, fromEpoch, losses, startedEpoch, claimableAtSeconds }) => ({
        shares,
        wei,
        fromEpoch,
        losses,
        startedEpoch,
        claimableAtSeconds,
      })),
    })),
    cases: [...state.cases].map(([, open]) => ({
      ...pick(open, snapshotSchema.shape.cases.def.element.shape),
      reporter: open.reporter ?? null,
    })),
    recentSafety: state.recentSafety,
    reports: state.reports.map(({ commitment, reporter, order, atSeconds }) => ({
      commitment,
      reporter,
      order,
      atSeconds,
    })),
    reportCount: state.reportCount,
    watchers: [...state.watchers].map(([watcher]) => watcher),
    commissionPlans: state.commissionPlans.map(({ id, targetBps, dueAtSeconds, fromEpoch }) => ({
      id,
      targetBps,
      dueAtSeconds,
      fromEpoch,
    })),
    liquidAccounts: [...state.liquidAccounts].map(([account, seats]) => ({ account, seats })),
  }
  return JSON.stringify(plain(snapshot))
}

const unlockingShape = { amountWei: 0, initialWei: 0, bonds: 0, startedEpoch: 0, claimableAtSeconds: 0n }

const encodeBonds = (list: readonly Bond[]) => list.map(({ fromEpoch, wei }) => ({ fromEpoch, wei }))

function encodeDelegated(delegated: DelegatedStake): Record<string, unknown> | null {
  // Most seats never had a delegator.
  if (delegated === noDelegations) return null
  return {
    ...pick(delegated, delegatedSchema.shape),
    bonds: encodeBonds(delegated.bonds),
    redeeming: delegated.redeeming.map(group => ({
      startedEpoch: group.startedEpoch,
      bonds: encodeBonds(group.bonds),
    })),
    marks: [...delegated.marks].map(([, { epoch, perWei = null, refs }]) => ({ epoch, perWei, refs })),
    losses: delegated.losses.map(({ offenceEpoch, epoch, keptWei, ofWei, perWei = null }) => ({
      offenceEpoch,
      epoch,
      keptWei,
      ofWei,
      perWei,
    })),
  }
}

/** The fields of a schema, in its order, so that the order in which an object was built never shows. */
function pick<Shape extends object>(value: object, shape: Shape): Record<keyof Shape, unknown> {
  const picked = {} as Record<keyof Shape, unknown>
  for (const key in shape) picked[key] = (value as Record<keyof Shape, unknown>)[key]
  return picked
}

/**
 * A copy with wei as decimal strings. `JSON.stringify` would call a replacer for every value, and leave its fast path
 * for it.
 */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(plain)
  const copy: Record<string, unknown> = {}
  for (const key of Object.keys(value)) copy[key] = plain((value as Record<string, unknown>)[key])
  return copy
}

/** keccak256 of {@link encodePool}: what two replicas compare. */
export function poolHash(state: PoolState): Hex {
  return bytesToHex(keccak256(new TextEncoder().encode(encodePool(state))))
}

/**
 * Reads a snapshot back. Indexes and sums are recomputed, not believed, and every wei must be accounted for.
 *
 * @throws StakingError `SNAPSHOT_INVALID` with the first things that are wrong
 */
export function decodePool(json: string): PoolState {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw invalid(['no JSON'], cause)
  }
  const parsed = readSchema(snapshotSchema, value)
  if (!parsed.ok) {
    throw invalid(parsed.issues.slice(0, 8))
  }
  const {
    version: _,
    config,
    whitelist,
    sequencers,
    delegations,
    cases,
    watchers,
    liquidAccounts,
    ...plain
  } = parsed.value
  const problems: string[] = []
  const owners: [Address, number][] = []
  const signers: [Address, number][] = []
  let seats = 0
  let activeWei = 0n
  let jailedWei = 0n
  const all = sequencers.map(toSequencer)
  for (const sequencer of all) {
    if (sequencer.status !== 'exited') owners.push([sequencer.owner, sequencer.id])
    for (const { signer } of sequencer.keys) signers.push([signer, sequencer.id])
    if (sequencer.status === 'active') seats++
    const bonded = bondedWei(sequencer)
    activeWei += bonded
    if (sequencer.jailedUntilSeconds > 0n) jailedWei += bonded
    if (sequencer.id < 1 || sequencer.id >= plain.nextId) problems.push(`sequencer id ${sequencer.id} out of range`)
  }
  const state: PoolState = {
    ...plain,
    config: parsePoolConfig(config),
    epochStarts: Timeline.of(plain.epochStarts),
    rates: Timeline.of(plain.rates),
    totals: Timeline.of(plain.totals),
    seats,
    activeWei,
    jailedWei,
    whitelist: OrderedMap.from(whitelist.map(owner => [owner, true])),
    sequencers: OrderedMap.from(all.map(sequencer => [sequencer.id, sequencer])),
    owners: OrderedMap.from(owners),
    signers: OrderedMap.from(signers),
    delegations: OrderedMap.from(delegations.map(held => [delegationKey(held.id, held.delegator), held])),
    cases: OrderedMap.from(
      cases.map(open => [open.evidenceId, open as typeof open & { reporter: Address | undefined }]),
    ),
    watchers: OrderedMap.from(watchers.map(watcher => [watcher, true])),
    liquidAccounts: OrderedMap.from(liquidAccounts.map(({ account, seats: ids }) => [account, ids])),
  }
  if ((state.totals.newest?.wei ?? 0n) !== activeWei) problems.push('totals do not end with what is at stake')
  if (state.sequencers.size !== sequencers.length) problems.push('two sequencers with one id')
  if (state.owners.size !== owners.length) problems.push('two seats of one owner')
  if (state.signers.size !== signers.length) problems.push('one signer of two keys')
  for (const { evidenceId, id } of cases)
    if (!state.sequencers.has(id)) problems.push(`case ${evidenceId} without sequencer`)
  for (const [, sequencer] of state.sequencers.entries()) {
    const own = sequencer.caseIds.map(id => state.cases.get(id))
    if (own.some(open => open?.id !== sequencer.id)) {
      problems.push(`sequencer ${sequencer.id} names cases that are not its own`)
    } else if (own.filter(open => open?.status === 'pending').length !== sequencer.openCases) {
      problems.push(`open cases of sequencer ${sequencer.id}`)
    }
  }
  if (state.queue.some(id => state.sequencers.get(id)?.status !== 'queued')) problems.push('the queue names others')
  if (!ascends(plain.epochStarts) || !ascends(plain.totals, 0n) || !ascends(plain.rates))
    problems.push('epochs out of order')
  for (const sequencer of sequencers)
    if (!isOrdered(sequencer, plain.epoch)) problems.push(`times of sequencer ${sequencer.id}`)
  for (const { id, lots, tails, redemptions } of delegations) {
    const index = state.sequencers.get(id)?.delegated.rewardPerWei ?? 0n
    if (![...lots, ...tails].every(({ paidPerWei = 0n }) => paidPerWei <= index))
      problems.push(`rewards paid in seat ${id}`)
    const lastFirst = lots.every((lot, i) => i === 0 || lot.fromEpoch >= lots[i - 1]!.fromEpoch)
    if (!lastFirst || redemptions.some(({ fromEpoch, startedEpoch }) => fromEpoch > startedEpoch)) {
      problems.push(`a position in seat ${id} out of order`)
    }
  }
  if (plain.commissionPlans.some(({ id }) => !state.sequencers.has(id))) problems.push('a commission of nobody')
  if (state.recentSafety.some(id => !state.cases.has(id))) problems.push('recent cases that do not exist')
  for (const [, { id }] of state.delegations.entries())
    if (!state.sequencers.has(id)) problems.push('delegation to nobody')
  problems.push(...auditPool(state).problems)
  if (problems.length > 0) throw invalid(problems.slice(0, 8))
  return state
}

/** A sequencer as it was written. */
function toSequencer(plain: z.output<typeof sequencerSchema>): Sequencer {
  const { history, delegated } = plain
  return {
    ...plain,
    history: Timeline.of(history),
    delegated:
      delegated === null
        ? noDelegations
        : { ...delegated, marks: OrderedMap.from(delegated.marks.map(mark => [mark.epoch, mark])) },
  }
}

const nothingDelegated = { redeeming: [], marks: [], losses: [], rewardedEpoch: -1n, rewardPerWei: 0n }

/** Whether epochs ascend, each by `least` or more. */
function ascends(list: readonly { readonly epoch: bigint }[], least = 1n): boolean {
  return list.every(({ epoch }, i) => i === 0 || epoch >= list[i - 1]!.epoch + least)
}

/** Whether everything of a seat that has an epoch is in its order, and open exactly where it must be. */
function isOrdered(sequencer: z.output<typeof sequencerSchema>, nowSeconds: bigint): boolean {
  const { bonds, unlocking, history, commissions, delegated } = sequencer
  const from = (list: readonly { readonly fromEpoch: bigint }[]): boolean =>
    ascends(list.map(({ fromEpoch }) => ({ epoch: fromEpoch }))) && (list.at(-1)?.fromEpoch ?? 0n) <= nowSeconds
  const { redeeming, marks, losses, rewardedEpoch, rewardPerWei } = delegated ?? nothingDelegated
  const isOpen = ({ epoch, perWei }: { epoch: bigint; perWei?: bigint | undefined }): boolean =>
    epoch > rewardedEpoch ? perWei === undefined : perWei !== undefined && perWei <= rewardPerWei
  return (
    [bonds, delegated?.bonds ?? [], commissions, ...redeeming.map(group => group.bonds)].every(from) &&
    unlocking.every(entry => from(entry.bonds)) &&
    ascends(redeeming.map(({ startedEpoch }) => ({ epoch: startedEpoch }))) &&
    ascends(history) &&
    ascends(marks) &&
    ascends(losses, 0n) &&
    [history, marks, losses].every(list => (list.at(-1)?.epoch ?? 0n) <= nowSeconds) &&
    [...marks, ...losses].every(isOpen) &&
    losses.every(({ keptWei, ofWei }) => keptWei <= ofWei)
  )
}

function invalid(problems: string[], cause?: unknown): StakingError {
  return new StakingError(`invalid snapshot: ${problems[0]}`, {
    code: 'SNAPSHOT_INVALID',
    meta: problems.slice(1),
    details: { problems },
    ...(cause === undefined ? {} : { cause }),
  })
}
