import { refuse } from './errors.js'

/** What every operator of a chain must have alike: the fold and the votes depend on it. */
export type ControlParameters = {
  /** Hashes that one list names at most. Default 16. */
  window: number
  /** L2 blocks that a leader may be ahead of the settled milestone. Default 32. */
  ahead: number
  /** Control blocks for which a term vote counts. Default 12. */
  voteLifetimeBlocks: number
  /** Control blocks without an ordered list, after which an operator sends its list as a transaction. Default 4. */
  listPatience: number
  /** Control blocks without a milestone, after which operators vote `silent` whatever their own head does. Default 12. */
  stallBlocks: number
  /** The stall vote's patience grows with every failed term, up to here. Default 64. */
  maxStallBlocks: number
}

/** The parameters of docs/protocol.md. */
export const defaultParameters: ControlParameters = {
  window: 16,
  ahead: 32,
  voteLifetimeBlocks: 12,
  listPatience: 4,
  stallBlocks: 12,
  maxStallBlocks: 64,
}

/** @throws ControlChainError `CONFIG_INVALID` */
export function checkParameters(parameters: ControlParameters): ControlParameters {
  for (const [field, value] of Object.entries(parameters)) {
    if (!Number.isInteger(value) || value < 1 || value > 255) {
      refuse('CONFIG_INVALID', `${field} expected 1 … 255, got ${value}`, { field, value })
    }
  }
  if (parameters.maxStallBlocks < parameters.stallBlocks) {
    refuse('CONFIG_INVALID', 'maxStallBlocks expected at least stallBlocks', { ...parameters })
  }
  return parameters
}
