import type { Hash } from 'viem'
import type { ControlState } from '../fold/state.js'
import type { L1Mark, OperatorList } from '../list/list.js'

/** A block of an operator's own chain, from its log. */
export type OwnBlock = {
  readonly hash: Hash
  /** `term` of its header. */
  readonly view: number
  /** Body, header and what the engine needs to come back to its state are on disk. */
  readonly stored: boolean
  /** Confirmations of its origin in the operator's own L1; `undefined` when that L1 has another block there. */
  readonly originDepth: bigint | undefined
}

/** The chain that ends in an operator's own head. */
export interface OwnChain {
  blockAt(height: bigint): OwnBlock | undefined
}

/**
 * What an operator says in its vote extension: the blocks above the milestone that it has executed and stored, on the
 * path of the term in force, cut at the first whose origin L1 may still take back. Costs at most `window` look-ups and
 * executes nothing, so it can be made inside the time of a consensus step.
 */
export function nameBlocks(
  state: ControlState,
  chain: OwnChain,
  options: { nameDepth: bigint; l1?: L1Mark | undefined },
): OperatorList {
  const { milestone, start, view, height } = state
  const empty: OperatorList = {
    view,
    atHeight: height,
    base: milestone,
    hashes: [],
    ...(options.l1 === undefined ? {} : { l1: options.l1 }),
  }
  if (chain.blockAt(milestone.height)?.hash !== milestone.hash) return empty
  const atStart = chain.blockAt(start.height)
  if (start.height > milestone.height && atStart !== undefined && atStart.hash !== start.hash) return empty
  const hashes: Hash[] = []
  for (let at = milestone.height + 1n; hashes.length < state.parameters.window; at++) {
    const block = chain.blockAt(at)
    if (block === undefined || !block.stored) break
    if (at > start.height && block.view !== view) break
    if (block.originDepth === undefined || block.originDepth < options.nameDepth) break
    hashes.push(block.hash)
  }
  return { ...empty, hashes }
}
