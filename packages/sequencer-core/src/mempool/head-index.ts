import type { Address } from 'viem'
import type { Account, Entry } from './entries.js'
import { KeyedHeap } from './keyed-heap.js'
import { PositionHeap, type Positions } from './position-heap.js'
import type { HeadCursor, HeadOrder, SenderQueue } from './types.js'

/** One sender, as it stood when it last changed. */
type Node = Positions & {
  readonly sender: Address
  readonly entries: readonly Entry[]
  /** The highest base fee at which it is among {@link HeadIndex}'s `in`. */
  readonly edge: bigint
  readonly isIn: boolean
}

/**
 * How an order is kept while the base fee moves. A head is `in` up to the base fee of its edge; the order of those that are in does not depend
 * on the base fee, nor does that of those that are out, so a new base fee moves only who crosses its edge.
 */
type Rule = {
  edgeOf(head: Entry): bigint
  keyOf(head: Entry, isIn: boolean): number
  before(a: Entry, b: Entry, isIn: boolean): boolean
  /** Whether those that are out are walked at all. */
  readonly walksOut: boolean
}

function isEarlier(a: Entry, b: Entry): boolean {
  if (a.arrival !== b.arrival) return a.arrival < b.arrival
  return a.transaction.hash < b.transaction.hash
}

/** By when they may be ordered or came; a head that cannot pay the base fee is out, and nobody asks for it. */
const byTime = (timeOf: (head: Entry) => number): Rule => ({
  edgeOf: head => head.transaction.maxFeePerGas,
  keyOf: timeOf,
  before: isEarlier,
  walksOut: false,
})

const rules: Readonly<Record<HeadOrder, Rule>> = {
  arrival: byTime(head => head.arrival),
  ready: byTime(head => head.readyAtMs),
  // In: the cap leaves room for the whole priority fee, which is the tip. Out: the tip is what the cap leaves, and falls for all of them alike.
  tip: {
    edgeOf: ({ transaction }) => transaction.maxFeePerGas - transaction.maxPriorityFeePerGas,
    keyOf: ({ transaction }, isIn) => -Number(isIn ? transaction.maxPriorityFeePerGas : transaction.maxFeePerGas),
    before(a, b, isIn) {
      const field = isIn ? 'maxPriorityFeePerGas' : 'maxFeePerGas'
      const [x, y] = [a.transaction[field], b.transaction[field]]
      return x === y ? isEarlier(a, b) : x > y
    },
    walksOut: true,
  },
}

/**
 * The first executable transaction of each sender in an order that is kept from block to block: a change costs the logarithm of the number of
 * senders, a new base fee what crosses its edge, and a block what is taken for it.
 */
export class HeadIndex {
  readonly #rule: Rule
  readonly #nodes = new Map<Address, Node>()
  #baseFeePerGas: bigint
  readonly #in: PositionHeap<Node>
  readonly #out: PositionHeap<Node>
  /** Of those that are in the lowest edge on top, of those that are out the highest: who crosses next. */
  readonly #leaving = new PositionHeap<Node>('edgeAt', {
    keyOf: node => Number(node.edge),
    before: (a, b) => a.edge < b.edge,
  })
  readonly #returning = new PositionHeap<Node>('edgeAt', {
    keyOf: node => -Number(node.edge),
    before: (a, b) => a.edge > b.edge,
  })
  /** Walks that are not over: they read the heaps as they are. */
  readonly #open = new Set<object>()

  constructor(order: HeadOrder, accounts: Iterable<Account>, baseFeePerGas: bigint) {
    const rule = rules[order]
    this.#rule = rule
    this.#baseFeePerGas = baseFeePerGas
    const heapOf = (isIn: boolean) =>
      new PositionHeap<Node>('at', {
        keyOf: node => rule.keyOf(node.entries[0]!, isIn),
        before: (a, b) => rule.before(a.entries[0]!, b.entries[0]!, isIn),
      })
    this.#in = heapOf(true)
    this.#out = heapOf(false)
    for (const account of accounts) this.set(account)
  }

  /** Whether a walk would notice a change. */
  get isRead(): boolean {
    return this.#open.size > 0
  }

  get baseFeePerGas(): bigint {
    return this.#baseFeePerGas
  }

  /** What an account has now. */
  set({ address, entries, executable }: Account): void {
    this.delete(address)
    const head = entries[0]
    if (executable === 0 || head === undefined) return
    this.#enter(address, entries.slice(0, executable), this.#rule.edgeOf(head))
  }

  delete(address: Address): void {
    const node = this.#nodes.get(address)
    if (node === undefined) return
    this.#nodes.delete(address)
    this.#leave(node)
  }

  setBaseFee(baseFeePerGas: bigint): void {
    this.#baseFeePerGas = baseFeePerGas
    const cross = (node: Node): void => {
      this.#leave(node)
      this.#enter(node.sender, node.entries, node.edge)
    }
    const [leaving, returning] = [this.#leaving, this.#returning]
    for (let node = leaving.top; node && node.edge < baseFeePerGas; node = leaving.top) cross(node)
    for (let node = returning.top; node && node.edge >= baseFeePerGas; node = returning.top) cross(node)
  }

  #enter(sender: Address, entries: readonly Entry[], edge: bigint): void {
    const isIn = edge >= this.#baseFeePerGas
    const node: Node = { sender, entries, edge, isIn, at: 0, edgeAt: 0 }
    this.#nodes.set(sender, node)
    if (isIn || this.#rule.walksOut) (isIn ? this.#in : this.#out).push(node)
    ;(isIn ? this.#leaving : this.#returning).push(node)
  }

  #leave(node: Node): void {
    if (node.isIn || this.#rule.walksOut) (node.isIn ? this.#in : this.#out).remove(node)
    ;(node.isIn ? this.#leaving : this.#returning).remove(node)
  }

  /** Walks the heads as they are now, best first; until it is closed nothing may change. */
  walk(): HeadCursor {
    const walk = {}
    this.#open.add(walk)
    const close = (): void => {
      this.#open.delete(walk)
    }
    const baseFeePerGas = this.#baseFeePerGas
    const [first, second] = [walkOf(this.#in, this.#rule, true), walkOf(this.#out, this.#rule, false)]
    const tipOf = ({ transaction }: Entry, isIn: boolean): bigint =>
      isIn ? transaction.maxPriorityFeePerGas : transaction.maxFeePerGas - baseFeePerGas
    return {
      next: (): SenderQueue | undefined => {
        if (!this.#open.has(walk)) return undefined
        const [a, b] = [first.peek(), second.peek()]
        let isIn = a !== undefined
        if (a !== undefined && b !== undefined) {
          const [x, y] = [tipOf(a.entries[0]!, true), tipOf(b.entries[0]!, false)]
          isIn = x === y ? isEarlier(a.entries[0]!, b.entries[0]!) : x > y
        }
        // Of those that are out the first has the highest cap: when it does not pay the base fee, none does.
        if (!isIn && (b === undefined || b.entries[0]!.transaction.maxFeePerGas < baseFeePerGas)) return undefined
        return (isIn ? first : second).pop()
      },
      queueOf: sender => (this.#open.has(walk) ? this.#nodes.get(sender)?.entries : undefined),
      close,
    }
  }
}

/** A heap from the top down without changing it: what may be next are the children of what was given. */
function walkOf({ items, keys }: PositionHeap<Node>, rule: Rule, isIn: boolean) {
  const headAt = (at: number): Entry => items[at]!.entries[0]!
  const next = new KeyedHeap<number>((a, b) => rule.before(headAt(a), headAt(b), isIn))
  const show = (at: number): void => {
    const key = keys[at]
    if (key !== undefined) next.push(at, key)
  }
  show(0)
  return {
    peek(): Node | undefined {
      const at = next.peek()
      return at === undefined ? undefined : items[at]
    },
    pop(): Node | undefined {
      const at = next.pop()
      if (at === undefined) return undefined
      show(2 * at + 1)
      show(2 * at + 2)
      return items[at]
    },
  }
}
