import type { Address, Hash } from 'viem'
import { disputeGameFactoryAbi, faultDisputeGameAbi } from '../games/abi.js'
import type { L1BlockSummary, L1Reader } from '../l1/reader.js'

/** A proposal, as the factory has it. */
export type Proposal = {
  /** In the factory. */
  readonly index: bigint
  readonly game: Address
  readonly number: bigint
  readonly root: Hash
  /** Of L1, seconds. */
  readonly createdAtSeconds: bigint
}

/** Games that are read side by side, and in one round at most: of strangers there may be many. */
const windowGames = 32n
const maxGamesRound = 1024n

/** Whose games are looked for, where, and how far back by L1's time. */
export type OwnGamesOptions = {
  readonly factory: Address
  readonly gameType: number
  readonly creator: Address
  readonly intervalSeconds: bigint
}

/** The games of one account in a factory, of which only the newest matters. */
export type OwnGames = {
  readonly last: Proposal | undefined
  /** Looks for the newest since an interval ago; `false` while there are more games to be read. */
  find(head: L1BlockSummary): Promise<boolean>
}

/** Finds the games of an account in the factory, from the newest down, over as many rounds as it takes. */
export function createOwnGames(
  options: OwnGamesOptions,
  { l1, onFound }: { readonly l1: L1Reader; onFound(proposal: Proposal): void },
): OwnGames {
  const { gameType, creator, intervalSeconds } = options
  const factory = { address: options.factory, abi: disputeGameFactoryAbi } as const
  let last: Proposal | undefined
  /** Games below this index are looked through, down to what the interval asks for. */
  let seen = 0n
  /** Where looking through stands: downwards from here. */
  let cursor: { next: bigint; until: bigint } | undefined

  const ownGame = async (
    index: bigint,
    since: bigint,
    head: L1BlockSummary,
  ): Promise<Proposal | 'older' | undefined> => {
    const [type, createdAtSeconds, proxy] = await l1.call(factory, 'gameAtIndex', [index], head)
    if (createdAtSeconds < since) return 'older'
    if (type !== gameType) return undefined
    const game = { address: proxy, abi: faultDisputeGameAbi } as const
    if ((await l1.call(game, 'gameCreator', [], head)).toLowerCase() !== creator.toLowerCase()) return undefined
    const number = await l1.call(game, 'l2BlockNumber', [], head)
    const root = await l1.call(game, 'rootClaim', [], head)
    return { index, game: proxy, number, root, createdAtSeconds }
  }

  return {
    get last() {
      return last
    },
    async find(head) {
      const count = await l1.call(factory, 'gameCount', [], head)
      if (last !== undefined) {
        const [, , game] = last.index < count ? await l1.call(factory, 'gameAtIndex', [last.index], head) : []
        // L1 has taken it back.
        if (game !== last.game) last = undefined
      }
      if (count < seen || last === undefined) seen = 0n
      if (cursor === undefined || cursor.next >= count) cursor = { next: count - 1n, until: seen }
      const since = head.timestamp - intervalSeconds
      let left = maxGamesRound
      while (cursor.next >= cursor.until) {
        if (left <= 0n) return false
        const size = cursor.next - cursor.until + 1n
        const indices = Array.from(
          { length: Number(size < windowGames ? size : windowGames) },
          (_, at) => cursor!.next - BigInt(at),
        )
        left -= BigInt(indices.length)
        const found = await Promise.all(indices.map(index => ownGame(index, since, head)))
        const own = found.find(game => typeof game === 'object')
        if (own !== undefined && (last === undefined || own.index > last.index)) {
          last = own
          onFound(own)
        }
        cursor.next -= BigInt(indices.length)
        // Games stand in the order of their time.
        if (own !== undefined || found.includes('older')) break
      }
      seen = count
      cursor = undefined
      return true
    },
  }
}
