import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Address, Hash } from 'viem'
import { SequencerError } from '../errors.js'
import type { PooledTransaction } from '../mempool/types.js'
import type { BlockContext, BlockOrdering, OrderingEvidence, OrderingPolicy, Violation } from './policy.js'
import { violation } from './universal.js'

/** What a block's shuffle is made of: the list was committed to before the seed existed. */
export type ShuffleRound = {
  /** Exactly what the commitment is over, in any order. */
  readonly list: readonly PooledTransaction[]
  /** 32 bytes that nobody could know when the commitment was published: a beacon's output, for example. */
  readonly seed: Hash
}

/** What the judge of {@link seededShuffle} wants to know. */
export type ShuffleEvidence = OrderingEvidence & {
  readonly shuffle?:
    | {
        /** As published before the seed. */
        readonly commitment: Hash
        /** Hashes of the committed list, in any order. */
        readonly list: readonly Hash[]
        readonly seed: Hash
      }
    | undefined
}

/** keccak-256 over the sorted hashes of a list: the same for every order of it. */
export function shuffleCommitment(hashes: readonly Hash[]): Hash {
  return bytesToHex(keccak256(concatBytes(...[...hashes].sort().map(hash => hexToBytes(hash)!))))
}

/**
 * Chooses what a block will hold, before the seed is known: by arrival, as much as surely fits, so that nothing of it has to be left out later.
 */
export function selectForShuffle(block: BlockContext, first: OrderingPolicy, maxBytes: number): PooledTransaction[] {
  const list: PooledTransaction[] = []
  const ordering = first.open(block)
  let gasLeft = block.gasLimit
  let bytesLeft = maxBytes
  for (;;) {
    const step = ordering.next({ nowMs: block.nowMs, gasLeft, bytesLeft })
    if (step.type !== 'take') return list
    for (const entry of step.entries) {
      list.push(entry)
      gasLeft -= entry.transaction.gasLimit
      bytesLeft -= entry.transaction.raw.length
    }
    ordering.settle('included')
  }
}

/**
 * By keccak-256(seed ‖ hash), where a transaction counts with the largest value among itself and its sender's earlier ones: it cannot go before
 * them. What fails takes only later nonces of its sender with it, so the order of what is left needs nothing of what is missing.
 */
function shuffled<Item>(
  items: readonly Item[],
  seed: Hash,
  of: (item: Item) => { hash: Hash; sender: Address; nonce: bigint },
): Item[] {
  const seedBytes = hexToBytes(seed)!
  const latest = new Map<Address, string>()
  return items
    .map(item => ({ item, nonce: of(item).nonce }))
    .sort((a, b) => (a.nonce < b.nonce ? -1 : a.nonce > b.nonce ? 1 : 0))
    .map(({ item, nonce }) => {
      const { hash, sender } = of(item)
      const own: string = bytesToHex(keccak256(concatBytes(seedBytes, hexToBytes(hash)!)))
      const before = latest.get(sender) ?? own
      const rank = own > before ? own : before
      latest.set(sender, rank)
      return { item, nonce, rank }
    })
    .sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : a.nonce < b.nonce ? -1 : 1))
    .map(({ item }) => item)
}

/**
 * Chance decides: the sequencer publishes a commitment to a block's list, a beacon gives a seed afterwards, and the seed gives the order. Whoever
 * wants to be first can only send more transactions, and the committed list shows them. What fails when it is executed leaves its place empty.
 *
 * The judge finds a list other than the committed (`shuffle/commitment`), another order (`shuffle/order`), and what is missing without an excuse
 * (`shuffle/dropped`).
 */
export function seededShuffle(roundAt: (height: bigint) => ShuffleRound | undefined): OrderingPolicy<ShuffleEvidence> {
  return {
    name: 'seeded-shuffle',
    admit: (_, { nowMs }) => ({ readyAtMs: nowMs }),
    open(block): BlockOrdering {
      const round = roundAt(block.height)
      const order = round === undefined ? [] : shuffled(round.list, round.seed, entry => entry.transaction)
      const failed = new Set<Address>()
      let at = 0
      let isTaken = false
      return {
        next() {
          while (at < order.length && failed.has(order[at]!.transaction.sender)) at++
          const entry = order[at]
          if (entry === undefined) return { type: 'done' }
          isTaken = true
          return { type: 'take', entries: [entry], atomic: !entry.mayRevert }
        },
        settle(outcome) {
          if (!isTaken) throw new SequencerError('settle() without a step', { code: 'POLICY_MISUSE' })
          isTaken = false
          if (outcome !== 'included') failed.add(order[at]!.transaction.sender)
          at++
        },
      }
    },
    verify(block, evidence) {
      const { shuffle } = evidence
      if (shuffle === undefined)
        return [violation('shuffle/evidence-missing', undefined, undefined, 'no list and seed')]
      const violations: Violation[] = []
      const computed = shuffleCommitment(shuffle.list)
      if (computed !== shuffle.commitment)
        violations.push(
          violation(
            'shuffle/commitment',
            undefined,
            undefined,
            `the list gives ${computed}, committed was ${shuffle.commitment}`,
          ),
        )
      const list = new Set(shuffle.list)
      const included = new Set(block.transactions.map(transaction => transaction.hash))
      for (const hash of list)
        if (!included.has(hash) && evidence.excused?.has(hash) !== true)
          violations.push(violation('shuffle/dropped', undefined, hash, 'was committed to, and is missing'))
      const expected = shuffled(block.transactions, shuffle.seed, transaction => transaction)
      for (const [index, { hash }] of block.transactions.entries()) {
        if (!list.has(hash)) violations.push(violation('shuffle/commitment', index, hash, 'was not committed to'))
        if (expected[index]!.hash !== hash)
          violations.push(violation('shuffle/order', index, hash, `the seed gives ${expected[index]!.hash} here`))
      }
      return violations
    },
  }
}
