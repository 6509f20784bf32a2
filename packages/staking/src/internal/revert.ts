import { StakingError } from '../errors.js'

/** What a Metis contract answers: its custom error with brackets, or its string, misspellings kept. */
export function metisRevert(reason: string): never {
  throw new StakingError(`the contract reverts: ${reason}`, { code: 'METIS_REVERT', details: { revert: reason } })
}

export function metisRequire(condition: boolean, reason: string): asserts condition {
  if (!condition) metisRevert(reason)
}
