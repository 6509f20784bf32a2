import {
  type CommitteeMember,
  ecdsaAttestation,
  type Member,
  type PostingGenesis,
  type PostingRules,
} from '@l2/control-chain'
import type { RollupConfig } from '@l2/sequencer-core/derivation'
import type { Schedule } from '@l2/staking'
import { slotOf } from '@l2/staking/epoch'
import type { Address } from 'viem'
import { refuse } from '../errors.js'

/** How batches come to L1 where a committee of the operators attests them. */
export type OperatorPosting = {
  /** The `Committee` on L1, which says who posts. */
  readonly committee: Address
  /**
   * `compatible`: who posts is what the system configuration says, and stock nodes follow every batch. `strict`: derivation takes only data that the committee
   * has attested on L1, and no stock node follows.
   */
  readonly mode: 'compatible' | 'strict'
  /** Strict: how many L1 blocks after a statement its data may come. */
  readonly windowBlocks: number
}

/** What is read of an operator's entry in the genesis. */
type PostingOperator = { readonly id: number; readonly header: Address; readonly poster: Address }

/** The members of the committee that L1 is deployed with: every operator that has power, with the key of its headers. */
function genesisCommittee(
  operators: readonly PostingOperator[],
  members: readonly Member[],
): readonly CommitteeMember[] {
  return members.flatMap(({ id, power }): CommitteeMember[] => {
    const key = operators.find(operator => operator.id === id)?.header
    return key === undefined ? [] : [{ id, power, key }]
  })
}

/**
 * Who attests and who posts, as the fold wants it: the same on every operator.
 *
 * @throws OperatorError `HOME_INVALID` where the account that the rollup begins with is nobody's, or data go elsewhere than into calldata
 */
export function postingOf(
  { committee }: OperatorPosting,
  parts: {
    operators: readonly PostingOperator[]
    members: readonly Member[]
    rollup: RollupConfig
    schedule: Schedule
    dataAvailability: string
  },
): { rules: PostingRules; genesis: PostingGenesis } {
  const { operators, members, rollup, schedule, dataAvailability } = parts
  if (dataAvailability !== 'ethereum-calldata') {
    refuse('HOME_INVALID', `a committee attests data of "ethereum-calldata", and the chain has "${dataAvailability}"`)
  }
  const { batcher } = rollup.genesis.systemConfig
  const first = operators.find(({ poster }) => poster === batcher.toLowerCase())
  if (first === undefined)
    refuse('HOME_INVALID', `the rollup begins with the batches of ${batcher}, which is no operator's`)
  const entryOf = (id: number) => operators[id - 1]
  const { firstEpoch } = schedule.options
  return {
    rules: {
      attestation: ecdsaAttestation,
      domain: { l1ChainId: rollup.l1ChainId, committee },
      batchInbox: rollup.batchInbox,
      epochOf: height => slotOf(schedule, height)?.epoch ?? firstEpoch,
      attestationKey: id => entryOf(id)?.header,
      posterAccount: id => entryOf(id)?.poster,
    },
    genesis: {
      committee: genesisCommittee(operators, members),
      poster: first.id,
      epoch: firstEpoch,
      genesisHeight: rollup.genesis.l2.number,
    },
  }
}
