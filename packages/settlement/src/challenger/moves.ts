import type { Hash } from 'viem'
import type { Claim, GameFacts, GameState } from '../games/game.js'
import { attackOf, defenceOf, depthOf, type GamePosition, rootPosition, traceIndex } from '../games/position.js'

/** A move in a game: a claim of ours below one that is false. */
export type Move = {
  readonly parent: number
  readonly isAttack: boolean
  readonly disputed: Hash
  readonly value: Hash
  readonly position: GamePosition
  /** Of L1, seconds: from then on the contract takes it no more. */
  readonly deadlineSeconds: bigint
}

/** What a game asks of an honest player. */
export type Verdict = {
  /** Whether the root claim is what this node's own derivation comes to. */
  readonly isTrue: boolean
  /**
   * Whether the root claim is a true root of an earlier block than it says: moves cannot show that, the header can. The number is of the block that the root is of.
   */
  readonly wrongNumberOf: bigint | undefined
  /** Moves that are to be made, in the order of claims. */
  readonly moves: readonly Move[]
  /** Claims that are false and below which only a machine's states can be claimed. */
  readonly beyondOutputs: readonly number[]
  /** False claims that can be answered no more. */
  readonly tooLate: readonly number[]
}

/** What is true of a game, by this node's own derivation. */
export type Truth = {
  /** The newest L2 block that L1 had made safe by the game's `l1Head`. */
  readonly safe: bigint
  /** The output root of a block up to that one. */
  root(number: bigint): Promise<Hash>
}

/**
 * What an honest player does in a game, down to the depth at which claims are no longer of output roots: it answers every false claim that opposes it, unless
 * the false claim answers another false claim, and never one of its own. A claim of a block that was not safe by the game's L1 block counts as one of the
 * last that was. Source: OP specs, "Honest Challenger (Fault Dispute Game)".
 *
 * @param nowSeconds of L1
 */
export async function judge(
  facts: Pick<GameFacts, 'number' | 'startingNumber' | 'splitDepth' | 'maxClockSeconds'>,
  { claims, numberChallenged }: Pick<GameState, 'claims' | 'numberChallenged'>,
  truth: Truth,
  nowSeconds: bigint,
): Promise<Verdict> {
  const { number, startingNumber, splitDepth } = facts
  const least = (...numbers: bigint[]): bigint => numbers.reduce((a, b) => (a < b ? a : b))
  const honest = (position: GamePosition): Promise<Hash> =>
    truth.root(least(startingNumber + traceIndex(position, splitDepth) + 1n, number, truth.safe))
  const agreesWithRoot = claims[0]!.value === (await honest(rootPosition))
  const isTrue = agreesWithRoot && number <= truth.safe
  const moves: Move[] = []
  const beyondOutputs: number[] = []
  const tooLate: number[] = []
  const verdict = { isTrue, wrongNumberOf: undefined, moves, beyondOutputs, tooLate }
  if (agreesWithRoot && !isTrue) return { ...verdict, wrongNumberOf: numberChallenged ? undefined : truth.safe }

  const isMade = new Set(claims.map(claim => keyOf(claim.parent, claim.position, claim.value)))
  /** Moves of an honest player, made by whomever, or still to be made. */
  const right = new Set<string>()
  const isHonest = new Set<number>(isTrue ? [0] : [])
  for (const [index, claim] of claims.entries()) {
    if (right.has(keyOf(claim.parent, claim.position, claim.value))) isHonest.add(index)
    // Even levels say what the root says, odd ones the opposite.
    const isOurs = (depthOf(claim.position) % 2 === 0) === isTrue
    if (isOurs || isHonest.has(index)) continue
    if (claim.parent !== undefined && !isHonest.has(claim.parent)) continue
    // Nothing but its own falsehood can be shown of the claim at the root.
    if (claim.parent === undefined && numberChallenged) continue
    if (depthOf(claim.position) >= splitDepth) {
      beyondOutputs.push(index)
      continue
    }
    const isAttack = claim.parent === undefined || claim.value !== (await honest(claim.position))
    const position = isAttack ? attackOf(claim.position) : defenceOf(claim.position)
    const value = await honest(position)
    const key = keyOf(index, position, value)
    right.add(key)
    if (isMade.has(key)) continue
    const deadlineSeconds = deadlineOf(claims, claim, facts.maxClockSeconds)
    if (nowSeconds >= deadlineSeconds) tooLate.push(index)
    else moves.push({ parent: index, isAttack, disputed: claim.value, value, position, deadlineSeconds })
  }
  return verdict
}

const keyOf = (parent: number | undefined, position: GamePosition, value: Hash): string =>
  `${parent} ${position} ${value.toLowerCase()}`

/** When the clock of those who would answer a claim runs out; seconds of L1. Source: `getChallengerDuration` of the contract. */
export function deadlineOf(claims: readonly Claim[], claim: Claim, maxClockSeconds: bigint): bigint {
  const used = claim.parent === undefined ? 0n : claims[claim.parent]!.usedSeconds
  return claim.madeAtSeconds + maxClockSeconds - used
}

/**
 * Claims whose clocks and whose children's clocks have run out, children before their parents: what may be resolved, in this order, unless it is.
 */
export function resolvable(claims: readonly Claim[], maxClockSeconds: bigint, nowSeconds: bigint): number[] {
  const open = new Set<number>()
  const ripe: number[] = []
  for (let index = claims.length - 1; index >= 0; index--) {
    const claim = claims[index]!
    const isRipe = !open.has(index) && nowSeconds >= deadlineOf(claims, claim, maxClockSeconds)
    if (isRipe) ripe.push(index)
    else if (claim.parent !== undefined) open.add(claim.parent)
  }
  return ripe
}
