import { isL2Error } from '@l2/common'
import type { Address, Hex } from 'viem'
import { SequencerError } from '../errors.js'

/** Who may post, where posters take turns: derivation passes over everybody else's batches, and their fees are lost. */
export interface BatcherTurn {
  /** Whether what the batcher posts now counts. Asked in every round and before every submission; while it rejects, nothing is posted. */
  isOurs(options?: { signal?: AbortSignal | undefined }): Promise<boolean>
}

/** Options of {@link createSystemConfigTurn}. */
export type SystemConfigTurnOptions = {
  /** Who posts. */
  readonly account: Address
  /** The rollup's SystemConfig on L1. */
  readonly systemConfig: Address
  /**
   * L1 blocks for which the turn must have stood before it is taken up, so that a reorg that takes the rotation back finds nothing paid. It is given up at once.
   * Default 0.
   */
  readonly confirmations?: bigint | undefined
}

/** What {@link createSystemConfigTurn} asks. */
export type SystemConfigTurnDependencies = {
  /** L1. */
  readonly client: { request(args: { method: string; params: readonly unknown[] }): Promise<unknown> }
  /**
   * The batcher of our own derivation, behind an L1 block. At the height that both have read it must be the contract's; where there is no contract, it is
   * what counts.
   */
  readonly derived?: (() => { readonly l1Number: bigint; readonly batcher: Address }) | undefined
}

/** Of `batcherHash()`. */
const batcherHashSelector: Hex = '0xe81b2c6d'

/**
 * The turn as the rollup's SystemConfig on L1 says it: `batcherHash` is the account. Source: op-node, `L1Traversal` and `DataFromEVMTransactions`: the
 * rotations of an L1 block hold for all of its transactions, those before them as well.
 *
 * Calls reject with `BATCHER_TURN_UNKNOWN`, to be tried again: L1 does not answer, or the contract and our derivation differ.
 *
 * @example
 * ```ts
 * import { createSystemConfigTurn } from '@l2/sequencer-core/batcher'
 *
 * const account = `0x${'ab'.repeat(20)}` as const
 * const client = {
 *   request: async ({ method }: { method: string }) => (method === 'eth_blockNumber' ? '0x10' : `0x${'00'.repeat(12)}${'ab'.repeat(20)}`),
 * }
 * const turn = createSystemConfigTurn({ account, systemConfig: `0x${'c1'.repeat(20)}` }, { client })
 * console.log(await turn.isOurs()) // true
 * ```
 */
export function createSystemConfigTurn(
  options: SystemConfigTurnOptions,
  { client, derived }: SystemConfigTurnDependencies,
): BatcherTurn {
  const { account, systemConfig, confirmations = 0n } = options
  const ours = account.toLowerCase()
  const unknown = (message: string, details: Record<string, unknown>, cause?: unknown): SequencerError =>
    new SequencerError(message, { code: 'BATCHER_TURN_UNKNOWN', recovery: 'retry', details, cause })
  const ask = async (method: string, params: readonly unknown[]): Promise<Hex> => {
    const answer = await client.request({ method, params })
    if (typeof answer === 'string' && /^0x[0-9a-f]*$/i.test(answer)) return answer.toLowerCase() as Hex
    throw unknown(`L1 answers ${method} with no hex string`, { method })
  }
  /** Of a block; `undefined`: there is no contract. A hash that is no address is nobody's turn. */
  const batcherAt = async (number: bigint): Promise<Hex | undefined> => {
    const call = { to: systemConfig, data: batcherHashSelector }
    const word = await ask('eth_call', [call, `0x${number.toString(16)}`])
    if (word === '0x') return undefined
    if (word.length !== 66) throw unknown('the SystemConfig has no batcherHash', { systemConfig, word })
    return /^0x0{24}/.test(word) ? `0x${word.slice(26)}` : word
  }
  const isOurs = async (): Promise<boolean> => {
    const head = BigInt(await ask('eth_blockNumber', []))
    const now = await batcherAt(head)
    const known = derived?.()
    if (now === undefined) {
      if (known === undefined) throw unknown(`there is no contract at ${systemConfig}`, { systemConfig })
      return known.batcher.toLowerCase() === ours
    }
    if (known?.l1Number === head && known.batcher.toLowerCase() !== now) {
      const details = { l1Number: head, contract: now, derived: known.batcher }
      throw unknown(
        `at L1 block ${head} the SystemConfig says that ${now} posts, and derivation ${known.batcher}`,
        details,
      )
    }
    if (now !== ours || confirmations === 0n) return now === ours
    return (await batcherAt(head > confirmations ? head - confirmations : 0n)) === ours
  }
  return {
    async isOurs({ signal } = {}) {
      signal?.throwIfAborted()
      try {
        return await isOurs()
      } catch (error) {
        if (isL2Error(error, 'BATCHER_TURN_UNKNOWN')) throw error
        throw unknown('L1 does not say who posts', { systemConfig }, error)
      }
    },
  }
}
