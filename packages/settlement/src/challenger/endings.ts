import type { Address } from 'viem'
import { delayedWethAbi, faultDisputeGameAbi } from '../games/abi.js'
import { type GameFacts, type GameState, gameCalls } from '../games/game.js'
import type { L1BlockSummary, L1Reader } from '../l1/reader.js'
import { type Candidate, neverDue } from './submissions.js'

/** Claims below one that are resolved in one transaction: the contract's loop costs some 10,000 gas each. */
const resolvedAtOnce = 512n

/**
 * The next step to the decision of a game.
 *
 * @param ripe claims whose clocks have run out, children before their parents
 * @returns `undefined` while clocks run
 */
export async function resolution(
  l1: L1Reader,
  { game, index }: GameFacts,
  { claims }: GameState,
  ripe: readonly number[],
  head: L1BlockSummary,
): Promise<Candidate | undefined> {
  const contract = { address: game, abi: faultDisputeGameAbi } as const
  const due = { index, dueSeconds: neverDue, isMove: false }
  for (const claim of ripe) {
    if (await l1.call(contract, 'resolvedSubgames', [BigInt(claim)], head)) continue
    const children = claims.filter(({ parent }) => parent === claim).length
    const atOnce = children > Number(resolvedAtOnce) ? resolvedAtOnce : 0n
    return { ...due, call: async () => gameCalls.resolveClaim(game, claim, atOnce) }
  }
  return ripe.includes(0) ? { ...due, call: async () => gameCalls.resolve(game) } : undefined
}

/**
 * The bonds that a decided game owes to an account.
 *
 * @returns `nothing` where it owes none; `undefined` while they are locked
 */
export async function payout(
  l1: L1Reader,
  { game, index, weth: wethAddress }: GameFacts,
  recipient: Address,
  head: L1BlockSummary,
): Promise<Candidate | 'nothing' | undefined> {
  const contract = { address: game, abi: faultDisputeGameAbi } as const
  if ((await l1.call(contract, 'credit', [recipient], head)) === 0n) return 'nothing'
  const weth = { address: wethAddress, abi: delayedWethAbi } as const
  const [, unlockedAt] = await l1.call(weth, 'withdrawals', [game, recipient], head)
  if (head.timestamp < unlockedAt + (await l1.call(weth, 'delay', [], head))) return undefined
  const call = async () => gameCalls.claimCredit(game, recipient)
  return { index, dueSeconds: neverDue, isMove: false, call }
}
