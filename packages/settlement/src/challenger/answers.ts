import { systemClock } from '@l2/common'
import type { Hash } from 'viem'
import { SettlementError } from '../errors.js'
import { faultDisputeGameAbi } from '../games/abi.js'
import { type GameFacts, type GameState, gameCalls } from '../games/game.js'
import type { Alarms } from '../internal/alarms.js'
import type { L1BlockSummary } from '../l1/reader.js'
import { payout, resolution } from './endings.js'
import { judge, resolvable, type Verdict } from './moves.js'
import type { ChallengerDependencies, ChallengerTrouble } from './options.js'
import type { KnownGame } from './roster.js'
import type { Candidate } from './submissions.js'

/** How long it is believed that a game in which nothing moves needs no move; milliseconds. */
const stillMs = 30_000

/** Output roots of this node's own derivation, each asked for once. */
export type OwnRoots = (number: bigint) => Promise<Hash>

/** @throws SettlementError `OUTPUT_MISSING` */
export function ownRoots(outputs: ChallengerDependencies['outputs']): OwnRoots {
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

/** What this node says to games, and how many it has judged. */
export type Answers = {
  readonly judged: { readonly true: number; readonly false: number }
  /** Games that were decided against what is true. */
  readonly lost: number
  /** What a game under way needs, the most urgent first. */
  play(game: KnownGame, state: GameState, head: L1BlockSummary, root: OwnRoots): Promise<Candidate | undefined>
  /** What is left of a game that is decided: bonds of ours; `nothing` where it is over. */
  collect(game: KnownGame, state: GameState, head: L1BlockSummary): Promise<Candidate | 'nothing' | undefined>
}

/** Holds games against this node's own derivation, and answers what is false in them. */
export function createAnswers(
  { confirmations }: { readonly confirmations: bigint },
  dependencies: ChallengerDependencies,
  alarms: Alarms<ChallengerTrouble>,
): Answers {
  const { l1, sender, outputs, derivedL1, safeAt, header, onEvent = () => {}, clock = systemClock } = dependencies
  const judged = { true: 0, false: 0 }
  let lost = 0

  const note = (game: KnownGame, verdict: Verdict): void => {
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

  /** The answer that a verdict asks for: of several moves the one that is too late first. */
  const answer = (
    { index, game }: GameFacts,
    { wrongNumberOf, moves }: Verdict,
    isOver: boolean,
    head: L1BlockSummary,
  ): Candidate | undefined => {
    if (wrongNumberOf !== undefined && !isOver) {
      const call = async () => {
        const output = await outputs.at(wrongNumberOf)
        return gameCalls.challengeNumber(game, output!.proof, await header(wrongNumberOf))
      }
      return { index, dueSeconds: 0n, isMove: true, call }
    }
    const move = moves.reduce<Verdict['moves'][number] | undefined>(
      (first, next) => (first === undefined || next.deadlineSeconds < first.deadlineSeconds ? next : first),
      undefined,
    )
    if (move === undefined) return undefined
    const contract = { address: game, abi: faultDisputeGameAbi } as const
    const call = async () =>
      gameCalls.move(game, move, await l1.call(contract, 'getRequiredBond', [move.position], head))
    return { index, dueSeconds: move.deadlineSeconds, isMove: true, call }
  }

  const unjudged = (reason: string): undefined => {
    alarms.set('unjudged', reason)
    return undefined
  }

  return {
    judged,
    get lost() {
      return lost
    },
    async play(game, state, head, root) {
      const { facts } = game
      const { index, l1Head } = facts
      const isStill = game.claims === state.claims.length && clock.now() < game.stillUntilMs
      const ripe = resolvable(state.claims, facts.maxClockSeconds, head.timestamp)
      if (!isStill) {
        if (derivedL1() < l1Head.number + confirmations)
          return unjudged(`game ${index} is judged once L1 block ${l1Head.number + confirmations} is derived`)
        const safe = safeAt(l1Head.number)
        if (safe === undefined)
          return unjudged(`what was safe at L1 block ${l1Head.number}, of game ${index}, is not known`)
        const verdict = await judge(facts, state, { safe, root }, head.timestamp)
        note(game, verdict)
        const candidate = answer(facts, verdict, ripe.includes(0), head)
        if (candidate !== undefined) return candidate
        game.claims = state.claims.length
        game.stillUntilMs = clock.now() + stillMs
      }
      return await resolution(l1, facts, state, ripe, head)
    },
    async collect(game, state, head) {
      const { facts, isTrue } = game
      const isRight = isTrue === undefined || (state.status === 'defender-wins') === isTrue
      if (!isRight && game.claims >= 0) {
        lost++
        alarms.set('lost', `game ${facts.index}, of block ${facts.number}, was decided against what is true`)
      }
      if (game.claims >= 0) onEvent({ type: 'decided', index: facts.index, game: facts.game, status: state.status })
      game.claims = -1
      return await payout(l1, facts, sender.address, head)
    },
  }
}
