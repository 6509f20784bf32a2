import { isL2Error } from '@l2/common'
import * as z from 'zod/mini'
import { deadAccount, queueAccount } from '../rebasing/state.js'
import { seatsSchema } from '../seats/book.js'
import { type Codec, codec, integer, ledger, mapOf } from '../state/codec.js'
import { balanceOf, sum } from '../state/ledger.js'
import { vestingSchema } from '../vault/vesting.js'
import { checkQueue, claimableTotal, queueSchema, unfinalized } from '../withdrawal/queue.js'
import { checkTickets, ticketsSchema } from '../withdrawal/tickets.js'
import { heldAssets, owedAssets, queueOf } from './cash.js'
import { configSchema, presets } from './config.js'
import { type Core, checkCore, coreSchema, createCore } from './core.js'
import { checkConfig } from './options.js'
import type { Liquid } from './state.js'

const totalsSchema = /* @__PURE__ */ z.strictObject({
  deposited: integer,
  rewarded: integer,
  lost: integer,
  paid: integer,
})

const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    config: configSchema,
    nowSeconds: integer,
    core: coreSchema,
    queue: queueSchema,
    tickets: ticketsSchema,
    vesting: vestingSchema,
    receipts: ledger,
    receiptSupply: integer,
    seats: seatsSchema,
    parts: mapOf(z.int(), z.enum(['operator', 'delegators', 'whole'])),
    buffer: integer,
    rewardsVault: integer,
    givenUp: integer,
    lossPending: integer,
    unbacked: integer,
    fees: integer,
    highRate: integer,
    openCases: mapOf(
      z.string(),
      z.strictObject({
        kind: z.string(),
        untilSeconds: integer,
        seats: z.array(z.strictObject({ seat: z.int(), most: z.optional(integer) })),
      }),
    ),
    feedCursor: integer,
    skipped: mapOf(integer, z.string()),
    reportedAtSeconds: integer,
    reported: z.strictObject({ assets: integer, shares: integer }),
    totals: totalsSchema,
    rates: z.array(z.strictObject({ rate: integer, atSeconds: integer })),
    history: z.array(
      z.strictObject({
        preAssets: integer,
        preShares: integer,
        postAssets: integer,
        postShares: integer,
        feeShares: integer,
        elapsedSeconds: integer,
        atSeconds: integer,
      }),
    ),
  }))()

/** What of a core comes from the configuration and never changes: a snapshot cannot say otherwise. */
function fixedPart(core: Core): unknown {
  switch (core.model) {
    case 'instant': {
      const { virtualOffset, vestingBps, entryFeeBps, seedAccount, seedShares, seedLock, seedAssets, paused } =
        core.state
      return { virtualOffset, vestingBps, entryFeeBps, seedAccount, seedShares, seedLock, seedAssets, paused }
    }
    case 'cycle': {
      const { cycleLengthSeconds, virtualOffset, autoSync, checkpointOnExit, seedAccount, seedShares } = core.state
      return { cycleLengthSeconds, virtualOffset, autoSync, checkpointOnExit, seedAccount, seedShares }
    }
    case 'rate': {
      const { feeE18, withdrawDelaySeconds, legacyRounding, seedAccount, seedShares, rewardPool, feeBalance } =
        core.state
      return { feeE18, withdrawDelaySeconds, legacyRounding, seedAccount, seedShares, rewardPool, feeBalance }
    }
    case 'rebasing': {
      const { feeRecipients, profitTest, maxPositiveRebaseE18, stakeLimit, paused, bunker } = core.state
      const { minRequest, maxRequest } = core.state.queue
      const seed = balanceOf(core.state.shares, deadAccount)
      return {
        feeRecipients,
        profitTest,
        maxPositiveRebaseE18,
        stakeLimit,
        paused,
        bunker,
        minRequest,
        maxRequest,
        seed,
      }
    }
  }
}

const text = (value: unknown): string =>
  JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? `${item}n` : item === undefined ? 'none' : item))

/** Whether the configuration is one that `createLiquid` would have taken. */
function wrongConfig(lst: Liquid): string | undefined {
  try {
    checkConfig(lst.config, presets[lst.config.preset][lst.config.profile])
  } catch (error) {
    if (isL2Error(error)) return error.message
    throw error
  }
  if (lst.core.model !== lst.config.model) return `the model is ${lst.config.model}, the core is ${lst.core.model}`
  const made = fixedPart(createCore(lst.config, 0n))
  if (text(made) !== text(fixedPart(lst.core)))
    return `the core is ${text(fixedPart(lst.core))}, the configuration says ${text(made)}`
  return undefined
}

/** Parts that a model or a kind of exit does not use hold nothing. */
function unused(lst: Liquid): string | undefined {
  const { core, config } = lst
  const own = core.model === 'rebasing'
  if ((own || core.model === 'rate') && lst.buffer !== 0n)
    return 'the pool keeps its own cash, and there is a buffer beside it'
  if (
    own &&
    (lst.rewardsVault !== 0n || lst.givenUp !== 0n || lst.queue.lastRequestId !== 0n || lst.queue.locked !== 0n)
  )
    return 'the pool keeps its own rewards and queue, and there are others beside them'
  if (
    config.exits === 'queue' &&
    (lst.tickets.tickets.size > 0 || lst.tickets.cash !== 0n || lst.vesting.users.size > 0)
  )
    return 'exits wait in the queue, and there are tickets'
  if (config.exits === 'queue' && core.model === 'rate' && core.state.requests.size > 0)
    return 'exits wait in the queue, and there are requests of fixed amount'
  if (config.exits === 'fixed' && (lst.queue.lastRequestId !== 0n || lst.queue.locked !== 0n))
    return 'exits are of fixed amount, and there is a queue'
  if (!config.receipts && lst.receiptSupply !== 0n) return 'there are receipts that are not offered'
  return undefined
}

function check(lst: Liquid): string | undefined {
  const { totals, core } = lst
  const wrong = wrongConfig(lst) ?? unused(lst) ?? checkCore(core) ?? checkQueue(lst.queue) ?? checkTickets(lst.tickets)
  if (wrong !== undefined) return wrong
  const queue = queueOf(lst)
  const due = claimableTotal(queue)
  if (queue.locked !== due) return `claims cost ${due} wei, ${queue.locked} are locked`
  const shares = unfinalized(queue).shares
  const held = balanceOf(core.model === 'rebasing' ? core.state.shares : core.state.balances, queueAccount)
  if (lst.config.exits === 'queue' && held !== shares)
    return `requests gave up ${shares} shares, the queue holds ${held}`
  const receipts = sum(lst.receipts)
  if (receipts !== lst.receiptSupply)
    return `receipts of all accounts are ${receipts}, the supply says ${lst.receiptSupply}`
  let earned = 0n
  let lost = 0n
  for (const [id, seat] of lst.seats.seats) {
    if (lst.parts.get(id) === undefined) return `seat ${id} is nobody's part`
    earned += seat.earned
    lost += seat.lost
  }
  if (lst.parts.size !== lst.seats.seats.size) return 'there are parts of seats that are not there'
  if (earned !== totals.rewarded || lost !== totals.lost) return 'what seats earned and lost is not what the totals say'
  if (totals.deposited + totals.rewarded !== heldAssets(lst) + totals.paid + totals.lost)
    return 'deposits and rewards are not what is held, paid and lost'
  const owed = owedAssets(lst)
  if (owed !== heldAssets(lst)) return `${owed} wei are owed, ${heldAssets(lst)} are held`
  return wrongTimes(lst)
}

function wrongTimes(lst: Liquid): string | undefined {
  const { core, nowSeconds } = lst
  if (lst.reportedAtSeconds > nowSeconds) return `a report of ${lst.reportedAtSeconds} s is later than ${nowSeconds} s`
  if ((core.model === 'cycle' || core.model === 'rate') && core.state.nowSeconds !== nowSeconds)
    return `the pool is at ${core.state.nowSeconds} s, the protocol at ${nowSeconds} s`
  if (lst.config.exits === 'fixed' && (lst.tickets.nowSeconds !== nowSeconds || lst.vesting.nowSeconds !== nowSeconds))
    return `tickets and vesting are not at ${nowSeconds} s`
  const queue = queueOf(lst)
  const last = queue.requests.get(queue.lastRequestId)
  return last !== undefined && last.atSeconds > nowSeconds
    ? `a request of ${last.atSeconds} s is later than ${nowSeconds} s`
    : undefined
}

/** JSON snapshot of a {@link Liquid}; a snapshot whose wei do not add up, in whatever model, is refused. */
export const liquidCodec: Codec<Liquid> = /* @__PURE__ */ codec(schema, check)
