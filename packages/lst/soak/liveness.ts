import type { Random } from '@l2/common/testing'
import { applyLiquid, assets, liquidCodec, liquidShares, type Shares } from '../src/index.js'
import { daySeconds, oneMetis, people, type Variant, World } from './world.js'

/** Operations before everybody is let out. */
const episode = 300

/**
 * The keeper lives. Whatever users, rewards, penalties and faults came before: no report is refused, every request can
 * be claimed in the end, nothing is set aside for nobody, and the last one leaves. Throws when not.
 */
export function liveness(variant: Variant, random: Random, operations: number): string {
  let done = 0
  let reports = 0
  let paid = 0n
  let refused = 0
  while (done < operations) {
    const world = new World(variant, random)
    for (let i = 0; i < episode; i++) {
      world.perform()
      world.balanced()
    }
    if (variant.name.endsWith('fixed')) fund(world)
    world.drain()
    if (variant.name.endsWith('fixed')) world.later(60n * daySeconds)
    paid += settled(world)
    // And now all of them, to the last; who is paid a fee for what the others leave behind leaves after them.
    for (let round = 0; round < 3; round++) {
      leave(world)
      if (variant.name.endsWith('fixed')) fund(world)
      world.drain()
      if (variant.name.endsWith('fixed')) world.later(60n * daySeconds)
      paid += settled(world)
    }
    world.balanced()
    if (variant.name.endsWith('queue')) empty(world)
    const json = liquidCodec.encode(world.lst)
    if (
      JSON.stringify(liquidCodec.encode(liquidCodec.decode(JSON.parse(JSON.stringify(json))))) !== JSON.stringify(json)
    )
      throw new Error('the snapshot changed on its way')
    done += world.done
    reports += world.reports
    refused += world.refused
  }
  if (paid === 0n) throw new Error('nobody was ever paid: the run proves nothing')
  return `${done} operations, ${refused} refused, ${reports} reports, ${paid / oneMetis} METIS paid out, 0 wei set aside for nobody`
}

/** Claims everything; what is still set aside then would be for nobody. */
function settled(world: World): bigint {
  const { paid, left } = world.claimAll()
  if (left !== 0n) throw new Error(`${left} wei are set aside for nobody`)
  return paid
}

/**
 * Exits of fixed amount are paid as far as there is cash, and without a loss path somebody has to bring what was lost.
 */
function fund(world: World): void {
  world.close()
  world.report()
  const { lst } = world
  let missing = lst.tickets.owed + lst.unbacked
  if (lst.core.model === 'rate')
    for (const [, { assets: owed, done }] of lst.core.state.requests) if (!done) missing += owed
  if (missing === 0n) return
  const wei = assets(missing + 100_000n * oneMetis)
  const deposits = (): boolean =>
    world.tries({ type: 'deposit', account: 'whale', assets: wei, nowSeconds: world.nowSeconds })
  if (deposits()) return
  // Where everything was lost there is no price to buy at: the next reward makes one.
  world.feed({ type: 'RewardAccrued', id: 1, operatorWei: 2n * missing, delegatorsWei: 0n })
  world.report()
  world.later(daySeconds)
  deposits()
}

/**
 * Everybody asks for all that is worth a request. The live Artemis overpays each exit until the last one finds less
 * than its shares say.
 */
function leave(world: World): void {
  if (!world.lst.config.legacyRounding) {
    world.everybodyLeaves()
    return
  }
  for (const account of people) {
    const held = liquidShares(world.lst, account)
    if (held > 0n) world.tries({ type: 'requestWithdrawal', account, shares: held, nowSeconds: world.nowSeconds })
  }
}

/** An empty house is open: one more comes and goes. */
function empty(world: World): void {
  // Without a seed the last dust may be worth more than anybody brings: the first-depositor problem of the live vaults.
  if (world.lst.config.seed === 0n) return
  const deposit = applyLiquid(world.lst, {
    type: 'deposit',
    account: 'next',
    assets: assets(oneMetis),
    nowSeconds: world.nowSeconds,
  })
  world.lst = deposit.state
  world.must({
    type: 'requestWithdrawal',
    account: 'next',
    shares: deposit.result as Shares,
    nowSeconds: world.nowSeconds,
  })
  world.drain()
  settled(world)
}
