import type { Hash } from 'viem'
import { SequencerError } from '../errors.js'
import { Heap } from '../mempool/heap.js'
import type { AccessSet } from './access.js'

/** A transaction in the graph. */
export type ConflictNode = {
  readonly hash: Hash
  readonly gas: bigint
  /** Earlier transactions whose writes it reads, ascending. */
  readonly after: readonly number[]
}

/** Which transactions of an ordered list have to wait for which. */
export type ConflictGraph = { readonly nodes: readonly ConflictNode[] }

/**
 * The true dependencies of an order: i → j where j reads what i was the last to write before it. Writes after writes and writes after reads are
 * none, because an executor keeps versions (Block-STM).
 *
 * @example
 * ```ts
 * import { buildConflictGraph, criticalPath, scheduleLanes } from '@l2/sequencer-core/access'
 *
 * const touch = (n: number, name: string) => ({ hash: `0x${n}` as const, gas: 100n, reads: new Set([name]), writes: new Set([name]) })
 * const graph = buildConflictGraph([touch(0, 'a'), touch(1, 'b'), touch(2, 'a'), touch(3, 'c')])
 * console.log(criticalPath(graph)) // { path: [ 0, 2 ], gas: 200n, totalGas: 400n }
 * console.log(scheduleLanes(graph, 2).makespanGas) // 200n
 * ```
 */
export function buildConflictGraph(sets: readonly AccessSet[]): ConflictGraph {
  const lastWriter = new Map<string, number>()
  const nodes = sets.map(({ hash, gas, reads, writes }, index): ConflictNode => {
    const after = new Set<number>()
    for (const name of reads) {
      const writer = lastWriter.get(name)
      if (writer !== undefined) after.add(writer)
    }
    for (const name of writes) lastWriter.set(name, index)
    return { hash, gas, after: [...after].sort((a, b) => a - b) }
  })
  return { nodes }
}

/** The longest chain by gas: no number of workers is faster than it. */
export type CriticalPath = {
  /** Indices, in order. */
  readonly path: readonly number[]
  readonly gas: bigint
  /** Of all transactions; `totalGas / gas` is the most that parallel execution can gain. */
  readonly totalGas: bigint
}

/** Finds the gas-weighted critical path, in linear time. */
export function criticalPath({ nodes }: ConflictGraph): CriticalPath {
  const finish: bigint[] = []
  const from: (number | undefined)[] = []
  let end: number | undefined
  let totalGas = 0n
  for (const [index, { gas, after }] of nodes.entries()) {
    let best: number | undefined
    for (const before of after) if (best === undefined || finish[before]! > finish[best]!) best = before
    finish.push((best === undefined ? 0n : finish[best]!) + gas)
    from.push(best)
    totalGas += gas
    if (end === undefined || finish[index]! > finish[end]!) end = index
  }
  const path: number[] = []
  for (let at = end; at !== undefined; at = from[at]) path.unshift(at)
  return { path, gas: end === undefined ? 0n : finish[end]!, totalGas }
}

/** Who executes what, and when. */
export type LaneSchedule = {
  /** Indices of transactions for each worker, in the order in which it executes them. */
  readonly lanes: readonly (readonly number[])[]
  /** When each transaction may begin, in gas from the block's beginning. */
  readonly startGas: readonly bigint[]
  /** When the last one ends. Between the critical path and `totalGas`; at most `totalGas / k + critical` (Graham). */
  readonly makespanGas: bigint
}

/**
 * Spreads an order over k workers: whenever one is free, it takes the ready transaction with the longest chain behind it. Deterministic.
 *
 * @throws SequencerError `ACCESS_INVALID` for a number of workers that is none
 */
export function scheduleLanes({ nodes }: ConflictGraph, workers: number): LaneSchedule {
  if (!Number.isInteger(workers) || workers < 1)
    throw new SequencerError(`${workers} workers`, { code: 'ACCESS_INVALID' })
  const behind = nodes.map(node => node.gas)
  const followers: number[][] = nodes.map(() => [])
  for (let index = nodes.length - 1; index >= 0; index--)
    for (const before of nodes[index]!.after) {
      followers[before]!.push(index)
      const through = nodes[before]!.gas + behind[index]!
      if (through > behind[before]!) behind[before] = through
    }
  const missing = nodes.map(node => node.after.length)
  const readyAt = nodes.map(() => 0n)
  /** Ready later than the next worker is free, and ready by then. That time never goes back, so nothing returns from one to the other. */
  const later = new Heap<number>((a, b) => readyAt[a]! < readyAt[b]! || (readyAt[a] === readyAt[b] && isLonger(a, b)))
  const ready = new Heap<number>(
    isLonger,
    nodes.flatMap((_, index) => (missing[index] === 0 ? [index] : [])),
  )
  const lanes: number[][] = Array.from({ length: workers }, () => [])
  const free = new Array<bigint>(workers).fill(0n)
  const startGas = new Array<bigint>(nodes.length).fill(0n)
  let makespanGas = 0n
  while (ready.size > 0 || later.size > 0) {
    let lane = 0
    for (let i = 1; i < workers; i++) if (free[i]! < free[lane]!) lane = i
    while (later.size > 0 && readyAt[later.peek()!]! <= free[lane]!) ready.push(later.pop()!)
    const index = (ready.pop() ?? later.pop())!
    const start = free[lane]! > readyAt[index]! ? free[lane]! : readyAt[index]!
    const end = start + nodes[index]!.gas
    startGas[index] = start
    free[lane] = end
    lanes[lane]!.push(index)
    if (end > makespanGas) makespanGas = end
    for (const follower of followers[index]!) {
      if (end > readyAt[follower]!) readyAt[follower] = end
      if (--missing[follower]! === 0) later.push(follower)
    }
  }
  return { lanes, startGas, makespanGas }

  function isLonger(a: number, b: number): boolean {
    return behind[a] === behind[b] ? a < b : behind[a]! > behind[b]!
  }
}

/** A location that many want. */
export type HotSlot = {
  readonly name: string
  readonly readers: number
  readonly writers: number
  readonly gas: bigint
}

/** The locations that the most gas depends on: those with a writer and another user, by the gas of all who use them. */
export function hotSlots(sets: readonly AccessSet[], limit = 20): HotSlot[] {
  const slots = new Map<string, { name: string; readers: number; writers: number; users: number; gas: bigint }>()
  for (const { reads, writes, gas } of sets) {
    for (const name of new Set([...reads, ...writes])) {
      const slot = slots.get(name) ?? { name, readers: 0, writers: 0, users: 0, gas: 0n }
      slot.users++
      slot.gas += gas
      if (reads.has(name)) slot.readers++
      if (writes.has(name)) slot.writers++
      slots.set(name, slot)
    }
  }
  return [...slots.values()]
    .filter(slot => slot.writers > 0 && slot.users > 1)
    .sort((a, b) => (a.gas !== b.gas ? (a.gas > b.gas ? -1 : 1) : a.name < b.name ? -1 : 1))
    .slice(0, limit)
    .map(({ name, readers, writers, gas }) => ({ name, readers, writers, gas }))
}

/**
 * Reorders neighbours that the policy holds for equal so that less waits for less: inside each run of equal `groups` whose transactions share no
 * sender with one another, those with the longest chains of conflict in the run come first. What the policy distinguishes keeps its place.
 *
 * @param groups one for each transaction, non-decreasing in the policy's order: equal tips, or one window of arrival
 * @returns the new order as indices into `sets`
 */
export function conflictAwareOrder(
  sets: readonly AccessSet[],
  groups: readonly (string | number | bigint)[],
  senders: readonly string[],
): number[] {
  if (groups.length !== sets.length || senders.length !== sets.length)
    throw new SequencerError(`${groups.length} groups and ${senders.length} senders for ${sets.length} transactions`, {
      code: 'ACCESS_INVALID',
    })
  const order: number[] = []
  for (let from = 0; from < sets.length; ) {
    let to = from
    const seen = new Set<string>()
    while (to < sets.length && groups[to] === groups[from] && !seen.has(senders[to]!)) seen.add(senders[to++]!)
    const run = Array.from({ length: to - from }, (_, i) => from + i)
    // What a transaction's locations are asked for in this run: the most wanted go first, so that their chain begins at once.
    const demand = new Map<string, bigint>()
    for (const index of run)
      for (const name of sets[index]!.writes) demand.set(name, (demand.get(name) ?? 0n) + sets[index]!.gas)
    const weight = new Map(
      run.map(index => {
        let most = 0n
        for (const name of sets[index]!.writes) if (demand.get(name)! > most) most = demand.get(name)!
        return [index, most]
      }),
    )
    run.sort((a, b) => (weight.get(a)! !== weight.get(b)! ? (weight.get(a)! > weight.get(b)! ? -1 : 1) : a - b))
    order.push(...run)
    from = to
  }
  const reordered = criticalPath(buildConflictGraph(order.map(index => sets[index]!)))
  // A heuristic may lose: then the order stays as it was.
  return reordered.gas <= criticalPath(buildConflictGraph(sets)).gas ? order : sets.map((_, index) => index)
}

/** The graph and what follows from it as plain JSON data: integers as decimal strings. */
export function toConflictJson(sets: readonly AccessSet[], workers: number): Record<string, unknown> {
  const graph = buildConflictGraph(sets)
  const { path, gas, totalGas } = criticalPath(graph)
  const { lanes, makespanGas } = scheduleLanes(graph, workers)
  return {
    transactions: graph.nodes.map(({ hash, gas, after }) => ({ hash, gas: gas.toString(), after })),
    criticalPath: { path, gas: gas.toString(), totalGas: totalGas.toString() },
    schedule: { workers, lanes, makespanGas: makespanGas.toString() },
    hotSlots: hotSlots(sets).map(slot => ({ ...slot, gas: slot.gas.toString() })),
  }
}
