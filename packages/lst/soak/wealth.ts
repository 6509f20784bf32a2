import type { Random } from '@l2/common/testing'
import { applyLiquid, assets, type Liquid, liquidRate, liquidShares, presets, rateOne, shares } from '../src/index.js'
import { daySeconds, oneMetis, people, type Variant, World } from './world.js'

const episode = 200

/** Positions of an account: each is floored by itself. */
function positions(lst: Liquid, account: string): bigint {
  const exits =
    lst.config.exits === 'queue'
      ? lst.core.model === 'rebasing'
        ? lst.core.state.queue.requests
        : lst.queue.requests
      : lst.core.model === 'rate'
        ? lst.core.state.requests
        : lst.tickets.tickets
  let count = 2n
  for (const [, { owner }] of exits) if (owner === account) count += 1n
  return count
}

/** Wei that one operation may move in somebody else's pocket: rounding, in wei a position and a share's worth. */
function rounding(lst: Liquid, account: string): bigint {
  return liquidRate(lst).rate / rateOne + 2n + positions(lst, account)
}

/**
 * What anybody does leaves everybody else with what they had: deposits, transfers, exits, claims, allocation and
 * raising cash move nobody else's wealth by more than rounding; a report takes from nobody unless a loss was fed or a
 * fault is open. Throws when not.
 */
export function monotone(variant: Variant, random: Random, operations: number): string {
  let done = 0
  let most = 0n
  while (done < operations) {
    const world = new World(variant, random, rooted(variant))
    for (let i = 0; i < episode; i++) {
      const before = world.lst
      world.last = ''
      const had = people.map(account => world.wealth(account))
      world.perform()
      const after = world.lst
      if (after === before) continue
      const reported = after.reportedAtSeconds !== before.reportedAtSeconds
      if (reported && (before.lossPending > 0n || before.openCases.size > 0)) continue
      // Rewards are released by time in a cycle: compared at the same moment, only a report or a user moves anything.
      const then = clock(world, before)
      people.forEach((account, at) => {
        const was = then === undefined ? had[at]! : then(account)
        const change = world.wealth(account) - was
        const own = mine(before, after, account)
        if (own) return
        const bound = rounding(after, account) + overpaid(before)
        if (change < -bound || (!reported && change > bound))
          throw new Error(
            `operation ${done + i}, ${world.last}: ${account} had ${was} wei, now ${was + change}, allowed are ${bound}`,
          )
        if (!reported && change > most) most = change
        if (-change > most) most = -change
      })
    }
    done += world.done
  }
  return `${done} operations, at most ${most} wei moved in another's pocket`
}

/** Wealth before the operation, but at its time. */
function clock(world: World, before: Liquid): ((account: string) => bigint) | undefined {
  if (before.nowSeconds === world.lst.nowSeconds) return undefined
  const { lst } = world
  let moved: Liquid
  try {
    moved = applyLiquid(before, { type: 'settle', nowSeconds: lst.nowSeconds }).state
  } catch {
    return undefined
  }
  return account => {
    world.lst = moved
    const wealth = world.wealth(account)
    world.lst = lst
    return wealth
  }
}

/** Whether the operation was the account's own: its shares, receipts or exits changed. */
function mine(before: Liquid, after: Liquid, account: string): boolean {
  return (
    liquidShares(before, account) !== liquidShares(after, account) ||
    before.receipts.get(account) !== after.receipts.get(account) ||
    positions(before, account) !== positions(after, account) ||
    // A claim pays out of the protocol.
    before.totals.paid !== after.totals.paid
  )
}

/** What the live Artemis pays too much: it divides by a floored inverse rate of 18 digits. */
function overpaid(before: Liquid): bigint {
  if (!before.config.legacyRounding) return 0n
  const { assets: all, rate } = liquidRate(before)
  return (2n * all * rate) / rateOne / 10n ** 18n + 2n
}

/** The live Artemis prices exits by an inverse rate, which says less the more a share is worth: somebody stays in. */
function rooted({ options }: Variant): { seed?: bigint } {
  return presets[options.preset][options.profile ?? 'sdk'].legacyRounding ? { seed: 1_000n * oneMetis } : {}
}

type Move = { readonly kind: number; readonly part: number; readonly who: number }

/**
 * Somebody who searches for a profit by going in and out, sending shares to himself, asking, reporting, claiming and
 * making the keeper raise cash, while others hold and leave, ends with no more than he brought. Throws when he does
 * not.
 */
export function attack(variant: Variant, random: Random, operations: number): string {
  let done = 0
  // By himself, and while others leave.
  const best: [bigint | undefined, bigint | undefined] = [undefined, undefined]
  while (done < operations) {
    const world = new World(variant, random, rooted(variant))
    for (let i = 0; i < 120; i++) world.perform()
    done += world.done
    if (!world.quiet()) continue
    for (let round = 0; round < 4; round++) {
      if (round === 2)
        // From here on others leave meanwhile, at the rate of now.
        for (const account of people) {
          const part = shares(liquidShares(world.lst, account) / 3n)
          world.tries({ type: 'requestWithdrawal', account, shares: part, nowSeconds: world.nowSeconds })
        }
      // Hill climbing: a plan, and changes of it that do better.
      let plan = Array.from({ length: 12 }, () => move(random))
      let gain = play(world, plan)
      for (let step = 0; step < 12; step++) {
        const other = plan.map(one => (random.below(4) === 0 ? move(random) : one))
        const found = play(world, other)
        done += other.length
        if (found >= gain) [plan, gain] = [other, found]
      }
      const kind = round < 2 ? 0 : 1
      if (best[kind] === undefined || gain > best[kind]) best[kind] = gain
      // Each of their exits may leave the wei behind that does not divide.
      const allowed = overpaid(world.lst) * 20n + others(world)
      if (gain > allowed) throw new Error(`a gain of ${gain} wei by ${JSON.stringify(plan)}`)
    }
  }
  if (best[0] === undefined) throw new Error('no attack was tried: the run proves nothing')
  return `${done} operations, the best attack ends with ${best[0]} wei, with ${best[1]} while others leave`
}

function others(world: World): bigint {
  const { lst } = world
  const each = liquidRate(lst).rate / rateOne + 1n
  return world.waiting() * each
}

function move(random: Random): Move {
  return { kind: random.below(8), part: random.below(101), who: random.below(2) }
}

/** What the attacker has gained at the end of a plan, wei. The world is left as it was. */
function play(world: World, plan: readonly Move[]): bigint {
  const { lst, nowSeconds } = world
  const start = 50_000n * oneMetis
  let cash = start
  const names = ['mallory', 'sybil']
  const open: { id: bigint; account: string }[] = []
  const collect = (): void => {
    for (const one of [...open])
      try {
        const { state, result } = applyLiquid(world.lst, { type: 'claim', ...one, nowSeconds: world.nowSeconds })
        world.lst = state
        cash += result
        open.splice(open.indexOf(one), 1)
      } catch {}
  }
  for (const { kind, part, who } of plan) {
    const account = names[who]!
    const held = liquidShares(world.lst, account)
    const some = (held * BigInt(part)) / 100n
    world.later(BigInt(part) * 60n)
    switch (kind) {
      case 0:
      case 1: {
        const wei = part < 10 ? BigInt(part) + 1n : (cash * BigInt(part)) / 100n
        if (
          wei > 0n &&
          wei <= cash &&
          world.tries({ type: 'deposit', account, assets: assets(wei), nowSeconds: world.nowSeconds })
        )
          cash -= wei
        break
      }
      case 2:
        world.tries({ type: 'transfer', from: account, to: names[1 - who]!, shares: shares(some) })
        break
      case 3:
      case 4: {
        const dust = BigInt(100 + part)
        const asked = kind === 3 ? some : dust < held ? dust : held
        try {
          const { state, result } = applyLiquid(world.lst, {
            type: 'requestWithdrawal',
            account,
            shares: shares(asked),
            nowSeconds: world.nowSeconds,
          })
          world.lst = state
          open.push(...result.ids.map(id => ({ id, account })))
        } catch {}
        break
      }
      case 5:
        world.later(daySeconds)
        world.report()
        break
      case 6:
        world.must({ type: 'nextBatch' })
        world.must({ type: 'raiseCash', nowSeconds: world.nowSeconds })
        break
      default:
        collect()
    }
  }
  collect()
  const wealth = cash + names.reduce((all, name) => all + world.wealth(name), 0n)
  world.lst = lst
  world.nowSeconds = nowSeconds
  return wealth - start
}
