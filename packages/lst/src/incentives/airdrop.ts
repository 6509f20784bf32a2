import { hexToBytes, OrderedMap } from '@l2/common'
import { buildClaimTree, claimLeaf, isInClaimTree } from '@l2/common/claims'
import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { amount } from '../math/units.js'
import { type Codec, codec, integer, mapOf } from '../state/codec.js'
import { type Apply, type LstStep, reducer, step } from '../state/reducer.js'

/** One entry of an airdrop. */
export type AirdropClaim = { readonly index: bigint; readonly account: `0x${string}`; readonly amount: bigint }

/** keccak256(uint256 index ‖ address ‖ uint256 amount). Source: ENKI distributor. */
export function airdropLeaf(claim: AirdropClaim): `0x${string}` {
  amount('index', claim.index)
  if (claim.amount < 0n || claim.amount >= 1n << 256n)
    fail('AMOUNT_OUT_OF_RANGE', `"amount" expected a uint256, got ${claim.amount}`)
  if (hexToBytes(claim.account)?.length !== 20)
    fail('ACCOUNT_INVALID', `account expected 20 bytes, got ${claim.account}`)
  return claimLeaf(claim)
}

/** Everything a distributor publishes. */
export type AirdropTree = {
  readonly root: `0x${string}`
  /** In the order of the claims. */
  readonly leaves: readonly `0x${string}`[]
  /** In the order of the claims. */
  readonly proofs: readonly (readonly `0x${string}`[])[]
}

/**
 * The Merkle tree of an airdrop: leaves sorted and de-duplicated, pairs sorted, an odd node goes up unhashed.
 * @throws LstError `OPTION_INVALID` without claims.
 */
export function airdropTree(claims: readonly AirdropClaim[]): AirdropTree {
  if (claims.length === 0) fail('OPTION_INVALID', 'an airdrop needs at least one claim')
  for (const claim of claims) airdropLeaf(claim)
  return buildClaimTree(claims)
}

/** Whether a proof leads from a claim to the root. */
export function verifyAirdrop(root: `0x${string}`, claim: AirdropClaim, proof: readonly `0x${string}`[]): boolean {
  return isInClaimTree(root, airdropLeaf(claim), proof)
}

/** A claim turned into a token that cannot be moved; its amount is withdrawn once withdrawals reach its number. */
export type AirdropToken = { readonly owner: string; readonly amount: bigint; readonly withdrawn: boolean }

/**
 * A distributor. Source: ENKI distributor: claim mints a non-transferable NFT, `withdrawEnabledBeforeSeconds` opens
 * withdrawals in order.
 */
export type MerkleAirdrop = {
  readonly root: `0x${string}`
  /** By index: the token that the claim became. */
  readonly claimed: OrderedMap<bigint, bigint>
  readonly tokens: OrderedMap<bigint, AirdropToken>
  readonly withdrawEnabledBeforeSeconds: bigint
}

/** A distributor with nothing claimed. */
export function createAirdrop(root: `0x${string}`): MerkleAirdrop {
  if (hexToBytes(root)?.length !== 32) fail('OPTION_INVALID', `root expected 32 bytes, got ${root}`)
  return { root, claimed: OrderedMap.from(), tokens: OrderedMap.from(), withdrawEnabledBeforeSeconds: 0n }
}

/** Where a claim stands in the distributor's bitmap (Uniswap MerkleDistributor): `claimedBitMap[word] & mask`. */
export type ClaimBit = { readonly word: bigint; readonly bit: bigint; readonly mask: bigint }

/** The word, the bit in it (0 … 255) and the mask of an index. */
export function claimBit(index: bigint): ClaimBit {
  amount('index', index)
  const bit = index & 255n
  return { word: index >> 8n, bit, mask: 1n << bit }
}

/** A word of the bitmap of everything claimed, as the contract stores it. */
export function claimedWord(state: MerkleAirdrop, word: bigint): bigint {
  amount('word', word)
  let bits = 0n
  for (const [index] of state.claimed.entries(word << 8n)) {
    const at = claimBit(index)
    if (at.word !== word) break
    bits |= at.mask
  }
  return bits
}

const operations = {
  /** Claims once by index; the result is the token's number, from 0. */
  claim(
    state: MerkleAirdrop,
    args: AirdropClaim & { proof: readonly `0x${string}`[] },
  ): LstStep<MerkleAirdrop, bigint> {
    if (state.claimed.get(args.index) !== undefined)
      fail('ALREADY_CLAIMED', `index ${args.index} was claimed before`, { index: args.index })
    if (!verifyAirdrop(state.root, args, args.proof))
      fail('PROOF_INVALID', `the proof of index ${args.index} does not lead to the root`, { index: args.index })
    const id = BigInt(state.tokens.size)
    return step(
      {
        ...state,
        claimed: state.claimed.set(args.index, id),
        tokens: state.tokens.set(id, { owner: args.account, amount: args.amount, withdrawn: false }),
      },
      id,
      { type: 'claimed', id, owner: args.account, assets: args.amount },
    )
  },
  /** Opens withdrawals for every token below `before`; never closes them. */
  enableWithdraw(state: MerkleAirdrop, args: { before: bigint }): LstStep<MerkleAirdrop, null> {
    amount('before', args.before)
    if (args.before < state.withdrawEnabledBeforeSeconds)
      fail(
        'OPTION_INVALID',
        `withdrawals are open below ${state.withdrawEnabledBeforeSeconds}, cannot go back to ${args.before}`,
      )
    return step({ ...state, withdrawEnabledBeforeSeconds: args.before }, null)
  },
  /** Pays a token's amount to its owner, once. */
  withdraw(state: MerkleAirdrop, args: { id: bigint; account: string }): LstStep<MerkleAirdrop, bigint> {
    const token = state.tokens.get(args.id) ?? fail('REQUEST_UNKNOWN', `there is no token ${args.id}`, { id: args.id })
    if (token.owner !== args.account) fail('NOT_OWNER', `token ${args.id} belongs to ${token.owner}`, { id: args.id })
    if (token.withdrawn) fail('ALREADY_CLAIMED', `token ${args.id} was withdrawn before`, { id: args.id })
    if (args.id >= state.withdrawEnabledBeforeSeconds)
      fail('NOT_UNLOCKED', `withdrawals are open below ${state.withdrawEnabledBeforeSeconds}, not for ${args.id}`, {
        id: args.id,
      })
    return step({ ...state, tokens: state.tokens.set(args.id, { ...token, withdrawn: true }) }, token.amount, {
      type: 'withdrawn',
      account: args.account,
      assets: token.amount,
      shares: 0n,
    })
  },
}

/** The distributor as a reducer. */
export const applyAirdrop: Apply<MerkleAirdrop, typeof operations> = /*#__PURE__*/ reducer<
  MerkleAirdrop,
  typeof operations
>(operations)

/** JSON of a {@link MerkleAirdrop}. */
export const airdropCodec: Codec<MerkleAirdrop> = /* @__PURE__ */ (() =>
  codec(
    z.strictObject({
      root: z.string().check(z.regex(/^0x[0-9a-f]{64}$/i)),
      claimed: mapOf(integer, integer),
      tokens: mapOf(integer, z.strictObject({ owner: z.string(), amount: integer, withdrawn: z.boolean() })),
      withdrawEnabledBeforeSeconds: integer,
    }),
  ))()
