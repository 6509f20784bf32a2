/**
 * A place in the binary tree of a game's claims, numbered from the root (1) level by level from the left. Source: OP specs, "Fault Dispute Game", "Position".
 */
export type GamePosition = bigint

export const rootPosition: GamePosition = 1n

/** Levels below the root. */
export function depthOf(position: GamePosition): number {
  return position.toString(2).length - 1
}

/** The claim that the left half of what a claim covers ends differently. */
export function attackOf(position: GamePosition): GamePosition {
  return 2n * position
}

/** The claim that agrees with a claim, and says something of what comes right of it. */
export function defenceOf(position: GamePosition): GamePosition {
  return 2n * (position + 1n)
}

/** Which leaf, of a tree so deep, a claim speaks about: the rightmost below it, counted from the left. */
export function traceIndex(position: GamePosition, depth: number): bigint {
  const below = BigInt(depth - depthOf(position))
  return ((position + 1n) << below) - 1n - (1n << BigInt(depth))
}
