import { isL2Error } from '@l2/common'
import { type BatcherTurn, createSystemConfigTurn } from '@l2/sequencer-core/batcher'
import type { RollupConfig } from '@l2/sequencer-core/derivation'
import type { Address } from 'viem'
import { rpcCall } from '../rpc/client.js'
import type { Verifier } from '../verifier/verifier.js'

/** Options of {@link createPosterTurn}. */
export type PosterTurnOptions = {
  l1Url: string
  rollup: Pick<RollupConfig, 'systemConfigContract'>
  /** Who posts. */
  account: Address
  /** L1 blocks after which a turn that begins is taken up. Default 0. */
  confirmations?: bigint | undefined
}

/** From a question to its answer. */
const timeoutMs = 5000

/**
 * Whether batches of this node count, by the SystemConfig on L1 and by what the verifier has derived. While L1 does not answer, by what it said last: nothing reaches
 * it then, and a router goes on elsewhere.
 */
export function createPosterTurn(options: PosterTurnOptions, verifier: Pick<Verifier, 'status'>): BatcherTurn {
  const { l1Url, rollup, account, confirmations } = options
  const turn = createSystemConfigTurn(
    { account, systemConfig: rollup.systemConfigContract, confirmations },
    {
      client: { request: ({ method, params }) => rpcCall(l1Url, method, params, AbortSignal.timeout(timeoutMs)) },
      derived: () => {
        const { after, systemConfig } = verifier.status.checkpoint.warm
        return { l1Number: after.number, batcher: systemConfig.batcher }
      },
    },
  )
  let last: boolean | undefined
  return {
    async isOurs(callOptions) {
      try {
        last = await turn.isOurs(callOptions)
        return last
      } catch (error) {
        const isSilent = isL2Error(error) && isL2Error(error.cause, 'RPC_FAILED')
        if (isSilent && last !== undefined) return last
        throw error
      }
    },
  }
}
