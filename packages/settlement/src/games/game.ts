import { type Address, encodeFunctionData, type Hash, type Hex } from 'viem'
import type { L1BlockSummary, L1Reader } from '../l1/reader.js'
import type { L1Call } from '../l1/sender.js'
import { faultDisputeGameAbi } from './abi.js'
import type { GamePosition } from './position.js'

/** How a game stands, in the contract's order. */
export const gameStatuses = ['in-progress', 'challenger-wins', 'defender-wins'] as const
export type GameStatus = (typeof gameStatuses)[number]

/** What of a game never changes. */
export type GameFacts = {
  readonly index: bigint
  readonly game: Address
  /** The output root that it claims … */
  readonly rootClaim: Hash
  /** … of this L2 block. */
  readonly number: bigint
  /** From where the two sides agree. */
  readonly startingNumber: bigint
  /** What L1 had when the game began, and the claim is judged by. */
  readonly l1Head: { readonly number: bigint; readonly hash: Hash }
  /** Levels of claims of output roots; below them claims are of a machine's states. */
  readonly splitDepth: number
  readonly maxClockSeconds: bigint
  readonly weth: Address
}

/** A claim of a game. */
export type Claim = {
  /** `undefined`: the root. */
  readonly parent: number | undefined
  readonly claimant: Address
  readonly value: Hash
  readonly position: GamePosition
  /** What its side had used up when it was made; seconds. */
  readonly usedSeconds: bigint
  /** Of L1, seconds. */
  readonly madeAtSeconds: bigint
}

/** A game at one L1 block. */
export type GameState = {
  readonly status: GameStatus
  readonly claims: readonly Claim[]
  /** Whether it was shown that the root is of a block with another number. */
  readonly numberChallenged: boolean
}

const contractOf = (game: Address) => ({ address: game, abi: faultDisputeGameAbi }) as const

/** @returns `undefined` where L1 has not the block that the game began upon, which a reorg may cause between two answers */
export async function readFacts(
  l1: L1Reader,
  index: bigint,
  game: Address,
  at: L1BlockSummary,
): Promise<GameFacts | undefined> {
  const contract = contractOf(game)
  const [rootClaim, number, startingNumber, hash, splitDepth, maxClockSeconds, weth] = await Promise.all([
    l1.call(contract, 'rootClaim', [], at),
    l1.call(contract, 'l2BlockNumber', [], at),
    l1.call(contract, 'startingBlockNumber', [], at),
    l1.call(contract, 'l1Head', [], at),
    l1.call(contract, 'splitDepth', [], at),
    l1.call(contract, 'maxClockDuration', [], at),
    l1.call(contract, 'weth', [], at),
  ])
  const l1Head = await l1.block(hash)
  if (l1Head === undefined) return undefined
  return {
    ...{ index, game, rootClaim, number, startingNumber, maxClockSeconds, weth },
    splitDepth: Number(splitDepth),
    l1Head: { number: l1Head.number, hash },
  }
}

/** Claims that are read side by side. */
const claimsWindow = 32

/** @returns `too-many` for a game with more claims than are to be read */
export async function readState(
  l1: L1Reader,
  game: Address,
  at: L1BlockSummary,
  maxClaims: number,
): Promise<GameState | 'too-many'> {
  const contract = contractOf(game)
  const [status, numberChallenged, count] = await Promise.all([
    l1.call(contract, 'status', [], at),
    l1.call(contract, 'l2BlockNumberChallenged', [], at),
    l1.call(contract, 'claimDataLen', [], at),
  ])
  const name = gameStatuses[status] ?? 'in-progress'
  // Once it is decided nothing is asked of its claims.
  if (name !== 'in-progress') return { status: name, claims: [], numberChallenged }
  if (count > BigInt(maxClaims)) return 'too-many'
  const claims: Claim[] = []
  while (claims.length < Number(count)) {
    const size = Math.min(claimsWindow, Number(count) - claims.length)
    const indices = Array.from({ length: size }, (_, offset) => BigInt(claims.length + offset))
    const read = await Promise.all(indices.map(index => l1.call(contract, 'claimData', [index], at)))
    for (const [parentIndex, , claimant, , value, position, clock] of read) {
      claims.push({
        parent: parentIndex === 0xffff_ffff ? undefined : parentIndex,
        ...{ claimant, value, position },
        usedSeconds: clock >> 64n,
        madeAtSeconds: clock & (2n ** 64n - 1n),
      })
    }
  }
  return { status: name, claims, numberChallenged }
}

/** The transactions of a game. */
export const gameCalls = {
  move: (
    game: Address,
    move: { isAttack: boolean; disputed: Hash; parent: number; value: Hash },
    bondWei: bigint,
  ): L1Call =>
    call(
      game,
      `the ${move.isAttack ? 'attack on' : 'defence of'} claim ${move.parent} in game ${game}`,
      encodeFunctionData({
        abi: faultDisputeGameAbi,
        functionName: move.isAttack ? 'attack' : 'defend',
        args: [move.disputed, BigInt(move.parent), move.value],
      }),
      bondWei,
    ),
  challengeNumber: (
    game: Address,
    proof: { version: Hash; stateRoot: Hash; messagePasserStorageRoot: Hash; latestBlockhash: Hash },
    header: Hex,
  ): L1Call =>
    call(
      game,
      `the proof that game ${game} claims a wrong block number`,
      encodeFunctionData({ abi: faultDisputeGameAbi, functionName: 'challengeRootL2Block', args: [proof, header] }),
    ),
  resolveClaim: (game: Address, claim: number, children: bigint): L1Call =>
    call(
      game,
      `the resolution of claim ${claim} in game ${game}`,
      encodeFunctionData({ abi: faultDisputeGameAbi, functionName: 'resolveClaim', args: [BigInt(claim), children] }),
    ),
  resolve: (game: Address): L1Call =>
    call(
      game,
      `the resolution of game ${game}`,
      encodeFunctionData({ abi: faultDisputeGameAbi, functionName: 'resolve' }),
    ),
  claimCredit: (game: Address, recipient: Address): L1Call =>
    call(
      game,
      `the credit of game ${game}`,
      encodeFunctionData({ abi: faultDisputeGameAbi, functionName: 'claimCredit', args: [recipient] }),
    ),
} as const

function call(to: Address, what: string, data: Hex, valueWei = 0n): L1Call {
  return { to, what, data, valueWei, abi: faultDisputeGameAbi }
}
