import type { Address, Hash } from 'viem'
import { SequencerError } from '../errors.js'
import type { TransactionCondition } from './types.js'

/** The most storage reads that one condition may ask for, as op-geth has it. */
export const maxConditionCost = 1_000

function refuse(message: string, details: Readonly<Record<string, unknown>> = {}): never {
  throw new SequencerError(message, { code: 'TX_CONDITION', details })
}

/**
 * Whether a condition is well-formed: ranges the right way round, and no more than {@link maxConditionCost} reads.
 *
 * @throws SequencerError `TX_CONDITION`
 */
export function checkCondition(condition: TransactionCondition): void {
  const { blockNumberMin, blockNumberMax, timestampMin, timestampMax, knownAccounts } = condition
  if (blockNumberMin !== undefined && blockNumberMax !== undefined && blockNumberMin > blockNumberMax)
    refuse(`invalid block number range: min ${blockNumberMin}, max ${blockNumberMax}`)
  if (timestampMin !== undefined && timestampMax !== undefined && timestampMin > timestampMax)
    refuse(`invalid timestamp range: min ${timestampMin}, max ${timestampMax}`)
  let cost = 0
  for (const known of Object.values(knownAccounts ?? {})) {
    cost += typeof known === 'string' ? 1 : Object.keys(known).length
    if (cost > maxConditionCost) refuse(`conditional cost exceeded the limit of ${maxConditionCost}`)
  }
}

/** Whether block and time are in range: `early` may become true later, `late` never will again. */
export function conditionRange(
  condition: TransactionCondition | undefined,
  blockNumber: bigint,
  timestamp: bigint,
): 'in' | 'early' | 'late' {
  if (condition === undefined) return 'in'
  const { blockNumberMin, blockNumberMax, timestampMin, timestampMax } = condition
  if (blockNumberMax !== undefined && blockNumber > blockNumberMax) return 'late'
  if (timestampMax !== undefined && timestamp > timestampMax) return 'late'
  if (blockNumberMin !== undefined && blockNumber < blockNumberMin) return 'early'
  if (timestampMin !== undefined && timestamp < timestampMin) return 'early'
  return 'in'
}

/** What a known-accounts check reads of a state. */
export type KnownStateReader = {
  storageRoot(address: Address): Promise<Hash>
  storage(address: Address, slot: Hash): Promise<Hash>
}

/**
 * Whether the known accounts of a condition are in the state as the sender knows them. Reads stop at the first difference.
 */
export async function knownAccountsHold(condition: TransactionCondition, state: KnownStateReader): Promise<boolean> {
  for (const [address, known] of Object.entries(condition.knownAccounts ?? {}) as [Address, Hash | object][]) {
    if (typeof known === 'string') {
      if ((await state.storageRoot(address)).toLowerCase() !== known.toLowerCase()) return false
      continue
    }
    for (const [slot, value] of Object.entries(known) as [Hash, Hash][])
      if ((await state.storage(address, slot)).toLowerCase() !== value.toLowerCase()) return false
  }
  return true
}
