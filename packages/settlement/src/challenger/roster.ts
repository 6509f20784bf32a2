import type { Address } from 'viem'
import { disputeGameFactoryAbi } from '../games/abi.js'
import { type GameFacts, readFacts } from '../games/game.js'
import type { L1BlockSummary, L1Reader } from '../l1/reader.js'

/** Games whose facts are kept, and games behind an unfinished one that are known to be over: beyond that they are read again. */
const keptGames = 4096
const keptFinished = 65_536

/** A game that is looked at, with what was found out about it. */
export type KnownGame = {
  readonly facts: GameFacts
  /** Whether its root is true; `undefined` until it is judged. */
  isTrue: boolean | undefined
  /** Until when it is believed to need no move … */
  stillUntilMs: number
  /** … while it has as many claims as this; -1 once it was told that it is decided. */
  claims: number
}

/** Which games of the factory there are, and how many of them a round looks at. */
export type RosterOptions = {
  readonly factory: Address
  readonly gameTypes: readonly number[]
  readonly lookBackSeconds: bigint
  readonly gamesPerRound: number
}

/** The games of a factory from the oldest that is not over. Its memory does not grow with their number. */
export type Roster = {
  /** Games of the factory. */
  readonly games: bigint
  /** The oldest that is not over; `undefined` before the first {@link update}. */
  readonly lowest: bigint | undefined
  /** Looks how many there are. */
  update(head: L1BlockSummary): Promise<void>
  /** Which games a round looks at: the next new ones, and the next of those under way. */
  next(): bigint[]
  /** @returns `undefined` for one that is not ours to look at, or that cannot be read at the moment */
  read(index: bigint, head: L1BlockSummary): Promise<KnownGame | undefined>
  /** Nothing more is to be done about a game. */
  finish(index: bigint): void
}

export function createRoster(options: RosterOptions, l1: L1Reader): Roster {
  const { gameTypes, lookBackSeconds, gamesPerRound } = options
  const factory = { address: options.factory, abi: disputeGameFactoryAbi } as const
  const known = new Map<bigint, KnownGame>()
  /** Over, and above the lowest that is not. */
  const finished = new Set<bigint>()
  let games = 0n
  let lowest: bigint | undefined
  /** New games are looked at from here, those under way from there. */
  let fresh = 0n
  let cursor = 0n

  const createdAt = async (index: bigint, head: L1BlockSummary): Promise<bigint> =>
    (await l1.call(factory, 'gameAtIndex', [index], head))[1]

  /** The first game that is young enough: games stand in the order of their time. */
  const firstWithin = async (count: bigint, head: L1BlockSummary): Promise<bigint> => {
    const since = head.timestamp - lookBackSeconds
    let [low, high] = [0n, count]
    while (low < high) {
      const middle = (low + high) / 2n
      if ((await createdAt(middle, head)) < since) low = middle + 1n
      else high = middle
    }
    return low
  }

  const finish = (index: bigint): void => {
    known.delete(index)
    if (finished.size < keptFinished) finished.add(index)
    while (lowest !== undefined && finished.delete(lowest)) lowest++
  }

  return {
    get games() {
      return games
    },
    get lowest() {
      return lowest
    },
    async update(head) {
      games = await l1.call(factory, 'gameCount', [], head)
      lowest ??= fresh = cursor = await firstWithin(games, head)
      if (games >= fresh) return
      // A reorg of L1 has taken games back.
      fresh = games
      for (const index of finished) if (index >= games) finished.delete(index)
      if (lowest > games) lowest = games
    },
    next() {
      const indices = new Set<bigint>()
      for (; fresh < games && indices.size < gamesPerRound; fresh++) indices.add(fresh)
      const begin = cursor < lowest! ? lowest! : cursor
      cursor = begin
      for (let left = gamesPerRound; left > 0 && cursor < games; cursor++) {
        if (finished.has(cursor)) continue
        indices.add(cursor)
        left--
      }
      if (cursor >= games) cursor = lowest!
      return [...indices]
    },
    async read(index, head) {
      const [type, , game] = await l1.call(factory, 'gameAtIndex', [index], head)
      if (!gameTypes.includes(type)) {
        finish(index)
        return undefined
      }
      const kept = known.get(index)
      // After a reorg of L1 another game may stand in its place.
      if (kept?.facts.game === game) return kept
      const facts = await readFacts(l1, index, game, head)
      if (facts === undefined) return undefined
      const next = { facts, isTrue: undefined, stillUntilMs: 0, claims: 0 }
      known.set(index, next)
      if (known.size > keptGames) known.delete(known.keys().next().value!)
      return next
    },
    finish,
  }
}
