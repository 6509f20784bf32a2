import { mulDown } from '../math/math.js'
import { amount, positive } from '../math/units.js'
import { virtualTotals } from './face.js'

/**
 * An attack on the first depositor: a small deposit, a gift that inflates the price, and the victim's deposit after it.
 */
export type InflationAttack = {
  readonly attackerDeposit: bigint
  readonly donation: bigint
  readonly victimDeposit: bigint
  /** δ of the virtual shares; `undefined` for none. */
  readonly offset: bigint | undefined
  /** The vault counts its own wei, so that a gift changes nothing. */
  readonly internalAccounting: boolean
  /** Wei deposited forever before anybody else. */
  readonly deadSeed: bigint
}

/** What it came to. Negative profit is the attacker's loss. */
export type InflationOutcome = {
  readonly attackerShares: bigint
  readonly victimShares: bigint
  readonly attackerAssets: bigint
  readonly victimAssets: bigint
  readonly attackerProfit: bigint
  readonly victimLoss: bigint
}

/** Plays the attack and lets both out at the floored price. */
export function inflationAttack(attack: InflationAttack): InflationOutcome {
  positive('attackerDeposit', attack.attackerDeposit)
  positive('victimDeposit', attack.victimDeposit)
  amount('donation', attack.donation)
  amount('deadSeed', attack.deadSeed)
  let assets = attack.deadSeed
  let supply = attack.deadSeed
  const priced = () => virtualTotals({ assets, shares: supply }, attack.offset)
  const sharesOf = (wei: bigint): bigint => {
    const totals = priced()
    return totals.shares === 0n ? wei : mulDown(wei, totals.shares, totals.assets)
  }
  const enter = (wei: bigint): bigint => {
    const minted = sharesOf(wei)
    assets += wei
    supply += minted
    return minted
  }
  const attackerShares = enter(attack.attackerDeposit)
  if (!attack.internalAccounting) assets += attack.donation
  const victimShares = enter(attack.victimDeposit)
  const totals = priced()
  const worth = (units: bigint): bigint => (totals.shares === 0n ? 0n : mulDown(units, totals.assets, totals.shares))
  const attackerAssets = worth(attackerShares)
  const victimAssets = worth(victimShares)
  const spent = attack.attackerDeposit + (attack.internalAccounting ? 0n : attack.donation)
  return {
    attackerShares,
    victimShares,
    attackerAssets,
    victimAssets,
    attackerProfit: attackerAssets - spent,
    victimLoss: attack.victimDeposit - victimAssets,
  }
}
