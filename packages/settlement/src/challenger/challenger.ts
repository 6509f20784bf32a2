import { type Clock, isL2Error, systemClock } from '@l2/common'
import type { OutputSource } from '@l2/sequencer-core/output'
import type { Address, Hash, Hex } from 'viem'
import * as z from 'zod/mini'
import { SettlementError } from '../errors.js'
import { delayedWethAbi, disputeGameFactoryAbi, faultDisputeGameAbi } from '../games/abi.js'
import { type GameFacts, type GameState, gameCalls, readFacts, readState } from '../games/game.js'
import { type Alarm, type AlarmEvent, createAlarms, type OutsideTrouble, watched } from '../internal/alarms.js'
import { address, checkOptions, uint } from '../internal/options.js'
import type { L1Block, L1Reader } from '../l1/reader.js'
import type { L1Call, Sender, Settled } from '../l1/sender.js'
import { judge, resolvable, type Verdict } from './moves.js'

/** Options of {@link createChallenger}. */
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

/** What {@link createChallenger} works with. */
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

/** Where a challenger stands. */
export type ChallengerStatus = {
  readonly address: Address
  /** Wei. */
  readonly balanceWei: bigint | undefined
  /** Games of the factory. */
  readonly games: bigint
  /** The oldest that is not over, bonds included; games below are done with. */
  readonly lowest: bigint
  /** Since the start. */
  readonly judged: { readonly true: number; readonly false: number }
  readonly moves: number
  /** Roots that were decided against what is true. */
  readonly lost: number
  readonly waiting: string | undefined
  readonly alarms: readonly Alarm<ChallengerTrouble>[]
}

/** Holds every game against this node's own derivation. One call at a time. */
export interface Challenger {
  /** One round, as `Proposer.step`: at most one transaction of it. */
  step(): Promise<string | undefined>
  readonly status: ChallengerStatus
}

const optionsSchema = /* @__PURE__ */ (() =>
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

/** Games whose facts are kept, and games behind an unfinished one that are known to be over: beyond that they are read again. */
const keptGames = 4096
const keptFinished = 65_536
/** How long it is believed that a game in which nothing moves needs no move; milliseconds. */
const stillMs = 30_000
/** Claims below one that are resolved in one transaction: the contract's loop costs some 10,000 gas each. */
const resolvedAtOnce = 512n

type Known = { readonly facts: GameFacts; isTrue: boolean | undefined; stillUntilMs: number; claims: number }
/** Something to be sent. */
type Candidate = {
  readonly index: bigint
  readonly dueSeconds: bigint
  readonly isMove: boolean
  call(): Promise<L1Call>
}

/**
 * A challenger of dispute games. Every game of the factory, those of before its start too, is held against this node's own derivation: a false root is attacked,
 * attacks on a true one are answered, claims and games are resolved when their clocks have run out, and what was won is claimed. It moves between output roots;
 * where a game goes below them, into the steps of a machine, it says so and cannot go on (`beyond-outputs`).
 *
 * It keeps nothing: everything follows from the contracts and from derivation. Its memory does not grow with the number of games.
 *
 * @throws SettlementError `SETTLEMENT_OPTIONS_INVALID`
 *
 * @example
 * ```ts no-run
 * import { createChallenger, createL1Reader, createSender } from '@l2/settlement'
 * import type { OutputSource } from '@l2/sequencer-core/output'
 * import { createPublicClient, http } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * declare const outputs: OutputSource
 * const l1 = createL1Reader(createPublicClient({ transport: http('http://127.0.0.1:8545') }))
 * const sender = createSender({}, { l1, account: privateKeyToAccount(process.env['CHALLENGER_KEY'] as `0x${string}`) })
 * const challenger = createChallenger(
 *   { factory: '0x05F9613aDB30026FFd634f38e5C4dFd30a197Fa1' },
 *   { l1, sender, outputs, derivedL1: () => 100n, safeAt: () => 40n, header: async () => '0x' },
 * )
 * console.log(await challenger.step(), challenger.status)
 * ```
 */
export function createChallenger(options: ChallengerOptions, dependencies: ChallengerDependencies): Challenger {
  checkOptions(optionsSchema, options, 'the challenger')
  const { gameTypes = [0], lookBackSeconds = 28n * 86_400n, confirmations = 4n } = options
  const { gamesPerRound = 64, maxClaims = 4096 } = options
  const { l1, sender, outputs, derivedL1, safeAt, header, onEvent = () => {}, clock = systemClock } = dependencies
  const factory = { address: options.factory, abi: disputeGameFactoryAbi } as const
  const alarms = createAlarms<ChallengerTrouble>(clock, onEvent)
  const known = new Map<bigint, Known>()
  /** Over, and above the lowest that is not. */
  const finished = new Set<bigint>()
  let games = 0n
  let lowest: bigint | undefined
  /** New games are looked at from here, those under way from there. */
  let fresh = 0n
  let cursor = 0n
  const judged = { true: 0, false: 0 }
  let [moves, lost] = [0, 0]
  let waiting: string | undefined

  const createdAt = async (index: bigint, head: L1Block): Promise<bigint> =>
    (await l1.call(factory, 'gameAtIndex', [index], head))[1]

  /** The first game that is young enough: games stand in the order of their time. */
  const firstWithin = async (count: bigint, head: L1Block): Promise<bigint> => {
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

  const factsOf = async (index: bigint, head: L1Block): Promise<Known | 'other' | undefined> => {
    const [type, , game] = await l1.call(factory, 'gameAtIndex', [index], head)
    if (!gameTypes.includes(type)) return 'other'
    const kept = known.get(index)
    // After a reorg of L1 another game may stand in its place.
    if (kept?.facts.game === game) return kept
    const facts = await readFacts(l1, index, game, head)
    if (facts === undefined) return undefined
    const next = { facts, isTrue: undefined, stillUntilMs: 0, claims: 0 }
    known.set(index, next)
    if (known.size > keptGames) known.delete(known.keys().next().value!)
    return next
  }

  const rootAt = (): ((number: bigint) => Promise<Hash>) => {
    const roots = new Map<bigint, Promise<Hash>>()
    return number => {
      const asked =
        roots.get(number) ??
        outputs.at(number).then(output => {
          if (output !== undefined) return output.root
          throw new SettlementError(`the engine has no block ${number}, which is safe`, {
            code: 'OUTPUT_MISSING',
            recovery: 'retry',
            details: { number },
          })
        })
      roots.set(number, asked)
      return asked
    }
  }

  const note = (game: Known, verdict: Verdict): void => {
    const { facts } = game
    const where = `game ${facts.index}`
    if (game.isTrue === undefined) {
      game.isTrue = verdict.isTrue
      judged[verdict.isTrue ? 'true' : 'false']++
      onEvent({ type: 'judged', index: facts.index, game: facts.game, number: facts.number, isTrue: verdict.isTrue })
    }
    if (verdict.beyondOutputs.length > 0) {
      alarms.set('beyond-outputs', `${where} has come to the steps of a machine, which only a fault program can judge`)
    }
    if (verdict.tooLate.length > 0) alarms.set('lost', `${where} has false claims that can be answered no more`)
  }

  /** What a game under way needs, the most urgent first. */
  const play = async (
    game: Known,
    state: GameState,
    head: L1Block,
    root: (number: bigint) => Promise<Hash>,
  ): Promise<Candidate | undefined> => {
    const { facts } = game
    const { index } = facts
    const isStill = game.claims === state.claims.length && clock.now() < game.stillUntilMs
    const ripe = resolvable(state.claims, facts.maxClockSeconds, head.timestamp)
    if (!isStill && derivedL1() < facts.l1Head.number + confirmations) {
      return unjudged(`game ${index} is judged once L1 block ${facts.l1Head.number + confirmations} is derived`)
    }
    if (!isStill) {
      const safe = safeAt(facts.l1Head.number)
      if (safe === undefined)
        return unjudged(`what was safe at L1 block ${facts.l1Head.number}, of game ${index}, is not known`)
      const verdict = await judge(facts, state, { safe, root }, head.timestamp)
      note(game, verdict)
      const { wrongNumberOf } = verdict
      if (wrongNumberOf !== undefined && !ripe.includes(0)) {
        const call = async () => {
          const output = await outputs.at(wrongNumberOf)
          return gameCalls.challengeNumber(facts.game, output!.proof, await header(wrongNumberOf))
        }
        return { index, dueSeconds: 0n, isMove: true, call }
      }
      const move = verdict.moves.reduce<Verdict['moves'][number] | undefined>(
        (first, next) => (first === undefined || next.deadlineSeconds < first.deadlineSeconds ? next : first),
        undefined,
      )
      if (move !== undefined) {
        const contract = { address: facts.game, abi: faultDisputeGameAbi } as const
        const call = async () =>
          gameCalls.move(facts.game, move, await l1.call(contract, 'getRequiredBond', [move.position], head))
        return { index, dueSeconds: move.deadlineSeconds, isMove: true, call }
      }
      game.claims = state.claims.length
      game.stillUntilMs = clock.now() + stillMs
    }
    return await resolution(facts, state, ripe, head)
  }

  const unjudged = (reason: string): undefined => {
    alarms.set('unjudged', reason)
    return undefined
  }

  const resolution = async (
    { game, index }: GameFacts,
    { claims }: GameState,
    ripe: readonly number[],
    head: L1Block,
  ): Promise<Candidate | undefined> => {
    const contract = { address: game, abi: faultDisputeGameAbi } as const
    const due = { index, dueSeconds: 2n ** 64n, isMove: false }
    for (const claim of ripe) {
      if (await l1.call(contract, 'resolvedSubgames', [BigInt(claim)], head)) continue
      const children = claims.filter(({ parent }) => parent === claim).length
      const atOnce = children > Number(resolvedAtOnce) ? resolvedAtOnce : 0n
      return { ...due, call: async () => gameCalls.resolveClaim(game, claim, atOnce) }
    }
    return ripe.includes(0) ? { ...due, call: async () => gameCalls.resolve(game) } : undefined
  }

  /** What is left of a game that is decided: bonds of ours. */
  const collect = async (game: Known, state: GameState, head: L1Block): Promise<Candidate | undefined> => {
    const { facts, isTrue } = game
    const isRight = isTrue === undefined || (state.status === 'defender-wins') === isTrue
    if (!isRight && game.claims >= 0) {
      lost++
      alarms.set('lost', `game ${facts.index}, of block ${facts.number}, was decided against what is true`)
    }
    if (game.claims >= 0) onEvent({ type: 'decided', index: facts.index, game: facts.game, status: state.status })
    game.claims = -1
    const contract = { address: facts.game, abi: faultDisputeGameAbi } as const
    const credit = await l1.call(contract, 'credit', [sender.address], head)
    if (credit === 0n) {
      finish(facts.index)
      return undefined
    }
    const weth = { address: facts.weth, abi: delayedWethAbi } as const
    const [, unlockedAt] = await l1.call(weth, 'withdrawals', [facts.game, sender.address], head)
    if (head.timestamp < unlockedAt + (await l1.call(weth, 'delay', [], head))) return undefined
    const call = async () => gameCalls.claimCredit(facts.game, sender.address)
    return { index: facts.index, dueSeconds: 2n ** 64n, isMove: false, call }
  }

  const visit = async (
    index: bigint,
    head: L1Block,
    root: (number: bigint) => Promise<Hash>,
  ): Promise<Candidate | undefined> => {
    const game = await factsOf(index, head)
    if (game === undefined) return undefined
    if (game === 'other') {
      finish(index)
      return undefined
    }
    const state = await readState(l1, game.facts.game, head, maxClaims)
    if (state === 'too-many') {
      alarms.set('too-many-claims', `game ${index} has more than ${maxClaims} claims`)
      return undefined
    }
    return state.status === 'in-progress' ? await play(game, state, head, root) : await collect(game, state, head)
  }

  /** Which games a round looks at: the next new ones, and the next of those under way. */
  const chosen = (): bigint[] => {
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
  }

  const round = async (): Promise<string | undefined> => {
    const settled = await sender.settle()
    if (settled === 'pending') return `${sender.underway!.what} is not mined yet`
    if (settled !== undefined) onEvent({ type: 'mined', settled })
    const head = await l1.head()
    if (head.number < sender.minedIn) return `L1 tells of block ${head.number}, and was at ${sender.minedIn}`
    games = await l1.call(factory, 'gameCount', [], head)
    lowest ??= fresh = cursor = await firstWithin(games, head)
    if (games < fresh) {
      // A reorg of L1 has taken games back.
      fresh = games
      for (const index of finished) if (index >= games) finished.delete(index)
      if (lowest > games) lowest = games
    }
    alarms.set('unjudged', undefined)
    const root = rootAt()
    const candidates: Candidate[] = []
    for (const index of chosen()) {
      const candidate = await visit(index, head, root)
      if (candidate !== undefined) candidates.push(candidate)
    }
    // What can be too late comes first.
    candidates.sort((a, b) => (a.dueSeconds < b.dueSeconds ? -1 : a.dueSeconds > b.dueSeconds ? 1 : 0))
    await sendFirst(candidates)
    return undefined
  }

  const sendFirst = async (candidates: readonly Candidate[]): Promise<void> => {
    let failure: unknown
    for (const { index, isMove, call } of candidates) {
      try {
        const planned = await call()
        const hash = await sender.submit(planned)
        if (isMove) moves++
        onEvent({ type: 'sent', index, what: planned.what, hash })
        break
      } catch (error) {
        // What cannot be done in one game must not stop the others.
        if (!isL2Error(error, 'L1_REVERTED') && !isL2Error(error, 'L1_FUNDS')) throw error
        failure ??= error
      }
    }
    if (failure !== undefined) throw failure
  }

  return {
    async step() {
      waiting = await watched(alarms, round)
      return waiting
    },
    get status() {
      return {
        address: sender.address,
        balanceWei: sender.balanceWei,
        games,
        lowest: lowest ?? 0n,
        judged: { ...judged },
        ...{ moves, lost, waiting },
        alarms: alarms.list,
      }
    },
  }
}
