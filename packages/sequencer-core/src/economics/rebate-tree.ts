import { hexToBytes } from '@l2/common'
import { buildClaimTree, claimLeaf, isInClaimTree } from '@l2/common/claims'
import type { Hex } from 'viem'
import { checkNonNegative, invalid } from './invalid.js'
import type { Rebate } from './rebate.js'

/** A rebate as a leaf of the tree that is published: `index` is its place, from 0. */
export type RebateClaim = { readonly index: bigint; readonly account: Hex; readonly amountWei: bigint }

/** The tree of a rebate: its root goes to L1, a claim with its proof to its user. */
export type RebateTree = {
  readonly root: Hex
  readonly totalWei: bigint
  readonly claims: readonly (RebateClaim & { readonly proof: readonly Hex[] })[]
}

function leafOf({ index, account, amountWei }: RebateClaim): Hex {
  checkNonNegative({ index, amountWei })
  if (index >= 2n ** 256n || amountWei >= 2n ** 256n)
    invalid('"index" and "amountWei" expected numbers below 2^256', { index, amountWei })
  if (hexToBytes(account)?.length !== 20) invalid(`"account" expected an address, got ${account}`, { account })
  return claimLeaf({ index, account, amount: amountWei })
}

/**
 * The Merkle tree by which users claim what {@link rebateShares} gave them: leaves keccak256(uint256 index ‖ address ‖ uint256 amount), sorted,
 * pairs sorted, an odd node goes up unhashed.
 *
 * @throws SequencerError `ECONOMICS_INVALID` for no rebates, or a user that is no address
 *
 * @example
 * ```ts
 * import { rebateShares, rebateTree } from '@l2/sequencer-core/economics'
 *
 * const user = '0x00000000000000000000000000000000000000aa'
 * const tree = rebateTree(rebateShares(100n, [{ user, feesPaid: 1n }]))
 * console.log(tree.totalWei, tree.claims[0]?.proof) // 100n []
 * ```
 */
export function rebateTree(rebates: readonly Rebate[]): RebateTree {
  if (rebates.length === 0) invalid('a rebate needs at least one user')
  const claims = rebates.map(({ user, amount }, at): RebateClaim => {
    const claim = { index: BigInt(at), account: user as Hex, amountWei: amount }
    leafOf(claim)
    return claim
  })
  const tree = buildClaimTree(claims.map(({ amountWei, ...claim }) => ({ ...claim, amount: amountWei })))
  return {
    root: tree.root,
    totalWei: claims.reduce((sum, { amountWei }) => sum + amountWei, 0n),
    claims: claims.map((claim, at) => ({ ...claim, proof: tree.proofs[at]! })),
  }
}

/**
 * Whether a proof leads from a claim to the root of a {@link rebateTree}.
 *
 * @throws SequencerError `ECONOMICS_INVALID` for a claim that cannot be one
 */
export function verifyRebate(root: Hex, claim: RebateClaim, proof: readonly Hex[]): boolean {
  return isInClaimTree(root, leafOf(claim), proof)
}
