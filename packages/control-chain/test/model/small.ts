import { OrderedMap } from '@l2/common'
import type { Hash } from 'viem'
import type { ControlTransaction } from '../../src/fold/block.js'
import type { LeaderPlan } from '../../src/fold/leaders.js'
import type { ControlState } from '../../src/fold/state.js'
import type { HeaderId, OperatorList } from '../../src/list/list.js'
import { defaultParameters } from '../../src/parameters.js'
import type { Rules } from './schedule.js'

/** A block is the string of its ancestry; in each term every leader signs two siblings everywhere. */
const siblings = ['ab', 'cd', 'ef'] as const
const liar = 3
const hashOf = (chain: string): Hash =>
  `0x${[...chain]
    .map(letter => letter.charCodeAt(0).toString(16))
    .join('')
    .padEnd(64, '0')}`
const blockOf = (chain: string): HeaderId => ({ height: BigInt(chain.length), hash: hashOf(chain) })
const prefixes = (chain: string): string[] => Array.from({ length: chain.length }, (_, i) => chain.slice(0, i + 1))
const plan: LeaderPlan = { slotAt: () => ({ start: 1n, end: 100n, leader: 0 }), fallback: () => 0 }

type Honest = { readonly head: string; readonly view: number; readonly names: readonly string[] | undefined }
type Node = {
  readonly state: ControlState
  readonly honest: readonly Honest[]
  readonly chains: Readonly<Record<string, string>>
  readonly trace: readonly string[]
}
export type SmallResult = {
  readonly states: number
  readonly steps: number
  readonly violations: ReadonlyMap<string, readonly string[]>
}

/**
 * Every interleaving of three honest operators and a liar of equal stake, over so many control blocks: which extensions are ordered, what the liar
 * names, which of two siblings each honest operator executes, and when the term ends.
 */
export function runSmall(rules: Rules, controlBlocks: number, maxHeight: number, terms: number): SmallResult {
  const violations = new Map<string, readonly string[]>()
  const seen = new Set<string>()
  let states = 0
  let steps = 0
  const genesis = blockOf('')
  const first: Node = {
    state: rules.createControlState({
      chainId: 1n,
      genesis,
      members: [0, 1, 2, liar].map(id => ({ id, power: 1n })),
      parameters: defaultParameters,
    }),
    honest: [0, 1, 2].map(() => ({ head: '', view: 0, names: undefined })),
    chains: { [genesis.hash]: '' },
    trace: [],
  }
  const listOf = (state: ControlState, view: number, names: readonly string[]): OperatorList => ({
    view,
    atHeight: state.height,
    base: genesis,
    hashes: names.map(hashOf),
  })

  let level: Node[] = [first]
  for (let depth = 0; depth < controlBlocks; depth++) {
    const next = new Map<string, Node>()
    for (const node of level) {
      states++
      const { state, honest } = node
      const milestone = node.chains[state.milestone.hash]!
      const start = node.chains[state.start.hash]!
      const kids = siblings[state.view] ?? ''
      const used = new Set(honest.flatMap(({ head }) => prefixes(head)))
      for (const chain of [...used, milestone, start, '']) {
        if (chain.length < maxHeight) for (const kid of kids) used.add(chain + kid)
      }
      const chains = { ...node.chains, ...Object.fromEntries([...used].map(chain => [hashOf(chain), chain])) }
      for (const step of interleavings(node, [...used], milestone, terms)) {
        const lists = honest.flatMap(({ names, view }, id) =>
          id === step.left || names === undefined ? [] : [{ operator: id, list: listOf(state, view, names) }],
        )
        if (step.lie !== undefined) {
          lists.push({ operator: liar, list: listOf(state, state.view, step.lie) })
        }
        const transactions: ControlTransaction[] = step.ends
          ? [0, 1, 2].map(operator => ({
              type: 'termVote',
              operator,
              sequence: state.height,
              view: state.view,
              cause: { type: 'silent' },
            }))
          : []
        const applied = rules.applyControlBlock(state, { height: state.height + 1n, lists, transactions }, plan)
        const trace = [...node.trace, describe(step, honest, applied.state, chains)]
        check(applied.state)
        if (depth === controlBlocks - 1) {
          steps++
          continue
        }
        for (const moved of moves(honest, step, state, milestone, start, maxHeight)) {
          steps++
          const order = moved
            .map((one, id) => ({ key: JSON.stringify(one), id }))
            .sort((a, b) => (a.key < b.key ? -1 : 1))
          const named = order.flatMap(({ id }, index) => {
            const list = applied.state.lists.get(id)
            return list === undefined ? [] : [[index, list] as const]
          })
          const lied = applied.state.lists.get(liar)
          const lists = OrderedMap.from([...named, ...(lied === undefined ? [] : [[liar, lied] as const])])
          const canonical: ControlState = {
            ...applied.state,
            lists,
            sequences: OrderedMap.from(),
            listedAtHeight: OrderedMap.from(),
          }
          const heads = order.map(({ id }) => moved[id]!)
          const { view, milestone: settled, start: begun } = canonical
          const key = JSON.stringify([
            view,
            settled.hash,
            begun.hash,
            [...lists].map(([id, list]) => [id, list.view, list.hashes]),
            heads,
          ])
          if (seen.has(key)) continue
          seen.add(key)
          next.set(key, { state: canonical, honest: heads, chains, trace })
        }

        function check(after: ControlState): void {
          const violate = (invariant: string): void => {
            if (!violations.has(invariant)) violations.set(invariant, trace)
          }
          const settled = chains[after.milestone.hash]
          const begun = chains[after.start.hash]
          if (settled === undefined || !settled.startsWith(milestone)) violate('I1')
          else if (settled !== milestone && !settled.startsWith(start) && !start.startsWith(settled)) violate('I8')
          if (!step.ends) return
          if (begun === undefined) violate('I2')
          else if (settled !== undefined && !begun.startsWith(settled)) violate('I1')
        }
      }
    }
    level = [...next.values()]
  }
  return { states, steps, violations }
}

type Step = {
  /** Whose extension the proposer leaves out, -1 for nobody's. */
  readonly left: number
  readonly lie: readonly string[] | undefined
  /** The one left out has not applied the last control block either. */
  readonly lags: boolean
  readonly ends: boolean
}

function* interleavings({ state }: Node, used: readonly string[], milestone: string, terms: number): Iterable<Step> {
  const at = (height: number): string[] => used.filter(chain => chain.length === height)
  const lies: (readonly string[] | undefined)[] = [undefined]
  for (const one of at(1)) {
    lies.push([one])
    for (const two of at(2)) lies.push([one, two])
  }
  if (milestone.length > 0) for (const above of at(milestone.length + 1)) lies.push([...prefixes(milestone), above])
  const distinct = [...new Map(lies.map(lie => [JSON.stringify(lie), lie])).values()]
  for (let left = -1; left < 3; left++) {
    for (const lie of distinct) {
      for (const lags of left === -1 || lie === undefined ? [false] : [false, true]) {
        for (const ends of state.view < terms ? [false, true] : [false]) yield { left, lie, lags, ends }
      }
    }
  }
}

/** What the honest may do next: stay, or execute one of two siblings, with what they knew before this control block. */
function* moves(
  honest: readonly Honest[],
  step: Step,
  state: ControlState,
  milestone: string,
  start: string,
  maxHeight: number,
): Iterable<readonly Honest[]> {
  const isOnTerm = (chain: string): boolean =>
    chain.startsWith(milestone) && (chain.startsWith(start) || start.startsWith(chain))
  const choices = honest.map(({ head: was, view: oldView }, id): Honest[] => {
    const knows = !(step.lags && id === step.left)
    const head = knows && !isOnTerm(was) ? (start.startsWith(milestone) ? start : milestone) : was
    const view = knows ? state.view : oldView
    const heads = [head]
    if ((!knows || head.startsWith(start)) && head.length < maxHeight) {
      for (const kid of siblings[view] ?? '') heads.push(head + kid)
    }
    return heads.map(chain => ({ head: chain, view, names: knows ? prefixes(chain) : undefined }))
  })
  for (const a of choices[0]!) for (const b of choices[1]!) for (const c of choices[2]!) yield [a, b, c]
}

function describe(
  step: Step,
  honest: readonly Honest[],
  after: ControlState,
  chains: Readonly<Record<string, string>>,
): string {
  const named = honest.map(({ names }, id) => (id === step.left || names === undefined ? '-' : (names.at(-1) ?? '·')))
  const lie = step.lie?.join('>') ?? '-'
  const ended = step.ends ? `, term ${after.view} from ${chains[after.start.hash] ?? '?'}` : ''
  return `[${named} liar ${lie}] milestone ${chains[after.milestone.hash] ?? '?'}${ended}`
}
