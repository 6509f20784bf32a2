import type { Clock } from '@l2/common'
import type { OutputSource } from '@l2/sequencer-core/output'
import type { Address, Hash, Hex } from 'viem'
import * as z from 'zod/mini'
import type { GameState } from '../games/game.js'
import type { AlarmEvent, OutsideTrouble } from '../internal/alarms.js'
import { address, uint } from '../internal/options.js'
import type { L1Reader } from '../l1/reader.js'
import type { Sender, Settled } from '../l1/sender.js'

/** Options of `createChallenger`. */
export type ChallengerOptions = {
  /** The DisputeGameFactory. */
  factory: Address
  /** Games of other types are passed over. Defaults to 0, `CANNON`, alone. */
  gameTypes?: readonly number[] | undefined
  /** How old a game may be to be looked at after a start, by L1's time. Defaults to 28 days, op-challenger's: none lives longer, payment of bonds included. */
  lookBackSeconds?: bigint | undefined
  /**
   * How many derived L1 blocks must stand upon the one that a game was made upon before it is judged. Defaults to 4: what a reorg changes must not cost a bond.
   */
  confirmations?: bigint | undefined
  /** Games that a round looks at, of new ones and of those under way each. Defaults to 64. */
  gamesPerRound?: number | undefined
  /** Claims of one game that are read at most; a game with more is an alarm. Defaults to 4096. */
  maxClaims?: number | undefined
}

/** What `createChallenger` works with. */
export type ChallengerDependencies = {
  l1: L1Reader
  sender: Sender
  /** Outputs of this node's own derivation. */
  outputs: OutputSource
  /** The last L1 block that derivation has accounted for. */
  derivedL1(): bigint
  /** The newest L2 block that was safe when L1 was at a height; `undefined` where that is not known. */
  safeAt(l1Number: bigint): bigint | undefined
  /** The RLP of an L2 block's header. */
  header(number: bigint): Promise<Hex>
  onEvent?: ((event: ChallengerEvent) => void) | undefined
  clock?: Clock | undefined
}

/** What an operator has to see to, beside what is outside: a game that goes wrong, one that needs what is not here, derivation that is behind. */
export type ChallengerTrouble = OutsideTrouble | 'lost' | 'beyond-outputs' | 'too-many-claims' | 'unjudged'

export type ChallengerEvent =
  /** A game was held against this node's own derivation for the first time. */
  | {
      readonly type: 'judged'
      readonly index: bigint
      readonly game: Address
      readonly number: bigint
      readonly isTrue: boolean
    }
  /** A transaction is on its way. */
  | { readonly type: 'sent'; readonly index: bigint; readonly what: string; readonly hash: Hash }
  | { readonly type: 'mined'; readonly settled: Settled }
  /** A game was decided. */
  | { readonly type: 'decided'; readonly index: bigint; readonly game: Address; readonly status: GameState['status'] }
  | AlarmEvent<ChallengerTrouble>

export const challengerOptionsSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    factory: address,
    gameTypes: z.optional(
      z.readonly(z.array(z.int().check(z.minimum(0), z.maximum(2 ** 32 - 1))).check(z.minLength(1))),
    ),
    lookBackSeconds: z.optional(uint(2n ** 40n, 1n)),
    confirmations: z.optional(uint(10_000n)),
    gamesPerRound: z.optional(z.int().check(z.positive(), z.maximum(1024))),
    maxClaims: z.optional(z.int().check(z.positive(), z.maximum(100_000))),
  }))()
