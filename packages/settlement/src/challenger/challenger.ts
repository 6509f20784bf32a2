import { systemClock } from '@l2/common'
import type { Address } from 'viem'
import { readState } from '../games/game.js'
import { type Alarm, createAlarms, watched } from '../internal/alarms.js'
import { checkOptions } from '../internal/options.js'
import type { L1BlockSummary } from '../l1/reader.js'
import { createAnswers, type OwnRoots, ownRoots } from './answers.js'
import {
  type ChallengerDependencies,
  type ChallengerOptions,
  type ChallengerTrouble,
  challengerOptionsSchema,
} from './options.js'
import { createRoster } from './roster.js'
import { type Candidate, sendFirst } from './submissions.js'

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
  checkOptions(challengerOptionsSchema, options, 'the challenger')
  const { factory, gameTypes = [0], lookBackSeconds = 28n * 86_400n, confirmations = 4n } = options
  const { gamesPerRound = 64, maxClaims = 4096 } = options
  const { l1, sender, outputs, onEvent = () => {}, clock = systemClock } = dependencies
  const alarms = createAlarms<ChallengerTrouble>(clock, onEvent)
  const roster = createRoster({ factory, gameTypes, lookBackSeconds, gamesPerRound }, l1)
  const answers = createAnswers({ confirmations }, dependencies, alarms)
  let moves = 0
  let waiting: string | undefined

  const visit = async (index: bigint, head: L1BlockSummary, root: OwnRoots): Promise<Candidate | undefined> => {
    const game = await roster.read(index, head)
    if (game === undefined) return undefined
    const state = await readState(l1, game.facts.game, head, maxClaims)
    if (state === 'too-many') {
      alarms.set('too-many-claims', `game ${index} has more than ${maxClaims} claims`)
      return undefined
    }
    if (state.status === 'in-progress') return await answers.play(game, state, head, root)
    const left = await answers.collect(game, state, head)
    if (left !== 'nothing') return left
    roster.finish(index)
    return undefined
  }

  const round = async (): Promise<string | undefined> => {
    const settled = await sender.settle()
    if (settled === 'pending') return `${sender.underway!.what} is not mined yet`
    if (settled !== undefined) onEvent({ type: 'mined', settled })
    const head = await l1.head()
    if (head.number < sender.minedIn) return `L1 tells of block ${head.number}, and was at ${sender.minedIn}`
    await roster.update(head)
    alarms.set('unjudged', undefined)
    const root = ownRoots(outputs)
    const candidates: Candidate[] = []
    for (const index of roster.next()) {
      const candidate = await visit(index, head, root)
      if (candidate !== undefined) candidates.push(candidate)
    }
    await sendFirst(candidates, sender, ({ index, isMove }, what, hash) => {
      if (isMove) moves++
      onEvent({ type: 'sent', index, what, hash })
    })
    return undefined
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
        games: roster.games,
        lowest: roster.lowest ?? 0n,
        judged: { ...answers.judged },
        lost: answers.lost,
        ...{ moves, waiting },
        alarms: alarms.list,
      }
    },
  }
}
