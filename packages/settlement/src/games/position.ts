/**
 * A place in the binary tree of a game's claims, numbered from the root (1) level by level from the left. Source: OP specs, "Fault Dispute Game", "Position".
 */
export type Position = bigint

export const rootPosition: Position = 1n

/** Levels below the root. */
export function depthOf(position: Position): number {
  return position.toString(2).length - 1
}

/** The claim that the left half of what a claim covers ends differently. */
export function attackOf(position: Position): Position {
  return 2n * position
}

/** The claim that agrees with a claim, and says something of what comes right of it. */
export function defenceOf(position: Position): Position {
  return 2n * (position + 1n)
}

/** Which leaf, of a tree so deep, a claim speaks about: the rightmost below it, counted from the left. */
export function traceIndex(position: Position, depth: number): bigint {
  const below = BigInt(depth - depthOf(position))
  return ((position + 1n) << below) - 1n - (1n << BigInt(depth))
}
