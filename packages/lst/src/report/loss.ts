import { min, mulDown } from '../math/math.js'
import { amount, positive } from '../math/units.js'

/** Somebody who has a claim on the pool: its holders as one, and every exit that is not paid. */
export type LossClaim = { readonly id: string; readonly assets: bigint }

/** Who carries a loss. `bond + Σ shares + unpaid = loss`, to the wei. */
export type SharedLoss = {
  readonly bond: bigint
  readonly shares: readonly { readonly id: string; readonly assets: bigint }[]
  /** What exceeds everything there is. */
  readonly unpaid: bigint
}

/**
 * Shares a loss out: the operator's bond first, then every claim pro rata, exits that are still waiting included.
 * Floors; the wei that do not divide are taken one each from the claims that have most left, ties in order, so that the
 * sum is exact and no claim goes below zero.
 */
export function shareLoss(loss: bigint, bond: bigint, claims: readonly LossClaim[]): SharedLoss {
  positive('loss', loss)
  amount('bond', bond)
  for (const claim of claims) amount('claim', claim.assets)
  const fromBond = min(loss, bond)
  const all = claims.reduce((sum, claim) => sum + claim.assets, 0n)
  const due = min(loss - fromBond, all)
  const shares = claims.map(claim => ({ id: claim.id, assets: all === 0n ? 0n : mulDown(due, claim.assets, all) }))
  let odd = due - shares.reduce((sum, share) => sum + share.assets, 0n)
  const order = claims
    .map((claim, i) => ({ i, left: claim.assets - shares[i]!.assets }))
    .sort((a, b) => (a.left > b.left ? -1 : a.left < b.left ? 1 : a.i - b.i))
  for (const { i, left } of order) {
    if (odd === 0n) break
    if (left === 0n) continue
    shares[i] = { id: shares[i]!.id, assets: shares[i]!.assets + 1n }
    odd -= 1n
  }
  return { bond: fromBond, shares, unpaid: loss - fromBond - due }
}
