import type { ControlState, HeaderId } from '@l2/control-chain'
import type { NamedChain } from './own-chain.js'

/**
 * The height up to which the own chain is on the path of the term in force: through the milestone and the start, and above the
 * start blocks of the term only. What comes above it goes.
 */
export function heightOnPath(
  state: Pick<ControlState, 'milestone' | 'start' | 'settled' | 'view'>,
  chain: NamedChain,
): bigint {
  const { milestone, start, settled, view } = state
  const has = ({ height, hash }: HeaderId): boolean => chain.blockAt(height)?.hash === hash
  const base =
    start.height >= milestone.height && has(start) ? start.height : has(milestone) ? milestone.height : undefined
  if (base === undefined) {
    // Behind the milestone, or beside it: down to the last block that was settled.
    let height = chain.head < milestone.height ? chain.head : milestone.height
    // What was settled before all that is remembered is L1's to say.
    const oldest = oldestSettled(state)
    while (height > 0n && height >= oldest && settled.get(height) !== chain.blockAt(height)?.hash) height--
    return height
  }
  if (base < start.height) return base
  let height = base
  while (chain.blockAt(height + 1n)?.view === view) height++
  return height
}

/** The oldest settled block that the state remembers: what is below it is known by what L1 gives. */
export function oldestSettled({ settled }: Pick<ControlState, 'settled'>): bigint {
  for (const [height] of settled) return height
  return 0n
}

/** The block that the own chain has to come to before it goes on, where it is not there yet. */
export function missing(state: Pick<ControlState, 'milestone' | 'start'>, chain: NamedChain): HeaderId | undefined {
  const { milestone, start } = state
  const target = start.height > milestone.height ? start : milestone
  return chain.blockAt(target.height)?.hash === target.hash ? undefined : target
}
